"""May this replica write? One elector per process, over one coordination Lease.

Called by the controller right before any write is handed out. Rules:
1. A lease held by somebody else is taken only once it has not changed for its whole duration *by our own clock*, from
   when we saw the change; the times written in it are never compared with our clock.
2. We may write while less than the renew deadline has passed since the last successful renewal was *sent*; the
   deadline is shorter than the duration, so we have stopped before anybody else may start.
3. A renewal refused for a conflict means somebody touched the lease: no writing until we know it is still ours.
4. On stop the lease is released (holder ""), and nothing is written after that.
"""

from enum import Enum
from typing import Final

from wfexec.engine.backoff import delay_ms
from wfexec.model.meta import LEASE_NAME
from wfexec.model.requests import Code, CreateLease, GetLease, Lease, Outcome, UpdateLease
from wfexec.settings import Settings

ERROR_BASE_MS: Final = 1_000
ERROR_CAP_MS: Final = 16_000
# So many failures in a row make a replica unready (it can neither lead nor see who does).
FAILURES_MAX: Final = 5


class Doing(Enum):
    LOOKING = "looking"
    CREATING = "creating"
    CLAIMING = "claiming"
    RELEASING = "releasing"
    RELEASED = "released"


class Elector:
    """`due` gives the one request to send, `sent` and `replied` feed it back; `may_write` is the fence."""

    __slots__ = (
        "_deadline_ms",
        "_doing",
        "_duration_ms",
        "_failures",
        "_identity",
        "_known",
        "_namespace",
        "_observed_at",
        "_out",
        "_period_ms",
        "_released",
        "_renewed_at",
        "_sent_at",
        "_stopping",
        "_trusted",
        "wake_at",
    )

    def __init__(self, settings: Settings, identity: str) -> None:
        self._identity = identity
        self._namespace = settings.controller_namespace
        self._duration_ms = settings.lease_duration
        self._deadline_ms = settings.lease_renew_deadline
        self._period_ms = settings.lease_retry_period
        self._doing = Doing.LOOKING
        self._known: Lease | None = None
        self._observed_at = 0
        self._sent_at = 0
        # When the renewal we hold by was sent; None while we do not hold.
        self._renewed_at: int | None = None
        self._trusted = False
        self._out = False
        self._failures = 0
        self._stopping = False
        self._released = False
        self.wake_at: int | None = None

    def __repr__(self) -> str:
        holder = self._known.holder if self._known is not None else "?"
        return f"<Elector {self._identity} {self._doing.value}, holder {holder!r}, renewed {self._renewed_at}>"

    @property
    def released(self) -> bool:
        """After `stop`: nothing of the lease is left in our hands, or at least nothing is left to try."""
        return self._released

    @property
    def healthy(self) -> bool:
        return self._failures < FAILURES_MAX

    def start(self, now: int) -> None:
        self.wake_at = now

    def may_write(self, now: int) -> bool:
        renewed_at = self._renewed_at
        return renewed_at is not None and self._trusted and now - renewed_at < self._deadline_ms

    def fenced_at(self) -> int | None:
        """When `may_write` turns (or turned) false by itself; None without a renewal of our own."""
        return self._renewed_at + self._deadline_ms if self._renewed_at is not None and self._trusted else None

    def stop(self, now: int) -> None:
        """Release the lease as soon as no request of ours is under way."""
        self._stopping = True
        if not self._out:
            self._prepare_release(now)

    def due(self, now: int) -> GetLease | CreateLease | UpdateLease | None:
        """The request to send now, if it is time; the host answers with `sent`."""
        if self._out or self.wake_at is None or now < self.wake_at:
            return None
        if self._doing is Doing.RELEASING and self._known is not None:
            return UpdateLease(self._known._replace(holder="", duration_ms=1_000, renew_ms=now))
        if self._doing is Doing.CREATING:
            return CreateLease(self._claim(now, None))
        if self._doing is Doing.CLAIMING and self._known is not None:
            return UpdateLease(self._claim(now, self._known))
        return GetLease(LEASE_NAME, self._namespace)

    def sent(self, now: int) -> None:
        self._out = True
        self._sent_at = now
        self.wake_at = None

    def replied(self, outcome: Outcome, now: int) -> None:
        self._out = False
        if self._renewed_at is not None and now - self._renewed_at >= self._deadline_ms:
            self._renewed_at = None
        doing = self._doing
        if doing is Doing.RELEASING:
            self._finish()
            return
        lease = outcome.object if type(outcome.object) is Lease else None
        if outcome.code is Code.OK and lease is not None:
            self._failures = 0
            if doing is Doing.LOOKING:
                self._observe(lease, now)
            else:
                self._hold(lease)
        elif doing is Doing.LOOKING and outcome.code is Code.NOT_FOUND:
            self._failures = 0
            self._known = None
            self._renewed_at = None
            self._next(Doing.CREATING, now)
        else:
            self._refused(outcome, now)
        if self._stopping:
            self._prepare_release(now)

    def _hold(self, lease: Lease) -> None:
        """Renewed: what counts is when we asked, not when we heard."""
        self._known = lease
        self._renewed_at = self._sent_at
        self._trusted = True
        self._next(Doing.CLAIMING, self._sent_at + self._period_ms)

    def _observe(self, lease: Lease, now: int) -> None:
        known = self._known
        if known is None or lease.resource_version != known.resource_version or lease.holder != known.holder:
            self._observed_at = now
        self._known = lease
        if lease.holder == self._identity:
            # Ours (again); we write only after a renewal of our own has been acknowledged.
            self._next(Doing.CLAIMING, now)
            return
        self._renewed_at = None
        free_at = self._observed_at + max(lease.duration_ms, self._duration_ms)
        if not lease.holder or now >= free_at:
            self._next(Doing.CLAIMING, now)
        else:
            self._next(Doing.LOOKING, min(free_at, now + delay_ms(self._period_ms, 0, self._period_ms, self._identity)))

    def _refused(self, outcome: Outcome, now: int) -> None:
        """Whatever went wrong, look before the next claim: we may hold it, or somebody else may."""
        held = self._renewed_at is not None
        if outcome.code is Code.CONFLICT or outcome.code is Code.ALREADY_EXISTS or outcome.code is Code.NOT_FOUND:
            self._trusted = False
            self._next(Doing.LOOKING, now + (0 if held else self._period_ms // 2))
            return
        wait = delay_ms(ERROR_BASE_MS, self._failures, self._period_ms if held else ERROR_CAP_MS, self._identity)
        self._failures += 1
        self._next(Doing.LOOKING, now + max(wait, 0 if held else outcome.retry_after_ms or 0))

    def _claim(self, now: int, known: Lease | None) -> Lease:
        if known is None:
            return Lease(LEASE_NAME, self._namespace, "", self._identity, self._duration_ms, now, now, 0)
        if known.holder == self._identity:
            return known._replace(duration_ms=self._duration_ms, renew_ms=now)
        return known._replace(
            holder=self._identity,
            duration_ms=self._duration_ms,
            acquire_ms=now,
            renew_ms=now,
            transitions=known.transitions + 1,
        )

    def _prepare_release(self, now: int) -> None:
        if self._known is not None and self._known.holder == self._identity and self._trusted:
            self._renewed_at = None
            self._next(Doing.RELEASING, now)
        else:
            self._finish()

    def _finish(self) -> None:
        self._renewed_at = None
        self._released = True
        self._doing = Doing.RELEASED
        self.wake_at = None

    def _next(self, doing: Doing, at: int) -> None:
        self._doing = doing
        self.wake_at = at
