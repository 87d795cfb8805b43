"""What is not well near the targets, read from lists: whose a pod is, what counts (BR-WF-051s)."""

from typing import Any

import orjson
import pytest

from wfexec.crd import questions
from wfexec.model.facts import AskSurroundings, Facts, SurroundingsFacts, TargetRef, Unknown

SHOP = AskSurroundings(("shop",))
Json = dict[str, Any]


def told(*lists: Any, question: AskSurroundings = SHOP) -> Facts:
    """Nodes, then Deployments and pods of each namespace; a number is the status of a reply without a list."""
    replies = [(one, b"") if isinstance(one, int) else (200, orjson.dumps({"items": one})) for one in lists]
    return questions.facts(question, tuple(replies))


def unwell(*lists: Any, question: AskSurroundings = SHOP) -> list[str]:
    found = told(*lists, question=question)
    assert isinstance(found, SurroundingsFacts)
    return [f"{one.object.kind} {one.object.name}: {one.message}" for one in found.unwell]


def deployment(name: str, replicas: int = 2, **conditions: str) -> Json:
    listed = [{"type": kind, "status": status} for kind, status in ({"Available": "True"} | conditions).items()]
    meta = {"name": name, "namespace": "shop"}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}}
    return {"metadata": meta, "spec": spec, "status": {"conditions": listed}}


def pod(name: str, owner: str = "", *, hash: str = "", app: str = "", waiting: str = "", ready: str = "True") -> Json:
    """`owner` is kind/name of its controller."""
    meta: Json = {"name": name, "namespace": "shop", "labels": {"app": app} if app else {}}
    if owner:
        kind, _, called = owner.partition("/")
        meta["ownerReferences"] = [{"kind": kind, "name": called, "controller": True}]
    if hash:
        meta["labels"]["pod-template-hash"] = hash
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False" if waiting else ready}]}
    return {"metadata": meta, "status": status | {"containerStatuses": [{"name": "app", "state": state}]}}


def node(name: str, ready: str = "True") -> Json:
    return {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def test_what_is_well_is_counted_and_not_named() -> None:
    found = told([node("n1")], [deployment("web"), deployment("off", 0, Available="False")], [pod("web-1", app="web")])
    assert found == SurroundingsFacts((), 4)


def test_nodes_and_deployments_that_are_not_well_are_named_in_order() -> None:
    stuck = deployment("b", Progressing="False")
    nodes = [node("n2", "Unknown"), node("n1", "False"), node("n3")]
    assert unwell(nodes, [stuck, deployment("a", Available="False")], []) == [
        "Deployment a: is not available",
        "Deployment b: is stuck in its roll-out",
        "Node n1: is not ready",
        "Node n2: is not ready",
    ]


@pytest.mark.parametrize(
    ("owner", "hash", "named"),
    [
        ("ReplicaSet/web-5f6", "5f6", "Deployment web"),
        ("ReplicaSet/web-5f6", "", "ReplicaSet web-5f6"),
        ("StatefulSet/db", "", "StatefulSet db"),
        ("Job/report-28945120", "", "CronJob report"),
        ("Job/report", "", "Job report"),
        ("", "", "Pod x-1"),
    ],
)
def test_a_pod_that_cannot_start_counts_for_what_looks_after_it(owner: str, hash: str, named: str) -> None:
    crashing = pod("x-1", owner, hash=hash, waiting="CrashLoopBackOff")
    assert unwell([], [], [crashing]) == [f"{named}: pod x-1/app is in CrashLoopBackOff"]


def test_a_pod_without_an_owner_belongs_to_the_deployment_that_selects_it() -> None:
    crashing = pod("web-1", app="web", waiting="ImagePullBackOff")
    assert unwell([], [deployment("web")], [crashing]) == ["Deployment web: pod web-1/app is in ImagePullBackOff"]


def test_a_pod_that_finds_no_node_is_not_well() -> None:
    homeless = pod("web-5f6-1", "ReplicaSet/web-5f6", hash="5f6")
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    homeless["status"] = {"phase": "Pending", "conditions": [condition]}
    assert unwell([], [], [homeless]) == ["Deployment web: pod web-5f6-1 finds no node: 0/3 nodes"]


def test_a_pod_that_is_not_ready_counts_where_nothing_else_says_how_many_must_be() -> None:
    pods = [
        pod("db-0", "StatefulSet/db", ready="False"),
        pod("web-1", "ReplicaSet/web-5f6", hash="5f6", ready="False"),
        pod("report-1", "Job/report", ready="False"),
    ]
    assert unwell([], [deployment("web")], pods) == ["StatefulSet db: pod db-0 is not ready"]


def test_several_namespaces_are_asked_one_by_one_and_all_of_them_at_once() -> None:
    two = AskSurroundings(("a", "b"))
    paths = [call.path for call in questions.calls(two)]
    assert paths == [
        "/api/v1/nodes",
        "/apis/apps/v1/namespaces/a/deployments",
        "/api/v1/namespaces/a/pods",
        "/apis/apps/v1/namespaces/b/deployments",
        "/api/v1/namespaces/b/pods",
    ]
    everywhere = [call.path for call in questions.calls(AskSurroundings(("",)))]
    assert everywhere == ["/api/v1/nodes", "/apis/apps/v1/deployments", "/api/v1/pods"]
    ill = deployment("web", Available="False")
    found = told([], [], [], [ill], [], question=two)
    assert isinstance(found, SurroundingsFacts)
    assert [one.object for one in found.unwell] == [TargetRef("Deployment", "shop", "web")]


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_what_could_not_be_listed_leaves_the_question_open(missing: int) -> None:
    words = ["list nodes", "list deployments in shop", "list pods in shop"]
    replies: list[Any] = [[], [], []]
    replies[missing] = 403
    assert told(*replies) == Unknown(f"no right to {words[missing]}", refused_since=0)
    replies[missing] = 0
    assert told(*replies) == Unknown(f"no answer when asked to {words[missing]}", transient=True)


def test_a_list_that_makes_no_sense_is_no_answer() -> None:
    found = questions.facts(SHOP, ((200, b"[]"), (200, b"{}"), (200, b"{}")))
    assert isinstance(found, Unknown)
    assert found.transient
