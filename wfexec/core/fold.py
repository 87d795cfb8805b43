"""One running step and its child: what the child says becomes the step's state (BR-WF-014, BR-WF-017, BR-WF-031).

Cases, in this order: the child ended; it is still on its way; it is not there (not made yet, deleted, not ours, or it
cannot be made). An end that can be seen beats a timeout.
"""

from typing import Final

from wfexec.core.attempts import classify, may_retry, own_retries, retry_delay
from wfexec.core.birth import attempt_limit, birth
from wfexec.core.children import child_name
from wfexec.core.conditions import kept_promise
from wfexec.core.draft import Draft
from wfexec.core.health import watch_for_silence
from wfexec.core.references import late_parameters
from wfexec.core.results import fold_results
from wfexec.model.base import clip, evolve
from wfexec.model.execution import KubernetesExecution
from wfexec.model.expressions import EvaluationError
from wfexec.model.facts import FORBIDDEN_MS
from wfexec.model.phases import EXECUTION_ENDED, RETRYABLE, ErrorType, ExecutionPhase, RollbackStrategy, StepState
from wfexec.model.plan import DeleteChild
from wfexec.model.recipe import RecipeStep
from wfexec.model.snapshot import CreateFailure
from wfexec.model.status import AttemptStatus, StepStatus
from wfexec.model.words import PAUSED

# Refusals that say nothing about the child itself: they are waited out, however long they last.
PASSING_CODES: Final = frozenset({"throttled", "unavailable", "lost", "conflict"})
CREATE_TRIES: Final = 5
NOT_MADE: Final = "StepCreationFailed"
FORBIDDEN: Final = "forbidden"
CREATE_DELAY_MS: Final = 100
# Read at every look, and a member of an enumeration is read by a call.
_COMPLETED: Final = ExecutionPhase.COMPLETED.value
_FAILED: Final = ExecutionPhase.FAILED.value
_ON_ITS_WAY: Final = frozenset(str(phase) for phase in ExecutionPhase) - {_COMPLETED, _FAILED}


def on_its_way(before: KubernetesExecution, after: KubernetesExecution) -> bool:
    """The same child, running before and after: between two such versions no decision can differ."""
    status, meta = after.status, after.metadata
    return (
        status.phase in _ON_ITS_WAY
        and before.status.phase in _ON_ITS_WAY
        and before.metadata.uid == meta.uid
        and before.metadata.deletion_timestamp == meta.deletion_timestamp
    )


def fold_child(draft: Draft, position: int, overdue: bool) -> bool:
    """True while the step is still running; `overdue` when the workflow's deadline has passed."""
    state = draft.steps[position]
    step = draft.recipe.steps[position]
    reference, attempts = state.k8s_execution_ref, state.attempts
    if reference is None:
        name = child_name(draft.workflow.metadata.name, step.number, max(0, len(attempts) - 1))
    else:
        name = reference.name
    child = draft.snapshot.children.get(name)
    phase = "unseen"
    if child is not None:
        if len(attempts) > 1:
            _made_after_all(draft, position, name)
        phase = child.status.phase
        if phase == _COMPLETED:
            results = child.status.execution_results
            if results is not None and results.success is False:
                _failed(draft, position, *classify(child), child)
            else:
                return _completed(draft, position, child, overdue)
            return False
        if phase == _FAILED:
            _failed(draft, position, *classify(child), child)
            return False
        if phase not in _ON_ITS_WAY:
            draft.log(
                "warning", "child has an unknown phase", ("kubernetesexecution", name), ("phase", clip(phase, 63))
            )
    elif not _missing(draft, position, step, max(0, len(attempts) - 1), name):
        return False
    started = attempts[-1].start_time if attempts else state.start_time or draft.now
    limit = started + attempt_limit(draft, step, started)
    if draft.status.phase == PAUSED and not draft.workflow.spec.cancel:
        # A pause stops the clocks; the child keeps its own.
        return True
    if overdue or draft.now > limit:
        _timed_out(draft, position, overdue)
        return False
    draft.wake(limit + 1)
    if not phase:
        watch_for_silence(draft, name, started)
    return True


