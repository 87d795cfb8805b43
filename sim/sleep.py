"""A controller that stands still: its machine gets no time, and what comes for it waits.

Put by `sim.process` in the place of a machine, and taken away when the sleep is over. The machine hears everything
then, in its order, as a process does that was stopped and goes on.
"""

from typing import Any


class Sleeping:
    """`machine` sleeps; `held` is what came for it."""

    __slots__ = ("held", "machine")

    def __init__(self, machine: Any) -> None:
        self.machine = machine
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

    def wake(self, now: int) -> Any:
        """The machine, which has heard of everything."""
        for signal in self.held:
            self.machine.feed(signal, now)
        self.machine.tick(now)
        return self.machine
