"""How do we keep hearing about all objects of one kind? List once, then watch, resume, and list again when we must.

Called by the controller (and by any other machine that follows a kind); the host gives ids to requests, carries
listings and events into its cache and asks `due` again. This file never looks at objects.

    EMPTY ──list──► RESUMABLE ──watch──► (events, bookmarks move the version) ──ended──► RESUMABLE
      ▲                                         │
      └───────────── 410, or a watch refused as invalid ─────────────┘

Rules: a watch that brought something is renewed at once from the last version seen; one that ended or failed without
progress backs off; so does a second 410 in a row. One that is silent for too long is replaced (`visit`).
"""

from typing import Final

from wfexec.engine.backoff import delay_ms, spread
from wfexec.model.requests import Code, Kind, Listing, ListObjects, Outcome, WatchObjects, WatchSeen

BACKOFF_BASE_MS: Final = 100
BACKOFF_CAP_MS: Final = 30_000
# A watch that lived this long was healthy even if nothing happened meanwhile.
SETTLED_MS: Final = 5_000
# Watches of many replicas must not all end in the same second: each asks for 90..100 % of the setting.
TIMEOUT_JITTER: Final = 0.1


class Reflector:
    """`wake_at` is when `due` will have a request; None while one is out. `salt` tells replicas apart.

    `namespace` and `name`, where given, narrow what is followed.
    """

    __slots__ = (
        "_failures",
        "_fresh",
        "_heard",
        "_name",
        "_namespace",
        "_opened_at",
        "_page_size",
        "_replaced",
        "_salt",
        "_turn",
        "_watch_timeout_ms",
        "_watching",
        "kind",
        "relists",
        "renewals",
        "request_id",
        "restarts",
        "synced",
        "unknown",
        "version",
        "wake_at",
    )

    def __init__(
        self, kind: Kind, *, page_size: int, watch_timeout_ms: int, salt: str, namespace: str = "", name: str = ""
    ) -> None:
        self.kind = kind
        self._namespace = namespace
        self._name = name
        self.version = ""
        self.synced = False
        # The server does not know this kind; by the last list.
        self.unknown = False
        self.request_id = 0
        self.wake_at: int | None = None
        self.relists = 0
        self.renewals = 0
        self.restarts = 0
        self._page_size = page_size
        self._watch_timeout_ms = watch_timeout_ms
        self._salt = f"{salt}/{kind.value}"
        self._failures = 0
        self._watching = False
        self._fresh = False
        # Since the last visit, of whichever watch.
        self._heard = False
        # The watch that the next one stands in for.
        self._replaced = 0
        self._opened_at = 0
        self._turn = 0

    def __repr__(self) -> str:
        doing = ("watching" if self._watching else "listing") if self.request_id else f"waiting for {self.wake_at}"
        return f"<Reflector {self.kind.value} {doing} from {self.version or 'nothing'}, {self._failures} failures>"

    def start(self, now: int) -> None:
        self.wake_at = now

    def due(self, now: int) -> ListObjects | WatchObjects | None:
        """The request to send now, if it is time; the host answers with `sent`."""
        if self.wake_at is None or now < self.wake_at:
            return None
        if not self.version:
            return ListObjects(self.kind, self._page_size, self._namespace, self._name)
        self._turn += 1
        cut = self._watch_timeout_ms * TIMEOUT_JITTER * spread(self._salt, self._turn)
        timeout_ms = max(1, self._watch_timeout_ms - int(cut))
        return WatchObjects(self.kind, self.version, timeout_ms, self._namespace, self._name, self._replaced)

    def sent(self, request_id: int, now: int) -> None:
        self.request_id = request_id
        self.wake_at = None
        self._watching = bool(self.version)
        if self._watching:
            self._replaced = 0
        self._fresh = False
        self._heard = True
        self._opened_at = now

    def seen(self, signal: WatchSeen) -> bool:
        """Is this word of the current watch? If so its version is where we resume."""
        if signal.request_id != self.request_id:
            return False
        self._fresh = True
        self._heard = True
        if signal.resource_version:
            self.version = signal.resource_version
        return True

    def visit(self, now: int) -> int:
        """An open watch not heard of since the last visit is due to be replaced: its request id, else 0."""
        replaced = 0
        if self._watching and self.request_id and not self._heard:
            replaced = self._replaced = self.request_id
            self.request_id = 0
            self.wake_at = now
            self.renewals += 1
        self._heard = False
        return replaced

    def forget(self, now: int) -> int:
        """What was heard so far may be long past: list anew. The id of the request that nobody waits for any more."""
        given_up, self.request_id = self.request_id, 0
        if self._watching:
            self._replaced = given_up
        self.version = ""
        self.synced = False
        self.wake_at = now
        return given_up

    def replied(self, outcome: Outcome, now: int) -> Listing | None:
        """The current request ended; a listing is handed back for the cache."""
        self.request_id = 0
        if self._watching:
            self._watch_ended(outcome, now)
            return None
        listing = outcome.object
        self.unknown = outcome.code is Code.NOT_FOUND
        if outcome.code is Code.OK and type(listing) is Listing and listing.resource_version:
            self.version = listing.resource_version
            self.synced = True
            self.relists += 1
            self.wake_at = now
            return listing
        self._back_off(outcome, now)
        return None

    def _watch_ended(self, outcome: Outcome, now: int) -> None:
        self.restarts += 1
        code = outcome.code
        if self._fresh or now - self._opened_at >= SETTLED_MS:
            self._failures = 0
        if code is Code.GONE or code is Code.INVALID:
            self.version = ""
            if not self._failures:
                self._failures = 1
                self.wake_at = now
                return
        elif code is Code.OK and not self._failures and (self._fresh or now - self._opened_at >= SETTLED_MS):
            self.wake_at = now
            return
        self._back_off(outcome, now)

    def _back_off(self, outcome: Outcome, now: int) -> None:
        wait = delay_ms(BACKOFF_BASE_MS, self._failures, BACKOFF_CAP_MS, self._salt)
        self._failures += 1
        self.wake_at = now + max(wait, outcome.retry_after_ms or 0)
