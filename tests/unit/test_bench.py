"""Does the bench still run, and does what it keeps have the promised shape? Never how fast anything is."""

from collections import Counter
from pathlib import Path

import orjson
import pytest

from tests.bench import crowd, deciding, floor, live, load, parrot, planning, rows, throughput, waiting
from tests.bench.client import names_of, outline
from tests.bench.rows import Row
from tests.bench.stage import Stage
from tests.envtest import build
from tests.unit.adapters.apiserver import Asked, Stream, Told, serving
from wfexec.adapters.kube import connect
from wfexec.crd.wire import JSON, JSON_PATCH, HttpCall
from wfexec.model.meta import EXECUTION_PLURAL

KEYS = {"name", "value", "unit", "floor", "ratio", "must", "aim", "note", "higher", "reached"}
TINY = throughput.Sizes(
    workflows=3, turns=1, in_flight=(1, 2), window_events=50, windows=1, tens=1, hundreds=1, sweep_points=2
)


def test_graphs_have_the_promised_form() -> None:
    assert load.TEN == ((), (1,), (2,), (3,), (1,), (5,), (6,), (1,), (8,), (4, 7, 9))
    assert len(load.HUNDRED) == 100
    assert len(load.CHAIN) == 10


def test_cheap_rows_are_measured_and_kept(tmp_path: Path) -> None:
    measured = [*throughput.measure(TINY), *deciding.measure(passes=1), *planning.measure(passes=1)]
    measured += waiting.measure(waiting.Sizes(3, 2, 1))
    kept = tmp_path / "build" / "bench.json"
    rows.keep(kept, measured, {"cores": 2})
    told = orjson.loads(kept.read_bytes())
    assert [row["name"] for row in told["rows"]] == [row.name for row in measured]
    for row in told["rows"]:
        assert set(row) == KEYS
        assert row["value"] > 0 or (row["must"], row["value"]) == (0, 0)
        assert (row["ratio"] is None) == (row["floor"] is None)
    assert len(rows.table(measured).splitlines()) == 1 + len(measured) + sum(bool(row.note) for row in measured)


def test_floor_has_exactly_the_delays_it_was_told() -> None:
    for delays in (81, 88, 185):
        assert floor.protocol(delays, (3, 3, 2)).delays == delays
    # 8 delays of 2 to 8 ms, then 5 steps of 1 s on the longest way.
    shape = floor.Protocol(4, 0, 0, 4, (3, 3, 2))
    assert 5_016 <= floor.simulate(shape, 1, 1_000, (1_000, 1_000), 1) <= 5_064


def test_traced_protocol_is_part_of_all_traffic() -> None:
    traffic = throughput.traffic()
    assert 40 < traffic.told < traffic.all


def test_verdicts() -> None:
    assert Row("a", 1.0, "", must=3, aim=2).verdict == "aim"
    assert Row("a", 2.5, "", must=3, aim=2).verdict == "must"
    assert Row("a", 4.0, "", must=3, aim=2).verdict == "missed"
    assert Row("a", 9.0, "", 18.0, 0.5, 0.4, 0.6, higher=True).verdict == "must"
    assert Row("a", None, "", must=3, aim=2).verdict == ""
    assert Row("a", 1.0, "").verdict == ""


def test_hard_coded_client_repeats_the_controllers_writes() -> None:
    status = "/apis/g/v1/namespaces/bench/workflowexecutions/w/status"
    fence = b'{"op":"replace","path":"/metadata/resourceVersion","value":"7"}'
    one = HttpCall("PATCH", status, (), JSON_PATCH, b"[" + fence + b',{"op":"add","path":"/status/a","value":1}]')
    two = HttpCall("PATCH", status, (), JSON_PATCH, b"[" + fence + b',{"op":"add","path":"/status/b","value":2}]')
    create = HttpCall("POST", "/apis/g/v1/namespaces/bench/kubernetesexecutions", (), JSON, b'{"uid":"u-1"}')
    event = HttpCall("POST", "/api/v1/namespaces/bench/events", (), JSON, b'{"uid":"u-1"}')
    paces = outline([one, event, two, create, one, create], "w", "u-1")
    both = b'{"op":"add","path":"/status/a","value":1},{"op":"add","path":"/status/b","value":2}]'
    assert [pace.operations for pace in paces] == [both, b'{"op":"add","path":"/status/a","value":1}]']


