"""A watch or page from too long ago is told so, and a watch says how far it has come.

A real server forgets only every five minutes and sends bookmarks once a minute, so what the fakes do here is compared
with what is written of a real one, not with one.
"""

import orjson

from sim.cluster.cluster import Cluster, Depth
from tests.contract.clients import InProcess
from tests.contract.conftest import fake_cluster
from tests.contract.things import thing, things
from wfexec.crd.wire import HttpCall
from wfexec.model.requests import Change, Code, Kind, Outcome


def test_a_watch_from_before_the_compaction_is_gone() -> None:
    client = InProcess(fake_cluster())
    version = client.request("POST", things("default"), thing("a"))[1]["metadata"]["resourceVersion"]
    client.request("POST", things("default"), thing("b"))
    client.cluster.compact()
    (event,) = client.watch(things("default"), {"resourceVersion": version}).take(1)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert event["object"]["message"].startswith(f"too old resource version: {version} (")


def test_a_page_from_before_the_compaction_is_gone() -> None:
    client = InProcess(fake_cluster())
    for name in "abc":
        client.request("POST", things("default"), thing(name))
    token = client.request("GET", things("default"), query={"limit": "1"})[1]["metadata"]["continue"]
    client.request("POST", things("default"), thing("d"))
    client.cluster.compact()
    status, answer = client.request("GET", things("default"), query={"limit": "1", "continue": token})
    assert (status, answer["reason"]) == (410, "Expired")


def test_a_history_too_short_for_the_watch_is_gone_in_both_depths() -> None:
    shared = Cluster(Depth.SHARED, history=2)
    wire = Cluster(Depth.WIRE, history=2)
    for cluster in (shared, wire):
        for name in ("one", "two", "three"):
            cluster.add_namespace(name, 0)
    opened = shared.watch(Kind.WORKFLOW, str(shared.store.version), lambda *told: None)
    assert not isinstance(opened, Outcome)
    assert shared.store.watch("namespaces", 1, lambda *told: None) is None
    assert wire.store.watch("namespaces", 1, lambda *told: None) is None


def test_shared_depth_says_gone() -> None:
    cluster = Cluster(Depth.SHARED)
    cluster.compact()
    refused = cluster.watch(Kind.EXECUTION, "1", lambda *told: None)
    assert isinstance(refused, Outcome)
    assert refused.code is Code.GONE


def test_a_bookmark_says_how_far_the_watch_has_come() -> None:
    client = InProcess(fake_cluster())
    version = client.request("POST", things("default"), thing("a"))[1]["metadata"]["resourceVersion"]
    lines: list[tuple[Change, bytes, str]] = []
    query = (("watch", "1"), ("allowWatchBookmarks", "true"), ("resourceVersion", version))
    client.cluster.http_watch(HttpCall("GET", things("default"), query), "admin", lambda *told: lines.append(told))
    silent = client.watch(things("default"), {"resourceVersion": version})
    client.cluster.add_namespace("elsewhere", client.now)
    client.cluster.bookmark()
    ((change, line, told),) = lines
    assert (change, told) == (Change.BOOKMARK, str(client.cluster.store.version))
    expected = {"kind": "Thing", "apiVersion": "test.wfexec.dev/v1", "metadata": {"resourceVersion": told}}
    assert orjson.loads(line) == {"type": "BOOKMARK", "object": expected}
    assert int(told) > int(version)
    assert silent.take(1) == []
