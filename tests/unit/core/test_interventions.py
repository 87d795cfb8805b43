"""Steps tried again, skipped, called completed by hand; failed workflows tried again (BR-WF-005, BR-AUTOMATION-002)."""

from typing import Any

import pytest

from tests.unit.core.world import HANGS, World, completed, failed, spec, step
from wfexec.core.decide import decide
from wfexec.model.plan import NOTHING, CountRecord
from wfexec.model.snapshot import CreateFailure


def broken(**strategy: object) -> World:
    """1 completed, 2 (critical) failed for good, 3 behind it never ran; the workflow failed, nothing was undone."""
    world = World(
        spec(step(1), step(2, 1, criticalStep=True), step(3, 2), strategy={"rollbackStrategy": "manual", **strategy})
    )
    world.say("wf-step-2", failed("not found"))
    world.run()
    assert world.workflow.status.phase == "failed"
    return world


def condition(world: World) -> tuple[str, str, str]:
    found = next(one for one in world.workflow.status.conditions if one.type == "Intervened")
    return found.status, found.reason, found.message


def marks(world: World) -> list[str]:
    return sorted(world.workflow.metadata.annotations)


def test_a_failed_workflow_tried_again_goes_on_where_it_failed() -> None:
    world = broken()
    world.annotate(manual_retry="true", intervened_by="alice")
    world.run()
    assert world.phases[-4:] == ["failed", "executing", "monitoring", "completed"]
    assert world.created == ["wf-step-1", "wf-step-2", "wf-step-2-r1", "wf-step-3"]
    assert world.states() == {1: "completed", 2: "completed", 3: "completed"}
    assert [one.phase for one in world.step(2).attempts] == ["failed", "completed"]
    assert marks(world) == []
    assert condition(world)[1] == "ManualRetry"


def creation_failed(world: World) -> tuple[str, str]:
    found = next(one for one in world.workflow.status.conditions if one.type == "StepCreationFailed")
    return found.status, found.reason


def test_a_child_that_is_made_after_all_ends_the_complaint_that_none_could_be() -> None:
    world = World(spec(step(1, criticalStep=True), step(2), strategy={"rollbackStrategy": "none"}))
    world.run(stop=lambda one: len(one.created) == 2)
    refused = CreateFailure(1, "forbidden", "no", world.now, True, world.now)
    world.children.clear()
    world.failures = {"wf-step-1": refused, "wf-step-2": refused, "wf-step-2-r1": refused}
    world.run()
    assert world.workflow.status.phase == "failed"
    assert creation_failed(world) == ("True", "CreateRefused")
    world.say("wf-step-1-r1", completed(120_000))
    world.annotate(manual_retry="true", intervened_by="alice")
    world.run(stop=lambda one: "wf-step-2-r1" in one.created)
    del world.children["wf-step-2-r1"]
    world.run(60_000)
    assert world.states() == {1: "executing", 2: "failed"}
    assert creation_failed(world) == ("True", "CreateRefused"), "the child of step 2 could not be made even now"
    world.annotate(retry_step="2", intervened_by="alice")
    world.run()
    assert world.states() == {1: "completed", 2: "completed"}
    assert creation_failed(world) == ("False", "Created")


@pytest.mark.parametrize("wish", ["skip_step", "complete_step"])
def test_a_person_who_does_without_a_child_ends_the_complaint_that_it_could_not_be_made(wish: str) -> None:
    world = World(spec(step(1, timeout="15m"), step(2), step(3), timeout="1h"))
    world.say("wf-step-1", completed(600_000))
    refused = CreateFailure(1, "forbidden", "no", world.now, True, world.now)
    world.failures = {"wf-step-2": refused, "wf-step-3": refused}
    world.run(stop=lambda one: len(one.created) == 3)
    del world.children["wf-step-2"], world.children["wf-step-3"]
    world.run(60_000)
    assert world.states() == {1: "executing", 2: "failed", 3: "failed"}
    assert creation_failed(world) == ("True", "CreateRefused")
    world.annotate(**{wish: "2"}, intervened_by="alice")
    world.run(10_000)
    assert creation_failed(world) == ("True", "CreateRefused"), "the child of step 3 is still lacking"
    world.annotate(**{wish: "3"}, intervened_by="alice")
    world.run(10_000)
    assert creation_failed(world) == ("False", "NotNeeded")


