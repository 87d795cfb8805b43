"""One process in the simulated cluster: a machine, what it has asked for, and what is on its way to it.

Called by `sim.driver`, one per controller replica and one for the executor. A round trip to the API server is one
callback; a watch keeps the order of its events although their delays differ. It must never look into a request beyond
whether it is a watch or a write, and never feed a machine that has crashed since it asked.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from sim.alerts import AlertFeed
from sim.audit import AuditStore
from sim.barred import Bars
from sim.clock import Clock
from sim.cluster.requests import PatchExecutionStatus, TargetOutcome, TargetReplied
from sim.doors import Door
from sim.faults import AFTERWARDS, LATE_MS, NO_FAULT, REFUSALS, ROLES_MS, STILL_MS, UNDONE, UNSEEN, Fault, FaultPlan
from sim.garbage import forget
from sim.machine import Machine
from sim.rng import Streams
from sim.sleep import LATE, Sleeping
from sim.stream import Stream
from sim.trace import STARTED_AGAIN, VERBS, TraceRecord, Written
from wfexec.crd.alerts import about_alerts
from wfexec.crd.wire import refusal
from wfexec.model.requests import (
    Ask,
    Code,
    CreateExecution,
    DeleteExecution,
    EventWrites,
    GetObject,
    KeepRows,
    Kind,
    Listing,
    ListObjects,
    Outcome,
    PatchMetadata,
    PatchStatus,
    Replied,
    WatchObjects,
)
from wfexec.model.words import OK

_A: Final = 6364136223846793005
_C: Final = 1442695040888963407
_MASK: Final = (1 << 64) - 1
# Making a named tuple by its own constructor costs more than all else that is done for an event.
_tuple: Final[Any] = tuple.__new__
# Whose requests are about one object by name; all others of a class share their luck.
_KEYED: Final = frozenset(
    {CreateExecution, DeleteExecution, GetObject, PatchExecutionStatus, PatchMetadata, PatchStatus}
)


class Latencies(NamedTuple):
    """Least and most milliseconds of a request's round trip and of a watch event's way."""

    request: tuple[int, int] = (2, 8)
    watch: tuple[int, int] = (1, 5)


class Surroundings(Protocol):
    """What a process needs of the simulation it lives in."""

    clock: Clock
    door: Door
    alerts: AlertFeed
    audit: AuditStore
    busy: int
    records: list[TraceRecord]
    # Objects without an owner, as the store knows them.
    dangling: dict[tuple[str, tuple[str, str]], None]

    def collect_soon(self) -> None: ...
    def tell(self, actor: str, what: str) -> None: ...
    def next_fault(self) -> Fault: ...
    def forget(self) -> None: ...
    def past(self, kind: Kind) -> Listing: ...


class Nature(NamedTuple):
    """Who a process is: `make` builds its machine for an identity; `faulty`: its writes may meet the fault plan."""

    name: str
    user: str
    make: Callable[[str], Machine]
    faulty: bool
    latencies: Latencies
    faults: FaultPlan


class Process:
    __slots__ = (
        "_armed",
        "_at",
        "_clock",
        "_faulty",
        "_lucks",
        "_record",
        "_request_low",
        "_request_span",
        "_seed",
        "_sim",
        "_stale",
        "_user",
        "bars",
        "life",
        "machine",
        "name",
        "nature",
        "streams",
        "writing",
    )

    def __init__(self, sim: Surroundings, nature: Nature, streams: Streams) -> None:
        self.name = nature.name
        self.nature = nature
        self.machine: Machine | None = None
        # Counts starts; whatever was under way for an earlier life is nobody's now.
        self.life = 0
        # While a request of ours is carried out whose reply we shall see.
        self.writing = False
        self._sim = sim
        self._clock = sim.clock
        self._at = sim.clock.at
        # What the API server refuses us although we may; None for nothing, ever.
        self.bars: Bars | None = None
        self._armed: int | None = None
        # Kinds whose next list shows the past.
        self._stale: dict[Kind, None] = {}
        # Watches that are open.
        self.streams: list[Stream] = []
        self._seed = streams.seeds("latency", self.name)
        # One generator per object asked about, so that one request more does not shift the delays of others.
        self._lucks: dict[str, int] = {}
        self._faulty = nature.faulty
        self._user = nature.user
        self._record = sim.records.append
        low, high = nature.latencies.request
        self._request_low, self._request_span = low, high - low + 1

    def __repr__(self) -> str:
        return f"<Process {self.name}, life {self.life}: {self.machine!r}>"

    def start(self) -> None:
        self.life += 1
        self._armed = None
        identity = self.name if self.life == 1 else f"{self.name}.{self.life}"
        self.machine = self.nature.make(identity)
        self.machine.start(self._clock.now)
        self.pump()

    def feed(self, signal: Any) -> None:
        """Something came for the machine, from a person or a test as well."""
        machine = self.machine
        if machine is not None:
            machine.feed(signal, self._clock.now)
            self.pump()

    def pump(self) -> None:
        """Send what the machine wants to be sent, and set one timer for when it wants to be woken."""
        machine = self.machine
        if machine is None:
            return
        requests = machine.take()
        if requests:
            self._send(requests)
        at = machine.wake_at()
        if at is not None and (self._armed is None or at < self._armed):
            now = self._clock.now
            self._armed = at
            self._at(at - now if at > now else 0, self._ring, at, self.life)

    def crash(self) -> None:
        """Everything in memory is gone at once; what was sent is still carried out. A fresh life starts later."""
        self._sim.tell(self.name, "crashed")
        forget(self.machine)
        self.machine = None
        self.life += 1
        for stream in self.streams:
            stream.stop()
        self.streams.clear()
        self._sim.busy += 1
        self._at(self.nature.faults.restart_ms, self._restart)

    def opened(self, stream: "Stream") -> None:
        self.streams.append(stream)

    def closed(self, stream: "Stream") -> None:
        if stream in self.streams:
            self.streams.remove(stream)

    def delay(self, name: str, low: int, span: int) -> int:
        """The next delay of this object's own luck."""
        lucks = self._lucks
        state = lucks.get(name)
        if state is None:
            state = self._seed(name)
        lucks[name] = state = (state * _A + _C) & _MASK
        return low + ((state >> 33) * span >> 31)

    def _restart(self) -> None:
        self._sim.busy -= 1
        self._sim.tell(self.name, STARTED_AGAIN)
        self.start()

    def _send(self, requests: list[Any]) -> None:
        self._sim.busy += len(requests)
        low, span = self._request_low, self._request_span
        for request in requests:
            body = request.body
            kind = body.__class__
            if kind is EventWrites:
                # One after another; what of them is heard of is heard of at their end.
                many = len(body.writes)
                delay = self.delay("EventWrites", low * many, (span - 1) * many + 1)
                self._at(delay, self._arrive_events, request, self.life)
                continue
            name = body.key.name if kind in _KEYED else kind.__name__
            delay = self.delay(name, low, span)
            if kind is Ask and self._sim.alerts.slow_ms and about_alerts(body):
                delay += self._sim.alerts.slow_ms
            self._at(delay, self.arrive, request, self.life)

    def arrive(self, request: Any, life: int) -> None:
        """The request reaches the API server, and in the same instant its reply reaches us."""
        sim = self._sim
        sim.busy -= 1
        body = request.body
        kind = body.__class__
        if kind is WatchObjects:
            self._watch(request, body, life)
            return
        fault = NO_FAULT
        write = kind in VERBS
        if write and self._faulty:
            fault = sim.next_fault() or (sim.audit.fault(self._clock.now) if kind is KeepRows else Fault.NONE)
            if fault in UNDONE:
                self._lose(fault, request, life)
                return
        now = self._clock.now
        self.writing = life == self.life and fault not in UNSEEN
        if fault in REFUSALS:
            outcome: Any = self._refused(fault, body)
        elif self.bars is not None and (barred := self._barred(body)) is not None:
            outcome = barred
        elif kind is ListObjects and self._stale:
            outcome = self._past(body, now)
        else:
            outcome = sim.door.execute(body, self._user, now)
        self.writing = False
        if write:
            self._record(_tuple(Written, (now, self.name, body, outcome.code)))
            if sim.dangling:
                sim.collect_soon()
        machine = self.machine
        if life != self.life or machine is None:
            return
        if fault in UNSEEN:
            self._lose(fault, request, life)
            return
        answer = TargetReplied if outcome.__class__ is TargetOutcome else Replied
        machine.feed(_tuple(answer, (request.id, outcome)), now)
        self.pump()
        if fault in AFTERWARDS:
            self._befall(fault)

    def _arrive_events(self, request: Any, life: int) -> None:
        """As `arrive`, for each Event; a crash or a lost message ends the row."""
        sim, now = self._sim, self._clock.now
        sim.busy -= 1
        outcomes: list[Outcome] = []
        fault = NO_FAULT
        for write in request.body.writes:
            fault = sim.next_fault() if self._faulty else NO_FAULT
            if fault in UNDONE:
                self._lose(fault, request, life)
                return
            outcome = self._refused(fault, write) if fault in REFUSALS else self._barred(write)
            outcome = outcome or sim.door.execute(write, self._user, now)
            self._record(_tuple(Written, (now, self.name, write, outcome.code)))
            outcomes.append(outcome)
            if fault is not NO_FAULT:
                break
        machine = self.machine
        if life != self.life or machine is None:
            return
        if fault in UNSEEN:
            self._lose(fault, request, life)
            return
        whole = _tuple(Outcome, (OK, tuple(outcomes), "", None))
        machine.feed(_tuple(Replied, (request.id, whole)), now)
        self.pump()
        if fault in AFTERWARDS:
            self._befall(fault)

    def _refused(self, fault: Fault, body: Any) -> Outcome:
        """The reply of a server that does not carry this write out."""
        status, retry_after = REFUSALS[fault]
        self._sim.tell(self.name, f"answered {status} to a {VERBS[body.__class__]}")
        return refusal(body, status, b'{"message": "trouble made by a fault plan"}', retry_after)

    def _barred(self, body: Any) -> Outcome | None:
        return self.bars.refusal(body, self._clock.now) if self.bars is not None else None

    def _befall(self, fault: Fault) -> None:
        """The reply was seen; now this happens to us or to our watches."""
        if fault is Fault.CRASH_SEEN or fault is Fault.CRASH_STALE:
            self._stale = {Kind.WORKFLOW: None, Kind.EXECUTION: None} if fault is Fault.CRASH_STALE else {}
            self.crash()
            return
        self._sim.tell(self.name, fault.value)
        if fault in STILL_MS:
            self.stand_still(STILL_MS[fault], impatient=fault is Fault.PAUSE)
            return
        if fault is Fault.FORGET:
            self._sim.forget()
        elif fault is Fault.REBOOT:
            self.bars = Bars(self._clock.now + ROLES_MS)
        for stream in tuple(self.streams):
            if fault is Fault.STALL:
                stream.mute()
            elif fault is Fault.REPEAT:
                stream.repeat()
            elif fault is Fault.LATE:
                stream.slow()
            else:
                stream.cut(Code.LOST)

    def stand_still(self, ms: int, *, impatient: bool) -> None:
        self.machine = Sleeping(self.machine, impatient)
        self._sim.busy += 1
        self._at(ms, self._wake, self.life)

    def _wake(self, life: int) -> None:
        self._sim.busy -= 1
        if life == self.life and isinstance(self.machine, Sleeping):
            self._armed = None
            self.machine = self.machine.wake(self._clock.now, self.streams)
            self.pump()

    def _past(self, body: ListObjects, now: int) -> Outcome:
        """The first list of this kind in this life shows the cluster as it was; once."""
        if body.kind not in self._stale:
            found: Outcome = self._sim.door.execute(body, self._user, now)
            return found
        del self._stale[body.kind]
        return Outcome(Code.OK, self._sim.past(body.kind))

    def _late_write(self, body: Any) -> None:
        """Carried out when nobody waits for it any more."""
        sim, now = self._sim, self._clock.now
        sim.busy -= 1
        for write in body.writes if isinstance(body, EventWrites) else (body,):
            outcome = sim.door.execute(write, self._user, now)
            self._record(_tuple(Written, (now, self.name, write, outcome.code)))
        if sim.dangling:
            sim.collect_soon()

    def _lose(self, fault: Fault, request: Any, life: int) -> None:
        """No reply will come: the asker is dead, or waits until its patience is over."""
        if life != self.life:
            return
        if fault is Fault.CRASH_BEFORE or fault is Fault.CRASH_AFTER:
            self.crash()
            return
        if fault is Fault.DELAY:
            self._sim.busy += 1
            self._at(LATE_MS, self._late_write, request.body)
        self._sim.tell(self.name, f"no reply to a {VERBS.get(request.body.__class__, 'row of events')}")
        if fault is Fault.PAUSE:
            self._befall(fault)
        self._sim.busy += 1
        self._at(request.timeout_ms, self._late, Replied(request.id, LATE), life)

    def _late(self, signal: Any, life: int) -> None:
        self._sim.busy -= 1
        if life == self.life:
            self.feed(signal)

    def _watch(self, request: Any, body: WatchObjects, life: int) -> None:
        if life != self.life:
            return
        for replaced in [each for each in self.streams if each.request_id == body.instead_of]:
            replaced.stop()
            self.closed(replaced)
        stream = Stream(self, self._sim, request.id, body.kind, life)
        refused = self._barred(body) or stream.open(body)
        if refused is not None:
            self.feed(Replied(request.id, refused))

    def _ring(self, at: int, life: int) -> None:
        """A timer; one that was overtaken by an earlier one, or set by an earlier life, means nothing."""
        machine = self.machine
        if life != self.life or self._armed != at or machine is None:
            return
        self._armed = None
        machine.tick(self._clock.now)
        self.pump()
