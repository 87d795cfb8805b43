"""Console sessions in the documentation: what is printed there is what the commands print.

A session is a fenced block marked `console`; a line that starts with `$ ` is a command, the lines up to the next one
are its output, `…` alone on a line stands for any lines. `python -m tests.docs.sessions --write FILE…` runs every
command again and puts its output in place, for whoever changed what a command prints.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
BLOCK: Final = re.compile(r"^( *)```console\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# Commands of the shell's own or of a real cluster: shown, not run here.
SHOWN_ONLY: Final = ("make ", "kubectl ", "git ", "cd ", "pip ")
ANY: Final = "…"


class Exchange(NamedTuple):
    """One command and the output printed under it."""

    command: str
    output: tuple[str, ...]


def exchanges(text: str) -> list[Exchange]:
    """Every command of every console block that can be run here, in order."""
    found: list[Exchange] = []
    for block in BLOCK.finditer(text):
        indent, body = block.groups()
        lines = [line.removeprefix(indent) for line in body.splitlines()]
        for line in lines:
            if line.startswith("$ "):
                found.append(Exchange(line[2:], ()))
            elif found:
                found[-1] = Exchange(found[-1].command, (*found[-1].output, line.rstrip()))
    return [one for one in found if not one.command.startswith(SHOWN_ONLY)]


def run(command: str) -> tuple[str, ...]:
    """Output lines of a command, both streams, as a reader in the project's folder would see them."""
    words = shlex.split(command)
    name = words[0].removeprefix(".venv/bin/")
    program = Path(sys.executable).parent / name
    environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1", "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [str(program), *words[1:]], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    return tuple(line.rstrip() for line in (done.stdout + done.stderr).rstrip("\n").splitlines())


def matches(expected: tuple[str, ...], actual: tuple[str, ...]) -> bool:
    """Line by line; `…` matches any number of lines, none as well."""
    if ANY not in expected:
        return expected == actual
    at = expected.index(ANY)
    head, tail = expected[:at], expected[at + 1 :]
    if actual[:at] != head:
        return False
    return any(matches(tail, actual[start:]) for start in range(at, len(actual) + 1))


def rewritten(text: str) -> str:
    """The text with the output of every command that is shown in full put in anew."""
    for one in exchanges(text):
        if one.output and ANY not in one.output:
            old = "\n".join([f"$ {one.command}", *one.output])
            text = text.replace(old, "\n".join([f"$ {one.command}", *run(one.command)]))
    return text


def main() -> None:
    files = [Path(name) for name in sys.argv[1:] if name != "--write"]
    for file in files:
        text = rewritten(file.read_text(encoding="utf-8"))
        if "--write" in sys.argv:
            file.write_text(text, encoding="utf-8")
        else:
            sys.stdout.write(text)


if __name__ == "__main__":
    main()
