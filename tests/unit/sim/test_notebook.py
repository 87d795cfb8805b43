"""The notebook runs from its first cell to its last."""

import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[3] / "notebooks" / "policies.py"


@pytest.mark.slow
def test_the_notebook_walks_through_the_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "policies.ipynb"
    jupytext = [sys.executable, "-m", "jupytext", "--to", "ipynb", "--output", str(made), str(NOTEBOOK)]
    subprocess.run(jupytext, check=True, capture_output=True, timeout=60)
    monkeypatch.setenv("WFEXEC_NOTEBOOK_RUNS", "6")
    monkeypatch.setenv("WFEXEC_NOTEBOOK_OUT", str(tmp_path))
    monkeypatch.setenv("WFEXEC_ROOT", str(NOTEBOOK.parents[1]))
    nbmake = [sys.executable, "-m", "pytest", "--nbmake", "-q", "-p", "no:randomly", "-c", "/dev/null", str(made)]
    done = subprocess.run(nbmake, cwd=NOTEBOOK.parents[1], capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "policies.svg").exists()
