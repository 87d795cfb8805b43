"""Do tests of one group run in one worker?"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", range(12))
@pytest.mark.xdist_group("dear")
def test_dear(number):
    with open("workers", "a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], file=file)
"""


def test_a_group_stays_together(tmp_path: Path) -> None:
    (tmp_path / "test_dear.py").write_text(TESTS)
    options = [
        "-p",
        "xdist",
        "-p",
        "tests.grouping",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
    ]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    workers = (tmp_path / "workers").read_text().split()
    assert len(workers) == 12
    assert len(set(workers)) == 1
