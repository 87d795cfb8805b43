"""The checkers of whose turn it is (S4, S5) and of what happens in time (L2–L5) speak about their own defect alone."""

from collections.abc import Callable

import pytest

from sim.checkers import complaints
from sim.history import History
from tests.unit.sim.support import Past
from wfexec.model.base import evolve
from wfexec.model.execution import ConditionResult
from wfexec.model.meta import Condition, ObjectReference
from wfexec.model.phases import ExecutionPhase, Phase, StepState, UndoState
from wfexec.model.requests import Code, CreateLease, Kind, Lease, ObjectKey, PatchStatus
from wfexec.model.status import AttemptStatus, StepRollback
from wfexec.settings import DEFAULTS

KEY = ObjectKey(Kind.WORKFLOW, "shop", "repair")
MINUTE = 60_000


def failed(past: Past) -> None:
    past.status(phase=Phase.FAILED, completion_time=past.at)


def starts(past: Past) -> History:
    past.step(1, StepState.EXECUTING, start_time=past.at)
    past.child(1)
    failed(past)
    return past.history()


def before_validation() -> History:
    past = Past()
    past.status(execution_start_time=None)
    return starts(past)


def while_monitoring() -> History:
    past = Past()
    past.status(phase=Phase.MONITORING)
    past.child(1)
    past.status(phase=Phase.COMPLETED, completion_time=past.at)
    return past.history()


def without_approval() -> History:
    return starts(Past(executionStrategy={"approvalRequired": True}))


def after_the_cancellation() -> History:
    past = Past()
    past.asks(cancel=True)
    past.wait(DEFAULTS.request_timeout + 1)
    return starts(past)


def lease(past: Past, holder: str) -> None:
    past.wrote(CreateLease(Lease("wfexec", "kube-system", "1", holder, 15_000, past.at, past.at, 0)), Code.OK, holder)


def patch(past: Past, who: str) -> None:
    status = past.workflow.status
    past.wrote(PatchStatus(KEY, past.workflow.metadata.uid, "1", status, status), Code.OK, who)


def write_of_another_replica() -> History:
    past = Past()
    lease(past, "controller-1")
    patch(past, "controller-0")
    failed(past)
    return past.history()


def write_after_the_lease() -> History:
    past = Past()
    lease(past, "controller-0")
    past.wait(15_001)
    patch(past, "controller-0")
    failed(past)
    return past.history()


def never_planned() -> History:
    past = Past(reached=Phase.NEW)
    past.wait(3 * MINUTE)
    past.status(phase=Phase.PLANNING)
    return past.history(cut=True)


def planned_without_end() -> History:
    past = Past(reached=Phase.NEW)
    past.status(phase=Phase.PLANNING, planning_start_time=past.at)
    past.wait(DEFAULTS.planning_timeout + 3 * MINUTE)
    return past.history(cut=True)


def says_so_each_minute(past: Past, minutes: int) -> None:
    for minute in range(minutes):
        past.wait(MINUTE)
        past.status(message=f"minute {minute}", last_heartbeat=past.at)


def planned_again_and_again() -> History:
    past = Past(reached=Phase.NEW)
    past.status(phase=Phase.PLANNING, planning_start_time=past.at)
    says_so_each_minute(past, 3)
    return past.history(cut=True)


def planned_at_last() -> History:
    past = Past(reached=Phase.NEW)
    past.status(phase=Phase.PLANNING, planning_start_time=past.at)
    says_so_each_minute(past, 3)
    failed(past)
    return past.history()


def retry_forgotten() -> History:
    past = Past()
    past.step(1, StepState.EXECUTING)
    past.ends(past.child(1), ExecutionPhase.FAILED)
    past.step(1, StepState.RETRYING, next_retry_time=past.at + 5_000)
    past.wait(3 * MINUTE)
    failed(past)
    return past.history()


