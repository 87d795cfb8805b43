"""What does the controller say of a workflow besides its status? Every Event and every condition, as data.

`docs/events.md` is generated from it (`wfexec reference events`). To add one: use its words, add its row here; the
tests hold code, catalogue and scenarios against each other.
"""

from typing import Final, NamedTuple


class EventRow(NamedTuple):
    """`type` is Normal, Warning or both; `meaning` has no full stop; `requirement` is a BR ID."""

    reason: str
    type: str
    meaning: str
    requirement: str


class ConditionRow(NamedTuple):
    """`reasons` are all words that its `reason` may have, by what its status is then."""

    type: str
    true: tuple[str, ...]
    false: tuple[str, ...]
    meaning: str
    requirement: str


N: Final = "Normal"
W: Final = "Warning"

EVENTS: Final[tuple[EventRow, ...]] = (
    EventRow("WorkflowExecutionCreated", N, "The workflow was seen for the first time and accepted", "BR-WF-001"),
    EventRow("PhaseTransition", N, "It moved from one phase to another; both are named", "BR-WF-005"),
    EventRow("TemplateResolved", N, "The template was found; its version is named", "BR-WF-025"),
    EventRow("HistoryUnavailable", W, "It was planned without what earlier runs teach", "BR-ORCHESTRATION-001"),
    EventRow("AdaptiveAdjustment", N, "The plan was adjusted; what and why is named", "BR-AUTOMATION-001"),
    EventRow(
        "SuggestionIgnored", N, "A suggested parameter was not taken; which and why is named", "BR-AUTOMATION-001"
    ),
    EventRow("StepInjected", N, "A step was added; what it verifies and why is named", "BR-ORCHESTRATION-010"),
    EventRow("InjectionRefused", W, "A step should be verified and nobody may; why is named", "BR-ORCHESTRATION-010"),
    EventRow("AdaptationLimitReached", W, "No more changes are made while it runs", "BR-ORCHESTRATION-001"),
    EventRow("PlanCreated", N, "The plan stands: steps, batches, strategy", "BR-WF-004"),
    EventRow(
        "ValidationWarning",
        W,
        "An optional check did not pass, a target is only partly well, or monitoring will not see or hear something",
        "BR-WF-015",
    ),
    EventRow("DryRunCompleted", N, "Every step would succeed", "BR-WF-017"),
    EventRow("DryRunFailed", W, "A step would fail; nothing was done", "BR-WF-017"),
    EventRow("ApprovalRequired", N, "It waits for a person; how to decide is named", "BR-WF-018"),
    EventRow("ApprovalReceived", N, "Somebody who may has approved it", "BR-WF-018"),
    EventRow("ApprovalRejected", W, "Somebody who may has rejected it", "BR-WF-018"),
    EventRow("ApprovalUnauthorized", W, "Somebody without the right tried to decide; it waits on", "BR-WF-018"),
    EventRow("ApprovalIgnored", W, "A decision is not complete or not valid; it waits on", "BR-WF-018"),
    EventRow("WorkflowValidated", N, "All required checks passed", "BR-WF-015"),
    EventRow("WorkflowValidationFailed", W, "A check, the dry run or the approval ended it", "BR-WF-015"),
    EventRow("StepExecuting", N, "A child was asked for; action and attempt are named", "BR-WF-013"),
    EventRow("ParallelLimitReached", N, "Steps wait for a place; said when the queue forms", "BR-WF-166"),
    EventRow("ParallelismReduced", W, "The API server throttles: fewer steps at a time than planned", "BR-WF-024d"),
    EventRow("StepCompleted", N, "A step took effect, or a person called it completed", "BR-WF-012"),
    EventRow(
        "StepRetrying", f"{N}, {W}", "A step is tried again: by itself (Warning) or by hand (Normal)", "BR-WF-035"
    ),
    EventRow("StepFailed", W, "A step failed for good", "BR-WF-012"),
    EventRow(
        "StepSkipped", N, "A step is not carried out; why is named. Not said of what an end leaves behind", "BR-WF-020"
    ),
    EventRow("StepBlocked", W, "A required precondition did not hold in time", "BR-WF-016"),
    EventRow("PreconditionWarning", W, "An optional precondition did not hold; the step went on", "BR-WF-052b"),
    EventRow("PostconditionWarning", W, "An optional postcondition did not hold", "BR-WF-053b"),
    EventRow("InterventionRefused", W, "What somebody asked of single steps was not done", "BR-WF-005"),
    EventRow("ManualRetry", N, "A failed workflow is tried again at a person's request", "BR-AUTOMATION-002"),
    EventRow("WorkflowTimeout", W, "The deadline of the workflow passed", "BR-WF-016"),
    EventRow("RollbackTriggered", W, "A declared condition gave the workflow up", "BR-WF-022"),
    EventRow("RollbackTriggerUnknown", W, "A declared condition has no value and does not count", "BR-WF-022"),
    EventRow("RollbackWithdrawn", N, "A rollback that was accepted was taken back while steps drained", "BR-WF-052"),
    EventRow("RollbackRefused", W, "A rollback that somebody asked for was not begun", "BR-WF-052"),
    EventRow("RollbackStarted", N, "Completed steps are undone; how many and why is named", "BR-WF-050"),
    EventRow("StepRolledBack", N, "A step is undone; by which action is named", "BR-WF-051"),
    EventRow("RollbackFailed", W, "A step could not be undone", "BR-WF-053"),
    EventRow("RollbackCompleted", N, "All that could be undone is undone", "BR-WF-050"),
    EventRow("EscalationRequired", W, "The rollback is incomplete: a person is needed", "BR-WF-053"),
    EventRow("WorkflowIneffective", W, "New alerts, or a required postcondition no longer holds", "BR-WF-051"),
    EventRow("SideEffectsSeen", W, "Something near the targets fell ill and stayed so; it is named", "BR-WF-051s"),
    EventRow("SuccessCriterionUnmet", W, "A criterion that is not required did not hold", "BR-WF-021"),
    EventRow("Paused", N, "The workflow was suspended, or a maintenance holds it up; the phase is named", "BR-WF-005"),
    EventRow("Resumed", N, "It goes on; how long it was paused is named", "BR-WF-005"),
    EventRow("Cancelled", N, "It was cancelled", "BR-WF-018"),
    EventRow("WorkflowExecutionCompleted", N, "It ended well; outcome and duration are named", "BR-WF-021"),
    EventRow("WorkflowExecutionFailed", W, "It failed; the reason is named", "BR-WF-021"),
    EventRow("WorkflowExecutionDeleted", N, "It was let go; the phase is named", "BR-WF-021"),
    EventRow("AuditStorageFailed", W, "Its final record is not kept: it waits, or was let go without", "BR-WF-001"),
    EventRow("ParentMissing", W, "Its RemediationRequest is gone or elsewhere: nobody owns it", "BR-WF-001"),
    EventRow("OwnerReferenceFailed", W, "Its parent could not be looked at or be made its owner", "BR-WF-001"),
    EventRow("OrphanDeleted", N, "It ended long ago without a living parent: it is deleted", "BR-WF-001"),
    EventRow("OrphanNotDeleted", W, "The same, and the server refused the deletion", "BR-WF-001"),
    EventRow("WriteRefused", W, "The API server refuses what is written of it; which and why is named", "BR-WF-025"),
    EventRow("UnknownPhase", W, "Its phase is none that this version knows; nothing is done", "BR-WF-025"),
    EventRow("ObjectUnreadable", W, "It or a child does not fit the schema; nothing is done with it", "BR-WF-025"),
    EventRow("PolicyReloaded", N, "About the ConfigMap of condition policies: it counts from now on", "BR-WF-053"),
    EventRow("PolicyInvalid", W, "About the same ConfigMap: this entry was left out", "BR-WF-053"),
)

