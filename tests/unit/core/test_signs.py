"""The catalogue of events and conditions is that of the code: no word more, no word less."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from features.matrix import problems
from wfexec.core import signs

ROOT = Path(__file__).resolve().parents[3]
# Where events and conditions are made.
ROOMS = ("core", "engine")
WORD = re.compile(r"(?:[A-Z][a-z]+)+")
EVENTS = {row.reason: row for row in signs.EVENTS}
CONDITIONS = {row.type: row for row in signs.CONDITIONS}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Calls of `draft.event`, `draft.condition` and `EventRecord`, by that name."""
    for room in ROOMS:
        for path in sorted((ROOT / "wfexec" / room).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    if name in ("event", "condition", "EventRecord"):
                        yield name, node


def literals(node: ast.expr) -> list[str]:
    """The words that an argument can be, where it says them itself: a word, or one of two."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def spoken() -> set[str]:
    """Every word of the code that looks like a reason, wherever it stands."""
    found: set[str] = set()
    for room in ROOMS:
        for path in (ROOT / "wfexec" / room).glob("*.py"):
            if path.name != "signs.py":
                for node in ast.walk(ast.parse(path.read_text())):
                    if isinstance(node, ast.Constant) and isinstance(node.value, str) and WORD.fullmatch(node.value):
                        found.add(node.value)
    return found


def test_every_event_that_the_code_makes_stands_in_the_catalogue() -> None:
    unknown = []
    for name, call in calls():
        if name != "condition":
            for kind in literals(call.args[0]):
                for reason in literals(call.args[1]):
                    if reason not in EVENTS or kind not in EVENTS[reason].type:
                        unknown.append(f"{kind} {reason}")
    assert unknown == [], "add a row to wfexec/core/signs.py and run `wfexec reference events > docs/events.md`"


def test_every_condition_that_the_code_sets_stands_in_the_catalogue_with_its_reasons() -> None:
    unknown = []
    for name, call in calls():
        if name == "condition":
            for kind in literals(call.args[0]):
                row = CONDITIONS.get(kind)
                for reason in literals(call.args[2]):
                    if row is None or reason not in (*row.true, *row.false):
                        unknown.append(f"{kind} {reason}")
    assert unknown == [], "add a row to wfexec/core/signs.py and run `wfexec reference events > docs/events.md`"


def test_no_row_speaks_of_what_the_code_never_says() -> None:
    words = spoken()
    reasons = {word for row in signs.CONDITIONS for word in (*row.true, *row.false) if " " not in word}
    assert sorted((EVENTS.keys() | CONDITIONS.keys() | reasons) - words) == []


def test_every_word_has_one_row_and_a_requirement_that_exists() -> None:
    assert len(EVENTS) == len(signs.EVENTS)
    assert len(CONDITIONS) == len(signs.CONDITIONS)
    rows = [(row.meaning, row.requirement) for row in signs.EVENTS]
    rows += [(row.meaning, row.requirement) for row in signs.CONDITIONS]
    for meaning, requirement in rows:
        assert meaning
        assert not meaning.endswith(".")
        assert problems([requirement]) == [], meaning


def test_the_page_is_the_catalogue() -> None:
    committed = (ROOT / "docs" / "events.md").read_text()
    assert committed == signs.reference(), "run `wfexec reference events > docs/events.md`"
