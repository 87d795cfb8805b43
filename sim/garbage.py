"""When is a run's garbage collected? Between runs, and only when there is enough of it.

With many live objects a collection costs more than the run that it interrupts, and runs are full of cycles that only a
collection frees. Called by the driver and the bench; whoever makes many runs need not think of it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Objects that runs may leave behind before they are looked through: about 200 MB.
LEFT_MAX: Final = 200_000


class _Remains:
    """How many objects earlier runs of this process left set aside, dead or alive."""

    left = 0


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
        _Remains.left = 0
        gc.unfreeze()
        gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        # How many more containers were made than freed since the collector stood still: nothing is counted for it.
        _Remains.left += gc.get_count()[0]
        gc.freeze()
        gc.enable()
