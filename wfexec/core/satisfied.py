"""Is there anything left to do for a step? (BR-AUTOMATION-001, BR-ORCHESTRATION-001)

For workflows with `adaptiveOrchestration.dynamicStepAdjustment`: before a step starts, what it promises is looked at,
and a step whose promise is kept already is skipped. It counts as completed for what waits for it. Only conditions that
stand in the step itself are its promise: those laid down for an action speak of health, which is no evidence that the
work is done. Never skipped is what somebody guards: critical steps, steps of a workflow that a person approves, and
actions whose effect is not a state that stays.
"""

from collections.abc import Iterator
from typing import Final

from wfexec.core.adaptive import note, room
from wfexec.core.draft import Draft
from wfexec.core.expressions import asks, compile_expression, context_of, holds
from wfexec.core.learning import canonical
from wfexec.core.when import facts_since, facts_there
from wfexec.model.expressions import CompileError, Program
from wfexec.model.phases import StepState
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.status import ALREADY_SATISFIED
from wfexec.model.workflow import WorkflowStep

# What they bring about is a state of an object: to do it twice is to do it once.
LASTING: Final = frozenset(
    {
        "apply-manifest",
        "expand-pvc",
        "increase-memory-limit",
        "increase-resources",
        "patch-configmap",
        "patch-deployment",
        "restore-previous-config",
        "scale-deployment",
        "scale-statefulset",
        "uncordon-node",
        "untaint-node",
        "update-configmap",
        "update-hpa",
        "update-image",
        "update-network-policy",
    }
)


def may_be_spared(draft: Draft, step: RecipeStep) -> bool:
    """Whether the question is to be asked at all."""
    if step.critical or not step.spec.post_conditions or draft.steps[step.position].attempts:
        return False
    validation = draft.get("validation_results")
    approved = validation is not None and validation.approval_received
    if approved or draft.workflow.spec.execution_strategy.approval_required:
        return False
    return canonical(step) in LASTING and not _read_by_others(draft.recipe, step) and room(draft)


def spared(draft: Draft, step: RecipeStep) -> bool | None:
    """True: it is skipped; False: it has to run; None: facts are awaited."""
    programs = [compile_expression(one.expr) for one in step.spec.post_conditions]
    since = facts_since(draft, step.dependencies)
    for program in programs:
        if isinstance(program, CompileError):
            return False
        if not facts_there(draft, asks(program, draft.recipe, step.position), since):
            return None
        if holds(program, context_of(draft, step.position)) is not True:
            return False
    draft.move_step(
        step.position, StepState.SKIPPED, skip_reason=ALREADY_SATISFIED, ready_time=None, end_time=draft.now
    )
    types = ", ".join(one.type for one in step.spec.post_conditions)
    draft.event("Normal", "StepSkipped", f"step {step.number} ({step.name}) skipped: {ALREADY_SATISFIED}")
    note(draft, "skip", f"step {step.name!r} skipped", f"what it promises holds already: {types}", step.number)
    return True


def _read_by_others(recipe: Recipe, step: RecipeStep) -> bool:
    """Does anything ask how this step went or what it handed on? Then it has to go."""
    for program in _programs(recipe, step):
        for path in program.paths:
            names = path.names
            if names[0] == "steps" and names[1:2] in ((), (step.name,)) and names[2:3] != ("target",):
                return True
    return False


def _programs(recipe: Recipe, but: RecipeStep) -> Iterator[Program]:
    """All expressions of the workflow, but for those of one step."""
    yield from (one.program for one in recipe.criteria)
    yield from (one.program for one in recipe.triggers)
    for step in recipe.steps:
        if step.position == but.position:
            continue
        if step.when is not None:
            yield step.when
        for value in step.late:
            yield from value.programs
        yield from _conditions(step.spec)


def _conditions(step: WorkflowStep) -> Iterator[Program]:
    for one in (*step.pre_conditions, *step.post_conditions):
        program = compile_expression(one.expr)
        if not isinstance(program, CompileError):
            yield program
