"""Killed at any of its writes, the controller still gets everything where it would have got without (BR-WF-030)."""

import pytest

from sim.faults import FaultPlan, crash_after_write, crash_before_write
from sim.report_json import children
from sim.scenario import Run, Scenario, play
from tests.determinism.examples import example

# One that goes well, one with retries and a rollback, the largest.
CASES = (
    ("memory-pressure", "executor.yaml"),
    ("bad-configmap-rollout", "eviction-storm.yaml"),
    ("regional-failover", "executor.yaml"),
)
Outcome = tuple[tuple[str, tuple[tuple[int, str], ...]], ...]


def scenario(folder: str, executor: str, faults: FaultPlan | None = None) -> Scenario:
    made = example(folder, executor)
    options = made.options._replace(seed=3)
    return made._replace(options=options._replace(faults=faults) if faults else options)


def end_of(run: Run) -> tuple[Outcome, list[str]]:
    """Phase, step states and the names of all children that ever were."""
    states = tuple(
        (workflow.status.phase, tuple((step.step_number, str(step.status)) for step in workflow.status.step_statuses))
        for workflow in run.workflows
    )
    return states, sorted(child["name"] for child in children(run.history))


@pytest.mark.parametrize(("folder", "executor"), CASES)
def test_a_crash_at_any_write_converges_to_the_run_without_one(
    folder: str, executor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    calm = play(scenario(folder, executor))
    expected = end_of(calm)
    tried = 0
    for number in range(1, calm.writes + 1):
        for faults in (
            crash_before_write(number),
            crash_after_write(number),
            crash_after_write(number, reply_seen=True),
        ):
            crashed = play(scenario(folder, executor, faults))
            assert crashed.complaints == (), faults
            assert end_of(crashed) == expected, faults
            tried += 1
    with capsys.disabled():
        print(f"\n{folder} with {executor}: {tried} crash points at {calm.writes} writes")
    assert tried == 3 * calm.writes


def test_a_crash_in_every_write_of_a_row_is_no_different() -> None:
    """Three lives that end at their third write each, then calm."""
    calm = end_of(play(scenario(*CASES[1])))
    faults = FaultPlan(tuple((number, crash_after_write(number).at[0][1]) for number in (3, 6, 9)))
    crashed = play(scenario(*CASES[1], faults))
    assert crashed.complaints == ()
    assert end_of(crashed) == calm
