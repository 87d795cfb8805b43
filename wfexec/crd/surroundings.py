"""What is not well near the targets of a workflow? Deployments, pods and nodes, as lists of the API server show them.

Called by `wfexec.crd.questions`. A pod counts for what looks after it, so that a pod which takes another's place is no
news. What could not be listed leaves the whole question open (BR-WF-051s).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from wfexec.crd.replies import CACHED, RUNNING, Reply, condition, restarts, selected, unknown
from wfexec.crd.wire import HttpCall, place
from wfexec.model.base import clip
from wfexec.model.facts import AskSurroundings, Facts, SurroundingsFacts, TargetRef, Unwell

# A CronJob calls each of its Jobs by the minute.
_BY_MINUTE: Final = re.compile(r"-\d{8,}$")
Json = Mapping[str, Any]


def surroundings_calls(question: AskSurroundings) -> tuple[HttpCall, ...]:
    """The nodes, then Deployments and pods of each namespace."""
    found = [HttpCall("GET", "/api/v1/nodes", (CACHED,))]
    for namespace in question.namespaces:
        found.append(HttpCall("GET", place("/apis/apps/v1", "deployments", namespace, ""), (CACHED,)))
        found.append(HttpCall("GET", place("/api/v1", "pods", namespace, ""), (RUNNING, CACHED)))
    return tuple(found)


def surroundings_facts(question: AskSurroundings, replies: tuple[Reply, ...]) -> Facts:
    """All that is not well, by kind, namespace and name."""
    what = ["list nodes"]
    for namespace in question.namespaces:
        where = f"in {namespace}" if namespace else "in all namespaces"
        what += [f"list deployments {where}", f"list pods {where}"]
    lists: list[list[Any]] = []
    for (status, payload), asked in zip(replies, what, strict=True):
        if status != 200:
            return unknown(status, payload, asked)
        lists.append(orjson.loads(payload)["items"])
    nodes, *others = lists
    found = {_ref("Node", one): "is not ready" for one in nodes if condition(one, "Ready") != "True"}
    for deployments, pods in zip(others[::2], others[1::2], strict=True):
        for ref, why in (*_deployments(deployments), *_pods(deployments, pods)):
            found.setdefault(ref, why)
    unwell = tuple(Unwell(ref, clip(found[ref], 253)) for ref in sorted(found))
    return SurroundingsFacts(unwell, sum(map(len, lists)))


def _ref(kind: str, raw: Json) -> TargetRef:
    meta = raw["metadata"]
    return TargetRef(kind, meta.get("namespace", ""), meta["name"])


def _deployments(deployments: list[Any]) -> Iterator[tuple[TargetRef, str]]:
    for one in deployments:
        if not one["spec"].get("replicas", 1):
            continue
        if condition(one, "Available") != "True":
            yield _ref("Deployment", one), "is not available"
        elif condition(one, "Progressing") == "False":
            yield _ref("Deployment", one), "is stuck in its roll-out"


def _pods(deployments: list[Any], pods: list[Any]) -> Iterator[tuple[TargetRef, str]]:
    """Few pods are in trouble: only for those it is looked up whose they are."""
    for pod in pods:
        why = _trouble(pod)
        ref = _whose(pod, deployments) if why or _unready(pod) else None
        if ref is not None and why:
            yield ref, f"pod {why}"
        elif ref is not None and ref.kind not in ("Deployment", "Job", "CronJob"):
            # How many ready pods a Deployment needs its own condition says; a Job's come and go.
            yield ref, f"pod {pod['metadata']['name']} is not ready"


def _trouble(pod: Json) -> str:
    """It cannot start, or nowhere is room for it."""
    _, crashing = restarts((pod,))
    if crashing:
        return crashing[0]
    for each in (pod.get("status") or {}).get("conditions") or ():
        if each["type"] == "PodScheduled" and each["status"] == "False" and each.get("reason") == "Unschedulable":
            return f"{pod['metadata']['name']} finds no node: {each.get('message', '')}".removesuffix(": ")
    return ""


def _unready(pod: Json) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running" and condition(pod, "Ready") != "True"


def _whose(pod: Json, deployments: list[Any]) -> TargetRef:
    """What looks after it, as people know it; the pod itself where nothing does."""
    meta = pod["metadata"]
    namespace, labels = meta.get("namespace", ""), meta.get("labels") or {}
    owner = next((one for one in meta.get("ownerReferences") or () if one.get("controller")), None)
    if owner is None:
        for one in deployments:
            wanted = one["spec"].get("selector", {}).get("matchLabels") or {}
            if one["metadata"].get("namespace", "") == namespace and selected((pod,), wanted):
                return _ref("Deployment", one)
        return TargetRef("Pod", namespace, meta["name"])
    kind, name = str(owner["kind"]), str(owner["name"])
    stamp = labels.get("pod-template-hash", "")
    if kind == "ReplicaSet" and stamp and name.endswith(f"-{stamp}"):
        return TargetRef("Deployment", namespace, name.removesuffix(f"-{stamp}"))
    if kind == "Job" and _BY_MINUTE.search(name):
        return TargetRef("CronJob", namespace, _BY_MINUTE.sub("", name))
    return TargetRef(kind, namespace, name)
