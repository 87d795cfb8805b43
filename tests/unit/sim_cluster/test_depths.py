"""Both depths take the same requests to the same outcomes, versions, generations and watch events."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.alerts import AlertFeed
from sim.answers import Answers
from sim.audit import AuditStore
from sim.cluster.cluster import Cluster, Depth
from sim.cluster.requests import (
    CreateTarget,
    CreateWorkflow,
    DeleteObject,
    DeleteTarget,
    EditWorkflow,
    GetTarget,
    ListTargets,
    PatchExecutionStatus,
    PatchTarget,
    TargetOutcome,
)
from sim.doors import SharedDoor
from sim.executor.outcomes import CALM
from sim.wire_door import WireDoor
from wfexec.engine.history import MemoryHistory
from wfexec.model.base import evolve
from wfexec.model.execution import KubernetesExecution, KubernetesExecutionSpec
from wfexec.model.facts import TargetRef
from wfexec.model.meta import FINALIZER, WORKFLOW_API, WORKFLOW_KIND, ObjectMeta, ObjectReference, OwnerReference
from wfexec.model.plan import MetadataChange
from wfexec.model.requests import (
    Change,
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
    WatchObjects,
)
from wfexec.model.status import NO_STATUS, StepStatus, WorkflowExecution
from wfexec.model.workflow import WorkflowDefinition, WorkflowExecutionSpec, WorkflowStep

USER = "somebody"
WORKFLOW = ObjectKey(Kind.WORKFLOW, "default", "w")
CHILD = ObjectKey(Kind.EXECUTION, "default", "w-step-1")
MAP = TargetRef("ConfigMap", "default", "settings")
WEB = TargetRef("Deployment", "default", "web")


def workflow() -> WorkflowExecution:
    step = WorkflowStep(step_number=1, name="one", action="restart-deployment")
    definition = WorkflowDefinition(name="d", version="1", steps=(step,))
    spec = WorkflowExecutionSpec(remediation_request_ref=ObjectReference(name="r"), workflow_definition=definition)
    return WorkflowExecution(metadata=ObjectMeta(name="w", namespace="default"), spec=spec)


def child(owner: WorkflowExecution | None) -> KubernetesExecution:
    uid = owner.metadata.uid if owner is not None else "gone"
    reference = OwnerReference(api_version=WORKFLOW_API, kind=WORKFLOW_KIND, name="w", uid=uid, controller=True)
    meta = ObjectMeta(name=CHILD.name, namespace="default", labels={"a": "b"}, owner_references=(reference,))
    spec = KubernetesExecutionSpec(workflow_execution_ref=ObjectReference(name="w"), step_number=1, action="scale")
    return KubernetesExecution(metadata=meta, spec=spec)


class World:
    """One depth: its door, what was told, and the objects as they were last seen."""

    def __init__(self, depth: Depth) -> None:
        self.cluster = Cluster(depth, 7)
        known = (self.cluster, CALM, MemoryHistory().facts, AlertFeed().facts)
        self.door: Any = SharedDoor(self.cluster, Answers(*known), AuditStore())
        if depth is Depth.WIRE:
            self.door = WireDoor(*known, AuditStore())
        self.told: list[tuple[Change, Any, str]] = []
        for kind in Kind:
            watch = WatchObjects(kind, str(self.cluster.store.version), 1_000)
            self.door.watch(watch, USER, lambda *event: self.told.append(event))
        self.workflow: WorkflowExecution | None = None
        self.child: KubernetesExecution | None = None
        self.lease = Lease("l", "default", "", "me", 14_500, 1_000, 1_250, 0)
        self.now = 1_767_225_600_000

    def do(self, number: int, what: str) -> Any:
        self.now += 777
        if what == "collect":
            return self.cluster.collect(self.now)
        outcome = self.door.execute(self.request(what, number), USER, self.now)
        if isinstance(outcome.object, WorkflowExecution):
            self.workflow = outcome.object
        elif isinstance(outcome.object, KubernetesExecution):
            self.child = outcome.object
        elif isinstance(outcome.object, Lease):
            self.lease = outcome.object
        return outcome

    def request(self, what: str, number: int) -> Any:
        known = self.workflow or evolve(workflow(), metadata=evolve(workflow().metadata, uid="u", resource_version="1"))
        kept = self.child or evolve(child(None), metadata=evolve(child(None).metadata, uid="u", resource_version="1"))
        meta, child_meta = known.metadata, kept.metadata
        step = StepStatus(step_number=1, action="restart-deployment", retries_attempted=number)
        report = evolve(known.status, progress=number % 101, step_statuses=(step,))
        state = evolve(kept.status, phase=f"phase-{number % 3}")
        return {
            "create": CreateWorkflow(evolve(workflow(), status=report)),
            "edit": EditWorkflow(WORKFLOW, {"suspend": bool(number % 2)}, {"note": str(number % 2)}),
            "forget": EditWorkflow(WORKFLOW, {}, {"note": None}),
            "finalize": self._change(meta, known, (FINALIZER,)),
            "release": self._change(meta, known, ()),
            "report": PatchStatus(WORKFLOW, meta.uid, meta.resource_version, known.status, report),
            "again": PatchStatus(WORKFLOW, meta.uid, meta.resource_version, known.status, known.status),
            "clear": PatchStatus(WORKFLOW, meta.uid, meta.resource_version, known.status, NO_STATUS),
            "delete": DeleteObject(WORKFLOW),
            "get": GetObject(WORKFLOW),
            "list": ListObjects(Kind.EXECUTION, 1),
            "homes": ListObjects(Kind.NAMESPACE, 2),
            "maps": ListObjects(Kind.REGISTRY, 2, "default", "settings"),
            "child": CreateExecution(CHILD, child(self.workflow)),
            "ended": PatchExecutionStatus(CHILD, child_meta.uid, child_meta.resource_version, kept.status, state),
            "unmake": DeleteExecution(CHILD, child_meta.uid, child_meta.resource_version),
            "look": GetObject(CHILD),
            "event": EventWrite("e", "default", known, "Normal", "R", "m", 1 + number % 3, 1_000, 1_000 * number),
            "lease": CreateLease(self.lease),
            "renew": UpdateLease(self.lease._replace(renew_ms=self.lease.renew_ms + 250 * (number % 2))),
            "holder": GetLease("l", "default"),
            "map": CreateTarget(MAP, {"metadata": {"name": "settings"}, "data": {"n": str(number)}}),
            "turn": PatchTarget(MAP, {"data": {"n": str(number % 2)}, "metadata": {"labels": {"x": "y"}}}),
            "read": GetTarget(MAP),
            "unmap": DeleteTarget(MAP),
            "web": CreateTarget(WEB, {"metadata": {"name": "web"}, "spec": {"template": {}}}),
            "scale": PatchTarget(WEB, {"spec": {"replicas": number % 3}}),
            "ready": PatchTarget(WEB, {"status": {"readyReplicas": number % 2}}, "status"),
            "targets": ListTargets("Deployment", "default"),
        }[what]

    @staticmethod
    def _change(meta: ObjectMeta, known: WorkflowExecution, finalizers: tuple[str, ...]) -> PatchMetadata:
        change = MetadataChange(finalizers=finalizers, annotations={"by": "us"})
        return PatchMetadata(WORKFLOW, meta.uid, meta.resource_version, change, known)


WORDS = (
    *("create", "create", "edit", "forget", "finalize", "release", "report", "report", "again", "clear", "delete"),
    *("get", "list", "child", "child", "ended", "unmake", "look", "event", "event", "lease", "renew", "holder"),
    *("map", "turn", "read", "unmap", "web", "scale", "ready", "targets", "collect", "homes", "maps"),
)
STORY = (
    *("create", "finalize", "report", "again", "child", "list", "ended", "report", "edit", "lease", "renew", "event"),
    *("delete", "get", "report", "release", "get", "collect", "look", "map", "turn", "read", "web", "scale", "ready"),
    *("homes", "maps", "unmap", "maps"),
)


def bare(outcome: Any) -> Any:
    """What must agree: not the words of a refusal."""
    if not isinstance(outcome, Outcome | TargetOutcome):
        return outcome
    return outcome.code, outcome.object


def run(words: list[str]) -> None:
    shared, wire = World(Depth.SHARED), World(Depth.WIRE)
    for number, what in enumerate(words):
        one, other = shared.do(number, what), wire.do(number, what)
        assert bare(one) == bare(other), f"{number}: {what}"
        assert shared.cluster.store.version == wire.cluster.store.version, f"{number}: {what}"
        assert shared.cluster.collectable == wire.cluster.collectable
    assert shared.told == wire.told


def test_a_whole_life_is_the_same_in_both_depths() -> None:
    run(list(STORY))


@settings(max_examples=40)
@given(st.lists(st.sampled_from(WORDS), min_size=5, max_size=40))
def test_any_story_is_the_same_in_both_depths(words: list[str]) -> None:
    run(words)


def test_a_write_hands_back_what_is_kept() -> None:
    world = World(Depth.SHARED)
    made = world.do(0, "create").object
    assert world.do(1, "get").object is made
    listed = world.cluster.execute(ListObjects(Kind.WORKFLOW, 500), USER, 0).object
    assert isinstance(listed, Listing)
    assert listed.items[0] is made
    assert world.told[0][1] is made


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["create", "create"], Code.ALREADY_EXISTS),
        (["report"], Code.NOT_FOUND),
        (["child", "unmake", "ended"], Code.NOT_FOUND),
        (["event", "event", "event", "event"], Code.ALREADY_EXISTS),
        (["holder"], Code.NOT_FOUND),
        (["lease", "lease"], Code.LOST),
    ],
)
def test_how_a_write_is_refused(words: list[str], code: Code) -> None:
    world = World(Depth.SHARED)
    assert [world.do(number, what).code for number, what in enumerate(words)][-1] is code


def test_a_stale_write_is_refused_and_changes_nothing() -> None:
    world = World(Depth.SHARED)
    world.do(0, "create")
    stale = world.request("report", 5)
    world.do(1, "edit")
    before = world.cluster.store.version
    assert world.cluster.execute(stale, USER, 0).code is Code.CONFLICT
    assert world.cluster.store.version == before
