"""The checker of how failures are answered (S13) speaks about its own planted defects, and about nothing else."""

from collections.abc import Callable
from typing import Any

import pytest

from sim.alerts import Firing, labels_of
from sim.checkers import complaints
from sim.history import History
from tests.unit.sim.support import Past
from wfexec.model.execution import ConditionResult
from wfexec.model.meta import ANNOTATION_ROLLBACK
from wfexec.model.phases import ErrorType, ExecutionPhase, Phase, StepState, WorkflowOutcome
from wfexec.model.status import AttemptStatus, WorkflowResult
from wfexec.settings import Settings

MINUTE = 60_000
SUCCESS = WorkflowResult(outcome=WorkflowOutcome.SUCCESS, effectiveness_score=1)
UNKNOWN = WorkflowResult(outcome=WorkflowOutcome.UNKNOWN, effectiveness_score=1)
FAILED = WorkflowResult(outcome=WorkflowOutcome.FAILED, effectiveness_score=0)
WATCHING = Settings(alertmanager_url="http://alerts:9093")
KEPT = {"type": "kept", "expr": "true", "timeout": "1m"}
MANUAL: dict[str, Any] = {"executionStrategy": {"rollbackStrategy": "manual"}}


def ran(steps: list[dict[str, Any]] | None = None, **spec: Any) -> Past:
    """One step has completed and is watched."""
    past = Past([{}] if steps is None else steps, **spec)
    past.step(1, StepState.EXECUTING)
    past.ends(past.child(1))
    made = AttemptStatus(name="repair-step-1", phase="completed", start_time=past.at)
    past.step(1, StepState.COMPLETED, attempts=(made,))
    return past


def watched(steps: list[dict[str, Any]] | None = None, **spec: Any) -> Past:
    past = ran(steps, **spec)
    past.status(phase=Phase.MONITORING, monitoring_start_time=past.at)
    return past


def second_fails(second: dict[str, Any]) -> Past:
    """Of two steps; watched all the same."""
    past = ran([{}, second])
    past.step(2, StepState.EXECUTING)
    past.ends(past.child(2), ExecutionPhase.FAILED)
    past.step(2, StepState.FAILED, error_type=ErrorType.TIMEOUT)
    past.status(phase=Phase.MONITORING, monitoring_start_time=past.at)
    return past


def falls(past: Past, **changes: Any) -> None:
    result = ConditionResult(condition_type="kept", evaluated=True, passed=False, evaluation_time=past.at)
    past.step(1, changes.pop("state", StepState.COMPLETED), post_condition_results=(result,), **changes)


def ends(past: Past, result: WorkflowResult, reason: str = "") -> None:
    phase = Phase.FAILED if result is FAILED else Phase.COMPLETED
    past.status(phase=phase, completion_time=past.at, workflow_result=result, failure_reason=reason)


def fired(past: Past, begins: int, name: str = "d1") -> tuple[Firing, ...]:
    return (Firing(labels_of("Slow", "Deployment", "shop", name), begins, past.at + MINUTE),)


def nothing_undone() -> History:
    past = watched()
    ends(past, FAILED, "workflow_triggered_new_alerts: Slow")
    return past.history()


def nothing_undone_after_the_deadline() -> History:
    past = ran([{}, {}])
    ends(past, FAILED, "workflow_timeout: the workflow's deadline passed")
    return past.history()


def undone_unasked() -> History:
    past = watched(**MANUAL)
    past.status(phase=Phase.ROLLING_BACK, rollback_start_time=past.at)
    ends(past, FAILED, "rollback_triggered: it is ill")
    return past.history()


def failure_called_success() -> History:
    past = second_fails({"criticalStep": False})
    ends(past, SUCCESS)
    return past.history()


def critical_failure_passed_over() -> History:
    past = second_fails({})
    ends(past, UNKNOWN)
    return past.history()


def broken_promise_called_success() -> History:
    past = watched([{"postConditions": [KEPT]}])
    falls(past)
    ends(past, SUCCESS)
    return past.history()


