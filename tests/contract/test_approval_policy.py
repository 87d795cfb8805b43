"""Can somebody decide in another's name, or without the right to decide? On fake and real alike (BR-WF-018)."""

from typing import Any

import pytest

from tests.contract.conftest import Api
from tests.contract.test_own_kinds import workflow, workflows
from tests.envtest.server import USERS

Json = dict[str, Any]
Marks = dict[str, str | None]

OURS = [
    *("approval", "approved-by", "approval-reason", "approval-time", "pre-approved", "approval-source"),
    *("rollback", "rollback-to", "rollback-by", "retry-step", "skip-step", "complete-step", "intervened-by"),
]
SHARED = ["manual-retry", "emergency-override", "image-update-approved", "config-update-approved"]
GROUP = "workflowexecution.kubernaut.io"
GUARDED = [f"{GROUP}/{name}" for name in OURS] + [f"kubernaut.ai/{name}" for name in SHARED]
APPROVAL, BY, REASON = f"{GROUP}/approval", f"{GROUP}/approved-by", f"{GROUP}/approval-reason"
ROLLBACK, ROLLBACK_BY, SKIP, SKIPPED_BY = (
    f"{GROUP}/{name}" for name in ("rollback", "rollback-by", "skip-step", "intervened-by")
)
RETRY = "kubernaut.ai/manual-retry"
CONTROLLER = USERS["controller"][0]
BY_ALICE: Marks = {APPROVAL: "approved", BY: "alice"}

# (what stands there, who changes it, how, the status of the answer, the words in it)
CASES: dict[str, tuple[Marks, str, Marks, int, str]] = {
    "an approver decides": ({}, "alice", BY_ALICE, 200, ""),
    "an editor does not": ({}, "mallory", {APPROVAL: "approved", BY: "mallory"}, 403, "which mallory lacks; bind"),
    "nor in an approver's name": ({}, "mallory", BY_ALICE, 403, "which mallory lacks; bind"),
    "a viewer may not even try": ({}, "viewer", BY_ALICE, 403, 'cannot patch resource "workflowexecutions"'),
    "an approver signs for nobody else": ({}, "alice", {APPROVAL: "approved", BY: "bob"}, 422, f"{BY} must be the"),
    "and is told whose name belongs there": ({}, "alice", {ROLLBACK_BY: "bob"}, 422, "set it to alice, not to bob"),
    "an approval is signed": ({}, "alice", {APPROVAL: "approved"}, 422, f"{APPROVAL} needs {BY}: set it to alice"),
    "and stays so": (BY_ALICE, "alice", {BY: None}, 422, f"{APPROVAL} needs {BY}"),
    "a second one decides anew": (BY_ALICE, "admin", {APPROVAL: "rejected", BY: "admin"}, 200, ""),
    "but not under the first one's name": (BY_ALICE, "admin", {APPROVAL: "rejected"}, 422, "not to alice"),
    "nor puts words into her mouth": (BY_ALICE, "admin", {REASON: "she said so"}, 422, "set it to admin"),
    "a rollback is signed by who asks": ({}, "alice", {ROLLBACK: "requested", ROLLBACK_BY: "bob"}, 422, ROLLBACK_BY),
    "a skip too": ({}, "alice", {SKIP: "3", SKIPPED_BY: "bob"}, 422, SKIPPED_BY),
    "and a retry": ({}, "alice", {RETRY: "true", SKIPPED_BY: "bob"}, 422, SKIPPED_BY),
    "under her own name it counts": ({}, "alice", {SKIP: "3", SKIPPED_BY: "alice"}, 200, ""),
    "an approver takes back": (BY_ALICE, "alice", {APPROVAL: None, BY: None}, 200, ""),
    "an editor does not take back": (BY_ALICE, "mallory", {APPROVAL: None}, 403, f"removing {APPROVAL} needs the verb"),
    "the controller takes away": (BY_ALICE, "controller", {APPROVAL: None, BY: None}, 200, ""),
    "and sets nothing": ({}, "controller", {ROLLBACK: "requested"}, 403, "which may only remove it"),
    "what is not guarded is anybody's": (BY_ALICE, "mallory", {"team": "shop"}, 200, ""),
    "the same again is no change": (BY_ALICE, "mallory", BY_ALICE, 200, ""),
}


