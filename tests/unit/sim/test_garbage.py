"""Many runs in one process need no more memory than a few."""

import gc
import weakref

from sim.garbage import LEFT_MAX, quiet_garbage


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
