"""Who may do what? The RBAC rules of the shipped manifests, as the API server reads them.

Used by wire depth for every request and by both depths for access reviews. Roles, bindings and aggregation are read
from Kubernetes documents. It must never know which requests are made.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from sim.cluster.resources import RBAC_RESOURCES
from sim.cluster.store import Store
from wfexec.model.requests import Change

Json = dict[str, Any]
ADMIN: Final = "admin"
_MASTERS: Final = "system:masters"
_KINDS: Final = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})
# What every server lets anybody read, as its own discovery roles do.
_OPEN_PATHS: Final = ("/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version")
# Everybody may ask about themselves (system:basic-user).
_SELF_REVIEWS: Final = frozenset({"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"})


class Access(NamedTuple):
    """One wish. `resource` includes the subresource (`pods/status`); `namespace` "" means the whole cluster."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


class Person(NamedTuple):
    """Who asks: a user's name and its groups."""

    name: str
    groups: tuple[str, ...]


class _Grant(NamedTuple):
    """`namespace` "" grants in the whole cluster. Subjects: kind, name, and how a reason names it."""

    namespace: str
    subjects: tuple[tuple[str, str, str], ...]
    rules: tuple[Json, ...]
    what: str


class Rbac:
    """`documents` may hold anything; only roles and bindings are read. `open`: everybody may do everything."""

    def __init__(self, documents: Iterable[Json], *, open: bool = False) -> None:
        relevant = [each for each in documents if each.get("kind") in _KINDS]
        self.open = open
        roles = {(each["kind"], _namespace(each), each["metadata"]["name"]): each for each in relevant}
        self._roles = {key: _rules(role, roles) for key, role in roles.items()}
        self._grants = [self._grant(each) for each in relevant if each["kind"].endswith("Binding")]
        # Of a function and not of a method of ours: we would hold what holds us.
        self.allowed = lru_cache(maxsize=4_096)(partial(_allowed, open, self._grants))

    def _grant(self, binding: Json) -> _Grant:
        reference = binding["roleRef"]
        cluster_wide = binding["kind"] == "ClusterRoleBinding"
        namespace = "" if cluster_wide else _namespace(binding)
        role = (reference["kind"], namespace if reference["kind"] == "Role" else "", reference["name"])
        subjects = tuple(_subject(each) for each in binding.get("subjects") or ())
        where = "" if cluster_wide else f"/{_namespace(binding)}"
        what = (
            f'RBAC: allowed by {binding["kind"]} "{binding["metadata"]["name"]}{where}" of {reference["kind"]}'
            f' "{reference["name"]}" to '
        )
        return _Grant(namespace, subjects, self._roles.get(role, ()), what)

    def allows_path(self, person: Person, path: str) -> bool:
        """May that be read which is no resource?"""
        if self.open or person.name == ADMIN or path.startswith(_OPEN_PATHS):
            return True
        for grant in self._grants:
            meant = any(
                name in (person.groups if kind == "Group" else (person.name,)) for kind, name, _ in grant.subjects
            )
            if meant and not grant.namespace:
                for rule in grant.rules:
                    if path in (rule.get("nonResourceURLs") or ()) and "get" in rule["verbs"]:
                        return True
        return False


class Rights:
    """The rules of the manifests and of roles and bindings made in the cluster, which take effect at once."""

    def __init__(self, store: Store, manifests: Iterable[Json]) -> None:
        self._store = store
        self._manifests = tuple(manifests)
        self._current: Rbac | None = None
        for key in RBAC_RESOURCES:
            store.watch(key, 0, self._changed)

    def now(self) -> Rbac:
        if self._current is None:
            made = (stored.body for key in RBAC_RESOURCES for stored in self._store.all(key))
            self._current = Rbac((*self._manifests, *made), open=not self._manifests)
        return self._current

    def _changed(self, change: Change, body: Json, version: str) -> None:
        self._current = None


def person_of(user: str) -> Person:
    """A user with the groups that the server gives it."""
    parts = user.split(":")
    groups: tuple[str, ...] = ("system:authenticated",)
    if len(parts) == 4 and parts[:2] == ["system", "serviceaccount"]:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{parts[2]}", *groups)
    return Person(user, groups)


def _subject(subject: Mapping[str, str]) -> tuple[str, str, str]:
    kind, name = subject["kind"], subject["name"]
    if kind == "ServiceAccount":
        namespace = subject["namespace"]
        return "User", f"system:serviceaccount:{namespace}:{name}", f'ServiceAccount "{name}/{namespace}"'
    return kind, name, f'{kind} "{name}"'


def _namespace(document: Json) -> str:
    return str(document["metadata"].get("namespace", "")) if not document["kind"].startswith("Cluster") else ""


def _rules(role: Json, roles: Mapping[tuple[str, str, str], Json]) -> tuple[Json, ...]:
    """A role's own rules and those it gathers from others by their labels."""
    rules = list(role.get("rules") or ())
    for selector in (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ():
        wanted = selector["matchLabels"].items()
        for (kind, _, _), other in roles.items():
            if kind == "ClusterRole" and wanted <= (other["metadata"].get("labels") or {}).items():
                rules += other.get("rules") or ()
    return tuple(rules)


def _allowed(open: bool, grants: Iterable[_Grant], person: Person, access: Access) -> str | None:
    """Why it is allowed; None when it is not."""
    if open or person.name == ADMIN or _MASTERS in person.groups:
        return ""
    if access.resource in _SELF_REVIEWS:
        return 'RBAC: allowed by ClusterRoleBinding "system:basic-user"'
    for grant in grants:
        if grant.namespace and grant.namespace != access.namespace:
            continue
        for kind, name, shown in grant.subjects:
            meant = name in person.groups if kind == "Group" else name == person.name
            if meant and any(_covers(rule, access) for rule in grant.rules):
                return grant.what + shown
    return None


def _covers(rule: Json, access: Access) -> bool:
    if "nonResourceURLs" in rule or not _one_of(rule["verbs"], access.verb):
        return False
    if not _one_of(rule.get("apiGroups") or (), access.group):
        return False
    resources = rule.get("resources") or ()
    _, slash, subresource = access.resource.partition("/")
    if not _one_of(resources, access.resource) and not (slash and f"*/{subresource}" in resources):
        return False
    names = rule.get("resourceNames") or ()
    return not names or access.name in names


def _one_of(options: Iterable[str], wanted: str) -> bool:
    return wanted in (listed := tuple(options)) or "*" in listed
