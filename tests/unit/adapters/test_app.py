"""Does the production driver start, list, watch, write and stop, and does a defect end it?"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

import pytest

from tests.unit.adapters.scripted import ScriptedTransport
from wfexec.adapters.clock import WallClock
from wfexec.app import Crash, Loop, Options, Process
from wfexec.model.requests import Kind, Request, Signal
from wfexec.settings import Settings

ROOT = Path(__file__).parents[3]
QUIET = Options(metrics_address="127.0.0.1:0", health_address="127.0.0.1:0", leader_elect=False)
PATIENCE_S = 20


def started(transport: ScriptedTransport, options: Options = QUIET) -> tuple[Process, Thread, list[int]]:
    """A process in a thread of its own, and where its exit code will be."""
    process = Process(Settings(), options, transport)
    codes: list[int] = []
    thread = Thread(target=lambda: codes.append(process.run()))
    thread.start()
    return process, thread, codes


def ended(thread: Thread) -> None:
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_it_lists_then_watches_then_writes_then_stops() -> None:
    transport = ScriptedTransport()
    process, thread, codes = started(transport)
    assert transport.wrote.wait(PATIENCE_S)
    process.stop()
    ended(thread)
    names = transport.names()
    assert codes == [0]
    assert names[:2] == ["ListObjects", "ListObjects"]
    assert names.index("WatchObjects") < names.index("PatchStatus")
    assert names.count("WatchObjects") == len(Kind)
    assert transport.closed


def test_probes_and_metrics_speak_of_the_running_engine() -> None:
    transport = ScriptedTransport()
    process, thread, codes = started(transport)
    assert transport.wrote.wait(PATIENCE_S)
    health, metrics = process.servers
    for path in ("healthz", "health", "readyz", "ready"):
        with urlopen(f"http://127.0.0.1:{health.port}/{path}", timeout=PATIENCE_S) as page:
            assert page.status == 200
    with urlopen(f"http://127.0.0.1:{metrics.port}/metrics", timeout=PATIENCE_S) as page:
        text = page.read().decode()
    process.stop()
    ended(thread)
    assert "\nwfexec_leader 1.0\n" in text
    assert "\nwfexec_workflows 1.0\n" in text
    assert "\nworkflowexecution_active_total 1.0\n" in text
    assert "\nkubernaut_workflowexecution_dependency_resolution_duration_seconds_count 1.0\n" in text
    assert codes == [0]


def test_before_the_first_lists_it_lives_but_is_not_ready() -> None:
    process = Process(Settings(), QUIET, ScriptedTransport())
    assert process.live() == ""
    assert process.ready().startswith("not listed yet: WorkflowExecution, KubernetesExecution, Namespace")


@pytest.mark.parametrize("where", ["engine", "worker"])
def test_a_defect_ends_the_process_with_1(where: str, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(ScriptedTransport):
        def send(self, request: Request, reply: Callable[[Signal], None]) -> None:
            if where == "engine":
                raise ZeroDivisionError("a defect")
            process.loop.post(Crash(ZeroDivisionError("a defect")))

    process = Process(Settings(), QUIET, Broken())
    assert process.run() == 1
    assert process.live() == "the engine does not respond"
    assert "a defect" in caplog.text


class Alarm:
    """A machine that wants to be woken after a minute, and stops then."""

    def __init__(self) -> None:
        self.stopped = False
        self.started = self.ended = 0

    def start(self, now: int) -> None:
        self.started = now

    def feed(self, signal: object, now: int) -> None:
        raise AssertionError("nothing was sent")

    def tick(self, now: int) -> None:
        self.ended = now
        self.stopped = True

    def take(self) -> list[object]:
        return []

    def wake_at(self) -> int | None:
        return self.started + 60_000


def test_a_faster_clock_makes_long_waits_short_and_never_wakes_early() -> None:
    machine = Alarm()
    began = time.monotonic()
    loop = Loop(machine, WallClock(speed=1_000), lambda request, reply: None, lambda seconds: None)
    loop.run()
    assert loop.failure is None
    assert machine.ended - machine.started >= 60_000
    assert time.monotonic() - began < PATIENCE_S


SIGNALLED = """
import os, signal, sys, threading
from tests.unit.adapters.scripted import ScriptedTransport
from wfexec.app import Options, Process
from wfexec.settings import Settings

transport = ScriptedTransport()
def kill():
    transport.wrote.wait(20)
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))
threading.Thread(target=kill, daemon=True).start()
options = Options(metrics_address="0", health_address="0", leader_elect=False)
code = Process(Settings(), options, transport).run()
assert transport.closed
sys.exit(code)
"""


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_a_signal_stops_it_in_order(signal: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED, signal], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
