"""The executor as a machine: it follows all KubernetesExecutions and lives each one's life.

Called by the simulation's driver and by the live driver, in the same shape as the controller: signals in, requests
out, `now` as an argument. It never touches a clock, a socket or chance.
"""

from collections.abc import Callable, Generator
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

from sim.cluster.requests import TargetOutcome, TargetReplied
from sim.executor.fate import Luck
from sim.executor.life import Body, Context, Ended, Life, Move, Woken
from sim.executor.outcomes import Outcomes
from wfexec.engine.reflector import Reflector
from wfexec.model.execution import KubernetesExecution
from wfexec.model.meta import version_of
from wfexec.model.requests import (
    Kind,
    Listing,
    ListObjects,
    Outcome,
    Replied,
    Signal,
    StopAsked,
    WatchObjects,
    WatchSeen,
)
from wfexec.model.words import DELETED

PAGE_SIZE: Final = 500
WATCH_TIMEOUT_MS: Final = 300_000
REQUEST_TIMEOUT_MS: Final = 10_000
# Making a named tuple by its own constructor costs more than all else that is done for a request.
_tuple: Final[Any] = tuple.__new__


class ExecutorRequest(NamedTuple):
    """Like the controller's `Request`: `id` is unique in one life of the executor, `timeout_ms` bounds the reply."""

    id: int
    body: Body | ListObjects | WatchObjects
    timeout_ms: int


class Task:
    """A running life; `waiting` is the request it waits for, 0 for none.

    `story`: what it was made of and what it was told since, each time with the child as it was then. Lives are pure,
    so whoever tells it again to another life has another that stands at the same place.
    """

    __slots__ = ("life", "running", "story", "waiting")

    def __init__(self, child: KubernetesExecution, context: Context, now: int) -> None:
        self.life = Life(child, context)
        self.running: Generator[Move, Woken, None] = self.life.run(now)
        self.story: list[tuple[KubernetesExecution, Woken]] = [(child, (now, None))]
        self.waiting = 0

    def begin(self) -> Move | None:
        return next(self.running, None)

    def resume(self, woken: Woken) -> Move | None:
        self.story.append((self.life.child, woken))
        try:
            return self.running.send(woken)
        except StopIteration:
            return None

    def retell(self, other: "Task", context: Context) -> None:
        """Become what `other` is, in another world."""
        (child, (began, _)), *told = other.story
        self.__init__(child, context, began)  # type: ignore[misc] # it was made empty, for whoever refers to it
        self.begin()
        for child_then, woken in told:
            self.life.child = child_then
            self.resume(woken)
        self.life.child = other.life.child
        self.waiting = other.waiting


def nameless(workflow: str, number: int) -> str:
    """For whoever does not know what steps are called."""
    return ""


