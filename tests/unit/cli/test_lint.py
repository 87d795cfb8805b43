"""`wfexec lint`: places, forms and ends, as a person, an editor or a code scanner gets them."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.unit.cli.test_commands import EXAMPLE, manifest, wfexec
from wfexec.cli.lint import parse_path
from wfexec.core.rules import RULES

REGRET = """\
apiVersion: workflowexecution.kubernaut.io/v1
kind: WorkflowExecution
metadata: {name: heal}
spec:
  remediationRequestRef: {name: slow}
  workflowDefinition:
    name: heal
    version: v1
    steps:
      - stepNumber: 1
        name: first
        action: restart-deployment
        criticalStep: true
        parameters: {restartDeployment: {namespace: shop, deployment: web}}
"""
# What the SARIF 2.1.0 standard requires of the parts we write; names and types are the standard's.
SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/run"}},
    },
    "$defs": {
        "text": {
            "type": "object",
            "required": ["text"],
            "properties": {"text": {"type": "string", "minLength": 1}},
            "additionalProperties": False,
        },
        "level": {"enum": ["none", "note", "warning", "error"]},
        "rule": {
            "type": "object",
            "required": ["id"],
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string"},
                "shortDescription": {"$ref": "#/$defs/text"},
                "help": {"$ref": "#/$defs/text"},
                "defaultConfiguration": {
                    "type": "object",
                    "properties": {"level": {"$ref": "#/$defs/level"}},
                    "additionalProperties": False,
                },
                "properties": {
                    "type": "object",
                    "properties": {"tags": {"type": "array", "uniqueItems": True, "items": {"type": "string"}}},
                },
            },
        },
        "run": {
            "type": "object",
            "required": ["tool", "results"],
            "additionalProperties": False,
            "properties": {
                "tool": {
                    "type": "object",
                    "required": ["driver"],
                    "properties": {
                        "driver": {
                            "type": "object",
                            "required": ["name"],
                            "properties": {
                                "name": {"type": "string"},
                                "semanticVersion": {"type": "string"},
                                "rules": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/rule"}},
                            },
                            "additionalProperties": False,
                        }
                    },
                },
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
            },
        },
        "result": {
            "type": "object",
            "required": ["message"],
            "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": 0},
                "level": {"$ref": "#/$defs/level"},
                "message": {"$ref": "#/$defs/text"},
                "locations": {"type": "array", "items": {"$ref": "#/$defs/location"}},
                "properties": {"type": "object"},
            },
        },
        "location": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "physicalLocation": {
                    "type": "object",
                    "required": ["artifactLocation"],
                    "additionalProperties": False,
                    "properties": {
                        "artifactLocation": {
                            "type": "object",
                            "properties": {"uri": {"type": "string", "format": "uri-reference"}},
                            "additionalProperties": False,
                        },
                        "region": {
                            "type": "object",
                            "properties": {
                                "startLine": {"type": "integer", "minimum": 1},
                                "startColumn": {"type": "integer", "minimum": 1},
                            },
                            "additionalProperties": False,
                        },
                    },
                },
                "logicalLocations": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"fullyQualifiedName": {"type": "string"}, "kind": {"type": "string"}},
                        "additionalProperties": False,
                    },
                },
            },
        },
    },
}


@pytest.fixture
def regretted(tmp_path: Path) -> Path:
    path = tmp_path / "heal it.yaml"
    path.write_text(REGRET)
    return path


def test_all_findings_of_all_files_are_told_with_line_column_rule_and_field(tmp_path: Path) -> None:
    wrong = manifest(tmp_path, action="scale-deploymnt", dependsOn=[3])
    code, out, err = wfexec("lint", tmp_path / "none.yaml", wrong, EXAMPLE)
    lines = out.splitlines()
    assert (code, err) == (2, "")
    assert lines[0].startswith(f"{tmp_path}/none.yaml: error: schema: ")
    (unknown,) = [line for line in lines if ": unknown_action: " in line]
    file, line, column, rest = unknown.split(":", 3)
    assert file == str(wrong)
    text = wrong.read_text().splitlines()[int(line) - 1][int(column) - 1 :]
    assert text.startswith("action: scale-deploymnt")
    assert rest.startswith(" error: unknown_action: spec.workflowDefinition.steps[1].action: ")
    assert "scale-deployment" in rest
    assert any(": dependency_not_found: " in line and "3" in line for line in lines)
    assert lines[-1].startswith("2 workflows, 3 errors")


def test_what_is_only_regretted_does_not_fail_unless_asked(regretted: Path) -> None:
    code, out, _ = wfexec("lint", regretted)
    assert code == 0
    assert out.splitlines()[0].startswith(f"{regretted}:10:9: warning: critical_without_rollback: ")
    assert out.splitlines()[-1] == "1 workflow, 1 warning"
    assert wfexec("lint", "--strict", regretted)[0] == 1
    assert wfexec("lint", "--strict", "--level", "error", regretted) == (0, "1 workflow, nothing found\n", "")


def test_notes_are_told_when_asked_for(regretted: Path) -> None:
    assert "missing_timeout" not in wfexec("lint", regretted)[1]
    code, out, _ = wfexec("lint", "--level", "note", "--strict", regretted)
    assert code == 1
    assert ": note: missing_timeout: " in out
    assert out.splitlines()[-1] == "1 workflow, 1 warning, 1 note"


@pytest.mark.parametrize(
    ("old", "new", "now"),
    [
        ("remediationRequestRef:", "alertRemediationRef:", "remediationRequestRef"),
        ("criticalStep:", "critical:", "criticalStep"),
    ],
)
def test_an_old_spelling_is_told_with_the_new_one(regretted: Path, old: str, new: str, now: str) -> None:
    regretted.write_text(REGRET.replace(old, new))
    code, out, _ = wfexec("lint", regretted)
    assert code == 2
    assert any(
        ": error: deprecated_spelling: " in line and f"it is called {now} now" in line for line in out.splitlines()
    )


def test_as_json_every_finding_is_an_object_with_all_its_parts(regretted: Path) -> None:
    code, out, _ = wfexec("lint", "--format", "json", regretted)
    (one,) = json.loads(out)
    assert code == 0
    assert (one["line"], one["column"], one["rule"], one["severity"]) == (10, 9, "critical_without_rollback", "warning")
    assert (one["workflow"], one["field"]) == ("heal", "spec.workflowDefinition.steps[0]")
    assert one["fix"] and one["message"] and one["requirement"].startswith("BR-")


def test_sarif_is_what_the_standard_says(tmp_path: Path, regretted: Path) -> None:
    wrong = manifest(tmp_path, action="scale-deploymnt")
    code, out, _ = wfexec("lint", "--format", "sarif", "--level", "note", regretted, wrong)
    log = json.loads(out)
    assert code == 2
    jsonschema_rs.validator_for(SARIF, validate_formats=True).validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.word for rule in RULES]
    assert len(run["results"]) >= 3
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert rules[result["ruleIndex"]]["defaultConfiguration"]["level"] == result["level"]
    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == regretted.as_uri() and "%20" in uri


def test_the_same_files_give_the_same_bytes(regretted: Path) -> None:
    for form in ("text", "json", "sarif"):
        assert wfexec("lint", "--format", form, regretted, EXAMPLE) == wfexec(
            "lint", "--format", form, regretted, EXAMPLE
        )


def test_names_from_a_file_cannot_move_the_cursor(tmp_path: Path) -> None:
    wrong = manifest(tmp_path, name="a\x1b[2Jb", action="nonsense")
    out = wfexec("lint", "--level", "note", wrong)[1]
    assert "\x1b" not in out


def test_a_workflow_from_a_template_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "workflow.yaml"
    head, _, _ = REGRET.partition("  workflowDefinition:")
    path.write_text(head + "  templateRef: {name: restart}\n")
    assert wfexec("lint", "--strict", path) == (0, "1 workflow, nothing found\n", "")
    assert ": note: template_unseen: spec.templateRef: " in wfexec("lint", "--level", "note", path)[1]


TEMPLATE = """\
name: restart
version: 1.0.0
parameters: [{name: deployment, type: string}]
steps:
- {name: one, action: restart-deployment,
   parameters: {restartDeployment: {namespace: shop, deployment: "${deployment}"}}}
