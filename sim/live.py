"""How does the executor run against a real API server? The same machine, driven by threads and a wall clock.

Called by `wfexec sim executor`, by the acceptance tests, and by whoever rehearses in a cluster that has no real
executor. Its twin is the executor part of `sim.driver`. `speed` runs its clock (and nothing else) faster; a controller
beside it must be given the same speed. It must never decide anything: that is the machine's part.
"""

import logging
from collections.abc import Callable
from threading import Lock
from typing import Any, Final, NamedTuple

import orjson

from sim.cluster.requests import (
    CreateTarget,
    PatchExecutionStatus,
    PatchTarget,
    TargetBody,
    TargetOutcome,
)
from sim.executor import wire as target_wire
from sim.executor.machine import Executor
from sim.executor.merge import Object
from sim.executor.objects import initial_objects, namespaces
from sim.executor.outcomes import Outcomes
from sim.executor.rights import rights
from sim.live_machine import LiveMachine
from sim.rng import Streams
from wfexec.adapters.clock import WallClock
from wfexec.adapters.kube import Connection
from wfexec.crd import wire
from wfexec.crd.wire import HttpCall
from wfexec.errors import BadInput, Finding
from wfexec.model.facts import TargetRef
from wfexec.model.meta import WORKFLOW_API, WORKFLOW_PLURAL
from wfexec.model.requests import Body, Code, Outcome

log = logging.getLogger("wfexec.executor")

THREADS: Final = 4
# Two sets of threads and the watch.
CONNECTIONS: Final = 2 * THREADS + 2
CALL_S: Final = 10.0
IDENTITY: Final = "executor"
_STATUS_KINDS: Final = ("Deployment", "Node", "Pod")
_COUNTS: Final = ("readyReplicas", "availableReplicas", "unavailableReplicas")
StepName = Callable[[str, int], str]


class LiveExecutor(LiveMachine):
    """One executor beside a real API server.

    `step_name` None: names are looked up in the cluster's workflows, where we may read them.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        connection: Connection,
        *,
        seed: int = 1,
        clock: WallClock | None = None,
        step_name: StepName | None = None,
    ) -> None:
        self._connection = connection
        named = step_name or StepNames(connection)
        self.machine = Executor(outcomes, Streams(seed, "executor"), IDENTITY, step_name=named)
        super().__init__(self.machine, connection, clock or WallClock(), "executor", THREADS)

    def typed(self, body: Any) -> Body | None:
        if isinstance(body, PatchExecutionStatus):
            return target_wire.status_write(body)
        if isinstance(body, TargetBody):
            return None
        found: Body = body
        return found

    def outcome(self, body: Any, timeout_s: float) -> TargetOutcome:
        return call_target(self._connection, body, timeout_s)


def call_target(connection: Connection, body: TargetBody, timeout_s: float = CALL_S) -> TargetOutcome:
    """One request about a target, tried once."""
    found = connection.call(target_wire.encode(body), timeout_s)
    if isinstance(found, Outcome):
        return TargetOutcome(found.code, None, found.message)
    return target_wire.decode(body, *found)


class StepNames:
    """What steps are called, read from the workflows when a workflow is met for the first time; "" where unknown."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, dict[int, str]] = {}
        self._lock = Lock()

    def __call__(self, workflow: str, number: int) -> str:
        with self._lock:
            if workflow not in self._known:
                self._known.setdefault(workflow, {})
                self._known |= self._read()
            return self._known[workflow].get(number, "")

    def _read(self) -> dict[str, dict[int, str]]:
        found = self._connection.call(HttpCall("GET", f"/apis/{WORKFLOW_API}/{WORKFLOW_PLURAL}"), CALL_S)
        if isinstance(found, Outcome) or found.status != 200:
            log.warning("workflows cannot be read: rules that name steps by name do not apply")
            return {}
        items = orjson.loads(found.payload)["items"]
        return {
            item["metadata"]["name"]: {
                step["stepNumber"]: step["name"] for step in item["spec"].get("workflowDefinition", {}).get("steps", [])
            }
            for item in items
        }


