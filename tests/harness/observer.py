"""What does a person see who watches with kubectl?

Called by the features' API server back-end and by tests that look on. One thread per kind follows a watch, for as many
scenarios as there are: to open one costs both sides more than what most scenarios see of it. What comes is kept for
those who view its namespace; whoever waits for something is woken by each line. It must never write.
"""

from collections.abc import Callable
from threading import Condition, Thread
from typing import Any, Final

import orjson

from wfexec.adapters.kube import Connection, Reply, Watching
from wfexec.crd.wire import HttpCall
from wfexec.model.requests import Outcome

Line = tuple[str, dict[str, Any]]
# Longer than a run of all tests: each end may cost a scenario a line.
SERVER_ENDS_S: Final = 7_200.0
CALL_S: Final = 10.0
# What no watch tells, such as a new Event, is looked for at least this often.
LOOK_S: Final = 0.05


class View:
    """What was told since somebody looks. `lines` holds (change, object) in the order of arrival; append-only."""

    def __init__(self, observer: "Observer", namespace: str) -> None:
        self.lines: list[Line] = []
        self._observer = observer
        self._namespace = namespace

    @property
    def trouble(self) -> str:
        return self._observer.trouble

    def wait(self, done: Callable[[], bool], seconds: float, now: Callable[[], float]) -> bool:
        """Until `done()`, asked after each line and now and then; false when the time was over first."""
        limit = now() + seconds
        with self._observer.changed:
            while not done():
                left = limit - now()
                if left <= 0:
                    return False
                self._observer.changed.wait(min(left, LOOK_S))
        return True

    def told(self, line: Line) -> None:
        if not self._namespace or line[1]["metadata"].get("namespace") == self._namespace:
            self.lines.append(line)

    def close(self) -> None:
        self._observer.leave(self)


class Observer:
    """Follows collections for all who view them."""

    def __init__(self, connection: Connection) -> None:
        self.changed = Condition()
        self._connection = connection
        self._views: list[View] = []
        self._watches: list[Watching] = []
        # Why what is no longer watched is not, by path.
        self._lost: dict[str, str] = {}
        self._closing = False

    @property
    def trouble(self) -> str:
        """Why a watch came to its end; "" while all go on."""
        return next(iter(self._lost.values()), "")

    def follow(self, path: str) -> None:
        """Every object of this collection and every change of it from now on."""
        watching = self._opened(path, "")
        if not isinstance(watching, Watching):
            raise AssertionError(f"{path} cannot be watched: {watching}")
        self._lost.pop(path, None)
        Thread(target=self._follow, args=(path, watching), name="observer", daemon=True).start()

    def view(self, namespace: str = "") -> View:
        """Of what is told from now on; "" for all namespaces. A watch that came to its end is followed by another."""
        made = View(self, namespace)
        with self.changed:
            self._views.append(made)
        for path in tuple(self._lost):
            self.follow(path)
        return made

    def leave(self, view: View) -> None:
        with self.changed:
            self._views.remove(view)

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
            version, why = self._listen(watching, version)
            if self._over():
                return
            again = self._opened(path, version) if not why else None
            if not isinstance(again, Watching):
                self._lost[path] = why or f"a watch ended, and there is no other: {again}"
                return
            watching = again
            if self._over():
                # Opened too late for `close` to see it.
                watching.stop()

    def _over(self) -> bool:
        return self._closing

    def _listen(self, watching: Watching, version: str) -> tuple[str, str]:
        """The version of the last object seen, `version` for none; and what forbids to go on after it, "" if nothing
        does."""
        for line in watching.lines():
            if isinstance(line, Outcome):
                break
            told = orjson.loads(line)
            if told["type"] == "ERROR":
                return version, f"a watch ended: {told['object'].get('message')}"
            version = told["object"]["metadata"]["resourceVersion"]
            self._tell((told["type"], told["object"]))
        return version, ""

    def _tell(self, line: Line) -> None:
        with self.changed:
            for view in self._views:
                view.told(line)
            self.changed.notify_all()
