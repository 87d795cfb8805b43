"""The monitoring phase: do the targets stay healthy, and what does that make of the outcome (BR-WF-050, BR-WF-051).

Each look asks for every target again; `healthySince` moves only when health does, so a healthy run costs no write.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from wfexec.core.conditions import missed_promise
from wfexec.core.doubt import TOLD, doubted_on
from wfexec.core.draft import Draft
from wfexec.core.effectiveness import (
    ALERTS_UNKNOWN,
    CANNOT_VERIFY,
    INEFFECTIVE,
    NEW_ALERTS,
    SIDE_EFFECTS,
    SIDE_EFFECTS_UNKNOWN,
    UNMET,
)
from wfexec.core.ending import Findings, complete, fail, note_failure
from wfexec.core.expressions import asks, context_of, holds
from wfexec.core.lasting import lost_changes
from wfexec.core.promises import Promise, asked_by, judge_promises, promises_of
from wfexec.core.rollback import enter_rolling_back
from wfexec.core.surroundings import NOT_WATCHED, Around, effects_text, left_open, look_around, question_after
from wfexec.core.targets import target_text
from wfexec.core.triggers import give_up, triggered
from wfexec.model.base import clip
from wfexec.model.expressions import EvaluationError
from wfexec.model.facts import AlertFacts, AskAlerts, AskTarget, Question, TargetFacts, Unknown
from wfexec.model.phases import ErrorType, Phase, ResourceHealth, RollbackStrategy, StepState, WorkflowOutcome
from wfexec.model.words import STEP_COMPLETED
from wfexec.units import format_instant

WATCHING: Final = "watching the targets"


class Watched(NamedTuple):
    """What is looked at: targets, alerts (None where nobody is asked), postconditions, and all questions of it."""

    targets: list[AskTarget]
    alerts: AskAlerts | None
    promises: list[Promise]
    questions: list[Question]


def enter_monitoring(draft: Draft) -> None:
    """Every step has ended; what was changed is watched from here on."""
    draft.condition("StepsCompleted", True, "StepsEnded")
    over = draft.now + draft.settings.stabilization_window
    draft.move_phase(Phase.MONITORING, WATCHING, healthy_since=draft.now, estimated_completion_time=over)
    _ask(draft, _watched(draft).questions, draft.now)
    draft.wake(over)


def _watched(draft: Draft) -> Watched:
    """The targets of completed steps that are still meant to exist, once each, and what else tells of the effect."""
    pairs = zip(draft.recipe.steps, draft.states, strict=False)
    asked = {step.watch: None for step, state in pairs if state is STEP_COMPLETED}
    targets = [question for question in asked if question is not None]
    promises = promises_of(draft)
    alerts = _alerts_of(draft) if draft.settings.alertmanager_url else None
    questions: list[Question] = [*targets]
    if alerts is not None:
        questions.append(alerts)
    if promises:
        questions += [one for one in dict.fromkeys(asked_by(draft, promises)) if one not in questions]
    if draft.recipe.criteria:
        questions += [one for one in _asked_by_criteria(draft) if one not in questions]
    return Watched(targets, alerts, promises, questions)


def _alerts_of(draft: Draft) -> AskAlerts | None:
    """About the objects of every step that ran, deleted ones included; None when there are none."""
    ran = (step for step in draft.recipe.steps if draft.steps[step.position].attempts)
    affected = dict.fromkeys(step.target for step in ran if step.target is not None)
    if not affected:
        return None
    since = draft.get("execution_start_time") or draft.now
    return AskAlerts(tuple(affected), since, draft.settings.alertmanager_watchdog)


def _ask(draft: Draft, watched: Sequence[Question], not_before: int) -> bool:
    """Ask for the targets whose last answer is older than `not_before`; true when all answers are there."""
    answers = draft.snapshot.answers
    missing = [question for question in watched if (known := answers.get(question)) is None or known.at < not_before]
    draft.questions.extend(missing)
    return not missing and not doubted_on(draft, watched)


def monitoring(draft: Draft) -> None:
    settings, now = draft.settings, draft.now
    began = draft.get("monitoring_start_time") or now
    deadline = began + settings.monitoring_timeout + draft.get("paused_total")
    if now > deadline:
        deadline = draft.patient(deadline)
    trigger = triggered(draft)
    if trigger:
        give_up(draft, trigger)
        return
    watched = _watched(draft)
    fresh, unknown = _new_alerts(draft, watched.alerts, began)
    if fresh:
        _ineffective(draft, f"{NEW_ALERTS}: {fresh}", watched)
        return
    if now > deadline:
        _cannot_verify(draft, watched, unknown)
        return
    # An answer serves for one interval; what ends the window is looked at after it.
    since = draft.get("healthy_since")
    over = since is not None and now >= since + settings.stabilization_window
    oldest = now - settings.monitoring_interval + 1
    if over:
        oldest = max(oldest, since + settings.stabilization_window)
        beside = question_after(draft)
        if beside is not None:
            watched.questions.append(beside)
    if not _ask(draft, watched.questions, draft.seen_since(began, oldest)):
        draft.wake(min(deadline + 1, now + settings.requeue_error))
        return
    if draft.status.message.startswith(TOLD):
        draft.set(message=WATCHING)
    kept = judge_promises(draft, watched.promises)
    if kept.broken is not None:
        _broken(draft, *kept.broken, watched)
        return
    _wait_or_end(draft, watched, kept.open, unknown, deadline)


def _wait_or_end(draft: Draft, watched: Watched, unkept: str, unknown: str, deadline: int) -> None:
    """Every answer is there and nothing is broken: the window goes on, begins anew, or is over."""
    settings, now = draft.settings, draft.now
    healthy, health = _health(draft, watched.targets)
    since = draft.get("healthy_since")
    end = now + settings.monitoring_interval
    # Work that grows with the steps: it is done where the window could end or begin, not at each look within it.
    edge = since is None or now >= since + settings.stabilization_window
    lost = lost_changes(draft) if edge and healthy and not unkept else ""
    if unkept or lost or not healthy:
        draft.set(healthy_since=None)
        if lost:
            draft.set(message=clip(f"waiting for what was changed to be there again: {lost}"))
        since = None
        # Told in the write that the change of health makes anyway, not moved at every look.
        if draft.status.healthy_since is not None:
            draft.set(estimated_completion_time=end + settings.stabilization_window)
    elif since is None:
        over_at = now + settings.stabilization_window
        draft.set(healthy_since=now, estimated_completion_time=over_at, message=WATCHING)
        since = now
    over = since is not None and now >= since + settings.stabilization_window
    missing = _open_ends(draft, unknown) if over else ""
    around = look_around(draft) if over and not missing else NOT_WATCHED
    missing = missing or around.wait
    if over and not missing:
        _end_well(draft, around, _findings(watched, health, unknown))
        return
    if missing:
        draft.set(message=clip(f"waiting for {missing}"))
    elif since is not None:
        end = since + settings.stabilization_window
    draft.wake(min(deadline + 1, end, now + settings.monitoring_interval))


def _end_well(draft: Draft, around: Around, findings: Findings) -> None:
    """Every row of the table held for a window; what lies beside the targets makes it less than a success."""
    missed = _unmet(draft, required=False)
    if missed:
        draft.event("Warning", "SuccessCriterionUnmet", f"not required: {missed}")
    findings = findings._replace(side_effects=around.effects)
    if around.unknown:
        complete(draft, WorkflowOutcome.UNKNOWN, f"{SIDE_EFFECTS_UNKNOWN}: {around.unknown}", findings)
    elif around.effects:
        told = effects_text(around.effects)
        draft.event("Warning", "SideEffectsSeen", told)
        complete(draft, WorkflowOutcome.PARTIAL_SUCCESS, f"{SIDE_EFFECTS}: {told}", findings)
    else:
        complete(draft, _outcome(draft), "", findings)


def _open_ends(draft: Draft, unknown: str) -> str:
    """What success still wants when the targets have been well for a window."""
    missing = _unmet(draft, required=True)
    if missing:
        return f"success criteria: {missing}"
    return f"word about new alerts: {unknown}" if unknown else ""


def _cannot_verify(draft: Draft, watched: Watched, unknown: str) -> None:
    """The time of monitoring is over."""
    healthy, health = _health(draft, watched.targets)
    lost = lost_changes(draft) if healthy else ""
    unmet = _unmet(draft, required=True) if healthy and not lost else ""
    why = f"{UNMET}: {unmet}" if unmet else f"{CANNOT_VERIFY}: {lost}" if lost else CANNOT_VERIFY
    if healthy and unknown and not unmet and not lost:
        why = f"{ALERTS_UNKNOWN}: {unknown}"
    elif healthy and not unmet and not lost and (beside := left_open(draft)):
        why = f"{SIDE_EFFECTS_UNKNOWN}: {beside}"
    complete(draft, WorkflowOutcome.UNKNOWN, why, _findings(watched, health, unknown))


def _findings(watched: Watched, health: ResourceHealth | None, unknown: str) -> Findings:
    """No alert is told only by somebody who was asked and could say."""
    return Findings(health, None if watched.alerts is None or unknown else False)


def _new_alerts(draft: Draft, question: AskAlerts | None, began: int) -> tuple[str, str]:
    """Which ones fire, and why nobody knows; both "" when there are none, or nobody is asked. What was seen before
    monitoring `began` belongs to an earlier try."""
    if question is None:
        return "", ""
    answer = draft.snapshot.answers.get(question)
    facts = answer.facts if answer is not None and answer.at >= draft.seen_since(began) else None
    if isinstance(facts, AlertFacts):
        told = [f"{one.name} on {target_text(one.about)} since {format_instant(one.began)}" for one in facts.alerts]
        return ", ".join(told), ""
    return "", facts.reason if isinstance(facts, Unknown) else "nobody has answered"


def _broken(draft: Draft, position: int, why: str, watched: Watched) -> None:
    """A completed step fails after all: what it did took effect, and is undone with the others (BR-WF-052)."""
    message = clip(why, 4096)
    step, error = draft.recipe.steps[position], ErrorType.VALIDATION_ERROR
    draft.move_step(position, StepState.FAILED, error_message=message, error_type=error)
    draft.event("Warning", "StepFailed", f"step {step.number} ({step.name}): {error}: {message}")
    note_failure(draft, position)
    _ineffective(draft, f"{INEFFECTIVE}: {why}", watched)


def _ineffective(draft: Draft, reason: str, watched: Watched) -> None:
    """What was done made things worse or did not last: undo it or fail, as the strategy says (BR-WF-051)."""
    note_failure(draft, None)
    strategy = draft.recipe.rollback_strategy
    draft.event("Warning", "WorkflowIneffective", reason)
    draft.count("kubernaut_workflowexecution_errors_total", ErrorType.VALIDATION_ERROR, Phase.MONITORING)
    if strategy is RollbackStrategy.AUTOMATIC:
        draft.set(failure_reason=clip(reason, 4096), error_type=ErrorType.VALIDATION_ERROR)
        enter_rolling_back(draft, reason, cause="validation_failure")
        return
    _, health = _health(draft, watched.targets)
    if draft.get("failed_step") is not None:
        health = ResourceHealth.UNHEALTHY
    told = f"{reason}; rollback strategy is {strategy}, manual intervention required"
    fail(draft, told, ErrorType.VALIDATION_ERROR, Findings(health))


def _health(draft: Draft, watched: list[AskTarget]) -> tuple[bool, ResourceHealth | None]:
    """Whether every target is known to be healthy, and the word for it; a kind without health counts by existing.

    None where no target is known to be ill and some are not known at all: a word would say what nobody has seen.
    """
    answers = draft.snapshot.answers
    well = ill = 0
    for question in watched:
        answer = answers.get(question)
        fact = answer.facts if answer is not None else None
        if not isinstance(fact, TargetFacts):
            continue
        if fact.exists and not fact.terminating and fact.healthy is not False:
            well += 1
        else:
            ill += 1
    if well == len(watched):
        return True, ResourceHealth.HEALTHY
    if not ill:
        return False, None
    return False, ResourceHealth.UNHEALTHY if ill == len(watched) else ResourceHealth.DEGRADED


def _asked_by_criteria(draft: Draft) -> dict[Question, None]:
    """What the criteria must know, once each."""
    return {question: None for one in draft.recipe.criteria for question in asks(one.program, draft.recipe, None)}


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
    if StepState.FAILED in draft.states or any(map(missed_promise, draft.steps)):
        return WorkflowOutcome.PARTIAL_SUCCESS
    return WorkflowOutcome.SUCCESS
