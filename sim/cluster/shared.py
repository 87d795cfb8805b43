"""How does the cluster carry out a request in shared depth: frozen values by reference, no JSON, no schema?

The sweeps' and the bench's way through the cluster, a few microseconds a write. Same store, same versions,
generations and watch events as wire depth, which the tests compare. Workflows, children, leases and events are
values of ours; the target world is JSON objects in both depths (`sim.cluster.targets`).
"""

from collections.abc import Callable
from typing import Any, Final

from sim.cluster.lifecycle import Lifecycle, whole_seconds
from sim.cluster.refusals import Refusal, already_exists, code_of, version_on_create
from sim.cluster.requests import CreateWorkflow, DeleteObject, EditWorkflow, PatchExecutionStatus, PersonBody
from sim.cluster.resources import (
    CONFIGMAPS,
    EVENTS,
    EXECUTIONS,
    LEASES,
    NAMESPACES,
    POLICIES,
    POLICY_BINDINGS,
    WORKFLOWS,
)
from sim.cluster.store import Store, Stored
from wfexec.crd.landmarks import landmark
from wfexec.model.base import compact, evolve
from wfexec.model.execution import NO_STATUS as NOT_STARTED
from wfexec.model.execution import KubernetesExecution
from wfexec.model.meta import ObjectMeta
from wfexec.model.plan import MetadataChange
from wfexec.model.requests import (
    Body,
    Code,
    CreateExecution,
    CreateLease,
    DeleteExecution,
    EventWrite,
    GetLease,
    GetObject,
    Kind,
    Lease,
    Listing,
    ListObjects,
    ObjectKey,
    Outcome,
    PatchMetadata,
    PatchStatus,
    UpdateLease,
    Watched,
)
from wfexec.model.status import NO_STATUS, WorkflowExecution
from wfexec.model.words import OK, WORKFLOW

TypedBody = Body | PatchExecutionStatus | PersonBody
RESOURCE_OF: Final = {
    Kind.WORKFLOW: WORKFLOWS,
    Kind.EXECUTION: EXECUTIONS,
    Kind.NAMESPACE: NAMESPACES,
    Kind.REGISTRY: CONFIGMAPS,
    Kind.ADMISSION_POLICY: POLICIES,
    Kind.ADMISSION_BINDING: POLICY_BINDINGS,
}
# Kinds whose objects are values of ours here; all others are JSON objects in both depths.
TYPED: Final = frozenset({Kind.WORKFLOW, Kind.EXECUTION})

# Making a named tuple by its own constructor costs more than all else that is done for a write.
_tuple: Final[Any] = tuple.__new__
_DONE: Final = Outcome(Code.OK)
_ABSENT: Final = Outcome(Code.NOT_FOUND, message="not found")
# An internal error on a real server, so the writer cannot know.
_NOT_NEW: Final = Outcome(Code.LOST, message=version_on_create().message)
_STALE: Final = Outcome(Code.CONFLICT, message="the object has been modified")


