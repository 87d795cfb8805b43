"""Whatever befalls one write of the controller, or its watches, everything gets where it would have got (BR-WF-025)."""

import pytest

from sim.faults import Fault, FaultPlan
from sim.scenario import play
from tests.determinism.test_crash_sweep import CASES, end_of, scenario
from wfexec.model.phases import TERMINAL

# The crashes have a sweep of their own.
CRASHES = frozenset({Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.CRASH_SEEN})
TROUBLES = tuple(fault for fault in Fault if fault and fault not in CRASHES)
# A right that is missing is never tried again, a controller that sleeps lets time limits pass, and a status that may
# not be written is written half a minute later: what runs meanwhile ends in another order.
DECISIVE = frozenset({Fault.FORBID, Fault.SLEEP, Fault.REBOOT})
# Of the longer run, every third write.
STRIDES = (1, 3)


@pytest.mark.parametrize("fault", TROUBLES)
@pytest.mark.parametrize(
    ("folder", "executor", "stride"), [(*case, n) for case, n in zip(CASES, STRIDES, strict=False)]
)
def test_trouble_at_any_write_changes_nothing(folder: str, executor: str, stride: int, fault: Fault) -> None:
    calm = play(scenario(folder, executor))
    expected = end_of(calm)
    tried = 0
    for number in range(1, calm.writes + 1, stride):
        run = play(scenario(folder, executor, FaultPlan(((number, fault),))))
        assert run.complaints == (), number
        assert all(workflow.status.phase in TERMINAL for workflow in run.workflows), number
        assert fault in DECISIVE or end_of(run) == expected, number
        tried += 1
    assert tried >= calm.writes // stride


@pytest.mark.parametrize(
    "fault", [Fault.NONE, Fault.CRASH_SEEN, Fault.CRASH_STALE, Fault.SLEEP, Fault.PAUSE, Fault.DELAY]
)
def test_the_lease_changes_hands_at_any_write_and_every_step_has_one_child(fault: Fault) -> None:
    """Between two writes of the one that leads the other takes over, and the first may come back (BR-WF-047)."""
    calm = play(scenario(*CASES[0]))
    for number in range(1, calm.writes + 1):
        plain = scenario(*CASES[0], FaultPlan(((number, fault),), restart_ms=30_000))
        run = play(plain._replace(options=plain.options._replace(replicas=2)))
        assert run.complaints == (), number
        assert fault in DECISIVE or end_of(run) == end_of(calm), number
