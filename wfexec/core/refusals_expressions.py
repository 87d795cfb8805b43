"""What is wrong with the expressions of a definition, before any of them is needed (BR-WF-006, BR-WF-007).

Each must compile, give true or false where that is asked for, and read only what is there by then: variables that
exist, steps that have ended before, an object that the step names.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from wfexec.core.expressions import CompileError, Program, compile_expression
from wfexec.core.targets import target_of
from wfexec.model.base import clip
from wfexec.model.expressions import Path
from wfexec.model.recipe import Refusal
from wfexec.model.workflow import WorkflowDefinition, WorkflowExecutionSpec, WorkflowStep

STEP_FACTS: Final = (
    "number", "action", "status", "outputs", "result", "retries", "errorType", "errorMessage", "target",
)  # fmt: skip
_TRUTHS: Final = ("bool", "dyn")


class Scope(NamedTuple):
    """What an expression may read: names of variables, steps that have ended by then, whether there is one object."""

    variables: tuple[str, ...]
    steps: tuple[str, ...]
    all_steps: tuple[str, ...]
    target: bool
    why_no_target: str


def expression_findings(spec: WorkflowExecutionSpec, definition: WorkflowDefinition, steps: str) -> Iterator[Refusal]:
    """Findings of every expression but the references in parameters; `steps` is the field of the list."""
    for position, step in enumerate(definition.steps):
        field = f"{steps}[{position}]"
        if step.when is not None:
            yield from check(f"{field}.when", step.when, step_scope(spec, definition, step), truth=True)
        for name, conditions in (("preConditions", step.pre_conditions), ("postConditions", step.post_conditions)):
            for place, condition in enumerate(conditions):
                scope = step_scope(spec, definition, step)
                if name == "postConditions":
                    scope = scope._replace(steps=(*scope.steps, step.name))
                yield from check(f"{field}.{name}[{place}].expr", condition.expr, scope, truth=True)
    for place, trigger in enumerate(spec.execution_strategy.rollback_triggers):
        field = f"spec.executionStrategy.rollbackTriggers[{place}].expr"
        yield from check(field, trigger.expr, whole_scope(spec, definition), truth=True)
    for place, criterion in enumerate(spec.success_criteria):
        scope = whole_scope(spec, definition)
        yield from check(f"spec.successCriteria[{place}].expr", criterion.expr, scope, truth=True)


def step_scope(spec: WorkflowExecutionSpec, definition: WorkflowDefinition, step: WorkflowStep) -> Scope:
    names = tuple(one.name for one in definition.steps)
    known = target_of(step) is not None
    return Scope(tuple(spec.variables), ancestors(definition, step), names, known, "the step names no object")


def whole_scope(spec: WorkflowExecutionSpec, definition: WorkflowDefinition) -> Scope:
    names = tuple(step.name for step in definition.steps)
    targets = {target for step in definition.steps if (target := target_of(step)) is not None}
    why = "the steps have different objects; write steps.<name>.target"
    return Scope(tuple(spec.variables), names, names, len(targets) == 1, why)


def ancestors(definition: WorkflowDefinition, step: WorkflowStep) -> tuple[str, ...]:
    """Names of all steps that have ended before this one can start, in the order in which they are written."""
    by_number = {one.step_number: one.name for one in definition.steps}
    waits = {
        one.name: (
            *(by_number.get(number, "") for number in one.depends_on),
            *definition.dependencies.get(one.name, ()),
        )
        for one in definition.steps
    }
    found: set[str] = set()
    todo = [step.name]
    while todo:
        for before in waits.get(todo.pop(), ()):
            if before not in found:
                found.add(before)
                todo.append(before)
    return tuple(one.name for one in definition.steps if one.name in found and one.name != step.name)


def check(field: str, text: str, scope: Scope, *, truth: bool) -> Iterator[Refusal]:
    """What is wrong with one expression; at most one finding, the first."""
    program = compile_expression(text)
    if isinstance(program, CompileError):
        where = f"line {program.line}, column {program.column}"
        yield Refusal("expression_invalid", field, f"{where}: {program.message}, in: {clip(text, 200)}")
        return
    if truth and program.result not in _TRUTHS:
        message = f"the expression must be true or false, it is of type {program.result}; compare it with something"
        yield Refusal("expression_invalid", field, f"{message}, in: {clip(text, 200)}")
        return
    problem = unresolved(program, scope)
    if problem:
        yield Refusal("reference_unknown", field, f"{problem}, in: {clip(text, 200)}")


def unresolved(program: Program, scope: Scope) -> str:
    """Why a name that the expression reads will not be there; "" when all will."""
    return next((problem for path in program.paths if (problem := _problem(path, scope))), "")


def _problem(path: Path, scope: Scope) -> str:
    root, rest = path.names[0], path.names[1:]
    if root == "variables" and rest and rest[0] not in scope.variables and not path.guarded:
        known = ", ".join(scope.variables) or "none"
        return f"there is no variable {clip(rest[0], 80)!r}; spec.variables has {clip(known, 200)}"
    if root == "steps" and rest:
        name = clip(rest[0], 80)
        if rest[0] not in scope.all_steps:
            return f"there is no step {name!r}"
        if rest[0] not in scope.steps:
            return f"step {name!r} has not ended by then; add it to dependsOn"
        if len(rest) > 1 and rest[1] not in STEP_FACTS:
            return f"a step has no {clip(rest[1], 80)!r}; it has {', '.join(STEP_FACTS)}"
    if root in ("target", "input") and not scope.target:
        return f"there is no {root}: {scope.why_no_target}"
    return ""
