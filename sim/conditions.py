"""Which conditions of steps were judged for good, and were they required? For the counts of a run (BR-WF-052b).

Whether one is required stands where it was written down: in the step, in the registry's entry that the step began with
(`stepStatuses[].policy`), or among the controller's own; and last in what the workflow overrides for the action.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sim.tellings import by_itself, joins
from wfexec.core.embedded import EMBEDDED
from wfexec.core.registry import find_action
from wfexec.model.bearings import ConditionSet
from wfexec.model.execution import ConditionResult
from wfexec.model.phases import ErrorType, StepState
from wfexec.model.status import StepPolicy, StepStatus, WorkflowExecution
from wfexec.model.workflow import ActionOverrides, StepCondition, WorkflowStep

PRE: Final = "pre"
POST: Final = "post"
Results = tuple[ConditionResult, ...]


class Judgement(NamedTuple):
    """So many of one kind were counted: `times` at least, and `maybe` more."""

    labels: tuple[str, str, str]
    times: int
    maybe: int = 0


def judgements(workflow: WorkflowExecution, before: StepStatus, after: StepStatus) -> Iterator[Judgement]:
    """One that comes true is judged for good then; one that does not when the step goes on without it or ends by it."""
    pre, post = after.pre_condition_results, after.post_condition_results
    if before.status is StepState.PENDING:
        yield from _held(workflow, after, PRE, before.pre_condition_results, pre)
    elif before.status is StepState.EXECUTING:
        yield from _held(workflow, after, POST, before.post_condition_results, post)
    failed = after.status is StepState.FAILED and after.error_type is ErrorType.VALIDATION_ERROR
    if joins(before, after):
        yield from _lost(workflow, after, PRE, pre, all_=True)
    elif after.status is StepState.BLOCKED and before.status is not StepState.BLOCKED:
        yield from _lost(workflow, after, PRE, pre, all_=False)
    if by_itself(before, after):
        yield from _lost(workflow, after, POST, post, all_=True)
    elif failed and before.status is StepState.EXECUTING:
        yield from _lost(workflow, after, POST, post, all_=False)


def _held(workflow: WorkflowExecution, step: StepStatus, kind: str, old: Results, new: Results) -> Iterator[Judgement]:
    if old is new:
        return
    held = {one.condition_type for one in old if one.passed}
    for one in new:
        if one.passed and one.condition_type not in held:
            yield Judgement((kind, "passed", _required(workflow, step, kind, one)), 1)


def _lost(
    workflow: WorkflowExecution, step: StepStatus, kind: str, results: Results, *, all_: bool
) -> Iterator[Judgement]:
    """Those that do not hold. Where a required one ends the step others may be open yet; some were waited for to the
    deadline."""
    lost = {"true": [0, 0], "false": [0, 0]}
    for one in results:
        if not one.passed and (one.evaluated or one.evaluation_time is None):
            lost[_required(workflow, step, kind, one)][not one.evaluated] += 1
    for required, (certain, open_) in lost.items():
        least = certain if all_ else min(1, certain + open_) if required == "true" else 0
        if certain + open_:
            yield Judgement((kind, "failed", required), least, certain + open_ - least)


def _required(workflow: WorkflowExecution, state: StepStatus, kind: str, result: ConditionResult) -> str:
    """As the label says it: true or false."""
    type_, action = result.condition_type, find_action(state.action)
    required = next((one.required for one in written(workflow, state, kind) if one.type == type_), True)
    for word, override in _overrides(workflow):
        if word == state.action or (action is not None and find_action(word) is action):
            changed = override.preconditions if kind == PRE else override.postconditions
            required = changed[type_].required if type_ in changed else required
            break
    return "true" if required else "false"


def written(workflow: WorkflowExecution, state: StepStatus, kind: str) -> tuple[StepCondition, ...]:
    """The conditions of one kind that a step is judged by; of two of the same type the first counts."""
    step, action = _step(workflow, state.step_number), find_action(state.action)
    own = (step.pre_conditions if kind == PRE else step.post_conditions) if step is not None else ()
    shared: StepPolicy | ConditionSet | None = state.policy
    if shared is None and action is not None:
        shared = EMBEDDED.actions.get(action.name)
    if shared is None:
        return own
    return (*own, *(shared.pre if kind == PRE else shared.post))


def _step(workflow: WorkflowExecution, number: int) -> WorkflowStep | None:
    """As it was written in the workflow or in its template; None for one that the run added."""
    template, definition = workflow.status.template, workflow.spec.workflow_definition
    if definition is None and template is not None:
        definition = template.body.workflow_definition
    return next((one for one in definition.steps if one.step_number == number), None) if definition else None


def _overrides(workflow: WorkflowExecution) -> Iterator[tuple[str, ActionOverrides]]:
    """What the workflow says itself goes before what its template says."""
    own, template = workflow.spec.condition_overrides, workflow.status.template
    theirs = template.body.condition_overrides if template is not None else {}
    yield from {**theirs, **own}.items()
