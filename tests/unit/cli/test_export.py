"""`wfexec export` and `wfexec template export` print what was read, and nothing a cluster added (BR-WF-027)."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.test_commands import wfexec
from wfexec.cli.export import bodies
from wfexec.crd.export import Format, exported, written
from wfexec.crd.files import load_workflows, read_workflows
from wfexec.crd.templates import load_template, read_template

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*/workflow.yaml"))
TEMPLATES = sorted((ROOT / "examples" / "templates").glob("*.yaml"))
LIVED = {
    "apiVersion": "workflowexecution.kubernaut.io/v1",
    "kind": "WorkflowExecution",
    "metadata": {
        "name": "recover",
        "namespace": "shop",
        "uid": "u",
        "resourceVersion": "7",
        "generation": 2,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["f"],
        "managedFields": [],
        "ownerReferences": [{"name": "r"}],
        "labels": {"team": "shop"},
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "workflowexecution.kubernaut.io/approval": "approved",
            "workflowexecution.kubernaut.io/pre-approved": "true",
            "kubernaut.ai/manual-retry": "true",
            "kubernaut.ai/emergency-override": "true",
        },
    },
    "spec": {"suspend": True, "cancel": True, "onCancel": {"children": "delete"}, "variables": {"word": "yes"}},
    "status": {"phase": "completed"},
}


def test_what_a_cluster_added_and_what_was_asked_of_that_life_is_left_out_and_nothing_else_of_the_spec() -> None:
    assert exported(LIVED) == {
        "apiVersion": LIVED["apiVersion"],
        "kind": LIVED["kind"],
        "metadata": {
            "name": "recover",
            "namespace": "shop",
            "labels": {"team": "shop"},
            "annotations": {"workflowexecution.kubernaut.io/pre-approved": "true"},
        },
        "spec": {"onCancel": {"children": "delete"}, "variables": {"word": "yes"}},
    }


def test_what_its_author_wants_of_a_workflow_that_never_lived_is_kept() -> None:
    meta = {"name": "recover", "annotations": {"kubernaut.ai/emergency-override": "true"}}
    written_down = {"apiVersion": "a/v1", "kind": "B", "metadata": meta, "spec": {"suspend": True, "cancel": False}}
    assert exported(written_down) == written_down


def test_who_exports_what_was_paused_is_told_that_it_is_not_any_more(tmp_path: Path) -> None:
    file = tmp_path / "dump.yaml"
    raw = next(one for one in bodies(EXAMPLES[0]) if one["kind"] == "WorkflowExecution")
    raw["metadata"]["uid"] = "u"
    raw["spec"]["suspend"] = True
    file.write_text(written([raw], Format.JSON))
    code, out, err = wfexec("export", file)
    name = raw["metadata"]["name"]
    assert (code, err) == (0, f"{name}: left out, for it was asked of that run: spec.suspend\n")
    assert "suspend" not in out


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("path", EXAMPLES, ids=[path.parent.name for path in EXAMPLES])
def test_a_manifest_is_the_same_in_either_form(path: Path, form: Format) -> None:
    code, out, err = wfexec("export", path, "--format", form.value)
    assert (code, err) == (0, "")
    assert read_workflows(out.encode(), f"again.{form.value}") == load_workflows(path)


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("path", TEMPLATES, ids=[path.stem for path in TEMPLATES])
def test_a_template_is_the_same_in_either_form(path: Path, form: Format) -> None:
    code, out, err = wfexec("template", "export", path, "--format", form.value)
    assert (code, err) == (0, "")
    assert read_template(out.encode(), f"again.{form.value}") == load_template(path)


def test_several_objects_are_a_stream_or_a_list() -> None:
    assert written([{"a": "yes"}, {"b": 1}], Format.YAML) == "a: 'yes'\n---\nb: 1\n"
    assert json.loads(written([{"a": 1}, {"b": 1}], Format.JSON)) == {
        "apiVersion": "v1",
        "kind": "List",
        "items": [{"a": 1}, {"b": 1}],
    }
    assert json.loads(written([{"a": 1}], Format.JSON)) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind: WorkflowExecution\napiVersion: v1\n", "apiVersion"),
        ("a: [", "not YAML"),
        ("", "holds no"),
        ("- 1", "must be an object"),
    ],
)
def test_a_manifest_that_is_none_is_refused(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(text)
    code, _, err = wfexec("export", file)
    assert code == 2
    assert str(file) in err
    assert says in err


def test_a_file_that_is_not_there_is_no_name() -> None:
    code, _, err = wfexec("export", "nothing.yaml")
    assert (code, err) == (2, "nothing.yaml: No such file or directory\n")
