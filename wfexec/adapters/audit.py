"""Where does a final record go when there is no audit store? Into the structured log, one line each (BR-WF-001).

Made by the composition root. It cannot fail or hang, so it is called from the engine's thread.
"""

import logging
from typing import Final

from wfexec.model.audit import FinalRecord
from wfexec.model.requests import Code, Outcome
from wfexec.units import format_instant

_AUDIT: Final = logging.getLogger("wfexec.audit")
INSTANTS: Final = frozenset({"created", "ended", "deleted"})
_KEPT: Final = Outcome(Code.OK)


class AuditLog:
    """The port of an audit store, on the log, which does not know what it has said before. `level` is logging's: what
    a store should have had and has not is a warning."""

    def __init__(self, level: int = logging.INFO) -> None:
        self._level = level

    def keep(self, rows: tuple[FinalRecord, ...], timeout_s: float) -> Outcome:
        for row in rows:
            _AUDIT.log(self._level, "final record", extra={"fields": fields_of(row)})
        return _KEPT


def fields_of(row: FinalRecord) -> dict[str, str | int]:
    """What there is to say, in the order of the record; names as in other lines."""
    told: dict[str, str | int] = {"workflowexecution": f"{row.namespace}/{row.name}"}
    for key, value in row._asdict().items():
        if key in INSTANTS and value is not None:
            told[key] = format_instant(value)
        elif value not in (None, "") and key not in ("namespace", "name", "number"):
            told["correlationID" if key == "correlation" else key] = value
    return told
