"""Which conditions a step has, and from where (BR-WF-053)."""

from typing import Any

import pytest

from tests.unit.core.world import spec, step
from wfexec.core.embedded import EMBEDDED
from wfexec.core.expressions import Program, compile_expression
from wfexec.core.policies import effective_conditions, vetted
from wfexec.core.registry import find_action
from wfexec.crd.policies import parse_policies
from wfexec.model.bearings import NO_BEARINGS, Bearings
from wfexec.settings import DEFAULTS, Settings

OFF = Settings(embedded_conditions=False)
REGISTRY = NO_BEARINGS._replace(
    policies=vetted(
        parse_policies({"scale_deployment": "pre: [{type: theirs, expr: 'true'}]", "restart-pod": ""}, "v4")
    )
)


def of(
    given: dict[str, Any], bearings: Bearings = NO_BEARINGS, settings: Settings = DEFAULTS, **more: Any
) -> tuple[list[str], list[str], str]:
    """Types of the pre- and postconditions of a workflow's one step, with `!` where required, and the version."""
    made = spec(given, **more)
    assert made.workflow_definition is not None
    found = effective_conditions(made.workflow_definition.steps[0], made, bearings, settings)
    sides = [[one.type + "!" * one.required for one in side] for side in (found.pre, found.post)]
    return sides[0], sides[1], found.version


def test_where_nobody_laid_down_others_the_embedded_ones_hold() -> None:
    pre, post, version = of(step(1))
    assert (pre, version) == (["deployment_exists!"], "embedded")
    assert post == ["desired_replicas_running!", "deployment_health_check!"]
    assert of(step(1), settings=OFF) == ([], [], "")


def test_the_registry_takes_their_place_whole_and_an_empty_entry_too() -> None:
    assert of(step(1), REGISTRY) == (["theirs!"], [], "v4")
    assert of(step(1, action="restart-pod"), REGISTRY) == ([], [], "v4")
    assert of(step(1, action="restart-deployment"), REGISTRY)[2] == "embedded", "it says nothing of this action"


def test_a_steps_own_condition_takes_the_place_of_a_shared_one_of_its_type() -> None:
    own = [{"type": "mine", "expr": "true"}, {"type": "theirs", "expr": "1 == 1", "required": False}]
    assert of(step(1, preConditions=own), REGISTRY) == (["mine!", "theirs"], [], "v4")


@pytest.mark.parametrize("word", ["scale-deployment", "scale_deployment", "scale"])
def test_a_workflow_may_say_what_is_required_of_an_action_under_any_of_its_names(word: str) -> None:
    overrides = {word: {"postconditions": {"deployment_health_check": {"required": False}}}}
    post = of(step(1), conditionOverrides=overrides)[1]
    assert post == ["desired_replicas_running!", "deployment_health_check"]


def test_entries_that_cannot_be_used_are_left_out_and_named() -> None:
    data = {
        "scale-deployment": "post: [{type: t, expr: 'input.x =='}]",
        "restart-pod": "post: [{type: t, expr: '1 + 1'}]",
        "restart-pods": "{}",
        "fly-away": "{}",
        "drain_node": "{}",
        "drain-node": "{}",
    }
    made = vetted(parse_policies(data, "1"))
    assert sorted(made.actions) == ["drain-node", "restart-pod"]
    told = " | ".join(made.problems)
    assert "scale-deployment: post[0].expr: line 1" in told
    assert "restart-pod: post[0].expr: must be true or false, not int" in told
    assert "fly-away: no such action" in told
    assert "drain_node: drain-node has an entry already" in told


def test_the_embedded_ones_are_of_known_actions_and_compile() -> None:
    assert vetted(EMBEDDED) == EMBEDDED
    for name, found in EMBEDDED.actions.items():
        action = find_action(name)
        assert action is not None and action.name == name
        for condition in (*found.pre, *found.post):
            assert isinstance(compile_expression(condition.expr), Program)
