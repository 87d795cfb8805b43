"""Rollback: completed steps undone in reverse order of completion (BR-WF-051, 053, 054, 035, 037).

Rules:
1. Only what took effect is undone: completed steps, and a failed one whose executor offers an undo.
2. No step is undone before every undoable dependent of it has been dealt with.
3. The undo comes from, first hit: the step's rollbackSpec, the child's own offer, the registry with the kept facts.
4. An irreversible step is listed as such; it is not a failure.
5. A failed undo is recorded, the next one still runs; there is no rollback of a rollback.
"""

from typing import Any, Final

from wfexec.core.attempts import classify
from wfexec.core.birth import body, undo_spec
from wfexec.core.children import map_undo, undo_from_information, undo_from_state, undo_name
from wfexec.core.draft import Draft
from wfexec.core.ending import cancelled, close_steps, fail
from wfexec.core.fold import absent
from wfexec.model.base import clip, evolve
from wfexec.model.execution import KubernetesExecution
from wfexec.model.meta import ObjectReference
from wfexec.model.parameters import ActionParameters
from wfexec.model.phases import RETRYABLE, ErrorType, ExecutionPhase, Phase, StepState, UndoState
from wfexec.model.recipe import RecipeStep
from wfexec.model.status import RollbackStatus, StepRollback

# Three tries in all, after 0, 5 and 10 seconds.
UNDO_DELAYS_MS: Final = (0, 5_000, 10_000)
_DONE: Final = frozenset({UndoState.SUCCEEDED, UndoState.FAILED, UndoState.NOT_REVERSIBLE, UndoState.SKIPPED})


def undoable(draft: Draft) -> bool:
    """Is there anything to undo?"""
    return any(_took_effect(draft, position) for position in range(len(draft.steps)))


def _took_effect(draft: Draft, position: int) -> bool:
    state = draft.steps[position]
    if state.status is StepState.COMPLETED:
        return True
    if state.status is not StepState.FAILED:
        return False
    child = _forward_child(draft, position)
    information = child.status.rollback_information if child is not None else None
    return information is not None and information.available


def _forward_child(draft: Draft, position: int) -> KubernetesExecution | None:
    reference = draft.steps[position].k8s_execution_ref
    return draft.snapshot.children.get(reference.name) if reference is not None else None


def undo_order(draft: Draft) -> tuple[int, ...]:
    """Positions to undo: latest completion first, but never before a dependent that is undone as well."""
    wanted = {position for position in range(len(draft.steps)) if _took_effect(draft, position)}
    waiting = {
        position: sum(1 for other in draft.recipe.steps[position].dependents if other in wanted) for position in wanted
    }
    order: list[int] = []
    free = [position for position, count in waiting.items() if not count]
    while free:
        free.sort(key=lambda position: (draft.steps[position].end_time or 0, position))
        position = free.pop()
        order.append(position)
        for dependency in draft.recipe.steps[position].dependencies:
            if dependency in waiting:
                waiting[dependency] -= 1
                if not waiting[dependency]:
                    free.append(dependency)
    return tuple(order)


def enter_rolling_back(draft: Draft, reason: str) -> None:
    """Fix the order and what can be undone, then start in the same write."""
    order = undo_order(draft)
    irreversible = 0
    close_steps(draft, "not started: rollback")
    for position in order:
        found = undo_of(draft, position)
        if found is None:
            irreversible += 1
            record = StepRollback(status=UndoState.NOT_REVERSIBLE, message="nothing is known that would undo it")
        else:
            record = StepRollback(status=UndoState.PENDING, action=clip(found[0], 253))
        draft.set_step(position, rollback=record)
    status = RollbackStatus(
        strategy=draft.recipe.rollback_strategy,
        reason=clip(reason),
        start_time=draft.now,
        order=tuple(draft.recipe.steps[position].number for position in order),
        total=len(order),
        not_reversible=irreversible,
    )
    draft.move_phase(
        Phase.ROLLING_BACK, f"rolling back {len(order)} steps: {reason}",
        rollback=status, rollback_reason=clip(reason, 4096), paused_at=None, paused_from="",
    )  # fmt: skip
    draft.event("Normal", "RollbackStarted", f"{len(order)} steps to undo: {reason}")
    draft.count("kubernaut_workflowexecution_rollbacks_total", draft.recipe.name, "step_failure")
    if irreversible < len(order):
        rolling_back(draft)
    else:
        # Nothing to start: the phase is written down before it is left again.
        draft.wake(draft.now)


