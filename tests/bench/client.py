"""How fast can a successor follow at all? A client that knows beforehand what to write, and who watches for both.

Called by `tests.bench.live`. The client hears of a child's end on a watch, like the controller, and sends the very
bytes that the controller sent in its turn, with another workflow's name: one status patch, then one creation. It must
never parse what it does not need, and never decide.
"""

from collections.abc import Callable, Iterable, Iterator
from threading import Condition, Thread
from time import monotonic, perf_counter
from typing import Any, Final, NamedTuple

import orjson

from tests.bench import load
from wfexec.adapters.kube import Connection, Reply, Watching, connect
from wfexec.core.children import child_name
from wfexec.crd.wire import JSON_PATCH, HttpCall, object_path
from wfexec.model.meta import EXECUTION_PLURAL, WORKFLOW_PLURAL
from wfexec.model.phases import Phase
from wfexec.model.requests import Kind, Outcome

CALL_S: Final = 10.0
WATCH_S: Final = 300.0
LOOK_S: Final = 0.05
_FENCE: Final = "/metadata/resourceVersion"


def names_of(workflow: str, steps: int) -> list[str]:
    return [child_name(workflow, number, 0) for number in range(1, steps + 1)]


class Moment(NamedTuple):
    """Whose writes are repeated, and for whom."""

    name: str
    uid: str
    other: str
    other_uid: str

    def retold(self, text: bytes) -> bytes:
        return text.replace(self.name.encode(), self.other.encode()).replace(self.uid.encode(), self.other_uid.encode())


class Pace(NamedTuple):
    """One transition: what to do to the workflow's status (fence left out), and the child to create."""

    operations: bytes
    creation: HttpCall


def outline(calls: list[HttpCall], name: str, uid: str) -> list[Pace]:
    """The controller's writes for one workflow, cut at each creation; several patches before one become one."""
    parts = cut(calls, name, uid)
    return [Pace(orjson.dumps(part.operations)[1:], part.creation) for part in parts if part.creation is not None]


class Cut(NamedTuple):
    """What was patched before a creation, fences left out; the creation, None after the last; what else was sent.

    `others`: Events, questions and looks at targets. The finalizer is missing: like a status patch it is fenced.
    """

    operations: list[Any]
    creation: HttpCall | None
    others: list[HttpCall]


def cut(calls: Iterable[HttpCall], name: str, uid: str) -> Iterator[Cut]:
    operations: list[Any] = []
    others: list[HttpCall] = []
    for call in calls:
        if call.method == "PATCH" and call.path.endswith(f"/{WORKFLOW_PLURAL}/{name}/status"):
            assert call.content_type == JSON_PATCH, call.content_type
            operations += [each for each in orjson.loads(call.body) if each["path"] != _FENCE]
        elif call.method == "POST" and call.path.endswith(f"/{EXECUTION_PLURAL}") and uid.encode() in call.body:
            yield Cut(operations, call, others)
            operations, others = [], []
        elif call.method != "PATCH" and ("watch", "1") not in call.query:
            others.append(call)
    yield Cut(operations, None, others)


class HardCoded:
    """Follows the children of one workflow; `open` creates the first child and returns."""

    def __init__(self, kubeconfig: str, script: list[Pace], moment: Moment) -> None:
        self.trouble = ""
        self._connection = connect(kubeconfig, None, 4)
        self._name = moment.other
        self._path = f"{object_path(Kind.WORKFLOW, load.NAMESPACE, moment.other)}/status"
        self._script = [
            Pace(moment.retold(pace.operations), pace.creation._replace(body=moment.retold(pace.creation.body)))
            for pace in script
        ]
        self._version = b""
        self._watching: Watching | None = None

    def open(self) -> None:
        reply = self._sent(HttpCall("GET", object_path(Kind.WORKFLOW, load.NAMESPACE, self._name)))
        self._learn(reply)
        version = orjson.loads(reply)["metadata"]["resourceVersion"]
        query = (("watch", "1"), ("resourceVersion", version), ("timeoutSeconds", str(int(WATCH_S))))
        watching = self._connection.watch(HttpCall("GET", object_path(Kind.EXECUTION, ""), query), WATCH_S, CALL_S)
        assert isinstance(watching, Watching), watching
        self._watching = watching
        self._write(self._script[0])
        Thread(target=self._follow, args=(watching,), name="hard-coded", daemon=True).start()

    def close(self) -> None:
        if self._watching is not None:
            self._watching.stop()
        self._connection.close()

    def _follow(self, watching: Watching) -> None:
        waiting = [
            (name.encode(), pace) for name, pace in zip(names_of(self._name, 100), self._script[1:], strict=False)
        ]
        lines = watching.lines()
        try:
            for name, pace in waiting:
                wanted = b'"name":"' + name + b'"'
                for line in lines:
                    if isinstance(line, Outcome):
                        return
                    if wanted in line and b'"phase":"completed"' in line:
                        break
                self._write(pace)
        except AssertionError as error:
            self.trouble = f"the hard-coded client was refused: {error}"

    def _write(self, pace: Pace) -> None:
        fence = b'[{"op":"replace","path":"/metadata/resourceVersion","value":"' + self._version + b'"},'
        reply = self._sent(HttpCall("PATCH", self._path, (), JSON_PATCH, fence + pace.operations))
        self._sent(pace.creation)
        self._learn(reply)

    def _sent(self, call: HttpCall) -> bytes:
        reply = self._connection.call(call, CALL_S)
        assert isinstance(reply, Reply) and reply.status < 300, reply
        return reply.payload

    def _learn(self, reply: bytes) -> None:
        self._version = orjson.loads(reply)["metadata"]["resourceVersion"].encode()


class Sightings:
    """What somebody sees who watches the namespace: when each child was born, and how workflows stand."""

    def __init__(self, connection: Connection) -> None:
        self.born: dict[str, float] = {}
        self._phases: dict[str, str] = {}
        self._changed = Condition()
        self._watches: list[Watching] = []
        for kind, heard in ((Kind.WORKFLOW, self._workflow), (Kind.EXECUTION, self._child)):
            query = (("watch", "1"), ("timeoutSeconds", str(int(WATCH_S))))
            watching = connection.watch(HttpCall("GET", object_path(kind, load.NAMESPACE), query), WATCH_S, CALL_S)
            assert isinstance(watching, Watching), watching
            self._watches.append(watching)
            Thread(target=self._listen, args=(watching, heard), name=f"sightings-{kind}", daemon=True).start()

    def completed(self, workflow: str) -> bool:
        return self._phases.get(workflow) == Phase.COMPLETED

    def wait(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        limit = monotonic() + seconds
        with self._changed:
            while not done():
                if monotonic() > limit:
                    raise AssertionError(f"{what}: nothing seen within {seconds:g} s")
                self._changed.wait(LOOK_S)

    def close(self) -> None:
        for watching in self._watches:
            watching.stop()

    def _listen(self, watching: Watching, heard: Callable[[bytes, float], None]) -> None:
        for line in watching.lines():
            if isinstance(line, bytes):
                at = perf_counter()
                with self._changed:
                    heard(line, at)
                    self._changed.notify_all()

    def _child(self, line: bytes, at: float) -> None:
        if line.startswith(b'{"type":"ADDED"'):
            self.born[orjson.loads(line)["object"]["metadata"]["name"]] = at

    def _workflow(self, line: bytes, at: float) -> None:
        seen = orjson.loads(line)["object"]
        self._phases[seen["metadata"]["name"]] = seen.get("status", {}).get("phase", "")
