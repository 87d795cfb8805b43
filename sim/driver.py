"""How does the controller run in a simulated cluster? The loop that drives it in virtual time.

The twin of `wfexec.app`: the same machines are started, fed, ticked and emptied in the same order; where the twin has
threads and sockets, here every round trip and every watch event is one callback of the clock. Called by
`sim.scenario`, the studies and the feature tests. It must never decide anything for a machine, never let two depths
schedule differently, and never read a real clock.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final, NamedTuple

from sim.alerts import AlertFeed
from sim.answers import Answers
from sim.audit import AuditStore, Outage
from sim.chronicle import Chronicle
from sim.clock import Clock
from sim.cluster.cluster import Cluster, Depth, own_crds
from sim.cluster.rbac import ADMIN
from sim.cluster.requests import CreateWorkflow, PersonBody
from sim.doors import Door, SharedDoor
from sim.executor.machine import Executor
from sim.executor.outcomes import CALM as CALM_OUTCOMES
from sim.executor.outcomes import Outcomes
from sim.executor.rights import rights
from sim.faults import CALM, NO_FAULT, STALE_MS, Fault, FaultPlan
from sim.garbage import quiet_garbage
from sim.history import Utterances
from sim.machine import Machine
from sim.orchestrator import Orchestrator
from sim.process import Latencies, Nature, Process
from sim.readings import Readings, shown_now
from sim.rng import Streams
from sim.skew import SkewedController
from sim.trace import Incident, TraceRecord, Version, Written
from sim.wire_door import WireDoor
from sim.witness import Witness
from sim.world import World
from wfexec.engine import timekeeping
from wfexec.engine.controller import Controller
from wfexec.engine.history import MemoryHistory
from wfexec.model.facts import AskHistory, Facts
from wfexec.model.meta import FINALIZER
from wfexec.model.phases import TERMINAL
from wfexec.model.plan import HistoryRecord, Record
from wfexec.model.requests import Change, Kind, Listing, ObjectKey, Outcome, Watched, WatchObjects
from wfexec.model.status import WorkflowExecution
from wfexec.model.words import DELETED
from wfexec.settings import DEFAULTS, Settings

# 2026-01-01T00:00:00Z: a run has a date of its own, the same on every machine.
EPOCH_MS: Final = 1_767_225_600_000
CONTROLLER_USER: Final = "system:serviceaccount:kubernaut-system:workflow-execution-sa"
EXECUTOR_USER: Final = "system:serviceaccount:kubernaut-system:kubernetes-executor-sa"
PARENT_USER: Final = "system:serviceaccount:kubernaut-system:remediation-orchestrator-sa"
PERSON: Final = "on-call"
# Whoever acts in a script may do everything; what people may not do is for scenarios over HTTP.
ON_CALL: Final[tuple[dict[str, Any], ...]] = (
    {
        "kind": "ClusterRole",
        "metadata": {"name": PERSON},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    },
    {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": PERSON},
        "roleRef": {"kind": "ClusterRole", "name": PERSON},
        "subjects": [{"kind": "User", "name": PERSON}],
    },
)
PARENT: Final = "wfexec-sim-parent"
# What a parent of workflows may do, and no more.
PARENTS_RIGHTS: Final[tuple[dict[str, Any], ...]] = (
    {
        "kind": "ClusterRole",
        "metadata": {"name": PARENT},
        "rules": [
            {
                "apiGroups": ["remediation.kubernaut.io"],
                "resources": ["remediationrequests"],
                "verbs": ["get", "list", "watch"],
            },
            {
                "apiGroups": ["remediation.kubernaut.io"],
                "resources": ["remediationrequests/status"],
                "verbs": ["get", "patch", "update"],
            },
            {
                "apiGroups": ["workflowexecution.kubernaut.io"],
                "resources": ["workflowexecutions"],
                "verbs": ["create", "get", "list", "watch"],
            },
        ],
    },
    {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": PARENT},
        "roleRef": {"kind": "ClusterRole", "name": PARENT},
        "subjects": [
            {"kind": "ServiceAccount", "name": "remediation-orchestrator-sa", "namespace": "kubernaut-system"},
        ],
    },
)
# How long after its owner an object is collected, and how often watches hear how far they have come.
COLLECT_MS: Final = 500
BOOKMARK_MS: Final = 60_000


_tuple: Final[Any] = tuple.__new__
# Generating the CRDs takes longer than many runs.
_crds = cache(own_crds)


class Options(NamedTuple):
    """How a simulation is built; the defaults are one replica without leader election and a calm world.

    `manifests`: Kubernetes documents; in wire depth their roles and bindings decide who may do what, and without any
    everybody may do everything. `objects`: ConfigMaps that are there from the beginning, such as templates.
    `history`: runs that ended before this one began, for those who learn. `audit`: what befalls the audit store; None
    where there is none.
    """

    settings: Settings = DEFAULTS
    outcomes: Outcomes = CALM_OUTCOMES
    seed: int = 1
    replication: tuple[str | int, ...] = ()
    depth: Depth = Depth.SHARED
    latencies: Latencies = Latencies()
    faults: FaultPlan = CALM
    replicas: int = 1
    leader_election: bool | None = None
    manifests: tuple[dict[str, Any], ...] = ()
    objects: tuple[dict[str, Any], ...] = ()
    history: tuple[HistoryRecord, ...] = ()
    audit: tuple[Outage, ...] | None = None


class Simulation:
    """One simulated cluster with controllers and an executor in it. `now` is milliseconds since 1970."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.records: list[TraceRecord] = []
        streams = Streams(options.seed, *options.replication)
        self.clock = Clock(streams.seed_of("ties"), EPOCH_MS)
        self.cluster = Cluster(
            options.depth, streams.seed_of("cluster"), crds=_crds(), manifests=access_documents(options)
        )
        self.chronicle = Chronicle(self.cluster, self.clock)
        self.world = World(self.cluster, options.outcomes, EPOCH_MS, options.objects)
        self.alerts = AlertFeed(options.outcomes.alerts, EPOCH_MS)
        self.audit = AuditStore(options.audit or (), EPOCH_MS)
        known = (self.cluster, options.outcomes, self.recall, self.alerts.facts)
        self.door: Door = (
            WireDoor(*known, self.audit)
            if options.depth is Depth.WIRE
            else SharedDoor(self.cluster, Answers(*known), self.audit)
        )
        self._history: MemoryHistory | None = None
        self._witness = Witness()
        self._readings = Readings(options.latencies.watch[1])
        self._told: list[tuple[ObjectKey, Record]] = []
        # Of these so many are in the history.
        self._remembered = 0
        # Requests and watch events on their way, and crashed controllers that will be back.
        self.busy = 0
        self.writes = 0
        self.dangling = self.cluster.store.dangling
        self._collecting = False
        # How many controllers have been started, later lives included.
        self._starts = 0
        self._open: dict[str, None] = {}
        self._step_names: dict[tuple[str, int], str] = {}
        for kind in (Kind.WORKFLOW, Kind.EXECUTION):
            self.door.watch(WatchObjects(kind, "0", 0), ADMIN, self._saw)
        self._elects = options.replicas > 1 if options.leader_election is None else options.leader_election
        self._luck = Streams(options.seed, *options.replication, "executor")
        self.controllers = [
            self._process(f"controller-{index}", CONTROLLER_USER, self._controller, streams, faulty=True)
            for index in range(options.replicas)
        ]
        self.executor = self._process("executor", EXECUTOR_USER, self._executor, streams, faulty=False)
        self.parent = self._process("parent", PARENT_USER, Orchestrator, streams, faulty=False)

    def __repr__(self) -> str:
        return f"<Simulation seed {self.options.seed} at {self.offset} ms, {len(self._open)} workflows open>"

    @property
    def now(self) -> int:
        return self.clock.now

    @property
    def offset(self) -> int:
        """Milliseconds since the run began."""
        return self.clock.now - EPOCH_MS

    def start(self, *, executor: bool = True, parent: bool = False) -> None:
        """Every process starts, executor and parent if there is to be one; call once, before or after the first
        workflows. A parent needs wire depth: its requests are of a kind that the cluster has no types for."""
        others = ((self.executor, executor), (self.parent, parent))
        for process in (*self.controllers, *(one for one, wanted in others if wanted)):
            process.start()
        self.clock.at(BOOKMARK_MS, self._bookmark)

    def name_steps(self, workflow: str, spec: dict[str, Any]) -> None:
        """What the steps of a workflow to come are called, by its spec as JSON, for rules that name them."""
        definition = spec.get("workflowDefinition")
        for step in (definition.get("steps") or ()) if isinstance(definition, dict) else ():
            if isinstance(step, dict) and "stepNumber" in step:
                self._step_names[workflow, step["stepNumber"]] = str(step.get("name", ""))

    def submit(self, workflow: WorkflowExecution, delay_ms: int = 0) -> None:
        """Somebody creates a workflow, now or later."""
        self.world.namespace(workflow.metadata.namespace)
        definition = workflow.spec.workflow_definition
        for step in definition.steps if definition is not None else ():
            self._step_names[workflow.metadata.name, step.step_number] = step.name
        self.act(CreateWorkflow(workflow), delay_ms)

    def act(self, body: PersonBody, delay_ms: int = 0) -> None:
        """A person's request is carried out, now or later; what is refused shows in the trace."""
        if delay_ms:
            self.busy += 1
            self.clock.at(delay_ms, self._acted, body)
        else:
            self.person(body)

    def person(self, body: PersonBody) -> Outcome:
        """A person's request, carried out at once."""
        outcome: Outcome = self.door.execute(body, PERSON, self.clock.now)
        self.records.append(Written(self.clock.now, PERSON, body, outcome.code))
        if self.cluster.collectable:
            self.collect_soon()
        return outcome

    def run(self, limit_ms: int) -> bool:
        """Until every workflow is terminal and nothing is on its way; False when the limit came first."""
        with quiet_garbage():
            return self.clock.run(self.at_rest, self.clock.now + limit_ms, undone=self._open)

    def run_until(self, done: Callable[[], bool], limit_ms: int) -> bool:
        """Until `done()` (asked after every event) or `limit_ms` from now; whether it was done."""
        with quiet_garbage():
            return self.clock.run(done, self.clock.now + limit_ms)

    def recall(self, question: AskHistory) -> Facts:
        """What earlier runs were like, those that ended in this simulation too; nobody keeps it who is not asked."""
        if self._history is None:
            self._history = MemoryHistory(self.options.history)
        self.utterances(gauges=False)
        for _, record in self._told[self._remembered :]:
            if isinstance(record, HistoryRecord):
                self._history.add(record)
        self._remembered = len(self._told)
        return self._history.facts(question)

    def utterances(self, *, gauges: bool = True) -> Utterances:
        """What the controllers that live have handed out so far; what a crash took with it is lost.

        `gauges`: what they show now as well, which takes a pass over all workflows.
        """
        looks = dropped = waiting = 0
        for process in self.controllers:
            if isinstance(process.machine, Controller):
                self._told += process.machine.take_records()
                stats = process.machine.stats()
                looks += stats["looks"]
                dropped += stats["events_dropped"]
                waiting += stats["events_waiting"] + stats["events_unanswered"]
        seen = shown_now(self.controllers) if gauges else None
        audited, shown = self.options.audit is not None, self._readings
        made = Utterances(self._told, looks, self._witness.decisions, dropped, audited, waiting, seen)
        return made._replace(readings=shown.taken, heard_ms=shown.heard_ms)

    def collect_soon(self) -> None:
        """Something lost its owner, or a namespace is going: the cluster's own controllers will see to it."""
        if not self._collecting:
            self._collecting = True
            self.busy += 1
            self.clock.at(COLLECT_MS, self._collect)

    def tell(self, actor: str, what: str) -> None:
        """Something that the simulation itself does to the world."""
        self.records.append(Incident(self.clock.now, actor, what))

    def next_fault(self) -> Fault:
        """A controller's write is about to be carried out: what becomes of it?"""
        self.writes += 1
        plan = self.options.faults
        return plan.of(self.writes) if plan.at else NO_FAULT

    def forget(self) -> None:
        """Watches cannot go on from any version seen so far: 410."""
        self.cluster.store.compact()

    def past(self, kind: Kind) -> Listing:
        """All objects of this kind as a list showed them a while ago; before the first object, an empty one."""
        found: dict[tuple[str, str], Watched] = {}
        newest = "1"
        for record in self.records:
            if not isinstance(record, Version):
                continue
            if record.at > self.clock.now - STALE_MS:
                break
            newest = record.version
            if (record.object.__class__ is WorkflowExecution) is not (kind is Kind.WORKFLOW):
                continue
            meta = record.object.metadata
            if record.change is Change.DELETED:
                found.pop((meta.namespace, meta.name), None)
            else:
                found[meta.namespace, meta.name] = record.object
        return Listing(tuple(found[name] for name in sorted(found)), newest)

    def _collect(self) -> None:
        """The garbage collector of the cluster; what it leaves without an owner is for its next round."""
        self.busy -= 1
        self._collecting = False
        self.cluster.collect(self.clock.now)
        if self.cluster.collectable:
            self.collect_soon()

    def _bookmark(self) -> None:
        self.cluster.bookmark()
        self.clock.at(BOOKMARK_MS, self._bookmark)

    def _acted(self, body: PersonBody) -> None:
        self.busy -= 1
        self.person(body)

    def at_rest(self) -> bool:
        """Every workflow has ended, nothing is on its way, and no Event waits for the rate to let it go."""
        return not self._open and not self.busy and not any(_telling(process.machine) for process in self.controllers)

    def _saw(self, change: Change, thing: Watched | None, version: str) -> None:
        """The store committed a version."""
        if thing is None:
            return
        if thing.__class__ is WorkflowExecution:
            self._readings.changing(self.controllers, self.clock.now)
        self.records.append(_tuple(Version, (self.clock.now, change, thing, version)))
        if thing.__class__ is WorkflowExecution:
            uid = thing.metadata.uid
            ended = thing.status.phase in TERMINAL and not _leaving(thing)
            if change is DELETED or ended:
                self._open.pop(uid, None)
            else:
                self._open[uid] = None

    def _process(
        self, name: str, user: str, make: Callable[[str], Machine], streams: Streams, *, faulty: bool
    ) -> Process:
        nature = Nature(name, user, make, faulty, self.options.latencies, self.options.faults)
        return Process(self, nature, streams)

    def _controller(self, identity: str) -> Machine:
        faults = self.options.faults
        ahead_ms = faults.ahead(self._starts)
        if faults.set_clocks:
            ahead_ms -= timekeeping.ahead_ms(self.clock.now + ahead_ms, self.clock.now)
        self._starts += 1
        made = partial(SkewedController, ahead_ms) if ahead_ms else Controller
        return made(
            self.options.settings,
            identity,
            leader_election=self._elects,
            decide=self._witness.decide,
            audited=self.options.audit is not None,
        )

    def _executor(self, identity: str) -> Machine:
        return Executor(self.options.outcomes, self._luck, identity, origin=EPOCH_MS, step_name=self._step_name)

    def _step_name(self, workflow: str, number: int) -> str:
        return self._step_names.get((workflow, number), "")


def _leaving(workflow: WorkflowExecution) -> bool:
    """Somebody deletes it, and our controller has not let it go."""
    meta = workflow.metadata
    return meta.deletion_timestamp is not None and FINALIZER in meta.finalizers


def _telling(machine: Machine | None) -> bool:
    """Events of this one will still go."""
    if not isinstance(machine, Controller) or not machine.leading or machine.stopped:
        return False
    return machine.stats()["events_waiting"] > 0


def access_documents(options: Options) -> tuple[dict[str, Any], ...]:
    """The given roles and bindings, and the rights that the executor's identities have less what its file denies."""
    if not options.manifests:
        return ()
    return (*options.manifests, *ON_CALL, *PARENTS_RIGHTS, *(body for _, body in rights(options.outcomes)))
