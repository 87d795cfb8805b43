"""The scenarios' cluster in virtual time: the simulation in wire depth, as `wfexec sim run` drives it.

Made by the fixtures in `features.conftest`, one per scenario. People's requests are the same HTTP requests that the
real API server gets, so both back-ends answer for the same sentences. It must never look at a real clock.
"""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any, Final

import orjson

from features.cluster import (
    MERGE_PATCH,
    OBSERVER,
    PATIENCE,
    WORKFLOW_PLURAL,
    WORKFLOWS,
    Answer,
    Json,
    NotSeen,
    Seen,
    Setting,
    path_of,
)
from features.recipe import NAME
from sim.alerts import AlertFeed
from sim.audit import AuditStore
from sim.barred import AWAY, Bars
from sim.cluster.cluster import Depth
from sim.driver import Options, Simulation
from sim.executor.outcomes import Outcomes
from sim.faults import CALM, Fault, FaultPlan, crash_after_write
from sim.past import parse_history
from sim.trace import Incident, Version, Written
from tests.envtest.manifests import manifests
from wfexec.adapters.metrics import Metrics
from wfexec.crd.codec import render_execution, render_workflow
from wfexec.crd.wire import JSON, HttpCall
from wfexec.engine.controller import Controller
from wfexec.model.plan import CountRecord
from wfexec.model.requests import Code
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings

NAMESPACE: Final = "shop"
# Nobody is slow here: what may be late is the few milliseconds of requests, which the sentences leave room for.
SLACK_MS: Final = 0


@cache
def unguarded() -> tuple[Json, ...]:
    """The same without the binding of the admission policy."""
    return tuple(each for each in manifests() if each["kind"] != "ValidatingAdmissionPolicyBinding")


class Disturbed(Simulation):
    """A simulation in which somebody labels the workflow just before every other write of the controller."""

    def next_fault(self) -> Fault:
        if self.writes % 2 == 0:
            path = path_of(WORKFLOWS, NAMESPACE, WORKFLOW_PLURAL, NAME)
            label = {"metadata": {"labels": {"seen-by": f"somebody-{self.writes}"}}}
            call(self, "PATCH", path, label, "alice")
        return super().next_fault()


def call(simulation: Simulation, method: str, path: str, body: Json | None, user: str) -> Answer:
    """One request to the simulated API server, at this instant."""
    kind = MERGE_PATCH if method == "PATCH" else JSON
    asked = HttpCall(method, path, (), kind, orjson.dumps(body)) if body is not None else HttpCall(method, path)
    reply = simulation.cluster.http(asked, user, simulation.now)
    return Answer(reply.status, orjson.loads(reply.payload) if reply.payload else None)


def shipped(setting: Setting) -> tuple[Json, ...]:
    documents = manifests() if setting.guarded else unguarded()
    return tuple(each for each in documents if setting.observer or each.get("metadata", {}).get("name") != OBSERVER)


