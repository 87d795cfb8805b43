"""Which manifests a cluster of the tests holds: what deploy/ applies, and the test users' rights.

Called by the back-ends that are no real API server; the real one is given the folder.
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
# What deploy/kustomization.yaml leaves to whoever wants it.
LEFT_OUT: Final = "orphan-retention"


@cache
def manifests() -> tuple[dict[str, Any], ...]:
    """Documents in the order of the files' names."""
    shipped = [file for file in sorted((ROOT / "deploy").glob("*/**/*.yaml")) if LEFT_OUT not in file.parts]
    files = [*shipped, ROOT / "tests" / "envtest" / "users.yaml"]
    return tuple(document for file in files for document in yaml.safe_load_all(file.read_text()) if document)
