"""What people ask for by annotation: a rollback of a workflow that failed or still runs (BR-WF-052, BR-WF-055).

A request is taken by writing its effect into status, and only a later write removes the annotation: a crash in
between neither loses the request nor takes it twice.
"""

from wfexec.core.authority import may_decide
from wfexec.core.draft import Draft, UndoRequest
from wfexec.core.interventions import decline, forget
from wfexec.core.undo import took_effect, undoable
from wfexec.model.base import clip
from wfexec.model.meta import (
    ANNOTATION_ROLLBACK,
    ANNOTATION_ROLLBACK_BY,
    ANNOTATION_ROLLBACK_TO,
    ROLLBACK_KEYS,
    Condition,
)
from wfexec.model.phases import Phase, RollbackStrategy, StepState

REQUESTED = "requested"
CONDITION = "RollbackRequested"
_TOO_EARLY = frozenset({Phase.NEW, Phase.PLANNING, Phase.VALIDATING})
_TOO_LATE = frozenset({Phase.COMPLETED, Phase.CANCELLED})


def rollback_request(draft: Draft) -> UndoRequest | None:
    """A request that is to be carried out now; None while it waits for an access review, or when it is refused."""
    marks = draft.workflow.metadata.annotations
    who = clip(marks.get(ANNOTATION_ROLLBACK_BY, ""), 253)
    wanted = _to_step(draft, marks.get(ANNOTATION_ROLLBACK_TO))
    why = wanted if isinstance(wanted, str) else _why_not(draft, marks[ANNOTATION_ROLLBACK], wanted)
    if why:
        _refuse(draft, who, why)
        return None
    # Who comes back asks nobody once more for what was accepted: while that is open, steps would begin.
    allowed = _stands(draft, who) or may_decide(draft, who)
    if allowed is False:
        _refuse(draft, who, f"{who} has no right to approve" if who else f"{ANNOTATION_ROLLBACK_BY} is missing")
    if not allowed or isinstance(wanted, str):
        return None
    draft.condition(CONDITION, True, "Accepted", _signed(who))
    return UndoRequest(who, wanted)


def standing_request(draft: Draft) -> UndoRequest | None:
    """What was accepted and waits for running steps when a workflow is cancelled; one that no longer stands is told.

    Nobody is asked for the author's right once more: that it was accepted is written down.
    """
    taken = _accepted(draft)
    if taken is None:
        return None
    marks = draft.workflow.metadata.annotations
    who = clip(marks.get(ANNOTATION_ROLLBACK_BY, ""), 253)
    wanted = _to_step(draft, marks.get(ANNOTATION_ROLLBACK_TO))
    if ANNOTATION_ROLLBACK not in marks:
        why = "the request was taken back"
    elif taken.message != draft.told(_signed(who)):
        why = "the request was changed"
    elif isinstance(wanted, str):
        why = wanted
    else:
        why = _why_not(draft, marks[ANNOTATION_ROLLBACK], wanted)
        if not why:
            return UndoRequest(who, wanted)
    message = f"cancelled, and not rolled back as asked for: {why}"
    draft.condition(CONDITION, False, "Withdrawn", message)
    draft.event("Warning", "RollbackRefused", message)
    return None


def no_longer_asked(draft: Draft) -> None:
    """While steps drained the request that they drain for was taken back: what waits goes on (BR-WF-052)."""
    if ANNOTATION_ROLLBACK not in draft.workflow.metadata.annotations and _accepted(draft) is not None:
        message = "the request was taken back before anything was undone"
        draft.condition(CONDITION, False, "Withdrawn", message)
        draft.event("Normal", "RollbackWithdrawn", message)


def _accepted(draft: Draft) -> Condition | None:
    """That a request was accepted; of a workflow that executes, one that is yet to be carried out."""
    return next((one for one in draft.get("conditions") if one.type == CONDITION and one.status == "True"), None)


def _stands(draft: Draft, who: str) -> bool:
    """Was this person's request accepted while the workflow executes, and does it wait for running steps?"""
    taken = _accepted(draft) if draft.get("phase") in (Phase.EXECUTING, Phase.PAUSED) else None
    return taken is not None and taken.message == draft.told(_signed(who))


def _signed(who: str) -> str:
    return f"by {who}" if who else "accepted"


def forget_rollback_request(draft: Draft) -> None:
    forget(draft, ROLLBACK_KEYS)


def _to_step(draft: Draft, text: str | None) -> int | str | None:
    """The stepNumber to go back to, or why it is none."""
    if text is None:
        return None
    numbers = draft.recipe.numbers
    if not (text.isdecimal() and len(text) <= 9 and (int(text) in numbers or int(text) == 0)):
        known = f"1 to {numbers[-1]}" if numbers == list(range(1, len(numbers) + 1)) else ", ".join(map(str, numbers))
        return f"rollback-to {clip(text, 40)!r} is no step number; use one of {known}, or 0 for all steps"
    return int(text) or None


def _why_not(draft: Draft, word: str, to_step: int | None) -> str:
    """Why this request cannot be carried out; "" when it can."""
    phase = draft.get("phase")
    at = draft.get("paused_from") if phase == Phase.PAUSED else phase
    if word != REQUESTED:
        return f"the annotation must say {REQUESTED!r}, not {clip(word, 40)!r}"
    if draft.recipe.rollback_strategy is RollbackStrategy.NONE:
        return "executionStrategy.rollbackStrategy is none"
    if at in _TOO_EARLY:
        return "nothing has been done yet; set spec.cancel to stop the workflow"
    if at in _TOO_LATE:
        return f"a {at} workflow is not rolled back; apply a workflow that restores what you need"
    if phase == Phase.FAILED and not undoable(draft):
        return "no step is left that took effect"
    return "" if to_step is None else _held(draft, to_step)


def _held(draft: Draft, to_step: int) -> str:
    """A step that would be undone although one that stays was built on it."""
    for step in draft.recipe.steps:
        if step.number <= to_step or not took_effect(draft, step.position):
            continue
        for position in step.dependents:
            other = draft.recipe.steps[position]
            if other.number <= to_step and draft.steps[position].status is StepState.COMPLETED:
                return (
                    f"step {other.number} ({other.name}), which would stay, was built on "
                    f"step {step.number} ({step.name}); go back to before step {other.number}"
                )
    return ""


def _refuse(draft: Draft, who: str, why: str) -> None:
    decline(draft, CONDITION, "RollbackRefused", f"{who or 'somebody'} asked for a rollback: {why}", ROLLBACK_KEYS)
