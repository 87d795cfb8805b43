"""Clocks that differ: another life or replica reads times that are ahead of its own or far back (BR-WF-047)."""

import pytest

from sim.faults import Fault, FaultPlan
from sim.scenario import Run, play
from tests.determinism.test_crash_sweep import CASES, end_of, scenario
from wfexec.core.draft import Draft
from wfexec.model.phases import TERMINAL
from wfexec.model.status import StepStatus

MINUTE = 60_000
BEHIND, AHEAD = (0, -5 * MINUTE), (0, 5 * MINUTE)
# Of the runs, every so many-th write.
STRIDE = 4


def crashed(number: int, clocks: tuple[int, ...], replicas: int = 1, *, set_clocks: bool = False) -> Run:
    """The controller dies after this write; whoever goes on has the next of these clocks."""
    restart_ms = 2_000 if replicas == 1 else 30_000
    plain = scenario(*CASES[0], FaultPlan(((number, Fault.CRASH_SEEN),), restart_ms, clocks, set_clocks))
    return play(plain._replace(options=plain.options._replace(replicas=replicas)))


def writes() -> range:
    return range(1, play(scenario(*CASES[0])).writes + 1, STRIDE)


def in_order(step: StepStatus) -> bool:
    spans = [(step.start_time, step.end_time), *((one.start_time, one.end_time) for one in step.attempts)]
    if step.rollback is not None:
        spans.append((step.rollback.start_time, step.rollback.end_time))
    return all(began is None or ended is None or began <= ended for began, ended in spans)


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("clocks", [BEHIND, AHEAD, AHEAD[::-1], (5 * MINUTE, -5 * MINUTE)])
def test_every_promise_is_kept_and_nothing_ends_before_it_began(clocks: tuple[int, ...], replicas: int) -> None:
    for number in writes():
        run = crashed(number, clocks, replicas)
        assert run.complaints == (), number
        for workflow in run.workflows:
            status = workflow.status
            assert status.phase in TERMINAL, number
            assert all(map(in_order, status.step_statuses)), number
            assert status.completion_time is not None
            assert status.completion_time >= (status.execution_start_time or 0), number


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_clock_that_is_behind_changes_no_end(replicas: int) -> None:
    """Limits come later by as much, and children end long before; one that is ahead may end a wait early."""
    calm = end_of(play(scenario(*CASES[0])))
    for number in writes():
        assert end_of(crashed(number, BEHIND, replicas)) == calm, number


@pytest.mark.parametrize("clocks", [AHEAD, BEHIND, (2_000, -2_000)])
def test_whoever_goes_by_the_clock_of_the_api_server_changes_no_end(clocks: tuple[int, ...]) -> None:
    """As every controller does in production that can ask for it when it starts."""
    calm = end_of(play(scenario(*CASES[0])))
    for number in writes():
        run = crashed(number, clocks, set_clocks=True)
        assert (end_of(run), run.complaints) == (calm, ()), number


def test_whoever_waits_for_an_answer_from_the_future_asks_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant: it takes the times in status for its own."""
    monkeypatch.setattr(Draft, "seen_since", lambda _, *instants: max(instants))
    found = (complaint.check for number in writes() for complaint in crashed(number, BEHIND).complaints)
    # The first one is enough: each such run asks for as long as it is let.
    assert "L5" in found
