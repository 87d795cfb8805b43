"""May this step run? Its `when`, judged once, when what it waited for has ended (BR-WF-006, BR-WF-010, BR-WF-018).

The verdict needs no memory of its own: a step that may run has a `readyTime` or has started, one that may not is
skipped, and one whose expression has no value has failed.
"""

from collections.abc import Iterable
from typing import Final

from wfexec.core.doubt import ask_on, in_doubt, tell
from wfexec.core.draft import Draft
from wfexec.core.expressions import asks, context_of, holds
from wfexec.model.base import clip
from wfexec.model.expressions import EvaluationError, Program
from wfexec.model.facts import Question, Unknown
from wfexec.model.phases import ErrorType, StepState
from wfexec.model.recipe import RecipeStep

WHEN_FALSE: Final = "when is false"
AFTER_DEPENDENCY: Final = "dependency"


def judge_when(draft: Draft, step: RecipeStep, when: Program) -> bool | None:
    """True: it may run; False: facts are awaited; None: it is over, skipped or failed."""
    since = facts_since(draft, step.dependencies)
    if not facts_there(draft, asks(when, draft.recipe, step.position), since):
        return False
    verdict = holds(when, context_of(draft, step.position))
    if verdict is True:
        return True
    if verdict is False:
        reason = clip(f"{WHEN_FALSE}: {when.text}")
        draft.move_step(step.position, StepState.SKIPPED, skip_reason=reason, end_time=draft.now)
        draft.event("Normal", "StepSkipped", f"step {step.number} ({step.name}) skipped: {reason}")
        return None
    condition_error(draft, step, "when", EvaluationError(f"{verdict.message}, in: {when.text}"))
    return None


def condition_error(draft: Draft, step: RecipeStep, field: str, error: EvaluationError) -> None:
    """A step that has not started fails because an expression of its has no value; trying again would not help."""
    message = draft.told(f"{field}: {error.message}", 4096)
    draft.move_step(
        step.position,
        StepState.FAILED,
        error_message=message,
        error_type=ErrorType.VALIDATION_ERROR,
        next_retry_time=None,
        ready_time=None,
        end_time=draft.now,
    )
    draft.event("Warning", "StepFailed", f"step {step.number} ({step.name}): validation_error: {message}")
    draft.count("kubernaut_workflowexecution_steps_completed_total", draft.recipe.name, step.action, "failed")
    draft.count("kubernaut_workflowexecution_errors_total", ErrorType.VALIDATION_ERROR, "executing")


def facts_since(draft: Draft, dependencies: Iterable[int]) -> int:
    """Facts older than this do not show what the dependencies did."""
    began: int = draft.get("execution_start_time") or draft.now
    return draft.seen_since(began, *(draft.steps[one].end_time or 0 for one in dependencies))


def facts_there(draft: Draft, questions: tuple[Question, ...], since: int) -> bool:
    """Whether all answers are there, asking for those that are not, as long as the workflow has time.

    A controller that comes back has no answers and does not know how long it was away: it asks, and never gives up
    what it did not ask for.
    """
    answers = draft.snapshot.answers
    there = True
    for question in questions:
        answer = answers.get(question)
        if answer is None or answer.at < since:
            draft.questions.append(question)
            there = False
        elif isinstance(answer.facts, Unknown) and answer.facts.transient:
            ask_on(draft, question, answer)
            if refused := in_doubt(answer):
                tell(draft, refused)
            there = False
    return there
