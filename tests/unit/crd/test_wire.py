"""What a status code means, without a server: the table, the doubt about lost writes, broken replies, paging."""

import orjson
import pytest

from wfexec.crd import wire
from wfexec.crd.codec import Decoder
from wfexec.errors import OurBug
from wfexec.model.base import evolve
from wfexec.model.requests import (
    Ask,
    Body,
    Code,
    DeleteExecution,
    GetObject,
    Kind,
    Lease,
    Listing,
    ListObjects,
    ObjectKey,
    Outcome,
    PatchStatus,
    Replied,
    Unreadable,
    UpdateLease,
    WatchObjects,
    WatchSeen,
)
from wfexec.model.status import NO_STATUS

KEY = ObjectKey(Kind.WORKFLOW, "shop", "recover")
READ = GetObject(KEY)
WRITE = PatchStatus(KEY, "u-1", "17", NO_STATUS, evolve(NO_STATUS, phase="planning"))
LIST = ListObjects(Kind.EXECUTION, 2)


def decoded(body: Body, status: int, content: object = None, retry_after: str | None = None) -> Outcome:
    return wire.decode(body, status, orjson.dumps(content or {}), retry_after, Decoder())


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, Code.INVALID),
        (401, Code.UNAVAILABLE),
        (403, Code.FORBIDDEN),
        (404, Code.NOT_FOUND),
        (409, Code.CONFLICT),
        (410, Code.GONE),
        (413, Code.INVALID),
        (418, Code.INVALID),
        (422, Code.INVALID),
        (429, Code.THROTTLED),
        (500, Code.UNAVAILABLE),
        (503, Code.UNAVAILABLE),
        (504, Code.UNAVAILABLE),
        (599, Code.UNAVAILABLE),
    ],
)
def test_codes_of_a_read(status: int, code: Code) -> None:
    assert decoded(READ, status).code is code


@pytest.mark.parametrize(("status", "code"), [(500, Code.LOST), (502, Code.LOST), (504, Code.LOST)])
def test_a_write_that_timed_out_may_have_been_carried_out(status: int, code: Code) -> None:
    assert decoded(WRITE, status).code is code


def test_a_write_refused_for_load_was_not_carried_out() -> None:
    assert decoded(WRITE, 503).code is Code.UNAVAILABLE
    assert decoded(WRITE, 429, retry_after="3") == Outcome(Code.THROTTLED, message="{}", retry_after_ms=3_000)


def test_taken_names_and_moved_objects_are_told_apart() -> None:
    assert decoded(WRITE, 409, {"reason": "AlreadyExists"}).code is Code.ALREADY_EXISTS
    assert decoded(WRITE, 409, {"reason": "Conflict", "message": "modified"}) == Outcome(
        Code.CONFLICT, message="modified"
    )


def test_a_patch_that_does_not_apply_differs_from_one_that_breaks_the_schema() -> None:
    assert decoded(WRITE, 422, {"reason": "Invalid", "details": {}}).code is Code.CONFLICT
    causes = [{"field": "status.progress"}]
    assert decoded(WRITE, 422, {"reason": "Invalid", "details": {"causes": causes}}).code is Code.INVALID


def test_how_long_to_wait_may_stand_in_the_body() -> None:
    assert decoded(READ, 429, {"details": {"retryAfterSeconds": 2}}).retry_after_ms == 2_000
    assert decoded(READ, 429, {}, "Wed, 21 Oct 2026 07:28:00 GMT").retry_after_ms is None


def test_a_reply_that_is_no_json() -> None:
    garbled = wire.decode(READ, 502, b"<html>bad gateway", None, Decoder())
    assert garbled == Outcome(Code.UNAVAILABLE, message="<html>bad gateway")
    assert wire.decode(READ, 503, b"", None, Decoder()).message == "HTTP 503"
    assert wire.decode(READ, 503, b"[1]", None, Decoder()).code is Code.UNAVAILABLE


@pytest.mark.parametrize("payload", [b"{", b"[]", b"3", b'{"items":3,"metadata":{}}', b'{"items":[]}'])
def test_a_cut_off_success_counts_as_lost(payload: bytes) -> None:
    assert wire.decode(LIST, 200, payload, None, Decoder()).code is Code.LOST


