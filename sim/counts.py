"""Which counts does the history of a run show? By workflow, metric and the labels that are judged (BR-WF-024)."""

from collections import Counter
from typing import Final

from sim.history import History, WorkflowMove
from wfexec.model.meta import FINALIZER
from wfexec.model.phases import TERMINAL, Phase, StepState, UndoState
from wfexec.model.status import StepStatus, WorkflowExecution

_K: Final = "kubernaut_workflowexecution_"
CREATED: Final = "workflowexecution_created_total"
DELETED: Final = "workflowexecution_deleted_total"
REFUSED: Final = "workflowexecution_validation_failures_total"
PLANNED: Final = "workflowexecution_workflow_steps_total"
EFFICIENCY: Final = f"{_K}parallel_execution_efficiency"
LIFE: Final = "workflowexecution_lifecycle_duration_seconds"
ENDED: Final = f"{_K}executions_total"
ENDED_AGAIN: Final = f"{_K}retried_executions_total"
SCORE: Final = f"{_K}effectiveness_score"
DURATION: Final = f"{_K}phase_duration_seconds"
STARTED: Final = f"{_K}steps_created_total"
STEPS: Final = f"{_K}steps_completed_total"
ROLLBACKS: Final = f"{_K}rollbacks_total"
CHECKS: Final = f"{_K}safety_validation_total"
CHANGES: Final = f"{_K}adaptive_adjustments_total"
ERRORS: Final = f"{_K}errors_total"
# Which labels of a metric are judged, by their places; names of definitions may come from a template.
JUDGED: Final[dict[str, slice]] = {
    CREATED: slice(0, 0),
    DELETED: slice(0, 0),
    REFUSED: slice(0, 0),
    PLANNED: slice(0, 0),
    EFFICIENCY: slice(0, 0),
    LIFE: slice(0, 0),
    ENDED: slice(1, 2),
    ENDED_AGAIN: slice(1, 2),
    SCORE: slice(0, 0),
    DURATION: slice(0, 1),
    STARTED: slice(1, 2),
    STEPS: slice(1, 3),
    ROLLBACKS: slice(0, 0),
    CHECKS: slice(0, 2),
    CHANGES: slice(0, 1),
    ERRORS: slice(1, 2),
}
_TIMED: Final = frozenset({Phase.PLANNING, Phase.VALIDATING, Phase.EXECUTING, Phase.MONITORING, Phase.ROLLING_BACK})
_OUTCOMES: Final = {"success": "success", "partial_success": "partial", "failed": "failed", "unknown": "unknown"}
_JUDGED_BADLY: Final = ("safety_validation_failed:", "dry_run_failed: step ")
_WORSE: Final = ("workflow_triggered_new_alerts", "ineffective")
_CHANGED: Final = ("planning_error:", "status_inconsistent:")
_LATE: Final = "workflow_timeout: the workflow's deadline passed"
Series = tuple[str, str, tuple[str, ...]]


def shown(history: History) -> Counter[Series]:
    """How often each series must have counted."""
    found = Counter[Series]()
    ended: set[str] = set()
    for move in history.workflows:
        if move.before is not None:
            _moved(found, ended, move.before, move)
    _steps(found, history)
    return found


def hops(before: WorkflowExecution, after: WorkflowExecution) -> tuple[tuple[str, str], ...]:
    """From phase to phase within one write: a rollback that finds nothing to undo begins and ends in the same one."""
    source, target = before.status.phase, after.status.phase
    rollback = Phase.ROLLING_BACK
    passed = before.status.rollback_start_time != after.status.rollback_start_time
    if passed and rollback not in (source, target):
        return ((source, rollback), (rollback, target))
    return ((source, target),)


def _about(workflow: WorkflowExecution) -> str:
    return f"{workflow.metadata.namespace}/{workflow.metadata.name}"


