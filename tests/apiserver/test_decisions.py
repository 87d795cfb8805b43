"""`wfexec approve` and `reject` on a real server, as people with the rights that deploy/ gives them (BR-WF-018)."""

import pytest

from tests.apiserver.bodies import path, workflow
from tests.envtest.server import ControlPlane
from tests.unit.cli.test_commands import wfexec

PREFIX = "workflowexecution.kubernaut.io/"


@pytest.fixture
def waiting(control_plane: ControlPlane, namespace: str) -> str:
    """A workflow `waiting` that waits for an approval, in this namespace."""
    status, answer = control_plane.request("POST", path(namespace), workflow("waiting"))
    assert status == 201, answer
    condition = {"type": "Approved", "status": "False", "reason": "Pending", "message": "needed"}
    body = {
        "status": {"phase": "validating", "conditions": [condition | {"lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    }
    address = path(namespace, "waiting").replace("/waiting", "/waiting/status")
    status, answer = control_plane.request("PATCH", address, body, "controller")
    assert status == 200, answer
    return namespace


@pytest.mark.parametrize(("word", "past"), [("approve", "approved"), ("reject", "rejected")])
def test_an_approver_decides_under_the_name_that_the_server_knows(
    control_plane: ControlPlane, waiting: str, word: str, past: str
) -> None:
    flags = ("-n", waiting, "--reason", "seen", "--wait", "0", "--kubeconfig", control_plane.kubeconfig("alice"))
    assert wfexec(word, "waiting", *flags) == (0, f"{waiting}/waiting: asked by alice\n", "")
    marks = control_plane.request("GET", path(waiting, "waiting"))[1]["metadata"]["annotations"]
    assert (marks[f"{PREFIX}approval"], marks[f"{PREFIX}approved-by"]) == (past, "alice")


def test_an_editor_is_told_what_is_missing(control_plane: ControlPlane, waiting: str) -> None:
    code, _, said = wfexec("approve", "waiting", "-n", waiting, "--kubeconfig", control_plane.kubeconfig("mallory"))
    assert (code, "which mallory lacks; bind the ClusterRole workflowexecution-approver" in said) == (2, True), said


def test_a_viewer_is_told_by_the_server(control_plane: ControlPlane, waiting: str) -> None:
    code, _, said = wfexec("approve", "waiting", "-n", waiting, "--kubeconfig", control_plane.kubeconfig("viewer"))
    assert (code, 'cannot patch resource "workflowexecutions"' in said) == (2, True), said
