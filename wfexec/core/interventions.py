"""What people do to single steps by annotation: try again, skip, call completed; and the retry of a failed workflow.

(BR-WF-005, BR-AUTOMATION-002) A request is taken by writing its effect into status, and only a later write removes the
annotation: a crash in between neither loses it nor takes it twice. Each deed is therefore a wish for a state, and a
step that is there already is left alone.
"""

from collections.abc import Callable
from typing import Final

from wfexec.core.authority import may_decide
from wfexec.core.draft import Draft
from wfexec.core.fold import lacked_no_more
from wfexec.core.progress import expect_end
from wfexec.core.triggers import forget_trigger
from wfexec.model.base import clip
from wfexec.model.meta import (
    ANNOTATION_COMPLETE_STEP,
    ANNOTATION_INTERVENED_BY,
    ANNOTATION_MANUAL_RETRY,
    ANNOTATION_RETRY_STEP,
    ANNOTATION_ROLLBACK,
    ANNOTATION_SKIP_STEP,
    INTERVENTION_KEYS,
)
from wfexec.model.phases import EXECUTION_ENDED, Phase, StepState
from wfexec.model.plan import DeleteChild, MetadataChange
from wfexec.model.status import ATTEMPTS_MAX, StepStatus
from wfexec.units import so_many

# Keys by which people intervene; where none of them is present, nothing here is looked at.
ASKED: Final = frozenset((ANNOTATION_ROLLBACK, *INTERVENTION_KEYS))
CONDITION: Final = "Intervened"
# Begins the skipReason of a step that a person skipped: nothing but a person brings it back.
BY_HAND: Final = "skipped by "
TEXT_MAX: Final = 4_096


def by_hand(draft: Draft) -> bool:
    """Carry out what people ask of single steps; true when this look is taken up by it."""
    marks = draft.workflow.metadata.annotations
    wanted = [key for key in _DEEDS if key in marks]
    if not wanted:
        return False
    who = clip(marks.get(ANNOTATION_INTERVENED_BY, ""), 253)
    phase = draft.get("phase")
    at = draft.get("paused_from") if phase == Phase.PAUSED else phase
    if at != Phase.EXECUTING:
        hint = f"; {ANNOTATION_MANUAL_RETRY} tries its failed steps again" if at == Phase.FAILED else ""
        why = f"steps are changed by hand while the workflow executes, and it is {at or 'new'}{hint}"
        return decline(draft, CONDITION, "InterventionRefused", f"{who or 'somebody'}: {why}", (*wanted, _BY))
    allowed = may_decide(draft, who)
    if allowed is None:
        return False
    if not allowed:
        why = f"{who} has no right to approve" if who else f"{ANNOTATION_INTERVENED_BY} is missing"
        return decline(draft, CONDITION, "InterventionRefused", why, (*wanted, _BY))
    return _carry_out(draft, who, wanted)


def _carry_out(draft: Draft, who: str, wanted: list[str]) -> bool:
    before, deletes = draft.steps[:], len(draft.deletes)
    problems: list[str] = []
    for key in wanted:
        positions = _selected(draft, draft.workflow.metadata.annotations[key])
        if isinstance(positions, str):
            problems.append(positions)
            continue
        problems += [why for position in positions if (why := _DEEDS[key](draft, position, who))]
    if draft.steps != before or len(draft.deletes) > deletes:
        draft.condition(CONDITION, True, "Taken", f"by {who}")
        _count(draft)
        return True
    if problems:
        return decline(draft, CONDITION, "InterventionRefused", f"{who}: {'; '.join(problems)}", (*wanted, _BY))
    forget(draft, (*wanted, _BY))
    return False


def _count(draft: Draft) -> None:
    """The figures stay exact in this very write (BR-WF-168)."""
    waiting = (StepState.PENDING, StepState.RETRYING)
    draft.set(
        active_steps=sum(1 for step in draft.steps if step.status is StepState.EXECUTING),
        queued_steps=sum(1 for step in draft.steps if step.ready_time is not None and step.status in waiting),
    )


def decline(draft: Draft, condition: str, event: str, message: str, keys: tuple[str, ...]) -> bool:
    """Say why; true once, and when that is written down the request is taken away and the look goes on."""
    message = draft.told(message)
    said = any(
        one.type == condition and one.status == "False" and one.message == message for one in draft.get("conditions")
    )
    if said:
        forget(draft, keys)
        return False
    draft.condition(condition, False, "Refused", message)
    draft.event("Warning", event, message)
    look_again(draft)
    return True


