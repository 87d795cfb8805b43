"""May this person decide about workflows? (BR-WF-018, BR-WF-052)

Where an admission policy guards the annotations, it has checked the requester already, groups and all. Elsewhere the
name in the annotation must be one of the setting `approvers` or pass an access review.
"""

from typing import Final

from wfexec.core.draft import Draft
from wfexec.core.when import facts_there
from wfexec.model.facts import AccessFacts, AskAccess, Unknown
from wfexec.model.meta import WORKFLOW_GROUP, WORKFLOW_PLURAL

GUARDED: Final = "ApprovalGuarded"


def may_decide(draft: Draft, who: str) -> bool | None:
    """Does `who` hold the verb `approve` on this workflow? None: it has been asked and is not known yet."""
    if draft.snapshot.bearings.guarded:
        return True
    if not who:
        return False
    if who in draft.settings.approvers:
        return True
    question = _question(draft, who)
    if not facts_there(draft, (question,), 0):
        return None
    facts = draft.snapshot.answers[question].facts
    return isinstance(facts, AccessFacts) and facts.allowed


def ask_again(draft: Draft, who: str) -> str:
    """Why `who` may not decide; the right may be granted while the word stands there, so it is asked for again."""
    question = _question(draft, who)
    answer = draft.snapshot.answers[question]
    again = answer.at + draft.settings.requeue_approval
    if draft.now >= again:
        draft.questions.append(question)
    else:
        draft.wake(again)
    facts = answer.facts
    return f"nobody can say whether they may: {facts.reason}" if isinstance(facts, Unknown) else "no right to approve"


def tell_guard(draft: Draft) -> None:
    """Say where the word of a person is only claimed."""
    guarded = draft.snapshot.bearings.guarded
    if guarded:
        if any(condition.type == GUARDED for condition in draft.get("conditions")):
            draft.condition(GUARDED, True, "AdmissionPolicy", "an admission policy guards the annotations")
        return
    what = "no admission policy guards the annotations"
    if guarded is None:
        what = "whether an admission policy guards the annotations cannot be seen"
    draft.condition(GUARDED, False, "NoAdmissionPolicy", f"{what}: the right of the named user is asked for instead")


def _question(draft: Draft, who: str) -> AskAccess:
    meta = draft.workflow.metadata
    return AskAccess(who, "approve", WORKFLOW_GROUP, WORKFLOW_PLURAL, meta.namespace, meta.name)
