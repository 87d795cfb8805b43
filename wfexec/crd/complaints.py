"""How does pydantic's complaint become one that a person can act on?

Called by the file reader. Each finding names the place, what stands there, and what should stand there instead.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import orjson
from pydantic import BaseModel, ValidationError

from wfexec.crd.documents import Document
from wfexec.crd.spellings import OLD_VALUES, hint
from wfexec.crd.tables import FieldTable, table_of
from wfexec.errors import Finding
from wfexec.model.redact import MARK, is_secret_name
from wfexec.units import format_duration, format_instant

FieldPath = tuple[str | int, ...]
# Names that pydantic adds to a path for the arms of a free scalar.
_ARMS: Final = frozenset({"str", "int", "float", "bool", "[key]"})
_SCALAR: Final = "must be text, a number or true/false"
_TYPES: Final = {
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number, and a smaller one",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number that is not infinite",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must be a map",
    "model_type": "must be an object",
    "missing": "is required",
}


# Looking for the nearest known name costs; nobody reads more than this at once.
COMPLAINTS_MAX: Final = 100


class Complaint(NamedTuple):
    """Path within the value, what stands there, what to do."""

    path: FieldPath
    value: str
    message: str


def spelled(path: FieldPath) -> str:
    """A path as people write it: `spec.steps[2].timeout`; names that are no plain words stand in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier():
            text += f".{part}" if text else part
        else:
            text += f"[{shown(part)}]"
    return text


def shown(value: Any) -> str:
    """A value in short, as JSON; "" for nothing."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = orjson.dumps(value).decode()
    return text if len(text) <= 80 else text[:79] + "…"


def is_secret_at(path: FieldPath) -> bool:
    """Would whoever reads what stands there read a secret: data of a Secret, or a field that is called like one?"""
    words = [part for part in path if isinstance(part, str)]
    inside = "updateSecret" in words[:-1] and words[-1] not in ("namespace", "name")
    return inside or (bool(words) and is_secret_name(words[-1]))


def findings_of(
    error: ValidationError, model: type[BaseModel], raw: Any, document: Document, base: FieldPath
) -> list[Finding]:
    """One finding per place, in the order of the file's fields."""
    seen: dict[FieldPath, Complaint] = {}
    for each in error.errors(include_url=False, include_input=False)[:COMPLAINTS_MAX]:
        # pydantic calls a list empty when all its entries are wrong; those have complaints of their own.
        if each["type"] != "too_short" or not _walk(each["loc"], raw, "")[1]:
            found = _found(each, model, raw)
            seen.setdefault(found.path, found)
    return [_finding(found, document, (*base, *found.path)) for found in seen.values()]


def _finding(found: Complaint, document: Document, path: FieldPath) -> Finding:
    value = MARK if found.value and is_secret_at(path) else found.value
    return Finding(document.where(path), spelled(path), value, found.message)


def times_as_numbers(model: type[BaseModel], raw: Any, path: FieldPath = ()) -> Iterator[Complaint]:
    """Durations and times written as numbers: in memory they are numbers, in a file they need a unit."""
    if not isinstance(raw, dict):
        return
    for field in table_of(model):
        value = raw.get(field.alias)
        if value is None:
            continue
        here = (*path, field.alias)
        if field.encode in (format_duration, format_instant) and type(value) in (int, float):
            example = "30s, 5m or 1h30m" if field.encode is format_duration else "2026-01-31T12:00:00Z"
            yield Complaint(here, shown(value), f"must be text with a unit, like {example}")
        elif field.model is not None:
            yield from times_as_numbers(field.model, value, here)
        elif field.item is not None and isinstance(value, list):
            for index, entry in enumerate(value):
                yield from times_as_numbers(field.item, entry, (*here, index))


def _found(each: Any, model: type[BaseModel], raw: Any) -> Complaint:
    path, value = _walk(each["loc"], raw, each["type"])
    if any(part in _ARMS for part in each["loc"][len(path) :]):
        keyed = "[key]" in each["loc"]
        return Complaint(path, shown(value), _plain(each["msg"]) if keyed else _SCALAR)
    kind, context = each["type"], each.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(path[-1])
        near = hint(name, [field.alias for field in _fields(model, path[:-1])])
        return Complaint(path, shown(value), f"unknown field; {near or 'remove it'}")
    if kind == "enum":
        allowed = str(context.get("expected", ""))
        words = [word for word in allowed.replace(" or ", ", ").replace("'", "").split(", ") if word]
        near = hint(value, words, OLD_VALUES) if isinstance(value, str) else ""
        return Complaint(path, shown(value), f"must be {allowed}" + (f"; {near}" if near else ""))
    if kind == "value_error":
        # Our own validators name the value themselves.
        return Complaint(path, "", str(context.get("error", each["msg"])))
    return Complaint(path, shown(value), in_words(each))


def in_words(each: Any) -> str:
    """One of pydantic's errors in words that name what is wanted."""
    return _TYPES.get(each["type"]) or _plain(each["msg"])


def _walk(loc: FieldPath, raw: Any, kind: str) -> tuple[FieldPath, Any]:
    """The part of pydantic's path that exists in the file, and what stands there; a missing field is kept."""
    here = raw
    path: FieldPath = ()
    for number, part in enumerate(loc):
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            if kind == "missing" and number == len(loc) - 1:
                return (*path, part), None
            return path, here
        path = (*path, part)
    return path, here


def _fields(model: type[BaseModel], path: FieldPath) -> tuple[FieldTable, ...]:
    """The known fields of the object at a path; none where the path leaves our types."""
    here: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int):
            continue
        if here is None:
            return ()
        here = next((field.model or field.item for field in table_of(here) if field.alias == part), None)
    return table_of(here) if here is not None else ()


def _plain(message: str) -> str:
    """pydantic's words in ours."""
    for theirs, ours in (("Input should be", "must be"), ("String should", "must"), ("Value error, ", "")):
        message = message.replace(theirs, ours)
    for name in ("Tuple", "Dictionary", "List"):
        message = message.replace(f"{name} should", "must")
    return message.replace(" after validation", "")
