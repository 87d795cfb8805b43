"""How does the controller run in a cluster? The loop that drives it in real time, and the composition root.

Called by `wfexec run` and by test harnesses (which may give another transport or a faster clock). Its twin is
`sim/driver.py`, which drives the same machines in virtual time:

    signals ──► inbox ──feed──► machine ──take──► transport ──reply──► inbox
                          tick at wake_at

One thread owns the machine. It must never decide anything, and never swallow a defect: an exception in any thread of
ours ends the process with exit code 1, because a restart from the API server's objects is always safe (BR-WF-015).
"""

import gc
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event, Thread, current_thread, main_thread
from typing import Any, Final, NamedTuple, Protocol, TypeVar
from uuid import uuid4

from wfexec.adapters.alertmanager import Alertmanager
from wfexec.adapters.audit import AuditLog
from wfexec.adapters.auth import MetricsGate
from wfexec.adapters.clock import WallClock
from wfexec.adapters.http import Server, Tls, metrics_site, probes_site
from wfexec.adapters.inbox import Inbox
from wfexec.adapters.kube import Connection, connect
from wfexec.adapters.logging import write_record
from wfexec.adapters.metrics import Metrics
from wfexec.adapters.timekeeper import Timekeeper
from wfexec.adapters.workers import Workers
from wfexec.core.graph import compile_recipe
from wfexec.engine.controller import Controller
from wfexec.engine.history import HistoryStore, MemoryHistory
from wfexec.engine.ledger import AuditStore
from wfexec.engine.survey import SURVEYED
from wfexec.model.audit import FinalRecord
from wfexec.model.plan import CountRecord, HistoryRecord, LogRecord
from wfexec.model.recipe import Recipe, Refusal
from wfexec.model.requests import Code, ListObjects, Outcome, Request, Signal, StopAsked
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import Settings

log = logging.getLogger("wfexec.app")

# Six kinds are watched; leases and reviews of metrics callers come on top.
CONNECTIONS_EXTRA: Final = 9
# The engine's thread shows that it lives at least this often, and counts as dead after the second figure.
IDLE_S: Final = 2.0
DEAD_S: Final = 30.0
# Shorter than the pod's grace period of 30 s, longer than two requests that get no reply.
DRAIN_S: Final = 25.0
# How long a scrape waits for a look by the engine's thread before it serves the figures of the last one.
LOOK_S: Final = 1.0
# So many signals are fed before what they led to is sent.
BATCH: Final = 128
# What an operator should hear of: a missing right, a request that makes no sense, a server that is not there.
TROUBLE: Final = frozenset({Code.FORBIDDEN, Code.INVALID, Code.UNAVAILABLE, Code.LOST, Code.THROTTLED})
# With thousands of long-lived objects the default thresholds make each new one ten times as dear.
GC_THRESHOLDS: Final = (50_000, 20, 100)

S = TypeVar("S", contravariant=True)
R = TypeVar("R")


class Machine(Protocol[S, R]):
    """What the loop needs of a machine with memory and no I/O; the controller is one."""

    @property
    def stopped(self) -> bool: ...
    def start(self, now: int) -> None: ...
    def feed(self, signal: S, now: int) -> None: ...
    def tick(self, now: int) -> None: ...
    def take(self) -> list[R]: ...
    def wake_at(self) -> int | None: ...


class Transport(Protocol):
    """Carries requests out. `reply` may be called from any thread, once per request, for a watch many times."""

    def send(self, request: Request, reply: Callable[[Signal], None]) -> None: ...
    def close(self) -> None: ...


class Crash(NamedTuple):
    """A defect in another thread of ours."""

    error: BaseException


class Look(NamedTuple):
    """Something another thread wants to know of the machine, which only its own thread may touch."""

    look: Callable[[], None]
    done: Event


