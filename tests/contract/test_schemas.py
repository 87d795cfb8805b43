"""A CRD's schema prunes, fills in and refuses with the same words everywhere."""

from typing import Any

import pytest

from tests.contract.conftest import Api
from tests.contract.things import thing, things

Json = dict[str, Any]
UNCHECKED = "some validation rules were not checked because the object was invalid"


def causes(answer: tuple[int, Json]) -> set[tuple[str, str, str]]:
    """(field, reason, message) of a refusal, without the note on rules that were not checked."""
    status, body = answer
    assert (status, body["reason"]) == (422, "Invalid"), body
    found = {(each["field"], each["reason"], each["message"]) for each in body["details"]["causes"]}
    return {each for each in found if UNCHECKED not in each[2]}


@pytest.mark.parametrize(
    ("spec", "kept"),
    [
        ({}, {"b": True}),
        ({"unknown": 1, "any": {"x": {"y": 1}}}, {"b": True, "any": {"x": {"y": 1}}}),
        ({"o": {}, "b": False}, {"b": False, "o": {"d": 5}}),
        ({"o": {"d": 1, "e": 2}}, {"b": True, "o": {"d": 1}}),
        ({"s": None, "b": None}, {"b": True}),
        ({"nothing": None}, {"b": True, "nothing": None}),
        (
            {"m": [{"n": 1}, {"n": 2, "v": "x", "w": "y"}]},
            {"b": True, "m": [{"n": 1, "v": "filled"}, {"n": 2, "v": "x"}]},
        ),
        ({"map": {"k": "v"}, "f": 1.5}, {"b": True, "map": {"k": "v"}, "f": 1.5}),
        ({"l": ["a"], "set": [2, 1], "t": "2026-01-01T00:00:00Z"}, None),
    ],
)
def test_what_is_kept_of_an_object(api: Api, spec: Json, kept: Json | None) -> None:
    status, made = api.client.request("POST", things(api.namespace), thing("kept", **spec))
    assert status == 201, made
    assert made["spec"] == {"must": "m", **(kept if kept is not None else {"b": True, **spec})}


@pytest.mark.parametrize(
    ("spec", "field", "reason", "message"),
    [
        (
            {"i": "x"},
            "spec.i",
            "FieldValueTypeInvalid",
            'Invalid value: "string": spec.i in body must be of type integer: "string"',
        ),
        (
            {"b": "yes"},
            "spec.b",
            "FieldValueTypeInvalid",
            'Invalid value: "string": spec.b in body must be of type boolean: "string"',
        ),
        (
            {"l": [1]},
            "spec.l[0]",
            "FieldValueTypeInvalid",
            'Invalid value: "integer": spec.l[0] in body must be of type string: "integer"',
        ),
        (
            {"o": []},
            "spec.o",
            "FieldValueTypeInvalid",
            'Invalid value: "array": spec.o in body must be of type object: "array"',
        ),
        (
            {"i": 0},
            "spec.i",
            "FieldValueInvalid",
            "Invalid value: 0: spec.i in body should be greater than or equal to 1",
        ),
        (
            {"i": 11},
            "spec.i",
            "FieldValueInvalid",
            "Invalid value: 11: spec.i in body should be less than or equal to 10",
        ),
        (
            {"s": "a"},
            "spec.s",
            "FieldValueInvalid",
            'Invalid value: "a": spec.s in body should be at least 2 chars long',
        ),
        ({"s": "abcde"}, "spec.s", "FieldValueTooLong", "Too long: may not be more than 4 bytes"),
        ({"s": "A1"}, "spec.s", "FieldValueInvalid", "Invalid value: \"A1\": spec.s in body should match '^[a-z]*$'"),
        ({"e": "z"}, "spec.e", "FieldValueNotSupported", 'Unsupported value: "z": supported values: "a", "b"'),
        ({"l": []}, "spec.l", "FieldValueInvalid", "Invalid value: 0: spec.l in body should have at least 1 items"),
        ({"l": list("abcd")}, "spec.l", "FieldValueTooMany", "Too many: 4: must have at most 3 items"),
        (
            {"map": {"a": "1", "b": "2", "c": "3"}},
            "spec.map",
            "FieldValueTooMany",
            "Too many: 3: must have at most 2 items",
        ),
        ({"map": {"a": "long"}}, "spec.map.a", "FieldValueTooLong", "Too long: may not be more than 3 bytes"),
        ({"set": [1, 2, 1]}, "spec.set[2]", "FieldValueDuplicate", "Duplicate value: 1"),
        ({"m": [{"n": 1}, {"n": 1}]}, "spec.m[1]", "FieldValueDuplicate", 'Duplicate value: {"n":1}'),
        ({"m": [{"v": "x"}]}, "spec.m[0].n", "FieldValueRequired", "Required value"),
        ({"must": None}, "spec.must", "FieldValueRequired", "Required value"),
        (
            {"t": "yesterday"},
            "spec.t",
            "FieldValueTypeInvalid",
            'Invalid value: "yesterday": spec.t in body must be of type date-time: "yesterday"',
        ),
        ({"i": 7}, "spec", "FieldValueInvalid", "Invalid value: not seven"),
        (
            {"m": [{"n": 2, "v": "bad"}]},
            "spec.m[0]",
            "FieldValueInvalid",
            "Invalid value: failed rule: !has(self.v) || self.v != 'bad'",
        ),
    ],
)
def test_how_a_refusal_is_worded(api: Api, spec: Json, field: str, reason: str, message: str) -> None:
    answer = api.client.request("POST", things(api.namespace), thing("wrong", **spec))
    assert (field, reason, message) in causes(answer)
    assert answer[1]["message"].startswith('Thing.test.wfexec.dev "wrong" is invalid: ')
    assert answer[1]["details"]["name"] == "wrong"
    assert api.client.request("GET", things(api.namespace, "wrong"))[0] == 404


