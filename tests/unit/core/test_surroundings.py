"""What falls ill beside the targets: the picture from before, two looks after, and what nobody knows (BR-WF-051s)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.core.world import World, default_facts, spec, step
from wfexec.core.graph import compile_recipe
from wfexec.model.facts import AskSurroundings, Facts, Question, SurroundingsFacts, TargetRef, Unknown, Unwell
from wfexec.model.phases import Phase
from wfexec.model.recipe import Recipe
from wfexec.model.surroundings import UNWELL_MAX
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import DEFAULTS, Settings

WATCHING = Settings(watch_side_effects=True)
CART = Unwell(TargetRef("Deployment", "shop", "cart"), "is not available")
NODE = Unwell(TargetRef("Node", "", "n1"), "is not ready")
OWN = Unwell(TargetRef("Deployment", "shop", "d1"), "is not available")
WELL = SurroundingsFacts((), 9)
GONE = Unknown("no answer", transient=True)
DENIED = Unknown("no right to list nodes")


def looked(*unwell: Unwell) -> SurroundingsFacts:
    return SurroundingsFacts(unwell, 9)


def world(around: Callable[[World], Facts], given: WorkflowExecutionSpec | None = None) -> World:
    made = World(given or spec(step(1)), WATCHING)

    def facts(question: Question) -> Facts:
        return around(made) if isinstance(question, AskSurroundings) else default_facts(question)

    made.facts = facts
    return made


def since(begins: Phase, before: Facts, *later: Facts) -> World:
    """`before` until that phase begins, then the others look by look, the last for ever."""
    left = list(later)

    def around(made: World) -> Facts:
        if begins not in made.phases:
            return before
        return left.pop(0) if len(left) > 1 else left[0]

    return world(around).run()


def result_of(made: World) -> Any:
    assert made.workflow.status.workflow_result is not None
    return made.workflow.status.workflow_result


def asked(made: World) -> list[AskSurroundings]:
    return [one for plan in made.plans for one in plan.questions if isinstance(one, AskSurroundings)]


def near(given: WorkflowExecutionSpec, settings: Settings = WATCHING) -> AskSurroundings | None:
    recipe = compile_recipe(given, settings)
    assert isinstance(recipe, Recipe)
    return recipe.near


def test_nobody_looks_unless_a_setting_or_the_workflow_wants_it() -> None:
    assert near(spec(step(1)), DEFAULTS) is None
    assert near(spec(step(1))) == AskSurroundings(("shop",))
    assert near(spec(step(1), strategy={"watchSideEffects": False})) is None
    assert near(spec(step(1), strategy={"watchSideEffects": True}), DEFAULTS) == AskSurroundings(("shop",))
    made = World(spec(step(1))).run()
    assert asked(made) == []
    assert made.workflow.status.surroundings is None
    assert result_of(made).side_effects is None


def test_who_moves_pods_from_a_node_or_works_in_many_namespaces_looks_everywhere() -> None:
    drain = step(2, action="drain-node", parameters={"drainNode": {"nodeName": "n1"}})
    assert near(spec(step(1), drain)) == AskSurroundings(("",))
    scales = [
        step(n, parameters={"scaleDeployment": {"namespace": f"ns-{n}", "deployment": "d", "replicas": 2}})
        for n in range(1, 10)
    ]
    assert near(spec(*scales[:2])) == AskSurroundings(("ns-1", "ns-2"))
    assert near(spec(*scales)) == AskSurroundings(("",))


def test_one_look_before_and_one_after_are_enough_where_all_is_well() -> None:
    made = since(Phase.EXECUTING, looked(CART), looked(CART))
    found = result_of(made)
    assert (found.outcome, found.reason, found.side_effects) == ("success", "", ())
    assert len(asked(made)) == 2
    kept = made.workflow.status.surroundings
    assert kept is not None
    assert (kept.looked_at, kept.unwell, kept.more) == (9, ("Deployment shop/cart",), 0)


def test_a_trouble_that_two_looks_see_is_a_side_effect() -> None:
    made = since(Phase.MONITORING, WELL, looked(CART, NODE, OWN))
    found = result_of(made)
    assert found.outcome == "partial_success"
    assert found.reason == "side_effects: Deployment shop/cart: is not available; Node n1: is not ready"
    assert [(one.resource_type, one.namespace, one.name) for one in found.side_effects] == [
        ("Deployment", "shop", "cart"),
        ("Node", "", "n1"),
    ]
    assert "look into Deployment shop/cart" in found.recommended_actions[0]
    began, ended = made.workflow.status.monitoring_start_time, made.workflow.status.completion_time
    assert began is not None
    assert ended is not None
    assert 60_000 <= ended - began <= 61_000


@pytest.mark.parametrize("second", [WELL, looked(NODE)])
def test_what_one_look_alone_sees_is_none(second: Facts) -> None:
    made = since(Phase.MONITORING, WELL, looked(CART), second, WELL)
    found = result_of(made)
    assert (found.outcome, found.side_effects) == ("success", ())


def test_a_look_that_fails_is_taken_again_and_one_that_is_denied_is_the_end() -> None:
    late = since(Phase.MONITORING, WELL, GONE, GONE, WELL)
    assert (result_of(late).outcome, result_of(late).side_effects) == ("success", ())
    denied = since(Phase.MONITORING, WELL, DENIED)
    found = result_of(denied)
    assert (found.outcome, found.side_effects) == ("unknown", None)
    assert found.reason == "side_effects_unknown: no right to list nodes"
    assert len(asked(denied)) == 2


def test_where_no_look_ever_succeeds_the_time_of_monitoring_ends_it() -> None:
    made = since(Phase.MONITORING, WELL, GONE)
    found = result_of(made)
    assert (found.outcome, found.side_effects, found.reason) == ("unknown", None, "side_effects_unknown: no answer")
    assert len(asked(made)) < 65, "asked again at the pace of monitoring, not faster"


def test_what_comes_and_goes_until_the_end_is_told_as_unknown() -> None:
    made = since(Phase.MONITORING, WELL, *[looked(CART), looked(NODE)] * 40)
    found = result_of(made)
    assert (found.outcome, found.side_effects) == ("unknown", None)
    assert found.reason.startswith("side_effects_unknown: seen at one look only: ")


def test_without_a_picture_from_before_nobody_knows() -> None:
    made = since(Phase.EXECUTING, DENIED, WELL)
    found = result_of(made)
    assert (found.outcome, found.side_effects) == ("unknown", None)
    assert found.reason == "side_effects_unknown: before the first step: no right to list nodes"
    assert len(asked(made)) == 1


def test_a_picture_that_nobody_gives_is_asked_for_again_while_there_is_time() -> None:
    left = [GONE, GONE]
    made = world(lambda _: left.pop(0) if left else WELL).run()
    assert result_of(made).outcome == "success"
    never = world(lambda made: WELL if Phase.EXECUTING in made.phases else GONE).run()
    assert result_of(never).reason == "side_effects_unknown: before the first step: no answer"


def test_of_more_than_could_be_noted_nothing_new_is_told_apart() -> None:
    many = [Unwell(TargetRef("Pod", "shop", f"p-{n:03}"), "is ill") for n in range(UNWELL_MAX + 5)]
    calm = since(Phase.EXECUTING, looked(*many), looked(*many[:UNWELL_MAX]))
    assert result_of(calm).side_effects == ()
    made = since(Phase.EXECUTING, looked(*many), looked(*many))
    kept = made.workflow.status.surroundings
    assert kept is not None
    assert (len(kept.unwell), kept.more) == (UNWELL_MAX, 5)
    assert result_of(made).reason.startswith("side_effects_unknown: 5 more objects were unwell")
