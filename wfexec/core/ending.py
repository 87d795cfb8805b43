"""How a workflow ends: outcome, score, metrics, the facts its parent needs (BR-WF-021, BR-WF-051).

Every way into a terminal phase goes through `fail`, `complete` or `cancelled`, so nothing ends without them.
"""

from typing import Final, NamedTuple

from wfexec.core.draft import PHASE_STARTS, Draft
from wfexec.core.effectiveness import NEW_ALERTS, recommendations, score
from wfexec.model.base import clip
from wfexec.model.phases import ErrorType, Phase, ResourceHealth, StepState, WorkflowOutcome
from wfexec.model.plan import HistoryRecord
from wfexec.model.status import ExecutionMetrics, ExecutionSnapshot, WorkflowResult
from wfexec.model.surroundings import SideEffect

# A failed workflow never looks better than one that half succeeded.
FAILED_SCORE_MAX = 0.49
CANCEL_REQUESTED: Final = "CancelRequested"


def _metrics(draft: Draft) -> ExecutionMetrics:
    steps, states = draft.steps, draft.states
    undone = states.count(StepState.ROLLED_BACK)
    completed = states.count(StepState.COMPLETED) + undone
    ended = completed + states.count(StepState.FAILED)
    began = draft.get("execution_start_time") or draft.get("planning_start_time") or draft.now
    affected = sum(len(step.result.resources_affected) for step in steps if step.result is not None)
    return ExecutionMetrics(
        total_duration=min(max(0, draft.now - began), 100 * 24 * 3_600_000),
        step_success_rate=completed / ended if ended else 0.0,
        rollbacks_performed=undone,
        resources_affected=affected,
    )


def close_steps(draft: Draft, why: str) -> None:
    """No step is left waiting for something that will not come."""
    for position, step in enumerate(draft.steps):
        if step.status is StepState.PENDING:
            draft.move_step(position, StepState.SKIPPED, skip_reason=clip(why), ready_time=None, end_time=draft.now)
        elif step.status is StepState.RETRYING:
            draft.move_step(position, StepState.FAILED, next_retry_time=None, end_time=draft.now)
            error = step.error_type or ErrorType.UNKNOWN_ERROR
            text = f"step {step.step_number} ({step.name}): {error}: {step.error_message or 'it is not tried again'}"
            draft.event("Warning", "StepFailed", text)
            draft.count("kubernaut_workflowexecution_steps_completed_total", draft.recipe.name, step.action, "failed")
            draft.count("kubernaut_workflowexecution_errors_total", error, Phase.EXECUTING)


def tell_cancel(draft: Draft, reason: str, message: str) -> None:
    """A cancellation was seen, and something must end before the workflow does: told once, at the first sight of it.

    Where steps drain already nothing else of status need change (BR-WF-018).
    """
    if draft.status.observed_generation < draft.workflow.metadata.generation:
        draft.condition(CANCEL_REQUESTED, True, reason, message)


def tell_cancel_at_once(draft: Draft) -> None:
    """Nothing has to end before a cancellation is carried out; silent where that was told before."""
    if not _cancel_told(draft):
        draft.condition(CANCEL_REQUESTED, True, "NothingRuns", "nothing runs that has to end first")


def no_longer_cancelled(draft: Draft) -> None:
    """The spec was changed and asks for no cancellation: one that was told is over, unless it was carried out."""
    if _cancel_told(draft) and draft.status.phase != Phase.CANCELLED:
        draft.condition(CANCEL_REQUESTED, False, "Withdrawn", "spec.cancel was taken back")


def _cancel_told(draft: Draft) -> bool:
    return any(one.type == CANCEL_REQUESTED and one.status == "True" for one in draft.get("conditions"))


class Findings(NamedTuple):
    """What monitoring found. `health` None: no target was seen to be ill, some could not be seen at all.

    `new_alerts` and `side_effects` None: nobody looks, or nobody knows (BR-WF-051).
    """

    health: ResourceHealth | None = None
    new_alerts: bool | None = None
    side_effects: tuple[SideEffect, ...] | None = None


NOT_WATCHED: Final = Findings()


