"""S10: does every child have its owner and the owner its finalizer, and does every delete say what it expects?"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint
from sim.history import ChildMove, History
from sim.trace import name_of
from wfexec.model.meta import FINALIZER, WORKFLOW_KIND
from wfexec.model.requests import DeleteExecution


def check(history: History) -> Iterator[Complaint]:
    for move in history.children:
        if move.before is None and move.after is not None:
            for message in _faults(move):
                meta = move.child.metadata
                yield Complaint("S10", move.at, f"{meta.namespace}/{meta.name}", message)
    for write in history.writes:
        if isinstance(write.body, DeleteExecution) and not (write.body.uid and write.body.resource_version):
            yield Complaint("S10", write.at, name_of(write.body), "a delete without uid and resourceVersion")


def _faults(move: ChildMove) -> Iterator[str]:
    child = move.child
    owners = [owner for owner in child.metadata.owner_references if owner.controller]
    if len(owners) != 1:
        yield f"{len(owners)} controller owners instead of one"
        return
    owner = owners[0]
    if owner.kind != WORKFLOW_KIND or not owner.block_owner_deletion:
        yield "the owner reference must name a WorkflowExecution and block its deletion"
    if owner.uid != child.spec.workflow_execution_ref.uid:
        yield "owner reference and workflowExecutionRef name different uids"
    if move.workflow is None:
        yield f"its owner {owner.name} is not in the store"
    elif FINALIZER not in move.workflow.metadata.finalizers:
        yield f"its owner {owner.name} has no finalizer yet"
