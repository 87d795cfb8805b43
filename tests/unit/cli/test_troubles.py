"""What does a person read when it is not the workflow that is at fault, but the name, the login or the cluster?"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.adapters.apiserver import Asked, Told, serving
from tests.unit.cli.test_commands import manifest, wfexec
from tests.unit.cli.test_decisions import PATH, Cluster, cluster

__all__ = ["cluster"]
SECOND = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("", "not a name; write it as it stands in: wfexec get (found '')"),
        ("shop/recover", "no '/' belongs there; write: recover -n shop (found 'shop/recover')"),
        ("../../pods", "not a name"),
        ("Recover", "not a name"),
        ("x" * 254, "not a name"),
    ],
)
@pytest.mark.parametrize("command", ["describe", "export"])
def test_what_cannot_be_a_name_is_never_asked_for(command: str, name: str, fix: str, tmp_path: Path) -> None:
    with serving(lambda asked: Told(404)) as server:
        code, out, said = wfexec(command, name, "--kubeconfig", server.kubeconfig(tmp_path))
        assert server.asked == []
    assert (code, out) == (2, "")
    assert said.startswith(f"NAME: {fix}")


@pytest.mark.parametrize("command", [("get",), ("describe", "recover")])
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Told(404, b"404 page not found\n"), "the cluster knows no WorkflowExecutions; run: wfexec crds | kubectl"),
        (Told(400, b"Client sent an HTTP request\n to an HTTPS server.\n"), "HTTP 400: Client sent an HTTP request to"),
        (Told(502, b"\x00\x01"), "refused by the cluster: HTTP 502\n"),
        (Told(401, b'{"message": "Unauthorized"}'), "does not take these credentials: Unauthorized; log in again"),
    ],
)
def test_what_the_cluster_answers_is_explained(
    command: tuple[str, ...], answer: Told, told: str, tmp_path: Path
) -> None:
    review = json.dumps({"status": {"userInfo": {"username": "alice"}}}).encode()

    def served(asked: Asked) -> Told:
        return Told(201, review) if asked.method == "POST" else answer

    with serving(served) as server:
        code, out, said = wfexec(*command, "--kubeconfig", server.kubeconfig(tmp_path))
    assert (code, out) == (2, "")
    assert told in said


@pytest.mark.parametrize(
    ("plugin", "why"),
    [
        ({"command": "no-such-plugin"}, "No such file or directory: 'no-such-plugin'"),
        ({"command": "sh", "args": ["-c", "echo your session is over >&2; exit 3"]}, "your session is over"),
        ({"command": "echo", "args": ["nonsense"]}, "exec: failed to decode process output"),
    ],
)
@pytest.mark.parametrize("command", ["get", "run"])
def test_nobody_goes_on_as_nobody_when_a_credential_plugin_fails(
    command: str, plugin: dict[str, Any], why: str, tmp_path: Path
) -> None:
    with serving(lambda asked: Told()) as server:
        path = server.kubeconfig(tmp_path)
        content = yaml.safe_load(path.read_text())
        content["users"][0]["user"] = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", **plugin}}
        path.write_text(yaml.safe_dump(content))
        code, _, said = wfexec(command, "--kubeconfig", path)
        assert server.asked == []
    assert code == 2
    assert f"{path}: no credentials: " in said
    assert why in said
    assert "log in again, or name another user with --context" in said


def test_events_of_one_second_are_told_in_the_order_they_happened(cluster: Cluster) -> None:
    uid = cluster.send("GET", f"{PATH}/recover")["metadata"]["uid"]
    about = {"kind": "WorkflowExecution", "name": "recover", "namespace": "shop", "uid": uid}
    for number, name in enumerate("cab"):
        event = {
            "metadata": {"name": f"recover.{name}"},
            "involvedObject": about,
            "type": "Normal",
            "reason": "PhaseTransition",
            "message": f"number {number}",
            "firstTimestamp": SECOND,
            "lastTimestamp": SECOND,
        }
        cluster.send("POST", "/api/v1/namespaces/shop/events", event)
    code, out, _ = cluster.types("admin", "describe", "recover")
    assert code == 0
    assert [line[-1] for line in out.splitlines() if "PhaseTransition" in line] == ["0", "1", "2"]


def test_who_may_not_read_events_is_told_so_and_sees_the_rest(cluster: Cluster) -> None:
    code, out, _ = cluster.types("alice", "describe", "recover")
    assert code == 0
    assert "events: not shown: events is forbidden" in out
    assert cluster.types("admin", "describe", "recover")[1].endswith("events: none\n")


def test_a_full_disk_is_said_in_a_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "wfexec", "reference", "settings"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == "the output cannot be written: No space left on device; write it somewhere else\n"


def test_what_a_person_may_not_see_refuses_nothing_in_a_plan(cluster: Cluster, tmp_path: Path) -> None:
    """The controller has rights of its own: this person's lack of them says nothing about the workflow."""
    given = str(manifest(tmp_path))
    code, out, _ = cluster.types("mallory", "plan", given, "--against", "live", "--runs", "0")
    assert code == 0, out
    assert "verdict: nothing stands in the way, seen against live\n" in out
    unseen = "capacity, health, rbac, dry run, which namespaces are production"
    assert f"warning: not checked, for this user may not see it: {unseen}\n" in out
    code, out, _ = cluster.types("admin", "plan", given, "--against", "live", "--runs", "0")
    assert (code, "Deployment shop/web does not exist" in out, "not checked" in out) == (3, True, False)


@pytest.mark.parametrize(
    ("status", "told"), [(401, "does not take these credentials; log in again"), (500, "the cluster answers HTTP 500;")]
)
def test_a_plan_is_not_made_of_no_answer(status: int, told: str, tmp_path: Path) -> None:
    with serving(lambda asked: Told(status)) as server:
        flags = ("--against", "live", "--kubeconfig", server.kubeconfig(tmp_path))
        code, out, said = wfexec("plan", manifest(tmp_path), *flags)
    assert (code, out) == (2, "")
    assert said.startswith("live: the cluster ")
    assert told in said
