"""A person's word before anything runs: is it needed, has it been given, by somebody who may? (BR-WF-018, BR-WF-169)

Called by the validating phase twice: before the checks for a wait that is on (`standing`), and after they passed
(`approval`). A word that ends a wait is written down first; then everything is checked anew, for the world has gone
on meanwhile. Nothing is polled: an annotation is a change of the object and brings us back.

Whose word counts: where an admission policy guards the annotations, that policy is the authority, for it knows the
requester and their groups. Elsewhere the name is only claimed, and its right is asked of the API server.
"""

from typing import Final, NamedTuple

from wfexec.core.authority import ask_again, may_decide, tell_guard
from wfexec.core.draft import Draft
from wfexec.core.ending import fail
from wfexec.core.production import demands_of
from wfexec.model.base import clip, evolve
from wfexec.model.meta import (
    ANNOTATION_APPROVAL,
    ANNOTATION_APPROVAL_REASON,
    ANNOTATION_APPROVAL_SOURCE,
    ANNOTATION_APPROVED_BY,
    ANNOTATION_PRE_APPROVED,
    Condition,
)
from wfexec.model.phases import ErrorType, Phase
from wfexec.model.status import ValidationResults
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import Settings
from wfexec.units import so_many

APPROVED: Final = "Approved"
NAME_MAX: Final = 253


class _Word(NamedTuple):
    """`says` is approved, rejected, ignored, unsure (its right is being asked for) or nothing; `text` says why."""

    says: str
    who: str = ""
    text: str = ""
    event: str = ""


_NOTHING: Final = _Word("nothing")
_UNSURE: Final = _Word("unsure")


def refuse(draft: Draft, reason: str, message: str, error: ErrorType) -> None:
    """Validation ends here, and the workflow with it."""
    draft.condition("Validated", False, "ValidationFailed", message)
    draft.event("Warning", "WorkflowValidationFailed", f"{reason}: {message}")
    draft.count("workflowexecution_validation_failures_total")
    draft.count("kubernaut_workflowexecution_errors_total", error, Phase.VALIDATING)
    fail(draft, f"{reason}: {message}", error)


def standing(draft: Draft, began: int) -> int | None:
    """Since when answers of the world count: `began`, or the word that ended a wait. None: no checks now."""
    condition = _condition(draft)
    if condition is None:
        return began
    if condition.status == "True":
        # A no in the last moment still stops it.
        word = _word(draft)
        if word.says != "rejected":
            return condition.last_transition_time
        _reject(draft, word)
        return None
    needed = approval_needed(draft)
    if not needed:
        draft.condition(APPROVED, True, "NotRequired", "the settings no longer ask for an approval")
        return None
    if _expired(draft, began):
        return None
    word = _word(draft)
    if word.says == "rejected":
        _reject(draft, word)
    elif word.says == "approved":
        results = draft.get("validation_results") or ValidationResults()
        draft.set(validation_results=_granted(draft, results, word), message=draft.told(f"approved by {word.who}"))
    else:
        _wait(draft, needed, word, began)
    return None


def approval(draft: Draft, validation: ValidationResults, began: int) -> ValidationResults | None:
    """The results with the approval in them; None while waiting or once refused (BR-WF-018, BR-WF-169)."""
    if _condition(draft) is not None:
        return with_word(draft, validation)
    needed = approval_needed(draft)
    if not needed:
        return validation
    if _expired(draft, began):
        return None
    word = _word(draft)
    if word.says == "rejected":
        _reject(draft, word)
    elif word.says == "approved":
        return _granted(draft, validation, word)
    elif word.says == "unsure":
        draft.wake(_deadline(draft, began) + 1)
    else:
        _wait(draft, needed, word, began)
    return None


def with_word(draft: Draft, validation: ValidationResults) -> ValidationResults:
    """Later results with the word that was given before them."""
    told: ValidationResults | None = draft.get("validation_results")
    if told is None or not told.approval_received:
        return validation
    return evolve(
        validation,
        approval_received=True,
        approval_timestamp=told.approval_timestamp,
        approved_by=told.approved_by,
        approval_reason=told.approval_reason,
    )


def approval_needed(draft: Draft) -> str:
    """Why approval is needed; "" when it is not."""
    needed = needs_approval(draft.workflow.spec, len(draft.recipe.steps), draft.settings)
    return needed or demands_of(draft).person


