"""What the plan tells of its objects, and what becomes of a definition that was changed (BR-WF-015s, BR-WF-025)."""

from typing import Any

import pytest

from tests.unit.core.world import World, default_facts, spec, step
from wfexec.core.graph import compile_recipe
from wfexec.core.planned import impact_of
from wfexec.model.base import evolve
from wfexec.model.facts import AskTarget, Facts, Question, TargetFacts, Unknown
from wfexec.model.recipe import Recipe
from wfexec.model.workflow import Level
from wfexec.settings import DEFAULTS


def scaled(replicas: int) -> dict[str, Any]:
    return step(1, parameters={"scaleDeployment": {"namespace": "shop", "deployment": "d1", "replicas": replicas}})


@pytest.mark.parametrize(
    ("given", "impact"),
    [
        (scaled(5), Level.MEDIUM),
        (scaled(0), Level.HIGH),
        (step(1, action="drain-node", parameters={"drainNode": {"nodeName": "n"}}), Level.HIGH),
        (step(1, action="uncordon-node", parameters={"cordonNode": {"nodeName": "n"}}), Level.LOW),
        (step(1, action="verify-health", parameters=None), Level.LOW),
    ],
)
def test_impact_is_told_by_what_becomes_of_running_work(given: dict[str, Any], impact: Level) -> None:
    recipe = compile_recipe(spec(given), DEFAULTS)
    assert isinstance(recipe, Recipe)
    assert impact_of(recipe.steps[0]) is impact
    assert recipe.plan is not None
    assert recipe.plan.resources is not None
    assert recipe.plan.resources.impact is impact


def test_availability_is_told_as_far_as_targets_were_seen() -> None:
    strategy = {"safetyChecks": [{"type": "health", "required": False}], "dryRunFirst": False}
    world = World(spec(step(1), step(2), step(3), step(4, action="notify-only", parameters=None), strategy=strategy))

    def facts(question: Question) -> Facts:
        if isinstance(question, AskTarget) and question.target.name == "d1":
            return Unknown("no right to look")
        if isinstance(question, AskTarget) and question.target.name == "d2":
            return TargetFacts(False, False, None, {}, "")
        return default_facts(question)

    world.facts = facts
    world.run(stop=lambda one: one.workflow.status.phase == "executing")
    plan = world.workflow.status.execution_plan
    assert plan is not None
    told = plan.resources
    assert told is not None
    assert (told.targets, told.available, told.unavailable, told.unknown) == (3, 1, 1, 1)
    assert [one.target for one in plan.steps] == ["Deployment shop/d1", "Deployment shop/d2", "Deployment shop/d3", ""]


def running() -> World:
    return World(spec(step(1), step(2, 1))).run(stop=lambda one: bool(one.created))


def test_a_changed_definition_is_refused_and_not_planned_anew() -> None:
    """As behind an API server whose CRD has no rules."""
    world = running()
    world.workflow = evolve(world.workflow, spec=spec(step(1), step(2, 1, timeout="9m")))
    world.run()
    assert world.workflow.status.failure_reason.startswith("planning_error: spec: the definition is not the one")
    assert len(world.created) == 1


def test_a_plan_of_an_earlier_version_has_no_mark_and_goes_on() -> None:
    world = running()
    plan = world.workflow.status.execution_plan
    assert plan is not None
    status = evolve(world.workflow.status, execution_plan=evolve(plan, definition_digest=""))
    world.workflow = evolve(world.workflow, status=status)
    assert world.run().phases[-1] == "completed"
