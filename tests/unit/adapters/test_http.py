"""Do probes and metrics answer on real sockets, to the right callers only, and over TLS that can be renewed?"""

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.adapters.apiserver import Answer, Asked, Hangs, Told, serving
from tests.unit.adapters.certificates import FIRST_CERTIFICATE, FIRST_KEY, SECOND_CERTIFICATE, SECOND_KEY
from wfexec.adapters.auth import ACCESS_REVIEWS, KEPT_MAX, KEPT_S, REVIEWS, MetricsGate
from wfexec.adapters.http import Server, Site, Tls, metrics_site, probes_site
from wfexec.adapters.kube import Reply, connect
from wfexec.crd.wire import HttpCall
from wfexec.errors import BadInput

PATIENCE_S = 10
HERE = "127.0.0.1:0"


@contextmanager
def listening(site: Site, tls: Tls | None = None) -> Iterator[int]:
    server = Server.listening("--x-bind-address", HERE, site, tls)
    assert server is not None
    try:
        yield server.port
    finally:
        server.close()


def get(port: int, path: str, token: str = "", method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, headers={"Authorization": token} if token else {})
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Reviewer:
    """An API server that knows two people; one of them may read metrics."""

    def __init__(self) -> None:
        self.reviews = 0
        self.works = True

    def __call__(self, asked: Asked) -> Answer:
        if not self.works:
            return Hangs(cut=True)
        spec = json.loads(asked.body)["spec"]
        status: dict[str, object] = {}
        if asked.path == REVIEWS:
            self.reviews += 1
            name = {"good-token": "prometheus", "poor-token": "mallory"}.get(spec["token"], "")
            user = {"username": name, "groups": ["system:authenticated"]}
            status = {"authenticated": True, "user": user} if name else {"authenticated": False}
        elif asked.path == ACCESS_REVIEWS:
            assert spec["nonResourceAttributes"] == {"path": "/metrics", "verb": "get"}
            assert spec["groups"] == ["system:authenticated"]
            status = {"allowed": spec["user"] == "prometheus"}
        return Told(201, json.dumps({"status": status}).encode())


@contextmanager
def gated(folder: Path, reviewer: Reviewer, time: Time) -> Iterator[int]:
    with serving(reviewer) as server:
        connection = connect(str(server.kubeconfig(folder)), None, 2)
        gate = MetricsGate(connection.call, time)
        with listening(metrics_site(lambda: b"a_total 1\n", gate)) as port:
            yield port
        connection.close()


def test_all_four_probes_answer_and_say_why_not() -> None:
    why = {"live": "", "ready": "the first lists are not complete"}
    with listening(probes_site(lambda: why["live"], lambda: why["ready"])) as port:
        assert [get(port, path) for path in ("/healthz", "/health?verbose")] == [(200, "ok\n")] * 2
        assert [get(port, path) for path in ("/readyz", "/ready")] == [(503, f"{why['ready']}\n")] * 2
        why.update(live="the engine does not respond", ready="")
        assert get(port, "/healthz") == (503, "the engine does not respond\n")
        assert get(port, "/readyz") == (200, "ok\n")
        assert get(port, "/metrics")[0] == 404
        assert get(port, "/readyz", method="HEAD") == (200, "")
        assert get(port, "/readyz", method="POST")[0] == 501


def test_metrics_are_open_without_a_gate() -> None:
    with listening(metrics_site(lambda: b"a_total 1\n", None)) as port:
        assert get(port, "/metrics") == (200, "a_total 1\n")
        assert get(port, "/")[0] == 404


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Basic Z29vZA==", 401),
        ("Bearer wrong-token", 401),
        ("Bearer poor-token", 403),
        ("Bearer good-token", 200),
        ("bearer good-token", 200),
        ("Bearer " + "x" * 20_000, 401),
    ],
)
def test_only_who_may_read_metrics_gets_them(tmp_path: Path, header: str, status: int) -> None:
    with gated(tmp_path, Reviewer(), Time()) as port:
        found, body = get(port, "/metrics", header)
    assert found == status
    assert ("a_total" in body) is (status == 200)


def test_an_answer_is_kept_for_a_minute(tmp_path: Path) -> None:
    reviewer, time = Reviewer(), Time()
    with gated(tmp_path, reviewer, time) as port:
        for token in ("good-token", "good-token", "poor-token", "poor-token"):
            get(port, "/metrics", f"Bearer {token}")
        assert reviewer.reviews == 2
        time.now += KEPT_S
        assert get(port, "/metrics", "Bearer good-token")[0] == 200
        assert reviewer.reviews == 3


