"""Which counts does the history of a run show? By workflow, metric and the labels that are judged (BR-WF-024)."""

from collections import Counter
from typing import Final

from sim.conditions import judgements
from sim.gauges import STARTS
from sim.history import History, WorkflowMove
from sim.tellings import by_itself, hops
from sim.trace import VERBS, Written
from wfexec.model.meta import FINALIZER
from wfexec.model.phases import RETRYABLE, TERMINAL, ErrorType, Phase, StepState, UndoState
from wfexec.model.requests import Code, KeepRows, PatchMetadata
from wfexec.model.status import StepStatus, WorkflowExecution, WorkflowExecutionStatus

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
BATCH: Final = f"{_K}batch_duration_seconds"
TOOK: Final = f"{_K}step_execution_duration_seconds"
CONDITIONS: Final = "wfexec_condition_evaluations_total"
CIRCULAR: Final = f"{_K}circular_dependency_detected_total"
EXHAUSTED: Final = f"{_K}step_retry_exhausted_total"
UNKEPT: Final = f"{_K}audit_records_lost_total"
# Counters and histograms, which are judged with all their labels.
JUDGED: Final = (
    CREATED, DELETED, REFUSED, PLANNED, EFFICIENCY, LIFE, ENDED, ENDED_AGAIN, SCORE, DURATION, STARTED, STEPS,
    ROLLBACKS, CHECKS, CHANGES, ERRORS, BATCH, TOOK, CONDITIONS, CIRCULAR, EXHAUSTED, UNKEPT,
)  # fmt: skip
_PROCESS: Final = "what the process did, by its own clock and memory, stands in no object"
# Why the other families of the catalogue are not judged.
EXCUSED: Final[dict[str, str]] = {
    f"{_K}dependency_resolution_duration_seconds": _PROCESS,
    f"{_K}audit_storage_operations_total": _PROCESS,
    "wfexec_leader": _PROCESS,
    "wfexec_synced": _PROCESS,
    "wfexec_audit_enabled": _PROCESS,
    "wfexec_clock_ahead_seconds": _PROCESS,
    "wfexec_clock_set_back_seconds": _PROCESS,
    "wfexec_workflows": _PROCESS,
    "wfexec_workqueue_depth": _PROCESS,
    "wfexec_requests_in_flight": _PROCESS,
    "wfexec_throttle_pressure": _PROCESS,
    "wfexec_events_waiting": _PROCESS,
    "wfexec_looks_total": _PROCESS,
    "wfexec_write_conflicts_total": _PROCESS,
    "wfexec_lost_replies_total": _PROCESS,
    "wfexec_lists_total": _PROCESS,
    "wfexec_watch_restarts_total": _PROCESS,
    "wfexec_watch_renewals_total": _PROCESS,
    "wfexec_events_dropped_total": _PROCESS,
    "wfexec_turn_duration_seconds": _PROCESS,
    "wfexec_api_requests_total": _PROCESS,
    "wfexec_api_request_duration_seconds": _PROCESS,
    "wfexec_api_limiter_wait_seconds": _PROCESS,
}
_TIMED: Final = frozenset({Phase.PLANNING, Phase.VALIDATING, Phase.EXECUTING, Phase.MONITORING, Phase.ROLLING_BACK})
_OUTCOMES: Final = {"success": "success", "partial_success": "partial", "failed": "failed", "unknown": "unknown"}
_JUDGED_BADLY: Final = ("safety_validation_failed:", "dry_run_failed: step ")
_WORSE: Final = ("workflow_triggered_new_alerts", "ineffective")
_CHANGED: Final = ("planning_error:", "status_inconsistent:")
_LATE: Final = "workflow_timeout: the workflow's deadline passed"
# What was done did not last, or came to what the workflow itself calls the end of it.
_UNSOUND: Final = (*_WORSE, "rollback_triggered:")
_CIRCLES: Final = ("circular_dependency", "self_dependency")
_LATER_BATCHES: Final = 10
# A reply reaches nobody who has crashed, or has given up waiting, while his request was on its way.
_ON_ITS_WAY_MS: Final = 30_000
# Refused or without a reply: what was heard before is known all the same.
_KEEPING: Final = f" to a {VERBS[KeepRows]}"
Series = tuple[str, str, tuple[str, ...]]


