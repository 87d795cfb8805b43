"""Which values does one level of a schema allow, and how does the server word its complaint?

Called by the schema compiler: every keyword becomes a function of (value, path). It must never look below its level.
"""

import re
from collections.abc import Callable
from typing import Any

import orjson

from sim.cluster.refusals import Cause
from wfexec.units import parse_instant

Json = dict[str, Any]
Check = Callable[[Any, str], Cause | None]


def type_name(value: Any) -> str:
    """As the server's messages name it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def is_of(value: Any, kind: str) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "integer,string":
            return is_of(value, "integer") or is_of(value, "string")
        case _:
            return isinstance(value, dict)


def checks_of(schema: Json) -> list[Check]:
    """What is checked of a value whose type is right."""
    found: list[Check] = []
    if "enum" in schema:
        found.append(_in_enum(schema["enum"]))
    numbers = [make(schema[key]) for key, make in (("minimum", _at_least), ("maximum", _at_most)) if key in schema]
    texts = [_first(text)] if (text := _text_checks(schema)) else []
    if schema.get("x-kubernetes-int-or-string"):
        # Each rule speaks of values of its own sort.
        numbers = [_only(int | float, each) for each in numbers]
        texts = [_only(str, each) for each in texts]
    found += [*numbers, *texts]
    if "minItems" in schema:
        least = schema["minItems"]
        found.append(_sized(lambda size: size >= least, f"should have at least {least} items", show=len))
    for key in ("maxItems", "maxProperties"):
        if key in schema:
            found.append(_bounded(schema[key], text=False))
    if schema.get("format") == "date-time":
        found.append(_date_time)
    return found


def _text_checks(schema: Json) -> list[Check]:
    found: list[Check] = []
    if "maxLength" in schema:
        found.append(_bounded(schema["maxLength"], text=True))
    if "minLength" in schema:
        least = schema["minLength"]
        found.append(_sized(lambda size: size >= least, f"should be at least {least} chars long"))
    if "pattern" in schema:
        found.append(_matching(schema["pattern"]))
    return found


def _only(sort: Any, check: Check) -> Check:
    return lambda value, path: check(value, path) if isinstance(value, sort) else None


def _first(checks: list[Check]) -> Check:
    """Of a text the server tells the first fault alone."""

    def check(value: Any, path: str) -> Cause | None:
        for each in checks:
            cause = each(value, path)
            if cause is not None:
                return cause
        return None

    return check


def _shown(value: Any) -> str:
    return orjson.dumps(value).decode()


def _in_enum(options: list[Any]) -> Check:
    listed = ", ".join(_shown(option) for option in options)

    def check(value: Any, path: str) -> Cause | None:
        if value in options:
            return None
        why = f"Unsupported value: {_shown(value)}: supported values: {listed}"
        return Cause("FieldValueNotSupported", why, path)

    return check


def _at_least(bound: float) -> Check:
    def check(value: Any, path: str) -> Cause | None:
        return _wrong(value, path, f"should be greater than or equal to {bound:g}") if value < bound else None

    return check


def _at_most(bound: float) -> Check:
    def check(value: Any, path: str) -> Cause | None:
        return _wrong(value, path, f"should be less than or equal to {bound:g}") if value > bound else None

    return check


def _sized(fits: Callable[[int], bool], why: str, show: Callable[[Any], Any] = lambda value: value) -> Check:
    def check(value: Any, path: str) -> Cause | None:
        return None if fits(len(value)) else _wrong(show(value), path, why)

    return check


def _matching(pattern: str) -> Check:
    search = re.compile(pattern).search

    def check(value: Any, path: str) -> Cause | None:
        return None if search(value) else _wrong(value, path, f"should match '{pattern}'")

    return check


def _bounded(most: int, *, text: bool) -> Check:
    def check(value: Any, path: str) -> Cause | None:
        size = len(value)
        if size <= most:
            return None
        if text:
            return Cause("FieldValueTooLong", f"Too long: may not be more than {most} bytes", path)
        return Cause("FieldValueTooMany", f"Too many: {size}: must have at most {most} items", path)

    return check


def _date_time(value: Any, path: str) -> Cause | None:
    try:
        parse_instant(value)
    except ValueError:
        why = f'Invalid value: "{value}": {path} in body must be of type date-time: "{value}"'
        return Cause("FieldValueTypeInvalid", why, path)
    return None


def _wrong(value: Any, path: str, why: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {_shown(value)}: {path} in body {why}", path)
