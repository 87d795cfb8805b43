"""What does the controller cost on a real API server: writes, reads, and the time between two steps?

Called by `tests.bench.__main__`. The shipped controller runs in threads of this process as the user that deploy/ binds;
its connection is listened in on. Without the binaries each row says so.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from statistics import median
from threading import Event, Thread
from time import perf_counter
from typing import Any, Final, NamedTuple

import orjson

from sim.executor.machine import nameless
from sim.live import LiveExecutor, seed_cluster
from tests.bench import load, throughput
from tests.bench.client import HardCoded, Moment, Sightings, names_of, outline
from tests.bench.load import Graph
from tests.bench.rows import Row
from tests.envtest import build
from tests.envtest.plugin import install
from tests.envtest.server import SYSTEM_NAMESPACE, ControlPlane
from tests.harness.controller import CONNECTIONS_EXTRA
from wfexec.adapters.clock import WallClock
from wfexec.adapters.kube import Connection, Reply, Watching, connect
from wfexec.adapters.workers import Workers
from wfexec.app import Crash, Options, Process
from wfexec.crd.codec import render_workflow
from wfexec.crd.wire import HttpCall, object_path
from wfexec.model.meta import EXECUTION_PLURAL, WORKFLOW_PLURAL
from wfexec.model.requests import Kind, Outcome, Request

RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
# Waiting is shortened, requests are not; slow enough that two steps rarely end during one write, as in simulation.
SPEED: Final = 20
PATIENCE_S: Final = 30.0
# Between a transition and the next: Events are written and the controller is at rest.
QUIET_S: Final = 0.08
CALL_S: Final = 10.0
# Nobody scrapes or probes the bench.
UNSEEN: Final = Options(metrics_address="0", health_address="0", leader_elect=False)


class Wiretap(Connection):
    """A connection that keeps what was sent: each call with the second when it left."""

    def __init__(self, kubeconfig: str, connections: int) -> None:
        made = connect(kubeconfig, None, connections)
        super().__init__(made._settings, made.in_cluster)
        self.sent: list[tuple[float, HttpCall]] = []

    def call(self, call: HttpCall, timeout_s: float) -> Reply | Outcome:
        self.sent.append((perf_counter(), call))
        return super().call(call, timeout_s)

    def watch(self, call: HttpCall, server_ends_s: float, timeout_s: float) -> Watching | Reply | Outcome:
        self.sent.append((perf_counter(), call))
        return super().watch(call, server_ends_s, timeout_s)


@contextmanager
def controller(plane: ControlPlane, clock: WallClock) -> Iterator[Wiretap]:
    """The shipped controller with default settings, until the block ends; synced when it begins."""
    settings = load.SETTINGS
    threads = settings.workers + CONNECTIONS_EXTRA
    tap = Wiretap(str(plane.kubeconfig("controller")), threads)
    running: list[Process] = []
    workers = Workers(tap, clock, threads, _unmeasured, lambda error: running[0].loop.post(Crash(error)))
    process = Process(settings, UNSEEN, workers, clock)
    running.append(process)
    thread = Thread(target=process.run, name="controller", daemon=True)
    thread.start()
    plane.wait_until(lambda: process.controller.synced, "the controller knows both kinds")
    try:
        yield tap
    finally:
        process.stop()
        thread.join()
        if process.loop.failure is not None:
            raise process.loop.failure


class Site:
    """The server and what all measurements share: one namespace with a target for every step, of so many replicas."""

    def __init__(self, plane: ControlPlane, replicas: int = 3) -> None:
        self.plane = plane
        self._replicas = replicas
        self.admin = connect(str(plane.kubeconfig("admin")), None, 4)
        self.executor = connect(str(plane.kubeconfig("executor")), None, 12)
        self._submitted: list[str] = []
        self._prepare()
        # Its watch caches of new kinds come up in their own time.
        plane.wait_until(self._cached, "the server answers from its caches")
        self.sightings = Sightings(self.admin)

    def close(self) -> None:
        self.sightings.close()
        self.admin.close()
        self.executor.close()

    def submit(self, name: str, graph: Graph) -> str:
        """The new workflow's uid."""
        self._submitted.append(name)
        body = render_workflow(load.workflow(name, load.spec(graph)))
        body.pop("status", None)
        found = self.post(object_path(Kind.WORKFLOW, load.NAMESPACE), body)
        return str(found["metadata"]["uid"])

    def clear(self) -> None:
        """Leave nothing that the next controller would go on with."""
        for name in self._submitted:
            path = object_path(Kind.WORKFLOW, load.NAMESPACE, name)
            self.plane.request("PATCH", path, {"metadata": {"finalizers": None}})
        self._submitted.clear()
        for kind in (Kind.WORKFLOW, Kind.EXECUTION):
            self.plane.request("DELETE", object_path(kind, load.NAMESPACE))

    def post(self, path: str, body: Any) -> Any:
        status, answer = self.plane.request("POST", path, body)
        assert status == 201, answer
        return answer

    def report(self, child: str, status: dict[str, Any]) -> float:
        """The executor's word about a child; the second when the server had acknowledged it."""
        path = f"{object_path(Kind.EXECUTION, load.NAMESPACE, child)}/status"
        body = orjson.dumps({"status": status})
        reply = self.executor.call(HttpCall("PATCH", path, (), "application/merge-patch+json", body), CALL_S)
        at = perf_counter()
        assert isinstance(reply, Reply) and reply.status == 200, reply
        return at

    def _cached(self) -> bool:
        paths = [f"{object_path(kind, load.NAMESPACE)}?resourceVersion=0" for kind in (Kind.WORKFLOW, Kind.EXECUTION)]
        return all(self.plane.request("GET", path)[0] == 200 for path in paths)

    def _prepare(self) -> None:
        seed_cluster(load.outcomes(load.HUNDRED, replicas=self._replicas), self.admin, 0)
        self.plane.open_nodes(("node-1",))
        rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]}
        self.post(f"{RBAC}/clusterroles", {"metadata": {"name": "bench-scale"}, "rules": [rule]})
        account = {"kind": "ServiceAccount", "name": "scale-deployment-sa", "namespace": SYSTEM_NAMESPACE}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "bench-scale"}
        body = {"metadata": {"name": "bench-scale"}, "roleRef": role, "subjects": [account]}
        self.post(f"{RBAC}/namespaces/{load.NAMESPACE}/rolebindings", body)


