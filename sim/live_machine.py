"""How does a machine of the simulation run against a real API server? Driven by threads and a wall clock.

Base of the live executor and the live parent. What production's transport can carry goes through it, anything else
through threads of our own. It must never decide anything: that is the machine's part.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Final

from sim.cluster.requests import TargetOutcome, TargetReplied
from wfexec.adapters.clock import WallClock
from wfexec.adapters.kube import Connection
from wfexec.adapters.workers import Workers
from wfexec.app import Crash, Loop, Machine
from wfexec.model.requests import Body, Code, Outcome, Request, StopAsked

STOP_S: Final = 15.0


class LiveMachine(ABC):
    """`start` returns at once, `stop` waits for its thread."""

    def __init__(
        self, machine: Machine[Any, Any], connection: Connection, clock: WallClock, name: str, threads: int
    ) -> None:
        self._log = logging.getLogger(f"wfexec.{name}")
        self._workers = Workers(connection, clock, threads, self._observe, self._crashed)
        self._jobs: SimpleQueue[tuple[Any, Callable[[Any], None]] | None] = SimpleQueue()
        self._threads = [Thread(target=self._work, name=f"{name}-{n}", daemon=True) for n in range(threads)]
        self.loop = Loop(machine, clock, self._send, _ignore)
        self._engine = Thread(target=self.loop.run, name=name, daemon=True)
        self._stopped = Event()

    @abstractmethod
    def typed(self, body: Any) -> Body | None:
        """The request as one of the controller's own kind; None where it has no such form."""

    @abstractmethod
    def outcome(self, body: Any, timeout_s: float) -> TargetOutcome:
        """Carry out a request that has none."""

    def start(self) -> None:
        for thread in (*self._threads, self._engine):
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within this time; a defect of ours ends it too (`failure`)."""
        self._engine.join(seconds)
        return not self._engine.is_alive()

    @property
    def failure(self) -> BaseException | None:
        return self.loop.failure

    def stop(self) -> None:
        """Ask nothing more; what is under way in the cluster stays as it is, for the next one to go on with."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self.loop.post(StopAsked())
        self._engine.join(STOP_S)
        for _ in self._threads:
            self._jobs.put(None)
        self._workers.close()

    def _crashed(self, error: BaseException) -> None:
        self.loop.post(Crash(error))

    def _send(self, request: Any, reply: Callable[[Any], None]) -> None:
        body = self.typed(request.body)
        if body is None:
            self._jobs.put((request, reply))
        else:
            self._workers.send(Request(request.id, body, request.timeout_ms), reply)

    def _work(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                request, reply = job
                reply(TargetReplied(request.id, self.outcome(request.body, request.timeout_ms / 1_000)))
        except BaseException as error:  # noqa: BLE001 - a thread must not die in silence; the machine ends with it
            self._crashed(error)

    def _observe(self, request: Request, outcome: Outcome, seconds: float) -> None:
        if outcome.code not in (Code.OK, Code.GONE):
            fields = {"request": type(request.body).__name__, "code": outcome.code.value, "why": outcome.message}
            self._log.debug("a request was refused after %.3f s", seconds, extra={"fields": fields})


def _ignore(_seconds: float) -> None:
    """Nobody measures the turns of these machines."""
