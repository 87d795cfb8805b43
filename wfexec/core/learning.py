"""What do earlier runs change about a plan? Timeouts, retries and the estimate, never the steps (BR-ORCHESTRATION-020).

Called by planning for workflows with `adaptiveOrchestration.learningFromHistory`. What is changed is written into
status, and that is what counts: a restart or a longer history changes nothing about a plan once made. Confidence is
the lower end of Wilson's interval (one-sided, 90 %) for the share of earlier runs that succeeded: ten of ten give
0.86, nine of ten 0.72.
"""

from collections.abc import Iterator
from math import sqrt
from typing import Final

from wfexec.core.draft import Draft
from wfexec.core.graph import critical_path_of, makespan
from wfexec.core.registry import find_action
from wfexec.core.replan import RETRIES_MAX, laid_over
from wfexec.model.base import evolve
from wfexec.model.facts import AskHistory, Experience, HistoryFacts, Unknown
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.status import AdaptiveAdjustment, PlannedStep
from wfexec.settings import Settings
from wfexec.units import format_duration, so_many

# How long planning waits for the history, if it may last so long; without it, it plans as if there were none.
PATIENCE_MS: Final = 30_000
# One-sided 90 %.
Z: Final = 1.2815515655446004
# A step whose usual longest run comes this close to its timeout is given more time.
CLOSE: Final = 0.8
ROOM: Final = 1.5
# So many of the successes must have needed a further attempt before more of them are allowed.
RETRIED: Final = 0.6
# Adjustments that did not help often enough are made no more.
USES: Final = 20
ACCURACY: Final = 0.75


def confidence(experience: Experience) -> float:
    """How sure it is that what is known describes a success, 0 to 1."""
    n, hits = experience.runs, experience.successes
    if n == 0:
        return 0.0
    share, square = hits / n, Z * Z
    half = Z * sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, (share + square / (2 * n) - half) / (1 + square / n))


def trusted(experience: Experience | None, settings: Settings) -> bool:
    """Enough runs, enough confidence, and no record of adjustments that did not help."""
    if experience is None or experience.runs < settings.learning_min_samples:
        return False
    if experience.uses >= USES and experience.well < ACCURACY * experience.uses:
        return False
    return confidence(experience) >= settings.learning_min_confidence


def question_of(recipe: Recipe) -> AskHistory:
    return AskHistory(recipe.name, tuple(sorted({canonical(step) for step in recipe.steps})))


def canonical(step: RecipeStep) -> str:
    """The registry's name of its action."""
    action = find_action(step.action)
    return action.name if action is not None else step.action


def learned(draft: Draft) -> bool:
    """Adjust the draft's recipe by what is known; False while the answer is still waited for."""
    question = question_of(draft.recipe)
    answer = draft.snapshot.answers.get(question)
    if answer is None:
        patience = min(PATIENCE_MS, draft.settings.planning_timeout) + draft.get("paused_total")
        until = (draft.get("planning_start_time") or draft.now) + patience
        if draft.now < until:
            draft.questions.append(question)
            draft.wake(until)
            return False
    facts = answer.facts if answer is not None else Unknown("no answer in time")
    if not isinstance(facts, HistoryFacts):
        why = facts.reason if isinstance(facts, Unknown) else "no history"
        draft.event("Warning", "HistoryUnavailable", f"planned without earlier runs: {why}")
        return True
    recipe, adjustments = adjust(draft.recipe, facts, draft.now, draft.settings)
    if adjustments:
        draft.recipe = recipe
        draft.set(adaptive_adjustments=adjustments)
        for one in adjustments:
            draft.event("Normal", "AdaptiveAdjustment", f"{one.adjustment}: {one.reason}")
            draft.count("kubernaut_workflowexecution_adaptive_adjustments_total", one.adjustment_type)
    return True


