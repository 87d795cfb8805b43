"""How is one thing timed against another so that a busy machine does not decide? In turns, by processor time.

Called by the measuring modules.
"""

import gc
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import NamedTuple

from sim.garbage import quiet_garbage


class Pair(NamedTuple):
    """Medians over the turns; `ratio` is the median of the turns' own ratios (one ÷ other)."""

    one: float
    other: float
    ratio: float


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds of one call, garbage collected before and not during it."""
    gc.collect()
    with quiet_garbage():
        started = process_time()
        work()
        return process_time() - started


def in_turns(one: Callable[[], float], other: Callable[[], float], turns: int) -> Pair:
    """Each call gives its own figure; the turns alternate which goes first."""
    figures = []
    for turn in range(turns):
        if turn % 2:
            second = other()
            first = one()
        else:
            first = one()
            second = other()
        figures.append((first, second))
    return Pair(
        median(first for first, _ in figures),
        median(second for _, second in figures),
        median(first / second for first, second in figures),
    )
