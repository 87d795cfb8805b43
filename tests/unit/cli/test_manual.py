"""The page of the commands is what the command line says of itself, and names every exit code that there is."""

import re
from pathlib import Path

from sim.cli import common
from wfexec.cli import answers, commands, main, manual, plan, show
from wfexec.cli.entry import INTERRUPTED

PAGE = Path(__file__).resolve().parents[3] / "docs" / "commands.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == manual.reference(main.app), "run `wfexec reference commands > docs/commands.md`"


def test_every_command_stands_there_and_whatever_it_takes_has_words() -> None:
    text = PAGE.read_text()
    for command in ("run", "lint", "cancel", "template render", "sim run"):
        assert f"\n## wfexec {command}\n" in text
    assert [line for line in text.splitlines() if line.startswith("- ") and not re.match("- `[^`]+`: .", line)] == []


def test_every_exit_code_of_a_command_has_its_row() -> None:
    ours = {0, commands.DEFECT, commands.BAD_INPUT, answers.REFUSED, main.REGRETTED, INTERRUPTED}
    others = {plan.WOULD_BE_REFUSED, show.FAILED, common.COMPLETED, common.DEFECT, common.BAD_INPUT, common.FAILED}
    assert {code for code, _ in manual.EXIT_CODES} == ours | others
