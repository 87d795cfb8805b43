"""The scenarios' cluster on a real API server: a namespace of its own, the shipped controller, the live executor.

Made by the fixtures in `features.conftest`; `LiveWorld` lasts for all scenarios of a session, `LiveCluster` for one.
Both machines run on one clock that is `SPEED` times as fast as the wall's, so that waiting 30 s costs half a second,
and slower where the machine does not keep up; see `tests.harness` for where that clock meets the server's. It must
never act for the controller, and never let the controller be an administrator.
"""

import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from features.backends.rights import ACTIONS, RBAC, ROLE, accounts, reference, shared_rights
from features.cluster import (
    CORE,
    EXECUTION_PLURAL,
    EXECUTIONS,
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
from sim.barred import Bars
from sim.executor.machine import nameless
from sim.executor.outcomes import Outcomes
from sim.executor.targets import TargetCluster
from sim.live import LiveExecutor, seed_cluster
from sim.live_machine import LiveMachine
from sim.live_parent import LiveParent
from sim.past import parse_history
from tests.envtest.plugin import guarded
from tests.envtest.server import SYSTEM_NAMESPACE, USERS, ControlPlane
from tests.envtest.store import Store
from tests.harness.alerts import AlertServer
from tests.harness.controller import Disturbance, LiveController
from tests.harness.lent import Lent
from tests.harness.observer import Observer
from tests.harness.pace import PacedClock
from wfexec.adapters.kube import Connection, connect
from wfexec.crd.wire import HttpCall
from wfexec.engine.history import MemoryHistory
from wfexec.model.meta import ADMISSION_POLICY_NAME, EXECUTION_API, LABEL_MAINTENANCE, REGISTRY_NAME, WORKFLOW_API
from wfexec.settings import Settings

SPEED: Final = 60
# What the pacer asks: one object, read through to etcd.
PACE: Final = HttpCall("GET", f"{CORE}/namespaces/default")
PACE_S: Final = 5.0
# How much later than agreed something may happen because threads and the network take their time, in real seconds.
SLACK_S: Final = 0.7
# A scenario that waits in vain gives up after its virtual limit and this, in seconds in which the machine keeps up.
GRACE_S: Final = 10.0
# How many people apply a crowd of workflows at a time.
PEOPLE: Final = 4
# Whose connections stay open from one scenario to the next, and so many of each: a handshake costs more than a request.
LASTING: Final = ("admin", "executor", "controller", "parent")
IDLE: Final = 24
ROOT: Final = Path(__file__).resolve().parents[2]
ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
# Half a second of reality is too little for all looks at targets where others use the machine too. And a sixth of one
# is no silence to doubt a watch for: six would be opened anew all the time. Scenarios about that say otherwise.
USUAL: Final = Settings(dry_run_timeout=180_000, watch_silence=600_000)
# Seconds of reality instead of fractions: 2 s until a lease may be taken, 1 s until its holder stops writing.
SHARED_LEASE: Final = USUAL.model_copy(
    update={"lease_duration": 120_000, "lease_renew_deadline": 60_000, "lease_retry_period": 10_000}
)
_numbers = itertools.count(1)


class LiveWorld:
    """The controller and what all scenarios share."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self._pacing = connect(str(plane.kubeconfig("admin")), None, 1)
        self._lasting = {user: connect(str(plane.kubeconfig(user)), None, IDLE) for user in LASTING}
        self.store = Store(plane.etcd_url)
        self.clock = PacedClock(SPEED, lambda: self._pacing.call(PACE, PACE_S))
        self._seeded = False
        self._given: Json = {}
        self._audited = False
        self.audit = AuditStore()
        self.alerts = AlertServer(self.clock.now_ms)
        self.observer = Observer(self.lent("admin"))
        self.controllers = self._fresh(1)

    def start(self) -> None:
        self.clock.start()
        for path, body in shared_rights():
            self.plane.request("POST", path, body)
        self.observer.follow(f"{WORKFLOWS}/{WORKFLOW_PLURAL}")
        self.observer.follow(f"{EXECUTIONS}/{EXECUTION_PLURAL}")
        self._start()

    def stop(self) -> None:
        self._dismiss()
        self.alerts.stop()

    def _dismiss(self) -> None:
        for controller in self.controllers:
            controller.stop()

    def close(self) -> None:
        self.stop()
        self.observer.close()
        self.clock.stop()
        self.store.close()
        for connection in (self._pacing, *self._lasting.values()):
            connection.close()

    def lent(self, user: str) -> Connection:
        return Lent(self._lasting[user], self.clock)

    def staff(self, count: int, given: Json, audited: bool) -> None:
        """So many controllers with these settings from now on; others end first."""
        if (count, given, audited) != (len(self.controllers), self._given, self._audited):
            self._dismiss()
            self._given, self._audited = given, audited
            self.controllers = self._fresh(count)
            self._start()

    def replace(self) -> None:
        """A fresh controller for each: what one has missed is nothing to later scenarios."""
        for controller in self.controllers:
            controller.kill()

    def remember(self, runs: list[Json]) -> None:
        """Whatever else ran here before is forgotten."""
        for controller in self.controllers:
            controller.history = MemoryHistory(parse_history({"runs": runs}))

    def disturb(self, disturbance: Disturbance) -> None:
        for controller in self.controllers:
            controller.disturb(disturbance)

    def failure(self) -> BaseException | None:
        found = (controller.failure() for controller in self.controllers)
        return next((failure for failure in found if failure is not None), None)

    def seed_nodes(self, outcomes: Outcomes, connection: Connection) -> None:
        """Nodes are the same for all scenarios, and there are no others: further tests share the server."""
        if not self._seeded:
            self._seeded = True
            self.plane.only_nodes(outcomes.cluster.nodes)
            cluster = TargetCluster(nodes=outcomes.cluster.nodes)
            seed_cluster(Outcomes(cluster=cluster), connection, self.clock.now_ms())
            self.plane.open_nodes(outcomes.cluster.nodes)

    def _fresh(self, count: int) -> list[LiveController]:
        elect = count > 1
        usual = SHARED_LEASE if elect else USUAL
        settings = usual.model_validate(usual.model_dump(by_alias=True) | self._given) if self._given else usual
        audit = self.audit if self._audited else None
        connection = self._lasting["controller"]
        return [LiveController(connection, self.clock, settings, elect=elect, audit=audit) for _ in range(count)]

    def _start(self) -> None:
        for controller in self.controllers:
            controller.start()

    def cluster(self) -> "LiveCluster":
        return LiveCluster(self)


class LiveCluster:
    """One scenario's namespace; `features.cluster.Cluster` says what each method does."""

    slack_ms = int(SLACK_S * 1_000 * SPEED)

    def __init__(self, world: LiveWorld) -> None:
        self.namespace = f"feature-{os.getpid()}-{next(_numbers)}"
        self._world = world
        self.alerts_url = world.alerts.url
        self.alerts = world.alerts.feed = AlertFeed()
        self.audit = world.audit
        self._plane = world.plane
        self._disturbance = Disturbance(self.namespace)
        self._machines: list[LiveMachine] = []
        self._outcomes = Outcomes()
        self._unguarded = False
        self._changed_for_all = False
        self._stalled = False
        self._labels: Json = {}
        self._seen: list[Seen] = []
        # The observer's binding while a scenario does without it.
        self._taken: Json | None = None
        self._view = world.observer.view(self.namespace)

    @property
    def history(self) -> Sequence[Seen]:
        lines = self._view.lines
        while len(self._seen) < len(lines):
            self._seen.append(Seen(*lines[len(self._seen)]))
        return self._seen

    @property
    def now_ms(self) -> int:
        return self._world.clock.now_ms()

    @property
    def refused_writes(self) -> int:
        return self._disturbance.refused

    @property
    def killed(self) -> bool:
        return self._disturbance.killed

    @property
    def troubled(self) -> bool:
        return self._disturbance.troubled

    def prepare(self, setting: Setting) -> None:
        outcomes = Outcomes.model_validate(setting.executor)
        admin = self._world.lent("admin")
        self._world.seed_nodes(outcomes, admin)
        without_nodes = outcomes.cluster.model_copy(update={"nodes": {}})
        seed_cluster(outcomes.model_copy(update={"cluster": without_nodes}), admin, self.now_ms)
        self._labels = dict(outcomes.cluster.namespaces[self.namespace].labels)
        self._grant(setting)
        if not setting.observer:
            self._blind()
        self._disturbance.kill_after_write = setting.kill_after_write
        self._disturbance.trouble = setting.trouble
        self._disturbance.clocks = setting.clocks
        self._stalled = setting.trouble is not None or bool(setting.clocks)
        if setting.labelling:
            self._disturbance.before_write = self._label
        if not setting.guarded:
            self._unguarded = True
            self.request("DELETE", f"{ADMISSION}/{ADMISSION_POLICY_NAME}")
            self.wait_until("the admission policy to count no more", lambda: not guarded(self._plane))
        self._world.staff(setting.replicas, setting.settings, setting.audited)
        self._world.remember(setting.history)
        self._world.disturb(self._disturbance)
        if setting.parent_at_work:
            self._begin(LiveParent(self._world.lent("parent"), namespace=self.namespace, clock=self._world.clock))
        self._outcomes = outcomes
        if setting.executor_at_work:
            self.begin_executor()

    def begin_executor(self) -> None:
        clock, connection = self._world.clock, self._world.lent("executor")
        self._begin(executor := LiveExecutor(self._outcomes, connection, clock=clock, step_name=nameless))
        self.wait_until("the executor to follow the children", lambda: executor.machine.synced)

    def _begin(self, machine: LiveMachine) -> None:
        self._machines.append(machine)
        machine.start()

    def request(self, method: str, path: str, body: Json | None = None, user: str = "admin") -> Answer:
        self._changed_for_all |= method != "GET" and SYSTEM_NAMESPACE in path
        self._world.clock.asked()
        try:
            return Answer(*self._plane.request(method, path, body, user))
        finally:
            self._world.clock.told(more=method != "GET")

    def apply_all(self, bodies: Sequence[Json], user: str) -> None:
        path = path_of(WORKFLOWS, self.namespace, WORKFLOW_PLURAL)
        with ThreadPoolExecutor(PEOPLE) as people:
            answers = people.map(lambda body: self.request("POST", path, body, user), bodies)
            assert {answer.status for answer in answers} == {201}

    def while_away(self, what: Callable[[], object]) -> None:
        for controller in self._world.controllers:
            controller.leave()
        what()
        for controller in self._world.controllers:
            controller.start()

    def metrics(self) -> str:
        return next(controller for controller in self._world.controllers if controller.leading).metrics()

    def wait_until(self, what: str, done: Callable[[], bool], limit_ms: int = PATIENCE) -> None:
        seconds = self._world.clock.real_seconds(limit_ms) + GRACE_S
        if not self._view.wait(lambda: bool(self._trouble()) or done(), seconds, self._world.clock.paced_seconds):
            raise NotSeen(f"{what} was not seen within {limit_ms / 1_000:g} s (virtual): {self._last()}")
        if self._trouble():
            raise NotSeen(f"while waiting for {what}: {self._trouble()}")

    def let_pass(self, duration_ms: int) -> None:
        clock = self._world.clock
        self._view.wait(lambda: False, clock.real_seconds(duration_ms), clock.paced_seconds)

    def kill_controller(self) -> None:
        next(controller for controller in self._world.controllers if controller.leading).kill()

    def _unlabel(self, namespace: str, labels: Iterable[str]) -> None:
        self.request("PATCH", f"{CORE}/namespaces/{namespace}", {"metadata": {"labels": dict.fromkeys(labels)}})

    def stall_watches(self) -> None:
        self._stalled = True
        for controller in self._world.controllers:
            controller.stall()

    def sleep(self, ms: int) -> None:
        self.stall_watches()
        for controller in self._world.controllers:
            controller.sleep(ms)

    def vanish(self, ms: int) -> None:
        for controller in self._world.controllers:
            controller.vanish(ms)

    def refuse(self, kind: type, count: int, status: int) -> None:
        for controller in self._world.controllers:
            controller.bars = Bars(left={kind: count}, status=status)

    def close(self) -> None:
        self._world.disturb(Disturbance(""))
        if self._labels:
            # Nobody takes namespaces away here, and one of production makes every node part of production.
            self._unlabel(self.namespace, self._labels)
        for machine in self._machines:
            machine.stop()
        self._view.close()
        if self._stalled:
            self._world.replace()
        if self._unguarded:
            # The other scenarios share the server, and each test after them.
            self._plane.apply_manifests(ROOT / "deploy")
            self._plane.wait_until(lambda: guarded(self._plane), "the admission policy counts again")
        if self._taken is not None:
            self._create(f"{RBAC}/clusterrolebindings", self._taken)
            self._plane.wait_until(self._reads, "the observer's rights count again")
        if self._changed_for_all:
            self.request("DELETE", path_of(CORE, SYSTEM_NAMESPACE, "configmaps", REGISTRY_NAME))
            self._unlabel(SYSTEM_NAMESPACE, (LABEL_MAINTENANCE,))
        # What is still at work would go on in the shared controller.
        # Past the API server, finalizers and the collection of orphans: they cost more than many a scenario.
        for group, plural in ((EXECUTION_API, EXECUTION_PLURAL), (WORKFLOW_API, WORKFLOW_PLURAL)):
            self._world.store.forget(f"{group.partition('/')[0]}/{plural}", self.namespace)

    def _label(self, number: int) -> None:
        """In time for the controller's write to come too late, every other time."""
        if number % 2:
            path = path_of(WORKFLOWS, self.namespace, WORKFLOW_PLURAL, NAME)
            self.request("PATCH", path, {"metadata": {"labels": {"seen-by": f"somebody-{number}"}}}, "alice")

    def _grant(self, setting: Setting) -> None:
        """Each action's identity may act in this namespace, unless the scenario says that it may not."""
        allowed = [action for action in ACTIONS if action not in setting.forbidden]
        body = {"metadata": {"name": "actions"}, "roleRef": reference(ROLE), "subjects": accounts(allowed)}
        self._create(f"{RBAC}/namespaces/{self.namespace}/rolebindings", body)
        barred = [f"{action}-sa" for action in setting.forbidden]
        # What another test granted and took back may still be in the authorizer's cache.
        self.wait_until(
            "the executor's rights to count",
            lambda: self._may(f"{allowed[0]}-sa") and not any(self._may(account) for account in barred),
        )

    def _blind(self) -> None:
        path = f"{RBAC}/clusterrolebindings/{OBSERVER}"
        found = self.request("GET", path).body
        self._taken = {"metadata": {"name": OBSERVER}, "roleRef": found["roleRef"], "subjects": found["subjects"]}
        self.request("DELETE", path)
        self.wait_until("the observer's rights to end", lambda: not self._reads())

    def _reads(self) -> bool:
        """Whether the controller may list ConfigMaps here."""
        return self._allowed(USERS["controller"][0], {"verb": "list", "resource": "configmaps"})

    def _may(self, account: str) -> bool:
        what = {"verb": "patch", "group": "apps", "resource": "deployments"}
        return self._allowed(f"system:serviceaccount:{SYSTEM_NAMESPACE}:{account}", what)

    def _allowed(self, user: str, attributes: Json) -> bool:
        """Whether this service account may do that here."""
        told = attributes | {"namespace": self.namespace}
        spec = {"user": user, "groups": list(USERS["executor"][1]), "resourceAttributes": told}
        answer = self.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
        return bool(answer.body["status"]["allowed"])

    def _create(self, path: str, body: Json) -> None:
        answer = self.request("POST", path, body)
        assert answer.status == 201, answer.body

    def _trouble(self) -> str:
        ours = [machine.failure for machine in self._machines if machine.failure is not None]
        failure = self._world.failure() or (ours[0] if ours else None)
        return f"a defect ended a process: {failure!r}" if failure is not None else self._view.trouble

    def _last(self) -> str:
        for seen in reversed(self.history):
            if seen.object["kind"] == "WorkflowExecution":
                status = seen.object.get("status", {})
                return f"phase {status.get('phase', '')!r}, {status.get('message', '')!r}"
        return "no workflow was seen"
