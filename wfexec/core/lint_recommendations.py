"""Which recommendations of a definition mean nothing for it? They speak of steps and fields that it does not have.

(BR-WF-001, BR-ORCHESTRATION-001) Called by `core.lint`. Planning refuses nothing for them: `core.suggestions` says of
each what became of it. Suggestions to run steps side by side never take a dependency away.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from wfexec.core.expressions import EvaluationError
from wfexec.core.references import camel, put
from wfexec.core.rules import RECOMMENDATION_VOID
from wfexec.model.base import clip
from wfexec.model.parameters import set_members
from wfexec.model.rule import Advice
from wfexec.model.workflow import WorkflowDefinition, WorkflowStep

Path = tuple[str | int, ...]
ROOT: Final[Path] = ("spec", "workflowDefinition", "aiRecommendations")


def void_recommendations(definition: WorkflowDefinition) -> Iterator[Advice]:
    given = definition.ai_recommendations
    if given is None:
        return
    steps = {step.step_number: step for step in definition.steps}
    for place, offer in enumerate(given.step_optimizations):
        here: Path = (*ROOT, "stepOptimizations", place)
        step = steps.get(offer.step_number)
        if step is None:
            yield _no_step((*here, "stepNumber"), offer.step_number)
        elif offer.parameter_changes is not None:
            field = (*here, "parameterChanges", "suggestedParameters")
            yield from _changes(field, step, offer.parameter_changes.suggested_parameters)
    for place, group in enumerate(given.parallel_execution_suggestions):
        for index, number in enumerate(group.step_numbers):
            if number not in steps:
                yield _no_step((*ROOT, "parallelExecutionSuggestions", place, "stepNumbers", index), number)
    for place, wish in enumerate(given.safety_improvements):
        if wish.step_number and wish.step_number not in steps:
            yield _no_step((*ROOT, "safetyImprovements", place, "stepNumber"), wish.step_number)


def _no_step(path: Path, number: int) -> Advice:
    return Advice(RECOMMENDATION_VOID, path, str(number), f"there is no step {number}")


def _changes(path: Path, step: WorkflowStep, suggested: Mapping[str, str]) -> Iterator[Advice]:
    """Keys are field names of the step's one set member, values what these fields take."""
    if step.parameters is None:
        if suggested:
            yield Advice(RECOMMENDATION_VOID, path, "", f"step {step.name!r} has no parameters that could be changed")
        return
    (member,) = set_members(step.parameters)
    known = {camel(name): name for name in type(getattr(step.parameters, member)).model_fields}
    for key, value in suggested.items():
        name = known.get(key)
        if name is None:
            text = f"{camel(member)} of step {step.name!r} has no such field; it has {', '.join(known)}"
            yield Advice(RECOMMENDATION_VOID, (*path, key), clip(key, 80), text)
            continue
        made = put(step.parameters, {(member, name): value})
        if isinstance(made, EvaluationError):
            why = made.message.partition(": ")[2]
            text = f"step {step.name!r} does not take that: {why}"
            yield Advice(RECOMMENDATION_VOID, (*path, key), clip(value, 80), text)
