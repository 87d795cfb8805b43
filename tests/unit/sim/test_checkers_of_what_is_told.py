"""The checkers of what the controller tells (S9) speak when it is not what happened."""

from collections.abc import Callable

import pytest

from sim.checkers import complaints, s9_metrics_equal_state
from sim.history import History
from sim.trace import Incident
from tests.unit.sim.support import Past
from wfexec.model.phases import Phase, StepState, WorkflowOutcome
from wfexec.model.status import WorkflowResult

_K = "kubernaut_workflowexecution_"
COUNTS = (
    ("workflowexecution_created_total",),
    (f"{_K}phase_duration_seconds", "planning"),
    (f"{_K}phase_duration_seconds", "validating"),
    (f"{_K}phase_duration_seconds", "executing"),
    (f"{_K}phase_duration_seconds", "monitoring"),
    (f"{_K}steps_created_total", "repair", "scale-deployment"),
    (f"{_K}steps_completed_total", "repair", "scale-deployment", "success"),
    (f"{_K}executions_total", "repair", "success"),
)
PHASES = ("new → planning", "planning → validating", "validating → executing", "executing → monitoring")


def ended() -> Past:
    """One step, from the beginning to a good end."""
    past = Past([{}])
    past.step(1, StepState.EXECUTING)
    past.ends(past.child(1))
    past.step(1, StepState.COMPLETED)
    past.status(phase=Phase.MONITORING)
    result = WorkflowResult(outcome=WorkflowOutcome.SUCCESS, effectiveness_score=1)
    past.status(phase=Phase.COMPLETED, completion_time=past.at, workflow_result=result)
    return past


def told(*, without: int | None = None, phases: tuple[str, ...] = PHASES) -> Past:
    past = ended()
    for place, (metric, *labels) in enumerate(COUNTS):
        if place != without:
            past.counted(metric, *labels)
    for text in (*phases, "monitoring → completed"):
        past.says("PhaseTransition", f"Phase: {text}")
    return past


def counted_twice() -> History:
    past = told()
    past.counted(f"{_K}steps_completed_total", "repair", "scale-deployment", "success")
    return past.history(listening=True)


def failure_that_was_none() -> History:
    past = told()
    past.counted(f"{_K}executions_total", "repair", "failed")
    return past.history(listening=True)


def event_of_nothing() -> History:
    past = told()
    past.says("PhaseTransition", "Phase: executing → rolling_back")
    return past.history(listening=True)


def event_missing() -> History:
    return told(phases=PHASES[1:]).history(listening=True)


DEFECTS: dict[Callable[[], History], str] = {
    counted_twice: "steps_completed_total{scale-deployment, success} tells 2, and it happened 1 times",
    failure_that_was_none: "executions_total{failed} tells 1, and it happened 0 times",
    event_of_nothing: "'Phase: executing → rolling_back', which did not happen",
    event_missing: "no event tells of 'Phase: new → planning'",
}


def test_a_run_that_is_told_as_it_was_breaks_no_promise() -> None:
    assert complaints(told().history(listening=True)) == ()


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_a_planted_defect_is_named_by_its_own_checker_alone(defect: Callable[[], History]) -> None:
    (found,) = complaints(defect())
    assert found.check == "S9"
    assert DEFECTS[defect] in found.message


@pytest.mark.parametrize("place", range(len(COUNTS)), ids=lambda place: ".".join(COUNTS[place]))
def test_a_count_that_is_missing_is_missed(place: int) -> None:
    (found,) = complaints(told(without=place).history(listening=True))
    assert found.check == "S9"
    assert "tells 0, and it happened 1 times" in found.message


def test_a_crash_may_take_counts_and_events_with_it() -> None:
    past = told(without=2, phases=PHASES[2:])
    past.records.append(Incident(past.at, "controller-0", "crashed"))
    assert list(s9_metrics_equal_state.check(past.history(listening=True))) == []
