"""Which values stand in a YAML or JSON file, and on which lines?

Called by whatever reads a person's file (manifests, executor models, studies, templates). Bounded in size, depth and
number of values before anything is built, so that no file can hang or overflow us; every refusal is a `BadInput`
with file and line. It must never resolve tags, and never let a key count twice.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import yaml

from wfexec.errors import BadInput, Finding

# An etcd object cannot be larger than half of this.
BYTES_MAX: Final = 3 * 1024 * 1024
DEPTH_MAX: Final = 64
VALUES_MAX: Final = 200_000
_INT64: Final = range(-(2**63), 2**64)

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A string that never ends is one token too, or looking for its end again and again would take for ever.
_JSON_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[][{}]', re.DOTALL)
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
# What the API server's own YAML reader takes for a truth value.
_TRUTHS: Final = {
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,40}")
_OCTAL: Final = re.compile(r"0o?[0-7]{1,22}")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]{1,17}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,9})?")
_NOT_A_NUMBER: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

FieldPath = tuple[str | int, ...]


class Mark(NamedTuple):
    """Where something begins; both count from 1."""

    line: int
    column: int


NOWHERE: Final = Mark(0, 0)


class Document(NamedTuple):
    """One document of a file. `marks` tells where a member begins, by (identity of its container, key or index)."""

    source: str
    value: Any
    marks: dict[tuple[int, str | int], Mark]

    def mark(self, path: FieldPath) -> Mark:
        """Of the deepest part of the path that exists; zeros where lines are unknown."""
        found, here = self.marks.get((0, 0), NOWHERE), self.value
        for part in path:
            found = self.marks.get((id(here), part), found)
            try:
                here = here[part]
            except (KeyError, IndexError, TypeError):
                break
        return found

    def where(self, path: FieldPath) -> str:
        """`file:line` of the deepest part of the path that exists; the file alone where lines are unknown."""
        line = self.mark(path).line
        return f"{self.source}:{line}" if line else self.source


def read_bytes(path: Path) -> bytes:
    """A file's content; `BadInput` when it cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except OSError as error:
        raise refuse(str(path), "", error.strerror or "cannot be read") from None


def parse_documents(data: bytes, source: str) -> tuple[Document, ...]:
    """All documents of a YAML or JSON file; empty ones are left out."""
    if len(data) > BYTES_MAX:
        raise refuse(source, "", f"larger than {BYTES_MAX // 1024 // 1024} MiB; split it into several files")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(source, f"byte {error.start}", "not UTF-8 text; save it as UTF-8") from None
    if source.endswith(".json") or text.lstrip()[:1] == "{":
        try:
            return (_json_document(text, source),)
        except json.JSONDecodeError as error:
            if source.endswith(".json"):
                raise refuse(f"{source}:{error.lineno}", "", f"not JSON: {error.msg}") from None
    return tuple(document for document in _yaml_documents(text, source) if document.value is not None)


def flat(values: Iterable[Any]) -> tuple[dict[str, Any], ...]:
    """The Kubernetes objects among documents, those of Lists one by one."""
    found: list[dict[str, Any]] = []
    for value in values:
        if isinstance(value, dict) and isinstance(value.get("items"), list):
            found += flat(value["items"])
        elif isinstance(value, dict) and isinstance(value.get("kind"), str) and isinstance(value.get("metadata"), dict):
            found.append(value)
    return tuple(found)


def refuse(source: str, value: str, message: str, field: str = "") -> BadInput:
    """One finding as an exception."""
    return BadInput((Finding(source, field, value, message),))


def _json_document(text: str, source: str) -> Document:
    depth = deepest = 0
    for token in _JSON_TOKEN.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in "]}":
            depth -= 1
    if deepest > DEPTH_MAX:
        raise refuse(source, f"{deepest} levels", f"nested deeper than {DEPTH_MAX} levels")

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for number, key in enumerate(keys) if key in keys[:number])
            raise refuse(source, twice[:80], "the same key twice in one object; remove one")
        return made

    def constant(name: str) -> Any:
        raise refuse(source, name, "not a number that JSON knows; write a finite number")

    def integer(digits: str) -> int:
        return _bounded(digits, source)

    def fraction(digits: str) -> float:
        return _finite(digits, source)

    value = json.loads(
        text, object_pairs_hook=members, parse_constant=constant, parse_int=integer, parse_float=fraction
    )
    try:
        orjson.dumps(value)
    except TypeError:
        raise refuse(source, "", "holds half of a surrogate pair; write the whole character") from None
    return Document(source, value, {})


class _Open(NamedTuple):
    """A list or map being read; `key` holds the pending key of a map."""

    value: list[Any] | dict[str, Any]
    anchor: str | None
    key: list[str]
    mark: Mark


