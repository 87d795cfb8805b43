"""Has the controller every right that it needs, and not one more?

Asked of the real server, which has the shipped manifests and nothing else bound to the controller's account.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.apiserver.bodies import EXECUTIONS, WORKFLOWS
from tests.envtest.server import SYSTEM_NAMESPACE, ControlPlane

READ = {"get", "list", "watch"}
EVERYWHERE = {
    WORKFLOWS: READ | {"update", "patch"},
    f"{WORKFLOWS}/status": {"get", "update", "patch"},
    f"{WORKFLOWS}/finalizers": {"update"},
    EXECUTIONS: READ | {"create", "delete"},
    f"{EXECUTIONS}/status": READ,
    "remediationrequests.remediation.kubernaut.io": READ,
    "namespaces": READ,
    "events": {"create", "patch"},
    "tokenreviews.authentication.k8s.io": {"create"},
    "subjectaccessreviews.authorization.k8s.io": {"create"},
    "validatingadmissionpolicies.admissionregistration.k8s.io": READ,
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": READ,
}
OBSERVER = {
    "pods": READ,
    "nodes": READ,
    "persistentvolumeclaims": READ,
    "configmaps": READ,
    "deployments.apps": READ,
    "statefulsets.apps": READ,
    "daemonsets.apps": READ,
}
OWN_NAMESPACE = {
    "configmaps": READ | {"create", "update", "delete"},
    "leases.coordination.k8s.io": {"create"},
    "leases.coordination.k8s.io[workflow-execution.kubernaut.io]": {"get", "update", "patch"},
}
# What every account of any cluster may do: ask about itself.
ANYBODY = {
    "selfsubjectreviews.authentication.k8s.io": {"create"},
    "selfsubjectaccessreviews.authorization.k8s.io": {"create"},
    "selfsubjectrulesreviews.authorization.k8s.io": {"create"},
}

Rights = dict[str, set[str]]


def united(*tables: Rights) -> Rights:
    total: Rights = {}
    for table in tables:
        for resource, verbs in table.items():
            total[resource] = total.get(resource, set()) | verbs
    return total


def flat(rules: list[dict[str, Any]]) -> Iterator[tuple[str, set[str]]]:
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                plural, slash, subresource = resource.partition("/")
                named = f"{plural}.{group}" if group else plural
                for name in rule.get("resourceNames") or [""]:
                    yield f"{named}{slash}{subresource}" + (f"[{name}]" if name else ""), set(rule["verbs"])


def all_rights(cluster: ControlPlane, namespace: str) -> Rights:
    """Everything the controller may do in that namespace, as the server sees it."""
    status, answer = cluster.request(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        {"spec": {"namespace": namespace}},
        "controller",
    )
    assert status == 201
    assert not answer["status"]["incomplete"]
    return united(*({resource: verbs} for resource, verbs in flat(answer["status"]["resourceRules"])))


def test_elsewhere_the_controller_has_exactly_these_rights(control_plane: ControlPlane) -> None:
    assert all_rights(control_plane, "default") == united(EVERYWHERE, OBSERVER, ANYBODY)


def test_at_home_it_also_keeps_its_lease_and_its_snapshots(control_plane: ControlPlane) -> None:
    found = all_rights(control_plane, SYSTEM_NAMESPACE)
    assert found == united(EVERYWHERE, OBSERVER, OWN_NAMESPACE, ANYBODY)


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("get", "secrets"),
        ("list", "secrets"),
        ("create", WORKFLOWS),
        ("delete", WORKFLOWS),
        ("approve", WORKFLOWS),
        ("patch", EXECUTIONS),
        ("patch", f"{EXECUTIONS}/status"),
        ("update", "remediationrequests.remediation.kubernaut.io"),
        ("patch", "remediationrequests.remediation.kubernaut.io/status"),
        ("patch", "deployments.apps"),
        ("delete", "pods"),
        ("create", "pods/eviction"),
        ("update", "configmaps"),
        ("create", "leases.coordination.k8s.io"),
        ("impersonate", "serviceaccounts"),
    ],
)
def test_the_controller_may_not(control_plane: ControlPlane, verb: str, resource: str) -> None:
    assert not control_plane.may("controller", verb, resource, namespace="default")


def test_another_lease_of_its_namespace_is_out_of_reach(control_plane: ControlPlane) -> None:
    leases = "leases.coordination.k8s.io"
    assert not control_plane.may("controller", "update", leases, SYSTEM_NAMESPACE, "somebody-else")
    assert control_plane.may("controller", "update", leases, SYSTEM_NAMESPACE, "workflow-execution.kubernaut.io")


@pytest.mark.parametrize(
    ("user", "verb", "allowed"),
    [
        ("viewer", "list", True),
        ("viewer", "patch", False),
        ("mallory", "patch", True),
        ("mallory", "approve", False),
        ("alice", "approve", True),
        ("executor", "list", False),
    ],
)
def test_people_have_the_rights_of_their_role(control_plane: ControlPlane, user: str, verb: str, allowed: bool) -> None:
    assert control_plane.may(user, verb, WORKFLOWS, namespace="default") is allowed


@pytest.mark.parametrize(("role", "verb"), [("view", "list"), ("edit", "create"), ("admin", "deletecollection")])
def test_the_roles_join_the_clusters_own(control_plane: ControlPlane, role: str, verb: str) -> None:
    def rules() -> Rights:
        status, answer = control_plane.request("GET", f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{role}")
        assert status == 200
        return united(*({resource: verbs} for resource, verbs in flat(answer["rules"])))

    control_plane.wait_until(lambda: verb in rules().get(WORKFLOWS, set()), f"{role} has {verb}")
    assert "approve" not in rules()[WORKFLOWS], "who may edit a workflow may not for that reason approve it"
