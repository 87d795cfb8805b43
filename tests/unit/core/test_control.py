"""Suspend, resume, cancel and delete as the core decides them (BR-WF-005, BR-WF-018)."""

from collections.abc import Callable

import pytest

from tests.unit.core.world import HANGS, START, World, failed, spec, step
from wfexec.model.base import evolve
from wfexec.model.meta import FINALIZER
from wfexec.model.workflow import CancelChildren, OnCancel


def in_phase(phase: str) -> Callable[[World], bool]:
    return lambda world: world.workflow.status.phase == phase


def test_suspend_lets_children_finish_starts_nothing_and_stops_the_clock() -> None:
    world = World(spec(step(1), step(2, 1), timeout="2m"))
    world.run(stop=lambda w: bool(w.created))
    world.change(suspend=True)
    world.look()
    assert world.workflow.status.phase == "paused"
    world.run(until_ms=600_000)
    assert world.created == ["wf-step-1"]
    assert world.states() == {1: "completed", 2: "pending"}
    world.now = START + 600_000
    world.change(suspend=False)
    world.run()
    assert world.phases[-4:] == ["paused", "executing", "monitoring", "completed"]


def test_suspend_in_every_phase_returns_to_it() -> None:
    for phase in ("planning", "validating", "monitoring"):
        world = World(spec(step(1)))
        world.run(stop=in_phase(phase))
        world.change(suspend=True)
        world.run(until_ms=0)
        assert world.workflow.status.paused_from == phase
        world.now += 60_000
        world.change(suspend=False)
        world.run()
        assert world.workflow.status.phase == "completed"


def test_cancel_waits_for_running_children_and_undoes_nothing() -> None:
    world = World(spec(step(1), step(2, 1)))
    world.run(stop=lambda w: bool(w.created))
    world.change(cancel=True)
    world.look()
    assert world.workflow.status.phase == "executing"
    world.run()
    assert world.workflow.status.phase == "cancelled"
    assert world.states() == {1: "completed", 2: "skipped"}
    assert world.created == ["wf-step-1"]


def cancel_seen(world: World) -> tuple[str, str]:
    found = next(one for one in world.workflow.status.conditions if one.type == "CancelRequested")
    return found.reason, found.message


@pytest.mark.parametrize(
    ("children", "what"), [(CancelChildren.WAIT, "may end"), (CancelChildren.DELETE, "are deleted")]
)
def test_a_cancellation_is_told_at_once_where_steps_drain_already(children: CancelChildren, what: str) -> None:
    world = World(spec(step(1, timeout="15m"), step(2, criticalStep=True), strategy={"rollbackStrategy": "none"}))
    world.say("wf-step-1", HANGS)
    world.say("wf-step-2", failed("forbidden"))
    world.run(60_000)
    assert world.workflow.status.message == "draining 1 step"
    world.change(cancel=True, on_cancel=OnCancel(children=children))
    plan = world.look()
    assert plan.status is not None
    assert plan.status.observed_generation == world.workflow.metadata.generation
    assert cancel_seen(world) == ("Draining", f"nothing more starts, and children that run {what}")
    world.look()
    assert world.look().status is None


def test_a_cancellation_is_told_at_once_where_a_rollback_runs_that_it_does_not_end() -> None:
    world = World(spec(step(1), step(2, 1, criticalStep=True)))
    world.say("wf-step-2", failed("forbidden"))
    world.say("wf-rollback-1", HANGS)
    world.run(60_000)
    assert world.workflow.status.phase == "rolling_back"
    world.change(cancel=True)
    assert world.look().status is not None
    assert cancel_seen(world) == ("RollingBack", "the rollback that runs is carried out first")
    assert world.look().status is None


def test_a_cancellation_that_has_something_undone_says_nothing_of_a_rollback_that_ran_before() -> None:
    world = World(spec(step(1), step(2, 1), onCancel={"children": "wait", "rollback": "automatic"}))
    world.run(stop=lambda w: len(w.created) == 2)
    world.change(cancel=True)
    world.run()
    assert world.phases[-2:] == ["rolling_back", "cancelled"]
    assert cancel_seen(world)[0] == "Draining"


def test_cancel_can_delete_children_and_roll_back() -> None:
    given = spec(step(1), step(2, 1), onCancel={"children": "delete", "rollback": "automatic"})
    world = World(given)
    world.say("wf-step-2", HANGS)
    world.run(stop=lambda w: len(w.created) == 2)
    world.change(cancel=True)
    world.run()
    assert world.workflow.status.phase == "cancelled"
    assert world.phases[-2:] == ["rolling_back", "cancelled"]
    assert world.states() == {1: "rolled_back", 2: "failed"}


def test_cancel_while_paused_after_a_fatal_failure_ends_it_as_failed() -> None:
    world = World(spec(step(1, criticalStep=True), strategy={"rollbackStrategy": "none"}))
    world.say("wf-step-1", failed("forbidden", 20_000))
    world.run(stop=lambda w: bool(w.created))
    world.change(suspend=True)
    world.run(stop=lambda w: w.states() == {1: "failed"})
    assert world.workflow.status.phase == "paused"
    world.change(cancel=True)
    world.run()
    assert world.workflow.status.phase == "failed"


@pytest.mark.parametrize("phase", ["", "planning", "validating", "monitoring"])
def test_cancel_elsewhere_is_at_once(phase: str) -> None:
    world = World(spec(step(1)))
    if phase:
        world.run(stop=lambda w: w.workflow.status.phase == phase)
    world.change(cancel=True)
    world.run()
    assert world.workflow.status.phase == "cancelled"
    assert cancel_seen(world) == ("NothingRuns", "nothing runs that has to end first")


def test_a_cancellation_while_only_a_retry_is_waited_for_is_told_before_what_was_done_is_undone() -> None:
    world = World(spec(step(1), step(2, 1), onCancel={"rollback": "automatic"}))
    world.say("wf-step-2", failed("connection refused"))
    world.run(stop=lambda w: w.states() == {1: "completed", 2: "retrying"})
    world.change(cancel=True)
    world.look()
    assert world.workflow.status.phase == "rolling_back"
    assert cancel_seen(world)[0] == "NothingRuns"


def test_a_cancellation_that_is_taken_back_while_steps_drain_is_no_longer_told() -> None:
    world = World(spec(step(1), step(2, 1)))
    world.run(stop=lambda w: bool(w.created))
    world.change(cancel=True)
    world.look()
    assert cancel_seen(world)[0] == "Draining"
    world.change(cancel=False)
    world.run()
    assert world.workflow.status.phase == "completed"
    assert cancel_seen(world) == ("Withdrawn", "spec.cancel was taken back")


def test_deletion_removes_only_our_finalizer_and_starts_nothing() -> None:
    world = World(spec(step(1)))
    world.look()
    meta = evolve(world.workflow.metadata, deletion_timestamp=world.now, finalizers=("other/keep", FINALIZER))
    world.workflow = evolve(world.workflow, metadata=meta)
    plan = world.look()
    assert plan.metadata is not None
    assert plan.metadata.finalizers == ("other/keep",)
    assert (plan.status, plan.creates) == (None, ())
    assert world.look() == type(plan)()