class Shared:
    """Carries out typed requests; every method takes the request and the time of its arrival."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self._store: Store = lifecycle.store
        self._workflows = self._store.objects(WORKFLOWS)
        self._executions = self._store.objects(EXECUTIONS)
        self._events = self._store.objects(EVENTS)
        self._namespaces = self._store.objects(NAMESPACES)

    def handlers(self) -> dict[type, Callable[[Any, int], Outcome]]:
        """What carries out a request, by the request's class."""
        return {
            CreateExecution: self._create_execution,
            CreateLease: self._create_lease,
            CreateWorkflow: self._create_workflow,
            DeleteExecution: self._delete_execution,
            DeleteObject: self._delete_object,
            EditWorkflow: self._edit_workflow,
            EventWrite: self._event,
            GetLease: self._get_lease,
            GetObject: self._get,
            ListObjects: self._list,
            PatchExecutionStatus: self._patch_status,
            PatchMetadata: self._patch_metadata,
            PatchStatus: self._patch_status,
            UpdateLease: self._update_lease,
        }

    def _find(self, key: ObjectKey) -> Stored | None:
        kind, namespace, name = key
        objects = self._workflows if kind is WORKFLOW else self._executions
        return objects.get((namespace, name))

    def _get(self, body: GetObject, _now: int) -> Outcome:
        stored = self._find(body.key)
        return _ABSENT if stored is None else Outcome(Code.OK, stored.body)

    def _list(self, body: ListObjects, _now: int) -> Outcome:
        kind, _, namespace, name = body
        found = self._store.all(RESOURCE_OF[kind], namespace)
        items = tuple([told(kind, stored.body) for stored in found if not name or stored.name == name])
        return Outcome(Code.OK, Listing(items, str(self._store.version)))

    def _patch_status(self, body: PatchStatus | PatchExecutionStatus, _now: int) -> Outcome:
        key, uid, resource_version, _, after = body
        stored = self._find(key)
        if stored is None:
            return _ABSENT
        thing = stored.body
        meta = thing.metadata
        if meta.resource_version != resource_version or meta.uid != uid:
            return _STALE
        # Field by field, which finds shared parts by identity.
        if after.__dict__ != thing.status.__dict__:
            store = self._store
            meta = evolve(meta, resource_version=str(store.version + 1))
            thing = evolve(thing, metadata=meta, status=after)
            store.renew(stored, thing)
        done: Outcome = _tuple(Outcome, (OK, thing, "", None))
        return done

    def _patch_metadata(self, body: PatchMetadata, _now: int) -> Outcome:
        stored = self._find(body.key)
        if stored is None:
            return _ABSENT
        meta: ObjectMeta = stored.body.metadata
        if meta.resource_version != body.resource_version:
            return _STALE
        changed = changed_meta(meta, body.change)
        if changed is meta:
            return Outcome(Code.OK, stored.body)
        if meta.deletion_timestamp is not None and not set(changed.finalizers) <= set(meta.finalizers):
            return Outcome(Code.INVALID, message="no new finalizers can be added if the object is being deleted")
        return self._put(stored, evolve(stored.body, metadata=changed))

    def _put(self, stored: Stored, thing: Any) -> Outcome:
        """Commit a new version of an object, or its end when nothing holds it any more."""
        if stored.deleting and not thing.metadata.finalizers:
            # As the server does it: gone is what was kept, and told is what was asked, at the version before.
            self._lifecycle.remove(stored)
            return Outcome(Code.OK, thing)
        version = self._store.version + 1
        made = evolve(thing, metadata=evolve(thing.metadata, resource_version=str(version)))
        self._store.put(stored_of(stored.resource, made, version))
        return Outcome(Code.OK, made)

    def _create_execution(self, body: CreateExecution, now: int) -> Outcome:
        return self._create(EXECUTIONS, body.key, body.body, NOT_STARTED, now)

    def _create_workflow(self, body: CreateWorkflow, now: int) -> Outcome:
        meta = body.body.metadata
        key = ObjectKey(Kind.WORKFLOW, meta.namespace, meta.name)
        # All its versions are copies of this one.
        thing = evolve(compact(body.body), metadata=compact(meta))
        return self._create(WORKFLOWS, key, thing, NO_STATUS, now)

    def _create(self, resource: str, key: ObjectKey, thing: Watched, status: Any, now: int) -> Outcome:
        if thing.metadata.resource_version:
            return _NOT_NEW
        _, namespace, name = key
        if refused := self._no_room(resource, self._find(key), namespace, name):
            return refused
        version = self._store.version + 1
        meta = evolve(
            thing.metadata,
            name=name,
            namespace=namespace,
            uid=self._lifecycle.uid(version),
            resource_version=str(version),
            generation=1,
            creation_timestamp=whole_seconds(now),
            deletion_timestamp=None,
        )
        made = evolve(thing, metadata=meta, status=status)
        self._store.put(stored_of(resource, made, version))
        done: Outcome = _tuple(Outcome, (OK, made, "", None))
        return done

    def _no_room(self, resource: str, there: Stored | None, namespace: str, name: str) -> Outcome | None:
        """Why no object of that name can be made there; `there` is who has it already."""
        home = self._namespaces.get(("", namespace))
        if there is None and home is not None and not home.deleting:
            return None
        known = self._lifecycle.resources.named(resource)
        refusal = self._lifecycle.refuses_new(known, namespace, name)
        if refusal is None and there is not None:
            refusal = already_exists(known, name, deleting=there.deleting)
        return None if refusal is None else outcome_of(refusal)

    def _edit_workflow(self, body: EditWorkflow, _now: int) -> Outcome:
        stored = self._find(body.key)
        if stored is None:
            return _ABSENT
        thing: WorkflowExecution = stored.body
        meta = changed_meta(thing.metadata, MetadataChange(annotations=body.annotations or None))
        spec = thing.spec
        if any(getattr(spec, field) != value for field, value in body.spec.items()):
            spec = evolve(spec, **body.spec)
            meta = evolve(meta, generation=meta.generation + 1)
        if meta is thing.metadata:
            return Outcome(Code.OK, thing)
        return self._put(stored, evolve(thing, metadata=meta, spec=spec))

    def _delete_execution(self, body: DeleteExecution, now: int) -> Outcome:
        return self._delete(body.key, body.uid, body.resource_version, now)

    def _delete_object(self, body: DeleteObject, now: int) -> Outcome:
        return self._delete(body.key, None, None, now)

    def _delete(self, key: ObjectKey, uid: str | None, version: str | None, now: int) -> Outcome:
        stored = self._find(key)
        if stored is None:
            return _ABSENT
        resource = self._lifecycle.resources.named(stored.resource)
        gone = self._lifecycle.delete(resource, stored, uid, version, now)
        return outcome_of(gone) if isinstance(gone, Refusal) else _DONE

    def _event(self, body: EventWrite, _now: int) -> Outcome:
        name, namespace = body.name, body.namespace
        stored = self._events.get((namespace, name))
        version = self._store.version + 1
        if body.times == 1:
            if refused := self._no_room(EVENTS, stored, namespace, name):
                return refused
            uid = self._lifecycle.uid(version)
        elif stored is None:
            return _ABSENT
        elif (body.times, body.message, body.last_ms // 1_000) == _counted(stored.body):
            return _DONE
        else:
            uid = stored.uid
        self._store.put(_tuple(Stored, (EVENTS, namespace, name, uid, version, body, (), (), False)))
        if stored is None:
            self._lifecycle.keep_few_events(namespace, name)
        return _DONE

    def _get_lease(self, body: GetLease, _now: int) -> Outcome:
        stored = self._store.get(LEASES, body.namespace, body.name)
        return _ABSENT if stored is None else Outcome(Code.OK, stored.body)

    def _create_lease(self, body: CreateLease, _now: int) -> Outcome:
        lease = body.lease
        if lease.resource_version:
            return _NOT_NEW
        there = self._store.get(LEASES, lease.namespace, lease.name)
        if refused := self._no_room(LEASES, there, lease.namespace, lease.name):
            return refused
        return self._put_lease(lease, self._lifecycle.uid(self._store.version + 1))

    def _update_lease(self, body: UpdateLease, now: int) -> Outcome:
        lease = body.lease
        stored = self._store.get(LEASES, lease.namespace, lease.name)
        if stored is None:
            # The server makes a lease anew that somebody thought was there.
            return self._create_lease(CreateLease(lease._replace(resource_version="")), now)
        if lease.resource_version != str(stored.version):
            return _STALE
        if _in_seconds(lease) == stored.body:
            return Outcome(Code.OK, stored.body)
        return self._put_lease(lease, stored.uid)

    def _put_lease(self, lease: Lease, uid: str) -> Outcome:
        version = self._store.version + 1
        made = _in_seconds(lease)._replace(resource_version=str(version))
        self._store.put(Stored(LEASES, lease.namespace, lease.name, uid, version, made))
        return Outcome(Code.OK, made)


def told(kind: Kind, body: Any) -> Any:
    """A stored object as the controller is told of it."""
    return body if kind in TYPED or body is None else landmark(kind, body)


def stored_of(resource: str, thing: WorkflowExecution | KubernetesExecution, version: int) -> Stored:
    """The store's view of a value of ours."""
    meta = thing.metadata
    owners = tuple([owner.uid for owner in meta.owner_references]) if meta.owner_references else ()
    deleting = meta.deletion_timestamp is not None
    made: Stored = _tuple(
        Stored, (resource, meta.namespace, meta.name, meta.uid, version, thing, owners, meta.finalizers, deleting)
    )
    return made


def changed_meta(meta: ObjectMeta, change: MetadataChange) -> ObjectMeta:
    """The metadata after that change; the same object when nothing differs."""
    changes: dict[str, Any] = {}
    if change.finalizers is not None and change.finalizers != meta.finalizers:
        changes["finalizers"] = change.finalizers
    if change.owner_references is not None and change.owner_references != meta.owner_references:
        changes["owner_references"] = change.owner_references
    if change.annotations is not None:
        annotations = {**meta.annotations, **change.annotations}
        kept = {key: value for key, value in annotations.items() if value is not None}
        if kept != meta.annotations:
            changes["annotations"] = kept
    return evolve(meta, **changes) if changes else meta


def outcome_of(refusal: Refusal) -> Outcome:
    wait = refusal.retry_after_s
    return Outcome(code_of(refusal), message=refusal.message, retry_after_ms=None if wait is None else wait * 1_000)


def _counted(event: EventWrite) -> tuple[int, str, int]:
    """What a repetition changes of an Event, in the API's whole seconds."""
    return event.times, event.message, event.last_ms // 1_000


def _in_seconds(lease: Lease) -> Lease:
    """A Lease's duration is whole seconds in the API, at least one."""
    return lease._replace(duration_ms=max(1, -(-lease.duration_ms // 1_000)) * 1_000)
