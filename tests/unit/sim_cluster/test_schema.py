"""The compiled schema, against a validator that others wrote, and what it will not pretend to understand."""

import copy
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.resources import Resources, Unmodelled
from sim.cluster.schema import Schema
from tests.contract.things import CRD, SPEC

Json = dict[str, Any]
SCHEMA = Schema(CRD)
# CEL, list keys and sets are not JSON schema; null is dropped before the server validates.
_KEPT = {key: value for key, value in SPEC.items() if not key.startswith("x-")}
ORACLE = jsonschema_rs.validator_for(
    {
        **_KEPT,
        "properties": {key: SPEC["properties"][key] for key in ("must", "i", "f", "s", "e", "b", "l", "map", "o")},
    }
)
SCALARS = st.booleans() | st.integers(-1, 12) | st.floats(0, 2, width=16) | st.text("abAB", max_size=6)
SPECS = st.fixed_dictionaries(
    {"must": SCALARS},
    optional={
        "i": SCALARS,
        "f": SCALARS,
        "s": SCALARS,
        "e": SCALARS,
        "b": SCALARS,
        "l": st.lists(SCALARS, max_size=4) | SCALARS,
        "map": st.dictionaries(st.sampled_from("xyz"), SCALARS, max_size=3) | SCALARS,
        "o": st.fixed_dictionaries({}, optional={"d": SCALARS}) | SCALARS,
    },
)


def body(spec: Json) -> Json:
    return {"apiVersion": "test.wfexec.dev/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec}


@given(SPECS)
def test_it_accepts_what_a_json_schema_validator_accepts(spec: Json) -> None:
    given_before = copy.deepcopy(spec)
    causes = [cause for cause in SCHEMA.causes(body(spec), None) if cause.message != "Invalid value: not seven"]
    assert ORACLE.is_valid(spec) == (not causes), causes
    assert spec == given_before


def test_what_needs_no_change_is_handed_back_as_it_is() -> None:
    whole = body({"must": "m", "b": True, "any": {"x": 1}})
    assert SCHEMA.fit(whole, None)["spec"] is whole["spec"]


def test_parts_that_did_not_change_are_not_judged_again() -> None:
    old = body({"must": "m", "i": 99})
    assert SCHEMA.causes(old, None)
    assert SCHEMA.causes({**old, "status": {"n": 1}}, old) == []
    assert SCHEMA.causes(body({"must": "m", "i": 99, "f": 1}), old) == []


def test_a_list_with_keys_knows_its_entries_again() -> None:
    old = body({"must": "m", "m": [{"n": 1, "v": "bad"}, {"n": 2, "v": "x"}]})
    same = body({"must": "m", "m": [{"n": 2, "v": "y"}, {"n": 1, "v": "bad"}]})
    assert SCHEMA.causes(same, old) == []
    worse = body({"must": "m", "m": [{"n": 2, "v": "bad"}]})
    assert [cause.field for cause in SCHEMA.causes(worse, old)] == ["spec.m[0]"]


def changed(schema: Json) -> Json:
    crd = copy.deepcopy(CRD)
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = schema
    return crd


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "oneOf": [{"required": ["a"]}]},
        {"type": "object", "properties": {"a": {"type": "string", "format": "cidr"}}},
        {"type": "object", "x-kubernetes-embedded-resource": True},
        {"type": "object", "x-kubernetes-validations": [{"rule": "isQuantity(self.a)"}]},
        {"type": "object", "x-kubernetes-validations": [{"rule": "true", "messageExpression": "'a'"}]},
        {"type": "object", "x-kubernetes-validations": [{"rule": "has(self.__namespace__)"}]},
    ],
)
def test_a_schema_beyond_the_fake_says_so_when_it_is_loaded(schema: Json) -> None:
    with pytest.raises(Unmodelled):
        Schema(changed(schema))


def test_a_crd_beyond_the_fake_says_so_when_it_is_loaded() -> None:
    two = copy.deepcopy(CRD)
    two["spec"]["versions"] *= 2
    scaled = copy.deepcopy(CRD)
    scaled["spec"]["versions"][0]["subresources"]["scale"] = {}
    for crd in (two, scaled):
        with pytest.raises(Unmodelled):
            Resources([crd])
