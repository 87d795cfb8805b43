"""The whole controller without a socket or a clock: signals in, requests out.

Called by the two drivers (threads around a real connection, or the simulated world) in this order, as often as they
like: `start` once, `feed` and `tick` when something came or `wake_at` is reached, `take` for what must be sent now. It
never blocks, never looks at a clock, and `now` (milliseconds) must never go back: a driver anchors its wall clock
once to a monotonic one. Rules:
1. Nothing is decided before both kinds have been listed once (for bearings it waits a moment only), and nothing is
   written without the lease (if there is leader election): every write is checked against it right before it goes.
2. A key is taken from the queue only when a request could be sent now, so decisions are made as late as possible.
3. Events go out only when no write waits, at a rate of their own, many in one place, and never in more than half of
   the places.
4. After StopAsked no new plan is made; what is under way ends, at the latest after one request timeout; then the lease
   is released.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from wfexec.core.decide import decide as core_decide
from wfexec.core.graph import compile_recipe as core_compile_recipe
from wfexec.engine.lease import Elector
from wfexec.engine.limiter import Limiter
from wfexec.engine.patrol import IDLE_TIMES, Patrol
from wfexec.engine.reconciler import CompileRecipe, Decide, Reconciler
from wfexec.engine.recorder import Recorder
from wfexec.engine.reflector import Reflector
from wfexec.engine.survey import Survey
from wfexec.engine.totals import totals
from wfexec.engine.view import View
from wfexec.model.plan import Record
from wfexec.model.requests import Ask, Body, EventWrites, ObjectKey, Outcome, Replied, Request, Signal, WatchSeen
from wfexec.model.status import WorkflowExecution
from wfexec.model.words import EXECUTION, THROTTLED, WORKFLOW
from wfexec.settings import Settings

# A list is many pages, each of which may take as long as a request.
LIST_PAGES_PATIENCE = 6
# Of the other kinds only bearings are kept.
KEPT: Final = frozenset({WORKFLOW, EXECUTION})
Handler = Callable[[Any, Any, Outcome, int], None]
# The constructor of a named tuple costs as much as handing out a request.
_tuple: Final[Any] = tuple.__new__


class Controller:
    """One controller process. `synced`, `leading` and `stopped` are for the drivers' probes; read only.
    `audited`: somebody answers `KeepRows`."""

    __slots__ = (
        "_alarm",
        "_blocked",
        "_elector",
        "_event_places",
        "_executions",
        "_flight",
        "_lease_timeout_ms",
        "_limiter",
        "_next_id",
        "_now",
        "_out",
        "_patrol",
        "_reconciler",
        "_recorder",
        "_release_by",
        "_rounds",
        "_settings",
        "_stirred",
        "_stop_by",
        "_survey",
        "_timeout_ms",
        "_unasked",
        "_view",
        "_workflows",
        "leading",
        "stopped",
        "synced",
    )

    def __init__(
        self,
        settings: Settings,
        identity: str,
        *,
        leader_election: bool,
        decide: Decide = core_decide,
        compile_recipe: CompileRecipe = core_compile_recipe,
        audited: bool = False,
    ) -> None:
        self._settings = settings
        self._timeout_ms = settings.request_timeout
        self._lease_timeout_ms = min(
            settings.request_timeout, max(settings.lease_retry_period, settings.lease_renew_deadline // 2)
        )
        reflector = partial(
            Reflector, page_size=settings.list_page_size, watch_timeout_ms=settings.watch_timeout, salt=identity
        )
        self._workflows = reflector(WORKFLOW)
        self._executions = reflector(EXECUTION)
        self._survey = Survey(reflector, settings.controller_namespace)
        silence, idle = settings.watch_silence, settings.watch_silence * IDLE_TIMES
        self._patrol = Patrol((self._workflows, self._executions), silence, idle, decisive=True)
        self._rounds = Patrol(tuple(self._survey.parts.values()), idle, idle)
        self._elector = Elector(settings, identity) if leader_election else None
        self._limiter = Limiter(settings.kubernetes_qps, settings.kubernetes_burst, settings.workers)
        self._event_places = max(1, settings.workers // 2)
        self._recorder = Recorder(settings.event_dedupe_window, settings.kubernetes_qps, settings.kubernetes_burst)
        self._view = View(self._limiter)
        self._reconciler = Reconciler(self._view, self._recorder, settings, decide, compile_recipe)
        self._reconciler.audited = audited
        # By request id: who takes the reply, what was asked, for whom, and whether it holds a place of the limiter.
        self._flight: dict[int, tuple[Handler, Body, Any, bool]] = {}
        self._out: list[Request] = []
        self._next_id = 1
        self._now = 0
        # Something came since the last `take` that may give us something to do.
        self._stirred = False
        # What `wake_at` said, 0 where it was not asked since: until then, a controller not stirred has nothing to do.
        self._alarm: int | None = 0
        # Something waits for the limiter.
        self._blocked = False
        self._stop_by: int | None = None
        self._release_by: int | None = None
        self._unasked = 0
        self.leading = not leader_election
        self.synced = False
        self.stopped = False

    def __repr__(self) -> str:
        role = "stopped" if self.stopped else "leading" if self.leading else "standing by"
        return f"<Controller {role}, {len(self._flight)} in flight, {self._view!r}>"

    @property
    def missing(self) -> tuple[str, ...]:
        """The kinds whose first list is waited for; empty once `synced`."""
        kept = tuple(each.kind.value for each in (self._workflows, self._executions) if not each.synced)
        return () if self.synced else (*kept, *self._survey.unanswered())

    @property
    def unknown(self) -> tuple[str, ...]:
        """Those of our two kinds that the API server does not know (BR-WF-040)."""
        return tuple(each.kind.value for each in (self._workflows, self._executions) if each.unknown)

    @property
    def healthy(self) -> bool:
        """Ready: synced, and leading or able to see who does."""
        return self.synced and (self._elector is None or self._elector.healthy)

    def start(self, now: int) -> None:
        self._touch(now)
        self._workflows.start(now)
        self._executions.start(now)
        self._survey.start(now)
        if self._elector is not None:
            self._elector.start(now)

    def feed(self, signal: Signal, now: int) -> None:
        """Something came; what follows from it is asked for with `take`."""
        self._now = now
        if isinstance(signal, WatchSeen):
            kind, thing = signal.kind, signal.object
            if kind is EXECUTION:
                reflector = self._executions
            elif kind is WORKFLOW:
                reflector = self._workflows
            else:
                self._surveyed(self._survey.seen(signal), now)
                return
            # The echo of our own write gives us nothing to do.
            if not reflector.seen(signal):
                self._unasked += 1
            elif thing is not None and self._view.watched(
                *(kind, signal.change, thing, signal.resource_version),  # type: ignore[arg-type] # a kind has its type
            ):
                self._stirred = True
        elif isinstance(signal, Replied):
            flight = self._flight.pop(signal.request_id, None)
            if flight is None:
                self._unasked += 1
                return
            handler, body, concerned, placed = flight
            outcome = signal.outcome
            if placed:
                self._limiter.release()
                # A question whose own reads were throttled is answered all the same.
                if outcome.code is THROTTLED or (outcome.retry_after_ms is not None and body.__class__ is Ask):
                    self._limiter.throttled(now, outcome.retry_after_ms)
            handler(body, concerned, outcome, now)
            # A place became free, and the Events are no news to anybody.
            asked = body.__class__
            if asked is not EventWrites or self._blocked or self._recorder.waiting or self._stop_by is not None:
                self._stirred = True
        else:
            self._stirred = True
            if self._stop_by is None:
                self._stop_by = now + self._timeout_ms

    def tick(self, now: int) -> None:
        """Time passed; `take` does what has come due."""
        self._touch(now)

    def take(self) -> list[Request]:
        """What must be sent now, each once; decisions are made here."""
        now = self._now
        out = self._out = []
        alarm = self._alarm
        if self.stopped or not (self._stirred or (alarm is not None and alarm <= now)):
            return out
        self._stirred = False
        self._alarm = 0
        if self._elector is not None:
            self._lead(self._elector, now)
        if self._stop_by is None:
            for replaced in (*self._patrol.walk(now), *self._rounds.walk(now)):
                self._flight.pop(replaced, None)
                self._survey.rearm()
            self._follow(self._workflows, now)
            self._follow(self._executions, now)
            survey = self._survey
            if survey.wake_at is not None and survey.wake_at <= now:
                for reflector in survey.parts.values():
                    self._follow(reflector, now)
                survey.rearm()
        known = self._workflows.synced and self._executions.synced
        if known is not self.synced:
            self.synced = known and self._survey.settled(now)
            self._view.awake_since = now
        if self.leading and self.synced:
            self._work(now)
            if (rows := self._reconciler.ledger.take()) is not None:
                self._send(rows, self._reconciler.ledger.replied, None, self._timeout_ms, placed=False)
        if self._stop_by is not None:
            self._wind_down(self._stop_by, now)
        return out

    def wake_at(self) -> int | None:
        """When to call `tick` at the latest, if nothing comes before; None for never."""
        if self.stopped:
            return None
        if self._stirred:
            return self._now
        if self._alarm != 0:
            return self._alarm
        working = self.leading and self.synced
        # Most often two watches are open, nobody is elected, and one workflow waits for its alarm: kept short.
        earliest = self._rare_alarms(working)
        if working and self._stop_by is None:
            for at in (self._view.deadlines.next_at(), self._view.queue.next_at()):
                if at is not None and (earliest is None or at < earliest):
                    earliest = at
        self._alarm = earliest
        return earliest

    def _rare_alarms(self, working: bool) -> int | None:
        """The earliest instant at which anything but a workflow wants to be woken."""
        instants: list[int | None] = []
        elector = self._elector
        if elector is not None:
            instants += (elector.wake_at, elector.fenced_at() if self.leading else None)
        if self._stop_by is not None:
            instants.append(self._stop_by if self._release_by is None else self._release_by)
        else:
            instants += (self._workflows.wake_at, self._executions.wake_at)
            waiting = len(self._view.deadlines) > 0
            instants += (self._patrol.wake_at(self._now, waiting), self._rounds.wake_at(self._now, waiting))
            instants += (self._survey.wake_at, None if self.synced else self._survey.patience_at(self._now))
        if working:
            instants.append(self._limiter.eases_at)
            if self._recorder.waiting:
                instants.append(self._recorder.wake_at(self._now))
            if self._blocked:
                instants.append(self._limiter.ready_at(self._now))
        return min([instant for instant in instants if instant is not None], default=None)

    def take_records(self) -> list[tuple[ObjectKey, Record]]:
        """Counts and log lines released since the last call, by workflow; events are sent as requests instead."""
        return self._reconciler.take_released() + self._limiter.take_waits()

    def workflows(self) -> Iterator[WorkflowExecution]:
        """The workflows known now, readable ones only, in no meaningful order; for the metrics of the runtime."""
        return (tracked.workflow for tracked in self._view.tracked.values() if tracked.workflow is not None)

    def stats(self) -> dict[str, int]:
        """Totals since the start, for the metrics of the runtime."""
        followed = (self._workflows, self._executions, *self._survey.parts.values())
        return {**totals(self._view, self._reconciler, followed, self._limiter), "unasked": self._unasked}

    def _touch(self, now: int) -> None:
        self._now = now
        self._stirred = True

    def _send(self, body: Body, handler: Handler, concerned: Any, timeout_ms: int, placed: bool) -> int:
        request_id = self._next_id
        self._next_id = request_id + 1
        self._flight[request_id] = (handler, body, concerned, placed)
        self._out.append(_tuple(Request, (request_id, body, timeout_ms)))
        return request_id

    def _lead(self, elector: Elector, now: int) -> None:
        leading = elector.may_write(now)
        if leading is not self.leading:
            self.leading = leading
            if leading:
                self._view.wake_all(now)
            else:
                self._reconciler.fence_all()
        body = elector.due(now)
        if body is not None:
            elector.sent(now)
            self._send(body, self._on_lease, elector, self._lease_timeout_ms, placed=False)

    def _follow(self, reflector: Reflector, now: int) -> None:
        at = reflector.wake_at
        if at is None or now < at:
            return
        body = reflector.due(now)
        if body is None:
            return
        if reflector.version:
            timeout_ms = self._settings.watch_timeout + self._timeout_ms
        else:
            timeout_ms = self._timeout_ms * LIST_PAGES_PATIENCE
        reflector.sent(self._send(body, self._on_followed, reflector, timeout_ms, placed=False), now)

    def _work(self, now: int) -> None:
        view, limiter, reconciler = self._view, self._limiter, self._reconciler
        queue, outbox = view.queue, reconciler.outbox
        stopping = self._stop_by is not None
        if not stopping:
            for tracked in view.deadlines.due(now):
                queue.add(tracked, tracked.level)
            queue.promote(now)
            if limiter.eases_at is not None and limiter.ease(now):
                view.eased()
        self._blocked = True
        while True:
            while outbox:
                if not limiter.admit(now):
                    return
                body, handler, tracked = outbox.popleft()
                self._send(body, handler, tracked, self._timeout_ms, True)
            if stopping:
                break
            if not limiter.free(now):
                limiter.refused(now, len(queue))
                return
            following = queue.take()
            if following is None:
                break
            reconciler.look(following, now)
        self._blocked = False
        if self._recorder.waiting:
            self._send_events(self._recorder, now)

    def _send_events(self, recorder: Recorder, now: int) -> None:
        while recorder.rows < self._event_places and recorder.ready(now):
            if not self._limiter.enter(now):
                self._blocked = True
                return
            row, body = recorder.row(now)
            self._send(body, recorder.row_replied, row, self._timeout_ms, True)

    def _on_followed(self, body: Body, reflector: Reflector, outcome: Outcome, now: int) -> None:
        if reflector.kind not in KEPT:
            self._surveyed(self._survey.replied(reflector, outcome, now), now)
            return
        listing = reflector.replied(outcome, now)
        if listing is not None:
            self._view.relisted(reflector.kind, listing)

    def _surveyed(self, changed: bool | None, now: int) -> None:
        """Something was heard about the bearings; None: nobody asked for it."""
        survey = self._survey
        if changed is None:
            self._unasked += 1
        elif changed:
            survey.steer(self._view)
            self._stirred = True
        if survey.notices:
            self._reconciler.released += survey.told(self._recorder if self.leading else None, now)

    def _on_lease(self, body: Body, elector: Elector, outcome: Outcome, now: int) -> None:
        elector.replied(outcome, now)

    def _wind_down(self, stop_by: int, now: int) -> None:
        """Stopping: first what is under way, then the lease, then nothing."""
        if self._release_by is None:
            unsent = self._reconciler.outbox or self._reconciler.ledger.busy
            if (unsent or self._limiter.in_flight or (self.leading and not self._recorder.idle)) and now < stop_by:
                return
            self._release_by = now + self._timeout_ms
            self._reconciler.fence_all()
            if self._elector is not None:
                self._elector.stop(now)
                self._lead(self._elector, now)
        if self._elector is None or self._elector.released or now >= self._release_by:
            self.stopped = True
