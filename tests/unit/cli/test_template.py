"""`wfexec template` and `wfexec import` on the shipped examples: what is printed applies, what is wrong is named."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from wfexec.cli import template
from wfexec.cli.main import app
from wfexec.core.graph import compile_recipe
from wfexec.crd.files import read_workflows
from wfexec.crd.templates import load_template, read_template
from wfexec.model.recipe import Recipe
from wfexec.settings import DEFAULTS

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = ROOT / "examples" / "templates"
ANALYSES = ROOT / "examples" / "analyses"
SETS = {
    "evacuate-node": ["node=n1"],
    "roll-back-bad-release": ["namespace=shop", "deployment=api", "image=api:1"],
    "roll-back-bad-release-careful": ["namespace=shop", "deployment=api", "image=api:1"],
    "scale-under-load": ["namespace=shop", "deployment=api", "replicas=4"],
}

SLOW = "{name: a, action: cordon-node, timeout: 20m, parameters: {cordonNode: {nodeName: n}}}"


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, result.output
    return result.output


def test_every_shipped_template_is_listed_and_sound() -> None:
    listed = run("template", "list", "--dir", str(TEMPLATES))
    assert all(name in listed for name in SETS)
    assert "4 templates, nothing found" in run("template", "validate", str(TEMPLATES))
    assert "nothing found" in run("lint", *(str(path) for path in sorted(TEMPLATES.glob("*.yaml"))))


@pytest.mark.parametrize("name", sorted(SETS))
def test_a_rendered_template_is_a_manifest_that_can_be_planned(name: str) -> None:
    options = [word for each in SETS[name] for word in ("--set", each)]
    text = run("template", "render", name, "--dir", str(TEMPLATES), "-n", "shop", *options)
    (workflow,) = read_workflows(text.encode(), "rendered")
    assert isinstance(compile_recipe(workflow.spec, DEFAULTS), Recipe)


def test_an_analysis_fills_the_parameters_that_name_a_place_in_it() -> None:
    analysis = str(ANALYSES / "recommended-workflow.yaml")
    words = ("template", "render", "scale-under-load:1.0.3", "--dir", str(TEMPLATES), "--from", analysis)
    text = run(*words, "--set", "replicas=4")
    assert "deployment: checkout-api" in text
    assert "replicas: 4" in text


def test_the_workflow_that_an_analysis_recommends_is_imported_as_a_reference() -> None:
    text = run("import", str(ANALYSES / "recommended-workflow.yaml"), "--dir", str(TEMPLATES), "--name", "w")
    (workflow,) = read_workflows(text.encode(), "imported")
    reference = workflow.spec.template_ref
    assert reference is not None
    assert reference.parameters == {"namespace": "payments", "deployment": "checkout-api", "replicas": 8}


@pytest.mark.parametrize("name", ["recommendations.yaml", "structured-actions.json", "primary-and-fallback.json"])
def test_each_shipped_analysis_becomes_a_workflow(name: str) -> None:
    (workflow,) = read_workflows(run("import", str(ANALYSES / name)).encode(), "imported")
    assert isinstance(compile_recipe(workflow.spec, DEFAULTS), Recipe)


def test_what_is_wrong_is_named_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("name: t\nversion: 1.0.0\nsteps: [{name: a, action: scale-deploymnet}]\n")
    assert "did you mean scale-deployment" in run("template", "validate", str(file), code=2)
    assert "did you mean scale-deployment" in run("lint", str(file), code=2)
    file.write_text(f"name: t\nversion: 1.0.0\nsteps: [{SLOW}]\n")
    for command in (("template", "validate"), ("lint",)):
        assert "at most 15m" in run(*command, str(file), code=2)
        assert "nothing found" in run(*command, str(file), "--set", "step-timeout-max=30m")
    file.write_text("name: t\nversion: 1.0.0\ntimeout: 0s\nsteps: [{name: a, action: notify-only}]\n")
    for command in (("template", "validate"), ("lint",)):
        assert " timeout: timeout 0s leaves no time for any step" in run(*command, str(file), code=2)
    assert "namespace: no such setting" in run("template", "validate", str(file), "--set", "namespace=x", code=2)
    words = ("--dir", str(TEMPLATES), "--set", "node=n", "--set", "threshold=x")
    assert "must be a number" in run("template", "render", "evacuate-node", *words, code=2)
    assert "there is evacuate-node:2.0.1" in run("template", "render", "evacuate", *words, code=2)
    file.write_text("recommendations: [{action: nothing}]\n")
    assert "recommendations[0].action" in run("import", str(file), code=2)


def test_the_config_map_of_a_template_holds_it_whole() -> None:
    path = TEMPLATES / "evacuate-node.yaml"
    assert read_template(run("template", "configmap", str(path)).encode(), "printed") == load_template(path)


@pytest.mark.parametrize("command", ["list", "render", "validate", "configmap", "import"])
def test_the_examples_of_the_help_work(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    example = getattr(template, f"{command.upper()}_EXAMPLE").removeprefix("Example: wfexec ")
    assert run(*example.split())


def test_the_committed_schema_is_the_generated_one() -> None:
    assert (ROOT / "docs" / "template.schema.json").read_text() == run("template", "schema"), (
        "run `wfexec template schema > docs/template.schema.json`"
    )


def test_a_folder_that_is_none_is_named_with_the_way_out(tmp_path: Path) -> None:
    assert "there is no such folder" in run("template", "list", "--dir", str(tmp_path / "none"), code=2)
    file = next(TEMPLATES.glob("*.yaml"))
    assert "is a file; give the folder it is in" in run("template", "list", "--dir", str(file), code=2)
