"""What do workflows cost that wait for a person? They must cost nothing: no request, and nothing to those that run.

Called by `tests.bench.__main__` and its smoke test. In shared depth; the time to decide is set so long that nobody's
runs out while it is measured.
"""

from typing import Any, Final, NamedTuple

from sim.driver import Options, Simulation
from sim.machine import Machine
from tests.bench import load, stopwatch
from tests.bench.rows import Row
from tests.bench.throughput import HOUR_MS, SPACING_MS, WORK_S, CountingDoor
from wfexec.core.decide import decide
from wfexec.engine.controller import Controller
from wfexec.model.base import evolve
from wfexec.model.plan import Plan
from wfexec.model.snapshot import Snapshot
from wfexec.settings import Settings

PATIENT: Final = load.SETTINGS.model_copy(update={"approval_timeout": 24 * HOUR_MS})
# Until all have been validated and wait.
SETTLE_MS: Final = 120_000


class Sizes(NamedTuple):
    waiting: int = 1_000
    running: int = 40
    turns: int = 5


class Waiting(Simulation):
    """A simulation that counts its controller's looks, with `count` workflows in it that wait for an approval."""

    def __init__(self, count: int) -> None:
        self.looks = 0
        super().__init__(Options(settings=PATIENT, outcomes=load.outcomes(load.TEN, *WORK_S)))
        plain = load.spec(load.TEN)
        asking = evolve(plain, execution_strategy=evolve(plain.execution_strategy, approval_required=True))
        for number in range(count):
            self.submit(load.workflow(f"waiting-{number}", asking))
        self.start()
        self.run_until(lambda: False, SETTLE_MS)
        assert self.waiting() == count, f"{self.waiting()} of {count} wait"

    def waiting(self) -> int:
        machine: Any = self.controllers[0].machine
        return sum(
            any((one.type, one.reason) == ("Approved", "Pending") for one in workflow.status.conditions)
            for workflow in machine.workflows()
        )

    def _controller(self, identity: str) -> Machine:
        return Controller(self.options.settings, identity, leader_election=False, decide=self._decide)

    def _decide(self, snapshot: Snapshot, now: int, settings: Settings) -> Plan:
        self.looks += 1
        return decide(snapshot, now, settings)


def looks_per_second(made: Waiting, running: int, turn: int) -> float:
    """Of processor time, while `running` more workflows run to their end."""
    shared = load.spec(load.TEN)
    for number in range(running):
        made.submit(load.workflow(f"running-{turn}-{number}", shared), number * SPACING_MS)
    before = made.looks
    took = stopwatch.seconds(lambda: made.run_until(lambda: False, running * SPACING_MS + HOUR_MS // 6))
    return (made.looks - before) / took


def rate_row(sizes: Sizes) -> Row:
    """Reconciles of running workflows with many that wait beside them ÷ with none."""
    many, none = Waiting(sizes.waiting), Waiting(0)
    turns = iter(range(2 * sizes.turns))
    pair = stopwatch.in_turns(
        lambda: looks_per_second(many, sizes.running, next(turns)),
        lambda: looks_per_second(none, sizes.running, next(turns)),
        sizes.turns,
    )
    name = f"reconciles while {sizes.waiting} workflows wait for approval ÷ while none does"
    note = f"{sizes.running} ten-step workflows at work, the whole simulated cluster included"
    return Row(name, pair.one, "1/s", pair.other, pair.ratio, 0.8, 0.95, note, higher=True)


def request_row(sizes: Sizes) -> Row:
    """All requests of controller and executor in an hour of waiting, but for watches."""
    made = Waiting(sizes.waiting)
    door = made.door = CountingDoor(made.door)
    before = made.looks
    made.run_until(lambda: False, HOUR_MS)
    asked = ", ".join(f"{count} {body.__name__}" for body, count in sorted(door.requests.items(), key=str))
    note = f"{made.looks - before} looks; {asked or 'nothing was asked'}"
    name = f"requests in an hour while {sizes.waiting} workflows wait for approval"
    return Row(name, float(door.requests.total()), "1", must=0, aim=0, note=note)


def measure(sizes: Sizes) -> list[Row]:
    return [rate_row(sizes), request_row(sizes)]
