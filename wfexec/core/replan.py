"""The recipe as adaptation has left it: what stands in `status.executionPlan`, laid over what the definition says.

Called at every look at a workflow that asks for adaptation in any form. Status is what counts: a restart, a longer
history or a setting switched off leave a plan as it was changed so far. Somebody may have edited the status, so every
value is held to its bounds (BR-ORCHESTRATION-001, BR-ORCHESTRATION-020).
"""

from typing import Final

from wfexec.core.graph import (
    EXECUTION_RETRIES_MAX,
    EXECUTION_TIMEOUT_MAX_MS,
    batches_of,
    chained_of,
    dependents_of,
    firsts_of,
    recipe_step,
    topological_order,
)
from wfexec.model.base import evolve
from wfexec.model.parameters import CustomAction, StepParameters
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.status import STATUSES_MAX, ExecutionPlan, InjectedStep, PlannedStep
from wfexec.model.workflow import ExecutionStrategy, WorkflowStep
from wfexec.settings import Settings

# No change raises the further attempts of a step beyond this.
RETRIES_MAX: Final = 5
# All that is ever added to a plan: it looks and changes nothing.
VERIFY: Final = "verify-health"
RECENT_MAX: Final = 64
_recent: dict[tuple[int, int], tuple[Recipe, ExecutionPlan, Recipe]] = {}


def laid_over(recipe: Recipe, plan: ExecutionPlan | None, settings: Settings) -> Recipe:
    """The recipe with the values that stand in status; made once per pair of them."""
    if plan is None or plan is recipe.plan or [step.step_number for step in plan.steps] != recipe.numbers:
        return recipe
    key = (id(recipe), id(plan))
    known = _recent.get(key)
    if known is not None and known[0] is recipe and known[1] is plan:
        return known[2]
    made = recipe._replace(
        steps=tuple(_step(step, one, settings) for step, one in zip(recipe.steps, plan.steps, strict=True)),
        estimate_ms=plan.estimated_duration,
        parallel_max=min(plan.parallel_limit or recipe.parallel_max, recipe.parallel_max),
        plan=plan,
    )
    if plan.injected:
        made = _with_injected(made, plan.injected, settings)
    if len(_recent) >= RECENT_MAX:
        _recent.clear()
    _recent[key] = (recipe, plan, made)
    return made


def planned_as(recipe: Recipe, plan: ExecutionPlan | None, settings: Settings) -> Recipe:
    """With or without what an analysis suggests: as it was planned; where it is not yet, as the setting says."""
    if recipe.written is None or (settings.adaptation if plan is None else plan.tuned):
        return recipe
    return recipe.written


def verification(step: RecipeStep, number: int, name: str, retries: int = 0) -> WorkflowStep:
    """The step that verifies what another one left behind; as critical as that is."""
    target = step.target
    config = {"kind": target.kind, "namespace": target.namespace, "name": target.name} if target is not None else {}
    return WorkflowStep(
        step_number=number,
        name=name,
        action=VERIFY,
        parameters=StepParameters(
            custom=CustomAction(action_type=VERIFY, config={key: text for key, text in config.items() if text})
        ),
        critical_step=step.critical,
        max_retries=retries,
        depends_on=(step.number,),
    )


def _with_injected(recipe: Recipe, injected: tuple[InjectedStep, ...], settings: Settings) -> Recipe:
    """The recipe with the added steps, its graph made anew; the recipe as it was when they fit no graph."""
    steps = list(recipe.steps)
    for one in injected:
        places = {step.number: step.position for step in steps}
        after = places.get(one.after)
        waiting = {places[number] for number in one.before if number in places}
        fits = after is not None and one.step_number == max(places) + 1 and len(waiting) == len(one.before)
        if after is None or not fits or len(steps) >= STATUSES_MAX or steps[after].ask is None:
            return recipe
        verified, at = steps[after], len(steps)
        asks = {verified.ask.target: verified.ask} if verified.ask is not None else {}
        spec = verification(verified, one.step_number, one.name, one.max_retries)
        steps.append(recipe_step(at, spec, (after,), (), ExecutionStrategy(), settings, asks, set()))
        for position in sorted(waiting):
            held = steps[position]
            steps[position] = held._replace(dependencies=(*held.dependencies, at))
    edges = [step.dependencies for step in steps]
    order = topological_order(edges)
    if len(order) < len(steps):
        return recipe
    dependents = dependents_of(edges)
    return recipe._replace(
        steps=tuple(step._replace(dependents=tuple(dependents[step.position])) for step in steps),
        order=order,
        batches=batches_of(edges, [step.barrier for step in steps]),
        numbers=[step.number for step in steps],
        firsts=firsts_of(steps),
        chained=chained_of(steps),
    )


def _step(step: RecipeStep, planned: PlannedStep, settings: Settings) -> RecipeStep:
    """Never less time and tries than the definition asks for, never more than is allowed."""
    timeout = max(step.timeout_ms, min(planned.timeout, settings.step_timeout_max))
    retries = max(step.retries_max, min(planned.max_retries, RETRIES_MAX))
    delay, base = planned.retry_delay, settings.retry_base_delay
    if delay is not None or planned.rank:
        kept = None if delay is None else max(base // 2, min(delay, 2 * base))
        step = step._replace(retry_delay_ms=kept, rank=planned.rank)
    if timeout == step.timeout_ms and retries == step.retries_max:
        return step
    prototype = evolve(
        step.prototype,
        max_retries=min(retries, EXECUTION_RETRIES_MAX),
        timeout=min(timeout, EXECUTION_TIMEOUT_MAX_MS),
    )
    return step._replace(timeout_ms=timeout, retries_max=retries, prototype=prototype)
