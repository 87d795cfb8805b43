"""S3: does the phase move only along the declared table, is terminal final, and does nothing that grows ever fall?"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint
from sim.history import History, WorkflowMove
from wfexec.core.transitions import PHASE_TARGETS, STEP_TARGETS
from wfexec.model.phases import TERMINAL
from wfexec.model.status import WorkflowExecution


def check(history: History) -> Iterator[Complaint]:
    for move in history.workflows:
        if move.after is not None and (move.before is None or move.before.status is not move.after.status):
            for message in _faults(move.before, move.after):
                yield _complaint(move, message)
    for step in history.steps:
        old = step.before.status if step.before else None
        if old is not None and old != step.after.status and step.after.status not in STEP_TARGETS[old]:
            meta = step.workflow.metadata
            message = f"step {step.after.step_number} moved from {old} to {step.after.status}"
            yield Complaint("S3", step.at, f"{meta.namespace}/{meta.name}", message)


def _faults(before: WorkflowExecution | None, after: WorkflowExecution) -> Iterator[str]:
    new = after.status
    old = before.status if before is not None else None
    phase = old.phase if old is not None else ""
    if new.phase != phase and new.phase not in PHASE_TARGETS.get(phase, frozenset()):
        final = ", and terminal is final" if phase in TERMINAL else ""
        yield f"phase moved from {phase or 'new'} to {new.phase or 'new'}, which is in no table{final}"
    if new.phase in TERMINAL and new.completion_time is None:
        yield f"phase {new.phase} without a completionTime"
    if old is None:
        return
    if new.observed_generation < old.observed_generation:
        yield f"observedGeneration fell from {old.observed_generation} to {new.observed_generation}"
    if new.progress < old.progress:
        yield f"progress fell from {old.progress} to {new.progress}"


def _complaint(move: WorkflowMove, message: str) -> Complaint:
    thing = move.after or move.before
    about = f"{thing.metadata.namespace}/{thing.metadata.name}" if thing is not None else ""
    return Complaint("S3", move.at, about, message)
