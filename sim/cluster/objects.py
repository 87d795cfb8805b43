"""What does the API server do to a JSON object before it keeps it?

Create and update of objects held as JSON: everything in wire depth, the target world in shared depth. Metadata the
server owns, status apart from spec, generation, conflicts, finalizers. Bodies are shared and never changed in place.
It must never know which user asks, or over which protocol.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from sim.cluster import refusals
from sim.cluster.lifecycle import Lifecycle, whole_seconds
from sim.cluster.metadata import metadata_causes
from sim.cluster.refusals import Cause, Refusal
from sim.cluster.resources import EVENTS, NAMESPACES, Resource
from sim.cluster.store import Stored
from sim.rng import mix
from wfexec.units import format_instant

Json = dict[str, Any]
# The object to be kept, what it replaces (None: nothing), to why it is refused.
Gate = Callable[[Json, Json | None], Refusal | None]
_SUFFIX_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
# The server writes these itself, whatever a client says.
_SERVERS: Final = ("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp")
_FORGOTTEN: Final = ("managedFields", "selfLink", "deletionGracePeriodSeconds")


class Schema(Protocol):
    """What a CRD's schema does to an object; see `sim.cluster.schema`."""

    def fit(self, body: Json, old: Json | None) -> Json:
        """Pruned and with defaults filled in; parts that are those of `old` are so already."""

    def causes(self, body: Json, old: Json | None) -> list[Cause]:
        """Everything wrong with it; `old` is what it replaces."""


class Objects:
    """`schemas` by resource key; a resource without one is kept as it is given."""

    def __init__(self, lifecycle: Lifecycle, schemas: Mapping[str, Schema]) -> None:
        self._lifecycle = lifecycle
        self._store = lifecycle.store
        self._schemas = schemas

    def create(
        self,
        resource: Resource,
        namespace: str,
        body: Json,
        now: int,
        *,
        dry_run: bool = False,
        update: bool = False,
        admit: Gate | None = None,
    ) -> Stored | Refusal:
        """A new object. `namespace` is "" for kinds without one; `update`: somebody thought that it was there.

        `admit` sees the object as it would be kept, right before it is.
        """
        given = body.get("metadata") or {}
        version = self._store.version + 1
        name = given.get("name") or self._generated(given, version)
        if resource.namespaced and (refusal := self._lifecycle.refuses_new(resource, namespace, name)):
            return refusal
        meta = {key: value for key, value in given.items() if key not in _SERVERS and key not in _FORGOTTEN}
        meta |= {"name": name, "uid": self._lifecycle.uid(version), "resourceVersion": str(version)}
        meta["creationTimestamp"] = format_instant(whole_seconds(now))
        if resource.namespaced:
            meta["namespace"] = namespace
        if resource.generation:
            meta["generation"] = 1
        made = self._fitted(resource, {**body, **_type(resource), "metadata": tidy(meta)}, None)
        if resource.status and resource.kind != "Node":
            made.pop("status", None)
        made = built_in_defaults(resource, made)
        if causes := [*metadata_causes(resource, made["metadata"], None), *self._causes(resource, made, None)]:
            return refusals.invalid(resource, name, causes)
        if admit is not None and (refusal := admit(made, None)):
            return refusal
        if given.get("resourceVersion") and not update:
            return refusals.version_on_create()
        there = self._store.get(resource.key, namespace, name)
        if there is not None:
            return refusals.already_exists(resource, name, deleting=there.deleting)
        stored = stored_of(resource, made)
        if not dry_run:
            self._store.put(stored)
            if resource.key == EVENTS:
                self._lifecycle.keep_few_events(namespace, name)
        return stored

    def update(
        self,
        resource: Resource,
        current: Stored,
        body: Json,
        subresource: str,
        now: int,
        *,
        dry_run: bool = False,
        admit: Gate | None = None,
    ) -> Stored | Refusal:
        """`body` takes the place of `current`: of its status alone, or of all but its status."""
        old: Json = current.body
        given = body.get("metadata") or {}
        name = current.name
        claimed = given.get("resourceVersion") or ""
        if not claimed and not resource.unconditional:
            return refusals.without_version(resource, name)
        if claimed and claimed != str(current.version):
            return refusals.conflict(resource, name)
        made = self._merged(resource, old, body, subresource)
        same = made["metadata"] == old["metadata"]
        problems = [] if same else metadata_causes(resource, made["metadata"], old["metadata"])
        found = self._causes(resource, made, old)
        if subresource == "status":
            found = [_within_status(cause) for cause in found]
        if causes := [*problems, *found]:
            return refusals.invalid(resource, name, causes)
        # These are the server's: what it was sent must agree, and then its own stand.
        made["metadata"] |= {key: old["metadata"][key] for key in _SERVERS if key in old["metadata"]}
        if admit is not None and (refusal := admit(made, old)):
            return refusal
        if made == old:
            return current
        return self._replace(resource, current, made, dry_run)

    def _replace(self, resource: Resource, current: Stored, made: Json, dry_run: bool) -> Stored:
        old = current.body
        version = self._store.version + 1
        made["metadata"]["resourceVersion"] = str(version)
        if resource.generation and _wish(resource, made) != _wish(resource, old):
            made["metadata"]["generation"] = old["metadata"]["generation"] + 1
        stored = stored_of(resource, made)
        if dry_run:
            return stored
        if stored.deleting and not stored.finalizers and resource.key != NAMESPACES:
            # As the server does it: gone is what was kept, and told is what was asked, at the version before.
            self._lifecycle.remove(current)
            return stored_of(
                resource, {**made, "metadata": {**made["metadata"], "resourceVersion": str(current.version)}}
            )
        self._store.put(stored)
        return stored

    def _merged(self, resource: Resource, old: Json, body: Json, subresource: str) -> Json:
        """Old and new put together by what this path may change, fitted to the schema."""
        if subresource == "status":
            made = {key: value for key, value in old.items() if key != "status"}
            if "status" in body:
                made["status"] = body["status"]
            made["metadata"] = {**old["metadata"], **_claims(body.get("metadata") or {})}
        else:
            made = {**body, **_type(resource)}
            meta = {key: value for key, value in (body.get("metadata") or {}).items() if key not in _FORGOTTEN}
            for key in ("generateName", "deletionGracePeriodSeconds"):
                if key in old["metadata"]:
                    meta[key] = old["metadata"][key]
            made["metadata"] = tidy(meta)
            if resource.status:
                made.pop("status", None)
                if "status" in old:
                    made["status"] = old["status"]
        return built_in_defaults(resource, self._fitted(resource, made, old))

    def _fitted(self, resource: Resource, body: Json, old: Json | None) -> Json:
        """A body of its own at the top and in its metadata, to be written into."""
        schema = self._schemas.get(resource.key)
        fitted = dict(body) if schema is None else schema.fit(body, old)
        fitted["metadata"] = dict(fitted["metadata"])
        return fitted

    def _causes(self, resource: Resource, body: Json, old: Json | None) -> list[Cause]:
        schema = self._schemas.get(resource.key)
        return [] if schema is None else schema.causes(body, old)

    def _generated(self, given: Json, version: int) -> str:
        """A name with a suffix drawn from the version: the same in every run."""
        prefix = given.get("generateName") or ""
        if not prefix:
            return ""
        bits, suffix = mix(version), ""
        for _ in range(5):
            bits, letter = divmod(bits, len(_SUFFIX_LETTERS))
            suffix += _SUFFIX_LETTERS[letter]
        return prefix + suffix


