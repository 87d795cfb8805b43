"""Which rights do the scenarios' executors have on a real API server?

Called by `features.backends.apiserver`. It must never name the controller: its rights are those that deploy/ gives.
"""

from collections.abc import Sequence
from typing import Final

from features.cluster import Json
from tests.envtest.server import SYSTEM_NAMESPACE

ROLE: Final = "wfexec-feature-actions"
RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
ACTIONS: Final = (
    "scale-deployment",
    "restart-deployment",
    "update-image",
    "patch-deployment",
    "update-configmap",
    "delete-pod",
    "apply-manifest",
    "verify-health",
)
NODE_ACTIONS: Final = ("cordon-node", "drain-node", "uncordon-node")
RULES: Final = (
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "delete"]},
)
NODE_RULES: Final = (
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
)


def reference(role: str) -> Json:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}


def accounts(actions: Sequence[str]) -> list[Json]:
    """The identities of these actions, as subjects of a binding."""
    names = [f"{action}-sa" for action in actions]
    return [{"kind": "ServiceAccount", "name": name, "namespace": SYSTEM_NAMESPACE} for name in names]


def shared_rights() -> list[tuple[str, Json]]:
    """Collection and body of what all scenarios share: the role that is bound in each namespace, and that for nodes."""
    nodes = f"{ROLE}-nodes"
    bound = {"metadata": {"name": nodes}, "roleRef": reference(nodes), "subjects": accounts(NODE_ACTIONS)}
    return [
        (f"{RBAC}/clusterroles", {"metadata": {"name": ROLE}, "rules": list(RULES)}),
        (f"{RBAC}/clusterroles", {"metadata": {"name": nodes}, "rules": list(NODE_RULES)}),
        (f"{RBAC}/clusterrolebindings", bound),
    ]
