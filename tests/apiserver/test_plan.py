"""Is `wfexec plan --against live` tried on what the real cluster holds, and does it leave everything as it is?"""

import json
from pathlib import Path

import yaml
from typer.testing import CliRunner

from tests.envtest.server import ControlPlane
from wfexec.cli.main import app

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

    def plan() -> tuple[int, dict[str, object]]:
        kubeconfig = str(control_plane.kubeconfig("admin"))
        arguments = ["plan", str(path), "--against", "live", "--kubeconfig", kubeconfig, "--json", "--runs", "0"]
        done = CliRunner().invoke(app, arguments)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, json.loads(done.stdout)[0]

    code, told = plan()
    assert code == 0, told
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
