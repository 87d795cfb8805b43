"""Every machine word that the core says is in the catalogue, and the page is the catalogue's."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.matrix import is_requirement, problems
from tests.unit.core.world import World, spec, step
from wfexec.core import reasons
from wfexec.core.children import undo_from_information
from wfexec.core.graph import refusals
from wfexec.core.reasons import CATALOGUE, find_reason
from wfexec.model.execution import RollbackInformation
from wfexec.model.parameters import UndoCustom, UndoParameters
from wfexec.model.phases import ErrorType
from wfexec.model.plan import Plan
from wfexec.model.reason import Kind, Reason
from wfexec.settings import DEFAULTS

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


class Silent(World):
    """A world whose answers are lost on the way."""

    def look(self) -> Plan:
        plan = super().look()
        self.answers.clear()
        return plan


def test_a_cluster_that_never_answers_ends_validation_with_its_word() -> None:
    world = Silent(spec(step(1), strategy={"dryRunFirst": False}))
    for _ in range(20):
        world.look()
        world.now += 30_000
    assert world.workflow.status.phase == "failed"
    assert world.workflow.status.failure_reason.startswith("validation_timeout: ")


@pytest.mark.parametrize("place", ["parameters", "rollbackSpec"])
def test_a_configuration_that_no_child_could_carry_is_refused_before_anything_is_made(place: str) -> None:
    large = {"custom": {"actionType": "note", "config": {f"line-{n}": "x" * 4_000 for n in range(20)}}}
    given = {"parameters": large} if place == "parameters" else {"rollbackSpec": {"action": "x", "parameters": large}}
    action = "notify-only" if place == "parameters" else "scale-deployment"
    (refusal,) = refusals(spec(step(1) | {"action": action} | given), DEFAULTS)
    assert refusal.reason == "parameters_too_large"
    assert f"{place}" in refusal.field


def test_an_offered_undo_that_no_child_could_carry_is_none() -> None:
    offered = RollbackInformation(
        available=True,
        rollback_action="undo",
        rollback_parameters=UndoParameters(
            custom=UndoCustom(description="", parameters={f"line-{n}": "x" * 4_000 for n in range(20)})
        ),
    )
    assert undo_from_information(offered) is None
