"""Instants and durations: integer milliseconds in memory, RFC 3339 and Go durations ("1m30s") outside.

The lowest room of the house: settings and model both stand on it.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DURATION_PATTERN: Final = r"^([0-9]+(\.[0-9]{1,3})?(ms|s|m|h))+$"
# The largest instant that still prints as a four-digit year; later ones are refused at the border.
INSTANT_MAX: Final = 253_402_300_799_999
# A hundred days: longer than any remediation, small enough that sums of a hundred of them stay exact.
DURATION_MAX: Final = 100 * 24 * 3_600_000

_DURATION = re.compile(DURATION_PATTERN)
_PART = re.compile(r"([0-9]+(?:\.[0-9]{1,3})?)(ms|s|m|h)")
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


def parse_duration(value: object) -> int:
    """Milliseconds of a Go duration such as `5m`, `1m30s`, `1.5s`, `250ms`; an int is taken as milliseconds."""
    if type(value) is int:
        parsed = value
    elif isinstance(value, str):
        if len(value) > 32 or not _DURATION.match(value):
            raise ValueError(f"{value[:40]!r} is not a duration; write it like 30s, 5m or 1h30m")
        parsed = round(sum(float(number) * _UNIT_MS[unit] for number, unit in _PART.findall(value)))
    else:
        raise ValueError(f"{value!r} is not a duration; write a string like 30s, 5m or 1h30m")
    if not 0 <= parsed <= DURATION_MAX:
        raise ValueError(f"{value!r} is outside 0s..2400h")
    return parsed


def format_duration(ms: int) -> str:
    """Go's way of writing it, without zero parts: 90000 -> `1m30s`, 0 -> `0s`."""
    if ms < 1_000:
        return f"{ms}ms" if ms else "0s"
    seconds, rest = divmod(ms, 1_000)
    hours, seconds = divmod(seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")
    if rest:
        return f"{text}{seconds}.{rest:03d}".rstrip("0") + "s"
    return f"{text}{seconds}s" if seconds or not text else text


def parse_instant(value: object) -> int:
    """Milliseconds since 1970 of an RFC 3339 time with a zone; an int is taken as such milliseconds."""
    if type(value) is int:
        parsed = value
    elif isinstance(value, str) and len(value) <= 40:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is not an RFC 3339 time such as 2026-01-31T12:00:00Z") from None
        if moment.tzinfo is None:
            raise ValueError(f"{value!r} has no zone; write 2026-01-31T12:00:00Z")
        parsed = (moment - EPOCH) // timedelta(milliseconds=1)
    else:
        raise ValueError("not an RFC 3339 time such as 2026-01-31T12:00:00Z")
    if not 0 <= parsed <= INSTANT_MAX:
        raise ValueError(f"{value!r} is outside the years 1970..9999")
    return parsed


def format_instant(ms: int) -> str:
    """RFC 3339 in UTC; milliseconds are printed only when they are not zero, as Kubernetes does."""
    moment = EPOCH + timedelta(milliseconds=ms)
    if ms % 1_000:
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1_000:03d}Z"
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


Instant = Annotated[
    int,
    BeforeValidator(parse_instant),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "maxLength": 32}),
]
