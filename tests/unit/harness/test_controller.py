"""Does what befalls a controller under test befall it whole, whichever thread is at work?"""

from collections.abc import Callable
from pathlib import Path

import pytest

from sim.faults import Fault
from tests.harness.controller import LiveController, Tap
from tests.harness.pace import PacedClock
from tests.unit.adapters.apiserver import Told, serving
from wfexec.adapters.kube import connect
from wfexec.model.requests import Code, Kind, Outcome, Replied, Request, Signal, WatchObjects
from wfexec.settings import DEFAULTS


class Interrupted:
    """A transport that another thread overtakes: `meanwhile` happens before the watch is open."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] = lambda: None

    def send(self, request: Request, reply: Callable[[Signal], None]) -> None:
        self.meanwhile()

    def close(self) -> None:
        """There is nothing to end."""


@pytest.mark.parametrize(("fault", "code"), [(Fault.CUT, Code.LOST), (Fault.FORGET, Code.GONE)])
def test_a_watch_that_is_just_being_opened_ends_with_the_others(fault: Fault, code: Code, tmp_path: Path) -> None:
    transport = Interrupted()
    with serving(lambda asked: Told()) as server:
        connection = connect(str(server.kubeconfig(tmp_path)), None, 1)
    tap = Tap(transport, LiveController(connection, PacedClock(1, lambda: None), DEFAULTS))
    transport.meanwhile = lambda: tap.befall(fault)
    heard: list[Signal] = []
    tap.send(Request(7, WatchObjects(Kind.WORKFLOW, "1", 1_000), 1_000), heard.append)
    assert heard == [Replied(7, Outcome(code))]
