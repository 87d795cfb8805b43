"""Which workflow is looked at next? Keys wait here from the signal that concerns them until their look begins.

Called by the view (signals), the reconciler (settling a look) and the controller (taking keys). Rules:
1. A key added many times before its look is looked at once (dirty).
2. A key never runs twice at once (processing); added meanwhile, it runs once more afterwards: no wake-up is lost.
3. Of several delayed adds of one key the earliest wins; the rest are dropped and counted.
4. Higher priority first, first come first served inside it; a level passed over PATIENCE times is served next.
Rate limits are for errors, deadlines for waiting: planned wake-ups live in `deadlines`, never here.
"""

from collections import deque
from collections.abc import Hashable
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

from wfexec.engine.backoff import delay_ms

K = TypeVar("K", bound=Hashable)

LOW: Final = 0
NORMAL: Final = 1
HIGH: Final = 2
CRITICAL: Final = 3
# So many takes may pass a waiting lower level by: it still gets a twentieth of a busy controller.
PATIENCE: Final = 19
# First delay after an error; as in the work queues of other controllers.
ERROR_BASE_MS: Final = 5


class WorkQueue(Generic[K]):
    """Keys only need a hash; iteration order is order of arrival, never of hashes."""

    __slots__ = (
        "_delayed",
        "_dirty",
        "_failures",
        "_heap",
        "_passed",
        "_patience",
        "_processing",
        "_sequence",
        "_waiting",
        "stale",
    )

    def __init__(self, patience: int = PATIENCE) -> None:
        self._patience = patience
        self._waiting: tuple[deque[K], ...] = (deque(), deque(), deque(), deque())
        self._dirty: dict[K, int] = {}
        self._processing: set[K] = set()
        self._delayed: dict[K, tuple[int, int]] = {}
        self._heap: list[tuple[int, int, K]] = []
        self._failures: dict[K, int] = {}
        self._passed = [0, 0, 0, 0]
        self._sequence = 0
        self.stale = 0

    def __len__(self) -> int:
        """Keys that could be taken now."""
        waiting = self._waiting
        return len(waiting[0]) + len(waiting[1]) + len(waiting[2]) + len(waiting[3])

    def __repr__(self) -> str:
        levels = "/".join(str(len(level)) for level in reversed(self._waiting))
        return f"<WorkQueue waiting {levels}, processing {len(self._processing)}, delayed {len(self._delayed)}>"

    def add(self, key: K, level: int = NORMAL) -> None:
        """Look at `key` soon; the highest level it was added with counts."""
        dirty = self._dirty
        known = dirty.get(key, -1)
        if known >= level:
            return
        dirty[key] = level
        if key not in self._processing:
            if known >= 0:
                self._waiting[known].remove(key)
            self._waiting[level].append(key)

    def take(self) -> K | None:
        """The next key, from now on processing until `done`; None when nothing waits."""
        if not self._dirty:
            return None
        waiting = self._waiting
        passed = self._passed
        usual = waiting[NORMAL]
        if usual and not (waiting[CRITICAL] or waiting[HIGH] or waiting[LOW]):
            passed[NORMAL] = 0
            return self._begin(usual.popleft())
        chosen = -1
        for level in (CRITICAL, HIGH, NORMAL, LOW):
            if waiting[level] and (chosen < 0 or passed[level] >= self._patience):
                chosen = level
        if chosen < 0:
            return None
        for level in range(chosen):
            if waiting[level]:
                passed[level] += 1
        passed[chosen] = 0
        return self._begin(waiting[chosen].popleft())

    def _begin(self, key: K) -> K:
        del self._dirty[key]
        self._processing.add(key)
        return key

    def done(self, key: K) -> None:
        """Its look ended; if it became dirty meanwhile it waits again."""
        self._processing.discard(key)
        level = self._dirty.get(key)
        if level is not None:
            self._waiting[level].append(key)

    def add_at(self, key: K, level: int, at: int) -> None:
        """Look at `key` at that instant; an earlier one already asked for stays."""
        known = self._delayed.get(key)
        if known is not None and known[0] <= at:
            return
        self._delayed[key] = (at, level)
        self._sequence += 1
        heappush(self._heap, (at, self._sequence, key))

    def retry(
        self,
        key: K,
        level: int,
        now: int,
        *,
        base_ms: int = ERROR_BASE_MS,
        cap_ms: int,
        least_ms: int = 0,
        salt: str = "",
    ) -> int:
        """Look again after an error: base doubled per error in a row, at least `least_ms`; returns the instant."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        at = now + max(delay_ms(base_ms, failures, cap_ms, salt), least_ms)
        self.add_at(key, level, at)
        return at

    def failures(self, key: K) -> int:
        return self._failures.get(key, 0)

    def succeeded(self, key: K) -> None:
        """A look went well: errors in a row start anew. A delayed look stays, it may have been asked for elsewhere."""
        if self._failures:
            self._failures.pop(key, None)

    def forget(self, key: K) -> None:
        """The key is gone: neither its errors nor its delayed look matter any more."""
        self._failures.pop(key, None)
        self._delayed.pop(key, None)

    def promote(self, now: int) -> None:
        """Delayed keys whose instant has come begin to wait."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, _, key = heappop(heap)
            known = self._delayed.get(key)
            if known is None or known[0] != at:
                self.stale += 1
                continue
            del self._delayed[key]
            self.add(key, known[1])

    def next_at(self) -> int | None:
        """When `promote` has something to do; None for never."""
        heap = self._heap
        while heap:
            at, _, key = heap[0]
            known = self._delayed.get(key)
            if known is not None and known[0] == at:
                return at
            heappop(heap)
            self.stale += 1
        return None
