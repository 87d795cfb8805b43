"""The load: what people wait for is read off the status, and measured against what is promised (BR-WF-033)."""

import shlex
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sim.cli import load
from sim.cli.main import app
from sim.driver import EPOCH_MS, Options
from sim.executor.outcomes import Outcomes
from sim.generate import Shape, Wish, calm, generate
from sim.load import LARGE_STEPS, OVERLOAD, copies, drive, pace_of, summed
from sim.scenario import Scenario
from wfexec.crd.files import load_workflows, read_workflows
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings

ROOT = Path(__file__).parents[3]
MANIFEST = str(ROOT / "examples" / "crashloop-bad-image" / "workflow.yaml")
TEN = calm(generate(1, Wish((10, 10), Shape.RANDOM, ("notify-only",))))


def sim(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def ten_steps() -> tuple[WorkflowExecution, ...]:
    return read_workflows(orjson.dumps(TEN.manifest[0]), "ten.json")


def options(took: str = "20s", **settings: object) -> Options:
    outcomes = Outcomes.model_validate({"defaults": {"duration": took}, "cluster": TEN.executor["cluster"]})
    return Options(outcomes=outcomes, settings=Settings.model_validate(settings))


def test_a_thousand_steps_a_minute_and_a_hundred_workflows_at_once() -> None:
    """BR-PERF-006 and 007, with the settings as they are shipped."""
    run = drive(Scenario(copies(ten_steps(), 200), options("5s")), 300)
    found = summed(run.workflows, run.history)
    assert run.complaints == ()
    assert found.events_dropped == 0
    assert found.completed == found.workflows == 200
    assert found.steps == 2_000
    slow = drive(Scenario(copies(ten_steps(), 100), options("2m")), 100)
    assert summed(slow.workflows, slow.history).together == 100
    assert found.steps_per_minute >= 1_000
    assert found.kept


def test_events_that_a_slow_client_holds_back_are_told_in_the_end() -> None:
    run = drive(Scenario(copies(ten_steps(), 5), options("5s", kubernetes_qps=2, kubernetes_burst=2)), 0)
    found = summed(run.workflows, run.history)
    assert [one for one in run.complaints if one.check not in OVERLOAD] == []
    assert (found.completed, found.events_dropped) == (5, 0)
    ended = max(one.status.completion_time or 0 for one in run.workflows)
    assert run.now_ms > ended + 1_000


def test_the_times_of_one_workflow() -> None:
    run = drive(Scenario(ten_steps(), options("20s", max_parallel_steps=1)), 0)
    (workflow,) = run.workflows
    pace = pace_of(workflow)
    assert len(pace.queued) == 10
    assert max(pace.queued) >= 20_000
    assert max(pace.reactions) < 1_000
    assert pace.executed is not None
    assert 200_000 <= pace.executed < 201_000
    assert pace.picked_up is not None
    assert workflow.status.planning_start_time is not None
    assert pace.picked_up == workflow.status.planning_start_time - EPOCH_MS


def test_a_workflow_that_nobody_took_up_has_no_times() -> None:
    (workflow,) = ten_steps()
    assert pace_of(workflow) == (None, None, None, (), ())
    found = summed([workflow], None)
    assert (found.together, found.steps, found.steps_per_minute, found.writes) == (0, 0, 0.0, 0)
    assert [row.kept for row in found.rows] == [None] * 5
    assert found.kept


def test_a_hundred_steps_may_be_planned_for_longer() -> None:
    steps = calm(generate(1, Wish((LARGE_STEPS, LARGE_STEPS), Shape.FAN, ("notify-only",))))
    workflows = read_workflows(orjson.dumps(steps.manifest[0]), "large.json")
    run = drive(Scenario(workflows, options("1s")), 0)
    bounds = {row.promise.title: row.promise.bound_ms for row in summed(run.workflows, run.history).rows}
    assert bounds["planned"] == 1_000
    assert bounds["picked up"] == 5_000


def test_copies_come_in_turn_with_names_of_their_own() -> None:
    first, second = load_workflows(Path(MANIFEST))[0], ten_steps()[0]
    names = [one.metadata.name for one in copies((first, second), 3)]
    assert names == [f"{first.metadata.name}-1", f"{second.metadata.name}-2", f"{first.metadata.name}-3"]


def test_a_load_that_is_carried_is_exit_0_and_one_that_is_not_is_exit_3() -> None:
    carried = sim("load", MANIFEST, "--count", "5", "--json")
    assert carried.exit_code == 0, carried.output
    told = orjson.loads(carried.stdout)
    assert told["completed"] == 5
    assert {row["title"]: row["kept"] for row in told["rows"]} == {
        "picked up": True,
        "planned": True,
        "reaction": True,
        "in the queue": None,
        "executed": None,
    }
    throttled = ("--set", "kubernetes-qps=2", "--set", "kubernetes-burst=4")
    broken = sim("load", MANIFEST, "--count", "10", "--every", "0s", *throttled)
    assert broken.exit_code == 3, broken.output
    assert "BROKEN" in broken.stdout
    assert "all at once" in broken.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("load",), "FILE…"),
        (("load", "nothing.yaml"), "nothing.yaml: No such file"),
        (("load", MANIFEST, "--every", "often"), "--every: 'often' is not a duration"),
        (("load", MANIFEST, "--every", "-3s"), "--every"),
        (("load", MANIFEST, "--count", "0"), "--count"),
        (("load", MANIFEST, "--set", "qps=3"), "no such setting"),
    ],
)
def test_exit_2_for_bad_input(words: tuple[str, ...], said: str) -> None:
    result = sim(*words)
    assert result.exit_code == 2, result.output
    assert said in result.output


def test_the_example_of_its_help_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    words = shlex.split(load.EXAMPLE.removeprefix("Example: wfexec sim "))
    result = sim(*[{"100": "4"}.get(word, word) for word in words])
    assert result.exit_code == 0, result.output
