"""Exceptions, by who is guilty.

WfexecError
├── BadInput       the person's file, flag or setting; carries findings, shown without a traceback (exit 2)
└── OurBug         a broken promise inside; always a defect of ours (exit 1)

Trouble in the world (refused writes, lost watches, failing steps) is a value, never an exception.
"""

from typing import NamedTuple


class Finding(NamedTuple):
    """Where (file, field path), what stands there, what is wrong and how to mend it."""

    source: str
    field: str
    value: str
    message: str

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.source, self.field) if part)
        shown = f" (found {self.value})" if self.value else ""
        return f"{place}: {self.message}{shown}" if place else f"{self.message}{shown}"


class WfexecError(Exception):
    """Base; never raised itself."""


class BadInput(WfexecError):
    """One or more findings about what a person gave us."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(findings)
        self.findings = findings

    def __str__(self) -> str:
        return "\n".join(str(finding) for finding in self.findings)


class OurBug(WfexecError):
    """Something that cannot happen did; report it."""
