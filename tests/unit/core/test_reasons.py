"""Every machine word that the core says is in the catalogue, and the page is the catalogue's."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.matrix import is_requirement, problems
from wfexec.core import reasons
from wfexec.core.reasons import CATALOGUE, find_reason
from wfexec.model.phases import ErrorType
from wfexec.model.reason import Kind, Reason

ROOT = Path(__file__).parents[3]
HOW = "add its row to wfexec/core/reasons.py (planning refusals: wfexec/core/reasons_planning.py)"
# Calls that say a machine word: function name -> (which argument, kind).
SAYERS = {
    "Refusal": (0, Kind.PLANNING),
    "refuse": (1, Kind.ENDING),
    "fail": (1, Kind.ENDING),
    "_fail_anyhow": (1, Kind.ENDING),
}


def literal(node: ast.expr) -> str | None:
    """The text an expression begins with, as far as it is written down there."""
    if isinstance(node, ast.JoinedStr) and node.values:
        return literal(node.values[0])
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def said() -> Iterator[tuple[str, Kind, str]]:
    """(file:line, kind, word) of every word that stands in a call of a sayer."""
    for path in sorted((ROOT / "wfexec" / "core").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in SAYERS:
                continue
            at, kind = SAYERS[node.func.id]
            text = literal(node.args[at]) if len(node.args) > at else None
            if text:
                yield f"{path.name}:{node.lineno}", kind, text.split(":", 1)[0]


def test_every_word_that_the_core_says_is_in_the_catalogue() -> None:
    found = list(said())
    assert len(found) > 20
    assert [one for one in found if find_reason(one[1], one[2]) is None] == [], HOW


def test_every_planning_reason_is_said_somewhere() -> None:
    spoken = {word for _, kind, word in said() if kind is Kind.PLANNING}
    rows = [reason.word for reason in CATALOGUE if reason.kind is Kind.PLANNING]
    assert [word for word in rows if word not in spoken] == []


def test_every_error_type_has_its_row() -> None:
    assert [error for error in ErrorType if find_reason(Kind.ERROR, error) is None] == [], HOW


def test_no_word_is_explained_twice() -> None:
    keys = [(reason.kind, reason.word) for reason in CATALOGUE]
    assert sorted(set(keys)) == sorted(keys)


@pytest.mark.parametrize("reason", CATALOGUE, ids=lambda reason: f"{reason.kind}-{reason.word}")
def test_each_row_is_complete(reason: Reason) -> None:
    assert reason.word.replace("_", "").isalnum() and reason.word == reason.word.lower()
    assert is_requirement(reason.requirement) and problems([reason.requirement]) == []
    for sentence in (reason.meaning, reason.fix):
        assert sentence and sentence[0] in "`" + sentence[0].upper() and not sentence.endswith("."), sentence


def test_the_page_is_up_to_date() -> None:
    committed = (ROOT / "docs" / "reasons.md").read_text()
    assert committed == reasons.reference(), "run `wfexec reference reasons > docs/reasons.md`"
