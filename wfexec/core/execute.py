"""The executing phase: fold what the children say, start what is ready (BR-WF-010 to 014, 030, 031, 166 to 168).

One pass over the steps in topological order: a dependency is judged before its dependents, so one look is enough to
carry a failure to everything behind it. Nothing is remembered between looks but status.
"""

from typing import Final, NamedTuple

from wfexec.core.adaptive import adapt, reorder
from wfexec.core.birth import birth, deadline_of, undo_facts
from wfexec.core.conditions import broke_promise, tell_misses
from wfexec.core.copies import keep_copies
from wfexec.core.draft import Draft
from wfexec.core.ending import cancelled, fail, note_failure, tell_cancel, tell_cancel_at_once
from wfexec.core.fold import clear_away, fold_child
from wfexec.core.health import judge_health, tell_pressure
from wfexec.core.injection import inject
from wfexec.core.monitoring import enter_monitoring
from wfexec.core.progress import count_batches, expect_end
from wfexec.core.reach import tell_source
from wfexec.core.references import late_parameters
from wfexec.core.rollback import enter_rolling_back
from wfexec.core.surroundings import keep_picture
from wfexec.core.triggers import give_up, triggered
from wfexec.core.turn import UNMET, counted, its_turn, may_begin
from wfexec.core.undo import undoable
from wfexec.core.when import AFTER_DEPENDENCY, condition_error, judge_when
from wfexec.model.base import clip, compact, evolve
from wfexec.model.expressions import EvaluationError
from wfexec.model.meta import ObjectReference
from wfexec.model.parameters import ActionParameters
from wfexec.model.phases import (
    STEP_ENDED,
    ErrorType,
    FailurePolicy,
    Phase,
    ResourceHealth,
    RollbackStrategy,
    StepState,
)
from wfexec.model.plan import DeleteChild
from wfexec.model.status import AttemptStatus, StepStatus
from wfexec.model.words import PAUSED, STEP_COMPLETED, STEP_PENDING
from wfexec.model.workflow import CancelChildren, CancelRollback
from wfexec.units import so_many

_EXECUTING: Final = StepState.EXECUTING
_RETRYING: Final = StepState.RETRYING
_FAILED: Final = StepState.FAILED
_TERMINATE: Final = FailurePolicy.TERMINATE
_AUTOMATIC: Final = RollbackStrategy.AUTOMATIC
# Begins the message of a workflow that starts nothing more and waits for what runs.
DRAINING: Final = "draining "
# A dependency in one of these has not been decided yet.
_UNDECIDED: Final = frozenset({StepState.PENDING, StepState.EXECUTING, StepState.RETRYING})
# Copied for each start: a validated constructor would cost as much as the rest of it.
_BLANK_ATTEMPT: Final = compact(AttemptStatus(name="unset", phase=StepState.EXECUTING, start_time=0))
_BLANK_REFERENCE: Final = compact(ObjectReference(name="unset"))


class Look(NamedTuple):
    """What one pass over the steps found; `ready` and `active` hold positions, `fatal` one that ends the execution.

    `failed`: whether any step has failed by now.
    """

    active: list[int]
    ready: list[int]
    fatal: int | None
    unfinished: int
    failed: bool


def enter_executing(draft: Draft) -> None:
    """Validation is over: record what rollback may need, then start the first steps in the same write."""
    draft.move_phase(Phase.EXECUTING, f"executing {so_many(len(draft.steps), 'step')}", health=ResourceHealth.HEALTHY)
    draft.condition("Executing", True, "Started")
    undo_facts(draft)
    keep_copies(draft)
    if draft.recipe.near is not None:
        keep_picture(draft)
    executing(draft)