def test_an_object_that_does_not_fit_is_still_a_success() -> None:
    outcome = decoded(READ, 200, {"metadata": {"name": "recover"}, "spec": {}})
    assert outcome.code is Code.OK
    assert isinstance(outcome.object, Unreadable)


def page(count: int, token: str) -> bytes:
    items = [{"metadata": {"name": f"{token}{number}"}, "spec": {}} for number in range(count)]
    return orjson.dumps({"metadata": {"resourceVersion": "9", "continue": token}, "items": items})


def test_pages_are_joined_in_order() -> None:
    pages = [wire.decode_page(LIST, 200, page(2, token), None, Decoder()) for token in ("next", "")]
    assert [each.token for each in pages] == ["next", ""]
    joined = wire.join_pages([each.outcome for each in pages]).object
    assert isinstance(joined, Listing)
    assert [item.metadata.name for item in joined.items] == ["next0", "next1", "0", "1"]
    assert ("continue", "next") in wire.encode_page(LIST, "next").query


def test_one_page_that_failed_fails_the_list() -> None:
    good = wire.decode_page(LIST, 200, page(1, "next"), None, Decoder())
    expired = wire.decode_page(LIST, 410, b"{}", None, Decoder())
    assert expired.token == ""
    assert wire.join_pages([good.outcome, expired.outcome]).code is Code.GONE


def line(kind: str, content: object) -> bytes:
    return orjson.dumps({"type": kind, "object": content})


def test_watch_lines() -> None:
    bookmark = line("BOOKMARK", {"metadata": {"resourceVersion": "12"}})
    seen = wire.decode_watch_line(3, Kind.WORKFLOW, bookmark, Decoder())
    assert isinstance(seen, WatchSeen)
    assert (seen.request_id, seen.object, seen.resource_version) == (3, None, "12")
    over = wire.decode_watch_line(3, Kind.WORKFLOW, line("ERROR", {"code": 410, "message": "too old"}), Decoder())
    assert over == Replied(3, Outcome(Code.GONE, message="too old"))


@pytest.mark.parametrize("broken", [b"{", b"[]", b'{"type":"NEW"}', line("SPLIT", {}), line("ADDED", {"metadata": {}})])
def test_a_broken_watch_line_ends_the_watch(broken: bytes) -> None:
    over = wire.decode_watch_line(3, Kind.WORKFLOW, broken, Decoder())
    assert isinstance(over, Replied)
    assert over.outcome.code is Code.LOST


def test_a_watch_asks_for_bookmarks_and_an_end() -> None:
    call = wire.encode(WatchObjects(Kind.EXECUTION, "17", 300_000))
    assert call.target == (
        "/apis/kubernetesexecution.kubernaut.io/v1/kubernetesexecutions"
        "?watch=1&allowWatchBookmarks=true&resourceVersion=17&timeoutSeconds=300"
    )


def test_names_cannot_leave_their_place_in_the_path() -> None:
    key = ObjectKey(Kind.EXECUTION, "shop", "../../secrets?x=1#y")
    assert wire.encode(DeleteExecution(key, "u", "1")).path.endswith(
        "/namespaces/shop/kubernetesexecutions/..%2F..%2Fsecrets%3Fx%3D1%23y"
    )


def test_a_lease_shorter_than_a_second_is_rounded_up() -> None:
    lease = Lease("l", "n", "5", "", 1, 1_001, 2_002, 3)
    sent = orjson.loads(wire.encode(UpdateLease(lease)).body)
    assert sent["spec"]["leaseDurationSeconds"] == 1
    assert sent["spec"]["renewTime"] == "1970-01-01T00:00:02.002000Z"
    back = decoded(UpdateLease(lease), 200, sent).object
    assert back == lease._replace(duration_ms=1_000)


def test_a_lease_nobody_ever_held() -> None:
    empty = {"metadata": {"name": "l", "namespace": "n", "resourceVersion": "1"}}
    assert decoded(UpdateLease(Lease("l", "n", "", "", 0, 0, 0, 0)), 200, empty).object == Lease(
        "l", "n", "1", "", 0, 0, 0, 0
    )


def test_questions_do_not_go_in_one_call() -> None:
    with pytest.raises(OurBug, match="one by one"):
        wire.encode(Ask(KEY, ()))
