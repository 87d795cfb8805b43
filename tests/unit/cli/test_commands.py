"""Do the commands say what a person needs, with the right exit code and without a traceback?"""

import json
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from wfexec.adapters import catalogue, config
from wfexec.cli import commands
from wfexec.cli.main import app
from wfexec.core import signs
from wfexec.crd import schema
from wfexec.errors import OurBug

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "crashloop-bad-image" / "workflow.yaml"


def wfexec(*args: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    done = CliRunner().invoke(app, [str(arg) for arg in args])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def manifest(folder: Path, **step: object) -> Path:
    """A workflow of two steps; `step` changes the second."""
    scale = {"scaleDeployment": {"namespace": "shop", "deployment": "web", "replicas": 2}}
    steps: list[dict[str, object]] = [
        {"stepNumber": 1, "name": "grow", "action": "scale-deployment", "parameters": scale},
        {"stepNumber": 2, "name": "grow-more", "action": "scale-deployment", "parameters": scale, "dependsOn": [1]}
        | step,
    ]
    content = {
        "apiVersion": "workflowexecution.kubernaut.io/v1",
        "kind": "WorkflowExecution",
        "metadata": {"name": "heal", "namespace": "shop"},
        "spec": {
            "remediationRequestRef": {"name": "parent"},
            "workflowDefinition": {"name": "heal-web", "version": "v1", "steps": steps},
        },
    }
    path = folder / "workflow.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_version_is_the_packages() -> None:
    code, out, _ = wfexec("--version")
    assert code == 0
    assert re.fullmatch(r"wfexec \d+\.\d+\.\d+\S*\n", out)


def test_crds_prints_both_kinds_as_they_are_committed(tmp_path: Path) -> None:
    code, out, _ = wfexec("crds")
    assert code == 0
    kinds = [document["spec"]["names"]["kind"] for document in yaml.safe_load_all(out)]
    assert kinds == ["WorkflowExecution", "KubernetesExecution"]
    assert wfexec("crds", "--out", tmp_path)[0] == 0
    written = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.yaml")}
    assert written == schema.files()


def test_crds_into_a_folder_that_cannot_be_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = wfexec("crds", "--out", tmp_path / "file")
    assert code == 2
    assert "give a folder you may write to" in err


def test_lint_finds_no_error_in_the_examples() -> None:
    files = sorted((ROOT / "examples").glob("*/workflow.yaml"))
    assert len(files) >= 5
    assert wfexec("lint", "--level", "error", *files) == (0, f"{len(files)} workflows, nothing found\n", "")


def test_a_plan_is_drawn_for_people() -> None:
    code, out, _ = wfexec("graph", EXAMPLE)
    assert code == 0
    assert out.splitlines()[1] == "batch 1"
    assert out.splitlines()[-1].startswith("critical path: 1 → ")


def test_a_plan_as_json_uses_the_resources_own_words(tmp_path: Path) -> None:
    code, out, _ = wfexec("graph", manifest(tmp_path), "--format", "json")
    assert code == 0
    (plan,) = json.loads(out)
    assert plan["batches"] == [[1], [2]]
    assert plan["criticalPath"] == [1, 2]
    assert plan["strategy"] == "sequential"
    assert plan["steps"][1]["dependsOn"] == [1]
    assert plan["steps"][0]["timeout"] == "5m"


@pytest.mark.parametrize(
    ("form", "edge", "label"),
    [
        ("mermaid", "  s1 --> s2", '  s2["2 a#quot;b#lt;c�<br/>scale-deployment"]'),
        ("dot", "  s1 -> s2", '  s2 [label="2 a\\"b<c�\\nscale-deployment", penwidth=3]'),
    ],
)
def test_pictures_hold_edges_and_survive_hostile_names(tmp_path: Path, form: str, edge: str, label: str) -> None:
    code, out, _ = wfexec("graph", manifest(tmp_path, name='a"b<c\x1b'), "--format", form)
    assert code == 0
    assert edge in out.splitlines()
    assert label in out.splitlines()


def test_a_plan_that_is_refused_cannot_be_drawn(tmp_path: Path) -> None:
    code, out, err = wfexec("graph", manifest(tmp_path, dependsOn=[2]))
    assert (code, out) == (2, "")
    assert "spec.workflowDefinition" in err
    assert "Traceback" not in err


def test_the_references_are_those_of_the_pages() -> None:
    assert wfexec("reference", "settings")[1] == config.reference()
    assert wfexec("reference", "metrics")[1] == catalogue.reference()
    assert wfexec("reference", "events")[1] == signs.reference()


def test_run_refuses_wrong_settings_before_it_looks_for_a_cluster() -> None:
    code, _, err = wfexec("run", "--set", "workers=0", "--log-level", "loud")
    assert code == 2
    assert "--log-level: log-level: " in err
    assert "--set: workers: " in err


def test_run_without_a_cluster_says_what_to_give(tmp_path: Path) -> None:
    code, _, err = wfexec("run", "--kubeconfig", tmp_path / "none")
    assert code == 2
    assert "give --kubeconfig FILE" in err


def test_nothing_asked_is_answered_with_help() -> None:
    code, out, err = wfexec()
    assert code == 2
    assert "Commands:" in out + err


@pytest.mark.parametrize("group", [(), ("sim",), ("template",)])
def test_no_summary_is_cut_short(group: tuple[str, ...]) -> None:
    listed = wfexec(*group, "--help")[1].partition("Commands:")[2]
    assert len(listed.splitlines()) > 4
    assert "..." not in listed


def examples() -> list[tuple[str, list[str]]]:
    """The commands that --help shows, but for `run` (needs a cluster) and what a shell does behind a pipe."""
    found = []
    for name in ("crds", "lint", "graph", "reference"):
        help_text = " ".join(wfexec(name, "--help")[1].split())
        example = help_text.partition("Example: wfexec ")[2].partition(" | ")[0]
        found.append((name, example.split()))
    return found


@pytest.mark.parametrize(("name", "arguments"), examples())
def test_the_example_in_each_help_works(name: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    expanded = [each for part in arguments for each in (sorted(map(str, Path().glob(part))) if "*" in part else [part])]
    assert expanded[0] == name
    assert wfexec(*expanded)[0] == 0


def test_the_example_of_run_has_only_options_that_exist() -> None:
    help_text = wfexec("run", "--help")[1]
    example = help_text.partition("Example: wfexec ")[2]
    options = re.findall(r"--[a-z-]+", example)
    assert len(options) >= 3
    assert [option for option in options if option not in help_text.partition("Example:")[0]] == []


def given_points(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    points = [EntryPoint("extra", value, commands.GROUP) for value in values]
    monkeypatch.setattr(commands, "entry_points", lambda group: points if group == commands.GROUP else [])


@pytest.mark.parametrize("value", ["no_such_module:app", "json:no_such_name", "json:dumps"])
def test_a_missing_extra_is_one_sentence_and_takes_nothing_along(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given_points(monkeypatch, value)
    code, out, err = wfexec("extra", "run", "--seed", "1")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "install wfexec[extra]" in err
    assert wfexec("--help")[0] == 0
    assert wfexec("--version")[0] == 0


extra = typer.Typer()


@extra.command()
def defect() -> None:
    raise OurBug("two and two make five")


def test_commands_of_other_packages_are_added_and_their_defects_end_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    given_points(monkeypatch, f"{__name__}:extra")
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__, sys.modules["__main__"]))
    code, _, err = wfexec("extra")
    assert code == 1
    assert "a defect of ours, please report it: two and two make five" in err


def test_as_a_process_it_is_plain_and_ends_with_2_on_bad_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wfexec", "lint", str(tmp_path / "none.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "none.yaml" in done.stdout
