"""How does the executor read and change the target world in shared depth?

The same write rules as wire depth (`sim.cluster.objects`) without the way through HTTP and JSON text. What is handed
out is the stored object itself: never change it in place.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from sim.cluster.lifecycle import Lifecycle
from sim.cluster.objects import Objects
from sim.cluster.refusals import Refusal, code_of, not_found
from sim.cluster.requests import (
    CreateTarget,
    DeleteTarget,
    GetTarget,
    ListTargets,
    PatchTarget,
    TargetOutcome,
)
from sim.cluster.resources import Resource, Unmodelled
from sim.cluster.store import Name, Stored
from sim.executor.merge import merge
from wfexec.model.facts import TargetRef
from wfexec.model.requests import Code
from wfexec.model.words import OK

# Making a named tuple by its own constructor costs more than all else that is done for a read.
_tuple: Final[Any] = tuple.__new__


class Place(NamedTuple):
    """Where objects of a kind are."""

    resource: Resource
    namespaced: bool
    objects: Mapping[Name, Stored]


class Targets:
    """Carries out the requests about targets; every handler takes the request and the time of its arrival."""

    def __init__(self, lifecycle: Lifecycle, objects: Objects) -> None:
        self._lifecycle = lifecycle
        self._store = lifecycle.store
        self._objects = objects
        self._places: dict[str, Place] = {}

    def handlers(self) -> dict[type, Callable[[Any, int], TargetOutcome]]:
        """What carries out a request, by the request's class."""
        return {
            CreateTarget: self._create,
            DeleteTarget: self._delete,
            GetTarget: self._get,
            ListTargets: self._list,
            PatchTarget: self._patch,
        }

    def find(self, ref: TargetRef) -> Stored | None:
        """The object as it is stored now."""
        kind, namespace, name = ref
        _, namespaced, objects = self._places.get(kind) or self._place(kind)
        return objects.get((namespace if namespaced else "", name))

    def _get(self, body: GetTarget, _now: int) -> TargetOutcome:
        stored = self.find(body.ref)
        if stored is None:
            return _refused(not_found(self._place(body.ref.kind).resource, body.ref.name))
        made: TargetOutcome = _tuple(TargetOutcome, (OK, stored.body, "", None))
        return made

    def _patch(self, body: PatchTarget, now: int) -> TargetOutcome:
        ref, patch, subresource = body
        stored = self.find(ref)
        resource = self._place(ref.kind).resource
        if stored is None:
            return _refused(not_found(resource, ref.name))
        return _outcome(self._objects.update(resource, stored, merge(stored.body, patch), subresource, now))

    def _create(self, body: CreateTarget, now: int) -> TargetOutcome:
        resource, namespaced, _ = self._place(body.ref.kind)
        return _outcome(self._objects.create(resource, body.ref.namespace if namespaced else "", body.body, now))

    def _delete(self, body: DeleteTarget, now: int) -> TargetOutcome:
        stored = self.find(body.ref)
        resource = self._place(body.ref.kind).resource
        if stored is None:
            return _refused(not_found(resource, body.ref.name))
        gone = self._lifecycle.delete(resource, stored, None, None, now)
        return _refused(gone) if isinstance(gone, Refusal) else TargetOutcome(Code.OK)

    def _list(self, body: ListTargets, _now: int) -> TargetOutcome:
        resource, namespaced, _ = self._place(body.kind)
        listed = self._store.all(resource.key, body.namespace if namespaced else "")
        return TargetOutcome(Code.OK, tuple([stored.body for stored in listed]))

    def _place(self, kind: str) -> Place:
        place = self._places.get(kind)
        if place is None:
            resource = self._lifecycle.resources.of_kind(kind)
            if resource.custom:
                raise Unmodelled(f"{kind} as a target: ask for it by its own requests")
            place = Place(resource, resource.namespaced, self._store.objects(resource.key))
            self._places[kind] = place
        return place


def _outcome(result: Stored | Refusal) -> TargetOutcome:
    return TargetOutcome(Code.OK, result.body) if isinstance(result, Stored) else _refused(result)


def _refused(refusal: Refusal) -> TargetOutcome:
    wait = refusal.retry_after_s
    return TargetOutcome(
        code_of(refusal), message=refusal.message, retry_after_ms=None if wait is None else wait * 1_000
    )
