"""S6: does a rollback undo only what took effect, once, dependents first, never beside a forward step (BR-WF-050)?

One at a time and the latest completion first, unless the settings let branches be undone side by side; three tries at
most, under names of its own; what is called undone was undone, and its end says how it went: `docs/rollback.md`.
"""

import re
from collections.abc import Iterator
from typing import Final

from sim.checkers.complaint import Complaint
from sim.checkers.s2_dependencies_first import dependencies_of
from sim.history import ChildMove, History, forward_children
from sim.trace import is_undo
from wfexec.model.phases import TERMINAL, ExecutionPhase, Phase, StepState, UndoState
from wfexec.model.status import StepStatus, WorkflowExecution
from wfexec.units import so_many

_DONE_WITH = frozenset({UndoState.SUCCEEDED, UndoState.FAILED, UndoState.NOT_REVERSIBLE, UndoState.SKIPPED})
TRIES_MAX: Final = 3
# A definition that was changed, a status that was edited: no rollback ends so by itself.
_CUT_SHORT: Final = ("planning_error:", "status_inconsistent:")


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
            if not history.settings.rollback_parallel:
                for message in _out_of_turn(move, move.workflow):
                    yield _complaint(move, message)
            if key in undone:
                yield _complaint(move, f"step {key[1]} is undone a second time")
        elif move.after is not None and move.after.status.phase == ExecutionPhase.COMPLETED:
            results = move.after.status.execution_results
            if results is None or results.success is not False:
                undone.add(key)
    yield from _claims(history, undone)
    yield from _ends(history)


def _out_of_turn(move: ChildMove, workflow: WorkflowExecution) -> Iterator[str]:
    """Beside another undo, or before what completed later."""
    number = move.child.spec.step_number
    for sibling in move.siblings:
        if is_undo(sibling):
            yield f"undo of step {number} beside {sibling.metadata.name}, though one is undone at a time"
    states = {entry.step_number: entry for entry in workflow.status.step_statuses}
    definition, own = workflow.spec.workflow_definition, states.get(number)
    if definition is None or own is None:
        return
    waited_for = {
        dependency
        for other in definition.steps
        if _waits(states.get(other.step_number))
        for dependency in dependencies_of(definition, other)
    }
    for other in states.values():
        later = (other.end_time or 0) > (own.end_time or 0)
        if later and _waits(other) and other.step_number not in waited_for and other.step_number != number:
            yield f"undo of step {number} before step {other.step_number}, which completed later"


def _waits(step: StepStatus | None) -> bool:
    return step is not None and step.rollback is not None and not _is_over(step)


def _claims(history: History, undone: set[tuple[str, int]]) -> Iterator[Complaint]:
    """Is it true that a step was undone?"""
    for move in history.steps:
        before = move.before.status if move.before is not None else None
        if move.after.status is not StepState.ROLLED_BACK or before is StepState.ROLLED_BACK:
            continue
        meta, number = move.workflow.metadata, move.after.step_number
        if (meta.uid, number) not in undone:
            yield Complaint(
                "S6", move.at, f"{meta.namespace}/{meta.name}", f"step {number} is called undone, and was not"
            )


def _ends(history: History) -> Iterator[Complaint]:
    """Is every step of a rollback that has ended dealt with, and does the end say how it went?"""
    for move in history.workflows:
        if move.before is None or move.after is None or move.before.status.phase != Phase.ROLLING_BACK:
            continue
        meta, status = move.after.metadata, move.after.status
        rollback = status.rollback
        if status.phase not in TERMINAL or rollback is None or status.failure_reason.startswith(_CUT_SHORT):
            continue
        of_it = [step for step in status.step_statuses if step.step_number in rollback.order]
        told = {one.type for one in status.conditions if one.status == "True"} & {"RolledBack", "RollbackFailed"}
        failed = sum(1 for step in of_it if step.rollback is not None and step.rollback.status is UndoState.FAILED)
        about = f"{meta.namespace}/{meta.name}"
        for step in of_it:
            if not _is_over(step):
                yield Complaint(
                    "S6", move.at, about, f"the rollback ended before step {step.step_number} was dealt with"
                )
        if of_it and told != {"RollbackFailed" if failed else "RolledBack"}:
            says = ", ".join(sorted(told)) or "nothing"
            yield Complaint("S6", move.at, about, f"{so_many(failed, 'undo')} failed, and the conditions say {says}")


def _faults(move: ChildMove, workflow: WorkflowExecution, drains: bool) -> Iterator[str]:
    number = move.child.spec.step_number
    states = {entry.step_number: entry for entry in workflow.status.step_statuses}
    step = states.get(number)
    if step is None or not _took_effect(step):
        yield f"undo of step {number}, which is {step.status if step else 'unknown'} and took no effect"
    rollback = workflow.status.rollback
    if rollback is not None and rollback.to_step is not None and number <= rollback.to_step:
        yield f"undo of step {number}, although the request keeps steps up to {rollback.to_step}"
    if step is not None and step.rollback is not None and step.rollback.attempts > TRIES_MAX:
        yield f"try {step.rollback.attempts} of the undo of step {number}, which has {TRIES_MAX}"
    if not re.search(rf"-rollback-{number}(-r\d+)?$", move.child.metadata.name):
        yield f"undo of step {number} under a name that is not its own"
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
