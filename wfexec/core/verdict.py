"""What one safety check says, and how `unknown` is worded (BR-WF-015)."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from wfexec.model.facts import Answer, Question, Unknown

Answers = Mapping[Question, Answer]
# Findings named in one message; the rest are counted.
SHOWN_MAX: Final = 4
# Warnings of one workflow; more say nothing new.
WARNINGS_MAX: Final = 64


class Verdict(NamedTuple):
    """`transient`: not passed only because nobody answered; asking again may help."""

    passed: bool
    message: str
    transient: bool = False


def good(message: str) -> Verdict:
    return Verdict(True, message)


def bad(message: str, fix: str) -> Verdict:
    return Verdict(False, f"{message}; {fix}")


def unknown(fact: Unknown, fix: str) -> Verdict:
    """Never passed; `fix` is told only where asking again cannot help."""
    return Verdict(False, f"unknown: {fact.reason}" + ("" if fact.transient else f"; {fix}"), fact.transient)
