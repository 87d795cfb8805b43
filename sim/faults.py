"""What goes wrong in a run on purpose, and exactly when? Small plans that the driver consults at every write.

A plan names the write by its number, so the same run meets the same fault on every machine, and a sweep over all
numbers tries every point there is. It must never draw a number or look at what is written.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class Fault(StrEnum):
    """What happens to one write of a controller.

    CRASH_BEFORE: the controller dies with the write on its lips, it never leaves. CRASH_AFTER: the write is carried
    out, the controller dies before it sees the reply. CRASH_SEEN: it sees the reply, sends what follows from it, and
    dies. LOSE_REPLY: carried out, the reply never comes. DROP: neither carried out nor answered.
    """

    NONE = ""
    CRASH_BEFORE = "crash-before"
    CRASH_AFTER = "crash-after"
    CRASH_SEEN = "crash-seen"
    LOSE_REPLY = "lose-reply"
    DROP = "drop"


class FaultPlan(NamedTuple):
    """`at` maps the number of a controller's write (1 is the first, counted over all lives) to what becomes of it.

    `restart_ms`: how long after a crash a fresh controller starts.
    """

    at: tuple[tuple[int, Fault], ...] = ()
    restart_ms: int = 2_000

    def of(self, number: int) -> Fault:
        for write, fault in self.at:
            if write == number:
                return fault
        return Fault.NONE


CALM: Final = FaultPlan()


def crash_after_write(nth: int, *, reply_seen: bool = False) -> FaultPlan:
    """One crash: write `nth` is carried out, and its reply seen or not."""
    return FaultPlan(((nth, Fault.CRASH_SEEN if reply_seen else Fault.CRASH_AFTER),))


def crash_before_write(nth: int) -> FaultPlan:
    """One crash: write `nth` never leaves."""
    return FaultPlan(((nth, Fault.CRASH_BEFORE),))
