"""Which objects does a label or field selector choose?

Called by the HTTP layer for lists and watches. A selector that the server would not understand is answered as it
would answer; it must never choose by guess.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from sim.cluster.refusals import Refusal, bad_request
from sim.cluster.resources import Resource
from sim.cluster.store import Select, Stored

_TERM: Final = re.compile(r"\s*([^\s!=,()]+)\s*(==|=|!=)\s*([^\s!=,()]*)\s*")
_SET: Final = re.compile(r"\s*([^\s!=,()]+)\s+(in|notin)\s*\(([^()]*)\)\s*")
_HAS: Final = re.compile(r"\s*(!?)\s*([^\s!=,()]+)\s*")
_COMMA: Final = re.compile(r",(?![^(]*\))")
_ALWAYS: Final = ("metadata.name", "metadata.namespace")

Labels = dict[str, str]
Test = Callable[[Any], bool]


def selector(resource: Resource, namespace: str, labels: str, fields: str) -> Select | Refusal | None:
    """None when everything is chosen."""
    tests: list[Callable[[Stored], bool]] = []
    if namespace:
        tests.append(lambda stored: stored.namespace == namespace)
    for term in _COMMA.split(labels) if labels else ():
        test = _label_test(term)
        if test is None:
            return bad_request(f"unable to parse requirement: {term.strip()}")
        tests.append(_on_labels(test))
    for term in fields.split(",") if fields else ():
        matched = _TERM.fullmatch(term)
        if matched is None:
            return bad_request(f"invalid selector: '{fields}'; can't understand '{term}'")
        field, operator, wanted = matched.groups()
        if field not in _ALWAYS and field not in resource.fields:
            return bad_request(f"field label not supported: {field}")
        tests.append(_on_field(field, wanted, equal=operator != "!="))
    if not tests:
        return None
    return lambda stored: all(test(stored) for test in tests)


def _label_test(term: str) -> Callable[[Labels], bool] | None:
    if matched := _SET.fullmatch(term):
        key, operator, listed = matched.groups()
        values = {value.strip() for value in listed.split(",")}
        return _in_set(key, values, wanted=operator == "in")
    if matched := _TERM.fullmatch(term):
        key, operator, value = matched.groups()
        return _in_set(key, {value}, wanted=operator != "!=")
    if matched := _HAS.fullmatch(term):
        negated, key = matched.groups()
        return lambda labels: (key in labels) != bool(negated)
    return None


def _in_set(key: str, values: set[str], *, wanted: bool) -> Callable[[Labels], bool]:
    return lambda labels: (key in labels and labels[key] in values) == wanted


def _on_labels(test: Callable[[Labels], bool]) -> Callable[[Stored], bool]:
    return lambda stored: test(stored.body["metadata"].get("labels") or {})


def _on_field(field: str, wanted: str, *, equal: bool) -> Callable[[Stored], bool]:
    path = field.split(".")
    return lambda stored: (field_text(stored.body, path) == wanted) == equal


def field_text(body: Any, path: list[str]) -> str:
    """The field as a selector sees it: text, "" when it is not there."""
    for part in path:
        body = body.get(part) if isinstance(body, dict) else None
    if body is None:
        return ""
    return str(body).lower() if isinstance(body, bool) else str(body)