def _moved(found: Counter[Series], ended: set[str], before: WorkflowExecution, move: WorkflowMove) -> None:
    after, about = move.after, _about(before)
    if FINALIZER in before.metadata.finalizers and (after is None or FINALIZER not in after.metadata.finalizers):
        found[about, DELETED, ()] += 1
    if after is None or before.status is after.status:
        return
    for change in after.status.adaptive_adjustments[len(before.status.adaptive_adjustments) :]:
        found[about, CHANGES, (str(change.adjustment_type),)] += 1
    if before.status.phase == after.status.phase:
        return
    for source, target in hops(before, after):
        if not source:
            found[about, CREATED, ()] += 1
        if source in _TIMED:
            found[about, DURATION, (str(source),)] += 1
        if target == Phase.ROLLING_BACK:
            found[about, ROLLBACKS, ()] += 1
    _judged(found, before, after)
    if after.status.phase in TERMINAL:
        _over(found, ended, after)


def _judged(found: Counter[Series], before: WorkflowExecution, after: WorkflowExecution) -> None:
    about, status, source = _about(after), after.status, before.status.phase
    left = before.status.paused_from or source if source == Phase.PAUSED else source
    failed = status.phase == Phase.FAILED
    reason = status.failure_reason
    if source == Phase.PLANNING and status.phase == Phase.VALIDATING:
        found[about, PLANNED, ()] += 1
        found[about, EFFICIENCY, ()] += 1
    if failed and left in (Phase.PLANNING, Phase.VALIDATING):
        found[about, ERRORS, (str(left),)] += 1
        # A status that somebody edited is no refusal.
        found[about, REFUSED, ()] += not reason.startswith("status_inconsistent:")
    elif (failed and reason.startswith(_CHANGED)) or _result(after).startswith(_CHANGED):
        found[about, ERRORS, (str(left),)] += 1
    if source == Phase.VALIDATING and (
        status.phase == Phase.EXECUTING or (failed and reason.startswith(_JUDGED_BADLY))
    ):
        results = status.validation_results
        for check in results.checks if results is not None else ():
            found[about, CHECKS, (str(check.type), "pass" if check.passed else "fail")] += 1
    if source == Phase.MONITORING and reason.startswith(_WORSE):
        found[about, ERRORS, (str(Phase.MONITORING),)] += 1
    if left == Phase.EXECUTING and reason.startswith(_LATE) and not before.status.failure_reason:
        found[about, ERRORS, (str(Phase.EXECUTING),)] += 1


def _result(workflow: WorkflowExecution) -> str:
    result = workflow.status.workflow_result
    return result.reason if result is not None else ""


def _over(found: Counter[Series], ended: set[str], after: WorkflowExecution) -> None:
    about, status = _about(after), after.status
    result = status.workflow_result
    outcome = _OUTCOMES[result.outcome] if result is not None else ""
    label = "cancelled" if status.phase == Phase.CANCELLED else outcome
    if after.metadata.uid not in ended:
        ended.add(after.metadata.uid)
        found[about, ENDED, (label,)] += 1
        found[about, SCORE, ()] += 1
        found[about, LIFE, ()] += 1
    elif status.rollback is None:
        found[about, ENDED_AGAIN, (label,)] += 1


def _steps(found: Counter[Series], history: History) -> None:
    for move in history.steps:
        about, after = _about(move.workflow), move.after
        source = move.before.status if move.before is not None else StepState.PENDING
        if _undo(after) is UndoState.FAILED and (move.before is None or _undo(move.before) is not UndoState.FAILED):
            found[about, ERRORS, (str(Phase.ROLLING_BACK),)] += 1
        if source is after.status:
            continue
        if after.status is StepState.EXECUTING:
            found[about, STARTED, (after.action,)] += 1
        elif after.status is StepState.COMPLETED and source in (StepState.EXECUTING, StepState.RETRYING):
            found[about, STEPS, (after.action, "success")] += 1
        elif after.status is StepState.FAILED and source is not StepState.COMPLETED:
            found[about, STEPS, (after.action, "failed")] += 1
        if after.status in (StepState.FAILED, StepState.BLOCKED) and source is not StepState.COMPLETED:
            found[about, ERRORS, (str(Phase.EXECUTING),)] += 1


def _undo(step: StepStatus) -> UndoState | None:
    return step.rollback.status if step.rollback is not None else None
