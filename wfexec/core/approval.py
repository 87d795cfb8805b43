"""A person's word before anything runs: is it needed, has it been given, by somebody who may? (BR-WF-018, BR-WF-169)

Called at the end of the validating phase, when nothing else stands in the way.
"""

from wfexec.core.draft import Draft
from wfexec.core.ending import fail
from wfexec.model.base import clip, evolve
from wfexec.model.facts import AccessFacts, AskAccess
from wfexec.model.meta import (
    ANNOTATION_APPROVAL,
    ANNOTATION_APPROVAL_REASON,
    ANNOTATION_APPROVAL_SOURCE,
    ANNOTATION_APPROVED_BY,
    ANNOTATION_PRE_APPROVED,
    WORKFLOW_GROUP,
    WORKFLOW_PLURAL,
)
from wfexec.model.phases import ErrorType
from wfexec.model.status import ValidationResults


def refuse(draft: Draft, reason: str, message: str, error: ErrorType) -> None:
    """Validation ends here, and the workflow with it."""
    draft.condition("Validated", False, "ValidationFailed", message)
    draft.event("Warning", "WorkflowValidationFailed", f"{reason}: {message}")
    draft.count("workflowexecution_validation_failures_total")
    fail(draft, f"{reason}: {message}", error)


def approval(draft: Draft, validation: ValidationResults, began: int) -> ValidationResults | None:
    """The results with the approval in them; None while waiting or once refused (BR-WF-018, BR-WF-169)."""
    needed = _approval_needed(draft)
    if not needed:
        return validation
    marks = draft.workflow.metadata.annotations
    if marks.get(ANNOTATION_PRE_APPROVED) == "true":
        who = clip(marks.get(ANNOTATION_APPROVAL_SOURCE, "parent"), 253)
        return _granted(draft, validation, who, "approved before the workflow was created")
    decision, who = marks.get(ANNOTATION_APPROVAL, ""), clip(marks.get(ANNOTATION_APPROVED_BY, ""), 253)
    deadline = began + draft.settings.approval_timeout + draft.get("paused_total")
    if draft.now > deadline:
        draft.condition("Approved", False, "Expired", "nobody decided in time")
        refuse(draft, "approval_timeout", "no valid decision in time", ErrorType.TIMEOUT)
        return None
    if decision in ("approved", "rejected") and _may_decide(draft, who):
        reason = clip(marks.get(ANNOTATION_APPROVAL_REASON, ""))
        if decision == "approved":
            return _granted(draft, validation, who, reason)
        draft.condition("Approved", False, "Rejected", f"by {who}: {reason}")
        draft.event("Warning", "ApprovalRejected", f"rejected by {who}: {reason}")
        refuse(draft, "approval_rejected", f"rejected by {who}: {reason}", ErrorType.REJECTED)
        return None
    _wait_for_approval(draft, needed, deadline)
    return None


def _approval_needed(draft: Draft) -> str:
    """Why approval is needed; "" when it is not."""
    count, threshold = len(draft.recipe.steps), draft.settings.complexity_approval_threshold
    if draft.workflow.spec.execution_strategy.approval_required:
        return "executionStrategy.approvalRequired is set"
    if count > threshold:
        return f"{count} steps are more than complexity-approval-threshold {threshold}"
    return ""


def _may_decide(draft: Draft, who: str) -> bool:
    """The decider must hold the verb `approve`; without an answer yet, it is asked and the wait goes on."""
    if not who:
        return False
    meta = draft.workflow.metadata
    question = AskAccess(who, "approve", WORKFLOW_GROUP, WORKFLOW_PLURAL, meta.namespace, meta.name)
    answer = draft.snapshot.answers.get(question)
    if answer is None:
        draft.questions.append(question)
        return False
    if isinstance(answer.facts, AccessFacts) and answer.facts.allowed:
        return True
    draft.condition("Approved", False, "Pending", f"the decision of {who} is ignored: no right to approve")
    return False


def _granted(draft: Draft, validation: ValidationResults, who: str, reason: str) -> ValidationResults:
    draft.condition("Approved", True, "Granted", f"by {who}")
    draft.event("Normal", "ApprovalReceived", f"approved by {who}")
    return evolve(
        validation, approval_received=True, approval_timestamp=draft.now, approved_by=who, approval_reason=reason
    )


def _wait_for_approval(draft: Draft, needed: str, deadline: int) -> None:
    """Nothing is polled: an annotation is a change of the object and brings us back (BR-WF-018)."""
    if not any(condition.type == "Approved" for condition in draft.get("conditions")):
        draft.condition("Approved", False, "Pending", needed)
        draft.set(message=clip(f"waiting for approval: {needed}"))
        draft.event("Normal", "ApprovalRequired", needed)
    draft.wake(deadline + 1)
