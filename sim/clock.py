"""When does what happen? SimPy's environment as a clock of integer milliseconds that calls back.

Made by `sim.driver`; nothing below it sees SimPy. No process per request and no interrupts: a callback costs a
microsecond, a generator five. It must never let creation order decide between events of the same instant (a real
cluster promises none), and never stop because a heap ran empty: the caller's own condition ends a run.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from simpy import Environment
from simpy.events import NORMAL, Event

from sim.rng import mix

_TIE_BITS: Final = 40
_MASK: Final = (1 << 64) - 1


def tie_breakers(seed: int) -> Iterator[int]:
    """Endless distinct event numbers in random order: drawn bits above a counter (the counter keeps them apart).

    The draw is a 64-bit congruential generator, whose high bits are good enough to shuffle with and cost one
    multiplication.
    """
    state = mix(seed & _MASK)
    count = 0
    while True:
        count += 1
        state = (state * 6364136223846793005 + 1442695040888963407) & _MASK
        yield ((state >> 32) << _TIE_BITS) | count


class Call(Event):
    """A callback to come. It duck-types what SimPy's step needs of an event, without the cost of one."""

    _ok = True

    def __init__(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.callbacks = _FIRE
        self.function: Callable[..., object] | None = function
        self.args = args

    def cancel(self) -> None:
        """Never call back; harmless when it already did. The entry stays in the heap until its time."""
        self.function = None
        self.args = ()

    @property
    def pending(self) -> bool:
        """Whether it will still call back."""
        return self.function is not None


def _fire(call: Any) -> None:
    function = call.function
    if function is not None:
        call.function = None
        function(*call.args)


# One list for all calls: SimPy only reads it and sets the event's own attribute to None.
_FIRE: Final[Any] = [_fire]


class Clock:
    """Virtual time. `now` starts at `start` (milliseconds since 1970)."""

    def __init__(self, seed: int = 0, start: int = 0) -> None:
        self.environment = Environment(initial_time=start)
        # SimPy numbers events by a counter, which makes creation order the order of one instant.
        self.environment._eid = tie_breakers(seed)  # type: ignore[assignment] # any iterator of distinct ints will do
        self._schedule = self.environment.schedule
        self.calls = 0

    @property
    def now(self) -> int:
        return self.environment._now  # type: ignore[return-value] # only ever ints are added to an int

    def at(self, delay_ms: int, function: Callable[..., object], *args: Any) -> Call:
        """Call `function(*args)` after `delay_ms` (0: later in this instant)."""
        call = Call(function, args)
        self._schedule(call, NORMAL, delay_ms)
        return call

    def run(self, done: Callable[[], bool], until_ms: int) -> bool:
        """Step until `done()` is true (True), or nothing is left or the next event lies after `until_ms` (False).

        Events exactly at `until_ms` still happen. Stopped by the limit, the clock shows `until_ms`.
        """
        environment = self.environment
        peek, step = environment.peek, environment.step
        while not done():
            if peek() > until_ms:
                if environment._now < until_ms:
                    environment._now = until_ms
                return False
            step()
            self.calls += 1
        return True
