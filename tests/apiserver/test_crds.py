"""Does the real server take the generated CRDs, and keep the promises written into them? (BR-WF-001)"""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from tests.apiserver.bodies import EXECUTIONS, WORKFLOWS, execution, path, workflow
from tests.envtest.server import ControlPlane
from tests.unit.core.test_selectors import NOT_READ, READ

CRDS = Path(__file__).parents[2] / "crds"
FILES = sorted(CRDS.rglob("*.yaml"))
Answer = tuple[int, Any]


def create(cluster: ControlPlane, namespace: str, body: dict[str, Any]) -> Answer:
    return cluster.request("POST", path(namespace), body)


def change(cluster: ControlPlane, namespace: str, name: str, spec: dict[str, Any]) -> Answer:
    return cluster.request("PATCH", path(namespace, name), {"spec": spec})


def first_step(body: dict[str, Any]) -> dict[str, Any]:
    step: dict[str, Any] = body["spec"]["workflowDefinition"]["steps"][0]
    return step


def test_there_are_crds_to_test() -> None:
    assert {file.name.split("_")[0] for file in FILES} == {
        "workflowexecution.kubernaut.io",
        "kubernetesexecution.kubernaut.io",
        "remediation.kubernaut.io",
        "aianalysis.kubernaut.io",
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_crd_is_established_and_structural(control_plane: ControlPlane, file: Path) -> None:
    name = yaml.safe_load(file.read_text())["metadata"]["name"]
    address = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    conditions = control_plane.request("GET", address)[1]["status"]["conditions"]
    by_type = {each["type"]: each["status"] for each in conditions}
    assert by_type["Established"] == by_type["NamesAccepted"] == "True"
    assert by_type.get("NonStructuralSchema", "False") == "False", conditions


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_crd_is_applied_without_a_warning(control_plane: ControlPlane, file: Path) -> None:
    strictly = ["--server-side", "--dry-run=server", "--validate=strict"]
    answer = control_plane.kubectl(["apply", *strictly, "-f", str(file)])
    assert (answer.returncode, answer.stderr) == (0, "")


def test_the_server_fills_in_the_defaults(control_plane: ControlPlane, namespace: str) -> None:
    status, made = create(control_plane, namespace, workflow())
    assert status == 201, made
    strategy = made["spec"]["executionStrategy"]
    assert (strategy["dryRunFirst"], strategy["rollbackStrategy"]) == (True, "automatic")
    assert (made["spec"]["suspend"], made["spec"]["cancel"]) == (False, False)
    assert made["metadata"]["generation"] == 1


def test_a_workflow_without_time_is_refused_now_and_later(control_plane: ControlPlane, namespace: str) -> None:
    told = "timeout must be more than 0s"
    for none in ("0s", "0m0.0s", "0h"):
        status, answer = create(control_plane, namespace, workflow() | {"spec": workflow()["spec"] | {"timeout": none}})
        assert status == 422, answer
        assert told in answer["message"]
    status, made = create(control_plane, namespace, workflow())
    assert status == 201, made
    status, answer = change(control_plane, namespace, made["metadata"]["name"], {"timeout": "0s"})
    assert status == 422, answer
    assert told in answer["message"]
    assert change(control_plane, namespace, made["metadata"]["name"], {"timeout": "1.5h"})[0] == 200


def test_selectors_are_those_that_the_server_takes(control_plane: ControlPlane, namespace: str) -> None:
    """What planning takes and refuses (BR-WF-023), held against the real grammar."""
    place = f"/api/v1/namespaces/{namespace}/pods?labelSelector="
    found = {text: control_plane.request("GET", place + quote(text))[0] for text in (*READ, *NOT_READ)}
    assert found == dict.fromkeys(READ, 200) | dict.fromkeys(NOT_READ, 400)


def test_an_unknown_field_is_named(control_plane: ControlPlane, namespace: str) -> None:
    body = workflow()
    first_step(body)["timeOut"] = "30s"
    status, answer = create(control_plane, namespace, body)
    assert status == 400
    assert 'unknown field "spec.workflowDefinition.steps[0].timeOut"' in answer["message"]


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"cordonNode": {"nodeName": "node-1"}}, "set exactly one of"),
        ({"scaleDeployment": None}, "set exactly one of"),
    ],
    ids=["two", "none"],
)
def test_exactly_one_member_of_a_union_is_set(
    control_plane: ControlPlane, namespace: str, members: dict[str, Any], why: str
) -> None:
    body = workflow()
    parameters = {**first_step(body)["parameters"], **members}
    first_step(body)["parameters"] = {name: member for name, member in parameters.items() if member is not None}
    status, answer = create(control_plane, namespace, body)
    assert status == 422, answer
    assert "spec.workflowDefinition.steps[0].parameters" in answer["message"]
    assert why in answer["message"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeout", "-5s"),
        ("timeout", 30),
        ("maxRetries", -1),
        ("dependsOn", ["first"]),
        ("stepNumber", 0),
        ("action", ""),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_field(
    control_plane: ControlPlane, namespace: str, field: str, value: object
) -> None:
    body = workflow()
    first_step(body)[field] = value
    status, answer = create(control_plane, namespace, body)
    assert status == 422, answer
    assert f"steps[0].{field}" in answer["message"]


def test_two_steps_cannot_have_one_number(control_plane: ControlPlane, namespace: str) -> None:
    body = workflow()
    body["spec"]["workflowDefinition"]["steps"] *= 2
    status, answer = create(control_plane, namespace, body)
    assert status == 422, answer
    assert "Duplicate value" in answer["message"]


def test_a_workflow_has_a_definition_or_a_template(control_plane: ControlPlane, namespace: str) -> None:
    body = workflow()
    body["spec"]["templateRef"] = {"name": "scale-out"}
    status, answer = create(control_plane, namespace, body)
    assert status == 422
    assert "set exactly one of workflowDefinition, templateRef" in answer["message"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("workflowDefinition", {"version": "2.0.0"}),
        ("executionStrategy", {"dryRunFirst": False}),
        ("remediationRequestRef", {"name": "another"}),
    ],
)
def test_what_was_ordered_cannot_be_changed(
    control_plane: ControlPlane, namespace: str, field: str, value: dict[str, Any]
) -> None:
    assert create(control_plane, namespace, workflow("fixed"))[0] == 201
    status, answer = change(control_plane, namespace, "fixed", {field: value})
    assert status == 422
    assert f"{field} is immutable" in answer["message"]


