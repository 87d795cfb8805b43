"""S6: does a rollback undo only what took effect, once, dependents first, never beside a forward step (BR-WF-050)?"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint
from sim.checkers.s2_dependencies_first import dependencies_of
from sim.history import ChildMove, History, forward_children
from sim.trace import is_undo
from wfexec.model.phases import ExecutionPhase, StepState, UndoState
from wfexec.model.status import StepStatus, WorkflowExecution

_DONE_WITH = frozenset({UndoState.SUCCEEDED, UndoState.FAILED, UndoState.NOT_REVERSIBLE, UndoState.SKIPPED})


def check(history: History) -> Iterator[Complaint]:
    # Steps whose undo an executor has completed, by workflow uid.
    undone: set[tuple[str, int]] = set()
    for move in history.children:
        child = move.child
        if not is_undo(child) or move.workflow is None:
            continue
        key = (move.workflow.metadata.uid, child.spec.step_number)
        if move.before is None:
            for message in _faults(move, move.workflow, history.settings.drain_on_failure):
                yield _complaint(move, message)
            if key in undone:
                yield _complaint(move, f"step {key[1]} is undone a second time")
        elif move.after is not None and move.after.status.phase == ExecutionPhase.COMPLETED:
            results = move.after.status.execution_results
            if results is None or results.success is not False:
                undone.add(key)


def _faults(move: ChildMove, workflow: WorkflowExecution, drains: bool) -> Iterator[str]:
    number = move.child.spec.step_number
    states = {entry.step_number: entry for entry in workflow.status.step_statuses}
    step = states.get(number)
    if step is None or not _took_effect(step):
        yield f"undo of step {number}, which is {step.status if step else 'unknown'} and took no effect"
    rollback = workflow.status.rollback
    if rollback is not None and rollback.to_step is not None and number <= rollback.to_step:
        yield f"undo of step {number}, although the request keeps steps up to {rollback.to_step}"
    definition = workflow.spec.workflow_definition
    for other in definition.steps if definition is not None else ():
        dependent = states.get(other.step_number)
        if definition is None or dependent is None or number not in dependencies_of(definition, other):
            continue
        if dependent.status is StepState.COMPLETED and not _is_over(dependent):
            yield f"undo of step {number} before step {other.step_number}, which depends on it"
    for sibling in forward_children(move) if drains else ():
        running = states.get(sibling.spec.step_number)
        if running is not None and running.status is StepState.EXECUTING:
            yield f"undo of step {number} beside {sibling.metadata.name}, which still runs forward"


def _took_effect(step: StepStatus) -> bool:
    """Completed, or failed by its postcondition or half-way (its child then says how to undo it)."""
    return step.status is StepState.COMPLETED or (step.status is StepState.FAILED and bool(step.attempts))


def _is_over(step: StepStatus) -> bool:
    return step.rollback is not None and step.rollback.status in _DONE_WITH


def _complaint(move: ChildMove, message: str) -> Complaint:
    meta = move.child.metadata
    return Complaint("S6", move.at, f"{meta.namespace}/{meta.name}", message)
