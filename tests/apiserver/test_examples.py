"""Does a cluster take the examples as they are, with `kubectl apply -f`? (BR-WF-001)"""

from pathlib import Path

import pytest
import yaml

from tests.envtest.server import ControlPlane

ROOT = Path(__file__).parents[2]
MANIFESTS = sorted((ROOT / "examples").glob("*/workflow.yaml"))


def test_there_are_examples() -> None:
    assert len(MANIFESTS) >= 5


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parent.name)
def test_an_editor_can_apply_it(control_plane: ControlPlane, namespace: str, manifest: Path) -> None:
    """As mallory, who may edit and not approve: no example decides for somebody."""
    objects = list(yaml.safe_load_all(manifest.read_text()))
    for each in objects:
        each["metadata"]["namespace"] = namespace
    strictly = ["--server-side", "--validate=strict", "--dry-run=server"]
    answer = control_plane.kubectl(["apply", *strictly, "-f", "-"], "mallory", stdin=yaml.safe_dump_all(objects))
    assert (answer.returncode, answer.stderr) == (0, "")
