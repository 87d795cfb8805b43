"""Does a cluster take the examples as they are, with `kubectl apply -f`? (BR-WF-001, BR-WF-018)"""

from pathlib import Path

import pytest
import yaml

from tests.envtest.server import ControlPlane

ROOT = Path(__file__).parents[2]
MANIFESTS = sorted((ROOT / "examples").glob("*/workflow.yaml"))


def test_there_are_examples() -> None:
    assert len(MANIFESTS) >= 5


def apply(cluster: ControlPlane, user: str, namespace: str, manifest: Path) -> tuple[int, str]:
    """What kubectl answers (exit code, stderr), in a namespace of the test instead of the example's own."""
    objects = list(yaml.safe_load_all(manifest.read_text()))
    for each in objects:
        each["metadata"]["namespace"] = namespace
    strictly = ["--server-side", "--validate=strict", "--dry-run=server"]
    answer = cluster.kubectl(["apply", *strictly, "-f", "-"], user, stdin=yaml.safe_dump_all(objects))
    return answer.returncode, answer.stderr


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parent.name)
def test_an_approver_can_apply_it(control_plane: ControlPlane, namespace: str, manifest: Path) -> None:
    assert apply(control_plane, "alice", namespace, manifest) == (0, "")


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parent.name)
def test_an_editor_can_unless_it_comes_approved(control_plane: ControlPlane, namespace: str, manifest: Path) -> None:
    code, said = apply(control_plane, "mallory", namespace, manifest)
    if "/pre-approved:" in manifest.read_text():
        assert "needs the verb approve" in said
    else:
        assert (code, said) == (0, "")
