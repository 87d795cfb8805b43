"""A small, unkind world for one controller: a versioned store whose replies get lost and whose watches lag.

Played by a seed. `trouble` says how often something goes wrong, 0 for the calm second act. The script decides for a
workflow of a few steps in a row, one child each; the world completes children when it likes.
"""

from random import Random

from tests.unit.engine.support import UNPLANNED, child, workflow
from wfexec.engine.controller import Controller
from wfexec.engine.limiter import WAITED
from wfexec.model.base import evolve
from wfexec.model.execution import KubernetesExecution, KubernetesExecutionStatus
from wfexec.model.plan import CountRecord, EventRecord, Plan
from wfexec.model.requests import (
    Body,
    Change,
    Code,
    CreateExecution,
    CreateLease,
    EventWrites,
    GetLease,
    GetObject,
    Kind,
    Lease,
    Listing,
    ListObjects,
    ObjectKey,
    Outcome,
    PatchStatus,
    Replied,
    Request,
    UpdateLease,
    Watched,
    WatchObjects,
    WatchSeen,
)
from wfexec.model.snapshot import Snapshot
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings

STEPS = 4
OK = Outcome(Code.OK)


def decide(snapshot: Snapshot, now: int, settings: Settings) -> Plan:
    """One child after the other; the intent (currentStep) is written before the child."""
    flow = snapshot.workflow
    state = flow.status
    name = f"{flow.metadata.name}-step-{state.current_step}"
    if state.phase in ("completed", "failed"):
        return Plan()
    if not state.phase:
        return start(flow, 1)
    made = snapshot.children.get(name)
    if made is None:
        if name in snapshot.gone:
            return Plan(status=evolve(state, phase="failed"))
        return Plan(creates=(body_of(flow, name),), wake_at=now + 10_000)
    if made.status.phase != "completed":
        return Plan(wake_at=now + 10_000)
    if state.current_step < STEPS:
        return start(flow, state.current_step + 1)
    done = CountRecord("completed", (flow.metadata.name,))
    return Plan(status=evolve(state, phase="completed"), records=(done, EventRecord("Normal", "Completed", "done")))


def start(flow: WorkflowExecution, number: int) -> Plan:
    return Plan(
        status=evolve(flow.status, phase="executing", current_step=number),
        creates=(body_of(flow, f"{flow.metadata.name}-step-{number}"),),
        records=(EventRecord("Normal", "StepExecuting", f"step {number}"),),
    )


def body_of(flow: WorkflowExecution, name: str) -> KubernetesExecution:
    return child(name, 0, owner=flow.metadata.uid, owner_name=flow.metadata.name)


class Watch:
    def __init__(self, request: Request, kind: Kind, version: int) -> None:
        self.request, self.kind, self.version = request, kind, version


class World:
    """`created` counts every child ever made, by name; `broken` lists promises broken while it ran."""

    def __init__(self, seed: int, workflows: int, replicas: int = 1) -> None:
        self.random = Random(seed)
        self.trouble = 0.15
        self.now = 1_000_000
        self.version = 0
        self.objects: dict[ObjectKey, Watched] = {}
        self.history: list[tuple[int, Change, Watched]] = []
        self.horizon = 0
        self.lease: Lease | None = None
        self.created: dict[str, int] = {}
        self.events = 0
        self.broken: list[str] = []
        self.completed_counts: dict[str, int] = {}
        self.writes = 0
        self.replicas: list[Replica] = []
        for number in range(workflows):
            self.store(workflow(f"w{number}"), Change.ADDED)
        self.election = replicas > 1
        for number in range(replicas):
            self.replicas.append(Replica(self, f"replica-{number}"))

    def chance(self, times: float = 1) -> bool:
        return self.random.random() < self.trouble * times

    def store(self, stored: Watched, change: Change) -> Watched:
        self.version += 1
        stored = evolve(stored, metadata=evolve(stored.metadata, resource_version=str(self.version)))
        kind = Kind.WORKFLOW if isinstance(stored, WorkflowExecution) else Kind.EXECUTION
        key = ObjectKey(kind, "prod", stored.metadata.name)
        if change is Change.DELETED:
            del self.objects[key]
        else:
            self.objects[key] = stored
        self.history.append((self.version, change, stored))
        return stored

    def execute(self, body: Body, who: str) -> Outcome:
        if isinstance(body, ListObjects):
            items = tuple(stored for key, stored in self.objects.items() if key.kind is body.kind)
            return Outcome(Code.OK, Listing(items, str(self.version)))
        if isinstance(body, GetObject):
            stored = self.objects.get(body.key)
            return Outcome(Code.OK, stored) if stored is not None else Outcome(Code.NOT_FOUND)
        if isinstance(body, PatchStatus):
            return self.patch(body)
        if isinstance(body, CreateExecution):
            return self.create(body)
        if isinstance(body, EventWrites):
            self.events += len(body.writes)
            return OK
        return self.keep_lease(body)

    def patch(self, body: PatchStatus) -> Outcome:
        stored = self.objects.get(body.key)
        if stored is None:
            return Outcome(Code.NOT_FOUND)
        if stored.metadata.resource_version != body.resource_version:
            return Outcome(Code.CONFLICT)
        assert isinstance(stored, WorkflowExecution)
        if stored.status.phase == "completed":
            self.broken.append(f"{body.key.name} was written after its end")
        self.writes += 1
        return Outcome(Code.OK, self.store(evolve(stored, status=body.after), Change.MODIFIED))

    def create(self, body: CreateExecution) -> Outcome:
        if body.key in self.objects:
            return Outcome(Code.ALREADY_EXISTS)
        name, _, step = body.key.name.partition("-step-")
        before = self.objects.get(ObjectKey(Kind.EXECUTION, "prod", f"{name}-step-{int(step) - 1}"))
        if int(step) > 1 and (not isinstance(before, KubernetesExecution) or before.status.phase != "completed"):
            self.broken.append(f"{body.key.name} was started before its dependency completed")
        self.created[body.key.name] = self.created.get(body.key.name, 0) + 1
        self.writes += 1
        return Outcome(Code.OK, self.store(body.body, Change.ADDED))

    def keep_lease(self, body: Body) -> Outcome:
        if isinstance(body, GetLease):
            return Outcome(Code.OK, self.lease) if self.lease is not None else Outcome(Code.NOT_FOUND)
        assert isinstance(body, CreateLease | UpdateLease)
        known = self.lease.resource_version if self.lease is not None else ""
        if body.lease.resource_version != known:
            return Outcome(Code.CONFLICT if known else Code.ALREADY_EXISTS)
        self.version += 1
        self.lease = body.lease._replace(resource_version=str(self.version))
        return Outcome(Code.OK, self.lease)

    def progress(self) -> None:
        """Some child moves on, some person edits a workflow, history is compacted."""
        for key, stored in list(self.objects.items()):
            if isinstance(stored, KubernetesExecution) and stored.status.phase != "completed":
                if self.random.random() < 0.3:
                    phase = self.random.choice(("executing", "completed"))
                    self.store(evolve(stored, status=KubernetesExecutionStatus(phase=phase)), Change.MODIFIED)
            elif key.kind is Kind.WORKFLOW and self.chance(0.1):
                self.store(stored, Change.MODIFIED)
        if self.chance(0.2):
            self.horizon = self.random.randint(self.horizon, self.version)

    def step(self) -> None:
        self.progress()
        for replica in self.replicas:
            replica.step()
        if self.chance(0.1):
            number = self.random.randrange(len(self.replicas))
            self.replicas[number] = Replica(self, f"replica-{number}-{self.version}")
        self.now += self.random.choice((0, 1, 5, 50, 500))
        leaders = [replica for replica in self.replicas if replica.may_write]
        if len(leaders) > 1:
            self.broken.append("two replicas may write")

    @property
    def finished(self) -> bool:
        return all(
            stored.status.phase == "completed" for key, stored in self.objects.items() if key.kind is Kind.WORKFLOW
        )


