"""Kubernetes objects of the target world, as the API server would hold them: first state and derived status.

Called by the world and by whoever fills a cluster before the first step (`initial_objects`). Shapes are those of
Kubernetes (apps/v1, v1); the status of deployments is ours to write, since no deployment controller runs here.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import orjson

from sim.executor.merge import Object
from sim.executor.outcomes import Outcomes
from sim.executor.targets import Ailment, DeploymentTarget, NodeTarget, PodTarget, quantity
from wfexec.model.facts import TargetRef
from wfexec.units import format_instant

REVISION: Final = "deployment.kubernetes.io/revision"
CHANGE_CAUSE: Final = "kubernetes.io/change-cause"
RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"
PREVIOUS: Final = "executor.kubernaut.io/previous-templates"
MANAGED_ANNOTATIONS: Final = (REVISION, CHANGE_CAUSE, PREVIOUS)
MANAGED_META: Final = ("resourceVersion", "generation", "uid", "creationTimestamp", "managedFields", "selfLink")
REVISIONS_KEPT: Final = 5
API_VERSIONS: Final = {"Deployment": "apps/v1", "Node": "v1", "Pod": "v1", "ConfigMap": "v1", "Secret": "v1"}
Seen = Mapping[TargetRef, Object | None]


def split(key: str) -> tuple[str, str]:
    namespace, _, name = key.partition("/")
    return namespace, name


def base(ref: TargetRef) -> Object:
    """The head of an object: what it is and how it is called."""
    metadata = {"name": ref.name} | ({"namespace": ref.namespace} if ref.namespace else {})
    return {"apiVersion": API_VERSIONS[ref.kind], "kind": ref.kind, "metadata": metadata}


def template(name: str, model: DeploymentTarget, image: str) -> Object:
    labels = {"app": name} | model.labels
    container = {
        "name": model.container or name,
        "image": image,
        "resources": {
            "requests": {"cpu": model.cpu, "memory": model.memory},
            "limits": {"memory": model.memory},
        },
    }
    return {"metadata": {"labels": labels}, "spec": {"containers": [container]}}


def deployment(key: str, outcomes: Outcomes, now: int) -> Object:
    """A deployment with its earlier revisions in the annotation `PREVIOUS`."""
    namespace, name = split(key)
    model = outcomes.cluster.deployments[key]
    kept = {str(n): template(name, model, image) for n, image in enumerate(model.history, 1)}
    made = base(TargetRef("Deployment", namespace, name))
    made["metadata"]["labels"] = {"app": name} | model.labels
    made["metadata"]["annotations"] = {REVISION: str(len(kept) + 1)} | (
        {PREVIOUS: orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()} if kept else {}
    )
    spec: Object = {
        "replicas": model.replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template(name, model, model.image),
    }
    configs = {
        TargetRef("ConfigMap", namespace, other): {"data": dict(config.data)}
        for (where, other), config in ((split(k), v) for k, v in outcomes.cluster.config_maps.items())
        if where == namespace
    }
    trouble = why_sick(outcomes, namespace, name, spec, configs)
    if model.healthy is not None:
        trouble = None if model.healthy else trouble or "pods are not ready"
    return made | {"spec": spec, "status": deployment_status(spec, 1, trouble, {}, now)}


def why_sick(outcomes: Outcomes, namespace: str, name: str, spec: Object, seen: Seen) -> str | None:
    """Why pods started from this template do not become ready; None when they do."""
    containers = spec.get("template", {}).get("spec", {}).get("containers", [])
    for container in containers:
        image = container.get("image", "")
        if any(fnmatchcase(image, glob) for glob in outcomes.bad_images):
            return f'ImagePullBackOff: Back-off pulling image "{image}"'
    model = outcomes.cluster.deployments.get(f"{namespace}/{name}")
    for ailment in model.unhealthy_while if model else ():
        trouble = _ails(ailment, containers, namespace, seen)
        if trouble:
            return trouble
    return None


def _ails(ailment: Ailment, containers: list[Object], namespace: str, seen: Seen) -> str | None:
    if ailment.image is not None:
        images = [c["image"] for c in containers if fnmatchcase(c.get("image", ""), ailment.image)]
        return f"CrashLoopBackOff: back-off restarting failed container of image {images[0]}" if images else None
    if ailment.memory_below is not None:
        limits = [c.get("resources", {}).get("limits", {}).get("memory") for c in containers]
        low = [limit for limit in limits if limit and quantity(limit) < quantity(ailment.memory_below)]
        return f"OOMKilled: container needs {ailment.memory_below}, its limit is {low[0]}" if low else None
    fault = ailment.config_map
    if fault is None:
        return None
    config = seen.get(TargetRef("ConfigMap", namespace, fault.name)) or {}
    value = config.get("data", {}).get(fault.key)
    if value is None or not fnmatchcase(value, fault.value):
        return None
    return f"CrashLoopBackOff: configuration {fault.name} has {fault.key} = {value}"


def deployment_status(spec: Object, generation: int, trouble: str | None, before: Object, now: int) -> Object:
    """What the deployment controller would write once the roll-out has settled."""
    replicas = spec.get("replicas", 1)
    ready = 0 if trouble else replicas
    status: Object = {"observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas}
    if ready:
        status |= {"readyReplicas": ready, "availableReplicas": ready}
    if replicas - ready:
        status["unavailableReplicas"] = replicas - ready
    conditions = [
        ("Available", not trouble, "MinimumReplicasUnavailable" if trouble else "MinimumReplicasAvailable"),
        ("Progressing", not trouble, "ProgressDeadlineExceeded" if trouble else "NewReplicaSetAvailable"),
    ]
    old = {condition["type"]: condition for condition in before.get("conditions", [])}
    status["conditions"] = [_condition(kind, ok, reason, trouble or "", old, now) for kind, ok, reason in conditions]
    return status


def _condition(kind: str, ok: bool, reason: str, message: str, old: Mapping[str, Object], now: int) -> Object:
    word = "True" if ok else "False"
    earlier = old.get(kind, {})
    if (earlier.get("status"), earlier.get("reason"), earlier.get("message", "")) == (word, reason, message):
        return earlier
    stamp = format_instant(now // 1_000 * 1_000)
    since = earlier["lastTransitionTime"] if earlier.get("status") == word else stamp
    made = {"type": kind, "status": word, "reason": reason, "lastTransitionTime": since, "lastUpdateTime": stamp}
    return made | ({"message": message} if message else {})


def node(name: str, model: NodeTarget, now: int) -> Object:
    size = {"cpu": model.cpu, "memory": model.memory, "pods": "110"}
    stamp = format_instant(now // 1_000 * 1_000)
    words = {"Ready": "True" if model.ready else "False"} | model.conditions
    conditions = [
        {
            "type": kind,
            "status": word,
            "reason": f"Kubelet{kind}" if word == "True" else f"KubeletHasNo{kind}",
            "lastHeartbeatTime": stamp,
            "lastTransitionTime": stamp,
        }
        for kind, word in words.items()
    ]
    made = base(TargetRef("Node", "", name))
    made["metadata"]["labels"] = {"kubernetes.io/hostname": name} | model.labels
    status = {"capacity": dict(size), "allocatable": dict(size), "conditions": conditions}
    spec = {"unschedulable": True} if model.unschedulable else {}
    return made | {"spec": spec, "status": status}


def pod(key: str, model: PodTarget, where: str, cause: str = "") -> Object:
    """A pod on node `where`; `cause` names the child that started it anew."""
    namespace, name = split(key)
    made = base(TargetRef("Pod", namespace, name))
    made["metadata"]["labels"] = dict(model.labels)
    if cause:
        made["metadata"]["annotations"] = {CHANGE_CAUSE: cause}
    requests = {"requests": {"cpu": model.cpu, "memory": model.memory}}
    spec: Object = {
        "nodeName": where,
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "containers": [{"name": "main", "image": model.image, "resources": requests}],
    }
    if model.local_data:
        spec["volumes"] = [{"name": "scratch", "emptyDir": {}}]
    return made | {"spec": spec, "status": pod_status(ready=model.ready)}


def pod_status(*, ready: bool) -> Object:
    word = "True" if ready else "False"
    conditions = [{"type": kind, "status": word} for kind in ("Ready", "ContainersReady")]
    return {"phase": "Running", "conditions": conditions}


def initial_objects(outcomes: Outcomes, now: int) -> tuple[tuple[TargetRef, Object], ...]:
    """Every object of the file's cluster, nodes before what runs on them; namespaces apart (`namespaces`)."""
    cluster = outcomes.cluster
    made = [(TargetRef("Node", "", name), node(name, model, now)) for name, model in cluster.nodes.items()]
    for kind, among in (("ConfigMap", cluster.config_maps), ("Secret", cluster.secrets)):
        for key, config in among.items():
            ref = TargetRef(kind, *split(key))
            head = base(ref)
            if config.labels:
                head["metadata"]["labels"] = dict(config.labels)
            made.append((ref, head | {"data": dict(config.data)}))
    made += [(TargetRef("Deployment", *split(key)), deployment(key, outcomes, now)) for key in cluster.deployments]
    made += [(TargetRef("Pod", *split(key)), pod(key, model, model.node)) for key, model in cluster.pods.items()]
    return tuple(made)


