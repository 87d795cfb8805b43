"""Owners, expiry and the leaving of what cannot be read, as the engine carries them out (BR-WF-001)."""

import pytest

from tests.unit.engine.support import T0, Brain, Hand, child, no, ok, status, unreadable, workflow, workflow_key
from wfexec.core.decide import decide
from wfexec.model.base import evolve
from wfexec.model.facts import FORBIDDEN_MS
from wfexec.model.meta import FINALIZER, OwnerReference
from wfexec.model.plan import Copy, EventRecord, MetadataChange, Plan
from wfexec.model.requests import (
    Change,
    Code,
    CreateExecution,
    DeleteExecution,
    DropCopy,
    EventWrites,
    GetObject,
    KeepCopy,
    Kind,
    Outcome,
    PatchMetadata,
    PatchStatus,
)
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


KEPT = Copy("kubernaut-system", "workflow-copy-uid-wf", {"1": "{}"})
STARTED = EventRecord("Normal", "StepExecuting", "step 1")
STARTS = Plan(status=status("executing"), creates=(child(),), keeps=KEPT, records=(STARTED,))


DENIED = "admission webhook denied the request"
DROPS = Plan(metadata=MetadataChange(finalizers=()), drops=KEPT)


@pytest.mark.parametrize("outcome", [ok(), no(Code.ALREADY_EXISTS), no(Code.FORBIDDEN, DENIED), no(Code.INVALID)])
def test_a_copy_is_made_before_the_status_and_what_is_refused_for_good_is_done_without(outcome: Outcome) -> None:
    hand = Hand(Brain(STARTS))
    hand.boot([workflow(version=40)])
    assert hand.outstanding(PatchStatus) == []
    hand.reply(KeepCopy, outcome)
    hand.reply(PatchStatus, ok(workflow(version=120, phase="executing")))
    assert len(hand.outstanding(CreateExecution)) == 1
    assert reasons(hand) == ["StepExecuting"]


@pytest.mark.parametrize("code", [Code.LOST, Code.THROTTLED, Code.UNAVAILABLE])
def test_while_nobody_knows_whether_there_is_a_copy_nothing_starts(code: Code) -> None:
    brain = Brain(STARTS, STARTS)
    hand = Hand(brain)
    hand.boot([workflow(version=40)])
    hand.reply(KeepCopy, no(code))
    assert (hand.outstanding(PatchStatus), hand.outstanding(EventWrites)) == ([], [])
    hand.after(DEFAULTS.requeue_error)
    assert len(brain.looks) == 2
    assert hand.one(KeepCopy).copy == KEPT


def test_a_copy_that_is_refused_is_done_without_once_the_refusal_has_lasted() -> None:
    brain = Brain(*[STARTS] * 30)
    hand = Hand(brain)
    hand.boot([workflow(version=40)])
    began = hand.now
    while not hand.outstanding(PatchStatus):
        for _ in hand.outstanding(KeepCopy):
            hand.reply(KeepCopy, no(Code.FORBIDDEN, "no right"))
        if not hand.outstanding(PatchStatus):
            hand.sleep()
    assert FORBIDDEN_MS <= hand.now - began <= FORBIDDEN_MS + DEFAULTS.requeue_error
    failure = brain.looks[-1].create_failures[KEPT.name]
    assert (failure.code, failure.since) == ("forbidden", began)


@pytest.mark.parametrize("outcome", [ok(), no(Code.NOT_FOUND), no(Code.FORBIDDEN, DENIED)])
def test_a_copy_goes_before_the_finalizer_and_never_holds_it(outcome: Outcome) -> None:
    hand = Hand(Brain(DROPS))
    hand.boot([workflow(version=40)])
    assert hand.outstanding(PatchMetadata) == []
    hand.reply(DropCopy, outcome)
    assert hand.one(PatchMetadata).resource_version == "40"


def test_a_copy_that_may_not_be_dropped_is_left_behind_once_the_refusal_has_lasted() -> None:
    hand = Hand(Brain(*[DROPS] * 30))
    hand.boot([workflow(version=40)])
    began = hand.now
    while not hand.outstanding(PatchMetadata):
        for _ in hand.outstanding(DropCopy):
            hand.reply(DropCopy, no(Code.FORBIDDEN, "no right"))
        if not hand.outstanding(PatchMetadata):
            hand.sleep()
    assert FORBIDDEN_MS <= hand.now - began <= FORBIDDEN_MS + DEFAULTS.requeue_error


LETS_GO = Plan(MetadataChange(finalizers=()), records=(EventRecord("Normal", "WorkflowExecutionDeleted", "deleted"),))
LEAVING = workflow(version=40, deletion_timestamp=T0, finalizers=(FINALIZER,))


@pytest.mark.parametrize("found", ["gone", "held by others", "as it was", "seen to go"])
def test_when_the_last_reply_is_lost_the_read_decides_whether_it_was_let_go(found: str) -> None:
    hand = Hand(Brain(LETS_GO))
    hand.boot([LEAVING])
    if found == "seen to go":
        hand.seen(Change.DELETED, evolve(LEAVING, metadata=evolve(LEAVING.metadata, resource_version="130")))
    hand.reply(PatchMetadata, no(Code.LOST))
    if found != "seen to go":
        hand.after(DEFAULTS.requeue_error)
        there = {
            "gone": no(Code.NOT_FOUND),
            "held by others": ok(workflow(version=120, deletion_timestamp=T0)),
            "as it was": ok(LEAVING),
        }
        hand.reply(GetObject, there[found])
    if found == "as it was":
        assert hand.outstanding(EventWrites) == []
    else:
        assert reasons(hand) == ["WorkflowExecutionDeleted"]
