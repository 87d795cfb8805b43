"""Where does chance come from? From streams named by their cause, all grown from one root seed.

Called by everything in `sim` that needs luck. The same seed and cause give the same draws whatever else was drawn,
so that two policies meet the same luck. It must never depend on the order of calls between streams, on hash() or on
the machine.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from math import cos, exp, log, pi, sqrt
from typing import Final, TypeVar

T = TypeVar("T")

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
_UNIT: Final = 1.0 / (1 << 53)


def mix(state: int) -> int:
    """The output function of splitmix64: 64 well mixed bits of any 64-bit state."""
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)


class Stream:
    """The draws of one cause, in order."""

    __slots__ = ("_state",)

    def __init__(self, state: int) -> None:
        self._state = state

    def bits(self) -> int:
        """64 random bits."""
        self._state = state = (self._state + _GOLDEN) & _MASK
        return mix(state)

    def random(self) -> float:
        """Uniform in [0, 1)."""
        return (self.bits() >> 11) * _UNIT

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.random()

    def chance(self, probability: float) -> bool:
        """True with this probability; one draw whatever the probability, so that changing it shifts nothing."""
        return self.random() < probability

    def exponential(self, mean: float) -> float:
        return -mean * log(1.0 - self.random())

    def normal(self, mean: float = 0.0, deviation: float = 1.0) -> float:
        """Two uniform draws for one value (Box-Muller)."""
        radius = sqrt(-2.0 * log(1.0 - self.random()))
        return mean + deviation * radius * cos(2.0 * pi * self.random())

    def lognormal(self, median: float, sigma: float) -> float:
        """`sigma` is the standard deviation of the logarithm."""
        return median * exp(self.normal(0.0, sigma))

    def triangular(self, low: float, mode: float, high: float) -> float:
        at = self.random()
        if high <= low:
            return low
        turn = (mode - low) / (high - low)
        if at < turn:
            return low + sqrt(at * (high - low) * (mode - low))
        return high - sqrt((1.0 - at) * (high - low) * (high - mode))

    def below(self, count: int) -> int:
        """An index, 0 <= index < count."""
        return (self.bits() * count) >> 64

    def choice(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def weighted(self, options: Sequence[T], weights: Sequence[float]) -> T:
        """One of `options`, in proportion to `weights`, which must not all be 0."""
        point = self.random() * sum(weights)
        for option, weight in zip(options, weights, strict=True):
            point -= weight
            if point < 0:
                return option
        return options[-1]


class Streams:
    """`Streams(7).of("duration", "recover", 3, 1)` is the luck of that cause under seed 7."""

    __slots__ = ("_key", "seed")

    def __init__(self, seed: int, *replication: str | int) -> None:
        """`replication` tells runs of one study apart under the same seed."""
        self.seed = seed
        root = "\x1f".join((str(seed), *map(_word, replication)))
        self._key = blake2b(root.encode(), digest_size=16).digest()

    def of(self, *cause: str | int) -> Stream:
        """A fresh stream at its beginning: ask once per cause, or draw the same again."""
        return Stream(self.seed_of(*cause))

    def seed_of(self, *cause: str | int) -> int:
        """64 bits that stand for this cause."""
        text = "\x1f".join(map(_word, cause))
        return int.from_bytes(blake2b(text.encode(), digest_size=8, key=self._key).digest(), "big")

    def seeds(self, *cause: str | int) -> Callable[[str], int]:
        """`seed_of(*cause, word)` by its last word alone, for causes that are many."""
        head = "\x1f".join((*map(_word, cause), "")).encode()
        key = self._key
        return lambda word: int.from_bytes(blake2b(head + word.encode(), digest_size=8, key=key).digest(), "big")

    def uniform(self, *cause: str | int) -> float:
        """The first draw of that cause, in [0, 1)."""
        return self.of(*cause).random()


def _word(part: str | int) -> str:
    """Tells 3 from "3", so that two causes never meet by accident."""
    return f"#{part}" if isinstance(part, int) else part
