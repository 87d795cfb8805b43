"""Which of the published example manifests does the real server take unchanged? (docs/decisions/0003)"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.envtest.server import ControlPlane
from wfexec.crd.files import read_objects
from wfexec.errors import BadInput

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "data" / "seed-manifests"
DECISION = ROOT / "docs" / "decisions" / "0003-seed-manifests.md"
APPLIES = ("child-of-scale-step.yaml", "scale-step.yaml", "planning-status.yaml")
# File -> what the server says.
REFUSED = {
    "completed-status.yaml": 'unknown field "status.stepStatuses[0].result.changesApplied"',
    "planning-test.yaml": 'unknown field "spec.workflowDefinition.steps[0].parameters.deployment"',
    "made-by-alert-remediation.yaml": 'unknown field "spec.alertRemediationRef"',
    "finalizer-test.yaml": "spec: Required value",
    "child-with-safety-checks.yaml": 'unknown field "spec.safetyChecks"',
    "child-by-index.yaml": 'unknown field "spec.stepIndex"',
}


def manifest(file: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / file).read_text())
    return loaded


def applied(cluster: ControlPlane, namespace: str, file: str) -> tuple[int, dict[str, Any]]:
    """Create the object, its status too, as `kubectl create` would: with strict validation."""
    body = manifest(file)
    group, plural = body["apiVersion"], f"{body['kind'].lower()}s"
    path = f"/apis/{group}/namespaces/{namespace}/{plural}"
    body["metadata"]["namespace"] = namespace
    status, answer = cluster.request("POST", f"{path}?fieldValidation=Strict", body)
    if status != 201 or "status" not in body:
        return status, answer
    name = body["metadata"]["name"]
    patch = {"status": body["status"]}
    return cluster.request("PATCH", f"{path}/{name}/status?fieldValidation=Strict", patch)


def test_each_manifest_is_judged_and_written_down() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")}
    assert files == {*APPLIES, *REFUSED}
    decision = DECISION.read_text()
    assert [file for file in sorted(files) if f"`{file}`" not in decision] == []


@pytest.mark.parametrize("file", APPLIES)
def test_applies_unchanged(control_plane: ControlPlane, namespace: str, file: str) -> None:
    status, answer = applied(control_plane, namespace, file)
    assert status in (200, 201), answer
    assert contains(answer["spec"], manifest(file)["spec"])
    assert contains(answer.get("status", {}), manifest(file).get("status", {}))


def contains(stored: Any, sent: Any) -> bool:
    """Whether all that was sent is stored; the server may have filled in more."""
    if isinstance(sent, dict):
        return all(key in stored and contains(stored[key], sent[key]) for key in sent)
    if isinstance(sent, list):
        return len(stored) == len(sent) and all(contains(*pair) for pair in zip(stored, sent, strict=True))
    return bool(stored == sent)


@pytest.mark.parametrize("file", REFUSED)
def test_is_refused_for_the_reason_written_down(control_plane: ControlPlane, namespace: str, file: str) -> None:
    status, answer = applied(control_plane, namespace, file)
    assert status in (400, 422), answer
    assert REFUSED[file] in answer["message"], answer["message"]


@pytest.mark.parametrize("file", [*APPLIES, *REFUSED])
def test_our_own_reader_judges_alike(file: str) -> None:
    data = (FOLDER / file).read_bytes()
    if file in APPLIES:
        assert len(read_objects(data, file)) == 1
    else:
        with pytest.raises(BadInput):
            read_objects(data, file)
