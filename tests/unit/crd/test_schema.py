"""The CRDs: committed text equals what the types say, and the types say what people rely on."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from wfexec.crd import schema
from wfexec.errors import OurBug

CRDS = Path(__file__).resolve().parents[3] / "crds"


def node(kind: str, *path: str) -> Any:
    """The schema of a field; `[]` is the item of a list."""
    found = schema.crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in path:
        found = found["items"] if part == "[]" else found["properties"][part]
    return found


def test_committed_files_are_the_generated_ones() -> None:
    committed = {str(path.relative_to(CRDS)): path.read_text() for path in CRDS.rglob("*.yaml")}
    assert committed == schema.files(), "run `wfexec crds --out crds`"


def test_generated_text_reads_back_as_the_same_definition() -> None:
    for definition in schema.DEFINITIONS:
        assert yaml.safe_load(schema.crd_yaml(definition.kind)) == schema.crd(definition.kind)


@pytest.mark.parametrize(("kind", "short"), [("WorkflowExecution", "wfe"), ("KubernetesExecution", "ke")])
def test_names_and_columns(kind: str, short: str) -> None:
    spec = schema.crd(kind)["spec"]
    assert spec["names"]["shortNames"] == [short]
    assert spec["names"]["categories"] == ["kubernaut"]
    assert spec["versions"][0]["subresources"] == {"status": {}}
    columns = [column["name"] for column in spec["versions"][0]["additionalPrinterColumns"]]
    assert columns[0] == "Phase"
    assert columns[-1] == "Age"


def test_what_is_left_out_becomes_visible_to_the_person_as_a_default() -> None:
    spec = node("WorkflowExecution", "spec")["properties"]
    assert spec["executionStrategy"]["default"] == {}
    assert spec["executionStrategy"]["properties"]["rollbackStrategy"]["default"] == "automatic"
    assert spec["executionStrategy"]["properties"]["dryRunFirst"]["default"] is True
    assert spec["onCancel"]["default"] == {}
    assert spec["adaptiveOrchestration"]["default"] == {}
    assert "default" not in spec["timeout"]
    assert node("KubernetesExecution", "spec", "timeout")["default"] == "5m"


def test_a_retry_budget_left_out_stays_left_out() -> None:
    assert "default" not in node("WorkflowExecution", "spec", "workflowDefinition", "steps", "[]", "maxRetries")


def test_the_status_has_no_defaults() -> None:
    assert "'default'" not in str(node("WorkflowExecution", "status"))


def test_lists_with_a_key_are_maps() -> None:
    steps = node("WorkflowExecution", "spec", "workflowDefinition", "steps")
    assert steps["x-kubernetes-list-map-keys"] == ["stepNumber"]
    assert steps["maxItems"] == 100
    assert node("WorkflowExecution", "status", "stepStatuses")["x-kubernetes-list-type"] == "map"


def test_a_union_carries_its_rule() -> None:
    parameters = node("WorkflowExecution", "spec", "workflowDefinition", "steps", "[]", "parameters")
    (rule,) = parameters["x-kubernetes-validations"]
    assert all(f"has(self.{member})" in rule["rule"] for member in parameters["properties"])


def test_a_type_that_no_crd_can_hold_is_refused() -> None:
    class Odd(BaseModel):
        either: dict[str, int] | list[int]

    with pytest.raises(OurBug, match="unions of objects"):
        schema.spec_schema(Odd, defaults=False)


def test_an_unknown_mark_is_refused() -> None:
    class Odd(BaseModel):
        pair: tuple[int, str]

    with pytest.raises(OurBug, match="prefixItems"):
        schema.spec_schema(Odd, defaults=False)


def test_there_is_no_crd_of_another_kind() -> None:
    with pytest.raises(OurBug, match="Pod"):
        schema.crd("Pod")
