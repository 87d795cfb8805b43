"""Which HTTP request carries what the engine asks, and what does the answer mean?

Called by the production transport and by the simulated cluster in wire depth, so both speak the same protocol. It
must never send: it turns requests into `HttpCall`s and replies into `Outcome`s, without memory.
"""

from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import orjson

from wfexec.crd.codec import Decoder, render_execution, status_patch
from wfexec.crd.landmarks import landmark
from wfexec.crd.records import event_body, event_patch, lease_body, lease_of
from wfexec.crd.tables import render
from wfexec.errors import OurBug
from wfexec.model.base import clip
from wfexec.model.meta import (
    EXECUTION_GROUP,
    EXECUTION_PLURAL,
    EXECUTION_VERSION,
    LABEL_COPY,
    WORKFLOW_GROUP,
    WORKFLOW_PLURAL,
    WORKFLOW_VERSION,
)
from wfexec.model.plan import Copy, MetadataChange
from wfexec.model.requests import (
    PAUSE_MS,
    Ask,
    Body,
    Change,
    Code,
    CreateExecution,
    CreateLease,
    DeleteExecution,
    DropCopy,
    EventWrite,
    EventWrites,
    Followed,
    GetLease,
    GetObject,
    KeepCopy,
    KeepRows,
    Kind,
    Listing,
    ListObjects,
    ObjectKey,
    Outcome,
    PatchMetadata,
    PatchStatus,
    Replied,
    Unreadable,
    UpdateLease,
    WatchObjects,
    WatchSeen,
)

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"

ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1"
_ROOTS: Final = {
    Kind.WORKFLOW: (f"/apis/{WORKFLOW_GROUP}/{WORKFLOW_VERSION}", WORKFLOW_PLURAL),
    Kind.EXECUTION: (f"/apis/{EXECUTION_GROUP}/{EXECUTION_VERSION}", EXECUTION_PLURAL),
    Kind.NAMESPACE: ("/api/v1", "namespaces"),
    Kind.REGISTRY: ("/api/v1", "configmaps"),
    Kind.ADMISSION_POLICY: (ADMISSION, "validatingadmissionpolicies"),
    Kind.ADMISSION_BINDING: (ADMISSION, "validatingadmissionpolicybindings"),
}
# Bookmarks are for kinds with many changes of others: a quiet watch can be renewed from an old version as well.
_BUSY: Final = frozenset({Kind.WORKFLOW, Kind.EXECUTION})
_LEASES: Final = "/apis/coordination.k8s.io/v1"
_READS: Final = (ListObjects, WatchObjects, GetObject, GetLease)
_DONE: Final = Outcome(Code.OK)
_ADDED: Final = b'{"type":"ADDED"'
# A gateway or a storage that gave up may have carried the write out after all: for a write these are LOST.
_DOUBTFUL: Final = frozenset({500, 502, 504})
TOO_MANY: Final = 429
# 401: the credentials may have been renewed by the next try.
_CODES: Final = {
    400: Code.INVALID,
    401: Code.UNAVAILABLE,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    405: Code.INVALID,
    406: Code.INVALID,
    409: Code.CONFLICT,
    410: Code.GONE,
    413: Code.INVALID,
    415: Code.INVALID,
    422: Code.INVALID,
    TOO_MANY: Code.THROTTLED,
    500: Code.UNAVAILABLE,
    501: Code.INVALID,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
}


class HttpCall(NamedTuple):
    """`query` holds (name, value) pairs, not yet escaped; `path` is escaped; `body` is empty for none."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    content_type: str = ""
    body: bytes = b""
    accept: str = JSON

    @property
    def target(self) -> str:
        """Path and query as they stand in the request line."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


class Page(NamedTuple):
    """One page of a list; `token` "" on the last one or when the list failed."""

    outcome: Outcome
    token: str


def object_path(kind: Kind, namespace: str, name: str = "") -> str:
    """Of one object, or of all in a namespace, or of all with an empty namespace."""
    root, plural = _ROOTS[kind]
    return place(root, plural, namespace, name)


def place(root: str, plural: str, namespace: str, name: str) -> str:
    """A path below an API root; empty namespace: the whole cluster, empty name: the collection."""
    within = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{root}{within}/{plural}/{quote(name, safe='')}" if name else f"{root}{within}/{plural}"


