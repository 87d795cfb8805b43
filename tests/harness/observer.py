"""What does a person see who watches a namespace with kubectl?

Called by the features' API server back-end. One thread per kind follows a watch and keeps every line; whoever waits
for something is woken by each of them. It must never write.
"""

from collections.abc import Callable
from threading import Condition, Thread
from typing import Any, Final

import orjson

from wfexec.adapters.kube import Connection, Reply, Watching
from wfexec.crd.wire import HttpCall
from wfexec.model.requests import Outcome

Line = tuple[str, dict[str, Any]]
SERVER_ENDS_S: Final = 300.0
CALL_S: Final = 10.0
# What no watch tells, such as a new Event, is looked for at least this often.
LOOK_S: Final = 0.05


class Observer:
    """`lines` holds (change, object) in the order of arrival; append-only."""

    def __init__(self, connection: Connection) -> None:
        self.lines: list[Line] = []
        self.trouble = ""
        self._connection = connection
        self._changed = Condition()
        self._watches: list[Watching] = []
        self._closing = False

    def follow(self, path: str) -> None:
        """Every object of this collection and every change of it from now on."""
        watching = self._opened(path, "")
        if not isinstance(watching, Watching):
            raise AssertionError(f"{path} cannot be watched: {watching}")
        Thread(target=self._follow, args=(path, watching), name="observer", daemon=True).start()

    def wait(self, done: Callable[[], bool], seconds: float, now: Callable[[], float]) -> bool:
        """Until `done()`, asked after each line and now and then; false when the time was over first."""
        limit = now() + seconds
        with self._changed:
            while not done():
                left = limit - now()
                if left <= 0:
                    return False
                self._changed.wait(min(left, LOOK_S))
        return True

    def close(self) -> None:
        self._closing = True
        for watching in self._watches:
            watching.stop()
        self._connection.close()

    def _opened(self, path: str, version: str) -> Watching | Reply | Outcome:
        query = (("watch", "1"), ("timeoutSeconds", str(int(SERVER_ENDS_S))))
        resumed = (*query, ("resourceVersion", version)) if version else query
        watching = self._connection.watch(HttpCall("GET", path, resumed), SERVER_ENDS_S, CALL_S)
        if isinstance(watching, Watching):
            self._watches.append(watching)
        return watching

    def _follow(self, path: str, watching: Watching) -> None:
        """A server may end any watch at any time, a busy one does; the next goes on after the last line seen."""
        version = ""
        while True:
            version = self._listen(watching, version)
            if self._over():
                return
            again = self._opened(path, version)
            if not isinstance(again, Watching):
                self.trouble = f"a watch ended, and there is no other: {again}"
                return
            watching = again
            if self._over():
                # Opened too late for `close` to see it.
                watching.stop()

    def _over(self) -> bool:
        return self._closing or bool(self.trouble)

    def _listen(self, watching: Watching, version: str) -> str:
        """The version of the last object seen, `version` for none."""
        for line in watching.lines():
            if isinstance(line, Outcome):
                break
            told = orjson.loads(line)
            if told["type"] == "ERROR":
                self.trouble = f"a watch ended: {told['object'].get('message')}"
                break
            version = told["object"]["metadata"]["resourceVersion"]
            with self._changed:
                self.lines.append((told["type"], told["object"]))
                self._changed.notify_all()
        return version
