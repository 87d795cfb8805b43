"""One watch of a process in the simulated cluster: how events wait in line and arrive.

Made by `sim.process`. A watch keeps the order of its events although their delays differ. It must never look into an
event, and never feed a machine that has crashed since it asked.
"""

from collections import deque
from typing import Any, Final, Protocol

from sim.clock import Clock
from sim.doors import Door, Ending
from sim.faults import LATE_MS, REPEATED
from wfexec.model.requests import Change, Code, Kind, Outcome, Replied, Watched, WatchObjects, WatchSeen
from wfexec.model.words import DELETED

# Making a named tuple by its own constructor costs more than all else that is done for an event.
_tuple: Final[Any] = tuple.__new__


class Surroundings(Protocol):
    """What a watch needs of the simulation it lives in."""

    clock: Clock
    door: Door
    busy: int


class Follower(Protocol):
    """Whose watch it is: the process, its machine (None while it is down) and how long things are on their way."""

    life: int
    writing: bool
    machine: Any
    nature: Any

    def pump(self) -> None: ...
    def delay(self, name: str, low: int, span: int) -> int: ...
    def opened(self, stream: Any) -> None: ...
    def closed(self, stream: Any) -> None: ...


class Stream:
    """A watch of a process: events wait in line, and each callback delivers the one that has waited longest.

    The echo of a write whose reply the process has seen is no news to it: it travels with the next event.
    """

    __slots__ = (
        "_again",
        "_at",
        "_clock",
        "_echoes",
        "_ending",
        "_life",
        "_low",
        "_muted",
        "_process",
        "_queue",
        "_sim",
        "_slow_until",
        "_span",
        "kind",
        "request_id",
    )

    def __init__(self, process: Follower, sim: Surroundings, request_id: int, kind: Kind, life: int) -> None:
        self._process = process
        self._sim = sim
        self.request_id = request_id
        self.kind = kind
        self._life = life
        low, high = process.nature.latencies.watch
        self._low, self._span = low, high - low + 1
        self._clock = sim.clock
        self._at = sim.clock.at
        # Each event with the echoes that travel before it.
        self._queue: deque[tuple[list[Any], Any]] = deque()
        self._echoes: list[Any] = []
        self._ending: Ending | None = None
        self._muted = False
        # So many of the next events come twice; until that instant none arrives.
        self._again = 0
        self._slow_until = 0

    def open(self, body: WatchObjects) -> Outcome | None:
        """None when it runs, else why it does not."""
        watch = self._sim.door.watch(body, self._process.nature.user, self.seen)
        if isinstance(watch, Outcome):
            return watch
        self._ending = watch
        self._process.opened(self)
        self._at(body.timeout_ms, self._expire)
        return None

    def stop(self) -> None:
        """Nothing more is heard."""
        self._muted = False
        if self._ending is not None:
            self._ending.stop()
            self._ending = None

    def mute(self) -> None:
        """Nothing more is heard, and nobody says so until the time is over: a connection forgotten on the way."""
        self.stop()
        self._muted = True

    def cut(self, code: Code) -> None:
        """The connection is gone, and we hear of it."""
        self.stop()
        self._process.closed(self)
        self._line_up(Replied(self.request_id, Outcome(code)))
        self._at(self._low, self._deliver)

    def repeat(self) -> None:
        """What comes next comes twice."""
        self._again = REPEATED

    def slow(self) -> None:
        """What comes next comes late, in its order."""
        self._slow_until = self._clock.now + LATE_MS

    def seen(self, change: Change, thing: Watched | None, version: str) -> None:
        """The store tells of a change; called inside the write that made it."""
        event = _tuple(WatchSeen, (self.request_id, self.kind, change, thing, version))
        process = self._process
        # The end of an object is news even to whoever asked for it: only the event says at which version it ended.
        if process.writing and change is not DELETED:
            self._echoes.append(event)
            return
        if self._again:
            self._again -= 1
            self._line_up(event)
            self._at(self._low, self._deliver)
        self._line_up(event)
        name = thing.metadata.name if thing is not None else "bookmark"
        delay = process.delay(name, self._low, self._span)
        self._at(max(delay, self._slow_until - self._clock.now), self._deliver)

    def _line_up(self, signal: Any) -> None:
        self._queue.append((self._echoes, signal))
        self._echoes = []
        self._sim.busy += 1

    def _expire(self) -> None:
        """The server ends a watch after the time it was asked for; its last events still arrive before that."""
        if self._ending is None and not self._muted:
            return
        code = Code.LOST if self._muted else Code.OK
        self.stop()
        self._process.closed(self)
        self._line_up(Replied(self.request_id, Outcome(code)))
        self._at(self._low, self._deliver)

    def _deliver(self) -> None:
        self._sim.busy -= 1
        echoes, signal = self._queue.popleft()
        process = self._process
        machine = process.machine
        if machine is not None and process.life == self._life:
            now = self._clock.now
            for echo in echoes:
                machine.feed(echo, now)
            machine.feed(signal, now)
            process.pump()
