"""Objects are created, changed and deleted by the same rules everywhere."""

from typing import Any

import pytest

from tests.contract.conftest import Api
from tests.contract.things import config_map, config_maps, thing, things

Json = dict[str, Any]


def create(api: Api, name: str, **spec: Any) -> Json:
    status, made = api.client.request("POST", things(api.namespace), thing(name, **spec))
    assert status == 201, made
    return made


def refused(answer: tuple[int, Json]) -> tuple[int, str]:
    """Status code and reason."""
    assert answer[1]["kind"] == "Status", answer
    assert answer[1]["code"] == answer[0]
    return answer[0], answer[1]["reason"]


def test_a_new_object_gets_what_only_the_server_can_give(api: Api) -> None:
    wished = thing("new")
    wished["metadata"] |= {"uid": "mine", "resourceVersion": "", "generation": 9, "labels": {"a": "b"}}
    status, made = api.client.request("POST", things(api.namespace), wished)
    assert status == 201
    meta = made["metadata"]
    assert (meta["name"], meta["namespace"], meta["labels"]) == ("new", api.namespace, {"a": "b"})
    assert meta["uid"] != "mine"
    assert meta["generation"] == 1
    assert meta["resourceVersion"].isdecimal()
    assert meta["creationTimestamp"].endswith("Z")
    got = api.client.request("GET", things(api.namespace, "new"))[1]
    assert (got["metadata"]["uid"], got["spec"]) == (meta["uid"], made["spec"])


def test_a_generated_name_begins_as_asked(api: Api) -> None:
    wished = thing("")
    wished["metadata"] = {"generateName": "some-"}
    made = api.client.request("POST", things(api.namespace), wished)[1]
    assert made["metadata"]["name"].startswith("some-")
    assert len(made["metadata"]["name"]) == len("some-") + 5


def test_a_name_is_taken_once(api: Api) -> None:
    create(api, "once")
    answer = api.client.request("POST", things(api.namespace), thing("once"))
    assert refused(answer) == (409, "AlreadyExists")
    assert answer[1]["message"] == 'things.test.wfexec.dev "once" already exists'


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("DELETE", None), ("PATCH", {}), ("PUT", thing("absent"))])
def test_what_is_not_there_is_not_found(api: Api, method: str, body: object) -> None:
    answer = api.client.request(method, things(api.namespace, "absent"), body)
    assert refused(answer) == (404, "NotFound")
    assert answer[1]["details"] == {"name": "absent", "group": "test.wfexec.dev", "kind": "things"}


def test_nothing_is_created_in_a_namespace_that_is_not_there(api: Api) -> None:
    answer = api.client.request("POST", things("no-such-namespace"), thing("a"))
    assert refused(answer) == (404, "NotFound")
    assert answer[1]["message"] == 'namespaces "no-such-namespace" not found'


def test_generation_counts_changes_of_the_wish_alone(api: Api) -> None:
    create(api, "counted")
    path = things(api.namespace, "counted")
    generations = [
        api.client.request("PATCH", path, change)[1]["metadata"]["generation"]
        for change in ({"spec": {"i": 3}}, {"metadata": {"labels": {"x": "y"}}}, {"spec": {"i": 3}}, {"spec": {"i": 4}})
    ]
    assert generations == [2, 2, 2, 3]
    reported = api.client.request("PATCH", f"{path}/status", {"status": {"phase": "on"}})[1]
    assert reported["metadata"]["generation"] == 3


def test_a_write_that_changes_nothing_makes_no_version(api: Api) -> None:
    made = create(api, "same", i=3)
    again = api.client.request("PATCH", things(api.namespace, "same"), {"spec": {"i": 3}})[1]
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_spec_and_status_are_written_apart(api: Api) -> None:
    wished = thing("apart")
    wished["status"] = {"phase": "dreamt"}
    assert "status" not in api.client.request("POST", things(api.namespace), wished)[1]
    path = things(api.namespace, "apart")
    both = {"spec": {"i": 5}, "status": {"phase": "on"}, "metadata": {"labels": {"a": "b"}, "finalizers": ["x.dev/a"]}}
    reported = api.client.request("PATCH", f"{path}/status", both)[1]
    assert (reported["status"], reported["spec"]) == ({"phase": "on"}, {"must": "m", "b": True})
    assert not {"labels", "finalizers"} & reported["metadata"].keys()
    wish = api.client.request("PATCH", path, {"spec": {"i": 5}, "status": {"phase": "off"}})[1]
    assert (wish["status"], wish["spec"]["i"]) == ({"phase": "on"}, 5)