def _missing(draft: Draft, position: int, step: RecipeStep, attempt: int, name: str) -> bool:
    """The child is not there: ask for it again, wait, or give up; true while there is hope."""
    verdict = absent(draft, name)
    if verdict is None and draft.workflow.spec.cancel:
        # Intended but never made: with the cancellation seen it never will be.
        verdict = (ErrorType.CANCELLED, "cancelled before it was started")
    if isinstance(verdict, tuple):
        error, message = verdict
        if error is ErrorType.CREATION_FAILED:
            draft.condition(NOT_MADE, True, "CreateRefused", message)
        if error is ErrorType.CHILD_DELETED and draft.workflow.spec.cancel:
            error = ErrorType.CANCELLED
        _failed(draft, position, error, message, None)
        return False
    if refused := refused_so_far(draft, name):
        draft.troubles.append(("CreateRefused", refused))
    if verdict is None:
        return _born(draft, position, step, attempt)
    draft.wake(verdict)
    return True


def _made_after_all(draft: Draft, position: int, name: str) -> None:
    """The complaint that a child could not be made ends when one is, unless another step still lacks its own."""
    lacked_no_more(draft, position, "Created", f"KubernetesExecution {name} could be made")


def lacked_no_more(draft: Draft, position: int, reason: str, message: str) -> None:
    """This step lacks no child any more; where no other does, the complaint that one could not be made ends."""
    if not any(one.type == NOT_MADE and one.status == "True" for one in draft.get("conditions")):
        return
    lacking = (StepState.FAILED, StepState.RETRYING)
    for place, state in enumerate(draft.steps):
        if place != position and state.status in lacking and state.error_type is ErrorType.CREATION_FAILED:
            return
    draft.condition(NOT_MADE, False, reason, message)


def refused_so_far(draft: Draft, name: str) -> str:
    """What to tell of a child that may not be made just now; "" if nobody forbids it."""
    failure = draft.snapshot.create_failures.get(name)
    if failure is None or failure.code != FORBIDDEN:
        return ""
    return f"KubernetesExecution {name} is refused, and tried again: {failure.message}"


def _born(draft: Draft, position: int, step: RecipeStep, attempt: int) -> bool:
    """Ask for the child of an attempt that was written down; true while the attempt goes on."""
    if not step.late:
        draft.create(birth(draft, step, attempt))
        return True
    told = late_parameters(draft, step, attempt)
    if isinstance(told, EvaluationError):
        _failed(draft, position, ErrorType.VALIDATION_ERROR, told.message, None)
        return False
    if told is not None:
        draft.create(birth(draft, step, attempt, told))
    return True


def absent(draft: Draft, name: str) -> tuple[ErrorType, str] | int | None:
    """Why a child that was intended is not there: an error that ends its try, when to ask again, or None for now."""
    snapshot = draft.snapshot
    if name in snapshot.foreign:
        text = f"KubernetesExecution {name} exists and belongs to somebody else; delete it or rename the workflow"
        return ErrorType.NAME_CONFLICT, text
    if name in snapshot.gone:
        return ErrorType.CHILD_DELETED, f"KubernetesExecution {name} was deleted while it ran"
    failure = snapshot.create_failures.get(name)
    if failure is None:
        return None
    if _hopeless(failure):
        return ErrorType.CREATION_FAILED, f"{failure.code}: {failure.message}"
    again = due_again(failure)
    return again if draft.now < again else None


def _hopeless(failure: CreateFailure) -> bool:
    if failure.code in PASSING_CODES:
        return False
    if failure.code == FORBIDDEN:
        return lasting(failure)
    return failure.final or failure.times >= CREATE_TRIES


