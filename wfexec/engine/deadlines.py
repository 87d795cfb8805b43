"""When must each workflow be looked at, if nothing happens before? One wake-up per key, the last one asked for.

Called by the reconciler after each look and by the controller's tick. A wake-up that was moved or cancelled is stale:
it is dropped and counted when it comes up, never delivered. Moving a wake-up later, which every look does, costs no
heap operation: the old entry is filed anew when it comes up.
"""

from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_COMPACT_FROM: Final = 256


class Deadlines(Generic[K]):
    __slots__ = ("_filed", "_heap", "_sequence", "_wanted", "stale")

    def __init__(self) -> None:
        self._wanted: dict[K, int] = {}
        # The earliest live heap entry per key; never later than what is wanted.
        self._filed: dict[K, int] = {}
        self._heap: list[tuple[int, int, K]] = []
        self._sequence = 0
        self.stale = 0

    def __len__(self) -> int:
        return len(self._wanted)

    def __repr__(self) -> str:
        return f"<Deadlines {len(self._wanted)} wanted, next {self.next_at()}, {self.stale} stale>"

    def set(self, key: K, at: int | None) -> None:
        """Wake `key` at `at` instead of whenever it was before; None: not at all."""
        if at is None:
            self._wanted.pop(key, None)
            if len(self._heap) > _COMPACT_FROM and len(self._heap) > 4 * len(self._wanted):
                self._compact()
            return
        self._wanted[key] = at
        filed = self._filed.get(key)
        if filed is None or at < filed:
            self._file(key, at)

    def next_at(self) -> int | None:
        """The earliest wake-up; None when nobody waits."""
        heap = self._heap
        while heap:
            at, _, key = heap[0]
            wanted = self._wanted.get(key)
            current = self._filed.get(key) == at
            if current and wanted == at:
                return at
            heappop(heap)
            self.stale += 1
            if current:
                del self._filed[key]
                if wanted is not None:
                    self._file(key, wanted)
        return None

    def due(self, now: int) -> list[K]:
        """Keys whose wake-up has come, earliest first; each is forgotten here."""
        found: list[K] = []
        if not self._heap or self._heap[0][0] > now:
            return found
        while True:
            at = self.next_at()
            if at is None or at > now:
                return found
            _, _, key = heappop(self._heap)
            del self._wanted[key], self._filed[key]
            found.append(key)

    def _file(self, key: K, at: int) -> None:
        self._filed[key] = at
        self._sequence += 1
        heappush(self._heap, (at, self._sequence, key))

    def _compact(self) -> None:
        """Keys that left would otherwise be kept alive by their far-away wake-ups."""
        before = len(self._heap)
        kept: dict[K, tuple[int, int, K]] = {}
        for entry in sorted(self._heap, key=lambda entry: entry[1]):
            if entry[2] in self._wanted and self._filed[entry[2]] == entry[0]:
                kept[entry[2]] = entry
        self._heap = list(kept.values())
        heapify(self._heap)
        self._filed = {key: entry[0] for key, entry in kept.items()}
        self.stale += before - len(self._heap)
