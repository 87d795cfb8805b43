"""Who is concerned by what the world just said? Objects go into the caches, the workflow they concern into the queue.

Called by the controller with events and listings, by the reconciler with replies to its own writes and reads. Nothing
is decided here. Word that brings nothing newer than what we have (the echo of our own write above all) wakes nobody.
"""

from collections.abc import Mapping
from typing import Final

from wfexec.core.fold import on_its_way
from wfexec.engine.applier import Application
from wfexec.engine.cache import STALE, Family, ObjectCache, Stored, controller_uid, version
from wfexec.engine.deadlines import Deadlines
from wfexec.engine.expectations import Expectations
from wfexec.engine.limiter import Limiter
from wfexec.engine.workqueue import CRITICAL, FRESH, HIGH, LOW, NORMAL, SOON, WorkQueue
from wfexec.model.bearings import NO_BEARINGS, Bearings
from wfexec.model.execution import KubernetesExecution
from wfexec.model.facts import Answer, Question
from wfexec.model.meta import WORKFLOW_KIND, OwnerReference, version_of
from wfexec.model.phases import Phase, Priority
from wfexec.model.plan import Record
from wfexec.model.recipe import Recipe, Refusal
from wfexec.model.requests import Change, Kind, Listing, ObjectKey, PatchMetadata, PatchStatus, Unreadable
from wfexec.model.snapshot import CreateFailure
from wfexec.model.status import WorkflowExecution
from wfexec.model.words import DELETED, EXECUTION
from wfexec.model.workflow import WorkflowExecutionSpec

LEVELS: Final = {
    Priority.LOW: LOW,
    Priority.NORMAL: NORMAL,
    Priority.HIGH: HIGH,
    Priority.CRITICAL: CRITICAL,
}
# Of many that come at once each is planned before the next begins, else all of them would be half planned for long.
URGENCY: Final[dict[str, int]] = {Phase.NEW: FRESH, Phase.PLANNING: SOON}


class Tracked:
    """One workflow (one uid) and all we remember of it; gone with it, and rebuilt from nothing after a restart.

    `unreadable` is why it cannot be acted on, "" otherwise. `unsure` is a write to it whose reply was lost, and
    the records that depend on it.
    """

    __slots__ = (
        "answers",
        "application",
        "ask_after",
        "ask_failures",
        "asking",
        "effective",
        "expectations",
        "failures",
        "family",
        "foreign",
        "key",
        "left",
        "level",
        "read_retry_ms",
        "reading",
        "recipe",
        "recipe_generation",
        "records",
        "refusals",
        "refused_at",
        "reported",
        "uid",
        "unkept_at",
        "unreadable",
        "unsure",
        "workflow",
    )

    def __init__(self, key: ObjectKey, uid: str, family: Family) -> None:
        self.key = key
        self.uid = uid
        self.family = family
        self.workflow: WorkflowExecution | None = None
        self.level = NORMAL
        self.unreadable = ""
        self.reported = ""
        self.recipe: Recipe | Refusal | None = None
        self.recipe_generation = -1
        # The spec with its template under it, for a workflow that names one.
        self.effective: WorkflowExecutionSpec | None = None
        self.answers: Mapping[Question, Answer] = {}
        self.asking: set[Question] = set()
        self.ask_after = 0
        self.ask_failures = 0
        self.failures: Mapping[str, CreateFailure] = {}
        self.foreign: frozenset[str] = frozenset()
        self.expectations = Expectations()
        self.application: Application | None = None
        self.refused_at: int | None = None
        # Of our own writes, in a row: since when, and whether that was told.
        self.refusals: tuple[int, bool] | None = None
        self.unkept_at: int | None = None
        self.records: tuple[Record, ...] = ()
        self.unsure: tuple[PatchMetadata | PatchStatus, tuple[Record, ...]] | None = None
        # Reads on their way, with the version of that object known when they were asked for.
        self.reading: dict[ObjectKey, int] = {}
        self.read_retry_ms = -1
        self.left = False

    def __repr__(self) -> str:
        return f"<Tracked {self.key.namespace}/{self.key.name} {self.uid}{' left' if self.left else ''}>"


