"""What do the gauges show while a run lasts? Read whenever a workflow changes after a quiet while (BR-WF-024).

Called by the driver right before the store commits that change: by then everybody has heard of all earlier ones, so
what is shown must be what the store holds. Reading is a pass over the workflows that the controller knows; it changes
nothing and takes no place among the events of the run.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sim.process import Process
from wfexec.engine.controller import Controller
from wfexec.engine.totals import Levels, levels

# Time to hear of something, beyond what events of a watch are on their way.
HEARD_MS: Final = 1_000
# Enough for every phase of a run with a few workflows; a crowd is hardly ever quiet.
READINGS_MAX: Final = 64


class Reading(NamedTuple):
    """What the gauges of the one that leads showed at this instant, in milliseconds since 1970."""

    at: int
    levels: Levels


class Readings:
    """`taken`: oldest first. `heard_ms`: so long after a change everybody has heard of it."""

    __slots__ = ("_changed_at", "heard_ms", "taken")

    def __init__(self, watches_ms: int) -> None:
        """`watches_ms`: how long an event of a watch may be on its way."""
        self.heard_ms = HEARD_MS + watches_ms
        self.taken: list[Reading] = []
        self._changed_at = 0

    def changing(self, processes: Iterable[Process], now: int) -> None:
        """The store is about to hold a new version of a workflow."""
        if now - self._changed_at >= self.heard_ms and len(self.taken) < READINGS_MAX:
            seen = shown_now(processes)
            if seen is not None:
                self.taken.append(Reading(now, seen))
        self._changed_at = now


def shown_now(processes: Iterable[Process]) -> Levels | None:
    """None: nobody leads and knows what there is."""
    seen: Levels | None = None
    for process in processes:
        machine = process.machine
        if isinstance(machine, Controller) and machine.leading and machine.synced:
            seen = levels(machine.workflows())
    return seen
