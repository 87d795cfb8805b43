"""What does one line of the bench say, and how is it shown and kept?

Called by every measuring module. It must never measure.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson


class Row(NamedTuple):
    """One figure. `floor` is what it is divided by (same unit, same run), `ratio` the quotient.

    `must` and `aim` bound the ratio where there is one, else the value; None: only told. A value of None was not
    measured, and `note` says why. `higher`: more is better.
    """

    name: str
    value: float | None
    unit: str
    floor: float | None = None
    ratio: float | None = None
    must: float | None = None
    aim: float | None = None
    note: str = ""
    higher: bool = False

    @property
    def verdict(self) -> str:
        """ "aim", "must", "missed", or "" where nothing was promised or measured."""
        figure = self.value if self.ratio is None else self.ratio
        if self.value is None or figure is None or self.must is None:
            return ""
        for word, bound in (("aim", self.aim), ("must", self.must)):
            if bound is not None and (figure >= bound if self.higher else figure <= bound):
                return word
        return "missed"


HEAD: Final = ("figure", "value", "unit", "floor", "ratio", "must", "aim", "reached")


def table(rows: Iterable[Row]) -> str:
    """Columns for a terminal; notes below the line they belong to."""
    lines = [HEAD, *(_cells(row) for row in rows)]
    notes = ["", *(row.note for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    shown = []
    for line, note in zip(lines, notes, strict=True):
        cells = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        shown.append("  ".join(cells).rstrip())
        shown += [f"    {note}"] if note else []
    return "\n".join(shown)


def as_json(rows: Iterable[Row], about: dict[str, Any]) -> bytes:
    listed = [row._asdict() | {"reached": row.verdict} for row in rows]
    return orjson.dumps({"about": about, "rows": listed}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def keep(path: Path, rows: Iterable[Row], about: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_json(rows, about))


def _cells(row: Row) -> tuple[str, ...]:
    figures = (_text(row.floor), _text(row.ratio), _text(row.must), _text(row.aim))
    return (row.name, _text(row.value), row.unit, *figures, row.verdict or "-")


def _text(figure: float | None) -> str:
    if figure is None:
        return "-"
    return f"{figure:,.0f}" if abs(figure) >= 1_000 else f"{figure:.4g}"
