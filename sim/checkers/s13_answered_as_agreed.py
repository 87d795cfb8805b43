"""S13: is what goes wrong answered as the strategy says, and is none of it called a success (BR-WF-050, BR-WF-051)?

A failure while steps run, a deadline, new alerts, a required postcondition that comes false while it is watched: with
strategy `automatic` what took effect is undone, else nothing is undone that nobody asked for. Alerts are judged by what
fired, not by what the controller was told.
"""

from collections.abc import Iterator
from typing import Final

from sim.alerts import Firing
from sim.checkers.complaint import Complaint, slack_ms
from sim.history import History, WorkflowMove
from wfexec.core.effectiveness import NEW_ALERTS
from wfexec.core.targets import target_of
from wfexec.crd.alerts import names
from wfexec.model.execution import ConditionResult
from wfexec.model.meta import ANNOTATION_ROLLBACK
from wfexec.model.phases import Phase, RollbackStrategy, StepState, WorkflowOutcome
from wfexec.model.status import StepStatus, WorkflowExecution
from wfexec.model.workflow import CancelRollback, StepCondition
from wfexec.settings import Settings

SECOND_MS: Final = 1_000
_LEFT: Final = frozenset({Phase.EXECUTING, Phase.MONITORING})
_WELL: Final = frozenset({WorkflowOutcome.SUCCESS, WorkflowOutcome.PARTIAL_SUCCESS})
# The definition itself is at fault: whoever changed it must see to what it did.
_NOT_ITS_OWN: Final = frozenset({"planning_error", "status_inconsistent"})


def check(history: History) -> Iterator[Complaint]:
    slack = slack_ms(history)
    for move in history.workflows:
        before, after = move.before, move.after
        if before is None or after is None:
            continue
        yield from _dangling(before, move.at, slack, history.settings)
        if before.status.phase != after.status.phase:
            for message in (*_answers(before, after), *_ends(move, history)):
                yield _complaint(after, move.at, message)
    for thing in history.finals:
        if isinstance(thing, WorkflowExecution):
            yield from _dangling(thing, history.end, slack, history.settings)


def _answers(before: WorkflowExecution, after: WorkflowExecution) -> Iterator[str]:
    """Rolled back or not: who says so?"""
    old, new = before.status, after.status
    phase = old.paused_from if old.phase == Phase.PAUSED else old.phase
    if phase not in _LEFT:
        return
    automatic = _strategy(after) is RollbackStrategy.AUTOMATIC
    undoing = new.rollback_start_time != old.rollback_start_time
    if new.phase == Phase.FAILED and automatic and not undoing:
        word = new.failure_reason.split(":", 1)[0]
        if word not in _NOT_ITS_OWN and any(step.status is StepState.COMPLETED for step in new.step_statuses):
            yield f"failed ({word}) and undid nothing, although its strategy is automatic"
    if undoing and not automatic and not _asked_for(before, after):
        yield f"rolls back from {phase}, although its strategy is {_strategy(after)} and nobody asked for it"


def _strategy(workflow: WorkflowExecution) -> RollbackStrategy:
    """As planned: a template may have its own."""
    plan = workflow.status.execution_plan
    return workflow.spec.execution_strategy.rollback_strategy if plan is None else plan.rollback_strategy


def _asked_for(before: WorkflowExecution, after: WorkflowExecution) -> bool:
    spec = after.spec
    by_cancel = spec.cancel and spec.on_cancel.rollback is CancelRollback.AUTOMATIC
    return by_cancel or ANNOTATION_ROLLBACK in {**before.metadata.annotations, **after.metadata.annotations}


def _ends(move: WorkflowMove, history: History) -> Iterator[str]:
    """Does what the result says fit what happened?"""
    workflow = move.after
    result = workflow.status.workflow_result if workflow is not None else None
    if workflow is None or result is None or workflow.status.phase not in (Phase.COMPLETED, Phase.FAILED):
        return
    if workflow.status.phase == Phase.COMPLETED:
        for number in _critical_failures(workflow):
            yield f"completed, although its critical step {number} failed"
        if result.outcome is WorkflowOutcome.SUCCESS and _any(workflow, StepState.FAILED):
            yield "called a success, although a step failed"
    told = workflow.status.failure_reason.split(":", 1)[0]
    if result.outcome in _WELL:
        for state, one in _fallen(workflow):
            yield f"called {result.outcome}, although {one.condition_type} of step {state.step_number} does not hold"
    elif told == "ineffective" and not any(_fallen(workflow, anyhow=True)):
        yield "called ineffective, although every postcondition holds"
    if history.alerts is None or not history.settings.alertmanager_url:
        return
    firing = _firing(workflow, history.alerts, move.at, history.settings)
    if result.outcome in _WELL and firing is not None:
        yield f"called {result.outcome}, although alert {firing.labels['alertname']} fires about what it changed"
    began = workflow.status.execution_start_time or 0
    if told == NEW_ALERTS and not any(began < one.begins <= move.at for one in _about(workflow, history.alerts)):
        yield "failed for new alerts, and none began"


