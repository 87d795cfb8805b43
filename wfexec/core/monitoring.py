"""The monitoring phase: do the targets stay healthy, and what does that make of the outcome (BR-WF-050, BR-WF-051).

Each look asks for every target again; `healthySince` moves only when health does, so a healthy run costs no write.
"""

from collections.abc import Sequence

from wfexec.core.conditions import missed_promise
from wfexec.core.draft import Draft
from wfexec.core.ending import complete
from wfexec.core.expressions import asks, context_of, holds
from wfexec.core.triggers import give_up, triggered
from wfexec.model.base import clip
from wfexec.model.expressions import EvaluationError
from wfexec.model.facts import AskTarget, Question, TargetFacts
from wfexec.model.phases import Phase, ResourceHealth, StepState, WorkflowOutcome

CANNOT_VERIFY = "monitoring_timeout_cannot_verify_success"
UNMET = "success_criteria_unmet"


def enter_monitoring(draft: Draft) -> None:
    """Every step has ended; what was changed is watched from here on."""
    draft.condition("StepsCompleted", True, "StepsEnded")
    draft.move_phase(Phase.MONITORING, "watching the targets", healthy_since=draft.now)
    _ask(draft, _watched(draft), draft.now)
    draft.wake(draft.now + draft.settings.stabilization_window)


def _watched(draft: Draft) -> list[AskTarget]:
    """Questions for the targets of completed steps that are still meant to exist, once each."""
    steps = draft.steps
    completed = StepState.COMPLETED
    asked = {step.watch: None for step in draft.recipe.steps if steps[step.position].status is completed}
    return [question for question in asked if question is not None]


def _ask(draft: Draft, watched: Sequence[Question], not_before: int) -> bool:
    """Ask for the targets whose last answer is older than `not_before`; true when all answers are there."""
    answers = draft.snapshot.answers
    missing = [question for question in watched if (known := answers.get(question)) is None or known.at < not_before]
    draft.questions.extend(missing)
    return not missing


def monitoring(draft: Draft) -> None:
    settings, now = draft.settings, draft.now
    began = draft.get("monitoring_start_time") or now
    deadline = began + settings.monitoring_timeout + draft.get("paused_total")
    trigger = triggered(draft)
    if trigger:
        give_up(draft, trigger)
        return
    if now > deadline:
        healthy, health = _health(draft, _watched(draft))
        unmet = _unmet(draft, required=True) if healthy else ""
        complete(draft, WorkflowOutcome.UNKNOWN, f"{UNMET}: {unmet}" if unmet else CANNOT_VERIFY, health)
        return
    # An answer serves for one interval; the last look before the end must be a fresh one.
    since = draft.get("healthy_since")
    over = since is not None and now >= since + settings.stabilization_window
    oldest = since + settings.stabilization_window if over and since is not None else now - settings.monitoring_interval
    watched = _watched(draft)
    asked: list[Question] = [*watched]
    if draft.recipe.criteria:
        asked += _asked_by_criteria(draft, watched)
        # A criterion may come true later than health: it is looked at again at the pace of monitoring.
        oldest = max(oldest, now - settings.monitoring_interval)
    if not _ask(draft, asked, max(began, oldest + 1 if not over else oldest)):
        draft.wake(min(deadline + 1, now + settings.requeue_error))
        return
    healthy, health = _health(draft, watched)
    if not healthy:
        draft.set(healthy_since=None)
    elif since is None:
        draft.set(healthy_since=now)
        since = now
    missing = _unmet(draft, required=True) if healthy and over else ""
    if healthy and over and not missing:
        missed = _unmet(draft, required=False)
        if missed:
            draft.event("Warning", "SuccessCriterionUnmet", f"not required: {missed}")
        complete(draft, _outcome(draft), "", health)
        return
    if missing:
        draft.set(message=clip(f"waiting for success criteria: {missing}"))
        draft.wake(min(deadline + 1, now + settings.monitoring_interval))
        return
    end = now + settings.monitoring_interval if since is None else since + settings.stabilization_window
    draft.wake(min(deadline + 1, end, now + settings.monitoring_interval))


def _health(draft: Draft, watched: list[AskTarget]) -> tuple[bool, ResourceHealth]:
    """Whether every target is known to be healthy, and the word for it; a kind without health counts by existing."""
    answers = draft.snapshot.answers
    well = 0
    for question in watched:
        answer = answers.get(question)
        fact = answer.facts if answer is not None else None
        if isinstance(fact, TargetFacts) and fact.exists and not fact.terminating and fact.healthy is not False:
            well += 1
    if well == len(watched):
        return True, ResourceHealth.HEALTHY
    return False, ResourceHealth.DEGRADED if well else ResourceHealth.UNHEALTHY


def _asked_by_criteria(draft: Draft, watched: list[AskTarget]) -> list[Question]:
    """What the criteria must know beyond the watched targets."""
    wanted = {question: None for one in draft.recipe.criteria for question in asks(one.program, draft.recipe, None)}
    return [question for question in wanted if question not in watched]


def _unmet(draft: Draft, *, required: bool) -> str:
    """The criteria of this sort that do not hold, each with its reason; "" when all do (BR-WF-021)."""
    if not draft.recipe.criteria:
        return ""
    context = context_of(draft, None)
    told = []
    for criterion in draft.recipe.criteria:
        met = holds(criterion.program, context) if criterion.required is required else True
        if met is not True:
            told.append(f"{criterion.name} ({met.message if isinstance(met, EvaluationError) else 'false'})")
    return ", ".join(told)


def _outcome(draft: Draft) -> WorkflowOutcome:
    """A step that failed, or that was skipped because one failed, makes the success a partial one."""
    if any(step.status is StepState.FAILED or missed_promise(step) for step in draft.steps):
        return WorkflowOutcome.PARTIAL_SUCCESS
    return WorkflowOutcome.SUCCESS
