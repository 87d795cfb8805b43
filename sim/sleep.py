"""A controller that stands still: its machine gets no time, and what comes for it waits.

Put by `sim.process` in the place of a machine, and taken away when the sleep is over. The machine hears everything
then, in its order, as a process does that was stopped and goes on.
"""

from typing import Any, Final

from sim.stream import Stream
from wfexec.model.requests import Code, Outcome, Replied

LATE: Final = Outcome(Code.LOST, message="no reply within the time limit")


class Sleeping:
    """`machine` sleeps; `held` is what came for it.

    `impatient`: a reply that came meanwhile came too late, and nobody kept the watches open for one who reads nothing.
    """

    __slots__ = ("held", "impatient", "machine")

    def __init__(self, machine: Any, impatient: bool) -> None:
        self.machine = machine
        self.impatient = impatient
        self.held: list[Any] = []

    def start(self, now: int) -> None:
        """It has been started before."""

    def feed(self, signal: Any, now: int) -> None:
        self.held.append(signal)

    def tick(self, now: int) -> None:
        """Time passes unnoticed."""

    def take(self) -> list[Any]:
        return []

    def wake_at(self) -> int | None:
        return None

    def wake(self, now: int, streams: list[Stream]) -> Any:
        """The machine, which has heard of everything; `streams` are its open watches."""
        if self.impatient:
            for stream in tuple(streams):
                stream.cut(Code.LOST)
        for signal in self.held:
            late = self.impatient and isinstance(signal, Replied)
            self.machine.feed(Replied(signal.request_id, LATE) if late else signal, now)
        self.machine.tick(now)
        return self.machine
