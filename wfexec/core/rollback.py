"""Rollback: completed steps undone in reverse order of completion (BR-WF-051 to 055, 035, 037).

The rules are in `docs/rollback.md`; what undoes a step and in which order is in `core.undo`.
"""

from typing import Any, Final

from wfexec.core.attempts import classify
from wfexec.core.birth import body, undo_spec
from wfexec.core.children import undo_name
from wfexec.core.copies import awaits_copy
from wfexec.core.doubt import TOLD, doubted_on, in_doubt
from wfexec.core.draft import Draft, UndoRequest
from wfexec.core.ending import cancelled, close_steps, fail
from wfexec.core.fold import absent, clear_away, clear_child, refused_so_far
from wfexec.core.maintenance import hold_rollback, let_rollback_go
from wfexec.core.undo import differences, expectation_of, tell_end, undo_of, undo_order
from wfexec.model.base import clip, evolve
from wfexec.model.execution import KubernetesExecution
from wfexec.model.facts import AskTarget, Facts, TargetFacts, TargetRef, Unknown
from wfexec.model.meta import ObjectReference
from wfexec.model.phases import RETRYABLE, ErrorType, ExecutionPhase, Phase, ResourceHealth, StepState, UndoState
from wfexec.model.recipe import RecipeStep
from wfexec.model.status import RollbackStatus, StepRollback
from wfexec.units import so_many

# What an executor may be asked to take for one undo.
UNDO_TIMEOUT_MAX_MS: Final = 900_000
# Three tries in all, after 0, 5 and 10 seconds.
UNDO_DELAYS_MS: Final = (0, 5_000, 10_000)
# An undo whose effect nobody can look at within this time counts as done, and says that it was not verified.
VERIFY_LIMIT_MS: Final = 30_000
_GIVEN_UP: Final = frozenset({UndoState.RETRYING, UndoState.FAILED})
_DONE: Final = frozenset({UndoState.SUCCEEDED, UndoState.FAILED, UndoState.NOT_REVERSIBLE, UndoState.SKIPPED})


def enter_rolling_back(
    draft: Draft, reason: str, request: UndoRequest | None = None, *, cause: str = "step_failure"
) -> None:
    """Fix the order and what can be undone, then start in the same write; `request`: a person asked for it."""
    order = undo_order(draft, request.to_step if request is not None else None)
    close_steps(draft, "not started: rollback")
    for position in order:
        draft.set_step(position, rollback=_first_record(draft, position))
    records = [draft.steps[position].rollback for position in order]
    irreversible = sum(1 for one in records if one is not None and one.status is UndoState.NOT_REVERSIBLE)
    status = RollbackStatus(
        strategy=draft.recipe.rollback_strategy,
        reason=draft.told(reason),
        requested_by=request.by if request is not None else "",
        to_step=request.to_step if request is not None else None,
        start_time=draft.now,
        order=tuple(draft.recipe.steps[position].number for position in order),
        total=len(order),
        not_reversible=irreversible,
    )
    draft.move_phase(
        Phase.ROLLING_BACK, f"rolling back {so_many(len(order), 'step')}: {reason}",
        rollback=status, rollback_reason=draft.told(reason, 4096), paused_at=None, paused_from="", completion_time=None,
        health=ResourceHealth.UNHEALTHY,
    )  # fmt: skip
    draft.event("Normal", "RollbackStarted", f"{so_many(len(order), 'step')} to undo: {reason}")
    cause = cause if request is None else "manual"
    draft.count("kubernaut_workflowexecution_rollbacks_total", draft.recipe.name, cause)
    if irreversible < len(order):
        rolling_back(draft)
    else:
        # Nothing to start: the phase is written down before it is left again.
        draft.wake(draft.now)


def _first_record(draft: Draft, position: int) -> StepRollback:
    """Of a step whose undo has not begun; tries of an earlier rollback are counted, so that no child's name returns."""
    before = draft.steps[position].rollback
    earlier = before.earlier + before.attempts if before is not None else 0
    found = undo_of(draft, position)
    if found is None:
        return StepRollback(
            status=UndoState.NOT_REVERSIBLE, earlier=earlier, message="nothing is known that would undo it"
        )
    return StepRollback(status=UndoState.PENDING, action=clip(found[0], 253), earlier=earlier)


def rolling_back(draft: Draft) -> None:
    """Fold the undos that run, start the ones that may, end when all are dealt with."""
    positions = _positions(draft)
    waits = hold_rollback(draft)
    overdue = not waits and draft.now > _deadline(draft)
    for position, state in enumerate(draft.steps):
        if state.status is StepState.FAILED:
            clear_away(draft, position)
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
            _give_up_undo(draft, position, record, ErrorType.TIMEOUT, "the rollback's time was over")
            open_before.discard(position)
        elif not blocked and active < slots and not waits:
            active += _try_undo(draft, position, record)
            if _is_done(draft, position):
                open_before.discard(position)
    draft.set(active_steps=active, queued_steps=0)
    _tally(draft, positions)
    if not open_before:
        _end(draft)
        return
    for position in positions:
        record = draft.steps[position].rollback
        if record is not None and record.status in _GIVEN_UP and record.execution_ref is not None:
            # Nothing is undone beside an undo that was given up and still hangs.
            clear_child(draft, record.execution_ref.name)
    if not waits:
        draft.wake(_deadline(draft) + 1)


