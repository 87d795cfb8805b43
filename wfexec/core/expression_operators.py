"""Arithmetic of expressions: 64-bit numbers that never wrap round, times, texts, lists (BR-WF-008)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from wfexec.core.expression_text import CHARACTERS, Charge, Function, fits
from wfexec.core.expression_tree import UInt
from wfexec.core.expression_values import Fault, checked_int, checked_uint, kind_of, short_kind


def negative(_: Charge, value: Any) -> Any:
    if kind_of(value) == "int":
        return checked_int(-value)
    fits("-", (value,), "double")
    return -value


def _added(charge: Charge, one: Any, other: Any) -> Any:
    left, right = kind_of(one), kind_of(other)
    if left in ("string", "bytes", "list") and left == right:
        size = len(one) + len(other)
        charge(size if left == "list" else size // CHARACTERS)
        return [*one, *other] if left == "list" else one + other
    times = {"google.protobuf.Timestamp", "google.protobuf.Duration"}
    if {left, right} <= times and not (left == right == "google.protobuf.Timestamp"):
        return _moved(lambda: one + other)
    return None


def _subtracted(_: Charge, one: Any, other: Any) -> Any:
    left, right = kind_of(one), kind_of(other)
    times = ("google.protobuf.Timestamp", "google.protobuf.Duration")
    if left in times and right in times and not (left == times[1] and right == times[0]):
        return _moved(lambda: one - other)
    return None


def _moved(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except OverflowError:
        raise Fault("time out of range") from None


def _divided(one: int, other: int) -> int:
    if not other:
        raise Fault("division by zero")
    whole = abs(one) // abs(other)
    return whole if (one < 0) == (other < 0) else -whole


def _remainder(one: int, other: int) -> int:
    if not other:
        raise Fault("modulus by zero")
    rest = abs(one) % abs(other)
    return -rest if one < 0 else rest


def _float_divided(one: float, other: float) -> float:
    if other:
        return one / other
    if not one or one != one:
        return float("nan")
    return float("inf") if (one > 0) == (str(other)[0] != "-") else float("-inf")


def arithmetic(sign: str, whole: Callable[[int, int], int], real: Function | None, else_: Function | None) -> Function:
    def called(charge: Charge, one: Any, other: Any) -> Any:
        left = type(one)
        if left is type(other):
            if left is int:
                return checked_int(whole(one, other))
            if left is float and real is not None:
                return real(one, other)
            if left is UInt:
                return checked_uint(whole(int(one), int(other)))
        made = else_(charge, one, other) if else_ is not None else None
        if made is None:
            raise Fault(f"{sign} cannot be applied to {short_kind(one)} and {short_kind(other)}")
        return made

    return called


def _float_times(one: float, other: float) -> float:
    return one * other


OPERATORS: Final[Mapping[str, Function]] = {
    "_+_": arithmetic("+", lambda a, b: a + b, lambda a, b: a + b, _added),
    "_-_": arithmetic("-", lambda a, b: a - b, lambda a, b: a - b, _subtracted),
    "_*_": arithmetic("*", lambda a, b: a * b, _float_times, None),
    "_/_": arithmetic("/", _divided, _float_divided, None),
    "_%_": arithmetic("%", _remainder, None, None),
    "-_": negative,
}
