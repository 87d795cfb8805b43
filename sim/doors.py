"""How does a typed request get into the simulated cluster and out again, in either depth?

Called by the driver's processes. The shared door hands values over by reference; the wire door makes every request
the HTTP call that a real API server would get and reads the reply as production does. Both must take the same
requests to the same outcomes: a run's digest does not tell which of them was used.
"""

from collections.abc import Callable
from typing import Any, Protocol

from sim.answers import Answers
from sim.audit import AuditStore
from sim.cluster.cluster import Cluster
from sim.cluster.requests import CreateTarget, DeleteTarget
from wfexec.crd.wire import copy_body
from wfexec.model.facts import TargetRef
from wfexec.model.requests import Ask, Change, DropCopy, KeepCopy, KeepRows, Outcome, WatchObjects

Hear = Callable[[Change, Any, str], None]


class Ending(Protocol):
    """A running watch."""

    def stop(self) -> None: ...


class Door(Protocol):
    def execute(self, body: Any, user: str, now: int) -> Any:
        """The outcome of any request but a watch."""
        ...

    def watch(self, body: WatchObjects, user: str, hear: Hear) -> Ending | Outcome:
        """`hear` is called inside each write with the typed object; an Outcome says why there is no watch."""
        ...


class SharedDoor:
    """Values by reference; only the core's questions take a way of their own."""

    def __init__(self, cluster: Cluster, answers: Answers, audit: AuditStore) -> None:
        self._handlers: dict[type, Callable[[Any, int], Any]] = {**cluster.handlers, Ask: answers.answer}
        self._handlers[KeepRows] = audit.keep
        copies = _Copies(cluster)
        self._handlers[KeepCopy] = copies.keep
        self._handlers[DropCopy] = copies.drop
        self._execute = cluster.execute
        self._watch = cluster.watch

    def execute(self, body: Any, user: str, now: int) -> Any:
        handler = self._handlers.get(body.__class__)
        return self._execute(body, user, now) if handler is None else handler(body, now)

    def watch(self, body: WatchObjects, user: str, hear: Hear) -> Ending | Outcome:
        """As the cluster tells it; rights are asked over HTTP alone."""
        return self._watch(body.kind, body.resource_version, hear, body.namespace, body.name)


class _Copies:
    """Copies of what a step changes are ConfigMaps, kept as the executor keeps its targets."""

    def __init__(self, cluster: Cluster) -> None:
        self._execute = cluster.execute

    def keep(self, body: KeepCopy, now: int) -> Outcome:
        copy = body.copy
        done = self._execute(CreateTarget(TargetRef("ConfigMap", copy.namespace, copy.name), copy_body(copy)), "", now)
        return Outcome(done.code, message=done.message)

    def drop(self, body: DropCopy, now: int) -> Outcome:
        done = self._execute(DeleteTarget(TargetRef("ConfigMap", body.copy.namespace, body.copy.name)), "", now)
        return Outcome(done.code, message=done.message)
