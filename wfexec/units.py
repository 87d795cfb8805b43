"""Instants, durations, business hours: integer milliseconds in memory, RFC 3339 and Go durations ("1m30s") outside.

The lowest room of the house: settings and model both stand on it.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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


def so_many(count: int, one: str, many: str = "") -> str:
    """`1 step`, `3 steps`: a number in a sentence; `many` where an s behind `one` is not enough."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def parse_duration(value: object) -> int:
    """Milliseconds of a Go duration such as `5m`, `1m30s`, `1.5s`, `250ms`; an int is taken as milliseconds."""
    if type(value) is int:
        parsed = value
    elif isinstance(value, str):
        parsed = _duration_of(value)
    else:
        raise ValueError(f"{value!r} is not a duration; write a string like 30s, 5m or 1h30m")
    if not 0 <= parsed <= DURATION_MAX:
        raise ValueError(f"{value!r} is outside 0s..2400h")
    return parsed


@lru_cache(maxsize=1_024)
def _duration_of(text: str) -> int:
    if len(text) > 32 or not _DURATION.match(text):
        raise ValueError(f"{text[:40]!r} is not a duration; write it like 30s, 5m or 1h30m")
    return round(sum(float(number) * _UNIT_MS[unit] for number, unit in _PART.findall(text)))


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
        parsed = _instant_of(value)
    else:
        raise ValueError("not an RFC 3339 time such as 2026-01-31T12:00:00Z")
    if not 0 <= parsed <= INSTANT_MAX:
        raise ValueError(f"{value!r} is outside the years 1970..9999")
    return parsed


# The same few stand in an object at every version of it.
@lru_cache(maxsize=16_384)
def _instant_of(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an RFC 3339 time such as 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone; write 2026-01-31T12:00:00Z")
    return (moment - EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=4_096)
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


class Hours(NamedTuple):
    """Business hours: weekdays (Monday is 0) and minutes since midnight; an end before the beginning is the next day's.

    `zone` None is UTC.
    """

    days: tuple[int, ...]
    begin: int
    end: int
    zone: ZoneInfo | None = None


_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS: Final = re.compile(r"(?:([A-Za-z][A-Za-z, -]*) +)?([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_DAY_MINUTES: Final = 24 * 60


@lru_cache(maxsize=16)
def parse_hours(text: str, zone: str = "UTC") -> Hours | None:
    """`09:00-17:00` or `Mon-Fri 09:00-17:00`, days also as a list (`Mon,Wed,Sat-Sun`); None for "", never business.

    ValueError says what is wrong with the text or with the IANA name of the zone.
    """
    place = parse_zone(zone)
    if not text.strip():
        return None
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:60]!r} are no business hours; write them like 09:00-17:00 or Mon-Fri 09:00-17:00")
    named, *numbers = found.groups()
    begin_hour, begin_minute, end_hour, end_minute = (int(number) for number in numbers)
    begin, end = begin_hour * 60 + begin_minute, end_hour * 60 + end_minute
    if max(begin_minute, end_minute) > 59 or begin >= _DAY_MINUTES or end > _DAY_MINUTES or begin == end:
        raise ValueError(f"{text[:60]!r}: the times must be two different ones between 00:00 and 24:00")
    return Hours(_weekdays(named) if named else tuple(range(7)), begin, end, place)


def parse_zone(name: str) -> ZoneInfo | None:
    """A time zone by its IANA name; None for UTC, which needs no table. ValueError when it is unknown here."""
    if name == "UTC":
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        raise ValueError(
            f"{name[:60]!r} is no time zone known here; write an IANA name such as Europe/Berlin"
        ) from None


def _weekdays(text: str) -> tuple[int, ...]:
    days: list[int] = []
    for part in text.split(","):
        first, _, last = (piece.strip().lower() for piece in part.partition("-"))
        if first not in _WEEKDAYS or (last and last not in _WEEKDAYS):
            raise ValueError(f"{part.strip()[:20]!r} is no weekday; write Mon, Tue, Wed, Thu, Fri, Sat, Sun or Mon-Fri")
        begin = _WEEKDAYS.index(first)
        length = (_WEEKDAYS.index(last) - begin) % 7 if last else 0
        days += [(begin + ahead) % 7 for ahead in range(length + 1)]
    return tuple(sorted(dict.fromkeys(days)))


def within_hours(hours: Hours, now: int) -> bool:
    """Whether the instant lies in the hours; the end itself does not. What begins late on a day ends on the next."""
    moment = (EPOCH + timedelta(milliseconds=now)).astimezone(hours.zone or UTC)
    minute, day = moment.hour * 60 + moment.minute, moment.weekday()
    if hours.begin < hours.end:
        return day in hours.days and hours.begin <= minute < hours.end
    return (day in hours.days and minute >= hours.begin) or ((day - 1) % 7 in hours.days and minute < hours.end)
