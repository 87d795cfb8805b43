"""S6 holds what is told of an undo against its target, its source and its time: `docs/rollback.md` (BR-WF-053)."""

from collections.abc import Callable
from typing import Any

import pytest

from sim.checkers import s6_undo_and_effect
from sim.chronicle import TargetVersion
from tests.unit.sim.support import Past
from wfexec.model.base import evolve
from wfexec.model.execution import RollbackInformation
from wfexec.model.facts import TargetRef
from wfexec.model.meta import ANNOTATION_ROLLBACK, ANNOTATION_ROLLBACK_BY, Condition, ObjectReference
from wfexec.model.parameters import ActionParameters, NodeAction, ScaleDeployment, UndoParameters, UndoScale
from wfexec.model.phases import ExecutionPhase, Phase, RollbackStrategy, StepState, Strategy, UndoState
from wfexec.model.status import ExecutionPlan, RollbackStatus, StepRollback
from wfexec.settings import DEFAULTS

D1 = TargetRef("Deployment", "shop", "d1")
MINUTE = 60_000
LIMIT = DEFAULTS.rollback_step_timeout
OWN = {
    "action": "scale-deployment",
    "parameters": {"scaleToPrevious": {"deployment": "d1", "namespace": "shop", "previousReplicas": 1}},
}


def scaled(replicas: int) -> ActionParameters:
    return ActionParameters(scale_deployment=ScaleDeployment(namespace="shop", deployment="d1", replicas=replicas))


def offers(replicas: int) -> RollbackInformation:
    scale = UndoScale(deployment="d1", namespace="shop", previous_replicas=replicas)
    return RollbackInformation(available=True, rollback_parameters=UndoParameters(scale_to_previous=scale))


class Rollback(Past):
    """One step scaled d1 from 2 to 3 replicas and completed, a minute ago; `target` is what stands there by and by."""

    def __init__(self, offer: RollbackInformation | None = None, **step: Any) -> None:
        super().__init__([step])
        self.target: list[tuple[int, int]] = [(0, 2), (self.at, 3)]
        self.step(
            1, StepState.EXECUTING, k8s_execution_ref=ObjectReference(name="repair-step-1"), pre_state={"replicas": "2"}
        )
        self.ends(self.child(1, parameters=scaled(3)), undo=offer)
        self.step(1, StepState.COMPLETED, end_time=self.at)
        self.wait(MINUTE)

    def begins(self, *, order: tuple[int, ...] = (1,), **more: Any) -> None:
        made = RollbackStatus(strategy=RollbackStrategy.AUTOMATIC, start_time=self.at, order=order, total=len(order))
        self.status(phase=Phase.ROLLING_BACK, rollback=evolve(made, **more), last_heartbeat=self.at)

    def undo(self, state: UndoState, message: str = "", attempts: int = 1, **more: Any) -> None:
        reference = ObjectReference(name="repair-rollback-1")
        record = StepRollback(status=state, attempts=attempts, execution_ref=reference, message=message, **more)
        self.step(1, StepState.COMPLETED, rollback=record)

    def made(self, replicas: int = 2, timeout: int = LIMIT, **more: Any) -> Any:
        self.undo(UndoState.EXECUTING)
        return self.child(1, undo=True, parameters=scaled(replicas), timeout=timeout, **more)

    def becomes(self, replicas: int) -> None:
        self.target.append((self.at, replicas))

    def complaints(self) -> list[str]:
        versions = tuple(TargetVersion(at, D1, {"spec": {"replicas": count}}) for at, count in self.target)
        return [one.message for one in s6_undo_and_effect.check(self.history(targets=versions))]


def begun(offer: RollbackInformation | None = None, **step: Any) -> Rollback:
    past = Rollback(offer, **step)
    past.begins()
    past.undo(UndoState.PENDING, attempts=0)
    past.wait(MINUTE)
    return past


def skipped_though_changed() -> Rollback:
    past = begun()
    past.undo(UndoState.SKIPPED, attempts=0)
    return past


def skipped_as_it_once_was() -> Rollback:
    past = begun(rollbackSpec=OWN)
    past.undo(UndoState.SKIPPED, attempts=0)
    return past


def own_undo_passed_over() -> Rollback:
    past = begun(offers(2), rollbackSpec=OWN)
    past.made(2)
    return past


def offer_passed_over() -> Rollback:
    past = begun(offers(1))
    past.made(2)
    return past


def facts_passed_over() -> Rollback:
    past = begun()
    past.made(4)
    return past


