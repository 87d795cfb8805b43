"""Who may write, and how it ends: the fence in front of every write, and the graceful stop."""

from tests.unit.engine.support import T0, Brain, Hand, bodies, child, no, ok, status, workflow
from wfexec.model.facts import AskNodes
from wfexec.model.meta import LEASE_NAME
from wfexec.model.plan import CountRecord, EventRecord, Plan
from wfexec.model.requests import (
    Ask,
    Change,
    Code,
    CreateExecution,
    CreateLease,
    EventWrites,
    GetLease,
    GetObject,
    Lease,
    PatchStatus,
    StopAsked,
    UpdateLease,
)
from wfexec.settings import DEFAULTS, Settings

START = Plan(status=status("executing"), creates=(child(),))
DEADLINE = DEFAULTS.lease_renew_deadline


def lease(holder: str, version: int = 1) -> Lease:
    return Lease(LEASE_NAME, "kubernaut-system", str(version), holder, DEFAULTS.lease_duration, T0, T0, 1)


def leader(brain: Brain, settings: Settings = DEFAULTS) -> Hand:
    hand = Hand(brain, leader_election=True, settings=settings)
    hand.reply(GetLease, no(Code.NOT_FOUND))
    claim = hand.one(CreateLease)
    hand.reply(CreateLease, ok(claim.lease._replace(resource_version="1")))
    assert hand.controller.leading
    return hand


def test_a_standby_follows_the_world_but_decides_and_writes_nothing() -> None:
    brain = Brain(START)
    hand = Hand(brain, leader_election=True)
    hand.reply(GetLease, ok(lease("other")))
    hand.boot([workflow()])
    hand.seen(Change.ADDED, child(version=110))
    assert hand.controller.synced
    assert not hand.controller.leading
    assert brain.looks == []
    assert set(bodies(hand.sent)) == {"WatchObjects"}


def test_whoever_becomes_leader_looks_at_everything_as_it_is_by_then() -> None:
    brain = Brain()
    hand = Hand(brain, leader_election=True)
    hand.reply(GetLease, ok(lease("other")))
    hand.boot([workflow("a"), workflow("b")])
    hand.seen(Change.MODIFIED, workflow("a", 120))
    hand.sleep()
    hand.reply(GetLease, ok(lease("", 2)))
    claim = hand.one(UpdateLease)
    hand.reply(UpdateLease, ok(claim.lease._replace(resource_version="3")))
    seen = {look.workflow.metadata.name: look.workflow.metadata.resource_version for look in brain.looks}
    assert seen == {"a": "120", "b": "1"}
    # Nothing could be asked before: limits for what must be asked know it.
    assert {look.awake_since for look in brain.looks} == {hand.now}
    assert hand.now > T0


def test_who_leads_already_could_ask_from_when_all_was_listed_on() -> None:
    brain = Brain()
    hand = Hand(brain)
    hand.after(3_000)
    hand.boot([workflow()])
    hand.after(1_000)
    hand.seen(Change.MODIFIED, workflow(version=120))
    assert [look.awake_since for look in brain.looks] == [T0 + 3_000, T0 + 3_000]


def test_the_lease_lost_between_status_write_and_creation_leaves_the_child_uncreated() -> None:
    brain = Brain(START)
    hand = leader(brain)
    hand.boot([workflow()])
    hand.after(DEFAULTS.lease_retry_period)
    # The renewal hangs; the status write is answered after the deadline.
    hand.after(DEADLINE - DEFAULTS.lease_retry_period)
    assert hand.reply(PatchStatus, ok(workflow(version=110, phase="executing"))) == []
    assert not hand.controller.leading
    assert hand.outstanding(CreateExecution) == []
    assert len(brain.looks) == 1


def test_writes_that_wait_for_a_place_are_taken_back_with_the_lease() -> None:
    brain = Brain(Plan(status=status("executing"), creates=tuple(child(f"c{n}") for n in range(12))))
    hand = leader(brain)
    hand.boot([workflow()])
    hand.reply(PatchStatus, ok(workflow(version=110, phase="executing")))
    assert len(hand.outstanding(CreateExecution)) == DEFAULTS.workers
    hand.after(DEADLINE)
    for number, request in enumerate(hand.outstanding(CreateExecution)):
        assert hand.answer(request, ok(child(f"c{number}", 120 + number))) == []
    assert hand.outstanding(CreateExecution) == []


def test_a_leader_that_comes_back_looks_again_and_finishes() -> None:
    brain = Brain(START, START)
    hand = leader(brain)
    hand.boot([workflow()])
    hand.after(DEADLINE)
    hand.reply(PatchStatus, ok(workflow(version=110, phase="executing")))
    lead_again(hand)
    assert len(brain.looks) == 2
    assert hand.one(PatchStatus).resource_version == "110"


def test_a_plan_half_read_when_the_lease_went_is_started_over() -> None:
    brain = Brain(START, START)
    hand = leader(brain)
    hand.boot([workflow()])
    hand.reply(PatchStatus, no(Code.LOST))
    hand.sleep()
    assert hand.outstanding(GetObject)
    hand.after(DEADLINE)
    hand.reply(GetObject, ok(workflow(version=120)))
    assert not hand.controller.leading
    assert len(brain.looks) == 1