class Loop:
    """The one thread that owns a machine. `after` hears how many seconds a turn took, its requests being sent."""

    def __init__(
        self,
        machine: Machine[Any, Any],
        clock: WallClock,
        send: Callable[[Any, Callable[[Any], None]], None],
        after: Callable[[float], None],
    ) -> None:
        self.machine = machine
        self.failure: BaseException | None = None
        self._beat = clock.monotonic()
        self._clock = clock
        self._send = send
        self._after = after
        self._inbox: Inbox[Any] = Inbox()

    def post(self, arrived: Any) -> None:
        """A signal for the machine, a `Crash` or a `Look`; from any thread and from a signal handler."""
        self._inbox.put(arrived)

    def alive(self) -> bool:
        return self.failure is None and self._clock.monotonic() - self._beat < DEAD_S

    def ask(self, look: Callable[[], None]) -> None:
        """Run `look` in the machine's thread; returns when that is done, or after a second in any case."""
        wanted = Look(look, Event())
        self.post(wanted)
        wanted.done.wait(LOOK_S)

    def run(self) -> None:
        try:
            self.machine.start(self._clock.now_ms())
            self._hand_out(self._clock.monotonic())
            while not self.machine.stopped:
                self._turn()
        except BaseException as error:  # noqa: BLE001 - told by the main thread, which ends the process with it
            self.failure = error

    def _turn(self) -> None:
        arrived = self._arrived()
        self._beat = self._clock.monotonic()
        for each in arrived:
            if isinstance(each, Crash):
                raise each.error
            if isinstance(each, Look):
                each.look()
                each.done.set()
            else:
                self.machine.feed(each, self._clock.now_ms())
        wake_at, now = self.machine.wake_at(), self._clock.now_ms()
        if wake_at is not None and wake_at <= now:
            self.machine.tick(now)
        self._hand_out(self._beat)

    def _arrived(self) -> list[Any]:
        """What came, in that order; nothing when it is time to tick."""
        wake_at, wait_s = self.machine.wake_at(), IDLE_S
        if wake_at is not None:
            wait_s = min(wait_s, self._clock.real_seconds(wake_at - self._clock.now_ms()))
        return self._inbox.take(wait_s, BATCH)

    def _hand_out(self, since: float) -> None:
        for request in self.machine.take():
            self._send(request, self.post)
        self._after(self._clock.monotonic() - since)


@dataclass(frozen=True, slots=True)
class Options:
    """How this process is reached and reaches the cluster; addresses are `host:port`, `:port`, or `0` for none."""

    kubeconfig: str | None = None
    context: str | None = None
    metrics_address: str = ":9090"
    health_address: str = ":8080"
    leader_elect: bool = True
    # None: reviewed in a cluster, open with a kubeconfig.
    metrics_review: bool | None = None
    tls_cert_file: str = ""
    tls_private_key_file: str = ""


