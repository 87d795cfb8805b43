"""Which workflow is looked at next? Keys wait here from the signal that concerns them until their look begins.

Called by the view (signals), the reconciler (settling a look) and the controller (taking keys). Rules:
1. A key added many times before its look is looked at once (dirty).
2. A key never runs twice at once (processing); added meanwhile, it runs once more afterwards: no wake-up is lost.
3. Of several delayed adds of one key the earliest wins; the rest are dropped and counted.
4. Higher level first, first come first served inside it; a level passed over PATIENCE times is served next.
5. Each priority is three levels: what must be brought to an end soon, the usual, and what nobody has begun. The last
   two take turns, but where a CROWD of the usual waits already nothing is begun before it has become smaller.
Rate limits are for errors, deadlines for waiting: planned wake-ups live in `deadlines`, never here.
"""

from collections import deque
from collections.abc import Hashable
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

from wfexec.engine.backoff import delay_ms

K = TypeVar("K", bound=Hashable)

LOW: Final = 1
NORMAL: Final = 4
HIGH: Final = 7
CRITICAL: Final = 10
# Added to a priority.
SOON: Final = 1
FRESH: Final = -1
_PRIORITIES: Final = (LOW, NORMAL, HIGH, CRITICAL)
_ORDER: Final = tuple(range(CRITICAL + SOON, LOW + FRESH - 1, -1))
# Waiting keys that are too many to begin more.
CROWD: Final = 100
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
        "_unusual",
        "_waiting",
        "stale",
    )

    def __init__(self, patience: int = PATIENCE) -> None:
        self._patience = patience
        self._waiting: tuple[deque[K], ...] = tuple(deque() for _ in _ORDER)
        # How many wait on other levels than the usual one.
        self._unusual = 0
        self._dirty: dict[K, int] = {}
        self._processing: set[K] = set()
        self._delayed: dict[K, tuple[int, int]] = {}
        self._heap: list[tuple[int, int, K]] = []
        self._failures: dict[K, int] = {}
        self._passed = [0] * len(_ORDER)
        self._sequence = 0
        self.stale = 0

    def __len__(self) -> int:
        """Keys that could be taken now."""
        return len(self._waiting[NORMAL]) + self._unusual

    def __repr__(self) -> str:
        waiting = self._waiting
        levels = "/".join(
            str(sum(map(len, waiting[each + FRESH : each + SOON + 1]))) for each in (CRITICAL, HIGH, NORMAL, LOW)
        )
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
                self._unusual -= known != NORMAL
            self._waiting[level].append(key)
            self._unusual += level != NORMAL

    def take(self) -> K | None:
        """The next key, from now on processing until `done`; None when nothing waits."""
        if not self._dirty:
            return None
        waiting = self._waiting
        passed = self._passed
        usual = waiting[NORMAL]
        if usual and not self._unusual:
            passed[NORMAL] = 0
            return self._begin(usual.popleft())
        chosen = -1
        for level in _ORDER:
            if waiting[level] and (chosen < 0 or passed[level] >= self._patience or self._in_turn(level, chosen)):
                chosen = level
        if chosen < 0:
            return None
        for level in range(chosen):
            if waiting[level]:
                passed[level] += 1
        passed[chosen] = 0
        self._unusual -= chosen != NORMAL
        return self._begin(waiting[chosen].popleft())

    def _in_turn(self, level: int, chosen: int) -> bool:
        """May what is fresh go before the usual of its priority?"""
        usual = level - FRESH
        return (
            chosen == usual and usual in _PRIORITIES and self._passed[level] > 0 and len(self._waiting[usual]) <= CROWD
        )

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
            self._unusual += level != NORMAL

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
