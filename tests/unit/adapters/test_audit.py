"""Where final records go in production: into the log without a store, in a thread of their own to one (BR-WF-001)."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread, current_thread

import pytest

from tests.unit.adapters.apiserver import Asked, Told, serving
from tests.unit.adapters.scripted import ScriptedTransport
from wfexec.adapters.audit import AuditLog
from wfexec.adapters.clock import WallClock
from wfexec.adapters.config import load
from wfexec.adapters.kube import connect
from wfexec.adapters.logging import configure
from wfexec.adapters.metrics import Metrics
from wfexec.adapters.workers import Workers
from wfexec.app import Options, Process
from wfexec.model.audit import FinalRecord
from wfexec.model.base import evolve
from wfexec.model.meta import FINALIZER
from wfexec.model.redact import MARK
from wfexec.model.requests import (
    Code,
    GetObject,
    KeepRows,
    Kind,
    ObjectKey,
    Outcome,
    PatchMetadata,
    Replied,
    Request,
    Signal,
)
from wfexec.settings import Settings

PATIENCE_S = 10
QUIET = Options(metrics_address="0", health_address="0", leader_elect=False)
SPAN = (1_767_225_600_000, None, 1_767_225_660_000)
ROW = FinalRecord(
    "u1",
    "WorkflowExecution",
    "shop",
    "heal",
    "",
    "c7",
    "rr",
    "recover",
    "1",
    "executing",
    "",
    "",
    "passed",
    *SPAN,
    3,
    1,
    0,
)
OPERATIONS = "kubernaut_workflowexecution_audit_storage_operations_total"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The log as it is written to; afterwards the loggers are as they were."""
    root, ours = logging.getLogger(), logging.getLogger("wfexec")
    before = (root.handlers[:], root.level, ours.level)
    stream = io.StringIO()
    configure("info", "json", stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def test_without_a_store_a_record_is_one_line_with_all_that_there_is(lines: io.StringIO) -> None:
    assert AuditLog().keep((ROW,), 0).code is Code.OK
    (text,) = lines.getvalue().splitlines()
    told = json.loads(text)
    assert (told["msg"], told["level"], told["workflowexecution"]) == ("final record", "info", "shop/heal")
    assert (told["created"], told["deleted"]) == ("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z")
    assert (told["correlationID"], told["phase"], told["steps"], told["failed"]) == ("c7", "executing", 3, 0)
    assert "ended" not in told and "outcome" not in told


def test_what_a_store_should_have_had_is_a_warning_and_no_secret_gets_through(lines: io.StringIO) -> None:
    AuditLog(logging.WARNING).keep((ROW._replace(definition="password=hunter22"),), 0)
    told = json.loads(lines.getvalue())
    assert (told["level"], told["definition"]) == ("warning", f"password={MARK}")


class Leaving(ScriptedTransport):
    """Its workflow is being deleted; `wrote` is set when our finalizer was taken away."""

    def __init__(self) -> None:
        super().__init__()
        meta = evolve(self._workflow.metadata, deletion_timestamp=SPAN[2], finalizers=(FINALIZER,))
        self._workflow = evolve(self._workflow, metadata=meta)

    def send(self, request: Request, reply: Callable[[Signal], None]) -> None:
        super().send(request, reply)
        if isinstance(request.body, PatchMetadata):
            self.wrote.set()


@pytest.mark.parametrize("given", [{}, {"WFEXEC_AUDIT_GRACE": "5m"}], ids=["by default", "though a grace is set"])
def test_the_process_writes_the_final_record_of_what_it_lets_go(lines: io.StringIO, given: dict[str, str]) -> None:
    transport = Leaving()
    process = Process(load(environment=given), QUIET, transport)
    thread = Thread(target=process.run)
    thread.start()
    assert transport.wrote.wait(PATIENCE_S)
    process.stop()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [one["uid"] for one in told if one["msg"] == "final record"] == ["u1"]
    assert len([one for one in told if one["msg"].startswith("audit is off")]) == 1
    idle = [one["level"] for one in told if one["msg"].startswith("audit-grace has no effect")]
    assert idle == ["warning"] * len(given), "whoever sets what does nothing is told, and nobody else"


class Slow:
    """A store that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: SimpleQueue[tuple[str, tuple[FinalRecord, ...], float]] = SimpleQueue()
        self.answer = Event()

    def keep(self, rows: tuple[FinalRecord, ...], timeout_s: float) -> Outcome:
        self.asked.put((current_thread().name, rows, timeout_s))
        assert self.answer.wait(PATIENCE_S)
        return Outcome(Code.OK)


def test_a_store_that_hangs_has_a_thread_of_its_own(tmp_path: Path) -> None:
    """One thread for the API server, and that one goes on."""
    store = Slow()
    replies: SimpleQueue[Signal] = SimpleQueue()
    crashes: list[BaseException] = []

    def missing(asked: Asked) -> Told:
        return Told(404, b"{}")

    with serving(missing) as server:
        connection = connect(str(server.kubeconfig(tmp_path)), None, 4)
        workers = Workers(connection, WallClock(), 1, lambda *_: None, crashes.append, audit=store)
        workers.send(Request(1, KeepRows((ROW,)), 5_000), replies.put)
        assert store.asked.get(timeout=PATIENCE_S) == ("audit", (ROW,), 5.0)
        workers.send(Request(2, GetObject(ObjectKey(Kind.WORKFLOW, "shop", "heal")), 5_000), replies.put)
        first = replies.get(timeout=PATIENCE_S)
        store.answer.set()
        second = replies.get(timeout=PATIENCE_S)
        workers.close()
    assert isinstance(first, Replied) and isinstance(second, Replied)
    assert (first.request_id, second.request_id, second.outcome.code) == (2, 1, Code.OK)
    assert crashes == []


def test_requests_to_the_store_are_counted_apart_and_its_being_there_is_shown() -> None:
    metrics = Metrics()
    request = Request(1, KeepRows((ROW, ROW)), 1_000)
    for code in (Code.OK, Code.LOST, Code.UNAVAILABLE):
        metrics.request(request, Outcome(code), 0.1)
    page = metrics.page().decode()
    assert f'{OPERATIONS}{{status="success"}} 1.0' in page and f'{OPERATIONS}{{status="error"}} 2.0' in page
    for audit, shown in ((None, "0.0"), (Slow(), "1.0")):
        process = Process(Settings(), QUIET, ScriptedTransport(), audit=audit)
        process.metrics.observe(process.controller)
        assert f"\nwfexec_audit_enabled {shown}\n" in process.metrics.page().decode()