def lasting(failure: CreateFailure) -> bool:
    """Is this refusal of a right believed?"""
    return failure.final or failure.at - failure.since >= FORBIDDEN_MS


def due_again(failure: CreateFailure) -> int:
    """When what was refused is asked for again."""
    return failure.at + (CREATE_DELAY_MS << min(failure.times - 1, 8))


def _end_attempt(
    state: StepStatus, phase: str, now: int, error: str = "", kind: ErrorType | None = None
) -> tuple[AttemptStatus, ...]:
    if not state.attempts:
        return ()
    last = state.attempts[-1]
    last = evolve(last, phase=phase, end_time=max(now, last.start_time), error=clip(error), error_type=kind)
    return (*state.attempts[:-1], last)


def _ended_at(draft: Draft, child: KubernetesExecution | None, state: StepStatus) -> int:
    """The child's own word for when it ended, where it is between its start and now; else when that was first seen."""
    told = _told_end(draft, child, state)
    if told is not None:
        return told
    seen = state.attempts[-1].end_time if state.attempts else None
    return draft.now if seen is None else seen


def _told_end(draft: Draft, child: KubernetesExecution | None, state: StepStatus) -> int | None:
    results = child.status.execution_results if child is not None else None
    told = results.end_time if results is not None else None
    started = state.attempts[-1].start_time if state.attempts else draft.now
    return told if told is not None and started <= told <= draft.now else None


def _completed(draft: Draft, position: int, child: KubernetesExecution, overdue: bool) -> bool:
    """The child did its part; true while it is waited for that what the step promised holds."""
    state, step = draft.steps[position], draft.recipe.steps[position]
    started = state.attempts[-1].start_time if state.attempts else draft.now
    ended = _ended_at(draft, child, state)
    promise = kept_promise(draft, step, ended, overdue)
    if promise is None:
        unnoted = bool(state.attempts) and state.attempts[-1].end_time is None
        if unnoted and _told_end(draft, child, state) is None:
            # The next look must not take it for an end of then: what is judged are facts of after this one.
            draft.set_step(position, attempts=_end_attempt(state, StepState.EXECUTING, ended))
        return True
    if isinstance(promise, str):
        _failed(draft, position, ErrorType.VALIDATION_ERROR, promise, child)
        return False
    draft.move_step(
        position,
        StepState.COMPLETED,
        end_time=ended,
        result=fold_results(step, child, ended - started, state.pre_state, success=True),
        retries_attempted=state.retries_attempted + own_retries(child),
        error_message="",
        error_type=None,
        k8s_execution_ref=_with_uid(state, child),
        attempts=_end_attempt(state, StepState.COMPLETED, ended),
        post_condition_results=promise,
    )
    draft.event("Normal", "StepCompleted", f"step {step.number} ({step.name}) completed")
    draft.count("kubernaut_workflowexecution_steps_completed_total", draft.recipe.name, step.action, "success")
    draft.count(
        "kubernaut_workflowexecution_step_execution_duration_seconds",
        step.action,
        value=max(0, ended - started) / 1_000,
    )
    return False


def _with_uid(state: StepStatus, child: KubernetesExecution | None) -> object:
    reference = state.k8s_execution_ref
    if reference is None or child is None or reference.uid == child.metadata.uid:
        return reference
    return evolve(reference, uid=child.metadata.uid)


