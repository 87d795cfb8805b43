"""What the engine asks of the world, what comes back, and what the world says unasked.

Drivers carry a `Request` out and feed `Replied` with its outcome; every request gets exactly one reply, a watch gets
its reply when it ends (its events arrive as `WatchSeen` before that).
"""

from enum import StrEnum
from typing import Final, NamedTuple

from wfexec.model.audit import FinalRecord
from wfexec.model.bearings import BindingFacts, NamespaceFacts, RegistryData
from wfexec.model.execution import KubernetesExecution
from wfexec.model.facts import Answer, Question
from wfexec.model.meta import ObjectMeta
from wfexec.model.plan import Copy, MetadataChange
from wfexec.model.status import WorkflowExecution, WorkflowExecutionStatus


class Kind(StrEnum):
    """The kinds the engine follows; it keeps objects of the first two, and bearings from the others."""

    WORKFLOW = "WorkflowExecution"
    EXECUTION = "KubernetesExecution"
    NAMESPACE = "Namespace"
    REGISTRY = "ConfigMap"
    ADMISSION_POLICY = "ValidatingAdmissionPolicy"
    ADMISSION_BINDING = "ValidatingAdmissionPolicyBinding"


Watched = WorkflowExecution | KubernetesExecution


class Landmark(NamedTuple):
    """An object that bearings are taken from: the one thing we read of it. Policies are read by their being there."""

    kind: Kind
    metadata: ObjectMeta
    facts: NamespaceFacts | RegistryData | BindingFacts | None


Followed = Watched | Landmark


class ObjectKey(NamedTuple):
    kind: Kind
    namespace: str
    name: str


class ListObjects(NamedTuple):
    """Consistent read (no resourceVersion given), in pages of `limit`; the driver joins the pages.

    `namespace` "": in all of them; `name` "": whatever they are called.
    """

    kind: Kind
    limit: int
    namespace: str = ""
    name: str = ""


class WatchObjects(NamedTuple):
    """From just after `resource_version`; the server ends it after `timeout_ms`. The rest is as in a list.

    `instead_of`: request id of a watch that ends with this one, and of whose end nothing is to be told; 0 for none.
    """

    kind: Kind
    resource_version: str
    timeout_ms: int
    namespace: str = ""
    name: str = ""
    instead_of: int = 0


class GetObject(NamedTuple):
    """A consistent read, asked only where a reply was lost or a write was refused."""

    key: ObjectKey


class PatchMetadata(NamedTuple):
    key: ObjectKey
    uid: str
    resource_version: str
    change: MetadataChange
    # What stood there when the decision was taken: the wire form needs to know what to replace.
    before: WorkflowExecution


class PatchStatus(NamedTuple):
    """Only what differs between `before` and `after` travels; refused unless the object still is `resource_version`."""

    key: ObjectKey
    uid: str
    resource_version: str
    before: WorkflowExecutionStatus
    after: WorkflowExecutionStatus


class CreateExecution(NamedTuple):
    key: ObjectKey
    body: KubernetesExecution


class DeleteExecution(NamedTuple):
    """Of a child, or of a workflow that has expired."""

    key: ObjectKey
    uid: str
    resource_version: str


class KeepCopy(NamedTuple):
    """Create our ConfigMap; one that stands there already is from the same moment, and good."""

    copy: Copy


class DropCopy(NamedTuple):
    copy: Copy


class KeepRows(NamedTuple):
    """Rows for the audit store; OK once it has all of them, whether or not it had some before."""

    rows: tuple[FinalRecord, ...]


class EventWrite(NamedTuple):
    """A core/v1 Event by name: created when `times` is 1, else its count and lastTimestamp are patched."""

    name: str
    namespace: str
    regarding: WorkflowExecution | Landmark
    type: str
    reason: str
    message: str
    times: int
    first_ms: int
    last_ms: int


class EventWrites(NamedTuple):
    """Sent one after another in one place; none after the first that gets no reply or is told to wait.

    The reply's object holds the outcomes of those that were tried, in this order; None: all went as the reply says.
    """

    writes: tuple[EventWrite, ...]


class Lease(NamedTuple):
    """coordination.k8s.io/v1 Lease; `holder` "" when released; times in milliseconds."""

    name: str
    namespace: str
    resource_version: str
    holder: str
    duration_ms: int
    acquire_ms: int
    renew_ms: int
    transitions: int


class GetLease(NamedTuple):
    name: str
    namespace: str


class CreateLease(NamedTuple):
    lease: Lease


class UpdateLease(NamedTuple):
    """Refused unless the lease still is `lease.resource_version`."""

    lease: Lease


class Ask(NamedTuple):
    """Answered all together; the reply's object is a dict question -> Answer."""

    key: ObjectKey
    questions: tuple[Question, ...]


Body = (
    ListObjects
    | WatchObjects
    | GetObject
    | PatchMetadata
    | PatchStatus
    | CreateExecution
    | DeleteExecution
    | KeepCopy
    | DropCopy
    | KeepRows
    | EventWrite
    | EventWrites
    | GetLease
    | CreateLease
    | UpdateLease
    | Ask
)


class Request(NamedTuple):
    """`id` is unique within one life of a controller; `timeout_ms` is how long the driver may wait for the reply."""

    id: int
    body: Body
    timeout_ms: int


# What a server that throttles without saying for how long is given.
PAUSE_MS: Final = 1_000


class Code(StrEnum):
    """How a request ended. LOST: no reply seen, it may or may not have been carried out."""

    OK = "ok"
    CONFLICT = "conflict"
    ALREADY_EXISTS = "already_exists"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    INVALID = "invalid"
    GONE = "gone"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    LOST = "lost"


class Unreadable(NamedTuple):
    """An object from the server that does not fit our types; reported with an event, never acted on."""

    kind: Kind
    metadata: ObjectMeta
    message: str


class Listing(NamedTuple):
    items: tuple[Followed | Unreadable, ...]
    resource_version: str


class Outcome(NamedTuple):
    """`object` on OK: the stored object after a write or get, a Listing, a Lease, a dict of answers, or None.

    CONFLICT, GONE, NOT_FOUND: refused, not carried out. THROTTLED, UNAVAILABLE: refused, try again (after
    `retry_after_ms` if given; beside answers: a read for one of them was throttled). FORBIDDEN, INVALID: refused,
    trying again cannot help.
    """

    code: Code
    object: Followed | Unreadable | Listing | Lease | dict[Question, Answer] | tuple["Outcome", ...] | None = None
    message: str = ""
    retry_after_ms: int | None = None


class Replied(NamedTuple):
    request_id: int
    outcome: Outcome


class Change(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


class WatchSeen(NamedTuple):
    """`object` is None for a bookmark; for DELETED it is the last state, its resourceVersion that of the deletion."""

    request_id: int
    kind: Kind
    change: Change
    object: Followed | Unreadable | None
    resource_version: str


class StopAsked(NamedTuple):
    """Finish what is in flight, release the lease, start nothing new."""


Signal = Replied | WatchSeen | StopAsked
