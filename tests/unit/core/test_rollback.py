"""Rollback order, sources of the undo, failures while undoing (BR-WF-035, 037, 050, 051, 053, 054)."""

import pytest

from tests.unit.core.world import HANGS, World, completed, failed, spec, step
from wfexec.model.execution import RollbackInformation
from wfexec.model.parameters import UndoParameters, UndoScale
from wfexec.model.snapshot import CreateFailure
from wfexec.settings import Settings

BREAK = "not found"


def broken_last(*steps: object, settings: Settings | None = None) -> World:
    """The steps given, then a critical one that fails for good."""
    given = [one for one in steps if isinstance(one, dict)]
    last = len(given) + 1
    world = World(spec(*given, step(last, *range(1, last), criticalStep=True)), settings or Settings())
    world.say(f"wf-step-{last}", failed(BREAK))
    return world


def undos(world: World) -> list[str]:
    return [name for name in world.created if "rollback" in name]


def test_reverse_order_of_completion_not_of_number() -> None:
    world = broken_last(step(1), step(2), step(3))
    for number, seconds in ((1, 2), (2, 3), (3, 1)):
        world.say(f"wf-step-{number}", completed(seconds * 1_000))
    world.run()
    assert undos(world) == ["wf-rollback-2", "wf-rollback-1", "wf-rollback-3"]
    assert world.workflow.status.phase == "failed"
    assert world.states() == {1: "rolled_back", 2: "rolled_back", 3: "rolled_back", 4: "failed"}


def test_one_undo_at_a_time_unless_told_otherwise() -> None:
    world = broken_last(step(1), step(2), step(3)).run()
    assert world.busiest == 3
    plans = [len(plan.creates) for plan in world.plans if any("rollback" in c.metadata.name for c in plan.creates)]
    assert plans == [1, 1, 1]
    at_once = broken_last(step(1), step(2), step(3), settings=Settings(rollback_parallel=True)).run()
    plans = [len(plan.creates) for plan in at_once.plans if any("rollback" in c.metadata.name for c in plan.creates)]
    assert plans == [3]


def test_a_dependent_is_undone_first_even_when_it_ended_in_the_same_instant() -> None:
    world = broken_last(step(1), step(2, 1))
    world.say("wf-step-2", completed(0))
    world.run()
    assert undos(world) == ["wf-rollback-2", "wf-rollback-1"]


def test_the_default_undo_restores_what_was_observed_before() -> None:
    world = broken_last(step(1)).run()
    parameters = world.children["wf-rollback-1"].spec.parameters
    assert parameters is not None
    assert parameters.scale_deployment is not None
    assert parameters.scale_deployment.replicas == 3


def test_the_steps_own_rollback_spec_comes_first() -> None:
    own = {
        "action": "scale-deployment",
        "parameters": {"scaleToPrevious": {"namespace": "shop", "deployment": "d1", "previousReplicas": 7}},
        "timeout": "2m",
    }
    world = broken_last(step(1, rollbackSpec=own)).run()
    child = world.children["wf-rollback-1"]
    assert child.spec.parameters is not None
    assert child.spec.parameters.scale_deployment is not None
    assert child.spec.parameters.scale_deployment.replicas == 7
    assert child.spec.timeout == 120_000
    assert child.metadata.labels["rollback"] == "true"
    assert child.metadata.owner_references[0].uid == "uid-1"


def test_what_the_executor_offers_comes_before_the_default() -> None:
    offer = RollbackInformation(
        available=True,
        rollback_action="scale-deployment",
        rollback_parameters=UndoParameters(
            scale_to_previous=UndoScale(deployment="d1", namespace="shop", previous_replicas=9)
        ),
    )
    world = broken_last(step(1))
    world.say("wf-step-1", completed(undo=offer))
    world.run()
    child = world.children["wf-rollback-1"]
    assert child.spec.parameters is not None
    assert child.spec.parameters.scale_deployment is not None
    assert child.spec.parameters.scale_deployment.replicas == 9


def test_a_failed_step_is_undone_only_when_its_executor_offers_it() -> None:
    offer = RollbackInformation(
        available=True,
        rollback_action="scale-deployment",
        rollback_parameters=UndoParameters(
            scale_to_previous=UndoScale(deployment="d1", namespace="shop", previous_replicas=9)
        ),
    )
    world = World(spec(step(1, criticalStep=True)))
    world.say("wf-step-1", failed(BREAK, undo=offer))
    world.run()
    assert world.states() == {1: "rolled_back"}


