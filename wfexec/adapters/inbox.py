"""What came for a thread that also has to do things at certain times?

Called by the loop of `wfexec.app` and by whoever else waits for something, but not for ever. The standard library's
`SimpleQueue.get(timeout=...)` is not used for that: where the thread loses the processor (or its process is stopped)
for longer than the timeout just before it begins to wait, CPython reckons a negative rest, which means for ever. Then
no timer rings any more until somebody puts something. Waiting for a lock has no such gap.
"""

from queue import Empty, SimpleQueue
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """Any thread and any signal handler puts, one thread takes; what came first is taken first."""

    def __init__(self) -> None:
        self._things: SimpleQueue[T] = SimpleQueue()
        # Free when something may have come since the last wait.
        self._quiet = Lock()
        self._quiet.acquire()

    def put(self, thing: T) -> None:
        self._things.put(thing)
        if self._quiet.locked():
            try:
                self._quiet.release()
            except RuntimeError:
                # Somebody else was quicker to wake the reader, who finds ours as well.
                return

    def take(self, wait_s: float, most: int = 1) -> list[T]:
        """What came, up to `most`; waits up to `wait_s` seconds for the first, empty when nothing came."""
        things = self._things
        found: list[T] = []
        if things.empty() and not self._comes(wait_s):
            return found
        try:
            while len(found) < most:
                found.append(things.get_nowait())
        except Empty:
            return found
        return found

    def _comes(self, wait_s: float) -> bool:
        ends_at = monotonic() + wait_s
        while self._quiet.acquire(timeout=wait_s):
            if not self._things.empty():
                return True
            # Said of something that was taken before.
            wait_s = max(0.0, ends_at - monotonic())
        return not self._things.empty()
