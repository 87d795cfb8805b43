"""From a definition to a recipe: steps, edges, order, batches, strategy, estimate (BR-WF-004).

Called when a workflow is first seen and whenever its spec changes. Never touches the world; linear in steps and edges
(the order keeps a heap for ties). What it cannot plan it refuses with a reason, see `core.refusals`.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

from wfexec.core.children import map_parameters
from wfexec.core.conflicts import conflicts_of
from wfexec.core.expressions import compile_expression
from wfexec.core.gates import checks_of, questions_of
from wfexec.core.planned import digest_of, execution_plan
from wfexec.core.production import risks_of
from wfexec.core.references import late_of
from wfexec.core.refusals import STEPS, findings
from wfexec.core.refusals_references import resolved
from wfexec.core.registry import Action, find_action
from wfexec.core.secrecy import secrets_of
from wfexec.core.suggestions import suggested
from wfexec.core.surroundings import question_near
from wfexec.core.targets import access_needed, deletes_its_target, namespace_of, target_of, uncordons, undo_keys
from wfexec.errors import OurBug
from wfexec.model.base import compact, evolve
from wfexec.model.execution import KubernetesExecutionSpec
from wfexec.model.expressions import CompileError, Program
from wfexec.model.facts import AskTarget, TargetRef
from wfexec.model.meta import ObjectReference
from wfexec.model.phases import RollbackStrategy, Strategy
from wfexec.model.recipe import Criterion, Recipe, RecipeStep, Refusal, Trigger
from wfexec.model.status import StepStatus
from wfexec.model.workflow import ExecutionStrategy, WorkflowDefinition, WorkflowExecutionSpec, WorkflowStep
from wfexec.settings import Settings

# The target of the monitoring phase; its window comes on top of the steps' own time.
MONITORING_TARGET_MS = 60_000
EXECUTION_RETRIES_MAX = 5
EXECUTION_TIMEOUT_MAX_MS = 900_000
# Kept with the objects they were made from, so that an identity cannot be taken over by another object.
RECENT_MAX = 64
_recent: dict[tuple[int, int], tuple[WorkflowExecutionSpec, Settings, Recipe | Refusal]] = {}
_NOBODY = ObjectReference(name="unset")


def edges_of(definition: WorkflowDefinition, steps: list[WorkflowStep]) -> list[tuple[int, ...]]:
    """For each step (in stepNumber order) the positions it waits for: `dependsOn` united with `dependencies`."""
    by_number = {step.step_number: position for position, step in enumerate(steps)}
    by_name = {step.name: position for position, step in enumerate(steps)}
    edges = []
    for step in steps:
        named = definition.dependencies.get(step.name, ())
        wanted = {by_number[number] for number in step.depends_on} | {by_name[name] for name in named}
        edges.append(tuple(sorted(wanted)))
    return edges


def topological_order(edges: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Positions, dependencies first, ties by position; shorter than `edges` when there is a cycle."""
    waiting = [len(wanted) for wanted in edges]
    dependents = dependents_of(edges)
    ready = [position for position, count in enumerate(waiting) if not count]
    heapify(ready)
    order = []
    while ready:
        position = heappop(ready)
        order.append(position)
        for dependent in dependents[position]:
            waiting[dependent] -= 1
            if not waiting[dependent]:
                heappush(ready, dependent)
    return tuple(order)


def dependents_of(edges: list[tuple[int, ...]]) -> list[list[int]]:
    dependents: list[list[int]] = [[] for _ in edges]
    for position, wanted in enumerate(edges):
        for dependency in wanted:
            dependents[dependency].append(position)
    return dependents


def find_cycle(edges: list[tuple[int, ...]]) -> tuple[int, ...]:
    """One cycle as positions, the first repeated at the end; () when there is none."""
    colour = [0] * len(edges)
    for root in range(len(edges)):
        if colour[root]:
            continue
        path = [root]
        todo: list[deque[int]] = [deque(edges[root])]
        colour[root] = 1
        while path:
            if not todo[-1]:
                colour[path.pop()] = 2
                todo.pop()
                continue
            following = todo[-1].popleft()
            if colour[following] == 1:
                # The walk goes from dependent to dependency; a reader expects the direction of work.
                loop = path[path.index(following) :]
                return (*reversed([*loop, following]),) if len(loop) > 1 else (following, following)
            if colour[following] == 0:
                colour[following] = 1
                path.append(following)
                todo.append(deque(edges[following]))
    return ()


def batches_of(edges: list[tuple[int, ...]], barriers: list[bool]) -> tuple[tuple[int, ...], ...]:
    """Repeatedly all steps whose dependencies are placed; a barrier step has its own (BR-ORCHESTRATION-008)."""
    waiting = [len(wanted) for wanted in edges]
    dependents = dependents_of(edges)
    layer = [position for position, count in enumerate(waiting) if not count]
    batches: list[tuple[int, ...]] = []
    while layer:
        together = tuple(position for position in layer if not barriers[position])
        if together:
            batches.append(together)
        batches.extend((position,) for position in layer if barriers[position])
        following = []
        for position in layer:
            for dependent in dependents[position]:
                waiting[dependent] -= 1
                if not waiting[dependent]:
                    following.append(dependent)
        layer = sorted(following)
    return tuple(batches)


