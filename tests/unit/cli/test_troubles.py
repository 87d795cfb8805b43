"""What does a person read when it is not the workflow that is at fault, but the name, the login or the cluster?"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.adapters.apiserver import Answer, Asked, Hangs, Stream, Told, serving
from tests.unit.cli.test_commands import manifest, wfexec
from tests.unit.cli.test_decisions import PATH, Cluster, cluster
from wfexec.adapters import person
from wfexec.cli import show

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
        (Told(502, b"\x00\x01"), "the cluster cannot answer now: HTTP 502\n"),
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


@pytest.mark.parametrize("users", [[{"name": "somebody-else", "user": {}}], []])
def test_nobody_goes_on_as_nobody_when_the_context_names_a_user_that_is_not_there(
    users: list[dict[str, Any]], tmp_path: Path
) -> None:
    with serving(lambda asked: Told()) as server:
        path = server.kubeconfig(tmp_path)
        content = yaml.safe_load(path.read_text())
        name = content["contexts"][0]["context"]["user"]
        content["users"] = users
        path.write_text(yaml.safe_dump(content))
        code, _, said = wfexec("get", "--kubeconfig", path)
        assert server.asked == []
    assert code == 2
    assert f"{path}: no credentials: the context's user {name!r} is not among the users of the file" in said


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


def test_many_workflows_are_listed_page_by_page(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person, "PAGE", 2)
    one = cluster.send("GET", f"{PATH}/recover")
    for name in ("one", "two", "three", "four"):
        body = {"apiVersion": one["apiVersion"], "kind": one["kind"], "spec": one["spec"]}
        cluster.send("POST", PATH, {**body, "metadata": {"name": name}})
    code, out, _ = cluster.types("alice", "get")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["NAME", "four", "one", "recover", "three", "two"]


def line(kind: str, phase: str) -> bytes:
    return json.dumps({"type": kind, "object": seen(phase)}).encode() + b"\n"


def seen(phase: str) -> dict[str, Any]:
    meta = {"name": "recover", "namespace": "default", "uid": "u", "resourceVersion": "7", "generation": 1}
    return {"metadata": meta, "spec": {"remediationRequestRef": {"name": "r"}}, "status": {"phase": phase}}


def test_a_watch_outlives_the_api_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look, a watch that is cut, a server that starts, a watch that is refused, and at last the end."""
    monkeypatch.setattr(person, "AGAIN_S", 0.01)
    script: list[Answer] = [
        Told(body=json.dumps(seen("executing")).encode()),
        Stream((line("MODIFIED", "monitoring"),), "cut"),
        Told(503, b"starting"),
        Hangs(cut=True),
        Told(body=json.dumps(seen("monitoring")).encode()),
        Told(429, b"{}"),
        Told(body=json.dumps(seen("completed")).encode()),
    ]
    with serving(lambda asked: script.pop(0)) as server:
        code, out, said = wfexec("watch", "recover", "--kubeconfig", server.kubeconfig(tmp_path))
    assert code == 0, said
    assert [one.partition(",")[0] for one in out.splitlines()] == [
        "default/recover: executing", "default/recover: monitoring", "default/recover: completed",
    ]  # fmt: skip
    assert said == "the cluster cannot answer now: HTTP 503: starting; it is looked for again\n"


@pytest.mark.parametrize("answers", [1, 0])
def test_a_cluster_that_stays_away_ends_a_watch(answers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has seen it waits for `AWAY_S`; who has not is told at once."""
    monkeypatch.setattr(person, "AGAIN_S", 0.01)
    monkeypatch.setattr(person, "AWAY_S", 0.1 if answers else 60.0)
    script = [Told(body=json.dumps(seen("executing")).encode())] * answers
    with serving(lambda asked: script.pop() if script else Told(503, b"{}")) as server:
        code, _, said = wfexec("watch", "recover", "--kubeconfig", server.kubeconfig(tmp_path))
    assert code == 2
    assert said.count("the cluster cannot answer now: HTTP 503: {}") == 1 + answers


@pytest.mark.parametrize(
    ("patched", "told", "code"),
    [
        (Hangs(cut=True), "no reply came, so nobody knows whether it was changed: ", 2),
        (Told(), "asked by alice; what became of it is not known: the cluster cannot answer now: HTTP 503", 3),
    ],
)
def test_what_was_asked_for_is_not_called_undone(patched: Answer, told: str, code: int, tmp_path: Path) -> None:
    review = {"status": {"userInfo": {"username": "alice"}}}
    script: list[Answer] = [
        Told(201, json.dumps(review).encode()),
        Told(body=json.dumps(seen("executing")).encode()),
        patched,
    ]
    with serving(lambda asked: script.pop(0) if script else Told(503, b"{}")) as server:
        ended, out, said = wfexec("cancel", "recover", "--kubeconfig", server.kubeconfig(tmp_path))
    assert (ended, out) == (code, "")
    assert said.startswith(f"default/recover: {told}")


def test_what_is_drawn_over_fits_the_terminal() -> None:
    drawn = show.fitting(("a headline", "one", "two", "three", "four"), 6, 5)
    assert drawn == ("a hea…", "one", "two", "… 2 m…")
    assert show.fitting(("one", "two"), 80, 24) == ("one", "two")


def test_a_workflow_that_nobody_looks_at_or_that_goes_says_so(cluster: Cluster) -> None:
    assert "no controller has looked at it yet; is one running?" in cluster.types("alice", "describe", "recover")[1]
    held = {"metadata": {"finalizers": ["workflowexecution.kubernaut.io/workflowexecution-cleanup"]}}
    cluster.send("PATCH", f"{PATH}/recover", held)
    cluster.send("DELETE", f"{PATH}/recover")
    assert re.match(
        r"shop/recover: new, being deleted for \d+s, 0 of", cluster.types("alice", "describe", "recover")[1]
    )


def test_who_waits_no_longer_is_told_that_the_change_stands(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> Iterator[None]:
        raise KeyboardInterrupt

    monkeypatch.setattr(person.Person, "follow", interrupted)
    code, out, said = cluster.types("alice", "pause", "recover")
    assert (code, out) == (130, "")
    assert said.startswith("shop/recover: asked by alice, and that stands; its answer was not waited for\n")
    assert cluster.send("GET", f"{PATH}/recover")["spec"]["suspend"] is True


def test_what_holds_a_running_workflow_up_stands_in_its_first_line(cluster: Cluster) -> None:
    silent = "KubernetesExecution recover-step-1 has not been taken up for 1m; is its executor running?"
    condition = {"type": "Degraded", "status": "True", "reason": "ExecutorSilent", "message": silent}
    status = {"message": "executing 1 step", "conditions": [{**condition, "lastTransitionTime": SECOND}]}
    for phase, told in (("executing", f": executing 1 step; degraded: {silent}"), ("failed", ": executing 1 step")):
        cluster.send("PATCH", f"{PATH}/recover/status", {"status": {**status, "phase": phase}})
        assert cluster.types("alice", "describe", "recover")[1].splitlines()[0].endswith(told)
