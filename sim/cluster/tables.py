"""How does kubectl get its columns? Tables of printer columns, and objects cut down to their metadata.

Called by the HTTP layer for clients that ask for another form of the object. It must never hide an object: what has
no column has its name and age.
"""

from typing import Any, Final, NamedTuple

from sim.cluster.resources import Resource, Unmodelled
from sim.cluster.selectors import field_text
from wfexec.units import parse_instant

Json = dict[str, Any]
_META: Final = "meta.k8s.io/v1"
_NAME: Final = {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}
_AGE: Final = ("Age", "date", "metadata.creationTimestamp")
# The few columns of built-in kinds that help to follow a remediation.
_BUILT_IN: Final = {
    "namespaces": (("Status", "string", "status.phase"),),
    "pods": (("Status", "string", "status.phase"), ("Node", "string", "spec.nodeName")),
    "deployments.apps": (("Ready", "integer", "status.readyReplicas"), ("Wanted", "integer", "spec.replicas")),
    "nodes": (("Unschedulable", "boolean", "spec.unschedulable"),),
    "events": (
        *(("Type", "string", "type"), ("Reason", "string", "reason")),
        *(("Object", "string", "involvedObject.name"), ("Message", "string", "message")),
    ),
    "leases.coordination.k8s.io": (("Holder", "string", "spec.holderIdentity"),),
}


class Table(NamedTuple):
    """The form a client asked for; `columns` None: PartialObjectMetadata."""

    resource: Resource
    columns: tuple[tuple[str, str, str], ...] | None

    def of(self, body: Json, *, now: int, many: bool) -> Json:
        """An object, or a whole list with `many`, in this form; a bookmark has no row."""
        items = body["items"] if many else [body]
        if self.columns is None:
            partial = [_partial(item) for item in items]
            if not many:
                return partial[0]
            head = {"kind": "PartialObjectMetadataList", "apiVersion": _META}
            return {**head, "metadata": body["metadata"], "items": partial}
        meta = body["metadata"] if many else {"resourceVersion": body["metadata"]["resourceVersion"]}
        plain = {"format": "", "description": "", "priority": 0}
        columns = [{"name": name, "type": kind, **plain} for name, kind, _ in self.columns]
        rows = [self._row(item, now) for item in items if "name" in item["metadata"]]
        table: Json = {"kind": "Table", "apiVersion": _META, "metadata": meta}
        return {**table, "columnDefinitions": [_NAME, *columns], "rows": rows}

    def _row(self, item: Json, now: int) -> Json:
        cells = [_cell(item, kind, path, now) for _, kind, path in self.columns or ()]
        return {"cells": [item["metadata"]["name"], *cells], "object": _partial(item)}


def wanted(accept: str, resource: Resource) -> Table | None:
    """The other form that the client accepts first; None for the plain object."""
    first = accept.partition(",")[0]
    if "as=Table" in first:
        return Table(resource, (*_columns(resource), _AGE))
    if "as=PartialObjectMetadata" in first:
        return Table(resource, None)
    if "as=" in first:
        raise Unmodelled(f"objects as {first}")
    return None


def _columns(resource: Resource) -> tuple[tuple[str, str, str], ...]:
    if resource.crd is None:
        return _BUILT_IN.get(resource.key, ())
    declared = resource.crd["spec"]["versions"][0].get("additionalPrinterColumns") or ()
    found = tuple((each["name"], each["type"], each["jsonPath"].removeprefix(".")) for each in declared)
    return tuple(column for column in found if column[0] != _AGE[0])


def _cell(item: Json, kind: str, path: str, now: int) -> Any:
    text = field_text(item, path.split("."))
    if not text:
        return None
    if kind == "date":
        return age((now - parse_instant(text)) // 1_000)
    return int(text) if kind == "integer" else text


def age(seconds: int) -> str:
    """As kubectl writes how long ago something was."""
    minutes, hours, days = seconds // 60, seconds // 3_600, seconds // 86_400
    if seconds < 120:
        return f"{max(0, seconds)}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    return f"{hours}h" if days < 2 else f"{days}d"


def _partial(item: Json) -> Json:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": item["metadata"]}
