"""What does the fake API server answer to an HTTP request?

Wire depth's way in, called by `Cluster.http` and by `sim.serve`. Every answer is a value: status, bytes and headers.
It must never touch a socket, know the time but by `now`, or answer a call it does not model.
"""

from typing import Any, Final, NamedTuple

import orjson

from sim.cluster import discovery, refusals, reviews, scale, tables
from sim.cluster.admission import Admission, Attempt
from sim.cluster.lifecycle import Lifecycle
from sim.cluster.listing import Listings
from sim.cluster.objects import Objects
from sim.cluster.patches import NoSuchPath, json_patch
from sim.cluster.paths import Call, parse
from sim.cluster.rbac import Person, Rights, person_of
from sim.cluster.refusals import Cause, Refusal, status_json
from sim.cluster.resources import Resource, Unmodelled
from sim.cluster.schema import Schema
from sim.cluster.store import Sink, Stored, Watch
from sim.executor.merge import merge, strategic
from wfexec.crd.wire import HttpCall

Json = dict[str, Any]
JSON: Final = "application/json"
_MERGE: Final = "application/merge-patch+json"
_JSON_PATCH: Final = "application/json-patch+json"
_STRATEGIC: Final = "application/strategic-merge-patch+json"
_APPLY: Final = "application/apply-patch+yaml"
_CREATES_ON_UPDATE: Final = ("leases.coordination.k8s.io", "events")
# kubectl's `create` speaks protobuf to built-in kinds, which is not modelled; `apply` does not.
_READABLE: Final = ("", JSON)
_BODY_MAX: Final = 3 * 1024 * 1024


class HttpReply(NamedTuple):
    status: int
    payload: bytes
    headers: dict[str, str]


