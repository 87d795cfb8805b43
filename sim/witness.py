"""Who remembers what the controllers decided? Snapshot, time and plan of some decisions of a run.

Stands in the place of `decide` in every simulated controller. Everything in a snapshot is immutable, so keeping one
costs a tuple; it must never change what it passes on.
"""

from typing import Final, NamedTuple

from wfexec.core.decide import decide
from wfexec.model.plan import Plan
from wfexec.model.snapshot import Snapshot
from wfexec.settings import Settings

# All of the first decisions, then one in so many, and never more than this of one run.
FIRST: Final = 8
EVERY: Final = 5
KEPT_MAX: Final = 128


class Decision(NamedTuple):
    """`now` in milliseconds since 1970."""

    snapshot: Snapshot
    now: int
    plan: Plan


class Witness:
    __slots__ = ("_count", "decisions")

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self._count = 0

    def decide(self, snapshot: Snapshot, now: int, settings: Settings) -> Plan:
        plan = decide(snapshot, now, settings)
        self._count = count = self._count + 1
        if (count <= FIRST or not count % EVERY) and len(self.decisions) < KEPT_MAX:
            self.decisions.append(Decision(snapshot, now, plan))
        return plan
