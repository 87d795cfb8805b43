"""Does `pip install .` alone give the controller, whole and without the simulation's libraries?

Everything is installed from the environment's own cache where that suffices, so the tests also run without a network.
"""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"

# One worker builds the wheel once.
pytestmark = pytest.mark.xdist_group("packaging")

IMPORT_ALL = """
import importlib, importlib.util, json, pkgutil
import wfexec
names = sorted(m.name for m in pkgutil.walk_packages(wfexec.__path__, "wfexec.") if not m.name.endswith("__main__"))
for name in names:
    importlib.import_module(name)
absent = [n for n in ("simpy", "numpy", "scipy", "matplotlib", "pytest") if importlib.util.find_spec(n) is None]
print(json.dumps({"file": wfexec.__file__, "imported": names, "absent": absent}))
"""


def run(*command: str | Path, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the backend of this environment."""
    made = tmp_path_factory.mktemp("wheel")
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", made)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = made.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment that holds the wheel and what it depends on, at the pinned versions."""
    venv = tmp_path_factory.mktemp("bare") / "venv"
    assert run(UV, "venv", "--quiet", "--python", sys.executable, venv).returncode == 0
    install: list[str | Path] = [
        UV,
        "pip",
        "install",
        "--quiet",
        "--python",
        venv,
        "-c",
        "requirements/base.txt",
        wheel,
    ]
    if run(*install, "--offline").returncode != 0:
        done = run(*install)
        assert done.returncode == 0, done.stderr
    return venv / "bin"


def shipped(package: str) -> set[str]:
    """Files of a package that git tracks or would add."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", package)
    return {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}


def test_the_wheel_carries_both_packages_with_their_data_and_the_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert (shipped("wfexec") | shipped("sim")) - names == set()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"wfexec", "sim"}
    assert [name for name in names if name.endswith("/licenses/LICENSE")] != []


def test_the_controller_is_whole_without_the_simulations_libraries(bare: Path, tmp_path: Path) -> None:
    done = run(bare / "python", "-W", "error", "-c", IMPORT_ALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert Path(found["file"]).is_relative_to(bare.parent), "not the installed one"
    assert found["absent"] == ["simpy", "numpy", "scipy", "matplotlib", "pytest"]
    assert "wfexec.core" in found["imported"]