@pytest.mark.parametrize(
    "spec",
    [{"suspend": True}, {"cancel": True, "onCancel": {"children": "delete"}}, {"timeout": "1h"}, {"priority": "high"}],
    ids=lambda spec: next(iter(spec)),
)
def test_what_is_asked_of_a_running_one_can_be(
    control_plane: ControlPlane, namespace: str, spec: dict[str, Any]
) -> None:
    assert create(control_plane, namespace, workflow("running"))[0] == 201
    status, answer = change(control_plane, namespace, "running", spec)
    assert status == 200, answer
    assert answer["metadata"]["generation"] == 2


def test_status_is_written_apart(control_plane: ControlPlane, namespace: str) -> None:
    made = create(control_plane, namespace, {**workflow("apart"), "status": {"phase": "completed"}})[1]
    assert made.get("status", {}).get("phase") != "completed"
    address = path(namespace, "apart").replace("/apart", "/apart/status")
    status, answer = control_plane.request("PATCH", address, {"status": {"phase": "planning"}}, "controller")
    assert (status, answer["status"]["phase"]) == (200, "planning"), answer
    assert answer["metadata"]["generation"] == 1


def test_a_childs_order_cannot_be_changed(control_plane: ControlPlane, namespace: str) -> None:
    address = f"/apis/kubernetesexecution.kubernaut.io/v1/namespaces/{namespace}/kubernetesexecutions"
    status, answer = control_plane.request("POST", f"{address}?fieldValidation=Strict", execution(), "controller")
    assert status == 201, answer
    body = {"spec": {"action": "delete_pod"}}
    status, answer = control_plane.request("PATCH", f"{address}/{execution()['metadata']['name']}", body)
    assert status == 422
    assert "immutable" in answer["message"]


def test_kubectl_shows_how_far_a_workflow_is(control_plane: ControlPlane, namespace: str) -> None:
    assert create(control_plane, namespace, workflow("shown"))[0] == 201
    address = path(namespace, "shown").replace("/shown", "/shown/status")
    progress = {"status": {"phase": "executing", "currentStep": 1, "totalSteps": 3}}
    assert control_plane.request("PATCH", address, progress, "controller")[0] == 200
    header, row = control_plane.kubectl(["get", "wfe", "-n", namespace], "viewer", check=True).stdout.splitlines()
    assert header.split() == ["NAME", "PHASE", "STEP", "TOTAL", "OUTCOME", "AGE"]
    assert row.split()[:4] == ["shown", "executing", "1", "3"]


def test_kubectl_finds_workflows_by_phase(control_plane: ControlPlane, namespace: str) -> None:
    for name, phase in (("one", "executing"), ("two", "completed")):
        assert create(control_plane, namespace, workflow(name))[0] == 201
        address = path(namespace, name).replace(f"/{name}", f"/{name}/status")
        assert control_plane.request("PATCH", address, {"status": {"phase": phase}}, "controller")[0] == 200
    selection = ["--field-selector", "status.phase=completed", "-o", "name"]
    found = control_plane.kubectl(["get", "workflowexecutions", "-n", namespace, *selection], "viewer", check=True)
    assert found.stdout.split() == [f"workflowexecution.{WORKFLOWS.partition('.')[2]}/two"]


def test_kubectl_lists_both_kinds_by_category(control_plane: ControlPlane, namespace: str) -> None:
    assert create(control_plane, namespace, workflow("both"))[0] == 201
    address = f"/apis/kubernetesexecution.kubernaut.io/v1/namespaces/{namespace}/kubernetesexecutions"
    assert control_plane.request("POST", address, execution())[0] == 201
    listed = control_plane.kubectl(["get", "kubernaut", "-n", namespace, "-o", "name"], check=True).stdout.split()
    kinds = {f"{WORKFLOWS.replace('workflowexecutions', 'workflowexecution', 1)}/both"}
    kinds.add(
        f"{EXECUTIONS.replace('kubernetesexecutions', 'kubernetesexecution', 1)}/{execution()['metadata']['name']}"
    )
    assert set(listed) == kinds
