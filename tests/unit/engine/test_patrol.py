"""A watch that says nothing is doubted, and opened anew from the last version seen (BR-WF-025-EC1)."""

from typing import Any

import pytest

from tests.unit.engine.support import T0, Brain, Hand, child, no, workflow
from wfexec.engine.patrol import ASLEEP_MS, IDLE_TIMES, Patrol
from wfexec.engine.reflector import Reflector
from wfexec.model.plan import Plan
from wfexec.model.requests import Change, Code, Kind, Listing, ListObjects, Outcome, Replied, WatchObjects, WatchSeen
from wfexec.settings import DEFAULTS

SILENCE = DEFAULTS.watch_silence
LATER = Plan(wake_at=T0 + 3_600_000)


def watching(request_id: int) -> Reflector:
    reflector = Reflector(Kind.EXECUTION, page_size=500, watch_timeout_ms=300_000, salt="me")
    reflector.start(0)
    reflector.sent(1, 0)
    reflector.replied(Outcome(Code.OK, Listing((), "10")), 0)
    reflector.sent(request_id, 0)
    return reflector


def patrolling(reflector: Reflector) -> Patrol:
    return Patrol((reflector,), SILENCE, IDLE_TIMES * SILENCE)


def replaced(hand: Hand) -> set[int]:
    """The watches that others stand in for."""
    return {request.body.instead_of for request in hand.sent if isinstance(request.body, WatchObjects)}


def rounds(patrol: Patrol, start: int, end: int, *, waiting: bool) -> list[tuple[int, list[int]]]:
    """Who was replaced when, if the patrol is called whenever it wants to be."""
    found, now = [], start
    while now < end:
        now = patrol.wake_at(now, waiting)
        over = patrol.walk(now)
        if over:
            found.append((now, over))
    return found


def test_a_silent_watch_is_replaced_within_the_silence_that_is_borne() -> None:
    reflector = watching(2)
    (at, over), *_ = rounds(patrolling(reflector), 0, 2 * SILENCE, waiting=True)
    assert (at, over) == (SILENCE, [2])
    body = reflector.due(at)
    assert isinstance(body, WatchObjects)
    assert (body.resource_version, body.instead_of) == ("10", 2)


@pytest.mark.parametrize(("late", "listed"), [(ASLEEP_MS - 1, False), (ASLEEP_MS, True)])
def test_who_is_called_far_too_late_has_everything_listed_anew_before_anything_is_decided(
    late: int, listed: bool
) -> None:
    brain = Brain(LATER)
    hand = Hand(brain, settings=DEFAULTS)
    hand.boot([workflow()], [child()])
    watches = {request.id for request in hand.outstanding(WatchObjects)}
    at = hand.controller.wake_at()
    assert at is not None
    hand.after(at - hand.now + late)
    assert len(hand.outstanding(ListObjects)) == (2 if listed else 0)
    if not listed:
        return
    hand.after(3_600_000)
    assert (len(brain.looks), hand.controller.synced) == (1, False)
    for request in hand.outstanding(ListObjects):
        assert isinstance(request.body, ListObjects)
        of_workflows = request.body.kind is Kind.WORKFLOW
        known = workflow() if of_workflows else child(version=300, phase="completed")
        hand.answer(request, Outcome(Code.OK, Listing((known,), "301")))
    assert hand.controller.synced
    assert [one.status.phase for one in brain.looks[1].children.values()] == ["completed"]
    assert replaced(hand) - {0} <= watches
    assert len(replaced(hand) - {0}) == 2


def test_while_nobody_waits_silence_is_borne_for_longer() -> None:
    (at, _), *_ = rounds(patrolling(watching(2)), 0, 4 * SILENCE, waiting=False)
    assert at == IDLE_TIMES * SILENCE


def test_somebody_who_begins_to_wait_hastens_the_round() -> None:
    patrol = patrolling(watching(2))
    far = patrol.wake_at(0, waiting=False)
    assert patrol.wake_at(1_000, waiting=True) == 1_000 + SILENCE // 2 < far


def test_a_bookmark_is_a_word_too() -> None:
    reflector = watching(2)
    patrol = patrolling(reflector)
    for now in range(0, 10 * SILENCE, SILENCE // 2):
        patrol.wake_at(now, waiting=True)
        assert patrol.walk(now) == []
        reflector.seen(WatchSeen(2, Kind.EXECUTION, Change.BOOKMARK, None, str(now)))
    assert reflector.renewals == 0


def test_a_list_that_is_under_way_is_left_alone() -> None:
    reflector = Reflector(Kind.EXECUTION, page_size=500, watch_timeout_ms=300_000, salt="me")
    reflector.start(0)
    reflector.sent(1, 0)
    assert rounds(patrolling(reflector), 0, 10 * SILENCE, waiting=True) == []


def test_what_a_stalled_watch_withheld_comes_with_the_next_and_the_old_one_is_heard_no_more() -> None:
    brain = Brain(LATER, LATER)
    hand = Hand(brain, settings=DEFAULTS)
    hand.boot([workflow()], [child(version=90)])
    old = hand.request(WatchObjects, Kind.EXECUTION)
    while old.id not in replaced(hand):
        hand.sleep()
    assert hand.now - T0 <= SILENCE + SILENCE // 2
    hand.sent.remove(old)
    hand.controller.feed(Replied(old.id, Outcome(Code.GONE)), hand.now)
    assert hand.take() == []
    assert len(brain.looks) == 1
    hand.seen(Change.MODIFIED, child(version=130, phase="completed"))
    assert len(brain.looks) == 2
    assert hand.controller.stats()["watch_renewals"] >= 1


def test_the_bearings_are_doubted_as_well() -> None:
    """A namespace that was made while that watch stood still would not exist for us."""
    hand = Hand(Brain(), settings=DEFAULTS)
    hand.boot([workflow()])
    old = hand.request(WatchObjects, Kind.NAMESPACE)
    while old.id not in replaced(hand):
        hand.sleep()
    assert hand.now - T0 <= IDLE_TIMES * SILENCE


def test_a_kind_that_the_server_does_not_know_is_named_and_asked_for_again() -> None:
    """The CRDs may come later (BR-WF-040)."""
    hand = Hand(Brain(), settings=DEFAULTS)
    hand.answer_bearings()
    hand.reply(ListObjects, no(Code.NOT_FOUND), Kind.EXECUTION)
    missing = hand.controller.unknown
    assert (missing, hand.controller.synced) == (("KubernetesExecution",), False)
    while not any(request.body.kind is Kind.EXECUTION for request in lists(hand)):
        hand.sleep()
    hand.reply(ListObjects, Outcome(Code.OK, Listing((), "7")), Kind.EXECUTION)
    assert hand.controller.unknown == ()


def lists(hand: Hand) -> list[Any]:
    return hand.outstanding(ListObjects)
