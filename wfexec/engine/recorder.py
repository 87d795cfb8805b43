"""Which Kubernetes Events tell people what happened? Same words about the same workflow are one Event that counts up.

Called by the reconciler with the event records of committed plans, and by the controller when nothing more important
waits. Events are best effort: nothing ever waits for one (BR-WF-056). They have a rate of their own, as high as that of
all other requests, so that a load tells of itself without taking anything from the writes; what comes faster waits.
Memory is bounded: beyond it the oldest Normal ones go, Warnings last, and each that goes, or is refused, is counted.
Names are derived from (uid, reason, message), so a restarted controller meets its own Events again.
"""

from collections import OrderedDict, deque
from hashlib import blake2b
from typing import Any, Final

from wfexec.engine.limiter import Rate
from wfexec.model.base import clip
from wfexec.model.plan import EventRecord
from wfexec.model.requests import Code, EventWrite, EventWrites, Landmark, Outcome
from wfexec.model.status import WorkflowExecution
from wfexec.model.words import OK

Regarding = WorkflowExecution | Landmark
# Different events remembered for counting up, and how many may wait to be sent: some megabytes, and more than a minute.
REMEMBERED_MAX: Final = 4_096
WAITING_MAX: Final = 8_192
TRIES_MAX: Final = 3
# So many share one place of the limiter, so that none of them holds it for long.
TOGETHER_MAX: Final = 16
PAUSE_MS: Final = 1_000
# Room for the dot and the hash within a name of 253 characters.
_NAME_MAX: Final = 230
# The constructor of a named tuple costs more than the rest of a write.
_tuple: Final[Any] = tuple.__new__


class Occurrence:
    """One Event object as we know it; `due` while its latest count still has to be sent."""

    __slots__ = (
        "created",
        "due",
        "first_ms",
        "in_flight",
        "last_ms",
        "message",
        "name",
        "reason",
        "regarding",
        "ticket",
        "times",
        "tries",
        "type",
    )

    def __init__(self, regarding: Regarding, record: EventRecord, message: str, now: int) -> None:
        self.regarding = regarding
        self.type = record.type
        self.reason = record.reason
        self.message = message
        self.name = event_name(regarding.metadata.name, regarding.metadata.uid, record.reason, message)
        self.times = 1
        self.first_ms = now
        self.last_ms = now
        self.created = False
        self.due = False
        self.in_flight = False
        self.tries = 0
        # Its place in the order of waiting.
        self.ticket = 0

    def __repr__(self) -> str:
        return f"<Occurrence {self.type} {self.reason} x{self.times}>"

    def write(self) -> EventWrite:
        """Created with count 1 first; what came on top meanwhile is patched in afterwards."""
        regarding = self.regarding
        times = self.times if self.created else 1
        made: EventWrite = _tuple(
            EventWrite,
            (
                self.name,
                regarding.metadata.namespace,
                regarding,
                self.type,
                self.reason,
                self.message,
                times,
                self.first_ms,
                self.last_ms,
            ),
        )
        return made


def event_name(workflow: str, uid: str, reason: str, message: str) -> str:
    digest = blake2b(f"{uid}\0{reason}\0{message}".encode(), digest_size=8).hexdigest()
    return f"{workflow[:_NAME_MAX].rstrip('-.')}.{digest}"