def executing(draft: Draft) -> None:
    deadline = deadline_of(draft)
    overdue = draft.now > deadline
    spec = draft.workflow.spec
    rules = spec.adaptive_orchestration
    if (rules.optimization_enabled or rules.dynamic_step_adjustment) and draft.settings.adaptation:
        draft.rules = rules
    look = look_at_steps(draft, overdue)
    # Nothing but the end is looked at where the end has come.
    over = spec.cancel or overdue or look.fatal is not None or draft.undo_request is not None
    trigger = "" if over else triggered(draft)
    if over or trigger:
        _wind_down(draft, look, overdue, trigger)
        return
    active, ready, unfinished = look.active, look.ready, look.unfinished
    if draft.rules is not None:
        adapt(draft)
        unfinished = inject(draft, ready, unfinished)
    if not unfinished:
        count_steps(draft, 0, 0, 0)
        if STEP_COMPLETED not in draft.states and _FAILED in draft.states:
            _end_badly(draft, first_failed(draft), overdue=False)
        else:
            enter_monitoring(draft)
        return
    draft.wake(deadline + 1)
    if draft.status.message.startswith(DRAINING):
        # What they drained for is over: a failure was mended by hand, a request was taken back.
        draft.set(message=f"executing {so_many(len(draft.steps), 'step')}")
    queued = start_ready(draft, active, ready)
    if draft.creates and (draft.unwell or look.failed):
        # Nothing begins beside an attempt that was given up and still hangs, not even another step (BR-WF-166).
        for position, state in enumerate(draft.steps):
            if state.status is StepState.FAILED:
                clear_away(draft, position)
    count_steps(draft, len(active), queued, unfinished)
    if draft.settings.alertmanager_url:
        tell_source(draft)
    expect_end(draft)


def look_at_steps(draft: Draft, overdue: bool) -> Look:
    """Fold every child, skip what can no longer run, and find what is ready."""
    steps, recipe_steps, firsts, chained = draft.steps, draft.recipe.steps, draft.recipe.firsts, draft.recipe.chained
    spec = draft.workflow.spec
    # What each is for those that wait for it.
    adjusts = spec.adaptive_orchestration.dynamic_step_adjustment
    states = list(map(counted, steps)) if adjusts else draft.states.copy()
    # Read at -1 by those that depend on nothing.
    states.append(STEP_COMPLETED)
    terminate = spec.failure_policy is _TERMINATE
    undoes = draft.recipe.rollback_strategy is _AUTOMATIC
    # A workflow that pauses or winds down judges nothing that it will not start.
    judging = not overdue and not spec.cancel and draft.status.phase != PAUSED
    active: list[int] = []
    ready: list[int] = []
    fatal: int | None = None
    unfinished, failed = 0, False
    for position in draft.recipe.order:
        state = states[position]
        if state is STEP_COMPLETED:
            continue
        if state is STEP_PENDING:
            # Of a long workflow most steps wait for their first dependency, or for a place: told without a call.
            before = states[firsts[position]]
            if before in _UNDECIDED:
                unfinished += 1
                continue
            queued = before is STEP_COMPLETED and chained[position] and steps[position].ready_time is not None
            if queued or _is_ready(draft, position, states, judging):
                ready.append(position)
                unfinished += 1
                continue
            state, states[position] = steps[position].status, counted(steps[position])
        elif state is _EXECUTING:
            if fold_child(draft, position, overdue):
                active.append(position)
            state = states[position] = steps[position].status
            if state is STEP_COMPLETED:
                continue
            if state is _EXECUTING:
                unfinished += 1
                continue
        elif state is _RETRYING or (state is _FAILED and undoes):
            clear_away(draft, position)
        if state is _RETRYING:
            due = steps[position].next_retry_time
            if due is None or due <= draft.now:
                ready.append(position)
            else:
                draft.wake(due)
        if state not in STEP_ENDED:
            unfinished += 1
            continue
        failed = failed or state is _FAILED
        if state is StepState.BLOCKED or (
            state is _FAILED and (terminate or recipe_steps[position].critical or broke_promise(steps[position]))
        ):
            fatal = position if fatal is None else _earlier(steps, fatal, position)
    return Look(active, ready, fatal, unfinished, failed)


def _is_ready(draft: Draft, position: int, states: list[StepState], judging: bool) -> bool:
    """Whether a pending step may start; one that is found to be skipped, blocked or wrong is pending no more."""
    step = draft.recipe.steps[position]
    verdict = its_turn(step, states)
    if verdict is None:
        _skip(draft, position)
    elif verdict and judging and draft.steps[position].ready_time is None:
        if step.when is not None:
            verdict = judge_when(draft, step, step.when)
        if verdict:
            verdict = may_begin(draft, step)
    return verdict is True


def _earlier(steps: list[StepStatus], one: int, other: int) -> int:
    """Which of two failed steps ended first; ties by stepNumber."""
    return min(one, other, key=lambda position: (steps[position].end_time or 0, position))


