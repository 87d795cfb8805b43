"""Do patches do what Kubernetes does with them, and does the undoing patch undo exactly?"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.executor.merge import PatchError, difference, json_patch, merge, strategic, undoing

LEAVES = st.one_of(st.integers(-2, 2), st.booleans(), st.sampled_from(["", "a", "b"]))
NAMED = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abc")}, optional={"image": LEAVES, "x": LEAVES}),
    max_size=3,
    unique_by=lambda entry: entry["name"],
)
VALUES = st.recursive(LEAVES, lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3), max_leaves=6)
OBJECTS = st.fixed_dictionaries(
    {}, optional={"spec": VALUES, "containers": NAMED, "list": st.lists(LEAVES, max_size=3), "data": VALUES}
)


@given(OBJECTS, OBJECTS)
def test_the_difference_leads_from_one_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert merge(before, difference(before, after)) == after


@given(OBJECTS, OBJECTS)
def test_the_undoing_patch_restores_every_byte(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert strategic(after, undoing(before, after)) == before


@given(OBJECTS, OBJECTS)
def test_patching_changes_nothing_it_was_given(before: dict[str, Any], after: dict[str, Any]) -> None:
    shown = repr(before), repr(after)
    merge(before, after)
    strategic(before, after)
    undoing(before, after)
    assert (repr(before), repr(after)) == shown


def test_undoing_leaves_alone_what_another_step_changed() -> None:
    before = {"containers": [{"name": "a", "image": "1"}], "replicas": 3}
    after = {"containers": [{"name": "a", "image": "2"}], "replicas": 3}
    later = {"containers": [{"name": "a", "image": "2", "cpu": "1"}], "replicas": 9}
    expected = {"containers": [{"name": "a", "image": "1", "cpu": "1"}], "replicas": 9}
    assert strategic(later, undoing(before, after)) == expected


def test_a_merge_patch_is_that_of_the_standard() -> None:
    assert merge({"a": {"b": 1, "c": 2}, "l": [1, 2]}, {"a": {"b": None, "d": 3}, "l": [9]}) == {
        "a": {"c": 2, "d": 3},
        "l": [9],
    }


def test_strategic_knows_which_lists_have_names() -> None:
    target = {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}], "args": ["x"]}
    patch = {"containers": [{"name": "b", "image": "2"}, {"name": "a", "$patch": "delete"}], "args": ["y"]}
    assert strategic(target, patch) == {"containers": [{"name": "b", "image": "2"}], "args": ["y"]}


def test_a_json_patch_is_that_of_the_standard() -> None:
    document = {"a": [1, 2], "b": {"c/d": 1}}
    operations = [
        {"op": "test", "path": "/a/0", "value": 1},
        {"op": "add", "path": "/a/-", "value": 3},
        {"op": "add", "path": "/a/0", "value": 0},
        {"op": "remove", "path": "/a/1"},
        {"op": "replace", "path": "/b/c~1d", "value": 2},
        {"op": "add", "path": "/e", "value": {}},
    ]
    assert json_patch(document, operations) == {"a": [0, 2, 3], "b": {"c/d": 2}, "e": {}}
    assert document == {"a": [1, 2], "b": {"c/d": 1}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/none", "value": 1},
        {"op": "remove", "path": "/a/9"},
        {"op": "test", "path": "/a/0", "value": 9},
        {"op": "move", "path": "/a", "from": "/b"},
        {"op": "add"},
        "add",
        {"op": "add", "path": "/a/x/y", "value": 1},
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused(operation: Any) -> None:
    with pytest.raises(PatchError):
        json_patch({"a": [1, 2]}, [operation])
