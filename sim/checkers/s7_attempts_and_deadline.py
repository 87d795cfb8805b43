"""S7: are attempts within budget, back-off not shortened, and is nothing started after the deadline (BR-WF-021)?"""

from collections.abc import Iterator
from typing import Final

from sim.checkers.complaint import Complaint
from sim.history import ChildMove, History
from sim.trace import is_undo
from wfexec.model.phases import StepState
from wfexec.model.status import WorkflowExecution
from wfexec.settings import MEDIUM_STEPS_MAX, SIMPLE_STEPS_MAX, Settings

UNDO_TRIES: Final = 3
RAISED_MAX: Final = 5


def check(history: History) -> Iterator[Complaint]:
    tries: dict[tuple[str, int, bool], int] = {}
    for move in history.children:
        if move.before is not None or move.after is None or move.workflow is None:
            continue
        undo = is_undo(move.after)
        key = (move.workflow.metadata.uid, move.after.spec.step_number, undo)
        tries[key] = tries.get(key, 0) + 1
        budget = UNDO_TRIES if undo else 1 + _retries_max(move.workflow, key[1], history.settings)
        budget += _granted(move.workflow, key[1], undo)
        if tries[key] > budget:
            yield _complaint(move, f"attempt {tries[key]} of step {key[1]}, the budget is {budget}")
        limit = deadline_of(move.workflow, history.settings)
        # The status write that starts a step comes before its child; one request may pass between the two.
        if not undo and limit is not None and move.at > limit + history.settings.request_timeout + history.skew:
            yield _complaint(move, f"step {key[1]} is started {move.at - limit} ms after the deadline")
    yield from _early(history)


def _early(history: History) -> Iterator[Complaint]:
    """Attempts that did not wait as long as the status said they would."""
    for move in history.steps:
        before = move.before
        if before is None or before.status is not StepState.RETRYING or move.after.status is not StepState.EXECUTING:
            continue
        if before.next_retry_time is not None and move.at < before.next_retry_time - history.skew:
            meta = move.workflow.metadata
            early = before.next_retry_time - move.at
            message = f"step {before.step_number} is tried again {early} ms before its back-off is over"
            yield Complaint("S7", move.at, f"{meta.namespace}/{meta.name}", message)


def _retries_max(workflow: WorkflowExecution, number: int, settings: Settings) -> int:
    """As it was written, or what adaptation raised it to."""
    plan = workflow.status.execution_plan
    planned = next((one.max_retries for one in plan.steps if one.step_number == number), 0) if plan is not None else 0
    return max(_written(workflow, number, settings), min(planned, RAISED_MAX))


def _written(workflow: WorkflowExecution, number: int, settings: Settings) -> int:
    definition = workflow.spec.workflow_definition
    for step in definition.steps if definition is not None else ():
        if step.step_number == number and step.max_retries is not None:
            return step.max_retries
    strategy = workflow.spec.execution_strategy
    return settings.max_retries if strategy.max_retries is None else strategy.max_retries


def _granted(workflow: WorkflowExecution, number: int, undo: bool) -> int:
    """Attempts made before a person asked for a fresh budget, or for another rollback."""
    for step in workflow.status.step_statuses:
        if step.step_number == number:
            return (step.rollback.earlier if step.rollback is not None else 0) if undo else step.retry_base
    return 0


def deadline_of(workflow: WorkflowExecution, settings: Settings) -> int | None:
    """When the workflow must be over, in milliseconds; None before it executes and while it is paused."""
    status = workflow.status
    if status.execution_start_time is None or status.paused_at is not None:
        return None
    steps = len(status.step_statuses)
    if workflow.spec.timeout is not None:
        limit = workflow.spec.timeout
    elif status.execution_plan is not None and status.execution_plan.timeout is not None:
        limit = status.execution_plan.timeout
    elif steps <= SIMPLE_STEPS_MAX:
        limit = settings.workflow_timeout_simple
    elif steps <= MEDIUM_STEPS_MAX:
        limit = settings.workflow_timeout_medium
    else:
        limit = settings.workflow_timeout_complex
    return status.execution_start_time + limit + status.paused_total


def _complaint(move: ChildMove, message: str) -> Complaint:
    meta = move.child.metadata
    return Complaint("S7", move.at, f"{meta.namespace}/{meta.name}", message)
