"""How does a test run, kill and disturb the shipped controller against a real API server?

Called by the features' API server back-end. The controller is `wfexec.app` as it is, in threads of this process,
as the service account that deploy/ binds; a `Tap` stands between it and the network. It must never decide anything,
and never be an administrator: what a tap does in somebody else's name goes through `Disturbance.before_write`.
"""

from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Any, Final

from sim.audit import AuditStore
from sim.barred import AWAY, Bars
from sim.faults import REFUSALS, REPEATED, ROLES_MS, STILL_MS, UNDONE, UNSEEN, Fault
from tests.harness.lent import Lent
from tests.harness.pace import AheadClock, PacedClock
from wfexec.adapters.alertmanager import Alertmanager
from wfexec.adapters.clock import WallClock
from wfexec.adapters.kube import Connection
from wfexec.adapters.workers import Workers
from wfexec.app import Crash, Look, Options, Process, Transport
from wfexec.crd.wire import refusal
from wfexec.engine.history import MemoryHistory
from wfexec.engine.timekeeping import ahead_ms
from wfexec.model.audit import FinalRecord
from wfexec.model.facts import AskHistory, Facts
from wfexec.model.plan import HistoryRecord
from wfexec.model.requests import (
    Code,
    CreateExecution,
    DeleteExecution,
    KeepRows,
    Kind,
    ListObjects,
    Outcome,
    PatchMetadata,
    PatchStatus,
    Replied,
    Request,
    Signal,
    WatchObjects,
)
from wfexec.settings import Settings

WRITES: Final = (PatchMetadata, PatchStatus, CreateExecution, DeleteExecution)
# Between two looks at the clock of one that stands still.
STILL_S: Final = 0.05
LOST: Final = Outcome(Code.LOST, message="no reply within the time limit")
# How an open watch ends.
ENDS: Final = {Fault.CUT: Code.LOST, Fault.FORGET: Code.GONE, Fault.REBOOT: Code.LOST, Fault.PAUSE: Code.LOST}
CONNECTIONS_EXTRA: Final = 9
STOP_S: Final = 10.0


class Disturbance:
    """What happens to the controller's writes in one namespace. Events do not count as writes here.

    `kill_after_write`: the controller dies after this write is carried out and before it sees the reply. `trouble`:
    what befalls which write, as in a fault plan.
    """

    def __init__(
        self,
        namespace: str,
        *,
        kill_after_write: int | None = None,
        before_write: Callable[[int], None] | None = None,
    ) -> None:
        self.namespace = namespace
        self.kill_after_write = kill_after_write
        self.before_write = before_write
        self.trouble: tuple[int, Fault] | None = None
        self.troubled = False
        # By how much the clocks of the controllers are ahead that start from here on, after the one that is at work.
        self.clocks: tuple[int, ...] = ()
        self.starts = 0
        self.writes = 0
        self.refused = 0
        self.killed = False


class Tap:
    """A transport that can be cut: nothing goes out any more and nothing comes back, as if the process had died."""

    def __init__(self, workers: Transport, owner: "LiveController") -> None:
        self._workers = workers
        self._owner = owner
        self._lock = Lock()
        self._cut = False
        # Watches that are open, and those of them that bring nothing any more: by request id.
        self._watches: set[int] = set()
        self._stalled: set[int] = set()
        self._hears: dict[int, Callable[[Signal], None]] = {}
        self._twice = 0

    def send(self, request: Request, reply: Callable[[Signal], None]) -> None:
        if self._cut:
            return
        number = self._owner.count(request)
        refused = self._owner.refusal(request)
        if refused is not None:
            reply(Replied(request.id, refused))
            return
        if isinstance(request.body, WatchObjects):
            # Whatever befalls the watches from now on, in another thread, befalls this one too.
            with self._lock:
                self._hears[request.id] = reply
                self._watches.add(request.id)
        fault = self._owner.trouble_of(number)
        if fault in REFUSALS:
            status, retry_after = REFUSALS[fault]
            reply(Replied(request.id, refusal(request.body, status, b"{}", retry_after)))
        elif fault is Fault.DROP:
            reply(Replied(request.id, LOST))
        else:
            self._workers.send(request, lambda signal: self._replied(request, number, signal, reply))

    def close(self) -> None:
        self._workers.close()

    def cut(self) -> None:
        with self._lock:
            self._cut = True

    def stall(self) -> None:
        """Whatever the watches now open bring is withheld; one opened later is whole."""
        with self._lock:
            self._stalled |= self._watches

    def befall(self, fault: Fault) -> None:
        """The reply to a write was seen; now this happens to the watches that are open."""
        if fault is Fault.STALL:
            self.stall()
        elif fault is Fault.REPEAT:
            self._twice = REPEATED
        elif fault in ENDS:
            if fault is Fault.REBOOT:
                self._owner.reboot()
            self.stall()
            for watch in sorted(self._stalled & self._watches):
                self._watches.discard(watch)
                self._hears[watch](Replied(watch, Outcome(ENDS[fault])))

    def _replied(self, request: Request, number: int, signal: Signal, reply: Callable[[Signal], None]) -> None:
        if number and isinstance(signal, Replied) and self._owner.fatal(number, signal):
            self.cut()
            self._owner.died(self)
        fault = self._owner.trouble_of(number)
        if fault is Fault.PAUSE:
            self._owner.pause()
        if fault in UNSEEN:
            signal = Replied(request.id, LOST)
        elif isinstance(request.body, ListObjects) and isinstance(signal, Replied):
            signal = self._owner.listed(request.body.kind, signal)
        with self._lock:
            if self._cut or request.id in self._stalled:
                return
            if isinstance(signal, Replied):
                self._watches.discard(request.id)
            elif self._twice:
                self._twice -= 1
                reply(signal)
            reply(signal)
        if fault is Fault.CRASH_STALE:
            self._owner.remember_wrongly()
        elif fault is not Fault.NONE:
            self.befall(fault)


