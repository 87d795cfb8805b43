"""S2: does a step start only when what it depends on has ended as it must, in the store and not merely in a cache?"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint
from sim.history import History
from sim.trace import is_undo
from wfexec.model.phases import STEP_ENDED, RunCondition, StepState
from wfexec.model.status import ALREADY_SATISFIED, StepStatus, WorkflowExecution
from wfexec.model.workflow import WorkflowDefinition, WorkflowStep

_STARTED = frozenset({StepState.EXECUTING, StepState.RETRYING, *STEP_ENDED})


def check(history: History) -> Iterator[Complaint]:
    for move in history.children:
        if move.before is not None or move.after is None or move.workflow is None or is_undo(move.after):
            continue
        definition = move.workflow.spec.workflow_definition
        if definition is None:
            continue
        number = move.after.spec.step_number
        step = next((step for step in definition.steps if step.step_number == number), None)
        needed = [] if step is None else dependencies_of(definition, step)
        needed += _added(move.workflow, number)
        condition = None if step is None else step.run_condition
        states = {entry.step_number: _counted(entry) for entry in move.workflow.status.step_statuses}
        for other in needed:
            state = states.get(other, StepState.PENDING)
            if state not in _allowed(condition):
                meta = move.after.metadata
                message = f"step {number} starts while step {other}, which it needs, is {state}"
                yield Complaint("S2", move.at, f"{meta.namespace}/{meta.name}", message)


def _added(workflow: WorkflowExecution, number: int) -> list[int]:
    """What a step waits for since the run added a verification: that, or what it verifies."""
    plan = workflow.status.execution_plan
    added = plan.injected if plan is not None else ()
    return [one.step_number for one in added if number in one.before] + [
        one.after for one in added if number == one.step_number
    ]


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
