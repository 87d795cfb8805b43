"""How well did it work, and what should be done about it? Score and recommendations of a result (BR-WF-051).

Called by `core.ending` once, when a workflow ends.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from wfexec.core.when import AFTER_DEPENDENCY, WHEN_FALSE
from wfexec.model.base import clip
from wfexec.model.phases import RETRYABLE, ErrorType, RunCondition, StepState
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.status import StepStatus
from wfexec.units import format_duration

RETRY_PRICE: Final = 0.05
ROLLBACK_PRICE: Final = 0.10
RECOMMENDATIONS_MAX: Final = 64
NEW_ALERTS: Final = "workflow_triggered_new_alerts"
INEFFECTIVE: Final = "ineffective"
ALERTS_UNKNOWN: Final = "alerts_unknown"
CANNOT_VERIFY: Final = "monitoring_timeout_cannot_verify_success"
UNMET: Final = "success_criteria_unmet"
SIDE_EFFECTS: Final = "side_effects"
SIDE_EFFECTS_UNKNOWN: Final = "side_effects_unknown"
# By the word that an end is told with; what follows that word takes the place of {}.
_ADVICE: Final = {
    NEW_ALERTS: "look into {}; add a postcondition that sees such trouble before the next step starts",
    ALERTS_UNKNOWN: "look at the Alertmanager and at what feeds it, and for new alerts yourself: {}",
    SIDE_EFFECTS: "look into {}; it was well before the first step, and is no target of any",
    SIDE_EFFECTS_UNKNOWN: "look beside the targets yourself, whether anything fell ill there is not known: {}",
    CANNOT_VERIFY: "look at the targets of the completed steps, their effect is not proven: {}",
    UNMET: "see why the success criterion {} is not met, and add a postcondition to the step that should have met it",
    "workflow_timeout": "raise spec.timeout, or find what held the steps up",
}
_STATE_OF: Final = attrgetter("status")
_DONE: Final = frozenset({StepState.COMPLETED, StepState.ROLLED_BACK})
_UNMET: Final = frozenset({StepState.FAILED, StepState.BLOCKED, StepState.SKIPPED, StepState.ROLLED_BACK})


def score(steps: Sequence[StepStatus], recipe: Recipe) -> float:
    """Completed over total, times the share of postconditions that hold, less 0.05 a retry and 0.10 an undone step,
    within 0..1; 0 when there are no steps.

    An undone step still counts as completed: its price is the 0.10. A step that was not needed (its `when` was false,
    or it waited for such a step alone) is left out; one that a failure kept from running is not.
    """
    total = len(steps) - len(not_needed(steps, recipe))
    if not steps:
        return 0.0
    states = list(map(_STATE_OF, steps))
    undone = states.count(StepState.ROLLED_BACK)
    completed = states.count(StepState.COMPLETED) + undone
    retries = sum(step.retries_attempted for step in steps)
    # Every step was left out by its condition: there was nothing to do, and that was done.
    share = completed / total if total else 1.0
    judged = [result.passed for step in steps for result in step.post_condition_results if result.evaluated]
    kept = judged.count(True) / len(judged) if judged else 1.0
    raw = share * kept - RETRY_PRICE * retries - ROLLBACK_PRICE * undone
    return round(min(1.0, max(0.0, raw)), 4)


def not_needed(steps: Sequence[StepStatus], recipe: Recipe) -> frozenset[int]:
    """Positions of steps that were skipped by a condition and not for want of something that failed."""
    if StepState.SKIPPED not in map(_STATE_OF, steps) or len(recipe.steps) != len(steps):
        return frozenset()
    found: set[int] = set()
    for position in recipe.order:
        state, step = steps[position], recipe.steps[position]
        if state.status is not StepState.SKIPPED or state.attempts:
            continue
        if state.skip_reason.startswith(WHEN_FALSE) or (
            state.skip_reason.startswith(AFTER_DEPENDENCY) and _waited_for_nothing_bad(step, steps, found)
        ):
            found.add(position)
    return frozenset(found)


def _waited_for_nothing_bad(step: RecipeStep, steps: Sequence[StepStatus], found: set[int]) -> bool:
    if step.run_condition is RunCondition.IF_PRIMARY_FAILS and steps[step.dependencies[0]].status in _DONE:
        return True
    return all(one in found for one in step.dependencies if steps[one].status in _UNMET)


def recommendations(steps: Sequence[StepStatus], recipe: Recipe, reason: str) -> tuple[str, ...]:
    """What a person may do next: about the end's `reason` (a machine word, a colon, a sentence), then a sentence for
    each step that went wrong, in stepNumber order."""
    word, _, detail = reason.partition(": ")
    told = [_ADVICE[word].format(detail or "it").removesuffix(": it")] if word in _ADVICE else []
    for position, state in enumerate(steps):
        if state.error_type is not None and state.status is not StepState.COMPLETED:
            step = recipe.steps[position] if len(recipe.steps) == len(steps) else None
            told.append(_recommendation(state, step))
        elif state.status is StepState.COMPLETED:
            missed = [one.condition_type for one in state.post_condition_results if one.evaluated and not one.passed]
            told += [f"see why {one} does not hold after step {_called(state)}" for one in missed]
    return tuple(clip(one) for one in told[:RECOMMENDATIONS_MAX])


def _recommendation(state: StepStatus, step: RecipeStep | None) -> str:
    error, called = state.error_type, _called(state)
    broken = [one.condition_type for one in state.post_condition_results if one.evaluated and not one.passed]
    if error is ErrorType.BLOCKED:
        unmet = ", ".join(one.condition_type for one in state.pre_condition_results if not one.passed)
        return f"see to the precondition {unmet or 'of it'} first, then retry step {called}"
    if broken:
        return f"see why {', '.join(broken)} does not hold after step {called}, then retry step {state.step_number}"
    if error is ErrorType.TIMEOUT:
        limit = f" above {format_duration(step.timeout_ms)}" if step is not None else ""
        return f"raise the timeout of step {called}{limit}, or find what holds it up"
    if error in RETRYABLE:
        return f"retry step {called}: {error} may pass"
    if error is ErrorType.RESOURCE_NOT_FOUND:
        return f"add a precondition to step {called} that its target exists, and create the target"
    return f"look into step {called} before it is tried again: {error}"


def _called(state: StepStatus) -> str:
    return f"{state.step_number} ({state.action})"
