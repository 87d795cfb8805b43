"""The final record is kept before anything else happens to what is deleted, and holds up nobody else (BR-WF-001)."""

import pytest

from tests.unit.engine.support import T0, TRUSTING, Brain, Hand, child, no, ok, status, workflow
from wfexec.engine.ledger import ROWS_MAX, Ledger
from wfexec.model.audit import FinalRecord
from wfexec.model.plan import Copy, EventRecord, MetadataChange, Plan
from wfexec.model.requests import (
    Code,
    CreateExecution,
    CreateLease,
    DropCopy,
    EventWrites,
    GetLease,
    KeepRows,
    Lease,
    Outcome,
    PatchMetadata,
    PatchStatus,
    StopAsked,
)

MINUTE = 60_000
TROUBLES = [Code.LOST, Code.UNAVAILABLE, Code.THROTTLED, Code.FORBIDDEN, Code.INVALID, Code.CONFLICT, Code.NOT_FOUND]


def row(name: str = "wf") -> FinalRecord:
    told = ("WorkflowExecution", "prod", name, "", "c", "rr", "d", "1", "completed", "success", "", "passed")
    return FinalRecord(f"uid-{name}", *told, 1, 2, 3, 1, 1, 0)


def letting_go(name: str = "wf", wake_at: int | None = T0 + 5 * MINUTE, drops: Copy | None = None) -> Plan:
    records = (EventRecord("Normal", "WorkflowExecutionDeleted", "deleted"),)
    return Plan(MetadataChange(finalizers=()), records=records, final=row(name), wake_at=wake_at, drops=drops)


def reasons(hand: Hand) -> list[str]:
    return [write.reason for write in hand.one(EventWrites).writes] if hand.outstanding(EventWrites) else []


def rows(hand: Hand) -> list[str]:
    """Whose are on their way, in the one request that there may be."""
    found: list[str] = [one.uid for one in hand.one(KeepRows).rows]
    return found


def gone() -> Outcome:
    return ok(workflow(version=120, deletion_timestamp=T0))


def test_first_the_record_then_the_copy_then_the_finalizer() -> None:
    copy = Copy("kubernaut-system", "workflow-copy-uid-wf", {})
    hand = Hand(Brain(letting_go(drops=copy)))
    hand.boot([workflow(version=40)])
    assert hand.one(KeepRows) == KeepRows((row(),))
    assert (hand.outstanding(DropCopy), hand.outstanding(PatchMetadata)) == ([], [])
    hand.reply(KeepRows, ok())
    assert hand.outstanding(PatchMetadata) == []
    hand.reply(DropCopy, ok())
    assert reasons(hand) == []
    hand.reply(PatchMetadata, gone())
    assert reasons(hand) == ["WorkflowExecutionDeleted"]


@pytest.mark.parametrize("code", TROUBLES)
def test_whatever_the_store_says_but_yes_the_finalizer_stays_and_somebody_tries_again(code: Code) -> None:
    brain = Brain(letting_go(), letting_go(), letting_go())
    hand = Hand(brain)
    hand.boot([workflow(version=40)])
    hand.reply(KeepRows, no(code, "the password=hunter22 is wrong"))
    assert hand.outstanding(PatchMetadata) == []
    assert reasons(hand) == ["AuditStorageFailed"]
    assert "hunter22" not in hand.one(EventWrites).writes[0].message
    hand.reply(EventWrites, ok())
    hand.sleep()
    assert [look.unkept_at for look in brain.looks] == [None, T0]
    hand.reply(KeepRows, no(code))
    assert reasons(hand) == []
    hand.sleep()
    hand.reply(KeepRows, ok())
    assert len(hand.outstanding(PatchMetadata)) == 1


def test_a_store_that_stays_down_is_not_asked_in_a_loop_and_the_end_of_the_grace_is_not_slept_through() -> None:
    brain = Brain(*[letting_go(wake_at=T0 + MINUTE)] * 60)
    hand = Hand(brain)
    hand.boot([workflow(version=40)])
    while hand.now < T0 + MINUTE:
        hand.reply(KeepRows, no(Code.UNAVAILABLE))
        for _ in hand.outstanding(EventWrites):
            hand.reply(EventWrites, ok())
        while not hand.outstanding(KeepRows):
            hand.sleep()
    assert hand.now == T0 + MINUTE
    assert len(brain.looks) < 20


def test_a_last_try_without_an_alarm_is_followed_by_a_look_at_once() -> None:
    brain = Brain(letting_go(wake_at=None), Plan(MetadataChange(finalizers=())))
    hand = Hand(brain)
    hand.boot([workflow(version=40)])
    hand.reply(KeepRows, no(Code.LOST))
    hand.after(1)
    assert brain.looks[1].unkept_at == T0
    assert len(hand.outstanding(PatchMetadata)) == 1


def test_a_store_that_hangs_takes_no_place_and_many_deletions_wait_for_one_request() -> None:
    """One place for all requests to the API server, and a store that does not answer."""
    names = [f"w{number}" for number in range(5)]
    plans = [letting_go(name) for name in names]
    starts = Plan(status=status("executing"), creates=(child(),))
    hand = Hand(Brain(*plans, starts), settings=TRUSTING.model_copy(update={"workers": 1}))
    hand.boot([*(workflow(name, 40 + number) for number, name in enumerate(names)), workflow(version=50)])
    assert rows(hand) == [f"uid-{name}" for name in names]
    hand.reply(PatchStatus, ok(workflow(version=121, phase="executing")))
    assert len(hand.outstanding(CreateExecution)) == 1


def test_a_reply_that_comes_when_the_lease_is_lost_leads_to_nothing() -> None:
    hand = Hand(Brain(letting_go(), letting_go("v2")), leader_election=True)
    held = Lease("workflow-execution.kubernaut.io", "kubernaut-system", "5", "me", 15_000, T0, T0, 1)
    hand.reply(GetLease, no(Code.NOT_FOUND))
    hand.reply(CreateLease, ok(held))
    hand.boot([workflow(version=40), workflow("v2", 41)])
    first = hand.request(KeepRows)
    hand.after(TRUSTING.lease_renew_deadline)
    assert not hand.controller.leading
    hand.answer(first, ok())
    assert hand.outstanding(PatchMetadata) == []
    assert hand.outstanding(KeepRows) == []


def test_who_is_told_to_stop_waits_for_the_store_but_not_for_ever() -> None:
    hand = Hand(Brain(letting_go()))
    hand.boot([workflow(version=40)])
    hand.controller.feed(StopAsked(), hand.now)
    hand.take()
    assert not hand.controller.stopped
    hand.after(2 * TRUSTING.request_timeout)
    assert hand.controller.stopped


def test_what_waits_travels_together_and_up_to_a_bound() -> None:
    ledger = Ledger()
    heard: list[tuple[int, Code]] = []

    def written(body: KeepRows, number: int, outcome: Outcome, now: int) -> None:
        heard.append((number, outcome.code))

    for number in range(ROWS_MAX + 3):
        ledger.waiting.append((KeepRows((row(f"w{number}"),)), written, number))
    taken = ledger.take()
    assert taken is not None and len(taken.rows) == ROWS_MAX
    assert ledger.take() is None and ledger.busy
    ledger.replied(taken, None, no(Code.LOST), T0)
    assert heard == [(number, Code.LOST) for number in range(ROWS_MAX)]
    rest = ledger.take()
    assert rest is not None and [one.name for one in rest.rows] == [
        f"w{number}" for number in range(ROWS_MAX, ROWS_MAX + 3)
    ]
    ledger.replied(rest, None, ok(), T0)
    assert not ledger.busy
