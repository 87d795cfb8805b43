"""Which requirement is shown by which scenario, and did it hold on both back-ends?

Called by `features.conftest` with every result; writes `br-matrix.json` and `br-matrix.md`. All requirements are
listed, those without a scenario as open, not hidden. A letter after an identifier means a second meaning of that
number; such scenarios get a table of their own and prove nothing about the first meaning.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

BACK_ENDS: Final = ("simulation", "apiserver")
PASSED: Final = "passed"
FAILED: Final = "failed"
OPEN: Final = "open"
TAG: Final = re.compile(r"^BR-[A-Z]+(?:-TIMEOUT)?-\d{3}(?:-EC\d)?(?P<letter>[a-ds]?)$")


def _requirements() -> tuple[str, ...]:
    plain = [*range(1, 36), 37, 40, 45, 47, *range(50, 56), *range(166, 170)]
    edge = (10, 12, 15, 20, 22, 25, 35, 37, 45, 47)
    return (
        *(f"BR-WF-{number:03d}" for number in plain),
        *(f"BR-WF-{number:03d}-EC1" for number in edge),
        *(f"BR-ORCHESTRATION-{number:03d}" for number in (*range(1, 11), 20)),
        *(f"BR-AUTOMATION-{number:03d}" for number in (1, 2)),
        *(f"BR-EXECUTION-{number:03d}" for number in (1, 2)),
    )


REQUIREMENTS: Final = _requirements()
# Beyond the numbered ones; listed below them, with or without a scenario.
FURTHER: Final = tuple(f"BR-WF-TIMEOUT-{number:03d}" for number in range(1, 6))


class Result(NamedTuple):
    """One run of one scenario (of one row, if it is an outline). `outcome` is pytest's: passed, failed or skipped."""

    tags: tuple[str, ...]
    scenario: str
    back_end: str
    outcome: str


def is_requirement(tag: str) -> bool:
    return TAG.match(tag) is not None


def problems(tags: Iterable[str]) -> list[str]:
    """Tags that look like a requirement and are none."""
    wrong = []
    for tag in tags:
        found = TAG.match(tag)
        if tag.startswith("BR-") and (found is None or _plain(tag) not in (*REQUIREMENTS, *FURTHER)):
            wrong.append(tag)
    return sorted(wrong)


def _plain(tag: str) -> str:
    return tag[:-1] if tag[-1].islower() else tag


Row = dict[str, list[str] | str]


def table(results: Iterable[Result], identifiers: Iterable[str] = REQUIREMENTS) -> dict[str, Row]:
    """By identifier: its scenarios by title, and per back-end passed (all), failed (any) or open (none ran)."""
    taken = list(results)
    return {identifier: _row(identifier, taken) for identifier in identifiers}


def _row(identifier: str, results: list[Result]) -> Row:
    mine = [result for result in results if identifier in result.tags]
    row: Row = {"scenarios": sorted({result.scenario for result in mine})}
    for back_end in BACK_ENDS:
        outcomes = {result.outcome for result in mine if result.back_end == back_end}
        row[back_end] = FAILED if FAILED in outcomes else PASSED if PASSED in outcomes else OPEN
    return row


def write(folder: Path, results: Iterable[Result]) -> None:
    """Both files, into `folder`; made if it is not there."""
    taken = list(results)
    folder.mkdir(parents=True, exist_ok=True)
    rows = table(taken)
    (folder / "br-matrix.json").write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "br-matrix.md").write_text(_markdown(rows, taken), encoding="utf-8")


def _markdown(rows: dict[str, Row], results: list[Result]) -> str:
    covered = sum(1 for row in rows.values() if row["scenarios"])
    both = sum(1 for row in rows.values() if all(row[back_end] == PASSED for back_end in BACK_ENDS))
    count = len({result.scenario for result in results})
    lines = [
        "# Requirements and the scenarios that show them",
        "",
        f"{count} scenarios; {covered} of {len(rows)} requirements have one, {both} are green on both back-ends.",
        "",
        *_lines(rows),
    ]
    lines += ["", "## Beyond the table", "", *_lines(table(results, FURTHER))]
    others = sorted({tag for result in results for tag in result.tags if tag not in (*rows, *FURTHER)})
    if others:
        lines += ["", "## Second meanings of a number", "", *_lines(table(results, others))]
    return "\n".join(lines) + "\n"


def _lines(rows: dict[str, Row]) -> list[str]:
    lines = ["| requirement | simulation | apiserver | scenarios |", "|---|---|---|---|"]
    for identifier, row in rows.items():
        titles = "<br>".join(title.replace("|", "\\|") for title in row["scenarios"])
        lines.append(f"| {identifier} | {row['simulation']} | {row['apiserver']} | {titles} |")
    return lines
