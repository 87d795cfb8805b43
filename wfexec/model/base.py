"""What every value shares: frozen, camelCase at the border, cheap to change by copy.

Called by all of `wfexec.model`. Values are never changed in place: `evolve` returns a copy that shares every
unchanged part with the original, so `is` tells what changed. Instants and durations are integer milliseconds
in memory, RFC 3339 and Go durations ("1m30s") on the wire.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

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
# Lengths are those of the Kubernetes API where it has one; the rest bound the size of one object (BR-PERF-008).
ObjectName = Annotated[str, Field(min_length=1, max_length=253)]
Namespace = Annotated[str, Field(max_length=63)]
Word = Annotated[str, Field(max_length=253)]
Text = Annotated[str, Field(max_length=1024)]
LongText = Annotated[str, Field(max_length=4096)]
Expression = Annotated[str, Field(min_length=1, max_length=2048)]
Document = Annotated[str, Field(max_length=65536)]
StepNumber = Annotated[int, Field(ge=1, le=1_000_000)]
Count = Annotated[int, Field(ge=0, le=2_147_483_647)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
TextMap = Annotated[dict[Word, LongText], Field(max_length=64)]
DataMap = Annotated[dict[Word, Document], Field(max_length=256)]


class Value(BaseModel):
    """A frozen value; unknown fields are ignored unless the border asks for them to be forbidden."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        use_enum_values=False,
        ser_json_inf_nan="null",
    )


V = TypeVar("V", bound=Value)

_set = object.__setattr__


def evolve(value: V, **changes: Any) -> V:
    """A copy of `value` with `changes` (by Python field name), sharing all else; not validated, so only for our own code."""
    made = value.__class__.__new__(value.__class__)
    fields = value.__dict__.copy()
    fields.update(changes)
    _set(made, "__dict__", fields)
    _set(made, "__pydantic_fields_set__", value.__pydantic_fields_set__ | changes.keys())
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


def clip(text: str, limit: int = 1024) -> str:
    """`text` cut to `limit` characters, with an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def list_map(*keys: str) -> dict[str, Any]:
    """Schema marks of a list that is merged by these keys."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Schema marks of CEL rules: (rule, message) each."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}