def called_irreversible() -> Rollback:
    past = begun(offers(2))
    past.undo(UndoState.NOT_REVERSIBLE, attempts=0)
    return past


def believed_without_effect() -> Rollback:
    past = begun()
    past.ends(past.made())
    past.undo(UndoState.SUCCEEDED)
    return past


def effect_of_long_ago() -> Rollback:
    past = begun()
    past.becomes(2)
    past.wait(MINUTE)
    past.becomes(5)
    past.wait(MINUTE)
    past.ends(past.made())
    past.undo(UndoState.SUCCEEDED)
    return past


def effect_not_believed() -> Rollback:
    past = begun()
    child = past.made()
    past.becomes(2)
    past.wait(MINUTE)
    past.ends(child)
    past.undo(UndoState.FAILED, "validation_error: Deployment d1 after the undo: replicas is 3, expected 2")
    return past


def given_up_too_soon() -> Rollback:
    past = begun()
    past.ends(past.made(), ExecutionPhase.FAILED)
    past.undo(UndoState.FAILED, "timeout: the undo's timeout passed")
    return past


def tried_again_in_vain() -> Rollback:
    past = begun()
    past.ends(past.made(), ExecutionPhase.FAILED)
    past.undo(UndoState.RETRYING, "permission_denied: no", next_retry_time=past.at + MINUTE)
    return past


def back_off_cut_short() -> Rollback:
    past = begun()
    past.ends(past.made(), ExecutionPhase.FAILED)
    past.status(last_heartbeat=past.at)
    past.undo(UndoState.RETRYING, "timeout: x", next_retry_time=past.at)
    return past


def tried_before_its_time() -> Rollback:
    past = begun()
    past.ends(past.made(), ExecutionPhase.FAILED)
    past.undo(UndoState.RETRYING, "timeout: x", next_retry_time=past.at + MINUTE)
    past.undo(UndoState.EXECUTING, attempts=2)
    return past


def name_used_twice() -> Rollback:
    past = begun()
    past.ends(past.made())
    past.made()
    return past


def may_take_for_ever() -> Rollback:
    past = begun()
    past.made(timeout=LIMIT + 1)
    return past


def completed_and_left_out() -> Rollback:
    past = Rollback()
    past.begins(order=())
    return past


def built_on_what_goes() -> Rollback:
    past = Rollback(dependsOn=[2])
    second = evolve(past.workflow.status.step_statuses[0], step_number=2)
    past.status(step_statuses=(past.workflow.status.step_statuses[0], second))
    past.begins(order=(2,), to_step=1)
    return past


def asked_for_in_vain() -> Rollback:
    past = Rollback()
    plan = ExecutionPlan(strategy=Strategy.SEQUENTIAL, estimated_duration=0, rollback_strategy=RollbackStrategy.NONE)
    past.status(execution_plan=plan)
    past.begins(requested_by="alice")
    return past


def miscounted() -> Rollback:
    past = begun()
    past.undo(UndoState.SUCCEEDED, "not verified: no right")
    past.status(phase=Phase.FAILED, completion_time=past.at)
    return past


def ends_as_what_it_was_not() -> Rollback:
    past = begun()
    past.asks(cancel=True)
    past.status(phase=Phase.FAILED, completion_time=past.at)
    return past


def reason_replaced() -> Rollback:
    past = begun()
    past.status(failure_reason="step_failed: first")
    past.status(phase=Phase.FAILED, failure_reason="rolled_back: at the request of alice")
    return past


def accepted(past: Rollback) -> Rollback:
    past.marks({ANNOTATION_ROLLBACK: "requested", ANNOTATION_ROLLBACK_BY: "alice"})
    said = Condition(
        type="RollbackRequested", status="True", reason="Accepted", message="by alice", last_transition_time=0
    )
    past.status(conditions=(said,))
    return past


def started_beside_a_request() -> Rollback:
    past = Rollback()
    second = evolve(past.workflow.status.step_statuses[0], step_number=2, status=StepState.PENDING)
    past.status(step_statuses=(past.workflow.status.step_statuses[0], second))
    accepted(past).step(2, StepState.EXECUTING)
    return past


def never_carried_out() -> Rollback:
    past = accepted(Rollback())
    past.status(phase=Phase.COMPLETED, completion_time=past.at)
    return past


