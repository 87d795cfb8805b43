"""One counter, one history: what watches and readers of the past are told."""

from sim.cluster.store import Store, Stored
from wfexec.model.requests import Change

Told = list[tuple[Change, object, str]]


def put(store: Store, name: str, body: str = "", *, uid: str = "", owners: tuple[str, ...] = ()) -> Stored:
    version = store.version + 1
    stored = Stored("things", "ns", name, uid or name, version, body or f"{name}@{version}", owners)
    store.put(stored)
    return stored


def remove(store: Store, stored: Stored) -> None:
    store.remove(stored._replace(version=store.version + 1))


def test_every_change_has_the_next_number() -> None:
    store = Store()
    first = put(store, "a")
    put(store, "b")
    remove(store, first)
    assert store.version == 3
    assert [stored.name for stored in store.all("things")] == ["b"]
    assert store.get("things", "ns", "a") is None


def test_the_past_can_be_read_as_far_as_it_is_kept() -> None:
    store = Store(history=3)
    first = put(store, "a")
    put(store, "a", "changed")
    put(store, "b")
    remove(store, first)
    then = store.at_version("things", 2)
    assert then is not None
    assert [stored.body for stored in then] == ["changed"]
    assert store.at_version("things", 0) is None
    assert store.at_version("things", 99) is None


def test_a_watch_is_told_the_past_then_the_present_until_it_stops() -> None:
    store, told = Store(), Told()
    first = put(store, "a")
    put(store, "a", "changed")
    watch = store.watch("things", first.version, lambda *event: told.append(event))
    assert watch is not None
    put(store, "b")
    watch.stop()
    watch.stop()
    put(store, "c")
    assert told == [(Change.MODIFIED, "changed", "2"), (Change.ADDED, "b@3", "3")]


def test_a_watch_stopped_by_another_s_sink_is_told_no_more_than_the_write_in_progress() -> None:
    store, told = Store(), Told()
    second: list[object] = []
    first = store.watch("things", 0, lambda *event: second[0].stop())  # type: ignore[attr-defined] # a watch, made below
    other = store.watch("things", 0, lambda *event: told.append(event))
    assert first is not None
    second.append(other)
    put(store, "a")
    put(store, "b")
    assert [body for _, body, _ in told] == ["a@1"]


def test_what_lost_its_owner_is_known() -> None:
    store = Store()
    owner = put(store, "owner")
    put(store, "child", owners=("owner",))
    put(store, "orphan", owners=("never-lived",))
    assert [name for _, (_, name) in store.dangling] == ["orphan"]
    remove(store, owner)
    assert [name for _, (_, name) in store.dangling] == ["orphan", "child"]


def test_an_object_that_changes_owners_is_no_longer_the_old_one_s() -> None:
    store = Store()
    old = put(store, "old")
    put(store, "new")
    put(store, "child", owners=("old",))
    put(store, "child", owners=("new",))
    remove(store, old)
    assert not store.dangling


def test_what_is_dropped_leaves_no_trace() -> None:
    store, told = Store(), Told()
    store.watch("things", 0, lambda *event: told.append(event))
    put(store, "a")
    store.drop("things", ("ns", "a"))
    store.drop("things", ("ns", "never-there"))
    assert store.get("things", "ns", "a") is None
    assert len(told) == 1
    assert not store.lives("a")
