"""May this person decide about workflows? (BR-WF-018, BR-WF-052)

Where an admission policy guards the annotations, it has checked the requester already, groups and all. Elsewhere the
name in the annotation must pass an access review.
"""

from wfexec.core.draft import Draft
from wfexec.model.facts import AccessFacts, AskAccess
from wfexec.model.meta import WORKFLOW_GROUP, WORKFLOW_PLURAL


def may_decide(draft: Draft, who: str) -> bool | None:
    """Does `who` hold the verb `approve` on this workflow? None: it has been asked and is not known yet."""
    if draft.snapshot.bearings.guarded:
        return True
    if not who:
        return False
    meta = draft.workflow.metadata
    question = AskAccess(who, "approve", WORKFLOW_GROUP, WORKFLOW_PLURAL, meta.namespace, meta.name)
    answer = draft.snapshot.answers.get(question)
    if answer is None:
        draft.questions.append(question)
        return None
    return isinstance(answer.facts, AccessFacts) and answer.facts.allowed
