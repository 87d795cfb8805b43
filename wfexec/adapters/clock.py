"""What time is it for a controller in the real world?

Called by the composition root, which hands `now` down; nothing below the adapters may look at a clock. Test harnesses
run it faster so that long waits take seconds; `speed` is an argument of the composition and never a flag or a setting.

Only waits are sped up. What the network takes is real: request timeouts and the server's own watch timeout are not
scaled, and times the server writes (creationTimestamp, deletionTimestamp) stay the server's. A lease is renewed and
judged by this clock, so all candidates of one lease must run at the same speed.
"""

import time
from typing import Any, Final

# Goes on while the machine is suspended, which the monotonic one does not everywhere; None on systems without it.
_BOOT: Final[Any] = getattr(time, "CLOCK_BOOTTIME", None)


def running_ns() -> int:
    """Nanoseconds since some instant, never going back; the time that the machine sleeps counts."""
    return time.monotonic_ns() if _BOOT is None else time.clock_gettime_ns(_BOOT)


class WallClock:
    """Milliseconds since 1970, never going back: a step of the system clock is not followed once started.

    `ahead_ms`: by how much it is ahead of the system's, for tests.
    """

    def __init__(self, speed: float = 1.0, ahead_ms: int = 0) -> None:
        self.speed = speed
        self._started_ms = time.time_ns() // 1_000_000 + ahead_ms
        self._started = running_ns()

    def take_back(self, ahead_ms: int) -> None:
        """Be so much less ahead from now on; only before anybody has asked what time it is."""
        self._started_ms -= ahead_ms

    def leap(self, ms: int) -> None:
        """Be so much further on from now on."""
        self._started_ms += ms

    def ahead_of_system_ms(self) -> int:
        return self.now_ms() - time.time_ns() // 1_000_000

    def now_ms(self) -> int:
        passed = running_ns() - self._started
        return self._started_ms + int(passed * self.speed) // 1_000_000

    def real_seconds(self, ms: int) -> float:
        """How long to wait in reality for `ms` of this clock; 0 for what is past."""
        return max(0, ms) / 1_000 / self.speed

    def monotonic(self) -> float:
        """Real seconds, for measuring how long something took."""
        return time.monotonic()
