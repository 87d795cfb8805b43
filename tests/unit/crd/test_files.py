"""What a person is told about a file: file and line, field path, value, and the fix; all of it at once."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from wfexec.crd import checks, files
from wfexec.crd.documents import parse_documents
from wfexec.crd.schema import DEFINITIONS, spec_schema
from wfexec.errors import BadInput
from wfexec.model.execution import KubernetesExecution
from wfexec.model.workflow import StepCondition

GOOD = """\
apiVersion: workflowexecution.kubernaut.io/v1
kind: WorkflowExecution
metadata:
  name: recover-checkout
  labels: {team: shop}
spec:
  remediationRequestRef: {name: checkout-memory-pressure}
  variables: {replicas: 4, strict: true, ratio: 0.5, word: "yes"}
  workflowDefinition:
    name: recover-checkout
    version: "1.0"
    steps:
      - stepNumber: 1
        name: scale out
        action: scale-deployment
        timeout: 5m
        parameters:
          scaleDeployment: {namespace: shop, deployment: checkout, replicas: 4}
"""


def findings(text: str, source: str = "wf.yaml") -> list[str]:
    with pytest.raises(BadInput) as caught:
        files.read_workflows(text.encode(), source)
    return [str(finding) for finding in caught.value.findings]


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "wf.yaml"
    path.write_text(GOOD)
    (workflow,) = files.load_workflows(path)
    assert workflow.metadata.name == "recover-checkout"
    assert workflow.spec.variables == {"replicas": 4, "strict": True, "ratio": 0.5, "word": "yes"}
    assert workflow.spec.workflow_definition is not None
    assert workflow.spec.workflow_definition.steps[0].timeout == 300_000


def test_json_says_the_same_as_yaml() -> None:
    text = orjson.dumps(yaml.safe_load(GOOD))
    assert files.read_workflows(text, "wf.json") == files.read_workflows(GOOD.encode(), "wf.yaml")
    assert files.read_workflows(text, "stdin") == files.read_workflows(GOOD.encode(), "wf.yaml")


def test_several_documents_with_companions_and_lists() -> None:
    parent = "apiVersion: remediation.kubernaut.io/v1alpha1\nkind: RemediationRequest\nmetadata: {name: rr}\n"
    items = "".join(f"  {line}\n" for line in f"- {GOOD.replace(chr(10), chr(10) + '  ')}".splitlines())
    several = f"{parent}---\n{GOOD}---\napiVersion: v1\nkind: List\nitems:\n{items}"
    assert len(files.read_workflows(several.encode(), "wf.yaml")) == 2


def test_a_child_may_stand_in_a_file_too() -> None:
    text = """\
