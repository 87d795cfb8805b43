"""When does what happen? SimPy's environment as a clock of integer milliseconds that calls back.

Made by `sim.driver`; nothing below it sees SimPy. No process per request and no interrupts: a callback costs half a
microsecond, a generator five. It must never let creation order decide between events of the same instant (a real
cluster promises none), and never stop because a heap ran empty: the caller's own condition ends a run.
"""

from collections.abc import Callable, Sized
from heapq import heappop, heappush
from typing import Any, Final

from simpy import Environment
from simpy.events import NORMAL, Event

from sim.rng import mix

_new: Final = object.__new__
_MASK: Final = (1 << 64) - 1
_DRAWN: Final = _MASK << 32 & _MASK
# Knuth's multiplier and increment for 64 bits.
_A: Final = 6364136223846793005
_C: Final = 1442695040888963407


class Call(Event):
    """A callback to come: an event without SimPy's list of callbacks and without a value, for `Clock.run` alone."""

    __slots__ = ("args", "function")

    function: Callable[..., object]
    args: tuple[Any, ...]


class Clock:
    """Virtual time. `now` starts at `start` (milliseconds since 1970).

    SimPy numbers events by a counter, which makes creation order the order of one instant. Here the number is drawn
    bits above that counter: the high bits of a 64-bit congruential generator, which are good enough to shuffle with
    and cost one multiplication.
    """

    __slots__ = ("_environment", "_luck", "_queue", "calls", "now")

    def __init__(self, seed: int = 0, start: int = 0) -> None:
        self._environment = Environment(initial_time=start)
        # SimPy's own, whose entries are (instant, priority, number, event).
        self._queue: list[tuple[Any, Any, int, Any]] = self._environment._queue
        self._luck = mix(seed & _MASK)
        self.now = start
        # Counts those that happened.
        self.calls = 0

    def at(self, delay_ms: int, function: Callable[..., object], *args: Any) -> None:
        """Call `function(*args)` after `delay_ms` (0: later in this instant)."""
        self._luck = luck = (self._luck * _A + _C) & _MASK
        number = (luck & _DRAWN) | (self.calls + len(self._queue))
        # Not through a constructor, which would cost a third of all this.
        call = _new(Call)
        call.function = function
        call.args = args
        heappush(self._queue, (self.now + delay_ms, NORMAL, number, call))

    def clear(self) -> None:
        """Nothing is to come any more."""
        self._queue.clear()

    def peek(self) -> tuple[Callable[..., object], tuple[Any, ...]] | None:
        """What will be called next and with what; None where nothing is to come."""
        if not self._queue:
            return None
        call = self._queue[0][3]
        return call.function, call.args

    def run(self, done: Callable[[], bool], until_ms: int, undone: Sized = ()) -> bool:
        """Step until `done()` is true (True), or nothing is left or the next event lies after `until_ms` (False).

        While `undone` holds anything, `done` is not even asked. Events exactly at `until_ms` still happen. Stopped by
        the limit, the clock shows `until_ms`.
        """
        environment, queue = self._environment, self._queue
        while undone or not done():
            if not queue or queue[0][0] > until_ms:
                environment._now = self.now = max(self.now, until_ms)
                return False
            self.now, _, _, call = heappop(queue)
            environment._now = self.now
            self.calls += 1
            call.function(*call.args)
        return True
