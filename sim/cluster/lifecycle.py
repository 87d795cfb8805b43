"""How do objects end? Deletion with finalizers, collection of what lost its owner, the end of a namespace.

One set of rules for both depths: bodies are JSON objects, frozen values of ours, leases or events. Called by the
writers of both depths and, for collection, by the driver. It must never know the time: `now` is an argument.
"""

from collections import deque
from typing import Any, Final

from sim.cluster import refusals
from sim.cluster.refusals import Cause, Refusal
from sim.cluster.resources import EVENTS, NAMESPACES, Resource, Resources
from sim.cluster.store import Store, Stored
from wfexec.model.base import evolve
from wfexec.model.execution import KubernetesExecution
from wfexec.model.requests import Lease
from wfexec.model.status import WorkflowExecution
from wfexec.units import format_instant

# A real server forgets an Event after an hour.
EVENTS_KEPT: Final = 1_000
_LASTING: Final = ("default", "kube-public", "kube-system")


class Lifecycle:
    """`seed` makes uids differ between clusters, and nothing else."""

    def __init__(self, store: Store, resources: Resources, seed: int, events_kept: int = EVENTS_KEPT) -> None:
        self.store = store
        self.resources = resources
        self._uid_head = f"{seed & 0xFFFFFFFF:08x}-0000-4000-8000"
        self._events_kept = events_kept
        self._event_names: dict[str, deque[tuple[str, str]]] = {}
        # Namespaces on their way out, oldest first.
        self._ending: dict[str, None] = {}

    def uid(self, version: int) -> str:
        """A uid of version 4's shape, different for every version."""
        return f"{self._uid_head}-{version:012x}"

    def refuses_new(self, resource: Resource, namespace: str, name: str) -> Refusal | None:
        """Why nothing can be created in that namespace, if so."""
        home = self.store.get(NAMESPACES, "", namespace)
        if home is None:
            return refusals.not_found(self.resources.named(NAMESPACES), namespace)
        if home.deleting:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            cause = Cause("NamespaceTerminating", f"namespace {namespace} is being terminated", "metadata.namespace")
            return refusals.forbidden(resource, name, why, cause)
        return None

    def delete(
        self, resource: Resource, current: Stored, uid: str | None, version: str | None, now: int
    ) -> Stored | Refusal:
        """Mark or remove. The result is still deleting when finalizers hold it; else it is the last state.

        `uid`, `version`: what the object must be (None: whatever it is).
        """
        name = current.name
        if uid is not None and uid != current.uid:
            why = (
                f"the UID in the precondition ({uid}) does not match the UID in record ({current.uid})."
                " The object might have been deleted and then recreated"
            )
            return refusals.precondition_failed(resource, name, why)
        if version is not None and version != str(current.version):
            why = (
                f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record"
                f" ({current.version}). The object might have been modified"
            )
            return refusals.precondition_failed(resource, name, why)
        if current.deleting:
            return current
        if resource.key == NAMESPACES:
            if name in _LASTING:
                return refusals.forbidden(resource, name, "this namespace may not be deleted")
            self._ending[name] = None
        if current.finalizers or resource.key == NAMESPACES:
            body = doomed(current.body, resource, self.store.version + 1, now)
            marked = current._replace(version=self.store.version + 1, body=body, deleting=True)
            self.store.put(marked)
            return marked
        return self.remove(current)

    def remove(self, current: Stored) -> Stored:
        """Take an object out; its last version is that of its removal."""
        version = self.store.version + 1
        last = current._replace(version=version, body=stamped(current.body, version))
        self.store.remove(last)
        return last

    def keep_few_events(self, namespace: str, name: str) -> None:
        """Called after each new Event: the oldest beyond the limit go without a trace."""
        names = self._event_names.get(namespace)
        if names is None:
            names = self._event_names[namespace] = deque()
        names.append((namespace, name))
        if len(names) > self._events_kept:
            self.store.drop(EVENTS, names.popleft())

    @property
    def collectable(self) -> bool:
        """Whether `collect` would do anything."""
        return bool(self.store.dangling or self._ending)

    def collect(self, now: int) -> int:
        """What the garbage collector and the namespace controller do in one round; the number of objects touched.

        What this leaves without an owner is for the next round, as the real collector needs more than one look.
        """
        touched = 0
        dangling = list(self.store.dangling)
        self.store.dangling.clear()
        for key, (namespace, name) in dangling:
            stored = self.store.get(key, namespace, name)
            # An object that still has one living owner stays; the real collector also strikes out the dead ones.
            if stored is not None and not stored.deleting and not any(map(self.store.lives, stored.owners)):
                self.delete(self.resources.named(key), stored, stored.uid, None, now)
                touched += 1
        for namespace in list(self._ending):
            touched += self._empty(namespace, now)
        return touched

    def _empty(self, namespace: str, now: int) -> int:
        touched, left = 0, 0
        for resource in self.resources.all:
            for stored in self.store.all(resource.key, namespace) if resource.namespaced else ():
                left += bool(stored.finalizers)
                if not stored.deleting:
                    self.delete(resource, stored, None, None, now)
                    touched += 1
        home = self.store.get(NAMESPACES, "", namespace)
        if not left:
            del self._ending[namespace]
            if home is not None:
                self.remove(home)
                touched += 1
        return touched


def stamped(body: Any, version: int) -> Any:
    """The body with that resourceVersion."""
    match body:
        case dict():
            return {**body, "metadata": {**body["metadata"], "resourceVersion": str(version)}}
        case WorkflowExecution() | KubernetesExecution():
            return evolve(body, metadata=evolve(body.metadata, resource_version=str(version)))
        case Lease():
            return body._replace(resource_version=str(version))
        case _:
            return body


def doomed(body: Any, resource: Resource, version: int, now: int) -> Any:
    """The body marked as being deleted; that is a change of the wish, so the generation counts it."""
    at = whole_seconds(now)
    if not isinstance(body, dict):
        meta = body.metadata
        marks = {"deletion_timestamp": at, "generation": meta.generation + 1}
        return evolve(body, metadata=evolve(meta, resource_version=str(version), **marks))
    meta = {**body["metadata"], "resourceVersion": str(version), "deletionTimestamp": format_instant(at)}
    if resource.key == NAMESPACES:
        return {**body, "metadata": meta, "status": {**body.get("status", {}), "phase": "Terminating"}}
    meta["deletionGracePeriodSeconds"] = 0
    if meta.get("generation"):
        meta["generation"] += 1
    return {**body, "metadata": meta}


def whole_seconds(now: int) -> int:
    """metav1.Time knows no fractions."""
    return now - now % 1_000
