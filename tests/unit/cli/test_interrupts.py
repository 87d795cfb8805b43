"""Ctrl-C while a command is still importing what it needs: 130, and not a word (real processes, real signals)."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"
CONSOLE = tomllib.loads(PROJECT.read_text())["project"]["scripts"]["wfexec"]
# Whoever imports the named module is interrupted before it is there: no clock has a say in that.
INTERRUPTING = """
import importlib, os, runpy, signal, sys

taken, imported, entry, *sys.argv[1:] = sys.argv[1:]
# Whoever runs the tests in the background has it ignored, and so would we.
signal.signal(signal.SIGINT, signal.SIG_IGN if taken == "ignored" else signal.default_int_handler)

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == imported:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
module, _, function = entry.partition(":")
if function:
    getattr(importlib.import_module(module), function)()
else:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def started(taken: str, imported: str, entry: str, *words: str) -> tuple[int, str, str]:
    line = (sys.executable, "-c", INTERRUPTING, taken, imported, entry, *words)
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    ("imported", "entry", "words"),
    [
        ("wfexec.cli.main", "wfexec", ("--version",)),
        ("typer", CONSOLE, ("lint", "no.yaml")),
        ("wfexec.model.workflow", CONSOLE, ("pause", "recover")),
        ("wfexec.app", CONSOLE, ("run",)),
        ("sim.cli.main", "wfexec", ("sim", "demo")),
    ],
)
def test_who_is_interrupted_while_importing_ends_without_a_word(
    imported: str, entry: str, words: tuple[str, ...]
) -> None:
    assert started("taken", imported, entry, *words) == (130, "", "")


def test_interrupts_that_are_none_of_ours_stay_so() -> None:
    code, out, err = started("ignored", "typer", CONSOLE, "--version")
    assert (code, err) == (0, "")
    assert out.startswith("wfexec ")
