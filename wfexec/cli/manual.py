"""Which commands are there, and what does each take? The page of all of them, from what the command line itself knows.

`docs/commands.md` is generated from it (`wfexec reference commands`). Nothing is written here a second time: words,
flags and defaults are those of `--help`, and the exit codes those that the commands end with.
"""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any, Final

import typer

from wfexec.cli.answers import REFUSED
from wfexec.cli.commands import BAD_INPUT, DEFECT
from wfexec.cli.entry import INTERRUPTED

EXIT_CODES: Final = (
    (0, "well: it is done, or the answer is yes"),
    (DEFECT, "a defect of ours; of `wfexec lint --strict`: there are warnings"),
    (BAD_INPUT, "bad input: what is wrong, where, and the fix stand on stderr"),
    (REFUSED, "an answer that is no: refused, not answered in time, not completed, not seen"),
    (INTERRUPTED, "interrupted by Ctrl-C"),
)
HEAD: Final = """# Commands

Every command with what it takes, as its `--help` says it. Written by `wfexec reference commands`; do not edit.

| exit code | meaning |
|---|---|
"""


def reference(app: typer.Typer) -> str:
    """The Markdown page of an application's commands, those of other packages too."""
    root: Any = typer.main.get_command(app)
    context = root.context_class(root, info_name=root.name)
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES)
    return f"{HEAD}{codes}{''.join(_commands(root, context))}"


def _commands(group: Any, context: Any) -> Iterator[str]:
    """Depth first, in the order of `--help`; a group's own page stands before its commands."""
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        inner = command.context_class(command, info_name=word, parent=context)
        yield _page(command, inner)
        if hasattr(command, "list_commands"):
            yield from _commands(command, inner)


def _page(command: Any, context: Any) -> str:
    usage = " ".join((context.command_path, *command.collect_usage_pieces(context)))
    records = (each.get_help_record(context) for each in command.get_params(context) if "--help" not in each.opts)
    takes = "".join(f"- `{flags}`: {' '.join(words.split())}\n" for flags, words in filter(None, records))
    parts = (
        f"## {context.command_path}",
        f"```text\n{usage}\n```",
        cleandoc(command.help or ""),
        takes.rstrip(),
        command.epilog or "",
    )
    return "".join(f"\n{part}\n" for part in parts if part)