class Replica:
    """One controller process and what is under way between it and the world."""

    def __init__(self, world: World, identity: str) -> None:
        self.world = world
        self.controller = Controller(
            Settings(workers=3),
            identity,
            leader_election=world.election,
            decide=decide,
            compile_recipe=lambda spec, settings: UNPLANNED,
        )
        self.identity = identity
        self.pending: list[Request] = []
        self.replies: list[Replied] = []
        self.watches: dict[Kind, Watch] = {}
        self.controller.start(world.now)
        self.take()

    @property
    def may_write(self) -> bool:
        self.controller.tick(self.world.now)
        self.take()
        return self.controller.leading and self.world.election

    def take(self) -> None:
        for request in self.controller.take():
            if isinstance(request.body, WatchObjects):
                body = request.body
                self.watches[body.kind] = Watch(request, body.kind, int(body.resource_version))
            else:
                self.pending.append(request)
        for key, record in self.controller.take_records():
            assert isinstance(record, CountRecord)
            if record.metric == WAITED:
                # That requests wait for their turn is nothing that a plan has said.
                continue
            self.world.completed_counts[key.name] = self.world.completed_counts.get(key.name, 0) + 1

    def step(self) -> None:
        """A few things under way arrive, in an order of the world's choosing; each watch keeps its own order."""
        world = self.world
        for _ in range(world.random.randint(1, 6)):
            kind = world.random.choice((Kind.WORKFLOW, Kind.EXECUTION))
            if self.pending and world.random.random() < 0.6:
                self.carry(self.pending.pop(world.random.randrange(len(self.pending))))
            elif self.replies and world.random.random() < 0.7:
                self.controller.feed(self.replies.pop(world.random.randrange(len(self.replies))), world.now)
            elif kind in self.watches:
                self.deliver(self.watches[kind])
            self.take()
        self.controller.tick(world.now)
        self.take()
        wake_at = self.controller.wake_at()
        if wake_at is not None and wake_at <= world.now:
            world.broken.append(f"the controller spins: {self.controller!r}")

    def carry(self, request: Request) -> None:
        """To the server and back, or not."""
        world = self.world
        if world.chance(0.3):
            outcome = Outcome(world.random.choice((Code.LOST, Code.UNAVAILABLE, Code.THROTTLED)), retry_after_ms=200)
        else:
            outcome = world.execute(request.body, self.identity)
            if world.chance(0.4):
                outcome = Outcome(Code.LOST)
        self.replies.append(Replied(request.id, outcome))

    def deliver(self, watch: Watch) -> None:
        world = self.world
        gone = watch.version < world.horizon
        if gone or world.chance(0.1):
            del self.watches[watch.kind]
            self.controller.feed(Replied(watch.request.id, Outcome(Code.GONE if gone else Code.OK)), world.now)
            return
        for version, change, stored in world.history:
            mine = isinstance(stored, WorkflowExecution) == (watch.kind is Kind.WORKFLOW)
            if version > watch.version and mine:
                watch.version = version
                seen = WatchSeen(watch.request.id, watch.kind, change, stored, str(version))
                self.controller.feed(seen, world.now)
                if world.chance():
                    self.controller.feed(seen, world.now)
                return
        watch.version = world.version
        bookmark = WatchSeen(watch.request.id, watch.kind, Change.BOOKMARK, None, str(world.version))
        self.controller.feed(bookmark, world.now)
