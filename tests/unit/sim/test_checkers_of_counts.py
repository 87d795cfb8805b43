"""Each count that S9 judges is missed where the history shows its cause and nobody counted (BR-WF-024)."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from sim import counts, gauges
from sim.checkers import s9_metrics_equal_state
from sim.counts import (
    BATCH,
    CHANGES,
    CHECKS,
    CIRCULAR,
    CONDITIONS,
    DELETED,
    ENDED_AGAIN,
    ERRORS,
    EXHAUSTED,
    REFUSED,
    ROLLBACKS,
    TOOK,
)
from sim.history import History
from sim.readings import HEARD_MS, Reading
from sim.trace import Incident
from tests.unit.sim.support import Past, manifest, run
from wfexec.adapters.catalogue import FAMILIES
from wfexec.engine.totals import Levels, levels
from wfexec.model.base import evolve
from wfexec.model.execution import ConditionResult
from wfexec.model.meta import Condition
from wfexec.model.phases import (
    CheckType,
    ErrorType,
    Phase,
    RollbackStrategy,
    StepState,
    Strategy,
    UndoState,
    WorkflowOutcome,
)
from wfexec.model.plan import CountRecord
from wfexec.model.requests import Kind, ObjectKey
from wfexec.model.status import (
    AdaptiveAdjustment,
    AttemptStatus,
    Batch,
    CheckResult,
    ExecutionPlan,
    PlannedStep,
    RollbackStatus,
    StepPolicy,
    StepRollback,
    ValidationResults,
    WorkflowResult,
)
from wfexec.model.workflow import StepCondition

PASSED = CheckResult(type=CheckType.RBAC, passed=True, required=True)
MISSED = CheckResult(type=CheckType.HEALTH, passed=False, required=True)
CHECKED = ValidationResults(checks=(PASSED, MISSED))


def refused_in_planning() -> Past:
    past = Past([{}], reached=Phase.PLANNING)
    past.status(
        phase=Phase.FAILED, failure_reason="planning_error: no such action", error_type=ErrorType.VALIDATION_ERROR
    )
    return past


def refused_in_validating() -> Past:
    past = Past([{}], reached=Phase.VALIDATING)
    reason = "safety_validation_failed: health check failed"
    error = ErrorType.VALIDATION_ERROR
    past.status(phase=Phase.FAILED, failure_reason=reason, error_type=error, validation_results=CHECKED)
    return past


def not_approved() -> Past:
    past = Past([{}], reached=Phase.VALIDATING)
    past.status(validation_results=CHECKED)
    past.status(phase=Phase.FAILED, failure_reason="approval_rejected: no", error_type=ErrorType.REJECTED)
    return past


def step_failed() -> Past:
    past = Past([{}])
    past.step(1, StepState.EXECUTING)
    past.step(1, StepState.FAILED, error_type=ErrorType.OOM_KILLED)
    return past


def failed_for_nobody_knows_what() -> Past:
    past = Past([{}])
    past.step(1, StepState.EXECUTING)
    past.step(1, StepState.FAILED)
    return past


def step_blocked() -> Past:
    past = Past([{}])
    past.step(1, StepState.BLOCKED, error_type=ErrorType.BLOCKED)
    return past


def too_late() -> Past:
    past = Past([{}])
    late = "workflow_timeout: the workflow's deadline passed"
    past.status(phase=Phase.ROLLING_BACK, failure_reason=late, error_type=ErrorType.TIMEOUT)
    return past


def undone_for(reason: str, by: str = "") -> Callable[[], Past]:
    def begun() -> Past:
        past = Past([{}])
        rollback = RollbackStatus(strategy=RollbackStrategy.AUTOMATIC, start_time=past.at, requested_by=by)
        past.status(phase=Phase.ROLLING_BACK, failure_reason=reason, rollback=rollback)
        return past

    begun.__name__ = f"undone_for_{reason.partition(':')[0] or 'nothing'}_{by or 'of_its_own'}"
    return begun


def undo_failed() -> Past:
    past = Past([{}])
    past.step(1, StepState.COMPLETED, rollback=StepRollback(status=UndoState.EXECUTING))
    past.step(1, StepState.COMPLETED, rollback=StepRollback(status=UndoState.FAILED, message="quota: x"))
    return past


def made_worse() -> Past:
    past = Past([{}])
    past.status(phase=Phase.MONITORING)
    past.status(
        phase=Phase.FAILED, failure_reason="workflow_triggered_new_alerts: X", error_type=ErrorType.VALIDATION_ERROR
    )
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


def tried_in_vain() -> Past:
    past = Past([{}])
    plan = ExecutionPlan(
        strategy=Strategy.SEQUENTIAL,
        rollback_strategy=RollbackStrategy.NONE,
        estimated_duration=1,
        steps=(PlannedStep(step_number=1, timeout=1, max_retries=1),),
        batches=(Batch(batch_number=1, steps=(1,), parallel=False),),
    )
    past.status(execution_plan=plan)
    past.step(1, StepState.EXECUTING, retries_attempted=1, start_time=past.at)
    past.step(1, StepState.FAILED, retries_attempted=1, error_type=ErrorType.EVICTED)
    past.status(completed_batches=1, last_heartbeat=past.at)
    return past


def judged_for_good() -> Past:
    """By conditions of the step itself, of the registry and by what the workflow says of both."""
    own = {"type": "up", "expr": "true"}
    changed = {"scale_deployment": {"postconditions": {"up": {"required": False}, "on": {"required": True}}}}
    past = Past([{"preConditions": [own]}], conditionOverrides=changed)
    up, down = (ConditionResult(condition_type=one, evaluated=True) for one in ("up", "on"))
    shared = StepPolicy(
        version="1",
        pre=(StepCondition(type="on", expr="true", required=False),),
        post=(StepCondition(type="up", expr="true"), StepCondition(type="on", expr="true", required=False)),
    )
    past.step(
        1, StepState.EXECUTING, ready_time=1, policy=shared, pre_condition_results=(evolve(up, passed=True), down)
    )
    done = (AttemptStatus(name="repair-step-1", phase="completed", start_time=1, end_time=2),)
    past.step(1, StepState.COMPLETED, attempts=done, post_condition_results=(evolve(up, passed=True), down))
    return past


def goes_in_a_circle() -> Past:
    past = Past([{}], reached=Phase.PLANNING)
    planned = Condition(type="Planned", status="False", reason="self_dependency", last_transition_time=1)
    past.status(
        phase=Phase.FAILED,
        conditions=(planned,),
        failure_reason="planning_error: x",
        error_type=ErrorType.VALIDATION_ERROR,
    )
    return past


BAD = "validation_error"
CAUSES: dict[Callable[[], Past], set[tuple[str, tuple[str, ...]]]] = {
    refused_in_planning: {(REFUSED, ()), (ERRORS, (BAD, "planning"))},
    refused_in_validating: {
        (REFUSED, ()),
        (ERRORS, (BAD, "validating")),
        (CHECKS, ("rbac", "pass")),
        (CHECKS, ("health", "fail")),
    },
    not_approved: {(REFUSED, ()), (ERRORS, ("rejected", "validating"))},
    step_failed: {(ERRORS, ("oom_killed", "executing"))},
    failed_for_nobody_knows_what: {(ERRORS, ("unknown_error", "executing"))},
    step_blocked: {(ERRORS, ("blocked", "executing"))},
    too_late: {(ERRORS, ("timeout", "executing")), (ROLLBACKS, ("repair", "step_failure"))},
    undone_for("step_failed: x"): {(ROLLBACKS, ("repair", "step_failure"))},
    undone_for("step_failed: x", by="ada"): {(ROLLBACKS, ("repair", "manual"))},
    undone_for(""): {(ROLLBACKS, ("repair", "manual"))},
    undone_for("rollback_triggered: x"): {(ROLLBACKS, ("repair", "validation_failure"))},
    undo_failed: {(ERRORS, ("quota", "rolling_back"))},
    made_worse: {(ERRORS, (BAD, "monitoring"))},
    definition_changed_while_watched: {(ERRORS, (BAD, "monitoring"))},
    adjusted: {(CHANGES, ("timeout",))},
    let_go: {(DELETED, ())},
    ended_again: {(ENDED_AGAIN, ("repair", "failed"))},
    tried_in_vain: {(EXHAUSTED, ("scale-deployment",)), (ERRORS, ("evicted", "executing")), (BATCH, ("1",))},
    judged_for_good: {
        (CONDITIONS, ("pre", "passed", "true")),
        (CONDITIONS, ("pre", "failed", "false")),
        (CONDITIONS, ("post", "passed", "false")),
        (CONDITIONS, ("post", "failed", "true")),
        (TOOK, ("scale-deployment",)),
    },
    goes_in_a_circle: {(CIRCULAR, ()), (REFUSED, ()), (ERRORS, (BAD, "planning"))},
}
_BESIDE = frozenset(
    {REFUSED, ERRORS, CHECKS, CHANGES, DELETED, ENDED_AGAIN, EXHAUSTED, BATCH, CONDITIONS, ROLLBACKS, TOOK, CIRCULAR}
)


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.__name__)
def test_what_the_history_shows_is_to_be_counted_once(cause: Callable[[], Past]) -> None:
    history = cause().history(listening=True)
    found = {series: times for series, times in counts.shown(history).items() if series[1] in _BESIDE and times}
    assert found == {("shop/repair", *one): 1 for one in CAUSES[cause]}
    missed = [one.message for one in s9_metrics_equal_state.check(history)]
    for metric, labels in CAUSES[cause]:
        name = metric + (f"{{{', '.join(labels)}}}" if labels else "")
        assert f"{name} tells 0, and it happened 1 time" in missed


def test_every_family_of_the_catalogue_is_judged_or_it_is_said_why_not() -> None:
    named = [*counts.JUDGED, *gauges.LEVELS, *counts.EXCUSED]
    assert sorted(named) == sorted(family.name for family in FAMILIES)


def test_a_histogram_that_measured_something_else_is_found() -> None:
    past = tried_in_vain()
    past.told.append((ObjectKey(Kind.WORKFLOW, "shop", "repair"), CountRecord(BATCH, ("1",), 3.0)))
    took = (past.workflow.status.last_heartbeat or 0) - (past.workflow.status.step_statuses[0].start_time or 0)
    found = [one.message for one in s9_metrics_equal_state.check(past.history(listening=True)) if BATCH in one.message]
    assert found == [f"{BATCH}{{1}} tells 3.0, and it was {took / 1_000}"]


def watched() -> tuple[Past, Reading, Reading]:
    """What the gauges showed rightly of a step at work, and wrongly of the same a quiet while later."""
    past = Past([{}])
    past.step(1, StepState.EXECUTING)
    past.wait(HEARD_MS)
    right = Reading(past.at, levels([past.workflow]))
    past.wait(HEARD_MS)
    wrong = Reading(past.at, right.levels._replace(running=0))
    past.step(1, StepState.COMPLETED)
    past.status(phase=Phase.COMPLETED, completion_time=past.at)
    return past, right, wrong


def shown_wrongly(history: History) -> list[str]:
    return [one.message for one in s9_metrics_equal_state.check(history) if "the gauges show" in one.message]


def test_a_gauge_that_was_wrong_while_the_run_lasted_is_found_although_it_is_right_at_the_end() -> None:
    past, right, wrong = watched()
    past.wait(HEARD_MS)
    history = past.history()._replace(levels=levels([past.workflow]))
    assert shown_wrongly(history._replace(readings=(right,))) == []
    assert shown_wrongly(history._replace(readings=(right, wrong))) == ["the gauges show running 0, and it is 1"]


def test_gauges_are_not_judged_before_everybody_has_heard_nor_once_something_broke() -> None:
    past, _, wrong = watched()
    history = past.history()._replace(readings=(wrong,))
    assert shown_wrongly(history) != []
    assert shown_wrongly(history._replace(heard_ms=3 * HEARD_MS)) == []
    past.records.insert(0, Incident(wrong.at - 1, "controller-0", "crashed"))
    assert shown_wrongly(past.history()._replace(readings=(wrong,))) == []


def test_gauges_are_read_before_a_change_that_ends_a_quiet_while() -> None:
    history = run(manifest([{}])).history
    changes = [move.at for move in history.workflows]
    quiet = [at for last, at in pairwise(changes) if at - last >= history.heard_ms]
    assert [one.at for one in history.readings] == quiet
    assert [one.levels.running for one in history.readings] == [1, 0]


@pytest.mark.parametrize("field", Levels._fields)
def test_a_gauge_that_shows_something_else_is_found(field: str) -> None:
    past = Past([{}])
    past.step(1, StepState.EXECUTING)
    past.wait(HEARD_MS)
    history = past.history(listening=True)
    right = levels([past.workflow])
    assert right.running == 1
    shown = getattr(right, field)
    other: Any = (*shown, ("shop", "other", "executing", 1)) if isinstance(shown, tuple) else 7
    wrong = right._replace(**{field: other})
    for told, count in ((right, 0), (wrong, 1)):
        found = [one.message for one in s9_metrics_equal_state.check(history._replace(levels=told))]
        assert sum("the gauges show" in one for one in found) == count
