"""Is this clock the API server's? What one of its replies says of that (BR-WF-047).

Called by whoever sets a controller's clock: `wfexec.adapters.timekeeper`, and the drivers of the simulation and of the
tests, which have clocks of their own. Every limit of a workflow counts from an instant that some controller wrote down;
as long as all of them go by the API server's clock, none ends early or late when another one takes over.
"""

from typing import Final

# A reply tells whole seconds and takes its time; less than this cannot be told from being right.
TOLERANCE_MS: Final = 2_000
SECOND_MS: Final = 1_000


def ahead_ms(now: int, date: int) -> int:
    """By how much a clock that says `now` is ahead of a server that says `date`; negative: behind, 0: it is right.

    `date` has no fractions of a second, `now` is when the reply came; both in milliseconds since 1970.
    """
    found = now - (date - date % SECOND_MS + SECOND_MS // 2)
    return found if abs(found) > TOLERANCE_MS else 0