def namespaces(outcomes: Outcomes) -> tuple[tuple[str, dict[str, str]], ...]:
    """(name, labels) of every namespace the file names or uses, by name."""
    cluster = outcomes.cluster
    found: dict[str, dict[str, str]] = {}
    for among in (cluster.deployments, cluster.config_maps, cluster.secrets, cluster.pods):
        found |= {split(key)[0]: {} for key in among}
    found |= {name: dict(given.labels) for name, given in cluster.namespaces.items()}
    return tuple(sorted(found.items()))


def restorable(target: Object) -> Object:
    """The object without what Kubernetes and the executor count: the part a rollback gives back byte for byte."""
    metadata: dict[str, Any] = {k: v for k, v in target["metadata"].items() if k not in MANAGED_META}
    kept = {k: v for k, v in metadata.pop("annotations", {}).items() if k not in MANAGED_ANNOTATIONS}
    if kept:
        metadata["annotations"] = kept
    made = {**target, "metadata": metadata}
    status = {k: v for k, v in target.get("status", {}).items() if k != "observedGeneration"}
    if "conditions" in status:
        counters = ("lastTransitionTime", "lastUpdateTime", "lastHeartbeatTime")
        status["conditions"] = [{k: v for k, v in c.items() if k not in counters} for c in status["conditions"]]
    if status:
        made["status"] = status
    inner = target.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
    if RESTARTED_AT in inner:
        spec = dict(target["spec"])
        head = {k: v for k, v in spec["template"]["metadata"].items() if k != "annotations"}
        rest = {k: v for k, v in inner.items() if k != RESTARTED_AT}
        spec["template"] = {**spec["template"], "metadata": head | ({"annotations": rest} if rest else {})}
        made["spec"] = spec
    return made
