"""What does `make lint` say about a tree in which one rule is broken?

The commands are read from the Makefile and the settings copied from pyproject.toml, so what fails here fails
there. The tree mirrors the rooms of the real one with empty modules: small enough to check in a second, and a
new room is covered by itself.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EMPTY = '"""A room."""\n'

Lint = Callable[[str], "subprocess.CompletedProcess[str]"]


def lint_commands() -> dict[str, list[str]]:
    """The recipe of `make lint`: command line by a short name such as `ruff check`."""
    makefile = (ROOT / "Makefile").read_text()
    found = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert found, "the Makefile has no recipe for lint"
    commands = {}
    for line in found.group(1).splitlines():
        tool, *arguments = shlex.split(line.strip().lstrip("@").replace("$(BIN)", str(Path(sys.executable).parent)))
        name = " ".join([Path(tool).name, *(a for a in arguments if a.isalpha())])
        commands[name] = [tool, *arguments]
    return commands


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The rooms of the project, empty, with the project's settings."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in ("wfexec", "sim"):
        for module in sorted((ROOT / package).rglob("*.py")):
            made = tmp_path / module.relative_to(ROOT)
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_text(EMPTY)
    for package in ("tests", "features"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(EMPTY)
    return tmp_path


@pytest.fixture
def lint(tree: Path) -> Lint:
    """Run one command of `make lint` in the tree."""
    commands = lint_commands()

    def run(name: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            commands[name],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), "NO_COLOR": "1", "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