def needs_approval(spec: WorkflowExecutionSpec, steps: int, settings: Settings) -> str:
    """The same of a spec alone (BR-WF-169)."""
    if spec.execution_strategy.approval_required:
        return "executionStrategy.approvalRequired is set"
    if steps > settings.complexity_approval_threshold:
        limit = settings.complexity_approval_threshold
        return f"{so_many(steps, 'step is', 'steps are')} more than complexity-approval-threshold {limit}"
    return ""


def _condition(draft: Draft) -> Condition | None:
    """What is written down about the approval; None before the wait."""
    conditions: tuple[Condition, ...] = draft.get("conditions")
    return next((one for one in conditions if one.type == APPROVED), None)


def _word(draft: Draft) -> _Word:
    """What the annotations say. A no weighs more than a yes that the parent brought along."""
    marks = draft.workflow.metadata.annotations
    decision, ignored = marks.get(ANNOTATION_APPROVAL, ""), _NOTHING
    if decision in ("approved", "rejected"):
        who, reason = marks.get(ANNOTATION_APPROVED_BY, ""), draft.told(marks.get(ANNOTATION_APPROVAL_REASON, ""))
        ignored = _weighed(draft, _Word(decision, clip(who, NAME_MAX), reason), ANNOTATION_APPROVED_BY)
        if ignored.says != "ignored":
            return ignored
    elif decision:
        text = f"{ANNOTATION_APPROVAL} is {clip(decision, 64)!r}, not approved or rejected"
        ignored = _Word("ignored", text=text, event="ApprovalIgnored")
    if marks.get(ANNOTATION_PRE_APPROVED) == "true":
        source = clip(marks.get(ANNOTATION_APPROVAL_SOURCE, "parent"), NAME_MAX)
        return _weighed(
            draft, _Word("approved", source, "approved before the workflow was created"), ANNOTATION_APPROVAL_SOURCE
        )
    return ignored


def _weighed(draft: Draft, word: _Word, signature: str) -> _Word:
    """The word if it counts, else why not."""
    if not word.who:
        return _Word("ignored", text=f"the decision is ignored: {signature} is missing", event="ApprovalIgnored")
    allowed = may_decide(draft, word.who)
    if allowed is None:
        return _UNSURE
    if allowed:
        return word
    why = f"the decision of {word.who} is ignored: {ask_again(draft, word.who)}"
    return _Word("ignored", word.who, why, "ApprovalUnauthorized")


def _granted(draft: Draft, validation: ValidationResults, word: _Word) -> ValidationResults:
    tell_guard(draft)
    draft.condition(APPROVED, True, "Granted", f"by {word.who}")
    draft.event("Normal", "ApprovalReceived", f"approved by {word.who}" + (f": {word.text}" if word.text else ""))
    return evolve(
        validation,
        approval_received=True,
        approval_timestamp=draft.now,
        approved_by=word.who,
        approval_reason=word.text,
    )


def _reject(draft: Draft, word: _Word) -> None:
    tell_guard(draft)
    draft.condition(APPROVED, False, "Rejected", f"by {word.who}: {word.text}")
    draft.event("Warning", "ApprovalRejected", f"rejected by {word.who}: {word.text}")
    refuse(draft, "approval_rejected", f"rejected by {word.who}: {word.text}", ErrorType.REJECTED)


def _deadline(draft: Draft, began: int) -> int:
    return began + int(draft.settings.approval_timeout) + int(draft.get("paused_total"))


def _expired(draft: Draft, began: int) -> bool:
    """Past the deadline nothing counts any more, whenever it was written: what is seen in time does."""
    if draft.now <= _deadline(draft, began):
        return False
    draft.condition(APPROVED, False, "Expired", "nobody who may decide did so in time")
    refuse(draft, "approval_timeout", "no valid decision in time", ErrorType.TIMEOUT)
    return True


def _wait(draft: Draft, needed: str, word: _Word, began: int) -> None:
    """Say once what is waited for and what to type, and once why a word does not count."""
    draft.wake(_deadline(draft, began) + 1)
    if word.says == "unsure":
        return
    tell_guard(draft)
    condition, meta = _condition(draft), draft.workflow.metadata
    how = f"type: wfexec approve {meta.name} -n {meta.namespace} (or reject)"
    message = draft.told("; ".join(part for part in (needed, word.text, how) if part))
    if condition is None:
        draft.set(message=draft.told(f"waiting for approval: {needed}; {how}"))
        draft.event("Normal", "ApprovalRequired", f"{needed}; {how}")
    if word.says == "ignored" and (condition is None or condition.message != message):
        draft.event("Warning", word.event, word.text)
    draft.condition(APPROVED, False, "Pending", message)