CONDITIONS: Final[tuple[ConditionRow, ...]] = (
    ConditionRow(
        "ParentFound",
        (),
        ("ParentMissing", "ParentElsewhere", "ParentUnseen"),
        "It has an owner; said only of one that has none",
        "BR-WF-001",
    ),
    ConditionRow("TemplateResolved", ("TemplateFound",), (), "The definition came from a template", "BR-WF-025"),
    ConditionRow("Planned", ("PlanBuilt",), ("a word of `reasons.md`",), "There is a plan", "BR-WF-004"),
    ConditionRow("ValidationFailed", ("a word of `reasons.md`",), (), "The definition is refused", "BR-WF-005"),
    ConditionRow("DryRunSucceeded", ("DryRunSucceeded",), ("DryRunFailed",), "Every step would succeed", "BR-WF-017"),
    ConditionRow("Validated", ("ChecksPassed",), ("ValidationFailed",), "All required checks passed", "BR-WF-015"),
    ConditionRow(
        "Approved",
        ("Granted", "NotRequired"),
        ("Pending", "Rejected", "Expired"),
        "A person who may has decided; only where an approval is asked for",
        "BR-WF-018",
    ),
    ConditionRow(
        "ApprovalGuarded",
        ("AdmissionPolicy",),
        ("NoAdmissionPolicy",),
        "An admission policy proves who decided; False: the named user's right is asked for instead",
        "BR-WF-018",
    ),
    ConditionRow("Executing", ("Started",), (), "The execution has begun", "BR-WF-010"),
    ConditionRow(
        "StepCreationFailed",
        ("CreateRefused",),
        ("Created", "NotNeeded"),
        "The server refused a child for good; a person may do without it",
        "BR-WF-013",
    ),
    ConditionRow(
        "Degraded",
        ("StepRetrying", "StepFailed", "ExecutorSilent", "CreateRefused", "AccessRefused", "Throttled"),
        ("Recovered",),
        "The execution is not going as planned",
        "BR-EXECUTION-002",
    ),
    ConditionRow(
        "Intervened",
        ("Taken", "ManualRetry"),
        ("Refused",),
        "A person asked something of single steps",
        "BR-WF-005",
    ),
    ConditionRow(
        "Paused",
        ("Suspended", "Maintenance"),
        ("Resumed", "RollingBack"),
        "The workflow is suspended, or a maintenance holds it up",
        "BR-WF-005",
    ),
    ConditionRow(
        "CancelRequested",
        ("Draining", "RollingBack", "NothingRuns"),
        ("Withdrawn",),
        "A cancellation was seen; what has to end before it is carried out is named",
        "BR-WF-018",
    ),
    ConditionRow("StepsCompleted", ("StepsEnded",), (), "Every step has ended", "BR-WF-012"),
    ConditionRow("RollbackTriggered", ("ConditionTrue",), ("ManualRetry",), "A trigger fired", "BR-WF-022"),
    ConditionRow("RollbackTriggersJudged", (), ("NoValue",), "Every trigger has a value", "BR-WF-022"),
    ConditionRow(
        "RollbackRequested", ("Accepted",), ("Refused", "Withdrawn"), "A person asked for a rollback", "BR-WF-052"
    ),
    ConditionRow(
        "RolledBack", ("RollbackCompleted",), ("UndoFailed",), "All that could be undone is undone", "BR-WF-050"
    ),
    ConditionRow("RollbackFailed", ("UndoFailed",), ("RollbackCompleted",), "A step could not be undone", "BR-WF-053"),
    ConditionRow(
        "Succeeded",
        ("Completed",),
        ("Failed", "NotVerified", "Cancelled"),
        "The workflow did what it was meant to do; only once it has ended",
        "BR-WF-021",
    ),
)

