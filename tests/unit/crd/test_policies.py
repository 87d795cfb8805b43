"""The registry of conditions: one entry per key, and what is wrong costs its own entry alone (BR-WF-053)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfexec.crd.policies import ENTRIES_MAX, parse_policies
from wfexec.model.bearings import ConditionSet
from wfexec.model.workflow import StepCondition

GOOD = "version: v2\npre:\n- {type: exists, expr: input.deployment_found}\npost: []\n"


def test_an_entry_has_its_own_version_or_that_of_the_config_map() -> None:
    made = parse_policies({"scale-deployment": GOOD, "restart-pod": '{"post":[{"type":"t","expr":"true"}]}'}, "v1")
    assert made.version == "v1"
    assert made.actions == {
        "restart-pod": ConditionSet("v1", (), (StepCondition(type="t", expr="true"),)),
        "scale-deployment": ConditionSet("v2", (StepCondition(type="exists", expr="input.deployment_found"),), ()),
    }
    assert made.problems == ()


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "pre: []"])
def test_an_empty_entry_means_no_conditions(text: str) -> None:
    assert parse_policies({"scale-deployment": text}, "7").actions == {"scale-deployment": ConditionSet("7", (), ())}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not YAML"),
        ("pre: [{type: x}]", "line 1 pre[0].expr: is required"),
        ("pre: [{type: x, expr: y, timeout: soon}]", "'soon' is not a duration"),
        ("conditions: []", "unknown field"),
        ("- 1", "must be an object"),
        ("{}\n---\n{}", "2 documents; write one"),
        ("a: &a [*a]", "anchor"),
        ("pre: [{type: x, expr: a}, {type: x, expr: b}]", "the type 'x' stands there twice"),
        ("x" * 200_000, "longer than 128 KiB"),
        ("[" * 10_000, "nested deeper than 64 levels"),
        ("pre: !!python/object/apply:os.system ['true']", "tag"),
    ],
)
def test_what_is_wrong_is_named_and_costs_its_own_entry_alone(text: str, problem: str) -> None:
    made = parse_policies({"broken": text, "scale-deployment": GOOD}, "1")
    assert list(made.actions) == ["scale-deployment"]
    (told,) = made.problems
    assert told.startswith("broken: ")
    assert problem in told


def test_more_entries_than_there_can_be_actions_are_not_read() -> None:
    made = parse_policies({f"action-{number:04}": "{}" for number in range(ENTRIES_MAX + 5)}, "1")
    assert len(made.actions) == ENTRIES_MAX
    assert made.problems == (f"only the first {ENTRIES_MAX} of {ENTRIES_MAX + 5} entries are read; "
                             "remove what is no action",)  # fmt: skip


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=80), max_size=5), st.text(max_size=100))
def test_nothing_that_stands_in_it_can_hurt(data: dict[str, str], version: str) -> None:
    made = parse_policies(data, version)
    assert len(made.actions) + len(made.problems) == len(data)
