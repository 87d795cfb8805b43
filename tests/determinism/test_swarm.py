"""Trouble, then calm: whatever a seed breaks, every promise is kept and every run ends."""

import pytest

from sim.cluster.cluster import Depth
from sim.faults import Fault, FaultPlan
from sim.process import Latencies
from sim.rng import Streams
from sim.scenario import Run, play
from tests.determinism.examples import example
from tests.determinism.test_digests import CASES
from wfexec.model.phases import TERMINAL

FAULTS = tuple(fault for fault in Fault if fault is not Fault.NONE)


def troubled(folder: str, executor: str, seed: int, depth: Depth = Depth.SHARED) -> Run:
    """A run whose faults, replicas and latencies the seed draws."""
    luck = Streams(seed).of("swarm", folder, executor)
    faults = tuple((1 + luck.below(60), luck.choice(FAULTS)) for _ in range(luck.below(6)))
    made = example(folder, executor)
    options = made.options._replace(
        seed=seed,
        depth=depth,
        faults=FaultPlan(faults, restart_ms=luck.choice((100, 2_000, 30_000))),
        replicas=luck.choice((1, 1, 2)),
        latencies=Latencies((1, luck.choice((5, 50, 400))), (1, luck.choice((5, 100, 2_000)))),
    )
    return play(made._replace(options=options))


@pytest.mark.parametrize(("folder", "executor"), CASES)
def test_every_promise_is_kept_in_trouble(folder: str, executor: str) -> None:
    for seed in range(12):
        run = troubled(folder, executor, seed)
        assert run.complaints == (), f"seed {seed}"
        assert all(workflow.status.phase in TERMINAL for workflow in run.workflows), f"seed {seed}"


def test_both_depths_agree_in_trouble_as_well() -> None:
    for seed in (1, 2, 3):
        shared, wire = (troubled(*CASES[0], seed, depth) for depth in (Depth.SHARED, Depth.WIRE))
        assert shared.digest() == wire.digest(), f"seed {seed}"
