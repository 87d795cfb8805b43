"""Times in status that another controller's clock wrote: ahead of ours, or long past (BR-WF-047)."""

import pytest

from tests.unit.core.world import HANGS, World, completed, spec, step

MINUTE = 60_000


def handed_over(world: World, ahead_ms: int) -> World:
    """From now on another controller decides; of what the one before it was told it knows nothing."""
    world.now += ahead_ms
    world.reports = {name: (at + ahead_ms, report) for name, (at, report) in world.reports.items()}
    world.answers = {}
    return world


@pytest.mark.parametrize("phase", ["validating", "executing", "monitoring"])
def test_a_clock_that_is_behind_ends_a_run_as_it_would_have_ended(phase: str) -> None:
    world = World(spec(step(1), step(2, 1)))
    world.run(stop=lambda one: one.workflow.status.phase == phase)
    looks = len(handed_over(world, -5 * MINUTE).plans)
    status = world.run().workflow.status
    assert (status.phase, world.created) == ("completed", ["wf-step-1", "wf-step-2"])
    # It is looked at no oftener than usual, until its clock has got there.
    assert len(world.plans) - looks < 100
    starts = (status.planning_start_time, status.execution_start_time, status.monitoring_start_time)
    assert status.completion_time is not None
    assert status.completion_time >= max(one or 0 for one in starts)
    assert status.execution_metrics is not None
    assert status.execution_metrics.total_duration >= 0
    for one in status.step_statuses:
        assert one.start_time is not None
        assert one.end_time is not None
        assert one.end_time >= one.start_time
        assert one.attempts[-1].end_time is not None
        assert one.attempts[-1].end_time >= one.attempts[-1].start_time


def test_a_limit_comes_later_by_as_much_as_the_clock_is_behind_and_no_more() -> None:
    world = World(spec(step(1, timeout="2m", maxRetries=0)))
    world.say("wf-step-1", HANGS)
    world.run(stop=lambda one: bool(one.created))
    began = handed_over(world, -5 * MINUTE).now
    world.run(stop=lambda one: one.step(1).status == "failed")
    assert world.step(1).error_type == "timeout"
    assert world.now - began == (5 + 2) * MINUTE + 1


def test_a_retry_waits_by_its_own_clock_and_is_made_once() -> None:
    world = World(spec(step(1)))
    world.say("wf-step-1", (1_000, completed()[1].model_copy(update={"phase": "failed"})))
    world.run(stop=lambda one: one.step(1).status == "retrying" if one.workflow.status.step_statuses else False)
    due = world.step(1).next_retry_time
    began = handed_over(world, -5 * MINUTE).now
    world.run(stop=lambda one: len(one.created) == 2)
    assert due is not None
    assert began + 5 * MINUTE <= world.now
    assert world.now == due
    assert world.run().created == ["wf-step-1", "wf-step-1-r1"]
