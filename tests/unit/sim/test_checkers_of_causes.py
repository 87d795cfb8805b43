"""S6 asks of every rollback why it was begun and who asked for it: each answer is false once (BR-WF-050, BR-WF-052)."""

from collections.abc import Callable
from typing import Any

import pytest

from sim.checkers import s6_cause_and_requester
from tests.unit.sim.support import Past
from wfexec.model.meta import ANNOTATION_ROLLBACK, ANNOTATION_ROLLBACK_BY, ANNOTATION_ROLLBACK_TO, Condition
from wfexec.model.phases import Phase, RollbackStrategy, StepState, Strategy
from wfexec.model.status import ExecutionPlan, RollbackStatus
from wfexec.model.workflow import CancelRollback, OnCancel

MINUTE = 60_000
AUTOMATIC, MANUAL = RollbackStrategy.AUTOMATIC, RollbackStrategy.MANUAL


def ran(strategy: RollbackStrategy = AUTOMATIC, **spec: Any) -> Past:
    """Two steps of which the first completed."""
    past = Past([{}, {}], **spec)
    plan = ExecutionPlan(strategy=Strategy.SEQUENTIAL, rollback_strategy=strategy, estimated_duration=1)
    past.status(execution_plan=plan)
    past.step(1, StepState.COMPLETED, end_time=past.at)
    return past


def begins(past: Past, *, by: str = "", to_step: int | None = None, why: str = "", failure: str = "") -> Past:
    status = RollbackStatus(
        strategy=AUTOMATIC, start_time=past.at, order=(1,), total=1, requested_by=by, to_step=to_step,
        reason=f"requested by {by}" if by else why,
    )  # fmt: skip
    past.status(phase=Phase.ROLLING_BACK, rollback=status, failure_reason=failure)
    return past


def asked(by: str = "ada", **more: str) -> Past:
    past = ran(MANUAL)
    past.marks({ANNOTATION_ROLLBACK: "requested", ANNOTATION_ROLLBACK_BY: by, **more})
    return past


def failed(**spec: Any) -> Past:
    past = ran(**spec)
    past.step(2, StepState.FAILED)
    return past


def accepted(past: Past, message: str) -> Past:
    said = Condition(
        type="RollbackRequested", status="True", reason="Accepted", message=message, last_transition_time=past.at
    )
    past.status(conditions=(said,))
    return past


def triggered() -> Past:
    past = ran()
    fired = Condition(type="RollbackTriggered", status="True", reason="ConditionTrue", last_transition_time=past.at)
    past.status(conditions=(fired,))
    return past


def cancelled() -> Past:
    past = ran(MANUAL)
    past.asks(cancel=True, on_cancel=OnCancel(rollback=CancelRollback.AUTOMATIC))
    return past


def watched() -> Past:
    past = ran()
    past.status(phase=Phase.MONITORING)
    return past


def late(ms: int) -> Past:
    past = ran(timeout="5m")
    past.wait(ms)
    return past


def ends(past: Past, reason: str) -> Past:
    past.status(phase=Phase.FAILED, failure_reason=reason, completion_time=past.at)
    return past


def told(past: Past, message: str) -> Past:
    past.says("RollbackStarted", message)
    return past


TO_TWO = {ANNOTATION_ROLLBACK_TO: "2"}
RIGHT: dict[str, Callable[[], Past]] = {
    "a request": lambda: begins(asked(), by="ada"),
    "a request that keeps steps": lambda: begins(asked(**TO_TWO), by="ada", to_step=2),
    "a failure": lambda: begins(failed(), why="Step 2 failed", failure="step_failed: Step 2"),
    "a deadline": lambda: begins(late(6 * MINUTE), failure="workflow_timeout: late"),
    "a trigger": lambda: begins(triggered(), failure="rollback_triggered: x"),
    "new alerts": lambda: begins(watched(), failure="workflow_triggered_new_alerts: x"),
    "no lasting effect": lambda: begins(watched(), failure="ineffective: x"),
    "a cancellation": lambda: begins(cancelled(), why="cancelled by spec.cancel"),
    "an accepted request": lambda: accepted(asked(), "by ada"),
    "an end by request": lambda: ends(begins(asked(), by="ada"), "rolled_back: at the request of ada"),
    "an event": lambda: told(begins(asked(), by="ada"), "1 step to undo: requested by ada"),
}
WRONG: dict[Callable[[], Past], str] = {
    lambda: begins(ran(), by="ada"): "rolls back at the request of ada, and nobody asks for it",
    lambda: begins(asked("eve"), by="ada"): "rolls back at the request of ada, and eve asks for it",
    lambda: begins(asked(**TO_TWO), by="ada"): "goes back to step 0, and to step 2 is asked for",
    lambda: begins(ran(), why="to be sure"): (
        "rolls back without a cause: nothing failed, nobody asked for it, nobody cancelled it"
    ),
    lambda: begins(ran(), failure="step_failed: Step 2"): "rolls back without a cause: no step failed",
    lambda: begins(late(MINUTE), failure="workflow_timeout: late"): (
        "rolls back without a cause: its deadline has not passed"
    ),
    lambda: begins(ran(), failure="rollback_triggered: x"): (
        "rolls back without a cause: no trigger is told to have come true"
    ),
    lambda: begins(ran(), failure="ineffective: x"): "rolls back without a cause: its targets are not watched yet",
    lambda: begins(failed(), failure="a_whim: x"): "rolls back without a cause: a_whim",
    lambda: begins(failed(strategy=MANUAL), failure="step_failed: Step 2"): (
        "rolls back of its own accord, although its strategy is manual"
    ),
    lambda: accepted(asked("eve"), "by ada"): "the accepted request is told as made by ada, and eve made it",
    lambda: ends(begins(asked(), by="ada"), "rolled_back: at the request of eve"): (
        "rolled_back: at the request of eve, and it was begun for ada"
    ),
    lambda: told(begins(asked(), by="ada"), "1 step to undo: requested by eve"): (
        "an event tells of a rollback that was none: 1 step to undo: requested by eve"
    ),
}


@pytest.mark.parametrize("right", RIGHT)
def test_a_rollback_with_a_cause_is_silent(right: str) -> None:
    assert list(s6_cause_and_requester.check(RIGHT[right]().history())) == []


@pytest.mark.parametrize("wrong", WRONG, ids=WRONG.values())
def test_a_rollback_without_its_cause_or_in_a_wrong_name_is_told(wrong: Callable[[], Past]) -> None:
    assert [one.message for one in s6_cause_and_requester.check(wrong().history())] == [WRONG[wrong]]
