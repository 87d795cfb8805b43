"""How are collections listed in pages and watched?

Called by the HTTP layer. A list is of one version, however many pages it takes; a watch tells each change once, in
order. It must never hand out a body that a reader could change: everything leaves as text.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

import orjson

from sim.cluster import refusals
from sim.cluster.paths import Call
from sim.cluster.refusals import Cause, Refusal, bad_request, expired
from sim.cluster.resources import Resource
from sim.cluster.selectors import selector
from sim.cluster.store import Sink, Store, Stored, Watch
from sim.cluster.tables import Table
from wfexec.model.requests import Change

Json = dict[str, Any]
_PAGE_LOST: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without"
    " the continue parameter."
)
_NO_STREAM: Final = "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"


class Listings:
    """`now` is when the request that is being answered came; ages in tables are reckoned from it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.now = 0

    def page(self, meant: Call, resource: Resource) -> Json | Refusal:
        """One page of a list, or all of it."""
        query = meant.query
        chosen = selector(resource, meant.namespace, query.get("labelSelector", ""), query.get("fieldSelector", ""))
        if isinstance(chosen, Refusal):
            return chosen
        if token := query.get("continue"):
            begun = _token(token)
            if begun is None:
                return bad_request("invalid continue token: continue key is not valid")
            version, start = begun
            found = self._store.at_version(resource.key, version)
            if found is None:
                return expired(_PAGE_LOST)
        else:
            snapshot = self._snapshot(meant, resource)
            if isinstance(snapshot, Refusal):
                return snapshot
            version, found = snapshot
            start = ("", "")
        items = [each for each in found if (each.namespace, each.name) > start and (chosen is None or chosen(each))]
        limit = int(query.get("limit") or 0)
        meta: Json = {"resourceVersion": str(version)}
        if limit and len(items) > limit:
            last = items[limit - 1]
            meta["continue"] = _token_of(version, last.namespace, last.name)
            if not query.get("labelSelector") and not query.get("fieldSelector"):
                meta["remainingItemCount"] = len(items) - limit
            items = items[:limit]
        kind = f"{resource.kind}List"
        bodies = [each.body if resource.custom else _untyped(each.body) for each in items]
        return {"kind": kind, "apiVersion": resource.api_version, "metadata": meta, "items": bodies}

    def _snapshot(self, meant: Call, resource: Resource) -> tuple[int, list[Stored]] | Refusal:
        """The version a list shows, and everything there was then."""
        asked, match = meant.query.get("resourceVersion", ""), meant.query.get("resourceVersionMatch", "")
        version = _number(asked)
        if version is None:
            return _no_number(asked)
        if version > self._store.version:
            return self._too_large(version)
        if match == "Exact":
            found = self._store.at_version(resource.key, version)
            return expired() if found is None else (version, found)
        return self._store.version, self._store.all(resource.key)

    def watch(self, meant: Call, resource: Resource, sink: Sink, table: Table | None) -> Watch | Refusal:
        """Tell every change after the version asked for; without one, first what there is."""
        query = meant.query
        chosen = selector(resource, meant.namespace, query.get("labelSelector", ""), query.get("fieldSelector", ""))
        if isinstance(chosen, Refusal):
            return chosen
        if query.get("sendInitialEvents") == "true":
            cause = Cause("FieldValueForbidden", _NO_STREAM, "sendInitialEvents")
            return refusals.invalid(resource._replace(kind="ListOptions", group="meta.k8s.io"), "", [cause])
        asked = query.get("resourceVersion", "")
        version = _number(asked)
        if version is None:
            return _no_number(asked)
        lines = _Lines(self, resource, sink, table)
        bookmarks = query.get("allowWatchBookmarks") in ("1", "true")
        if version == 0:
            version = self._store.version
            for stored in self._store.all(resource.key):
                if chosen is None or chosen(stored):
                    lines.tell(Change.ADDED, stored.body, str(stored.version))
        elif version > self._store.version:
            return self._too_large(version)
        watch = self._store.watch(resource.key, version, lines.tell, chosen, bookmarks=bookmarks)
        return expired(f"too old resource version: {version} ({self._store.version})") if watch is None else watch

    def _too_large(self, version: int) -> Refusal:
        details = {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }
        said = f"Timeout: Too large resource version: {version}, current: {self._store.version}"
        return Refusal(504, "Timeout", said, details, retry_after_s=1)


class _Lines:
    """Turns what a watch is told into lines of JSON."""

    def __init__(self, listings: Listings, resource: Resource, sink: Sink, table: Table | None) -> None:
        self._listings = listings
        self._resource = resource
        self._sink = sink
        self._table = table

    def tell(self, change: Change, body: Any, version: str) -> None:
        if change is Change.BOOKMARK:
            resource = self._resource
            meta = {"resourceVersion": version}
            told: Json = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta}
        elif change is Change.DELETED and body["metadata"]["resourceVersion"] != version:
            # It left the selection: its last state in it is told, at the version of its leaving.
            told = {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
        else:
            told = body
        if self._table is not None:
            told = self._table.of(told, now=self._listings.now, many=False)
        self._sink(change, orjson.dumps({"type": change.value, "object": told}), version)


def _untyped(body: Json) -> Json:
    """Entries of built-in lists do not repeat what they are."""
    return {key: value for key, value in body.items() if key not in ("apiVersion", "kind")}


def _number(text: str) -> int | None:
    if not text:
        return 0
    return int(text) if text.isdecimal() else None


def _no_number(text: str) -> Refusal:
    why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    return Refusal(500, "", why)


def _token_of(version: int, namespace: str, name: str) -> str:
    return urlsafe_b64encode(orjson.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": [namespace, name]})).decode()


def _token(token: str) -> tuple[int, tuple[str, str]] | None:
    try:
        found = orjson.loads(urlsafe_b64decode(token))
        namespace, name = found["start"]
        return int(found["rv"]), (str(namespace), str(name))
    except (ValueError, KeyError, TypeError):
        return None