apiVersion: kubernetesexecution.kubernaut.io/v1
kind: KubernetesExecution
metadata: {name: recover-step-1}
spec: {workflowExecutionRef: {name: recover}, stepNumber: 1, action: scale_deployment}
status: {phase: completed, executionResults: {success: true, duration: 3s}}
"""
    (child,) = files.read_objects(text.encode(), "ke.yaml")
    assert isinstance(child, KubernetesExecution)
    assert child.status.execution_results is not None
    assert child.status.execution_results.duration == 3_000


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "timeout: 5m",
            "timeout: -5m",
            "wf.yaml:16: spec.workflowDefinition.steps[0].timeout: '-5m' is not a duration",
        ),
        ("timeout: 5m", "timeout: 30", "steps[0].timeout: must be text with a unit, like 30s, 5m or 1h30m (found 30)"),
        ("timeout: 5m", "timeout: 9999h", "steps[0].timeout: '9999h' is outside 0s..2400h"),
        ("timeout: 5m", "timeuot: 5m", "steps[0].timeuot: unknown field; did you mean timeout?"),
        ("timeout: 5m", "max_retries: 3", "steps[0].max_retries: unknown field; did you mean maxRetries?"),
        ("timeout: 5m", "zzz: 3", "steps[0].zzz: unknown field; remove it (found 3)"),
        ("timeout: 5m", "maxRetries: 11", "steps[0].maxRetries: must be less than or equal to 10 (found 11)"),
        ("timeout: 5m", "maxRetries: '3'", 'steps[0].maxRetries: must be a whole number (found "3")'),
        ("timeout: 5m", "criticalStep: 1", "steps[0].criticalStep: must be true or false (found 1)"),
        ("timeout: 5m", "dependsOn: 1", "steps[0].dependsOn: must be a list (found 1)"),
        ("timeout: 5m", "dependsOn: [2, 2]", "steps[0].dependsOn[1]: is there twice"),
        ("timeout: 5m", "when: ''", "steps[0].when: must have at least 1 character"),
        ("timeout: 5m", "runCondition: after_primry", "did you mean after_primary?"),
        ('version: "1.0"', "version: 1.0", "version: must be text; put it in quotes (found 1.0)"),
        ("replicas: 4}\n", "replicas: 1001}\n", "scaleDeployment.replicas: must be less than or equal to 1000"),
        ("{replicas: 4,", "{replicas: [4],", "spec.variables.replicas: must be text, a number or true/false"),
        ("name: recover-checkout\n  labels", "labels", "metadata.name: must be text of 1 to 253 letters"),
        (
            "name: recover-checkout\n  labels",
            "name: Bad_Name!\n  labels",
            "metadata.name: must be small letters, digits",
        ),
        ("{team: shop}", "{team: 4}", "metadata.labels.team: must be text; put it in quotes (found 4)"),
        ("{team: shop}", "[team]", "metadata.labels: must be a map of text (found a list of 1)"),
        ("labels:", "lables:", "metadata.lables: unknown field; did you mean labels?"),
        ("remediationRequestRef:", "alertRemediationRef:", "it is called remediationRequestRef now"),
        ("  variables:", "  suspended: true\n  variables:", "spec.suspended: unknown field; it is called suspend now"),
        ("scaleDeployment: {", "cordonNode: {nodeName: n}\n          scaleDeployment: {", "set exactly one of scale"),
        ("kind: WorkflowExecution", "kind: WorkflowExecutions", "kind: did you mean WorkflowExecution?"),
        ("kind: WorkflowExecution", "kind: Deployment", 'kind: must be WorkflowExecution (found "Deployment")'),
        ("kind: WorkflowExecution", "kind: AlertRemediation", "kind: it is called RemediationRequest now"),
        ("workflowexecution.kubernaut.io/v1", "workflow.kubernaut.io/v1", "apiVersion: must be workflowexecution."),
        ("spec:", "Spec:", "Spec: unknown field; did you mean spec?"),
    ],
)
def test_each_mistake_names_place_value_and_fix(old: str, new: str, expected: str) -> None:
    told = findings(changed(old, new))
    assert any(expected in finding for finding in told), told
    assert all(finding.startswith("wf.yaml:") for finding in told)


@pytest.mark.parametrize(("old", "new"), [("rbac-check", "rbac"), ("resource-availability", "health")])
def test_old_words_for_safety_checks(old: str, new: str) -> None:
    strategy = f"  executionStrategy: {{safetyChecks: [{{type: {old}}}]}}\n  variables:"
    (told,) = findings(changed("  variables:", strategy))
    assert f"it is called {new} now" in told


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = changed("timeout: 5m", "timeout: 30").replace("{team: shop}", "{team: 1}").replace("name: scale out", "")
    told = findings(text)
    assert [each.split(":")[1] for each in told] == sorted((each.split(":")[1] for each in told), key=int)
    assert len(told) == 3


def test_a_step_number_twice() -> None:
    second = "      - {stepNumber: 1, name: again, action: verify-health}\n"
    (told,) = findings(GOOD + second)
    assert told == "wf.yaml:19: spec.workflowDefinition.steps[1].stepNumber: is there twice; each once only (found 1)"


def test_all_steps_wrong_is_not_called_no_steps() -> None:
    told = findings(changed("        action: scale-deployment\n", ""))
    assert told == ["wf.yaml:13: spec.workflowDefinition.steps[0].action: is required"]


def test_neither_definition_nor_template() -> None:
    text = GOOD[: GOOD.index("  workflowDefinition")]
    assert findings(text) == ["wf.yaml:6: spec: set exactly one of workflowDefinition, templateRef; none is set"]


def test_a_file_without_workflows() -> None:
    assert findings("") == ["wf.yaml: holds no WorkflowExecution"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        files.load_workflows(tmp_path / "absent.yaml")
    with pytest.raises(BadInput, match="Is a directory"):
        files.load_workflows(tmp_path)


@pytest.mark.parametrize(
    "metadata",
    [
        "3",
        "{name: x, finalizers: 5}",
        "{name: x, finalizers: [{}]}",
        "{name: x, uid: 3}",
        "{name: x, generation: one}",
        "{name: x, creationTimestamp: today}",
        "{name: x, ownerReferences: [{name: y}]}",
        "{name: x, ownerReferences: 3}",
        "{name: [x]}",
    ],
)
def test_wrong_metadata(metadata: str) -> None:
    body = "spec: {remediationRequestRef: {name: r}, templateRef: {name: t}}"
    kind = "apiVersion: workflowexecution.kubernaut.io/v1\nkind: WorkflowExecution"
    assert findings(f"{kind}\nmetadata: {metadata}\n{body}\n")


def test_names_with_odd_letters_are_shown_in_brackets() -> None:
    (told,) = findings(changed("{team: shop}", '{"kubernaut.ai/team": 4}'))
    assert told.startswith('wf.yaml:5: metadata.labels["kubernaut.ai/team"]: ')


def test_other_shapes_of_ours_are_read_as_strictly() -> None:
    document = parse_documents(b"conditions: [{type: x, expr: 'true', timeout: 5}]", "policy.yaml")[0]
    with pytest.raises(BadInput, match=r"policy.yaml:1: conditions\[0\].timeout: must be text with a unit"):
        files.read_value(StepCondition, document, ("conditions", 0))


def rules_in(schema: Any) -> list[str]:
    """All CEL rules of a schema."""
    if isinstance(schema, dict):
        own = [each["rule"] for each in schema.get("x-kubernetes-validations", ())]
        return own + [rule for value in schema.values() for rule in rules_in(value)]
    return [rule for value in schema for rule in rules_in(value)] if isinstance(schema, list) else []


def test_every_rule_of_the_crds_is_checked_in_files_too() -> None:
    known = {rule for model in (*checks.CHECKS, *checks.TRANSITIONS_ONLY) for rule in own_rules(model)}
    for definition in DEFINITIONS:
        spec = definition.model.model_fields["spec"].annotation
        status = definition.model.model_fields["status"].annotation
        for part in (spec, status):
            assert isinstance(part, type)
            assert set(rules_in(spec_schema(part, defaults=False))) <= known


def own_rules(model: Any) -> list[str]:
    return [each["rule"] for each in model.model_json_schema().get("x-kubernetes-validations", ())]
