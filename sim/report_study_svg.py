"""How do compared policies look as a picture? Recovery over time, steps undone and leftover damage, side by side.

Called by `sim whatif --svg`, `sim demo` and the notebook. Bytes depend on the samples alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.report_study import Verdict
from sim.report_svg import clean, drawing, save, time_axis
from sim.statistics import wilson
from sim.study import Sample, Study
from wfexec.units import so_many

# Okabe and Ito again; the first is what the others are compared with.
PALETTE: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999", "#000000")
# More than this many steps are one bar.
COUNT_MAX: Final = 12


def draw_study(study: Study, found: Sequence[Verdict], samples: Sequence[tuple[Sample, ...]], path: Path) -> None:
    """Write the picture to `path`."""
    with drawing():
        figure = draw(study, found, samples)
        save(figure, path)


def draw(study: Study, found: Sequence[Verdict], samples: Sequence[tuple[Sample, ...]]) -> Figure:
    """The figure itself, for a notebook."""
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=[1.35, 1])
    _recovery(figure.add_subplot(grid[0, :]), study, samples)
    arms = [arm.name for arm in study.arms]
    undone = [[sample.undone for sample in _of(samples, index)] for index in range(len(arms))]
    damage = [[sample.damage for sample in _of(samples, index)] for index in range(len(arms))]
    _counts(figure.add_subplot(grid[1, 0]), undone, "steps undone per run")
    _counts(figure.add_subplot(grid[1, 1]), damage, "targets left damaged per run")
    for axes in figure.axes[1:]:
        _means(axes, found, "stepsUndone" if axes is figure.axes[1] else "leftoverDamage")
    title = f"{study.title} ({so_many(study.runs, 'run')} of each policy on the same luck)"
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    return figure


def _of(samples: Sequence[tuple[Sample, ...]], index: int) -> list[Sample]:
    return [run[index] for run in samples]


def _recovery(axes: Axes, study: Study, samples: Sequence[tuple[Sample, ...]]) -> None:
    """Share of runs recovered by each moment, with a 95 % band; where a line ends up is P(recovered)."""
    end = max((sample.took for run in samples for sample in run if sample.recovered), default=60_000)
    limit = round(end * 1.06)
    for index, arm in enumerate(study.arms):
        mine = _of(samples, index)
        times = sorted(sample.took for sample in mine if sample.recovered)
        moments = [0, *times, limit]
        bands = [wilson(count, len(mine)) for count in (*range(len(times) + 1), len(times))]
        shares = [100 * (band.value or 0.0) for band in bands]
        colour = PALETTE[index % len(PALETTE)]
        axes.step(moments, shares, where="post", color=colour, linewidth=1.8, label=arm.name)
        lows = [100 * (band.low or 0.0) for band in bands]
        highs = [100 * (band.high or 0.0) for band in bands]
        axes.fill_between(moments, lows, highs, step="post", color=colour, alpha=0.15, linewidth=0)
    axes.set_xlim(0, limit)
    axes.set_ylim(0, 102)
    axes.set_yticks(range(0, 101, 25), [f"{share} %" for share in range(0, 101, 25)])
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    time_axis(axes, limit)
    clean(axes)
    axes.set_title("runs recovered by this time, with 95 % band", loc="left", fontsize=9.5)
    axes.legend(loc="upper left", frameon=False, fontsize=8.5)


def _counts(axes: Axes, counts: Sequence[Sequence[int]], title: str) -> None:
    """Share of runs with 0, 1, 2 … of something, a bar per policy."""
    most = min(COUNT_MAX, max((max(each, default=0) for each in counts), default=0))
    width = 0.8 / len(counts)
    for index, mine in enumerate(counts):
        shares = [
            100 * sum(min(each, most) == number for each in mine) / max(1, len(mine)) for number in range(most + 1)
        ]
        places = [number + (index - (len(counts) - 1) / 2) * width for number in range(most + 1)]
        axes.bar(places, shares, width=width * 0.92, color=PALETTE[index % len(PALETTE)], linewidth=0)
    labels = [f"{number}+" if number == COUNT_MAX else str(number) for number in range(most + 1)]
    axes.set_xticks(range(most + 1), labels)
    axes.set_ylim(0, 102)
    axes.set_yticks(range(0, 101, 50), [f"{share} %" for share in range(0, 101, 50)])
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    clean(axes)
    axes.set_title(title, loc="left", fontsize=9.5)


def _means(axes: Axes, found: Sequence[Verdict], key: str) -> None:
    """The means behind the bars, in the corner."""
    for line, verdict in enumerate(found):
        figure = next(each for each in verdict.figures if each.key == key)
        value, low, high, _ = figure.value
        if value is None or low is None or high is None:
            continue
        text = f"mean {value:.2f} [{low:.2f}, {high:.2f}]"
        colour = PALETTE[line % len(PALETTE)]
        axes.text(
            0.98, 0.95 - 0.12 * line, text, transform=axes.transAxes, ha="right", va="top", fontsize=8, color=colour
        )
