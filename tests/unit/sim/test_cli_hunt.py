"""`wfexec sim generate` and `wfexec sim hunt` keep their word: what is written, what is printed, exit codes."""

import shlex
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sim.cli import generate, hunt
from sim.cli.main import app
from wfexec.core import execute

ROOT = Path(__file__).parents[3]
MANIFEST = str(ROOT / "examples" / "memory-pressure" / "workflow.yaml")


def sim(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def replayed(command: str) -> Result:
    return sim(*shlex.split(command)[2:])


def test_a_case_is_written_and_its_command_plays_it(tmp_path: Path) -> None:
    made = sim("generate", "--seed", "7", "--steps", "4", "--shape", "chain", "--out", str(tmp_path / "case"))
    assert made.exit_code == 0, made.output
    assert sorted(path.name for path in (tmp_path / "case").iterdir()) == [
        "executor.yaml",
        "faults.yaml",
        "workflow.yaml",
    ]
    played = replayed(made.stdout.strip())
    assert played.exit_code in (0, 3), played.output
    assert "controller writes" in played.stdout


def test_many_cases_are_documents_of_one_stream_or_folders(tmp_path: Path) -> None:
    printed = sim("generate", "--seed", "3", "--count", "2")
    assert printed.stdout.count("---\n") == printed.stdout.count("kind: WorkflowExecution") == 2
    made = sim("generate", "--seed", "3", "--count", "2", "--calm", "--out", str(tmp_path))
    assert made.exit_code == 0, made.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3", "4"]
    assert "--faults" not in made.stdout


def test_a_hunt_that_finds_nothing_says_so() -> None:
    result = sim("hunt", "--runs", "3", "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("3 runs: ")
    assert "no promise was broken" in result.stdout


def test_a_defect_is_exit_1_and_its_files_show_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = execute.count_steps

    def careless(draft: object, active: int, queued: int, unfinished: int) -> None:
        """A mutant that breaks at the last step of every workflow."""
        if unfinished == 1:
            raise LookupError("planted")
        real(draft, active, queued, unfinished)  # type: ignore[arg-type]  # the same draft

    monkeypatch.setattr(execute, "count_steps", careless)
    result = sim("hunt", "--runs", "2", "--jobs", "1", "--out", str(tmp_path), "--shrink", "60")
    assert result.exit_code == 1, result.output
    assert "seed 1: LookupError: planted" in result.stdout
    command = result.stdout.splitlines()[-1].removeprefix("replay: ")
    assert isinstance(replayed(command).exception, LookupError)


def test_an_end_that_is_hunted_for_is_exit_0_or_3(tmp_path: Path) -> None:
    found = sim("hunt", "--for", "failure", "--calm", "--jobs", "1", "--json", "--out", str(tmp_path))
    assert found.exit_code == 0, found.output
    told = orjson.loads(found.stdout)["found"]
    assert told["kind"].startswith("failed ")
    assert told["after"] == {"steps": 1, "faults": 0}
    assert replayed(told["replay"]).exit_code == 3
    none = sim("hunt", MANIFEST, "--for", "rollback", "--calm", "--runs", "2", "--jobs", "1", "--json")
    assert none.exit_code == 3, none.output
    assert orjson.loads(none.stdout)["found"] is None


def test_a_remediation_of_ones_own_is_hunted_over() -> None:
    result = sim("hunt", MANIFEST, "--runs", "4", "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert "no promise was broken" in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("generate", "--steps", "12-3"), "--steps: write a number, or least and most"),
        (("generate", "--steps", "-1"), "--steps"),
        (("generate", "--steps", "1-99999999999999999999"), "--steps"),
        (("generate", "--steps", "٣"), "--steps"),
        (("generate", "--action", "scale-deploymnet"), "did you mean scale-deployment"),
        (("generate", "--action", "fly"), "use one of scale-deployment"),
        (("generate", "--out", "/dev/null/x"), "--out"),
        (("hunt", "nothing.yaml"), "nothing.yaml: No such file"),
        (("hunt", MANIFEST, "--executor", MANIFEST), "apiVersion"),
        (("hunt", "--runs", "0"), "--runs"),
        (("hunt", "--out", MANIFEST), "--out: is a file; give a folder"),
        (("hunt", MANIFEST, MANIFEST), "two of this name"),
        (("hunt", "--for", "gold"), "--for"),
        (("run", MANIFEST, "--faults", MANIFEST), "apiVersion"),
        (("run", MANIFEST, "--faults", "none.yaml"), "none.yaml"),
        (("run", MANIFEST, "--faults", "f.yaml", "--crash-after-write", "3"), "write the crash into f.yaml"),
    ],
)
def test_exit_2_for_bad_input_with_the_fix_and_no_traceback(words: tuple[str, ...], said: str) -> None:
    result = sim(*words)
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("example", [generate.EXAMPLE, hunt.EXAMPLE])
def test_the_example_of_each_help_works(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(example.removeprefix("Example: wfexec sim "))
    result = sim(*[{"500": "3"}.get(word, word) for word in words])
    assert result.exit_code == 0, result.output