def test_a_write_against_an_older_version_is_refused(api: Api) -> None:
    made = create(api, "fenced")
    path = things(api.namespace, "fenced")
    old = made["metadata"]["resourceVersion"]
    assert api.client.request("PATCH", path, {"spec": {"i": 2}})[0] == 200
    stale = {**made, "spec": {**made["spec"], "i": 9}}
    merge = {"metadata": {"resourceVersion": old}, "spec": {"i": 9}}
    fence = [{"op": "replace", "path": "/metadata/resourceVersion", "value": old}]
    answers = [
        api.client.request("PUT", path, stale),
        api.client.request("PATCH", path, merge),
        api.client.request("PATCH", path, fence, patch="json-patch+json"),
        api.client.request("PATCH", f"{path}/status", [*fence], patch="json-patch+json"),
    ]
    assert {refused(answer) for answer in answers} == {(409, "Conflict")}
    assert "the object has been modified" in answers[0][1]["message"]
    assert api.client.request("GET", path)[1]["spec"]["i"] == 2


def test_an_update_says_what_it_replaces(api: Api) -> None:
    create(api, "blind")
    answer = api.client.request("PUT", things(api.namespace, "blind"), thing("blind"))
    assert refused(answer) == (422, "Invalid")
    assert answer[1]["message"] == (
        'things.test.wfexec.dev "blind" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for'
        " an update"
    )
    assert api.client.request("POST", config_maps(api.namespace), config_map("blind", a="b"))[0] == 201
    status, made = api.client.request("PUT", config_maps(api.namespace, "blind"), config_map("blind", a="c"))
    assert (status, made["data"]) == (200, {"a": "c"})


def test_an_update_of_an_object_that_was_made_anew_is_refused(api: Api) -> None:
    made = create(api, "reborn")
    path = things(api.namespace, "reborn")
    assert api.client.request("DELETE", path)[0] == 200
    create(api, "reborn")
    assert refused(api.client.request("PUT", path, made)) == (409, "Conflict")
    fence = {"metadata": {"uid": made["metadata"]["uid"]}}
    assert refused(api.client.request("PATCH", path, fence)) == (422, "Invalid")


@pytest.mark.parametrize(
    ("operations", "status"),
    [
        ([{"op": "replace", "path": "/spec/l/5", "value": "x"}], 422),
        ([{"op": "remove", "path": "/spec/gone"}], 422),
        ([{"op": "add", "path": "/spec/gone/deep", "value": 1}], 422),
        ([{"op": "test", "path": "/spec/must", "value": "other"}], 422),
        ([{"op": "test", "path": "/spec/must", "value": "m"}], 200),
        ([{"op": "replace", "path": "/spec/i", "value": 3}], 200),
        ([{"op": "add", "path": "/spec/l/-", "value": "z"}, {"op": "add", "path": "/spec/l/0", "value": "a"}], 200),
        ([{"op": "move", "from": "/spec/l", "path": "/spec/any/list"}], 200),
        ([{"op": "copy", "from": "/spec/must", "path": "/spec/any/copy"}], 200),
        ([{"op": "remove", "path": "/spec/l/0"}, {"op": "add", "path": "/spec/l", "value": ["n"]}], 200),
        ([{"op": "add", "path": "/metadata/annotations", "value": {"a/b": "c"}}], 200),
        ([{"op": "add", "path": "/metadata/annotations/a~1b", "value": "c"}], 422),
    ],
)
def test_json_patches(api: Api, operations: list[Json], status: int) -> None:
    create(api, "patched", l=["k"], any={})
    path = things(api.namespace, "patched")
    answer = api.client.request("PATCH", path, operations, patch="json-patch+json")
    assert answer[0] == status, answer
    if status == 422:
        assert answer[1]["message"] == "the server rejected our request due to an error in our request"


