"""Lists are of one version; a watch goes on from it, tells every change once and in order."""

from typing import Any

import pytest

from tests.contract.conftest import Api
from tests.contract.things import config_map, config_maps, thing, things

Json = dict[str, Any]


def fill(api: Api, *names: str, **spec: Any) -> str:
    """Create things; the version of the last one."""
    version = ""
    for name in names:
        status, made = api.client.request("POST", things(api.namespace), thing(name, **spec))
        assert status == 201, made
        version = made["metadata"]["resourceVersion"]
    return version


def told(events: list[Json]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


def names(listed: Json) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


def test_a_list_is_in_order_of_names_and_says_its_version(api: Api) -> None:
    version = fill(api, "b", "a", "c")
    status, listed = api.client.request("GET", things(api.namespace))
    assert (status, names(listed), listed["kind"]) == (200, ["a", "b", "c"], "ThingList")
    assert int(listed["metadata"]["resourceVersion"]) >= int(version)


def test_pages_show_one_version_while_the_world_goes_on(api: Api) -> None:
    fill(api, "a", "b", "c", "d")
    path = things(api.namespace)
    first = api.client.request("GET", path, query={"limit": "2"})[1]
    assert (names(first), first["metadata"]["remainingItemCount"]) == (["a", "b"], 2)
    assert api.client.request("DELETE", things(api.namespace, "c"))[0] == 200
    fill(api, "e")
    second = api.client.request("GET", path, query={"limit": "2", "continue": first["metadata"]["continue"]})[1]
    assert names(second) == ["c", "d"]
    assert not second["metadata"].get("continue")
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_a_list_of_an_exact_version_shows_the_past(api: Api) -> None:
    version = fill(api, "a", "b")
    assert api.client.request("DELETE", things(api.namespace, "a"))[0] == 200
    query = {"resourceVersion": version, "resourceVersionMatch": "Exact"}
    assert names(api.client.request("GET", things(api.namespace), query=query)[1]) == ["a", "b"]


def test_a_list_of_the_future_is_refused(api: Api) -> None:
    status, answer = api.client.request("GET", things(api.namespace), query={"resourceVersion": "999999999"})
    assert (status, answer["reason"]) == (504, "Timeout")
    assert answer["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ({"labelSelector": "app=web"}, ["a", "b"]),
        ({"labelSelector": "app=web,tier!=back"}, ["a"]),
        ({"labelSelector": "app in (web, db),tier"}, ["b", "c"]),
        ({"labelSelector": "app notin (web)"}, ["c", "d"]),
        ({"labelSelector": "!app"}, ["d"]),
        ({"labelSelector": "app==db"}, ["c"]),
        ({"fieldSelector": "metadata.name=a"}, ["a"]),
        ({"fieldSelector": "metadata.name!=a,spec.must=m"}, ["b", "c"]),
        ({"fieldSelector": "spec.must=other"}, ["d"]),
    ],
)
def test_selectors_choose(api: Api, query: dict[str, str], chosen: list[str]) -> None:
    labels: dict[str, Json] = {
        "a": {"app": "web"},
        "b": {"app": "web", "tier": "back"},
        "c": {"app": "db", "tier": "back"},
        "d": {},
    }
    for name, given in labels.items():
        wished = thing(name, must="other" if name == "d" else "m")
        wished["metadata"]["labels"] = given
        assert api.client.request("POST", things(api.namespace), wished)[0] == 201
    assert names(api.client.request("GET", things(api.namespace), query=query)[1]) == chosen


@pytest.mark.parametrize(
    "query", [{"fieldSelector": "spec.i=3"}, {"labelSelector": "a in b"}, {"continue": "nonsense", "limit": "1"}]
)
def test_a_question_the_server_cannot_answer(api: Api, query: dict[str, str]) -> None:
    status, answer = api.client.request("GET", things(api.namespace), query=query)
    assert (status, answer["reason"]) == (400, "BadRequest")


