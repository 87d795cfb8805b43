"""Which HTTP request carries what a parent asks, and what does the answer mean?

Called by `sim.wire_door` and by `sim.live_parent`; the parent's twin of `sim.executor.wire`. It must never send.
"""

from typing import Final

import orjson

from sim.cluster.requests import ListRequests, MakeWorkflow, ParentBody, TargetOutcome, TellRequest
from wfexec.crd import wire
from wfexec.crd.wire import HttpCall, place
from wfexec.model.base import clip
from wfexec.model.meta import REMEDIATION_API, REMEDIATION_PLURAL, WORKFLOW_API, WORKFLOW_PLURAL
from wfexec.model.requests import Code

_REQUESTS: Final = f"/apis/{REMEDIATION_API}"
_WORKFLOWS: Final = f"/apis/{WORKFLOW_API}"


def encode(body: ParentBody) -> HttpCall:
    match body:
        case ListRequests(namespace):
            return HttpCall("GET", place(_REQUESTS, REMEDIATION_PLURAL, namespace, ""))
        case MakeWorkflow(namespace, _, content):
            path = place(_WORKFLOWS, WORKFLOW_PLURAL, namespace, "")
            return HttpCall("POST", path, (), wire.JSON, orjson.dumps(content))
        case TellRequest(namespace, name, status):
            path = f"{place(_REQUESTS, REMEDIATION_PLURAL, namespace, name)}/status"
            return HttpCall("PATCH", path, (), wire.MERGE_PATCH, orjson.dumps({"status": status}))


def decode(body: ParentBody, status: int, payload: bytes, retry_after: str | None) -> TargetOutcome:
    """What the reply to `encode(body)` means; a doubtful end of a write is LOST."""
    if status >= 300:
        refused = wire.refusal(None, status, payload, retry_after)
        doubtful = status in (500, 502, 504) and not isinstance(body, ListRequests)
        code = Code.LOST if doubtful else refused.code
        return TargetOutcome(code, None, refused.message, refused.retry_after_ms)
    try:
        found = orjson.loads(payload)
        return TargetOutcome(Code.OK, tuple(found["items"]) if isinstance(body, ListRequests) else dict(found))
    except (ValueError, KeyError, TypeError) as error:
        return TargetOutcome(Code.LOST, message=clip(f"unreadable reply with status {status}: {error}"))
