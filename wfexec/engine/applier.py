"""What is written next, and what did the last reply mean? One plan, carried out once, never replayed.

Called by the reconciler: `begin` and `feed` return the writes to hand out next, `verdict` says how it ended.

    metadata ──ok──► status ──ok──► deletes ──all ok──► creates ──all replied──► ended
        │ refused        │ refused     │ refused           │ each refusal is noted for its own child
        └────────────────┴─────────────┴──► ended: a fresh look decides again, on newer objects

Rules: before all else the final record is kept, and copies come and go; the status write carries the version that the
metadata write returned; every write its uid and version; a lost reply or a refused precondition leaves a doubt that is
settled by a read before anything new is decided; a plan that was fenced hands out nothing more, whatever its earlier
writes said.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from wfexec.core.fold import lasting
from wfexec.engine.expectations import Expectations
from wfexec.model.plan import DeleteChild, EventRecord, Plan
from wfexec.model.redact import readable
from wfexec.model.requests import (
    Code,
    CreateExecution,
    DeleteExecution,
    DropCopy,
    KeepCopy,
    KeepRows,
    Kind,
    ObjectKey,
    Outcome,
    PatchMetadata,
    PatchStatus,
)
from wfexec.model.snapshot import CreateFailure
from wfexec.model.status import WorkflowExecution
from wfexec.model.words import EXECUTION, OK

Write = KeepRows | KeepCopy | DropCopy | PatchMetadata | PatchStatus | CreateExecution | DeleteExecution
# What a plan does before it touches the workflow.
BEFORE: Final = (KeepRows, KeepCopy, DropCopy)
# What a plan does to the workflow itself.
OWN: Final = (PatchMetadata, PatchStatus)

_NONE: tuple[Write, ...] = ()
# The constructor of a named tuple is a call of its own.
_tuple: Final[Any] = tuple.__new__
_TRANSIENT = frozenset({Code.LOST, Code.THROTTLED, Code.UNAVAILABLE})
_FINAL = frozenset({Code.FORBIDDEN, Code.INVALID})
# A 403 with these words was thought over: by a webhook, by an admission policy, or since the namespace goes away. Any
# other may be that of a server that has just started and has not read the roles yet.
_CONSIDERED: Final = ("denied the request", "denied request", "it is being terminated")


class Verdict(IntEnum):
    """How a plan ended; of several findings the greatest counts."""

    APPLIED = 0
    ALTERED = 1
    DOUBTFUL = 2
    CREATE_REFUSED = 3
    CREATE_FAILED = 4
    TROUBLE = 5
    CONFLICT = 6
    REFUSED = 7
    UNKEPT = 8
    FENCED = 9


class Application:
    """`open` counts writes handed out and not replied.

    `rests_until`: once applied, nothing has to be decided before this instant or news; None: look again at once.
    `committed`: the status write is in (the metadata write where there is none). `changed`: some write left a trace.
    `refusal`: the write that ended it because the API server will not have it, and the reply.
    """

    __slots__ = (
        "_base",
        "_key",
        "_plan",
        "_resource_version",
        "changed",
        "committed",
        "expectations",
        "failures",
        "message",
        "open",
        "refusal",
        "rests_until",
        "retry_after_ms",
        "verdict",
    )

    def __init__(
        self,
        key: ObjectKey,
        base: WorkflowExecution,
        plan: Plan,
        expectations: Expectations,
        failures: Mapping[str, CreateFailure],
    ) -> None:
        self._key = key
        self._base = base
        self._plan = plan
        self._resource_version = base.metadata.resource_version
        self.expectations = expectations
        # By child name; replaced, never changed, since snapshots share it.
        self.failures = failures
        self.open = 0
        self.rests_until = _rest(plan, base)
        self.committed = (
            plan.metadata is None and (plan.status is None or plan.status is base.status) and not plan.expired
        )
        self.changed = False
        self.verdict = Verdict.APPLIED
        self.message = ""
        self.refusal: tuple[Write, Outcome] | None = None
        self.retry_after_ms = 0

    def __repr__(self) -> str:
        state = "committed" if self.committed else "uncommitted"
        return f"<Application {self._key.name} {state}, {self.open} open, {self.verdict.name}>"

    def begin(self) -> tuple[Write, ...]:
        plan = self._plan
        if plan.final is not None:
            self.open = 1
            return (KeepRows((plan.final,)),)
        return self._copies()

    def _copies(self) -> tuple[Write, ...]:
        plan = self._plan
        if plan.keeps is not None:
            self.open = 1
            return (KeepCopy(plan.keeps),)
        if plan.drops is not None:
            self.open = 1
            return (DropCopy(plan.drops),)
        return self._own()

    def _own(self) -> tuple[Write, ...]:
        change = self._plan.metadata
        if change is not None:
            self.open = 1
            base = self._base
            return (PatchMetadata(self._key, base.metadata.uid, self._resource_version, change, base),)
        return self._status()

    def feed(self, body: Write, outcome: Outcome, now: int) -> tuple[Write, ...]:
        """The reply to one write; what may be written now that it is known."""
        self.open -= 1
        if isinstance(body, BEFORE):
            return self._kept(outcome) if isinstance(body, KeepRows) else self._copied(body, outcome, now)
        kind = type(body)
        if kind is CreateExecution:
            self._created(body.key, outcome, now)
            return _NONE
        if type(body) is DeleteExecution:
            self._deleted(body, outcome)
            # What takes the place of a child that was given up waits until that one is gone (BR-WF-166).
            return self._creates() if not self.open and self.verdict <= Verdict.ALTERED else _NONE
        if outcome.code is not OK:
            self._refused(body, outcome)
            return _NONE
        stored = outcome.object
        if type(stored) is WorkflowExecution:
            at = stored.metadata.resource_version
            self.changed = self.changed or at != self._resource_version
            self._resource_version = at
            if type(body) is PatchStatus and stored.status is not body.after and stored.status != body.after:
                # Somebody alters what we write on its way: what follows from that must not be tried without end.
                self._note(Verdict.ALTERED, outcome)
        else:
            # Written, but nobody told us what stands there now.
            self.expectations.doubt(self._key)
            self._note(Verdict.DOUBTFUL, outcome)
        status = self._plan.status
        last = kind is PatchStatus or status is None or status is self._base.status
        self.committed = last
        if self.verdict is Verdict.FENCED or (not last and self.verdict is Verdict.DOUBTFUL):
            return _NONE
        return self._children() if last else self._status()

    def fence(self, unsent: int = 0) -> None:
        """Hand out nothing more; `unsent` writes were taken back before they left."""
        self.open -= unsent
        self.verdict = Verdict.FENCED

    @property
    def due(self) -> int | None:
        """When the plan wanted to be looked at again at the latest."""
        return self._plan.wake_at

    @property
    def renounced(self) -> EventRecord | None:
        """What is said of a refusal that the workflow goes on without: its owner, or its end, is not its own matter."""
        if self.verdict is Verdict.UNKEPT:
            why = readable(self.message or "no reply")
            return EventRecord(
                "Warning", "AuditStorageFailed", f"deletion waits for its final record to be kept: {why}"
            )
        if self.verdict is not Verdict.REFUSED:
            return None
        if self._plan.expired:
            return EventRecord("Warning", "OrphanNotDeleted", f"its deletion was refused: {self.message}")
        change = self._plan.metadata
        if change is None or change.owner_references is None:
            return None
        return EventRecord("Warning", "OwnerReferenceFailed", f"its owner reference was refused: {self.message}")

    def _status(self) -> tuple[Write, ...]:
        status = self._plan.status
        base = self._base
        if status is None or status is base.status:
            return self._children()
        self.open = 1
        body: PatchStatus = _tuple(
            PatchStatus, (self._key, base.metadata.uid, self._resource_version, base.status, status)
        )
        return (body,)

    def _children(self) -> tuple[Write, ...]:
        deletes = self._plan.deletes
        if not deletes:
            return self._expiry() if self._plan.expired else self._creates()
        namespace = self._key.namespace
        self.open = len(deletes)
        return tuple([_deletion(namespace, child) for child in deletes])

    def _creates(self) -> tuple[Write, ...]:
        bodies = self._plan.creates
        if not bodies:
            return _NONE
        namespace = self._key.namespace
        self.open = len(bodies)
        kind = EXECUTION
        return tuple(
            [
                _tuple(CreateExecution, (_tuple(ObjectKey, (kind, namespace, body.metadata.name)), body))
                for body in bodies
            ]
        )

    def _kept(self, outcome: Outcome) -> tuple[Write, ...]:
        """Whatever the store's trouble is, it may pass: how long that is waited for is the core's matter."""
        if outcome.code is not Code.OK:
            self._note(Verdict.UNKEPT, outcome)
            return _NONE
        return self._copies() if self.verdict is Verdict.APPLIED else _NONE

    def _copied(self, body: KeepCopy | DropCopy, outcome: Outcome, now: int) -> tuple[Write, ...]:
        """What is there, or gone, already is as good; what is refused for good is done without."""
        if outcome.code in _TRANSIENT:
            self._note(Verdict.TROUBLE, outcome)
            return _NONE
        name = body.copy.name
        if outcome.code is Code.FORBIDDEN:
            refused = count_failure(self.failures, name, outcome, now)
            if not lasting(refused[name]):
                self.failures = refused
                self._note(Verdict.TROUBLE, outcome)
                return _NONE
        if name in self.failures:
            self.failures = {other: kept for other, kept in self.failures.items() if other != name}
        return self._own() if self.verdict is Verdict.APPLIED else _NONE

    def _expiry(self) -> tuple[Write, ...]:
        self.open = 1
        return (DeleteExecution(self._key, self._base.metadata.uid, self._resource_version),)

    def _refused(self, body: Write, outcome: Outcome) -> None:
        """Of the workflow itself: the plan is over."""
        code = outcome.code
        if code in _FINAL:
            self.refusal = (body, outcome)
            self._note(Verdict.REFUSED, outcome)
        elif code is Code.THROTTLED or code is Code.UNAVAILABLE:
            self._note(Verdict.TROUBLE, outcome)
        else:
            self.expectations.doubt(self._key)
            self._note(Verdict.TROUBLE if code is Code.LOST else Verdict.CONFLICT, outcome)

    def _created(self, key: ObjectKey, outcome: Outcome, now: int) -> None:
        code = outcome.code
        name = key.name
        if code is OK:
            self.changed = True
            if name in self.failures:
                self.failures = {other: kept for other, kept in self.failures.items() if other != name}
        elif code is Code.ALREADY_EXISTS or code is Code.LOST:
            self.expectations.doubt(key)
            self._note(Verdict.DOUBTFUL if code is Code.ALREADY_EXISTS else Verdict.TROUBLE, outcome)
        else:
            self.failures = count_failure(self.failures, name, outcome, now)
            self._note(Verdict.CREATE_REFUSED if self.failures[name].final else Verdict.CREATE_FAILED, outcome)

    def _deleted(self, body: DeleteExecution, outcome: Outcome) -> None:
        code = outcome.code
        if code is Code.OK or code is Code.NOT_FOUND:
            self.changed = True
            if self._plan.expired:
                # Its finalizer holds it; what stands there now has to be seen before anything more is decided.
                self.committed = True
                self.expectations.doubt(body.key)
            return
        if code is Code.CONFLICT or code is Code.LOST:
            self.expectations.doubt(body.key)
            self._note(Verdict.DOUBTFUL, outcome)
        elif code in _FINAL:
            self.refusal = (body, outcome)
            self._note(Verdict.REFUSED, outcome)
        else:
            self._note(Verdict.TROUBLE, outcome)

    def _note(self, verdict: Verdict, outcome: Outcome) -> None:
        if verdict > self.verdict:
            self.verdict = verdict
            self.message = outcome.message
        if outcome.retry_after_ms is not None and outcome.retry_after_ms > self.retry_after_ms:
            self.retry_after_ms = outcome.retry_after_ms


def _rest(plan: Plan, base: WorkflowExecution) -> int | None:
    """A plan that stays in its phase and names its alarm has thought of all that phase can do with what is known.

    Entering a phase, on the other hand, is followed by a look, which does what the new phase asks for.
    """
    if plan.metadata is not None or plan.deletes:
        return None
    status = plan.status
    return plan.wake_at if status is None or status.phase == base.status.phase else None


def happened(body: PatchMetadata | PatchStatus, workflow: WorkflowExecution | None) -> bool:
    """Was a write carried out whose reply was lost, by what stands there now (None: nothing does any more)?

    Of the metadata only one write has anything hanging on it: the one that lets a deleted workflow go.
    """
    if isinstance(body, PatchStatus):
        return workflow is not None and workflow.status == body.after
    if body.before.metadata.deletion_timestamp is None:
        return False
    return workflow is None or workflow.metadata.finalizers == body.change.finalizers


def count_failure(
    failures: Mapping[str, CreateFailure], name: str, outcome: Outcome, now: int
) -> Mapping[str, CreateFailure]:
    """`failures` with one more for this child; INVALID is final, and FORBIDDEN by what looked at the child itself."""
    earlier = failures.get(name)
    times = 1 if earlier is None else earlier.times + 1
    code, message = outcome.code, outcome.message
    since = now if earlier is None or earlier.code != code.value else earlier.since
    made = CreateFailure(times, code.value, message, now, considered(outcome), since)
    return {**failures, name: made}


def considered(outcome: Outcome) -> bool:
    """Was it refused for what it is, so that asking again cannot help, and not for a right that may come?"""
    if outcome.code is not Code.FORBIDDEN:
        return outcome.code is Code.INVALID
    return any(words in outcome.message for words in _CONSIDERED)


def _deletion(namespace: str, child: DeleteChild) -> DeleteExecution:
    return DeleteExecution(ObjectKey(Kind.EXECUTION, namespace, child.name), child.uid, child.resource_version)