def test_irreversible_steps_are_listed_not_failed() -> None:
    restart = step(
        1, action="restart-deployment", parameters={"restartDeployment": {"namespace": "a", "deployment": "b"}}
    )
    world = broken_last(restart).run()
    status = world.workflow.status.rollback
    assert status is not None
    assert (status.total, status.not_reversible, status.failed) == (1, 1, 0)
    assert undos(world) == []
    assert world.step(1).status == "completed"
    assert any(c.type == "RolledBack" for c in world.workflow.status.conditions)


def test_a_failing_undo_is_tried_three_times_and_the_next_still_runs() -> None:
    world = broken_last(step(1), step(2, 1))
    for name in ("wf-rollback-2", "wf-rollback-2-r1", "wf-rollback-2-r2"):
        world.say(name, failed("connection refused"))
    world.run()
    assert undos(world) == ["wf-rollback-2", "wf-rollback-2-r1", "wf-rollback-2-r2", "wf-rollback-1"]
    assert world.states()[2] == "completed"
    record = world.step(2).rollback
    assert record is not None
    assert (record.status, record.attempts) == ("failed", 3)
    assert world.states()[1] == "rolled_back"
    assert world.workflow.status.phase == "failed"
    assert any(c.type == "RollbackFailed" and c.status == "True" for c in world.workflow.status.conditions)
    assert "EscalationRequired" in world.reasons()


def test_a_permanent_error_of_an_undo_is_not_tried_again() -> None:
    world = broken_last(step(1))
    world.say("wf-rollback-1", failed("forbidden"))
    world.run()
    assert undos(world) == ["wf-rollback-1"]


@pytest.mark.parametrize(("lasts", "end"), [(6_000, "succeeded"), (25_000, "failed")])
def test_an_undo_that_may_not_be_made_yet_is_tried_again_for_a_while(lasts: int, end: str) -> None:
    world = broken_last(step(1))
    world.run(stop=lambda w: "wf-rollback-1" in w.created)
    world.children.pop("wf-rollback-1")
    since = world.now
    world.failures["wf-rollback-1"] = CreateFailure(1, "forbidden", "no right", since, False, since)
    world.look()
    record = world.step(1).rollback
    assert record is not None
    assert (record.status, record.message) == (
        "executing",
        "KubernetesExecution wf-rollback-1 is refused, and tried again: no right",
    )
    world.now = since + lasts
    world.failures["wf-rollback-1"] = CreateFailure(9, "forbidden", "no right", world.now, False, since)
    world.run()
    record = world.step(1).rollback
    assert record is not None
    assert record.status == end
    assert record.message == ("" if end == "succeeded" else "creation_failed: forbidden: no right")


def test_a_rollback_that_never_ends_is_ended() -> None:
    settings = Settings.model_validate({"rollback-total-timeout": "3m", "rollback-step-timeout": "2m"})
    world = broken_last(step(1), step(2, 1), settings=settings)
    for name in ("wf-rollback-2", "wf-rollback-2-r1"):
        world.say(name, HANGS)
    world.run()
    assert world.workflow.status.phase == "failed"
    rollback = world.workflow.status.rollback
    assert rollback is not None
    assert rollback.failed == 2
    assert (rollback.end_time or 0) - rollback.start_time == 180_001


def test_running_siblings_end_before_the_first_undo() -> None:
    world = World(spec(step(1), step(2), step(3, criticalStep=True)))
    world.say("wf-step-2", completed(20_000))
    world.say("wf-step-3", failed(BREAK))
    world.run(stop=lambda w: w.workflow.status.message.startswith("draining"))
    assert world.workflow.status.message == "draining 1 step"
    world.run()
    began = world.workflow.status.rollback_start_time
    assert began is not None
    assert began >= (world.step(2).end_time or 0)
    assert undos(world) == ["wf-rollback-2", "wf-rollback-1"]


def test_manual_and_none_fail_without_touching_anything() -> None:
    for strategy in ("manual", "none"):
        world = World(spec(step(1), step(2, 1, criticalStep=True), strategy={"rollbackStrategy": strategy}))
        world.say("wf-step-2", failed(BREAK))
        world.run()
        assert world.phases[-2:] == ["executing", "failed"]
        assert undos(world) == []
        assert "manual intervention required" in world.workflow.status.failure_reason
        assert world.workflow.status.execution_snapshot is not None
        assert world.workflow.status.execution_snapshot.completed_steps == (1,)
