"""Does the table of requirements tell the truth about what ran?"""

import json
from pathlib import Path

import pytest

from features.matrix import REQUIREMENTS, Result, problems, table, write


def result(tag: str, back_end: str, outcome: str = "passed", scenario: str = "a scenario") -> Result:
    return Result((tag,), scenario, back_end, outcome)


def test_every_requirement_has_its_row() -> None:
    rows = table([])
    assert len(rows) == 74
    assert list(rows) == list(REQUIREMENTS)
    assert all(row == {"scenarios": [], "simulation": "open", "apiserver": "open"} for row in rows.values())


@pytest.mark.parametrize("identifier", ["BR-WF-001", "BR-WF-037-EC1", "BR-WF-169", "BR-ORCHESTRATION-010"])
def test_the_ends_of_the_ranges_are_listed(identifier: str) -> None:
    assert identifier in REQUIREMENTS


@pytest.mark.parametrize("identifier", ["BR-WF-036", "BR-WF-046", "BR-WF-056", "BR-WF-165", "BR-EXECUTION-003"])
def test_a_number_without_a_meaning_is_not_listed(identifier: str) -> None:
    assert identifier not in REQUIREMENTS


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], "open"),
        (["skipped"], "open"),
        (["passed"], "passed"),
        (["passed", "skipped"], "passed"),
        (["passed", "failed", "passed"], "failed"),
    ],
)
def test_one_failure_spoils_a_requirement_and_a_skip_proves_nothing(outcomes: list[str], expected: str) -> None:
    row = table([result("BR-WF-013", "simulation", outcome) for outcome in outcomes])["BR-WF-013"]
    assert row["simulation"] == expected
    assert row["apiserver"] == "open"


def test_a_scenario_proves_every_requirement_it_names_on_its_own_back_end() -> None:
    rows = table([Result(("BR-WF-035", "BR-WF-037-EC1"), "undo", "apiserver", "passed")])
    for identifier in ("BR-WF-035", "BR-WF-037-EC1"):
        assert rows[identifier] == {"scenarios": ["undo"], "simulation": "open", "apiserver": "passed"}


def test_a_second_meaning_proves_nothing_about_the_first(tmp_path: Path) -> None:
    write(tmp_path, [result("BR-WF-017a", "simulation", scenario="a step times out")])
    assert json.loads((tmp_path / "br-matrix.json").read_text())["BR-WF-017"]["scenarios"] == []
    first, second = (tmp_path / "br-matrix.md").read_text().split("## Second meanings")
    assert "a step times out" not in first
    assert "| BR-WF-017a | passed | open | a step times out |" in second


def test_both_files_hold_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "build"
    write(folder, [result("BR-WF-001", "simulation"), result("BR-WF-001", "apiserver", "failed")])
    rows = json.loads((folder / "br-matrix.json").read_text())
    assert rows["BR-WF-001"] == {"scenarios": ["a scenario"], "simulation": "passed", "apiserver": "failed"}
    text = (folder / "br-matrix.md").read_text()
    assert "1 of 74 requirements have one, 0 are green on both back-ends" in text
    assert "| BR-WF-001 | passed | failed | a scenario |" in text
    assert "| BR-WF-002 | open | open |  |" in text


def test_what_goes_beyond_the_table_is_listed_below_it(tmp_path: Path) -> None:
    assert problems(["BR-WF-TIMEOUT-001", "BR-WF-TIMEOUT-006"]) == ["BR-WF-TIMEOUT-006"]
    write(tmp_path, [result("BR-WF-TIMEOUT-001", "simulation", scenario="by size")])
    first, further = (tmp_path / "br-matrix.md").read_text().split("## Beyond the table")
    assert "TIMEOUT" not in first
    assert "| BR-WF-TIMEOUT-001 | passed | open | by size |" in further
    assert "| BR-WF-TIMEOUT-005 | open | open |  |" in further


def test_outline_rows_are_one_scenario(tmp_path: Path) -> None:
    rows = table([result("BR-WF-002", "simulation"), result("BR-WF-002", "simulation")])
    assert rows["BR-WF-002"]["scenarios"] == ["a scenario"]


def test_a_mistyped_requirement_is_named() -> None:
    assert problems(["BR-WF-036", "BR-WF-13", "BR-WF-013", "BR-WF-017a", "lifecycle"]) == ["BR-WF-036", "BR-WF-13"]