class Shown(Counter[Series]):
    """How often each series must have counted.

    `maybe`: how much oftener it may have. `measured`: what a histogram must have seen, in thousandths; None: of this
    one the history does not tell.
    """

    def __init__(self) -> None:
        super().__init__()
        self.maybe = Counter[Series]()
        self.measured: dict[Series, list[int | None]] = {}

    def took(self, series: Series, value: float | None) -> None:
        self[series] += 1
        self.measured.setdefault(series, []).append(None if value is None else round(value * 1_000))


def shown(history: History) -> Shown:
    found = Shown()
    ended: set[str] = set()
    for move in history.workflows:
        if move.before is not None:
            _moved(found, ended, move.before, move)
    _steps(found, history)
    if history.audited:
        _unkept(found, history)
    return found


def _about(workflow: WorkflowExecution) -> str:
    return f"{workflow.metadata.namespace}/{workflow.metadata.name}"


def _moved(found: Shown, ended: set[str], before: WorkflowExecution, move: WorkflowMove) -> None:
    after, about = move.after, _about(before)
    if FINALIZER in before.metadata.finalizers and (after is None or FINALIZER not in after.metadata.finalizers):
        found[about, DELETED, ()] += 1
    if after is None or before.status is after.status:
        return
    for change in after.status.adaptive_adjustments[len(before.status.adaptive_adjustments) :]:
        found[about, CHANGES, (str(change.adjustment_type),)] += 1
    if before.status.completed_batches != after.status.completed_batches:
        _batches(found, about, before.status.completed_batches, after.status)
    if before.status.phase == after.status.phase:
        return
    began = before.status
    for source, target in hops(before, after):
        if not source:
            found[about, CREATED, ()] += 1
        _lasted(found, about, began, (source, target), after.status.last_heartbeat, _paused(before, after))
        if target == Phase.ROLLING_BACK:
            found[about, ROLLBACKS, (definition_name(after), _cause(after.status))] += 1
        began = after.status
    _judged(found, before, after)
    if after.status.phase in TERMINAL and _circular(after):
        found[about, CIRCULAR, ()] += 1
    if after.status.phase in TERMINAL:
        _over(found, ended, after)


def _lasted(
    found: Shown, about: str, began: WorkflowExecutionStatus, hop: tuple[str, str], now: int | None, paused: int
) -> None:
    """A phase counts when it is left for good, without its pauses; each pause counts by itself."""
    source, target = hop
    if source == Phase.PAUSED:
        found.took((about, DURATION, (str(source),)), _seconds(began.paused_at, now))
        left, until, paused = began.paused_from, began.paused_at, began.paused_total
        if left in _TIMED and left != target:
            found.took((about, DURATION, (str(left),)), _seconds(getattr(began, STARTS[left]), until, paused))
    elif source in _TIMED and target != Phase.PAUSED:
        found.took((about, DURATION, (str(source),)), _seconds(getattr(began, STARTS[source]), now, paused))


def _paused(before: WorkflowExecution, after: WorkflowExecution) -> int:
    """How long the phase that `before` shows was paused until the write of `after`."""
    status, now = before.status, after.status.last_heartbeat
    resting = 0 if status.paused_at is None or now is None else max(0, now - status.paused_at)
    return status.paused_total + resting


def _seconds(since: int | None, until: int | None, paused: int = 0) -> float | None:
    return None if since is None or until is None else max(0, until - since - paused) / 1_000


def _batches(found: Shown, about: str, before: int, status: WorkflowExecutionStatus) -> None:
    batches = status.execution_plan.batches if status.execution_plan is not None else ()
    begun = {step.step_number: step.start_time for step in status.step_statuses}
    for place, batch in enumerate(batches[before : status.completed_batches], before + 1):
        starts = [start for number in batch.steps if (start := begun.get(number)) is not None]
        if starts:
            label = str(place) if place < _LATER_BATCHES else f"{_LATER_BATCHES}+"
            found.took((about, BATCH, (label,)), _seconds(min(starts), status.last_heartbeat))


