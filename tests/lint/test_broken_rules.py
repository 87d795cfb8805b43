"""Does breaking a rule of the house fail `make lint`, naming the rule?"""

from pathlib import Path

import pytest

from tests.lint.conftest import ROOT, Lint, lint_commands

PURE_ROOMS = ("wfexec/model", "wfexec/crd", "wfexec/core", "wfexec/engine", "sim", "sim/cluster")
BANNED = {
    "time": "import time\n\nSTART = time.monotonic()\n",
    "random": "import random\n\nDRAW = random.random()\n",
    "threading": "from threading import Lock\n\nLOCK = Lock()\n",
    "asyncio": "import asyncio\n\nLOOP = asyncio.Queue\n",
    "socket": "import socket\n\nNAME = socket.gethostname()\n",
    "logging": "import logging\n\nLOG = logging.getLogger()\n",
    "secrets": "import secrets\n\nTOKEN = secrets.token_hex()\n",
    "uuid.uuid4": "from uuid import uuid4\n\nUID = uuid4()\n",
    "datetime.datetime.now": "from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)\n",
}
BROKEN_CONTRACTS = [
    (
        "wfexec/core/planted.py",
        "import wfexec.engine",
        "wfexec is built in layers, and a layer knows only those below it",
    ),
    (
        "wfexec/model/planted.py",
        "import wfexec.core",
        "wfexec is built in layers, and a layer knows only those below it",
    ),
    ("wfexec/planted.py", "", "wfexec is built in layers, and a layer knows only those below it"),
    ("wfexec/cli/planted.py", "import sim", "The product never imports the simulation"),
    ("wfexec/adapters/planted.py", "import simpy", "The product never imports the simulation"),
    (
        "sim/cluster/planted.py",
        "import wfexec.adapters",
        "Only the outermost modules of the simulation touch the adapters",
    ),
    (
        "sim/planted.py",
        "import wfexec.cli",
        "Only the outermost modules of the simulation touch the adapters",
    ),
    ("sim/cluster/planted.py", "import sim.cli", "The simulated cluster knows nothing of who drives it"),
    (
        "wfexec/core/planted.py",
        "import kubernetes",
        "What decides knows no client, database, metrics library or simulation kernel",
    ),
]


def plant(tree: Path, path: str, text: str) -> None:
    (tree / path).write_text(f'"""Planted."""\n\n{text}')


def test_make_lint_runs_the_four_tools_and_make_test_runs_lint() -> None:
    assert list(lint_commands()) == ["ruff format", "ruff check", "mypy", "lint-imports"]
    assert "\ntest: lint " in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("command", ["ruff format", "ruff check", "mypy", "lint-imports"])
def test_the_tree_passes_while_no_rule_is_broken(lint: Lint, command: str) -> None:
    done = lint(command)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_time_chance_and_sockets_are_banned_below_the_adapters(tree: Path, lint: Lint, room: str) -> None:
    for index, text in enumerate(BANNED.values()):
        plant(tree, f"{room}/planted{index}.py", text)
    done = lint("ruff check")
    assert done.returncode == 1
    missed = [api for api in BANNED if f"TID251 `{api}` is banned" not in done.stdout]
    assert missed == [], done.stdout


def test_adapters_may_read_the_clock(tree: Path, lint: Lint) -> None:
    plant(tree, "wfexec/adapters/planted.py", BANNED["time"])
    done = lint("ruff check")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("path", "line", "contract"), BROKEN_CONTRACTS)
def test_an_import_against_the_layers_is_named(tree: Path, lint: Lint, path: str, line: str, contract: str) -> None:
    plant(tree, path, f"{line}\n")
    done = lint("lint-imports")
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout


def test_the_command_line_of_the_simulation_may_use_the_adapters(tree: Path, lint: Lint) -> None:
    plant(tree, "sim/cli/planted.py", "import wfexec.adapters\n")
    assert lint("lint-imports").returncode == 0


def test_a_function_without_types_fails(tree: Path, lint: Lint) -> None:
    plant(tree, "wfexec/core/planted.py", "\ndef untyped(value):\n    return value\n")
    done = lint("mypy")
    assert done.returncode == 1
    assert "[no-untyped-def]" in done.stdout


def test_an_unformatted_file_fails(tree: Path, lint: Lint) -> None:
    plant(tree, "tests/planted.py", "VALUE = ( 1 )\n")
    done = lint("ruff format")
    assert done.returncode == 1
    assert "planted.py" in done.stdout
