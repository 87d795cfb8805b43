"""List, watch, resume, 410: the recovery story of one kind."""

import pytest

from wfexec.engine.reflector import BACKOFF_BASE_MS, BACKOFF_CAP_MS, SETTLED_MS, Reflector
from wfexec.model.requests import Change, Code, Kind, Listing, ListObjects, Outcome, WatchObjects, WatchSeen


def made() -> Reflector:
    reflector = Reflector(Kind.WORKFLOW, page_size=500, watch_timeout_ms=300_000, salt="me")
    reflector.start(0)
    return reflector


def send(reflector: Reflector, request_id: int, now: int) -> ListObjects | WatchObjects:
    body = reflector.due(now)
    assert body is not None, reflector
    reflector.sent(request_id, now)
    return body


def watching(version: str = "10", now: int = 0) -> Reflector:
    """With request 2 as its open watch."""
    reflector = made()
    assert send(reflector, 1, now) == ListObjects(Kind.WORKFLOW, 500)
    assert reflector.replied(Outcome(Code.OK, Listing((), version)), now) is not None
    assert isinstance(send(reflector, 2, now), WatchObjects)
    return reflector


def event(version: str, change: Change = Change.MODIFIED, request_id: int = 2) -> WatchSeen:
    return WatchSeen(request_id, Kind.WORKFLOW, change, None, version)


def test_it_lists_once_and_watches_from_the_listing() -> None:
    reflector = made()
    before = reflector.synced
    assert send(reflector, 1, 0) == ListObjects(Kind.WORKFLOW, 500)
    assert reflector.due(0) is None
    listing = Listing((), "17")
    assert reflector.replied(Outcome(Code.OK, listing), 5) is listing
    assert (before, reflector.synced) == (False, True)
    body = send(reflector, 2, 5)
    assert isinstance(body, WatchObjects)
    assert body.resource_version == "17"
    assert 270_000 <= body.timeout_ms <= 300_000


def test_a_watch_that_ended_is_renewed_at_once_from_the_last_version_seen() -> None:
    reflector = watching()
    assert reflector.seen(event("12"))
    reflector.replied(Outcome(Code.OK), 300)
    body = send(reflector, 3, 300)
    assert isinstance(body, WatchObjects)
    assert body.resource_version == "12"


def test_bookmarks_alone_move_the_version_on() -> None:
    reflector = watching()
    reflector.seen(event("900", Change.BOOKMARK))
    reflector.replied(Outcome(Code.OK), 300)
    body = send(reflector, 3, 300)
    assert isinstance(body, WatchObjects)
    assert body.resource_version == "900"


def test_words_of_an_earlier_watch_are_not_listened_to() -> None:
    reflector = watching()
    assert not reflector.seen(event("99", request_id=1))
    assert reflector.version == "10"


def test_closing_without_progress_backs_off_further_and_further() -> None:
    now = 1_700_000_000_000
    reflector = watching(now=now)
    waits = []
    for request_id in range(3, 13):
        reflector.replied(Outcome(Code.OK), now)
        assert reflector.wake_at is not None
        waits.append(reflector.wake_at - now)
        now = reflector.wake_at
        send(reflector, request_id, now)
    assert all(later > earlier for earlier, later in zip(waits[:8], waits[2:8], strict=False))
    assert BACKOFF_BASE_MS // 2 <= waits[0] <= BACKOFF_BASE_MS
    assert BACKOFF_CAP_MS // 2 <= waits[-1] <= BACKOFF_CAP_MS


def test_a_quiet_watch_that_lived_long_was_healthy() -> None:
    reflector = watching()
    reflector.replied(Outcome(Code.OK), SETTLED_MS)
    assert reflector.wake_at == SETTLED_MS


def test_progress_forgives_earlier_failures() -> None:
    reflector = watching()
    for turn in range(5):
        reflector.replied(Outcome(Code.LOST), turn * 100_000)
        assert reflector.wake_at is not None
        send(reflector, 2, reflector.wake_at)
    reflector.seen(event("11"))
    reflector.replied(Outcome(Code.OK), 1_000_000)
    assert reflector.wake_at == 1_000_000


def test_a_lost_watch_resumes_and_does_not_list() -> None:
    reflector = watching()
    reflector.seen(event("15"))
    reflector.replied(Outcome(Code.LOST), 100)
    assert reflector.wake_at is not None
    assert reflector.wake_at > 100
    body = send(reflector, 3, reflector.wake_at)
    assert isinstance(body, WatchObjects)
    assert body.resource_version == "15"


def test_410_lists_again_at_once_and_a_second_one_in_a_row_backs_off() -> None:
    reflector = watching()
    reflector.replied(Outcome(Code.GONE), 100)
    assert send(reflector, 3, 100) == ListObjects(Kind.WORKFLOW, 500)
    reflector.replied(Outcome(Code.OK, Listing((), "50")), 110)
    assert isinstance(send(reflector, 4, 110), WatchObjects)
    reflector.replied(Outcome(Code.GONE), 120)
    assert reflector.due(120) is None
    assert reflector.wake_at is not None
    assert reflector.wake_at > 120


def test_410_during_a_list_lists_again_after_a_pause() -> None:
    reflector = made()
    send(reflector, 1, 0)
    assert reflector.replied(Outcome(Code.GONE), 50) is None
    assert reflector.wake_at is not None
    assert reflector.wake_at > 50
    assert isinstance(send(reflector, 2, reflector.wake_at), ListObjects)
    assert not reflector.synced


@pytest.mark.parametrize("code", [Code.LOST, Code.UNAVAILABLE, Code.FORBIDDEN, Code.NOT_FOUND, Code.THROTTLED])
def test_a_failing_list_backs_off(code: Code) -> None:
    reflector = made()
    now = 0
    waits = []
    for request_id in range(1, 5):
        send(reflector, request_id, now)
        reflector.replied(Outcome(code), now)
        assert reflector.wake_at is not None
        waits.append(reflector.wake_at - now)
        now = reflector.wake_at
    assert waits[3] > waits[1] > 0
    assert not reflector.synced


def test_the_servers_wish_to_wait_is_respected() -> None:
    reflector = made()
    send(reflector, 1, 0)
    reflector.replied(Outcome(Code.THROTTLED, retry_after_ms=7_000), 0)
    assert reflector.wake_at == 7_000


def test_a_version_the_server_does_not_understand_leads_to_a_list() -> None:
    reflector = watching("not-a-number")
    reflector.replied(Outcome(Code.INVALID), 10)
    assert isinstance(send(reflector, 3, 10), ListObjects)


def test_replicas_do_not_watch_in_step() -> None:
    lengths = set()
    for salt in ("a", "b", "c", "d"):
        reflector = Reflector(Kind.WORKFLOW, page_size=1, watch_timeout_ms=300_000, salt=salt)
        reflector.start(0)
        send(reflector, 1, 0)
        reflector.replied(Outcome(Code.OK, Listing((), "1")), 0)
        body = send(reflector, 2, 0)
        assert isinstance(body, WatchObjects)
        lengths.add(body.timeout_ms)
    assert len(lengths) == 4


def test_its_repr_tells_what_it_does() -> None:
    assert repr(watching()) == "<Reflector WorkflowExecution watching from 10, 0 failures>"
    assert repr(made()) == "<Reflector WorkflowExecution waiting for 0 from nothing, 0 failures>"
