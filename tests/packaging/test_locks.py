"""Are the pinned requirements complete, hashed, in agreement, and free of any place to download from?"""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted(path.name for path in (ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)==(?P<version>[^ ;\\]+)(?P<rest>(?:.*\\\n)*.*)", re.MULTILINE)


def pins(lock: str) -> dict[str, set[Version]]:
    """Versions by distribution; more than one where platforms or Python versions differ."""
    found: dict[str, set[Version]] = {}
    for match in PIN.finditer((ROOT / "requirements" / lock).read_text()):
        found.setdefault(canonicalize_name(match["name"]), set()).add(Version(match["version"]))
    return found


def wanted(lock: str) -> list[Requirement]:
    """What pyproject.toml asks of this lock."""
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    extras, base = project["optional-dependencies"], project["dependencies"]
    asked = {
        "base.txt": base,
        "sim.txt": [*base, *extras["sim"]],
        "dev.txt": [*base, *extras["sim"], *extras["notebooks"], *groups["bootstrap"], *groups["dev"]],
        "bootstrap.txt": groups["bootstrap"],
    }[lock]
    return [Requirement(line) for line in asked if isinstance(line, str)]


def test_there_is_one_lock_for_each_way_to_install() -> None:
    assert LOCKS == ["base.txt", "bootstrap.txt", "dev.txt", "sim.txt"]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_download_from(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    assert re.findall(r"\w+://\S+|--(?:extra-)?index-url|--find-links|--trusted-host|\s@\s", text) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    lines = [line for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    found = list(PIN.finditer(text))
    assert len(found) == len(lines)
    assert [match["name"] for match in found if "--hash=sha256:" not in match["rest"]] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_covers_pyproject(lock: str) -> None:
    locked = pins(lock)
    for requirement in wanted(lock):
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{lock} lacks {requirement}: run make lock"
        assert all(requirement.specifier.contains(version) for version in versions), f"{lock}: {requirement}"


@pytest.mark.parametrize("lock", ["base.txt", "sim.txt", "bootstrap.txt"])
def test_the_tests_run_what_is_shipped(lock: str) -> None:
    tested = pins("dev.txt")
    assert {name: versions for name, versions in pins(lock).items() if versions != tested.get(name)} == {}


def test_the_controller_alone_installs_no_simulation() -> None:
    assert {"simpy", "numpy", "scipy", "matplotlib"} & pins("base.txt").keys() == set()
