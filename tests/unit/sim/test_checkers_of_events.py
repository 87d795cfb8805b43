"""Each Event that S9 judges is missed where the history shows its cause, and a lie where it shows none (BR-WF-024)."""

from collections.abc import Callable
from typing import Any

import pytest

from sim import tellings
from sim.checkers import s9_metrics_equal_state as s9
from sim.tellings import ALLOWED, EXCUSED
from tests.unit.sim.support import Past
from wfexec.core.signs import EVENTS
from wfexec.model.base import evolve
from wfexec.model.execution import ConditionResult
from wfexec.model.meta import Condition
from wfexec.model.phases import Phase, RollbackStrategy, StepState, UndoState, WorkflowOutcome
from wfexec.model.status import (
    AdaptiveAdjustment,
    AttemptStatus,
    RollbackStatus,
    StepRollback,
    StepStatus,
    ValidationResults,
    WorkflowResult,
)
from wfexec.model.surroundings import SideEffect
from wfexec.settings import DEFAULTS

TRIED = (AttemptStatus(name="repair-step-1", phase="executing", start_time=1),)
DONE = (AttemptStatus(name="repair-step-1", phase="completed", start_time=1, end_time=2),)
MISSED = (ConditionResult(condition_type="up", evaluated=True, evaluation_time=1),)
CHANGE = AdaptiveAdjustment(timestamp=9, adjustment="timeout", reason="slow", adjustment_type="timeout")


def says(type_: str, status: str, reason: str = "", message: str = "") -> Callable[[Past], None]:
    """A condition turns."""

    def turn(past: Past) -> None:
        known = past.workflow.status.conditions
        made = Condition(type=type_, status=status, reason=reason, message=message, last_transition_time=past.at)
        past.status(conditions=(*known, made))

    return turn


def moves(*states: StepState, **changes: Any) -> Callable[[Past], None]:
    def move(past: Past) -> None:
        for state in states:
            past.step(1, state, **changes)

    return move


def goes(*phases: Phase, **changes: Any) -> Callable[[Past], None]:
    def go(past: Past) -> None:
        for phase in phases:
            past.status(phase=phase, **changes)

    return go


def undone(past: Past, status: UndoState = UndoState.FAILED) -> None:
    past.step(1, StepState.COMPLETED, rollback=StepRollback(status=UndoState.EXECUTING))
    past.step(1, StepState.COMPLETED, rollback=StepRollback(status=status))


def rolled_back(**counts: int) -> Callable[[Past], None]:
    def go(past: Past) -> None:
        begun = RollbackStatus(strategy=RollbackStrategy.AUTOMATIC, start_time=past.at, total=1)
        past.status(phase=Phase.ROLLING_BACK, rollback=begun)
        past.status(phase=Phase.FAILED, rollback=evolve(begun, end_time=past.at, **counts), completion_time=past.at)

    return go


def held(past: Past) -> None:
    past.status(phase=Phase.ROLLING_BACK)
    past.status(paused_at=past.at)


def let_go(past: Past) -> None:
    held(past)
    past.status(paused_at=None)


def finalized(past: Past) -> None:
    past.deleting()
    past.workflow = evolve(past.workflow, metadata=evolve(past.workflow.metadata, finalizers=()))
    past.status(message="gone")


def warned_about(past: Past) -> None:
    past.status(phase=Phase.VALIDATING)
    results = ValidationResults(safety_checks_passed=True, validation_errors=("health check: ill", "no undo"))
    past.status(phase=Phase.EXECUTING, validation_results=results)


def ended_beside_trouble(past: Past) -> None:
    effects = (SideEffect(resource_type="Deployment", name="other", message="ill"),)
    result = WorkflowResult(outcome=WorkflowOutcome.PARTIAL_SUCCESS, effectiveness_score=1, side_effects=effects)
    past.status(phase=Phase.MONITORING)
    past.status(phase=Phase.COMPLETED, workflow_result=result, completion_time=past.at)


def injected(past: Past) -> None:
    added = StepStatus(step_number=2, action="verify-health", injected=True)
    past.status(step_statuses=(*past.workflow.status.step_statuses, added))


