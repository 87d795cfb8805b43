"""Do tests of one group run in one worker, and before those that are in none?"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = """
import os
import pytest

def test_cheap():
    with open("workers", "a") as file:
        print("cheap", file=file)

@pytest.mark.parametrize("number", range(12))
@pytest.mark.xdist_group("dear")
def test_dear(number):
    with open("workers", "a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], file=file)
"""


def workers(folder: Path, count: int) -> list[str]:
    """Who ran each of the group's tests, and "cheap" where the other one ran, in order."""
    (folder / "test_dear.py").write_text(TESTS)
    plugins = ["-p", "xdist", "-p", "tests.grouping"]
    options = [*plugins, "-n", str(count), "--dist", "loadgroup", "-c", os.devnull, "--rootdir", str(folder)]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    return (folder / "workers").read_text().split()


def test_a_group_stays_together(tmp_path: Path) -> None:
    dear = [worker for worker in workers(tmp_path, 2) if worker != "cheap"]
    assert len(dear) == 12
    assert len(set(dear)) == 1


def test_groups_begin_first(tmp_path: Path) -> None:
    assert workers(tmp_path, 1) == [*["gw0"] * 12, "cheap"]
