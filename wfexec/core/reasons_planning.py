"""Why planning refuses a definition: rows of the catalogue (see `wfexec.core.reasons`)."""

from typing import Final

from wfexec.model.reason import Kind, Reason


def _row(word: str, meaning: str, fix: str, requirement: str = "BR-WF-005", door: str = "") -> Reason:
    return Reason(word, Kind.PLANNING, "planning", meaning, fix, requirement, door)


PLANNING: Final[tuple[Reason, ...]] = (
    _row(
        "definition_missing",
        "There is neither a definition nor a template",
        "Set exactly one of workflowDefinition and templateRef",
        "BR-WF-003",
        "set exactly one of workflowDefinition, templateRef",
    ),
    _row(
        "steps_missing",
        "The definition has no step",
        "Give it at least one",
        "BR-WF-003",
        "should have at least 1 items",
    ),
    _row(
        "too_many_steps",
        "The definition has more than a hundred steps",
        "Split the workflow",
        "BR-WF-015-EC1",
        "must have at most 100 items",
    ),
    _row(
        "definition_changed",
        "The definition is no longer the one that was planned",
        "Create another workflow; of a planned one only suspend, cancel, onCancel, timeout and priority may change",
        "BR-WF-025",
        "is immutable",
    ),
    _row(
        "duplicate_step_number",
        "Two steps have the same number",
        "Number the steps 1, 2, 3…",
        "BR-WF-003",
        "Duplicate value",
    ),
    _row("duplicate_step_name", "Two steps have the same name", "Give every step a name of its own"),
    _row("unknown_action", "The step's action is not in the registry", "Take the action that the message proposes"),
    _row("unknown_cluster", "The step is meant for another cluster", "Leave targetCluster empty, or run it there"),
    _row(
        "timeout_out_of_range",
        "The timeout of the workflow, a step or its undo is 0, or a step's is longer than step-timeout-max",
        "Write a timeout within the limits",
    ),
    _row("parameters_missing", "The action needs parameters and has none", "Add the member that the message names"),
    _row(
        "parameters_union",
        "Not exactly one member of parameters is set",
        "Keep the one that fits the action",
        door="set exactly one of scaleDeployment",
    ),
    _row("parameters_mismatch", "The parameters are those of another action", "Use the member that the message names"),
    _row(
        "parameters_too_large",
        "A custom configuration is longer than a child may be told",
        "Shorten it, or let the manifest name where the rest lies",
    ),
    _row(
        "secret_not_base64",
        "A value for a Secret is not base64",
        "Encode it: the data of a Secret travels as it stands in one",
        "BR-WF-023",
    ),
    _row(
        "selector_invalid",
        "What chooses the pods of a step is no label selector, or an empty one",
        "Write it as for kubectl -l; to end every pod of a namespace restart its deployments",
        "BR-WF-023",
    ),
    _row(
        "rollback_union",
        "Not exactly one member of rollbackSpec.parameters is set",
        "Keep one of them",
        door="set exactly one of restorePreviousDeployment",
    ),
    _row(
        "self_dependency",
        "A step waits for itself",
        "Remove the dependency",
        "BR-WF-010-EC1",
    ),
    _row(
        "circular_dependency",
        "Steps wait for each other in a circle",
        "Remove one of the dependencies that the message shows",
        "BR-WF-010-EC1",
    ),
    _row(
        "dependency_not_found",
        "A step waits for a step that does not exist",
        "Correct the number or the name",
        "BR-WF-012-EC1",
    ),
    _row(
        "run_condition_primary",
        "A step with a runCondition has not exactly one dependency",
        "Let it depend on its primary alone",
        "BR-WF-020",
    ),
    _row(
        "expression_invalid",
        "An expression is not one, or not true or false where that is needed",
        "Mend it at the line and column that the message names",
        "BR-WF-006",
    ),
    _row(
        "reference_unknown",
        "An expression reads a variable, a step or an object that is not there by then",
        "Correct the name, or let the step wait for the one it reads",
        "BR-WF-007",
    ),
    _row(
        "template_unresolved",
        "The template has not been looked up",
        "`wfexec template render` shows what it amounts to; the controller looks it up while planning",
        "BR-WF-026",
    ),
    _row(
        "template_not_found",
        "No template of that name and version is in the workflow's namespace or the controller's",
        "Correct name or version, or apply the template's ConfigMap with its label",
        "BR-WF-026",
    ),
    _row(
        "template_forbidden",
        "The controller may not list ConfigMaps where the template is looked for",
        "Grant that right there, or deploy the observer component",
        "BR-WF-026",
    ),
    _row(
        "template_not_kept",
        "The CRD in the cluster is older than the controller and drops the template from status",
        "Apply the CRDs of the controller's version",
        "BR-WF-026",
    ),
    _row(
        "template_ambiguous",
        "Two ConfigMaps of one namespace hold the same version of the template",
        "Remove one of those that the message names",
        "BR-WF-026",
    ),
    _row(
        "template_invalid",
        "The template cannot be read or rendered",
        "Correct the place that the message names; `wfexec template validate` finds it in a file",
        "BR-WF-026",
    ),
    _row(
        "template_cycle",
        "Templates extend each other in a circle",
        "Break the circle that the message shows",
        "BR-WF-028",
    ),
    _row(
        "template_depth",
        "Too many templates extend one another",
        "Shorten the chain that the message shows",
        "BR-WF-028",
    ),
    _row(
        "template_parameter_missing",
        "The template needs a parameter that was not given",
        "Add it to templateRef.parameters",
        "BR-WF-026",
    ),
    _row(
        "template_parameter_unknown",
        "The template has no parameter of that name",
        "Correct the name, or remove it",
        "BR-WF-026",
    ),
    _row(
        "template_parameter_invalid",
        "The parameter's value has the wrong type, pattern or is none of its enum",
        "Give a value that the message describes",
        "BR-WF-026",
    ),
    _row(
        "reference_too_late",
        "What a step changes, or how much of it, is known only while the workflow runs",
        "Refer to variables alone there, so that rights, protection and capacity can be judged before",
        "BR-WF-007",
    ),
    _row(
        "reference_value",
        "A reference has no value, or one that does not fit its field",
        "Correct the variable or the expression",
        "BR-WF-007",
    ),
)
