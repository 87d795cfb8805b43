"""Does this controller go by the API server's clock, and who hears of it if not? (BR-WF-047)

Called by the composition root: `set` once, before anybody asked the clock, and `look` now and then. Only at the start
is a clock set; later it is compared, with replies that come anyway, and a difference is told. One thing is followed: a
machine that stood still without knowing it, as a virtual one does that somebody paused, is behind afterwards; when its
own clock was put right and agrees with the API server, ours leaps forward as well.
"""

import logging
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

from wfexec.adapters.clock import WallClock, running_ns
from wfexec.adapters.kube import Connection, Reply
from wfexec.crd.wire import HttpCall
from wfexec.engine.timekeeping import TOLERANCE_MS, ahead_ms

log = logging.getLogger("wfexec.clock")

# Anybody may ask for it, and a refusal has a date as well.
ASKED: Final = HttpCall("GET", "/version")
ASKED_S: Final = 5.0
# How long a start waits for a server that is not there; the engine is not alive meanwhile.
PATIENCE_S: Final = 10.0
PAUSE_S: Final = 0.5
BETWEEN_S: Final = 30.0


class Timekeeper:
    """`ahead_ms`: how far the clock was ahead of the server at the last look. `set_by_ms`: what `set` took back."""

    def __init__(self, connection: Connection, clock: WallClock) -> None:
        self._connection = connection
        self._clock = clock
        self._looked_at = clock.monotonic()
        self._told_ms = 0
        self.ahead_ms = 0
        self.set_by_ms = 0

    def set(self, stopping: Callable[[], bool]) -> None:
        """Go by the server's clock from now on; without a reply in time by our own."""
        limit = self._clock.monotonic() + PATIENCE_S
        while not isinstance(self._connection.call(ASKED, ASKED_S), Reply):
            if stopping() or self._clock.monotonic() > limit:
                return
            time.sleep(PAUSE_S)
        ahead = self._measured()
        if ahead:
            self._clock.take_back(ahead)
            self.set_by_ms = ahead
            log.warning("this machine's clock is wrong; going by the API server's", extra={"fields": _fields(ahead)})

    def look(self) -> None:
        """Compare again, when the last time is a while ago; a difference is told once."""
        now = self._clock.monotonic()
        if now - self._looked_at < BETWEEN_S:
            return
        self._looked_at = now
        behind = -self._measured()
        if behind > 0 and abs(behind + self._clock.ahead_of_system_ms()) <= TOLERANCE_MS:
            self._clock.leap(behind)
            log.warning(
                "this machine stood still; its clock was put right, and is gone by", extra={"fields": _fields(-behind)}
            )
        self.compare()

    def compare(self) -> None:
        ahead = self.ahead_ms = self._measured()
        if abs(ahead - self._told_ms) <= TOLERANCE_MS:
            return
        self._told_ms = ahead
        if ahead:
            fix = "have both kept right, then restart this controller; limits come early or late by as much"
            fields = {**_fields(ahead), "fix": fix}
            log.warning("the clock this controller goes by is not the API server's", extra={"fields": fields})
        else:
            log.info("the clock this controller goes by is the API server's again")

    def _measured(self) -> int:
        at, told = self._connection.dated
        try:
            date = int(parsedate_to_datetime(told).timestamp()) * 1_000
        except ValueError:
            # No reply yet, or one that tells no time.
            return 0
        return ahead_ms(self._clock.now_ms() - (running_ns() - at) // 1_000_000, date)


def _fields(ahead: int) -> dict[str, object]:
    return {"aheadSeconds": round(ahead / 1_000, 1)}