class Counts(NamedTuple):
    """What the controller sent for some workflows; `reads` are gets and lists of the kinds it watches."""

    writes: float
    events: float
    status_bytes: float
    reads: int
    verbs: dict[str, int]


def count(site: Site, workflows: int) -> Counts:
    """Ten-step workflows, one after the other, carried out by the live executor."""
    clock = WallClock(SPEED)
    with controller(site.plane, clock) as tap:
        executor = LiveExecutor(
            load.outcomes(load.TEN, *throughput.WORK_S), site.executor, clock=clock, step_name=nameless
        )
        executor.start()
        site.plane.wait_until(lambda: executor.machine.synced, "the executor follows the children")
        started = len(tap.sent)
        for number in range(workflows):
            name = f"counted-{number}"
            site.submit(name, load.TEN)
            site.sightings.wait(partial(site.sightings.completed, name), PATIENCE_S, name)
        Event().wait(QUIET_S)
        calls = [call for _, call in tap.sent[started:]]
        executor.stop()
    site.clear()
    return _counts(calls, workflows * len(load.TEN))


def _counts(calls: list[HttpCall], steps: int) -> Counts:
    followed = (f"/{WORKFLOW_PLURAL}", f"/{EXECUTION_PLURAL}")
    ours = [call for call in calls if any(plural in call.path for plural in followed)]
    writes = [call for call in ours if call.method != "GET"]
    events = [call for call in calls if call.path.rpartition("/events")[1]]
    sizes = [len(call.body) for call in writes if call.path.endswith("/status")]
    verbs = Counter(f"{call.method} {_resource(call)}" for call in calls)
    reads = sum(call.method == "GET" and ("watch", "1") not in call.query for call in ours)
    return Counts(len(writes) / steps, len(events) / steps, sum(sizes) / len(sizes), reads, dict(sorted(verbs.items())))


