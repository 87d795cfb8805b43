"""Is the Alertmanager asked over a real socket within its bounds, and is every trouble `Unknown`? (BR-WF-051)"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from tests.unit.adapters.apiserver import Answer, Asked, Hangs, ScriptedServer, Stream, Told, serving
from tests.unit.adapters.certificates import FIRST_CERTIFICATE, FIRST_KEY, SECOND_CERTIFICATE
from wfexec.adapters import alertmanager
from wfexec.adapters.alertmanager import Alertmanager
from wfexec.adapters.clock import WallClock
from wfexec.adapters.kube import connect
from wfexec.adapters.workers import Workers
from wfexec.errors import BadInput
from wfexec.model.facts import Alert, AlertFacts, AskAlerts, AskNetwork, Facts, TargetRef, Unknown
from wfexec.model.requests import Ask, Kind, ObjectKey, Replied, Request, Signal
from wfexec.settings import Settings

WEB = TargetRef("Deployment", "shop", "web")
SINCE = 1_767_225_600_000
ASK = AskAlerts((WEB,), SINCE)
PATIENCE_S = 10.0
FIRING = b"""[{"labels": {"alertname": "Slow", "namespace": "shop", "deployment": "web"},
 "startsAt": "2026-01-01T00:01:00Z", "status": {"state": "active"}}]"""
SLOW = AlertFacts((Alert("Slow", WEB, SINCE + 60_000),))


class Hand:
    """A clock that only a test moves; seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def asked_of(
    answer: Callable[[Asked], Answer], *, path: str = "", monotonic: Callable[[], float] | None = None, **given: str
) -> Iterator[tuple[Alertmanager, ScriptedServer]]:
    with serving(answer) as server:
        settings = Settings(alertmanager_url=f"http://127.0.0.1:{server.server_port}{path}").model_copy(update=given)
        made = Alertmanager.of(settings, monotonic or Hand())
        assert made is not None
        yield made, server
        made.close()


def why(found: Facts) -> str:
    assert isinstance(found, Unknown), found
    assert found.transient
    return found.reason


def test_nobody_is_asked_without_an_address() -> None:
    assert Alertmanager.of(Settings(), Hand()) is None


def test_alerts_are_asked_for_and_read() -> None:
    with asked_of(lambda asked: Told(200, FIRING), path="/am/") as (manager, server):
        assert manager.facts(ASK, PATIENCE_S) == SLOW
    (asked,) = server.asked
    assert (asked.method, asked.path.partition("?")[0]) == ("GET", "/am/api/v2/alerts")
    assert asked.headers["Accept"] == "application/json"
    assert "Authorization" not in asked.headers


def test_the_token_is_read_anew_each_time_and_repeated_nowhere(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first-secret\n")

    def echo(asked: Asked) -> Answer:
        return Told(401, asked.headers["Authorization"].encode())

    with asked_of(echo, alertmanager_token_file=str(token)) as (manager, server):
        assert why(manager.facts(ASK, PATIENCE_S)) == "the Alertmanager gave HTTP 401: Bearer ..."
        token.write_text("second-secret")
        manager.facts(ASK, PATIENCE_S)
    assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer first-secret", "Bearer second-secret"]


@pytest.mark.parametrize("content", [b"two\nlines-of-secret", "geheim-ä".encode(), b"a b"])
def test_a_file_that_holds_no_token_is_said_without_its_content(tmp_path: Path, content: bytes) -> None:
    token = tmp_path / "token"
    token.write_bytes(content)
    with asked_of(lambda asked: Told(200, b"[]"), alertmanager_token_file=str(token)) as (manager, server):
        assert why(manager.facts(ASK, PATIENCE_S)).endswith("the token file holds no token")
    assert server.asked == []


def test_a_missing_token_file_is_no_word(tmp_path: Path) -> None:
    missing = str(tmp_path / "token")
    with asked_of(lambda asked: Told(200, b"[]"), alertmanager_token_file=missing) as (manager, _):
        assert "No such file" in why(manager.facts(ASK, PATIENCE_S))


def test_a_redirect_is_not_followed() -> None:
    with asked_of(lambda asked: Told(302, b"", (("Location", "/elsewhere"),))) as (manager, server):
        assert "HTTP 302" in why(manager.facts(ASK, PATIENCE_S))
    assert len(server.asked) == 1


def test_a_reply_too_long_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertmanager, "BYTES_MAX", 100_000)
    with asked_of(lambda asked: Told(200, b" " * 200_000)) as (manager, _):
        assert "more than 100000 bytes" in why(manager.facts(ASK, PATIENCE_S))