def undo_forgotten() -> History:
    past = Past()
    past.status(phase=Phase.ROLLING_BACK, rollback_start_time=past.at)
    past.step(1, StepState.COMPLETED, rollback=StepRollback(status=UndoState.PENDING, next_retry_time=past.at))
    past.wait(3 * MINUTE)
    failed(past)
    return past.history()


def pending_step_forgotten() -> History:
    past = Past()
    past.wait(3 * MINUTE)
    failed(past)
    return past.history()


def deadline_ignored() -> History:
    past = Past(timeout="5m")
    past.status(active_steps=1)
    past.wait(10 * MINUTE)
    failed(past)
    return past.history()


def validation_without_end() -> History:
    past = Past(reached=Phase.VALIDATING)
    past.status(validation_start_time=past.at)
    past.wait(DEFAULTS.validation_timeout + 2 * MINUTE)
    return past.history(cut=True)


def validated_again_and_again() -> History:
    past = Past(reached=Phase.VALIDATING)
    past.status(validation_start_time=past.at)
    says_so_each_minute(past, 7)
    failed(past)
    return past.history()


def waits_for_approval(limit: int) -> Past:
    past = Past(reached=Phase.VALIDATING)
    said = Condition(type="Approved", status="False", reason="Pending", last_transition_time=past.at)
    past.status(validation_start_time=past.at, conditions=(said,))
    past.wait(limit)
    return past


def approval_without_end() -> History:
    return waits_for_approval(DEFAULTS.validation_timeout + DEFAULTS.approval_timeout + 2 * MINUTE).history(cut=True)


def monitoring_without_end() -> History:
    past = Past()
    past.status(phase=Phase.MONITORING, monitoring_start_time=past.at)
    past.wait(120 * MINUTE)
    return past.history(cut=True)


def rollback_without_end() -> History:
    past = Past()
    past.status(phase=Phase.ROLLING_BACK, rollback_start_time=past.at)
    past.wait(40 * MINUTE)
    failed(past)
    return past.history()


def step_without_end() -> History:
    past = Past(timeout="50m")
    tried = AttemptStatus(name="repair-step-1", phase="executing", start_time=past.at)
    past.step(1, StepState.EXECUTING, attempts=(tried,))
    past.child(1)
    past.wait(20 * MINUTE)
    failed(past)
    return past.history()


def promise_without_end() -> History:
    past = waits_for_its_promise(DEFAULTS.step_timeout + DEFAULTS.postcondition_timeout)
    past.wait(20 * MINUTE)
    failed(past)
    return past.history()


def waits_for_its_promise(ms: int) -> Past:
    """Its child has ended; what the step promised is false so far."""
    past = Past([{"postConditions": [{"type": "up", "expr": "false"}]}], timeout="50m")
    tried = AttemptStatus(name="repair-step-1", phase="executing", start_time=past.at)
    past.step(1, StepState.EXECUTING, attempts=(tried,))
    past.ends(past.child(1))
    missed = ConditionResult(condition_type="up", evaluated=True, evaluation_time=past.at)
    past.step(1, StepState.EXECUTING, post_condition_results=(missed,))
    past.wait(ms)
    return past


def cancelled_in_vain() -> History:
    past = Past()
    past.asks(suspend=True)
    past.status(phase=Phase.PAUSED, paused_from=Phase.EXECUTING, paused_at=past.at)
    past.asks(cancel=True)
    past.wait(5 * MINUTE)
    return past.history(cut=True)


def child_never_made() -> History:
    past = Past()
    past.step(1, StepState.EXECUTING, k8s_execution_ref=ObjectReference(name="repair-step-1"))
    past.wait(2 * MINUTE)
    failed(past)
    return past.history()


def place_that_nobody_fills() -> History:
    past = Past()
    past.step(1, StepState.EXECUTING)
    steps = past.workflow.status.step_statuses
    past.status(active_steps=2, step_statuses=(evolve(steps[0], error_message="x"), *steps[1:]))
    failed(past)
    return past.history()


def held_for_ever() -> History:
    past = Past()
    past.deleting()
    past.wait(2 * MINUTE)
    return past.history(cut=True)


