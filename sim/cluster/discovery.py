"""How does a client find out what the server is and serves?

Called by the HTTP layer for paths that are no resource: health, version, discovery, and as much OpenAPI as kubectl
needs to know that the server validates fields itself.
"""

from typing import Any, Final

from sim.cluster.resources import Resource, Resources

Json = dict[str, Any]
HEALTH: Final = ("/healthz", "/livez", "/readyz")
_VERBS: Final = ["create", "delete", "get", "list", "patch", "update", "watch"]
_REVIEWS: Final = {
    "authorization.k8s.io/v1": (
        ("subjectaccessreviews", "SubjectAccessReview"),
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    ),
    "authentication.k8s.io/v1": (("tokenreviews", "TokenReview"), ("selfsubjectreviews", "SelfSubjectReview")),
}
_VERSION: Final = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.3-fake",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "python",
}


def answer(path: str, resources: Resources) -> Json | str | None:
    """The answer to a GET of that path; None when it is not about the server itself."""
    path = path.rstrip("/")
    if path in HEALTH:
        return "ok"
    if path == "/version":
        return dict(_VERSION)
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    # Of the paths that follow, only those of OpenAPI are as long as the path of a resource.
    if path.count("/") > 3 and not path.startswith("/openapi/"):
        return None
    groups = _groups(resources)
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(each) for each in groups if "/" in each]}
    if path == "/openapi/v3":
        paths = {_root(each).strip("/"): {"serverRelativeURL": f"/openapi/v3{_root(each)}"} for each in groups}
        return {"paths": paths}
    for group_version in groups:
        root = _root(group_version)
        if path == root:
            return _resource_list(group_version, groups[group_version])
        if path == f"/openapi/v3{root}":
            return _open_api(groups[group_version])
        if "/" in group_version and path == root.rpartition("/")[0]:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group_version)}
    return None


def _groups(resources: Resources) -> dict[str, list[Resource]]:
    """Resources by apiVersion, in the order of the table."""
    groups: dict[str, list[Resource]] = {}
    for resource in resources.all:
        groups.setdefault(resource.api_version, []).append(resource)
    for review in _REVIEWS:
        groups.setdefault(review, [])
    return groups


def _root(group_version: str) -> str:
    return f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}"


def _group(group_version: str) -> Json:
    group, _, version = group_version.partition("/")
    shown = {"groupVersion": group_version, "version": version}
    return {"name": group, "versions": [shown], "preferredVersion": shown}


def _resource_list(group_version: str, among: list[Resource]) -> Json:
    entries: list[Json] = []
    for each in among:
        entry: Json = {"name": each.plural, "singularName": each.singular, "namespaced": each.namespaced}
        entry |= {"kind": each.kind, "verbs": _VERBS}
        if each.short:
            entry["shortNames"] = list(each.short)
        if each.categories:
            entry["categories"] = list(each.categories)
        entries.append(entry)
        for has, name, kind in ((each.status, "status", each.kind), (each.scale, "scale", "Scale")):
            if has:
                below: Json = {"name": f"{each.plural}/{name}", "singularName": "", "namespaced": each.namespaced}
                below |= {"kind": kind, "verbs": ["get", "patch", "update"]}
                if kind == "Scale":
                    below |= {"group": "autoscaling", "version": "v1"}
                entries.append(below)
    for name, kind in _REVIEWS.get(group_version, ()):
        entries.append({"name": name, "singularName": "", "namespaced": False, "kind": kind, "verbs": ["create"]})
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}


def _open_api(among: list[Resource]) -> Json:
    paths = {}
    for each in among:
        where = f"{each.root}/namespaces/{{namespace}}" if each.namespaced else each.root
        kind = {"group": each.group, "version": each.version, "kind": each.kind}
        parameters = [{"name": name, "in": "query"} for name in ("dryRun", "fieldManager", "fieldValidation")]
        patch = {
            "parameters": parameters,
            "responses": {},
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": kind,
        }
        paths[f"{where}/{each.plural}/{{name}}"] = {"patch": patch}
    return {"openapi": "3.0.0", "info": {"title": "wfexec fake", "version": "v1"}, "paths": paths}
