"""A run reads as a story, as bars, as JSON and as a picture; the same run always the same."""

import subprocess
import sys
from pathlib import Path

from sim.cli.run import document, draw, tell
from sim.report import Chart, PhaseSpan, Row, Span
from sim.report_json import trace_line
from sim.report_svg import draw_timelines
from sim.report_text import bars, clock_text, summary
from sim.scenario import Run
from tests.unit.sim.support import manifest, options, run

RETRY = 'steps: {"*/2": {attempts: [{result: failure, duration: 3s, error: {type: evicted}}, {result: success}]}}'
FATAL = 'steps: {"*/3": {attempts: [{result: failure, duration: 3s, error: {type: permission_denied}}]}}'


def told(result: Run) -> str:
    return "\n".join(tell(result))


def lines_of(result: Run, step: str) -> list[str]:
    """What the story says of a step, without times."""
    return [line.split(step, 1)[1].strip() for line in tell(result) if f"  {step} " in line and "|" not in line]


def test_a_step_is_started_and_ended() -> None:
    assert lines_of(run(), "1 step-1") == ["started", "ended: completed in 10s"]


def test_a_failed_attempt_says_why_and_when_it_is_tried_again() -> None:
    story = lines_of(run(with_=options(RETRY)), "2 step-2")
    assert story[0] == "started"
    assert story[1].startswith("attempt 1 failed (evicted: ") and "; again in " in story[1]
    assert story[2:] == ["retried, attempt 2", "ended: completed in " + story[3].rpartition(" ")[2]]


def test_what_waits_for_a_free_place_is_queued() -> None:
    result = run(manifest([{}, {}], executionStrategy={"maxParallelSteps": 1}))
    assert lines_of(result, "2 step-2")[:2] == ["queued", "started after 10s in the queue"]


def test_a_rollback_is_told_step_by_step() -> None:
    result = run(with_=options(FATAL))
    text = told(result)
    assert "rolling_back: Critical step 3" in text
    assert lines_of(result, "2 step-2")[-2:] == ["undo started: scale-deployment", "undone"]
    undone = [line.split()[1] for line in text.splitlines() if line.endswith("  undone")]
    assert undone == ["2", "1"]
    assert "repair: failed after " in text and "1 of 3 steps" not in text


def test_several_workflows_are_told_apart() -> None:
    text = told(run(manifest([{}], "one"), manifest([{}], "two")))
    assert "  one  1 step-1" in text and "  two  1 step-1" in text


def test_bars_share_one_axis() -> None:
    spans = (Span("queued", 0, 10_000), Span("failed", 10_000, 20_000), Span("waiting", 20_000, 50_000))
    row = Row(1, "first", "act", "completed", (*spans, Span("attempt", 50_000, 60_000)))
    late = Row(2, "second", "act", "rolled_back", (Span("attempt", 60_000, 90_000), Span("undo", 90_000, 120_000)))
    chart = Chart("repair", "failed", "", (PhaseSpan("executing", 0, 120_000),), (row, late), 120_000)
    _, first, second, axis = bars(chart)
    assert first == "    1 first  |·····xxxxx---------------█████                              | completed"
    assert second == "    2 second |                              ███████████████◄◄◄◄◄◄◄◄◄◄◄◄◄◄◄| rolled_back"
    assert axis.split() == ["0:00", "2:00"]


def test_the_summary_speaks_in_virtual_time() -> None:
    row = Row(1, "first", "act", "completed", (Span("failed", 0, 1_000), Span("attempt", 2_000, 3_000)))
    chart = Chart("repair", "completed", "success", (), (row,), 90_000)
    assert list(summary([chart], [("children", 2)])) == [
        "repair: completed (success) after 1m30s of virtual time; 1 of 1 step completed, 1 retry, 0 undone",
        "2 children",
    ]


def test_clocks_have_hours_only_when_needed() -> None:
    assert clock_text(62_350) == "1:02.350"
    assert clock_text(3_723_004) == "1:02:03.004"


def test_json_holds_phases_children_events_objects_and_digest() -> None:
    result = document(run(with_=options(FATAL)))
    assert [entry["phase"] for entry in result["phases"]["shop/repair"]] == [
        "planning",
        "validating",
        "executing",
        "rolling_back",
        "failed",
    ]
    names = [child["name"] for child in result["children"]]
    assert names == ["repair-step-1", "repair-step-2", "repair-step-3", "repair-rollback-2", "repair-rollback-1"]
    assert [child["rollback"] for child in result["children"]] == [False, False, False, True, True]
    assert {"PhaseTransition", "StepCompleted"} <= {event["reason"] for event in result["events"]}
    assert result["workflows"][0]["status"]["phase"] == "failed"
    assert len(result["executions"]) == 5
    assert len(result["digest"]) == 32


def test_each_record_is_one_line_of_the_trace() -> None:
    result = run()
    lines = [trace_line(record, result.epoch_ms) for record in result.records]
    assert len(lines) == len(result.records)
    assert any("controller-0   create child    shop/repair-step-1  ok" in line for line in lines)
    assert any("store          modified        WorkflowExecution shop/repair" in line for line in lines)


def test_a_picture_has_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    draw(run(with_=options(FATAL)), tmp_path / "here.svg", "repair")
    script = (
        "import sys; from pathlib import Path; from sim.cli.run import draw;"
        "from tests.unit.sim.support import options, run; from tests.unit.sim.test_report import FATAL;"
        "draw(run(with_=options(FATAL)), Path(sys.argv[1]), 'repair')"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "there.svg")], check=True, timeout=100)
    here = (tmp_path / "here.svg").read_bytes()
    assert here == (tmp_path / "there.svg").read_bytes()
    assert b"<dc:date>" not in here and here.count(b"<path") > 30


def test_a_picture_of_nothing_is_no_accident(tmp_path: Path) -> None:
    draw_timelines([Chart("empty", "failed", "", (), (), 0)], tmp_path / "empty.svg", "empty")
    assert (tmp_path / "empty.svg").stat().st_size > 1_000