def child_left_behind() -> History:
    past = Past()
    past.step(1, StepState.EXECUTING)
    past.child(1)
    past.gone()
    past.wait(2 * MINUTE)
    return past.history(cut=True)


def written_again_and_again() -> History:
    past = Past()
    for _ in range(60):
        patch(past, "controller-0")
    failed(past)
    return past.history()


def looked_at_again_and_again() -> History:
    past = Past()
    failed(past)
    return past.history(looks=500)


DEFECTS: dict[Callable[[], History], tuple[str, str]] = {
    before_validation: ("S4", "before validation has passed"),
    while_monitoring: ("S4", "in phase monitoring"),
    without_approval: ("S4", "without the required approval"),
    after_the_cancellation: ("S4", "after the workflow was cancelled"),
    write_of_another_replica: ("S4", "while the lease is held by controller-1"),
    write_after_the_lease: ("S4", "while the lease is expired 1 ms ago"),
    never_planned: ("L2", "planning was due"),
    planned_without_end: ("L3", "still planning"),
    planned_again_and_again: ("L3", "still planning"),
    planned_at_last: ("L3", "still planning"),
    retry_forgotten: ("L2", "a retry was due"),
    undo_forgotten: ("L2", "the next try of an undo was due"),
    pending_step_forgotten: ("L2", "a pending step was due"),
    deadline_ignored: ("L3", "still executing"),
    validation_without_end: ("L3", "still validating"),
    validated_again_and_again: ("L3", "still validating"),
    approval_without_end: ("L3", "still validating"),
    monitoring_without_end: ("L3", "still monitoring"),
    rollback_without_end: ("L3", "still rolling_back"),
    step_without_end: ("L3", "step 1 still executes"),
    promise_without_end: ("L3", "step 1 still executes"),
    cancelled_in_vain: ("L3", "after it was cancelled"),
    child_never_made: ("L2", "and nobody made it"),
    place_that_nobody_fills: ("S5", "activeSteps says 2, and 1 step works"),
    held_for_ever: ("L4", "still held by us"),
    child_left_behind: ("L4", "it was not collected"),
    written_again_and_again: ("L5", "60 status writes"),
    looked_at_again_and_again: ("L5", "500 looks"),
}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_a_planted_defect_is_named_by_its_own_checker_alone(defect: Callable[[], History]) -> None:
    check, words = DEFECTS[defect]
    found = complaints(defect())
    assert {complaint.check for complaint in found} == {check}, found
    assert any(words in complaint.message for complaint in found), found


def test_what_was_on_its_way_when_a_person_spoke_may_arrive() -> None:
    past = Past()
    past.asks(cancel=True)
    assert complaints(starts(past)) == ()


@pytest.mark.parametrize(("suspended", "waited"), [(True, 500 * MINUTE), (False, DEFAULTS.planning_timeout)])
def test_planning_may_wait_for_a_person_and_for_what_it_asked(suspended: bool, waited: int) -> None:
    past = Past(reached=Phase.NEW)
    past.asks(suspend=suspended)
    past.status(phase=Phase.PLANNING, planning_start_time=past.at)
    past.wait(waited)
    assert complaints(past.history(cut=True)) == ()


def test_a_person_is_waited_for_longer_than_validation_may_take() -> None:
    assert complaints(waits_for_approval(DEFAULTS.validation_timeout + 2 * MINUTE).history(cut=True)) == ()


def test_what_a_step_promised_is_waited_for_beyond_its_own_limit() -> None:
    waited = DEFAULTS.step_timeout + DEFAULTS.postcondition_timeout
    assert complaints(waits_for_its_promise(waited).history(cut=True)) == ()


def test_a_pause_has_no_limit() -> None:
    past = Past(timeout="5m")
    past.asks(suspend=True)
    past.status(phase=Phase.PAUSED, paused_from=Phase.EXECUTING, paused_at=past.at)
    past.wait(500 * MINUTE)
    assert complaints(past.history(cut=True)) == ()
