"""How far has a workflow come, and when will it end? (BR-EXECUTION-001)

Made from its status and its recipe alone: for people who watch one, at any moment; for its status, with the writes
that are made anyway. Milliseconds.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from wfexec.core.draft import Draft
from wfexec.model.entries import entries_of
from wfexec.model.phases import STEP_ENDED, Phase, StepState
from wfexec.model.recipe import Recipe
from wfexec.model.status import StepStatus, WorkflowExecutionStatus
from wfexec.model.words import STEP_PENDING
from wfexec.settings import DEFAULTS

# What the monitoring phase takes when all goes well, for who does not know the controller's settings.
WINDOW_MS: Final = DEFAULTS.stabilization_window
# The expected end is told anew after each fifth of the steps, where it moved by this much: to work it out takes a pass
# over all steps, which would cost a long workflow more than all else that is done at a look.
PERCENT_BETWEEN: Final = 20
EXPECTED_WITHIN_MS: Final = 1_000
# Later batches of a long plan share one label.
BATCHES_TOLD: Final = 10


class Progress(NamedTuple):
    """`left_ms`: by the remaining critical path; None when it cannot be told (paused, ended, nothing planned yet)."""

    completed: int
    total: int
    percent: int
    left_ms: int | None


def progress_of(status: WorkflowExecutionStatus, recipe: Recipe | None, now: int) -> Progress:
    steps = status.step_statuses
    completed = sum(1 for step in steps if step.status is StepState.COMPLETED)
    percent = 100 if status.phase == Phase.COMPLETED else status.progress
    return Progress(completed, len(steps) or status.total_steps, percent, _left(status, recipe, now))


def _left(status: WorkflowExecutionStatus, recipe: Recipe | None, now: int) -> int | None:
    known = status.estimated_completion_time
    if status.phase == Phase.MONITORING:
        return max(0, known - now) if known is not None else WINDOW_MS
    if status.phase != Phase.EXECUTING or recipe is None:
        return None
    entries = entries_of(status.step_statuses)
    left = remaining_ms(entries, entries.states, recipe, now)
    return None if left is None else left + WINDOW_MS


def expect_end(draft: Draft) -> None:
    """When all will be over if nothing goes wrong any more (BR-EXECUTION-001)."""
    known, told = draft.get("estimated_completion_time"), draft.status.progress
    if known is not None and draft.get("progress") // PERCENT_BETWEEN == told // PERCENT_BETWEEN:
        return
    work = remaining_ms(draft.steps, draft.states, draft.recipe, draft.now)
    if work is None:
        return
    left = work + draft.settings.stabilization_window
    if known is None or abs(known - draft.now - left) >= EXPECTED_WITHIN_MS:
        draft.set(estimated_completion_time=draft.now + left)


def count_batches(draft: Draft) -> None:
    """How many of the plan's batches are over, one after the other; how long each took (BR-WF-024)."""
    steps, states, batches = draft.steps, draft.states, draft.recipe.batches
    before = over = draft.get("completed_batches")
    # Most often the first one of the batch says no.
    while over < len(batches) and states[batches[over][0]] in STEP_ENDED:
        if not all(states[position] in STEP_ENDED for position in batches[over]):
            break
        over += 1
        starts = [start for position in batches[over - 1] if (start := steps[position].start_time) is not None]
        if starts:
            label = str(over) if over < BATCHES_TOLD else f"{BATCHES_TOLD}+"
            seconds = max(0, draft.now - min(starts)) / 1_000
            draft.count("kubernaut_workflowexecution_batch_duration_seconds", label, value=seconds)
    if over != before:
        draft.set(completed_batches=over)


def remaining_ms(steps: Sequence[StepStatus], states: Sequence[StepState], recipe: Recipe, now: int) -> int | None:
    """Until the last step will have ended: the longest way still to go, or all work over all places if that is more.

    None where the steps are not those of the plan: somebody edited the status, and the workflow ends at its next look.
    """
    if len(steps) != len(recipe.steps):
        return None
    ends = [0] * len(steps)
    latest = work = 0
    planned = recipe.steps
    for position in recipe.order:
        state = states[position]
        if state in STEP_ENDED:
            continue
        step = planned[position]
        cost = step.estimate_ms
        if state is not STEP_PENDING:
            cost = _cost(steps[position], cost, now)
        before = 0
        for dependency in step.dependencies:
            if ends[dependency] > before:
                before = ends[dependency]
        ends[position] = before + cost
        work += cost
        if ends[position] > latest:
            latest = ends[position]
    return max(latest, work // recipe.parallel_max)


def _cost(state: StepStatus, estimate: int, now: int) -> int:
    if state.status is StepState.EXECUTING and state.attempts:
        return max(0, estimate - max(0, now - state.attempts[-1].start_time))
    if state.status is StepState.RETRYING and state.next_retry_time is not None:
        return estimate + max(0, state.next_retry_time - now)
    return estimate
