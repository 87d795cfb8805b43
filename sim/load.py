"""How does the controller keep pace when many workflows come at once? Times that people wait, against what is promised.

Called by `sim load` and the acceptance scenarios; BR-WF-033. Times are read off the workflows' own status, so they mean
the same in virtual time and in a cluster. In virtual time thinking costs nothing: what is seen there is waiting, for
round trips, for the client's own limits, for a place under the parallel limit. `make bench` measures the thinking.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sim.driver import Simulation
from sim.history import History
from sim.scenario import HORIZON_MS, Run, Scenario, judge
from wfexec.core.graph import compile_recipe
from wfexec.engine.history import quantile
from wfexec.model.base import evolve
from wfexec.model.phases import RunCondition
from wfexec.model.recipe import Recipe
from wfexec.model.requests import EventWrite
from wfexec.model.status import WorkflowExecution
from wfexec.settings import DEFAULTS, Settings

MINUTE_MS: Final = 60_000


class Pace(NamedTuple):
    """Milliseconds of one workflow. `reactions`: from the end of the last step that one waits for until it is ready.

    `queued`: from then until it starts. None: it never came so far.
    """

    picked_up: int | None
    planned: int | None
    executed: int | None
    reactions: tuple[int, ...]
    queued: tuple[int, ...]


class Promise(NamedTuple):
    """A time that people wait and, where there is one, its bound (of 95 in a hundred)."""

    title: str
    bound_ms: int | None
    tells: str


PROMISES: Final = (
    Promise("picked up", 5_000, "from creation to planning"),
    Promise("planned", 500, "from planning to validation"),
    Promise("reaction", 5_000, "from the end of what a step waits for until it is ready"),
    Promise("in the queue", None, "from ready to started, for a place under the parallel limit"),
    Promise("executed", None, "from the first step to the last"),
)
# Planning a hundred steps may take longer than planning ten.
PLANNED_LARGE_MS: Final = 1_000
LARGE_STEPS: Final = 100


# Nobody looked for a while: under a load that is too much that is what is measured.
OVERLOAD: Final = frozenset({"L2"})


class Row(NamedTuple):
    """Over so many `waits`; `kept` None: nothing was promised, or nobody waited."""

    promise: Promise
    waits: int
    p50: int | None
    p95: int | None
    most: int | None
    kept: bool | None


class Sum(NamedTuple):
    """The whole of a load. `together`: most workflows executing at one moment; `busiest`: writes in that second.

    `events`: writes of Events that were told; `events_dropped`: Events that were given up.
    """

    workflows: int
    completed: int
    together: int
    steps: int
    steps_per_minute: float
    writes: int
    busiest: int
    events: int
    events_dropped: int
    rows: tuple[Row, ...]

    @property
    def kept(self) -> bool:
        return all(row.kept is not False for row in self.rows)


def drive(scenario: Scenario, every_ms: int) -> Run:
    """The workflows of the scenario, one after the other `every_ms` apart; 0: all at once."""
    simulation = Simulation(scenario.options)
    for place, workflow in enumerate(scenario.workflows):
        simulation.submit(workflow, place * every_ms)
    simulation.start()
    rested = simulation.run(HORIZON_MS if scenario.until_ms is None else scenario.until_ms)
    return judge(simulation, scenario, cut=not rested and scenario.until_ms is not None)


def copies(workflows: tuple[WorkflowExecution, ...], count: int) -> tuple[WorkflowExecution, ...]:
    """`count` of them in turn, each with a number behind its name."""
    made = []
    for number in range(count):
        one = workflows[number % len(workflows)]
        made.append(evolve(one, metadata=evolve(one.metadata, name=f"{one.metadata.name}-{number + 1}")))
    return tuple(made)


def pace_of(workflow: WorkflowExecution, settings: Settings = DEFAULTS) -> Pace:
    """What its status says of the time it took."""
    status = workflow.status
    ended = status.monitoring_start_time or status.rollback_start_time or status.completion_time
    reactions: list[int] = []
    queued: list[int] = []
    recipe = compile_recipe(workflow.spec, settings) if workflow.spec.workflow_definition is not None else None
    if isinstance(recipe, Recipe):
        steps = {step.step_number: step for step in status.step_statuses}
        for planned in recipe.steps:
            step = steps.get(planned.number)
            if step is None or step.ready_time is None or step.start_time is None:
                continue
            # Of a step that was tried again the queue of its last attempt is all that is left.
            if len(step.attempts) == 1:
                queued.append(step.start_time - step.ready_time)
                before = [steps[recipe.steps[place].number].end_time for place in planned.dependencies]
                known = [end for end in before if end is not None]
                if known and len(known) == len(before) and planned.run_condition in (None, RunCondition.AFTER_PRIMARY):
                    reactions.append(step.ready_time - max(known))
    return Pace(
        _between(workflow.metadata.creation_timestamp, status.planning_start_time),
        _between(status.planning_start_time, status.validation_start_time),
        _between(status.execution_start_time, ended),
        tuple(reactions),
        tuple(queued),
    )


def _between(first: int | None, second: int | None) -> int | None:
    """Creation is known to the second only, so it may seem to come later."""
    return None if first is None or second is None else max(0, second - first)


def summed(workflows: Iterable[WorkflowExecution], history: History | None, settings: Settings = DEFAULTS) -> Sum:
    """Of workflows that have ended; `history` None: writes are not counted."""
    taken = list(workflows)
    paces = [pace_of(one, settings) for one in taken]
    times: tuple[list[int], ...] = (
        [pace.picked_up for pace in paces if pace.picked_up is not None],
        [pace.planned for pace in paces if pace.planned is not None],
        [one for pace in paces for one in pace.reactions],
        [one for pace in paces for one in pace.queued],
        [pace.executed for pace in paces if pace.executed is not None],
    )
    large = any(one.status.total_steps >= LARGE_STEPS for one in taken)
    rows = tuple(_row(promise, found, large) for promise, found in zip(PROMISES, times, strict=True))
    ends = [step.end_time for one in taken for step in one.status.step_statuses if step.end_time and step.attempts]
    starts = [one.status.execution_start_time for one in taken if one.status.execution_start_time is not None]
    minutes = (max(ends) - min(starts)) / MINUTE_MS if ends and starts else 0.0
    writes, busiest = (0, 0) if history is None else _writes(history)
    return Sum(
        len(taken),
        sum(one.status.phase == "completed" for one in taken),
        _together(taken),
        len(ends),
        len(ends) / minutes if minutes else 0.0,
        writes,
        busiest,
        0 if history is None else len(history.events()),
        0 if history is None else history.dropped,
        rows,
    )


def _row(promise: Promise, times: list[int], large: bool) -> Row:
    if not times:
        return Row(promise, 0, None, None, None, None)
    if promise.title == "planned" and large:
        promise = promise._replace(bound_ms=PLANNED_LARGE_MS)
    times.sort()
    middle, high = quantile(times, 50), quantile(times, 95)
    return Row(
        promise, len(times), middle, high, times[-1], None if promise.bound_ms is None else high <= promise.bound_ms
    )


def _together(workflows: list[WorkflowExecution]) -> int:
    moments: list[tuple[int, int]] = []
    for workflow in workflows:
        status = workflow.status
        began = status.execution_start_time
        ended = status.monitoring_start_time or status.rollback_start_time or status.completion_time
        if began is not None:
            moments.append((began, 1))
            if ended is not None:
                moments.append((ended, -1))
    most = now = 0
    for _, step in sorted(moments):
        now += step
        most = max(most, now)
    return most


def _writes(history: History) -> tuple[int, int]:
    """The controllers' writes to objects, and how many of them fell into one second."""
    seconds: dict[int, int] = {}
    for write in history.writes:
        if write.actor.startswith("controller") and not isinstance(write.body, EventWrite):
            seconds[write.at // 1_000] = seconds.get(write.at // 1_000, 0) + 1
    return sum(seconds.values()), max(seconds.values(), default=0)