def test_rules_are_not_evaluated_on_what_is_broken_already(api: Api) -> None:
    answer = api.client.request("POST", things(api.namespace), thing("wrong", i=7, e="z"))
    assert {field for field, _, _ in causes(answer)} == {"spec.e"}
    assert UNCHECKED in answer[1]["message"]


def test_every_fault_is_told_at_once(api: Api) -> None:
    answer = api.client.request("POST", things(api.namespace), thing("wrong", i=0, s="a", m=[{"n": 1}, {"n": 1}]))
    assert {field for field, _, _ in causes(answer)} == {"spec.i", "spec.s", "spec.m[1]"}


def test_what_may_not_change_is_refused_and_may_be_repeated(api: Api) -> None:
    made = api.client.request("POST", things(api.namespace), thing("fixed"))[1]
    path = things(api.namespace, "fixed")
    answer = api.client.request("PATCH", path, {"spec": {"must": "n"}})
    assert causes(answer) == {("spec", "FieldValueInvalid", "Invalid value: must is immutable")}
    assert answer[1]["message"] == 'Thing.test.wfexec.dev "fixed" is invalid: spec: Invalid value: must is immutable'
    again = api.client.request("PATCH", path, {"spec": {"must": "m"}})
    assert (again[0], again[1]["metadata"]["resourceVersion"]) == (200, made["metadata"]["resourceVersion"])


def test_a_status_has_a_schema_too(api: Api) -> None:
    assert api.client.request("POST", things(api.namespace), thing("reported"))[0] == 201
    path = f"{things(api.namespace, 'reported')}/status"
    reported = api.client.request("PATCH", path, {"status": {"phase": "on", "x": 1, "steps": [{"n": 1}]}})[1]
    assert reported["status"] == {"phase": "on", "steps": [{"n": 1, "v": "filled"}]}
    broken = api.client.request("PATCH", path, {"status": {"n": "one", "steps": [{"n": 1}, {"n": 1}]}})
    assert {field for field, _, _ in causes(broken)} == {"status.n", "status.steps[1]"}
    operations = [{"op": "replace", "path": "/status/steps/0/v", "value": "bad"}]
    broken = api.client.request("PATCH", path, operations, patch="json-patch+json")
    assert {field for field, _, _ in causes(broken)} == {"status.steps[0]"}


def test_unknown_fields_can_be_forbidden(api: Api) -> None:
    wished = thing("strict", zzz=1, m=[{"n": 1, "q": 2}])
    answer = api.client.request("POST", things(api.namespace), wished, query={"fieldValidation": "Strict"})
    assert (answer[0], answer[1]["reason"]) == (400, "BadRequest")
    assert answer[1]["message"] == (
        'Thing in version "v1" cannot be handled as a Thing: strict decoding error: unknown field "spec.m[0].q",'
        ' unknown field "spec.zzz"'
    )