def test_its_first_end_counts_and_the_later_one_has_a_counter_of_its_own() -> None:
    world = broken()
    world.annotate(manual_retry="true", intervened_by="alice")
    world.run()
    counts = [
        (one.metric, one.labels[1])
        for one in world.records
        if isinstance(one, CountRecord) and one.metric.endswith("executions_total")
    ]
    assert counts == [
        ("kubernaut_workflowexecution_executions_total", "failed"),
        ("kubernaut_workflowexecution_retried_executions_total", "success"),
    ]


def test_a_manual_retry_brings_a_fresh_budget_and_the_short_delays_again() -> None:
    world = World(spec(step(1, criticalStep=True, maxRetries=1), strategy={"rollbackStrategy": "manual"}))
    for name in ("wf-step-1", "wf-step-1-r1", "wf-step-1-r2"):
        world.say(name, failed("connection reset"))
    world.run()
    assert world.created == ["wf-step-1", "wf-step-1-r1"]
    world.annotate(manual_retry="true", intervened_by="alice")
    world.run()
    assert world.created == ["wf-step-1", "wf-step-1-r1", "wf-step-1-r2", "wf-step-1-r3"]
    attempts = world.step(1).attempts
    ended = attempts[2].end_time
    assert ended is not None
    assert 27_000 <= attempts[3].start_time - ended <= 33_000
    assert world.workflow.status.phase == "completed"


def test_the_deadline_of_a_retry_begins_anew() -> None:
    world = broken()
    world.now += 3_600_000
    world.annotate(manual_retry="true", intervened_by="alice")
    world.run()
    assert world.workflow.status.phase == "completed"


@pytest.mark.parametrize(
    ("prepare", "word", "says"),
    [
        ("failed", "yes", 'must say "true"'),
        ("completed", "true", "only a failed workflow is tried again, and this one is completed"),
        ("rolled back", "true", "it was rolled back"),
        ("refused", "true", "it never came to execution"),
    ],
)
def test_a_manual_retry_that_makes_no_sense_is_refused(prepare: str, word: str, says: str) -> None:
    if prepare == "completed":
        world = World(spec(step(1))).run()
    elif prepare == "rolled back":
        world = World(spec(step(1), step(2, 1, criticalStep=True)))
        world.say("wf-step-2", failed("not found"))
        world.run()
    elif prepare == "refused":
        world = World(spec(step(1), strategy={"approvalRequired": True})).run()
    else:
        world = broken()
    phase, children = world.workflow.status.phase, len(world.created)
    world.annotate(manual_retry=word, intervened_by="alice")
    world.run()
    assert (world.workflow.status.phase, len(world.created)) == (phase, children)
    assert says in condition(world)[2]
    assert marks(world) == []
    assert decide(world.snapshot(), world.now, world.settings) is NOTHING


def slow_beside(report: object, **more: Any) -> World:
    """1 runs for ten minutes; 2 does what `report` says; 3 waits for 2."""
    world = World(spec(step(1, timeout="15m"), step(2, **more), step(3, 2), timeout="1h"))
    world.say("wf-step-1", completed(600_000))
    assert isinstance(report, tuple)
    world.say("wf-step-2", report)
    world.run(120_000)
    assert world.workflow.status.phase == "executing"
    return world


def test_a_failed_step_is_tried_again_and_revives_what_waited_for_it() -> None:
    world = slow_beside(failed("not found"))
    assert world.states() == {1: "executing", 2: "failed", 3: "skipped"}
    world.annotate(retry_step="2", intervened_by="alice")
    world.run()
    assert world.states() == {1: "completed", 2: "completed", 3: "completed"}
    assert "wf-step-2-r1" in world.created
    assert marks(world) == []
    assert condition(world) == ("True", "Taken", "by alice")


