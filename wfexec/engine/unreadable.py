"""What is done about objects that do not fit our types? They are reported, never acted on, and allowed to leave.

Called by the reconciler. An object that somebody deletes must not be held for ever by a finalizer of ours that we
cannot bring ourselves to take away because some other field of it is strange.
"""

from typing import Final

from wfexec.engine.recorder import Recorder
from wfexec.engine.view import Tracked, View
from wfexec.model.meta import FINALIZER, ObjectReference
from wfexec.model.plan import EventRecord
from wfexec.model.requests import Unreadable
from wfexec.model.status import WorkflowExecution
from wfexec.model.workflow import WorkflowExecutionSpec

REASON: Final = "ObjectUnreadable"
# Stands in for what cannot be read, where only the metadata is looked at.
_SPEC: Final = WorkflowExecutionSpec(remediation_request_ref=ObjectReference(name="unreadable"))


def leaving(view: View, tracked: Tracked) -> WorkflowExecution | None:
    """An unreadable workflow that is being deleted and waits for us: its metadata are all that this takes."""
    stored = view.workflows.get(tracked.key.namespace, tracked.key.name)
    if type(stored) is not Unreadable or stored.metadata.deletion_timestamp is None:
        return None
    if FINALIZER not in stored.metadata.finalizers:
        return None
    return WorkflowExecution(metadata=stored.metadata, spec=_SPEC)


def report(view: View, recorder: Recorder, tracked: Tracked, now: int) -> None:
    """Said once for each way in which it is unreadable."""
    if tracked.left or not tracked.unreadable or tracked.reported == tracked.unreadable:
        return
    tracked.reported = tracked.unreadable
    stored = view.workflows.get(tracked.key.namespace, tracked.key.name)
    if type(stored) is Unreadable:
        # Only the metadata of what an Event is about is ever read.
        regarding = WorkflowExecution(metadata=stored.metadata, spec=_SPEC)
        recorder.record(regarding, EventRecord("Warning", REASON, stored.message), now)


def report_children(recorder: Recorder, tracked: Tracked, workflow: WorkflowExecution, now: int) -> None:
    unreadable = tracked.family.unreadable
    tracked.family.unreadable = {}
    for name, stored in unreadable.items():
        recorder.record(workflow, EventRecord("Warning", REASON, f"{stored.kind.value} {name}: {stored.message}"), now)
