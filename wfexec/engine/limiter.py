"""May one more request be handed out now? A token bucket, a bound on requests in flight, and respect for 429.

Called by the controller for every request but watches, lists and the lease: those keep us alive and are few. Events
need a place like all others, and have a rate of their own, held by the recorder.
A throttling server halves what may be in flight and stops everything until its Retry-After has passed; each full
round of successes gives one place back. What is asked of it comes from steps, so it raises the `pressure` as well, by
which every workflow halves the steps it has at a time, until there has been quiet for a while (BR-WF-024d).
"""

from typing import Final

from wfexec.model.plan import CountRecord, Record
from wfexec.model.requests import PAUSE_MS, Kind, ObjectKey

# Refusals so close together are one.
BURST_MS: Final = 5_000
# So long without one takes back one halving; more halvings than this leave one step at a time of any number.
QUIET_MS: Final = 30_000
PRESSURE_MAX: Final = 4
WAITED: Final = "wfexec_api_limiter_wait_seconds"
# How long there was no place concerns no single workflow.
_NOBODY: Final = ObjectKey(Kind.WORKFLOW, "", "")


class Rate:
    """A token bucket; `qps` 0: no limit."""

    __slots__ = ("_burst", "_per_ms", "_refilled_at", "_tokens")

    def __init__(self, qps: float, burst: int) -> None:
        self._per_ms = qps / 1_000
        self._burst = float(burst)
        self._tokens = float(burst)
        self._refilled_at = 0

    def __repr__(self) -> str:
        return f"<Rate {self._tokens:g} tokens>"

    def affords(self, now: int) -> bool:
        """Would `spend` find a token?"""
        if not self._per_ms:
            return True
        if now > self._refilled_at:
            self._refill(now)
        return self._tokens >= 1

    def spend(self) -> bool:
        """Take a token of those known at the last look, if there is one."""
        if self._per_ms:
            if self._tokens < 1:
                return False
            self._tokens -= 1
        return True

    def affords_at(self, now: int) -> int:
        """From when on there is a token."""
        if self.affords(now):
            return now
        return now + max(1, -int((self._tokens - 1) // self._per_ms))

    def _refill(self, now: int) -> None:
        tokens = self._tokens + (now - self._refilled_at) * self._per_ms
        self._tokens = tokens if tokens < self._burst else self._burst
        self._refilled_at = now


class Limiter(Rate):
    """`pressure`: how often the steps at a time are to be halved. `eases_at`: when once less; None where not at all."""

    __slots__ = (
        "_good",
        "_presses_at",
        "_resume_at",
        "_waits",
        "_waits_since",
        "eases_at",
        "in_flight",
        "pressure",
        "window",
        "workers",
    )

    def __init__(self, qps: float, burst: int, workers: int) -> None:
        super().__init__(qps, burst)
        self._resume_at = 0
        self._good = 0
        self._presses_at = 0
        self.pressure = 0
        self.eases_at: int | None = None
        self.workers = workers
        self.window = workers
        self.in_flight = 0
        # Since when there is no place for what wants one, and how long that was each time.
        self._waits_since: int | None = None
        self._waits: list[tuple[ObjectKey, Record]] = []

    def __repr__(self) -> str:
        return f"<Limiter {self.in_flight} of {self.window} in flight, {self._tokens:g} tokens>"

    def free(self, now: int) -> bool:
        """Would `admit` let a request through?"""
        if self.in_flight >= self.window or now < self._resume_at or not self.affords(now):
            return False
        if self._waits_since is not None:
            self._waited(now)
        return True

    def refused(self, now: int, wanted: int) -> None:
        """There was no place for as many as `wanted`."""
        if wanted and self._waits_since is None:
            self._waits_since = now

    def take_waits(self) -> list[tuple[ObjectKey, Record]]:
        """How long each wait was that ended since the last call, as records."""
        waits, self._waits = self._waits, []
        return waits

    def admit(self, now: int) -> bool:
        """Take a place and a token, if there are."""
        # As `free`, without the call: this is asked for every request.
        if self.in_flight >= self.window or now < self._resume_at:
            self.refused(now, 1)
            return False
        if self._per_ms:
            if now > self._refilled_at:
                self._refill(now)
            if self._tokens < 1:
                self.refused(now, 1)
                return False
            self._tokens -= 1
        self.in_flight += 1
        if self._waits_since is not None:
            self._waited(now)
        return True

    def _waited(self, now: int) -> None:
        since, self._waits_since = self._waits_since, None
        if since is not None and now > since:
            self._waits.append((_NOBODY, CountRecord(WAITED, (), (now - since) / 1_000)))

    def enter(self, now: int) -> bool:
        """Take a place without a token: for what has a rate of its own."""
        if self.in_flight >= self.window or now < self._resume_at:
            return False
        self.in_flight += 1
        return True

    def release(self) -> None:
        """A reply came."""
        self.in_flight -= 1
        if self.window < self.workers:
            self._good += 1
            if self._good >= self.window:
                self._good = 0
                self.window += 1

    def throttled(self, now: int, retry_after_ms: int | None) -> None:
        """The server said 429."""
        self._resume_at = max(self._resume_at, now + (PAUSE_MS if retry_after_ms is None else retry_after_ms))
        self.window = max(1, self.window // 2)
        self._good = 0
        self.eases_at = now + QUIET_MS
        if now >= self._presses_at:
            self._presses_at = now + BURST_MS
            self.pressure = min(self.pressure + 1, PRESSURE_MAX)

    def ease(self, now: int) -> bool:
        """Take one halving back, if it was quiet for long enough; whether it was."""
        if self.eases_at is None or now < self.eases_at:
            return False
        self.pressure -= 1
        self.eases_at = now + QUIET_MS if self.pressure else None
        return True

    def ready_at(self, now: int) -> int | None:
        """When waiting alone will help; None where a reply has to come first."""
        if self.in_flight >= self.window:
            return None
        return max(self._resume_at, self.affords_at(now))
