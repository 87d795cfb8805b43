"""How does the executor read and change the target world in shared depth?

The same write rules as wire depth (`sim.cluster.objects`) without the way through HTTP and JSON text. What is handed
out is the stored object itself: never change it in place.
"""

from typing import Any

from sim.cluster.lifecycle import Lifecycle
from sim.cluster.objects import Objects
from sim.cluster.refusals import Refusal, code_of, not_found
from sim.cluster.requests import (
    CreateTarget,
    DeleteTarget,
    GetTarget,
    ListTargets,
    PatchTarget,
    TargetBody,
    TargetOutcome,
)
from sim.cluster.resources import Resource, Unmodelled
from sim.cluster.store import Stored
from sim.executor.merge import merge
from wfexec.model.facts import TargetRef
from wfexec.model.requests import Code


class Targets:
    """Carries out the requests about targets."""

    def __init__(self, lifecycle: Lifecycle, objects: Objects) -> None:
        self._lifecycle = lifecycle
        self._store = lifecycle.store
        self._objects = objects

    def execute(self, body: TargetBody, now: int) -> TargetOutcome:
        match body:
            case GetTarget(ref):
                _, stored = self._find(ref)
                return _outcome(stored)
            case PatchTarget(ref, patch, subresource):
                return self._patch(ref, patch, subresource, now)
            case CreateTarget(ref, whole):
                resource = self._resource(ref.kind)
                return _outcome(self._objects.create(resource, place_of(resource, ref), whole, now))
            case DeleteTarget(ref):
                resource, stored = self._find(ref)
                if isinstance(stored, Refusal):
                    return _outcome(stored)
                gone = self._lifecycle.delete(resource, stored, None, None, now)
                return _outcome(gone) if isinstance(gone, Refusal) else TargetOutcome(Code.OK)
            case ListTargets(kind, namespace):
                resource = self._resource(kind)
                listed = self._store.all(resource.key, namespace if resource.namespaced else "")
                return TargetOutcome(Code.OK, tuple(stored.body for stored in listed))

    def _patch(self, ref: TargetRef, patch: dict[str, Any], subresource: str, now: int) -> TargetOutcome:
        resource, stored = self._find(ref)
        if isinstance(stored, Refusal):
            return _outcome(stored)
        return _outcome(self._objects.update(resource, stored, merge(stored.body, patch), subresource, now))

    def _find(self, ref: TargetRef) -> tuple[Resource, Stored | Refusal]:
        resource = self._resource(ref.kind)
        stored = self._store.get(resource.key, place_of(resource, ref), ref.name)
        return resource, not_found(resource, ref.name) if stored is None else stored

    def _resource(self, kind: str) -> Resource:
        resource = self._lifecycle.resources.of_kind(kind)
        if resource.custom:
            raise Unmodelled(f"{kind} as a target: ask for it by its own requests")
        return resource


def place_of(resource: Resource, ref: TargetRef) -> str:
    """The namespace to look in."""
    return ref.namespace if resource.namespaced else ""


def _outcome(result: Stored | Refusal) -> TargetOutcome:
    if isinstance(result, Stored):
        return TargetOutcome(Code.OK, result.body)
    wait = result.retry_after_s
    return TargetOutcome(code_of(result), message=result.message, retry_after_ms=None if wait is None else wait * 1_000)
