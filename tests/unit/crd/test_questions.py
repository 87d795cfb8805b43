"""Answers: what was seen is a fact, what could not be seen is unknown, and the two never mix (BR-WF-015, BR-WF-016)."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from wfexec.crd import quantity, questions
from wfexec.errors import OurBug
from wfexec.model.facts import (
    AccessFacts,
    AskAccess,
    AskNetwork,
    AskNodes,
    AskParent,
    AskTarget,
    Facts,
    NetworkFacts,
    NodeRoom,
    NodesFacts,
    ParentFacts,
    Question,
    Room,
    TargetFacts,
    TargetRef,
    Unknown,
)

ACCOUNT = "system:serviceaccount:kubernaut-system:scale-deployment-sa"
DEPLOYMENT = AskTarget(TargetRef("Deployment", "shop", "checkout"))


def told(question: Question, *replies: tuple[int, Any]) -> Facts:
    return questions.facts(question, tuple((status, orjson.dumps(content)) for status, content in replies))


def deployment(**status: Any) -> dict[str, Any]:
    healthy = {
        "observedGeneration": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "conditions": [{"type": "Available", "status": "True"}],
    }
    template = {"spec": {"containers": [{"name": "app", "image": "checkout:2"}]}}
    return {
        "metadata": {"generation": 2, "annotations": {"deployment.kubernetes.io/revision": "7"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "checkout"}}, "template": template},
        "status": {**healthy, **status},
    }


def pod(name: str, app: str, restarts: int = 0, waiting: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    statuses = [{"name": "app", "restartCount": restarts, "state": state}]
    ready = [{"type": "Ready", "status": "False" if waiting else "True"}]
    return {
        "metadata": {"name": name, "labels": {"app": app}},
        "status": {"phase": "Running", "containerStatuses": statuses, "conditions": ready},
    }


def looked(*replies: tuple[int, Any]) -> TargetFacts:
    facts = told(DEPLOYMENT, *replies)
    assert isinstance(facts, TargetFacts), facts
    return facts


def test_a_healthy_deployment() -> None:
    pods = {"items": [pod("a", "checkout", 1), pod("b", "checkout", 2), pod("c", "other", 40, "CrashLoopBackOff")]}
    facts = looked((200, deployment()), (200, pods))
    assert (facts.exists, facts.terminating, facts.healthy, facts.message) == (True, False, True, "")
    assert dict(facts.state) == {
        "replicas": "2",
        "readyReplicas": "2",
        "available": "True",
        "revision": "7",
        "image:app": "checkout:2",
        "restarts": "3",
    }


@pytest.mark.parametrize(
    ("status", "complaint"),
    [
        ({"observedGeneration": 1}, "not rolled out"),
        ({"updatedReplicas": 1}, "1 of 2"),
        ({"readyReplicas": 0}, "0 of 2"),
        ({"conditions": []}, "not available"),
    ],
)
def test_an_unhealthy_deployment_says_why(status: dict[str, Any], complaint: str) -> None:
    facts = looked((200, deployment(**status)), (200, {"items": []}))
    assert facts.healthy is False
    assert complaint in facts.message


def test_a_crash_loop_is_seen_in_the_pods() -> None:
    facts = looked((200, deployment()), (200, {"items": [pod("a", "checkout", 9, "CrashLoopBackOff")]}))
    assert facts.healthy is False
    assert facts.message == "a/app is in CrashLoopBackOff"


def test_without_the_right_to_read_pods_restarts_are_not_claimed_to_be_none() -> None:
    facts = looked((200, deployment()), (403, {}))
    assert facts.healthy is True
    assert "restarts" not in facts.state


def test_a_deployment_scaled_to_nothing_is_healthy() -> None:
    empty = deployment(readyReplicas=0, updatedReplicas=0, conditions=[])
    empty["spec"]["replicas"] = 0
    assert looked((200, empty), (200, {"items": []})).healthy is True


def test_a_target_being_deleted() -> None:
    going = deployment()
    going["metadata"]["deletionTimestamp"] = "2026-11-21T10:00:00Z"
    facts = looked((200, going), (200, {"items": []}))
    assert facts.terminating
    assert "being deleted" in facts.message


def test_absent_is_a_fact_and_unreadable_is_not() -> None:
    gone = looked((404, {}), (200, {"items": []}))
    assert not gone.exists
    assert "shop/checkout does not exist" in gone.message
    assert told(DEPLOYMENT, (403, {}), (403, {})) == Unknown(
        "no right to read Deployment shop/checkout", refused_since=0
    )
    assert told(DEPLOYMENT, (401, {}), (401, {})) == Unknown(
        "no right to read Deployment shop/checkout", refused_since=0
    )
    lost = told(DEPLOYMENT, (0, {}), (0, {}))
    assert lost == Unknown("no answer when asked to read Deployment shop/checkout", transient=True)
    busy = told(DEPLOYMENT, (429, {"message": "slow down"}), (429, {}))
    assert busy == Unknown("cannot read Deployment shop/checkout: slow down", transient=True)
    garbled = questions.facts(DEPLOYMENT, ((200, b"{"), (200, b"{")))
    assert isinstance(garbled, Unknown)
    assert garbled.transient


def test_other_targets() -> None:
    ready = [{"type": "Ready", "status": "True"}]
    node = told(
        AskTarget(TargetRef("Node", "", "n1")),
        (200, {"metadata": {}, "spec": {"unschedulable": True}, "status": {"conditions": ready}}),
    )
    assert node == TargetFacts(True, False, True, {"unschedulable": "true", "ready": "True"}, "")
    config = told(AskTarget(TargetRef("ConfigMap", "s", "c")), (200, {"metadata": {}, "data": {"level": "info"}}))
    assert isinstance(config, TargetFacts)
    assert config.healthy is None
    assert config.state["data:level"] == "info"
    one = told(AskTarget(TargetRef("Pod", "s", "p")), (200, pod("p", "checkout", 3, "ImagePullBackOff")))
    assert isinstance(one, TargetFacts)
    assert (one.healthy, one.message) == (False, "p/app is in ImagePullBackOff")
    done = told(AskTarget(TargetRef("Pod", "s", "p")), (200, {"metadata": {}, "status": {"phase": "Succeeded"}}))
    assert isinstance(done, TargetFacts)
    assert done.healthy is True


def test_of_a_secret_only_metadata_travels() -> None:
    (call,) = questions.calls(AskTarget(TargetRef("Secret", "shop", "keys")))
    assert call.accept == questions.METADATA_ONLY
    facts = told(AskTarget(TargetRef("Secret", "shop", "keys")), (200, {"metadata": {"resourceVersion": "4"}}))
    assert isinstance(facts, TargetFacts)
    assert dict(facts.state) == {"resourceVersion": "4"}


def test_nobody_can_look_at_other_kinds() -> None:
    with pytest.raises(OurBug, match="Cronjob"):
        questions.calls(AskTarget(TargetRef("Cronjob", "shop", "x")))


def test_an_access_review_names_the_groups_every_account_has() -> None:
    (call,) = questions.calls(AskAccess(ACCOUNT, "patch", "apps", "deployments/scale", "shop", "checkout"))
    sent = orjson.loads(call.body)["spec"]
    assert sent["groups"] == [
        "system:serviceaccounts",
        "system:serviceaccounts:kubernaut-system",
        "system:authenticated",
    ]
    assert sent["resourceAttributes"] == {
        "verb": "patch",
        "group": "apps",
        "resource": "deployments",
        "subresource": "scale",
        "namespace": "shop",
        "name": "checkout",
    }


def test_access_answers() -> None:
    question = AskAccess("alice", "approve", "g", "workflowexecutions", "shop", "")
    yes = told(question, (201, {"status": {"allowed": True, "reason": "by role"}}))
    assert yes == AccessFacts(True, "by role")
    no = told(question, (201, {"status": {"allowed": False}}))
    assert no == AccessFacts(False, "alice may not approve workflowexecutions in shop")
    both = told(question, (201, {"status": {"allowed": True, "denied": True}}))
    assert isinstance(both, AccessFacts)
    assert not both.allowed
    assert told(question, (403, {})) == Unknown("no right to ask for access reviews", refused_since=0)


def test_network_answers() -> None:
    assert told(AskNetwork(), (200, "ok")) == NetworkFacts(True, "")
    # Whoever says no does answer.
    assert told(AskNetwork(), (403, {"message": "forbidden"})) == NetworkFacts(True, "")
    assert told(AskNetwork(), (500, {"message": "etcd failed"})) == NetworkFacts(False, "etcd failed")
    assert questions.facts(AskNetwork(), ((0, b""),)) == NetworkFacts(False, "no answer")


def node(name: str, *, ready: str = "True", unschedulable: bool = False) -> dict[str, Any]:
    allocatable = {"cpu": "2", "memory": "4Gi"}
    conditions = [{"type": "Ready", "status": ready}]
    spec = {"unschedulable": True} if unschedulable else {}
    return {"metadata": {"name": name}, "spec": spec, "status": {"allocatable": allocatable, "conditions": conditions}}


def test_room_is_counted_on_nodes_that_take_pods() -> None:
    nodes = {"items": [node("a"), node("b", ready="False"), node("c", unschedulable=True), node("d")]}
    wish = {"requests": {"cpu": "250m", "memory": "128Mi"}}
    pods = {"items": [{"spec": {"nodeName": place, "containers": [{"resources": wish}]}} for place in ("a", "b", "")]}
    facts = told(AskNodes(), (200, nodes), (200, pods))
    whole, used = 4 * 2**30, 128 * 2**20
    rooms = (Room(1_750, whole - used), Room(2_000, whole))
    assert facts == NodesFacts(4, 2, 3_750, 2 * whole - used, (), rooms)
    assert told(AskNodes(), (200, nodes), (403, {})) == Unknown("no right to read pods", refused_since=0)


def test_requests_of_a_pod_count_as_the_scheduler_counts_them() -> None:
    def container(cpu: str, **more: str) -> dict[str, Any]:
        return {"resources": {"requests": {"cpu": cpu}}, **more}

    plain = {"containers": [container("100m"), container("200m")]}
    assert quantity.requested(plain).cpu_m == 300
    heavy = {**plain, "initContainers": [container("1")]}
    assert quantity.requested(heavy).cpu_m == 1_000
    sidecar = {**plain, "initContainers": [container("50m", restartPolicy="Always"), container("1")]}
    assert quantity.requested(sidecar).cpu_m == 1_050
    assert quantity.requested({**plain, "overhead": {"cpu": "1m"}}).cpu_m == 301
    assert quantity.requested({**plain, "resources": {"requests": {"cpu": "2"}}}).cpu_m == 2_000


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("250m", "0.25"),
        ("2", "2"),
        ("1.5Gi", "1610612736"),
        ("1e3", "1000"),
        ("1k", "1000"),
        ("100n", "1e-7"),
        (4, "4"),
    ],
)
def test_quantities(text: str | int, number: str) -> None:
    assert quantity.parse_quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "m", "1X", "Infinity", "nan", "1 Gi", "--1"])
def test_no_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        quantity.parse_quantity(text)


def test_room_of_named_nodes_tells_what_a_drain_would_move() -> None:
    def node(name: str, **spec: Any) -> dict[str, Any]:
        ready = [{"type": "Ready", "status": "True"}]
        status = {"conditions": ready, "allocatable": {"cpu": "4", "memory": "4Gi"}}
        return {"metadata": {"name": name}, "spec": spec, "status": status}

    def pod(name: str, where: str, owner: str) -> dict[str, Any]:
        metadata = {"name": name, "ownerReferences": [{"kind": owner, "name": "o"}]}
        requests = {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}
        return {"metadata": metadata, "spec": {"nodeName": where, "containers": [requests]}}

    nodes = {"items": [node("n1"), node("n2", unschedulable=True), node("n3")]}
    pods = {"items": [pod("a", "n1", "ReplicaSet"), pod("b", "n1", "DaemonSet"), pod("c", "n3", "ReplicaSet")]}
    pods["items"] += [pod("d", "n1", "Node"), pod("e", "n1", "ReplicaSet")]
    facts = questions.facts(AskNodes(named=("n1", "n2", "n9")), ((200, orjson.dumps(nodes)), (200, orjson.dumps(pods))))
    gib = 2**30
    assert facts == NodesFacts(
        3,
        2,
        5_500,
        3 * gib,
        (
            NodeRoom("n1", True, 2_000, 0, 1_000, 2 * gib, (Room(500, gib),)),
            NodeRoom("n2", False, 4_000, 4 * gib, 0, 0),
        ),
        (Room(3_500, 3 * gib),),
    )


def test_sizes_of_a_deployment_are_told_by_container() -> None:
    resources = {"requests": {"cpu": "250m"}, "limits": {"memory": "1Gi", "cpu": 2}}
    containers = [{"name": "app", "image": "a:1", "resources": resources}, {"name": "side", "image": "s:1"}]
    raw = {"metadata": {}, "spec": {"paused": True, "template": {"spec": {"containers": containers}}}}
    state = questions.deployment_health(raw, None).state
    assert state["cpu:app"] == "250m"
    assert state["memory:app"] == "1Gi", "what asks for nothing is given its limit"
    assert (state["cpuLimit:app"], state["memoryLimit:app"]) == ("2", "1Gi")
    assert state["paused"] == "true"
    assert "cpu:side" not in state


@pytest.mark.parametrize(
    ("spec", "limit", "complaint"),
    [
        ({}, None, ""),
        ({"timeoutConfig": {}}, None, ""),
        ({"timeoutConfig": {"workflowExecutionTimeout": "20m0s"}}, 1_200_000, ""),
        # So Go prints what nobody set.
        ({"timeoutConfig": {"workflowExecutionTimeout": "0s"}}, None, ""),
        ({"timeoutConfig": "20m"}, None, ""),
        ({"timeoutConfig": {"workflowExecutionTimeout": "soon"}}, None, "'soon' is not a duration"),
        ({"timeoutConfig": {"workflowExecutionTimeout": 1200}}, None, "'1200' is not a duration"),
        ({"timeoutConfig": {"workflowExecutionTimeout": "9000h"}}, None, "outside"),
        (None, None, ""),
    ],
)
def test_how_much_time_a_parent_gives(spec: Any, limit: int | None, complaint: str) -> None:
    facts = told(AskParent("shop", "slow"), (200, {"metadata": {"uid": "u"}, "spec": spec}))
    assert isinstance(facts, ParentFacts)
    assert (facts.uid, facts.workflow_timeout) == ("u", limit)
    assert complaint in facts.complaint
    assert bool(facts.complaint) is bool(complaint)


def test_a_parent_that_is_not_there_gives_none_and_one_unread_is_unknown() -> None:
    question = AskParent("shop", "slow")
    assert told(question, (404, {})) == ParentFacts("")
    assert isinstance(told(question, (403, {})), Unknown)
    assert isinstance(told(question, (200, {"spec": {}})), Unknown)
