"""S6, why: has every rollback its cause, and is who is said to have asked for it who did (BR-WF-050, BR-WF-052)?

A failure or a trigger under strategy `automatic`, a request, a cancellation that wants it: `docs/rollback.md`, 1 to 3.
Who asked stands in the annotation that the store held when the controller decided: its writes are fenced.
"""

from collections.abc import Iterator
from typing import Final

from sim.checkers.complaint import Complaint
from sim.checkers.s7_attempts_and_deadline import deadline_of
from sim.history import History
from wfexec.model.base import clip
from wfexec.model.meta import ANNOTATION_ROLLBACK, ANNOTATION_ROLLBACK_BY, ANNOTATION_ROLLBACK_TO, Condition
from wfexec.model.phases import Phase, RollbackStrategy, StepState
from wfexec.model.redact import readable
from wfexec.model.status import RollbackStatus, WorkflowExecution
from wfexec.model.workflow import CancelRollback
from wfexec.settings import Settings

# So much of a text is compared: where it ends depends on what was put before it.
TEXT: Final = 200
_REQUESTED: Final = "RollbackRequested"
_AT_THE_REQUEST: Final = "rolled_back: at the request of "
_FAILED: Final = frozenset({StepState.FAILED, StepState.BLOCKED})


def check(history: History) -> Iterator[Complaint]:
    # How many steps its rollbacks had to undo, and why, by workflow uid.
    begun: dict[str, set[tuple[int, str]]] = {}
    for move in history.workflows:
        before, after = move.before, move.after
        if before is None or after is None or before.status is after.status:
            continue
        old, new = before.status.rollback, after.status.rollback
        messages: list[str] = []
        if new is not None and (old is None or old.start_time != new.start_time):
            begun.setdefault(after.metadata.uid, set()).add((len(new.order), new.reason[:TEXT]))
            messages += _begins(before, after, new, move.at + history.skew, history.settings)
        if before.status.conditions is not after.status.conditions:
            messages += _answered(before, after)
        if new is not None and before.status.phase == Phase.ROLLING_BACK and after.status.phase == Phase.FAILED:
            messages += _ends(after.status.failure_reason, new)
        for message in messages:
            yield _complaint(after, move.at, message)
    for at, event in history.events() if begun else ():
        meta = event.regarding.metadata
        if event.reason == "RollbackStarted" and _said(event.message) not in begun.get(meta.uid, ()):
            about = f"{meta.namespace}/{meta.name}"
            yield Complaint("S6", at, about, f"an event tells of a rollback that was none: {event.message}")


def _said(message: str) -> tuple[int, str]:
    """How many steps there were to undo, and why."""
    count, _, why = message.partition(": ")
    number = count.partition(" ")[0]
    return int(number) if number.isdecimal() else -1, why[:TEXT]


def _begins(
    before: WorkflowExecution, after: WorkflowExecution, rollback: RollbackStatus, latest: int, settings: Settings
) -> Iterator[str]:
    spec, marks = before.spec, before.metadata.annotations
    cancelled = spec.cancel and spec.on_cancel.rollback is CancelRollback.AUTOMATIC
    if rollback.requested_by or rollback.reason.startswith("requested by "):
        asked, by = marks.get(ANNOTATION_ROLLBACK), _author(before)
        if asked != "requested":
            yield f"rolls back at the request of {rollback.requested_by}, and nobody asks for it"
        elif rollback.requested_by != by:
            yield f"rolls back at the request of {rollback.requested_by}, and {by or 'nobody'} asks for it"
        wanted = marks.get(ANNOTATION_ROLLBACK_TO, "0")
        if asked and not cancelled and wanted != str(rollback.to_step or 0) and not wanted.startswith("0"):
            yield f"goes back to step {rollback.to_step or 0}, and to step {wanted} is asked for"
        return
    if cancelled:
        return
    if after.status.execution_plan is not None:
        strategy = after.status.execution_plan.rollback_strategy
        if strategy is not RollbackStrategy.AUTOMATIC:
            yield f"rolls back of its own accord, although its strategy is {strategy}"
    why = _no_cause(before, after, latest, settings)
    if why:
        yield f"rolls back without a cause: {why}"


def _no_cause(before: WorkflowExecution, after: WorkflowExecution, latest: int, settings: Settings) -> str:
    """Why what is told as its cause is none; "" for a good one. `latest`: what time it may be by anybody's clock."""
    status, left = after.status, before.status.paused_from or before.status.phase
    match status.failure_reason.partition(":")[0]:
        case "":
            return "nothing failed, nobody asked for it, nobody cancelled it"
        case "step_failed":
            return "" if any(step.status in _FAILED for step in status.step_statuses) else "no step failed"
        case "workflow_timeout":
            deadline = deadline_of(after, settings)
            return "its deadline has not passed" if deadline is not None and latest < deadline else ""
        case "rollback_triggered":
            fired = any(_is_true(one, "RollbackTriggered") for one in status.conditions)
            return "" if fired else "no trigger is told to have come true"
        case "ineffective" | "workflow_triggered_new_alerts":
            return "" if left == Phase.MONITORING else "its targets are not watched yet"
        case word:
            return word


def _is_true(condition: Condition, kind: str) -> bool:
    return (condition.type, condition.status) == (kind, "True")


def _answered(before: WorkflowExecution, after: WorkflowExecution) -> Iterator[str]:
    """Whose request was accepted?"""
    said = next((one for one in after.status.conditions if _is_true(one, _REQUESTED)), None)
    if said is None or said in before.status.conditions:
        return
    by = _author(before)
    if said.message != readable(f"by {by}" if by else "accepted", 1_024):
        yield f"the accepted request is told as made {said.message}, and {by or 'nobody'} made it"


def _ends(reason: str, rollback: RollbackStatus) -> Iterator[str]:
    if reason.startswith(_AT_THE_REQUEST) and reason != _AT_THE_REQUEST + (rollback.requested_by or "somebody"):
        yield f"{reason}, and it was begun for {rollback.requested_by or 'nobody'}"


def _author(workflow: WorkflowExecution) -> str:
    return clip(workflow.metadata.annotations.get(ANNOTATION_ROLLBACK_BY, ""), 253)


def _complaint(workflow: WorkflowExecution, at: int, message: str) -> Complaint:
    meta = workflow.metadata
    return Complaint("S6", at, f"{meta.namespace}/{meta.name}", message)
