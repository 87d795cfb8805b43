"""How many workflows does one core simulate per second, and does a run get dearer with its size?

Called by `tests.bench.__main__` and its smoke test. All in shared depth with the default settings. It must never time
the making of the input (manifests and outcome models).
"""

from collections import Counter
from itertools import islice
from typing import Any, Final, NamedTuple

from sim.cluster.requests import CreateWorkflow, PatchExecutionStatus
from sim.doors import Door, Ending, Hear
from sim.driver import Options, Simulation
from sim.faults import CALM, FaultPlan
from sim.sweep import OBJECT_WRITES, crash_points
from sim.trace import Version, Written
from tests.bench import floor, load, stopwatch
from tests.bench.load import Graph
from tests.bench.rows import Row
from wfexec.crd.wire import encode
from wfexec.engine.controller import Controller
from wfexec.model.phases import TERMINAL, Phase
from wfexec.model.requests import (
    Ask,
    Change,
    CreateExecution,
    EventWrite,
    Kind,
    ListObjects,
    Outcome,
    PatchStatus,
    Watched,
    WatchObjects,
)
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings

HOUR_MS: Final = 3_600_000
CHAINS: Final = (3, 3, 2)
SPACING_MS: Final = 1_000
WORK_S: Final = (4, 10)
# Steps so long that a workflow stays in flight for some 14 minutes, so that a thousand at once need no rush.
LONG_S: Final = (140, 180)
LIFE_MS: Final = 830_000
EVENTS_EACH: Final = 205


# What the controller and the executor say to each other; the rest is events and the executor's doings with targets.
PROTOCOL: Final = (*OBJECT_WRITES, Ask, PatchExecutionStatus)


class Sizes(NamedTuple):
    """How much is run; the smoke test makes all of it small."""

    workflows: int = 300
    turns: int = 5
    in_flight: tuple[int, int] = (10, 1_000)
    window_events: int = 6_000
    windows: int = 5
    tens: int = 40
    hundreds: int = 4
    sweep_points: int | None = None


class Traffic(NamedTuple):
    """What one workflow sends and hears. `told`: delays that carry something new (no events, no echoes, no targets)."""

    told: int
    all: int


def simulation(graph: Graph, work_s: tuple[int, int] = WORK_S, faults: FaultPlan = CALM) -> Simulation:
    return Simulation(Options(settings=load.SETTINGS, outcomes=load.outcomes(graph, *work_s), faults=faults))


def finish(made: Simulation, limit_ms: int, workflows: int) -> None:
    """Run to rest; a bench of runs that fail would be worth nothing."""
    assert made.run(limit_ms), repr(made)
    ended = [
        record.object
        for record in made.records
        if isinstance(record, Version)
        and isinstance(record.object, WorkflowExecution)
        and record.object.status.phase in TERMINAL
    ]
    completed = {thing.metadata.uid for thing in ended if thing.status.phase == Phase.COMPLETED}
    assert len(completed) == workflows, f"{len(completed)} of {workflows} completed"


