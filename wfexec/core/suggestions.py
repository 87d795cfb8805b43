"""Which parameters does an analysis suggest for steps, and may they be taken? (BR-ORCHESTRATION-001, BR-AUTOMATION-001)

For workflows with `adaptiveOrchestration.optimizationEnabled`. Called by `core.graph` before steps are compiled, so
checks, dry run and the person who approves see them as they will run. A pure function of the spec: a restart plans the
very same. Taken is what is sure enough, names one plain field of the step's parameters and fits its type; what has a
high impact only where a person approves the workflow. Never what names the object of a step: an analysis may tune a
step, not turn it against something else.
"""

from typing import Final

from pydantic import ValidationError

from wfexec.core.references import NUMBERS, OPEN, camel
from wfexec.crd.complaints import in_words
from wfexec.model.base import clip, evolve
from wfexec.model.parameters import StepParameters, set_members
from wfexec.model.recipe import Suggestion
from wfexec.model.workflow import Level, StepOptimization, WorkflowExecutionSpec, WorkflowStep
from wfexec.settings import Settings
from wfexec.units import so_many

# Fields by which a step names what it is about.
IDENTITY: Final = frozenset(
    {"namespace", "deployment", "container", "pod_name", "selector", "name", "node_name", "action_type"}
)


def suggested(spec: WorkflowExecutionSpec, settings: Settings) -> tuple[WorkflowExecutionSpec, tuple[Suggestion, ...]]:
    """The spec with what is taken in place, and every suggestion with its verdict; the same spec when none is taken."""
    definition = spec.workflow_definition
    offers = definition.ai_recommendations if definition is not None else None
    if definition is None or offers is None or not spec.adaptive_orchestration.optimization_enabled:
        return spec, ()
    steps = {step.step_number: step for step in definition.steps}
    told: list[Suggestion] = []
    left = settings.adaptations_max
    for offer in offers.step_optimizations:
        changes = offer.parameter_changes.suggested_parameters if offer.parameter_changes is not None else {}
        for key, value in changes.items():
            step = steps.get(offer.step_number)
            made = _judge(spec, settings, offer, step, key, value)
            if isinstance(made, WorkflowStep) and not left:
                made = f"no more than {so_many(settings.adaptations_max, 'change is', 'changes are')} made"
            if isinstance(made, WorkflowStep):
                left -= 1
                steps[offer.step_number] = made
                told.append(_taken(offer, made, key, value))
            else:
                told.append(Suggestion(offer.step_number, clip(key, 80), "", made))
    if not any(one.change for one in told):
        return spec, tuple(told)
    changed = tuple(steps[step.step_number] for step in definition.steps)
    return evolve(spec, workflow_definition=evolve(definition, steps=changed)), tuple(told)


def _taken(offer: StepOptimization, step: WorkflowStep, key: str, value: str) -> Suggestion:
    why = offer.parameter_changes.reason if offer.parameter_changes is not None else ""
    reason = f"suggested with confidence {offer.confidence:.2f}: {why or offer.recommendation or 'no reason given'}"
    text = f"{camel(key) if '_' in key else key} of step {step.name!r} becomes {clip(value, 200)}"
    return Suggestion(step.step_number, clip(key, 80), clip(text), clip(reason))


def _judge(
    spec: WorkflowExecutionSpec,
    settings: Settings,
    offer: StepOptimization,
    step: WorkflowStep | None,
    key: str,
    value: str,
) -> WorkflowStep | str:
    """The step with the value in place, or why it is not taken."""
    least = settings.learning_min_confidence
    if step is None:
        return f"there is no step {offer.step_number}"
    if offer.confidence < least:
        return f"confidence {offer.confidence:.2f} is below {least:.2f}"
    if offer.impact_level is Level.HIGH and not spec.execution_strategy.approval_required:
        return "its impact is high and nobody approves this workflow; set executionStrategy.approvalRequired"
    if OPEN in value:
        return "a suggested value must be plain, without {{ }}"
    return _put(step, key, value)


def _put(step: WorkflowStep, key: str, value: str) -> WorkflowStep | str:
    parameters = step.parameters
    members = set_members(parameters) if parameters is not None else ()
    if parameters is None or len(members) != 1:
        return "the step has no parameters to change"
    given = getattr(parameters, members[0])
    field = next((name for name in type(given).model_fields if key in (name, camel(name))), None)
    if field is None:
        known = ", ".join(camel(name) for name in type(given).model_fields if name not in IDENTITY)
        return f"{camel(members[0])} has no field {clip(key, 80)!r}; it has {known}"
    if field in IDENTITY:
        return f"{camel(field)} names what the step is about"
    if OPEN in str(getattr(given, field)):
        return f"{camel(field)} is worked out by the workflow itself"
    raw = parameters.model_dump(exclude_none=True)
    raw[members[0]][field] = int(value) if field in NUMBERS and value.isdecimal() and len(value) < 10 else value
    try:
        made = StepParameters.model_validate(raw)
    except ValidationError as error:
        return f"{camel(field)}: {in_words(error.errors(include_url=False, include_input=False)[0])}"
    if getattr(made, members[0]) == given:
        return f"{camel(field)} has this value already"
    return evolve(step, parameters=made)