_EVENT_HEAD: Final = """# Events and conditions

What the controller says of a workflow besides the figures of its status. Written by `wfexec reference events`; do not
edit.

## Events

About the WorkflowExecution, in its namespace, from the component `workflow-execution`. An Event is written only once
what it tells is in the status, so it never speaks of something that did not come to be. `WriteRefused` alone tells why
nothing gets there: a missing right once it has lasted 25 s, anything else at once, and not again before a write was
taken (`wfexec_api_requests_total` counts each). The same reason with the same message within ten minutes is one Event
whose count grows (setting `event-dedupe-window`). Messages have at most 1024 characters and no secrets. Events are best
effort: nothing waits for one. They have a rate of their own, as high as `kubernetes-qps`; what comes faster waits
(`wfexec_events_waiting`). Of more than 8192 that wait the oldest Normal ones are given up, Warnings last; those and the
ones that the server refuses are counted in `wfexec_events_dropped_total`.

| reason | type | meaning | requirement |
|---|---|---|---|
"""
_CONDITION_HEAD: Final = """
## Conditions

In `status.conditions`. `lastTransitionTime` moves only when the condition's status does. A condition that is not there
was never judged.

| type | reasons when True | reasons when False | meaning | requirement |
|---|---|---|---|---|
"""


def reference() -> str:
    """The Markdown page of all events and conditions."""
    events = [f"| `{row.reason}` | {row.type} | {row.meaning} | {row.requirement} |\n" for row in EVENTS]
    conditions = [
        f"| `{row.type}` | {_words(row.true)} | {_words(row.false)} | {row.meaning} | {row.requirement} |\n"
        for row in CONDITIONS
    ]
    return "".join([_EVENT_HEAD, *events, _CONDITION_HEAD, *conditions])


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(word if " " in word else f"`{word}`" for word in words)
