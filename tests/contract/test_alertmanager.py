"""Does a real Alertmanager say what our simulated feed says, and does the adapter read both alike? (BR-WF-051)

Each case posts the same alerts to Debian's Alertmanager and to the feed, and asks both the adapter's question.
"""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sim.alerts import AlertFeed, labels_of
from tests.unit.adapters.certificates import FIRST_CERTIFICATE, FIRST_KEY, SECOND_CERTIFICATE
from wfexec.adapters.alertmanager import Alertmanager
from wfexec.adapters.clock import WallClock
from wfexec.model.facts import Alert, AlertFacts, AskAlerts, Facts, TargetRef, Unknown
from wfexec.settings import Settings
from wfexec.units import format_instant

CONFIG = "route: {receiver: none}\nreceivers: [{name: none}]\n"
LISTENING = 'msg="Listening on" address='
PATIENCE_S = 20.0
HOUR = 3_600_000
NOW = WallClock().now_ms() // 1_000 * 1_000
SINCE = NOW - HOUR
WEB = TargetRef("Deployment", "shop", "web")
NODE = TargetRef("Node", "", "ip-10.0.0.7")


class Running(NamedTuple):
    url: str
    settings: Settings

    def post(self, path: str, body: Any) -> Any:
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
            return json.loads(reply.read() or b"null")

    def fire(self, labels: dict[str, str], began: int, ended: int | None = None) -> None:
        ends = NOW + 24 * HOUR if ended is None else ended
        alert = {"labels": labels, "startsAt": format_instant(began), "endsAt": format_instant(ends)}
        self.post("/api/v2/alerts", [alert])

    def ask(self, question: AskAlerts) -> Facts:
        manager = Alertmanager.of(self.settings, WallClock().monotonic)
        assert manager is not None
        try:
            return manager.facts(question, PATIENCE_S)
        finally:
            manager.close()


@contextmanager
def running(binary: Path, room: Path, *extra: str, scheme: str = "http", **settings: str) -> Iterator[Running]:
    """A fresh one in `room`, its templates beside it."""
    for template in binary.parent.glob("*.tmpl"):
        shutil.copy(template, room)
    (room / "config.yml").write_text(CONFIG)
    command = [
        str(binary), "--config.file=config.yml", "--storage.path=data", "--cluster.listen-address=",
        "--web.listen-address=127.0.0.1:0", *extra,
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=room, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            told = next((line for line in process.stderr if LISTENING in line), "")
            assert told, "it ended before it listened"
            url = f"{scheme}://{told.partition(LISTENING)[2].split()[0]}"
            yield Running(url, Settings(alertmanager_url=url).model_copy(update=settings))
        finally:
            process.kill()


@pytest.fixture
def server(alertmanager_binary: Path, tmp_path: Path) -> Iterator[Running]:
    with running(alertmanager_binary, tmp_path) as made:
        yield made


def both(server: Running, feed: AlertFeed, question: AskAlerts) -> Facts:
    """What they agree on."""
    real, simulated = server.ask(question), feed.facts(question, NOW)
    assert real == simulated
    return real


def test_alerts_are_told_alike(server: Running) -> None:
    feed = AlertFeed()
    fired: list[tuple[dict[str, str], int]] = [
        (labels_of("Slow", "Deployment", "shop", "web"), SINCE + 60_000),
        (labels_of("Old", "Deployment", "shop", "web"), SINCE - 60_000),
        (labels_of("Other", "Deployment", "till", "web"), SINCE + 60_000),
        (labels_of("Crashing", "Pod", "shop", "web-5d4f8c7b9d-x2x7q"), SINCE + 120_500),
        (labels_of("Pressure", "Node", "", "ip-10.0.0.7"), SINCE + 180_000),
        (labels_of("Neighbour", "Node", "", "ip-10a0b0c7"), SINCE + 180_000),
    ]
    for labels, began in fired:
        server.fire(labels, began)
        feed.begin(labels, began)
    found = both(server, feed, AskAlerts((WEB, NODE), SINCE))
    assert found == AlertFacts(
        (
            Alert("Slow", WEB, SINCE + 60_000),
            Alert("Crashing", WEB, SINCE + 120_500),
            Alert("Pressure", NODE, SINCE + 180_000),
        )
    )


def test_no_alerts_are_told_alike(server: Running) -> None:
    assert both(server, AlertFeed(), AskAlerts((WEB, NODE), SINCE)) == AlertFacts(())


def test_what_is_over_is_told_no_more(server: Running) -> None:
    feed, labels = AlertFeed(), labels_of("Slow", "Deployment", "shop", "web")
    server.fire(labels, SINCE + 60_000, SINCE + 120_000)
    feed.begin(labels, SINCE + 60_000)
    feed.end("Slow", SINCE + 120_000)
    assert both(server, feed, AskAlerts((WEB,), SINCE)) == AlertFacts(())


def test_who_is_not_fed_has_no_word(server: Running) -> None:
    feed, question = AlertFeed(), AskAlerts((WEB,), SINCE, "Watchdog")
    feed.fed = False
    assert isinstance(both(server, feed, question), Unknown)
    feed.fed = True
    server.fire({"alertname": "Watchdog", "severity": "none"}, NOW - 24 * HOUR)
    assert both(server, feed, question) == AlertFacts(())


def test_what_somebody_silenced_does_not_count(server: Running) -> None:
    server.fire(labels_of("Slow", "Deployment", "shop", "web"), SINCE + 60_000)
    silence = {
        "matchers": [{"name": "alertname", "value": "Slow", "isRegex": False, "isEqual": True}],
        "startsAt": format_instant(NOW),
        "endsAt": format_instant(NOW + HOUR),
        "createdBy": "alice",
        "comment": "known",
    }
    assert server.ask(AskAlerts((WEB,), SINCE)) != AlertFacts(())
    server.post("/api/v2/silences", silence)
    assert server.ask(AskAlerts((WEB,), SINCE)) == AlertFacts(())


def test_its_certificate_is_checked(alertmanager_binary: Path, tmp_path: Path) -> None:
    for name, text in (("tls.crt", FIRST_CERTIFICATE), ("tls.key", FIRST_KEY), ("other.crt", SECOND_CERTIFICATE)):
        (tmp_path / name).write_text(text)
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n")
    secured = running(alertmanager_binary, tmp_path, "--web.config.file=web.yml", scheme="https")
    with secured as made:
        known = {"alertmanager_ca_file": str(tmp_path / "tls.crt")}
        stranger = {"alertmanager_ca_file": str(tmp_path / "other.crt")}
        question = AskAlerts((WEB,), SINCE)
        assert made._replace(settings=made.settings.model_copy(update=known)).ask(question) == AlertFacts(())
        refused = made._replace(settings=made.settings.model_copy(update=stranger)).ask(question)
    assert isinstance(refused, Unknown)
    assert "CERTIFICATE_VERIFY_FAILED" in refused.reason


def test_an_address_where_nobody_is_has_no_word(server: Running) -> None:
    wrong = server._replace(settings=Settings(alertmanager_url=f"{server.url}/elsewhere"))
    found = wrong.ask(AskAlerts((WEB,), SINCE))
    assert isinstance(found, Unknown)
    assert "HTTP 404" in found.reason