def _skip(draft: Draft, position: int) -> None:
    step = draft.recipe.steps[position]
    unmet = next(
        (draft.recipe.steps[one] for one in step.dependencies if draft.steps[one].status in UNMET),
        draft.recipe.steps[step.dependencies[0]],
    )
    reason = clip(f"{AFTER_DEPENDENCY} {unmet.name!r} is {draft.steps[unmet.position].status}")
    draft.move_step(position, StepState.SKIPPED, skip_reason=reason, ready_time=None, end_time=draft.now)
    draft.event("Normal", "StepSkipped", f"step {step.number} ({step.name}) skipped: {reason}")


def start_ready(draft: Draft, active: list[int], ready: list[int]) -> int:
    """Start ready steps first come first served while there are places; returns how many are left in the queue.

    `active` grows by the started ones. The queue is status itself: `readyTime` is when a step joined it.
    """
    if not ready:
        return 0
    if len(ready) > 1:
        if draft.rules is not None:
            reorder(draft, ready, len(active))
        _line_up(draft, ready)
    steps, planned, most = draft.steps, draft.recipe.steps, draft.recipe.parallel_max
    pressure = draft.snapshot.pressure
    places = max(1, most >> pressure) if pressure else most
    queued = 0
    held = False
    for position in active:
        held = held or planned[position].barrier
    for position in ready:
        barrier = planned[position].barrier
        if not held and len(active) < places and not (barrier and active):
            if _start(draft, position):
                active.append(position)
                held = barrier
        else:
            # A barrier step at the head waits for an empty field: nothing may overtake it.
            held = held or barrier
            queued += 1
            if steps[position].ready_time is None:
                draft.set_step(position, ready_time=draft.now)
    if draft.misses is not None:
        tell_misses(draft, draft.misses)
    if queued and places < most:
        tell_pressure(draft, places, most)
    if queued and not draft.get("queued_steps"):
        draft.event("Normal", "ParallelLimitReached", f"{so_many(len(active), 'step')} active, {queued} queued")
    return queued


def _line_up(draft: Draft, ready: list[int]) -> None:
    """First come, first served; of those that came together the lower rank, then the lower number."""
    steps, planned, now = draft.steps, draft.recipe.steps, draft.now
    line = sorted([(steps[at].ready_time or now, planned[at].rank, at) for at in ready])
    ready[:] = [at for _, _, at in line]


def _start(draft: Draft, position: int) -> bool:
    """Write down the intent and ask for the child; looking again finds the same name. False: not yet, or never."""
    step = draft.recipe.steps[position]
    state = draft.steps[position]
    attempt = len(state.attempts)
    told: ActionParameters | None = None
    if step.late:
        made = late_parameters(draft, step, attempt)
        if made is None or isinstance(made, EvaluationError):
            _put_off(draft, position, made)
            return False
        told = made
    child = birth(draft, step, attempt, told)
    name = child.metadata.name
    record = evolve(_BLANK_ATTEMPT, name=name, start_time=draft.now)
    draft.move_step(
        position,
        _EXECUTING,
        start_time=draft.now if state.start_time is None else state.start_time,
        end_time=None,
        next_retry_time=None,
        ready_time=draft.now if state.ready_time is None else state.ready_time,
        k8s_execution_ref=evolve(_BLANK_REFERENCE, name=name, namespace=child.metadata.namespace),
        attempts=(*state.attempts, record),
    )
    draft.create(child)
    draft.wake(draft.now + min(child.spec.timeout, draft.settings.executor_silence) + 1)
    if step.number > draft.get("current_step"):
        draft.set(current_step=step.number)
    retry = f", attempt {attempt + 1}" if attempt else ""
    draft.event("Normal", "StepExecuting", f"step {step.number} ({step.name}): {step.action}{retry}")
    draft.count("kubernaut_workflowexecution_steps_created_total", draft.recipe.name, step.action)
    return True


def _put_off(draft: Draft, position: int, error: EvaluationError | None) -> None:
    """A ready step whose parameters are not complete: facts are awaited, or they cannot be completed."""
    if error is not None:
        condition_error(draft, draft.recipe.steps[position], "parameters", error)
        # What waits for it is judged at the next look, which comes at once.
        draft.wake(draft.now + 1)
    elif draft.steps[position].ready_time is None:
        draft.set_step(position, ready_time=draft.now)