class Process:
    """The parts of one controller process, put together; `run` returns its exit code."""

    def __init__(
        self,
        settings: Settings,
        options: Options,
        transport: Transport | None = None,
        clock: WallClock | None = None,
        history: HistoryStore | None = None,
        audit: AuditStore | None = None,
    ) -> None:
        self.history = history or MemoryHistory()
        self.audit = audit
        # A setting that does nothing must say so.
        self._grace_given = "audit_grace" in settings.model_fields_set
        self._log: AuditStore = AuditLog(logging.INFO if audit is None else logging.WARNING)
        self.metrics = Metrics()
        self.clock = clock or WallClock()
        self.controller = Controller(
            settings,
            f"{socket.gethostname()}_{uuid4()}",
            leader_election=options.leader_elect,
            compile_recipe=self._compile,
            audited=audit is not None,
        )
        self._alertmanager = None if transport else Alertmanager.of(settings, self.clock.monotonic)
        self._connection = None if transport else _connection(settings, options)
        # A clock that runs faster is nobody's but a test's.
        mine = self.clock.speed == 1
        self._timekeeper = Timekeeper(self._connection, self.clock) if self._connection and mine else None
        self._transport = transport or self._workers(settings)
        self.loop = Loop(self.controller, self.clock, self._transport.send, self._after_turn)
        self.servers: list[Server] = []
        self._options = options
        self._stopping = False
        self._state = (False, False)

    def run(self) -> int:
        """Until a signal or `stop` ends it: 0 after a clean stop, 1 after a defect or when draining took too long."""
        gc.set_threshold(*GC_THRESHOLDS)
        with ExitStack() as closing:
            closing.callback(self._transport.close)
            if self._alertmanager is not None:
                closing.callback(self._alertmanager.close)
            self._serve(closing)
            self._listen_to_signals()
            if self._timekeeper is not None:
                self._timekeeper.set(lambda: self._stopping)
            engine = Thread(target=self.loop.run, name="engine", daemon=True)
            engine.start()
            log.info("started")
            if self.audit is None:
                log.info("audit is off: final records go to this log")
                if self._grace_given:
                    log.warning("audit-grace has no effect: there is no audit store that a deletion could wait for")
            while engine.is_alive() and not self._stopping:
                engine.join(IDLE_S)
            engine.join(DRAIN_S)
            return self._verdict(engine)

    def stop(self) -> None:
        """From any thread and from a signal handler."""
        self._stopping = True
        self.loop.post(StopAsked())

    def ready(self) -> str:
        """Why not, or "" when ready: both kinds are known, and we lead or see who does."""
        if self._stopping:
            return "stopping"
        if self.controller.unknown:
            kinds = ", ".join(self.controller.unknown)
            return f"the API server does not know {kinds}: apply the CRDs (`wfexec crds` prints them)"
        if not self.controller.synced:
            return f"not listed yet: {', '.join(self.controller.missing)}"
        return "" if self.controller.healthy else "cannot reach the lease"

    def live(self) -> str:
        return "" if self.loop.alive() else "the engine does not respond"

    def scrape(self) -> bytes:
        """The metrics page, its gauges as of now."""
        self.loop.ask(lambda: self.metrics.observe(self.controller))
        if self._timekeeper is not None:
            self._timekeeper.compare()
            self.metrics.clock(self._timekeeper.ahead_ms, self._timekeeper.set_by_ms)
        return self.metrics.page()

    def _verdict(self, engine: Thread) -> int:
        failure = self.loop.failure
        if failure is not None:
            log.critical("a defect of ours ended the controller", exc_info=failure)
            return 1
        if engine.is_alive():
            log.error("not drained within %d s; the lease runs out by itself", DRAIN_S)
            return 1
        log.info("stopped")
        return 0

    def _workers(self, settings: Settings) -> Workers:
        assert self._connection is not None
        threads = settings.workers + CONNECTIONS_EXTRA
        alerts = self._alertmanager.facts if self._alertmanager is not None else None
        return Workers(
            self._connection, self.clock, threads, self._ended, self._crashed, self.history, alerts, self.audit
        )

    def _ended(self, request: Request, outcome: Outcome, seconds: float) -> None:
        """From worker threads: a request is over."""
        self.metrics.request(request, outcome, seconds)
        # The engine itself says, once, which bearings it has no right to.
        kind = getattr(request.body, "kind", None)
        told = outcome.code is Code.FORBIDDEN and kind in SURVEYED
        if outcome.code is Code.NOT_FOUND and isinstance(request.body, ListObjects) and kind not in SURVEYED:
            fields = {"kind": request.body.kind.value, "fix": "apply the CRDs: wfexec crds prints them"}
            log.warning("the API server does not know this kind", extra={"fields": fields})
        level = logging.WARNING if outcome.code in TROUBLE and not told else logging.DEBUG
        if log.isEnabledFor(level):
            name = type(request.body).__name__
            of = {"request": name} if kind is None else {"request": name, "kind": kind.value}
            fields = {**of, "code": outcome.code.value, "why": outcome.message}
            log.log(level, "request ended", extra={"fields": {**fields, "ms": round(seconds * 1_000)}})

    def _compile(self, spec: WorkflowExecutionSpec, settings: Settings) -> Recipe | Refusal:
        began = self.clock.monotonic()
        recipe = compile_recipe(spec, settings)
        self.metrics.resolved(self.clock.monotonic() - began)
        return recipe

    def _crashed(self, error: BaseException) -> None:
        self.loop.post(Crash(error))

    def _serve(self, closing: ExitStack) -> None:
        options = self._options
        reviewed = options.metrics_review
        if reviewed is None:
            reviewed = self._connection is not None and self._connection.in_cluster
        gate = MetricsGate(self._connection.call, self.clock.monotonic) if reviewed and self._connection else None
        tls = Tls.of(options.tls_cert_file, options.tls_private_key_file)
        sites = (
            ("--health-probe-bind-address", options.health_address, probes_site(self.live, self.ready), None),
            ("--metrics-bind-address", options.metrics_address, metrics_site(self.scrape, gate), tls),
        )
        for flag, address, site, secured in sites:
            server = Server.listening(flag, address, site, secured)
            if server is not None:
                self.servers.append(server)
                closing.callback(server.close)

    def _listen_to_signals(self) -> None:
        """A second signal ends the process at once, as if we had never listened."""
        if current_thread() is not main_thread():
            return

        def asked(number: int, _frame: object) -> None:
            signal.signal(number, signal.SIG_DFL)
            self.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, asked)

    def _after_turn(self, seconds: float) -> None:
        self.metrics.turn(seconds)
        if self._timekeeper is not None:
            self._timekeeper.look()
        state = (self.controller.synced, self.controller.leading)
        if state != self._state:
            self._state = state
            log.info("state", extra={"fields": {"synced": state[0], "leading": state[1]}})
        for key, record in self.controller.take_records():
            if isinstance(record, CountRecord):
                self.metrics.count(record)
            elif isinstance(record, LogRecord):
                write_record(key, record)
            elif isinstance(record, HistoryRecord):
                self.history.add(record)
            elif isinstance(record, FinalRecord):
                self._log.keep((record,), 0)


def run(
    settings: Settings,
    options: Options,
    *,
    transport: Transport | None = None,
    clock: WallClock | None = None,
) -> int:
    """The exit code. BadInput when there is no cluster to connect to or an address cannot be had."""
    return Process(settings, options, transport, clock).run()


def _connection(settings: Settings, options: Options) -> Connection:
    return connect(options.kubeconfig, options.context, settings.workers + CONNECTIONS_EXTRA)