def _critical_failures(workflow: WorkflowExecution) -> list[int]:
    definition = workflow.spec.workflow_definition
    critical = {step.step_number for step in (definition.steps if definition is not None else ()) if step.critical_step}
    steps = workflow.status.step_statuses
    return [one.step_number for one in steps if one.status is StepState.FAILED and one.step_number in critical]


def _any(workflow: WorkflowExecution, state: StepState) -> bool:
    return any(step.status is state for step in workflow.status.step_statuses)


def _fallen(workflow: WorkflowExecution, *, anyhow: bool = False) -> Iterator[tuple[StepStatus, ConditionResult]]:
    """Required postconditions that came false while their targets were watched; `anyhow`: of failed steps as well."""
    watched_since = workflow.status.monitoring_start_time
    for state in workflow.status.step_statuses:
        if state.status is not StepState.COMPLETED and not anyhow:
            continue
        for one in state.post_condition_results:
            fell = one.evaluated and not one.passed and (one.evaluation_time or 0) >= (watched_since or 0)
            condition = _condition(workflow, state, one.condition_type) if fell else None
            if condition is not None and _required(workflow, state, condition):
                yield state, one


def _condition(workflow: WorkflowExecution, state: StepStatus, kind: str) -> StepCondition | None:
    """As it was written down, in the workflow or in the registry; None for one of the controller's own."""
    definition = workflow.spec.workflow_definition
    own = next((one for one in definition.steps if one.step_number == state.step_number), None) if definition else None
    written = (*(own.post_conditions if own is not None else ()), *(state.policy.post if state.policy else ()))
    return next((one for one in written if one.type == kind), None)


def _required(workflow: WorkflowExecution, state: StepStatus, condition: StepCondition) -> bool:
    overrides = workflow.spec.condition_overrides.get(state.action)
    override = overrides.postconditions.get(condition.type) if overrides is not None else None
    return condition.required if override is None else override.required


def _dangling(workflow: WorkflowExecution, at: int, slack: int, settings: Settings) -> Iterator[Complaint]:
    """A required postcondition that stayed false ends the watching when its own time is over."""
    if workflow.status.phase != Phase.MONITORING or workflow.spec.suspend or workflow.metadata.deletion_timestamp:
        return
    for state, one in _fallen(workflow):
        condition = _condition(workflow, state, one.condition_type)
        limit = settings.postcondition_timeout if condition is None or condition.timeout is None else condition.timeout
        late = at - (one.evaluation_time or at) - limit
        if late > slack:
            message = f"still watched {late} ms after {one.condition_type} of step {state.step_number} had to hold"
            yield _complaint(workflow, at, message)


def _firing(workflow: WorkflowExecution, alerts: tuple[Firing, ...], at: int, settings: Settings) -> Firing | None:
    """One that began after the first step (the feed knows whole seconds) and before the last look could be taken."""
    began = (workflow.status.execution_start_time or 0) + SECOND_MS
    looked = at - settings.monitoring_interval - settings.request_timeout
    return next((one for one in _about(workflow, alerts) if began < one.begins <= looked and one.ends > at), None)


def _about(workflow: WorkflowExecution, alerts: tuple[Firing, ...]) -> Iterator[Firing]:
    definition = workflow.spec.workflow_definition
    ran = {state.step_number for state in workflow.status.step_statuses if state.attempts}
    targets = [
        target
        for step in (definition.steps if definition is not None else ())
        if step.step_number in ran and (target := target_of(step)) is not None
    ]
    return (one for one in alerts if any(names(one.labels, target) for target in targets))


def _complaint(workflow: WorkflowExecution, at: int, message: str) -> Complaint:
    meta = workflow.metadata
    return Complaint("S13", at, f"{meta.namespace}/{meta.name}", message)
