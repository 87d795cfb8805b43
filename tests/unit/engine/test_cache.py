"""The caches: never older over newer, also across deletion; families by owner."""

from tests.unit.engine.support import child, child_key, workflow, workflow_key
from wfexec.engine import cache as cache_module
from wfexec.engine.cache import STALE, Family, ObjectCache, controller_uid
from wfexec.engine.expectations import Expectations
from wfexec.model.meta import OwnerReference


def holding(version: int = 5, uid: str = "") -> ObjectCache:
    made = ObjectCache()
    assert made.put(child(version=version, uid=uid), version) is None
    return made


def held(made: ObjectCache) -> str:
    stored = made.get("prod", "wf-step-1")
    return "" if stored is None else f"{stored.metadata.uid}@{stored.metadata.resource_version}"


def test_a_newer_version_replaces_and_hands_back_the_older() -> None:
    made = holding(5)
    previous = made.put(child(version=6), 6)
    assert previous is not None
    assert previous is not STALE
    assert previous.metadata.resource_version == "5"
    assert held(made) == "uid-wf-step-1@6"


def test_an_older_and_the_same_version_change_nothing() -> None:
    made = holding(5)
    assert made.put(child(version=4), 4) is STALE
    assert made.put(child(version=5, phase="completed"), 5) is STALE
    assert held(made) == "uid-wf-step-1@5"
    stored = made.get("prod", "wf-step-1")
    assert stored is not None


def test_the_same_version_comes_in_again_where_somebody_who_read_it_is_believed() -> None:
    made = holding(5)
    for version in (4, 6):
        made.believe(child(version=version, phase="completed"), version)
        assert made.put(child(version=5, phase="completed"), 5) is STALE
    made.believe(child(version=5), 5)
    assert made.put(child(version=5), 5) is STALE
    read = child(version=5, phase="completed")
    made.believe(read, 5)
    assert made.put(read, 5) is not STALE
    assert made.get("prod", "wf-step-1") is read


def test_versions_are_compared_as_numbers() -> None:
    made = holding(9)
    assert made.put(child(version=10), 10) is not STALE
    assert held(made) == "uid-wf-step-1@10"


def test_a_late_word_does_not_bring_the_dead_back() -> None:
    made = holding(5)
    made.remove("prod", "wf-step-1", 8)
    assert made.put(child(version=7), 7) is STALE
    assert made.put(child(version=8), 8) is STALE
    assert held(made) == ""


def test_a_recreated_object_comes_in_although_its_name_has_died() -> None:
    made = holding(5)
    made.remove("prod", "wf-step-1", 8)
    assert made.put(child(version=9, uid="second"), 9) is None
    assert held(made) == "second@9"
    assert made.put(child(version=7), 7) is STALE


def test_deletion_of_the_former_object_does_not_touch_its_successor() -> None:
    made = holding(9, uid="second")
    assert made.remove("prod", "wf-step-1", 8) is STALE
    assert held(made) == "second@9"


def test_deletion_at_the_very_version_we_hold_counts() -> None:
    """The reply that removed the last finalizer carries the version of the deletion."""
    made = holding(5)
    assert made.remove("prod", "wf-step-1", 5) is not STALE
    assert held(made) == ""


def test_deletion_of_something_never_seen_keeps_it_out() -> None:
    made = ObjectCache()
    assert made.remove("prod", "wf-step-1", 8) is None
    assert made.put(child(version=7), 7) is STALE


def test_a_listing_proves_deletions_but_not_of_what_is_newer_than_itself() -> None:
    made = holding(5)
    made.put(child("created-after", 12), 12)
    made.put(child("still-there", 6), 6)
    removed = made.absent({("prod", "still-there")}, 10)
    assert [stored.metadata.name for stored in removed] == ["wf-step-1"]
    assert sorted(stored.metadata.name for stored in made) == ["created-after", "still-there"]
    assert made.put(child(version=9), 9) is STALE


def test_tombstones_are_bounded() -> None:
    made = ObjectCache()
    for number in range(cache_module.TOMBSTONES_MAX + 10):
        made.remove("prod", f"c{number}", number + 1)
    assert repr(made) == f"<ObjectCache 0 objects, {cache_module.TOMBSTONES_MAX} tombstones>"


def test_a_family_handed_out_is_never_changed_again() -> None:
    family = Family()
    family.put("a", child("a"))
    first = family.view()
    family.put("b", child("b"))
    second = family.view()
    family.drop("a", "uid-a")
    assert sorted(first) == ["a"]
    assert sorted(second) == ["a", "b"]
    assert sorted(family.view()) == ["b"]


def test_a_family_nobody_looked_at_is_changed_in_place() -> None:
    family = Family()
    family.put("a", child("a"))
    before = family.children
    family.put("b", child("b"))
    assert family.children is before


def test_gone_children_are_remembered_with_their_uid_until_the_name_lives_again() -> None:
    family = Family()
    family.kept = True
    family.put("a", child("a"))
    family.drop("a", "uid-a")
    gone = family.gone
    assert gone == {"a": "uid-a"}
    family.put("a", child("a", uid="second"))
    assert family.gone == {}
    assert gone == {"a": "uid-a"}


def test_a_family_without_its_workflow_remembers_no_deletion() -> None:
    family = Family()
    family.put("a", child("a"))
    family.drop("a", "uid-a")
    assert family.gone == {}


def test_dropping_the_former_child_leaves_its_successor() -> None:
    family = Family()
    family.kept = True
    family.put("a", child("a", uid="second"))
    family.drop("a", "first")
    assert sorted(family.children) == ["a"]
    assert family.gone == {}


def test_only_the_controlling_owner_counts() -> None:
    other = OwnerReference(api_version="v1", kind="Other", name="x", uid="other")
    assert controller_uid(child(owner="mine").metadata) == "mine"
    assert controller_uid(workflow(owner_references=(other,)).metadata) == ""


def test_a_doubt_stays_until_that_very_key_was_read() -> None:
    expectations = Expectations()
    assert not expectations
    expectations.doubt(child_key())
    expectations.doubt(workflow_key())
    expectations.doubt(child_key())
    assert expectations.unmet() == (child_key(), workflow_key())
    expectations.settle(workflow_key())
    assert repr(expectations) == "<Expectations KubernetesExecution/wf-step-1>"
    expectations.settle(child_key())
    assert not expectations
    assert repr(expectations) == "<Expectations met>"
