"""What does the controller cost when many workflows are at work at once, after a restart, and when all have ended?

Called by `tests.bench.__main__`. `wfexec run` is a process of its own on the real API server; the hard-coded client,
one too, carries out as many workflows on the same server in the same run. Without the binaries each row says so.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from os import getloadavg
from threading import Event
from time import monotonic, perf_counter
from typing import Any, Final, NamedTuple

from tests.bench import load
from tests.bench.live import QUIET_S, SPEED, Site, controller
from tests.bench.parrot import Turn, only_writes, requests_of, script, serve, writes_of
from tests.bench.rows import Row
from tests.bench.shipped import LOOK_S, Shipped, peak_mib, processor_s, readable, shipped
from tests.bench.stage import HELD, Stage
from tests.envtest import build
from tests.envtest.plugin import install
from tests.envtest.server import ControlPlane
from wfexec.adapters.clock import WallClock
from wfexec.core.children import child_name
from wfexec.model.phases import Phase

REHEARSED: Final = "rehearsed"
OBJECT_VERBS: Final = ("patch", "patch_status", "create", "delete")
UNCOUNTED: Final = ("lease", "watch")
# Per workflow, and the least: on a slow machine nothing may be given up early.
PATIENCE_S: Final = 3.0
LEAST_S: Final = 300.0
MORE: Final = "the client writes to workflows and children and does nothing else of what the controller does"
# So long without a request, and the controller is at rest.
REST_S: Final = 5.0


class Sizes(NamedTuple):
    """How much is run; `held` workflows are in flight when the controller is restarted."""

    workflows: int = 100
    held: int = 200
    idle_s: float = 60.0


class Work(NamedTuple):
    """What one of the two did for a crowd. `busy_s`: from the first write until all steps of all have ended."""

    busy_s: float
    processor_s: float
    writes: int
    requests: "Counter[str]"
    # Of the machine in the last minute of this turn.
    load: float = 0.0


class Found(NamedTuple):
    """`theirs`: of the client that writes to workflows and children only; `alike`: of the one that does it all."""

    ours: Work
    theirs: Work
    alike: Work
    peak_mib: float
    idle: "Counter[str]"
    ready_s: float
    reconciled_s: float
    held_peak_mib: float


def rehearse(site: Site, stage: Stage) -> tuple[list[Turn], tuple[str, str]]:
    """What the controller writes for one workflow that is alone, and the name and uid that it wrote."""
    with controller(site.plane, WallClock(SPEED)) as tap:
        before = len(tap.sent)
        (part,) = stage.submit([REHEARSED])
        stage.wait(partial(_all_in, stage, [REHEARSED], (Phase.COMPLETED,)), LEAST_S, "the rehearsal")
        Event().wait(QUIET_S)
        calls = [call for _, call in tap.sent[before:]]
    stage.clear([REHEARSED])
    return script(calls, part.name, part.uid, load.TEN), (part.name, part.uid)


def by_client(site: Site, stage: Stage, turns: list[Turn], rehearsed: tuple[str, str], names: list[str]) -> Work:
    """The crowd carried out by the client; nothing of it is left."""
    workflows = len(names)
    parts = stage.submit(names)
    context = get_context("spawn")
    here, there = context.Pipe()
    kubeconfig = str(site.plane.kubeconfig("controller"))
    client = context.Process(target=serve, args=(kubeconfig, turns, rehearsed, parts, there), daemon=True)
    client.start()
    # Else its death would not be seen here.
    there.close()
    try:
        assert here.recv() == ""
        assert client.pid is not None
        before = processor_s(client.pid)
        here.send("begin")
        stage.wait(partial(_all_over, stage, names, here, []), _patience(workflows), "the client's workflows")
        used, machine = processor_s(client.pid) - before, getloadavg()[0]
    finally:
        client.kill()
        client.join()
    stage.clear(names)
    sent = Counter({"all": requests_of(turns) * workflows})
    return Work(_busy_s(stage, names), used, writes_of(turns) * workflows, sent, machine)


def by_controller(stage: Stage, run: Shipped, names: list[str]) -> Work:
    """The crowd carried out by `wfexec run`, which is just starting; what it costs counts until all are completed."""
    run.wait_ready()
    before, told = processor_s(run.pid), run.requests()
    stage.wait(partial(_all_in, stage, names, (Phase.COMPLETED,)), _patience(len(names)), "the controller's workflows")
    machine = getloadavg()[0]
    at_rest(run)
    requests = run.requests() - told
    used = processor_s(run.pid) - before
    return Work(_busy_s(stage, names), used, sum(requests[verb] for verb in OBJECT_VERBS), requests, machine)


def at_rest(run: Shipped) -> None:
    """Wait until it has asked nothing for a while, but for lease and watches."""
    limit = monotonic() + LEAST_S
    seen, since = _counted(run), monotonic()
    while monotonic() - since < REST_S:
        Event().wait(REST_S / 10)
        found = _counted(run)
        if found != seen:
            seen, since = found, monotonic()
        assert monotonic() < limit, f"it never rests: {seen}"


def idle(run: Shipped, seconds: float) -> "Counter[str]":
    """What it sends although nothing happens."""
    before = _counted(run)
    Event().wait(seconds)
    return _counted(run) - before


def hold(stage: Stage, workflows: int) -> None:
    """So many workflows whose first step is being carried out."""
    names = [f"{HELD}{number:04}" for number in range(workflows)]
    stage.submit(names)
    children = {child_name(name, 1, 0).encode() for name in names}
    stage.wait(lambda: children <= stage.taken, _patience(workflows), "workflows in flight")


def reconciled(run: Shipped, known: int) -> tuple[float, float]:
    """Seconds from its start until it is ready, and until every workflow was looked at and nothing is left to do."""
    run.wait_ready()
    ready = perf_counter()
    limit = monotonic() + LEAST_S
    while True:
        at, told = perf_counter(), run.figures()
        waiting = told["wfexec_workqueue_depth"] + told["wfexec_requests_in_flight"]
        if told["wfexec_leader"] and told["wfexec_looks_total"] >= known and not waiting:
            return ready - run.started, at - run.started
        assert monotonic() < limit, told
        Event().wait(LOOK_S)


def measure(sizes: Sizes = Sizes()) -> list[Row]:  # noqa: B008 - a value that nobody changes
    try:
        folder = build.find()
        reason = "no kube-apiserver found: run `make envtest` once"
    except build.UnavailableError as error:
        folder, reason = None, str(error)
    if not readable():
        folder, reason = None, "processor time and memory of another process are only read on Linux"
    if folder is None:
        return [row._replace(value=None, note=f"{reason} (`make envtest`)") for row in rows_of(NOTHING, sizes)]
    with ControlPlane(folder) as plane, _site(plane) as (site, stage):
        return rows_of(_found(site, stage, sizes), sizes)


def _found(site: Site, stage: Stage, sizes: Sizes) -> Found:
    turns, rehearsed = rehearse(site, stage)
    theirs = by_client(site, stage, only_writes(turns), rehearsed, _names("written", sizes))
    alike = by_client(site, stage, turns, rehearsed, _names("repeated", sizes))
    names = _names("crowd", sizes)
    stage.submit(names)
    with shipped(site.plane) as run:
        ours = by_controller(stage, run, names)
        peak = peak_mib(run.pid)
        idling = idle(run, sizes.idle_s)
        hold(stage, sizes.held)
        at_rest(run)
    with shipped(site.plane) as run:
        ready_s, reconciled_s = reconciled(run, sizes.held)
        held_peak = peak_mib(run.pid)
    return Found(ours, theirs, alike, peak, idling, ready_s, reconciled_s, held_peak)


def rows_of(found: Found, sizes: Sizes) -> list[Row]:
    ours, theirs, crowd = found.ours, found.theirs, f"{sizes.workflows} at once"
    steps = sizes.workflows * len(load.TEN)
    speeds = steps / ours.busy_s, steps / theirs.busy_s
    cost, writing, alike = (work.processor_s / steps * 1e3 for work in (ours, theirs, found.alike))
    both = f"the client sends {found.alike.requests.total() / steps:.1f} requests per step, all that a workflow needs"
    told = ", ".join(f"{ours.requests[verb] / steps:.2f} {verb}" for verb in sorted(ours.requests))
    idle_told = ", ".join(f"{times} {verb}" for verb, times in sorted(found.idle.items()))
    turns = f"one turn each, load average {ours.load:.1f}, in the client's {theirs.load:.1f}"
    everything = f"with {sizes.workflows} that ended; ready after {found.ready_s:.1f} s"
    return [
        Row(f"steps/s, {crowd}", speeds[0], "1/s", speeds[1], speeds[0] / speeds[1], 0.6, 0.95, turns, True),
        Row(f"processor time per step, {crowd}", cost, "ms", alike, cost / alike, 3, 1.5, both),
        Row("  ÷ a client that only writes", cost, "ms", writing, cost / writing, note=MORE),
        Row(
            f"writes per step, {crowd}",
            ours.writes / steps,
            "1",
            must=2.5,
            aim=1.6,
            note=f"the client's {theirs.writes / steps:.2f}; of all kinds per step: {told}",
        ),
        Row(f"peak memory, {crowd}", found.peak_mib, "MiB"),
        Row(
            f"requests in {sizes.idle_s:g} s, {sizes.workflows} ended",
            found.idle.total(),
            "1",
            None,
            None,
            0,
            0,
            idle_told,
        ),
        Row(f"restart, {sizes.held} in flight, until all are reconciled", found.reconciled_s, "s", note=everything),
        Row(f"  peak memory, {sizes.held} in flight", found.held_peak_mib, "MiB"),
    ]


NO_WORK: Final = Work(1, 1, 0, Counter())
NOTHING: Final = Found(NO_WORK, NO_WORK, NO_WORK, 0, Counter(), 0, 0, 0)


@contextmanager
def _site(plane: ControlPlane) -> Iterator[tuple[Site, Stage]]:
    install(plane)
    # Nobody scales anything here: what monitoring looks for is there beforehand.
    site = Site(plane, load.REPLICAS)
    try:
        stage = Stage(site.admin, site.executor)
        yield site, stage
        stage.close()
    finally:
        site.close()


def _names(prefix: str, sizes: Sizes) -> list[str]:
    return [f"{prefix}-{number:04}" for number in range(sizes.workflows)]


def _patience(workflows: int) -> float:
    return LEAST_S + PATIENCE_S * workflows


def _counted(run: Shipped) -> "Counter[str]":
    found = run.requests()
    for verb in UNCOUNTED:
        found.pop(verb, None)
    return found


def _all_in(stage: Stage, names: list[str], phases: tuple[Phase, ...]) -> bool:
    failed = [name for name in names if stage.phases.get(name) == Phase.FAILED]
    assert not failed, failed[:5]
    return all(stage.phases.get(name) in phases for name in names)


def _all_over(stage: Stage, names: list[str], client: Any, said: list[str]) -> bool:
    """Whether the client has said "", which is its last word, and the steps of all are seen to have ended."""
    if client.poll():
        said.append(client.recv())
        assert not said[-1], said[-1]
    return bool(said) and all(name in stage.over for name in names)


def _busy_s(stage: Stage, names: list[str]) -> float:
    return max(stage.over[name] for name in names) - min(stage.began[name] for name in names)
