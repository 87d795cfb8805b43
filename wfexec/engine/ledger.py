"""What goes to the audit store, and when? One request at a time, with all rows that wait (BR-WF-001).

Filled by the reconciler, emptied by the controller, which gives these requests no place of the limiter: a store that
hangs holds up nothing but what waits for it, and a thousand deletions that wait for it are few requests. What a failure
means is the reconciler's matter.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from wfexec.model.audit import FinalRecord
from wfexec.model.requests import KeepRows, Outcome

# So many rows travel together: a mass deletion is a handful of requests, and one of them is some hundred kilobytes.
ROWS_MAX: Final = 500
Written = Callable[[Any, Any, Outcome, int], None]


class AuditStore(Protocol):
    """Where rows are kept; a row of a key that is there already changes nothing."""

    def keep(self, rows: tuple[FinalRecord, ...], timeout_s: float) -> Outcome:
        """OK once all are kept. UNAVAILABLE, FORBIDDEN, INVALID: none was. LOST: nobody knows. Ends within `timeout_s`,
        never raises for trouble of the store, and says in `message` why, without secrets."""
        ...


class Ledger:
    """`waiting` holds (request for one row, who hears of it, for whom), oldest first."""

    __slots__ = ("_sent", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[tuple[Any, Written, Any]] = deque()
        self._sent: list[tuple[Any, Written, Any]] = []

    def __repr__(self) -> str:
        return f"<Ledger {len(self.waiting)} rows waiting, {len(self._sent)} on their way>"

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self._sent)

    def take(self) -> KeepRows | None:
        """What may be sent now, from now on on its way."""
        if self._sent or not self.waiting:
            return None
        self._sent = [self.waiting.popleft() for _ in range(min(ROWS_MAX, len(self.waiting)))]
        return KeepRows(tuple([row for body, _, _ in self._sent for row in body.rows]))

    def replied(self, body: KeepRows, concerned: None, outcome: Outcome, now: int) -> None:
        """All that travelled together share the outcome."""
        sent, self._sent = self._sent, []
        for each, written, tracked in sent:
            written(each, tracked, outcome, now)

    def withdraw(self) -> list[tuple[Any, Written, Any]]:
        """What has not been handed out never will be."""
        waiting = list(self.waiting)
        self.waiting.clear()
        return waiting
