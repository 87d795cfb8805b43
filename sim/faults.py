"""What goes wrong in a run on purpose, and exactly when? Small plans that the driver consults at every write.

A plan names the write by its number, so the same run meets the same fault on every machine, and a sweep over all
numbers tries every point there is. It must never draw a number or look at what is written.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class Fault(StrEnum):
    """What happens to one write of a controller, or right after it was carried out.

    CRASH_BEFORE: the controller dies with the write on its lips, it never leaves. CRASH_AFTER: the write is carried
    out, the controller dies before it sees the reply. CRASH_SEEN: it sees the reply, sends what follows from it, and
    dies. CRASH_STALE: as CRASH_SEEN, and the next life's first lists show the past. LOSE_REPLY: carried out, the
    reply never comes. DROP: neither carried out nor answered. DELAY: no reply, and carried out long after.
    THROTTLE, FAIL, UNAVAILABLE, FORBID, CONFLICT: answered with 429, 500, 503, 403 or 409, and not carried out.
    STALL: the watches open now bring nothing more, and stay open. CUT: they end. FORGET: they end, and the server
    has forgotten the past (410). REPEAT: what they bring next comes twice. LATE: it comes long after.
    SLEEP: the controller stands still for longer than a lease lasts, and goes on as if nothing had been.
    PAUSE: carried out; before it sees the reply the controller stands still, for longer than it waits for one and
    shorter than a lease lasts. Then all comes at once: no reply is in time, the watches end after what they brought.
    REBOOT: the API server starts anew: the watches end, and until it has read its roles it answers 403 to everything.
    """

    NONE = ""
    CRASH_BEFORE = "crash-before"
    CRASH_AFTER = "crash-after"
    CRASH_SEEN = "crash-seen"
    CRASH_STALE = "crash-stale"
    LOSE_REPLY = "lose-reply"
    DROP = "drop"
    DELAY = "delay"
    THROTTLE = "throttle"
    FAIL = "fail"
    UNAVAILABLE = "unavailable"
    FORBID = "forbid"
    CONFLICT = "conflict"
    STALL = "stall"
    CUT = "cut"
    FORGET = "forget"
    REPEAT = "repeat"
    LATE = "late"
    SLEEP = "sleep"
    PAUSE = "pause"
    REBOOT = "reboot"


# The status code and Retry-After with which a write is refused.
REFUSALS: Final = {
    Fault.THROTTLE: (429, "2"),
    Fault.FAIL: (500, None),
    Fault.UNAVAILABLE: (503, None),
    Fault.FORBID: (403, None),
    Fault.CONFLICT: (409, None),
}
# Read for every write: a member of an enumeration is read by a call.
NO_FAULT: Final = Fault.NONE
# After these no reply is seen; before the second group the write is not carried out either.
UNSEEN: Final = frozenset({Fault.CRASH_AFTER, Fault.LOSE_REPLY, Fault.PAUSE})
UNDONE: Final = frozenset({Fault.CRASH_BEFORE, Fault.DROP, Fault.DELAY})
# What befalls the controller when it has seen the reply.
AFTERWARDS: Final = frozenset(
    {
        Fault.CRASH_SEEN,
        Fault.CRASH_STALE,
        Fault.STALL,
        Fault.CUT,
        Fault.FORGET,
        Fault.REPEAT,
        Fault.LATE,
        Fault.SLEEP,
        Fault.REBOOT,
    }
)
# How late things are that come late, how much of the past a stale list leaves out, how long a server that has just
# started has not read its roles, and for how long a controller stands still.
LATE_MS: Final = 20_000
ROLES_MS: Final = 8_000
STALE_MS: Final = 10_000
STILL_MS: Final = {Fault.SLEEP: 40_000, Fault.PAUSE: 12_000}
REPEATED: Final = 4


class FaultPlan(NamedTuple):
    """`at` maps the number of a controller's write (1 is the first, counted over all lives) to what becomes of it.

    `restart_ms`: how long after a crash a fresh controller starts. `clocks`: by how many milliseconds the clock of
    each controller is ahead, in the order in which they start, later lives included, and then from the beginning
    again; empty: all are right. Within one life a clock never jumps, as in production. `set_clocks`: each controller
    asks the API server for the time when it starts, and goes by that, as in production; else it cannot.
    """

    at: tuple[tuple[int, Fault], ...] = ()
    restart_ms: int = 2_000
    clocks: tuple[int, ...] = ()
    set_clocks: bool = False

    def of(self, number: int) -> Fault:
        for write, fault in self.at:
            if write == number:
                return fault
        return Fault.NONE

    def ahead(self, start: int) -> int:
        """By how much the clock of the controller is ahead that starts as number `start`, from 0."""
        return self.clocks[start % len(self.clocks)] if self.clocks else 0

    @property
    def skew_ms(self) -> int:
        """How far two clocks can be apart, the true one among them."""
        return max(0, *self.clocks) - min(0, *self.clocks) if self.clocks else 0


CALM: Final = FaultPlan()


def crash_after_write(nth: int, *, reply_seen: bool = False) -> FaultPlan:
    """One crash: write `nth` is carried out, and its reply seen or not."""
    return FaultPlan(((nth, Fault.CRASH_SEEN if reply_seen else Fault.CRASH_AFTER),))


def crash_before_write(nth: int) -> FaultPlan:
    """One crash: write `nth` never leaves."""
    return FaultPlan(((nth, Fault.CRASH_BEFORE),))
