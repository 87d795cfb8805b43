"""How does a workload look through its scale subresource, and what does writing that change?"""

from typing import Any

from sim.cluster.resources import Resource

Json = dict[str, Any]


def shown(resource: Resource, body: Json) -> Json:
    """autoscaling/v1 Scale."""
    meta = body["metadata"]
    kept = {
        key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if key in meta
    }
    labels = ((body.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    status: Json = {"replicas": (body.get("status") or {}).get("replicas", 0)}
    if labels:
        status["selector"] = ",".join(f"{key}={labels[key]}" for key in sorted(labels))
    replicas = (body.get("spec") or {}).get("replicas", 0)
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": kept, "spec": spec, "status": status}


def applied(body: Json, scale: Json) -> Json:
    """The workload with the replicas of that Scale, fenced by its resourceVersion."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    meta = {**body["metadata"], "resourceVersion": scale["metadata"].get("resourceVersion", "")}
    return {**body, "metadata": meta, "spec": {**(body.get("spec") or {}), "replicas": replicas}}
