"""Owners, expiry and the leaving of what cannot be read, as the engine carries them out (BR-WF-001)."""

from tests.unit.engine.support import T0, Brain, Hand, no, ok, unreadable, workflow, workflow_key
from wfexec.core.decide import decide
from wfexec.model.base import evolve
from wfexec.model.meta import FINALIZER, OwnerReference
from wfexec.model.plan import EventRecord, MetadataChange, Plan
from wfexec.model.requests import Change, Code, DeleteExecution, EventWrites, GetObject, Kind, PatchMetadata
from wfexec.settings import DEFAULTS

OWNER = OwnerReference(api_version="v1", kind="RemediationRequest", name="rr", uid="uid-rr", controller=True)
ADOPTION = Plan(metadata=MetadataChange(owner_references=(OWNER,)))
EXPIRY = Plan(expired=True, records=(EventRecord("Normal", "OrphanDeleted", "it ended long ago"),))
HOUR = 3_600_000


def reasons(hand: Hand) -> list[str]:
    return [write.reason for write in hand.one(EventWrites).writes]


def test_a_refused_owner_reference_is_told_and_what_follows_knows_of_it() -> None:
    brain = Brain(ADOPTION, Plan(wake_at=T0 + HOUR))
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(PatchMetadata, no(Code.FORBIDDEN, "no right"))
    assert [look.refused_at for look in brain.looks] == [None, T0]
    assert reasons(hand) == ["OwnerReferenceFailed"]


def test_a_refused_finalizer_is_waited_out_as_any_other_write() -> None:
    brain = Brain(Plan(metadata=MetadataChange(finalizers=(FINALIZER,))), Plan())
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(PatchMetadata, no(Code.FORBIDDEN))
    assert len(brain.looks) == 1
    hand.after(DEFAULTS.requeue_error)
    assert [look.refused_at for look in brain.looks] == [None, None]


def test_an_expired_workflow_is_deleted_as_it_was_seen_and_read_before_anything_else() -> None:
    brain = Brain(EXPIRY)
    hand = Hand(brain)
    hand.boot([workflow(version=40)])
    deletion = hand.one(DeleteExecution)
    assert deletion == DeleteExecution(workflow_key(), "uid-wf", "40")
    hand.reply(DeleteExecution, ok())
    assert reasons(hand) == ["OrphanDeleted"]
    assert len(brain.looks) == 1
    held = workflow(version=120, deletion_timestamp=T0, finalizers=(FINALIZER,))
    hand.reply(GetObject, ok(held))
    assert brain.looks[1].workflow == held


def test_a_refused_deletion_is_told_and_waits_for_what_the_core_says() -> None:
    brain = Brain(EXPIRY, Plan(wake_at=T0 + HOUR), Plan())
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(DeleteExecution, no(Code.FORBIDDEN, "no right"))
    assert reasons(hand) == ["OrphanNotDeleted"]
    assert brain.looks[1].refused_at == T0
    hand.after(HOUR - 1)
    assert len(brain.looks) == 2
    hand.after(1)
    assert len(brain.looks) == 3


def test_an_object_that_cannot_be_read_is_let_go_when_somebody_deletes_it() -> None:
    hand = Hand(decide)
    stored = unreadable(Kind.WORKFLOW, "wf", 40)
    held = evolve(stored.metadata, finalizers=("other/keep", FINALIZER))
    hand.boot([stored._replace(metadata=held)])
    assert hand.outstanding(PatchMetadata) == []
    leaving = evolve(held, deletion_timestamp=T0, resource_version="120")
    hand.seen(Change.MODIFIED, stored._replace(metadata=leaving))
    written = hand.one(PatchMetadata)
    assert written.resource_version == "120"
    assert written.change == MetadataChange(finalizers=("other/keep",))
