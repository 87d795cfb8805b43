"""How sure are we? Intervals for shares, means, quantiles and paired differences; called by `sim.study`.

Every figure comes with a 95 % interval: Wilson's for shares, the percentile bootstrap for all else. The bootstrap draws
from a counter-based generator of its own, so the same runs give the same interval on every machine and for any number
of jobs. It never looks at a clock and keeps no state.
"""

from collections.abc import Callable, Iterator, Sequence
from math import sqrt
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Z95: Final = 1.959963984540054
RESAMPLES: Final = 1_000
# Rows resampled at a time: bounds the memory of large studies to some ten megabytes.
CELLS_MAX: Final = 1_000_000


class Estimate(NamedTuple):
    """`value` None: nothing to estimate from (no run recovered, no pair is complete); `n` counts the runs used."""

    value: float | None
    low: float | None
    high: float | None
    n: int


NOTHING: Final = Estimate(None, None, None, 0)


def wilson(hits: int, runs: int) -> Estimate:
    """A share with Wilson's score interval, which stays inside 0..1 and is honest at 0 and 1."""
    if runs == 0:
        return NOTHING
    share = hits / runs
    square = Z95 * Z95
    centre = (share + square / (2 * runs)) / (1 + square / runs)
    half = Z95 * sqrt(share * (1 - share) / runs + square / (4 * runs * runs)) / (1 + square / runs)
    # At 0 and 1 the bound equals the share but for rounding.
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half) if hits < runs else 1.0, runs)


def mean(sample: Sequence[float], seed: int) -> Estimate:
    return _bootstrap(sample, seed, _row_means)


def quantile(sample: Sequence[float], q: float, seed: int) -> Estimate:
    """The `q` quantile, linear between neighbours."""
    return _bootstrap(sample, seed, lambda rows: np.asarray(np.quantile(rows, q, axis=1), dtype=np.float64))


def mean_difference(pairs: Sequence[tuple[float, float]], seed: int) -> Estimate:
    """Mean of second minus first over runs on the same luck."""
    return mean([after - before for before, after in pairs], seed)


def quantile_difference(pairs: Sequence[tuple[float, float]], q: float, seed: int) -> Estimate:
    """Quantile of the seconds minus quantile of the firsts; pairs are resampled together."""
    if not pairs:
        return NOTHING
    firsts = np.array([pair[0] for pair in pairs], dtype=np.float64)
    seconds = np.array([pair[1] for pair in pairs], dtype=np.float64)
    value = float(np.quantile(seconds, q) - np.quantile(firsts, q))
    if len(pairs) == 1:
        return Estimate(value, value, value, 1)
    draws = []
    for picks in _picks(len(pairs), seed):
        draws.append(np.quantile(seconds[picks], q, axis=1) - np.quantile(firsts[picks], q, axis=1))
    low, high = np.quantile(np.concatenate(draws), (0.025, 0.975))
    return Estimate(value, float(low), float(high), len(pairs))


def _row_means(rows: Floats) -> Floats:
    return np.asarray(rows.mean(axis=1), dtype=np.float64)


def _bootstrap(sample: Sequence[float], seed: int, figure: Callable[[Floats], Floats]) -> Estimate:
    if not sample:
        return NOTHING
    values = np.array(sample, dtype=np.float64)
    value = float(figure(values[np.newaxis, :])[0])
    if len(sample) == 1:
        return Estimate(value, value, value, 1)
    draws = [figure(values[picks]) for picks in _picks(len(sample), seed)]
    low, high = np.quantile(np.concatenate(draws), (0.025, 0.975))
    return Estimate(value, float(low), float(high), len(sample))


def _picks(n: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """Index tables of RESAMPLES resamples of n, in blocks of bounded size."""
    rows = max(1, min(RESAMPLES, CELLS_MAX // n))
    for start in range(0, RESAMPLES, rows):
        yield _indices(n, start, min(rows, RESAMPLES - start), seed)


def _indices(n: int, start: int, rows: int, seed: int) -> npt.NDArray[np.int64]:
    """splitmix64 of (seed, cell number): the same table whatever the block size."""
    cells = np.arange(start * n, (start + rows) * n, dtype=np.uint64)
    mixed = (cells + np.uint64(seed & 0xFFFFFFFFFFFFFFFF)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed % np.uint64(n)).astype(np.int64).reshape(rows, n)