class Api:
    """`schemas` by resource key; `tokens` maps a bearer token to a user, for token reviews."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        objects: Objects,
        schemas: dict[str, Schema],
        rights: Rights,
        admission: Admission,
        tokens: dict[str, str],
    ) -> None:
        self._lifecycle = lifecycle
        self._store = lifecycle.store
        self._resources = lifecycle.resources
        self._objects = objects
        self._schemas = schemas
        self._rights = rights
        self._admission = admission
        self._tokens = tokens
        self._listings = Listings(self._store)

    def handle(self, call: HttpCall, user: str, now: int) -> HttpReply:
        """Anything but a watch."""
        self._listings.now = now
        person = person_of(user)
        plain = self._plain(call, person)
        if plain is not None:
            return plain
        meant = parse(call.method, call.path, call.query, self._resources)
        if refusal := self._denied(meant, person):
            return reply_of(refusal)
        if meant.verb == "watch":
            raise Unmodelled("a watch through handle: open it with watch")
        if meant.review:
            return self._review(meant, call, person)
        if meant.resource is None:
            raise Unmodelled(f"{call.method} {call.path}")
        result = self._carry_out(meant, meant.resource, call, person, now)
        return self._rendered(meant, meant.resource, call, result)

    def watch(self, call: HttpCall, user: str, sink: Sink) -> Watch | HttpReply:
        """`sink(change, line, version)` gets each line of the answer, without its line end."""
        meant = parse(call.method, call.path, call.query, self._resources)
        if refusal := self._denied(meant, person_of(user)):
            return reply_of(refusal)
        if meant.verb != "watch" or meant.resource is None or meant.name:
            raise Unmodelled(f"{call.method} {call.path} as a watch")
        resource = meant.resource
        table = tables.wanted(call.accept, resource)
        opened = self._listings.watch(meant, resource, sink, table)
        return reply_of(opened) if isinstance(opened, Refusal) else opened

    def _plain(self, call: HttpCall, person: Person) -> HttpReply | None:
        """Health, version and discovery: None when the path is none of them."""
        body = discovery.answer(call.path, self._resources)
        if body is None:
            return None
        if call.method != "GET":
            raise Unmodelled(f"{call.method} {call.path}")
        if not self._rights.now().allows_path(person, call.path):
            return reply_of(Refusal(403, "Forbidden", f'User "{person.name}" cannot get path "{call.path}"', {}))
        if isinstance(body, str):
            return HttpReply(200, body.encode(), {"Content-Type": "text/plain; charset=utf-8"})
        return HttpReply(200, orjson.dumps(body), {"Content-Type": JSON})

    def _denied(self, meant: Call, person: Person) -> Refusal | None:
        access = meant.access
        if self._rights.now().allowed(person, access) is not None:
            return None
        scope = f'in the namespace "{access.namespace}"' if access.namespace else "at the cluster scope"
        why = (
            f'User "{person.name}" cannot {access.verb} resource "{access.resource}" in API group'
            f' "{access.group}" {scope}'
        )
        if meant.resource is None:
            key = f"{meant.review}.{access.group}"
            return Refusal(
                403, "Forbidden", f"{key} is forbidden: {why}", {"group": access.group, "kind": meant.review}
            )
        return refusals.forbidden(meant.resource, access.name, why)

    def _review(self, meant: Call, call: HttpCall, person: Person) -> HttpReply:
        body = decoded(call)
        if isinstance(body, Refusal):
            return reply_of(body)
        answer = reviews.answer(meant.review, meant.access.group, body, person, self._rights.now(), self._tokens)
        return HttpReply(201, orjson.dumps(answer), {"Content-Type": JSON})

    def _carry_out(
        self, meant: Call, resource: Resource, call: HttpCall, person: Person, now: int
    ) -> Stored | Json | Refusal:
        dry_run = meant.query.get("dryRun") == "All"
        if meant.verb == "patch" and call.content_type.startswith(_APPLY):
            # It would create what is not there: a 404 would be a guess.
            raise Unmodelled("server-side apply")
        match meant.verb:
            case "list":
                return self._listings.page(meant, resource)
            case "create":
                return self._create(meant, resource, call, person, now, dry_run)
            case "delete":
                return self._delete(meant, resource, call, now, dry_run)
        current = self._store.get(resource.key, meant.namespace, meant.name)
        if current is None and meant.verb == "update" and resource.key in _CREATES_ON_UPDATE:
            return self._create(meant, resource, call, person, now, dry_run)
        if current is None:
            return refusals.not_found(resource, meant.name)
        if meant.verb == "get":
            return current
        return self._change(meant, resource, current, call, person, now, dry_run)

    def _create(
        self, meant: Call, resource: Resource, call: HttpCall, person: Person, now: int, dry_run: bool
    ) -> Stored | Refusal:
        body = self._body(meant, resource, call)
        if isinstance(body, Refusal):
            return body
        anew = meant.verb == "update"
        attempt = _attempt(meant, resource, "CREATE", person, dry_run)
        admit = self._admission.gate(attempt._replace(name=body["metadata"].get("name", "")))
        return self._objects.create(resource, meant.namespace, body, now, dry_run=dry_run, update=anew, admit=admit)

    def _change(
        self, meant: Call, resource: Resource, current: Stored, call: HttpCall, person: Person, now: int, dry_run: bool
    ) -> Stored | Refusal:
        """An update or patch of the object, its status or its scale."""
        shown = scale.shown(resource, current.body) if meant.subresource == "scale" else current.body
        if meant.verb == "update":
            body = self._body(meant, resource, call)
            claimed = body["metadata"].get("uid") if isinstance(body, dict) else None
            if claimed and claimed != current.uid:
                return self._another(resource, current, claimed)
        else:
            body = _patched(resource, shown, call)
            if isinstance(body, dict) and (refusal := self._unfit(meant, resource, body)):
                return refusal
        if isinstance(body, Refusal):
            return body
        admit = self._admission.gate(_attempt(meant, resource, "UPDATE", person, dry_run))
        if meant.subresource == "scale":
            if admit is not None:
                raise Unmodelled("an admission policy for a scale")
            body = scale.applied(current.body, body)
            return self._objects.update(resource, current, body, "", now, dry_run=dry_run)
        return self._objects.update(resource, current, body, meant.subresource, now, dry_run=dry_run, admit=admit)

    def _another(self, resource: Resource, current: Stored, claimed: str) -> Refusal:
        where = f"/registry/{resource.group or 'core'}/{resource.plural}/{current.namespace}/{current.name}"
        why = (
            f"StorageError: invalid object, Code: 4, Key: {where}, ResourceVersion: 0, AdditionalErrorMsg:"
            f" Precondition failed: UID in precondition: {claimed}, UID in object meta: {current.uid}"
        )
        return refusals.conflict(resource, current.name, why)

    def _delete(
        self, meant: Call, resource: Resource, call: HttpCall, now: int, dry_run: bool
    ) -> Stored | Json | Refusal:
        options = decoded(call) if call.body else {}
        if isinstance(options, Refusal):
            return options
        policy = options.get("propagationPolicy") or meant.query.get("propagationPolicy") or "Background"
        orphans = options.get("orphanDependents", meant.query.get("orphanDependents", False))
        if policy != "Background" or orphans not in (False, "false"):
            raise Unmodelled(f"deletion with propagation {policy}")
        current = self._store.get(resource.key, meant.namespace, meant.name)
        if current is None:
            return refusals.not_found(resource, meant.name)
        if dry_run:
            return current
        expected = options.get("preconditions") or {}
        gone = self._lifecycle.delete(resource, current, expected.get("uid"), expected.get("resourceVersion"), now)
        if isinstance(gone, Refusal) or gone.deleting or resource.key == "pods":
            return gone
        details: Json = {"name": meant.name, "kind": resource.plural, "uid": current.uid}
        if resource.group:
            details["group"] = resource.group
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def _body(self, meant: Call, resource: Resource, call: HttpCall) -> Json | Refusal:
        """The object of a create or update, checked against the path."""
        body = decoded(call)
        if isinstance(body, Refusal):
            return body
        if resource.custom and not body.get("kind"):
            return refusals.bad_request(
                f"the object provided is unrecognized (must be of type {resource.kind}): Object 'Kind' is missing"
            )
        return self._unfit(meant, resource, body) or body

    def _unfit(self, meant: Call, resource: Resource, body: Json) -> Refusal | None:
        """Why this body does not belong to this path; completes its metadata from the path."""
        meta = body["metadata"] = dict(body.get("metadata") or {})
        if meant.name and meta.setdefault("name", meant.name) != meant.name:
            return refusals.bad_request(
                f"the name of the object ({meta['name']}) does not match the name on the URL ({meant.name})"
            )
        if resource.namespaced and meta.setdefault("namespace", meant.namespace) != meant.namespace:
            return refusals.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        if meant.subresource == "scale":
            return None
        if body.get("kind", resource.kind) != resource.kind:
            given = resource._replace(kind=body["kind"])
            cause = Cause("FieldValueInvalid", f'Invalid value: "{body["kind"]}": must be {resource.kind}', "kind")
            return refusals.invalid(given, meta.get("name", ""), [cause])
        if body.get("apiVersion", resource.api_version) != resource.api_version:
            return refusals.bad_request(
                f"the API version in the data ({body['apiVersion']}) does not match the expected API version"
                f" ({resource.api_version})"
            )
        schema = self._schemas.get(resource.key)
        if schema is not None and meant.query.get("fieldValidation") == "Strict" and (found := schema.unknown(body)):
            listed = ", ".join(f'unknown field "{path}"' for path in found)
            return refusals.bad_request(
                f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: strict'
                f" decoding error: {listed}"
            )
        return None

    def _rendered(self, meant: Call, resource: Resource, call: HttpCall, result: Stored | Json | Refusal) -> HttpReply:
        if isinstance(result, Refusal):
            return reply_of(result)
        body: Json = result.body if isinstance(result, Stored) else result
        if meant.query.get("dryRun") == "All" and isinstance(result, Stored) and meant.verb != "delete":
            meta = {key: value for key, value in body["metadata"].items() if key != "resourceVersion"}
            body = {**body, "metadata": meta}
        if meant.subresource == "scale":
            body = scale.shown(resource, body)
        elif body.get("kind") != "Status":
            table = tables.wanted(call.accept, resource)
            if table is not None:
                body = table.of(body, now=self._listings.now, many=meant.verb == "list")
        # The uid of an object is drawn from its first version, so this also knows what an update created.
        created = isinstance(result, Stored) and result.uid == self._lifecycle.uid(result.version)
        status = 201 if created and meant.verb in ("create", "update") else 200
        return HttpReply(status, orjson.dumps(body), {"Content-Type": JSON})


def _attempt(meant: Call, resource: Resource, operation: str, person: Person, dry_run: bool) -> Attempt:
    return Attempt(operation, resource, meant.subresource, meant.namespace, meant.name, person, dry_run)


def reply_of(refusal: Refusal) -> HttpReply:
    headers = {"Content-Type": JSON}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    return HttpReply(refusal.status, orjson.dumps(status_json(refusal)), headers)


def decoded(call: HttpCall) -> Json | Refusal:
    """The JSON object of a request."""
    if call.content_type.partition(";")[0] not in _READABLE:
        return refusals.unsupported_media_type()
    if len(call.body) > _BODY_MAX:
        return Refusal(413, "RequestEntityTooLarge", f"Request entity too large: limit is {_BODY_MAX}")
    try:
        body = orjson.loads(call.body)
    except ValueError as error:
        return refusals.bad_request(f"the object provided is unrecognized: {error}")
    if not isinstance(body, dict) or not isinstance(body.get("metadata") or {}, dict):
        return refusals.bad_request("the object provided is unrecognized: it is not an object with metadata")
    return body


def _patched(resource: Resource, current: Json, call: HttpCall) -> Json | Refusal:
    """The object with the patch of the request applied."""
    kind = call.content_type.partition(";")[0]
    if kind not in (_MERGE, _JSON_PATCH, _STRATEGIC) or (kind == _STRATEGIC and resource.custom):
        return refusals.unsupported_patch(resource)
    try:
        patch = orjson.loads(call.body)
    except ValueError as error:
        return refusals.bad_request(f"error decoding patch: {error}")
    if kind == _JSON_PATCH:
        if not isinstance(patch, list) or not all(isinstance(each, dict) for each in patch):
            return refusals.bad_request("error decoding patch: a JSON patch is a list of operations")
        try:
            patched = json_patch(current, patch)
        except NoSuchPath:
            return refusals.patch_does_not_fit()
    elif not isinstance(patch, dict):
        return refusals.bad_request("error decoding patch: a merge patch is an object")
    else:
        patched = merge(current, patch) if kind == _MERGE else strategic(current, _without_hints(patch))
    if not isinstance(patched, dict) or not isinstance(patched.get("metadata"), dict):
        return refusals.bad_request("the patched object has no metadata")
    return {**patched}


def _without_hints(patch: Any) -> Any:
    """kubectl's hints about the order of lists, which we keep as it is."""
    if isinstance(patch, list):
        return [_without_hints(each) for each in patch]
    if not isinstance(patch, dict):
        return patch
    if any(key.startswith("$deleteFromPrimitiveList") for key in patch):
        raise Unmodelled("$deleteFromPrimitiveList in a strategic merge patch")
    hints = ("$setElementOrder/", "$retainKeys")
    return {key: _without_hints(value) for key, value in patch.items() if not key.startswith(hints)}
