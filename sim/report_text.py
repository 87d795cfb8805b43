"""How does a run read in a terminal? The story line by line, a bar per step, and a summary; plain text or coloured.

Called by `sim run` and `sim demo`. Same run, same characters: it knows neither the terminal's width nor the time.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sim.report import Chart, Entry, Row, Span
from wfexec.units import format_duration, so_many

BAR: Final = 60
# What each kind of span looks like in a bar; later kinds win where two meet in one cell.
MARKS: Final = {
    "queued": "·",
    "waiting": "-",
    "attempt": "█",
    "failed": "x",
    "undo": "◄",
    "undo-failed": "!",
}
LEGEND: Final = "· queued   █ running   x failed attempt   - waiting to retry   ◄ undo   ! undo failed"
_COLOURS: Final = {"good": "\x1b[32m", "bad": "\x1b[31m", "undo": "\x1b[35m", "plain": ""}
_STRONG: Final = "\x1b[1m"
_RESET: Final = "\x1b[0m"


def clock_text(ms: int) -> str:
    """`1:02.350`, with hours in front when there are any."""
    seconds, rest = divmod(ms, 1_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}.{rest:03}" if hours else f"{minutes}:{seconds:02}.{rest:03}"


def short_clock(ms: int) -> str:
    """Whole seconds, as an axis wants them: `1:02`."""
    return clock_text(ms).rpartition(".")[0]


def story(entries: Sequence[Entry], *, colour: bool = False) -> Iterator[str]:
    """One line per entry; the workflow's name appears only where there are several."""
    several = len({entry.workflow for entry in entries}) > 1
    names = max((len(entry.workflow) for entry in entries), default=0) if several else 0
    steps = max((len(_step(entry)) for entry in entries), default=0)
    for entry in entries:
        who = f"{entry.workflow:<{names}}  " if several else ""
        head = f"{clock_text(entry.at):>12}  {who}{_step(entry):<{steps}}  "
        strong = _STRONG if colour and not entry.step else ""
        yield head + _painted(entry.text, _COLOURS[entry.tone] + strong, colour)


def bars(chart: Chart, *, colour: bool = False) -> Iterator[str]:
    """A picture of a chart, one row per step on a shared axis."""
    if not chart.rows or chart.end <= 0:
        return
    width = max(len(_label(row)) for row in chart.rows)
    yield f"{chart.workflow}: {LEGEND}"
    for row in chart.rows:
        tone = {"completed": "good", "failed": "bad", "rolled_back": "undo"}.get(row.state, "plain")
        yield f"  {_label(row):<{width}} |{_bar(row, chart.end)}| {_painted(row.state, _COLOURS[tone], colour)}"
    right = short_clock(chart.end)
    yield f"  {'':<{width}} 0:00{right:>{BAR - 2}}"


def summary(charts: Sequence[Chart], counts: Sequence[tuple[str, int]], *, colour: bool = False) -> Iterator[str]:
    """How each workflow ended and what the whole run took, in virtual time."""
    for chart in charts:
        tone = "good" if chart.phase == "completed" else "bad"
        outcome = f" ({chart.outcome})" if chart.outcome and chart.outcome != chart.phase else ""
        done = sum(row.state == "completed" for row in chart.rows)
        undone = sum(row.state == "rolled_back" for row in chart.rows)
        retries = sum(max(0, _attempts(row) - 1) for row in chart.rows)
        ended = _painted(f"{chart.phase or 'new'}{outcome}", _COLOURS[tone], colour)
        yield (
            f"{chart.workflow}: {ended} after {format_duration(chart.end)} of virtual time; "
            f"{done} of {so_many(len(chart.rows), 'step')} completed, {so_many(retries, 'retry', 'retries')}, "
            f"{undone} undone"
        )
    yield ", ".join(f"{count} {what}" for what, count in counts)


def _attempts(row: Row) -> int:
    return sum(span.kind in ("attempt", "failed") for span in row.spans)


def _step(entry: Entry) -> str:
    return f"{entry.step} {entry.name}" if entry.step else "workflow"


def _label(row: Row) -> str:
    return f"{row.number:>3} {row.name}"


def _bar(row: Row, end: int) -> str:
    cells = [" "] * BAR
    for kind in MARKS:
        for span in row.spans:
            if span.kind == kind:
                _paint(cells, span, end)
    return "".join(cells)


def _paint(cells: list[str], span: Span, end: int) -> None:
    first = min(BAR - 1, span.start * BAR // end)
    last = min(BAR, (span.end if span.end is not None else end) * BAR // end)
    for cell in range(first, max(first + 1, last)):
        cells[cell] = MARKS[span.kind]


def _painted(text: str, code: str, colour: bool) -> str:
    return f"{code}{text}{_RESET}" if colour and code else text
