"""L2: has every waiting state a wake-up? Nobody waits longer than what its own status names (BR-AUTOMATION-002).

Judged by the gaps between versions of a workflow: a new one is taken up, a retry is made when it is due, a step that
may start does, and a child that was intended is made.
"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint, slack_ms
from sim.history import History
from wfexec.model.phases import TERMINAL, Phase, StepState, UndoState
from wfexec.model.requests import CreateExecution
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings


def check(history: History) -> Iterator[Complaint]:
    slack = slack_ms(history)
    last: dict[str, tuple[int, WorkflowExecution]] = {}
    asked = {write.body.key.name for write in history.writes if isinstance(write.body, CreateExecution)}
    for move in history.workflows:
        if move.before is not None:
            since, before = last.get(move.before.metadata.uid, (move.at, move.before))
            yield from _late(before, since, move.at, slack, history.settings)
            yield from _unborn(before, since, move.at, slack, asked)
        if move.after is not None:
            last[move.after.metadata.uid] = (move.at, move.after)
    for thing in history.finals:
        if isinstance(thing, WorkflowExecution) and thing.metadata.uid in last:
            since, workflow = last[thing.metadata.uid]
            yield from _late(workflow, since, history.end, slack, history.settings)
            yield from _unborn(workflow, since, history.end, slack, asked)


def _late(workflow: WorkflowExecution, since: int, at: int, slack: int, settings: Settings) -> Iterator[Complaint]:
    if at - since <= slack:
        return
    promise = _promise(workflow, since, settings)
    if promise is not None and at > promise[0] + slack:
        meta = workflow.metadata
        message = f"{promise[1]} was due, and nobody looked for {at - promise[0]} ms"
        yield Complaint("L2", at, f"{meta.namespace}/{meta.name}", message)


def _unborn(workflow: WorkflowExecution, since: int, at: int, slack: int, asked: set[str]) -> Iterator[Complaint]:
    """Children that stand in status and that nobody ever tried to make."""
    if at - since <= slack or workflow.status.phase != Phase.EXECUTING or workflow.spec.cancel:
        return
    for step in workflow.status.step_statuses:
        reference = step.k8s_execution_ref
        if step.status is StepState.EXECUTING and reference is not None and reference.name not in asked:
            meta = workflow.metadata
            message = f"child {reference.name} was intended {at - since} ms ago, and nobody made it"
            yield Complaint("L2", at, f"{meta.namespace}/{meta.name}", message)


def _promise(workflow: WorkflowExecution, since: int, settings: Settings) -> tuple[int, str] | None:
    """By when something must happen, and what; None while somebody else decides."""
    status, spec = workflow.status, workflow.spec
    if status.phase in TERMINAL or status.phase == Phase.PAUSED or spec.suspend or workflow.metadata.deletion_timestamp:
        return None
    if not status.phase:
        return since, "planning"
    if status.phase == Phase.ROLLING_BACK:
        undo = [step.rollback for step in status.step_statuses if step.rollback is not None]
        if any(one.status is UndoState.EXECUTING and one.next_retry_time is None for one in undo):
            return None
        tries = [one.next_retry_time for one in undo if one.next_retry_time is not None]
        return (min(tries), "the next try of an undo") if tries else None
    if status.phase != Phase.EXECUTING or status.active_steps:
        return None
    due = [
        step.next_retry_time
        for step in status.step_statuses
        if step.status is StepState.RETRYING and step.next_retry_time is not None
    ]
    if due:
        return min(due), "a retry"
    if any(step.status is StepState.PENDING for step in status.step_statuses):
        return since + _patience(workflow, settings), "a pending step"
    return None


def _patience(workflow: WorkflowExecution, settings: Settings) -> int:
    """As long as any precondition may be waited for."""
    definition = workflow.spec.workflow_definition
    named = [
        condition.timeout
        for step in (definition.steps if definition is not None else ())
        for condition in step.pre_conditions
        if condition.timeout is not None
    ]
    return max([settings.precondition_timeout, *named])
