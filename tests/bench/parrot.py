"""How fast can many workflows be carried out at all? A process that repeats one workflow's writes for each of them.

Called by `tests.bench.crowd`. Like `tests.bench.client`, for many workflows at once and for steps side by side: it
hears of ended children on a watch and sends the bytes that the controller sent for the same workflow alone: a status
patch where there was one, and a creation; all else that the controller sent where a turn holds it. It must never parse
what it does not need, and never decide.
"""

import re
from collections.abc import Iterable
from multiprocessing.connection import Connection as Pipe
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Final, NamedTuple

import orjson

from tests.bench.client import CALL_S, Moment, cut, names_of
from tests.bench.load import NAMESPACE, Graph
from wfexec.adapters.kube import Connection, Reply, Watching, connect
from wfexec.crd.wire import JSON_PATCH, HttpCall, object_path
from wfexec.model.requests import Kind, Outcome

# As many requests at the same time as the controller has by default.
THREADS: Final = 8
WATCH_S: Final = 3_000.0
NAME: Final = re.compile(rb'"name":"([^"]+)"')


class Turn(NamedTuple):
    """What to send once the children in `after` (from 1) have ended and earlier turns are over.

    `operations`: the patch of the workflow's status without its fence and opening bracket, or b"" for none.
    """

    after: frozenset[int]
    operations: bytes
    creation: HttpCall | None
    # Events, questions and looks at targets, in the script that leaves nothing out.
    others: tuple[HttpCall, ...] = ()


class Part(NamedTuple):
    """A workflow to carry out."""

    name: str
    uid: str
    version: str


def script(calls: Iterable[HttpCall], name: str, uid: str, graph: Graph) -> list[Turn]:
    """The controller's writes for one workflow, cut at each creation; several patches before one become one.

    The last turn is what it wrote after all children had ended.
    """
    numbers = {child: number for number, child in enumerate(names_of(name, len(graph)), 1)}
    turns: list[Turn] = []
    for part in cut(calls, name, uid):
        after = frozenset(numbers.values())
        if part.creation is not None:
            after = frozenset(graph[numbers[orjson.loads(part.creation.body)["metadata"]["name"]] - 1])
        turns.append(Turn(after, _joined(part.operations), part.creation, tuple(part.others)))
    return turns


def only_writes(turns: list[Turn]) -> list[Turn]:
    """The same without Events, questions and looks at targets."""
    return [turn._replace(others=()) for turn in turns]


def writes_of(turns: list[Turn]) -> int:
    return sum(bool(turn.operations) + (turn.creation is not None) for turn in turns)


def requests_of(turns: list[Turn]) -> int:
    return writes_of(turns) + sum(len(turn.others) for turn in turns)


def _retold(call: HttpCall, told: Moment) -> HttpCall:
    return call._replace(body=told.retold(call.body))


def _joined(operations: list[Any]) -> bytes:
    return orjson.dumps(operations)[1:] if operations else b""


class _Played:
    """One workflow's way through the script; `busy` while a thread is at it."""

    def __init__(self, part: Part, turns: list[Turn], rehearsed: tuple[str, str]) -> None:
        told = Moment(*rehearsed, part.name, part.uid)
        self.version = part.version.encode()
        self.path = f"{object_path(Kind.WORKFLOW, NAMESPACE, part.name)}/status"
        self.turns = [
            Turn(
                turn.after,
                told.retold(turn.operations),
                turn.creation and _retold(turn.creation, told),
                tuple(_retold(call, told) for call in turn.others),
            )
            for turn in turns
        ]
        self.place = 0
        self.ended: set[int] = set()
        self.busy = False

    @property
    def due(self) -> bool:
        return self.place < len(self.turns) and self.turns[self.place].after <= self.ended


class Parrot:
    """All workflows of one crowd; `open` follows the children, `begin` sends the first writes."""

    def __init__(self, kubeconfig: str, turns: list[Turn], rehearsed: tuple[str, str], parts: list[Part]) -> None:
        # Troubles; "" when nothing is left to send.
        self.words: SimpleQueue[str] = SimpleQueue()
        self._connection: Connection = connect(kubeconfig, None, THREADS + 1)
        self._played = [_Played(part, turns, rehearsed) for part in parts]
        self._owners: dict[bytes, tuple[_Played, int]] = {}
        for part, played in zip(parts, self._played, strict=True):
            for number, child in enumerate(names_of(part.name, len(turns) - 1), 1):
                self._owners[child.encode()] = (played, number)
        self._jobs: SimpleQueue[_Played] = SimpleQueue()
        self._lock = Lock()
        self._left = len(parts)

    def open(self) -> None:
        query = (("watch", "1"), ("resourceVersion", "0"), ("timeoutSeconds", str(int(WATCH_S))))
        watching = self._connection.watch(HttpCall("GET", object_path(Kind.EXECUTION, ""), query), WATCH_S, CALL_S)
        assert isinstance(watching, Watching), watching
        Thread(target=self._follow, args=(watching,), name="parrot-watch", daemon=True).start()
        for number in range(THREADS):
            Thread(target=self._work, name=f"parrot-{number}", daemon=True).start()

    def begin(self) -> None:
        for played in self._played:
            self._offer(played, 0)

    def _follow(self, watching: Watching) -> None:
        for line in watching.lines():
            if isinstance(line, Outcome):
                self.words.put(f"its watch ended: {line}")
                return
            found = NAME.search(line)
            if found is not None and b'"phase":"completed"' in line and found[1] in self._owners:
                self._offer(*self._owners[found[1]])

    def _offer(self, played: _Played, ended: int) -> None:
        with self._lock:
            played.ended.add(ended)
            wanted = played.due and not played.busy
            played.busy |= wanted
        if wanted:
            self._jobs.put(played)

    def _work(self) -> None:
        try:
            while True:
                played = self._jobs.get()
                while self._goes_on(played):
                    self._play(played)
        except AssertionError as error:
            self.words.put(f"it was refused: {error}")

    def _goes_on(self, played: _Played) -> bool:
        with self._lock:
            played.busy = played.due
            return played.busy

    def _play(self, played: _Played) -> None:
        turn = played.turns[played.place]
        if turn.operations:
            fence = b'[{"op":"replace","path":"/metadata/resourceVersion","value":"' + played.version + b'"},'
            reply = self._sent(HttpCall("PATCH", played.path, (), JSON_PATCH, fence + turn.operations))
            played.version = orjson.loads(reply)["metadata"]["resourceVersion"].encode()
        if turn.creation is not None:
            self._sent(turn.creation)
        for call in turn.others:
            self._sent(call)
        played.place += 1
        if played.place == len(played.turns):
            self._ended()

    def _ended(self) -> None:
        with self._lock:
            self._left -= 1
            if not self._left:
                self.words.put("")

    def _sent(self, call: HttpCall) -> bytes:
        reply = self._connection.call(call, CALL_S)
        assert isinstance(reply, Reply), reply
        # What the controller looked for need not be there.
        assert reply.status < 300 or (call.method == "GET" and reply.status == 404), reply
        return reply.payload


def serve(kubeconfig: str, turns: list[Turn], rehearsed: tuple[str, str], parts: list[Part], pipe: Pipe) -> None:
    """A process of its own: says "" when it follows the children, begins when told to, says "" again at its end.

    What else it says is a trouble.
    """
    parrot = Parrot(kubeconfig, turns, rehearsed, parts)
    parrot.open()
    pipe.send("")
    pipe.recv()
    parrot.begin()
    while True:
        pipe.send(parrot.words.get())
