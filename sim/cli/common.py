"""What the commands share: how bad input and our own defects end them, and when colours are used."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sim.checkers.complaint import Complaint
from wfexec.errors import BadInput, Finding, OurBug
from wfexec.model.workflow import Scalar
from wfexec.units import parse_duration

COMPLETED: Final = 0
DEFECT: Final = 1
BAD_INPUT: Final = 2
FAILED: Final = 3
TOLD: Final = 10


@contextmanager
def exit_codes() -> Iterator[None]:
    """BadInput: its findings and exit code 2. OurBug: what broke and exit code 1."""
    try:
        yield
    except BadInput as trouble:
        typer.echo(str(trouble), err=True)
        raise typer.Exit(BAD_INPUT) from None
    except OurBug as trouble:
        typer.echo(f"a defect of ours, please report it: {trouble}", err=True)
        raise typer.Exit(DEFECT) from None


def complain(complaints: Sequence[Complaint], seed: int) -> None:
    """A checker spoke: that is a defect of ours, and the seed replays it. The first ones are told."""
    for complaint in complaints[:TOLD]:
        typer.echo(f"a promise was broken (a defect of ours, seed {seed} replays it): {complaint}", err=True)
    if len(complaints) > TOLD:
        typer.echo(f"and {len(complaints) - TOLD} more", err=True)


def coloured() -> bool:
    """Colours only for a person at a terminal who has not switched them off."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def pairs(given: Sequence[str]) -> dict[str, Scalar]:
    """`key=value` options as a map."""
    found: dict[str, Scalar] = {}
    for each in given:
        key, sign, value = each.partition("=")
        if not sign or not key:
            raise BadInput((Finding("--set", "", each, "write it as key=value, such as max-parallel-steps=2"),))
        found[key.strip()] = value.strip()
    return found


def duration(option: str, text: str) -> int:
    """The milliseconds of an option."""
    try:
        return parse_duration(text)
    except ValueError as trouble:
        raise BadInput((Finding(option, "", text, str(trouble)),)) from None


@contextmanager
def writing(option: str, path: Path) -> Iterator[None]:
    """A file that a person named and that cannot be written is bad input."""
    try:
        yield
    except OSError as trouble:
        fix = f"{trouble.strerror or trouble}; give a file in a folder you may write to"
        raise BadInput((Finding(option, "", str(path), fix),)) from None


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr for a person who waits; what it gives is told how many more are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task(title, total=total)

        def hear(count: int) -> None:
            progress.advance(task, count)

        yield hear
