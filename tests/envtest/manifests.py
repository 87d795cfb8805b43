"""Which manifests a cluster of the tests holds: what deploy/ applies, and the test users' rights.

Called by the back-ends that are no real API server; the real one is given the folder.
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"


@cache
def manifests() -> tuple[dict[str, Any], ...]:
    """Documents in the order of the files' names, without the components that are left to whoever wants them."""
    told = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    folders = [DEPLOY / name for name in (*told["resources"], *told["components"])]
    shipped = [file for folder in folders for file in sorted(folder.glob("*.yaml"))]
    files = [*shipped, ROOT / "tests" / "envtest" / "users.yaml"]
    return tuple(document for file in files for document in yaml.safe_load_all(file.read_text()) if document)
