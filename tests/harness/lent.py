"""Connections to the API server of which the paced clock hears, and one in the hands of somebody who closes what he is
given.

Made by the features' API server back-end and by `tests.harness.controller`. They must never change what is said.
"""

from collections.abc import Iterator

from tests.harness.pace import PacedClock
from wfexec.adapters.kube import Connection, Reply, Watching
from wfexec.crd.wire import HttpCall
from wfexec.model.requests import Outcome


class Heard(Connection):
    """The same connection, and the clock is told who waits for the server and what that says."""

    def __init__(self, whole: Connection, clock: PacedClock) -> None:
        self.__dict__ = {**whole.__dict__, "_clock": clock}
        self._clock = clock

    def call(self, call: HttpCall, timeout_s: float) -> Reply | Outcome:
        self._clock.asked()
        try:
            return super().call(call, timeout_s)
        finally:
            self._clock.told(more=call.method != "GET")

    def watch(self, call: HttpCall, server_ends_s: float, timeout_s: float) -> Watching | Reply | Outcome:
        self._clock.asked()
        try:
            found = super().watch(call, server_ends_s, timeout_s)
        finally:
            self._clock.told()
        return _HeardWatching(found, self._clock) if isinstance(found, Watching) else found


class Lent(Heard):
    """Opening a connection costs both sides more than what most are opened for: its owner goes on with it."""

    def close(self) -> None:
        """Its owner does."""


class _HeardWatching(Watching):
    def __init__(self, whole: Watching, clock: PacedClock) -> None:
        self.__dict__ = whole.__dict__
        self._clock = clock

    def lines(self) -> Iterator[bytes | Outcome]:
        for line in super().lines():
            self._clock.heard()
            yield line