# What brings each about, from a workflow with one step that executes; reasons that a step's number goes with have it.
CAUSES: dict[str, Callable[[Past], None]] = {
    "WorkflowExecutionCreated": lambda past: None,
    "PlanCreated": lambda past: None,
    "WorkflowValidated": lambda past: None,
    "TemplateResolved": says("TemplateResolved", "True"),
    "AdaptiveAdjustment": lambda past: past.status(adaptive_adjustments=(CHANGE,)),
    "AdaptationLimitReached": lambda past: past.status(adaptive_adjustments=(CHANGE,) * DEFAULTS.adaptations_max),
    "StepInjected": injected,
    "ValidationWarning": warned_about,
    "DryRunCompleted": says("DryRunSucceeded", "True"),
    "DryRunFailed": says("DryRunSucceeded", "False"),
    "ApprovalRequired": says("Approved", "False", "Pending", "it is set; type: wfexec approve"),
    "ApprovalReceived": says("Approved", "True", "Granted"),
    "ApprovalRejected": says("Approved", "False", "Rejected"),
    "ApprovalUnauthorized": says("Approved", "False", "Pending", "it is set; the decision of eve is ignored: no right"),
    "ApprovalIgnored": says("Approved", "False", "Pending", "it is set; the decision is ignored: nobody signed"),
    "WorkflowValidationFailed": says("Validated", "False"),
    "StepExecuting": moves(StepState.EXECUTING, attempts=TRIED),
    "ParallelLimitReached": lambda past: past.status(queued_steps=1),
    "ParallelismReduced": says("Degraded", "True", "Throttled", "the API server asks to slow down: 2 of 5 steps"),
    "StepCompleted": moves(StepState.EXECUTING, StepState.COMPLETED),
    "StepRetrying": moves(StepState.EXECUTING, StepState.RETRYING),
    "StepFailed": moves(StepState.EXECUTING, StepState.FAILED),
    "StepSkipped": moves(StepState.SKIPPED, skip_reason="when is false"),
    "StepBlocked": moves(StepState.BLOCKED),
    "PreconditionWarning": moves(StepState.EXECUTING, ready_time=1, attempts=TRIED, pre_condition_results=MISSED),
    "PostconditionWarning": moves(
        StepState.EXECUTING, StepState.COMPLETED, attempts=DONE, post_condition_results=MISSED
    ),
    "InterventionRefused": says("Intervened", "False", "Refused", "eve has no right"),
    "ManualRetry": goes(Phase.FAILED, Phase.EXECUTING, completion_time=9),
    "WorkflowTimeout": lambda past: past.status(failure_reason="workflow_timeout: the workflow's deadline passed"),
    "RollbackTriggered": says("RollbackTriggered", "True"),
    "RollbackTriggerUnknown": says("RollbackTriggersJudged", "False"),
    "RollbackRefused": says("RollbackRequested", "False", "Refused", "nothing to undo"),
    "RollbackWithdrawn": says("RollbackRequested", "False", "Withdrawn", "the request was taken back"),
    "RollbackStarted": goes(Phase.ROLLING_BACK),
    "StepRolledBack": moves(StepState.COMPLETED, StepState.ROLLED_BACK),
    "RollbackFailed": undone,
    "RollbackCompleted": rolled_back(succeeded=1),
    "EscalationRequired": rolled_back(failed=1),
    "WorkflowIneffective": goes(Phase.MONITORING, Phase.FAILED, failure_reason="ineffective: it is false"),
    "SideEffectsSeen": ended_beside_trouble,
    "Paused": goes(Phase.PAUSED),
    "Resumed": goes(Phase.PAUSED, Phase.EXECUTING),
    "Cancelled": goes(Phase.CANCELLED, completion_time=9),
    "WorkflowExecutionCompleted": goes(Phase.MONITORING, Phase.COMPLETED, completion_time=9),
    "WorkflowExecutionFailed": goes(Phase.FAILED, completion_time=9),
    "WorkflowExecutionDeleted": finalized,
    "ParentMissing": says("ParentFound", "False", "ParentMissing"),
    "OwnerReferenceFailed": says("ParentFound", "False", "ParentUnseen"),
}
ALSO: dict[str, Callable[[Past], None]] = {"Paused": held, "Resumed": let_go}


def named(reason: str) -> str:
    return f"{reason} of step {2 if reason == 'StepInjected' else 1}" if tellings.about_a_step(reason) else reason


def message(reason: str) -> str:
    return f"step {2 if reason == 'StepInjected' else 1} (step): told" if tellings.about_a_step(reason) else "told"


def complaints(past: Past) -> list[str]:
    return [one.message for one in s9.check(past.history(listening=True)) if "event" in one.message]


def test_every_event_of_the_catalogue_is_judged_or_it_is_said_why_not() -> None:
    judged = {*CAUSES, "PhaseTransition"}
    assert sorted(judged | ALLOWED.keys() | EXCUSED.keys()) == sorted(row.reason for row in EVENTS)
    assert not judged & (ALLOWED.keys() | EXCUSED.keys())
    assert not ALLOWED.keys() & EXCUSED.keys()


@pytest.mark.parametrize("reason", CAUSES)
def test_an_event_that_nobody_told_is_missed_once_there_is_cause_for_it(reason: str) -> None:
    for cause in (CAUSES[reason], ALSO.get(reason, CAUSES[reason])):
        past = Past([{}])
        cause(past)
        assert f"no event tells of {named(reason)}" in complaints(past)
        past.says(reason, message(reason))
        assert not [one for one in complaints(past) if f"tells of {named(reason)}" in one]


@pytest.mark.parametrize("reason", [*CAUSES, *ALLOWED])
def test_an_event_without_a_cause_is_a_lie(reason: str) -> None:
    past = Past([{}], reached=Phase.NEW)
    past.says(reason, message(reason))
    assert f"an event tells of {named(reason)}, which did not happen" in complaints(past)


def test_an_event_that_is_said_oftener_than_it_was_so_is_a_lie() -> None:
    past = Past([{}])
    CAUSES["StepCompleted"](past)
    past.says("StepCompleted", "step 1 (step) completed", times=2)
    assert "an event tells of StepCompleted of step 1 2 times, and it was 1" in complaints(past)


@pytest.mark.parametrize("reason", EXCUSED)
def test_what_stands_in_no_trace_is_not_judged(reason: str) -> None:
    past = Past([{}], reached=Phase.NEW)
    past.says(reason, "told")
    assert complaints(past) == []
