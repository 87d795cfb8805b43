"""A fast clock that waits for the machine: it runs at full speed only while the API server answers at once.

Called by the features' API server back-end. A clock sixty times as fast as the wall's makes half a second of a busy
machine a half minute in which nothing was answered, and a controller rightly gives up. So time goes on between two
answers by `STRIDE_S` at the most. Whatever the server tells anybody is such an answer (`asked`, `told`, `heard`; see
`tests.harness.lent`); where none comes, a pacer asks it something small. While nobody waits for the server and it has
answered `ENOUGH` of such questions since it told anybody anything, nothing can be late but ourselves: then it is enough
that the pacer's thread has its turns. On an idle machine the clock is never held back.
"""

import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Final

from wfexec.adapters.clock import WallClock

STRIDE_S: Final = 0.06
# From an answer to the next question, so that an answer of an idle machine comes before the stride is over. Each costs
# server and client a few milliseconds, all the time that scenarios wait; and a busy server has some rest between two.
EVERY_S: Final = 0.048
REST_S: Final = 0.01
# What was written is told to who watches before so many questions are answered, each asked after the answer to the one
# before: the busier the server, the longer that takes. Each costs both sides a few milliseconds.
ENOUGH: Final = 3
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
        # For who writes: requests under way, and the pacer's questions answered since the server was last heard of.
        self._lock = Lock()
        self._waiting = 0
        self._paced = ENOUGH
        self._ending = Event()

    def start(self) -> None:
        Thread(target=self._pace, name="pacer", daemon=True).start()

    def stop(self) -> None:
        self._ending.set()

    def asked(self) -> None:
        """Somebody waits for the server."""
        with self._lock:
            self._waiting += 1

    def told(self, more: bool = True) -> None:
        """What was asked has its answer, or never will have one; `more` may be told to others because of it."""
        with self._lock:
            self._waiting -= 1
        if more:
            self.heard()
        else:
            self.answered()

    def heard(self) -> None:
        """The server has just told somebody something."""
        self.answered()
        self._paced = 0

    def answered(self) -> None:
        """The machine keeps up."""
        with self._lock:
            self._answered = (self._passed_ns(), self._monotonic_ns())

    def paced_seconds(self) -> float:
        """Seconds of reality in which the machine kept up; for limits of what is waited for."""
        return self._passed_ns() / _NS

    def now_ms(self) -> int:
        return self._started_ms + int(self._passed_ns() * self.speed) // 1_000_000

    def _passed_ns(self) -> int:
        passed, at = self._answered
        return passed + min(self._monotonic_ns() - at, int(STRIDE_S * _NS))

    def quiet(self) -> bool:
        """Whether nobody waits for anything that the server has to tell."""
        return not self._waiting and self._paced >= ENOUGH

    def rest_s(self) -> float:
        """How long from now on nothing needs to be asked."""
        return EVERY_S - (self._monotonic_ns() - self._answered[1]) / _NS

    def _pace(self) -> None:
        while not self._ending.wait(max(REST_S, self.rest_s())):
            if self.rest_s() > 0:
                continue
            self.keep_pace()

    def keep_pace(self) -> None:
        """Ask if there is something to wait for, and go on."""
        if not self.quiet():
            self._ask()
            self._paced += 1
        self.answered()


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
