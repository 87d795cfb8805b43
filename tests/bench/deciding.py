"""What does one decision cost? Every look of a whole simulated run is kept, then decided again, timed.

Called by `tests.bench.__main__` and its smoke test.
"""

from statistics import median
from typing import NamedTuple

from sim.driver import Simulation
from sim.machine import Machine
from tests.bench import load, stopwatch, throughput
from tests.bench.load import Graph
from tests.bench.rows import Row
from wfexec.core.decide import decide
from wfexec.engine.controller import Controller
from wfexec.model.plan import Plan
from wfexec.model.snapshot import Snapshot
from wfexec.settings import Settings


class Look(NamedTuple):
    snapshot: Snapshot
    now: int


class Recorder:
    """Decides like the core and keeps what was looked at: the engine's own tables go on changing, so copies of them."""

    def __init__(self) -> None:
        self.looks: list[Look] = []

    def __call__(self, snapshot: Snapshot, now: int, settings: Settings) -> Plan:
        kept = snapshot._replace(
            children=dict(snapshot.children),
            gone=dict(snapshot.gone),
            answers=dict(snapshot.answers),
            create_failures=dict(snapshot.create_failures),
        )
        self.looks.append(Look(kept, now))
        return decide(snapshot, now, settings)


class Recorded(Simulation):
    """A simulation whose controller decides through a recorder."""

    recorder: Recorder

    def _controller(self, identity: str) -> Machine:
        return Controller(self.options.settings, identity, leader_election=False, decide=self.recorder)


def looks_of(graph: Graph) -> list[Look]:
    Recorded.recorder = recorder = Recorder()
    made = Recorded(throughput.simulation(graph).options)
    made.submit(load.workflow("wf", load.spec(graph)))
    made.start()
    throughput.finish(made, throughput.HOUR_MS, 1)
    return recorder.looks


def decide_row(graph: Graph, must: float, aim: float, passes: int) -> Row:
    looks = looks_of(graph)

    def one_pass() -> None:
        for snapshot, now in looks:
            decide(snapshot, now, load.SETTINGS)

    took = median(stopwatch.seconds(one_pass) for _ in range(passes))
    note = f"mean over the {len(looks)} looks of one run"
    return Row(f"decide, {len(graph)} steps", took / len(looks) * 1e6, "µs", must=must, aim=aim, note=note)


def measure(passes: int = 50) -> list[Row]:
    return [decide_row(load.TEN, 15, 5, passes), decide_row(load.HUNDRED, 100, 40, max(1, passes // 5))]