def test_what_a_json_patch_changes(api: Api) -> None:
    create(api, "patched", l=["k", "l"], any={"x": {"y": 1}})
    operations = [
        {"op": "add", "path": "/spec/l/1", "value": "in"},
        {"op": "move", "from": "/spec/any/x", "path": "/spec/any/z"},
        {"op": "copy", "from": "/spec/any/z/y", "path": "/spec/any/w"},
        {"op": "replace", "path": "/spec/i", "value": 4},
    ]
    made = api.client.request("PATCH", things(api.namespace, "patched"), operations, patch="json-patch+json")[1]
    assert made["spec"] == {"must": "m", "b": True, "l": ["k", "in", "l"], "any": {"z": {"y": 1}, "w": 1}, "i": 4}


def test_a_merge_patch_merges_maps_and_removes_nulls(api: Api) -> None:
    create(api, "merged", i=3, l=["a"], any={"x": 1, "y": {"z": 1}})
    patch = {"spec": {"i": None, "l": ["b", "c"], "any": {"y": {"q": 2}}}, "metadata": {"annotations": {"k": "v"}}}
    made = api.client.request("PATCH", things(api.namespace, "merged"), patch)[1]
    assert made["spec"] == {"must": "m", "b": True, "l": ["b", "c"], "any": {"x": 1, "y": {"z": 1, "q": 2}}}
    assert made["metadata"]["annotations"] == {"k": "v"}


def test_a_strategic_patch_is_not_for_custom_kinds(api: Api) -> None:
    create(api, "plain")
    path = things(api.namespace, "plain")
    answer = api.client.request("PATCH", path, {"spec": {}}, patch="strategic-merge-patch+json")
    assert refused(answer) == (415, "UnsupportedMediaType")


def test_a_dry_run_changes_nothing(api: Api) -> None:
    path = things(api.namespace, "dry")
    status, made = api.client.request("POST", things(api.namespace), thing("dry"), query={"dryRun": "All"})
    assert (status, made["spec"]) == (201, {"must": "m", "b": True})
    assert api.client.request("GET", path)[0] == 404
    create(api, "dry")
    assert api.client.request("PATCH", path, {"spec": {"i": 3}}, query={"dryRun": "All"})[1]["spec"]["i"] == 3
    assert api.client.request("DELETE", path, query={"dryRun": "All"})[0] == 200
    assert "i" not in api.client.request("GET", path)[1]["spec"]


def test_a_deletion_means_one_object_alone(api: Api) -> None:
    made = create(api, "meant")
    path = things(api.namespace, "meant")
    other = {"preconditions": {"uid": "another"}}
    older = {"preconditions": {"uid": made["metadata"]["uid"], "resourceVersion": "1"}}
    answers = [api.client.request("DELETE", path, options) for options in (other, older)]
    assert [refused(answer) for answer in answers] == [(409, "Conflict")] * 2
    assert "The object might have been deleted and then recreated" in answers[0][1]["message"]
    assert "The object might have been modified" in answers[1][1]["message"]
    meta = made["metadata"]
    exact = {"preconditions": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}}
    status, done = api.client.request("DELETE", path, exact)
    assert (status, done["status"], done["details"]["uid"]) == (200, "Success", meta["uid"])
    assert api.client.request("GET", path)[0] == 404


