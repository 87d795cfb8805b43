"""Has a declared condition for giving up come true? Rollback triggers (BR-WF-022).

Looked at while executing (whenever the steps are, at the latest each `condition-poll-interval`) and while monitoring.
The first one that is true ends the workflow as a fatal failure does. That it fired stands in a condition, so that what
still runs can be awaited: a trigger that is no longer true by then is not taken back.
"""

from typing import Final

from wfexec.core.draft import Draft
from wfexec.core.ending import fail, note_failure
from wfexec.core.expressions import asks, context_of, holds
from wfexec.core.rollback import enter_rolling_back
from wfexec.model.base import clip
from wfexec.model.expressions import EvaluationError
from wfexec.model.facts import Unknown
from wfexec.model.phases import ErrorType, Phase, RollbackStrategy
from wfexec.model.recipe import Trigger

FIRED: Final = "RollbackTriggered"
JUDGED: Final = "RollbackTriggersJudged"


def triggered(draft: Draft) -> str:
    """Why the workflow is to be given up, "" while it is not; once true it stays so."""
    if not draft.recipe.triggers:
        return ""
    known = next((one for one in draft.get("conditions") if one.type == FIRED and one.status == "True"), None)
    if known is not None:
        return str(known.message)
    interval = draft.settings.condition_poll_interval
    if draft.get("phase") == Phase.MONITORING:
        interval = draft.settings.monitoring_interval
    if any("now" in one.program.roots or asks(one.program, draft.recipe, None) for one in draft.recipe.triggers):
        draft.wake(draft.now + interval)
    context = context_of(draft, None)
    for trigger in draft.recipe.triggers:
        if not _seen(draft, trigger, draft.now - interval):
            continue
        found = holds(trigger.program, context)
        if isinstance(found, EvaluationError):
            _puzzled(draft, trigger, found)
        elif found:
            message = clip(f"{trigger.name}: {trigger.program.text}")
            draft.condition(FIRED, True, "ConditionTrue", message)
            draft.event("Warning", "RollbackTriggered", message)
            return message
    return ""


def _seen(draft: Draft, trigger: Trigger, fresh: int) -> bool:
    """Whether it can be judged by facts from after the start, asking for those that are older than `fresh`.

    What cannot be looked at may be judged all the same: an expression that reads it has no value then.
    """
    began = draft.seen_since(draft.get("execution_start_time") or draft.now)
    there = True
    for question in asks(trigger.program, draft.recipe, None):
        answer = draft.snapshot.answers.get(question)
        if answer is None or answer.at <= fresh or answer.at < began:
            if question not in draft.questions:
                draft.questions.append(question)
            there = there and answer is not None and answer.at >= began
        if answer is not None and isinstance(answer.facts, Unknown) and answer.facts.transient:
            there = False
    return there


def _puzzled(draft: Draft, trigger: Trigger, error: EvaluationError) -> None:
    """A trigger without a value has not fired; said once in the life of a workflow."""
    if any(one.type == JUDGED for one in draft.get("conditions")):
        return
    message = clip(f"{trigger.name} has no value and does not count for now: {error.message}")
    draft.condition(JUDGED, False, "NoValue", message)
    draft.event("Warning", "RollbackTriggerUnknown", message)


def forget_trigger(draft: Draft) -> None:
    """A workflow that is tried again is judged anew."""
    if any(one.type == FIRED for one in draft.get("conditions")):
        draft.condition(FIRED, False, "ManualRetry")


def give_up(draft: Draft, why: str) -> None:
    """Roll back or fail, as the strategy says; nothing of it runs any more."""
    reason = clip(f"rollback_triggered: {why}", 4096)
    note_failure(draft, None)
    if draft.recipe.rollback_strategy is RollbackStrategy.AUTOMATIC:
        draft.set(failure_reason=reason, error_type=ErrorType.VALIDATION_ERROR)
        enter_rolling_back(draft, f"trigger {why}", cause="validation_failure")
        return
    told = f"rollback strategy is {draft.recipe.rollback_strategy}, manual intervention required"
    fail(draft, f"rollback_triggered: {why}; {told}", ErrorType.VALIDATION_ERROR)
