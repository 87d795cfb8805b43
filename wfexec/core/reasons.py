"""Why was it refused, why did it end, what went wrong? Every machine word the core says, with sentence and fix.

One catalogue of three kinds: what planning refuses, how workflows end badly, how steps fail (`errorType`).
`docs/reasons.md` is generated from it. To add a reason: add its row here (planning refusals in
`core.reasons_planning`), use its word, write a scenario that reaches it, run `wfexec reference reasons >
docs/reasons.md`.
"""

from typing import Final

from wfexec.core.reasons_planning import PLANNING
from wfexec.model.phases import RETRYABLE, ErrorType
from wfexec.model.reason import Kind, Reason


def _end(word: str, phase: str, meaning: str, fix: str, requirement: str) -> Reason:
    return Reason(word, Kind.ENDING, phase, meaning, fix, requirement)


def _error(error: ErrorType, meaning: str, fix: str, requirement: str = "BR-AUTOMATION-002") -> Reason:
    return Reason(error.value, Kind.ERROR, "executing", meaning, fix, requirement)


ENDINGS: Final[tuple[Reason, ...]] = (
    _end(
        "planning_error",
        "planning",
        "The definition cannot be planned; condition Planned names the reason",
        "Correct the field that the message names; `wfexec lint` finds it before anything is applied",
        "BR-WF-005",
    ),
    _end(
        "planning_timeout",
        "planning",
        "The API server did not say before planning-timeout what the template is",
        "Look at the API server, then create the workflow anew",
        "BR-WF-016a",
    ),
    _end(
        "status_inconsistent",
        "any",
        "Somebody edited the status by hand so that it does not fit the definition",
        "Create the workflow anew",
        "BR-WF-025",
    ),
    _end(
        "safety_validation_failed",
        "validating",
        "A required safety check did not pass; status.validationResults lists all of them",
        "Mend what the check found, or make the check optional if that is meant",
        "BR-WF-015",
    ),
    _end(
        "validation_timeout",
        "validating",
        "The cluster did not answer the controller's questions in time",
        "Look at the API server and at the controller's rights",
        "BR-WF-015",
    ),
    _end(
        "dry_run_failed",
        "validating",
        "A step would fail against the observed targets, or a target could not be observed",
        "Correct the step that the message names, or give the controller the right to look",
        "BR-WF-017",
    ),
    _end(
        "approval_timeout",
        "validating",
        "Nobody who may decide did so in time",
        "Create the workflow anew and approve it within approval-timeout",
        "BR-WF-018",
    ),
    _end(
        "approval_rejected",
        "validating",
        "Somebody who may decide said no",
        "Ask them; the message holds their reason",
        "BR-WF-018",
    ),
    _end(
        "step_failed",
        "executing",
        "A critical step failed for good, or every step did",
        "Look at the step's errorType and errorMessage",
        "BR-WF-050",
    ),
    _end(
        "rollback_triggered",
        "any",
        "A declared rollback trigger came true while steps ran or targets were watched",
        "Look at what the expression in the message reads",
        "BR-WF-022",
    ),
    _end(
        "workflow_timeout",
        "executing",
        "The deadline of the workflow passed before its steps had ended",
        "Raise spec.timeout, or find what held the steps up",
        "BR-WF-016a",
    ),
    _end(
        "monitoring_timeout_cannot_verify_success",
        "monitoring",
        "The targets did not stay healthy for a whole window before monitoring-timeout",
        "Look at the targets: the steps are done, their effect is not proven",
        "BR-WF-051s",
    ),
    _end(
        "workflow_triggered_new_alerts",
        "monitoring",
        "Alerts about objects that the workflow changed began after its first step did",
        "Look into the alerts that the reason names; the completed steps are undone where the strategy is automatic",
        "BR-WF-051s",
    ),
    _end(
        "ineffective",
        "monitoring",
        "A required postcondition of a completed step came false while its target was watched, and stayed so",
        "Look at what the condition reads; the completed steps are undone where the strategy is automatic",
        "BR-WF-050s",
    ),
    _end(
        "side_effects",
        "monitoring",
        "The targets are well, but something near them that was well before the first step is not any more",
        "Look into what the reason names: status.workflowResult.sideEffects lists it",
        "BR-WF-051s",
    ),
    _end(
        "side_effects_unknown",
        "monitoring",
        "The targets are well, but nobody could look beside them, before the first step or after the last",
        "Give the controller the observer role, or set executionStrategy.watchSideEffects to false",
        "BR-WF-051s",
    ),
    _end(
        "alerts_unknown",
        "monitoring",
        "The targets are well, but until monitoring-timeout nobody could say whether new alerts fire",
        "Look at the Alertmanager of setting alertmanager-url, and at what feeds it",
        "BR-WF-051s",
    ),
    _end(
        "success_criteria_unmet",
        "monitoring",
        "The steps are done and the targets are well, a required success criterion does not hold",
        "Look at the criteria that the message names, and at what they read",
        "BR-WF-021",
    ),
    _end(
        "rolled_back",
        "rolling_back",
        "A person had the workflow undone; status.rollback tells how far",
        "Look at the steps whose undo failed or is not reversible, if any",
        "BR-WF-052",
    ),
    _end(
        "cancelled", "any", "Somebody set spec.cancel", "Create the workflow anew if that was not meant", "BR-WF-018a"
    ),
)

