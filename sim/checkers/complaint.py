"""What a checker says when a promise was broken, and how one looks.

Used by every checker of this folder; it must never know what any of them checks.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sim.history import History


class Complaint(NamedTuple):
    """`check` is the promise's number (S1, L1 …), `about` the object as namespace/name."""

    check: str
    at: int
    about: str
    message: str

    def __str__(self) -> str:
        return f"{self.check} at {self.at} ms, {self.about}: {self.message}"


Checker = Callable[[History], Iterable[Complaint]]
