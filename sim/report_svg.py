"""How does a run look as a picture? A timeline per workflow, as an SVG whose bytes depend on the run alone.

Called by the commands with `--svg`. matplotlib writes a random salt and the date into its files unless told not to,
and picks up a person's own style file; `drawing` switches all of that off.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sim.report import Chart, Row
from sim.report_text import short_clock

# Colour-blind safe (Okabe and Ito), light enough for black text beside them.
COLOURS: Final = {
    "queued": "#d9d9d9",
    "waiting": "#f0e442",
    "attempt": "#009e73",
    "failed": "#d55e00",
    "undo": "#cc79a7",
    "undo-failed": "#7f0000",
}
LABELS: Final = {
    "queued": "in the queue",
    "attempt": "attempt that succeeded",
    "failed": "attempt that failed",
    "waiting": "waiting to retry",
    "undo": "undo",
    "undo-failed": "undo that failed",
}
PHASES: Final = {
    "planning": "#e8f1fa",
    "validating": "#d3e5f5",
    "executing": "#b9d6ee",
    "monitoring": "#d7efe6",
    "rolling_back": "#f3deea",
    "paused": "#eeeeee",
}
INK: Final = "#222222"
_STYLE: Final[Any] = {
    "svg.hashsalt": "wfexec",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#bbbbbb",
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.linewidth": 0.6,
    "figure.facecolor": "white",
}
_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400)


@contextmanager
def drawing() -> Iterator[None]:
    """matplotlib's defaults and ours, whatever style file the person has."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def save(figure: Figure, path: Path) -> None:
    """Write `figure`, without a date and with lines that end the same everywhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasSVG(figure)
    with path.open("wb") as file:
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": "wfexec"})


def draw_timelines(charts: Sequence[Chart], path: Path, title: str) -> None:
    """All workflows of a run below each other on one time axis."""
    with drawing():
        rows = [max(1, len(chart.rows)) for chart in charts]
        height = 1.3 + sum(0.85 + 0.3 * count for count in rows)
        figure = Figure(figsize=(10, height), layout="constrained")
        grid = figure.add_gridspec(len(charts), 1, height_ratios=[0.85 + 0.3 * count for count in rows])
        end = max((chart.end for chart in charts), default=0) or 1_000
        for index, chart in enumerate(charts):
            _timeline(figure.add_subplot(grid[index, 0]), chart, end)
        figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
        handles = _legend(charts)
        figure.legend(
            handles=handles, loc="outside lower center", ncols=min(6, len(handles)), frameon=False, fontsize=8
        )
        save(figure, path)


def time_axis(axes: Axes, end_ms: int) -> None:
    """Ticks at round times, about eight of them, written as minutes and seconds."""
    step = next((each * 1_000 for each in _STEPS_S if end_ms / (each * 1_000) <= 9), _STEPS_S[-1] * 1_000)
    ticks = list(range(0, end_ms + 1, step))
    axes.set_xticks(ticks, [short_clock(tick) for tick in ticks])


def clean(axes: Axes) -> None:
    """Only the lines that carry meaning."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, pad=5)
    axes.set_axisbelow(True)


def _timeline(axes: Axes, chart: Chart, end: int) -> None:
    count = max(1, len(chart.rows))
    for band in chart.phases:
        colour = PHASES.get(band.phase, "#eeeeee")
        axes.barh(-1, band.end - band.start, left=band.start, height=0.66, color=colour, linewidth=0)
        # About 80 characters fit across; a name that does not fit its band would run into the next.
        if (band.end - band.start) * 95 / end >= len(band.phase):
            middle = (band.start + band.end) / 2
            axes.text(middle, -1, band.phase.replace("_", " "), ha="center", va="center", fontsize=7.5)
    for place, row in enumerate(chart.rows):
        _bar(axes, place, row, end)
    names = [f"{row.name}  {row.number}" for row in chart.rows]
    axes.set_yticks(range(-1, count), ["phase", *names] if chart.rows else ["phase", ""])
    axes.set_ylim(count - 0.4, -1.6)
    axes.set_xlim(0, end * 1.12)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.6)
    time_axis(axes, end)
    clean(axes)
    outcome = f", {chart.outcome}" if chart.outcome and chart.outcome != chart.phase else ""
    ending = f"{chart.phase or 'new'}{outcome} after {short_clock(chart.end)}"
    axes.set_title(f"{chart.workflow}: {ending}", loc="left", fontsize=9.5)


def _bar(axes: Axes, place: int, row: Row, end: int) -> None:
    last = 0
    for span in row.spans:
        until = span.end if span.end is not None else end
        thin = span.kind in ("queued", "waiting")
        axes.barh(
            place,
            max(until - span.start, end / 400),
            left=span.start,
            height=0.26 if thin else 0.62,
            color=COLOURS[span.kind],
            edgecolor="white",
            linewidth=0 if thin else 0.8,
            hatch="////" if span.kind == "undo" else None,
        )
        last = max(last, until)
    colour = {"completed": "#00694d", "failed": "#a34400", "rolled_back": "#8f4470"}.get(row.state, "#777777")
    axes.text(last + end * 0.008, place, row.state.replace("_", " "), va="center", ha="left", fontsize=7, color=colour)


def _legend(charts: Sequence[Chart]) -> list[Patch]:
    seen = {span.kind for chart in charts for row in chart.rows for span in row.spans}
    return [
        Patch(facecolor=COLOURS[kind], label=label, hatch="////" if kind == "undo" else None, edgecolor="white")
        for kind, label in LABELS.items()
        if kind in seen
    ]
