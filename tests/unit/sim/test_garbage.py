"""Many runs in one process need no more memory than a few."""

import gc
import weakref

import pytest

from sim.checkers import complaints
from sim.cluster.cluster import Depth
from sim.faults import crash_after_write
from sim.garbage import LEFT_MAX, quiet_garbage
from sim.scenario import Run, Scenario, play
from tests.unit.sim.support import CHAIN, manifest, options


class Knot:
    """Something that only a collection can free."""

    def __init__(self) -> None:
        self.itself = self
        self.load = [[] for _ in range(LEFT_MAX // 10)]  # type: list[list[int]]


def test_what_runs_left_in_cycles_is_freed_by_a_later_run() -> None:
    left = []
    for _ in range(30):
        with quiet_garbage():
            left.append(weakref.ref(Knot()))
    assert sum(knot() is not None for knot in left) <= 11


def test_nothing_is_collected_while_a_run_goes_on() -> None:
    with quiet_garbage():
        assert not gc.isenabled()
        knot = weakref.ref(Knot())
        assert knot() is not None
    assert gc.isenabled()


def test_who_has_switched_the_collector_off_keeps_it_off() -> None:
    gc.disable()
    try:
        with quiet_garbage():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def crashed(depth: Depth) -> Run:
    return play(Scenario((manifest(CHAIN),), options(depth=depth, faults=crash_after_write(3))))


@pytest.mark.parametrize("depth", list(Depth))
def test_a_run_that_is_over_leaves_next_to_nothing_for_a_collection_and_is_whole(depth: Depth) -> None:
    first = crashed(depth)
    gc.collect()
    gc.disable()
    try:
        run = crashed(depth)
        assert gc.collect() < 100
    finally:
        gc.enable()
    assert run.digest() == first.digest()
    assert len(run.history.decisions) > 8
    assert complaints(run.history) == ()