class AuditDoor:
    """The simulation's audit store, as the port that a controller is given; what gets no reply says so at once."""

    def __init__(self, store: AuditStore, clock: WallClock) -> None:
        self._store = store
        self._clock = clock

    def keep(self, rows: tuple[FinalRecord, ...], timeout_s: float) -> Outcome:
        now = self._clock.now_ms()
        body, fault = KeepRows(rows), self._store.fault(now)
        if fault in REFUSALS:
            status, retry_after = REFUSALS[fault]
            return refusal(body, status, b"{}", retry_after)
        if fault in UNDONE:
            return LOST
        kept = self._store.keep(body, now)
        return LOST if fault in UNSEEN else kept


class LiveController:
    """One controller at a time; a killed one is followed by a fresh one at once. `connection` outlives them all: its
    owner closes it."""

    def __init__(
        self,
        connection: Connection,
        clock: PacedClock,
        settings: Settings,
        *,
        elect: bool = False,
        audit: AuditStore | None = None,
    ) -> None:
        self._connection = connection
        self._options = Options(metrics_address="0", health_address="0", leader_elect=elect)
        self._clock = clock
        self._settings = settings
        # Outlives the controllers, as a database would.
        self.history = MemoryHistory()
        self._audit = AuditDoor(audit, clock) if audit is not None else None
        self._lock = Lock()
        self._disturbance = Disturbance("")
        self._lives: list[tuple[Process, Tap, Thread]] = []
        # The oldest list of each kind, and the kinds whose next list will be that.
        self._oldest: dict[Kind, Outcome] = {}
        self._stale: set[Kind] = set()
        # What the server refuses although we may.
        self.bars = Bars()

    def start(self) -> None:
        settings, clock = self._settings, self._next_clock()
        threads = settings.workers + CONNECTIONS_EXTRA
        connection = Lent(self._connection, self._clock)
        posts: list[Callable[[Any], None]] = []
        alertmanager = Alertmanager.of(settings, clock.monotonic)
        alerts = alertmanager.facts if alertmanager is not None else None
        crashed = lambda error: posts[0](Crash(error))  # noqa: E731 - the process is made after it
        workers = Workers(connection, clock, threads, _unmeasured, crashed, self, alerts, self._audit)
        tap = Tap(workers, self)
        process = Process(settings, self._options, tap, clock, self, self._audit)
        posts.append(process.loop.post)
        thread = Thread(target=process.run, name="controller", daemon=True)
        self._lives.append((process, tap, thread))
        thread.start()

    def _next_clock(self) -> WallClock:
        """As on a machine of its own, set by the API server's time as `wfexec run` does it."""
        disturbance = self._disturbance
        if not disturbance.clocks:
            return self._clock
        disturbance.starts += 1
        clock = AheadClock(self._clock, disturbance.clocks[disturbance.starts % len(disturbance.clocks)])
        clock.take_back(ahead_ms(clock.now_ms(), self._clock.now_ms()))
        return clock

    def add(self, record: HistoryRecord) -> None:
        self.history.add(record)

    def facts(self, question: AskHistory) -> Facts:
        return self.history.facts(question)

    def disturb(self, disturbance: Disturbance) -> None:
        """From now on; the one before is forgotten."""
        self._disturbance = disturbance
        self.bars = Bars()

    @property
    def leading(self) -> bool:
        return self._lives[-1][0].controller.leading

    def metrics(self) -> str:
        """The page that its own port would serve."""
        return self._lives[-1][0].scrape().decode()

    def kill(self) -> None:
        """At once: requests on their way are carried out, their replies never seen."""
        _, tap, _ = self._lives[-1]
        tap.cut()
        self.died(tap)

    def leave(self) -> None:
        """At once and for good; `start` calls the next one."""
        self._lives[-1][1].cut()
        self.stop()

    def stall(self) -> None:
        self._lives[-1][1].stall()

    def sleep(self, ms: int) -> None:
        """Its engine stands still for so long; what comes for it waits."""
        until, done = self._clock.now_ms() + ms, Event()

        def still() -> None:
            while self._clock.now_ms() < until and not done.wait(STILL_S):
                pass

        self._lives[-1][0].loop.post(Look(still, done))

    def died(self, tap: Tap) -> None:
        """Its threads are told to end, and a fresh controller starts."""
        with self._lock:
            process, current, _ = self._lives[-1]
            if current is tap:
                process.stop()
                self.start()

    def trouble_of(self, number: int) -> Fault:
        """What befalls this write; NONE for what is no write."""
        trouble = self._disturbance.trouble
        if not number or trouble is None or trouble[0] != number:
            return Fault.NONE
        self._disturbance.troubled = True
        return trouble[1]

    def pause(self) -> None:
        """The thread that decides stands still; what comes for it waits."""
        over, seconds = Event(), self._clock.real_seconds(STILL_MS[Fault.PAUSE])

        def stand_still() -> None:
            over.wait(seconds)

        self._lives[-1][0].loop.post(Look(stand_still, over))

    def reboot(self) -> None:
        """The API server starts anew, and refuses everything until it has read its roles."""
        self.bars.until = self._clock.now_ms() + ROLES_MS

    def vanish(self, ms: int) -> None:
        """The API server is away for so long."""
        self.bars = Bars(self._clock.now_ms() + ms, closed=AWAY)
        self._lives[-1][1].befall(Fault.CUT)

    def refusal(self, request: Request) -> Outcome | None:
        """Of a server that has not read its roles; None where it has, or is not asked."""
        with self._lock:
            return self.bars.refusal(request.body, self._clock.now_ms())

    def listed(self, kind: Kind, told: Replied) -> Replied:
        """What the controller is shown: the list, or once after `remember_wrongly` the oldest that we know."""
        if told.outcome.code is not Code.OK:
            return told
        oldest = self._oldest.setdefault(kind, told.outcome)
        if kind not in self._stale:
            return told
        self._stale.discard(kind)
        return Replied(told.request_id, oldest)

    def remember_wrongly(self) -> None:
        """The controller dies, and the next one is shown the cluster as it was long ago."""
        self._stale |= {Kind.WORKFLOW, Kind.EXECUTION}
        self.kill()

    def failure(self) -> BaseException | None:
        """A defect that ended a controller."""
        return next((life[0].loop.failure for life in self._lives if life[0].loop.failure is not None), None)

    def stop(self) -> None:
        for process, _, _ in self._lives:
            process.stop()
        for _, _, thread in self._lives:
            thread.join(STOP_S)

    def count(self, request: Request) -> int:
        """The number of a write to the disturbed namespace, 0 for anything else; somebody may act before it."""
        disturbance, body = self._disturbance, request.body
        if not isinstance(body, WRITES) or body.key.namespace != disturbance.namespace:
            return 0
        disturbance.writes += 1
        if disturbance.before_write is not None:
            disturbance.before_write(disturbance.writes)
        return disturbance.writes

    def fatal(self, number: int, signal: Replied) -> bool:
        """Whether the controller dies of this reply."""
        disturbance = self._disturbance
        disturbance.refused += signal.outcome.code is Code.CONFLICT
        if number != disturbance.kill_after_write or disturbance.killed:
            return False
        disturbance.killed = True
        return True


def _unmeasured(request: Request, outcome: object, seconds: float) -> None:
    """Nobody reads the metrics of a controller under test here."""
