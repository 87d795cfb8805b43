"""Which object or collection does an HTTP request mean, and what does it want of it?

Called by the HTTP layer first. What it does not know it does not guess: an unknown path, query or subresource raises
`Unmodelled`.
"""

from typing import Final, NamedTuple
from urllib.parse import unquote

from sim.cluster.rbac import Access
from sim.cluster.resources import Resource, Resources, Unmodelled

_VERBS: Final = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_ANY: Final = ("pretty", "timeout")
_WRITE: Final = (*_ANY, "dryRun", "fieldManager", "fieldValidation", "force")
_QUERIES: Final = {
    "get": (*_ANY, "resourceVersion"),
    "list": (
        *(*_ANY, "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "resourceVersionMatch"),
        *("watch", "allowWatchBookmarks", "timeoutSeconds", "sendInitialEvents"),
    ),
    "create": _WRITE,
    "update": _WRITE,
    "patch": _WRITE,
    "delete": (*_ANY, "dryRun", "gracePeriodSeconds", "propagationPolicy", "orphanDependents"),
}
REVIEWS: Final = {
    ("authorization.k8s.io", "subjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authentication.k8s.io", "tokenreviews"),
    ("authentication.k8s.io", "selfsubjectreviews"),
}


class Call(NamedTuple):
    """A request as the API sees it. `name` "" is the collection; `review` names a review, then `resource` is None."""

    verb: str
    resource: Resource | None
    namespace: str
    name: str
    subresource: str
    query: dict[str, str]
    review: str = ""
    access: Access = Access("", "", "")


def parse(method: str, path: str, query: tuple[tuple[str, str], ...], resources: Resources) -> Call:
    """What is meant by a path below /api or /apis."""
    parts = path.strip("/").split("/")
    if "%" in path:
        parts = [unquote(part) for part in parts]
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise Unmodelled(f"{method} {path}")
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and (len(rest) > 3 or rest[2] not in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
    asked = dict(query)
    if (group, rest[0]) in REVIEWS and method == "POST" and len(rest) == 1:
        access = Access("create", group, rest[0])
        return Call("create", None, "", "", "", asked, rest[0], access)
    resource = resources.at(group, version, rest[0])
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if resource is None or len(rest) > 3 or not _has(resource, subresource) or (namespace and not resource.namespaced):
        raise Unmodelled(f"{method} {path}")
    verb = _verb(method, name, asked)
    unknown = sorted(asked.keys() - _QUERIES.get("list" if verb == "watch" else verb, ()))
    if unknown:
        raise Unmodelled(f"{verb} {path} with {', '.join(unknown)}")
    called = f"{resource.plural}/{subresource}" if subresource else resource.plural
    # A namespace is within itself, as far as rights go.
    where = name if resource.plural == "namespaces" else namespace
    access = Access(verb, group, called, where, name)
    return Call(verb, resource, namespace, name, subresource, asked, access=access)


def _has(resource: Resource, subresource: str) -> bool:
    return (
        not subresource or (subresource == "status" and resource.status) or (subresource == "scale" and resource.scale)
    )


def _verb(method: str, name: str, query: dict[str, str]) -> str:
    verb = _VERBS.get(method, "")
    if not verb:
        raise Unmodelled(f"method {method}")
    if name:
        if verb == "create":
            raise Unmodelled("POST to an object")
        return verb
    if verb == "get":
        return "watch" if query.get("watch") in ("1", "true") else "list"
    if verb != "create":
        raise Unmodelled(f"{method} of a collection")
    return verb
