"""Why a definition cannot be planned: one check per bad finding, each naming field, value and fix (BR-WF-005).

The controller stops at the first finding, `wfexec lint` shows all of them.
"""

from base64 import b64decode
from collections.abc import Iterator

from wfexec.core.children import carried_size
from wfexec.core.references import OPEN
from wfexec.core.refusals_expressions import expression_findings
from wfexec.core.refusals_references import resolved
from wfexec.core.registry import Action, close_actions, find_action
from wfexec.core.selectors import selector_problem
from wfexec.model.base import DOCUMENT_MAX, clip
from wfexec.model.parameters import CustomAction, RestartPod, UpdateSecret, set_members
from wfexec.model.recipe import Refusal
from wfexec.model.workflow import STEPS_MAX, WorkflowDefinition, WorkflowExecutionSpec, WorkflowStep
from wfexec.settings import Settings
from wfexec.units import format_duration

STEPS = "spec.workflowDefinition.steps"
# A template is looked up while planning; until then its workflow has no steps.
UNRESOLVED = Refusal("template_unresolved", "spec.templateRef", "the template has not been looked up yet")
NO_DEFINITION = Refusal(
    "definition_missing", "spec", "there is neither workflowDefinition nor templateRef; set one of them"
)


def findings(spec: WorkflowExecutionSpec, settings: Settings) -> Iterator[Refusal]:
    """Every finding but a cycle, in document order; a generator, so that a caller may stop at the first."""
    definition = spec.workflow_definition
    if definition is None:
        yield UNRESOLVED if spec.template_ref is not None else NO_DEFINITION
        return
    if spec.timeout == 0:
        message = "timeout 0s leaves no time for any step; write more than 0s, or leave it out"
        yield Refusal("timeout_out_of_range", "spec.timeout", message)
    if not definition.steps:
        yield Refusal("steps_missing", STEPS, "a workflow needs at least one step")
    if len(definition.steps) > STEPS_MAX:
        message = f"{len(definition.steps)} steps are more than the {STEPS_MAX} allowed; split the workflow"
        yield Refusal("too_many_steps", STEPS, message)
    references = resolved(spec, definition, STEPS)
    definition = references.definition
    yield from _duplicates(definition)
    for position, step in enumerate(definition.steps):
        yield from _step_findings(f"{STEPS}[{position}]", step, settings)
    yield from _dependency_findings(definition)
    yield from expression_findings(spec, definition, STEPS)
    yield from references.problems


def _duplicates(definition: WorkflowDefinition) -> Iterator[Refusal]:
    numbers: dict[int, str] = {}
    names: set[str] = set()
    for position, step in enumerate(definition.steps):
        if step.step_number in numbers:
            message = (
                f"stepNumber {step.step_number} of {step.name!r} is already taken by {numbers[step.step_number]!r}"
            )
            yield Refusal(
                "duplicate_step_number", f"{STEPS}[{position}].stepNumber", f"{message}; number steps 1, 2, 3…"
            )
        numbers.setdefault(step.step_number, step.name)
        if step.name in names:
            message = f"the name {clip(step.name, 80)!r} is used twice; give every step its own name"
            yield Refusal("duplicate_step_name", f"{STEPS}[{position}].name", message)
        names.add(step.name)


def _step_findings(field: str, step: WorkflowStep, settings: Settings) -> Iterator[Refusal]:
    action = find_action(step.action)
    if action is None:
        close = close_actions(step.action)
        hint = f"did you mean {' or '.join(close)}?" if close else "see the list of actions"
        yield Refusal("unknown_action", f"{field}.action", f"action {clip(step.action, 80)!r} is unknown; {hint}")
    else:
        yield from _parameter_findings(field, step, action)
    if step.target_cluster not in settings.local_cluster_names:
        message = f"targetCluster {clip(step.target_cluster, 80)!r} is not this cluster; leave it empty"
        yield Refusal("unknown_cluster", f"{field}.targetCluster", message)
    if step.timeout is not None and not 0 < step.timeout <= settings.step_timeout_max:
        message = f"timeout {format_duration(step.timeout)} must be more than 0s and at most " + format_duration(
            settings.step_timeout_max
        )
        yield Refusal("timeout_out_of_range", f"{field}.timeout", message)
    if step.rollback_spec is not None and step.rollback_spec.timeout == 0:
        message = "timeout 0s ends the undo before it begins; write more than 0s, or leave it out"
        yield Refusal("timeout_out_of_range", f"{field}.rollbackSpec.timeout", message)


