"""The checkers of what is told (S9), decided (S11) and kept secret (S12) speak about their own defect alone."""

from collections.abc import Callable

import pytest

from sim.checkers import complaints, s9_metrics_equal_state, s11_decided_by_what_was_seen, s12_no_secrets
from sim.history import History
from sim.trace import Incident
from tests.unit.sim.support import Past, manifest, run
from wfexec.model.phases import Phase, StepState, WorkflowOutcome
from wfexec.model.plan import LogRecord
from wfexec.model.requests import Kind, ObjectKey
from wfexec.model.status import AttemptStatus, WorkflowResult

KEY = ObjectKey(Kind.WORKFLOW, "shop", "repair")
_K = "kubernaut_workflowexecution_"
COUNTS = (
    ("workflowexecution_created_total",),
    ("workflowexecution_workflow_steps_total",),
    (f"{_K}parallel_execution_efficiency",),
    (f"{_K}phase_duration_seconds", "planning"),
    (f"{_K}phase_duration_seconds", "validating"),
    (f"{_K}phase_duration_seconds", "executing"),
    (f"{_K}phase_duration_seconds", "monitoring"),
    (f"{_K}steps_created_total", "repair", "scale-deployment"),
    (f"{_K}steps_completed_total", "repair", "scale-deployment", "success"),
    (f"{_K}executions_total", "repair", "success"),
    (f"{_K}effectiveness_score",),
    ("workflowexecution_lifecycle_duration_seconds",),
)
EVENTS = (
    ("WorkflowExecutionCreated", "workflow repair accepted"),
    ("PlanCreated", "1 step in 1 batch, sequential"),
    ("WorkflowValidated", "safety checks passed"),
    ("StepExecuting", "step 1 (step-1): scale-deployment"),
    ("StepCompleted", "step 1 (step-1) completed"),
    ("WorkflowExecutionCompleted", "completed in 0s: success"),
)
PHASES = ("new → planning", "planning → validating", "validating → executing", "executing → monitoring")


def ended() -> Past:
    """One step, from the beginning to a good end."""
    past = Past([{}])
    attempts = (AttemptStatus(name="repair-step-1", phase="executing", start_time=past.at),)
    past.step(1, StepState.EXECUTING, attempts=attempts)
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
    for reason, text in EVENTS:
        past.says(reason, text)
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
    counted_twice: "steps_completed_total{repair, scale-deployment, success} tells 2, and it happened 1 time",
    failure_that_was_none: "executions_total{repair, failed} tells 1, and it happened 0 times",
    event_of_nothing: "'Phase: executing → rolling_back', which did not happen",
    event_missing: "no event tells of 'Phase: new → planning'",
}


SECRET = "hunter22"
HOLDER = {
    "action": "update-secret",
    "parameters": {"updateSecret": {"namespace": "shop", "name": "login", "dataUpdates": {"x": "aHVudGVyMjI="}}},
}


def secretive() -> Past:
    past = Past([HOLDER], reached=Phase.NEW)
    past.status(phase=Phase.PLANNING)
    return past


def secret_in_status() -> Past:
    past = secretive()
    past.status(phase=Phase.FAILED, failure_reason=f"cannot log in with {SECRET}", completion_time=past.at)
    return past


def secret_in_an_event() -> Past:
    past = secretive()
    past.status(phase=Phase.FAILED, completion_time=past.at)
    past.says("StepFailed", f"cannot log in with {SECRET}")
    return past


def secret_in_the_log() -> Past:
    past = secretive()
    past.status(phase=Phase.FAILED, completion_time=past.at)
    past.told.append((KEY, LogRecord("info", "workflow ended", (("reason", "aHVudGVyMjI="),))))
    return past


@pytest.mark.parametrize(
    ("defect", "place"),
    [
        (secret_in_status, "status.failureReason"),
        (secret_in_an_event, "event StepFailed"),
        (secret_in_the_log, "a LogRecord"),
    ],
    ids=["status", "event", "log"],
)
def test_a_secret_that_is_told_is_found_where_it_stands(defect: Callable[[], Past], place: str) -> None:
    (found,) = s12_no_secrets.check(defect().history(listening=True))
    assert (found.check, found.message) == ("S12", f"a secret of its parameters stands in {place}")


def test_a_decision_that_comes_out_otherwise_the_second_time_is_found() -> None:
    done = run(manifest([{}]))
    assert done.history.decisions
    assert done.complaints == ()
    first = done.history.decisions[0]
    other = first._replace(plan=first.plan._replace(wake_at=7))
    (found,) = s11_decided_by_what_was_seen.check(done.history._replace(decisions=[other]))
    assert (found.check, found.message) == ("S11", "the same snapshot at the same time gave another plan: wake_at")


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
    assert "tells 0, and it happened 1 time" in found.message


def test_a_rollback_that_begins_and_ends_in_one_write_is_told_as_both() -> None:
    past = Past([{}])
    past.status(
        phase=Phase.FAILED, rollback_start_time=past.at, failure_reason="step_failed: a", completion_time=past.at
    )
    for phase in ("planning", "validating", "executing", "rolling_back"):
        past.counted(f"{_K}phase_duration_seconds", phase)
    past.counted("workflowexecution_created_total")
    past.counted("workflowexecution_workflow_steps_total")
    past.counted(f"{_K}parallel_execution_efficiency")
    past.counted(f"{_K}rollbacks_total", "repair", "step_failure")
    past.counted(f"{_K}executions_total", "repair", "")
    past.counted(f"{_K}effectiveness_score")
    past.counted("workflowexecution_lifecycle_duration_seconds")
    for text in (*PHASES[:3], "executing → rolling_back", "rolling_back → failed"):
        past.says("PhaseTransition", f"Phase: {text}")
    for reason, text in (*EVENTS[:3], ("RollbackStarted", "0 steps"), ("WorkflowExecutionFailed", "failed")):
        past.says(reason, text)
    assert list(s9_metrics_equal_state.check(past.history(listening=True))) == []


def test_a_crash_may_take_counts_and_events_with_it() -> None:
    past = told(without=2, phases=PHASES[2:])
    past.records.append(Incident(past.at, "controller-0", "crashed"))
    assert list(s9_metrics_equal_state.check(past.history(listening=True))) == []


@pytest.mark.parametrize(("dropped", "missed"), [(0, 2), (1, 2), (2, 0)])
def test_no_more_events_may_be_missing_than_were_counted_as_given_up(dropped: int, missed: int) -> None:
    found = complaints(told(phases=PHASES[2:]).history(listening=True, dropped=dropped))
    assert [one.check for one in found] == ["S9"] * missed
