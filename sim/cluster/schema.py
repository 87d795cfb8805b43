"""What does a CRD's schema do to an object: prune, fill in, complain?

Compiled once per CRD into nodes; called on every write in wire depth. Parts that did not change are not looked at
again (the server forgives in them what it would not accept today). It must never change a value in place: what is
untouched is returned as it is, by identity.
"""

from itertools import zip_longest
from operator import is_
from typing import Any, Final

import orjson

from sim.cluster.cel import Rule, compiled
from sim.cluster.refusals import Cause
from sim.cluster.resources import Unmodelled
from sim.cluster.schema_checks import Check, checks_of, is_of, type_name

Json = dict[str, Any]

_KNOWN: Final = frozenset(
    {
        *("type", "properties", "additionalProperties", "items", "required", "enum", "pattern", "format", "default"),
        *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties", "description"),
        *("nullable", "title", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"),
        *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations", "x-kubernetes-int-or-string"),
    }
)
_FORMATS: Final = frozenset({"", "int32", "int64", "float", "double", "date-time"})
# After one of these the server evaluates no CEL rule.
_BLOCKING: Final = frozenset(
    {"FieldValueTypeInvalid", "FieldValueRequired", "FieldValueNotSupported", "FieldValueTooLong", "FieldValueTooMany"}
)
_UNCHECKED: Final = Cause(
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing"
    " errors to complete validation",
    "<nil>",
)
_MISSING: Final = object()


class Node:
    """One level of a schema."""

    __slots__ = (
        "additional",
        "checks",
        "defaults",
        "has_rules",
        "items",
        "keys",
        "kind",
        "nullable",
        "open",
        "properties",
        "required",
        "rules",
        "unique",
    )
    has_rules: bool

    def __init__(self, schema: Json, path: str) -> None:
        unknown = sorted(schema.keys() - _KNOWN)
        if unknown or schema.get("format", "") not in _FORMATS:
            raise Unmodelled(f"schema of {path or 'the object'} with {', '.join(unknown) or schema.get('format')}")
        # Integer or string is a kind of its own to the server.
        self.kind: str = schema.get("type", "integer,string" if schema.get("x-kubernetes-int-or-string") else "")
        self.nullable = bool(schema.get("nullable"))
        self.open = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
        self.properties = {
            name: Node(inner, f"{path}.{name}") for name, inner in (schema.get("properties") or {}).items()
        }
        additional, items = schema.get("additionalProperties"), schema.get("items")
        self.additional = Node(additional, f"{path}.*") if isinstance(additional, dict) else None
        self.items = Node(items, f"{path}[]") if items else None
        self.defaults = {
            name: inner["default"] for name, inner in (schema.get("properties") or {}).items() if "default" in inner
        }
        self.required = tuple(schema.get("required") or ())
        self.unique = schema.get("x-kubernetes-list-type", "")
        self.keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        self.rules: tuple[Rule, ...] = tuple(compiled(rule) for rule in schema.get("x-kubernetes-validations") or ())
        self.checks: tuple[Check, ...] = tuple(checks_of(schema))
        below = (*self.properties.values(), self.additional, self.items)
        self.has_rules = bool(self.rules) or any(node is not None and node.has_rules for node in below)

    def child(self, name: str) -> "Node | None":
        return self.properties.get(name) or self.additional

    def fit(self, value: Any, old: Any = _MISSING) -> Any:
        """The value without what the schema does not know, and with defaults; itself when nothing changes.

        `old` stood here before and was fitted then: so is whatever part of it still stands in its place.
        """
        if value is old:
            return value
        if isinstance(value, dict):
            return self._fit_map(value, old if isinstance(old, dict) else {})
        if isinstance(value, list) and self.items is not None:
            fit = self.items.fit
            before = old if isinstance(old, list) else []
            fitted = [fit(each, was) for each, was in zip_longest(value, before[: len(value)], fillvalue=_MISSING)]
            return value if all(map(is_, fitted, value)) else fitted
        return value

    def _fit_map(self, value: Json, old: Json) -> Json:
        if not self.properties and self.additional is None:
            return value if self.open or not value else {}
        changed = False
        fitted = {}
        for name, inner in value.items():
            node = self.properties.get(name) or self.additional
            if node is None or (inner is None and not node.nullable):
                if node is None and self.open:
                    fitted[name] = inner
                else:
                    changed = True
                continue
            fitted[name] = made = node.fit(inner, old.get(name, _MISSING))
            changed = changed or made is not inner
        for name, default in self.defaults.items():
            if name not in fitted:
                fitted[name] = self.properties[name].fit(default)
                changed = True
        return fitted if changed else value

    def unknown(self, value: Any, path: str) -> list[str]:
        """Paths of fields that `fit` drops."""
        if isinstance(value, list):
            return [
                found
                for number, each in enumerate(value)
                if self.items is not None
                for found in self.items.unknown(each, f"{path}[{number}]")
            ]
        found = []
        for name, inner in value.items() if isinstance(value, dict) else ():
            node, where = self.child(name), f"{path}.{name}" if path else name
            if node is not None:
                found += node.unknown(inner, where)
            elif not self.open:
                found.append(where)
        return found

    def check(self, value: Any, old: Any, path: str, causes: list[Cause]) -> None:
        """Add everything that is wrong but for CEL rules."""
        if value is old or (value is None and self.nullable):
            return
        if self.kind and not is_of(value, self.kind):
            found = type_name(value)
            why = f'Invalid value: "{found}": {path} in body must be of type {self.kind}: "{found}"'
            causes.append(Cause("FieldValueTypeInvalid", why, path))
            return
        for check in self.checks:
            cause = check(value, path)
            if cause is not None:
                causes.append(cause)
        if isinstance(value, dict):
            for name in self.required:
                if name not in value:
                    causes.append(Cause("FieldValueRequired", "Required value", f"{path}.{name}"))
            for name, inner, was, node in self._members(value, old):
                if inner != was or type(inner) is not type(was):
                    node.check(inner, was, f"{path}.{name}", causes)
        elif isinstance(value, list) and self.items is not None:
            for number, (inner, was) in enumerate(self._entries(value, old)):
                if inner != was:
                    self.items.check(inner, was, f"{path}[{number}]", causes)
            self._check_unique(value, path, causes)

    def obey(self, value: Any, old: Any, path: str, causes: list[Cause]) -> None:
        """Add a cause per CEL rule that is broken; `old` is _MISSING for a new value."""
        if not self.has_rules or value is old or value == old:
            return
        for rule in self.rules:
            if rule.transition and old is _MISSING:
                continue
            complaint = rule.complaint(value, old)
            if complaint:
                causes.append(Cause("FieldValueInvalid", f"Invalid value: {complaint}", path))
        if isinstance(value, dict):
            for name, inner, was, node in self._members(value, old):
                node.obey(inner, was, f"{path}.{name}", causes)
        elif isinstance(value, list) and self.items is not None:
            for number, (inner, was) in enumerate(self._entries(value, old)):
                self.items.obey(inner, was, f"{path}[{number}]", causes)

    def _members(self, value: Json, old: Any) -> list[tuple[str, Any, Any, "Node"]]:
        before = old if isinstance(old, dict) else {}
        return [
            (name, value[name], before.get(name, _MISSING), node)
            for name in sorted(value)
            if (node := self.child(name)) is not None
        ]

    def _entries(self, value: list[Any], old: Any) -> list[tuple[Any, Any]]:
        """Each entry and what it was: only a list with keys knows that."""
        if not self.keys or not isinstance(old, list):
            return [(each, _MISSING) for each in value]
        before = {self._key(each): each for each in old}
        return [(each, before.get(self._key(each), _MISSING)) for each in value]

    def _key(self, entry: Any) -> bytes:
        if self.keys and isinstance(entry, dict):
            return orjson.dumps({key: entry.get(key) for key in self.keys})
        return orjson.dumps(entry)

    def _check_unique(self, value: list[Any], path: str, causes: list[Cause]) -> None:
        if self.unique not in ("map", "set"):
            return
        seen = set()
        for number, entry in enumerate(value):
            key = self._key(entry)
            if key in seen:
                causes.append(Cause("FieldValueDuplicate", f"Duplicate value: {key.decode()}", f"{path}[{number}]"))
            seen.add(key)


class Schema:
    """The schema of one kind, without what the server handles itself: apiVersion, kind, metadata."""

    def __init__(self, crd: Json) -> None:
        whole = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        always = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _ANY}
        self.node = Node({**whole, "properties": {**whole.get("properties", {}), **always}}, "")

    def fit(self, body: Json, old: Json | None) -> Json:
        """A new object at the top, pruned and with defaults; parts of `old` are so already."""
        before = old or {}
        fitted = {}
        for name, value in body.items():
            node = self.node.child(name)
            if node is not None and value is not None:
                fitted[name] = node.fit(value, before.get(name, _MISSING))
        return fitted

    def unknown(self, body: Json) -> list[str]:
        """Paths of fields that the schema does not know, sorted."""
        return sorted(self.node.unknown({key: value for key, value in body.items() if key != "metadata"}, ""))

    def causes(self, body: Json, old: Json | None) -> list[Cause]:
        """Everything wrong with the object."""
        causes: list[Cause] = []
        before = old or {}
        for name in self.node.required:
            if name not in body:
                causes.append(Cause("FieldValueRequired", "Required value", name))
        parts = [
            (name, body[name], before.get(name, _MISSING), node)
            for name, node in sorted(self.node.properties.items())
            if name in body and name not in ("apiVersion", "kind", "metadata")
        ]
        for name, value, was, node in parts:
            if value != was:
                node.check(value, was, name, causes)
        if not any(cause.reason in _BLOCKING for cause in causes):
            for name, value, was, node in parts:
                node.obey(value, was, name, causes)
        elif self.node.has_rules:
            causes.append(_UNCHECKED)
        return causes


_TEXT: Final[Json] = {"type": "string"}
_ANY: Final[Json] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