def adjust(
    recipe: Recipe, facts: HistoryFacts, now: int, settings: Settings
) -> tuple[Recipe, tuple[AdaptiveAdjustment, ...]]:
    """The recipe with its plan as earlier runs suggest it, and each change with its reason."""
    plan = recipe.plan
    if plan is None:
        return recipe, ()
    steps: list[PlannedStep] = []
    adjustments: list[AdaptiveAdjustment] = []
    cost: list[int] = []
    for step, planned in zip(recipe.steps, plan.steps, strict=True):
        known = facts.actions.get(canonical(step))
        if known is None or not trusted(known, settings):
            steps.append(planned)
            cost.append(step.estimate_ms)
            continue
        timeout = _timeout(step, known, settings)
        retries = _retries(step, known)
        adjustments.extend(_changes(step, known, timeout, retries, now))
        steps.append(evolve(planned, timeout=timeout, max_retries=retries))
        cost.append(min(known.p50_ms, timeout))
    estimate, path, source = _estimate(recipe, facts, cost, settings)
    if estimate != plan.estimated_duration and source:
        text = f"estimate {format_duration(plan.estimated_duration)} → {format_duration(estimate)}"
        adjustments.append(_adjustment("estimate", text, source, None, now))
    if not adjustments:
        return recipe, ()
    made = evolve(plan, steps=tuple(steps), estimated_duration=estimate, critical_path=path)
    return laid_over(recipe, made, settings), tuple(adjustments)


def _timeout(step: RecipeStep, known: Experience, settings: Settings) -> int:
    return more_time(step, known.p95_ms, settings)


def more_time(step: RecipeStep, lasted: int, settings: Settings) -> int:
    """The timeout of a step whose action takes up to `lasted`; all in milliseconds."""
    if lasted <= CLOSE * step.timeout_ms:
        return step.timeout_ms
    return max(step.timeout_ms, min(round(ROOM * lasted), settings.step_timeout_max))


def _retries(step: RecipeStep, known: Experience) -> int:
    """An explicit 0 is a person's word: such a step must not be tried twice."""
    if not step.retries_max or known.retried < RETRIED * known.successes or not known.retried:
        return step.retries_max
    return max(step.retries_max, min(known.retries_p95 + 1, RETRIES_MAX))


def _changes(step: RecipeStep, known: Experience, timeout: int, retries: int, now: int) -> Iterator[AdaptiveAdjustment]:
    action = canonical(step)
    sure = f"confidence {confidence(known):.2f}"
    if timeout != step.timeout_ms:
        text = f"timeout of step {step.name!r} {format_duration(step.timeout_ms)} → {format_duration(timeout)}"
        reason = (
            f"95 % of {so_many(known.successes, 'run')} of {action} took up to {format_duration(known.p95_ms)}; {sure}"
        )
        yield _adjustment("timeout", text, reason, step.number, now)
    if retries != step.retries_max:
        text = f"retries of step {step.name!r} {step.retries_max} → {retries}"
        reason = (
            f"{known.retried} of {so_many(known.successes, 'run')} of {action} succeeded only after a retry; {sure}"
        )
        yield _adjustment("retry", text, reason, step.number, now)


def _adjustment(kind: str, text: str, reason: str, number: int | None, now: int) -> AdaptiveAdjustment:
    return AdaptiveAdjustment(timestamp=now, adjustment=text, reason=reason, step_number=number, adjustment_type=kind)


def _estimate(
    recipe: Recipe, facts: HistoryFacts, cost: list[int], settings: Settings
) -> tuple[int, tuple[int, ...], str]:
    """Milliseconds, critical path by stepNumber, and where they come from ("" when nothing is known)."""
    edges = [step.dependencies for step in recipe.steps]
    path = tuple(recipe.numbers[position] for position in critical_path_of(edges, recipe.order, cost))
    whole = facts.definition
    if whole is not None and trusted(whole, settings):
        return whole.p50_ms, path, f"half of {so_many(whole.successes, 'run')} of {recipe.name} took no longer"
    before = [step.estimate_ms for step in recipe.steps]
    if cost == before:
        return recipe.estimate_ms, path, ""
    rest = recipe.estimate_ms - makespan(edges, recipe.order, before, recipe.parallel_max)
    known = sorted({canonical(step) for step, new in zip(recipe.steps, cost, strict=True) if new != step.estimate_ms})
    source = f"the median of earlier runs of {', '.join(known)}"
    return makespan(edges, recipe.order, cost, recipe.parallel_max) + rest, path, source
