"""Is `wfexec plan --against live` tried on what the real cluster holds, and does it leave everything as it is?"""

import json
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from tests.envtest.server import ControlPlane
from wfexec.cli.main import app
from wfexec.model.meta import CONTROLLER_NAMESPACE, REGISTRY_NAME, REMEDIATION_API, REMEDIATION_KIND

DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"


def test_a_plan_sees_the_live_targets_and_changes_nothing(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    body = {"metadata": {"name": "web"}, "spec": {"replicas": 3, "selector": {"matchLabels": labels}, "template": pod}}
    assert control_plane.request("POST", DEPLOYMENTS.format(namespace), body)[0] == 201
    scale = {"namespace": namespace, "deployment": "web", "replicas": 5}
    one = {"stepNumber": 1, "name": "more", "action": "scale-deployment", "parameters": {"scaleDeployment": scale}}
    checks = [{"type": "network"}]
    spec = {
        "remediationRequestRef": {"name": "parent"},
        "workflowDefinition": {"name": "heal", "version": "1", "steps": [one]},
        "executionStrategy": {"safetyChecks": checks},
    }
    head = {"apiVersion": "workflowexecution.kubernaut.io/v1", "kind": "WorkflowExecution"}
    path = tmp_path / "workflow.yaml"
    path.write_text(yaml.safe_dump({**head, "metadata": {"name": "heal", "namespace": namespace}, "spec": spec}))

    def plan(user: str = "admin") -> tuple[int, dict[str, Any]]:
        kubeconfig = str(control_plane.kubeconfig(user))
        arguments = ["plan", str(path), "--against", "live", "--kubeconfig", kubeconfig, "--json", "--runs", "0"]
        done = CliRunner().invoke(app, arguments)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, json.loads(done.stdout)[0]

    code, told = plan()
    assert code == 0, told
    assert limit(told) == (
        "10m",
        "its number of steps, 1",
        "RemediationRequest 'parent' does not exist, or is another one of that name",
    )
    requests = f"/apis/{REMEDIATION_API}/namespaces/{namespace}/remediationrequests"
    given = {"metadata": {"name": "parent"}, "spec": {"timeoutConfig": {"workflowExecutionTimeout": "25m"}}}
    kind = {"apiVersion": REMEDIATION_API, "kind": REMEDIATION_KIND}
    made = control_plane.request("POST", requests, kind | given)
    assert made[0] == 201, made
    code, told = plan()
    assert limit(told) == ("25m", "workflowExecutionTimeout of RemediationRequest 'parent'", None)
    dry_run = told["dryRun"]
    assert isinstance(dry_run, dict)
    (change,) = dry_run["resourceChanges"]
    assert (change["beforeState"], change["afterState"]) == ({"replicas": "3"}, {"replicas": "5"})
    rights = told["rights"]
    assert isinstance(rights, list)
    # Nobody has granted the executor anything here, and the real authorizer says so.
    assert rights[0]["granted"] is False
    status, deployment = control_plane.request("GET", DEPLOYMENTS.format(namespace) + "/web")
    assert (status, deployment["spec"]["replicas"]) == (200, 3)
    assert control_plane.request("DELETE", DEPLOYMENTS.format(namespace) + "/web")[0] == 200
    code, told = plan()
    assert code == 3
    assert "does not exist" in str(told["refused"])
    # Who may see nothing of this is not told that the workflow would be refused.
    code, told = plan("mallory")
    assert "may give another time" in str(limit(told)[2])
    assert (code, told["refused"]) == (0, None)
    assert "not checked, for this user may not see it: capacity, health, rbac, dry run" in str(told["warnings"])


def limit(told: dict[str, Any]) -> tuple[str, str, str | None]:
    """How long the workflow may take, by whose word, and what may change that."""
    found = told["limit"]
    return found["timeout"], found["by"], found["but"]


def test_a_plan_shows_the_steps_of_a_template_in_the_cluster(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    tell = {"name": "tell", "action": "notify-only"}
    template = yaml.safe_dump({"name": "tell-on-call", "version": "1.2.0", "steps": [tell]})
    labels = {"workflowexecution.kubernaut.io/template": "true"}
    held = {"metadata": {"name": "tell-on-call", "labels": labels}, "data": {"template.yaml": template}}
    assert control_plane.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", held)[0] == 201
    spec = {"remediationRequestRef": {"name": "parent"}, "templateRef": {"name": "tell-on-call"}}
    head = {"apiVersion": "workflowexecution.kubernaut.io/v1", "kind": "WorkflowExecution"}
    path = tmp_path / "workflow.yaml"
    path.write_text(yaml.safe_dump({**head, "metadata": {"name": "tell", "namespace": namespace}, "spec": spec}))
    kubeconfig = str(control_plane.kubeconfig("admin"))
    arguments = ["plan", str(path), "--against", "live", "--kubeconfig", kubeconfig, "--json", "--runs", "0"]
    done = CliRunner().invoke(app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    (told,) = json.loads(done.stdout)
    assert (told["plan"]["name"], told["plan"]["version"]) == ("tell-on-call", "1.2.0"), told
    assert [step["action"] for step in told["plan"]["steps"]] == ["notify-only"]


def test_a_plan_knows_the_registry_of_the_cluster_and_that_marks_are_guarded(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    maps = f"/api/v1/namespaces/{CONTROLLER_NAMESPACE}/configmaps"
    entries = {
        "update-image": "pre: [{type: calm, expr: 'input.restarts < 3', required: false}]",
        "scale-deploymant": "{}",
    }
    registry = {"metadata": {"name": REGISTRY_NAME, "labels": {"version": "v9"}}, "data": entries}
    assert control_plane.request("POST", maps, registry)[0] == 201
    try:
        told = plan_of_new_image(control_plane, namespace, tmp_path)
    finally:
        assert control_plane.request("DELETE", f"{maps}/{REGISTRY_NAME}")[0] == 200
    (step,) = told["conditions"]
    assert (step["stepNumber"], step["version"], step["postConditions"]) == (1, "v9", [])
    assert [(one["type"], one["required"]) for one in step["preConditions"]] == [("calm", False)]
    assert any("scale-deploymant: no such action" in text for text in told["warnings"])
    # Signed by nobody, and believed, for the shipped policy stands at the door.
    assert told["refused"] is None
    told = plan_of_new_image(control_plane, namespace, tmp_path)
    assert [one["version"] for one in told["conditions"]] == ["embedded"]


def plan_of_new_image(control_plane: ControlPlane, namespace: str, folder: Path) -> dict[str, Any]:
    labels = {"metadata": {"labels": {"environment": "production"}}}
    assert control_plane.request("PATCH", f"/api/v1/namespaces/{namespace}", labels)[0] == 200
    image = {"namespace": namespace, "deployment": "web", "container": "app", "newImage": "app:2"}
    one = {"stepNumber": 1, "name": "roll", "action": "update-image", "parameters": {"updateImage": image}}
    spec = {
        "remediationRequestRef": {"name": "parent"},
        "workflowDefinition": {"name": "heal", "version": "1", "steps": [one]},
        "executionStrategy": {"safetyChecks": [{"type": "network"}]},
    }
    head = {"apiVersion": "workflowexecution.kubernaut.io/v1", "kind": "WorkflowExecution"}
    meta = {"name": "heal", "namespace": namespace, "annotations": {"kubernaut.ai/image-update-approved": "true"}}
    path = folder / "roll.yaml"
    path.write_text(yaml.safe_dump({**head, "metadata": meta, "spec": spec}))
    pod = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    body = {
        "metadata": {"name": "web"},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": pod},
    }
    assert control_plane.request("POST", DEPLOYMENTS.format(namespace), body)[0] in (201, 409)
    kubeconfig = str(control_plane.kubeconfig("admin"))
    arguments = ["plan", str(path), "--against", "live", "--kubeconfig", kubeconfig, "--json", "--runs", "0"]
    done = CliRunner().invoke(app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    unlabelled = {"metadata": {"labels": {"environment": None}}}
    assert control_plane.request("PATCH", f"/api/v1/namespaces/{namespace}", unlabelled)[0] == 200
    told: dict[str, Any] = json.loads(done.stdout)[0]
    return told