class Recorder:
    __slots__ = (
        "_known",
        "_normal",
        "_oldest_ms",
        "_rate",
        "_resume_at",
        "_tickets",
        "_warnings",
        "_window_ms",
        "dropped",
        "in_flight",
        "rows",
        "waiting",
    )

    def __init__(self, dedupe_window_ms: int, qps: float, burst: int) -> None:
        self._window_ms = dedupe_window_ms
        self._rate = Rate(qps, burst)
        # Oldest first. Not a plain dict: finding the first of one that always loses its first takes ever longer.
        self._known: OrderedDict[tuple[str, str, str], Occurrence] = OrderedDict()
        # Sent in the order of their tickets, whichever they are; kept apart for the moment when some must go.
        self._normal: deque[Occurrence] = deque()
        self._warnings: deque[Occurrence] = deque()
        self._tickets = 0
        self.waiting = 0
        self._oldest_ms = 0
        self._resume_at = 0
        self.dropped = 0
        self.in_flight = 0
        # Requests on their way, each with many.
        self.rows = 0

    def __repr__(self) -> str:
        return f"<Recorder {len(self._known)} known, {self.waiting} waiting, {self.dropped} dropped>"

    @property
    def idle(self) -> bool:
        return not self.waiting and not self.in_flight

    def ready(self, now: int) -> bool:
        """Has `take` something to give?"""
        return self.waiting > 0 and now >= self._resume_at and self._rate.affords(now)

    def record(self, regarding: Regarding, record: EventRecord, now: int) -> None:
        message = clip(record.message)
        key = (regarding.metadata.uid, record.reason, message)
        known = self._known.get(key)
        if known is not None and now - known.last_ms <= self._window_ms:
            known.times += 1
            known.last_ms = now
            known.regarding = regarding
            self._known.move_to_end(key)
        else:
            if known is not None:
                del self._known[key]
            known = self._known[key] = Occurrence(regarding, record, message, now)
            self._trim(now)
        self._enqueue(known)

    def take(self, now: int) -> Occurrence | None:
        """The next one to send, from now on in flight; None while there is nothing, or it may not go yet."""
        if not self.ready(now):
            return None
        self._rate.spend()
        normal, warnings = self._normal, self._warnings
        warns = not normal or (bool(warnings) and warnings[0].ticket < normal[0].ticket)
        occurrence = (warnings if warns else normal).popleft()
        self.waiting -= 1
        occurrence.due = False
        occurrence.in_flight = True
        occurrence.tries += 1
        self.in_flight += 1
        return occurrence

    def row(self, now: int) -> tuple[list[Occurrence], EventWrites]:
        """What `ready` promised, and as many more as may go and fit into one row."""
        row: list[Occurrence] = []
        while (occurrence := self.take(now)) is not None:
            row.append(occurrence)
            if len(row) == TOGETHER_MAX:
                break
        self.rows += 1
        body: EventWrites = _tuple(EventWrites, (tuple([occurrence.write() for occurrence in row]),))
        return row, body

    def row_replied(self, body: EventWrites, row: list[Occurrence], outcome: Outcome, now: int) -> None:
        """What was not tried waits again."""
        self.rows -= 1
        told = outcome.object
        tried = told if type(told) is tuple else (outcome,) * len(row)
        for occurrence, write, each in zip(row, body.writes, tried, strict=False):
            self.replied(occurrence, write, each, now)
        for occurrence in row[len(tried) :]:
            self._untried(occurrence)

    def wake_at(self, now: int) -> int | None:
        """When time alone lets the next one go; None where there is none, or it may go now."""
        if not self.waiting or self.ready(now):
            return None
        return max(self._resume_at, self._rate.affords_at(now))

    def _untried(self, occurrence: Occurrence) -> None:
        self.in_flight -= 1
        occurrence.in_flight = False
        occurrence.due = False
        occurrence.tries -= 1
        self._enqueue(occurrence)

    def replied(self, occurrence: Occurrence, write: EventWrite, outcome: Outcome, now: int) -> None:
        self.in_flight -= 1
        occurrence.in_flight = False
        code = outcome.code
        if code is OK or (code is Code.ALREADY_EXISTS and occurrence.tries > 1):
            # After a lost reply the Event that stands in our way is our own.
            occurrence.created = True
            occurrence.tries = 0
            again = occurrence.due or occurrence.times > write.times
        elif code is Code.ALREADY_EXISTS:
            # Said in an earlier life, or before the window passed: count on from there.
            occurrence.created = True
            occurrence.times = max(occurrence.times, 2)
            again = True
        elif code is Code.NOT_FOUND and occurrence.created:
            # The server forgot it (Events live for an hour): begin anew.
            occurrence.created = False
            occurrence.times = 1
            occurrence.first_ms = occurrence.last_ms
            again = occurrence.tries < TRIES_MAX
        else:
            again = code in (Code.LOST, Code.UNAVAILABLE, Code.THROTTLED) and occurrence.tries < TRIES_MAX
            if again:
                self._resume_at = now + max(PAUSE_MS, outcome.retry_after_ms or 0)
            else:
                self.dropped += 1
                occurrence.tries = 0
        occurrence.due = False
        if again:
            self._enqueue(occurrence)

    def _enqueue(self, occurrence: Occurrence) -> None:
        if occurrence.due:
            return
        occurrence.due = True
        if occurrence.in_flight:
            return
        self._tickets += 1
        occurrence.ticket = self._tickets
        (self._warnings if occurrence.type == "Warning" else self._normal).append(occurrence)
        if self.waiting < WAITING_MAX:
            self.waiting += 1
            return
        (self._normal or self._warnings).popleft().due = False
        self.dropped += 1

    def _trim(self, now: int) -> None:
        """Forget what nobody can repeat within the window any more; at worst what was said longest ago.

        Two for each one that comes, so that memory shrinks again after a storm.
        """
        known = self._known
        # Whoever was the oldest at the last look: the oldest of now was not said before.
        if len(known) <= REMEMBERED_MAX and now - self._oldest_ms <= self._window_ms:
            return
        for _ in range(2):
            oldest = next(iter(known.values()))
            self._oldest_ms = oldest.last_ms
            if len(known) <= REMEMBERED_MAX and now - oldest.last_ms <= self._window_ms:
                return
            known.popitem(last=False)
