"""The health of an execution: one word, and why in the condition Degraded (BR-EXECUTION-002)."""

from tests.unit.core.world import HANGS, World, completed, failed, spec, step
from wfexec.model.execution import KubernetesExecutionStatus
from wfexec.model.snapshot import CreateFailure
from wfexec.settings import Settings

SILENT = (10**12, KubernetesExecutionStatus())


def told(world: World) -> tuple[str, str] | None:
    found = [one for one in world.workflow.status.conditions if one.type == "Degraded"]
    return (found[0].status, found[0].message) if found else None


def test_a_run_without_trouble_is_healthy_and_says_no_more() -> None:
    world = World(spec(step(1), step(2, 1))).run()
    assert world.workflow.status.health == "healthy"
    assert told(world) is None


def test_a_step_that_is_tried_again_degrades_it_until_it_has_completed() -> None:
    world = World(spec(step(1), step(2)))
    world.say("wf-step-1", completed(120_000))
    world.say("wf-step-2", failed("connection reset"))
    world.run(10_000)
    assert world.workflow.status.health == "degraded"
    assert told(world) == ("True", "step 2 (s2) is retrying: network")
    world.run()
    assert world.workflow.status.health == "healthy"
    assert told(world) == ("False", "")


def test_a_failure_that_is_not_critical_leaves_it_degraded() -> None:
    world = World(spec(step(1), step(2)))
    world.say("wf-step-2", failed("not found"))
    world.run()
    assert world.workflow.status.phase == "completed"
    assert world.workflow.status.health == "degraded"


def test_a_critical_failure_makes_it_unhealthy_while_others_still_run() -> None:
    world = World(spec(step(1), step(2, criticalStep=True)))
    world.say("wf-step-1", completed(60_000))
    world.say("wf-step-2", failed("not found"))
    world.run(10_000)
    assert (world.workflow.status.phase, world.workflow.status.health) == ("executing", "unhealthy")


def test_under_the_policy_terminate_any_failure_does() -> None:
    world = World(spec(step(1), step(2), failurePolicy="terminate"))
    world.say("wf-step-1", completed(60_000))
    world.say("wf-step-2", failed("not found"))
    world.run(10_000)
    assert world.workflow.status.health == "unhealthy"


def test_a_child_that_nobody_takes_up_is_told_of_after_a_while_and_no_sooner() -> None:
    world = World(spec(step(1)), Settings(executor_silence=30_000))
    world.say("wf-step-1", SILENT)
    world.run(29_000)
    assert world.workflow.status.health == "healthy"
    world.run(2_000)
    assert world.workflow.status.health == "degraded"
    status = told(world)
    assert status is not None
    assert "KubernetesExecution wf-step-1 has not been taken up for 30s" in status[1]


def test_a_child_at_work_is_not_called_silent_however_long_it_takes() -> None:
    world = World(spec(step(1)), Settings(executor_silence=30_000))
    world.say("wf-step-1", (1_000, HANGS[1]))
    world.run(120_000)
    assert (world.workflow.status.phase, told(world)) == ("executing", None)


def test_a_child_that_may_not_be_made_yet_degrades_it_until_it_is_made() -> None:
    world = World(spec(step(1), step(2, 1)))
    world.run(stop=lambda w: bool(w.created))
    world.children.clear()
    for tries in (1, 2):
        world.failures["wf-step-1"] = CreateFailure(tries, "forbidden", "no right", world.now, False, world.now)
        world.look()
        assert told(world) == ("True", "KubernetesExecution wf-step-1 is refused, and tried again: no right")
    # The try itself leaves the word as it is: it would come and go with each of them.
    world.now += 200
    plan = world.look()
    assert [child.metadata.name for child in plan.creates] == ["wf-step-1"]
    assert plan.status is None
    world.failures.clear()
    world.run()
    assert (world.workflow.status.phase, world.workflow.status.health) == ("completed", "healthy")
    assert told(world) == ("False", "")
