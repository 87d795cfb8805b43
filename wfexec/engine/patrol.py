"""Does an open watch still bring us the truth? One that has said nothing for too long is opened anew.

Called by the controller, one for its two kinds and one for the bearings. A watch can stay open and bring nothing
although objects change: a proxy that forgot the connection, a server whose cache stands still (BR-WF-025-EC1). A new
watch from the last version seen brings whatever was missed, and costs the server one request and no read of objects.
Rules:
1. A watch that brought anything, be it a bookmark, is left alone.
2. While workflows wait for something, none of the two kinds is silent for longer than `watch-silence`; else, and for
   bearings always, for three times as long.
3. Where nobody called us for long after we wanted to be called, the process or its machine has stood still. What is
   known is old then, time limits have passed meanwhile, and the watches may be dead: where nothing may be decided by
   that, everything is listed anew first (BR-WF-047).
4. It must never judge what was missed: that comes as events, or as a list, as always.
"""

from typing import Final

from wfexec.engine.reflector import Reflector

# How much longer silence is borne while no workflow waits for anything, and where it costs less.
IDLE_TIMES: Final = 3
# Called so late, a process was not merely busy.
ASLEEP_MS: Final = 30_000


class Patrol:
    """Two rounds make one silence: what was not heard of in a whole round has been silent for one at least.

    `decisive`: what it looks after is what is decided by.
    """

    __slots__ = ("_decisive", "_idle_ms", "_reflectors", "_round_ms", "_wake_at")

    def __init__(
        self, reflectors: tuple[Reflector, ...], silence_ms: int, idle_ms: int, *, decisive: bool = False
    ) -> None:
        self._reflectors = reflectors
        self._decisive = decisive
        self._round_ms = max(1, silence_ms // 2)
        self._idle_ms = max(1, idle_ms // 2)
        self._wake_at = 0

    def __repr__(self) -> str:
        return f"<Patrol of {len(self._reflectors)}, next at {self._wake_at}>"

    def wake_at(self, now: int, waiting: bool) -> int:
        """When `walk` must be called; `waiting`: some workflow waits for something."""
        latest = now + (self._round_ms if waiting else self._idle_ms)
        if not self._wake_at or latest < self._wake_at:
            self._wake_at = latest
        return self._wake_at

    def walk(self, now: int) -> list[int]:
        """If it is time: who said nothing since the last round has a new watch due now; ids of the old ones."""
        late = now - self._wake_at
        if not self._wake_at or late < 0:
            return []
        self._wake_at = 0
        if self._decisive and late >= ASLEEP_MS:
            return [reflector.forget(now) for reflector in self._reflectors]
        return [replaced for reflector in self._reflectors if (replaced := reflector.visit(now))]