class Executor:
    """`origin` is when its file's clock began (storms), None for the first start; `step_name` gives names by number."""

    def __init__(
        self,
        outcomes: Outcomes,
        luck: Luck,
        identity: str,
        *,
        origin: int | None = None,
        step_name: Callable[[str, int], str] = nameless,
        watch_timeout_ms: int = WATCH_TIMEOUT_MS,
    ) -> None:
        self.identity = identity
        self.stopped = False
        self._outcomes = outcomes
        self._luck = luck
        self._origin = origin
        self._step_name = step_name
        self._context: Context | None = None
        self._watch = Reflector(Kind.EXECUTION, page_size=PAGE_SIZE, watch_timeout_ms=watch_timeout_ms, salt=identity)
        # By the child's uid: its next of the same name is another one.
        self._tasks: dict[str, Task] = {}
        self._asked: dict[int, Task] = {}
        self._alarms: list[tuple[int, int, Task]] = []
        self._out: list[ExecutorRequest] = []
        self._last_id = 0

    def __repr__(self) -> str:
        return f"<Executor {self.identity}: {len(self._tasks)} children, {len(self._asked)} requests out>"

    @property
    def synced(self) -> bool:
        """Whether the first list has come."""
        return self._watch.synced

    def start(self, now: int) -> None:
        origin = now if self._origin is None else self._origin
        self._context = Context(self._outcomes, self._luck, origin, self._step_name, {})
        self._watch.start(now)
        self._follow(now)

    def take(self) -> list[ExecutorRequest]:
        """Everything to be sent now; each is handed out once."""
        out, self._out = self._out, []
        return out

    def wake_at(self) -> int | None:
        """When `tick` must be called at the latest, None for never."""
        alarms = self._alarms
        while alarms and alarms[0][2].waiting != alarms[0][1]:
            heappop(alarms)
        watch = None if self.stopped else self._watch.wake_at
        if not alarms:
            return watch
        alarm = alarms[0][0]
        return alarm if watch is None or alarm < watch else watch

    def tick(self, now: int) -> None:
        alarms = self._alarms
        while alarms and alarms[0][0] <= now:
            _, number, task = heappop(alarms)
            if task.waiting == number:
                self._resume(task, (now, None))
        self._follow(now)

    def feed(self, signal: Signal | TargetReplied, now: int) -> None:
        if self.stopped:
            return
        if isinstance(signal, WatchSeen):
            self._seen(signal, now)
        elif isinstance(signal, StopAsked):
            self.stopped = True
            self._tasks.clear()
            self._asked.clear()
            self._alarms.clear()
        elif isinstance(signal, Replied) and signal.request_id == self._watch.request_id:
            listing = self._watch.replied(signal.outcome, now)
            if listing is not None:
                self._listed(listing, now)
            self._follow(now)
        else:
            self._replied(signal.request_id, signal.outcome, now)

    def _replied(self, request_id: int, outcome: Outcome | TargetOutcome, now: int) -> None:
        task = self._asked.pop(request_id, None)
        if task is not None and task.waiting == request_id:
            task.waiting = 0
            self._resume(task, (now, outcome))

    def _follow(self, now: int) -> None:
        """Keep the list and the watch going."""
        at = self._watch.wake_at
        if at is None or now < at or self.stopped:
            return
        body = self._watch.due(now)
        if body is not None:
            extra = body.timeout_ms if isinstance(body, WatchObjects) else 0
            self._watch.sent(self._send(body, REQUEST_TIMEOUT_MS + extra), now)

    def _send(self, body: Body | ListObjects | WatchObjects, timeout_ms: int) -> int:
        self._last_id = number = self._last_id + 1
        self._out.append(_tuple(ExecutorRequest, (number, body, timeout_ms)))
        return number

    def _seen(self, signal: WatchSeen, now: int) -> None:
        child = signal.object
        if not self._watch.seen(signal) or not isinstance(child, KubernetesExecution):
            return
        if signal.change is DELETED:
            self._forget(child.metadata.uid)
        else:
            self._child(child, now)

    def _listed(self, listing: Listing, now: int) -> None:
        children = [item for item in listing.items if isinstance(item, KubernetesExecution)]
        present = {child.metadata.uid for child in children}
        for uid in [uid for uid in self._tasks if uid not in present]:
            self._forget(uid)
        for child in children:
            self._child(child, now)

    def _forget(self, uid: str) -> None:
        """The child is gone: so is its job, whatever it was waiting for."""
        task = self._tasks.pop(uid, None)
        if task is not None:
            self._asked.pop(task.waiting, None)
            task.waiting = -1

    def _child(self, child: KubernetesExecution, now: int) -> None:
        metadata = child.metadata
        task = self._tasks.get(metadata.uid)
        if task is None:
            self._begin(child, now)
            return
        life = task.life
        known = life.child
        # Most often the echo of our own report.
        if child is known or version_of(metadata.resource_version) <= version_of(known.metadata.resource_version):
            return
        life.child = child
        if child.status.phase in Ended:
            self._forget(metadata.uid)

    def _begin(self, child: KubernetesExecution, now: int) -> None:
        if child.status.phase in Ended or child.metadata.deletion_timestamp is not None or self._context is None:
            return
        made = self._tasks[child.metadata.uid] = Task(child, self._context, now)
        self._move(made, made.begin())

    def _resume(self, task: Task, woken: Woken) -> None:
        self._move(task, task.resume(woken))

    def _move(self, task: Task, move: Move | None) -> None:
        if move is None:
            child = task.life.child
            if child.status.phase in Ended and self._tasks.get(child.metadata.uid) is task:
                del self._tasks[child.metadata.uid]
            task.waiting = -1
        elif isinstance(move, int):
            self._last_id += 1
            task.waiting = self._last_id
            heappush(self._alarms, (move, self._last_id, task))
        else:
            task.waiting = self._send(move, REQUEST_TIMEOUT_MS)
            self._asked[task.waiting] = task
