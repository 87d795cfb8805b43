"""How does a JSON patch (RFC 6902) change an object, as the API server's own library understands it?

Called by the HTTP layer. Pure: what is untouched is shared with the original. Where that library differs from the
standard, this follows the library: `replace` sets a key that was not there.
"""

from typing import Any, Final

Json = Any
_KNOWN: Final = frozenset({"add", "remove", "replace", "move", "copy", "test"})
_MISSING: Final = object()


class NoSuchPath(Exception):
    """A path of the patch does not exist, or its test fails; the server's answer is 422. `args`: one text."""


def json_patch(document: Json, operations: list[dict[str, Any]]) -> Json:
    """The patched document; NoSuchPath when an operation cannot be carried out."""
    for operation in operations:
        what, path = operation.get("op"), operation.get("path")
        if what not in _KNOWN or not isinstance(path, str):
            raise NoSuchPath(f"Unexpected kind: {what}")
        parts = _parts(path)
        match what:
            case "add":
                document = _write(document, parts, operation.get("value"), path, insert=True)
            case "replace":
                document = _write(document, parts, operation.get("value"), path, insert=False)
            case "remove":
                document = _remove(document, parts, path)
            case "test":
                found = _read(document, parts)
                if (None if found is _MISSING else found) != operation.get("value"):
                    raise NoSuchPath(f"testing value {path} failed")
            case _:
                source = _parts(operation.get("from") or "")
                moved = _read(document, source)
                if moved is _MISSING:
                    raise NoSuchPath(f"{what} operation does not apply: doc is missing from path: {path}")
                if what == "move":
                    document = _remove(document, source, path)
                document = _write(document, parts, moved, path, insert=True)
    return document


def _parts(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _read(node: Json, parts: list[str]) -> Json:
    for part in parts:
        if isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, list) and part.isdecimal() and int(part) < len(node):
            node = node[int(part)]
        else:
            return _MISSING
    return node


def _write(node: Json, parts: list[str], value: Json, path: str, *, insert: bool) -> Json:
    if not parts:
        return value
    head, rest = parts[0], parts[1:]
    if isinstance(node, dict):
        if rest and head not in node:
            raise NoSuchPath(f"doc is missing path: {path}")
        return {**node, head: _write(node.get(head), rest, value, path, insert=insert)}
    if not isinstance(node, list):
        raise NoSuchPath(f"doc is missing path: {path}")
    copy = list(node)
    inserting = insert and not rest
    at = len(copy) if head == "-" and inserting else int(head) if head.isdecimal() else -1
    if not 0 <= at < len(copy) + inserting:
        raise NoSuchPath(f"Unable to access invalid index: {head}")
    if inserting:
        copy.insert(at, value)
    else:
        copy[at] = _write(copy[at], rest, value, path, insert=insert)
    return copy


def _remove(node: Json, parts: list[str], path: str) -> Json:
    head, rest = parts[0] if parts else "", parts[1:]
    if isinstance(node, dict) and head in node:
        copy = dict(node)
        if rest:
            copy[head] = _remove(node[head], rest, path)
        else:
            del copy[head]
        return copy
    if isinstance(node, list) and head.isdecimal() and int(head) < len(node):
        entries = list(node)
        if rest:
            entries[int(head)] = _remove(entries[int(head)], rest, path)
        else:
            del entries[int(head)]
        return entries
    raise NoSuchPath(f"remove operation does not apply: doc is missing path: {path}")
