"""Decisions are a function of what was seen and of the time: replayed from their snapshots they come out the same."""

import pytest

from sim.driver import Options, Simulation
from sim.machine import Machine
from sim.scenario import HORIZON_MS
from tests.determinism.examples import example
from tests.determinism.test_crash_sweep import CASES
from wfexec.core.decide import decide
from wfexec.engine.controller import Controller
from wfexec.model.plan import Plan
from wfexec.model.snapshot import Snapshot
from wfexec.settings import Settings


class Recording(Simulation):
    """A simulation whose controllers note what they saw, when, and what they decided."""

    def __init__(self, options: Options) -> None:
        self.decisions: list[tuple[Snapshot, int, Settings, Plan]] = []
        super().__init__(options)

    def _controller(self, identity: str) -> Machine:
        return Controller(self.options.settings, identity, leader_election=False, decide=self._decide)

    def _decide(self, snapshot: Snapshot, now: int, settings: Settings) -> Plan:
        plan = decide(snapshot, now, settings)
        # A snapshot is a view: what it shows must be kept as it was.
        kept = snapshot._replace(
            children=dict(snapshot.children),
            gone=dict(snapshot.gone),
            answers=dict(snapshot.answers),
            create_failures=dict(snapshot.create_failures),
        )
        self.decisions.append((kept, now, settings, plan))
        return plan


@pytest.mark.parametrize(("folder", "executor"), CASES)
def test_every_decision_of_a_run_can_be_replayed(folder: str, executor: str) -> None:
    made = example(folder, executor)
    simulation = Recording(made.options)
    for workflow in made.workflows:
        simulation.submit(workflow)
    simulation.start()
    assert simulation.run(HORIZON_MS)
    assert len(simulation.decisions) > 12
    # In another order, so that nothing a decision left behind could help the next.
    for snapshot, now, settings, plan in reversed(simulation.decisions):
        assert decide(snapshot, now, settings) == plan
