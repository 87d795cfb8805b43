"""CEL's values in Python: equality, order, conversion, text (BR-WF-008).

null None, bool, int, uint `UInt`, double float, string str, bytes, list, map, timestamp datetime, duration timedelta,
type `TypeName`, optional `Optional`, quantity `Quantity`. What has no answer raises `Fault`, which never leaves
`core.expressions`: there it becomes a value.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from wfexec.core.expression_tree import UInt
from wfexec.crd.quantity import parse_quantity
from wfexec.units import EPOCH

INT_MIN, INT_MAX, UINT_MAX = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1
TEXT_MAX: Final = 1 << 20
DURATION_SECONDS_MAX: Final = 315_576_000_000
_INT: Final = re.compile(r"[-+]?[0-9]{1,20}")
_DOUBLE: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,4})?")
_DURATION: Final = re.compile(r"[-+]?(0|([0-9]{1,15}(\.[0-9]{0,9})?|\.[0-9]{1,9})(ns|us|µs|ms|s|m|h))+")
_PART: Final = re.compile(r"([0-9]*\.?[0-9]*)(ns|us|µs|ms|s|m|h)")
_UNIT_NS: Final = {
    "ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9,
}  # fmt: skip
_STAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[-+][0-9]{2}:[0-9]{2})"
)
_BOOLS: Final = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


class Fault(Exception):
    """The expression has no value here; the message is for people."""


class TypeName(str):
    """A type as a value."""

    __slots__ = ()


class Optional(NamedTuple):
    present: bool
    value: Any = None


NONE: Final = Optional(False)


class Quantity(NamedTuple):
    """An exact amount, as in `500m` or `1Gi`."""

    amount: Decimal


TYPES: Final = {
    name: TypeName(name)
    for name in (
        "bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type", "optional_type",
        "google.protobuf.Timestamp", "google.protobuf.Duration",
    )
}  # fmt: skip
_KINDS: Final[dict[type, str]] = {
    type(None): "null_type", bool: "bool", int: "int", UInt: "uint", float: "double", str: "string", bytes: "bytes",
    list: "list", tuple: "list", datetime: "google.protobuf.Timestamp", timedelta: "google.protobuf.Duration",
    TypeName: "type", Optional: "optional_type", Quantity: "quantity",
}  # fmt: skip
_NUMBERS: Final = ("int", "uint", "double")


def kind_of(value: Any) -> str:
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    if isinstance(value, Mapping):
        return "map"
    if isinstance(value, str):
        return "string"
    raise Fault(f"a value of type {type(value).__name__} cannot be used in an expression")


def short_kind(value: Any) -> str:
    """The type's name as people say it."""
    return kind_of(value).removeprefix("google.protobuf.").lower()


def equal(one: Any, other: Any, charge: Callable[[int], None]) -> bool:
    """CEL's equality: numbers by value whatever their types, other types never equal one another."""
    charge(1)
    left, right = kind_of(one), kind_of(other)
    if left in _NUMBERS and right in _NUMBERS:
        return bool(one == other)
    if left != right:
        return False
    if left == "list":
        return len(one) == len(other) and all(equal(a, b, charge) for a, b in zip(one, other, strict=True))
    if left == "map":
        return len(one) == len(other) and all(
            key in other and equal(value, other[key], charge) for key, value in one.items()
        )
    if left == "optional_type":
        return one.present == other.present and (not one.present or equal(one.value, other.value, charge))
    if left in ("string", "bytes"):
        charge(min(len(one), len(other)) >> 6)
    return bool(one == other)


_ORDERED: Final = frozenset(
    ("bool", "string", "bytes", "google.protobuf.Timestamp", "google.protobuf.Duration")
)  # fmt: skip


def comparable(one: Any, other: Any) -> bool:
    left, right = kind_of(one), kind_of(other)
    return (left in _NUMBERS and right in _NUMBERS) or (left == right and left in _ORDERED)


def checked_int(value: int) -> int:
    if not INT_MIN <= value <= INT_MAX:
        raise Fault("integer overflow")
    return value


def checked_uint(value: int) -> UInt:
    if not 0 <= value <= UINT_MAX:
        raise Fault("unsigned integer overflow")
    return UInt(value)


def checked_duration(nanoseconds: int) -> timedelta:
    if abs(nanoseconds) > DURATION_SECONDS_MAX * 10**9:
        raise Fault("duration out of range")
    micros = abs(nanoseconds) // 1_000
    return timedelta(microseconds=micros if nanoseconds >= 0 else -micros)


def checked_stamp(work: Callable[[], datetime]) -> datetime:
    try:
        return work()
    except (OverflowError, ValueError):
        raise Fault("timestamp out of range") from None


