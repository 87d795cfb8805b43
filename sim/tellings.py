"""Which Events does the history of a run justify? By workflow, reason and what each is about (BR-WF-024).

What stands in status says it: a fact that is there, or came to be, is told so many times. `EXCUSED` are reasons of
which no status tells, and why; of those in `ALLOWED` status tells only when they may be said.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sim.history import History, StepMove, WorkflowMove
from wfexec.model.execution import ConditionResult
from wfexec.model.meta import FINALIZER, Condition
from wfexec.model.phases import Phase, StepState, UndoState, WorkflowOutcome
from wfexec.model.requests import Code, CreateExecution, DeleteExecution, Kind, PatchMetadata, PatchStatus
from wfexec.model.status import ADJUSTMENTS_MAX, StepStatus, WorkflowExecution, WorkflowExecutionStatus
from wfexec.settings import Settings

# Said as often as it pleases, once there is cause for it at all.
OFTEN: Final = 10**9
_CHANGED: Final = ("planning_error:", "status_inconsistent:")
_WORSE: Final = ("workflow_triggered_new_alerts", "ineffective")
_RESUMABLE: Final = frozenset({Phase.PLANNING, Phase.VALIDATING, Phase.EXECUTING, Phase.MONITORING})
_SLOW: Final = "the API server asks to slow down: "
_UNSTARTED: Final = "not started: "
# By machine word of the reason: who is said to have been heard in vain.
_IGNORED: Final = (
    ("ApprovalUnauthorized", "the decision of "),
    ("ApprovalIgnored", "the decision is ignored: "),
    ("ApprovalIgnored", ", not approved or rejected"),
)
Fact = tuple[str, str, str]

# Reasons that stand in no status, and why they are not held against it.
EXCUSED: Final[dict[str, str]] = {
    "ObjectUnreadable": "the trace holds objects as far as they could be read",
    "PolicyReloaded": "about a ConfigMap, of which the trace holds no versions",
    "PolicyInvalid": "about a ConfigMap, of which the trace holds no versions",
}
# Reasons that are held against the history only one way: when nothing gives cause for them, they are a lie.
ALLOWED: Final[dict[str, str]] = {
    "HistoryUnavailable": "whether earlier runs were known stands in no status",
    "SuggestionIgnored": "a suggestion that was not taken leaves nothing in the status",
    "InjectionRefused": "a verification that nobody may make leaves nothing in the status",
    "SuccessCriterionUnmet": "a criterion that is not required leaves nothing in the status",
    "AuditStorageFailed": "said while a deletion waits, whose status nobody writes any more",
    "OrphanDeleted": "told of an object that goes in the same moment",
    "OrphanNotDeleted": "the answer of the server, which stands in no status",
    "WriteRefused": "the answer of the server, which stands in no status; not before it has lasted",
    "UnknownPhase": "said whenever it is looked at, of a status that nobody writes",
}


class Cause(NamedTuple):
    """A reason to tell something: `most` times at the most, and `least` times if nothing goes wrong."""

    at: int
    about: str
    fact: Fact
    least: int = 1
    most: int = 1


def causes(history: History) -> Iterator[Cause]:
    """All that there was to be told."""
    uids: dict[str, dict[str, None]] = {}
    by_hand: set[tuple[str, int]] = set()
    for move in history.workflows:
        if move.before is None:
            continue
        meta = move.before.metadata
        uids.setdefault(f"{meta.namespace}/{meta.name}", {})[meta.uid] = None
        if move.before.status.phase == Phase.FAILED and move.after and move.after.status.phase == Phase.EXECUTING:
            by_hand.add((meta.uid, move.at))
        yield from _of_workflow(move, move.before, history)
    for step in history.steps:
        yield from _of_step(step, (step.workflow.metadata.uid, step.at) in by_hand)
    yield from _of_answers(history, uids)


def subject(reason: str, message: str) -> str:
    """What of its message tells one Event from another of the same reason: the phases, the step, or nothing."""
    if reason == "PhaseTransition":
        return message
    if reason in _ABOUT_STEPS and message.startswith("step "):
        return message.split(" ", 2)[1]
    return ""


_ABOUT_STEPS: Final = frozenset(
    {
        "StepExecuting", "StepCompleted", "StepRetrying", "StepFailed", "StepSkipped", "StepBlocked", "StepInjected",
        "PreconditionWarning", "PostconditionWarning", "StepRolledBack", "RollbackFailed",
    }
)  # fmt: skip


def about_a_step(reason: str) -> bool:
    return reason in _ABOUT_STEPS


def hops(before: WorkflowExecution, after: WorkflowExecution) -> tuple[tuple[str, str], ...]:
    """From phase to phase within one write: a rollback that finds nothing to undo begins and ends in the same one,
    and what is found to be changed while it is paused leaves the pause first."""
    source, target = before.status.phase, after.status.phase
    if before.status.rollback_start_time != after.status.rollback_start_time and Phase.ROLLING_BACK not in (
        source,
        target,
    ):
        return ((source, Phase.ROLLING_BACK), (Phase.ROLLING_BACK, target))
    if source == Phase.PAUSED and target in (Phase.FAILED, Phase.COMPLETED) and was_changed(after.status):
        left = before.status.paused_from if before.status.paused_from in _RESUMABLE else Phase.PLANNING
        return ((source, left), (left, target))
    return ((source, target),)


def was_changed(status: WorkflowExecutionStatus) -> bool:
    """Did it end because somebody changed what was planned, or the status itself?"""
    result = status.workflow_result
    return status.failure_reason.startswith(_CHANGED) or (result is not None and result.reason.startswith(_CHANGED))


def _of_workflow(move: WorkflowMove, before: WorkflowExecution, history: History) -> Iterator[Cause]:
    after = move.after
    meta = before.metadata
    about, uid = f"{meta.namespace}/{meta.name}", meta.uid
    if FINALIZER in meta.finalizers and (after is None or FINALIZER not in after.metadata.finalizers):
        yield Cause(move.at, about, (uid, "WorkflowExecutionDeleted", ""))
        if history.audited:
            yield Cause(move.at, about, (uid, "AuditStorageFailed", ""), 0, OFTEN)
    if after is None or before.status is after.status:
        return
    if after.status.phase not in _PHASES:
        yield Cause(move.at, about, (uid, "UnknownPhase", ""), 0, OFTEN)
    told: list[tuple[str, str, int, int]] = []
    old, new = before.status, after.status
    if old.phase != new.phase:
        for source, target in hops(before, after):
            told += _hop(source, target, old, new)
    for one in _turned(old.conditions, new.conditions):
        told += _judged(one[0], one[1], new)
    told += _figures(old, new)
    told += _adjusted(old, new, history.settings)
    for reason, what, least, most in told:
        yield Cause(move.at, about, (uid, reason, what), least, most)


_PHASES: Final = frozenset(str(phase) for phase in Phase)
Telling = tuple[str, str, int, int]


def _once(reason: str, what: str = "") -> Telling:
    return (reason, what, 1, 1)


def _hop(source: str, target: str, old: WorkflowExecutionStatus, new: WorkflowExecutionStatus) -> Iterator[Telling]:
    yield _once("PhaseTransition", f"Phase: {source or 'new'} → {target}")
    match source, target:
        case "", _:
            yield _once("WorkflowExecutionCreated")
        case Phase.PLANNING, Phase.VALIDATING:
            yield _once("PlanCreated")
            yield "HistoryUnavailable", "", 0, 1
            yield "SuggestionIgnored", "", 0, OFTEN
            # What its parent says of its time and makes no sense.
            yield "ValidationWarning", "", 0, 1
        case Phase.VALIDATING, Phase.EXECUTING:
            yield _once("WorkflowValidated")
            results = new.validation_results
            warnings = len(results.validation_errors) if results is not None else 0
            yield "ValidationWarning", "", min(1, warnings), warnings
        case Phase.FAILED, Phase.EXECUTING:
            yield _once("ManualRetry")
        case Phase.MONITORING, Phase.COMPLETED:
            yield "SuccessCriterionUnmet", "", 0, 1
            result = new.workflow_result
            ill = result is not None and bool(result.side_effects)
            if result is not None and ill and result.outcome is WorkflowOutcome.PARTIAL_SUCCESS:
                yield _once("SideEffectsSeen")
        case Phase.MONITORING, _ if new.failure_reason.startswith(_WORSE):
            yield _once("WorkflowIneffective")
    if source == Phase.PAUSED and target in _RESUMABLE:
        yield _once("Resumed")
    if target in _ARRIVALS:
        yield _once(_ARRIVALS[target])


_ARRIVALS: Final[dict[str, str]] = {
    Phase.PAUSED: "Paused",
    Phase.ROLLING_BACK: "RollbackStarted",
    Phase.CANCELLED: "Cancelled",
    Phase.COMPLETED: "WorkflowExecutionCompleted",
    Phase.FAILED: "WorkflowExecutionFailed",
}


def _turned(old: tuple[Condition, ...], new: tuple[Condition, ...]) -> Iterator[tuple[Condition | None, Condition]]:
    """Conditions that are new or say something else, each with what it was."""
    if old is new:
        return
    known = {one.type: one for one in old}
    for one in new:
        before = known.get(one.type)
        if before is not one and (
            before is None or (before.status, before.reason, before.message) != (one.status, one.reason, one.message)
        ):
            yield before, one


def _judged(before: Condition | None, one: Condition, new: WorkflowExecutionStatus) -> Iterator[Telling]:
    turned = before is None or before.status != one.status
    reason = _CONDITIONS.get((one.type, one.status))
    if reason is not None and turned:
        yield _once(reason)
    elif one.type == "Approved":
        yield from _approval(before, one)
    elif one.reason == "Withdrawn" and not one.message.startswith("cancelled"):
        yield _once("RollbackWithdrawn")
    elif one.type in _DECLINED and one.status == "False":
        yield _once(_DECLINED[one.type])
    elif one.type == "RollbackTriggersJudged" and before is None:
        yield _once("RollbackTriggerUnknown")
    elif one.type == "ParentFound" and before is None:
        yield _once("OwnerReferenceFailed" if one.reason == "ParentUnseen" else "ParentMissing")
    elif one.type == "Degraded" and _SLOW in one.message:
        said = one.message[one.message.index(_SLOW) :].split(";", 1)[0]
        if before is None or said not in before.message:
            yield _once("ParallelismReduced")


_CONDITIONS: Final = {
    ("TemplateResolved", "True"): "TemplateResolved",
    ("DryRunSucceeded", "True"): "DryRunCompleted",
    ("DryRunSucceeded", "False"): "DryRunFailed",
    ("Validated", "False"): "WorkflowValidationFailed",
    ("RollbackTriggered", "True"): "RollbackTriggered",
}
_DECLINED: Final = {"Intervened": "InterventionRefused", "RollbackRequested": "RollbackRefused"}


def _approval(before: Condition | None, one: Condition) -> Iterator[Telling]:
    if one.reason == "Granted":
        yield _once("ApprovalReceived")
    elif one.reason == "Rejected":
        yield _once("ApprovalRejected")
    elif one.reason == "Pending":
        if before is None:
            yield _once("ApprovalRequired")
        for reason, words in _IGNORED:
            if words in one.message:
                yield _once(reason)


def _figures(old: WorkflowExecutionStatus, new: WorkflowExecutionStatus) -> Iterator[Telling]:
    """What fields beside phase and conditions tell."""
    if new.queued_steps and not old.queued_steps and new.phase == Phase.EXECUTING and not _by_hand(old, new):
        yield _once("ParallelLimitReached")
    late = "workflow_timeout:"
    if new.failure_reason.startswith(late) and not old.failure_reason.startswith(late):
        yield _once("WorkflowTimeout")
    held, was_held = (one.phase == Phase.ROLLING_BACK and one.paused_at is not None for one in (new, old))
    if held and not was_held:
        yield _once("Paused")
    elif was_held and not held:
        yield _once("Resumed")
    ended, earlier = new.rollback, old.rollback
    if ended is None or ended.end_time is None:
        return
    if earlier is None or (earlier.start_time, earlier.end_time) != (ended.start_time, ended.end_time):
        yield _once("EscalationRequired" if ended.failed else "RollbackCompleted")


def _by_hand(old: WorkflowExecutionStatus, new: WorkflowExecutionStatus) -> bool:
    """Did a person change steps with this write? Then the figures are counted anew, and nothing has begun to wait."""
    return any(one.type == "Intervened" for _, one in _turned(old.conditions, new.conditions))


def _adjusted(old: WorkflowExecutionStatus, new: WorkflowExecutionStatus, settings: Settings) -> Iterator[Telling]:
    before, after = old.adaptive_adjustments, new.adaptive_adjustments
    if before is after:
        return
    began = new.execution_start_time
    counted = 0
    for place, one in enumerate(after):
        noted = one.adjustment_type == "parameter" or (began is not None and one.timestamp >= began)
        counted += noted
        if place >= len(before):
            yield _once("AdaptiveAdjustment")
            if noted and (counted >= settings.adaptations_max or place + 1 >= ADJUSTMENTS_MAX):
                yield _once("AdaptationLimitReached")


def _of_step(move: StepMove, by_hand: bool) -> Iterator[Cause]:
    """`by_hand`: a person had the whole workflow tried again with this write, and that is what is told."""
    workflow, before, after = move.workflow, move.before or _UNTOUCHED, move.after
    meta, number = workflow.metadata, str(after.step_number)
    about, uid = f"{meta.namespace}/{meta.name}", meta.uid
    if move.before is None and after.injected:
        yield Cause(move.at, about, (uid, "StepInjected", number))
    told = [*_warned(before, after), *_moved(before, after)]
    if not by_hand:
        told += _tried_again(before, after)
    for reason, least, most in told:
        yield Cause(move.at, about, (uid, reason, number), least, most)
    if after.status is StepState.COMPLETED and workflow.spec.adaptive_orchestration.dynamic_step_adjustment:
        yield Cause(move.at, about, (uid, "InjectionRefused", ""), 0, OFTEN)


_UNTOUCHED: Final = StepStatus(step_number=1, action="none")
_ENDS: Final = {
    StepState.COMPLETED: "StepCompleted",
    StepState.FAILED: "StepFailed",
    StepState.SKIPPED: "StepSkipped",
    StepState.BLOCKED: "StepBlocked",
    StepState.ROLLED_BACK: "StepRolledBack",
}
Times = tuple[str, int, int]


def _moved(before: StepStatus, after: StepStatus) -> Iterator[Times]:
    tries = len(after.attempts) - len(before.attempts)
    if tries > 0:
        yield "StepExecuting", tries, tries
    # What the end of the workflow leaves behind is told by that end.
    left = after.status is StepState.SKIPPED and after.skip_reason.startswith(_UNSTARTED)
    if before.status is not after.status and after.status in _ENDS and not left:
        yield _ENDS[after.status], 1, 1
    if _undo(after) is UndoState.FAILED and _undo(before) is not UndoState.FAILED:
        yield "RollbackFailed", 1, 1


def _tried_again(before: StepStatus, after: StepStatus) -> Iterator[Times]:
    source, target = before.status, after.status
    if source is StepState.RETRYING:
        # At once, at a person's request.
        if target is source and before.next_retry_time is not None and after.next_retry_time is None:
            yield "StepRetrying", 1, 1
    elif source is StepState.EXECUTING:
        again = target is StepState.RETRYING or len(after.attempts) > len(before.attempts)
        # Where the workflow ends in the same write, nothing comes of it.
        if again or target is StepState.FAILED:
            yield "StepRetrying", int(again), 1
    elif source in (StepState.FAILED, StepState.BLOCKED) and target in (StepState.RETRYING, StepState.PENDING):
        yield "StepRetrying", 1, 1


def _warned(before: StepStatus, after: StepStatus) -> Iterator[Times]:
    """Conditions that are not required and did not hold: told when the step goes on without them."""
    if joins(before, after) and (missed := _missed(after.pre_condition_results)):
        yield "PreconditionWarning", 1, len(missed)
    if by_itself(before, after) and (missed := _missed(after.post_condition_results)):
        yield "PostconditionWarning", int(any(one.evaluation_time is not None for one in missed)), len(missed)


def joins(before: StepStatus, after: StepStatus) -> bool:
    """Has it started or begun to wait for a place, for the first time?"""
    return before.ready_time is None and not before.attempts and after.ready_time is not None


def by_itself(before: StepStatus, after: StepStatus) -> bool:
    """Has it completed by its last attempt, and not by a person's word?"""
    ended = before.status is StepState.EXECUTING and after.status is StepState.COMPLETED
    return ended and bool(after.attempts) and after.attempts[-1].phase == StepState.COMPLETED


