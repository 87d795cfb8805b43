"""Which rights does it take to apply a manifest? Those for each object in it, as far as its kind is known (BR-WF-015).

Called by planning for steps and undos that carry one. Pure: which resource a kind is stands in a table of what every
Kubernetes has. Of other kinds nobody here knows the resource, and of an object without a namespace nobody knows where
it goes: then not all is known, and the check says so.
"""

from typing import Any, Final, NamedTuple

from wfexec.crd.documents import flat, parse_documents
from wfexec.errors import BadInput
from wfexec.model.facts import AskAccess

# Each object costs three reviews.
OBJECTS_MAX: Final = 32
# Look at it, then make or change it; and whether its name counts: what is created has none for the API server yet.
VERBS: Final = (("get", True), ("create", False), ("patch", True))
# Group and plural of kinds in a namespace, and of the others.
_SPACED: Final = (
    ("", "configmaps secrets pods services serviceaccounts persistentvolumeclaims limitranges resourcequotas"),
    ("apps", "deployments statefulsets daemonsets replicasets"),
    ("autoscaling", "horizontalpodautoscalers"),
    ("batch", "jobs cronjobs"),
    ("coordination.k8s.io", "leases"),
    ("networking.k8s.io", "ingresses networkpolicies"),
    ("policy", "poddisruptionbudgets"),
    ("rbac.authorization.k8s.io", "roles rolebindings"),
)
_UNSPACED: Final = (
    ("", "namespaces nodes persistentvolumes"),
    ("networking.k8s.io", "ingressclasses"),
    ("rbac.authorization.k8s.io", "clusterroles clusterrolebindings"),
    ("scheduling.k8s.io", "priorityclasses"),
    ("storage.k8s.io", "storageclasses"),
)
_KNOWN: Final = {(group, plural): True for group, plurals in _SPACED for plural in plurals.split()} | {
    (group, plural): False for group, plurals in _UNSPACED for plural in plurals.split()
}


class ManifestRights(NamedTuple):
    """`whole`: these are all; else there is something in it of which nobody knows what it takes."""

    asked: tuple[AskAccess, ...]
    whole: bool


def manifest_rights(text: str, user: str) -> ManifestRights:
    """What this user must be allowed; nothing, and not whole, for a text that is no manifest."""
    try:
        objects = flat(document.value for document in parse_documents(text.encode(), "manifest"))
    except BadInput:
        return ManifestRights((), whole=False)
    asked: dict[AskAccess, None] = {}
    whole = len(objects) <= OBJECTS_MAX
    for each in objects[:OBJECTS_MAX]:
        found = _of_object(each, user)
        whole = whole and bool(found)
        asked |= dict.fromkeys(found)
    return ManifestRights(tuple(asked), whole)


def _of_object(thing: dict[str, Any], user: str) -> tuple[AskAccess, ...]:
    """() where its resource or its place is not known."""
    version, meta = thing.get("apiVersion"), thing["metadata"]
    name, namespace = meta.get("name"), meta.get("namespace") or ""
    if not isinstance(version, str) or not isinstance(name, str) or not isinstance(namespace, str):
        return ()
    group = version.rpartition("/")[0]
    plural = _plural(thing["kind"])
    spaced = _KNOWN.get((group, plural))
    if spaced is None or (spaced and not namespace):
        return ()
    where = namespace if spaced else ""
    return tuple(AskAccess(user, verb, group, plural, where, name if named else "") for verb, named in VERBS)


def _plural(kind: str) -> str:
    """As Kubernetes names the resources of its own kinds."""
    word = kind.lower()
    if word.endswith("s"):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
