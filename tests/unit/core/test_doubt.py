"""What a refusal that is not believed yet changes of a workflow: nothing but its time, and what people can read."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.unit.core.test_lookup import FromTemplate
from tests.unit.core.world import START, World, default_facts, failed, spec, step
from wfexec.core.doubt import TOLD
from wfexec.model.base import evolve
from wfexec.model.bearings import NamespaceFacts
from wfexec.model.facts import AskAccess, AskTarget, Facts, Question, Unknown
from wfexec.model.meta import ANNOTATION_EMERGENCY, ANNOTATION_INTERVENED_BY
from wfexec.model.snapshot import CreateFailure
from wfexec.settings import DEFAULTS

DOUBT = Unknown("no right to look", transient=True, refused_since=START)
MINUTE = 60_000


def refused_until(world: World, at: int, kind: type = AskTarget) -> World:
    """Questions of this kind are refused until then."""

    def told(question: Question) -> Facts:
        return DOUBT if isinstance(question, kind) and world.now < at else default_facts(question)

    world.facts = told
    return world


def messages(world: World) -> list[str]:
    return [plan.status.message for plan in world.plans if plan.status is not None]


@pytest.mark.parametrize("kind", [AskTarget, AskAccess])
def test_planning_waits_and_asks_at_a_walking_pace(kind: type) -> None:
    world = refused_until(World(spec(step(1), step(2))), START + 20_000, kind).run()
    assert world.workflow.status.phase == "completed"
    assert TOLD + "no right to look" in messages(world)
    asked = Counter(question for plan in world.plans for question in plan.questions if isinstance(question, kind))
    assert asked
    assert max(asked.values()) <= 20_000 // 2_000 + 20


def test_a_check_that_is_not_required_is_not_judged_by_it_either() -> None:
    strategy = {"dryRunFirst": False, "safetyChecks": [{"type": "health", "required": False}]}
    world = refused_until(World(spec(step(1), strategy=strategy)), START + 20_000).run()
    results = world.workflow.status.validation_results
    assert results is not None
    assert [check.passed for check in results.checks] == [True]


def test_the_window_of_monitoring_goes_on() -> None:
    world = World(spec(step(1))).run(stop=lambda one: one.phases[-1:] == ["monitoring"])
    began = world.now
    refused_until(world, began + 15_000).run()
    assert world.workflow.status.phase == "completed"
    assert world.workflow.status.completion_time == began + world.settings.stabilization_window
    assert any(text.startswith(TOLD) for text in messages(world))
    assert world.workflow.status.workflow_result is not None
    assert world.workflow.status.workflow_result.outcome == "success"


def test_a_mark_of_production_is_not_refused_by_it() -> None:
    """Whether its author may approve is asked for again."""
    deletion = step(1, action="delete-pod", parameters={"deletePod": {"namespace": "shop", "podName": "p"}})
    world = World(spec(deletion), DEFAULTS.model_copy(update={"business_hours": "00:00-23:59"}))
    labels = {"environment": "production"}
    world.bearings = world.bearings._replace(namespaces={"shop": NamespaceFacts(labels), "ns": NamespaceFacts({})})
    marks = {ANNOTATION_EMERGENCY: "true", ANNOTATION_INTERVENED_BY: "alice"}
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, annotations=marks))
    refused_until(world, START + 20_000, AskAccess).run()
    assert world.workflow.status.phase == "completed"


def test_a_template_is_waited_for() -> None:
    world = FromTemplate(DOUBT).run(MINUTE)
    assert world.workflow.status.phase == "planning"
    assert world.workflow.status.message == TOLD + "no right to look"


@pytest.mark.parametrize(("lasts", "end"), [(20_000, ""), (10 * MINUTE, "not verified: no answer")])
def test_an_undo_is_verified_once_the_look_is_allowed(lasts: int, end: str) -> None:
    world = World(spec(step(1), step(2, 1, criticalStep=True, maxRetries=0)))
    world.say("wf-step-2", failed("forbidden"))
    world.run(stop=lambda one: "wf-rollback-1" in one.children)
    refused_until(world, world.now + lasts).run()
    record = world.step(1).rollback
    assert record is not None
    assert (record.status, record.message) == ("succeeded", end)
    told = [one.rollback for plan in world.plans if plan.status for one in plan.status.step_statuses if one.rollback]
    assert TOLD + "no right to look" in [one.message for one in told]


def copying(world: World) -> Callable[[int, int], None]:
    def refused(times: int, since: int) -> None:
        name = f"workflow-copy-{world.workflow.metadata.uid}"
        world.failures[name] = CreateFailure(times, "forbidden", "no", world.now, False, since)

    return refused


def test_nothing_starts_while_a_copy_is_refused_and_that_is_told() -> None:
    world = World(spec(step(1)))
    world.run(stop=lambda one: one.phases[-1:] == ["validating"])
    refused, began = copying(world), world.now
    refused(3, began)
    world.run(300)
    assert (world.workflow.status.phase, world.created) == ("validating", [])
    assert world.workflow.status.message == TOLD + "no right to keep a copy for undoing: no"
    world.run(200)
    assert world.created == ["wf-step-1"]
