"""A source of alerts for controllers that run against a real API server: the simulation's feed behind a socket.

Called by the features' API server back-end, which lets the shipped adapter ask it over HTTP.
"""

from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from sim.alerts import AlertFeed
from tests.unit.adapters.apiserver import Answer, Asked, Hangs, ScriptedServer, Told

# How long `stop` may take, once for all scenarios.
POLL_S: Final = 0.5
LOOK_S: Final = 0.02


class AlertServer:
    """`feed` may be replaced at any time. `now` in milliseconds, of the clock that the controllers follow."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.feed = AlertFeed()
        self._now = now
        self._ending = Event()
        self._server = ScriptedServer(self._answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(POLL_S,), name="alerts", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, asked: Asked) -> Answer:
        until = self._now() + self.feed.slow_ms
        while self._now() < until and not self._ending.wait(LOOK_S):
            pass
        status, body = self.feed.reply(asked.path, self._now())
        return Told(status, body) if status else Hangs(cut=True)