def test_crowd_client_sends_each_creation_after_what_its_step_depends_on() -> None:
    status = "/apis/g/v1/namespaces/bench/workflowexecutions/w/status"
    fence = b'{"op":"replace","path":"/metadata/resourceVersion","value":"7"}'
    patch = HttpCall("PATCH", status, (), JSON_PATCH, b"[" + fence + b',{"op":"add","path":"/status/a","value":1}]')

    def create(step: int) -> HttpCall:
        body = b'{"metadata":{"name":"%s"},"uid":"u-1"}' % names_of("w", 3)[step - 1].encode()
        return HttpCall("POST", "/apis/g/v1/namespaces/bench/kubernetesexecutions", (), JSON, body)

    event = HttpCall("POST", "/api/v1/namespaces/bench/events", (), JSON, b'{"uid":"u-1"}')
    watch = HttpCall("GET", "/apis/g/v1/workflowexecutions", (("watch", "1"),))
    finalizer = HttpCall("PATCH", "/apis/g/v1/namespaces/bench/workflowexecutions/w", (), JSON, b"{}")
    calls = [finalizer, watch, patch, create(1), event, patch, patch, create(3), create(2), event, patch, event]
    found = parrot.script(calls, "w", "u-1", ((), (1,), (1,)))
    one = b'{"op":"add","path":"/status/a","value":1}'
    assert found == [
        parrot.Turn(frozenset(), one + b"]", create(1)),
        parrot.Turn(frozenset({1}), one + b"," + one + b"]", create(3), (event,)),
        parrot.Turn(frozenset({1}), b"", create(2)),
        parrot.Turn(frozenset({1, 2, 3}), one + b"]", None, (event, event)),
    ]
    assert (parrot.writes_of(found), parrot.requests_of(found)) == (6, 9)
    assert parrot.requests_of(parrot.only_writes(found)) == 6


def test_the_crowds_executor_goes_on_when_the_server_ends_its_watches(tmp_path: Path) -> None:
    born = [b'{"type":"ADDED","object":{"metadata":{"name":"%s"}}}\n' % name for name in (b"one", b"two")]
    opened: list[str] = []

    def answer(asked: Asked) -> Told | Stream:
        if asked.method == "PATCH":
            return Told()
        kind = asked.path.partition("?")[0].rpartition("/")[2]
        opened.append(kind)
        if kind != EXECUTION_PLURAL:
            return Stream((), "open")
        # Whoever asks anew is told of everything that is there.
        return Stream(tuple(born[:1])) if opened.count(kind) == 1 else Stream(tuple(born), "open")

    with serving(answer) as server:
        connection = connect(str(server.kubeconfig(tmp_path)), None, 8)
        stage = Stage(connection, connection)
        stage.wait(lambda: stage.taken == {b"one", b"two"}, 20, "both children")
        stage.close()
        patched = sorted(asked.path.split("/")[-2] for asked in server.asked if asked.method == "PATCH")
    assert patched == ["one", "one", "two", "two"]


def test_crowd_rows_have_the_promised_bounds() -> None:
    work = crowd.Work(2.0, 1.0, 50, Counter({"patch_status": 30, "create": 20, "lease": 2}))
    measured = crowd.rows_of(crowd.Found(work, work, work, 80.0, Counter(), 1.0, 2.0, 90.0), crowd.Sizes(2, 3, 4.0))
    assert [(row.value, row.ratio, row.must, row.aim) for row in measured] == [
        (10.0, 1.0, 0.6, 0.95),
        (50.0, 1.0, 3, 1.5),
        (50.0, 1.0, None, None),
        (2.5, None, 2.5, 1.6),
        (80.0, None, None, None),
        (0, None, 0, 0),
        (2.0, None, None, None),
        (90.0, None, None, None),
    ]


def test_without_a_server_the_rows_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert build.find() is None
    for row in [*live.measure(), *crowd.measure()]:
        assert (row.value, row.verdict) == (None, "")
        assert "make envtest" in row.note
