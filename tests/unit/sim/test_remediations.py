"""`wfexec sim run` takes RemediationRequests, and the simulated parent sees them through (BR-WF-050)."""

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sim.cli.main import app

WAY = """
    - workflowDefinition:
        name: NAME
        version: "1"
        steps:
          - stepNumber: 1
            name: NAME
            action: scale-deployment
            criticalStep: true
            maxRetries: 0
            parameters: {scaleDeployment: {namespace: shop, deployment: web, replicas: 5}}
"""
REQUEST = """
apiVersion: remediation.kubernaut.io/v1alpha1
kind: RemediationRequest
metadata: {name: slow, namespace: shop}
spec:
  severity: warning
  workflows:
"""
EXECUTOR = """
cluster: {nodes: {n1: {}}, deployments: {shop/web: {replicas: 3, image: "web:1"}}}
steps:
  "*/bad": {attempts: [{result: failure, error: {type: permission_denied}}]}
"""


def play(folder: Path, text: str, *words: str) -> Result:
    (folder / "request.yaml").write_text(text)
    (folder / "executor.yaml").write_text(EXECUTOR)
    return CliRunner().invoke(app, ["run", str(folder / "request.yaml"), *words])


def ways(*names: str) -> str:
    return "".join(WAY.replace("NAME", name) for name in names)


def test_a_request_is_answered_by_its_second_way_when_the_first_fails(tmp_path: Path) -> None:
    found = play(tmp_path, REQUEST + ways("bad", "good"))
    assert found.exit_code == 0, found.output
    assert "slow-workflow: failed after" in found.stdout
    assert "slow-workflow-2: completed (success) after" in found.stdout
    assert "0 targets left damaged" in found.stdout
    assert "RemediationRequest shop/slow: completed\n" in found.stdout


def test_a_request_that_fails_ends_with_3_and_says_why(tmp_path: Path) -> None:
    found = play(tmp_path, REQUEST + ways("bad"), "--json")
    assert found.exit_code == 3, found.output
    told = orjson.loads(found.stdout)
    (one,) = told["requests"]
    assert (one["namespace"], one["name"], one["phase"]) == ("shop", "slow", "failed")
    assert one["message"].startswith("a person is needed: no other way is known; step_failed")
    assert told["completed"] is False


def test_a_workflow_that_the_server_refuses_fails_its_request(tmp_path: Path) -> None:
    found = play(tmp_path, REQUEST + ways("good").replace('version: "1"', "version: 1"))
    assert found.exit_code == 3, found.output
    assert "RemediationRequest shop/slow: failed: its workflow was refused: " in found.stdout


def test_a_workflow_beside_a_request_is_run_as_well(tmp_path: Path) -> None:
    own = """
---
apiVersion: workflowexecution.kubernaut.io/v1
kind: WorkflowExecution
metadata: {name: own, namespace: shop}
spec:
  remediationRequestRef: {name: slow}
""" + ways("good").replace("    - workflow", "  workflow").replace("\n      ", "\n    ")
    found = play(tmp_path, REQUEST + ways("good") + own)
    assert found.exit_code == 0, found.output
    assert "own: completed (success)" in found.stdout
    assert "slow-workflow: completed (success)" in found.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (REQUEST.replace("  workflows:\n", "  workflows: []\n"), "spec.workflows: must be a list of specs"),
        (REQUEST.replace("name: slow, ", "") + ways("good"), "is required and must be an object with a name"),
        (REQUEST.replace("  workflows:\n", ""), "holds no WorkflowExecution"),
        (REQUEST.replace("warning", "loud") + ways("good"), "RemediationRequest"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_without_a_traceback(tmp_path: Path, text: str, said: str) -> None:
    found = play(tmp_path, text)
    assert found.exit_code == 2, found.output
    assert said in found.output
    assert "Traceback" not in found.output