class SimulatedCluster:
    """One scenario's simulation; `features.cluster.Cluster` says what each method does."""

    slack_ms = SLACK_MS
    namespace = NAMESPACE
    alerts_url = "http://alertmanager.monitoring:9093"
    # What befalls the controller's writes where the setting asks for nothing; the crash sweep has other plans.
    faults = CALM

    def __init__(self) -> None:
        self._seen: list[Seen] = []
        self._read = 0

    @cached_property
    def _simulation(self) -> Simulation:
        """Until `prepare` makes another: a calm one without anybody in it."""
        return Simulation(Options(depth=Depth.WIRE))

    @property
    def alerts(self) -> AlertFeed:
        return self._simulation.alerts

    @property
    def audit(self) -> AuditStore:
        return self._simulation.audit

    @property
    def history(self) -> Sequence[Seen]:
        records = self._simulation.records
        while self._read < len(records):
            record = records[self._read]
            self._read += 1
            if isinstance(record, Version) and record.object.metadata.namespace == self.namespace:
                self._seen.append(Seen(record.change.value, rendered(record.object)))
        return self._seen

    @property
    def now_ms(self) -> int:
        return self._simulation.now

    @property
    def refused_writes(self) -> int:
        records = self._simulation.records
        controllers = {process.name for process in self._simulation.controllers}
        return sum(
            isinstance(record, Written) and record.actor in controllers and record.code is Code.CONFLICT
            for record in records
        )

    @property
    def killed(self) -> bool:
        return any(isinstance(record, Incident) and record.what == "crashed" for record in self._simulation.records)

    @property
    def troubled(self) -> bool:
        return any(isinstance(record, Incident) for record in self._simulation.records)

    def prepare(self, setting: Setting) -> None:
        denied = [{"user": f"*:{action}-sa"} for action in setting.forbidden]
        denied += [{"user": user, "verb": "approve"} for user in setting.strangers]
        outcomes = Outcomes.model_validate(setting.executor | {"denied": denied})
        write = setting.kill_after_write
        faults = self.faults if write is None else crash_after_write(write)
        if setting.trouble is not None and faults is CALM:
            faults = FaultPlan((setting.trouble,))
        if setting.clocks:
            faults = faults._replace(clocks=setting.clocks, set_clocks=True)
        options = Options(
            outcomes=outcomes,
            depth=Depth.WIRE,
            faults=faults,
            replicas=setting.replicas,
            manifests=shipped(setting),
            settings=Settings.model_validate(setting.settings),
            history=parse_history({"runs": setting.history}),
            audit=() if setting.audited else None,
        )
        self._simulation = Disturbed(options) if setting.labelling else Simulation(options)
        self._simulation.start(executor=setting.executor_at_work, parent=setting.parent_at_work)

    def request(self, method: str, path: str, body: Json | None = None, user: str = "admin") -> Answer:
        return call(self._simulation, method, path, body, user)

    def apply_all(self, bodies: Sequence[Json], user: str) -> None:
        path = path_of(WORKFLOWS, self.namespace, WORKFLOW_PLURAL)
        assert {self.request("POST", path, body, user).status for body in bodies} == {201}

    def while_away(self, what: Callable[[], object]) -> None:
        self.kill_controller()
        what()

    def begin_executor(self) -> None:
        self._simulation.executor.start()

    def metrics(self) -> str:
        metrics = Metrics()
        for _, record in self._simulation.utterances().records or ():
            if isinstance(record, CountRecord):
                metrics.count(record)
        for process in self._simulation.controllers:
            if isinstance(process.machine, Controller) and process.machine.leading:
                metrics.observe(process.machine)
        return metrics.page().decode()

    def wait_until(self, what: str, done: Callable[[], bool], limit_ms: int = PATIENCE) -> None:
        if not self._simulation.run_until(Changed(self._simulation, done), limit_ms):
            raise NotSeen(f"{what} was not seen within {limit_ms / 1_000:g} s of virtual time: {self._last()}")

    def let_pass(self, duration_ms: int) -> None:
        self._simulation.run_until(lambda: False, duration_ms)

    def kill_controller(self) -> None:
        leaders = [
            process
            for process in self._simulation.controllers
            if isinstance(process.machine, Controller) and process.machine.leading
        ]
        leaders[0].crash()

    def stall_watches(self) -> None:
        for process in self._simulation.controllers:
            for stream in process.streams:
                stream.mute()

    def sleep(self, ms: int) -> None:
        self.stall_watches()
        for process in self._simulation.controllers:
            process.stand_still(ms, impatient=False)

    def vanish(self, ms: int) -> None:
        self._simulation.tell("api-server", "is away")
        for process in self._simulation.controllers:
            process.bars = Bars(self.now_ms + ms, closed=AWAY)
            for stream in tuple(process.streams):
                stream.cut(Code.LOST)

    def refuse(self, kind: type, count: int, status: int) -> None:
        for process in self._simulation.controllers:
            process.bars = Bars(left={kind: count}, status=status)

    def close(self) -> None:
        """There is nothing to give back."""

    def _last(self) -> str:
        for seen in reversed(self.history):
            if seen.object["kind"] == "WorkflowExecution":
                status = seen.object.get("status", {})
                return f"phase {status.get('phase', '')!r}, {status.get('message', '')!r}"
        return "no workflow was seen"


class Changed:
    """Asks a question again only when something has been written since the last time."""

    def __init__(self, simulation: Simulation, question: Callable[[], bool]) -> None:
        self._simulation = simulation
        self._question = question
        self._known = -1

    def __call__(self) -> bool:
        count = len(self._simulation.records)
        if count == self._known:
            return False
        self._known = count
        return self._question()


def rendered(thing: Any) -> Json:
    return render_workflow(thing) if isinstance(thing, WorkflowExecution) else render_execution(thing)