def test_a_finalizer_holds_an_object_that_is_being_deleted(api: Api) -> None:
    wished = thing("held")
    wished["metadata"]["finalizers"] = ["x.dev/a", "x.dev/b"]
    assert api.client.request("POST", things(api.namespace), wished)[0] == 201
    path = things(api.namespace, "held")
    status, marked = api.client.request("DELETE", path)
    assert (status, marked["kind"], marked["metadata"]["generation"]) == (200, "Thing", 2)
    assert marked["metadata"]["deletionTimestamp"].endswith("Z")
    again = api.client.request("DELETE", path)[1]
    assert again["metadata"]["resourceVersion"] == marked["metadata"]["resourceVersion"]
    late = api.client.request("PATCH", path, {"metadata": {"finalizers": ["x.dev/a", "x.dev/c"]}})
    assert refused(late) == (422, "Invalid")
    assert 'found new finalizers []string{"x.dev/c"}' in late[1]["message"]
    assert api.client.request("PATCH", path, {"metadata": {"finalizers": ["x.dev/a"]}})[0] == 200
    assert api.client.request("PATCH", path, {"spec": {"i": 3}})[1]["metadata"]["generation"] == 3
    last = api.client.request("PATCH", path, {"metadata": {"finalizers": None}})
    assert (last[0], "finalizers" in last[1]["metadata"]) == (200, False)
    assert api.client.request("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Upper"}, "metadata.name"),
        ({"name": "-dash"}, "metadata.name"),
        ({"name": "a" * 254}, "metadata.name"),
        ({"name": ""}, "metadata.name"),
        ({"labels": {"a b": "c"}}, "metadata.labels"),
        ({"labels": {"a": "c d"}}, "metadata.labels"),
        ({"annotations": {"/": "c"}}, "metadata.annotations"),
        (
            {"ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "a", "uid": ""}]},
            "metadata.ownerReferences.uid",
        ),
    ],
)
def test_metadata_that_no_object_may_have(api: Api, change: Json, field: str) -> None:
    wished = thing("named")
    wished["metadata"] |= change
    answer = api.client.request("POST", things(api.namespace), wished)
    assert refused(answer) == (422, "Invalid")
    assert field in {cause["field"] for cause in answer[1]["details"]["causes"]}


@pytest.mark.parametrize(
    "body",
    [
        {**thing("a"), "metadata": {"name": "a", "namespace": "elsewhere"}},
        {"metadata": {"name": "a"}, "spec": {"must": "m"}},
        {**thing("a"), "apiVersion": "test.wfexec.dev/v9"},
    ],
)
def test_a_body_that_does_not_belong_to_its_path(api: Api, body: Json) -> None:
    assert refused(api.client.request("POST", things(api.namespace), body)) == (400, "BadRequest")


def test_an_owner_that_goes_takes_what_it_owns_with_it(api: Api) -> None:
    client = api.client
    owner = client.request("POST", config_maps(api.namespace), config_map("owner"))[1]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    owned = config_map("owned")
    owned["metadata"]["ownerReferences"] = [reference]
    child = client.request("POST", config_maps(api.namespace), owned)[1]
    watch = client.watch(config_maps(api.namespace), {"resourceVersion": child["metadata"]["resourceVersion"]})
    assert client.request("DELETE", config_maps(api.namespace, "owner"))[0] == 200
    client.settle()
    seen = [(event["type"], event["object"]["metadata"]["name"]) for event in watch.take(2)]
    watch.close()
    assert seen == [("DELETED", "owner"), ("DELETED", "owned")]


def test_a_namespace_goes_with_everything_in_it(api: Api) -> None:
    client = api.client
    made = client.request("POST", config_maps(api.namespace), config_map("inside"))[1]
    watch = client.watch(config_maps(api.namespace), {"resourceVersion": made["metadata"]["resourceVersion"]})
    status, ending = client.request("DELETE", f"/api/v1/namespaces/{api.namespace}")
    assert (status, ending["status"]["phase"]) == (200, "Terminating")
    late = client.request("POST", config_maps(api.namespace), config_map("late"))
    if late[0] != 404:
        assert refused(late) == (403, "Forbidden")
        assert "because it is being terminated" in late[1]["message"]
    client.settle()
    (gone,) = watch.take(1)
    watch.close()
    assert (gone["type"], gone["object"]["metadata"]["name"]) == ("DELETED", "inside")
