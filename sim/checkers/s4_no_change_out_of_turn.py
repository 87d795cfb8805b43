"""S4: does a step start only after validation and approval, not after a cancellation, and only by who holds the lease?

A dry run is part of validation, so it starts nothing either. Rollbacks have rules of their own (S6); the deadline is
judged by S7. What was on its way when a person spoke may still arrive within one request's time (BR-WF-005).
"""

from collections.abc import Iterator
from typing import Final

from sim.checkers.complaint import Complaint
from sim.history import ChildMove, History
from sim.trace import is_undo, name_of
from wfexec.model.phases import Phase
from wfexec.model.requests import Code, CreateExecution, CreateLease, DeleteExecution, PatchStatus, UpdateLease
from wfexec.model.status import WorkflowExecution

_LEASES: Final = frozenset({CreateLease, UpdateLease})
_GUARDED: Final = frozenset({CreateExecution, DeleteExecution, PatchStatus})


def check(history: History) -> Iterator[Complaint]:
    spoken: dict[tuple[str, str], int] = {}
    for move in history.workflows:
        if move.after is not None and (move.before is None or move.before.spec is not move.after.spec):
            if move.after.spec.cancel:
                spoken.setdefault((move.after.metadata.uid, "cancelled"), move.at)
            if move.after.spec.suspend:
                spoken.setdefault((move.after.metadata.uid, "suspended"), move.at)
    grace = history.settings.request_timeout
    for child in history.children:
        if child.before is None and child.workflow is not None and not is_undo(child.child):
            for message in _faults(child, child.workflow, spoken, grace):
                meta = child.child.metadata
                yield Complaint("S4", child.at, f"{meta.namespace}/{meta.name}", message)
    yield from _without_lease(history)


def _faults(
    move: ChildMove, workflow: WorkflowExecution, spoken: dict[tuple[str, str], int], grace: int
) -> Iterator[str]:
    spec, status, uid = workflow.spec, workflow.status, workflow.metadata.uid
    if status.execution_start_time is None:
        yield "a step starts before validation has passed"
    elif status.phase != Phase.EXECUTING and not (status.phase == Phase.PAUSED and _just(move, spoken, uid, grace)):
        yield f"a step starts in phase {status.phase or 'new'}"
    validation = status.validation_results
    if spec.execution_strategy.approval_required and (validation is None or not validation.approval_received):
        yield "a step starts without the required approval"
    cancelled = spoken.get((uid, "cancelled"))
    if spec.cancel and cancelled is not None and move.at > cancelled + grace:
        yield f"a step starts {move.at - cancelled} ms after the workflow was cancelled"


def _just(move: ChildMove, spoken: dict[tuple[str, str], int], uid: str, grace: int) -> bool:
    """Was the pause asked for so lately that the child was on its way?"""
    return move.at <= spoken.get((uid, "suspended"), 0) + grace


def _without_lease(history: History) -> Iterator[Complaint]:
    """Writes of a replica that does not hold the lease; where nobody is elected there is none to hold."""
    if not history.elected:
        return
    holder, until = "", 0
    for at, actor, body, code in history.writes:
        kind = body.__class__
        if kind in _LEASES and code is Code.OK:
            assert isinstance(body, CreateLease | UpdateLease)
            # A later life of a process has its number behind a dot. What its clock wrote there nobody may judge by:
            # others wait for the duration from when they see the renewal, which is now at the earliest.
            holder, until = body.lease.holder.split(".")[0], at + body.lease.duration_ms
        elif kind in _GUARDED and code is Code.OK and not (actor == holder and at <= until):
            why = f"held by {holder or 'nobody'}" if actor != holder else f"expired {at - until} ms ago"
            yield Complaint("S4", at, name_of(body), f"a write of {actor}, while the lease is {why}")
