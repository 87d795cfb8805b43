"""How far has a workflow come, and when will it end? (BR-EXECUTION-001)

For people who watch one: made from its status and its recipe alone, at any moment. Milliseconds.
"""

from typing import NamedTuple

from wfexec.model.phases import STEP_ENDED, Phase, StepState
from wfexec.model.recipe import Recipe
from wfexec.model.status import StepStatus, WorkflowExecutionStatus

# What the monitoring phase takes when all goes well; its window is a setting of the controller.
MONITORING_MS = 60_000


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
    if status.phase == Phase.MONITORING:
        began = status.monitoring_start_time or now
        return max(0, began + MONITORING_MS - now)
    if status.phase != Phase.EXECUTING or recipe is None or len(recipe.steps) != len(status.step_statuses):
        return None
    ends = [0] * len(recipe.steps)
    for position in recipe.order:
        step = recipe.steps[position]
        before = max((ends[dependency] for dependency in step.dependencies), default=0)
        ends[position] = before + _cost(status.step_statuses[position], step.estimate_ms, now)
    return max(ends) + MONITORING_MS


def _cost(state: StepStatus, estimate: int, now: int) -> int:
    if state.status in STEP_ENDED:
        return 0
    if state.status is StepState.EXECUTING and state.attempts:
        return max(0, estimate - max(0, now - state.attempts[-1].start_time))
    if state.status is StepState.RETRYING and state.next_retry_time is not None:
        return estimate + max(0, state.next_retry_time - now)
    return estimate
