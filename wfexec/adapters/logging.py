"""What does a log line look like, and what may stand in it?

Called by the composition root (`configure`) and its sink (`write_record`). Every string passes the redaction here,
whoever logged it; nothing below the adapters logs, it returns records.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson

from wfexec.model.plan import LogRecord
from wfexec.model.redact import MARK, is_secret_name, redact
from wfexec.model.requests import ObjectKey

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_WORKFLOW: Final = logging.getLogger("wfexec.workflow")


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """One handler for all; other people's libraries speak only from warnings on, so that none prints a header."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else ConsoleLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("wfexec").setLevel(LEVELS[level])
    logging.captureWarnings(True)


def write_record(key: ObjectKey, record: LogRecord) -> None:
    """A record of the core or the engine about one workflow, or about none where its name is "" (BR-WF-091)."""
    level = LEVELS[record.level]
    if _WORKFLOW.isEnabledFor(level):
        about = {"workflowexecution": f"{key.namespace}/{key.name}"} if key.name else {}
        fields = {**about, **dict(record.fields)}
        _WORKFLOW.log(level, "%s", record.message, extra={"fields": fields})


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra={"fields": …}`, secrets blanked."""
    fields: dict[str, Any] = getattr(record, "fields", {})
    return {key: MARK if is_secret_name(key) else _clean(value) for key, value in fields.items()}


def _clean(value: Any) -> Any:
    return value if isinstance(value, bool | int | float) or value is None else redact(str(value))


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1_000:03d}Z"


class JsonLines(logging.Formatter):
    """One JSON object a line: ts, level, logger, msg, then the fields; `error` holds a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": redact(record.getMessage()),
        }
        for key, value in fields_of(record).items():
            line.setdefault(key, value)
        if record.exc_info:
            line["error"] = redact(self.formatException(record.exc_info))
        return orjson.dumps(line, option=orjson.OPT_NON_STR_KEYS).decode()


class ConsoleLines(logging.Formatter):
    """For people: time, level, message, then key=value."""

    def format(self, record: logging.LogRecord) -> str:
        message = redact(record.getMessage()).replace("\n", "\\n")
        fields = "".join(f" {key}={_quoted(value)}" for key, value in fields_of(record).items())
        line = f"{_moment(record)[11:-1]} {record.levelname.lower():<8} {message}{fields}"
        return f"{line}\n{redact(self.formatException(record.exc_info))}" if record.exc_info else line


def _quoted(value: Any) -> str:
    text = str(value)
    return orjson.dumps(text).decode() if not text or any(c.isspace() or c == '"' for c in text) else text