class CountingDoor:
    """A door that counts the requests by type, and the watch events by who hears them."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.requests: Counter[type] = Counter()
        self.heard: Counter[tuple[int, Kind]] = Counter()
        self._watches = 0

    def execute(self, body: Any, user: str, now: int) -> Any:
        self.requests[body.__class__] += 1
        return self._door.execute(body, user, now)

    def watch(self, body: WatchObjects, user: str, hear: Hear) -> Ending | Outcome:
        kind = body.kind
        if kind not in (Kind.WORKFLOW, Kind.EXECUTION):
            # Bearings are no work of a workflow's.
            return self._door.watch(body, user, hear)
        self._watches += 1
        number = self._watches

        def counted(change: Change, thing: Watched | None, version: str) -> None:
            self.heard[number, kind] += thing is not None
            hear(change, thing, version)

        return self._door.watch(body, user, counted)


def traffic() -> Traffic:
    """Counted in one run: the delays of the protocol itself, and all that there are."""
    made = simulation(load.TEN)
    door = made.door = CountingDoor(made.door)
    made.submit(load.workflow("traced", load.spec(load.TEN)))
    made.start()
    finish(made, HOUR_MS, 1)
    asked = door.requests.total() - door.requests[ListObjects] - door.requests[CreateWorkflow]
    told = sum(door.requests[body] for body in PROTOCOL)
    # News: the workflow and each report to the controller, each child to the executor; the others are echoes.
    news = 1 + door.requests[PatchExecutionStatus] + door.requests[CreateExecution]
    return Traffic(told + news, asked + door.heard.total())


def rate_row(sizes: Sizes) -> Row:
    """Workflows per second of one core ÷ the same of a model that decides nothing."""
    count = traffic()
    shared, outcomes = load.spec(load.TEN), load.outcomes(load.TEN, *WORK_S)
    arriving = [load.workflow(f"wf-{number}", shared) for number in range(sizes.workflows)]
    span_ms = sizes.workflows * SPACING_MS + HOUR_MS
    works_ms = (WORK_S[0] * 1_000, WORK_S[1] * 1_000)

    def ours() -> float:
        made = Simulation(Options(settings=load.SETTINGS, outcomes=outcomes))

        def work() -> None:
            for number, each in enumerate(arriving):
                made.submit(each, number * SPACING_MS)
            made.start()
            made.run(span_ms)

        took = stopwatch.seconds(work)
        finish(made, 1, sizes.workflows)
        return sizes.workflows / took

    def model(delays: int) -> float:
        shape = floor.protocol(delays, CHAINS)
        assert shape.delays == delays
        took = stopwatch.seconds(lambda: floor.simulate(shape, sizes.workflows, SPACING_MS, works_ms, 1))
        return sizes.workflows / took

    pair = stopwatch.in_turns(ours, lambda: model(count.told), sizes.turns)
    all_of_it = model(count.all)
    note = (
        f"floor: SimPy, {count.told} delays per workflow; with events, echoes and target requests there are "
        f"{count.all}, and the floor would be {all_of_it:,.0f}/s (ratio {pair.one / all_of_it:.3f})"
    )
    return Row("simulated workflows", pair.one, "1/s", pair.other, pair.ratio, 0.12, 0.25, note, higher=True)


def conditions_row(sizes: Sizes) -> Row:
    """Processor time of a workflow whose steps have the embedded conditions ÷ without, one after the other."""
    shared, outcomes = load.spec(load.TEN), load.outcomes(load.TEN, *WORK_S)

    def took(settings: Settings) -> float:
        made = Simulation(Options(settings=settings, outcomes=outcomes))

        def work() -> None:
            for number in range(sizes.tens):
                made.submit(load.workflow(f"wf-{number}", shared), number * HOUR_MS)
            made.start()
            made.run(sizes.tens * HOUR_MS)

        spent = stopwatch.seconds(work)
        finish(made, 1, sizes.tens)
        return spent / sizes.tens

    pair = stopwatch.in_turns(lambda: took(load.EMBEDDED), lambda: took(load.SETTINGS), sizes.turns)
    note = "each step is looked at before it starts and after its child's end"
    name = "workflow with embedded conditions ÷ without"
    return Row(name, pair.one * 1e3, "ms", pair.other * 1e3, pair.ratio, note=note)


def crowd_row(sizes: Sizes) -> Row:
    """Cost of one event of the simulation with many workflows in flight ÷ with few; both runs live side by side."""
    few, many = (Crowd(size, sizes) for size in sizes.in_flight)
    pair = stopwatch.in_turns(many.window, few.window, sizes.windows)
    note = f"in flight: {few.in_flight()} and {many.in_flight()}, steps of {LONG_S[0]} to {LONG_S[1]} s"
    name = f"simulated event, {sizes.in_flight[1]} workflows in flight ÷ {sizes.in_flight[0]}"
    return Row(name, pair.one * 1e6, "µs", pair.other * 1e6, pair.ratio, 2, 1.3, note)


class Crowd:
    """A simulation that always has about `size` workflows in flight: warm when made, then timed window by window."""

    def __init__(self, size: int, sizes: Sizes) -> None:
        self._simulation = simulation(load.TEN, LONG_S)
        spacing_ms = LIFE_MS // size
        self._window_ms = sizes.window_events * spacing_ms // EVENTS_EACH
        until_ms = 3 * LIFE_MS // 2 + self._window_ms * (sizes.windows + 1)
        shared = load.spec(load.TEN)
        for number in range(until_ms // spacing_ms + 1):
            self._simulation.submit(load.workflow(f"wf-{number}", shared), number * spacing_ms)
        self._simulation.start()
        self._run(3 * LIFE_MS // 2)

    def window(self) -> float:
        """Processor seconds per event."""
        clock = self._simulation.clock
        before = clock.calls
        took = stopwatch.seconds(lambda: self._run(self._window_ms))
        return took / (clock.calls - before)

    def in_flight(self) -> int:
        machine = self._simulation.controllers[0].machine
        assert isinstance(machine, Controller)
        return sum(workflow.status.phase not in TERMINAL for workflow in machine.workflows())

    def _run(self, for_ms: int) -> None:
        self._simulation.run_until(lambda: False, for_ms)


def length_row(sizes: Sizes) -> Row:
    """Cost of one step in workflows of a hundred steps ÷ of ten, one workflow at a time."""

    def step_cost(graph: Graph, workflows: int) -> float:
        made = simulation(graph)
        shared = load.spec(graph)
        for number in range(workflows):
            made.submit(load.workflow(f"wf-{number}", shared), number * HOUR_MS)
        made.start()
        took = stopwatch.seconds(lambda: made.run(workflows * HOUR_MS))
        finish(made, 1, workflows)
        return took / (workflows * len(graph))

    pair = stopwatch.in_turns(
        lambda: step_cost(load.HUNDRED, sizes.hundreds), lambda: step_cost(load.TEN, sizes.tens), sizes.turns
    )
    return Row(
        "simulated step, 100-step workflow ÷ 10-step", pair.one * 1e6, "µs", pair.other * 1e6, pair.ratio, 2, 1.3
    )


class Writes(NamedTuple):
    """Of one undisturbed workflow: writes to it and its children, Events, mean bytes of a status write."""

    objects: int
    events: int
    status_bytes: float


def writes_of(graph: Graph) -> Writes:
    made = simulation(graph)
    made.submit(load.workflow("wf", load.spec(graph)))
    made.start()
    finish(made, HOUR_MS, 1)
    bodies = [record.body for record in made.records if isinstance(record, Written) and record.actor == "controller-0"]
    sizes = [len(encode(body).body) for body in bodies if isinstance(body, PatchStatus)]
    objects = sum(body.__class__ in OBJECT_WRITES for body in bodies)
    return Writes(objects, sum(isinstance(body, EventWrite) for body in bodies), sum(sizes) / len(sizes))


def writes_rows() -> list[Row]:
    ten, hundred = writes_of(load.TEN), writes_of(load.HUNDRED)
    grown = hundred.status_bytes / ten.status_bytes
    return [
        Row("writes per step, simulation", ten.objects / 10, "1", must=3.2, aim=2.2),
        Row("  of a 100-step workflow", hundred.objects / 100, "1", must=3.2, aim=2.2),
        Row("  Events on top, per step", ten.events / 10, "1"),
        Row("bytes per status write, 100 steps ÷ 10", hundred.status_bytes, "B", ten.status_bytes, grown),
    ]


def sweep_row(turns: int, points: int | None = None) -> Row:
    """One workflow; the controller crashes after each of its writes in turn, all of them together.

    `points` None: all writes to the workflow and its children; Events are for the tests.
    """
    outcomes, shared = load.outcomes(load.TEN, *WORK_S), load.spec(load.TEN)
    submitted = load.workflow("wf", shared)
    tried = 0

    def sweep() -> None:
        nonlocal tried
        base = Simulation(Options(settings=load.SETTINGS, outcomes=outcomes))
        base.submit(submitted)
        base.start()
        tried = 0
        for _, crashed in islice(crash_points(base, HOUR_MS), points):
            finish(crashed, HOUR_MS, 1)
            tried += 1

    took = min(stopwatch.seconds(sweep) for _ in range(turns))
    note = f"{tried} points (Events left out), each forked from one run: {took * 1e3 / tried:.2f} ms per point"
    return Row("crash after every write, all points", took * 1e3, "ms", must=20, aim=8, note=note)


def measure(sizes: Sizes) -> list[Row]:
    return [
        rate_row(sizes),
        conditions_row(sizes),
        crowd_row(sizes),
        length_row(sizes),
        *writes_rows(),
        sweep_row(min(3, sizes.turns), sizes.sweep_points),
    ]
