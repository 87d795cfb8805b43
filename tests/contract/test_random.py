"""Two hundred random operations on the fake and on a real API server at once: every answer and every event agrees.

Each seed is a different story; the same seed tells the same one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from sim.rng import Stream, Streams
from tests.contract.clients import Client, InProcess
from tests.contract.conftest import fake_cluster
from tests.contract.masks import masked
from tests.contract.things import config_map, config_maps, thing, things

Json = dict[str, Any]
OPERATIONS = 200
NAMES = ("ann", "bob", "cyd")
MERGES: tuple[Json, ...] = (
    {"spec": {"i": 3}},
    {"spec": {"i": 7}},
    {"spec": {"i": 0, "e": "q"}},
    {"spec": {"i": None, "unknown": 1}},
    {"spec": {"must": "changed"}},
    {"spec": {"m": [{"n": 1}, {"n": 2, "v": "x"}]}},
    {"spec": {"m": [{"n": 1}, {"n": 1}]}},
    {"spec": {"any": {"deep": {"er": [1, 2.5, None]}}}, "status": {"phase": "ignored"}},
    {"metadata": {"labels": {"tier": "back"}}},
    {"metadata": {"labels": {"tier": None}, "annotations": {"a/b": "c"}}},
    {"metadata": {"finalizers": ["x.dev/hold"]}},
    {"metadata": {"finalizers": None}},
    {"metadata": {"finalizers": ["x.dev/other"]}},
    {"metadata": {"uid": "00000000-0000-0000-0000-000000000000"}},
    {"metadata": {"generation": 40, "creationTimestamp": "2020-01-01T00:00:00Z"}},
)
STATUSES: tuple[Json, ...] = (
    {"status": {"phase": "on"}, "spec": {"i": 5}},
    {"status": {"steps": [{"n": 1}, {"n": 2}]}, "metadata": {"labels": {"no": "way"}}},
    {"status": {"steps": None, "n": 4}},
    {"status": {"n": "four"}},
    {"status": {"phase": "on", "strange": True}},
)
OPERATIONS_6902: tuple[list[Json], ...] = (
    [{"op": "replace", "path": "/spec/i", "value": 5}],
    [{"op": "add", "path": "/spec/l", "value": ["a"]}, {"op": "add", "path": "/spec/l/-", "value": "b"}],
    [{"op": "remove", "path": "/spec/l/0"}],
    [{"op": "replace", "path": "/spec/m/1/v", "value": "bad"}],
    [{"op": "replace", "path": "/spec/m/1/v", "value": "good"}],
    [{"op": "test", "path": "/spec/i", "value": 3}, {"op": "remove", "path": "/spec/i"}],
    [{"op": "copy", "from": "/spec/must", "path": "/spec/any"}],
    [{"op": "move", "from": "/spec/l", "path": "/spec/any/l"}],
)
NEW: tuple[Json, ...] = ({}, {"i": 3}, {"e": "z"}, {"m": [{"n": 3}]}, {"l": ["x", "y"], "o": {}}, {"s": "UPPER"})
LISTS: tuple[dict[str, str], ...] = (
    {},
    {"limit": "1"},
    {"labelSelector": "tier=back"},
    {"fieldSelector": "metadata.name=ann"},
)


class Story:
    """One server's side of the story: what it answered last and before that, per object."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.seen: dict[str, list[Json]] = {}
        assert client.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})[0] == 201
        version = client.request("GET", things(namespace))[1]["metadata"]["resourceVersion"]
        self.watch = client.watch(things(namespace), {"resourceVersion": version})

    def tell(self, operation: "Operation") -> tuple[int, Any]:
        status, body = operation.act(self)
        if status < 300 and body.get("kind") == "Thing" and body["metadata"].get("resourceVersion"):
            self.seen.setdefault(body["metadata"]["name"], []).append(body)
        return status, masked(body)

    def known(self, name: str, age: int) -> Json | None:
        """The object as it was answered `age` answers ago."""
        versions = self.seen.get(name, [])
        return versions[-1 - age] if age < len(versions) else None

    def events(self) -> list[tuple[str, Any]]:
        """Everything the watch told, up to an object made for its end."""
        assert self.client.request("POST", things(self.namespace), thing("zz-end"))[0] == 201
        told: list[tuple[str, Any]] = []
        while True:
            (event,) = self.watch.take(1)
            if event["object"]["metadata"]["name"] == "zz-end":
                self.watch.close()
                return told
            told.append((event["type"], masked(event["object"])))


class Operation(NamedTuple):
    what: str
    act: Callable[[Story], tuple[int, Json]]