def to_int(value: Any) -> int:
    kind = kind_of(value)
    if kind in ("int", "uint"):
        return checked_int(int(value))
    if kind == "double":
        if not INT_MIN < value < INT_MAX + 1:
            raise Fault("double out of the range of int")
        return int(value)
    if kind == "string":
        if not _INT.fullmatch(value):
            raise Fault(f"cannot convert {_shown(value)} to int")
        return checked_int(int(value))
    if kind == "google.protobuf.Timestamp":
        seconds: int = (value - EPOCH) // timedelta(seconds=1)
        return seconds
    raise Fault(f"cannot convert {short_kind(value)} to int")


def to_uint(value: Any) -> UInt:
    if kind_of(value) in ("int", "uint", "double", "string"):
        return checked_uint(to_int(value) if kind_of(value) != "uint" else int(value))
    raise Fault(f"cannot convert {short_kind(value)} to uint")


def to_double(value: Any) -> float:
    kind = kind_of(value)
    if kind in _NUMBERS:
        return float(value)
    if kind == "string":
        if not _DOUBLE.fullmatch(value):
            raise Fault(f"cannot convert {_shown(value)} to double")
        return float(value)
    raise Fault(f"cannot convert {short_kind(value)} to double")


def to_bool(value: Any) -> bool:
    if kind_of(value) == "bool":
        return bool(value)
    if kind_of(value) == "string" and value in _BOOLS:
        return _BOOLS[value]
    shown = _shown(value) if kind_of(value) == "string" else short_kind(value)
    raise Fault(f"cannot convert {shown} to bool")


def to_text(value: Any) -> str:
    kind = kind_of(value)
    match kind:
        case "string":
            return str(value)
        case "bool":
            return "true" if value else "false"
        case "int" | "uint":
            return str(int(value))
        case "double":
            return repr(value).removesuffix(".0")
        case "bytes":
            try:
                return bytes(value).decode()
            except UnicodeDecodeError:
                raise Fault("the bytes are not UTF-8 text") from None
        case "google.protobuf.Timestamp":
            whole = f"{value:%Y-%m-%dT%H:%M:%S}".rjust(19, "0")
            return whole + (f".{value.microsecond:06d}".rstrip("0") if value.microsecond else "") + "Z"
        case "google.protobuf.Duration":
            micros = value // timedelta(microseconds=1)
            sign, (seconds, rest) = "-" if micros < 0 else "", divmod(abs(micros), 1_000_000)
            return f"{sign}{seconds}" + (f".{rest:06d}".rstrip("0") if rest else "") + "s"
    raise Fault(f"cannot convert {short_kind(value)} to string")


def to_bytes(value: Any) -> bytes:
    if kind_of(value) == "bytes":
        return bytes(value)
    if kind_of(value) == "string":
        return str(value).encode("utf-8", "surrogatepass")
    raise Fault(f"cannot convert {short_kind(value)} to bytes")


def to_duration(value: Any) -> timedelta:
    kind = kind_of(value)
    if kind == "google.protobuf.Duration":
        return value  # type: ignore[no-any-return]  # kind_of has looked
    if kind == "string" and len(value) <= 64 and _DURATION.fullmatch(value):
        total = sum(int(Decimal(number) * _UNIT_NS[unit]) for number, unit in _PART.findall(value) if number != ".")
        return checked_duration(-total if value.startswith("-") else total)
    shown = _shown(value) if kind == "string" else short_kind(value)
    raise Fault(f"cannot convert {shown} to a duration; write it like 1h30m")


def to_stamp(value: Any) -> datetime:
    kind = kind_of(value)
    if kind == "google.protobuf.Timestamp":
        return value  # type: ignore[no-any-return]  # kind_of has looked
    if kind == "int":
        return checked_stamp(lambda: EPOCH + timedelta(seconds=value))
    if kind == "string" and _STAMP.fullmatch(value):
        return checked_stamp(lambda: datetime.fromisoformat(value).astimezone(EPOCH.tzinfo))
    shown = _shown(value) if kind == "string" else short_kind(value)
    raise Fault(f"cannot convert {shown} to a timestamp; write it like 2026-01-31T12:00:00Z")


def to_quantity(text: str) -> Quantity:
    try:
        return Quantity(parse_quantity(text))
    except (ValueError, ArithmeticError):
        raise Fault(f"{_shown(text)} is not a quantity; write it like 500m or 1Gi") from None


def _shown(text: str) -> str:
    return repr(str(text)) if len(text) <= 40 else repr(str(text)[:40]) + "…"


def plain(value: Any) -> Any:
    """A result for the outside: plain Python, map keys in order; `Fault` for what cannot leave."""
    kind = kind_of(value)
    match kind:
        case "null_type" | "bool" | "double":
            return value
        case "int" | "uint":
            return int(value)
        case "string":
            return str(value)
        case "list":
            return [plain(item) for item in value]
        case "map":
            keys = sorted(value, key=lambda key: (kind_of(key), key))
            return {plain(key): plain(value[key]) for key in keys}
        case "google.protobuf.Timestamp" | "google.protobuf.Duration":
            return to_text(value)
        case "quantity":
            return f"{value.amount.normalize():f}"
    raise Fault(f"a value of type {short_kind(value)} cannot be used outside an expression")
