"""What the HTTP layer does beyond what a real server can be asked about: limits of the model, rights, forms."""

from typing import Any

import orjson
import pytest

from sim.cluster.api import HttpReply
from sim.cluster.cluster import Cluster, Depth
from sim.cluster.rbac import Access, Rbac, person_of
from sim.cluster.requests import CreateTarget, GetTarget
from sim.cluster.resources import Unmodelled
from sim.cluster.tables import age
from wfexec.crd.wire import HttpCall
from wfexec.errors import OurBug
from wfexec.model.facts import TargetRef
from wfexec.model.requests import Ask, GetLease, Kind, ObjectKey

Json = dict[str, Any]
MAPS = "/api/v1/namespaces/default/configmaps"
NOW = 1_767_225_600_000


def send(
    cluster: Cluster, method: str, path: str, body: Json | None = None, payload: bytes = b"", **changes: Any
) -> HttpReply:
    call = HttpCall(method, path, (), "application/json", payload if body is None else orjson.dumps(body))
    return cluster.http(call._replace(**changes), "admin", NOW)


def make(cluster: Cluster, name: str) -> None:
    assert send(cluster, "POST", MAPS, {"metadata": {"name": name}, "data": {"a": "b"}}).status == 201


@pytest.mark.parametrize(
    ("method", "path", "changes"),
    [
        ("GET", "/api/v1/namespaces/default/services", {}),
        ("GET", "/apis/batch/v1/jobs", {}),
        ("GET", f"{MAPS}/a/status", {}),
        ("GET", "/api/v1/namespaces/default/pods/a/log", {}),
        ("POST", f"{MAPS}/a", {}),
        ("DELETE", MAPS, {}),
        ("OPTIONS", MAPS, {}),
        ("GET", MAPS, {"query": (("shardSelector", "x"),)}),
        ("GET", f"{MAPS}/a", {"query": (("export", "1"),)}),
        ("GET", "/api/v1/namespaces/default/nodes", {}),
        ("POST", "/version", {}),
        ("GET", "/metrics", {}),
        ("GET", MAPS, {"query": (("watch", "1"),)}),
        ("PATCH", f"{MAPS}/a", {"content_type": "application/apply-patch+yaml", "payload": b"{}"}),
        ("DELETE", f"{MAPS}/a", {"payload": b'{"propagationPolicy":"Foreground"}'}),
        ("GET", f"{MAPS}/a", {"accept": "application/json;as=Something"}),
    ],
)
def test_what_is_not_modelled_fails_loudly(method: str, path: str, changes: Json) -> None:
    cluster = Cluster(Depth.WIRE)
    make(cluster, "a")
    with pytest.raises(Unmodelled):
        send(cluster, method, path, **changes)


def test_requests_of_the_wrong_depth_are_our_bug() -> None:
    with pytest.raises(OurBug):
        send(Cluster(Depth.SHARED), "GET", MAPS)
    with pytest.raises(OurBug):
        Cluster(Depth.SHARED).http_watch(HttpCall("GET", MAPS), "admin", lambda *told: None)
    with pytest.raises(OurBug):
        Cluster(Depth.WIRE).watch(Kind.WORKFLOW, "0", lambda *told: None)
    with pytest.raises(OurBug):
        Cluster(Depth.WIRE).execute(GetLease("a", "b"), "admin", NOW)


def test_shared_depth_does_not_answer_what_it_does_not_know() -> None:
    cluster = Cluster(Depth.SHARED)
    with pytest.raises(Unmodelled):
        cluster.execute(Ask(ObjectKey(Kind.WORKFLOW, "a", "b"), ()), "admin", NOW)
    with pytest.raises(Unmodelled):
        cluster.execute(GetTarget(TargetRef("Service", "default", "a")), "admin", NOW)
    with pytest.raises(Unmodelled):
        cluster.execute(CreateTarget(TargetRef("WorkflowExecution", "default", "a"), {}), "admin", NOW)


def test_a_secret_can_be_looked_at_without_its_content() -> None:
    cluster = Cluster(Depth.WIRE)
    path = "/api/v1/namespaces/default/secrets"
    made = send(cluster, "POST", path, {"metadata": {"name": "s"}, "stringData": {"password": "hush"}})
    assert orjson.loads(made.payload)["data"] == {"password": "aHVzaA=="}
    accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    seen = orjson.loads(send(cluster, "GET", f"{path}/s", accept=accept).payload)
    assert (seen["kind"], set(seen)) == ("PartialObjectMetadata", {"kind", "apiVersion", "metadata"})


def test_events_beyond_the_limit_are_forgotten() -> None:
    cluster = Cluster(Depth.WIRE)
    path = "/api/v1/namespaces/default/events"
    for number in range(1_005):
        send(cluster, "POST", path, {"metadata": {"name": f"e{number}"}})
    kept = orjson.loads(send(cluster, "GET", path).payload)["items"]
    assert len(kept) == 1_000
    assert send(cluster, "GET", f"{path}/e4").status == 404
    assert send(cluster, "GET", f"{path}/e5").status == 200


