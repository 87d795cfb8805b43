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
    _row("not_supported", "The definition uses what this version does not evaluate", "Remove that field"),
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
        "The step's timeout is 0 or longer than step-timeout-max",
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
)