def encode(body: Body) -> HttpCall:
    """The request of any body but `Ask` and `EventWrites`, which are several requests each, and `KeepRows`."""
    match body:
        case ListObjects():
            return encode_page(body, "")
        case WatchObjects(kind, version, timeout_ms, namespace):
            query = (
                ("watch", "1"),
                *((("allowWatchBookmarks", "true"),) if kind in _BUSY else ()),
                ("resourceVersion", version),
                ("timeoutSeconds", str(max(1, timeout_ms // 1_000))),
                *_selected(body),
            )
            return HttpCall("GET", object_path(kind, namespace), query)
        case GetObject(key):
            return HttpCall("GET", _key_path(key))
        case PatchMetadata():
            return _json("PATCH", _key_path(body.key), _metadata_patch(body), MERGE_PATCH)
        case PatchStatus():
            # Replacing the version by the one we know makes the server compare: 409 if the object has moved on.
            fence = {"op": "replace", "path": "/metadata/resourceVersion", "value": body.resource_version}
            operations = [fence, *status_patch(body.before, body.after)]
            return _json("PATCH", f"{_key_path(body.key)}/status", operations, JSON_PATCH)
        case CreateExecution(key, child):
            return _json("POST", object_path(key.kind, key.namespace), render_execution(child))
        case DeleteExecution(key, uid, version):
            options = {
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "preconditions": {"uid": uid, "resourceVersion": version},
                "propagationPolicy": "Background",
            }
            return _json("DELETE", _key_path(key), options)
        case KeepCopy(copy):
            return _json("POST", place("/api/v1", "configmaps", copy.namespace, ""), copy_body(copy))
        case DropCopy(copy):
            return HttpCall("DELETE", place("/api/v1", "configmaps", copy.namespace, copy.name))
        case EventWrite():
            return _event(body)
        case GetLease(name, namespace):
            return HttpCall("GET", place(_LEASES, "leases", namespace, name))
        case CreateLease(lease):
            return _json("POST", place(_LEASES, "leases", lease.namespace, ""), lease_body(lease))
        case UpdateLease(lease):
            return _json("PUT", place(_LEASES, "leases", lease.namespace, lease.name), lease_body(lease))
        case Ask():
            raise OurBug("questions are encoded one by one, by wfexec.crd.questions")
        case EventWrites():
            raise OurBug("events are encoded one by one")
        case KeepRows():
            raise OurBug("rows go to the audit store, not to the API server")


def copy_body(copy: Copy) -> dict[str, Any]:
    """The ConfigMap, immutable: what was before stays what was before."""
    meta = {"name": copy.name, "namespace": copy.namespace, "labels": {LABEL_COPY: "true"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "immutable": True, "data": dict(copy.data)}


def encode_page(body: ListObjects, token: str) -> HttpCall:
    """One page of a list; `token` "" for the first."""
    query = (("limit", str(body.limit)), *((("continue", token),) if token else ()), *_selected(body))
    return HttpCall("GET", object_path(body.kind, body.namespace), query)


def _selected(body: ListObjects | WatchObjects) -> tuple[tuple[str, str], ...]:
    return (("fieldSelector", f"metadata.name={body.name}"),) if body.name else ()


def decode(body: Body, status: int, payload: bytes, retry_after: str | None, decoder: Decoder) -> Outcome:
    """What the reply to `encode(body)` means; of a list, one page."""
    if status >= 300:
        return refusal(body, status, payload, retry_after)
    if type(body) is EventWrite:
        return _DONE
    try:
        return _accepted(body, orjson.loads(payload) if payload else {}, decoder)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Outcome(Code.LOST, message=clip(f"unreadable reply with status {status}: {error}"))


def decode_page(body: ListObjects, status: int, payload: bytes, retry_after: str | None, decoder: Decoder) -> Page:
    """One page of a list and the token of the next."""
    outcome = decode(body, status, payload, retry_after, decoder)
    if outcome.code is not Code.OK:
        return Page(outcome, "")
    return Page(outcome, orjson.loads(payload)["metadata"].get("continue", ""))


def join_pages(pages: list[Outcome]) -> Outcome:
    """The whole list of its pages, or the first failure; the version is that of the first page."""
    listings = [page.object for page in pages if isinstance(page.object, Listing)]
    if len(listings) < len(pages):
        return next(page for page in pages if not isinstance(page.object, Listing))
    items = tuple(item for listing in listings for item in listing.items)
    return Outcome(Code.OK, Listing(items, listings[0].resource_version))


def decode_watch_line(request_id: int, kind: Kind, line: bytes, decoder: Decoder) -> WatchSeen | Replied:
    """One line of a watch; `Replied` when it says that the watch is over."""
    known = decoder.echo(kind, line) if kind in _BUSY else None
    if known is not None:
        change = Change.ADDED if line.startswith(_ADDED) else Change.MODIFIED
        return WatchSeen(request_id, kind, change, known, known.metadata.resource_version)
    try:
        event = orjson.loads(line)
        kind_of_change, raw = event["type"], event["object"]
        if kind_of_change == "ERROR":
            status = raw.get("code", 500)
            return Replied(request_id, refusal(None, status, orjson.dumps(raw), None))
        change = Change(kind_of_change)
        version = raw["metadata"]["resourceVersion"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Replied(request_id, Outcome(Code.LOST, message=clip(f"unreadable watch event: {error}")))
    seen = None if change is Change.BOOKMARK else _object(kind, raw, decoder)
    return WatchSeen(request_id, kind, change, seen, version)


def refusal(body: Body | None, status: int, payload: bytes, retry_after: str | None) -> Outcome:
    """What a status code of 300 or more means for this request; None for a watch that is running."""
    told = _status_object(payload)
    reason, details = told.get("reason", ""), told.get("details") or {}
    code = _CODES.get(status, Code.INVALID if status < 500 else Code.UNAVAILABLE)
    if status == 409 and reason == "AlreadyExists":
        code = Code.ALREADY_EXISTS
    elif status in _DOUBTFUL and body is not None and not isinstance(body, _READS):
        code = Code.LOST
    elif status == 422 and isinstance(body, PatchStatus) and "causes" not in details:
        # The server applies a patch before it compares versions: a path that is gone means the object has moved on.
        code = Code.CONFLICT
    message = told.get("message") or payload[:200].decode("utf-8", "replace") or f"HTTP {status}"
    return Outcome(code, message=clip(str(message)), retry_after_ms=_retry_ms(retry_after, details))


def pause_ms(payload: bytes, retry_after: str | None) -> int:
    """For how long a server that answered 429 wants to be left alone."""
    told = refusal(None, TOO_MANY, payload, retry_after).retry_after_ms
    return PAUSE_MS if told is None else told


def _accepted(body: Body, raw: Any, decoder: Decoder) -> Outcome:
    match body:
        case ListObjects(kind, _):
            items = tuple(_object(kind, each, decoder) for each in raw["items"])
            return Outcome(Code.OK, Listing(items, raw["metadata"]["resourceVersion"]))
        case PatchStatus(key) if key.kind is Kind.WORKFLOW:
            return Outcome(Code.OK, decoder.patched(raw, body.before, body.after))
        case GetObject(key):
            return Outcome(Code.OK, decoder.read(key.kind, raw))
        case PatchMetadata(key) | PatchStatus(key) | CreateExecution(key):
            return Outcome(Code.OK, decoder.object(key.kind, raw))
        case GetLease() | CreateLease() | UpdateLease():
            return Outcome(Code.OK, lease_of(raw))
        case _:
            return Outcome(Code.OK)


def _object(kind: Kind, raw: Any, decoder: Decoder) -> Followed | Unreadable:
    return decoder.object(kind, raw) if kind in _BUSY else landmark(kind, raw)


def _json(method: str, path: str, content: Any, content_type: str = JSON) -> HttpCall:
    return HttpCall(method, path, (), content_type, orjson.dumps(content))


def _key_path(key: ObjectKey) -> str:
    return object_path(key.kind, key.namespace, key.name)


def _metadata_patch(body: PatchMetadata) -> dict[str, Any]:
    """A merge patch: lists are replaced whole, an annotation set to null goes away, a stale version is refused."""
    change: MetadataChange = body.change
    meta: dict[str, Any] = {"resourceVersion": body.resource_version}
    if change.finalizers is not None:
        meta["finalizers"] = list(change.finalizers)
    if change.owner_references is not None:
        meta["ownerReferences"] = [render(owner) for owner in change.owner_references]
    if change.annotations is not None:
        meta["annotations"] = dict(change.annotations)
    return {"metadata": meta}


def _event(body: EventWrite) -> HttpCall:
    if body.times == 1:
        return _json("POST", place("/api/v1", "events", body.namespace, ""), event_body(body))
    return _json("PATCH", place("/api/v1", "events", body.namespace, body.name), event_patch(body), MERGE_PATCH)


def _status_object(payload: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(payload)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _retry_ms(header: str | None, details: Any) -> int | None:
    if header is not None and header.strip().isdecimal():
        return int(header) * 1_000
    seconds = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    return seconds * 1_000 if isinstance(seconds, int) and seconds > 0 else None
