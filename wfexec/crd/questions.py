"""Which requests answer a question of the core, and what do their replies say?

Called by whoever carries an `Ask` out, in production and in the simulated cluster's wire depth. It must never turn
"could not look" into "is not there": without a right or a reply the answer is `Unknown`.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from wfexec.crd.quantity import Resources, free_rooms, moving
from wfexec.crd.replies import CACHED, REFUSED, RUNNING, Reply, condition, restarts, selected, told, unknown
from wfexec.crd.surroundings import surroundings_calls, surroundings_facts
from wfexec.crd.template_lookup import template_calls, template_facts
from wfexec.crd.wire import JSON, HttpCall, place
from wfexec.errors import OurBug
from wfexec.model.base import clip
from wfexec.model.facts import (
    AccessFacts,
    AskAccess,
    AskAlerts,
    AskCopy,
    AskHistory,
    AskNetwork,
    AskNodes,
    AskParent,
    AskSurroundings,
    AskTarget,
    AskTemplate,
    CopyFacts,
    Facts,
    NetworkFacts,
    NodeRoom,
    NodesFacts,
    ParentFacts,
    Question,
    Room,
    TargetFacts,
    TargetRef,
    Unknown,
)
from wfexec.model.meta import REMEDIATION_API, REMEDIATION_PLURAL
from wfexec.units import parse_duration, so_many

# Of a Secret only the metadata travels: its content is none of our business.
METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_PLACES: Final = {
    "Deployment": ("/apis/apps/v1", "deployments"),
    "Pod": ("/api/v1", "pods"),
    "Node": ("/api/v1", "nodes"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Secret": ("/api/v1", "secrets"),
}
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_SIZES: Final = ("cpu", "memory")
_REVISION: Final = "deployment.kubernetes.io/revision"

State = dict[str, str]


class Health(NamedTuple):
    """`healthy` None where the kind has none; `message` says what is wrong."""

    healthy: bool | None
    state: State
    message: str


def calls(question: Question) -> tuple[HttpCall, ...]:
    """The requests of one question; their replies go to `facts` in the same order. Reply status 0: none came."""
    match question:
        case AskAccess():
            return (_review(question),)
        case AskTarget(target):
            return _looks(target)
        case AskNodes():
            return (HttpCall("GET", "/api/v1/nodes", (CACHED,)), HttpCall("GET", "/api/v1/pods", (RUNNING, CACHED)))
        case AskNetwork():
            return (HttpCall("GET", "/readyz"),)
        case AskHistory() | AskAlerts():
            raise OurBug(f"the {question.about} are not asked of the API server")
        case AskTemplate():
            return template_calls(question)
        case AskCopy(namespace, name):
            return (HttpCall("GET", place("/api/v1", "configmaps", namespace, name)),)
        case AskSurroundings():
            return surroundings_calls(question)
        case AskParent(namespace, name):
            return (HttpCall("GET", place(f"/apis/{REMEDIATION_API}", REMEDIATION_PLURAL, namespace, name)),)


def facts(question: Question, replies: tuple[Reply, ...]) -> Facts:
    """What the replies say; `Unknown` when we may not look or nobody answered."""
    try:
        match question:
            case AskAccess():
                return _access(question, replies[0])
            case AskTarget(target):
                return _target(target, replies)
            case AskNodes():
                return _nodes(question.named, replies)
            case AskNetwork():
                status, payload = replies[0]
                # Whoever says no does answer.
                if status in (200, *REFUSED):
                    return NetworkFacts(True, "")
                return NetworkFacts(False, told(payload) or (f"HTTP {status}" if status else "no answer"))
            case AskHistory() | AskAlerts():
                raise OurBug(f"the API server knows no {question.about}")
            case AskTemplate():
                return template_facts(question, replies)
            case AskSurroundings():
                return surroundings_facts(question, replies)
            case AskParent():
                return _parent(question, replies[0])
            case AskCopy():
                return _copy(question, replies[0])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Unknown(clip(f"unreadable reply: {error}"), transient=True)


def _review(question: AskAccess) -> HttpCall:
    resource, _, subresource = question.resource.partition("/")
    attributes = {
        "verb": question.verb,
        "group": question.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": question.namespace,
        "name": question.name,
    }
    spec = {
        "user": question.user,
        "groups": list(groups_of(question.user)),
        "resourceAttributes": {key: value for key, value in attributes.items() if value},
    }
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    return HttpCall("POST", _REVIEWS, (), JSON, orjson.dumps(review))


def groups_of(user: str) -> tuple[str, ...]:
    """The groups that every service account has; of a person only the name is known."""
    parts = user.split(":")
    if len(parts) == 4 and parts[:2] == ["system", "serviceaccount"]:
        return ("system:serviceaccounts", f"system:serviceaccounts:{parts[2]}", "system:authenticated")
    return ("system:authenticated",)


def _copy(question: AskCopy, reply: Reply) -> Facts:
    status, payload = reply
    if status == 404:
        return CopyFacts(None)
    if status != 200:
        return unknown(status, payload, f"read ConfigMap {question.namespace}/{question.name}")
    return CopyFacts(dict(orjson.loads(payload).get("data") or {}))


def _parent(question: AskParent, reply: Reply) -> Facts:
    """A cluster without the kind of it has none of that name either."""
    status, payload = reply
    if status == 404:
        return ParentFacts("")
    if status != 200:
        return unknown(status, payload, f"read RemediationRequest {question.namespace}/{question.name}")
    raw = orjson.loads(payload)
    limit, complaint = _time_given(raw)
    return ParentFacts(raw["metadata"]["uid"], limit, complaint)


def _time_given(raw: dict[str, Any]) -> tuple[int | None, str]:
    """`spec.timeoutConfig.workflowExecutionTimeout`, and what is wrong with it. Go prints 0s for what is not set."""
    spec = raw.get("spec")
    config = spec.get("timeoutConfig") if isinstance(spec, dict) else None
    written = config.get("workflowExecutionTimeout") if isinstance(config, dict) else None
    if written is None:
        return None, ""
    try:
        # A number is no duration there.
        return parse_duration(written if isinstance(written, str) else str(written)) or None, ""
    except ValueError as error:
        return None, clip(f"spec.timeoutConfig.workflowExecutionTimeout: {error}")


def _looks(target: TargetRef) -> tuple[HttpCall, ...]:
    if target.kind not in _PLACES:
        raise OurBug(f"nobody can look at a {target.kind}")
    root, plural = _PLACES[target.kind]
    path = place(root, plural, "" if target.kind == "Node" else target.namespace, target.name)
    if target.kind == "Secret":
        return (HttpCall("GET", path, accept=METADATA_ONLY),)
    if target.kind == "Deployment":
        # Its status says nothing of crash loops; its selector is known only after the first reply.
        pods = HttpCall("GET", place("/api/v1", "pods", target.namespace, ""), (RUNNING, CACHED))
        return (HttpCall("GET", path), pods)
    return (HttpCall("GET", path),)


def _access(question: AskAccess, reply: Reply) -> Facts:
    status, payload = reply
    if status not in (200, 201):
        return unknown(status, payload, "ask for access reviews")
    told = orjson.loads(payload)["status"]
    allowed = bool(told.get("allowed")) and not told.get("denied")
    where = f" in {question.namespace}" if question.namespace else ""
    default = "" if allowed else f"{question.user} may not {question.verb} {question.resource}{where}"
    return AccessFacts(allowed, clip(told.get("reason") or told.get("evaluationError") or default))


def _target(target: TargetRef, replies: tuple[Reply, ...]) -> Facts:
    status, payload = replies[0]
    where = f"{target.namespace}/{target.name}" if target.namespace else target.name
    if status == 404:
        return TargetFacts(False, False, None, {}, f"{target.kind} {where} does not exist")
    if status != 200:
        return unknown(status, payload, f"read {target.kind} {where}")
    raw = orjson.loads(payload)
    pods = orjson.loads(replies[1][1])["items"] if len(replies) > 1 and replies[1][0] == 200 else None
    health = _health(target.kind, raw, pods)
    terminating = raw["metadata"].get("deletionTimestamp") is not None
    message = f"{target.kind} {where} is being deleted" if terminating else health.message
    return TargetFacts(True, terminating, health.healthy, health.state, clip(message))


def _health(kind: str, raw: dict[str, Any], pods: list[Any] | None) -> Health:
    version = raw["metadata"].get("resourceVersion", "")
    match kind:
        case "Deployment":
            return deployment_health(raw, pods)
        case "Pod":
            return pod_health(raw)
        case "Node":
            ready = condition(raw, "Ready")
            unschedulable = bool(raw.get("spec", {}).get("unschedulable"))
            state = {"unschedulable": _word(unschedulable), "ready": ready}
            return Health(ready == "True", state, "" if ready == "True" else "node is not ready")
        case "ConfigMap":
            data = raw.get("data") or {}
            state = {"resourceVersion": version} | {f"data:{key}": data[key] for key in data}
            return Health(None, state | ({"immutable": "true"} if raw.get("immutable") else {}), "")
        case _:
            return Health(None, {"resourceVersion": version}, "")


def deployment_health(raw: dict[str, Any], pods: list[Any] | None) -> Health:
    """Healthy: the controller has seen the wish, all replicas are new and ready, none is in a crash loop.

    `pods` are those of its namespace, None where we may not read them: then crash loops go unseen.
    """
    spec, status = raw.get("spec", {}), raw.get("status") or {}
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    available = condition(raw, "Available")
    state = {
        "replicas": str(wanted),
        "readyReplicas": str(ready),
        "available": available,
        "revision": (raw["metadata"].get("annotations") or {}).get(_REVISION, ""),
    }
    containers = spec.get("template", {}).get("spec", {}).get("containers") or ()
    for each in containers:
        name, resources = each["name"], each.get("resources") or {}
        state[f"image:{name}"] = each.get("image", "")
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        # What asks for nothing is given its limit as a request by the API server.
        for kind in _SIZES:
            if kind in limits:
                state[f"{kind}Limit:{name}"] = str(limits[kind])
            if kind in requests or kind in limits:
                state[f"{kind}:{name}"] = str(requests[kind] if kind in requests else limits[kind])
    if spec.get("paused"):
        state["paused"] = "true"
    complaints = []
    if status.get("observedGeneration", 0) < raw["metadata"].get("generation", 0):
        complaints.append("the change is not rolled out yet")
    if status.get("updatedReplicas", 0) < wanted or ready < wanted:
        replicas = so_many(wanted, "replica is", "replicas are")
        complaints.append(f"{min(ready, status.get('updatedReplicas', 0))} of {replicas} new and ready")
    if available != "True" and wanted:
        complaints.append("not available")
    if pods is not None:
        own = selected(pods, spec.get("selector", {}).get("matchLabels") or {})
        count, crashing = restarts(own)
        state["restarts"] = str(count)
        complaints.extend(crashing)
    return Health(not complaints, state, "; ".join(complaints))


def pod_health(raw: dict[str, Any]) -> Health:
    """Healthy: running and ready, or done with success."""
    phase, ready = (raw.get("status") or {}).get("phase", ""), condition(raw, "Ready")
    _, crashing = restarts((raw,))
    healthy = phase == "Succeeded" or (phase == "Running" and ready == "True" and not crashing)
    wrong = "; ".join(crashing) or f"pod is {phase or 'not started'}, ready {ready}"
    return Health(healthy, {"phase": phase, "ready": ready}, "" if healthy else wrong)


def _nodes(named: tuple[str, ...], replies: tuple[Reply, ...]) -> Facts:
    for (status, payload), what in zip(replies, ("read nodes", "read pods"), strict=True):
        if status != 200:
            return unknown(status, payload, what)
    nodes, pods = (orjson.loads(payload)["items"] for _, payload in replies)
    usable = frozenset(_name(node) for node in nodes if _takes_pods(node))
    free = free_rooms({_name(node): node for node in nodes}, pods)
    named_rooms = tuple(_room_of(_name(node), usable, free, pods) for node in nodes if _name(node) in named)
    rooms = {name: Room(*room) for name, room in free.items() if name in usable}
    others = tuple(room for name, room in rooms.items() if name not in named)
    cpu_m, memory = (sum(figures) for figures in zip(*rooms.values(), strict=True)) if rooms else (0, 0)
    return NodesFacts(len(nodes), len(usable), cpu_m, memory, named_rooms, others)


def _name(raw: Mapping[str, Any]) -> str:
    return str(raw["metadata"]["name"])


def _room_of(name: str, usable: frozenset[str], rooms: dict[str, Resources], pods: list[Any]) -> NodeRoom:
    free, away = rooms[name], moving(name, pods)
    cpu_m, memory = sum(pod.cpu_m for pod in away), sum(pod.memory for pod in away)
    sizes = tuple(dict.fromkeys(Room(*pod) for pod in away))
    return NodeRoom(name, name in usable, free.cpu_m, free.memory, cpu_m, memory, sizes)


def _takes_pods(node: dict[str, Any]) -> bool:
    return not node.get("spec", {}).get("unschedulable") and condition(node, "Ready") == "True"


def _word(flag: bool) -> str:
    return "true" if flag else "false"