def look_again(draft: Draft) -> None:
    """Once this is written, the annotation is to be taken away, whatever alarm the phase sets besides."""
    draft.wake(draft.now + 1)


def forget(draft: Draft, keys: tuple[str, ...]) -> None:
    """Take annotations away: what they ask for stands in status by now."""
    change = draft.metadata or MetadataChange()
    annotations = dict(change.annotations or {})
    marks = draft.workflow.metadata.annotations
    annotations.update({key: None for key in keys if key in marks})
    if annotations:
        draft.metadata = change._replace(annotations=annotations)


def retry_failed(draft: Draft) -> bool:
    """A failed workflow executes again, its failed steps with a fresh budget; true when this look is taken up by it."""
    marks = draft.workflow.metadata.annotations
    if ANNOTATION_MANUAL_RETRY not in marks:
        return False
    keys = (ANNOTATION_MANUAL_RETRY, ANNOTATION_INTERVENED_BY)
    if draft.get("phase") == Phase.EXECUTING:
        # Taken, or superfluous beside what runs.
        forget(draft, keys)
        return False
    who = clip(marks.get(ANNOTATION_INTERVENED_BY, ""), 253)
    why = _why_not(draft, marks[ANNOTATION_MANUAL_RETRY])
    allowed = may_decide(draft, who) if not why else False
    if allowed is None:
        return False
    if not allowed:
        why = why or (f"{who} has no right to approve" if who else f"{ANNOTATION_INTERVENED_BY} is missing")
        return decline(draft, CONDITION, "InterventionRefused", f"manual retry refused: {why}", keys)
    failed = [place for place, step in enumerate(draft.steps) if step.status in (StepState.FAILED, StepState.BLOCKED)]
    for position in failed:
        _try_again(draft, position)
    for position, step in enumerate(draft.steps):
        if step.status is StepState.SKIPPED and not step.skip_reason.startswith(BY_HAND):
            _revive(draft, position)
    draft.set(
        completion_time=None, failure_reason="", error_type=None, failed_step=None, failed_action="",
        execution_snapshot=None, workflow_result=None, healthy_since=None,
    )  # fmt: skip
    forget_trigger(draft)
    message = f"{so_many(len(failed), 'step is', 'steps are')} tried again at the request of {who or 'an approver'}"
    draft.condition(CONDITION, True, "ManualRetry", message)
    draft.move_phase(Phase.EXECUTING, message)
    expect_end(draft)
    draft.event("Normal", "ManualRetry", message)
    return True


def _why_not(draft: Draft, word: str) -> str:
    phase = draft.get("phase")
    if word != "true":
        return f'the annotation must say "true", not {clip(word, 40)!r}'
    if phase != Phase.FAILED:
        return f"only a failed workflow is tried again, and this one is {phase or 'new'}"
    if draft.get("execution_start_time") is None:
        return "it never came to execution; apply it again"
    if draft.get("rollback") is not None:
        return "it was rolled back; apply it again"
    failed = [step for step in draft.steps if step.status in (StepState.FAILED, StepState.BLOCKED)]
    if not failed:
        return "no step of it failed; apply it again, with a longer spec.timeout if it ran out of time"
    return next((why for step in failed if (why := _worn_out(draft, step))), "")


def _selected(draft: Draft, text: str) -> list[int] | str:
    """Positions by number or name, separated by commas; or which of them is none."""
    known = {str(step.number): step.position for step in draft.recipe.steps}
    known |= {step.name: step.position for step in draft.recipe.steps}
    parts = [part.strip() for part in text[:TEXT_MAX].split(",") if part.strip()]
    unknown = [part for part in parts if part not in known]
    if unknown or not parts:
        return f"there is no step {clip(unknown[0], 60)!r}" if unknown else "no step is named"
    return sorted({known[part] for part in parts})


def _worn_out(draft: Draft, state: StepStatus) -> str:
    """Why a step cannot have another full budget; names of attempts count on and status is bounded."""
    step = next(one for one in draft.recipe.steps if one.number == state.step_number)
    if len(state.attempts) + step.retries_max + 1 > ATTEMPTS_MAX:
        return f"step {state.step_number} has had {so_many(len(state.attempts), 'attempt')}; apply a new workflow"
    return ""


