"""The fake cluster's front door: one API server with its store, in one of two depths.

Made by the driver, the scenarios and `sim.serve`. SHARED: typed values by reference through `execute`. WIRE: HTTP
requests and JSON through `http`, with schemas, defaults and access rights as a real API server has them. Both keep
the same versions, generations and watch events. It must never know the time but by `now`, draw a number, or guess:
what it does not model raises `Unmodelled`.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, Final, overload

import orjson

from sim.cluster.admission import Admission, Attempt
from sim.cluster.api import Api, HttpReply
from sim.cluster.lifecycle import Lifecycle
from sim.cluster.objects import Objects
from sim.cluster.rbac import ADMIN, Rights, person_of
from sim.cluster.refusals import Refusal
from sim.cluster.requests import TargetBody, TargetOutcome
from sim.cluster.resources import NAMESPACES, Json, Resources, Unmodelled
from sim.cluster.schema import Schema
from sim.cluster.selectors import selector
from sim.cluster.shared import RESOURCE_OF, TYPED, Shared, TypedBody, told
from sim.cluster.store import HISTORY, Sink, Store, Watch
from sim.cluster.targets import Targets
from wfexec.crd import schema, testing
from wfexec.crd.wire import HttpCall
from wfexec.errors import OurBug
from wfexec.model.meta import CONTROLLER_NAMESPACE, EXECUTION_KIND, WORKFLOW_KIND
from wfexec.model.requests import Change, Code, Kind, Outcome

__all__ = ["Cluster", "Depth", "Unmodelled"]

ADMISSION_KINDS: Final = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
NAMESPACES_AT_START: Final = ("default", "kube-node-lease", "kube-public", "kube-system", CONTROLLER_NAMESPACE)


class Depth(StrEnum):
    """How deep a request goes: to the values, or through JSON, schemas and access rights."""

    SHARED = "shared"
    WIRE = "wire"


def schemas_of(resources: Resources) -> dict[str, Schema]:
    """By resource key."""
    return {each.key: _compiled(orjson.dumps(each.crd)) for each in resources.all if each.crd is not None}


# Compiling the schemas takes longer than most runs, they hold no state, and nearly all clusters have the same.
@lru_cache(maxsize=16)
def _compiled(crd: bytes) -> Schema:
    return Schema(orjson.loads(crd))


@cache
def own_crds() -> tuple[Json, ...]:
    """Our two kinds and the parents' two, as they are committed under crds/."""
    return (schema.crd(WORKFLOW_KIND), schema.crd(EXECUTION_KIND), *testing.definitions())


