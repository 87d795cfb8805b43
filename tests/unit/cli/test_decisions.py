"""`wfexec approve` and `wfexec reject` against a served cluster with the shipped roles and policy (BR-WF-018)."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.serve import Served
from tests.contract.conftest import fake_cluster
from tests.unit.adapters.apiserver import Asked, Told, serving
from tests.unit.cli.test_commands import wfexec
from wfexec.cli import decisions
from wfexec.crd.wire import MERGE_PATCH, HttpCall

Json = dict[str, Any]
PREFIX = "workflowexecution.kubernaut.io/"
PATH = "/apis/workflowexecution.kubernaut.io/v1/namespaces/shop/workflowexecutions"
STEP = {"stepNumber": 1, "name": "one", "action": "restart-deployment"}
PENDING = {"type": "Approved", "status": "False", "reason": "Pending", "message": "11 steps are more than 10"}


class Cluster:
    """A served cluster with one workflow `recover` in the namespace `shop`."""

    def __init__(self, served: Served, folder: Path) -> None:
        self.served = served
        self.folder = folder
        self.send("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        spec = {
            "remediationRequestRef": {"name": "r"},
            "workflowDefinition": {"name": "d", "version": "1", "steps": [STEP]},
        }
        body = {"apiVersion": "workflowexecution.kubernaut.io/v1", "kind": "WorkflowExecution"}
        self.send("POST", PATH, {**body, "metadata": {"name": "recover"}, "spec": spec})

    def send(self, method: str, path: str, body: Json | None = None, user: str = "admin") -> Json:
        kind = MERGE_PATCH if method == "PATCH" else "application/json"
        call = HttpCall(method, path, (), kind, json.dumps(body).encode() if body else b"")
        with self.served.lock:
            reply = self.served.cluster.http(call, user, self.served.now())
        assert reply.status < 300, reply.payload
        found: Json = json.loads(reply.payload)
        return found

    def becomes(self, phase: str, **condition: str) -> None:
        """What the controller would have written."""
        made = {**PENDING, "lastTransitionTime": "2026-01-01T00:00:00Z", **condition}
        status = {"phase": phase, "conditions": [made] if condition or phase == "validating" else []}
        self.send("PATCH", f"{PATH}/recover/status", {"status": status})

    def marks(self) -> dict[str, str]:
        found: dict[str, str] = self.send("GET", f"{PATH}/recover")["metadata"].get("annotations", {})
        return {key.removeprefix(PREFIX): value for key, value in found.items()}

    def as_user(self, user: str) -> Path:
        content = self.served.kubeconfig(f"token-of-{user}")
        content["contexts"][0]["context"]["namespace"] = "shop"
        path = self.folder / f"{user}.kubeconfig"
        path.write_text(yaml.safe_dump(content))
        return path

    def types(self, user: str, *args: str) -> tuple[int, str, str]:
        return wfexec(*args, "--kubeconfig", self.as_user(user))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Served(fake_cluster()) as served:
        yield Cluster(served, tmp_path)


def test_an_approval_is_signed_and_dated(cluster: Cluster) -> None:
    cluster.becomes("validating")
    assert cluster.types("alice", "approve", "recover", "--reason", "looked at it", "--wait", "0") == (
        *(0, "shop/recover: asked by alice\n", ""),
    )
    marks = cluster.marks()
    assert marks.pop("approval-time").endswith("Z")
    assert marks == {"approval": "approved", "approved-by": "alice", "approval-reason": "looked at it"}


def test_a_rejection_too_and_it_takes_the_old_reason_away(cluster: Cluster) -> None:
    cluster.becomes("validating")
    cluster.types("alice", "approve", "recover", "--reason", "looked at it", "--wait", "0")
    assert cluster.types("alice", "reject", "recover", "-n", "shop", "--wait", "0")[0] == 0
    marks = cluster.marks()
    assert (marks["approval"], "approval-reason" in marks) == ("rejected", False)


def test_a_workflow_that_was_suspended_while_it_waits_can_be_decided(cluster: Cluster) -> None:
    cluster.becomes("paused", reason="Pending")
    assert cluster.types("alice", "approve", "recover", "--wait", "0")[0] == 0


@pytest.mark.parametrize(
    ("phase", "condition", "word", "why"),
    [
        ("", {}, "approve", "not waiting for an approval: it is new"),
        ("executing", {}, "approve", "not waiting for an approval: it is executing"),
        (
            *("executing", {"reason": "Granted", "status": "True", "message": "by bob"}, "reject"),
            "already decided: approved by bob; it is executing",
        ),
        (
            *("validating", {"reason": "Granted", "status": "True", "message": "by bob"}, "approve"),
            "already decided: approved by bob; it is validating",
        ),
        (
            *("failed", {"reason": "Rejected", "message": "by bob: no"}, "approve"),
            "already decided: rejected by bob: no; it is failed",
        ),
        (
            *("failed", {"reason": "Expired", "message": "nobody decided"}, "approve"),
            "too late: nobody decided; it is failed",
        ),
    ],
)
def test_what_cannot_be_decided_is_said(
    cluster: Cluster, phase: str, condition: dict[str, str], word: str, why: str
) -> None:
    if phase:
        cluster.becomes(phase, **condition)
    assert cluster.types("alice", word, "recover") == (2, "", f"shop/recover: {why}\n")
    assert cluster.marks() == {}


def test_a_no_in_the_last_moment_is_taken(cluster: Cluster) -> None:
    cluster.becomes("validating", reason="Granted", status="True", message="by bob")
    assert cluster.types("alice", "reject", "recover", "--wait", "0")[0] == 0


def test_the_same_word_twice_is_said_to_be_there(cluster: Cluster) -> None:
    cluster.becomes("validating")
    assert cluster.types("alice", "approve", "recover", "--wait", "0")[0] == 0
    code, _, said = cluster.types("alice", "approve", "recover")
    assert (code, "already decided: approved by alice; the controller has yet to see it" in said) == (2, True)


@pytest.mark.parametrize(
    ("word", "phase", "condition", "accepted", "text"),
    [
        ("approved", "validating", {}, None, ""),
        ("approved", "validating", {"reason": "Granted", "message": "by alice"}, True, "approved by alice"),
        ("approved", "executing", {"reason": "Granted", "message": "by bob"}, True, "approved by bob meanwhile"),
        ("approved", "failed", {"reason": "Rejected", "message": "by bob: no"}, False, "already rejected by bob: no"),
        ("rejected", "failed", {"reason": "Rejected", "message": "by alice: no"}, True, "rejected by alice"),
        ("rejected", "validating", {"reason": "Granted", "message": "by bob"}, None, ""),
        ("rejected", "executing", {"reason": "Granted", "message": "by bob"}, False, "already approved by bob"),
        ("approved", "failed", {"reason": "Expired", "message": "nobody decided"}, False, "too late: nobody decided"),
        ("approved", "cancelled", {}, False, "not waiting for an approval any more: it is cancelled"),
        (
            *("approved", "validating", {"message": "the decision of alice is ignored: no right"}),
            *(False, "refused: the decision of alice is ignored: no right"),
        ),
    ],
)
def test_a_word_is_called_accepted_when_status_says_so(
    word: str, phase: str, condition: Json, accepted: bool | None, text: str
) -> None:
    before = {"status": {"phase": "validating", "conditions": [PENDING]}}
    now = {"status": {"phase": phase, "conditions": [PENDING | condition]}}
    answer = decisions._answered(word, before, now, "alice")
    assert (answer.accepted if answer else None) is accepted
    assert text in (answer.text if answer else "")


def test_who_may_not_is_told_by_the_policy_what_to_do(cluster: Cluster) -> None:
    cluster.becomes("validating")
    code, _, said = cluster.types("mallory", "approve", "recover")
    assert code == 2
    assert said.startswith(f"shop/recover: refused by the cluster: setting {PREFIX}approval, ")
    assert "needs the verb approve on workflowexecutions, which mallory lacks; bind the ClusterRole" in said
    assert "ValidatingAdmissionPolicy" not in said


def test_who_may_not_even_look_is_told_by_the_server(cluster: Cluster) -> None:
    code, _, said = cluster.types("executor", "approve", "recover")
    assert (code, 'cannot get resource "workflowexecutions"' in said) == (2, True)


def test_what_is_not_there_is_said(cluster: Cluster) -> None:
    assert cluster.types("alice", "approve", "recovr") == (
        *(2, ""),
        "shop/recovr: there is no such WorkflowExecution; look with: kubectl get wfe -A\n",
    )


def test_without_a_cluster_it_says_what_to_give(tmp_path: Path) -> None:
    code, _, said = wfexec("approve", "recover", "--kubeconfig", tmp_path / "none")
    assert (code, "give --kubeconfig FILE" in said) == (2, True)


@pytest.mark.parametrize(("conflicts", "code"), [(2, 0), (99, 2)])
def test_a_workflow_that_moves_on_is_looked_at_again(tmp_path: Path, conflicts: int, code: int) -> None:
    """The change is for the version that was seen; five times at most."""
    looks = threading.Semaphore(conflicts)
    review = {"status": {"userInfo": {"username": "alice"}}}
    seen: Json = {"metadata": {"name": "recover", "namespace": "default", "resourceVersion": "7"}}
    seen |= {"status": {"phase": "validating", "conditions": [PENDING]}}

    def answer(asked: Asked) -> Told:
        if asked.method == "POST":
            return Told(201, json.dumps(review).encode())
        if asked.method == "PATCH":
            assert json.loads(asked.body)["metadata"]["resourceVersion"] == "7"
            if looks.acquire(blocking=False):
                return Told(409, b"{}")
        return Told(200, json.dumps(seen).encode())

    with serving(answer) as server:
        done, _, said = wfexec("approve", "recover", "--wait", "0", "--kubeconfig", server.kubeconfig(tmp_path))
    assert done == code
    assert ("it changed 5 times" in said) is (code == 2)
