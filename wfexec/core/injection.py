"""Must something be verified before anything builds on a step? (BR-ORCHESTRATION-010, BR-AUTOMATION-001)

For workflows with `adaptiveOrchestration.dynamicStepAdjustment`. When a step completed and its target is not well, or
an analysis asks for it with high priority, a step `verify-health` is put between it and what waits for it and has not
started. Nothing else is ever put in: it looks and changes nothing, so it needs nobody's consent. The graph with it is
made anew and checked. Where the executor has no right to look, the plan stays as it is.
"""

from typing import Final

from wfexec.core.adaptive import change_plan, note, room, untouched
from wfexec.core.draft import Draft
from wfexec.core.learning import canonical
from wfexec.core.planned import batches_told
from wfexec.core.registry import READING
from wfexec.core.replan import VERIFY, laid_over, verification
from wfexec.core.targets import access_needed, target_text
from wfexec.core.when import facts_since, facts_there
from wfexec.errors import OurBug
from wfexec.model.base import clip, evolve
from wfexec.model.facts import AccessFacts, TargetFacts
from wfexec.model.phases import StepState
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.status import STATUSES_MAX, ExecutionPlan, InjectedStep, StepStatus
from wfexec.model.workflow import Level, SafetyImprovement

# In the recommendations of an analysis: the whole workflow, verified after its last steps.
WHOLE: Final = 0
NAME_MAX: Final = 200
NUMBER_MAX: Final = 1_000_000


def may_build(draft: Draft, step: RecipeStep) -> bool:
    """Whether a step may start on what it waited for; False: facts are awaited, or a verification goes before it.

    A step with a `runCondition` waits for its primary alone.
    """
    if step.run_condition is not None:
        return True
    since = facts_since(draft, step.dependencies)
    verdicts = [_verdict(draft, position, since) for position in step.dependencies]
    return all(verdicts)


def inject(draft: Draft, ready: list[int], unfinished: int) -> int:
    """Put in what `may_build` found to be wanted; returns how many steps are unfinished then, `ready` grows."""
    if draft.rules is None or not draft.rules.dynamic_step_adjustment:
        return unfinished
    waiting = False
    if not unfinished:
        verdicts = [_verdict(draft, step.position, None) for step in draft.recipe.steps if not step.dependents]
        waiting = not all(verdicts)
    added = sum(_put_in(draft, position, why, ready) for position, why in draft.wishes.items())
    if added < len(draft.wishes):
        # No more changes are made: without them it goes on at once.
        draft.wake(draft.now + 1)
    return unfinished + added + (1 if waiting and not added else 0)


def _verdict(draft: Draft, position: int, since: int | None) -> bool:
    """Whether nothing has to be verified after this step; a wish or an open question is no.

    Facts from before `since` are too old. None: nothing waits for it, so that only an analysis may ask; the state of
    the targets is watched afterwards.
    """
    state, step = draft.steps[position], draft.recipe.steps[position]
    plan: ExecutionPlan | None = draft.get("execution_plan")
    if state.status is not StepState.COMPLETED or step.watch is None or step.target is None or plan is None:
        return True
    if canonical(step) in READING or any(one.after == step.number for one in plan.injected) or not room(draft):
        return True
    if _full(draft.recipe):
        return True
    why = _asked_for(draft, step, since is None)
    if not why and since is not None:
        if not facts_there(draft, (step.watch,), since):
            return False
        why = _unwell(draft, step)
    if not why:
        return True
    access = access_needed(verification(step, 1, step.name), draft.settings, False)
    if not facts_there(draft, access, 0):
        return False
    for question in access:
        facts = draft.snapshot.answers[question].facts
        if not isinstance(facts, AccessFacts) or not facts.allowed:
            text = f"nothing verifies step {step.number} ({step.name}): {question.user} may not look at its target"
            draft.event("Warning", "InjectionRefused", text)
            return True
    draft.wishes[position] = why
    return False


def _full(recipe: Recipe) -> bool:
    """Whether there is no number left for another step."""
    return max(recipe.numbers) >= NUMBER_MAX or len(recipe.steps) >= STATUSES_MAX


def _asked_for(draft: Draft, step: RecipeStep, last: bool) -> str:
    """What an analysis says about this step with high priority, "" for nothing."""
    definition = draft.workflow.spec.workflow_definition
    offers = definition.ai_recommendations if definition is not None else None
    wanted: tuple[SafetyImprovement, ...] = offers.safety_improvements if offers is not None else ()
    for one in wanted:
        about = one.step_number == step.number or (last and one.step_number == WHOLE)
        if about and one.priority is Level.HIGH:
            return f"an analysis asks for it: {one.description or one.safety_check or 'no reason given'}"
    return ""


def _unwell(draft: Draft, step: RecipeStep) -> str:
    """How its target is after the step, "" when well or unknown."""
    answer = draft.snapshot.answers.get(step.watch) if step.watch is not None else None
    facts = answer.facts if answer is not None else None
    if not isinstance(facts, TargetFacts) or step.target is None:
        return ""
    name = target_text(step.target)
    if not facts.exists or facts.terminating:
        return f"{name} is {'being deleted' if facts.exists else 'not there'} after the step"
    return f"{name} is not healthy after the step: {facts.message}" if facts.healthy is False else ""


def _put_in(draft: Draft, position: int, why: str, ready: list[int]) -> int:
    """1 when the step is in the plan, 0 when no more changes are made."""
    plan: ExecutionPlan | None = draft.get("execution_plan")
    recipe = draft.recipe
    step = recipe.steps[position]
    if plan is None or not room(draft):
        return 0
    number = max(recipe.numbers) + 1
    name = f"verify-{step.name}"[:NAME_MAX]
    if any(one.name == name for one in recipe.steps):
        name = f"{name}-{number}"
    before = tuple(
        recipe.steps[at].number
        for at in step.dependents
        if untouched(draft, at) and draft.steps[at].ready_time is None and recipe.steps[at].run_condition is None
    )
    strategy = draft.workflow.spec.execution_strategy.max_retries
    retries = draft.settings.max_retries if strategy is None else strategy
    made = InjectedStep(step_number=number, name=name, after=step.number, max_retries=retries, before=before)
    laid = laid_over(draft.base, evolve(plan, injected=(*plan.injected, made)), draft.settings)
    if len(laid.steps) != len(recipe.steps) + 1:
        raise OurBug(f"the plan with {name} after {step.name} is no graph")
    note(draft, "inject", f"step {name!r} ({VERIFY}) added after {step.name!r}", clip(why), number)
    change_plan(draft, injected=(*plan.injected, made), batches=batches_told(laid))
    draft.set_steps([*draft.steps, StepStatus(step_number=number, name=name, action=VERIFY, injected=True)])
    draft.set(total_steps=len(draft.steps))
    draft.event("Normal", "StepInjected", f"step {number} ({name}) verifies step {step.number} ({step.name}): {why}")
    ready.append(len(draft.steps) - 1)
    return 1
