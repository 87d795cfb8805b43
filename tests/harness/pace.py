"""A fast clock that waits for the machine: it runs at full speed only while the API server answers at once.

Called by the features' API server back-end. A clock sixty times as fast as the wall's makes half a second of a busy
machine a half minute in which nothing was answered, and a controller rightly gives up. So a pacer asks the server
something small, again and again; time goes on between two answers by `STRIDE_S` at the most. On an idle machine it is
never held back.
"""

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from wfexec.adapters.clock import WallClock

STRIDE_S: Final = 0.06
# From one question to the next, so that an answer of an idle machine comes before the stride is over. Each costs server
# and client a few milliseconds, all the time that scenarios wait; and a busy server has some rest between two.
EVERY_S: Final = 0.048
REST_S: Final = 0.01
_NS: Final = 1_000_000_000


class PacedClock(WallClock):
    """`ask` returns when the server has answered, or when it has failed to."""

    def __init__(
        self, speed: float, ask: Callable[[], object], monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        super().__init__(speed)
        self._ask = ask
        self._monotonic_ns = monotonic_ns
        # Paced nanoseconds up to the last answer, and when that was; replaced as one, so that readers need no lock.
        self._answered = (0, monotonic_ns())
        self._ending = Event()

    def start(self) -> None:
        Thread(target=self._pace, name="pacer", daemon=True).start()

    def stop(self) -> None:
        self._ending.set()

    def answered(self) -> None:
        """The server has just answered."""
        self._answered = (self._passed_ns(), self._monotonic_ns())

    def paced_seconds(self) -> float:
        """Seconds of reality in which the machine kept up; for limits of what is waited for."""
        return self._passed_ns() / _NS

    def now_ms(self) -> int:
        return self._started_ms + int(self._passed_ns() * self.speed) // 1_000_000

    def _passed_ns(self) -> int:
        passed, at = self._answered
        return passed + min(self._monotonic_ns() - at, int(STRIDE_S * _NS))

    def _pace(self) -> None:
        pause = EVERY_S
        while not self._ending.wait(pause):
            began = time.monotonic()
            self._ask()
            self.answered()
            pause = max(REST_S, EVERY_S - (time.monotonic() - began))


class AheadClock(WallClock):
    """Another machine's clock: as fast as this one, and so many milliseconds ahead of it."""

    def __init__(self, base: WallClock, ahead_ms: int) -> None:
        super().__init__(base.speed)
        self._base = base
        self._ahead_ms = ahead_ms

    def take_back(self, ahead_ms: int) -> None:
        self._ahead_ms -= ahead_ms

    def now_ms(self) -> int:
        return self._base.now_ms() + self._ahead_ms