def _parameter_findings(field: str, step: WorkflowStep, action: Action) -> Iterator[Refusal]:
    takes = " or ".join(_camel(member) for member in action.members)
    if step.parameters is None:
        if not action.optional_parameters:
            yield Refusal("parameters_missing", f"{field}.parameters", f"{action.name} needs parameters.{takes}")
        return
    members = set_members(step.parameters)
    if len(members) != 1:
        found = ", ".join(_camel(member) for member in members) or "none"
        message = f"exactly one member must be set, found {found}; {action.name} takes {takes}"
        yield Refusal("parameters_union", f"{field}.parameters", message)
        return
    if members[0] not in action.members:
        message = f"{action.name} takes {takes}, not {_camel(members[0])}"
        yield Refusal("parameters_mismatch", f"{field}.parameters.{_camel(members[0])}", message)
    yield from _size_findings(f"{field}.parameters", step.parameters.custom)
    yield from _selector_findings(f"{field}.parameters.restartPod.selector", step.parameters.restart_pod)
    yield from _secret_findings(f"{field}.parameters.updateSecret.dataUpdates", step.parameters.update_secret)
    undo = step.rollback_spec.parameters if step.rollback_spec is not None else None
    if undo is not None and len(set_members(undo)) != 1:
        message = "exactly one member must be set; remove the others or the whole parameters"
        yield Refusal("rollback_union", f"{field}.rollbackSpec.parameters", message)
    yield from _size_findings(f"{field}.rollbackSpec.parameters", undo.custom if undo is not None else None)


def _size_findings(field: str, custom: CustomAction | None) -> Iterator[Refusal]:
    """A custom action's configuration becomes one text in its child (BR-WF-023)."""
    size = carried_size(custom) if custom is not None else 0
    if size > DOCUMENT_MAX:
        message = f"the configuration makes a text of {size} characters for the child, which takes {DOCUMENT_MAX}"
        yield Refusal("parameters_too_large", f"{field}.custom.config", f"{message}; shorten it")


def _selector_findings(field: str, restart: RestartPod | None) -> Iterator[Refusal]:
    """Beside a podName it is dropped, and that is a warning of the step."""
    if restart is not None and restart.selector is not None and not restart.pod_name and OPEN not in restart.selector:
        problem = selector_problem(restart.selector)
        if problem:
            yield Refusal("selector_invalid", field, f"{clip(restart.selector, 80)!r} {problem}")


def _secret_findings(field: str, update: UpdateSecret | None) -> Iterator[Refusal]:
    """Its values travel as they are; what a reference brings at run time is seen then. None of them is told."""
    for key, value in update.data_updates.items() if update is not None else ():
        if OPEN not in value and not _is_base64(value):
            message = "is not base64, as the data of a Secret must be; write what `base64 -w0` makes of it"
            yield Refusal("secret_not_base64", f"{field}[{clip(key, 80)}]", message)


def _is_base64(text: str) -> bool:
    try:
        b64decode(text, validate=True)
    except ValueError:
        return False
    return True


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _dependency_findings(definition: WorkflowDefinition) -> Iterator[Refusal]:
    numbers = {step.step_number for step in definition.steps}
    names = {step.name for step in definition.steps}
    for position, step in enumerate(definition.steps):
        field = f"{STEPS}[{position}].dependsOn"
        for number in step.depends_on:
            if number == step.step_number:
                yield Refusal("self_dependency", field, f"circular dependency detected: {step.name} → {step.name}")
            elif number not in numbers:
                message = f"dependency not found: step {step.name!r} waits for step {number}, which does not exist"
                yield Refusal("dependency_not_found", field, message)
        yield from _run_condition_findings(f"{STEPS}[{position}]", step, definition)
    for name, wanted in definition.dependencies.items():
        field = f"spec.workflowDefinition.dependencies[{clip(name, 80)}]"
        if name not in names:
            yield Refusal("dependency_not_found", field, f"dependency not found: there is no step {clip(name, 80)!r}")
        for other in wanted:
            if other == name:
                yield Refusal("self_dependency", field, f"circular dependency detected: {name} → {name}")
            elif other not in names:
                message = f"dependency not found: step {name!r} waits for {clip(other, 80)!r}, which does not exist"
                yield Refusal("dependency_not_found", field, message)


def _run_condition_findings(field: str, step: WorkflowStep, definition: WorkflowDefinition) -> Iterator[Refusal]:
    """Its primary is the step's single dependency (BR-WF-020)."""
    if step.run_condition is None:
        return
    by_number = {other.step_number: other.name for other in definition.steps}
    named = set(definition.dependencies.get(step.name, ()))
    count = len({by_number.get(number, str(number)) for number in step.depends_on} | named)
    if count != 1:
        message = f"runCondition needs exactly one dependency, its primary; step {step.name!r} has {count}"
        yield Refusal("run_condition_primary", f"{field}.runCondition", message)
