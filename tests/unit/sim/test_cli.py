"""The commands keep their word: exit codes, what is printed, help that works."""

import shlex
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sim.checkers.complaint import Complaint
from sim.cli import demo, run, whatif
from sim.cli.main import app

ROOT = Path(__file__).parents[3]
MANIFEST = str(ROOT / "examples" / "bad-configmap-rollout" / "workflow.yaml")
STORM = str(ROOT / "examples" / "bad-configmap-rollout" / "eviction-storm.yaml")
STUDY = str(ROOT / "examples" / "studies" / "rollback-policies.yaml")


def sim(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_exit_0_when_everything_completed() -> None:
    result = sim("run", MANIFEST)
    assert result.exit_code == 0, result.output
    assert "completed (success) after" in result.stdout
    assert "\x1b[" not in result.stdout


def test_exit_3_when_a_workflow_failed_and_the_rollback_is_seen() -> None:
    result = sim("run", MANIFEST, "--executor", STORM)
    assert result.exit_code == 3, result.output
    assert "rolling_back: Critical step" in result.stdout
    assert "undone" in result.stdout


def test_exit_3_when_the_time_was_up() -> None:
    result = sim("run", MANIFEST, "--until", "10s")
    assert result.exit_code == 3, result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "nothing.yaml"), "nothing.yaml: No such file"),
        (("run", MANIFEST, "--set", "max-paralel-steps=2"), "did you mean max-parallel-steps?"),
        (("run", MANIFEST, "--set", "max-parallel-steps"), "write it as key=value"),
        (("run", MANIFEST, "--set", "step-timeout=soon"), "'soon' is not a duration"),
        (("run", MANIFEST, "--until", "later"), "--until: 'later' is not a duration"),
        (("run", MANIFEST, "--executor", MANIFEST), "apiVersion"),
        (("run", MANIFEST, "--json", "--trace"), "not both"),
        (
            ("run", MANIFEST, "--svg", "/dev/null/x.svg"),
            "give a file in a folder you may write to (found /dev/null/x.svg)",
        ),
        (("run", MANIFEST, "--svg", str(ROOT)), "--svg: Is a directory"),
        (("run", MANIFEST, MANIFEST), "two of this name in one namespace; rename one (found payments-bad-config)"),
        (("whatif", STUDY, "--runs", "1", "--jobs", "1", "--svg", str(ROOT)), "--svg: Is a directory"),
        (("demo", "--out", "/dev/null/x", "--jobs", "1"), "--out: Not a directory"),
        (("whatif", MANIFEST), "workflows"),
        (("demo", "--examples", "nowhere"), "run the demo in a clone"),
    ],
)
def test_exit_2_for_bad_input_with_the_fix_and_no_traceback(words: tuple[str, ...], said: str) -> None:
    result = sim(*words)
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert "Traceback" not in result.output


def test_exit_1_when_a_checker_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Complaint("S1", 5, "payments/payments-bad-config", "two children for one attempt")
    monkeypatch.setattr("sim.checkers.CHECKERS", (lambda history: [broken],))
    result = sim("run", MANIFEST)
    assert result.exit_code == 1, result.output
    assert "S1 at 5 ms, payments/payments-bad-config: two children for one attempt" in result.output


def test_json_is_one_document() -> None:
    result = sim("run", MANIFEST, "--json")
    assert result.exit_code == 0, result.output
    told = orjson.loads(result.stdout)
    assert {"phases", "children", "events", "workflows", "executions", "digest"} <= told.keys()
    assert told["completed"] is True


def test_a_crash_is_seen_in_the_trace_and_changes_nothing_in_the_end() -> None:
    result = sim("run", MANIFEST, "--trace", "--crash-after-write", "7")
    assert result.exit_code == 0, result.output
    assert "controller-0   crashed" in result.stdout
    assert "controller-0   started again" in result.stdout


def test_a_crash_after_the_last_write_is_none_and_says_so() -> None:
    result = sim("run", MANIFEST, "--crash-after-write", "999")
    assert result.exit_code == 0, result.output
    assert "no crash: the controller made only" in result.stderr


def test_a_setting_reaches_the_controller() -> None:
    result = sim("run", MANIFEST, "--set", "max-parallel-steps=1")
    assert result.exit_code == 0, result.output
    assert "in the queue" in result.stdout


def test_the_picture_is_drawn_and_named(tmp_path: Path) -> None:
    picture = tmp_path / "new" / "run.svg"
    result = sim("run", MANIFEST, "--svg", str(picture))
    assert result.exit_code == 0, result.output
    assert str(picture) in result.stderr and picture.read_bytes().startswith(b"<?xml")


def test_whatif_prints_the_comparison(tmp_path: Path) -> None:
    picture = tmp_path / "policies.svg"
    result = sim("whatif", STUDY, "--runs", "4", "--jobs", "1", "--svg", str(picture))
    assert result.exit_code == 0, result.output
    assert "P(recovered)" in result.stdout and "try longer" in result.stdout
    assert picture.exists()
    as_json = sim("whatif", STUDY, "--runs", "4", "--jobs", "1", "--json")
    told = orjson.loads(as_json.stdout)
    assert [policy["name"] for policy in told["policies"]] == ["give up early", "try longer"]


@pytest.mark.parametrize("example", [run.EXAMPLE, whatif.EXAMPLE, demo.EXAMPLE])
def test_the_example_of_each_help_works(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    words = shlex.split(example.removeprefix("Example: wfexec sim "))
    # The example is written for people; here it need not take as long.
    result = sim(*[{"200": "4"}.get(word, word) for word in words])
    assert result.exit_code == 0, result.output
