"""When is a run's garbage collected? Between runs, and only when there is enough of it.

With many live objects a collection costs more than the run that it interrupts, and runs are full of cycles that only a
collection frees. Called by the driver and the bench; whoever makes many runs need not think of it.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

# Objects that runs may leave behind before they are looked through: about 200 MB.
LEFT_MAX: Final = 200_000


class _Remains:
    """How many objects earlier runs of this process left set aside, dead or alive: at most so many, for those that
    went by themselves are not counted off. After the last collection there were so many `lasting` ones. Of the blocks
    of memory, of which an object takes one or more, only those beyond `blocks` can be theirs."""

    left = 0
    lasting = 0
    blocks = 0


@contextmanager
def quiet_garbage() -> Iterator[None]:
    """No collection while a run goes on.

    What is alive afterwards is set aside too, or the collector would at once walk through all of it; a later run takes
    it back before it begins.
    """
    if not gc.isenabled():
        yield
        return
    if _Remains.left > LEFT_MAX:
        # To count them takes a tenth of a collection, and to count the blocks nearly nothing.
        _Remains.left = min(_Remains.left, sys.getallocatedblocks() - _Remains.blocks)
    if _Remains.left > LEFT_MAX:
        _Remains.left = gc.get_freeze_count() - _Remains.lasting
        _Remains.blocks = sys.getallocatedblocks() - _Remains.left
    if _Remains.left > LEFT_MAX:
        gc.unfreeze()
        gc.collect()
        _Remains.left = 0
        gc.freeze()
        _Remains.lasting, _Remains.blocks = gc.get_freeze_count(), sys.getallocatedblocks()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        # How many more containers were made than freed since the collector stood still: nothing is counted for it.
        _Remains.left += gc.get_count()[0]
        gc.freeze()
        gc.enable()


def take_apart(simulation: Any) -> None:
    """Nobody asks this simulation for anything any more: what it was made of goes now, with the last who refers to it,
    and need not be found by the collector. What it gave away, such as records and utterances, stays whole."""
    for process in (*simulation.controllers, simulation.executor, simulation.parent):
        forget(process.machine)
        process.machine = None
        for stream in process.streams:
            stream.stop()
        process.streams.clear()
    simulation.clock.clear()
    simulation.cluster.close()
    vars(simulation).clear()


def forget(machine: Any) -> None:
    """A controller that is no more: it and its reconciler hold themselves by methods that they have handed out."""
    parts: tuple[Any, ...] = (getattr(machine, "_reconciler", None), machine)
    for part in parts:
        for name in _slots(part.__class__):
            if hasattr(part, name):
                delattr(part, name)


@cache
def _slots(kind: Any) -> tuple[str, ...]:
    return tuple(name for each in kind.__mro__ for name in getattr(each, "__slots__", ()) if name[:2] != "__")