def test_a_reply_that_drips_is_given_up() -> None:
    clock = Hand()

    def drip(asked: Asked) -> Answer:
        clock.now += alertmanager.LIMIT_S + 1
        return Stream((b"[",), end="open")

    with asked_of(drip, monotonic=clock) as (manager, server):
        assert "no whole reply within 5s" in why(manager.facts(ASK, PATIENCE_S))
        assert server.left.wait(PATIENCE_S)


def test_silence_is_given_up_in_time() -> None:
    with asked_of(lambda asked: Hangs(cut=False)) as (manager, _):
        assert "ReadTimeoutError" in why(manager.facts(ASK, 0.05))


def test_after_no_reply_nobody_tries_again_for_a_while() -> None:
    clock = Hand()
    answers: list[Answer] = [Hangs(cut=True), Told(200, FIRING)]
    with asked_of(lambda asked: answers.pop(0), monotonic=clock) as (manager, server):
        first = why(manager.facts(ASK, PATIENCE_S))
        assert why(manager.facts(ASK, PATIENCE_S)) == first
        assert len(server.asked) == 1
        clock.now += alertmanager.PAUSE_S
        assert manager.facts(ASK, PATIENCE_S) == SLOW
        assert len(server.asked) == 2


def test_a_refusal_is_a_reply_and_holds_nobody_up() -> None:
    answers: list[Answer] = [Told(503, b"starting"), Told(200, FIRING)]
    with asked_of(lambda asked: answers.pop(0)) as (manager, _):
        assert why(manager.facts(ASK, PATIENCE_S)) == "the Alertmanager gave HTTP 503: starting"
        assert manager.facts(ASK, PATIENCE_S) == SLOW


def test_certificates_are_checked_with_those_of_the_file(tmp_path: Path) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "tls.crt").write_text(FIRST_CERTIFICATE)
    (tmp_path / "tls.key").write_text(FIRST_KEY)
    server_side.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    (tmp_path / "other.crt").write_text(SECOND_CERTIFICATE)
    with serving(lambda asked: Told(200, FIRING)) as server:
        server.socket = server_side.wrap_socket(server.socket, server_side=True)
        url = f"https://127.0.0.1:{server.server_port}"
        found = []
        for name in ("tls.crt", "other.crt"):
            manager = Alertmanager.of(Settings(alertmanager_url=url, alertmanager_ca_file=str(tmp_path / name)), Hand())
            assert manager is not None
            found.append(manager.facts(ASK, PATIENCE_S))
            manager.close()
    assert found[0] == SLOW
    assert "CERTIFICATE_VERIFY_FAILED" in why(found[1])


def test_certificates_that_cannot_be_read_are_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("no certificate")
    for name in ("ca.crt", "missing.crt"):
        settings = Settings(alertmanager_url="https://x", alertmanager_ca_file=str(tmp_path / name))
        with pytest.raises(BadInput, match="alertmanager-ca-file"):
            Alertmanager.of(settings, Hand())


def test_who_waits_for_alerts_holds_up_nobody_else(tmp_path: Path) -> None:
    """One worker thread and a source that says nothing until the others were served."""
    heard: SimpleQueue[Signal] = SimpleQueue()
    others: SimpleQueue[None] = SimpleQueue()

    def source(question: AskAlerts, timeout_s: float) -> Facts:
        others.get(timeout=PATIENCE_S)
        return SLOW

    with serving(lambda asked: Told(200, b"ok")) as server:
        connection = connect(str(server.kubeconfig(tmp_path)), None, 4)
        workers = Workers(connection, WallClock(), 1, lambda *_: None, lambda _: None, alerts=source)
        key = ObjectKey(Kind.WORKFLOW, "shop", "heal")
        workers.send(Request(1, Ask(key, (ASK, AskNetwork())), 5_000), heard.put)
        workers.send(Request(2, Ask(key, (AskNetwork(),)), 5_000), heard.put)
        quick = heard.get(timeout=PATIENCE_S)
        others.put(None)
        slow = heard.get(timeout=PATIENCE_S)
        workers.close()
    assert isinstance(quick, Replied)
    assert isinstance(slow, Replied)
    assert (quick.request_id, slow.request_id) == (2, 1)
    answers: Any = slow.outcome.object
    assert answers[ASK].facts == SLOW