def _finish(draft: Draft, phase: Phase, outcome: WorkflowOutcome, reason: str, findings: Findings) -> None:
    """`reason` of a failure is told in short, by its machine word."""
    metrics = _metrics(draft)
    value = score(draft.steps, draft.recipe)
    first = not any(condition.type == "Succeeded" for condition in draft.get("conditions"))
    if outcome is WorkflowOutcome.FAILED:
        value = min(value, FAILED_SCORE_MAX)
    succeeded = outcome is WorkflowOutcome.SUCCESS
    result = WorkflowResult(
        outcome=outcome,
        effectiveness_score=value,
        resource_health=findings.health,
        # Told by the reason of the failure as well, which outlives a rollback.
        new_alerts_triggered=True if reason.startswith(NEW_ALERTS) else findings.new_alerts,
        side_effects=findings.side_effects,
        reason=draft.told(reason.split(":", 1)[0] if phase is Phase.FAILED else reason),
        recommended_actions=() if succeeded else recommendations(draft.steps, draft.recipe, reason),
    )
    draft.set(
        execution_metrics=metrics,
        workflow_result=result,
        # By another controller's clock it may have begun later than it is now by ours.
        completion_time=max([draft.now, *(draft.get(field) or 0 for field in PHASE_STARTS.values())]),
        active_steps=0,
        queued_steps=0,
        estimated_completion_time=None,
    )
    if draft.get("execution_start_time") is not None:
        _remember(draft, metrics, outcome, value)
    # A refused definition has a name too, though no recipe came of it.
    definition = draft.workflow.spec.workflow_definition
    name = definition.name if definition is not None else ""
    label = "cancelled" if phase is Phase.CANCELLED else _OUTCOME_LABELS[outcome]
    seconds = metrics.total_duration / 1_000
    if first:
        # What is tried again or rolled back after its end counts once, by its first end.
        draft.count("kubernaut_workflowexecution_executions_total", name, label)
        draft.count("kubernaut_workflowexecution_effectiveness_score", value=value)
        draft.count("workflowexecution_lifecycle_duration_seconds", value=seconds)
    elif draft.get("rollback") is None:
        draft.count("kubernaut_workflowexecution_retried_executions_total", name, label)
    draft.log(
        "info" if phase is Phase.COMPLETED else "warning",
        "workflow ended",
        ("phase", phase),
        ("outcome", outcome),
        ("reason", draft.told(reason, 200)),
    )


def _remember(draft: Draft, metrics: ExecutionMetrics, outcome: WorkflowOutcome, value: float) -> None:
    """What later runs may learn from (BR-ORCHESTRATION-020); nothing is worked out here."""
    recipe, adjustments = draft.recipe, draft.get("adaptive_adjustments")
    made = HistoryRecord(
        recipe.name, recipe.version, outcome, value, metrics.total_duration, tuple(draft.steps), adjustments
    )
    draft.records.append(made)


_OUTCOME_LABELS = {
    WorkflowOutcome.SUCCESS: "success",
    WorkflowOutcome.PARTIAL_SUCCESS: "partial",
    WorkflowOutcome.FAILED: "failed",
    WorkflowOutcome.UNKNOWN: "unknown",
}


def note_failure(draft: Draft, position: int | None) -> None:
    """What the parent needs to decide about recovery, frozen at the failure (BR-WF-050); None: no step failed."""
    completed = tuple(one.step_number for one in draft.steps if one.status is StepState.COMPLETED)
    snapshot = ExecutionSnapshot(completed_steps=completed, current_step=draft.get("current_step"), timestamp=draft.now)
    draft.set(execution_snapshot=snapshot)
    if position is not None:
        step = draft.recipe.steps[position]
        draft.set(failed_step=step.number, failed_action=step.action)


def fail(draft: Draft, reason: str, error: ErrorType, findings: Findings = NOT_WATCHED) -> None:
    """To `failed`; `reason` begins with a machine word and a colon."""
    close_steps(draft, f"not started: {reason}")
    draft.set(failure_reason=draft.told(reason, 4096), error_type=error)
    _finish(draft, Phase.FAILED, WorkflowOutcome.FAILED, reason, findings)
    draft.condition("Succeeded", False, "Failed", reason)
    draft.move_phase(Phase.FAILED, reason)
    draft.event("Warning", "WorkflowExecutionFailed", reason)


def complete(draft: Draft, outcome: WorkflowOutcome, reason: str, findings: Findings) -> None:
    """To `completed`; `outcome` unknown when the effect could not be verified."""
    _finish(draft, Phase.COMPLETED, outcome, reason, findings)
    draft.set(progress=100)
    verified = outcome is not WorkflowOutcome.UNKNOWN
    draft.condition("Succeeded", verified, "Completed" if verified else "NotVerified", reason)
    draft.move_phase(Phase.COMPLETED, f"completed: {outcome}" + (f" ({reason})" if reason else ""))
    seconds = draft.get("execution_metrics").total_duration // 1_000
    draft.event("Normal", "WorkflowExecutionCompleted", f"completed in {seconds}s: {outcome}")


def cancelled(draft: Draft, message: str) -> None:
    """To `cancelled`; not a failure, and not counted as one."""
    close_steps(draft, "not started: workflow cancelled")
    draft.set(error_type=ErrorType.CANCELLED, paused_at=None, paused_from="")
    outcome = WorkflowOutcome.UNKNOWN
    _finish(draft, Phase.CANCELLED, outcome, "cancelled", NOT_WATCHED)
    tell_cancel_at_once(draft)
    draft.condition("Succeeded", False, "Cancelled", message)
    draft.move_phase(Phase.CANCELLED, message)
    draft.event("Normal", "Cancelled", message)
