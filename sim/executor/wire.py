"""Which HTTP request carries what the executor asks, and what does the answer mean?

Called by the live driver; the executor's twin of `wfexec.crd.wire`, which it leans on for its own kind. It must never
send: requests become `HttpCall`s and replies become outcomes.
"""

from typing import Any, Final, cast

import orjson

from sim.cluster.requests import (
    CreateTarget,
    DeleteTarget,
    GetTarget,
    ListTargets,
    PatchExecutionStatus,
    PatchTarget,
    TargetBody,
    TargetOutcome,
)
from wfexec.crd import wire
from wfexec.crd.wire import HttpCall
from wfexec.model.base import clip
from wfexec.model.facts import TargetRef
from wfexec.model.requests import Code, PatchStatus

COLLECTIONS: Final = {
    "ConfigMap": ("/api/v1", "configmaps"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "Node": ("/api/v1", "nodes"),
    "Pod": ("/api/v1", "pods"),
    "Secret": ("/api/v1", "secrets"),
}
# No kubelet runs what we end: nobody would ever confirm a graceful end.
_AT_ONCE: Final = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}


def status_write(body: PatchExecutionStatus) -> PatchStatus:
    """The executor's report as the controller's own kind of write: the wire tells them apart by the key alone."""
    return PatchStatus(*cast(Any, tuple(body)))


def target_path(kind: str, namespace: str, name: str = "") -> str:
    root, plural = COLLECTIONS[kind]
    return wire.place(root, plural, namespace, name)


def encode(body: TargetBody) -> HttpCall:
    match body:
        case GetTarget(ref):
            return HttpCall("GET", _at(ref))
        case ListTargets(kind, namespace):
            return HttpCall("GET", target_path(kind, namespace))
        case PatchTarget(ref, patch, subresource):
            path = f"{_at(ref)}/{subresource}" if subresource else _at(ref)
            return HttpCall("PATCH", path, (), wire.MERGE_PATCH, orjson.dumps(patch))
        case CreateTarget(ref, content):
            return HttpCall("POST", target_path(ref.kind, ref.namespace), (), wire.JSON, orjson.dumps(content))
        case DeleteTarget(ref):
            return HttpCall("DELETE", _at(ref), (), wire.JSON, orjson.dumps(_AT_ONCE))


def decode(body: TargetBody, status: int, payload: bytes, retry_after: str | None) -> TargetOutcome:
    """What the reply to `encode(body)` means; a doubtful end of a write is LOST."""
    if status >= 300:
        refused = wire.refusal(None, status, payload, retry_after)
        doubtful = status in (500, 502, 504) and not isinstance(body, GetTarget | ListTargets)
        code = Code.LOST if doubtful else refused.code
        return TargetOutcome(code, None, refused.message, refused.retry_after_ms)
    if isinstance(body, DeleteTarget):
        return TargetOutcome(Code.OK)
    try:
        found = orjson.loads(payload)
        if isinstance(body, ListTargets):
            head = {"apiVersion": found["apiVersion"], "kind": body.kind}
            return TargetOutcome(Code.OK, tuple({**head, **item} for item in found["items"]))
        return TargetOutcome(Code.OK, dict(found))
    except (ValueError, KeyError, TypeError) as error:
        return TargetOutcome(Code.LOST, message=clip(f"unreadable reply with status {status}: {error}"))


def _at(ref: TargetRef) -> str:
    return target_path(ref.kind, ref.namespace, ref.name)
