"""What is wrong with the references in a definition's parameters, and the definition with its variables put in.

(BR-WF-007)
"""

from typing import NamedTuple, TypeVar

from wfexec.core.expressions import Context, EvaluationError
from wfexec.core.references import (
    NUMBERS,
    OPEN,
    Broken,
    FieldPath,
    Template,
    may_be_late,
    put,
    render,
    shown,
    template_of,
    texts_of,
)
from wfexec.core.refusals_expressions import Scope, step_scope, unresolved
from wfexec.model.base import Value, clip, evolve
from wfexec.model.parameters import RollbackParameters, StepParameters
from wfexec.model.recipe import Refusal
from wfexec.model.workflow import WorkflowDefinition, WorkflowExecutionSpec, WorkflowStep

P = TypeVar("P", StepParameters, RollbackParameters)


class Resolved(NamedTuple):
    """The definition with every early reference replaced; `problems` are why that cannot be done everywhere."""

    definition: WorkflowDefinition
    problems: tuple[Refusal, ...]


def resolved(spec: WorkflowExecutionSpec, definition: WorkflowDefinition, steps: str) -> Resolved:
    """The very same definition when it has no references."""
    problems: list[Refusal] = []
    made = tuple(
        _step(spec, definition, step, f"{steps}[{place}]", problems) for place, step in enumerate(definition.steps)
    )
    if all(one is other for one, other in zip(made, definition.steps, strict=True)):
        return Resolved(definition, tuple(problems))
    return Resolved(evolve(definition, steps=made), tuple(problems))


def _step(
    spec: WorkflowExecutionSpec, definition: WorkflowDefinition, step: WorkflowStep, field: str, problems: list[Refusal]
) -> WorkflowStep:
    undo = step.rollback_spec.parameters if step.rollback_spec is not None else None
    if not _refers(step.parameters) and not _refers(undo):
        return step
    scope = step_scope(spec, definition, step)
    changes: dict[str, object] = {}
    if step.parameters is not None:
        changes["parameters"] = _put(spec, step.parameters, scope, f"{field}.parameters", problems, late=True)
    if step.rollback_spec is not None and undo is not None:
        where = f"{field}.rollbackSpec.parameters"
        made = _put(spec, undo, scope, where, problems, late=False)
        changes["rollback_spec"] = evolve(step.rollback_spec, parameters=made)
    return evolve(step, **changes)


def _refers(parameters: Value | None) -> bool:
    return parameters is not None and any(OPEN in text for _, text in texts_of(parameters))


def _put(
    spec: WorkflowExecutionSpec, parameters: P, scope: Scope, field: str, problems: list[Refusal], *, late: bool
) -> P:
    """The parameters with what can be put in at planning; what cannot be put in at all is told in `problems`."""
    values: dict[FieldPath, str | int] = {}
    context = Context(variables=spec.variables)
    for path, text in texts_of(parameters):
        if OPEN not in text:
            continue
        where = f"{field}.{shown(path)}"
        template = template_of(text)
        refusal = _refusal(template, scope, where, late=late and may_be_late(path))
        if refusal is not None:
            problems.append(refusal)
        elif isinstance(template, Template) and _early(template):
            value = render(template, context, number=path[-1] in NUMBERS)
            if isinstance(value, EvaluationError):
                problems.append(Refusal("reference_value", where, value.message))
            else:
                values[path] = value
    if not values:
        return parameters
    made = put(parameters, values)
    if isinstance(made, EvaluationError):
        part, _, why = made.message.partition(": ")
        problems.append(Refusal("reference_value", f"{field}.{part}", why))
        return parameters
    return made


def _early(template: Template) -> bool:
    return all(root == "variables" for program in template.programs for root in program.roots)


def _refusal(template: Template | Broken, scope: Scope, where: str, *, late: bool) -> Refusal | None:
    if isinstance(template, Broken):
        return Refusal("expression_invalid", where, template.message)
    for program in template.programs:
        problem = unresolved(program, scope)
        if problem:
            return Refusal("reference_unknown", where, f"{problem}, in: {{{{ {clip(program.text, 200)} }}}}")
    if not late and not _early(template):
        message = "what a step changes, and how much, must be known at planning: use variables alone"
        return Refusal("reference_too_late", where, f"{message}, in: {clip(template.text, 200)}")
    return None