def undo_of(draft: Draft, position: int) -> tuple[str, ActionParameters | None] | None:
    """Action and parameters that undo a step; None when it is irreversible."""
    step = draft.recipe.steps[position]
    spec = step.spec.rollback_spec
    child = _forward_child(draft, position)
    information = child.status.rollback_information if child is not None else None
    offered = undo_from_information(information) if information is not None else None
    if spec is not None and spec.parameters is not None:
        return spec.action, map_undo(spec.parameters)
    if information is not None and offered is not None:
        return (spec.action if spec is not None else information.rollback_action or step.undo or "undo"), offered
    by_default = undo_from_state(step.spec.parameters, draft.steps[position].pre_state)
    if by_default is not None:
        return (spec.action if spec is not None else step.undo or "undo"), by_default
    return None


def rolling_back(draft: Draft) -> None:
    """Fold the undos that run, start the ones that may, end when all are dealt with."""
    positions = _positions(draft)
    overdue = draft.now > _deadline(draft)
    active = 0
    for position in positions:
        record = draft.steps[position].rollback
        if record is not None and record.status is UndoState.EXECUTING:
            active += _fold_undo(draft, position, record, overdue)
    slots = draft.recipe.parallel_max if draft.settings.rollback_parallel else 1
    open_before: set[int] = set()
    for position in positions:
        record = draft.steps[position].rollback
        if record is None or record.status in _DONE:
            continue
        step = draft.recipe.steps[position]
        blocked = bool(open_before) if slots == 1 else any(one in open_before for one in step.dependents)
        open_before.add(position)
        if record.status is UndoState.EXECUTING:
            continue
        if overdue:
            _close_undo(draft, position, record, UndoState.FAILED, "the rollback's time was over")
            open_before.discard(position)
        elif not blocked and active < slots:
            active += _try_undo(draft, position, record)
    draft.set(active_steps=active, queued_steps=0)
    _tally(draft, positions)
    if not open_before:
        _end(draft)
    else:
        draft.wake(_deadline(draft) + 1)


def _positions(draft: Draft) -> list[int]:
    """Positions in the order fixed at the beginning; numbers that no longer fit are passed over."""
    status = draft.get("rollback")
    by_number = {step.number: step.position for step in draft.recipe.steps}
    return [by_number[number] for number in (status.order if status is not None else ()) if number in by_number]


def _deadline(draft: Draft) -> int:
    status = draft.get("rollback")
    began = status.start_time if status is not None else draft.now
    return int(began + draft.settings.rollback_total_timeout)


def _limit(draft: Draft, step: RecipeStep) -> int:
    spec = step.spec.rollback_spec
    given = spec.timeout if spec is not None else None
    return min(draft.settings.rollback_step_timeout if given is None else given, 900_000)


def _try_undo(draft: Draft, position: int, record: StepRollback) -> int:
    """Start the next try if its time has come; 1 when something runs now."""
    if record.next_retry_time is not None and record.next_retry_time > draft.now:
        draft.wake(record.next_retry_time)
        return 0
    child = _undo_child(draft, position, record.attempts)
    if child is None:
        _close_undo(draft, position, record, UndoState.NOT_REVERSIBLE, "nothing is known that would undo it")
        return 0
    name = child.metadata.name
    made = evolve(
        record,
        status=UndoState.EXECUTING,
        attempts=record.attempts + 1,
        start_time=draft.now,
        next_retry_time=None,
        execution_ref=ObjectReference(name=name, namespace=child.metadata.namespace),
    )
    draft.set_step(position, rollback=made)
    if name not in draft.snapshot.children:
        draft.creates.append(child)
    draft.wake(draft.now + child.spec.timeout + 1)
    return 1


def _undo_child(draft: Draft, position: int, attempt: int) -> KubernetesExecution | None:
    step = draft.recipe.steps[position]
    found = undo_of(draft, position)
    if found is None:
        return None
    action, parameters = found
    spec = evolve(
        undo_spec(draft, step),
        action=clip(action, 253),
        parameters=parameters,
        timeout=max(1_000, _limit(draft, step)),
        approval_received=True,
    )
    name = undo_name(draft.workflow.metadata.name, step.number, attempt)
    return body(draft, name, step, attempt, spec, undo=True)


