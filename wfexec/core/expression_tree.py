"""The syntax tree of a checked expression, read from the bytes the CEL library gives out.

The library parses and checks types; what it hands over is a CheckedExpr in protobuf's wire form. Its schema is stable
and small (nine kinds of nodes), so it is read here directly.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final

from wfexec.model.expressions import Node, Path

_ANY_VALUE = 2
_EXPR, _SOURCE = 4, 5
_ID, _CONST, _IDENT, _SELECT, _CALL, _LIST, _STRUCT, _LOOP = 2, 3, 4, 5, 6, 7, 8, 9
_POSITIONS: Final = 4
_SIGN: Final = 1 << 63


class Unsupported(Exception):
    """A construct that cannot be evaluated here; `at` is the node's id."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


class UInt(int):
    """CEL's unsigned numbers, which do not mix with signed ones."""

    __slots__ = ()


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Field number and value: an int, eight bytes, or the bytes of a string or message."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        wire = key & 7
        if wire == 0:
            value, place = _varint(data, place)
            yield key >> 3, value
        elif wire == 1:
            yield key >> 3, data[place : place + 8]
            place += 8
        else:
            length, place = _varint(data, place)
            yield key >> 3, data[place : place + length]
            place += length


def _signed(value: int) -> int:
    return value - (1 << 64) if value & _SIGN else value


def decode(data: bytes) -> tuple[Node, dict[int, int]]:
    """The tree of a serialized CheckedExpr (it comes wrapped in an Any), and each node's offset in the text, by id."""
    tree: Node | None = None
    offsets: dict[int, int] = {}
    for number, value in _fields(dict(_fields(data)).get(_ANY_VALUE, b"")):
        if number == _EXPR:
            tree = _node(value)
        elif number == _SOURCE:
            for inner, entry in _fields(value):
                if inner == _POSITIONS:
                    pair = dict(_fields(entry))
                    offsets[pair.get(1, 0)] = pair.get(2, 0)
    if tree is None:
        raise Unsupported(0, "the expression is empty")
    return tree, offsets


def _node(data: bytes) -> Node:
    at, kind, body = 0, 0, b""
    for number, value in _fields(data):
        if number == _ID:
            at = value
        else:
            kind, body = number, value
    return _READERS[kind](at, body)


def _const(at: int, body: bytes) -> Node:
    value: Any = None
    for number, raw in _fields(body):
        match number:
            case 2:
                value = bool(raw)
            case 3:
                value = _signed(raw)
            case 4:
                value = UInt(raw)
            case 5:
                value = struct.unpack("<d", raw)[0]
            case 6:
                value = raw.decode()
            case 7:
                value = bytes(raw)
            case _:
                value = None
    return Node("const", at, "", value, ())


def _ident(at: int, body: bytes) -> Node:
    return Node("ident", at, _text(dict(_fields(body)).get(1)), None, ())


def _select(at: int, body: bytes) -> Node:
    fields = dict(_fields(body))
    return Node("has" if fields.get(3) else "select", at, _text(fields.get(2)), None, (_node(fields[1]),))


def _call(at: int, body: bytes) -> Node:
    name, args = "", []
    target: tuple[Node, ...] = ()
    for number, value in _fields(body):
        if number == 1:
            target = (_node(value),)
        elif number == 2:
            name = _text(value)
        else:
            args.append(_node(value))
    if target and target[0].kind == "ident" and target[0].name in ("optional", "sets"):
        # A function with a dotted name, not a call on a value.
        return Node("call", at, f"{target[0].name}.{name}", None, tuple(args))
    return Node("call", at, name, bool(target), (*target, *args))


def _list(at: int, body: bytes) -> Node:
    elements = []
    for number, value in _fields(body):
        if number != 1:
            raise Unsupported(at, "optional elements of a list are not supported")
        elements.append(_node(value))
    return Node("list", at, "", None, tuple(elements))


def _struct(at: int, body: bytes) -> Node:
    parts: list[Node] = []
    for number, value in _fields(body):
        if number == 1:
            raise Unsupported(at, f"messages such as {_text(value)} are not supported; write a map")
        entry = dict(_fields(value))
        if entry.get(5):
            raise Unsupported(at, "optional entries of a map are not supported")
        parts += (_node(entry[3]), _node(entry[4]))
    return Node("map", at, "", None, tuple(parts))


def _loop(at: int, body: bytes) -> Node:
    f = dict(_fields(body))
    names = (_text(f.get(1)), _text(f.get(8)), _text(f.get(3)))
    return Node("loop", at, "", names, tuple(_node(f[part]) for part in (2, 4, 5, 6, 7)))


def _text(raw: Any) -> str:
    return raw.decode() if raw else ""


_READERS: Final = {
    _CONST: _const, _IDENT: _ident, _SELECT: _select, _CALL: _call, _LIST: _list, _STRUCT: _struct, _LOOP: _loop,
}  # fmt: skip


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, parents first."""
    todo = [node]
    while todo:
        one = todo.pop()
        yield one
        todo.extend(reversed(one.args))


def paths_of(tree: Node, roots: tuple[str, ...]) -> tuple[Path, ...]:
    """Every fixed path into one of `roots`, longest form only, each once; a path may be just the root."""
    guarded = {path for node in walk(tree) if (path := _guard(node)) is not None}
    found: dict[tuple[str, ...], None] = {}
    inner: set[int] = set()
    for node in walk(tree):
        path = None if id(node) in inner else fixed_path(node)
        if path is None or path[0] not in roots:
            continue
        found[path] = None
        below = node
        while below.args:
            below = below.args[0]
            inner.add(id(below))
    return tuple(
        Path(path, any(path[: size + 1] in guarded for size in range(1, len(path)))) for path in found
    )  # fmt: skip


def _guard(node: Node) -> tuple[str, ...] | None:
    """The path that this node looks for without needing it: has(a.b), a.?b, a[?"b"]."""
    if node.kind == "has" or (node.kind == "call" and node.name in ("_?._", "_[?_]")):
        return fixed_path(node)
    if node.kind == "call" and node.name == "@in" and node.args[0].kind == "const":
        inner = fixed_path(node.args[1])
        return None if inner is None else (*inner, str(node.args[0].value))
    return None


def fixed_path(node: Node) -> tuple[str, ...] | None:
    """`a.b["c"].?d` as ("a", "b", "c", "d"); None when a part of it is not fixed."""
    if node.kind == "ident":
        return (node.name,)
    if node.kind in ("select", "has"):
        before = fixed_path(node.args[0])
        return None if before is None else (*before, node.name)
    if node.kind == "call" and node.name in ("_[_]", "_[?_]", "_?._"):
        key = node.args[1]
        before = fixed_path(node.args[0])
        if before is not None and key.kind == "const" and isinstance(key.value, str):
            return (*before, key.value)
    return None