def _is_done(draft: Draft, position: int) -> bool:
    record = draft.steps[position].rollback
    return record is None or record.status in _DONE


def _positions(draft: Draft) -> list[int]:
    """Positions in the order fixed at the beginning; numbers that no longer fit are passed over."""
    status = draft.get("rollback")
    by_number = {step.number: step.position for step in draft.recipe.steps}
    return [by_number[number] for number in (status.order if status is not None else ()) if number in by_number]


def _deadline(draft: Draft) -> int:
    status = draft.get("rollback")
    began = status.start_time if status is not None else draft.now
    return int(began + draft.settings.rollback_total_timeout + draft.get("paused_total"))


def _now_or(draft: Draft, started: int | None) -> int:
    """When something ends that `started` by the clock of whoever began it: never before that."""
    return max(draft.now, started or 0)


def _limit(draft: Draft, step: RecipeStep) -> int:
    spec = step.spec.rollback_spec
    given = spec.timeout if spec is not None else None
    return min(draft.settings.rollback_step_timeout if given is None else given, UNDO_TIMEOUT_MAX_MS)


def _try_undo(draft: Draft, position: int, record: StepRollback) -> int:
    """Start the next try if its time has come; 1 when something runs now."""
    if record.next_retry_time is not None and record.next_retry_time > draft.now:
        draft.wake(record.next_retry_time)
        return 0
    if _awaits(draft, position):
        return 0
    child = _undo_child(draft, position, record.earlier + record.attempts)
    if child is None:
        _close_undo(draft, position, record, UndoState.NOT_REVERSIBLE, "nothing is known that would undo it")
        return 0
    if not record.attempts:
        as_before = _as_before(draft, child)
        if as_before is None:
            _tell_doubt(draft, position, record, child)
            return 0
        if as_before:
            _close_undo(draft, position, record, UndoState.SKIPPED, "the target is as it was before already")
            return 0
    name = child.metadata.name
    made = evolve(
        record,
        status=UndoState.EXECUTING,
        attempts=record.attempts + 1,
        start_time=draft.now,
        next_retry_time=None,
        message="" if record.message.startswith(TOLD) else record.message,
        execution_ref=ObjectReference(name=name, namespace=child.metadata.namespace),
    )
    draft.set_step(position, rollback=made)
    draft.create(child)
    draft.wake(draft.now + child.spec.timeout + 1)
    return 1


def _as_before(draft: Draft, child: KubernetesExecution) -> bool | None:
    """Whether there is nothing left to undo; None while that is being asked. What cannot be seen is undone."""
    expected = expectation_of(child.spec.parameters)
    if expected is None:
        return False
    status = draft.get("rollback")
    ends = [step.rollback.end_time for step in draft.steps if step.rollback is not None and step.rollback.end_time]
    since = draft.seen_since(status.start_time if status is not None else draft.now, *ends)
    facts = _facts_since(draft, expected.target, since)
    if facts is None:
        return None
    if not isinstance(facts, TargetFacts) or not facts.exists or facts.terminating:
        return False
    state = facts.state
    return all(key in state for key in expected.state) and not differences(expected.state, state)


def _facts_since(draft: Draft, target: TargetRef, since: int) -> Facts | None:
    """What was seen of an object at or after `since`; asked for when it was not."""
    question = AskTarget(target)
    answer = draft.snapshot.answers.get(question)
    if answer is None or answer.at < draft.seen_since(since):
        draft.questions.append(question)
        return None
    return None if doubted_on(draft, (question,)) else answer.facts


def _tell_doubt(draft: Draft, position: int, record: StepRollback, child: KubernetesExecution) -> None:
    """Whoever waits for this undo can read why nobody looks at its target."""
    expected = expectation_of(child.spec.parameters)
    why = in_doubt(draft.snapshot.answers.get(AskTarget(expected.target))) if expected is not None else ""
    if why and record.message != (told := draft.told(TOLD + why)):
        draft.set_step(position, rollback=evolve(record, message=told))


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
    name = undo_name(draft.workflow.metadata.name, step.number, _try_number(record))
    child = draft.snapshot.children.get(name)
    if child is not None and child.status.phase == ExecutionPhase.COMPLETED.value:
        results = child.status.execution_results
        if results is None or results.success is not False:
            return _verify(draft, position, record, child)
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
    refused = refused_so_far(draft, name)
    if refused and record.message != (told := draft.told(refused)):
        draft.set_step(position, rollback=evolve(record, message=told))
    if verdict is not None:
        draft.wake(verdict)
        return True
    if _awaits(draft, position):
        return True
    child = _undo_child(draft, position, _try_number(record))
    if child is None:
        _close_undo(draft, position, record, UndoState.NOT_REVERSIBLE, "nothing is known that would undo it")
        return False
    draft.create(child)
    return True