def _fold_undo(draft: Draft, position: int, record: StepRollback, overdue: bool) -> int:
    """What an undo's child says; 1 while it is still running."""
    step = draft.recipe.steps[position]
    name = undo_name(draft.workflow.metadata.name, step.number, max(0, record.attempts - 1))
    child = draft.snapshot.children.get(name)
    if child is not None and child.status.phase == ExecutionPhase.COMPLETED.value:
        results = child.status.execution_results
        if results is None or results.success is not False:
            _undone(draft, position, record)
            return 0
    if child is not None and child.status.phase in (ExecutionPhase.COMPLETED.value, ExecutionPhase.FAILED.value):
        _undo_failed(draft, position, record, *classify(child))
        return 0
    if child is None and not _undo_missing(draft, position, record, name):
        return 0
    limit = (record.start_time or draft.now) + _limit(draft, step)
    if overdue or draft.now > limit:
        _undo_failed(draft, position, record, ErrorType.TIMEOUT, "the undo's timeout passed", final=overdue)
        return 0
    draft.wake(limit + 1)
    return 1


def _undo_missing(draft: Draft, position: int, record: StepRollback, name: str) -> bool:
    """True while there is hope for the child of this try."""
    verdict = absent(draft, name)
    if isinstance(verdict, tuple):
        _undo_failed(draft, position, record, *verdict)
        return False
    if verdict is not None:
        draft.wake(verdict)
        return True
    child = _undo_child(draft, position, max(0, record.attempts - 1))
    if child is None:
        _close_undo(draft, position, record, UndoState.NOT_REVERSIBLE, "nothing is known that would undo it")
        return False
    draft.creates.append(child)
    return True


def _undone(draft: Draft, position: int, record: StepRollback) -> None:
    step = draft.recipe.steps[position]
    made = evolve(record, status=UndoState.SUCCEEDED, end_time=draft.now, message="")
    draft.move_step(position, StepState.ROLLED_BACK, rollback=made)
    draft.event("Normal", "StepRolledBack", f"step {step.number} ({step.name}) undone by {record.action}")


def _undo_failed(
    draft: Draft, position: int, record: StepRollback, error: ErrorType, message: str, *, final: bool = False
) -> None:
    """Another try for a passing error, else recorded and left (BR-WF-035, BR-WF-037)."""
    if not final and error in RETRYABLE and record.attempts < len(UNDO_DELAYS_MS):
        made = evolve(
            record,
            status=UndoState.RETRYING,
            next_retry_time=draft.now + UNDO_DELAYS_MS[record.attempts],
            message=clip(f"{error}: {message}"),
        )
        draft.set_step(position, rollback=made)
        return
    _close_undo(draft, position, record, UndoState.FAILED, f"{error}: {message}")
    step = draft.recipe.steps[position]
    draft.event(
        "Warning", "RollbackFailed", f"step {step.number} ({step.name}) could not be undone: {error}: {message}"
    )


def _close_undo(draft: Draft, position: int, record: StepRollback, state: UndoState, message: str) -> None:
    made = evolve(record, status=state, end_time=draft.now, next_retry_time=None, message=clip(message))
    draft.set_step(position, rollback=made)


def _tally(draft: Draft, positions: list[int]) -> None:
    states = [record.status for position in positions if (record := draft.steps[position].rollback) is not None]
    status: Any = draft.get("rollback")
    counts = {
        "succeeded": states.count(UndoState.SUCCEEDED),
        "failed": states.count(UndoState.FAILED),
        "not_reversible": states.count(UndoState.NOT_REVERSIBLE),
    }
    if status is not None and any(getattr(status, field) != value for field, value in counts.items()):
        draft.set(rollback=evolve(status, **counts))


def _end(draft: Draft) -> None:
    """Everything is dealt with: the workflow failed (or was cancelled), and its rollback is told apart (BR-WF-051)."""
    status = draft.get("rollback")
    if status is not None:
        status = evolve(status, end_time=draft.now)
        draft.set(rollback=status)
    failed = status.failed if status is not None else 0
    undone = status.succeeded if status is not None else 0
    summary = f"{undone} undone, {failed} failed" + (
        f", {status.not_reversible} not reversible" if status is not None and status.not_reversible else ""
    )
    if failed:
        draft.condition("RollbackFailed", True, "UndoFailed", summary)
        draft.event("Warning", "EscalationRequired", f"rollback incomplete: {summary}")
    else:
        draft.condition("RolledBack", True, "RollbackCompleted", summary)
        draft.event("Normal", "RollbackCompleted", summary)
    if draft.workflow.spec.cancel:
        cancelled(draft, f"cancelled; rollback: {summary}")
        return
    reason = draft.get("failure_reason") or "rolled_back: by request"
    fail(draft, reason, draft.get("error_type") or ErrorType.UNKNOWN_ERROR)
