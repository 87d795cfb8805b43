"""A fork of a run is the run from the start under the same fault, to the last byte of its digest (BR-WF-030)."""

import pytest

from sim.cluster.cluster import Depth
from sim.driver import Simulation
from sim.faults import CALM, Fault, FaultPlan
from sim.sweep import OBJECT_WRITES, crash_points
from sim.trace import Written, digest
from tests.determinism.examples import example
from wfexec.errors import OurBug

CASES = (
    ("memory-pressure", "executor.yaml"),
    ("bad-configmap-rollout", "eviction-storm.yaml"),
    ("regional-failover", "executor.yaml"),
)
DAY_MS = 24 * 3_600_000


def begun(folder: str, executor: str, faults: FaultPlan = CALM, depth: Depth = Depth.SHARED) -> Simulation:
    read = example(folder, executor)
    made = Simulation(read.options._replace(seed=3, faults=faults, depth=depth))
    for workflow in read.workflows:
        made.submit(workflow)
    made.start()
    return made


def ended(simulation: Simulation) -> tuple[str, int, int]:
    assert simulation.run(DAY_MS)
    return digest(simulation.records, ()), simulation.offset, simulation.clock.calls


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
@pytest.mark.parametrize(("folder", "executor"), CASES)
def test_a_fork_ends_as_the_run_from_the_start_does(
    folder: str, executor: str, fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    base = begun(folder, executor)
    points = list(crash_points(base, DAY_MS, fault=fault))
    writes = [record.body for record in base.records if isinstance(record, Written)]
    assert len(points) == sum(body.__class__ in OBJECT_WRITES for body in writes) > 10
    for number, forked in points:
        plan = FaultPlan(((number, fault),))
        assert ended(forked) == ended(begun(folder, executor, plan)), number
    assert ended(base) == ended(begun(folder, executor)), "the run that was forked is none the wiser"
    with capsys.disabled():
        print(f"\n{folder} with {executor}, {fault}: {len(points)} forks")


def test_only_what_can_be_forked_is() -> None:
    with pytest.raises(OurBug, match="shared depth"):
        next(crash_points(begun(*CASES[0], depth=Depth.WIRE), DAY_MS))
    with pytest.raises(OurBug, match="does not see the reply"):
        next(crash_points(begun(*CASES[0]), DAY_MS, fault=Fault.CRASH_SEEN))