def count_steps(draft: Draft, active: int, queued: int, unfinished: int) -> None:
    """Exact figures at every write (BR-WF-168); progress never falls."""
    total = len(draft.steps)
    progress = max(draft.get("progress"), 100 * (total - unfinished) // total)
    draft.set(active_steps=active, queued_steps=queued, progress=progress)
    count_batches(draft)
    judge_health(draft)


def first_failed(draft: Draft) -> int:
    """The failed or blocked step that ended first."""
    ended = [place for place, step in enumerate(draft.steps) if step.status in (StepState.FAILED, StepState.BLOCKED)]
    return min(ended, key=lambda place: (draft.steps[place].end_time or 0, place))


def _wind_down(draft: Draft, look: Look, overdue: bool, trigger: str) -> None:
    """Nothing new starts; once the running children have ended, the execution does (BR-WF-018, BR-WF-050)."""
    spec = draft.workflow.spec
    if look.active and draft.settings.drain_on_failure:
        deletes = spec.cancel and spec.on_cancel.children is CancelChildren.DELETE
        if deletes:
            _delete_children(draft, look.active)
        else:
            draft.set(message=f"{DRAINING}{so_many(len(look.active), 'step')}")
        if spec.cancel:
            what = "are deleted" if deletes else "may end"
            tell_cancel(draft, "Draining", f"nothing more starts, and children that run {what}")
        count_steps(draft, len(look.active), 0, look.unfinished)
        return
    count_steps(draft, 0, 0, look.unfinished)
    if draft.undo_request is not None:
        if look.fatal is not None:
            note_failure(draft, look.fatal)
        enter_rolling_back(draft, f"requested by {draft.undo_request.by}", draft.undo_request)
    elif look.fatal is not None:
        _end_badly(draft, look.fatal, overdue)
    elif spec.cancel:
        _end_cancelled(draft)
    elif trigger:
        give_up(draft, trigger)
    else:
        _end_badly(draft, None, overdue)


def _delete_children(draft: Draft, active: list[int]) -> None:
    """Ask for their deletion; their disappearance is what ends the steps."""
    for position in active:
        reference = draft.steps[position].k8s_execution_ref
        child = draft.snapshot.children.get(reference.name) if reference is not None else None
        if child is not None and child.metadata.deletion_timestamp is None:
            meta = child.metadata
            draft.deletes.append(DeleteChild(meta.name, meta.uid, meta.resource_version))
    draft.set(message=f"deleting {so_many(len(active), 'running child', 'running children')}")


def _end_cancelled(draft: Draft) -> None:
    if draft.workflow.spec.on_cancel.rollback is CancelRollback.AUTOMATIC and undoable(draft):
        tell_cancel_at_once(draft)
        enter_rolling_back(draft, "cancelled by spec.cancel", cause="manual")
        return
    cancelled(draft, "cancelled by spec.cancel")


def _end_badly(draft: Draft, position: int | None, overdue: bool) -> None:
    """After a fatal failure or the deadline: roll back or fail, as the strategy says (BR-WF-050, BR-WF-051)."""
    if position is not None:
        step, state = draft.recipe.steps[position], draft.steps[position]
        why = f"{'Critical step' if step.spec.critical_step else 'Step'} {step.number} ({step.name}) failed"
        reason = clip(f"step_failed: {why}: {state.error_message or state.error_type or 'failed'}", 4096)
        note_failure(draft, position)
        error = state.error_type or ErrorType.UNKNOWN_ERROR
    else:
        why = "the workflow's deadline passed"
        reason = f"workflow_timeout: {why}"
        error = ErrorType.TIMEOUT
        draft.event("Warning", "WorkflowTimeout", why)
        draft.count("kubernaut_workflowexecution_errors_total", error, Phase.EXECUTING)
    if overdue and position is not None and error is ErrorType.TIMEOUT:
        reason = clip(f"workflow_timeout: {why}", 4096)
        draft.event("Warning", "WorkflowTimeout", f"the workflow's deadline passed: {why}")
    if draft.recipe.rollback_strategy is RollbackStrategy.AUTOMATIC:
        draft.set(failure_reason=reason, error_type=error)
        enter_rolling_back(draft, why)
    else:
        fail(
            draft,
            f"{reason}; rollback strategy is {draft.recipe.rollback_strategy}, manual intervention required",
            error,
        )
