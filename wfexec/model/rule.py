"""What lint says: rules, and findings with their place in the spec."""

from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """ERROR: it would be refused. WARNING: it would be regretted. NOTE: it could be said better."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Rule(NamedTuple):
    """`meaning` and `fix` are sentences without a full stop; `requirement` is a BR ID."""

    word: str
    severity: Severity
    meaning: str
    fix: str
    requirement: str


class Advice(NamedTuple):
    """One finding about a spec. `path` leads to the field (keys and indices), `value` is what stands there."""

    rule: Rule
    path: tuple[str | int, ...]
    value: str
    message: str