def _missed(results: tuple[ConditionResult, ...]) -> list[ConditionResult]:
    return [one for one in results if not one.passed]


def _undo(step: StepStatus) -> UndoState | None:
    return step.rollback.status if step.rollback is not None else None


def _of_answers(history: History, uids: dict[str, dict[str, None]]) -> Iterator[Cause]:
    """What the server's answers to the controllers give cause to tell; `uids`: who bore that name, in that order."""
    for write in history.writes:
        body = write.body
        if not isinstance(body, PatchStatus | PatchMetadata | DeleteExecution | CreateExecution):
            continue
        if write.code is Code.OK and not (isinstance(body, DeleteExecution) and body.key.kind is Kind.WORKFLOW):
            continue
        if body.key.kind is Kind.WORKFLOW:
            abouts = [f"{body.key.namespace}/{body.key.name}"]
        else:
            abouts = [about for about in uids if about.startswith(f"{body.key.namespace}/")]
        for about in abouts:
            for uid in uids.get(about, ()):
                for reason in ("OrphanDeleted",) if write.code is Code.OK else _REFUSED:
                    yield Cause(write.at, about, (uid, reason, ""), 0, OFTEN)


_REFUSED: Final = ("WriteRefused", "OwnerReferenceFailed", "OrphanNotDeleted", "OrphanDeleted")