def _awaits(draft: Draft, position: int) -> bool:
    """Is what undoes this step still being asked for?"""
    found = undo_of(draft, position)
    return found is not None and found[1] is None and awaits_copy(draft, position)


def _try_number(record: StepRollback) -> int:
    """Of the try that is on its way."""
    return record.earlier + max(0, record.attempts - 1)


def _verify(draft: Draft, position: int, record: StepRollback, child: KubernetesExecution) -> int:
    """Its executor says that the undo worked: look at the target before believing it; 1 while that takes time."""
    expected = expectation_of(child.spec.parameters)
    if expected is None:
        _undone(draft, position, record, "")
        return 0
    if record.end_time is None:
        record = evolve(record, end_time=_now_or(draft, record.start_time))
        draft.set_step(position, rollback=record)
    ended = record.end_time or draft.now
    facts = _facts_since(draft, expected.target, ended)
    until = draft.patient(ended + VERIFY_LIMIT_MS)
    if facts is None and draft.now <= until:
        draft.wake(until + 1)
        _tell_doubt(draft, position, record, child)
        return 1
    if not isinstance(facts, TargetFacts):
        why = facts.reason if isinstance(facts, Unknown) else "no answer"
        _undone(draft, position, record, f"not verified: {why}")
        return 0
    wrong = differences(expected.state, facts.state) if facts.exists else "it is not there"
    if wrong:
        target = f"{expected.target.kind} {expected.target.name}"
        _undo_failed(draft, position, record, ErrorType.VALIDATION_ERROR, f"{target} after the undo: {wrong}")
    else:
        _undone(draft, position, record, "")
    return 0


def _undone(draft: Draft, position: int, record: StepRollback, message: str) -> None:
    step = draft.recipe.steps[position]
    ended = _now_or(draft, record.start_time)
    made = evolve(record, status=UndoState.SUCCEEDED, end_time=ended, message=draft.told(message))
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
            end_time=None,
            next_retry_time=draft.now + UNDO_DELAYS_MS[record.attempts],
            message=draft.told(f"{error}: {message}"),
        )
        draft.set_step(position, rollback=made)
        return
    _give_up_undo(draft, position, record, error, message)


def _give_up_undo(draft: Draft, position: int, record: StepRollback, error: ErrorType, message: str) -> None:
    message = f"{error}: {message}"
    _close_undo(draft, position, record, UndoState.FAILED, message)
    step = draft.recipe.steps[position]
    draft.event("Warning", "RollbackFailed", f"step {step.number} ({step.name}) could not be undone: {message}")
    draft.count("kubernaut_workflowexecution_errors_total", error, Phase.ROLLING_BACK)


def _close_undo(draft: Draft, position: int, record: StepRollback, state: UndoState, message: str) -> None:
    ended = _now_or(draft, record.start_time)
    made = evolve(record, status=state, end_time=ended, next_retry_time=None, message=draft.told(message))
    draft.set_step(position, rollback=made)


def _tally(draft: Draft, positions: list[int]) -> None:
    states = [record.status for position in positions if (record := draft.steps[position].rollback) is not None]
    status: Any = draft.get("rollback")
    counts = {
        "succeeded": states.count(UndoState.SUCCEEDED),
        "failed": states.count(UndoState.FAILED),
        "not_reversible": states.count(UndoState.NOT_REVERSIBLE),
        "skipped": states.count(UndoState.SKIPPED),
    }
    if status is not None and any(getattr(status, field) != value for field, value in counts.items()):
        draft.set(rollback=evolve(status, **counts))


def _end(draft: Draft) -> None:
    """Everything is dealt with: the workflow failed (or was cancelled), and its rollback is told apart (BR-WF-051)."""
    let_rollback_go(draft)
    if (status := draft.get("rollback")) is not None:
        status = evolve(status, end_time=_now_or(draft, status.start_time))
        draft.set(rollback=status)
    failed = status.failed if status is not None else 0
    undone = status.succeeded if status is not None else 0
    summary = f"{undone} undone, {failed} failed"
    for count, word in (
        ((status.skipped, "as before already"), (status.not_reversible, "not reversible")) if status else ()
    ):
        summary += f", {count} {word}" if count else ""
    tell_end(draft, summary, whole=not failed)
    if draft.workflow.spec.cancel:
        cancelled(draft, f"cancelled; rollback: {summary}")
        return
    by = status.requested_by if status is not None else ""
    reason = draft.get("failure_reason") or f"rolled_back: at the request of {by or 'somebody'}"
    fail(draft, reason, draft.get("error_type") or ErrorType.CANCELLED)