def _failed(draft: Draft, position: int, error: ErrorType, message: str, child: KubernetesExecution | None) -> None:
    """The attempt failed: another one later, or the end of the step."""
    state, step = draft.steps[position], draft.recipe.steps[position]
    used = state.retries_attempted + own_retries(child)
    message = draft.told(message, 4096)
    started = state.attempts[-1].start_time if state.attempts else draft.now
    ended = _ended_at(draft, child, state)
    shared = {
        "error_message": message,
        "error_type": error,
        "k8s_execution_ref": _with_uid(state, child),
        "attempts": _end_attempt(state, StepState.FAILED, ended, message or error, error),
    }
    if may_retry(error, used - state.retry_base, step.retries_max) and not draft.workflow.spec.cancel:
        attempt = max(1, len(state.attempts))
        turn = max(1, min(attempt, used - state.retry_base + 1))
        delay = retry_delay(draft.workflow.metadata.uid, step.number, turn, draft.settings, step.retry_delay_ms)
        draft.move_step(
            position, StepState.RETRYING, retries_attempted=used + 1, next_retry_time=draft.now + delay,
            ready_time=None, **shared,
        )  # fmt: skip
        text = f"step {step.number} ({step.name}): {error}; attempt {attempt + 1} in {round(delay / 1_000)}s"
        draft.event("Warning", "StepRetrying", text)
        return
    result = None
    if child is not None:
        result = fold_results(step, child, ended - started, state.pre_state, success=False)
    draft.move_step(
        position, StepState.FAILED, retries_attempted=used, end_time=ended, result=result, **shared
    )  # fmt: skip
    draft.event("Warning", "StepFailed", f"step {step.number} ({step.name}): {error}: {message}")
    draft.count("kubernaut_workflowexecution_steps_completed_total", draft.recipe.name, step.action, "failed")
    draft.count("kubernaut_workflowexecution_errors_total", error, "executing")
    _count_exhausted(draft, position)


def _count_exhausted(draft: Draft, position: int) -> None:
    """Its error may pass by itself, and all further attempts that it had were made."""
    state, most = draft.steps[position], draft.recipe.steps[position].retries_max
    if state.error_type in RETRYABLE and 0 < most <= state.retries_attempted - state.retry_base:
        draft.count("kubernaut_workflowexecution_step_retry_exhausted_total", state.action)


def _timed_out(draft: Draft, position: int, overdue: bool) -> None:
    """The limit passed with no end to be seen.

    A child that another attempt or an undo may follow is deleted, so that two never act at once.
    """
    what = "the workflow's deadline passed" if overdue else "the step's timeout passed"
    if overdue:
        # No attempt can follow: what is retryable in itself ends here.
        _give_up(draft, position, what)
    else:
        _failed(draft, position, ErrorType.TIMEOUT, what, None)
    followed = draft.steps[position].status is StepState.RETRYING or (
        draft.recipe.rollback_strategy is RollbackStrategy.AUTOMATIC
    )
    if followed:
        clear_away(draft, position)


def clear_away(draft: Draft, position: int) -> None:
    """Delete the child of an attempt that was given up and that something may follow, as long as it is still there.

    Asked at every look: what was written down before a crash or a lost reply is done after it (BR-WF-025).
    """
    reference = draft.steps[position].k8s_execution_ref
    if reference is not None:
        clear_child(draft, reference.name)


def clear_child(draft: Draft, name: str) -> None:
    """Delete this child if it still runs."""
    child = draft.snapshot.children.get(name)
    if child is None or child.status.phase in EXECUTION_ENDED or child.metadata.deletion_timestamp is not None:
        return
    meta = child.metadata
    if all(one.uid != meta.uid for one in draft.deletes):
        draft.deletes.append(DeleteChild(meta.name, meta.uid, meta.resource_version))


def _give_up(draft: Draft, position: int, what: str) -> None:
    state, step = draft.steps[position], draft.recipe.steps[position]
    draft.move_step(
        position,
        StepState.FAILED,
        end_time=draft.now,
        error_message=what,
        error_type=ErrorType.TIMEOUT,
        attempts=_end_attempt(state, StepState.FAILED, draft.now, what, ErrorType.TIMEOUT),
    )
    draft.event("Warning", "StepFailed", f"step {step.number} ({step.name}): timeout: {what}")
    draft.count("kubernaut_workflowexecution_steps_completed_total", draft.recipe.name, step.action, "failed")
    draft.count("kubernaut_workflowexecution_errors_total", ErrorType.TIMEOUT, "executing")
    _count_exhausted(draft, position)
