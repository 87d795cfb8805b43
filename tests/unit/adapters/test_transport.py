"""Do requests reach a server over a real socket, and does each kind of trouble become the right outcome?"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from kubernetes import client

from tests.unit.adapters.apiserver import Answer, Asked, Hangs, ScriptedServer, Stream, Told, serving
from wfexec.adapters.clock import WallClock
from wfexec.adapters.kube import Connection, Reply, connect
from wfexec.adapters.workers import Workers
from wfexec.crd.wire import HttpCall
from wfexec.errors import BadInput
from wfexec.model.facts import AskNetwork, AskNodes, AskTarget, NetworkFacts, TargetFacts, TargetRef, Unknown
from wfexec.model.meta import ObjectMeta, ObjectReference
from wfexec.model.requests import (
    Ask,
    Body,
    Change,
    Code,
    DeleteExecution,
    EventWrite,
    EventWrites,
    Kind,
    Listing,
    ListObjects,
    ObjectKey,
    Outcome,
    Replied,
    Request,
    Signal,
    WatchObjects,
    WatchSeen,
)
from wfexec.model.status import WorkflowExecution
from wfexec.model.workflow import WorkflowExecutionSpec

PATIENCE_S = 10
GET = HttpCall("GET", "/version")
KEY = ObjectKey(Kind.EXECUTION, "shop", "heal-step-1")
WATCH = WatchObjects(Kind.EXECUTION, "5", 60_000)


def event(change: str, version: str, **parts: Any) -> bytes:
    meta = {"name": "x", "namespace": "shop", "uid": "u", "resourceVersion": version}
    return json.dumps({"type": change, "object": {"metadata": meta, **parts}}).encode() + b"\n"


@contextmanager
def connected(folder: Path, answer: Callable[[Asked], Answer]) -> Iterator[tuple[Connection, ScriptedServer]]:
    with serving(answer) as server:
        connection = connect(str(server.kubeconfig(folder)), None, 4)
        yield connection, server
        connection.close()


class Rig:
    """Workers on a connection, and what they say."""

    def __init__(self, connection: Connection) -> None:
        self.heard: SimpleQueue[Signal] = SimpleQueue()
        self.measured: list[tuple[Code, float]] = []
        self.crashes: list[BaseException] = []
        self.workers = Workers(connection, WallClock(), 2, self._observe, self.crashes.append)

    def _observe(self, request: Request, outcome: Outcome, seconds: float) -> None:
        self.measured.append((outcome.code, seconds))

    def ask(self, body: Body, number: int = 1) -> Signal:
        self.workers.send(Request(number, body, 2_000), self.heard.put)
        return self.next()

    def next(self) -> Signal:
        return self.heard.get(timeout=PATIENCE_S)

    def outcome(self, body: Body) -> Outcome:
        signal = self.ask(body)
        assert isinstance(signal, Replied), self.crashes
        return signal.outcome


@contextmanager
def rig(folder: Path, answer: Callable[[Asked], Answer]) -> Iterator[tuple[Rig, ScriptedServer]]:
    with connected(folder, answer) as (connection, server):
        made = Rig(connection)
        yield made, server
        made.workers.close()
        assert made.crashes == []


def test_a_request_carries_who_we_are_and_brings_back_what_was_said(tmp_path: Path) -> None:
    answer = Told(429, b'{"message":"slow down"}', (("Retry-After", "7"),))
    with connected(tmp_path, lambda asked: answer) as (connection, server):
        call = HttpCall("PATCH", "/apis/x", (("limit", "5"),), "application/json-patch+json", b"[]")
        assert connection.call(call, PATIENCE_S) == Reply(429, answer.body, "7")
        (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("PATCH", "/apis/x?limit=5", b"[]")
    assert asked.headers["Content-Type"] == "application/json-patch+json"
    assert asked.headers["Authorization"] == "Bearer open-sesame"
    assert asked.headers["User-Agent"].startswith("wfexec/")


def test_what_was_never_sent_is_unavailable(tmp_path: Path) -> None:
    with serving(lambda asked: Told()) as server:
        connection = connect(str(server.kubeconfig(tmp_path)), None, 4)
    found = connection.call(GET, PATIENCE_S)
    connection.close()
    assert isinstance(found, Outcome)
    assert found.code is Code.UNAVAILABLE


def test_a_name_nobody_knows_is_unavailable() -> None:
    connection = Connection(client.Configuration(host="http://no-such-host.invalid"), in_cluster=False)
    found = connection.call(GET, PATIENCE_S)
    assert isinstance(found, Outcome)
    assert found.code is Code.UNAVAILABLE


@pytest.mark.parametrize("cut", [True, False])
def test_what_was_sent_and_not_answered_is_lost_and_not_tried_again(tmp_path: Path, cut: bool) -> None:
    with connected(tmp_path, lambda asked: Hangs(cut)) as (connection, server):
        found = connection.call(HttpCall("POST", "/apis/x", (), "application/json", b"{}"), 0.3)
        assert len(server.asked) == 1
    assert isinstance(found, Outcome)
    assert found.code is Code.LOST


def test_credentials_no_longer_taken_are_looked_for_at_once_and_broken_ones_are_the_worlds_trouble() -> None:
    tokens = iter(["bearer first\n", "bearer second\n"])

    def refresh(settings: client.Configuration) -> None:
        settings.api_key["BearerToken"] = next(tokens)

    with serving(lambda asked: Told(401)) as server:
        settings: Any = client.Configuration(host=f"http://127.0.0.1:{server.server_port}")
        settings.refresh_api_key_hook = refresh
        connection = Connection(settings, in_cluster=True)
        for _ in range(2):
            assert connection.call(GET, PATIENCE_S) == Reply(401, b"{}", None)
        found = connection.call(GET, PATIENCE_S)
        connection.close()
    assert [asked.headers["Authorization"] for asked in server.asked] == ["bearer first", "bearer second"]
    assert isinstance(found, Outcome)
    assert found.code is Code.UNAVAILABLE


def test_credentials_are_taken_for_good_for_a_moment_and_travel_as_one_line() -> None:
    asked_for: list[str] = []

    def refresh(settings: client.Configuration) -> None:
        asked_for.append("again")
        settings.api_key["BearerToken"] = "bearer first" if len(asked_for) == 1 else "bearer\nX-Other: second"

    with serving(lambda asked: Told(401 if len(server.asked) == 3 else 200)) as server:
        settings: Any = client.Configuration(host=f"http://127.0.0.1:{server.server_port}")
        settings.refresh_api_key_hook = refresh
        connection = Connection(settings, in_cluster=True, fresh_s=60.0)
        told = [connection.call(GET, PATIENCE_S) for _ in range(4)]
        connection.close()
    assert [one.status for one in told[:3] if isinstance(one, Reply)] == [200, 200, 401]
    assert isinstance(told[3], Outcome)
    assert told[3].code is Code.UNAVAILABLE
    assert len(server.asked) == 3
    assert len(asked_for) == 2


def test_without_a_cluster_the_person_is_told_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--kubeconfig FILE and --context NAME"):
        connect(str(tmp_path / "none"), None, 4)
    with serving(lambda asked: Told()) as server, pytest.raises(BadInput, match="context there"):
        connect(str(server.kubeconfig(tmp_path)), "there", 4)


def test_pages_of_a_list_become_one_listing(tmp_path: Path) -> None:
    def page(asked: Asked) -> Answer:
        last = "continue=more" in asked.path
        meta = {"name": "b" if last else "a", "namespace": "shop", "uid": "u", "resourceVersion": "1"}
        token = {} if last else {"continue": "more"}
        body = {"metadata": {"resourceVersion": "9", **token}, "items": [{"metadata": meta, "spec": {}}]}
        return Told(body=json.dumps(body).encode())

    with rig(tmp_path, page) as (made, server):
        outcome = made.outcome(ListObjects(Kind.EXECUTION, 1))
    assert isinstance(outcome.object, Listing)
    assert [item.metadata.name for item in outcome.object.items] == ["a", "b"]
    assert len(server.asked) == 2
    assert [code for code, _ in made.measured] == [Code.OK]


def test_a_list_that_fails_on_a_later_page_fails(tmp_path: Path) -> None:
    first = json.dumps({"metadata": {"resourceVersion": "9", "continue": "more"}, "items": []}).encode()
    gone = Told(410, b'{"message":"expired"}')
    with rig(tmp_path, lambda asked: gone if "continue" in asked.path else Told(body=first)) as (made, _):
        assert made.outcome(ListObjects(Kind.WORKFLOW, 1)).code is Code.GONE


def test_a_refused_write_says_why(tmp_path: Path) -> None:
    with rig(tmp_path, lambda asked: Told(409, b'{"reason":"Conflict","message":"moved on"}')) as (made, _):
        assert made.outcome(DeleteExecution(KEY, "u", "1")) == Outcome(Code.CONFLICT, message="moved on")


def test_events_go_one_by_one_until_the_server_asks_for_a_pause(tmp_path: Path) -> None:
    given = WorkflowExecutionSpec(remediation_request_ref=ObjectReference(name="p"))
    about = WorkflowExecution(metadata=ObjectMeta(name="heal", namespace="shop", uid="u"), spec=given)
    row = [EventWrite(f"e{number}", "shop", about, "Normal", "R", "m", 1, 0, 0) for number in range(4)]

    def answer(asked: Asked) -> Answer:
        name = json.loads(asked.body)["metadata"]["name"]
        if name == "e1":
            return Told(403, b"{}")
        return Told(429, b"{}", (("Retry-After", "7"),)) if name == "e2" else Told()

    with rig(tmp_path, answer) as (made, server):
        outcome = made.outcome(EventWrites(tuple(row)))
        assert len(server.asked) == 3
    assert (outcome.code, outcome.retry_after_ms) == (Code.THROTTLED, 7_000)
    assert isinstance(outcome.object, tuple)
    assert [each.code for each in outcome.object] == [Code.OK, Code.FORBIDDEN, Code.THROTTLED]
    assert [code for code, _ in made.measured] == [Code.OK, Code.FORBIDDEN, Code.THROTTLED]


def test_one_question_without_an_answer_does_not_spoil_the_others(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answer:
        return Told(body=b"ok") if asked.path.startswith("/readyz") else Hangs(cut=True)

    with rig(tmp_path, answer) as (made, _):
        outcome = made.outcome(Ask(KEY, (AskNodes(), AskNetwork())))
    answers = outcome.object
    assert isinstance(answers, dict)
    assert isinstance(answers[AskNodes()].facts, Unknown)
    assert answers[AskNetwork()].facts == NetworkFacts(True, "")


def test_what_several_questions_need_is_read_once_and_again_for_the_next_ask(tmp_path: Path) -> None:
    questions = tuple(AskTarget(TargetRef("Deployment", "shop", name)) for name in ("cart", "checkout"))
    absent = Told(404, b'{"message":"not found"}')

    with rig(tmp_path, lambda asked: Told(body=b'{"items":[]}') if "/pods" in asked.path else absent) as (made, server):
        answers = made.outcome(Ask(KEY, questions)).object
        again = made.outcome(Ask(KEY, questions[:1])).object
    assert isinstance(answers, dict)
    assert isinstance(again, dict)
    told = [answers[question].facts for question in questions]
    assert [fact.exists for fact in told if isinstance(fact, TargetFacts)] == [False, False]
    assert [asked.path.partition("?")[0].rpartition("/")[2] for asked in server.asked] == [
        *("cart", "pods", "checkout"),
        *("cart", "pods"),
    ]


@pytest.mark.parametrize(
    ("told", "pause_ms"),
    [
        (Told(429, b"Too many requests, please try again later.", (("Retry-After", "7"),)), 7_000),
        (Told(429, b'{"details":{"retryAfterSeconds":3}}'), 3_000),
        (Told(429), 1_000),
        (Told(503, headers=(("Retry-After", "7"),)), None),
        (Told(404, b'{"message":"not found"}'), None),
    ],
)
def test_what_was_throttled_while_a_question_was_looked_up_is_told_beside_the_answers(
    tmp_path: Path, told: Told, pause_ms: int | None
) -> None:
    question = AskTarget(TargetRef("Deployment", "shop", "cart"))
    with rig(tmp_path, lambda asked: Told(body=b'{"items":[]}') if "/pods" in asked.path else told) as (made, _):
        outcome = made.outcome(Ask(KEY, (question, AskNetwork())))
    assert (outcome.code, outcome.retry_after_ms) == (Code.OK, pause_ms)
    assert isinstance(outcome.object, dict)
    assert outcome.object.keys() == {question, AskNetwork()}


def test_a_watch_tells_events_as_they_come_and_then_its_end(tmp_path: Path) -> None:
    lines = event("ADDED", "6", spec={}) + event("BOOKMARK", "7")
    # Cut anywhere: a chunk is not a line.
    with rig(tmp_path, lambda asked: Stream((lines[:10], lines[10:90], lines[90:]))) as (made, server):
        first, second, last = made.ask(WATCH), made.next(), made.next()
    assert isinstance(first, WatchSeen)
    assert isinstance(second, WatchSeen)
    assert (first.change, first.resource_version) == (Change.ADDED, "6")
    assert (second.change, second.resource_version, second.object) == (Change.BOOKMARK, "7", None)
    assert last == Replied(1, Outcome(Code.OK))
    assert "watch=1" in server.asked[0].path
    assert "timeoutSeconds=60" in server.asked[0].path


def test_a_watch_cut_off_is_lost(tmp_path: Path) -> None:
    with rig(tmp_path, lambda asked: Stream((event("BOOKMARK", "7"),), "cut")) as (made, _):
        assert isinstance(made.ask(WATCH), WatchSeen)
        last = made.next()
    assert isinstance(last, Replied)
    assert last.outcome.code is Code.LOST


@pytest.mark.parametrize("refused", ["at once", "in the stream"])
def test_a_version_too_old_is_told_once(tmp_path: Path, refused: str) -> None:
    status = {"kind": "Status", "code": 410, "message": "too old"}
    error = json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
    answer = Told(410, json.dumps(status).encode()) if refused == "at once" else Stream((error,), "open")
    with rig(tmp_path, lambda asked: answer) as (made, _):
        assert made.outcome(WATCH).code is Code.GONE
    assert made.heard.empty()
    assert [code for code, _ in made.measured] == [Code.GONE]


def test_closing_ends_a_silent_watch(tmp_path: Path) -> None:
    with rig(tmp_path, lambda asked: Stream((event("BOOKMARK", "7"),), "open")) as (made, server):
        assert isinstance(made.ask(WATCH), WatchSeen)
        made.workers.close()
        last = made.next()
        assert server.left.wait(PATIENCE_S)
    assert isinstance(last, Replied)


def test_a_watch_that_another_stands_in_for_is_closed_and_nothing_is_told_of_its_end(tmp_path: Path) -> None:
    with rig(tmp_path, lambda asked: Stream((event("BOOKMARK", "7"),), "open")) as (made, server):
        assert isinstance(made.ask(WATCH, 1), WatchSeen)
        second = made.ask(WATCH._replace(instead_of=1), 2)
        assert server.left.wait(PATIENCE_S)
        made.workers.close()
        last = made.next()
    assert isinstance(second, WatchSeen)
    assert isinstance(last, Replied)
    assert (second.request_id, last.request_id) == (2, 2)
    assert made.heard.empty()


def test_an_exception_in_a_worker_is_heard_of(tmp_path: Path) -> None:
    def broken(signal: Signal) -> None:
        raise ZeroDivisionError("a defect")

    with connected(tmp_path, lambda asked: Told()) as (connection, _):
        heard: SimpleQueue[BaseException] = SimpleQueue()
        workers = Workers(connection, WallClock(), 1, lambda request, outcome, seconds: None, heard.put)
        workers.send(Request(1, DeleteExecution(KEY, "u", "1"), 2_000), broken)
        assert isinstance(heard.get(timeout=PATIENCE_S), ZeroDivisionError)
        workers.close()


def test_the_clock_runs_as_fast_as_it_is_told_and_waits_shorter() -> None:
    slow, fast = WallClock(), WallClock(speed=50)
    assert abs(slow.now_ms() - fast.now_ms()) < 5_000
    assert (slow.real_seconds(500), fast.real_seconds(500), fast.real_seconds(-1)) == (0.5, 0.01, 0.0)
