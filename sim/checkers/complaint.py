"""What a checker says when a promise was broken, and how one looks.

Used by every checker of this folder; it must never know what any of them checks.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from sim.history import History

# How late a correct controller may be: a relist, a resync, a request without a reply and its repetition.
SLACK_MS: Final = 60_000


class Complaint(NamedTuple):
    """`check` is the promise's number (S1, L1 …), `about` the object as namespace/name."""

    check: str
    at: int
    about: str
    message: str

    def __str__(self) -> str:
        return f"{self.check} at {self.at} ms, {self.about}: {self.message}"


Checker = Callable[[History], Iterable[Complaint]]


def slack_ms(history: History) -> int:
    """How late something may be; whatever broke on the way (a crash, a lost reply) may have cost as much again.

    What one controller wrote another one waits for by its own clock, so the difference of their clocks comes on top.
    """
    return SLACK_MS * (1 + history.troubles) + history.skew
