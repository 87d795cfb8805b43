"""What do the samples of a study say? Figures with intervals per policy, and how each differs from the first policy.

Called by `sim whatif`, `sim demo` and the notebook. The same samples give the same characters: nothing here draws
from anything but the study's seed.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sim.statistics import Estimate, mean, mean_difference, quantile, quantile_difference, wilson
from sim.study import Sample, Study
from wfexec.units import format_duration, so_many


class Figure(NamedTuple):
    """One figure of one policy; `difference` is against the first policy, None for the first itself."""

    key: str
    title: str
    unit: str
    value: Estimate
    difference: Estimate | None


class Verdict(NamedTuple):
    policy: str
    description: str
    figures: tuple[Figure, ...]


KEYS: Final = ("recovered", "recoveryP50", "recoveryP95", "stepsUndone", "leftoverDamage")


def verdicts(study: Study, samples: Sequence[tuple[Sample, ...]]) -> list[Verdict]:
    """Per policy, in the study's order."""
    first = [run[0] for run in samples]
    return [
        Verdict(
            arm.name,
            arm.description,
            tuple(_figures([run[index] for run in samples], first if index else None, study.seed)),
        )
        for index, arm in enumerate(study.arms)
    ]


def _figures(samples: Sequence[Sample], first: Sequence[Sample] | None, seed: int) -> Iterator[Figure]:
    hits = sum(sample.recovered for sample in samples)
    times = [float(sample.took) for sample in samples if sample.recovered]
    yield Figure(
        "recovered", "P(recovered)", "share", wilson(hits, len(samples)), _mean_paired(samples, first, _hit, seed)
    )
    # Only runs that recovered under both policies can be compared by their time.
    both = [
        (float(before.took), float(after.took))
        for before, after in zip(first or (), samples, strict=False)
        if before.recovered and after.recovered
    ]
    for key, title, q in (("recoveryP50", "p50 time to recover", 0.5), ("recoveryP95", "p95 time to recover", 0.95)):
        difference = None if first is None else quantile_difference(both, q, seed)
        yield Figure(key, title, "ms", quantile(times, q, seed), difference)
    for key, title, of in (("stepsUndone", "steps undone", _undone), ("leftoverDamage", "leftover damage", _damage)):
        value = mean([of(sample) for sample in samples], seed)
        yield Figure(key, title, "mean", value, _mean_paired(samples, first, of, seed))


def _hit(sample: Sample) -> float:
    return float(sample.recovered)


def _undone(sample: Sample) -> float:
    return float(sample.undone)


def _damage(sample: Sample) -> float:
    return float(sample.damage)


def _mean_paired(
    samples: Sequence[Sample], first: Sequence[Sample] | None, of: Callable[[Sample], float], seed: int
) -> Estimate | None:
    if first is None:
        return None
    return mean_difference([(of(before), of(after)) for before, after in zip(first, samples, strict=True)], seed)


def table(study: Study, found: Sequence[Verdict]) -> Iterator[str]:
    """The comparison for a terminal: a block per figure, a line per policy."""
    runs = so_many(study.runs, "run")
    yield f"{study.title}: {runs} of each policy on the same luck, seed {study.seed}; 95 % intervals"
    width = max(len(verdict.policy) for verdict in found)
    for index, figure in enumerate(found[0].figures):
        yield ""
        yield f"{figure.title}"
        for verdict in found:
            mine = verdict.figures[index]
            line = f"  {verdict.policy:<{width}}  {_estimate(mine.value, mine.unit):<34}"
            if mine.difference is not None:
                line += f"  difference {_difference(mine.difference, mine.unit)}{_sure(mine.difference)}"
            yield line.rstrip()
    yield ""
    yield f"differences are from {found[0].policy!r}, run by run; * where the interval leaves out zero"


def document(study: Study, found: Sequence[Verdict], samples: Sequence[tuple[Sample, ...]]) -> dict[str, Any]:
    """The comparison for a program. Times are milliseconds."""
    return {
        "title": study.title,
        "runs": study.runs,
        "seed": study.seed,
        "policies": [
            {
                "name": verdict.policy,
                "description": verdict.description,
                "figures": {
                    figure.key: {
                        "unit": figure.unit,
                        **_entry(figure.value),
                        **({} if figure.difference is None else {"difference": _entry(figure.difference)}),
                    }
                    for figure in verdict.figures
                },
            }
            for verdict in found
        ],
        "samples": {
            arm.name: [
                {"recovered": run[index].recovered, "took": run[index].took, "undone": run[index].undone}
                | {"damage": run[index].damage}
                for run in samples
            ]
            for index, arm in enumerate(study.arms)
        },
    }


def _entry(estimate: Estimate) -> dict[str, float | int | None]:
    value, low, high = (None if each is None else round(each, 6) for each in estimate[:3])
    return {"value": value, "low": low, "high": high, "n": estimate.n}


def _estimate(estimate: Estimate, unit: str) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "no run recovered"
    return f"{_number(estimate.value, unit)} [{_number(estimate.low, unit)}, {_number(estimate.high, unit)}]"


def _difference(estimate: Estimate, unit: str) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "unknown: no run recovered under both"
    low, high = _signed(estimate.low, unit), _signed(estimate.high, unit)
    return f"{_signed(estimate.value, unit)} [{low}, {high}]"


def _sure(estimate: Estimate) -> str:
    """A star where the interval excludes no difference at all."""
    if estimate.low is None or estimate.high is None or estimate.low <= 0 <= estimate.high:
        return ""
    return " *"


def _number(value: float, unit: str) -> str:
    if unit == "share":
        return f"{value * 100:.1f} %"
    if unit == "ms":
        return format_duration(round(value / 100) * 100)
    return f"{value:.2f}"


def _signed(value: float, unit: str) -> str:
    if unit == "share":
        return f"{value * 100:+.1f} points"
    if unit == "ms":
        sign = "-" if value < 0 else "+"
        return f"{sign}{format_duration(round(abs(value) / 100) * 100)}"
    return f"{value:+.2f}"
