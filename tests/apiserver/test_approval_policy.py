"""Can somebody decide in another's name, or without the right to decide? (BR-WF-018)"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.apiserver.bodies import WORKFLOW_GROUP, path, workflow
from tests.envtest.server import ControlPlane

OURS = [
    *("approval", "approved-by", "approval-reason", "approval-time", "pre-approved", "approval-source"),
    *("rollback", "rollback-to", "rollback-by", "retry-step", "skip-step", "complete-step", "intervened-by"),
]
SHARED = ["manual-retry", "emergency-override", "image-update-approved", "config-update-approved"]
GUARDED = [f"{WORKFLOW_GROUP}/{name}" for name in OURS] + [f"kubernaut.ai/{name}" for name in SHARED]
APPROVAL, APPROVED_BY = f"{WORKFLOW_GROUP}/approval", f"{WORKFLOW_GROUP}/approved-by"

Annotate = Callable[[str, dict[str, str | None]], tuple[int, Any]]


@pytest.fixture
def annotate(control_plane: ControlPlane, namespace: str) -> Annotate:
    """Change annotations of a workflow that already waits in the namespace; None removes one."""
    status, answer = control_plane.request("POST", path(namespace), workflow("waiting"))
    assert status == 201, answer

    def patch(user: str, annotations: dict[str, str | None]) -> tuple[int, Any]:
        body = {"metadata": {"annotations": annotations}}
        return control_plane.request("PATCH", path(namespace, "waiting"), body, user)

    return patch


def refused(answer: tuple[int, Any], status: int = 403) -> str:
    """The policy's own words."""
    assert answer[0] == status, answer
    message: str = answer[1]["message"]
    assert "workflowexecution-approval" in message
    return message


def test_no_guarded_key_is_open_to_an_editor(annotate: Annotate) -> None:
    for key in GUARDED:
        assert f"setting {key} needs the verb approve" in refused(annotate("mallory", {key: "mallory"}))


def test_nor_at_creation(control_plane: ControlPlane, namespace: str) -> None:
    for key in GUARDED:
        body = workflow("born-decided", {key: "mallory"})
        assert key in refused(control_plane.request("POST", path(namespace, dry=True), body, "mallory"))


def test_an_approver_decides_in_her_own_name(annotate: Annotate) -> None:
    status, answer = annotate("alice", {APPROVAL: "approved", APPROVED_BY: "alice"})
    assert status == 200, answer
    assert answer["metadata"]["annotations"][APPROVAL] == "approved"


@pytest.mark.parametrize(
    ("deed", "signature"),
    [("approval", "approved-by"), ("rollback", "rollback-by"), ("skip-step", "intervened-by")],
)
def test_but_not_in_anothers(annotate: Annotate, deed: str, signature: str) -> None:
    claim: dict[str, str | None] = {f"{WORKFLOW_GROUP}/{deed}": "1", f"{WORKFLOW_GROUP}/{signature}": "bob"}
    assert "must be the requesting user, alice" in refused(annotate("alice", claim), 422)


def test_an_approval_without_a_name_is_refused(annotate: Annotate) -> None:
    assert "an approval needs" in refused(annotate("alice", {APPROVAL: "approved"}), 422)


def test_a_second_approver_does_not_sign_for_the_first(annotate: Annotate) -> None:
    assert annotate("admin", {APPROVAL: "rejected", APPROVED_BY: "admin"})[0] == 200
    refused(annotate("alice", {APPROVAL: "approved"}), 422)
    assert annotate("alice", {APPROVAL: "approved", APPROVED_BY: "alice"})[0] == 200


def test_an_editor_may_still_edit_what_is_approved(annotate: Annotate) -> None:
    assert annotate("alice", {APPROVAL: "approved", APPROVED_BY: "alice"})[0] == 200
    assert annotate("mallory", {"team": "shop"})[0] == 200
    assert "removing" in refused(annotate("mallory", {APPROVAL: None}))


def test_an_editor_may_suspend_what_is_approved(
    control_plane: ControlPlane, namespace: str, annotate: Annotate
) -> None:
    assert annotate("alice", {APPROVAL: "approved", APPROVED_BY: "alice"})[0] == 200
    body = {"spec": {"suspend": True}}
    assert control_plane.request("PATCH", path(namespace, "waiting"), body, "mallory")[0] == 200


def test_the_controller_takes_requests_away_and_makes_none(annotate: Annotate) -> None:
    rollback = f"{WORKFLOW_GROUP}/rollback"
    assert annotate("alice", {rollback: "requested"})[0] == 200
    assert annotate("controller", {rollback: None})[0] == 200
    refused(annotate("controller", {rollback: "requested"}))


def test_the_status_is_no_way_round(control_plane: ControlPlane, namespace: str, annotate: Annotate) -> None:
    assert annotate("alice", {"team": "shop"})[0] == 200
    address = path(namespace, "waiting").replace("/waiting", "/waiting/status")
    body = {"metadata": {"annotations": {APPROVAL: "approved"}}, "status": {"phase": "planning"}}
    status, answer = control_plane.request("PATCH", address, body, "controller")
    assert status == 200, answer
    assert APPROVAL not in answer["metadata"]["annotations"]