def _judged(found: Shown, before: WorkflowExecution, after: WorkflowExecution) -> None:
    about, status, source = _about(after), after.status, before.status.phase
    left = before.status.paused_from or source if source == Phase.PAUSED else source
    failed = status.phase == Phase.FAILED
    reason = status.failure_reason
    if source == Phase.PLANNING and status.phase == Phase.VALIDATING:
        count, plan = len(status.step_statuses), status.execution_plan
        found.took((about, PLANNED, ()), status.total_steps or None)
        beside = [len(batch.steps) for batch in plan.batches if len(batch.steps) > 1] if plan is not None else []
        found.took((about, EFFICIENCY, ()), None if plan is None else sum(beside) / max(1, count))
    if failed and left in (Phase.PLANNING, Phase.VALIDATING):
        found[about, ERRORS, (_error(status.error_type), str(left))] += 1
        # A status that somebody edited is no refusal.
        found[about, REFUSED, ()] += not reason.startswith("status_inconsistent:")
    elif (failed and reason.startswith(_CHANGED)) or _result(after).startswith(_CHANGED):
        found[about, ERRORS, (ErrorType.VALIDATION_ERROR, str(left))] += 1
    if source == Phase.VALIDATING and (
        status.phase == Phase.EXECUTING or (failed and reason.startswith(_JUDGED_BADLY))
    ):
        results = status.validation_results
        for check in results.checks if results is not None else ():
            found[about, CHECKS, (str(check.type), "pass" if check.passed else "fail")] += 1
    if source == Phase.MONITORING and reason.startswith(_WORSE):
        found[about, ERRORS, (_error(status.error_type), Phase.MONITORING)] += 1
    if left == Phase.EXECUTING and reason.startswith(_LATE) and not before.status.failure_reason:
        found[about, ERRORS, (_error(status.error_type), Phase.EXECUTING)] += 1


def definition_name(workflow: WorkflowExecution) -> str:
    """Of the workflow's own definition or of its template's; "" before that is known."""
    template, definition = workflow.status.template, workflow.spec.workflow_definition
    if definition is None and template is not None:
        definition = template.body.workflow_definition
    return definition.name if definition is not None else ""


def _cause(status: WorkflowExecutionStatus) -> str:
    """Why it rolls back, as the metric says it: without a failure, or by name, somebody wants it."""
    rollback = status.rollback
    if (rollback is not None and rollback.requested_by) or not status.failure_reason:
        return "manual"
    return "validation_failure" if status.failure_reason.startswith(_UNSOUND) else "step_failure"


def _error(error: ErrorType | None) -> str:
    return error or ErrorType.UNKNOWN_ERROR


def _circular(after: WorkflowExecution) -> bool:
    planned = next((one for one in after.status.conditions if one.type == "Planned"), None)
    return planned is not None and planned.status == "False" and planned.reason in _CIRCLES


def _result(workflow: WorkflowExecution) -> str:
    result = workflow.status.workflow_result
    return result.reason if result is not None else ""


def _over(found: Shown, ended: set[str], after: WorkflowExecution) -> None:
    about, status = _about(after), after.status
    result = status.workflow_result
    outcome = _OUTCOMES[result.outcome] if result is not None else ""
    label = "cancelled" if status.phase == Phase.CANCELLED else outcome
    if after.metadata.uid not in ended:
        ended.add(after.metadata.uid)
        found[about, ENDED, (definition_name(after), label)] += 1
        found.took((about, SCORE, ()), result.effectiveness_score if result is not None else None)
        lasted = status.execution_metrics
        found.took((about, LIFE, ()), lasted.total_duration / 1_000 if lasted is not None else None)
    elif status.rollback is None:
        found[about, ENDED_AGAIN, (definition_name(after), label)] += 1


