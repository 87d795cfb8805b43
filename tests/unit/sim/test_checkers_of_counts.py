"""Each count that S9 judges is missed where the history shows its cause and nobody counted (BR-WF-024)."""

from collections.abc import Callable

import pytest

from sim import counts
from sim.checkers import s9_metrics_equal_state
from sim.counts import CHANGES, CHECKS, DELETED, ENDED_AGAIN, ERRORS, REFUSED
from tests.unit.sim.support import Past
from wfexec.adapters.catalogue import FAMILIES
from wfexec.model.base import evolve
from wfexec.model.phases import CheckType, Phase, StepState, UndoState, WorkflowOutcome
from wfexec.model.status import (
    AdaptiveAdjustment,
    CheckResult,
    StepRollback,
    ValidationResults,
    WorkflowResult,
)

PASSED = CheckResult(type=CheckType.RBAC, passed=True, required=True)
MISSED = CheckResult(type=CheckType.HEALTH, passed=False, required=True)
CHECKED = ValidationResults(checks=(PASSED, MISSED))


def refused_in_planning() -> Past:
    past = Past([{}], reached=Phase.PLANNING)
    past.status(phase=Phase.FAILED, failure_reason="planning_error: no such action", completion_time=past.at)
    return past


def refused_in_validating() -> Past:
    past = Past([{}], reached=Phase.VALIDATING)
    reason = "safety_validation_failed: health check failed"
    past.status(phase=Phase.FAILED, failure_reason=reason, validation_results=CHECKED, completion_time=past.at)
    return past


def not_approved() -> Past:
    past = Past([{}], reached=Phase.VALIDATING)
    past.status(validation_results=CHECKED)
    past.status(phase=Phase.FAILED, failure_reason="approval_rejected: no", completion_time=past.at)
    return past


def step_failed() -> Past:
    past = Past([{}])
    past.step(1, StepState.EXECUTING)
    past.step(1, StepState.FAILED)
    return past


def step_blocked() -> Past:
    past = Past([{}])
    past.step(1, StepState.BLOCKED)
    return past


def too_late() -> Past:
    past = Past([{}])
    past.status(phase=Phase.ROLLING_BACK, failure_reason="workflow_timeout: the workflow's deadline passed")
    return past


def undo_failed() -> Past:
    past = Past([{}])
    past.step(1, StepState.COMPLETED, rollback=StepRollback(status=UndoState.EXECUTING))
    past.step(1, StepState.COMPLETED, rollback=StepRollback(status=UndoState.FAILED))
    return past


def made_worse() -> Past:
    past = Past([{}])
    past.status(phase=Phase.MONITORING)
    past.status(phase=Phase.FAILED, failure_reason="workflow_triggered_new_alerts: X", completion_time=past.at)
    return past


def definition_changed_while_watched() -> Past:
    past = Past([{}])
    past.status(phase=Phase.MONITORING)
    result = WorkflowResult(outcome=WorkflowOutcome.UNKNOWN, effectiveness_score=0, reason="planning_error: spec")
    past.status(phase=Phase.COMPLETED, workflow_result=result, completion_time=past.at)
    return past


def adjusted() -> Past:
    past = Past([{}])
    change = AdaptiveAdjustment(
        timestamp=1, adjustment="timeout 5m → 6m", reason="it took long", adjustment_type="timeout"
    )
    past.status(adaptive_adjustments=(change,))
    return past


def let_go() -> Past:
    past = Past([{}])
    past.deleting()
    past.workflow = evolve(past.workflow, metadata=evolve(past.workflow.metadata, finalizers=()))
    past.status(message="gone")
    return past


def ended_again() -> Past:
    past = Past([{}])
    failed = WorkflowResult(outcome=WorkflowOutcome.FAILED, effectiveness_score=0)
    past.status(phase=Phase.FAILED, workflow_result=failed, completion_time=past.at)
    past.status(phase=Phase.EXECUTING)
    past.status(phase=Phase.FAILED, workflow_result=failed, completion_time=past.at)
    return past


CAUSES: dict[Callable[[], Past], set[tuple[str, tuple[str, ...]]]] = {
    refused_in_planning: {(REFUSED, ()), (ERRORS, ("planning",))},
    refused_in_validating: {
        (REFUSED, ()),
        (ERRORS, ("validating",)),
        (CHECKS, ("rbac", "pass")),
        (CHECKS, ("health", "fail")),
    },
    not_approved: {(REFUSED, ()), (ERRORS, ("validating",))},
    step_failed: {(ERRORS, ("executing",))},
    step_blocked: {(ERRORS, ("executing",))},
    too_late: {(ERRORS, ("executing",))},
    undo_failed: {(ERRORS, ("rolling_back",))},
    made_worse: {(ERRORS, ("monitoring",))},
    definition_changed_while_watched: {(ERRORS, ("monitoring",))},
    adjusted: {(CHANGES, ("timeout",))},
    let_go: {(DELETED, ())},
    ended_again: {(ENDED_AGAIN, ("failed",))},
}
_BESIDE = frozenset({REFUSED, ERRORS, CHECKS, CHANGES, DELETED, ENDED_AGAIN})


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.__name__)
def test_what_the_history_shows_is_to_be_counted_once(cause: Callable[[], Past]) -> None:
    history = cause().history(listening=True)
    found = {series: times for series, times in counts.shown(history).items() if series[1] in _BESIDE and times}
    assert found == {("shop/repair", *one): 1 for one in CAUSES[cause]}
    missed = [one.message for one in s9_metrics_equal_state.check(history)]
    for metric, labels in CAUSES[cause]:
        name = metric + (f"{{{', '.join(labels)}}}" if labels else "")
        assert f"{name} tells 0, and it happened 1 times" in missed


def test_only_what_is_declared_is_judged() -> None:
    declared = {family.name: len(family.labels) for family in FAMILIES}
    for metric, places in counts.JUDGED.items():
        assert places.stop <= declared[metric]