class Seeded(NamedTuple):
    """What of the file's cluster was created, and what was there before."""

    created: tuple[TargetRef, ...]
    kept: tuple[TargetRef, ...]


def seed_cluster(outcomes: Outcomes, connection: Connection, now: int, *, again: bool = False) -> Seeded:
    """Create the namespaces and objects of the executor file; `again` puts existing ones back to what it says.

    BadInput when the API server refuses one: the file or the rights of who runs this are at fault.
    """
    for name, labels in namespaces(outcomes):
        _ensure(connection, "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        _ensure(connection, f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})
    created, kept = [], []
    for ref, target in initial_objects(outcomes, now):
        body = {key: value for key, value in target.items() if key != "status"}
        made = call_target(connection, CreateTarget(ref, body))
        status = target.get("status", {})
        if made.code is Code.ALREADY_EXISTS and again:
            made = call_target(connection, _back(ref, body))
            # A count of none is left out, and what was counted before would stay.
            status = {**dict.fromkeys(_COUNTS), **status} if ref.kind == "Deployment" else status
        if made.code is Code.ALREADY_EXISTS:
            kept.append(ref)
            continue
        _accepted(made, ref)
        if ref.kind in _STATUS_KINDS:
            _accepted(call_target(connection, PatchTarget(ref, {"status": status}, "status")), ref)
        created.append(ref)
    return Seeded(tuple(created), tuple(kept))


def _back(ref: TargetRef, body: Object) -> PatchTarget:
    """Pods cannot be given another node; all else can be put back by a patch."""
    changing = ("metadata",) if ref.kind == "Pod" else tuple(key for key in body if key not in ("apiVersion", "kind"))
    patch = {key: body[key] for key in changing}
    if ref.kind == "Node":
        patch["spec"] = {"unschedulable": body["spec"].get("unschedulable")}
    return PatchTarget(ref, patch)


def grant_rights(outcomes: Outcomes, connection: Connection) -> None:
    """Give the executor's identities the rights that the controller asks about; those of an earlier file go."""
    for path, body in rights(outcomes):
        _ensure(connection, path, body, again=True)


def _ensure(connection: Connection, path: str, body: Object, *, again: bool = False) -> None:
    """Created or there before; `again`: made to look like this."""
    outcome = _sent(connection, HttpCall("POST", path, (), wire.JSON, orjson.dumps(body)))
    if outcome is not None and outcome.code is Code.ALREADY_EXISTS:
        name = body["metadata"]["name"]
        put = HttpCall("PUT", f"{path}/{name}", (), wire.JSON, orjson.dumps(body))
        outcome = _sent(connection, put) if again else None
    if outcome is not None:
        raise BadInput((Finding(path, body["metadata"]["name"], "", f"could not be created: {outcome.message}"),))


def _sent(connection: Connection, call: HttpCall) -> Outcome | None:
    """None when it was carried out."""
    found = connection.call(call, CALL_S)
    if isinstance(found, Outcome):
        return found
    return wire.refusal(None, *found) if found.status >= 300 else None


def _accepted(outcome: TargetOutcome, ref: TargetRef) -> None:
    if outcome.code is not Code.OK:
        message = f"could not be created: {outcome.message}; mend the executor file or the rights of who runs this"
        raise BadInput((Finding("cluster", f"{ref.kind} {ref.namespace}/{ref.name}".replace(" /", " "), "", message),))


def run(executor: LiveExecutor, ended: Callable[[], bool]) -> int:
    """Until `ended()` (asked every second) or a defect: 0 or 1."""
    executor.start()
    while not ended() and not executor.wait(1.0):
        continue
    executor.stop()
    if executor.failure is not None:
        log.critical("a defect of ours ended the executor", exc_info=executor.failure)
        return 1
    return 0
