"""The step entries of one status and, beside them, what every look reads of each of them: worked out once.

Made by `core.draft`. Entries never change, so what was worked out of them holds as long as they do. What was parsed is
a plain tuple, and is gone through at its first look.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from wfexec.model.phases import StepState
from wfexec.model.status import StepStatus

_STATE_OF: Final = attrgetter("status")
_NUMBER_OF: Final = attrgetter("step_number")


class StepEntries(tuple[StepStatus, ...]):
    """Equal to the plain tuple of the same entries, and written like it; `states` and `numbers` are in its order."""

    states: tuple[StepState, ...]
    numbers: list[int]


def entries_of(steps: Iterable[StepStatus]) -> StepEntries:
    """These entries; the very same where all is worked out already."""
    if isinstance(steps, StepEntries):
        return steps
    made = StepEntries(steps)
    made.states = tuple(map(_STATE_OF, made))
    made.numbers = list(map(_NUMBER_OF, made))
    return made


def entries_with(steps: list[StepStatus], states: list[StepState], numbers: list[int]) -> StepEntries:
    """For somebody who kept count of states and numbers while changing entries."""
    made = StepEntries(steps)
    made.states = tuple(states)
    made.numbers = numbers
    return made