def _try_again(draft: Draft, position: int) -> None:
    state = draft.steps[position]
    if state.status is StepState.BLOCKED:
        draft.move_step(
            position, StepState.PENDING, end_time=None, error_type=None, error_message="",
            pre_condition_results=(), policy=None,
        )  # fmt: skip
        return
    made = state.retries_attempted + 1
    draft.move_step(
        position, StepState.RETRYING, retries_attempted=made, retry_base=made, next_retry_time=None, ready_time=None,
        post_condition_results=(),
    )  # fmt: skip


def _revive(draft: Draft, position: int) -> None:
    draft.move_step(
        position, StepState.PENDING, skip_reason="", end_time=None, ready_time=None,
        pre_condition_results=(), policy=None,
    )  # fmt: skip


def _revive_after(draft: Draft, position: int) -> None:
    """What was skipped because of this step waits for it again, and so does what waits for that."""
    for other in draft.recipe.steps[position].dependents:
        state = draft.steps[other]
        if state.status is StepState.SKIPPED and not state.skip_reason.startswith(BY_HAND):
            _revive(draft, other)
            _revive_after(draft, other)


def _retry(draft: Draft, position: int, who: str) -> str:
    state, step = draft.steps[position], draft.recipe.steps[position]
    if state.status is StepState.RETRYING:
        if state.next_retry_time is not None:
            draft.set_step(position, next_retry_time=None)
            _tell(draft, position, "StepRetrying", f"is tried again at once at the request of {who}")
        return ""
    if state.status not in (StepState.FAILED, StepState.BLOCKED):
        return f"step {step.number} ({step.name}) is {state.status}; only a failed or waiting step is tried again"
    worn = _worn_out(draft, state)
    if worn:
        return worn
    _try_again(draft, position)
    _revive_after(draft, position)
    _tell(draft, position, "StepRetrying", f"is tried again at the request of {who}")
    return ""


def _skip(draft: Draft, position: int, who: str) -> str:
    state, step = draft.steps[position], draft.recipe.steps[position]
    if state.status is StepState.SKIPPED:
        return ""
    if state.status in (StepState.EXECUTING, StepState.COMPLETED, StepState.ROLLED_BACK):
        hint = f"; {ANNOTATION_COMPLETE_STEP} ends it" if state.status is StepState.EXECUTING else ""
        return f"step {step.number} ({step.name}) is {state.status} and cannot be skipped{hint}"
    reason = clip(BY_HAND + who)
    draft.move_step(
        position, StepState.SKIPPED, skip_reason=reason, next_retry_time=None, ready_time=None, end_time=draft.now
    )
    lacked_no_more(draft, position, "NotNeeded", f"step {step.number} ({step.name}) was {reason}")
    _tell(draft, position, "StepSkipped", reason)
    return ""


def _complete(draft: Draft, position: int, who: str) -> str:
    """A person vouches for it; its child, if it still runs, is taken away before the annotation is."""
    state, step = draft.steps[position], draft.recipe.steps[position]
    if state.status is StepState.ROLLED_BACK:
        return f"step {step.number} ({step.name}) is rolled_back and cannot be called completed"
    reference = state.k8s_execution_ref
    child = draft.snapshot.children.get(reference.name) if reference is not None else None
    if child is not None and child.status.phase not in EXECUTION_ENDED and child.metadata.deletion_timestamp is None:
        meta = child.metadata
        draft.deletes.append(DeleteChild(meta.name, meta.uid, meta.resource_version))
    if state.status is StepState.COMPLETED:
        return ""
    if state.status in (StepState.EXECUTING, StepState.RETRYING):
        draft.count("kubernaut_workflowexecution_steps_completed_total", draft.recipe.name, step.action, "success")
    draft.move_step(
        position, StepState.COMPLETED, end_time=draft.now, next_retry_time=None, skip_reason="",
        error_message="", error_type=None,
        start_time=draft.now if state.start_time is None else state.start_time,
    )  # fmt: skip
    _revive_after(draft, position)
    text = f"called completed by {who}"
    lacked_no_more(draft, position, "NotNeeded", f"step {step.number} ({step.name}) was {text}")
    _tell(draft, position, "StepCompleted", text)
    return ""


def _tell(draft: Draft, position: int, reason: str, text: str) -> None:
    step = draft.recipe.steps[position]
    draft.event("Normal", reason, f"step {step.number} ({step.name}): {text}")


_BY: Final = ANNOTATION_INTERVENED_BY
# In the order in which they are carried out.
_DEEDS: Final[dict[str, Callable[[Draft, int, str], str]]] = {
    ANNOTATION_COMPLETE_STEP: _complete,
    ANNOTATION_SKIP_STEP: _skip,
    ANNOTATION_RETRY_STEP: _retry,
}
