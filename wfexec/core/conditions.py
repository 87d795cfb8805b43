"""Does what a step needs hold before it starts, and what it promised after it ended? (BR-WF-016c, BR-WF-052, BR-WF-053)

Called at one place each by `core.execute` (before the child is made) and `core.fold` (after the child completed and
before anything that waits for the step). Nothing blocks: a condition that does not hold is looked at again every
`condition-poll-interval` until its time is over. Since when it is waited for stands in its result in status, which is
written when it is first found false and when it comes true; a condition that holds at once costs no write of its own.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from wfexec.core.doubt import doubted_on
from wfexec.core.draft import Draft
from wfexec.core.embedded import VERSION as EMBEDDED_VERSION
from wfexec.core.expressions import asks, compile_expression, context_of, holds
from wfexec.core.policies import Effective, effective_conditions, with_shared
from wfexec.model.base import clip, compact, evolve
from wfexec.model.bearings import ConditionSet
from wfexec.model.execution import ConditionResult
from wfexec.model.expressions import CompileError, Program
from wfexec.model.facts import Question, Unknown
from wfexec.model.phases import ErrorType, Phase, StepState
from wfexec.model.recipe import RecipeStep
from wfexec.model.status import StepPolicy, StepStatus
from wfexec.model.workflow import StepCondition

PRE: Final = "pre"
POST: Final = "post"
# Intervals after which an answer is no longer waited for, and facts from before the start are too old.
PATIENCE: Final = 3
METRIC: Final = "wfexec_condition_evaluations_total"
_BLANK: Final = compact(ConditionResult(condition_type="unset", evaluated=True))
Results = tuple[ConditionResult, ...]


class Side(NamedTuple):
    """One side of a step: its conditions, what is known of them, and from when on facts count.

    `began` is when the waiting began at the earliest.
    """

    kind: str
    step: RecipeStep
    conditions: tuple[StepCondition, ...]
    known: Results
    began: int
    embedded: frozenset[str]


class Verdict(NamedTuple):
    """`failed`: a required condition whose time is over, with its reason; None while `waiting` or when all is well.

    `missed` are not required and do not hold, or nobody may know; `lost` are all that do not hold for good.
    """

    results: Results
    waiting: bool
    failed: tuple[StepCondition, str] | None
    missed: tuple[tuple[StepCondition, str], ...]
    lost: tuple[StepCondition, ...]


def may_start(draft: Draft, step: RecipeStep) -> bool | None:
    """True: it may start; False: a condition is waited for; None: the step is blocked (BR-WF-016c)."""
    state = draft.steps[step.position]
    conditions = conditions_of(draft, step, state)
    if conditions is None or not (conditions.pre or conditions.post):
        return True
    policy = state.policy or _policy(conditions)
    ended = [draft.steps[one].end_time or 0 for one in step.dependencies]
    began = max([draft.get("execution_start_time") or draft.now, *ended])
    side = Side(PRE, step, conditions.pre, state.pre_condition_results, began, embedded_types(conditions, step, PRE))
    valid = draft.seen_since(draft.now - PATIENCE * draft.settings.condition_poll_interval, *ended)
    verdict = judge(draft, side, valid)
    if verdict.failed is not None:
        _blocked(draft, step, verdict, policy)
        return None
    if (verdict.results, policy) != (state.pre_condition_results, state.policy):
        draft.set_step(step.position, pre_condition_results=verdict.results, policy=policy)
    if verdict.waiting:
        return False
    if verdict.missed:
        # Told once the step has gone on: something else may keep it from starting in this look.
        draft.misses = {**(draft.misses or {}), step.position: verdict}
    return True


def tell_misses(draft: Draft, misses: Mapping[int, Verdict]) -> None:
    """Of steps that do without a precondition: of those that went on, which have started or wait for a place."""
    for position, verdict in misses.items():
        if draft.steps[position].ready_time is not None:
            _tell(draft, PRE, draft.recipe.steps[position], verdict)


def _tell(draft: Draft, kind: str, step: RecipeStep, verdict: Verdict) -> None:
    """What is judged for good: by now, and never before, for a look that still waits is made again."""
    for condition in verdict.lost:
        _count(draft, kind, "failed", condition)
    if verdict.failed is not None:
        return
    for condition, why in verdict.missed:
        text = f"step {step.number} ({step.name}): {condition.type}: {why}"
        draft.event("Warning", "PreconditionWarning" if kind == PRE else "PostconditionWarning", text)


def kept_promise(draft: Draft, step: RecipeStep, ended: int, overdue: bool) -> Results | str | None:
    """What its postconditions say of a step whose child completed at `ended`: all results when they hold or are not
    required, a sentence when a required one does not (BR-WF-052), None while one is waited for.

    `overdue`: the workflow's deadline has passed, nothing is waited for any more.
    """
    state = draft.steps[step.position]
    conditions = conditions_of(draft, step, state)
    if conditions is None or not conditions.post:
        return ()
    started = state.attempts[-1].start_time if state.attempts else ended
    spec = draft.workflow.spec
    if spec.cancel or draft.undo_request is not None:
        # Nobody builds on it any more.
        return tuple(map(_unjudged, conditions.post))
    since = max(ended, started + 1)
    side = Side(
        POST, step, conditions.post, state.post_condition_results, since, embedded_types(conditions, step, POST)
    )
    verdict = judge(draft, side, draft.seen_since(since))
    if verdict.waiting and overdue:
        verdict = _final(side, verdict)
    if verdict.results != state.post_condition_results and (verdict.waiting or verdict.failed is not None):
        draft.set_step(step.position, post_condition_results=verdict.results)
    if verdict.waiting:
        return None
    _tell(draft, POST, step, verdict)
    if verdict.failed is not None:
        condition, why = verdict.failed
        return clip(f"postcondition {condition.type} does not hold: {why}", 4096)
    return verdict.results


def broke_promise(state: StepStatus) -> bool:
    """Did this step fail because a required postcondition of its did not hold? What it did took effect then."""
    return (
        state.status is StepState.FAILED
        and state.error_type is ErrorType.VALIDATION_ERROR
        and any(not result.passed for result in state.post_condition_results)
    )


def missed_promise(state: StepStatus) -> bool:
    """Completed, though a postcondition that is not required did not hold."""
    # Most steps promised nothing.
    results = state.post_condition_results
    return (
        bool(results)
        and state.status is StepState.COMPLETED
        and any(result.evaluated and not result.passed for result in results)
    )


def moved_on(draft: Draft, paused_at: int) -> None:
    """A pause that began then is over: what is waited for is waited for that much longer (BR-WF-016c)."""
    for position, state in enumerate(draft.steps):
        if state.status is StepState.PENDING and state.pre_condition_results:
            draft.set_step(position, pre_condition_results=_later(state.pre_condition_results, paused_at, draft.now))
        elif state.status is StepState.EXECUTING and state.post_condition_results:
            draft.set_step(position, post_condition_results=_later(state.post_condition_results, paused_at, draft.now))


def _later(results: Results, paused_at: int, now: int) -> Results:
    """What was first found false during the pause begins with its end."""
    return tuple(
        one
        if one.passed or one.evaluation_time is None or now <= paused_at
        else evolve(one, evaluation_time=one.evaluation_time + now - max(paused_at, one.evaluation_time))
        for one in results
    )


def judge(draft: Draft, side: Side, valid: int) -> Verdict:
    """All conditions of one side; facts older than `valid` say nothing about it."""
    known = {result.condition_type: result for result in side.known}
    results: list[ConditionResult] = []
    missed: list[tuple[StepCondition, str]] = []
    lost: list[StepCondition] = []
    failed: tuple[StepCondition, str] | None = None
    waiting = False
    # A pause stops the clocks; what comes true meanwhile is written down.
    ticking = draft.status.phase != Phase.PAUSED
    for condition in side.conditions:
        before = known.get(condition.type)
        if before is not None and before.passed:
            results.append(before)
            continue
        since = side.began if before is None or before.evaluation_time is None else before.evaluation_time
        interval, limit = draft.settings.condition_poll_interval, condition_limit(draft, side.kind, condition)
        over = ticking and draft.now >= since + limit
        # Its last look is at facts of then, unless no answer comes.
        found = _held(draft, side, condition, valid, over, over and draft.now >= since + limit + PATIENCE * interval)
        if found is None:
            waiting = True
            if before is not None:
                results.append(before)
            continue
        passed, why, unknowable = found
        if passed:
            made = ConditionResult(
                condition_type=condition.type, evaluated=True, passed=True, evaluation_time=draft.now
            )
            results.append(made)
            _count(draft, side.kind, "passed", condition)
            continue
        results.append(_false(condition, before, why, unknowable, draft.now))
        if unknowable:
            missed.append((condition, why))
        elif not over or (before is None and limit):
            waiting = True
            draft.wake(min((since if before else draft.now) + limit, draft.now + interval))
        else:
            lost.append(condition)
            if condition.required:
                failed = failed or (condition, why)
            else:
                missed.append((condition, why))
    return Verdict(tuple(results), waiting and failed is None, failed, tuple(missed), tuple(lost))


def _final(side: Side, verdict: Verdict) -> Verdict:
    """Nothing is waited for any more: what does not hold by now does not hold."""
    known = {result.condition_type: result for result in verdict.results}
    results = tuple(
        known.get(one.type) or ConditionResult(condition_type=one.type, evaluated=False) for one in side.conditions
    )
    why = "the workflow's deadline passed before it held"
    missing = [(one, why) for one, result in zip(side.conditions, results, strict=True) if not result.passed]
    failed = next((each for each in missing if each[0].required), None)
    unknowable = {one.condition_type for one in results if not one.evaluated and one.evaluation_time is not None}
    lost = tuple(one for one, _ in missing if one.type not in unknowable)
    return Verdict(results, False, failed, tuple(each for each in missing if not each[0].required), lost)


def condition_limit(draft: Draft, kind: str, condition: StepCondition) -> int:
    if condition.timeout is not None:
        return condition.timeout
    settings = draft.settings
    return settings.precondition_timeout if kind == PRE else settings.postcondition_timeout


def _held(
    draft: Draft, side: Side, condition: StepCondition, valid: int, over: bool, hopeless: bool
) -> tuple[bool, str, bool] | None:
    """Whether it holds, why not, and whether nobody may know; None while facts are on their way.

    It holds once it held with facts that are valid. That it does not is for good only with facts of now.
    """
    program = compile_expression(condition.expr)
    if isinstance(program, CompileError):
        return False, f"line {program.line}, column {program.column}: {program.message}", False
    if doubted_on(draft, _asked(draft, side, program)):
        # However long its time has been over: the engine sees to it that a doubt ends.
        return None
    if _ask(draft, side, program, valid) and not hopeless:
        return None
    met = holds(program, context_of(draft, side.step.position))
    if met is True:
        return True, "", False
    old = _ask(draft, side, program, draft.now - draft.settings.condition_poll_interval + 1)
    if old and over and not hopeless:
        return None
    if met is False:
        return False, "it is false", False
    return (
        False,
        draft.told(met.message, 400),
        condition.type in side.embedded and _nobody_may_look(draft, side, program),
    )


def _ask(draft: Draft, side: Side, program: Program, since: int) -> bool:
    """Ask for what it reads and nobody has looked at since then; whether there is any."""
    missing = []
    for question in _asked(draft, side, program):
        answer = draft.snapshot.answers.get(question)
        if answer is None or answer.at < since:
            missing.append(question)
    if missing:
        draft.questions.extend(one for one in missing if one not in draft.questions)
        draft.wake(draft.now + draft.settings.condition_poll_interval)
    return bool(missing)


def _asked(draft: Draft, side: Side, program: Program) -> tuple[Question, ...]:
    return asks(program, draft.recipe, side.step.position)


def _nobody_may_look(draft: Draft, side: Side, program: Program) -> bool:
    """Is the right missing to see what it reads? Asking again does not help then."""
    for question in _asked(draft, side, program):
        answer = draft.snapshot.answers.get(question)
        if answer is not None and isinstance(answer.facts, Unknown) and not answer.facts.transient:
            return True
    return side.step.target is None


def _false(
    condition: StepCondition, before: ConditionResult | None, why: str, unknowable: bool, now: int
) -> ConditionResult:
    """Its time is that of the first look which found it false: the waiting is counted from there."""
    evaluated = not unknowable
    if before is not None and (before.evaluated, before.error_message) == (evaluated, why):
        return before
    at = now if before is None or before.evaluation_time is None else before.evaluation_time
    return evolve(_result(condition, at, passed=False), evaluated=evaluated, error_message=clip(why))


def _result(condition: StepCondition, at: int, *, passed: bool) -> ConditionResult:
    return evolve(_BLANK, condition_type=condition.type, passed=passed, evaluation_time=at)


def _unjudged(condition: StepCondition) -> ConditionResult:
    return evolve(_BLANK, condition_type=condition.type, evaluated=False)


def conditions_of(draft: Draft, step: RecipeStep, state: StepStatus) -> Effective | None:
    """What the step is judged by: what it began with, else what holds now."""
    spec = draft.workflow.spec
    kept = state.policy
    if kept is not None:
        return with_shared(step.spec, spec, ConditionSet(kept.version, kept.pre, kept.post))
    return effective_conditions(step.spec, spec, draft.snapshot.bearings, draft.settings)


def _policy(conditions: Effective) -> StepPolicy | None:
    """What the registry said when the step began; what is in the workflow or in ourselves needs no copy."""
    shared = conditions.shared
    if shared is None or shared.version == EMBEDDED_VERSION:
        return None
    return StepPolicy(version=shared.version, pre=shared.pre, post=shared.post)


def embedded_types(conditions: Effective, step: RecipeStep, kind: str) -> frozenset[str]:
    """Types of those that nobody wrote down: the step's own of the same type is none of them."""
    shared = conditions.shared
    if shared is None or shared.version != EMBEDDED_VERSION:
        return frozenset()
    theirs, own = (shared.pre, step.spec.pre_conditions) if kind == PRE else (shared.post, step.spec.post_conditions)
    return frozenset(one.type for one in theirs).difference(one.type for one in own)


def _blocked(draft: Draft, step: RecipeStep, verdict: Verdict, policy: StepPolicy | None) -> None:
    assert verdict.failed is not None
    condition, why = verdict.failed
    _tell(draft, PRE, step, verdict)
    message = clip(f"precondition {condition.type} does not hold: {why}", 4096)
    draft.move_step(
        step.position,
        StepState.BLOCKED,
        pre_condition_results=verdict.results,
        policy=policy,
        error_message=message,
        error_type=ErrorType.BLOCKED,
        ready_time=None,
        end_time=draft.now,
    )
    draft.event("Warning", "StepBlocked", f"step {step.number} ({step.name}): {message}")
    draft.count("kubernaut_workflowexecution_errors_total", ErrorType.BLOCKED, "executing")


def _count(draft: Draft, kind: str, result: str, condition: StepCondition) -> None:
    draft.count(METRIC, kind, result, "true" if condition.required else "false")
