"""Who waits for the API server while the engine goes on?

Called by the loop of `wfexec.app`, which hands requests over and gets signals back through `reply`. A fixed number of
daemon threads carries requests out, each watch has a thread of its own. It must never decide: one request, one try.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Final, NamedTuple

from wfexec.adapters.clock import WallClock
from wfexec.adapters.kube import Connection, Reply, Watching
from wfexec.crd import questions, wire
from wfexec.crd.alerts import about_alerts
from wfexec.crd.codec import Decoder
from wfexec.crd.wire import HttpCall
from wfexec.engine.history import HistoryStore, MemoryHistory
from wfexec.engine.ledger import AuditStore
from wfexec.model.facts import Answer, AskAlerts, AskHistory, AskNetwork, Facts, Question, Unknown
from wfexec.model.requests import (
    Ask,
    Code,
    EventWrites,
    KeepRows,
    ListObjects,
    Outcome,
    Replied,
    Request,
    Signal,
    WatchObjects,
)

# Within which the API server must answer to count as reachable (BR-WF-016).
NETWORK_S: Final = 5.0
# Within which the server must begin to answer a watch.
HEAD_S: Final = 10.0
# After which the next request would fare no better.
_PAUSE: Final = frozenset({Code.THROTTLED, Code.UNAVAILABLE, Code.LOST})
Hear = Callable[[Signal], None]
# Status and body of a reply; status 0: none came.
Told = tuple[int, bytes]
Observe = Callable[[Request, Outcome, float], None]
# What answers a question about alerts within so many seconds.
AlertSource = Callable[[AskAlerts, float], Facts]
# Threads for requests that wait for a source of alerts: a slow one must not hold up anything else.
ALERT_THREADS: Final = 2


class _Job(NamedTuple):
    request: Request
    reply: Hear


class Workers:
    """`crashed` hears of an exception in a thread of ours: always a defect, the process must not go on.

    `history` and `alerts` answer what the cluster cannot: how earlier runs went, and which alerts fire. `audit` keeps
    rows; None where nobody asks for that.
    """

    def __init__(
        self,
        connection: Connection,
        clock: WallClock,
        threads: int,
        observe: Observe,
        crashed: Callable[[BaseException], None],
        history: HistoryStore | None = None,
        alerts: AlertSource | None = None,
        audit: AuditStore | None = None,
    ) -> None:
        self._connection = connection
        self._alerts = alerts
        self._audit = audit
        self._history = history or MemoryHistory()
        self._clock = clock
        self._observe = observe
        self._crashed = crashed
        self._decoder = Decoder()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        # By request id; None while one is being opened. What is not in here any more was replaced by another.
        self._watches: dict[int, Watching | None] = {}
        self._slow_jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._audit_jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = Lock()
        self._closed = False
        named = [(f"request-{n}", self._jobs) for n in range(threads)]
        if alerts is not None:
            named += [(f"alerts-{n}", self._slow_jobs) for n in range(ALERT_THREADS)]
        if audit is not None:
            # One request at a time is all that the engine asks for.
            named.append(("audit", self._audit_jobs))
        self._threads = [Thread(target=self._work, args=(jobs,), name=name, daemon=True) for name, jobs in named]
        for thread in self._threads:
            thread.start()

    def send(self, request: Request, reply: Hear) -> None:
        job = _Job(request, reply)
        if isinstance(request.body, WatchObjects):
            with self._lock:
                self._watches[request.id] = None
                replaced = self._watches.pop(request.body.instead_of, None)
            if replaced is not None:
                replaced.stop()
            name = f"watch-{request.body.kind}"
            Thread(target=self._guarded, args=(self._watch, job), name=name, daemon=True).start()
        elif self._alerts is not None and isinstance(request.body, Ask) and about_alerts(request.body):
            self._slow_jobs.put(job)
        elif self._audit is not None and isinstance(request.body, KeepRows):
            self._audit_jobs.put(job)
        else:
            self._jobs.put(job)

    def close(self) -> None:
        """End watches and idle threads; a request still in flight ends with the process."""
        with self._lock:
            self._closed = True
            watches = list(self._watches.values())
        for watch in watches:
            if watch is not None:
                watch.stop()
        for _ in self._threads:
            self._jobs.put(None)
            self._slow_jobs.put(None)
            self._audit_jobs.put(None)
        self._connection.close()

    def _work(self, jobs: "SimpleQueue[_Job | None]") -> None:
        while (job := jobs.get()) is not None:
            self._guarded(self._carry_out, job)

    def _guarded(self, work: Callable[[_Job], None], job: _Job) -> None:
        try:
            work(job)
        except BaseException as error:  # noqa: BLE001 - a thread must not die in silence; the process ends with it
            self._crashed(error)

    def _carry_out(self, job: _Job) -> None:
        request = job.request
        if isinstance(request.body, EventWrites):
            outcome = self._event_row(request, request.body)
        else:
            outcome = self._observed(request)
        job.reply(Replied(request.id, outcome))

    def _observed(self, request: Request) -> Outcome:
        started = self._clock.monotonic()
        outcome = self._outcome(request)
        self._observe(request, outcome, self._clock.monotonic() - started)
        return outcome

    def _event_row(self, request: Request, body: EventWrites) -> Outcome:
        """One after another within the time of one request; the outcomes of those that were tried."""
        ends_at = self._clock.monotonic() + request.timeout_ms / 1_000
        outcomes: list[Outcome] = []
        for write in body.writes:
            left_ms = int((ends_at - self._clock.monotonic()) * 1_000)
            if outcomes and (outcomes[-1].code in _PAUSE or left_ms <= 0):
                break
            outcomes.append(self._observed(Request(request.id, write, left_ms)))
        last = outcomes[-1]
        return Outcome(last.code if last.code in _PAUSE else Code.OK, tuple(outcomes), "", last.retry_after_ms)

    def _outcome(self, request: Request) -> Outcome:
        body, timeout_s = request.body, request.timeout_ms / 1_000
        if isinstance(body, ListObjects):
            return self._pages(body, timeout_s)
        if isinstance(body, Ask):
            return self._answers(body, timeout_s)
        if isinstance(body, KeepRows):
            assert self._audit is not None, "nobody asks a store that is not there"
            return self._audit.keep(body.rows, timeout_s)
        found = self._connection.call(wire.encode(body), timeout_s)
        return found if isinstance(found, Outcome) else wire.decode(body, *found, self._decoder)

    def _pages(self, body: ListObjects, timeout_s: float) -> Outcome:
        pages: list[Outcome] = []
        token = ""
        while True:
            found = self._connection.call(wire.encode_page(body, token), timeout_s)
            if isinstance(found, Outcome):
                return found
            page = wire.decode_page(body, *found, self._decoder)
            pages.append(page.outcome)
            token = page.token
            if not token:
                return wire.join_pages(pages)

    def _answers(self, body: Ask, timeout_s: float) -> Outcome:
        """Each question is looked up alone; one without an answer does not spoil the others."""
        answers: dict[Question, Answer] = {}
        # What several of them need, the pods of their namespace above all, is asked for once.
        known: dict[HttpCall, Told] = {}
        throttled: list[int] = []
        began = self._clock.now_ms()
        for question in body.questions:
            answers[question] = Answer(began, self._facts(question, timeout_s, known, throttled))
        return Outcome(Code.OK, answers, retry_after_ms=max(throttled, default=None))

    def _facts(self, question: Question, timeout_s: float, known: dict[HttpCall, Told], throttled: list[int]) -> Facts:
        if isinstance(question, AskHistory):
            return self._history.facts(question)
        if isinstance(question, AskAlerts):
            return self._alerts(question, timeout_s) if self._alerts is not None else Unknown("nobody watches alerts")
        return look(self._connection, question, timeout_s, known, throttled)

    def _watch(self, job: _Job) -> None:
        started = self._clock.monotonic()
        outcome = self._stream(job)
        with self._lock:
            replaced = job.request.id not in self._watches
            self._watches.pop(job.request.id, None)
        if outcome is None or replaced:
            return
        # A watch that we ended ourselves is no news.
        if not self._closed:
            self._observe(job.request, outcome, self._clock.monotonic() - started)
        job.reply(Replied(job.request.id, outcome))

    def _stream(self, job: _Job) -> Outcome | None:
        """Until the watch is over; None when its end was already told as an event of the stream."""
        request, body = job.request, job.request.body
        assert isinstance(body, WatchObjects)
        found = self._connection.watch(wire.encode(body), body.timeout_ms / 1_000, HEAD_S)
        if isinstance(found, Outcome):
            return found
        if isinstance(found, Reply):
            return wire.decode(body, *found, self._decoder)
        with self._lock:
            wanted = request.id in self._watches and not self._closed
            if wanted:
                self._watches[request.id] = found
        if not wanted:
            found.stop()
        return self._events(job, body, found)

    def _events(self, job: _Job, body: WatchObjects, watching: Watching) -> Outcome | None:
        for line in watching.lines():
            if isinstance(line, Outcome):
                return line
            signal = wire.decode_watch_line(job.request.id, body.kind, line, self._decoder)
            if isinstance(signal, Replied):
                watching.stop()
                self._observe(job.request, signal.outcome, 0.0)
                job.reply(signal)
                return None
            job.reply(signal)
        raise AssertionError("a watch ends with its outcome")


def look(
    connection: Connection,
    question: Question,
    timeout_s: float,
    known: dict[HttpCall, Told] | None = None,
    throttled: list[int] | None = None,
) -> Facts:
    """What the cluster says to one question; never a trouble of the way, which is `Unknown`.

    `known`: what was read for other questions of the same moment; what this one reads is added. `throttled`: so is for
    how long each reply asks to be left alone that says that there are too many requests.
    """
    limit = min(NETWORK_S, timeout_s) if isinstance(question, AskNetwork) else timeout_s
    replies: list[Told] = []
    for call in questions.calls(question):
        told = known.get(call) if known is not None else None
        if told is None:
            found = connection.call(call, limit)
            told = (0, found.message.encode()) if isinstance(found, Outcome) else (found.status, found.payload)
            if throttled is not None and not isinstance(found, Outcome) and found.status == wire.TOO_MANY:
                throttled.append(wire.pause_ms(found.payload, found.retry_after))
            if known is not None and told[0]:
                known[call] = told
        replies.append(told)
    return questions.facts(question, tuple(replies))
