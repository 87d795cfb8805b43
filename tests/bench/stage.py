"""Who else is there while many workflows run? An executor that is done at once, and somebody who sees it all.

Called by `tests.bench.crowd`; the same for the controller and for the hard-coded client. It must never be the slow one:
it parses no child, and its requests are as few as an executor can do with.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Condition, Thread
from time import monotonic, perf_counter
from typing import Final

import orjson

from tests.bench import load
from tests.bench.client import CALL_S
from tests.bench.parrot import NAME, WATCH_S, Part
from wfexec.adapters.kube import Connection, Reply, Watching
from wfexec.crd.codec import render_workflow
from wfexec.crd.wire import JSON, HttpCall, object_path
from wfexec.model.phases import Phase
from wfexec.model.requests import Kind

THREADS: Final = 4
MERGE: Final = "application/merge-patch+json"
LOOK_S: Final = 0.1
DELETE_S: Final = 120.0
TAKEN: Final = b'{"status":{"phase":"executing"}}'
DONE: Final = b'{"status":{"phase":"completed","executionResults":{"success":true}}}'
# Children of workflows with this in front of their names are taken up and never end.
HELD: Final = "held-"
_ENDED_STEPS: Final = frozenset({Phase.MONITORING, Phase.COMPLETED})


class Stage:
    """Watches both kinds in the bench's namespace and acts as the executor; `close` ends both."""

    def __init__(self, connection: Connection, executor: Connection) -> None:
        self.phases: dict[str, str] = {}
        # When each workflow was written to for the first time, and when all of its steps were seen to have ended.
        self.began: dict[str, float] = {}
        self.over: dict[str, float] = {}
        self.taken: set[bytes] = set()
        self.troubles: list[str] = []
        self._connection = connection
        self._executor = executor
        self._changed = Condition()
        self._born: SimpleQueue[bytes | None] = SimpleQueue()
        # Children that were handed to a thread, for a watch opened anew tells of all of them again.
        self._heard: set[bytes] = set()
        self._watches: dict[Kind, Watching] = {}
        self._closing = False
        for kind, heard in ((Kind.WORKFLOW, self._workflow), (Kind.EXECUTION, self._child)):
            self._open(kind)
            Thread(target=self._follow, args=(kind, heard), name=f"stage-{kind}", daemon=True).start()
        for number in range(THREADS):
            Thread(target=self._execute, name=f"stage-{number}", daemon=True).start()

    def close(self) -> None:
        self._closing = True
        for watching in self._watches.values():
            watching.stop()
        for _ in range(THREADS):
            self._born.put(None)

    def submit(self, names: list[str]) -> list[Part]:
        """Ten-step workflows, in this order of time as far as possible."""
        path = object_path(Kind.WORKFLOW, load.NAMESPACE)
        spec = load.spec(load.TEN)

        def create(name: str) -> Part:
            body = render_workflow(load.workflow(name, spec))
            body.pop("status", None)
            reply = self._connection.call(HttpCall("POST", path, (), JSON, orjson.dumps(body)), CALL_S)
            assert isinstance(reply, Reply) and reply.status == 201, reply
            made = orjson.loads(reply.payload)["metadata"]
            return Part(name, made["uid"], made["resourceVersion"])

        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(create, names))

    def clear(self, names: list[str]) -> None:
        """Delete these workflows, finalizers or not, and all children."""

        def free(name: str) -> None:
            path = object_path(Kind.WORKFLOW, load.NAMESPACE, name)
            self._connection.call(HttpCall("PATCH", path, (), MERGE, b'{"metadata":{"finalizers":null}}'), CALL_S)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(free, names))
        for kind in (Kind.WORKFLOW, Kind.EXECUTION):
            reply = self._connection.call(HttpCall("DELETE", object_path(kind, load.NAMESPACE)), DELETE_S)
            assert isinstance(reply, Reply) and reply.status == 200, reply

    def wait(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        limit = monotonic() + seconds
        with self._changed:
            while not done():
                assert not self.troubles, self.troubles[0]
                assert monotonic() < limit, f"{what}: not within {seconds:g} s; phases: {sorted(self.phases.items())}"
                self._changed.wait(LOOK_S)

    def _open(self, kind: Kind) -> None:
        """A watch that begins with all there is."""
        query = (("watch", "1"), ("timeoutSeconds", str(int(WATCH_S))))
        found = self._connection.watch(HttpCall("GET", object_path(kind, load.NAMESPACE), query), WATCH_S, CALL_S)
        assert isinstance(found, Watching), found
        self._watches[kind] = found

    def _follow(self, kind: Kind, heard: Callable[[bytes, float], None]) -> None:
        """A server may end any watch at any time, and an executor that does not notice holds up every workflow."""
        try:
            while not self._closing:
                self._listen(self._watches[kind], heard)
                if not self._closing:
                    self._open(kind)
        except AssertionError as error:
            self.troubles.append(f"{kind} cannot be watched any more: {error}")

    def _listen(self, watching: Watching, heard: Callable[[bytes, float], None]) -> None:
        for line in watching.lines():
            if isinstance(line, bytes):
                at = perf_counter()
                with self._changed:
                    heard(line, at)

    def _workflow(self, line: bytes, at: float) -> None:
        event = orjson.loads(line)
        if event["type"] not in ("ADDED", "MODIFIED"):
            return
        name, phase = event["object"]["metadata"]["name"], event["object"].get("status", {}).get("phase", "")
        if event["type"] == "ADDED" and not phase:
            # Nobody has written to it yet.
            return
        self.phases[name] = phase
        self.began.setdefault(name, at)
        if phase in _ENDED_STEPS:
            self.over.setdefault(name, at)
        self._changed.notify_all()

    def _child(self, line: bytes, at: float) -> None:
        found = NAME.search(line)
        if found is not None and line.startswith(b'{"type":"ADDED"') and found[1] not in self._heard:
            self._heard.add(found[1])
            self._born.put(found[1])

    def _execute(self) -> None:
        while (child := self._born.get()) is not None:
            path = f"{object_path(Kind.EXECUTION, load.NAMESPACE, child.decode())}/status"
            for body in (TAKEN,) if child.startswith(HELD.encode()) else (TAKEN, DONE):
                reply = self._executor.call(HttpCall("PATCH", path, (), MERGE, body), CALL_S)
                if not (isinstance(reply, Reply) and reply.status == 200):
                    self.troubles.append(f"{child.decode()}: {reply}")
            with self._changed:
                self.taken.add(child)
                self._changed.notify_all()