def lead_again(hand: Hand) -> None:
    if hand.outstanding(UpdateLease):
        hand.reply(UpdateLease, no(Code.LOST))
    while not hand.outstanding(GetLease):
        hand.sleep()
    hand.reply(GetLease, ok(lease("me", 5)))
    hand.reply(UpdateLease, ok(lease("me", 6)))
    assert hand.controller.leading


def test_a_question_taken_back_with_the_lease_is_asked_by_the_next_look() -> None:
    asking = Plan(status=status("validating"), questions=(AskNodes(),))
    brain = Brain(asking, asking)
    hand = leader(brain, Settings(workers=1))
    hand.boot([workflow()])
    assert hand.outstanding(Ask) == []
    hand.after(DEADLINE)
    assert not hand.controller.leading
    hand.reply(PatchStatus, ok(workflow(version=110)))
    lead_again(hand)
    hand.reply(PatchStatus, ok(workflow(version=120)))
    assert hand.one(Ask).questions == (AskNodes(),)


def test_a_read_taken_back_with_the_lease_is_asked_for_again() -> None:
    brain = Brain(Plan(creates=(child("a"), child("b"))))
    hand = leader(brain, Settings(kubernetes_qps=0.1, kubernetes_burst=3))
    hand.boot([workflow()])
    for request in hand.outstanding(CreateExecution):
        hand.answer(request, no(Code.LOST))
    while not hand.outstanding(GetObject):
        hand.sleep()
    # The rate lets one of the two reads out; it is answered, the other still waits when the lease goes.
    hand.reply(GetObject, ok(child("a", 130)))
    assert hand.outstanding(GetObject) == []
    hand.after(DEADLINE)
    lead_again(hand)
    while not hand.outstanding(GetObject):
        hand.sleep()
    assert hand.one(GetObject).key.name == "b"
    assert len(brain.looks) == 1


def test_a_renewal_is_sent_though_every_place_is_taken() -> None:
    brain = Brain(Plan(creates=tuple(child(f"c{n}") for n in range(20))))
    hand = leader(brain)
    hand.boot([workflow()])
    assert bodies(hand.after(DEFAULTS.lease_retry_period)) == ["UpdateLease"]


def test_unready_when_it_cannot_see_who_leads() -> None:
    hand = Hand(Brain(), leader_election=True)
    hand.boot(at=1)
    for _ in range(5):
        assert hand.controller.healthy
        hand.reply(GetLease, no(Code.UNAVAILABLE))
        while not hand.outstanding(GetLease):
            hand.sleep()
    assert not hand.controller.healthy


def test_stop_finishes_the_plan_under_way_makes_no_new_one_and_releases_the_lease() -> None:
    brain = Brain(START)
    hand = leader(brain)
    hand.boot([workflow()])
    hand.controller.feed(StopAsked(), hand.now)
    assert hand.take() == []
    hand.seen(Change.ADDED, workflow("late", 120))
    assert bodies(hand.reply(PatchStatus, ok(workflow(version=130, phase="executing")))) == ["CreateExecution"]
    before = hand.controller.stopped
    released = hand.reply(CreateExecution, ok(child(version=131)))
    assert bodies(released) == ["UpdateLease"]
    assert hand.one(UpdateLease).lease.holder == ""
    assert not hand.controller.leading
    hand.reply(UpdateLease, ok(lease("", 9)))
    assert (before, hand.controller.stopped) == (False, True)
    assert hand.controller.wake_at() is None
    assert len(brain.looks) == 1


def test_stop_waits_no_longer_than_one_request_and_one_release() -> None:
    brain = Brain(START)
    hand = leader(brain)
    hand.boot([workflow()])
    hand.controller.feed(StopAsked(), hand.now)
    hand.take()
    asked = hand.now
    while not hand.controller.stopped:
        hand.sleep()
    assert hand.now - asked == 2 * DEFAULTS.request_timeout
    assert len(hand.outstanding(CreateExecution)) == 0


def test_stop_sends_the_events_of_what_it_wrote() -> None:
    brain = Brain(
        Plan(status=status("executing"), records=(EventRecord("Normal", "R", "m"), CountRecord("c", ()))),
    )
    hand = leader(brain)
    hand.boot([workflow()])
    hand.controller.feed(StopAsked(), hand.now)
    hand.take()
    assert bodies(hand.reply(PatchStatus, ok(workflow(version=130)))) == ["EventWrites"]
    assert bodies(hand.reply(EventWrites, ok())) == ["UpdateLease"]
    assert len(hand.controller.take_records()) == 1


def test_stop_without_leader_election_ends_when_nothing_is_in_flight() -> None:
    hand = Hand(Brain())
    hand.boot([workflow()])
    hand.controller.feed(StopAsked(), hand.now)
    assert hand.take() == []
    assert hand.controller.stopped
    assert repr(hand.controller).startswith("<Controller stopped")


def test_a_stopped_controller_opens_no_watch_again() -> None:
    brain = Brain(START)
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.controller.feed(StopAsked(), hand.now)
    hand.take()
    for watch in list(hand.sent):
        if bodies([watch]) == ["WatchObjects"]:
            hand.answer(watch, ok())
    hand.after(5_000)
    assert bodies(hand.sent) == ["PatchStatus"]
