"""What would a cluster answer that holds just these objects? The same questions, the same code that reads replies.

Called by `wfexec plan --against FILE`. Made from plain Kubernetes objects (`kubectl get … -o yaml`). A kind of which
the file holds nothing is not known, never taken for absent; rights and reachability are not in a file at all.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import orjson

from wfexec.crd import questions
from wfexec.crd.wire import HttpCall
from wfexec.model.bearings import Bearings, NamespaceFacts
from wfexec.model.facts import (
    AccessFacts,
    AskAccess,
    AskAlerts,
    AskHistory,
    AskNodes,
    AskParent,
    AskSurroundings,
    AskTarget,
    Facts,
    ParentFacts,
    Question,
    Unknown,
)
from wfexec.model.meta import REMEDIATION_KIND

Object = dict[str, Any]
KINDS: Final = {
    "deployments": "Deployment",
    "pods": "Pod",
    "nodes": "Node",
    "configmaps": "ConfigMap",
    "secrets": "Secret",
}
NOT_IN_FILE: Final = "a file of objects says nothing of that"
# Stands for the uid of an object that nobody has applied yet.
UNAPPLIED: Final = "planned"
ENDED: Final = ("Succeeded", "Failed")


class Offline(NamedTuple):
    """`denied` says why an access is not allowed, "" when it is; None: nothing is known of rights."""

    objects: tuple[Object, ...]
    denied: Callable[[AskAccess], str] | None = None


class OfflineCluster:
    def __init__(self, offline: Offline) -> None:
        self._offline = offline
        self._kinds = frozenset(one["kind"] for one in offline.objects)

    def knows(self, kind: str) -> bool:
        return kind in self._kinds

    def answer(self, question: Question) -> Facts:
        if isinstance(question, AskAccess):
            return self._access(question)
        if isinstance(question, AskHistory | AskAlerts):
            return Unknown(NOT_IN_FILE)
        if isinstance(question, AskParent):
            found = parent_among(self._offline.objects, question)
            return found or (ParentFacts("") if self.knows(REMEDIATION_KIND) else Unknown(NOT_IN_FILE))
        if isinstance(question, AskTarget) and not self.knows(question.target.kind):
            return Unknown(f"the file holds no {question.target.kind}")
        if isinstance(question, AskNodes | AskSurroundings) and not self.knows("Node"):
            return Unknown("the file holds no Node")
        return questions.facts(question, tuple(self._reply(call) for call in questions.calls(question)))

    def bearings(self) -> Bearings:
        spaces = [one for one in self._offline.objects if one["kind"] == "Namespace"]
        if not spaces:
            return Bearings()
        # Who may set what is taken to be guarded, as the shipped manifests have it.
        return Bearings(namespaces={one["metadata"]["name"]: namespace_facts(one) for one in spaces}, guarded=True)

    def _access(self, question: AskAccess) -> Facts:
        if self._offline.denied is None:
            return Unknown(NOT_IN_FILE)
        why = self._offline.denied(question)
        return AccessFacts(not why, why)

    def _reply(self, call: HttpCall) -> tuple[int, bytes]:
        """As an API server would reply to a GET."""
        parts = [unquote(part) for part in call.path.strip("/").split("/")]
        if parts[0] == "readyz":
            return 200, b"ok"
        place = parts[parts.index("v1") + 1 :]
        namespace = ""
        if place[0] == "namespaces" and len(place) > 2:
            namespace, place = place[1], place[2:]
        kind = KINDS.get(place[0], "")
        among = [
            one
            for one in self._offline.objects
            if one["kind"] == kind
            and (not namespace or one["metadata"].get("namespace", "default") == namespace)
            and _labelled(one, dict(call.query).get("labelSelector", ""))
        ]
        if len(place) == 1:
            return 200, orjson.dumps({"items": [one for one in among if _runs(one)]})
        found = [one for one in among if one["metadata"].get("name") == place[1]]
        return (200, orjson.dumps(found[0])) if found else (404, b"{}")


def parent_among(objects: Iterable[Object], question: AskParent) -> Facts | None:
    """What the RemediationRequest of that name says; one that was never applied has no uid. None: there is none."""
    for one in objects:
        meta = one["metadata"]
        place = (meta.get("namespace") or "default", meta.get("name"))
        if one["kind"] == REMEDIATION_KIND and place == (question.namespace, question.name):
            known = one | {"metadata": {**meta, "uid": meta.get("uid") or UNAPPLIED}}
            return questions.facts(question, ((200, orjson.dumps(known)),))
    return None


def namespace_facts(raw: Object) -> NamespaceFacts:
    meta = raw["metadata"]
    return NamespaceFacts(dict(meta.get("labels") or {}), meta.get("deletionTimestamp") is not None)


def _labelled(thing: Object, selector: str) -> bool:
    """`selector` is key=value, "" for any."""
    key, _, value = selector.partition("=")
    return not key or (thing["metadata"].get("labels") or {}).get(key) == value


def _runs(thing: Object) -> bool:
    return (thing.get("status") or {}).get("phase") not in ENDED
