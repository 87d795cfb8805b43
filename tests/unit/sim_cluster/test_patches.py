"""JSON patches, against an implementation that others wrote."""

import copy
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.patches import NoSuchPath, json_patch

Json = dict[str, Any]
KEYS = st.sampled_from(["a", "b", "c~d", "e/f", "0", "1", "-"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("xy", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)


@st.composite
def paths(draw: st.DrawFn) -> str:
    parts = draw(st.lists(KEYS, min_size=1, max_size=3))
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in parts)


OPERATIONS = st.one_of(
    st.fixed_dictionaries({"op": st.sampled_from(["add", "replace", "test"]), "path": paths(), "value": VALUES}),
    st.fixed_dictionaries({"op": st.just("remove"), "path": paths()}),
    st.fixed_dictionaries({"op": st.sampled_from(["copy"]), "path": paths(), "from": paths()}),
)


@given(DOCUMENTS, OPERATIONS)
def test_it_does_what_the_standard_says_and_changes_nothing_it_was_given(document: Json, operation: Json) -> None:
    before = copy.deepcopy(document)
    try:
        expected = jsonpatch.apply_patch(document, [operation])
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException):
        expected = None
    try:
        found = json_patch(document, [operation])
    except NoSuchPath:
        found = None
    assert document == before
    if expected is not None:
        assert found == expected
    elif operation["op"] not in ("replace", "test"):
        assert found is None


def test_where_the_server_differs_from_the_standard() -> None:
    assert json_patch({"a": {}}, [{"op": "replace", "path": "/a/new", "value": 1}]) == {"a": {"new": 1}}
    assert json_patch({}, [{"op": "test", "path": "/absent", "value": None}]) == {}


def test_untouched_parts_are_the_same_objects() -> None:
    document: Json = {"spec": {"big": []}, "status": {"steps": [{"n": 1}, {"n": 2}]}}
    patched = json_patch(document, [{"op": "replace", "path": "/status/steps/1/n", "value": 3}])
    assert patched["spec"] is document["spec"]
    assert patched["status"]["steps"][0] is document["status"]["steps"][0]


@pytest.mark.parametrize("operation", [{"op": "jump", "path": "/a"}, {"op": "add", "value": 1}, {"path": "/a"}])
def test_an_operation_nobody_knows(operation: Json) -> None:
    with pytest.raises(NoSuchPath):
        json_patch({"a": 1}, [operation])
