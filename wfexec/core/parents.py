"""Whose is this workflow, and who deletes it when nobody's? Its RemediationRequest, unless that is gone (BR-WF-001).

Called by `decide`. The parent owns its workflow, so that both end together; where it did not say so itself, the owner
reference is added here. Neither a missing parent nor a refused reference ever holds a workflow up.
"""

from typing import Final

from wfexec.core.draft import Draft
from wfexec.model.facts import Answer, AskParent, ParentFacts, Unknown
from wfexec.model.meta import REMEDIATION_API, REMEDIATION_KIND, ObjectMeta, ObjectReference, OwnerReference
from wfexec.model.plan import NOTHING, EventRecord, MetadataChange, Plan
from wfexec.model.snapshot import Snapshot
from wfexec.settings import Settings

# Says that nobody owns this workflow, and that whoever looks at it need not ask again.
PARENT_FOUND: Final = "ParentFound"
# How often an orphan is looked at whose parent nobody could tell about, or whose deletion was refused.
RETENTION_CHECK_MS: Final = 3_600_000


def look_for_parent(draft: Draft) -> Plan | tuple[str, str] | None:
    """The plan that names the parent as owner, for a workflow that has none, or why it has none: reason and message.

    A plan of its own: if the API server refuses it, nothing else is refused with it. None: nothing to say just now.
    """
    meta, spec = draft.workflow.metadata, draft.workflow.spec
    # Asked at every look: most often a condition has the answer.
    for one in draft.status.conditions:
        if one.type == PARENT_FOUND:
            return None
    if _has_parent(meta):
        return None
    reference, settings = spec.remediation_request_ref, draft.settings
    elsewhere = stranger(meta, reference)
    if elsewhere:
        return "ParentElsewhere", elsewhere
    refused_at = draft.snapshot.refused_at
    if refused_at is not None and draft.now < refused_at + settings.requeue_error:
        draft.wake(refused_at + settings.requeue_error)
        return None
    question = AskParent(meta.namespace, reference.name)
    answer = draft.snapshot.answers.get(question)
    # After a refusal some time has passed: the parent may have gone meanwhile.
    if answer is None or (refused_at is not None and answer.at <= refused_at):
        draft.questions.append(question)
        return None
    facts = answer.facts
    if isinstance(facts, Unknown):
        if not facts.transient:
            return "ParentUnseen", f"whether RemediationRequest {reference.name!r} exists: {facts.reason}"
        if draft.now < answer.at + settings.requeue_error:
            draft.wake(answer.at + settings.requeue_error)
        else:
            draft.questions.append(question)
        return None
    uid = living(answer, reference)
    if uid is None:
        return "ParentMissing", f"RemediationRequest {reference.name!r} does not exist; nobody owns this workflow"
    # Where the finalizer is missing, that comes first.
    return None if draft.metadata is not None else _adoption(meta, reference, uid)


def tell_alone(draft: Draft, reason: str, message: str) -> None:
    """Said once, with the next write of the status; then nobody asks again."""
    if not draft.writes:
        return
    draft.condition(PARENT_FOUND, False, reason, message)
    draft.event("Warning", "OwnerReferenceFailed" if reason == "ParentUnseen" else "ParentMissing", message)


def retention(snapshot: Snapshot, now: int, settings: Settings) -> Plan:
    """What becomes of a workflow that has ended: its parent deletes it; we do, where it has none (BR-WF-001)."""
    workflow = snapshot.workflow
    meta, reference = workflow.metadata, workflow.spec.remediation_request_ref
    ended = workflow.status.completion_time or meta.creation_timestamp
    if not settings.manage_orphan_retention or meta.owner_references or ended is None:
        return NOTHING
    due = ended + settings.orphan_retention
    if now < due:
        return Plan(wake_at=due)
    refused_at = snapshot.refused_at
    if refused_at is not None and now < refused_at + RETENTION_CHECK_MS:
        return Plan(wake_at=refused_at + RETENTION_CHECK_MS)
    if not stranger(meta, reference):
        question = AskParent(meta.namespace, reference.name)
        answer = snapshot.answers.get(question)
        if answer is None or answer.at < due:
            return Plan(questions=(question,))
        if isinstance(answer.facts, Unknown):
            again = answer.at + RETENTION_CHECK_MS
            return Plan(wake_at=again) if now < again else Plan(questions=(question,))
        uid = living(answer, reference)
        if uid is not None:
            return _adoption(meta, reference, uid)
    message = "it ended long ago and has no living parent"
    return Plan(expired=True, records=(EventRecord("Normal", "OrphanDeleted", message),))


def _has_parent(meta: ObjectMeta) -> bool:
    return any(owner.kind == REMEDIATION_KIND for owner in meta.owner_references)


def stranger(meta: ObjectMeta, reference: ObjectReference) -> str:
    """Why what is referred to can own nothing here; "" if it can."""
    if reference.kind not in ("", REMEDIATION_KIND):
        return f"what it was made for is a {reference.kind}, not a RemediationRequest"
    if reference.namespace not in ("", meta.namespace):
        # An owner in another namespace is taken for a missing one, and its dependents are collected.
        return f"RemediationRequest {reference.name!r} is in namespace {reference.namespace}; no owner can be"
    return ""


def living(answer: Answer, reference: ObjectReference) -> str | None:
    """The parent's uid; None: it is gone, or another one of its name stands there now."""
    facts = answer.facts
    uid = facts.uid if isinstance(facts, ParentFacts) else ""
    return uid if uid and reference.uid in ("", uid) else None


def _adoption(meta: ObjectMeta, reference: ObjectReference, uid: str) -> Plan:
    controlled = any(owner.controller for owner in meta.owner_references)
    owner = OwnerReference(
        api_version=REMEDIATION_API, kind=REMEDIATION_KIND, name=reference.name, uid=uid, controller=not controlled
    )
    return Plan(metadata=MetadataChange(owner_references=(*meta.owner_references, owner)))