def stored_of(resource: Resource, body: Json) -> Stored:
    """The store's view of a JSON object."""
    meta = body["metadata"]
    return Stored(
        resource.key,
        meta.get("namespace", ""),
        meta["name"],
        meta["uid"],
        int(meta["resourceVersion"]),
        body,
        tuple(owner["uid"] for owner in meta.get("ownerReferences") or ()),
        tuple(meta.get("finalizers") or ()),
        "deletionTimestamp" in meta,
    )


def tidy(meta: Json) -> Json:
    """Without what is empty: the server leaves it out."""
    return {key: value for key, value in meta.items() if value not in (None, "", [], {})}


def built_in_defaults(resource: Resource, body: Json) -> Json:
    """The few defaults of built-in kinds that somebody here reads."""
    match resource.key:
        case "deployments.apps" | "statefulsets.apps":
            spec = body.get("spec") or {}
            if "replicas" not in spec:
                return {**body, "spec": {**spec, "replicas": 1}}
        case "pods" if "phase" not in (body.get("status") or {}):
            return {**body, "status": {**(body.get("status") or {}), "phase": "Pending"}}
        case "namespaces":
            meta = body["metadata"]
            labels = {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": meta["name"]}
            spec = body.get("spec") or {"finalizers": ["kubernetes"]}
            status = body.get("status") or {"phase": "Active"}
            return {**body, "metadata": {**meta, "labels": labels}, "spec": spec, "status": status}
        case "secrets":
            data = {key: b64encode(value.encode()).decode() for key, value in (body.get("stringData") or {}).items()}
            kept = {key: value for key, value in body.items() if key != "stringData"}
            if data:
                kept["data"] = {**(kept.get("data") or {}), **data}
            return {"type": "Opaque", **kept}
    return body


def _within_status(cause: Cause) -> Cause:
    """A status written alone is checked alone: the words of the schema then begin at the status."""
    inner = cause.field.removeprefix("status.")
    return cause._replace(message=cause.message.replace(f"{cause.field} in body", f"{inner} in body"))


def _claims(meta: Json) -> Json:
    """What a status write says about the object's identity, to be checked against it."""
    return {key: meta[key] for key in ("name", "namespace", "uid") if meta.get(key)}


def _type(resource: Resource) -> Json:
    return {"apiVersion": resource.api_version, "kind": resource.kind}


def _wish(resource: Resource, body: Json) -> Json:
    """What the generation counts the changes of."""
    return {
        key: value for key, value in body.items() if key != "metadata" and not (resource.status and key == "status")
    }
