"""What this run itself shows changes steps that have not started (BR-ORCHESTRATION-001, BR-AUTOMATION-001).

For workflows with `adaptiveOrchestration.optimizationEnabled`: the executing phase calls `adapt` between folding the
children and starting steps, and `reorder` when more steps are ready than places are free. Steps that have started or
ended are never touched. Every change is written into `status.executionPlan` in the same write as its reason, an event
and a metric; `core.replan` lays it over the recipe, so a restart goes on with the same plan.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from wfexec.core.draft import Draft
from wfexec.core.learning import RETRIED, canonical, more_time
from wfexec.core.replan import RETRIES_MAX, laid_over
from wfexec.model.base import clip, evolve
from wfexec.model.phases import ErrorType, StepState
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.status import ADJUSTMENTS_MAX, AdaptiveAdjustment, AttemptStatus, ExecutionPlan, PlannedStep
from wfexec.model.words import STEP_COMPLETED, STEP_PENDING
from wfexec.units import format_duration, so_many

# What tells that too much is done at once.
PRESSURE: Final = frozenset({ErrorType.THROTTLED, ErrorType.RESOURCE_CONFLICT})
SHARE: Final = 0.10
# So many ended attempts are recent; so many successes in a row restore the limit.
RECENT: Final = 20
QUIET: Final = 5
# Fewer successes or failures of an action in this run say nothing about its next steps.
ENOUGH: Final = 2


def room(draft: Draft) -> bool:
    """Whether another change may be made and can be written down; what learning changed at planning does not count."""
    made = draft.get("adaptive_adjustments")
    began = draft.get("execution_start_time")
    counted = sum(one.adjustment_type == "parameter" or (began is not None and one.timestamp >= began) for one in made)
    return counted < draft.settings.adaptations_max and len(made) < ADJUSTMENTS_MAX


def note(draft: Draft, kind: str, text: str, reason: str, number: int | None = None) -> None:
    """One change, where people look for it."""
    made = AdaptiveAdjustment(
        timestamp=draft.now, adjustment=clip(text), reason=clip(reason), step_number=number, adjustment_type=kind
    )
    draft.set(adaptive_adjustments=(*draft.get("adaptive_adjustments"), made))
    draft.event("Normal", "AdaptiveAdjustment", f"{made.adjustment}: {made.reason}")
    draft.count("kubernaut_workflowexecution_adaptive_adjustments_total", kind)
    if not room(draft):
        draft.event("Warning", "AdaptationLimitReached", "no more changes are made; it goes on as it is planned now")


def take_suggestions(draft: Draft) -> None:
    """Planning tells which suggested parameters it took, and which not, and why."""
    for one in draft.recipe.suggestions if draft.settings.adaptation else ():
        if one.change:
            note(draft, "parameter", one.change, one.reason, one.number)
        else:
            draft.event("Normal", "SuggestionIgnored", f"{one.key} of step {one.number}: {one.reason}")


def adapt(draft: Draft) -> None:
    """Judge what has ended in this run so far, whenever more of it has."""
    if draft.rules is None or not draft.rules.optimization_enabled or not _news(draft):
        return
    _throttle(draft)
    _replan(draft)


def _news(draft: Draft) -> bool:
    """Has an attempt ended in this very look?"""
    return any(
        step is not before and step.attempts and step.attempts[-1].end_time is not None
        for step, before in zip(draft.steps, draft.status.step_statuses, strict=False)
    )


def change_plan(draft: Draft, **changes: Any) -> None:
    """The plan in status, and with it the recipe."""
    plan: ExecutionPlan | None = draft.get("execution_plan")
    base = draft.base
    if plan is None:
        return
    made = evolve(plan, **changes)
    draft.set(execution_plan=made)
    draft.recipe = laid_over(base, made, draft.settings)


def _ended(draft: Draft) -> Iterator[AttemptStatus]:
    return (one for step in draft.steps for one in step.attempts if one.end_time is not None)


def _throttle(draft: Draft) -> None:
    """Fewer at once while the cluster pushes back, as many as planned once it has been quiet."""
    most, limit = draft.base.parallel_max, draft.recipe.parallel_max
    if limit == most and not any(one.error_type in PRESSURE for one in _ended(draft)):
        return
    changes = (
        one.timestamp for one in reversed(draft.get("adaptive_adjustments")) if one.adjustment_type == "throttle"
    )
    since = next(changes, 0)
    recent = sorted(
        (one for one in _ended(draft) if (one.end_time or 0) > since), key=lambda one: (one.end_time or 0, one.name)
    )[-RECENT:]
    pressed = sum(one.error_type in PRESSURE for one in recent)
    if not room(draft):
        return
    if pressed > SHARE * len(recent) and limit > 1:
        were = "was" if pressed == 1 else "were"
        reason = f"{pressed} of the last {so_many(len(recent), 'attempt')} {were} throttled or met a conflict"
        note(draft, "throttle", f"steps at a time {limit} → {limit - 1}", reason)
        change_plan(draft, parallel_limit=limit - 1)
    elif limit < most and len(recent) >= QUIET and all(one.phase == STEP_COMPLETED for one in recent[-QUIET:]):
        note(draft, "throttle", f"steps at a time {limit} → {most}", f"the last {QUIET} attempts succeeded")
        change_plan(draft, parallel_limit=None)


def _replan(draft: Draft) -> None:
    """More time and other tries for steps to come whose action needed them in this run (BR-AUTOMATION-001)."""
    plan: ExecutionPlan | None = draft.get("execution_plan")
    waiting = {step.number: step for step in draft.recipe.steps if untouched(draft, step.position)}
    if plan is None or not waiting:
        return
    alike: dict[str, list[int]] = {}
    for step in draft.recipe.steps:
        alike.setdefault(canonical(step), []).append(step.position)
    steps = tuple(
        _improved(draft, waiting[one.step_number], one, alike) if one.step_number in waiting else one
        for one in plan.steps
    )
    if any(new is not old for new, old in zip(steps, plan.steps, strict=True)):
        change_plan(draft, steps=steps)


def untouched(draft: Draft, position: int) -> bool:
    """It has not started, in no attempt."""
    state = draft.steps[position]
    return state.status is STEP_PENDING and not state.attempts


def _improved(draft: Draft, step: RecipeStep, planned: PlannedStep, alike: dict[str, list[int]]) -> PlannedStep:
    action = canonical(step)
    tries = [one for at in alike[action] for one in draft.steps[at].attempts if one.end_time is not None]
    longest = max((_lasted(one) for one in tries if _tells_time(one)), default=0)
    timeout = more_time(step, longest, draft.settings)
    if timeout != step.timeout_ms and room(draft):
        text = f"timeout of step {step.name!r} {format_duration(step.timeout_ms)} → {format_duration(timeout)}"
        note(draft, "timeout", text, f"{action} took {format_duration(longest)} in this run", step.number)
        planned = evolve(planned, timeout=timeout)
    won = [draft.steps[at].retries_attempted for at in alike[action] if draft.steps[at].status is STEP_COMPLETED]
    retries, delay, reason = _tries(draft, step, won, [one for one in tries if one.phase == StepState.FAILED])
    if (retries, delay) != (step.retries_max, step.retry_delay_ms) and room(draft):
        usual = draft.settings.retry_base_delay
        before, after = step.retry_delay_ms or usual, delay or usual
        told = [f"{step.retries_max} → {retries}"] if retries != step.retries_max else []
        told += [f"first delay {format_duration(before)} → {format_duration(after)}"] if before != after else []
        text = f"retries of step {step.name!r} {', '.join(told)}"
        note(draft, "retry", text, f"{reason} of {action} in this run", step.number)
        planned = evolve(planned, max_retries=retries, retry_delay=delay)
    return planned


def _lasted(one: AttemptStatus) -> int:
    return max(0, (one.end_time or 0) - one.start_time)


def _tells_time(one: AttemptStatus) -> bool:
    """How long it really takes, or longer."""
    return one.phase == STEP_COMPLETED or one.error_type is ErrorType.TIMEOUT


def _tries(
    draft: Draft, step: RecipeStep, won: Sequence[int], failed: Sequence[AttemptStatus]
) -> tuple[int, int | None, str]:
    """Further attempts, the first delay (None as the setting says), and why.

    An explicit 0 is a person's word: such a step must not be tried twice.
    """
    retries, usual = step.retries_max, draft.settings.retry_base_delay
    if not retries:
        return retries, step.retry_delay_ms, ""
    pressed = sum(one.error_type in PRESSURE for one in failed)
    if len(failed) >= ENOUGH and 2 * pressed > len(failed):
        return retries, 2 * usual, f"{pressed} of {len(failed)} failed attempts were throttled or met a conflict"
    needed = sum(1 for one in won if one)
    if len(won) >= ENOUGH and needed >= RETRIED * len(won):
        more = max(retries, min(max(won) + 1, RETRIES_MAX))
        return more, usual // 2, f"{needed} of {len(won)} steps succeeded only after a retry"
    return retries, step.retry_delay_ms, ""


def reorder(draft: Draft, ready: Sequence[int], active: int) -> None:
    """Of the steps that became ready together, let those start first that are expected to take longest.

    Only where some of them have to wait, and never where one wants to be alone: nothing may overtake that.
    """
    if draft.rules is None or not draft.rules.optimization_enabled:
        return
    recipe = draft.recipe
    # A step that was added by this very run has no place in the plan that could change.
    listed = len(draft.base.steps)
    joined = sorted(at for at in ready if at < listed and draft.steps[at].ready_time is None and untouched(draft, at))
    if len(joined) < ENOUGH or len(ready) <= recipe.parallel_max - active:
        return
    if any(recipe.steps[at].barrier for at in joined):
        return
    expected = {at: _expected(draft, recipe, at) for at in joined}
    order = sorted(joined, key=lambda at: (-expected[at], at))
    plan: ExecutionPlan | None = draft.get("execution_plan")
    if order == joined or plan is None or not room(draft):
        return
    first = recipe.steps[order[0]]
    text = f"start order {_names(recipe, joined)} → {_names(recipe, order)}"
    reason = f"longest first: {first.name!r} is expected to take {format_duration(expected[order[0]])}"
    note(draft, "reorder", text, reason, first.number)
    ranks = {recipe.steps[at].number: rank for rank, at in enumerate(order, start=1)}
    change_plan(
        draft,
        steps=tuple(
            evolve(one, rank=ranks[one.step_number]) if one.step_number in ranks else one for one in plan.steps
        ),
    )


def _expected(draft: Draft, recipe: Recipe, position: int) -> int:
    """Milliseconds: what its action took in this run so far on average, else its estimate."""
    action = canonical(recipe.steps[position])
    took = [
        _lasted(step.attempts[-1])
        for step, known in zip(draft.steps, recipe.steps, strict=True)
        if step.status is STEP_COMPLETED and step.attempts and canonical(known) == action
    ]
    return sum(took) // len(took) if took else recipe.steps[position].estimate_ms


def _names(recipe: Recipe, positions: Sequence[int]) -> str:
    return ", ".join(recipe.steps[at].name for at in positions)
