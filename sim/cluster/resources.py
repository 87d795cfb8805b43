"""Which kinds does the fake cluster serve, and how does each differ from the others?

Read by every module of `sim.cluster`. Custom kinds come from CRDs; built-in kinds are the table below, one line
each. A kind that is not here is not modelled and says so.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from wfexec.model.meta import (
    EXECUTION_GROUP,
    EXECUTION_PLURAL,
    REMEDIATION_API,
    REMEDIATION_PLURAL,
    WORKFLOW_GROUP,
    WORKFLOW_PLURAL,
)

Json = dict[str, Any]


class Unmodelled(Exception):
    """A call that the fake cluster does not know. The run fails: guessing would make it lie. Served: HTTP 501."""


class Resource(NamedTuple):
    """`key` is `plural.group`, in the core group the plural alone.

    `generation`: counted up when anything but metadata and status changes. `unconditional`: an update may come
    without a resourceVersion. `fields`: what a field selector may name beside metadata.name and metadata.namespace.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    status: bool = False
    generation: bool = False
    scale: bool = False
    unconditional: bool = True
    custom: bool = False
    fields: tuple[str, ...] = ()
    crd: Json | None = None

    @property
    def key(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """Where its paths begin."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"


WORKFLOWS: Final = f"{WORKFLOW_PLURAL}.{WORKFLOW_GROUP}"
EXECUTIONS: Final = f"{EXECUTION_PLURAL}.{EXECUTION_GROUP}"
REMEDIATIONS: Final = f"{REMEDIATION_PLURAL}.{REMEDIATION_API.partition('/')[0]}"
LEASES: Final = "leases.coordination.k8s.io"
EVENTS: Final = "events"
NAMESPACES: Final = "namespaces"
CONFIGMAPS: Final = "configmaps"
DEPLOYMENTS: Final = "deployments.apps"

POLICIES: Final = "validatingadmissionpolicies.admissionregistration.k8s.io"
POLICY_BINDINGS: Final = "validatingadmissionpolicybindings.admissionregistration.k8s.io"

_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_EVENT_FIELDS: Final = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "reason",
    "type",
)
_WORKLOAD: Final[dict[str, Any]] = {"status": True, "generation": True, "scale": True, "categories": ("all",)}
BUILT_IN: Final = (
    Resource("", "v1", "Namespace", "namespaces", "namespace", False, ("ns",), status=True, fields=("status.phase",)),
    Resource("", "v1", "ConfigMap", "configmaps", "configmap", True, ("cm",)),
    Resource("", "v1", "Secret", "secrets", "secret", True, fields=("type",)),
    Resource("", "v1", "ServiceAccount", "serviceaccounts", "serviceaccount", True, ("sa",)),
    Resource(
        *("", "v1", "Pod", "pods", "pod", True, ("po",), ("all",)),
        status=True,
        generation=True,
        fields=("spec.nodeName", "status.phase"),
    ),
    Resource("", "v1", "Node", "nodes", "node", False, ("no",), status=True, fields=("spec.unschedulable",)),
    Resource("", "v1", "Event", "events", "event", True, ("ev",), fields=_EVENT_FIELDS),
    Resource(
        *("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "persistentvolumeclaim", True, ("pvc",)),
        status=True,
    ),
    Resource("apps", "v1", "Deployment", "deployments", "deployment", True, ("deploy",), **_WORKLOAD),
    Resource("apps", "v1", "StatefulSet", "statefulsets", "statefulset", True, ("sts",), **_WORKLOAD),
    Resource(
        *("apps", "v1", "DaemonSet", "daemonsets", "daemonset", True, ("ds",), ("all",)),
        status=True,
        generation=True,
    ),
    Resource("coordination.k8s.io", "v1", "Lease", "leases", "lease", True, unconditional=False),
    Resource(_RBAC, "v1", "Role", "roles", "role", True),
    Resource(_RBAC, "v1", "RoleBinding", "rolebindings", "rolebinding", True),
    Resource(_RBAC, "v1", "ClusterRole", "clusterroles", "clusterrole", False),
    Resource(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", "clusterrolebinding", False),
    Resource(
        *(_ADMISSION, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", "validatingadmissionpolicy"),
        namespaced=False,
        status=True,
        generation=True,
    ),
    Resource(
        *(_ADMISSION, "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
        singular="validatingadmissionpolicybinding",
        namespaced=False,
        generation=True,
    ),
)
RBAC_RESOURCES: Final = tuple(each.key for each in BUILT_IN if each.group == _RBAC)


def of_crd(crd: Json) -> Resource:
    """The resource that a CustomResourceDefinition with one version describes."""
    spec = crd["spec"]
    names = spec["names"]
    if len(spec["versions"]) != 1:
        raise Unmodelled(f"CRD {crd['metadata']['name']} with {len(spec['versions'])} versions")
    version = spec["versions"][0]
    subresources = version.get("subresources") or {}
    if "scale" in subresources:
        raise Unmodelled(f"CRD {crd['metadata']['name']} with a scale subresource")
    return Resource(
        group=spec["group"],
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        namespaced=spec["scope"] == "Namespaced",
        short=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        status="status" in subresources,
        generation=True,
        unconditional=False,
        custom=True,
        fields=tuple(each["jsonPath"].removeprefix(".") for each in version.get("selectableFields") or ()),
        crd=crd,
    )


class Resources:
    """All kinds of one cluster, found by path, kind or key."""

    def __init__(self, crds: Iterable[Json] = ()) -> None:
        self.all: tuple[Resource, ...] = (*BUILT_IN, *(of_crd(each) for each in crds))
        self._by_path = {(each.group, each.version, each.plural): each for each in self.all}
        self._by_key = {each.key: each for each in self.all}
        self._by_kind = {each.kind: each for each in self.all}

    def at(self, group: str, version: str, plural: str) -> Resource | None:
        return self._by_path.get((group, version, plural))

    def named(self, key: str) -> Resource:
        return self._by_key[key]

    def of_kind(self, kind: str) -> Resource:
        """Of a target: the executor names kinds as people do."""
        found = self._by_kind.get(kind)
        if found is None:
            raise Unmodelled(f"objects of kind {kind}")
        return found