class Cluster:
    """`history`: how many changes per resource a watch may lie behind before it is answered 410.

    `manifests`: Kubernetes documents whose roles and bindings decide who may do what in wire depth (without any,
    everybody may do everything) and whose admission policies are objects from the start. `tokens`: bearer token ->
    user.
    """

    def __init__(
        self,
        depth: Depth = Depth.SHARED,
        seed: int = 0,
        *,
        history: int = HISTORY,
        crds: Iterable[Json] | None = None,
        manifests: Iterable[Json] = (),
        tokens: dict[str, str] | None = None,
    ) -> None:
        self.depth = depth
        self.resources = Resources(own_crds() if crds is None else crds)
        self.store = Store(history)
        self.lifecycle = Lifecycle(self.store, self.resources, seed)
        schemas = schemas_of(self.resources) if depth is Depth.WIRE else {}
        self.objects = Objects(self.lifecycle, schemas)
        self.tokens = dict(tokens or {})
        given = tuple(manifests)
        rights = Rights(self.store, given)
        admission = Admission(self.store, rights)
        self._api = Api(self.lifecycle, self.objects, schemas, rights, admission, self.tokens)
        self.targets = Targets(self.lifecycle, self.objects)
        # What `execute` calls, by the request's class, with the request and the time.
        self.handlers: dict[type, Callable[[Any, int], Any]] = {**self.targets.handlers()}
        if depth is Depth.SHARED:
            self.handlers |= Shared(self.lifecycle).handlers()
        for name in NAMESPACES_AT_START:
            self.add_namespace(name, 0)
        for document in given:
            if document.get("kind") in ADMISSION_KINDS:
                resource = self.resources.of_kind(document["kind"])
                admit = admission.gate(Attempt("CREATE", resource, "", "", "", person_of(ADMIN), dry_run=False))
                self.objects.create(resource, "", document, 0, admit=admit)

    def __repr__(self) -> str:
        return f"<Cluster in {self.depth} depth at version {self.store.version}>"

    def add_namespace(self, name: str, now: int, labels: Mapping[str, str] | None = None) -> None:
        """Make sure that it exists; one that does keeps its labels."""
        if self.store.get(NAMESPACES, "", name) is None:
            metadata = {"name": name, "labels": dict(labels)} if labels else {"name": name}
            self.objects.create(self.resources.named(NAMESPACES), "", {"metadata": metadata}, now)

    @overload
    def execute(self, body: TypedBody, user: str, now: int) -> Outcome: ...
    @overload
    def execute(self, body: TargetBody, user: str, now: int) -> TargetOutcome: ...
    def execute(self, body: Any, user: str, now: int) -> Outcome | TargetOutcome:
        """Carry out a request in shared depth; about targets in both. Rights are asked over HTTP alone."""
        handler = self.handlers.get(body.__class__)
        if handler is not None:
            done: Outcome | TargetOutcome = handler(body, now)
            return done
        if self.depth is Depth.WIRE:
            raise OurBug("a typed request in wire depth is an HTTP request: encode it")
        raise Unmodelled(f"{type(body).__name__} in shared depth")

    def http(self, call: HttpCall, user: str, now: int) -> HttpReply:
        """Answer an HTTP request in wire depth; a watch is opened with `http_watch`."""
        if self.depth is Depth.SHARED:
            raise OurBug("an HTTP request in shared depth")
        return self._api.handle(call, user, now)

    def http_watch(self, call: HttpCall, user: str, sink: Sink) -> Watch | HttpReply:
        """`sink(change, line, version)` gets each line of JSON inside the write that causes it; it must not write."""
        if self.depth is Depth.SHARED:
            raise OurBug("an HTTP request in shared depth")
        return self._api.watch(call, user, sink)

    def watch(
        self, kind: Kind, resource_version: str, sink: Sink, namespace: str = "", name: str = ""
    ) -> Watch | Outcome:
        """Tell `sink` of every change after that version, inside the write that makes it; it must not write.

        `sink(change, typed object, version)`; the object is None for a bookmark, which landmarks do not get. Too old
        a version: GONE. `namespace` and `name` narrow it.
        """
        if self.depth is Depth.WIRE:
            raise OurBug("a watch in wire depth is an HTTP request")
        resource, version = RESOURCE_OF[kind], int(resource_version or 0)
        if kind in TYPED:
            watch = self.store.watch(resource, version, sink)
        else:
            chosen = selector(self.resources.named(resource), namespace, "", f"metadata.name={name}" if name else "")
            assert not isinstance(chosen, Refusal)

            def tell(change: Change, body: Any, at: str) -> None:
                sink(change, told(kind, body), at)

            watch = self.store.watch(resource, version, tell, chosen, bookmarks=False)
        if watch is None:
            return Outcome(Code.GONE, message=f"too old resource version: {resource_version}")
        return watch

    @property
    def collectable(self) -> bool:
        """Whether `collect` would do anything: look after each write, and let it be done a moment later."""
        return self.lifecycle.collectable

    def collect(self, now: int) -> int:
        """One round of the garbage collector and the namespace controller; the number of objects touched."""
        return self.lifecycle.collect(now)

    def bookmark(self) -> None:
        """Every watch that asked for bookmarks gets one, as a real server sends about once a minute."""
        self.store.bookmark()

    def close(self) -> None:
        """Nobody asks any more: let go of whoever was told of changes, and of what would keep us in a circle."""
        self.store.close()
        self.handlers.clear()

    def compact(self) -> None:
        """Forget the past: what watches from an earlier version is answered 410."""
        self.store.compact()