def test_nobody_gets_in_while_nobody_can_be_asked_and_that_is_not_kept(tmp_path: Path) -> None:
    reviewer = Reviewer()
    reviewer.works = False
    with gated(tmp_path, reviewer, Time()) as port:
        assert get(port, "/metrics", "Bearer good-token")[0] == 401
        reviewer.works = True
        assert get(port, "/metrics", "Bearer good-token")[0] == 200


def test_many_tokens_do_not_fill_the_memory() -> None:
    asked: list[HttpCall] = []

    def nobody(call: HttpCall, timeout_s: float) -> Reply:
        asked.append(call)
        return Reply(201, b'{"status":{"authenticated":false}}', None)

    time = Time()
    gate = MetricsGate(nobody, time)
    for number in range(KEPT_MAX + 1):
        assert gate.refuse(f"Bearer wrong-{number}") is not None
    gate.refuse(f"Bearer wrong-{KEPT_MAX}")
    assert len(asked) == KEPT_MAX + 2, "one too many to keep"
    time.now += KEPT_S
    gate.refuse("Bearer wrong-0")
    gate.refuse("Bearer wrong-0")
    assert len(asked) == KEPT_MAX + 3, "the old ones made room"


def test_a_challenge_says_which_kind_of_credentials(tmp_path: Path) -> None:
    with gated(tmp_path, Reviewer(), Time()) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        connection.request("GET", "/metrics")
        assert connection.getresponse().headers["WWW-Authenticate"] == "Bearer"
        connection.close()


@pytest.mark.parametrize("address", ["9090", "localhost", ":x", ":70000", "[::1]", ":-1"])
def test_a_wrong_address_is_told(address: str) -> None:
    with pytest.raises(BadInput, match="write :8080"):
        Server.listening("--metrics-bind-address", address, probes_site(str, str))


def test_a_taken_address_is_told_with_its_flag() -> None:
    site = probes_site(str, str)
    with listening(site) as port, pytest.raises(BadInput, match=r"--metrics-bind-address: cannot listen here"):
        Server.listening("--metrics-bind-address", f"127.0.0.1:{port}", site)


def test_0_is_no_server_and_an_empty_host_is_every_address() -> None:
    assert Server.listening("--x", "0", probes_site(str, str)) is None
    server = Server.listening("--x", ":0", probes_site(str, str))
    assert server is not None
    try:
        assert get(server.port, "/healthz") == (200, "ok\n")
    finally:
        server.close()


def pair(folder: Path, certificate: str, key: str) -> tuple[str, str]:
    (folder / "tls.crt").write_text(certificate)
    (folder / "tls.key").write_text(key)
    return str(folder / "tls.crt"), str(folder / "tls.key")


def secured(port: int, certificate: str) -> int:
    """The status of /healthz, given that the server shows this certificate."""
    trust = ssl.create_default_context(cadata=certificate)
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE_S, context=trust)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_renewed_certificate_is_used_and_a_broken_one_is_not(tmp_path: Path) -> None:
    tls = Tls.of(*pair(tmp_path, FIRST_CERTIFICATE, FIRST_KEY))
    with listening(probes_site(str, str), tls) as port:
        assert secured(port, FIRST_CERTIFICATE) == 200
        pair(tmp_path, SECOND_CERTIFICATE, "half a key")
        assert secured(port, FIRST_CERTIFICATE) == 200
        pair(tmp_path, SECOND_CERTIFICATE, SECOND_KEY)
        assert secured(port, SECOND_CERTIFICATE) == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            secured(port, FIRST_CERTIFICATE)


def test_one_who_speaks_no_tls_hurts_nobody_else(tmp_path: Path) -> None:
    tls = Tls.of(*pair(tmp_path, FIRST_CERTIFICATE, FIRST_KEY))
    with listening(probes_site(str, str), tls) as port:
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            get(port, "/healthz")
        assert secured(port, FIRST_CERTIFICATE) == 200


def test_certificate_and_key_go_together(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, FIRST_CERTIFICATE, SECOND_KEY)
    assert Tls.of("", "") is None
    for one in ((certificate, ""), ("", key)):
        with pytest.raises(BadInput, match="together"):
            Tls.of(*one)
    with pytest.raises(BadInput, match="cannot be used"):
        Tls.of(certificate, key)
    with pytest.raises(BadInput, match="cannot be used"):
        Tls.of(str(tmp_path / "none"), key)