def test_a_body_too_large_is_refused() -> None:
    body = {"metadata": {"name": "big"}, "data": {"a": "x" * 3_200_000}}
    assert send(Cluster(Depth.WIRE), "POST", MAPS, body).status == 413


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"metadata": 3}'])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert send(Cluster(Depth.WIRE), "POST", MAPS, payload=body).status == 400


def test_a_namespace_ends_when_its_last_finalizer_is_gone() -> None:
    cluster = Cluster(Depth.WIRE)
    cluster.add_namespace("shop", NOW)
    path = "/api/v1/namespaces/shop/configmaps"
    assert send(cluster, "POST", path, {"metadata": {"name": "held", "finalizers": ["x.dev/a"]}}).status == 201
    send(cluster, "DELETE", "/api/v1/namespaces/shop")
    cluster.collect(NOW)
    assert cluster.collectable
    assert send(cluster, "GET", "/api/v1/namespaces/shop").status == 200
    merge = "application/merge-patch+json"
    send(cluster, "PATCH", f"{path}/held", {"metadata": {"finalizers": None}}, content_type=merge)
    cluster.collect(NOW)
    assert send(cluster, "GET", "/api/v1/namespaces/shop").status == 404
    assert not cluster.collectable


def test_rights_come_from_roles_bindings_and_what_they_gather() -> None:
    documents: list[Json] = [
        {
            "kind": "ClusterRole",
            "metadata": {"name": "part", "labels": {"into": "whole"}},
            "rules": [_rule("get", "pods")],
        },
        {
            "kind": "ClusterRole",
            "metadata": {"name": "whole"},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"into": "whole"}}]},
        },
        {"kind": "Role", "metadata": {"name": "one", "namespace": "a"}, "rules": [_rule("patch", "pods/status", "p")]},
        _binding("RoleBinding", "whole", "ClusterRole", {"kind": "Group", "name": "team"}),
        _binding("RoleBinding", "one", "Role", {"kind": "User", "name": "ann"}),
        {"kind": "ConfigMap", "metadata": {"name": "no-role"}},
    ]
    rbac = Rbac(documents)
    ann, team = person_of("ann"), person_of("bob")._replace(groups=("team",))
    assert rbac.allowed(team, Access("get", "", "pods", "a")) is not None
    assert rbac.allowed(team, Access("get", "", "pods", "b")) is None
    assert rbac.allowed(ann, Access("get", "", "pods", "a")) is None
    assert rbac.allowed(ann, Access("patch", "", "pods/status", "a", "p")) is not None
    assert rbac.allowed(ann, Access("patch", "", "pods/status", "a", "q")) is None
    assert rbac.allowed(person_of("admin"), Access("delete", "", "nodes")) == ""
    assert rbac.allowed(ann, Access("delete", "", "nodes")) is None
    assert Rbac([], open=True).allowed(ann, Access("delete", "", "nodes")) == ""


def test_a_role_made_in_the_cluster_counts_at_once() -> None:
    cluster = Cluster(Depth.WIRE, manifests=[{"kind": "ClusterRole", "metadata": {"name": "none"}}])
    call = HttpCall("GET", MAPS)
    assert cluster.http(call, "ann", NOW).status == 403
    root = "/apis/rbac.authorization.k8s.io/v1"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}
    send(cluster, "POST", f"{root}/clusterroles", {"metadata": {"name": "reader"}, "rules": [rule]})
    binding = _binding("ClusterRoleBinding", "reader", "ClusterRole", {"kind": "User", "name": "ann"})
    binding["metadata"].pop("namespace")
    assert send(cluster, "POST", f"{root}/clusterrolebindings", binding).status == 201
    assert cluster.http(call, "ann", NOW).status == 200
    send(cluster, "DELETE", f"{root}/clusterrolebindings/reader")
    assert cluster.http(call, "ann", NOW).status == 403


def _rule(verb: str, resource: str, *names: str) -> Json:
    return {"apiGroups": [""], "resources": [resource], "verbs": [verb], "resourceNames": list(names)}


def _binding(kind: str, role: str, role_kind: str, subject: Json) -> Json:
    meta = {"name": role, "namespace": "a"}
    return {"kind": kind, "metadata": meta, "roleRef": {"kind": role_kind, "name": role}, "subjects": [subject]}


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        *((-5, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (200, "3m20s"), (659, "10m"), (7_200, "120m")),
        *((10_800, "3h"), (11_700, "3h15m"), (36_000, "10h"), (172_800, "2d"), (864_000, "10d")),
    ],
)
def test_ages_are_written_as_kubectl_writes_them(seconds: int, shown: str) -> None:
    assert age(seconds) == shown