"""


@pytest.mark.parametrize(
    ("ref", "template", "code", "told"),
    [
        ("{name: restart, parameters: {deployment: web}}", TEMPLATE, 0, "nothing found"),
        (
            "{name: other}",
            TEMPLATE,
            2,
            "template_not_found: spec.templateRef: template other: there is none of",
        ),
        ("{name: restart, version: 2.0.0}", TEMPLATE, 2, "template restart 2.0.0: there is 1.0.0"),
        ("{name: restart}", TEMPLATE, 2, "template_parameter_missing: spec.templateRef.parameters.deployment: "),
        (
            "{name: restart, parameters: {deployment: web, replica: 2}}",
            TEMPLATE,
            2,
            "6:62: error: template_parameter_unknown: spec.templateRef.parameters.replica: ",
        ),
        (
            "{name: restart, parameters: {deployment: web}}",
            TEMPLATE.replace("action: restart-deployment", "action: restart-deploymnet"),
            2,
            "unknown_action: spec.templateRef: template restart 1.0.0: spec.workflowDefinition.steps[0].action: ",
        ),
        (
            "{name: restart, parameters: {deployment: web}}",
            TEMPLATE.replace("name: one,", "name: one, criticalStep: true, dependsOn: [],"),
            1,
            "template restart 1.0.0: ",
        ),
        (
            "{name: restart}",
            TEMPLATE.replace("version: 1.0.0", "version: one"),
            2,
            "template_invalid: spec.templateRef",
        ),
        (
            "{name: restart}",
            TEMPLATE + "extends: {name: restart, version: 1.0.0}\n",
            2,
            "template_cycle: spec.templateRef: templates extend each other in a circle",
        ),
    ],
)
def test_a_workflow_from_a_template_is_judged_by_its_steps(
    tmp_path: Path, ref: str, template: str, code: int, told: str
) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "restart.yaml").write_text(template)
    path = tmp_path / "workflow.yaml"
    head, _, _ = REGRET.partition("  workflowDefinition:")
    path.write_text(f"{head}  templateRef: {ref}\n")
    found, out, _ = wfexec("lint", "--strict", "--templates", folder, path)
    assert told in out
    assert found == code


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ("updateSecret: {namespace: shop, name: login, dataUpdates: {user: swordfish 7}}", "secret_not_base64"),
        ("updateSecret: {namespace: shop, name: login, dataUpdates: swordfish 7}", "must be a map"),
        ("updateSecret: {namespace: shop, name: login, password: swordfish 7}", "unknown field"),
        ("updateConfigMap: {namespace: shop, name: login, dataUpdates: {db-password: [swordfish 7]}}", "must be text"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_what_nobody_may_read_is_not_told(tmp_path: Path, parameters: str, word: str, form: str) -> None:
    action = "update-secret" if "updateSecret" in parameters else "update-configmap"
    path = tmp_path / "workflow.yaml"
    head, _, _ = REGRET.replace("restart-deployment", action).partition("        parameters:")
    path.write_text(f"{head}        parameters: {{{parameters}}}\n")
    code, out, _ = wfexec("lint", "--format", form, path)
    assert code == 2
    assert word in out
    assert "swordfish" not in out


def test_settings_decide_what_is_refused(regretted: Path) -> None:
    arguments = ["lint", "--level", "error", regretted, "--set"]
    code, out, _ = wfexec(*arguments, "protected-namespaces=shop")
    assert code == 2
    assert "protected_namespace: spec.workflowDefinition.steps[0]: step 'first' works in" in out
    assert wfexec(*arguments, "protected-namespaces=other")[0] == 0


def test_a_folder_without_templates_is_said(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    code, out, err = wfexec("lint", "--templates", empty, EXAMPLE)
    assert (code, out) == (2, "")
    assert "no .yaml, .yml or .json file in this folder" in err


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec.workflowDefinition.steps[12].dependsOn", ("spec", "workflowDefinition", "steps", 12, "dependsOn")),
        (
            "spec.workflowDefinition.dependencies[scale-up.it]",
            ("spec", "workflowDefinition", "dependencies", "scale-up.it"),
        ),
        ('metadata.annotations["a/b"]', ("metadata", "annotations", "a/b")),
        ("", ()),
    ],
)
def test_a_field_in_words_leads_to_the_field(text: str, path: tuple[str | int, ...]) -> None:
    assert parse_path(text) == path