class View:
    __slots__ = (
        "_families",
        "_strangers",
        "awake_since",
        "bearings",
        "deadlines",
        "executions",
        "ignored",
        "limiter",
        "queue",
        "tracked",
        "workflows",
    )

    def __init__(self, limiter: Limiter) -> None:
        # How hard the API server is pressed is part of what every decision sees.
        self.limiter = limiter
        self.workflows = ObjectCache()
        self.executions = ObjectCache()
        self.queue: WorkQueue[Tracked] = WorkQueue()
        self.deadlines: Deadlines[Tracked] = Deadlines()
        self.tracked: dict[str, Tracked] = {}
        self.ignored = 0
        # From when on we could look at all: all is listed, and we lead.
        self.awake_since = 0
        self.bearings: Bearings = NO_BEARINGS
        self._families: dict[str, Family] = {}
        # Objects of others that stand where a child of ours should be: (namespace, name) -> who wanted the name.
        self._strangers: dict[tuple[str, str], Tracked] = {}

    def __repr__(self) -> str:
        return f"<View {len(self.tracked)} workflows, {len(self.executions)} executions, {self.queue!r}>"

    def wake(self, tracked: Tracked) -> None:
        self.queue.add(tracked, tracked.level)

    def wake_all(self, now: int) -> None:
        """We lead from now on: whatever was waited for meanwhile, nobody could ask for it."""
        self.awake_since = now
        for tracked in self.tracked.values():
            self.queue.add(tracked, tracked.level)

    def eased(self) -> None:
        """The API server is pressed less: whose steps wait for a place looks whether there is one."""
        for tracked in self.tracked.values():
            if tracked.workflow is not None and tracked.workflow.status.queued_steps:
                self.queue.add(tracked, tracked.level)

    def watched(self, kind: Kind, change: Change, stored: Stored, resource_version: str) -> bool:
        """One watch event; whether it is news."""
        at = version_of(resource_version)
        if change is DELETED:
            return self.deleted(kind, stored.metadata.namespace, stored.metadata.name, at)
        if kind is EXECUTION:
            return self.put_execution(stored, at)
        tracked = self.put_workflow(stored, at)
        if tracked is None:
            return False
        self.queue.add(tracked, tracked.level)
        return True

    def relisted(self, kind: Kind, listing: Listing) -> None:
        """A whole listing: news wakes those concerned, and what is missing in it was deleted."""
        present: set[tuple[str, str]] = set()
        for stored in listing.items:
            metadata = stored.metadata
            present.add((metadata.namespace, metadata.name))
            self.watched(kind, Change.MODIFIED, stored, metadata.resource_version)  # type: ignore[arg-type] # its kind's
        cache = self.workflows if kind is Kind.WORKFLOW else self.executions
        for removed in cache.absent(present, version_of(listing.resource_version)):
            self._removed(kind, removed)

    def deleted(self, kind: Kind, namespace: str, name: str, at: int) -> bool:
        """Deleted at version `at`; whether that is news."""
        cache = self.workflows if kind is Kind.WORKFLOW else self.executions
        removed = cache.remove(namespace, name, at)
        if removed is STALE:
            self.ignored += 1
            return False
        if removed is None:
            return False
        self._removed(kind, removed)
        return True

    def put_workflow(self, stored: Stored, at: int) -> Tracked | None:
        """Whom it concerns, not yet woken; None if it is nothing new."""
        previous = self.workflows.put(stored, at)
        if previous is STALE:
            self.ignored += 1
            return None
        uid = stored.metadata.uid
        tracked = self.tracked.get(uid)
        if tracked is None:
            if previous is not None:
                self._leave(previous.metadata.uid)
            tracked = self._enter(stored)
        if type(stored) is WorkflowExecution:
            tracked.workflow = stored
            tracked.unreadable = ""
            tracked.level = LEVELS[stored.spec.priority] + URGENCY.get(stored.status.phase, 0)
        elif type(stored) is Unreadable:
            tracked.unreadable = stored.message
        return tracked

    def put_execution(self, stored: Stored, at: int, wake: bool = True) -> bool:
        """Whether there is something to decide; its owner is woken if `wake`, a former one in any case."""
        previous = self.executions.put(stored, at)
        if previous is STALE:
            self.ignored += 1
            return False
        metadata = stored.metadata
        name = metadata.name
        uid = controller_uid(metadata)
        family = self._families.get(uid)
        # Where the family holds the previous one under this name, its owner is the same without looking.
        if previous is not None and (
            family is None or family.children.get(name) is not previous or previous.metadata.uid != metadata.uid
        ):
            self._replaced(previous, stored, uid)
            family = self._families.get(uid)
        news = True
        if uid:
            if family is None:
                family = self._families[uid] = Family()
            if type(stored) is KubernetesExecution:
                known = family.children.get(name)
                family.put(name, stored)
                # A report that it still runs gives nothing to decide: half of all that children say.
                news = known is None or not on_its_way(known, stored)
            elif type(stored) is Unreadable:
                family.unreadable[name] = stored
            tracked = self.tracked.get(uid) if wake and news else None
            if tracked is not None:
                self.queue.add(tracked, tracked.level)
        if self._strangers:
            self._stranger_changed(metadata.namespace, name, uid)
            return True
        return news

    def own_write(self, stored: Stored) -> None:
        """The reply to a write of ours to a workflow: known before its echo comes, wakes nobody."""
        metadata = stored.metadata
        if metadata.deletion_timestamp is not None and not metadata.finalizers:
            # Removing the last finalizer deletes; what the server shows us is the last that was seen of it.
            self.put_workflow(stored, version(metadata))
            self.deleted(Kind.WORKFLOW, metadata.namespace, metadata.name, version(metadata))
        else:
            self.put_workflow(stored, version(metadata))

    def child_deleted(self, key: ObjectKey, uid: str) -> None:
        """Our own deletion took effect: that very object is gone, another one under its name is not."""
        stored = self.executions.get(key.namespace, key.name)
        if stored is not None and stored.metadata.uid == uid:
            self.deleted(key.kind, key.namespace, key.name, version(stored.metadata))

    def estranged(self, tracked: Tracked, name: str) -> None:
        """That name is taken by an object which is not ours."""
        tracked.foreign = tracked.foreign | {name}
        self._strangers[tracked.key.namespace, name] = tracked

    def version(self, key: ObjectKey) -> int:
        cache = self.workflows if key.kind is Kind.WORKFLOW else self.executions
        return cache.version(key.namespace, key.name)

    def _enter(self, stored: Stored) -> Tracked:
        metadata = stored.metadata
        family = self._families.get(metadata.uid)
        if family is None:
            family = self._families[metadata.uid] = Family()
        family.kept = True
        key = ObjectKey(Kind.WORKFLOW, metadata.namespace, metadata.name)
        tracked = self.tracked[metadata.uid] = Tracked(key, metadata.uid, family)
        return tracked

    def _leave(self, uid: str) -> None:
        """Nothing of a workflow that is gone may be acted on, and nothing of it is remembered."""
        tracked = self.tracked.pop(uid, None)
        if tracked is None:
            return
        tracked.left = True
        tracked.asking = set()
        family = tracked.family
        family.kept = False
        family.gone = {}
        if not family.children:
            self._families.pop(uid, None)
        for name in sorted(tracked.foreign):
            self._strangers.pop((tracked.key.namespace, name), None)
        self.deadlines.set(tracked, None)
        self.queue.forget(tracked)

    def _removed(self, kind: Kind, stored: Stored) -> None:
        metadata = stored.metadata
        if kind is Kind.WORKFLOW:
            self._leave(metadata.uid)
            return
        self._orphan(controller_uid(metadata), metadata.name, metadata.uid)
        if self._strangers:
            self._stranger_changed(metadata.namespace, metadata.name, "")

    def _replaced(self, previous: Stored, stored: Stored, owner_uid: str) -> None:
        """Another object, or one of another owner, stands under this name now."""
        former = previous.metadata
        former_owner = controller_uid(former)
        if former.uid != stored.metadata.uid or former_owner != owner_uid:
            self._orphan(former_owner, former.name, former.uid)

    def _orphan(self, owner_uid: str, name: str, uid: str) -> None:
        family = self._families.get(owner_uid)
        if family is None:
            return
        family.drop(name, uid)
        tracked = self.tracked.get(owner_uid)
        if tracked is not None:
            self.queue.add(tracked, tracked.level)
        elif not family.children:
            del self._families[owner_uid]

    def _stranger_changed(self, namespace: str, name: str, owner_uid: str) -> None:
        """The name a workflow waits for is free again, or has become its own."""
        tracked = self._strangers.get((namespace, name))
        if tracked is None:
            return
        if owner_uid == tracked.uid or self.executions.get(namespace, name) is None:
            del self._strangers[namespace, name]
            tracked.foreign = tracked.foreign - {name}
            self.queue.add(tracked, tracked.level)


def of_former_workflow(owner: OwnerReference, workflow: WorkflowExecution) -> bool:
    """Does this owner belong to an earlier workflow of the same name? The garbage collector is on its way then."""
    metadata = workflow.metadata
    return owner.kind == WORKFLOW_KIND and owner.name == metadata.name and owner.uid != metadata.uid
