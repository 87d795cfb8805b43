"""What two servers may differ in: names they give, versions they count, times they tell."""

import re
from typing import Any

Json = dict[str, Any]
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NUMBER = re.compile(r"\b\d+\b")
_TIMES = ("creationTimestamp", "deletionTimestamp")


def masked(body: Any) -> Any:
    """The answer without what is each server's own."""
    if not isinstance(body, dict):
        return body
    if body.get("kind") == "Status":
        return _status(body)
    if "items" in body:
        meta = {"more": bool(body["metadata"].get("continue"))}
        if "remainingItemCount" in body["metadata"]:
            meta["left"] = body["metadata"]["remainingItemCount"]
        return {"kind": body["kind"], "meta": meta, "items": [masked(item) for item in body["items"]]}
    return {**body, "metadata": _metadata(body["metadata"])}


def _metadata(meta: Json) -> Json:
    kept = {key: value for key, value in meta.items() if key not in ("managedFields", "uid", "resourceVersion")}
    return kept | {key: "some time" for key in _TIMES if key in kept}


def _status(body: Json) -> Json:
    details = {key: value for key, value in (body.get("details") or {}).items() if key not in ("uid", "causes")}
    causes = {
        (each["reason"], each.get("field", ""), _words(each["message"]))
        for each in (body.get("details") or {}).get("causes") or ()
    }
    told = {key: body.get(key) for key in ("status", "reason", "code")}
    # With several causes their order is each server's own, and the message lists them.
    message = _words(body.get("message", "")) if len(causes) < 2 else ""
    return {**told, "details": details, "causes": sorted(causes), "message": message}


def _words(text: str) -> str:
    return _NUMBER.sub("#", _UID.sub("<uid>", text))
