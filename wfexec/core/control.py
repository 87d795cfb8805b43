"""Suspend, resume, cancel: what a person's word does to a workflow in any phase (BR-WF-005, BR-WF-018)."""

from typing import Final

from wfexec.core.conditions import moved_on
from wfexec.core.draft import PHASE_STARTS, Draft
from wfexec.core.ending import cancelled, tell_cancel
from wfexec.core.execute import count_steps, executing, look_at_steps
from wfexec.core.interventions import ASKED, by_hand, forget, retry_failed
from wfexec.core.maintenance import held, why_held
from wfexec.core.progress import expect_end
from wfexec.core.rollback import enter_rolling_back, rolling_back
from wfexec.core.rollback_request import forget_rollback_request, rollback_request, standing_request
from wfexec.model.meta import ANNOTATION_ROLLBACK
from wfexec.model.phases import Phase
from wfexec.model.workflow import CancelRollback

PAUSABLE: Final = frozenset({Phase.PLANNING, Phase.VALIDATING, Phase.EXECUTING, Phase.MONITORING})


def pause(draft: Draft, namespace: str) -> None:
    """The phase is `paused` at once; children that run may finish. `namespace`: whose maintenance asks for it."""
    source = draft.get("phase")
    _tell_why(draft, namespace)
    paused_total = draft.get("paused_total")
    draft.move_phase(Phase.PAUSED, f"paused while {source}", paused_from=source, paused_at=draft.now)
    draft.set(paused_total=paused_total, estimated_completion_time=None)
    draft.event("Normal", "Paused", f"paused while {source}{f': {why_held(namespace)}' if namespace else ''}")


def _tell_why(draft: Draft, namespace: str) -> None:
    """The person's word is named first: it is what lasts when the maintenance is over."""
    if draft.workflow.spec.suspend:
        draft.condition("Paused", True, "Suspended", "spec.suspend is true")
    else:
        draft.condition("Paused", True, "Maintenance", why_held(namespace))


def paused(draft: Draft) -> None:
    """Nothing starts and no clock runs out; what running children report is still written down (BR-WF-168)."""
    _tell_why(draft, held(draft))
    if draft.get("paused_from") == Phase.EXECUTING and draft.steps:
        look = look_at_steps(draft, overdue=False)
        count_steps(draft, len(look.active), len(look.ready), look.unfinished)
        # Folding may have asked for children and for wake-ups: a paused workflow takes neither.
        draft.creates.clear()
    draft.wake_at = None


def resume(draft: Draft) -> None:
    """Back to the phase left, its clock moved on by the length of the pause."""
    target = draft.get("paused_from")
    since = draft.get("paused_at")
    total = draft.get("paused_total")
    if since is not None and since < draft.now:
        total += draft.now - since
        moved_on(draft, since)
    phase = Phase(target) if target in PAUSABLE else Phase.PLANNING
    field = PHASE_STARTS[phase]
    began = draft.get(field)
    draft.condition("Paused", False, "Resumed")
    draft.move_phase(phase, f"resumed {phase}", paused_at=None, paused_from="", **{field: began or draft.now})
    draft.set(paused_total=total)
    if phase is Phase.EXECUTING:
        expect_end(draft)
    elif phase is Phase.MONITORING:
        draft.set(estimated_completion_time=draft.now + draft.settings.stabilization_window)
    draft.event("Normal", "Resumed", f"resumed {phase} after {(total + 500) // 1_000}s paused")
    draft.wake(draft.now + 1)


def cancel(draft: Draft) -> None:
    """Cancel in any phase that is not terminal; while executing the children decide how long it takes.

    What it stops is what would start anew: a rollback that runs, or was accepted before, is carried out.
    """
    phase = draft.get("phase")
    if phase == Phase.ROLLING_BACK:
        if ANNOTATION_ROLLBACK in draft.workflow.metadata.annotations:
            forget_rollback_request(draft)
        tell_cancel(draft, "RollingBack", "the rollback that runs is carried out first")
        rolling_back(draft)
    elif phase == Phase.EXECUTING or (phase == Phase.PAUSED and draft.get("paused_from") == Phase.EXECUTING):
        request = standing_request(draft)
        if request is not None and draft.workflow.spec.on_cancel.rollback is CancelRollback.AUTOMATIC:
            # The later word, and it keeps no step.
            request = request._replace(to_step=None)
        draft.undo_request = request
        executing(draft)
    else:
        cancelled(draft, "cancelled by spec.cancel")


def intervened(draft: Draft) -> bool:
    """Carry out what people ask for by annotation; true when this look is taken up by it (BR-WF-052)."""
    marks = draft.workflow.metadata.annotations
    if ANNOTATION_ROLLBACK in marks and _asked_to_roll_back(draft):
        return True
    return retry_failed(draft) or by_hand(draft)


def _asked_to_roll_back(draft: Draft) -> bool:
    phase = draft.get("phase")
    if phase == Phase.ROLLING_BACK:
        # Taken, or superfluous beside the one that runs; removed before any further write of this phase.
        forget_rollback_request(draft)
        return False
    request = rollback_request(draft)
    if request is None:
        return False
    draft.undo_request = request
    if phase == Phase.EXECUTING or (phase == Phase.PAUSED and draft.get("paused_from") == Phase.EXECUTING):
        executing(draft)
    else:
        enter_rolling_back(draft, f"requested by {request.by}", request)
    return True


def ended(draft: Draft) -> None:
    """A workflow that has ended is left alone, but for a retry or a rollback that somebody asks for."""
    if draft.recipe.numbers == draft.numbers:
        intervened(draft)
    else:
        forget(draft, tuple(sorted(ASKED)))