BROKEN: dict[Callable[[], Rollback], str] = {
    skipped_though_changed: "the undo of step 1 is skipped, and its target is not as it was before",
    skipped_as_it_once_was: "the undo of step 1 is skipped, and its target is not as it was before",
    own_undo_passed_over: "undo of step 1 is not what its rollbackSpec says",
    offer_passed_over: "undo of step 1 is not what its executor says",
    facts_passed_over: "undo of step 1 is not what its state from before says",
    called_irreversible: "step 1 is called not reversible, although its executor says how",
    believed_without_effect: "the undo of step 1 is believed, and its target shows no effect",
    effect_of_long_ago: "the undo of step 1 is believed, and its target shows no effect",
    effect_not_believed: "the undo of step 1 is called without effect, and its target is as it should be",
    given_up_too_soon: "the undo of step 1 is given up after 1 try, for what may pass",
    tried_again_in_vain: "the undo of step 1 is tried again, for what does not pass",
    back_off_cut_short: "try 2 of the undo of step 1 waits less than 5000 ms",
    tried_before_its_time: "the undo of step 1 is tried again before its time",
    name_used_twice: "undo of step 1 under a name that was used before",
    may_take_for_ever: f"undo of step 1 may take {LIMIT + 1} ms, which nobody said",
    completed_and_left_out: "step 1 completed and is left out of the rollback",
    built_on_what_goes: "step 1 stays, although step 2, which it was built on, is undone",
    asked_for_in_vain: "rolls back on request, although its strategy is none",
    miscounted: "1 undo is succeeded, and the rollback counts 0",
    ends_as_what_it_was_not: "the rollback ends as failed, not cancelled",
    reason_replaced: "the rollback replaced the reason of the first failure",
    started_beside_a_request: "step 2 starts while a rollback that was accepted waits",
    never_carried_out: "ended, and the rollback that was accepted was neither carried out nor taken back",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_rule_is_named_and_nothing_else(broken: Callable[[], Rollback]) -> None:
    assert broken().complaints() == [BROKEN[broken]]


@pytest.mark.parametrize(("step", "replicas"), [({}, 2), ({"rollbackSpec": OWN}, 1)], ids=["facts", "own"])
def test_an_undo_that_takes_effect_and_is_told_so_breaks_no_rule(step: dict[str, Any], replicas: int) -> None:
    past = begun(**step)
    child = past.made(replicas)
    past.becomes(replicas)
    past.ends(child)
    past.undo(UndoState.EXECUTING, end_time=past.at)
    past.undo(UndoState.SUCCEEDED)
    status = past.workflow.status.rollback
    assert status is not None
    past.status(rollback=evolve(status, succeeded=1))
    past.status(phase=Phase.FAILED, completion_time=past.at)
    assert past.complaints() == []


def test_what_is_as_it_was_before_may_be_skipped() -> None:
    past = begun()
    past.becomes(2)
    past.wait(MINUTE)
    past.undo(UndoState.SKIPPED, attempts=0)
    assert past.complaints() == []


def test_a_node_that_was_schedulable_all_the_time_may_be_skipped() -> None:
    """As a hunt found it: a step that uncordons a node which nobody had cordoned."""
    past = Past([{}])
    past.step(
        1, StepState.EXECUTING, pre_state={"unschedulable": "false"}, k8s_execution_ref=ObjectReference(name="one")
    )
    past.ends(past.child(1, "one", parameters=ActionParameters(uncordon_node=NodeAction(node="n1"))))
    skipped = StepRollback(status=UndoState.SKIPPED)
    order = RollbackStatus(strategy=RollbackStrategy.AUTOMATIC, start_time=past.at, order=(1,), total=1)
    past.step(1, StepState.COMPLETED, end_time=past.at)
    past.status(phase=Phase.ROLLING_BACK, rollback=order)
    past.step(1, StepState.COMPLETED, rollback=skipped)
    node = TargetVersion(0, TargetRef("Node", "", "n1"), {"spec": {}})
    assert list(s6_undo_and_effect.check(past.history(targets=(node,)))) == []


def test_what_nobody_may_look_at_is_believed_if_that_is_said() -> None:
    past = begun()
    past.ends(past.made())
    past.undo(UndoState.SUCCEEDED, "not verified: no right to read deployments")
    assert past.complaints() == []


def test_an_undo_may_be_given_up_when_the_time_of_all_is_over() -> None:
    past = begun()
    past.ends(past.made(), ExecutionPhase.FAILED)
    past.wait(DEFAULTS.rollback_total_timeout)
    past.status(last_heartbeat=past.at)
    past.undo(UndoState.FAILED, "timeout: the undo's timeout passed")
    assert past.complaints() == []