def strategy_of(batches: tuple[tuple[int, ...], ...]) -> Strategy:
    sizes = [len(batch) for batch in batches]
    if all(size == 1 for size in sizes):
        return Strategy.SEQUENTIAL
    if all(size > 1 for size in sizes):
        return Strategy.PARALLEL
    return Strategy.SEQUENTIAL_WITH_PARALLEL


def critical_path_of(edges: list[tuple[int, ...]], order: tuple[int, ...], cost: list[int]) -> tuple[int, ...]:
    """The longest chain by estimated time, first step first."""
    reach = [0] * len(edges)
    before = [-1] * len(edges)
    for position in order:
        for dependency in edges[position]:
            if reach[dependency] > reach[position]:
                reach[position] = reach[dependency]
                before[position] = dependency
        reach[position] += cost[position]
    position = max(order, key=lambda candidate: (reach[candidate], -candidate))
    path = []
    while position >= 0:
        path.append(position)
        position = before[position]
    return tuple(reversed(path))


def makespan(edges: list[tuple[int, ...]], order: tuple[int, ...], cost: list[int], slots: int) -> int:
    """Milliseconds of a list schedule in topological order on `slots` places."""
    free = [0] * slots
    ended = [0] * len(edges)
    for position in order:
        ready = max((ended[dependency] for dependency in edges[position]), default=0)
        start = max(ready, heappop(free))
        ended[position] = start + cost[position]
        heappush(free, ended[position])
    return max(ended)


def effective_retries(step: WorkflowStep, strategy: ExecutionStrategy, settings: Settings) -> int:
    """Explicit before strategy before setting; an explicit 0 means none (BR-WF-020)."""
    if step.max_retries is not None:
        return step.max_retries
    return settings.max_retries if strategy.max_retries is None else strategy.max_retries


def _prototype(
    step: WorkflowStep, action: Action, timeout_ms: int, retries: int
) -> tuple[KubernetesExecutionSpec, tuple[str, ...]]:
    parameters, warnings = map_parameters(action.name, step.parameters)
    if retries > EXECUTION_RETRIES_MAX:
        warnings = (*warnings, f"maxRetries {retries} is passed on as {EXECUTION_RETRIES_MAX}, the executor's maximum")
    spec = compact(
        KubernetesExecutionSpec(
            workflow_execution_ref=_NOBODY,
            step_number=step.step_number,
            action=step.action,
            parameters=parameters,
            target_cluster=step.target_cluster,
            max_retries=min(retries, EXECUTION_RETRIES_MAX),
            timeout=min(timeout_ms, EXECUTION_TIMEOUT_MAX_MS),
        )
    )
    return spec, warnings


def compile_recipe(spec: WorkflowExecutionSpec, settings: Settings) -> Recipe | Refusal:
    """The recipe of a spec, or the first reason why there is none (BR-WF-005).

    The very same spec object (values are shared, so a thousand runs of one manifest have one) is compiled once.
    """
    key = (id(spec), id(settings))
    known = _recent.get(key)
    if known is not None and known[0] is spec and known[1] is settings:
        return known[2]
    made = _compile(spec, settings)
    if len(_recent) >= RECENT_MAX:
        _recent.clear()
    _recent[key] = (spec, settings, made)
    return made


def _compile(spec: WorkflowExecutionSpec, settings: Settings) -> Recipe | Refusal:
    digest = digest_of(spec)
    written = _planned(spec, digest, settings)
    tuned, suggestions = suggested(spec, settings)
    if isinstance(written, Refusal) or not suggestions:
        return written
    if tuned is spec:
        return written._replace(suggestions=suggestions)
    made = _planned(tuned, digest, settings)
    if isinstance(made, Refusal) or made.plan is None:
        # A plan is never refused for what an analysis suggests.
        why = f"planning would refuse it: {made.message}" if isinstance(made, Refusal) else "it cannot be planned"
        refused = tuple(one._replace(change="", reason=why) if one.change else one for one in suggestions)
        return written._replace(suggestions=refused)
    return made._replace(suggestions=suggestions, written=written, plan=evolve(made.plan, tuned=True))