class _YamlReader:
    """Builds values from libyaml's events with a stack of its own, so depth costs no recursion."""

    def __init__(self, text: str, source: str) -> None:
        self._source = source
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._count = 0
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._marks: dict[tuple[int, str | int], Mark] = {}

    def documents(self) -> Iterator[Document]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors, self._marks = {}, {}
                self._marks[(0, 0)] = _mark(event)
                value = self._value()
                yield Document(self._source, value, self._marks)

    def _value(self) -> Any:
        stack: list[_Open] = []
        starts: list[int] = []
        for event in self._events:
            mark = _mark(event)
            line = mark.line
            self._bound(line, len(stack))
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._untagged(event, line)
                fresh: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                stack.append(_Open(fresh, event.anchor, [], mark))
                starts.append(self._count)
                continue
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                done = stack.pop()
                value, anchor, mark = done.value, done.anchor, done.mark
                weight = self._count - starts.pop()
            elif isinstance(event, yaml.AliasEvent):
                value, anchor, weight = self._alias(event, line), None, 1
            else:
                value, anchor, weight = (
                    self._scalar(event, line, bool(stack) and _expects_key(stack[-1])),
                    event.anchor,
                    1,
                )
            if anchor:
                self._anchors[anchor] = (value, weight)
            if not stack:
                return value
            self._store(stack[-1], value, mark)
        raise refuse(self._source, "", "the file ends in the middle of a value")

    def _store(self, parent: _Open, value: Any, mark: Mark) -> None:
        if isinstance(parent.value, list):
            self._marks[(id(parent.value), len(parent.value))] = mark
            parent.value.append(value)
        elif parent.key:
            parent.value[parent.key.pop()] = value
        else:
            self._key(parent, value, mark)

    def _key(self, parent: _Open, key: Any, mark: Mark) -> None:
        line = mark.line
        if not isinstance(key, str):
            raise refuse(f"{self._source}:{line}", _shown(key), "keys are text; put this one in quotes")
        if key == "<<":
            raise refuse(f"{self._source}:{line}", key, "merge keys are not supported; write the members out")
        if key in parent.value:
            raise refuse(f"{self._source}:{line}", key[:80], "the same key twice in one map; remove one")
        parent.key.append(key)
        self._marks[(id(parent.value), key)] = mark

    def _bound(self, line: int, depth: int) -> None:
        self._count += 1
        if self._count > VALUES_MAX:
            raise refuse(f"{self._source}:{line}", "", f"more than {VALUES_MAX} values in one file")
        if depth > DEPTH_MAX:
            raise refuse(f"{self._source}:{line}", "", f"nested deeper than {DEPTH_MAX} levels")

    def _alias(self, event: yaml.AliasEvent, line: int) -> Any:
        if event.anchor not in self._anchors:
            raise refuse(f"{self._source}:{line}", f"*{event.anchor}", "refers to an anchor that is not complete here")
        value, weight = self._anchors[event.anchor]
        # What it stands for counts in full, as if written out: no bomb is smaller than what it blows up to.
        self._count += weight
        self._bound(line, 0)
        return value

    def _untagged(self, event: Any, line: int) -> None:
        if event.tag is not None and event.tag not in ("!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            raise refuse(f"{self._source}:{line}", event.tag, "tags are not supported; remove it")

    def _scalar(self, event: Any, line: int, is_key: bool) -> Any:
        where = f"{self._source}:{line}"
        text: str = event.value
        if event.tag in ("!", "tag:yaml.org,2002:str") or (event.tag is None and not event.implicit[0]):
            return text
        if event.tag is not None:
            raise refuse(where, event.tag, "tags are not supported; remove it")
        if text in _NULLS:
            return None
        if text in _TRUTHS and not is_key:
            return _TRUTHS[text]
        return _number(text, where, is_key)


def _mark(event: Any) -> Mark:
    return Mark(int(event.start_mark.line) + 1, int(event.start_mark.column) + 1)


def _expects_key(parent: _Open) -> bool:
    return isinstance(parent.value, dict) and not parent.key


def _number(text: str, where: str, is_key: bool) -> Any:
    """A plain scalar that is neither null nor a truth value: a number, else text."""
    if is_key:
        return text
    if _NOT_A_NUMBER.fullmatch(text):
        raise refuse(where, text, "not a number that JSON knows; write a finite number")
    if _OCTAL.fullmatch(text) and len(text) > 1:
        return int(text.replace("o", ""), 8)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _INTEGER.fullmatch(text):
        return _bounded(text, where)
    if _FLOAT.fullmatch(text):
        return _finite(text, where)
    return text


def plain_value(text: str) -> Any:
    """What a plain scalar of this text would be read as; the very text itself when it stays text."""
    if text in _NULLS:
        return None
    if text in _TRUTHS:
        return _TRUTHS[text]
    try:
        return _number(text, "", False)
    except BadInput:
        return 0


def _bounded(digits: str, where: str) -> int:
    if len(digits) > 20 or int(digits) not in _INT64:
        raise refuse(where, f"{digits[:40]}", "a number with too many digits")
    return int(digits)


def _finite(digits: str, where: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise refuse(where, digits[:40], "a number that is too large")
    return number


def _shown(value: Any) -> str:
    return json.dumps(value)[:80] if isinstance(value, str | int | float | bool | None) else type(value).__name__


def _yaml_documents(text: str, source: str) -> Iterator[Document]:
    try:
        yield from _YamlReader(text, source).documents()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}" if mark else source
        problem = error.problem or error.context or "cannot be read"
        raise refuse(where, "", f"not YAML: {problem}") from None
    except yaml.YAMLError as error:
        raise refuse(source, "", f"not YAML: {str(error).splitlines()[0][:200]}") from None
