"""Where do commands of other packages come from, and what does a person see when something is wrong?

The root group of the command line. Packages add commands through the entry point group `wfexec.commands`; they are
loaded only when asked for. Exit codes: 0 well, 1 a defect of ours, 2 bad input, 3 an answer that is no; no
traceback for bad input.
"""

import errno
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import typer
from typer.core import TyperGroup

from wfexec.errors import BadInput, OurBug

GROUP: Final = "wfexec.commands"
DEFECT: Final = 1
BAD_INPUT: Final = 2
# There is no room for what we have to say.
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Commands(TyperGroup):
    """Our own commands first, then those of other packages."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *(point.name for point in _points())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            return found
        point = next((point for point in _points() if point.name == cmd_name), None)
        return typer.main.get_command(_load(point)) if point else None

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BadInput as trouble:
            typer.echo(str(trouble), err=True)
            raise typer.Exit(BAD_INPUT) from None
        except OurBug as defect:
            typer.echo(f"a defect of ours, please report it: {defect}", err=True)
            raise typer.Exit(DEFECT) from defect
        except OSError as error:
            if error.errno not in FULL:
                raise
            # What is still held back for stdout cannot be written at the end of the process either. Python itself says
            # None where there is no stdout.
            sys.stdout = None
            typer.echo(f"the output cannot be written: {error.strerror}; write it somewhere else", err=True)
            raise typer.Exit(BAD_INPUT) from None


def loaded(group: str) -> list[Any]:
    """What other packages offer in a group of entry points; an extra that is missing or broken is left out."""
    found = []
    for point in _points(group):
        try:
            found.append(point.load())
        except Exception:  # noqa: BLE001 - as with commands: our own work must not suffer from it
            continue
    return found


def _points(group: str = GROUP) -> list[EntryPoint]:
    return sorted(entry_points(group=group), key=lambda point: point.name)


def _load(point: EntryPoint) -> typer.Typer:
    try:
        loaded = point.load()
    except Exception as error:  # noqa: BLE001 - an extra that is missing or broken must not take our own commands along
        return _absent(point.name, error)
    if not isinstance(loaded, typer.Typer):
        return _absent(point.name, TypeError(f"{point.value} is no command"))
    return loaded


def _absent(name: str, error: Exception) -> typer.Typer:
    """A command that says what to install."""
    sentence = f"`wfexec {name}` is not usable here ({error}): install wfexec[{name}]."
    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    @app.command(help=sentence, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
    def absent() -> None:
        typer.echo(sentence, err=True)
        raise typer.Exit(BAD_INPUT)

    return app
