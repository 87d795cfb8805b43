"""May this caller read /metrics? The API server is asked who they are and whether they may.

Called by the metrics server for each request. Answers are kept for a minute by the hash of the token; it must never
keep, log or print a token, and never let somebody in because nobody could be asked.
"""

import hashlib
import logging
from collections.abc import Callable
from threading import Lock
from typing import Any, Final, NamedTuple

import orjson

from wfexec.adapters.kube import Reply
from wfexec.crd.wire import JSON, HttpCall
from wfexec.model.requests import Outcome

log = logging.getLogger("wfexec.auth")

REVIEWS: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
KEPT_S: Final = 60.0
KEPT_MAX: Final = 1_024
TIMEOUT_S: Final = 5.0
TOKEN_MAX: Final = 16_384

Call = Callable[[HttpCall, float], Reply | Outcome]


class Refusal(NamedTuple):
    """401: who are you? 403: we know who you are, and you may not."""

    status: int
    message: str


UNKNOWN_CALLER: Final = Refusal(401, "a valid bearer token is needed")


class MetricsGate:
    """Shared by the threads of the metrics server."""

    def __init__(self, call: Call, monotonic: Callable[[], float], path: str = "/metrics") -> None:
        self._call = call
        self._monotonic = monotonic
        self._path = path
        self._kept: dict[bytes, tuple[float, Refusal | None]] = {}
        self._lock = Lock()

    def refuse(self, authorization: str | None) -> Refusal | None:
        """None lets the caller in."""
        word, _, token = (authorization or "").strip().partition(" ")
        token = token.strip()
        if word.lower() != "bearer" or not token or len(token) > TOKEN_MAX:
            return UNKNOWN_CALLER
        key = hashlib.sha256(token.encode()).digest()
        now = self._monotonic()
        with self._lock:
            until, verdict = self._kept.get(key, (now, None))
        if now < until:
            return verdict
        verdict, sure = self._review(token)
        if sure:
            self._keep(key, now, verdict)
        return verdict

    def _keep(self, key: bytes, now: float, verdict: Refusal | None) -> None:
        with self._lock:
            if len(self._kept) >= KEPT_MAX:
                self._kept = {each: (until, kept) for each, (until, kept) in self._kept.items() if until > now}
            if len(self._kept) < KEPT_MAX:
                self._kept[key] = (now + KEPT_S, verdict)

    def _review(self, token: str) -> tuple[Refusal | None, bool]:
        """The verdict, and whether the API server itself gave it."""
        status = self._ask(REVIEWS, "authentication.k8s.io/v1", "TokenReview", {"token": token})
        if status is None:
            return UNKNOWN_CALLER, False
        user = status.get("user")
        if status.get("authenticated") is not True or not isinstance(user, dict):
            return UNKNOWN_CALLER, True
        name = str(user.get("username", ""))
        wanted: dict[str, Any] = {"user": name, "nonResourceAttributes": {"path": self._path, "verb": "get"}}
        wanted.update({part: user[part] for part in ("groups", "uid", "extra") if user.get(part)})
        access = self._ask(ACCESS_REVIEWS, "authorization.k8s.io/v1", "SubjectAccessReview", wanted)
        if access is None:
            return Refusal(403, "nobody could say whether you may"), False
        if access.get("allowed") is not True:
            return Refusal(403, f"{name} may not get {self._path}"), True
        log.debug("metrics read", extra={"fields": {"user": name}})
        return None, True

    def _ask(self, path: str, version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any] | None:
        """The status of the review, None when it could not be had."""
        body = orjson.dumps({"apiVersion": version, "kind": kind, "spec": spec})
        found = self._call(HttpCall("POST", path, (), JSON, body), TIMEOUT_S)
        if isinstance(found, Outcome) or found.status not in (200, 201):
            why = found.message if isinstance(found, Outcome) else f"HTTP {found.status}"
            log.warning("a caller of the metrics could not be reviewed", extra={"fields": {"review": kind, "why": why}})
            return None
        try:
            status = orjson.loads(found.payload)["status"]
        except (ValueError, KeyError, TypeError):
            return None
        return status if isinstance(status, dict) else None