def broken_promise_ignored() -> History:
    past = watched([{"postConditions": [KEPT]}])
    falls(past)
    past.wait(MINUTE + 2 * MINUTE)
    ends(past, UNKNOWN)
    return past.history()


def nothing_broken() -> History:
    past = watched([{"postConditions": [KEPT]}], **MANUAL)
    ends(past, FAILED, "ineffective: postcondition kept of step 1 no longer holds")
    return past.history()


def alert_called_success() -> History:
    past = watched()
    begins = past.at + 2_000
    past.wait(MINUTE)
    ends(past, SUCCESS)
    return past.history(WATCHING, alerts=fired(past, begins))


def alert_made_up() -> History:
    past = watched(**MANUAL)
    past.wait(MINUTE)
    ends(past, FAILED, "workflow_triggered_new_alerts: Slow on Deployment shop/d1")
    return past.history(WATCHING, alerts=fired(past, past.at - MINUTE, "another"))


DEFECTS: dict[Callable[[], History], str] = {
    nothing_undone: "undid nothing, although its strategy is automatic",
    nothing_undone_after_the_deadline: "failed (workflow_timeout) and undid nothing",
    undone_unasked: "although its strategy is manual and nobody asked for it",
    failure_called_success: "called a success, although a step failed",
    critical_failure_passed_over: "although its critical step 2 failed",
    broken_promise_called_success: "although kept of step 1 does not hold",
    broken_promise_ignored: "still watched 120",
    nothing_broken: "although every postcondition holds",
    alert_called_success: "although alert Slow fires",
    alert_made_up: "failed for new alerts, and none began",
}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_a_planted_defect_is_named_by_its_own_checker_alone(defect: Callable[[], History]) -> None:
    found = complaints(defect())
    assert {complaint.check for complaint in found} == {"S13"}, found
    assert any(DEFECTS[defect] in complaint.message for complaint in found), found


def silent(past: Past, settings: Settings = WATCHING, **more: Any) -> bool:
    return complaints(past.history(settings, **more)) == ()


def test_a_rollback_that_a_person_asks_for_is_none_of_the_strategys() -> None:
    past = watched(**MANUAL)
    past.marks({ANNOTATION_ROLLBACK: "requested"})
    past.status(phase=Phase.ROLLING_BACK, rollback_start_time=past.at)
    ends(past, FAILED, "rolled_back: at the request of alice")
    assert silent(past)


def test_a_rollback_that_begins_and_ends_in_one_write_has_been_one() -> None:
    past = watched()
    past.status(
        phase=Phase.FAILED, completion_time=past.at, rollback_start_time=past.at, failure_reason="step_failed: x"
    )
    assert silent(past)


def test_an_optional_postcondition_and_one_of_the_controllers_own_break_nothing() -> None:
    optional = watched([{"postConditions": [{**KEPT, "required": False}]}])
    falls(optional)
    optional.wait(5 * MINUTE)
    ends(optional, SUCCESS)
    own = watched()
    falls(own)
    own.wait(5 * MINUTE)
    ends(own, SUCCESS)
    overridden = {"scale-deployment": {"postconditions": {"kept": {"required": False}}}}
    override = watched([{"postConditions": [KEPT]}], conditionOverrides=overridden)
    falls(override)
    ends(override, SUCCESS)
    assert all(silent(one) for one in (optional, own, override))


@pytest.mark.parametrize(("begins", "name"), [(-10_000, "d1"), (50_000, "d1"), (2_000, "another")])
def test_an_old_alert_one_of_the_last_moment_and_one_about_others_spoil_no_success(begins: int, name: str) -> None:
    past = watched()
    at = past.at + begins
    past.wait(MINUTE)
    ends(past, SUCCESS)
    assert silent(past, alerts=fired(past, at, name))


def test_where_nobody_watches_alerts_they_are_not_held_against_anybody() -> None:
    past = watched()
    at = past.at + 2_000
    past.wait(MINUTE)
    ends(past, SUCCESS)
    assert silent(past, Settings(), alerts=fired(past, at))
    assert silent(past, WATCHING, alerts=None)