def _resource(call: HttpCall) -> str:
    """Plural and subresource of a request's path."""
    parts = call.path.strip("/").split("/")
    rest = parts[2 if parts[0] == "api" else 3 :]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return "/".join(rest[:1] + rest[2:]) or parts[-1]


def latencies(site: Site, blocks: int) -> tuple[list[float], list[float]]:
    """Milliseconds from a child's acknowledged report to its successor's appearance: the controller's, the client's."""
    ours: list[float] = []
    theirs: list[float] = []
    clock = WallClock()
    for block in range(blocks):
        name, other = f"chained-{block:03}", f"written-{block:03}"
        with controller(site.plane, clock) as tap:
            uid = site.submit(name, load.CHAIN)
            ours += transitions(site, name)
            calls = [call for _, call in tap.sent]
        script = outline(calls, name, uid)
        other_uid = site.submit(other, load.CHAIN)
        client = HardCoded(str(site.plane.kubeconfig("controller")), script, Moment(name, uid, other, other_uid))
        try:
            client.open()
            theirs += transitions(site, other)
        finally:
            client.close()
        assert not client.trouble, client.trouble
        site.clear()
    return ours, theirs


def transitions(site: Site, name: str) -> list[float]:
    """Report each child of a chain as done, all but the last, and see the next one come."""
    took = []
    children = names_of(name, len(load.CHAIN))
    sightings = site.sightings
    sightings.wait(partial(sightings.born.__contains__, children[0]), PATIENCE_S, children[0])
    for child, following in pairwise(children):
        Event().wait(QUIET_S)
        site.report(child, {"phase": "executing"})
        Event().wait(QUIET_S)
        reported = site.report(child, {"phase": "completed", "executionResults": {"success": True}})
        sightings.wait(partial(sightings.born.__contains__, following), PATIENCE_S, following)
        took.append((sightings.born[following] - reported) * 1e3)
    return took


def rows_of(counts: Counts, in_simulation: float, ours: list[float], theirs: list[float]) -> list[Row]:
    told = ", ".join(f"{times} {what}" for what, times in counts.verbs.items())
    spread = f"p95 {_p95(ours):.1f} ms against {_p95(theirs):.1f} ms, {len(ours)} transitions each, in turns"
    same = counts.writes / in_simulation
    return [
        Row("writes per step, real API server", counts.writes, "1", must=3.2, aim=2.2, note=f"simulation × {same:.3g}"),
        Row("  Events on top, per step, real", counts.events, "1"),
        Row("  bytes per status write, real", counts.status_bytes, "B"),
        Row("reads after the first list", counts.reads, "1", must=0, aim=0, note=f"two workflows: {told}"),
        Row(
            "transition, real API server, p50",
            median(ours),
            "ms",
            median(theirs),
            median(ours) / median(theirs),
            2,
            1.1,
            spread,
        ),
    ]


def measure(workflows: int = 2, blocks: int = 6) -> list[Row]:
    try:
        folder = build.find()
        reason = "no kube-apiserver found: run `make envtest` once"
    except build.UnavailableError as error:
        folder, reason = None, str(error)
    if folder is None:
        return [
            Row("writes per step, real API server", None, "1", must=3.2, aim=2.2, note=reason),
            Row("reads after the first list", None, "1", must=0, aim=0, note=reason),
            Row("transition, real API server, p50", None, "ms", must=2, aim=1.1, note=reason),
        ]
    with ControlPlane(folder) as plane:
        install(plane)
        site = Site(plane)
        try:
            counts = count(site, workflows)
            ours, theirs = latencies(site, blocks)
        finally:
            site.close()
    return rows_of(counts, throughput.writes_of(load.TEN).objects / len(load.TEN), ours, theirs)


def _p95(figures: list[float]) -> float:
    return sorted(figures)[int(len(figures) * 0.95)]


def _unmeasured(request: Request, outcome: object, seconds: float) -> None:
    """The metrics of a controller under the bench are not read."""