def test_a_watch_tells_what_happened_since_its_version_and_then_what_happens(api: Api) -> None:
    version = fill(api, "a")
    path = things(api.namespace, "a")
    assert api.client.request("PATCH", path, {"spec": {"i": 2}})[0] == 200
    assert api.client.request("PATCH", path, {"spec": {"i": 2}})[0] == 200
    watch = api.client.watch(things(api.namespace), {"resourceVersion": version})
    fill(api, "b")
    assert api.client.request("PATCH", f"{path}/status", {"status": {"phase": "on"}})[0] == 200
    gone = api.client.request("GET", path)[1]
    assert api.client.request("DELETE", path)[0] == 200
    events = watch.take(4)
    watch.close()
    assert told(events) == [("MODIFIED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "a")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))
    assert versions[-1] > int(gone["metadata"]["resourceVersion"])
    assert events[-1]["object"]["status"] == {"phase": "on"}


def test_a_watch_without_a_version_begins_with_what_there_is(api: Api) -> None:
    fill(api, "a", "b")
    watch = api.client.watch(things(api.namespace), {})
    begun = watch.take(2)
    fill(api, "c")
    later = watch.take(1)
    watch.close()
    assert sorted(told(begun)) == [("ADDED", "a"), ("ADDED", "b")]
    assert told(later) == [("ADDED", "c")]


def test_a_watch_with_a_selector_sees_objects_come_and_go(api: Api) -> None:
    version = fill(api, "a")
    watch = api.client.watch(things(api.namespace), {"resourceVersion": version, "labelSelector": "seen=yes"})
    path = things(api.namespace, "a")
    changes: tuple[Json, ...] = (
        {"metadata": {"labels": {"seen": "yes"}}},
        {"spec": {"i": 2}},
        {"metadata": {"labels": {"seen": "no"}}, "spec": {"i": 3}},
        {"spec": {"i": 4}},
    )
    written = [api.client.request("PATCH", path, change)[1] for change in changes]
    fill(api, "b")
    assert api.client.request("PATCH", path, {"metadata": {"labels": {"seen": "yes"}}})[0] == 200
    events = watch.take(4)
    watch.close()
    assert told(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "a")]
    left = events[2]["object"]
    assert left["metadata"]["resourceVersion"] == written[2]["metadata"]["resourceVersion"]
    assert (left["spec"]["i"], left["metadata"]["labels"]) == (2, {"seen": "yes"})


def test_what_an_object_held_by_a_finalizer_looks_like_at_its_end(api: Api) -> None:
    wished = thing("held")
    wished["metadata"]["finalizers"] = ["x.dev/a"]
    version = api.client.request("POST", things(api.namespace), wished)[1]["metadata"]["resourceVersion"]
    watch = api.client.watch(things(api.namespace), {"resourceVersion": version})
    path = things(api.namespace, "held")
    assert api.client.request("DELETE", path)[0] == 200
    assert api.client.request("PATCH", path, {"metadata": {"finalizers": None}})[0] == 200
    marked, gone = watch.take(2)
    watch.close()
    assert (marked["type"], gone["type"]) == ("MODIFIED", "DELETED")
    assert marked["object"]["metadata"]["finalizers"] == ["x.dev/a"]
    assert gone["object"]["metadata"]["finalizers"] == ["x.dev/a"]
    assert int(gone["object"]["metadata"]["resourceVersion"]) > int(marked["object"]["metadata"]["resourceVersion"])


def test_a_watch_is_of_one_namespace_or_of_all(api: Api) -> None:
    other = f"{api.namespace}-other"
    assert api.client.request("POST", "/api/v1/namespaces", {"metadata": {"name": other}})[0] == 201
    version = fill(api, "a")
    here = api.client.watch(things(api.namespace), {"resourceVersion": version})
    everywhere = api.client.watch("/apis/test.wfexec.dev/v1/things", {"resourceVersion": version})
    assert api.client.request("POST", things(other), thing("there"))[0] == 201
    fill(api, "b")
    assert told(here.take(1)) == [("ADDED", "b")]
    assert told(everywhere.take(2)) == [("ADDED", "there"), ("ADDED", "b")]
    here.close()
    everywhere.close()


def test_entries_of_built_in_lists_do_not_say_their_kind(api: Api) -> None:
    assert api.client.request("POST", config_maps(api.namespace), config_map("a", k="v"))[0] == 201
    listed = api.client.request("GET", config_maps(api.namespace))[1]
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert [item.get("kind") for item in listed["items"] if item["metadata"]["name"] == "a"] == [None]