ERRORS: Final[tuple[Reason, ...]] = (
    _error(ErrorType.TIMEOUT, "No end was seen within the limit", "Raise the timeout, or find what holds it up"),
    _error(
        ErrorType.PERMISSION_DENIED, "The executor may not do that", "Grant the right to the action's service account"
    ),
    _error(ErrorType.RESOURCE_NOT_FOUND, "The target is not there", "Correct the name, or create the target"),
    _error(ErrorType.RESOURCE_CONFLICT, "Somebody else changed the target meanwhile", "Find the other writer"),
    _error(ErrorType.RESOURCE_QUOTA_EXCEEDED, "A quota of the namespace is used up", "Raise the quota or free some"),
    _error(ErrorType.VALIDATION_ERROR, "Refused as invalid, by the cluster or by us", "Correct what the text names"),
    _error(ErrorType.IMAGE_PULL, "The new image cannot be pulled", "Correct the image or its pull secret"),
    _error(ErrorType.EVICTED, "What the step needed was evicted", "Find out why the node is short of room"),
    _error(ErrorType.OOM_KILLED, "What the step needed ran out of memory", "Raise the memory limit"),
    _error(ErrorType.NETWORK, "The network broke", "Look at the network between executor and API server"),
    _error(ErrorType.THROTTLED, "The API server asked to slow down", "Look at its load and its fairness limits"),
    _error(
        ErrorType.CHILD_DELETED,
        "Somebody deleted the child while it ran",
        "Leave children to the controller",
        "BR-WF-013",
    ),
    _error(
        ErrorType.NAME_CONFLICT,
        "The child's name is taken by an object that is not ours",
        "Delete that object, or rename the workflow",
        "BR-WF-013",
    ),
    _error(ErrorType.BLOCKED, "A required precondition did not hold", "Look at the step's conditions", "BR-WF-016c"),
    _error(
        ErrorType.CREATION_FAILED,
        "The API server refuses the child for good; a missing right is believed when it lasts 25 s",
        "Read its words in the step's errorMessage",
        "BR-WF-013",
    ),
    _error(ErrorType.REJECTED, "Somebody who may decide said no", "Ask them", "BR-WF-018"),
    _error(ErrorType.CANCELLED, "The workflow was cancelled before the step had ended", "Nothing", "BR-WF-018a"),
    _error(ErrorType.UNKNOWN_ERROR, "The child does not say what went wrong", "Read the child's own status"),
)

CATALOGUE: Final[tuple[Reason, ...]] = (*PLANNING, *ENDINGS, *ERRORS)
_BY_WORD: Final = {(reason.kind, reason.word): reason for reason in CATALOGUE}


def find_reason(kind: Kind, word: str) -> Reason | None:
    return _BY_WORD.get((kind, word))


_TITLES: Final = {
    Kind.PLANNING: (
        "What planning refuses",
        "Reason of the condition `Planned=False`; `failureReason` begins with `planning_error` and names the field."
        " `wfexec lint` finds the same words in a file.",
    ),
    Kind.ENDING: (
        "How a workflow ends when it does not succeed",
        "First word of `status.failureReason`, or of `status.workflowResult.reason`.",
    ),
    Kind.ERROR: ("How a step fails", "`errorType` of a step, and of the workflow that failed because of it."),
}


def reference() -> str:
    """The Markdown page of all reasons."""
    rows = [
        "# Reasons",
        "",
        "Every machine word by which the controller says no, and what to do. Written by `wfexec reference reasons`;"
        " do not edit.",
    ]
    for kind, (title, place) in _TITLES.items():
        tried = " | tried again" if kind is Kind.ERROR else ""
        rows += ["", f"## {title}", "", place, ""]
        rows += [
            f"| word | phase | meaning | what to do | requirement{tried} |",
            "|---|---|---|---|---|" + "---|" * bool(tried),
        ]
        rows += [_cells(reason) for reason in CATALOGUE if reason.kind is kind]
    return "\n".join(rows) + "\n"


def _cells(reason: Reason) -> str:
    meaning = reason.meaning + (" (the API server refuses it before)" if reason.door else "")
    cells = [f"`{reason.word}`", reason.phase, meaning, reason.fix, reason.requirement]
    if reason.kind is Kind.ERROR:
        cells.append("yes" if ErrorType(reason.word) in RETRYABLE else "no")
    return f"| {' | '.join(cells)} |"