def _steps(found: Shown, history: History) -> None:
    for move in history.steps:
        about, after = _about(move.workflow), move.after
        before = move.before if move.before is not None else _UNTOUCHED
        source = before.status
        if _undo(after) is UndoState.FAILED and _undo(before) is not UndoState.FAILED:
            assert after.rollback is not None, "it has just failed"
            found[about, ERRORS, (after.rollback.message.partition(":")[0], Phase.ROLLING_BACK)] += 1
        tries = len(after.attempts) - len(before.attempts)
        if tries > 0:
            found[about, STARTED, (definition_name(move.workflow), after.action)] += tries
        if after.pre_condition_results or after.post_condition_results:
            for one in judgements(move.workflow, before, after):
                found[about, CONDITIONS, one.labels] += one.times
                found.maybe[about, CONDITIONS, one.labels] += one.maybe
        if source is after.status:
            continue
        if after.status is StepState.COMPLETED and source in (StepState.EXECUTING, StepState.RETRYING):
            found[about, STEPS, (definition_name(move.workflow), after.action, "success")] += 1
            if by_itself(before, after):
                last = after.attempts[-1]
                found.took((about, TOOK, (after.action,)), _seconds(last.start_time, last.end_time))
        elif after.status is StepState.FAILED and source is not StepState.COMPLETED:
            found[about, STEPS, (definition_name(move.workflow), after.action, "failed")] += 1
            if source is StepState.EXECUTING and after.error_type in RETRYABLE:
                _exhausted(found, move.workflow, before, after)
        if after.status in (StepState.FAILED, StepState.BLOCKED) and source is not StepState.COMPLETED:
            found[about, ERRORS, (_error(after.error_type), Phase.EXECUTING)] += 1


def _exhausted(found: Shown, workflow: WorkflowExecution, before: StepStatus, after: StepStatus) -> None:
    """All further attempts were made; where one more was noted down and the workflow ended, it may not have been."""
    plan = workflow.status.execution_plan
    steps = {one.step_number: one.max_retries for one in plan.steps} if plan is not None else {}
    added = {one.step_number: one.max_retries for one in plan.injected} if plan is not None else {}
    most = (steps | added).get(after.step_number, 0)
    if not 0 < most <= after.retries_attempted - after.retry_base:
        return
    noted = after.retries_attempted > before.retries_attempted
    counts = found.maybe if noted else found
    counts[_about(workflow), EXHAUSTED, (after.action,)] += 1


_UNTOUCHED: Final = StepStatus(step_number=1, action="none")


def _undo(step: StepStatus) -> UndoState | None:
    return step.rollback.status if step.rollback is not None else None


def _unkept(found: Shown, history: History) -> None:
    """Workflows that were let go though the audit store kept nothing of them. Whoever has not heard that it kept the
    row cannot know, and may say that it did not."""
    kept: dict[str, list[Written]] = {}
    freed: dict[str, list[Written]] = {}
    for write in history.writes:
        if write.code is Code.OK and isinstance(write.body, KeepRows):
            for row in write.body.rows:
                kept.setdefault(row.uid, []).append(write)
        elif write.code is Code.OK and isinstance(write.body, PatchMetadata):
            freed.setdefault(f"{write.body.key.namespace}/{write.body.key.name}", []).append(write)
    for move in history.workflows:
        before, after = move.before, move.after
        if before is None or FINALIZER not in before.metadata.finalizers:
            continue
        if after is None or FINALIZER not in after.metadata.finalizers:
            about, uid = _about(before), before.metadata.uid
            by = next((one.actor for one in freed.get(about, ()) if one.at == move.at), "")
            if uid not in kept:
                found[about, UNKEPT, ()] += 1
            elif not any(_heard(one, by, move.at, history) for one in kept[uid]):
                found.maybe[about, UNKEPT, ()] += 1


def _heard(kept: Written, actor: str, now: int, history: History) -> bool:
    """Did it hear by now that the row was kept, and did nothing make it forget since?"""
    return kept.actor == actor and not any(
        one.actor == actor
        and kept.at - _ON_ITS_WAY_MS <= one.at <= now
        and not (one.at > kept.at and one.what.endswith(_KEEPING))
        for one in history.incidents
    )