def operation(luck: Stream) -> Operation:
    """The next thing that somebody does."""
    name, age = luck.choice(NAMES), luck.weighted((0, 1, 3), (4.0, 1.0, 1.0))
    kind = luck.weighted(
        ("create", "merge", "status", "patch", "put", "delete", "exact", "list", "dry", "map"),
        (5.0, 8.0, 4.0, 5.0, 3.0, 1.5, 1.5, 1.5, 1.0, 2.0),
    )
    what = f"{kind} {name} age {age}"
    match kind:
        case "create":
            spec = luck.choice(NEW)
            return Operation(f"{what} {spec}", lambda story: _post(story, thing(name, **spec)))
        case "dry":
            query = {"dryRun": "All"}
            return Operation(what, lambda story: _post(story, thing(name), query))
        case "merge":
            merge = luck.choice(MERGES)
            return Operation(f"{what} {merge}", lambda story: _patch(story, name, merge))
        case "status":
            report = luck.choice(STATUSES)
            return Operation(f"{what} {report}", lambda story: _patch(story, f"{name}/status", report))
        case "patch":
            operations = luck.choice(OPERATIONS_6902)
            fenced = luck.chance(0.4)
            return Operation(
                f"{what} {operations} {fenced}", lambda story: _json_patch(story, name, operations, age, fenced)
            )
        case "put":
            value = 1 + luck.below(10)
            return Operation(f"{what} {value}", lambda story: _put(story, name, value, age))
        case "delete":
            return Operation(what, lambda story: story.client.request("DELETE", things(story.namespace, name)))
        case "exact":
            return Operation(what, lambda story: _delete_exactly(story, name, age))
        case "list":
            query = luck.choice(LISTS)
            return Operation(f"{what} {query}", lambda story: _list(story, query))
    word = luck.choice(("x", "y"))
    return Operation(f"{what} {word}", lambda story: _config_map(story, name, word))


def _post(story: Story, body: Json, query: dict[str, str] | None = None) -> tuple[int, Json]:
    return story.client.request("POST", things(story.namespace), body, query=query)


def _patch(story: Story, name: str, patch: Json) -> tuple[int, Json]:
    return story.client.request("PATCH", things(story.namespace, name), patch)


def _json_patch(story: Story, name: str, operations: list[Json], age: int, fenced: bool) -> tuple[int, Json]:
    known = story.known(name, age)
    whole = list(operations)
    if fenced and known is not None:
        version = known["metadata"]["resourceVersion"]
        whole.insert(0, {"op": "replace", "path": "/metadata/resourceVersion", "value": version})
    return story.client.request("PATCH", things(story.namespace, name), whole, patch="json-patch+json")


def _put(story: Story, name: str, value: int, age: int) -> tuple[int, Json]:
    known = story.known(name, age) or thing(name)
    body = {**known, "spec": {**known["spec"], "i": value}}
    return story.client.request("PUT", things(story.namespace, name), body)


def _delete_exactly(story: Story, name: str, age: int) -> tuple[int, Json]:
    known = story.known(name, age)
    meta = known["metadata"] if known is not None else {"uid": "none"}
    expected = {key: meta[key] for key in ("uid", "resourceVersion") if key in meta}
    return story.client.request("DELETE", things(story.namespace, name), {"preconditions": expected})


def _list(story: Story, query: dict[str, str]) -> tuple[int, Json]:
    return story.client.request("GET", things(story.namespace), query=query)


def _config_map(story: Story, name: str, word: str) -> tuple[int, Json]:
    path = config_maps(story.namespace, name)
    status, body = story.client.request("PATCH", path, {"data": {"word": word}}, patch="strategic-merge-patch+json")
    if status != 404:
        return status, body
    return story.client.request("POST", config_maps(story.namespace), config_map(name, word=word))


@pytest.mark.apiserver
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fake_and_real_tell_the_same_story(seed: int, real_client: Client) -> None:
    namespace = f"story-{seed}"
    fake, real = Story(InProcess(fake_cluster()), namespace), Story(real_client, namespace)
    luck = Streams(seed).of("story")
    codes: dict[int, int] = {}
    for number in range(OPERATIONS):
        asked = operation(luck)
        answers = (fake.tell(asked), real.tell(asked))
        assert answers[0] == answers[1], f"operation {number} of seed {seed}: {asked.what}"
        codes[answers[0][0]] = codes.get(answers[0][0], 0) + 1
    assert fake.events() == real.events()
    # A story in which nothing is refused, or nothing is done, proves little.
    assert {200, 201, 404, 409, 422} <= codes.keys(), codes
