"""How much time does its parent give a workflow that does not say it itself (BR-WF-TIMEOUT-001)?

Called by `start`. What the RemediationRequest says at planning is written into the plan and counts from there on, so
that neither a restart nor a later change of the parent moves the deadline. A parent that is gone, cannot be read or
says nothing leaves it to the number of steps; nobody is refused for it.
"""

from typing import Final

from wfexec.core.draft import Draft
from wfexec.core.parents import living, stranger
from wfexec.model.base import evolve
from wfexec.model.facts import AskParent, ParentFacts
from wfexec.model.phases import Phase
from wfexec.model.status import ExecutionPlan

# How long planning waits to be told; what is told later still counts, as long as nothing is executed.
PATIENCE_MS: Final = 5_000


def awaits_word(draft: Draft) -> bool:
    """Ask, unless it is known or not needed; is it worth waiting for the answer?"""
    question = _question_of(draft)
    if question is None or question in draft.snapshot.answers:
        return False
    # Whose the workflow is may be asked in the same words.
    if question not in draft.questions:
        draft.questions.append(question)
    until = (draft.get("planning_start_time") or draft.now) + PATIENCE_MS
    if draft.now >= until:
        return False
    draft.wake(until)
    return True


def allow(draft: Draft) -> None:
    """Write into the plan what the parent gives, if that is known and not written yet."""
    plan: ExecutionPlan | None = draft.get("execution_plan")
    question = _question_of(draft)
    if plan is None or plan.timeout is not None or question is None:
        return
    answer = draft.snapshot.answers.get(question)
    if answer is None or living(answer, draft.workflow.spec.remediation_request_ref) is None:
        return
    facts = answer.facts
    assert isinstance(facts, ParentFacts)
    if facts.workflow_timeout is not None:
        draft.set(execution_plan=evolve(plan, timeout=facts.workflow_timeout))
    elif facts.complaint and draft.status.phase == Phase.PLANNING:
        message = f"RemediationRequest {question.name!r}: {facts.complaint}; the number of steps decides"
        draft.event("Warning", "ValidationWarning", message)


def _question_of(draft: Draft) -> AskParent | None:
    meta, spec = draft.workflow.metadata, draft.workflow.spec
    if spec.timeout is not None or stranger(meta, spec.remediation_request_ref):
        return None
    return AskParent(meta.namespace, spec.remediation_request_ref.name)
