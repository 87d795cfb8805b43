"""Patches of Kubernetes objects: merge (RFC 7396), JSON (RFC 6902) and strategic, and the patch that undoes a change.

Called by the target world. All functions are pure: what they are given is never changed, what they return may share
parts with it. `PatchError` is what an API server would answer 422 to.
"""

from collections.abc import Sequence
from typing import Any, Final

Json = Any
Object = dict[str, Any]

# By the name of the list: which field tells its entries apart.
MERGE_KEYS: Final[dict[str, str]] = {
    "conditions": "type",
    "containers": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ports": "containerPort",
    "taints": "key",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
DIRECTIVE: Final = "$patch"


class PatchError(Exception):
    """The patch does not fit the object; the text says where. Caught by the world, reported as a failed step."""


def merge(target: Json, patch: Json) -> Json:
    """RFC 7396: maps are merged, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def difference(before: Object, after: Object) -> Object:
    """The smallest merge patch that turns `before` into `after`; {} when they are equal."""
    patch: Object = {} if before.keys() <= after.keys() else {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if old is value and value is not None:
            continue
        if isinstance(old, dict) and isinstance(value, dict):
            inner = difference(old, value)
            if inner:
                patch[key] = inner
        elif key not in before or old != value:
            patch[key] = value
    return patch


def strategic(target: Json, patch: Json, field: str = "") -> Json:
    """Like merge, but known lists are merged entry by entry; `$patch: delete` and `$patch: replace` are obeyed."""
    if isinstance(patch, list):
        return _strategic_list(target if isinstance(target, list) else [], patch, MERGE_KEYS.get(field))
    if not isinstance(patch, dict):
        return patch
    if patch.get(DIRECTIVE) == "replace":
        return {key: value for key, value in patch.items() if key != DIRECTIVE}
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None or (isinstance(value, dict) and value.get(DIRECTIVE) == "delete"):
            merged.pop(key, None)
        elif key != DIRECTIVE:
            merged[key] = strategic(merged.get(key), value, key)
    return merged


def _strategic_list(target: list[Json], patch: list[Json], key: str | None) -> list[Json]:
    if {DIRECTIVE: "replace"} in patch:
        return [entry for entry in patch if entry != {DIRECTIVE: "replace"}]
    if key is None or not _keyed(target, key) or not _keyed(patch, key):
        return list(patch)
    entries = list(target)
    for change in patch:
        at = next((i for i, entry in enumerate(entries) if entry[key] == change[key]), None)
        if change.get(DIRECTIVE) == "delete":
            entries = [entry for entry in entries if entry[key] != change[key]]
        elif at is None:
            entries.append(strategic({}, change))
        else:
            entries[at] = strategic(entries[at], change)
    return entries


def _keyed(entries: Sequence[Json], key: str) -> bool:
    return all(isinstance(entry, dict) and key in entry for entry in entries)


def undoing(before: Object, after: Object) -> Object:
    """The strategic patch that turns `after` back into `before`, and touches nothing that both have alike."""
    patch: Object = {key: None for key in after if key not in before}
    for key, value in before.items():
        if key not in after:
            patch[key] = value
        elif after[key] is not value and after[key] != value:
            patch[key] = _undoing_value(value, after[key], key)
    return patch


def _undoing_value(before: Json, after: Json, field: str) -> Json:
    if isinstance(before, dict) and isinstance(after, dict):
        patch: Json = undoing(before, after)
    elif isinstance(before, list) and isinstance(after, list):
        patch = _undoing_list(before, after, MERGE_KEYS.get(field))
    else:
        return before
    if strategic(after, patch, field) == before:
        return patch
    directive = {DIRECTIVE: "replace"}
    return [*before, directive] if isinstance(before, list) else {**before, **directive}


def _undoing_list(before: list[Json], after: list[Json], key: str | None) -> list[Json]:
    if key is None or not _keyed(before, key) or not _keyed(after, key):
        return list(before)
    old = {str(entry[key]): entry for entry in before}
    new = {str(entry[key]): entry for entry in after}
    patch: list[Json] = [{key: entry[key], DIRECTIVE: "delete"} for name, entry in new.items() if name not in old]
    for name, entry in old.items():
        if name not in new:
            patch.append(entry)
        elif new[name] != entry:
            patch.append({**undoing(entry, new[name]), key: entry[key]})
    return patch


def json_patch(document: Json, operations: Json) -> Json:
    """RFC 6902 without `move` and `copy`, which no remediation needs."""
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    for number, operation in enumerate(operations):
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise PatchError(f"operation {number} has no path")
        path = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        document = _operate(document, path, operation, number)
    return document


def _operate(node: Json, path: list[str], operation: Object, number: int) -> Json:
    what = operation.get("op")
    if what not in ("add", "replace", "remove", "test"):
        raise PatchError(f"operation {number}: {what!r} is not one of add, replace, remove, test")
    if not path:
        if what == "test" and node != operation.get("value"):
            raise PatchError(f"operation {number}: test of {operation['path']} failed")
        return node if what == "test" else operation.get("value")
    head, rest = path[0], path[1:]
    if isinstance(node, list):
        return _operate_list(node, head, rest, operation, number)
    if not isinstance(node, dict) or (head not in node and (rest or what != "add")):
        raise PatchError(f"operation {number}: {operation['path']} does not exist")
    copy = dict(node)
    if what == "remove" and not rest:
        del copy[head]
    else:
        copy[head] = _operate(node.get(head), rest, operation, number)
    return copy


def _operate_list(node: list[Json], head: str, rest: list[str], operation: Object, number: int) -> Json:
    inserting = not rest and operation["op"] == "add"
    at = len(node) if head == "-" and inserting else int(head) if head.isdecimal() else -1
    if not 0 <= at < len(node) + inserting:
        raise PatchError(f"operation {number}: {operation['path']} does not exist")
    copy = list(node)
    if inserting:
        copy.insert(at, operation.get("value"))
    elif operation["op"] == "remove" and not rest:
        del copy[at]
    else:
        copy[at] = _operate(node[at], rest, operation, number)
    return copy