def annotate(api: Api, user: str, marks: Marks) -> tuple[int, Json]:
    return api.client.request("PATCH", workflows(api, "w"), {"metadata": {"annotations": marks}}, user=user)


def waiting(api: Api, marks: Marks | None = None) -> None:
    """A workflow in the namespace, with these annotations, written by whom they name."""
    status, answer = api.client.request("POST", workflows(api), workflow(), user="mallory")
    assert status == 201, answer
    if marks:
        assert annotate(api, marks.get(BY) or "admin", marks)[0] == 200


@pytest.mark.parametrize("case", CASES)
def test_who_may_write_which_key(api: Api, case: str) -> None:
    before, user, change, expected, words = CASES[case]
    waiting(api, before)
    status, answer = annotate(api, user, change)
    assert status == expected, answer
    if expected == 200:
        wanted = {key: value for key, value in (before | change).items() if value is not None}
        assert answer["metadata"].get("annotations", {}) == wanted
        return
    assert answer["reason"] == {403: "Forbidden", 422: "Invalid"}[status]
    assert words in answer["message"]
    if user == "viewer":
        return
    said = answer["message"].removeprefix(f'workflowexecutions.{GROUP} "w" is forbidden: ')
    name = "workflowexecution-approval"
    assert said.startswith(f"ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request: ")
    assert answer["details"] == {
        "name": "w",
        "group": GROUP,
        "kind": "workflowexecutions",
        "causes": [{"message": said}],
    }


def test_no_guarded_key_is_open_to_an_editor(api: Api) -> None:
    waiting(api)
    for key in GUARDED:
        status, answer = annotate(api, "mallory", {key: "mallory"})
        assert (status, f"setting {key} needs the verb approve" in answer["message"]) == (403, True), answer


def test_nor_at_creation(api: Api) -> None:
    for key in GUARDED:
        made = workflow()
        made["metadata"]["annotations"] = {key: "mallory"}
        status, answer = api.client.request("POST", workflows(api), made, user="mallory", query={"dryRun": "All"})
        assert (status, key in answer["message"]) == (403, True), answer


def test_only_who_may_approve_sends_what_is_approved_already(api: Api) -> None:
    made = workflow()
    made["metadata"]["annotations"] = {f"{GROUP}/pre-approved": "true", f"{GROUP}/approval-source": "analysis-7"}
    status, answer = api.client.request("POST", workflows(api), made, user="mallory")
    assert (status, "pre-approved" in answer["message"]) == (403, True), answer
    assert api.client.request("POST", workflows(api), made, user="alice")[0] == 201


def test_an_editor_may_still_suspend_what_is_approved(api: Api) -> None:
    waiting(api, BY_ALICE)
    status, answer = api.client.request("PATCH", workflows(api, "w"), {"spec": {"suspend": True}}, user="mallory")
    assert status == 200, answer


def test_the_status_is_no_way_round(api: Api) -> None:
    waiting(api)
    body = {"metadata": {"annotations": {APPROVAL: "approved"}}, "status": {"phase": "planning"}}
    status, answer = api.client.request("PATCH", f"{workflows(api, 'w')}/status", body, user="controller")
    assert (status, "annotations" in answer["metadata"]) == (200, False), answer


def test_a_controller_that_may_approve_still_sets_nothing(api: Api) -> None:
    """The right alone would not stop it: somebody may have bound it to too much."""
    waiting(api)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "workflowexecution-approver"}
    subject = {"kind": "ServiceAccount", "namespace": "kubernaut-system", "name": "workflow-execution-sa"}
    binding = {"metadata": {"name": "too-much"}, "roleRef": role, "subjects": [subject]}
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{api.namespace}/rolebindings"
    status, answer = api.client.request("POST", path, binding)
    assert status == 201, answer
    status, answer = annotate(api, "controller", {APPROVAL: "approved", BY: CONTROLLER})
    assert (status, f"{CONTROLLER} is the controller" in answer["message"]) == (403, True), answer
