"""What is wrong with the recommendations that a definition carries: they speak of steps and fields that it has.

(BR-WF-001, BR-ORCHESTRATION-001) A recommendation that means nothing is refused with its place and dropped nowhere in
silence. Suggestions to run steps side by side never take a dependency away, so they need no more than known steps.
"""

from collections.abc import Iterator

from wfexec.core.expressions import EvaluationError
from wfexec.core.references import camel, put
from wfexec.model.base import clip
from wfexec.model.parameters import set_members
from wfexec.model.recipe import Refusal
from wfexec.model.workflow import WorkflowDefinition, WorkflowStep

FIELD = "spec.workflowDefinition.aiRecommendations"


def recommendation_findings(definition: WorkflowDefinition) -> Iterator[Refusal]:
    given = definition.ai_recommendations
    if given is None:
        return
    steps = {step.step_number: step for step in definition.steps}
    for place, one in enumerate(given.step_optimizations):
        where = f"{FIELD}.stepOptimizations[{place}]"
        step = steps.get(one.step_number)
        if step is None:
            yield _no_step(f"{where}.stepNumber", one.step_number)
        elif one.parameter_changes is not None:
            field = f"{where}.parameterChanges.suggestedParameters"
            yield from _changes(field, step, one.parameter_changes.suggested_parameters)
    for place, group in enumerate(given.parallel_execution_suggestions):
        for number in group.step_numbers:
            if number not in steps:
                yield _no_step(f"{FIELD}.parallelExecutionSuggestions[{place}].stepNumbers", number)
    for place, wish in enumerate(given.safety_improvements):
        if wish.step_number and wish.step_number not in steps:
            yield _no_step(f"{FIELD}.safetyImprovements[{place}].stepNumber", wish.step_number)


def _no_step(field: str, number: int) -> Refusal:
    return Refusal(
        "recommendation_invalid",
        field,
        f"there is no step {number}; name a stepNumber of the definition, or remove this",
    )


def _changes(field: str, step: WorkflowStep, suggested: dict[str, str]) -> Iterator[Refusal]:
    """Keys are field names of the step's one set member, values what these fields take."""
    members = set_members(step.parameters) if step.parameters is not None else ()
    if len(members) != 1:
        if suggested and step.parameters is None:
            yield Refusal(
                "recommendation_invalid",
                field,
                f"step {step.name!r} has no parameters that could be changed; remove it",
            )
        return
    assert step.parameters is not None
    known = {camel(name): name for name in type(getattr(step.parameters, members[0])).model_fields}
    for key, value in suggested.items():
        where = f"{field}[{clip(key, 80)}]"
        name = known.get(key)
        if name is None:
            takes = ", ".join(known)
            yield Refusal(
                "recommendation_invalid",
                where,
                f"{camel(members[0])} of step {step.name!r} has no such field; it has {takes}",
            )
            continue
        made = put(step.parameters, {(members[0], name): value})
        if isinstance(made, EvaluationError):
            why = made.message.partition(": ")[2]
            yield Refusal("recommendation_invalid", where, f"step {step.name!r} does not take that: {why}")
