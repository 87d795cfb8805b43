"""S2: does a step start only when what it depends on has ended as it must, in the store and not merely in a cache?"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint
from sim.history import History
from sim.trace import is_undo
from wfexec.model.phases import STEP_ENDED, RunCondition, StepState
from wfexec.model.status import ALREADY_SATISFIED, StepStatus
from wfexec.model.workflow import WorkflowDefinition, WorkflowStep

_STARTED = frozenset({StepState.EXECUTING, StepState.RETRYING, *STEP_ENDED})


def check(history: History) -> Iterator[Complaint]:
    for move in history.children:
        if move.before is not None or move.after is None or move.workflow is None or is_undo(move.after):
            continue
        definition = move.workflow.spec.workflow_definition
        if definition is None:
            continue
        step = next((step for step in definition.steps if step.step_number == move.after.spec.step_number), None)
        if step is None:
            continue
        states = {entry.step_number: _counted(entry) for entry in move.workflow.status.step_statuses}
        for number in dependencies_of(definition, step):
            state = states.get(number, StepState.PENDING)
            if state not in _allowed(step.run_condition):
                meta = move.after.metadata
                message = f"step {step.step_number} starts while step {number}, which it needs, is {state}"
                yield Complaint("S2", move.at, f"{meta.namespace}/{meta.name}", message)


def _counted(entry: StepStatus) -> StepState:
    """A step that had nothing left to do counts as completed."""
    spared = entry.status is StepState.SKIPPED and entry.skip_reason == ALREADY_SATISFIED
    return StepState.COMPLETED if spared else entry.status


def dependencies_of(definition: WorkflowDefinition, step: WorkflowStep) -> list[int]:
    """Step numbers that `step` waits for, by either way of saying so."""
    named = definition.dependencies.get(step.name, ())
    return sorted({*step.depends_on, *(other.step_number for other in definition.steps if other.name in named)})


def _allowed(condition: RunCondition | None) -> frozenset[StepState]:
    match condition:
        case None:
            return frozenset({StepState.COMPLETED})
        case RunCondition.IF_PRIMARY_FAILS:
            return frozenset({StepState.FAILED, StepState.BLOCKED})
        case RunCondition.AFTER_PRIMARY:
            return STEP_ENDED
        case RunCondition.PARALLEL_WITH_PRIMARY:
            return _STARTED
