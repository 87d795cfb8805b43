"""The commands under `wfexec sim`: run, generate, hunt, load, whatif, demo, executor, serve.

Reached through the entry point group `wfexec.commands`, so that the product never imports the simulation. A command is
loaded when it is asked for, since some need much that takes its time to load. Whatever a person did wrong ends with a
finding and exit code 2, a defect of ours with 1; nobody sees a traceback for bad input.
"""

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

PLAIN: Final[dict[str, Any]] = {
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
}
# Each stands in a module of its name, beside its EXAMPLE; the order is that of the help.
FUNCTIONS: Final = {
    "run": "run",
    "generate": "generate_",
    "hunt": "hunt_",
    "load": "load",
    "whatif": "whatif",
    "demo": "demo",
    "executor": "executor",
    "serve": "serve",
}


class Later(TyperGroup):
    """Loads a command when somebody wants it; all of them for the help, and to guess what was meant."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(FUNCTIONS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        for name in (cmd_name,) if cmd_name in FUNCTIONS else FUNCTIONS:
            if name not in self.commands:
                self.commands[name] = _command(name)
        return super().get_command(ctx, cmd_name)


def _command(name: str) -> Any:
    module: Any = import_module(f"sim.cli.{name}")
    single = typer.Typer(**PLAIN)
    single.command(name, epilog=module.EXAMPLE)(getattr(module, FUNCTIONS[name]))
    return typer.main.get_command(single)


app = typer.Typer(name="sim", cls=Later, no_args_is_help=True, **PLAIN)


@app.callback()
def sim() -> None:
    """The same controller in a simulated cluster, in virtual time."""