def _planned(spec: WorkflowExecutionSpec, digest: str, settings: Settings) -> Recipe | Refusal:
    definition = spec.workflow_definition
    refusal = next(findings(spec, settings), None)
    if refusal is not None or definition is None:
        return refusal or Refusal("definition_missing", "spec.workflowDefinition", "there is no workflowDefinition")
    definition = resolved(spec, definition, STEPS).definition
    wanted = sorted(definition.steps, key=lambda step: step.step_number)
    edges = edges_of(definition, wanted)
    order = topological_order(edges)
    if len(order) < len(wanted):
        names = " → ".join(wanted[position].name for position in find_cycle(edges))
        message = f"circular dependency detected: {names}; remove one of these dependencies"
        return Refusal("circular_dependency", STEPS, message)
    strategy = spec.execution_strategy
    dependents = dependents_of(edges)
    gone = {target_of(step) for step in wanted if deletes_its_target(step)}
    asks = {ref: AskTarget(ref) for step in wanted if (ref := target_of(step)) is not None}
    steps = tuple(
        recipe_step(position, step, edges[position], tuple(dependents[position]), strategy, settings, asks, gone)
        for position, step in enumerate(wanted)
    )
    undone = strategy.rollback_strategy is not RollbackStrategy.NONE
    access = tuple(dict.fromkeys(asked for step in wanted for asked in access_needed(step, settings, undone)))
    checks = checks_of(strategy.safety_checks)
    cost = [step.estimate_ms for step in steps]
    batches = batches_of(edges, [step.barrier for step in steps])
    slots = strategy.max_parallel_steps or settings.max_parallel_steps
    made = Recipe(
        name=definition.name,
        version=definition.version,
        digest=digest,
        steps=steps,
        order=order,
        batches=batches,
        critical_path=critical_path_of(edges, order, cost),
        strategy=strategy_of(batches),
        rollback_strategy=strategy.rollback_strategy,
        estimate_ms=makespan(edges, order, cost, slots) + MONITORING_TARGET_MS,
        parallel_max=slots,
        numbers=[step.number for step in steps],
        targets=tuple(asks),
        asks=tuple(asks.values()),
        access=access,
        risks=risks_of(steps),
        checks=checks,
        conflicts=conflicts_of(steps, order, slots),
        questions=(),
        plan=None,
        criteria=tuple(Criterion(one.name, _program(one.expr), one.required) for one in spec.success_criteria),
        triggers=tuple(Trigger(one.name, _program(one.expr)) for one in strategy.rollback_triggers),
        secrets=secrets_of(wanted),
        near=question_near(steps, strategy, settings),
        firsts=firsts_of(steps),
        chained=chained_of(steps),
        pending=tuple(
            compact(StepStatus(step_number=step.number, name=step.name, action=step.action)) for step in steps
        ),
    )
    return made._replace(plan=execution_plan(made), questions=questions_of(made, strategy.dry_run_first))


def firsts_of(steps: Sequence[RecipeStep]) -> tuple[int, ...]:
    """See `Recipe.firsts`."""
    return tuple(step.dependencies[0] if step.dependencies and step.run_condition is None else -1 for step in steps)


def chained_of(steps: Sequence[RecipeStep]) -> tuple[bool, ...]:
    """See `Recipe.chained`."""
    return tuple(len(step.dependencies) == 1 and step.run_condition is None for step in steps)


def refusals(spec: WorkflowExecutionSpec, settings: Settings) -> tuple[Refusal, ...]:
    """Every finding, in document order; a cycle is looked for only when nothing else is wrong."""
    found = tuple(findings(spec, settings))
    if found:
        return found
    compiled = compile_recipe(spec, settings)
    return (compiled,) if isinstance(compiled, Refusal) else ()


def _program(text: str) -> Program:
    program = compile_expression(text)
    if isinstance(program, CompileError):
        raise OurBug(f"expression {text!r} passed the checks of planning")
    return program


def recipe_step(
    position: int,
    step: WorkflowStep,
    dependencies: tuple[int, ...],
    dependents: tuple[int, ...],
    strategy: ExecutionStrategy,
    settings: Settings,
    asks: Mapping[TargetRef, AskTarget],
    gone: set[TargetRef | None],
) -> RecipeStep:
    """One step as it is walked; `asks` holds the question for its target, `gone` the targets that steps delete."""
    action = find_action(step.action)
    if action is None:
        raise OurBug(f"unknown action {step.action!r} passed the checks of planning")
    timeout_ms = settings.step_timeout if step.timeout is None else step.timeout
    retries = effective_retries(step, strategy, settings)
    target = target_of(step)
    # One question object per target: the answers are found by identity.
    ask = asks[target] if target is not None else None
    prototype, warnings = _prototype(step, action, timeout_ms, retries)
    return RecipeStep(
        position=position,
        number=step.step_number,
        name=step.name,
        action=step.action,
        spec=step,
        dependencies=dependencies,
        dependents=dependents,
        timeout_ms=timeout_ms,
        retries_max=retries,
        estimate_ms=min(sum(action.usual_ms) // 2, timeout_ms),
        critical=step.critical_step or step.continue_on_failure is False,
        barrier=step.metadata.get("execution_mode") == "sequential",
        run_condition=step.run_condition,
        undo=step.rollback_spec.action if step.rollback_spec is not None else action.undo,
        prototype=prototype,
        warnings=warnings,
        target=target,
        ask=ask,
        watch=ask if target not in gone else None,
        namespace=namespace_of(step),
        deletes_target=deletes_its_target(step),
        uncordons=uncordons(step),
        undo_keys=undo_keys(step),
        when=None if step.when is None else _program(step.when),
        late=late_of(step.parameters),
    )
