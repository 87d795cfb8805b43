"""Do the postconditions of completed steps still hold while the workflow is watched? (BR-WF-050, BR-WF-052)

Called by `core.monitoring` at each look. Only conditions that somebody wrote down, in the workflow or in the registry:
what the embedded ones say of a target is what its health says anyway. One that is false has the time of its own to
come true again; since when it is false stands in its result in status.
"""

from typing import NamedTuple

from wfexec.core.conditions import POST, condition_limit, conditions_of, embedded_types
from wfexec.core.draft import Draft
from wfexec.core.expressions import asks, compile_expression, context_of, holds
from wfexec.model.base import clip, evolve
from wfexec.model.execution import ConditionResult
from wfexec.model.expressions import CompileError, EvaluationError, Program
from wfexec.model.facts import Question, Unknown
from wfexec.model.phases import StepState
from wfexec.model.workflow import StepCondition


class Promise(NamedTuple):
    """One condition of a completed step; `place` is that of its result in the step's list."""

    position: int
    place: int
    condition: StepCondition
    program: Program


class Kept(NamedTuple):
    """`broken`: the first required one whose time is over, by the position of its step, with a sentence; `open` says
    which ones do not hold at present, or cannot be judged."""

    broken: tuple[int, str] | None
    open: str


ALL_KEPT = Kept(None, "")


def promises_of(draft: Draft) -> list[Promise]:
    """Those that held when their steps completed, or that were found false while they were watched."""
    watched_since = draft.get("monitoring_start_time") or draft.now
    found = []
    for step in draft.recipe.steps:
        state = draft.steps[step.position]
        # Most steps promised nothing: that is asked first, and at every look.
        if not state.post_condition_results or state.status is not StepState.COMPLETED:
            continue
        if not step.spec.post_conditions and state.policy is None:
            continue
        effective = conditions_of(draft, step, state)
        if effective is None:
            continue
        nobodys = embedded_types(effective, step, POST)
        listed = {one.type: one for one in effective.post if one.type not in nobodys}
        for place, result in enumerate(state.post_condition_results):
            condition = listed.get(result.condition_type)
            fell = result.evaluated and (result.passed or (result.evaluation_time or 0) >= watched_since)
            program = compile_expression(condition.expr) if condition is not None and fell else None
            if condition is not None and program is not None and not isinstance(program, CompileError):
                found.append(Promise(step.position, place, condition, program))
    return found


def asked_by(draft: Draft, promises: list[Promise]) -> list[Question]:
    """What must be known to judge them."""
    return [question for one in promises for question in asks(one.program, draft.recipe, one.position)]


def judge_promises(draft: Draft, promises: list[Promise]) -> Kept:
    """With the facts of now; what changed of them is written down."""
    if not promises:
        return ALL_KEPT
    broken: tuple[int, str] | None = None
    told = []
    for promise in promises:
        state, step = draft.steps[promise.position], draft.recipe.steps[promise.position]
        before = state.post_condition_results[promise.place]
        why = _why_not(draft, promise)
        if why is None:
            told.append(f"{promise.condition.type} of step {step.number} is not known")
            continue
        after = _result(before, why, draft.now)
        if after is not before:
            results = state.post_condition_results
            made = (*results[: promise.place], after, *results[promise.place + 1 :])
            draft.set_step(promise.position, post_condition_results=made)
        if not why:
            continue
        over = (after.evaluation_time or draft.now) + condition_limit(draft, POST, promise.condition)
        if draft.now < over:
            told.append(f"{promise.condition.type} of step {step.number} does not hold: {why}")
            draft.wake(over)
        elif promise.condition.required and broken is None:
            sentence = f"postcondition {promise.condition.type} of step {step.number} ({step.name}) no longer holds"
            broken = (promise.position, f"{sentence}: {why}")
    return Kept(broken, "; ".join(told))


def _why_not(draft: Draft, promise: Promise) -> str | None:
    """ "" when it holds; None when nobody knows."""
    met = holds(promise.program, context_of(draft, promise.position))
    if met is True:
        return ""
    for question in asks(promise.program, draft.recipe, promise.position):
        answer = draft.snapshot.answers.get(question)
        if answer is None or isinstance(answer.facts, Unknown):
            return None
    return clip(met.message, 400) if isinstance(met, EvaluationError) else "it is false"


def _result(before: ConditionResult, why: str, now: int) -> ConditionResult:
    """Its time moves only when it comes true or false."""
    if before.passed is bool(why):
        return evolve(before, passed=not why, error_message=why or None, evaluation_time=now)
    return evolve(before, error_message=why) if why and why != before.error_message else before
