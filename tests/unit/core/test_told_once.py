"""What comes to pass is told and counted once, and whenever it comes to pass (BR-WF-024)."""

from tests.unit.core.test_conditions import METRIC, condition, counts, warnings
from tests.unit.core.world import HANGS, World, completed, failed, spec, step
from wfexec.model.plan import CountRecord

OTHER = {"type": "other", "expr": "input.current_replicas == 9", "timeout": "60s"}


def test_a_condition_is_judged_for_good_once_though_another_is_still_waited_for() -> None:
    hopeless = condition("false", required=False, timeout="5s")
    world = World(spec(step(1, preConditions=[*hopeless, OTHER]), strategy={"rollbackStrategy": "none"})).run()
    assert world.step(1).status == "blocked"
    assert sorted(counts(world)) == [("pre", "failed", "false"), ("pre", "failed", "true")]


def test_a_promise_is_judged_for_good_once_though_another_is_still_waited_for() -> None:
    hopeless = condition("false", required=False, timeout="5s")
    world = World(spec(step(1, postConditions=[*hopeless, OTHER]), strategy={"rollbackStrategy": "none"})).run()
    assert world.step(1).status == "failed"
    assert sorted(counts(world)) == [("post", "failed", "false"), ("post", "failed", "true")]


def test_a_promise_that_the_deadline_ends_is_counted_as_one_that_is_not_kept() -> None:
    world = World(spec(step(1, postConditions=condition("false", timeout="10m")), timeout="1m")).run()
    assert world.step(1).status == "rolled_back"
    assert counts(world) == [("post", "failed", "true")]


def test_a_step_that_does_not_start_beside_a_failing_end_has_not_gone_on_without_its_condition() -> None:
    """Steps 1 and 2 run side by side: 2 fails for good, 1 goes on for long, and 3 would be ready meanwhile."""
    critical = step(2, criticalStep=True, maxRetries=0)
    third = step(3, 4, preConditions=condition("false", required=False, timeout="0s"))
    world = World(spec(step(1), critical, third, step(4), strategy={"rollbackStrategy": "none"}))
    world.say("wf-step-1", HANGS)
    world.say("wf-step-2", failed("invalid"))
    world.run()
    assert world.step(3).status == "skipped"
    assert warnings(world, "PreconditionWarning") == []
    assert [one for one in world.records if isinstance(one, CountRecord) and one.metric == METRIC] == []


def test_a_step_that_waited_for_its_next_attempt_when_the_workflow_ended_is_told_as_failed() -> None:
    world = World(spec(step(1), step(2, criticalStep=True, maxRetries=0), strategy={"rollbackStrategy": "none"}))
    world.say("wf-step-1", failed("evicted", 1_000))
    world.say("wf-step-2", failed("invalid", 3_000))
    world.run()
    assert world.states() == {1: "failed", 2: "failed"}
    assert [text.split(":")[0] for text in warnings(world, "StepFailed")] == ["step 2 (s2)", "step 1 (s1)"]


def test_a_step_that_failed_after_it_had_completed_is_told_as_failed() -> None:
    kept = condition("input.current_replicas == 5")
    world = World(spec(step(1, postConditions=kept), strategy={"rollbackStrategy": "none"}))
    world.run(stop=lambda seen: seen.workflow.status.phase == "monitoring")
    world.effects.clear()
    world.run()
    assert world.step(1).status == "failed"
    assert len(warnings(world, "StepFailed")) == 1


def lasted(world: World) -> list[tuple[str, float]]:
    family = "kubernaut_workflowexecution_phase_duration_seconds"
    return [
        (record.labels[0], record.value)
        for record in world.records
        if isinstance(record, CountRecord) and record.metric == family
    ][2:]


def paused_while_executing() -> World:
    """Four seconds into its step; the step's child ends six seconds later, in the pause."""
    world = World(spec(step(1), strategy={"rollbackStrategy": "none"}))
    world.say("wf-step-1", completed(10_000))
    world.run(stop=lambda one: bool(one.created))
    world.now += 4_000
    world.change(suspend=True)
    world.run(60_000)
    assert world.workflow.status.phase == "paused"
    return world


def test_a_phase_that_was_paused_is_counted_once_and_without_the_pause() -> None:
    world = paused_while_executing()
    paused = (world.now - (world.workflow.status.paused_at or 0)) / 1_000
    world.change(suspend=False)
    world.run()
    told = lasted(world)
    assert told[0] == ("paused", paused)
    assert [phase for phase, _ in told] == ["paused", "executing", "monitoring"]
    assert 4.0 <= told[1][1] <= 4.1


def test_a_phase_that_ends_with_its_pause_is_counted_too() -> None:
    world = paused_while_executing()
    world.change(cancel=True)
    world.run()
    assert world.workflow.status.phase == "cancelled"
    assert [phase for phase, _ in lasted(world)] == ["paused", "executing"]
    assert lasted(world)[1] == ("executing", 4.0)