def test_a_waiting_step_is_tried_again_at_once() -> None:
    world = slow_beside(failed("connection reset", after_ms=110_000))
    assert world.states()[2] == "retrying"
    before = world.now
    world.annotate(retry_step="s2", intervened_by="alice")
    world.run(1_000)
    assert world.states()[2] in ("executing", "completed")
    assert world.step(2).attempts[1].start_time == before


def test_a_waiting_step_is_skipped_and_its_dependents_with_it() -> None:
    world = slow_beside(failed("connection reset", after_ms=110_000))
    world.annotate(skip_step="2", intervened_by="alice")
    world.run()
    assert world.states() == {1: "completed", 2: "skipped", 3: "skipped"}
    assert world.step(2).skip_reason == "skipped by alice"


def test_a_hanging_step_called_completed_loses_its_child_and_lets_its_dependents_start() -> None:
    world = slow_beside(HANGS)
    world.annotate(complete_step="2", intervened_by="alice")
    world.run()
    assert "wf-step-2" in world.gone
    assert world.states() == {1: "completed", 2: "completed", 3: "completed"}
    assert world.workflow.status.phase == "completed"


def test_a_critical_failure_is_rescued_while_the_others_are_awaited() -> None:
    world = slow_beside(failed("not found"), criticalStep=True)
    assert "draining" in world.workflow.status.message
    world.annotate(complete_step="s2", intervened_by="alice")
    world.run(10_000)
    assert world.workflow.status.message == "executing 3 steps"
    world.run()
    assert world.workflow.status.phase == "completed"


def test_the_figures_are_exact_in_the_write_that_takes_the_wish() -> None:
    world = slow_beside(HANGS)
    assert world.workflow.status.active_steps == 2
    world.annotate(complete_step="2", intervened_by="alice")
    # The first look asks whether alice may.
    world.look()
    world.look()
    assert world.workflow.status.active_steps == 1


def test_a_crash_before_the_child_was_taken_away_is_made_good() -> None:
    world = slow_beside(HANGS)
    world.annotate(complete_step="2", intervened_by="alice")
    world.look()
    plan = decide(world.snapshot(), world.now, world.settings)
    assert plan.status is not None
    assert [one.name for one in plan.deletes] == ["wf-step-2"]
    world.workflow = world.workflow.model_copy(update={"status": plan.status})
    again = decide(world.snapshot(), world.now, world.settings)
    assert [one.name for one in again.deletes] == ["wf-step-2"]
    assert again.metadata is None


@pytest.mark.parametrize(
    ("marks_set", "says"),
    [
        ({"retry_step": "1", "intervened_by": "alice"}, "step 1 (s1) is executing; only a failed or waiting step"),
        ({"skip_step": "1", "intervened_by": "alice"}, "is executing and cannot be skipped"),
        ({"complete_step": "9", "intervened_by": "alice"}, "there is no step '9'"),
        ({"complete_step": " , ", "intervened_by": "alice"}, "no step is named"),
        ({"complete_step": "1"}, "intervened-by is missing"),
    ],
)
def test_a_wish_that_cannot_be_carried_out_is_refused_with_its_reason(marks_set: dict[str, str], says: str) -> None:
    world = slow_beside(completed(1_000))
    before = world.states()
    world.annotate(**marks_set)
    world.run(1_000)
    assert says in condition(world)[2]
    assert condition(world)[:2] == ("False", "Refused")
    assert marks(world) == []
    assert world.states() == before


def test_steps_of_an_ended_workflow_are_left_alone() -> None:
    world = broken()
    world.annotate(retry_step="2", intervened_by="alice")
    world.run()
    assert world.workflow.status.phase == "failed"
    assert "kubernaut.ai/manual-retry tries its failed steps again" in condition(world)[2]


def test_while_paused_a_wish_is_noted_and_nothing_starts() -> None:
    world = slow_beside(failed("not found"))
    world.change(suspend=True)
    world.run(1_000)
    world.annotate(retry_step="2", intervened_by="alice")
    world.run(10_000)
    assert (world.workflow.status.phase, world.states()[2]) == ("paused", "retrying")
    assert "wf-step-2-r1" not in world.created
    world.change(suspend=False)
    world.run()
    assert world.workflow.status.phase == "completed"
