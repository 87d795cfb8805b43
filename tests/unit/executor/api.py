"""A small honest API for the executor's own tests: versions, conflicts, a watch, and faults on demand.

Kept here because the executor is tested before and below the simulated cluster; it holds children and targets.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from sim.cluster.requests import (
    CreateTarget,
    DeleteTarget,
    GetTarget,
    ListTargets,
    PatchExecutionStatus,
    PatchTarget,
    TargetOutcome,
    TargetReplied,
)
from sim.executor.machine import Executor, ExecutorRequest
from sim.executor.merge import merge
from sim.executor.objects import initial_objects
from sim.executor.outcomes import Outcomes
from sim.rng import Streams
from wfexec.model.base import evolve
from wfexec.model.execution import KubernetesExecution, KubernetesExecutionSpec
from wfexec.model.facts import TargetRef
from wfexec.model.meta import LABEL_ROLLBACK, ObjectMeta, ObjectReference
from wfexec.model.parameters import ActionParameters
from wfexec.model.phases import EXECUTION_ENDED
from wfexec.model.requests import (
    Change,
    Code,
    GetObject,
    Kind,
    Listing,
    ListObjects,
    Outcome,
    Replied,
    WatchObjects,
    WatchSeen,
)

START = 1_800_000_000_000
Fault = Callable[[ExecutorRequest], Code | None]


def child(
    name: str, action: str, parameters: ActionParameters | None = None, *, timeout: int = 300_000, approved: bool = True
) -> KubernetesExecution:
    """`name` as the controller makes it: {workflow}-step-{n}, {workflow}-rollback-{n}, then -r{k}."""
    kind = "step" if "-step-" in name else "rollback"
    workflow, _, rest = name.partition(f"-{kind}-")
    labels = {LABEL_ROLLBACK: "true"} if kind == "rollback" else {}
    return KubernetesExecution(
        metadata=ObjectMeta(name=name, namespace="kubernaut", uid=f"uid-{name}", labels=labels),
        spec=KubernetesExecutionSpec(
            workflow_execution_ref=ObjectReference(name=workflow, namespace="kubernaut", uid="wf"),
            step_number=int(rest.split("-")[0]),
            action=action,
            parameters=parameters,
            timeout=timeout,
            approval_received=approved,
        ),
    )


def no_fault(request: ExecutorRequest) -> Code | None:
    return None


class Api:
    """`fault` may answer for a request instead; LOST carries it out first. `writes` are those that were carried out."""

    def __init__(self, outcomes: Outcomes) -> None:
        self.outcomes = outcomes
        self.targets: dict[TargetRef, dict[str, Any]] = {}
        self.children: dict[str, KubernetesExecution] = {}
        self.version = 100
        self.now = START
        self.fault: Fault = no_fault
        self.writes: list[Any] = []
        self.phases: dict[str, list[str]] = {}
        self.watches: dict[int, Executor] = {}
        self.requested: list[ExecutorRequest] = []
        for ref, target in initial_objects(outcomes, START):
            self._store(ref, target)
        self.executor = self.restart(seed=1)

    def restart(self, seed: int = 1) -> Executor:
        """A new executor process; what the old one had in memory is gone."""
        self.watches.clear()
        self.executor = Executor(self.outcomes, Streams(seed), "executor-0", origin=START)
        self.executor.start(self.now)
        return self.executor

    def submit(self, made: KubernetesExecution) -> None:
        self._keep(made, Change.ADDED)

    def delete(self, name: str) -> None:
        self.version += 1
        gone = self.children.pop(name)
        meta = evolve(gone.metadata, resource_version=str(self.version))
        self._tell(Change.DELETED, evolve(gone, metadata=meta))

    def run(self, for_ms: int = 3_600_000, until: Callable[[], bool] | None = None) -> None:
        """Carry requests and time on until nothing is left to do, `until` holds, or the time is over."""
        limit = self.now + for_ms
        out: deque[ExecutorRequest] = deque(self.executor.take())
        while until is None or not until():
            if not out:
                wake = self.executor.wake_at()
                if wake is None or wake > limit:
                    self.now = limit
                    return
                self.now = max(self.now, wake)
                self.executor.tick(self.now)
            else:
                self._serve(out.popleft())
            out.extend(self.executor.take())

    def ended(self, name: str) -> bool:
        return self.children[name].status.phase in {phase.value for phase in EXECUTION_ENDED}

    def do(self, made: KubernetesExecution) -> KubernetesExecution:
        """Submit it and run until it has ended; the time is that of its last report."""
        self.submit(made)
        self.run(until=lambda: self.ended(made.metadata.name))
        return self.children[made.metadata.name]

    def target(self, kind: str, key: str) -> dict[str, Any]:
        namespace, _, name = key.rpartition("/")
        return self.targets[TargetRef(kind, namespace, name)]

    def _serve(self, request: ExecutorRequest) -> None:
        body = request.body
        if isinstance(body, WatchObjects):
            self.watches = {request.id: self.executor}
            self.requested.append(request)
            for made in self.children.values():
                if int(made.metadata.resource_version) > int(body.resource_version):
                    self._tell(Change.MODIFIED, made)
            return
        fault = self.fault(request)
        answer = self._carry_out(body) if fault in (None, Code.LOST) else None
        if isinstance(body, ListObjects | GetObject | PatchExecutionStatus):
            reply = Outcome(fault) if fault is not None else answer
            assert isinstance(reply, Outcome)
            self.executor.feed(Replied(request.id, reply), self.now)
            return
        done = TargetOutcome(fault) if fault is not None else answer
        assert isinstance(done, TargetOutcome)
        self.executor.feed(TargetReplied(request.id, done), self.now)

    def _carry_out(self, body: Any) -> Outcome | TargetOutcome:
        if isinstance(body, ListObjects):
            return Outcome(Code.OK, Listing(tuple(self.children.values()), str(self.version)))
        if isinstance(body, GetObject):
            found = self.children.get(body.key.name)
            return Outcome(Code.OK, found) if found is not None else Outcome(Code.NOT_FOUND)
        if isinstance(body, PatchExecutionStatus):
            return self._report(body)
        if isinstance(body, ListTargets):
            found_all = [t for ref, t in sorted(self.targets.items()) if ref.kind == body.kind]
            wanted = [t for t in found_all if body.namespace in ("", t["metadata"].get("namespace"))]
            return TargetOutcome(Code.OK, tuple(wanted))
        return self._target(body)

    def _target(self, body: GetTarget | PatchTarget | CreateTarget | DeleteTarget) -> TargetOutcome:
        there = self.targets.get(body.ref)
        if isinstance(body, CreateTarget):
            if there is not None:
                return TargetOutcome(Code.ALREADY_EXISTS)
            self._store(body.ref, {**body.body, "status": {}})
        elif there is None:
            return TargetOutcome(Code.NOT_FOUND)
        elif isinstance(body, DeleteTarget):
            del self.targets[body.ref]
        elif isinstance(body, PatchTarget):
            wanted = body.patch.get("metadata", {}).get("resourceVersion", there["metadata"]["resourceVersion"])
            if wanted != there["metadata"]["resourceVersion"]:
                return TargetOutcome(Code.CONFLICT)
            patched = merge(there, body.patch)
            status = (patched if body.subresource else there).get("status")
            made = there if body.subresource else patched
            made = {key: value for key, value in made.items() if key != "status"}
            self._store(body.ref, made | ({"status": status} if status is not None else {}))
        if not isinstance(body, GetTarget):
            self.writes.append(body)
        return TargetOutcome(Code.OK, self.targets.get(body.ref))

    def _store(self, ref: TargetRef, target: dict[str, Any]) -> None:
        self.version += 1
        old = self.targets.get(ref)
        generation = old["metadata"]["generation"] + (old.get("spec") != target.get("spec")) if old is not None else 1
        meta = {**target["metadata"], "resourceVersion": str(self.version), "generation": generation}
        self.targets[ref] = {**target, "metadata": meta}

    def _report(self, body: PatchExecutionStatus) -> Outcome:
        there = self.children.get(body.key.name)
        if there is None or there.metadata.uid != body.uid:
            return Outcome(Code.NOT_FOUND)
        if there.metadata.resource_version != body.resource_version:
            return Outcome(Code.CONFLICT)
        self.writes.append(body)
        self.phases.setdefault(body.key.name, []).append(body.after.phase)
        self._keep(evolve(there, status=body.after), Change.MODIFIED)
        return Outcome(Code.OK, self.children[body.key.name])

    def _keep(self, made: KubernetesExecution, change: Change) -> None:
        self.version += 1
        kept = evolve(made, metadata=evolve(made.metadata, resource_version=str(self.version)))
        self.children[made.metadata.name] = kept
        self._tell(change, kept)

    def _tell(self, change: Change, made: KubernetesExecution) -> None:
        for request_id, executor in self.watches.items():
            version = made.metadata.resource_version
            executor.feed(WatchSeen(request_id, Kind.EXECUTION, change, made, version), self.now)
