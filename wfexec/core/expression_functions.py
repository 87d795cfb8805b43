"""The functions an expression may call: CEL's standard ones and Kubernetes' libraries (BR-WF-008, BR-WF-009).

One row per function name: an implementation that gets the run's `charge` and the arguments, the target first.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from wfexec.core.expression_text import CHARACTERS, TEXT_FUNCTIONS, Charge, Function, fits
from wfexec.core.expression_values import (
    NONE,
    TYPES,
    Fault,
    Optional,
    Quantity,
    checked_int,
    checked_uint,
    comparable,
    equal,
    kind_of,
    short_kind,
    to_bool,
    to_bytes,
    to_double,
    to_duration,
    to_int,
    to_quantity,
    to_stamp,
    to_text,
    to_uint,
)


def _size(_: Charge, value: Any) -> int:
    if kind_of(value) not in ("string", "bytes", "list", "map"):
        raise Fault(f"size cannot be applied to {short_kind(value)}")
    return len(value)


def _sum(charge: Charge, items: Any) -> Any:
    fits("sum", (items,), "list")
    charge(len(items))
    total: Any = None
    for item in items:
        if kind_of(item) not in ("int", "uint", "double", "google.protobuf.Duration"):
            raise Fault(f"sum cannot add {short_kind(item)}")
        if total is not None and kind_of(total) != kind_of(item):
            raise Fault(f"sum cannot mix {short_kind(total)} and {short_kind(item)}")
        if total is None:
            total = item
        elif kind_of(item) == "int":
            total = checked_int(total + item)
        elif kind_of(item) == "uint":
            total = checked_uint(int(total) + int(item))
        else:
            total = total + item
    return 0 if total is None else total


def _extreme(name: str, better: Callable[[Any, Any], bool]) -> Function:
    def called(charge: Charge, items: Any) -> Any:
        fits(name, (items,), "list")
        charge(len(items))
        if not items:
            raise Fault(f"{name} of an empty list")
        best = items[0]
        for item in items:
            if not comparable(best, item):
                raise Fault(f"{name} cannot compare {short_kind(best)} with {short_kind(item)}")
            if better(item, best):
                best = item
        return best

    return called


def _is_sorted(charge: Charge, items: Any) -> bool:
    fits("isSorted", (items,), "list")
    charge(len(items))
    for one, other in pairwise(items):
        if not comparable(one, other):
            raise Fault(f"isSorted cannot compare {short_kind(one)} with {short_kind(other)}")
        if one > other:
            return False
    return True


def _quantity(_: Charge, text: Any) -> Quantity:
    fits("quantity", (text,), "string")
    return to_quantity(text)


def _is_quantity(_: Charge, text: Any) -> bool:
    fits("isQuantity", (text,), "string")
    try:
        to_quantity(text)
    except Fault:
        return False
    return True


def _on_quantity(name: str, work: Callable[[Quantity], Any]) -> Function:
    def called(_: Charge, value: Any) -> Any:
        fits(name, (value,), "quantity")
        return work(value)

    return called


def _as_integer(value: Quantity) -> int:
    if value.amount != value.amount.to_integral_value():
        raise Fault("the quantity is not a whole number")
    return checked_int(int(value.amount))


def _is_integer(value: Quantity) -> bool:
    return value.amount == value.amount.to_integral_value() and abs(value.amount) < 1 << 63


def _two_quantities(name: str, work: Callable[[Any, Any], Any], *, number: bool = False) -> Function:
    def called(_: Charge, one: Any, other: Any) -> Any:
        if number and kind_of(other) == "int":
            other = to_quantity(str(other))
        fits(name, (one, other), "quantity", "quantity")
        return work(one.amount, other.amount)

    return called


def _zone(name: str) -> Any:
    """An IANA name or a fixed offset such as +02:00."""
    if len(name) == 6 and name[0] in "+-" and name[3] == ":" and (name[1:3] + name[4:]).isdecimal():
        offset = timedelta(hours=int(name[1:3]), minutes=int(name[4:]))
        if offset < timedelta(days=1):
            return timezone(-offset if name[0] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Fault(f"{name[:40]!r} is not a time zone; write it like Europe/Berlin or +02:00") from None


def _clock(name: str, of_time: Callable[[datetime], int], of_duration: Callable[[timedelta], int] | None) -> Function:
    def called(_: Charge, value: Any, zone: str = "UTC") -> int:
        if of_duration is not None and kind_of(value) == "google.protobuf.Duration":
            return of_duration(value)
        fits(name, (value, zone), "google.protobuf.Timestamp", "string")
        try:
            return of_time(value.astimezone(_zone(zone)))
        except OverflowError:
            raise Fault("timestamp out of range") from None

    return called


def _whole(value: timedelta, unit: timedelta) -> int:
    return value // unit if value >= timedelta(0) else -(-value // unit)


def _optional(name: str, work: Callable[..., Any]) -> Function:
    def called(_: Charge, value: Any, *rest: Any) -> Any:
        fits(name, (value,), "optional_type")
        return work(value, *rest)

    return called


def _present(value: Optional) -> Any:
    if not value.present:
        raise Fault("the optional is empty")
    return value.value


def _or(value: Optional, other: Any) -> Optional:
    fits("or", (other,), "optional_type")
    return value if value.present else other


def _zero(value: Any) -> bool:
    kind = kind_of(value)
    if kind in ("list", "map", "string", "bytes"):
        return len(value) == 0
    return value is None or (kind in ("int", "uint", "double", "bool") and not value) or value == timedelta(0)


def _sets(name: str, work: Callable[[Charge, Any, Any], bool]) -> Function:
    def called(charge: Charge, one: Any, other: Any) -> bool:
        fits(name, (one, other), "list", "list")
        return work(charge, one, other)

    return called


def _within(charge: Charge, items: Any, item: Any) -> bool:
    return any(equal(one, item, charge) for one in items)


def _convert(work: Callable[[Any], Any]) -> Function:
    def called(charge: Charge, value: Any) -> Any:
        if isinstance(value, str | bytes):
            charge(len(value) // CHARACTERS)
        return work(value)

    return called


_HOUR, _MINUTE, _SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
FUNCTIONS: Final[Mapping[str, Function]] = {
    **TEXT_FUNCTIONS,
    "size": _size,
    "type": lambda _, value: TYPES.get(kind_of(value)) or TYPES["type"],
    "dyn": lambda _, value: value,
    "int": _convert(to_int), "uint": _convert(to_uint), "double": _convert(to_double), "bool": _convert(to_bool),
    "string": _convert(to_text), "bytes": _convert(to_bytes), "duration": _convert(to_duration),
    "timestamp": _convert(to_stamp),
    "sum": _sum, "isSorted": _is_sorted,
    "min": _extreme("min", lambda one, best: bool(one < best)),
    "max": _extreme("max", lambda one, best: bool(one > best)),
    "quantity": _quantity, "isQuantity": _is_quantity,
    "sign": _on_quantity("sign", lambda value: (value.amount > 0) - (value.amount < 0)),
    "isInteger": _on_quantity("isInteger", _is_integer),
    "asInteger": _on_quantity("asInteger", _as_integer),
    "asApproximateFloat": _on_quantity("asApproximateFloat", lambda value: float(value.amount)),
    "add": _two_quantities("add", lambda one, other: Quantity(one + other), number=True),
    "sub": _two_quantities("sub", lambda one, other: Quantity(one - other), number=True),
    "compareTo": _two_quantities("compareTo", lambda one, other: (one > other) - (one < other)),
    "isGreaterThan": _two_quantities("isGreaterThan", lambda one, other: one > other),
    "isLessThan": _two_quantities("isLessThan", lambda one, other: one < other),
    "getFullYear": _clock("getFullYear", lambda at: at.year, None),
    "getMonth": _clock("getMonth", lambda at: at.month - 1, None),
    "getDate": _clock("getDate", lambda at: at.day, None),
    "getDayOfMonth": _clock("getDayOfMonth", lambda at: at.day - 1, None),
    "getDayOfWeek": _clock("getDayOfWeek", lambda at: at.isoweekday() % 7, None),
    "getDayOfYear": _clock("getDayOfYear", lambda at: at.timetuple().tm_yday - 1, None),
    "getHours": _clock("getHours", lambda at: at.hour, lambda long: _whole(long, _HOUR)),
    "getMinutes": _clock("getMinutes", lambda at: at.minute, lambda long: _whole(long, _MINUTE)),
    "getSeconds": _clock("getSeconds", lambda at: at.second, lambda long: _whole(long, _SECOND)),
    "getMilliseconds": _clock(
        "getMilliseconds", lambda at: at.microsecond // 1_000,
        lambda long: _whole(long - _SECOND * _whole(long, _SECOND), timedelta(milliseconds=1)),
    ),
    "optional.of": lambda _, value: Optional(True, value),
    "optional.none": lambda _: NONE,
    "optional.ofNonZeroValue": lambda _, value: NONE if _zero(value) else Optional(True, value),
    "hasValue": _optional("hasValue", lambda value: value.present),
    "value": _optional("value", _present),
    "orValue": _optional("orValue", lambda value, other: value.value if value.present else other),
    "or": _optional("or", _or),
    "sets.contains": _sets("sets.contains", lambda charge, a, b: all(_within(charge, a, item) for item in b)),
    "sets.intersects": _sets("sets.intersects", lambda charge, a, b: any(_within(charge, a, item) for item in b)),
    "sets.equivalent": _sets(
        "sets.equivalent",
        lambda charge, a, b: all(_within(charge, a, x) for x in b) and all(_within(charge, b, x) for x in a),
    ),
}  # fmt: skip
