"""The fake behind a port: who calls, what it says when it cannot, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.cluster.cluster import Cluster, Depth
from sim.serve import Served

WFEXEC = (sys.executable, "-c", "from wfexec.cli.main import main; main()")
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def served() -> Iterator[Served]:
    with Served(Cluster(Depth.WIRE, tokens={"known": "ann"})) as running:
        yield running


def get(served: Served, path: str, token: str = "", method: str = "GET") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(served.url + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
            return answer.status, json.loads(body) if body[:1] == b"{" else body
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())


def test_a_caller_is_known_by_its_token(served: Served) -> None:
    assert get(served, "/readyz") == (200, b"ok")
    assert get(served, MAPS, token="known")[0] == 200
    status, answer = get(served, MAPS, token="forged")
    assert (status, answer["reason"]) == (401, "Unauthorized")


def test_what_is_not_modelled_is_said(served: Served) -> None:
    status, answer = get(served, "/apis/batch/v1/jobs")
    assert (status, answer["reason"]) == (501, "NotImplemented")
    assert answer["message"] == "the fake cluster does not model: GET /apis/batch/v1/jobs"
    assert get(served, MAPS, method="DELETE")[0] == 501


def test_a_watch_ends_in_time(served: Served) -> None:
    assert get(served, f"{MAPS}?watch=1&timeoutSeconds=0.05") == (200, b"")


def test_a_watch_from_a_forgotten_past_is_told_so_in_its_stream(served: Served) -> None:
    with served.lock:
        served.cluster.compact()
    status, event = get(served, f"{MAPS}?watch=1&resourceVersion=1")
    assert (status, event["type"], event["object"]["code"]) == (200, "ERROR", 410)
    assert get(served, f"{MAPS}?watch=1&fieldSelector=nothing%3D1")[0] == 400


def test_a_watch_ends_with_the_server() -> None:
    running = Served(Cluster(Depth.WIRE))
    running.start()
    with urllib.request.urlopen(f"{running.url}{MAPS}?watch=1", timeout=10) as watching:
        running.stop()
        assert watching.read() == b""


def test_only_wire_depth_can_be_served() -> None:
    with pytest.raises(ValueError, match="wire depth"):
        Served(Cluster(Depth.SHARED))


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    command = [*WFEXEC, "sim", "serve", "--port=0", f"--kubeconfig={config}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as running:
        assert running.stderr is not None
        assert running.stderr.readline().startswith("serving http://127.0.0.1:")
        server = yaml.safe_load(config.read_text())["clusters"][0]["cluster"]["server"]
        with urllib.request.urlopen(f"{server}/readyz", timeout=10) as answer:
            assert answer.read() == b"ok"
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 0


def test_the_command_names_a_port_that_is_taken(served: Served, tmp_path: Path) -> None:
    port = served.url.rpartition(":")[2]
    command = [*WFEXEC, "sim", "serve", f"--port={port}", f"--kubeconfig={tmp_path}/k"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert f"--port: Address already in use (found {port})" in ended.stderr
