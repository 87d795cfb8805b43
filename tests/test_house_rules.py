"""Does the tree keep the rules no tool checks: sizes, unfinished work, sleeping tests, workplaces?

Files are those git tracks or would add. An exception is an entry below, with its reason.
"""

import ast
import io
import re
import subprocess
import tokenize
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
SLEEPERS: dict[str, str] = {}
SKIPS: dict[str, str] = {
    "tests/envtest/plugin.py": "without an Alertmanager, or away from CI the API server, it says what is not tested",
}

# Put together from parts, so that this file does not hold what it looks for.
UNFINISHED = re.compile(r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "XXX" + ":"]) + r")")
SOMEBODYS_MACHINE = re.compile(
    "|".join(
        [
            r"(?<![\w.-])/" + r"work/",
            "/tmp/" + "wf",
            r"\.\./" + "shared",
            "/opt/" + "wheels",
            "pypi" + r"\.org",
            "files" + r"\.pythonhosted",
            "proxy" + r"\.golang",
            "registry" + r"\.npmjs",
            "deb" + r"\.debian",
            "farm-" + "(?:studio|bench)",
            "before" + "-stop",
        ]
    )
)
SUPPRESSION = re.compile(r"#\s*(?:type:\s*ignore|noqa|nosec|pragma:)")
REASONED = re.compile(r"#\s*(?:type:\s*ignore\[[\w, -]+\]|noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)\s*(?:#|-+|—|:)\s*\w+ \w")


@cache
def files() -> tuple[Path, ...]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if (ROOT / name).is_file())


@cache
def texts() -> dict[str, str]:
    """Text by path, of every file that is text."""
    found = {}
    for path in files():
        content = path.read_bytes()
        if path.resolve() != Path(__file__).resolve() and b"\0" not in content:
            found[path.relative_to(ROOT).as_posix()] = content.decode("utf-8", errors="replace")
    return found


def python_files() -> dict[str, str]:
    return {name: text for name, text in texts().items() if name.endswith(".py")}


def lines_matching(pattern: re.Pattern[str], among: dict[str, str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in among.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def functions(text: str) -> list[tuple[str, int]]:
    """(name, lines from def to end) of every function."""
    return [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def sleeps(text: str) -> bool:
    """Whether the module calls time.sleep by any name it imported it under."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text if "sleep" in text else "")):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            names |= {alias.asname or alias.name for alias in node.names if alias.name == "sleep"}
        elif isinstance(node, ast.Attribute) and node.attr == "sleep" and ast.unparse(node.value) == "time":
            return True
    return bool(names)


def test_a_file_is_read_in_one_sitting() -> None:
    long = {name: text.count("\n") for name, text in python_files().items() if text.count("\n") > MAX_FILE_LINES}
    assert {name: lines for name, lines in long.items() if name not in LONG_FILES} == {}
    assert sorted(LONG_FILES) == sorted(long), "an exception no longer needed"


def test_a_function_fits_a_screen() -> None:
    long = {
        f"{name}:{function}": lines
        for name, text in python_files().items()
        for function, lines in functions(text)
        if lines > MAX_FUNCTION_LINES
    }
    assert {name: lines for name, lines in long.items() if name not in LONG_FUNCTIONS} == {}
    assert sorted(LONG_FUNCTIONS) == sorted(long), "an exception no longer needed"


def test_nothing_is_left_unfinished() -> None:
    assert lines_matching(UNFINISHED, texts()) == []


def test_no_test_and_no_simulation_sleeps() -> None:
    found = [
        name
        for name, text in python_files().items()
        if name.startswith(("tests/", "features/", "sim/", "notebooks/")) and sleeps(text)
    ]
    assert [name for name in found if name not in SLEEPERS] == []
    assert sorted(SLEEPERS) == sorted(found), "an exception no longer needed"


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    call = re.compile(r"\bpytest\.(?:skip|xfail|importorskip|mark\.skip|mark\.skipif|mark\.xfail)\b")
    among = {name: text for name, text in python_files().items() if name not in SKIPS}
    assert lines_matching(call, among) == []


def test_a_silenced_tool_has_its_reason_on_the_line() -> None:
    bare = []
    for name, text in python_files().items():
        # Taking a text apart costs most, and what stands nowhere in it stands in no comment.
        for token in tokenize.generate_tokens(io.StringIO(text if SUPPRESSION.search(text) else "").readline):
            if (
                token.type == tokenize.COMMENT
                and SUPPRESSION.search(token.string)
                and not REASONED.search(token.string)
            ):
                bare.append(f"{name}:{token.start[0]}: {token.string}")
    assert bare == []


def test_no_file_names_the_machine_it_was_written_on() -> None:
    assert lines_matching(SOMEBODYS_MACHINE, texts()) == []


@pytest.mark.parametrize(
    ("text", "asleep"),
    [
        ("import time\ntime.sleep(1)\n", True),
        ("from time import sleep as nap\nnap(1)\n", True),
        ("import time\ntime.monotonic()\n", False),
        ("clock.sleep(1)\n", False),
    ],
)
def test_sleeping_is_recognised(text: str, asleep: bool) -> None:
    assert sleeps(text) is asleep


@pytest.mark.parametrize(
    ("comment", "reasoned"),
    [
        ("# type: ignore", False),
        ("# type: ignore[attr-defined]", False),
        ("# type: ignore[attr-defined]  # the stub lacks it", True),
        ("# noqa: BLE001", False),
        ("# noqa: BLE001 - the thread must report any failure", True),
    ],
)
def test_a_reason_is_recognised(comment: str, reasoned: bool) -> None:
    assert bool(REASONED.search(comment)) is reasoned
