"""What does the simulated audit store hold, and what befalls those who give it something? (BR-WF-029)

Called by both doors for the controller's `KeepRows`, and by the harness that lets the shipped controller use the very
same store. It outlives every controller. It must never keep a row twice, nor say that it has one that it has not.
"""

from collections.abc import Callable
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, Field

from sim.executor.targets import Given
from sim.faults import Fault
from wfexec.model.audit import FinalRecord
from wfexec.model.requests import Code, KeepRows, Outcome
from wfexec.units import Duration

# What can befall a request to the store; the words of a fault plan, and they mean the same.
TROUBLES: Final = (Fault.UNAVAILABLE, Fault.DROP, Fault.DELAY, Fault.LOSE_REPLY)
OUTAGES_MAX: Final = 100
_NEVER: Final = 10**15


def _of_a_store(fault: Fault) -> Fault:
    if fault not in TROUBLES:
        raise ValueError(f"{fault.value!r} is nothing that befalls a store; write {', '.join(TROUBLES)}")
    return fault


class Outage(Given):
    """From `at` after the beginning, for as long as `for` says (to the end where it says nothing)."""

    at: Duration = 0
    for_: Duration | None = Field(None, alias="for")
    fault: Annotated[Fault, AfterValidator(_of_a_store)] = Fault.UNAVAILABLE


class Kept(NamedTuple):
    """A row and when it was kept, in milliseconds."""

    at: int
    row: FinalRecord


class AuditStore:
    """`kept` by key, in the order of keeping. `trouble`: what befalls every request, NONE for what outages say.

    `then`: called with each new row, right after it was kept and before anybody hears of it.
    """

    def __init__(self, outages: tuple[Outage, ...] = (), origin: int = 0) -> None:
        self.kept: dict[tuple[str, int], Kept] = {}
        self.trouble = Fault.NONE
        self.then: Callable[[FinalRecord], object] | None = None
        self._outages = tuple(
            (origin + one.at, _NEVER if one.for_ is None else origin + one.at + one.for_, one.fault) for one in outages
        )

    def __repr__(self) -> str:
        return f"<AuditStore with {len(self.kept)} rows>"

    def fault(self, now: int) -> Fault:
        """What befalls a request that reaches it now."""
        if self.trouble is not Fault.NONE:
            return self.trouble
        return next((fault for begins, ends, fault in self._outages if begins <= now < ends), Fault.NONE)

    def keep(self, body: KeepRows, now: int) -> Outcome:
        """All rows are there afterwards; those that were before stay as they were."""
        for row in body.rows:
            mine = Kept(now, row)
            if self.kept.setdefault(row.key, mine) is mine and self.then is not None:
                self.then(row)
        return Outcome(Code.OK)

    def of(self, namespace: str, name: str) -> list[FinalRecord]:
        """All rows about workflows of this name, oldest first."""
        # A copy first: under test against a real API server another thread keeps rows meanwhile.
        kept = tuple(self.kept.values())
        return [one.row for one in kept if (one.row.namespace, one.row.name) == (namespace, name)]
