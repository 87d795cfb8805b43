"""What happened, in the order in which it was committed? Written by the driver, read by checkers, reports and digests.

Records are tuples that hold on to the values themselves (they are shared and never change), so that recording costs
an append and nothing is rendered unless somebody asks. It must never hold anything that differs between the two
depths or between two machines: no identity, no wall clock, no order of a set.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from sim.cluster.requests import (
    CreateTarget,
    CreateWorkflow,
    DeleteObject,
    DeleteTarget,
    EditWorkflow,
    MakeWorkflow,
    PatchExecutionStatus,
    PatchTarget,
    TellRequest,
)
from wfexec.crd.codec import render_execution, render_workflow, status_patch
from wfexec.crd.tables import render
from wfexec.model.execution import KubernetesExecution
from wfexec.model.requests import (
    Body,
    Change,
    Code,
    CreateExecution,
    CreateLease,
    DeleteExecution,
    DropCopy,
    EventWrite,
    KeepCopy,
    KeepRows,
    PatchMetadata,
    PatchStatus,
    UpdateLease,
    Watched,
)
from wfexec.model.status import WorkflowExecution

WriteBody = (
    Body
    | CreateWorkflow
    | EditWorkflow
    | DeleteObject
    | PatchExecutionStatus
    | PatchTarget
    | CreateTarget
    | DeleteTarget
    | MakeWorkflow
    | TellRequest
)


class Version(NamedTuple):
    """A version of a workflow or child as the store committed it; for DELETED the last state."""

    at: int
    change: Change
    object: Watched
    version: str


class Written(NamedTuple):
    """A write as the cluster answered it, whether or not the writer lived to see the answer."""

    at: int
    actor: str
    body: WriteBody
    code: Code


class Incident(NamedTuple):
    """What the simulation itself did: a controller crashed, started; a reply was lost."""

    at: int
    actor: str
    what: str


TraceRecord = Version | Written | Incident

# What is told of a controller that is back, which is no trouble of its own.
STARTED_AGAIN: Final = "started again"
# What a reader calls each write; a body that is not here is a read and leaves no record.
VERBS: Final[dict[type[Any], str]] = {
    CreateExecution: "create child",
    CreateLease: "create lease",
    CreateTarget: "create target",
    CreateWorkflow: "create workflow",
    DeleteExecution: "delete child",
    DropCopy: "drop copy",
    KeepCopy: "keep copy",
    KeepRows: "keep rows",
    MakeWorkflow: "make workflow",
    TellRequest: "tell request",
    DeleteObject: "delete object",
    DeleteTarget: "delete target",
    EditWorkflow: "edit workflow",
    EventWrite: "event",
    PatchExecutionStatus: "report",
    PatchMetadata: "patch metadata",
    PatchStatus: "patch status",
    PatchTarget: "patch target",
    UpdateLease: "update lease",
}


def name_of(body: Any) -> str:
    """`namespace/name` of what a write is about."""
    match body:
        case (
            EventWrite(name=name, namespace=namespace)
            | MakeWorkflow(name=name, namespace=namespace)
            | TellRequest(name=name, namespace=namespace)
        ):
            return f"{namespace}/{name}"
        case CreateLease(lease) | UpdateLease(lease):
            return f"{lease.namespace}/{lease.name}"
        case PatchTarget(ref) | CreateTarget(ref) | DeleteTarget(ref):
            return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"
        case KeepCopy(copy) | DropCopy(copy):
            return f"{copy.namespace}/{copy.name}"
        case KeepRows(rows):
            return ", ".join(f"{row.namespace}/{row.name}" for row in rows)
        case CreateWorkflow(workflow):
            return f"{workflow.metadata.namespace}/{workflow.metadata.name}"
        case _:
            return f"{body.key.namespace}/{body.key.name}"


def canonical(records: Iterable[TraceRecord]) -> Iterator[list[Any]]:
    """Each record as JSON: versions as what changed since the last one of that object."""
    last: dict[str, Watched] = {}
    for record in records:
        if isinstance(record, Version):
            yield _version_entry(record, last)
        elif isinstance(record, Written):
            yield [record.at, record.actor, VERBS[type(record.body)], name_of(record.body), record.code, *_told(record)]
        else:
            yield [record.at, record.actor, "incident", record.what]


def digest(records: Iterable[TraceRecord], finals: Iterable[Watched]) -> str:
    """32 hex digits that stand for the whole run: the same in both depths, in every process, on every machine."""
    sum_ = blake2b(digest_size=16)
    for entry in canonical(records):
        sum_.update(orjson.dumps(entry, option=orjson.OPT_SORT_KEYS))
        sum_.update(b"\n")
    for thing in finals:
        sum_.update(orjson.dumps(rendered(thing), option=orjson.OPT_SORT_KEYS))
        sum_.update(b"\n")
    return sum_.hexdigest()


def rendered(thing: Watched) -> dict[str, Any]:
    """The object as the API server would print it."""
    return render_workflow(thing) if isinstance(thing, WorkflowExecution) else render_execution(thing)


def _version_entry(record: Version, last: dict[str, Watched]) -> list[Any]:
    thing = record.object
    uid = thing.metadata.uid
    before = last.get(uid)
    last[uid] = thing
    kind = thing.__class__.__name__
    head = [record.at, record.change, kind, thing.metadata.namespace, thing.metadata.name, record.version]
    if before is None:
        return [*head, rendered(thing)]
    entry = [*head, status_patch(before.status, thing.status)]
    if before.metadata is not thing.metadata:
        entry.append(render(thing.metadata))
    if before.spec is not thing.spec and before.spec != thing.spec:
        entry.append(render(thing.spec))
    return entry


def _told(record: Written) -> tuple[Any, ...]:
    """The content of writes that leave no version behind."""
    body = record.body
    if isinstance(body, EventWrite):
        return (body.type, body.reason, body.message, body.times, body.regarding.metadata.name)
    if isinstance(body, TellRequest):
        return (body.status,)
    if isinstance(body, PatchTarget):
        return (body.patch, body.subresource)
    if isinstance(body, KeepRows):
        return tuple([list(row) for row in body.rows])
    if isinstance(body, CreateLease | UpdateLease):
        return (body.lease.holder, body.lease.renew_ms, body.lease.transitions)
    return ()


def is_undo(child: KubernetesExecution) -> bool:
    """Whether this child belongs to a rollback."""
    return child.metadata.labels.get("rollback") == "true"
