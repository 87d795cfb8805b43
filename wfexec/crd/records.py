"""How do Events and Leases look as JSON?

Called by the wire codec. Two kinds of the API server's own that we write but never keep.
"""

from typing import Any, Final

from wfexec.model.meta import ANNOTATION_CORRELATION, LEASE_NAME, WORKFLOW_API, WORKFLOW_KIND, correlation_of
from wfexec.model.requests import EventWrite, Landmark, Lease
from wfexec.model.status import WorkflowExecution
from wfexec.units import format_instant, parse_instant

COMPONENT: Final = "workflow-execution"
REPORTER: Final = LEASE_NAME
# Of the ConfigMap, the only one of the landmarks that Events speak of.
CORE_API: Final = "v1"


def event_body(event: EventWrite) -> dict[str, Any]:
    """A new core/v1 Event, in the namespace of its object."""
    regarding = event.regarding
    meta = regarding.metadata
    what = (CORE_API, regarding.kind) if isinstance(regarding, Landmark) else (WORKFLOW_API, WORKFLOW_KIND)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": event.name, "namespace": event.namespace, **_marks(regarding)},
        "involvedObject": {
            "apiVersion": what[0],
            "kind": what[1],
            "name": meta.name,
            "namespace": meta.namespace,
            "uid": meta.uid,
            "resourceVersion": meta.resource_version,
        },
        "type": event.type,
        "reason": event.reason,
        "message": event.message,
        "count": event.times,
        "firstTimestamp": _seconds(event.first_ms),
        "lastTimestamp": _seconds(event.last_ms),
        "source": {"component": COMPONENT},
        "reportingComponent": REPORTER,
        "reportingInstance": COMPONENT,
    }


def _marks(regarding: WorkflowExecution | Landmark) -> dict[str, Any]:
    """By its correlation ID an Event is found together with children and log lines."""
    if isinstance(regarding, Landmark):
        return {}
    return {"annotations": {ANNOTATION_CORRELATION: correlation_of(regarding.metadata)}}


def event_patch(event: EventWrite) -> dict[str, Any]:
    """What changes when the same thing happens again."""
    return {"count": event.times, "lastTimestamp": _seconds(event.last_ms), "message": event.message}


def lease_body(lease: Lease) -> dict[str, Any]:
    """A whole Lease; with a resource version the server refuses to overwrite a newer one."""
    meta = {"name": lease.name, "namespace": lease.namespace}
    if lease.resource_version:
        meta["resourceVersion"] = lease.resource_version
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": meta,
        "spec": {
            "holderIdentity": lease.holder,
            # Whole seconds, at least one, or the server refuses it.
            "leaseDurationSeconds": max(1, -(-lease.duration_ms // 1_000)),
            "acquireTime": _micro(lease.acquire_ms),
            "renewTime": _micro(lease.renew_ms),
            "leaseTransitions": lease.transitions,
        },
    }


def lease_of(raw: dict[str, Any]) -> Lease:
    """A Lease from the server; one that nobody ever held has time 0."""
    meta, spec = raw["metadata"], raw.get("spec") or {}
    return Lease(
        name=meta["name"],
        namespace=meta["namespace"],
        resource_version=meta["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        duration_ms=(spec.get("leaseDurationSeconds") or 0) * 1_000,
        acquire_ms=_instant(spec.get("acquireTime")),
        renew_ms=_instant(spec.get("renewTime")),
        transitions=spec.get("leaseTransitions") or 0,
    )


def _instant(text: str | None) -> int:
    return parse_instant(text) if text else 0


def _seconds(ms: int) -> str:
    """metav1.Time has whole seconds."""
    return format_instant(ms - ms % 1_000)


def _micro(ms: int) -> str:
    """metav1.MicroTime wants exactly six digits."""
    return f"{format_instant(ms - ms % 1_000)[:-1]}.{ms % 1_000:03d}000Z"
