"""How long may a workflow take, by `wfexec plan`: whose word is it, and what may change it (BR-WF-TIMEOUT-001)."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.test_commands import manifest, wfexec
from tests.unit.cli.test_plan import deployment, objects, planned
from wfexec.crd.files import load_workflows

PARENT = {"apiVersion": "remediation.kubernaut.io/v1alpha1", "kind": "RemediationRequest"}


def parent(name: str = "slow", limit: str | None = "25m", **meta: str) -> dict[str, Any]:
    config = {} if limit is None else {"timeoutConfig": {"workflowExecutionTimeout": limit}}
    return {**PARENT, "metadata": {"name": name, "namespace": "default", **meta}, "spec": config}


def limited(tmp_path: Path, *world: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """What the plan says of the workflow's time, against these objects if there are any."""
    file = manifest(tmp_path)
    body = yaml.safe_load(file.read_text())
    body["spec"] |= spec | {"remediationRequestRef": {"name": "slow"} | spec.pop("ref", {})}
    body["metadata"].pop("namespace", None)
    file.write_text(yaml.safe_dump(body))
    more = ("--against", objects(tmp_path, deployment(), *world)) if world else ()
    _, told = planned(file, "--runs", 0, *more)
    found: dict[str, Any] = told["limit"]
    return found


OWN = "its number of steps, 2"
GIVES = {"timeout": "25m", "by": "workflowExecutionTimeout of RemediationRequest 'slow'", "but": None}


def test_the_time_of_a_workflow_is_named_with_whose_word_it_is(tmp_path: Path) -> None:
    assert limited(tmp_path, timeout="7m") == {"timeout": "7m", "by": "spec.timeout", "but": None}
    assert limited(tmp_path, parent(), timeout="7m")["by"] == "spec.timeout"
    assert limited(tmp_path, parent()) == GIVES
    assert limited(tmp_path, parent(uid="u-1"), ref={"uid": "u-1"}) == GIVES


@pytest.mark.parametrize(
    ("world", "ref", "but"),
    [
        ((), {}, "RemediationRequest 'slow' may give another time: it is not looked up here"),
        ((deployment("b"),), {}, "may give another time: a file of objects says nothing of that"),
        ((parent("other"),), {}, "RemediationRequest 'slow' does not exist, or is another one of that name"),
        ((parent(uid="u-1"),), {"uid": "u-2"}, "does not exist, or is another one of that name"),
        ((parent(limit=None),), {}, "RemediationRequest 'slow' gives no time"),
        ((parent(limit="0s"),), {}, "RemediationRequest 'slow' gives no time"),
        ((parent(limit="a while"),), {}, "workflowExecutionTimeout: 'a while' is not a duration"),
        ((parent(),), {"namespace": "far"}, "is in namespace far"),
    ],
)
def test_where_the_parent_does_not_decide_the_plan_says_why(
    tmp_path: Path, world: tuple[dict[str, Any], ...], ref: dict[str, str], but: str
) -> None:
    found = limited(tmp_path, *world, ref=ref)
    assert (found["timeout"], found["by"]) == ("10m", OWN)
    assert but in found["but"]


def test_a_parent_that_lives_keeps_no_plan_from_being_judged(tmp_path: Path) -> None:
    """Naming it as the owner is a decision of its own, before the checks."""
    file = manifest(tmp_path)
    (workflow,) = load_workflows(file)
    given = parent(workflow.spec.remediation_request_ref.name, namespace="shop", uid="u-1")
    code, told = planned(file, "--against", objects(tmp_path, given, deployment("other")), "--runs", 0)
    assert (code, told["limit"]["timeout"]) == (3, "25m")
    assert "Deployment shop/web does not exist" in told["refused"]


def test_a_parent_in_the_same_file_is_the_one_that_will_be_applied(tmp_path: Path) -> None:
    file = manifest(tmp_path)
    (workflow,) = load_workflows(file)
    given = parent(
        workflow.spec.remediation_request_ref.name, "30s", namespace=workflow.metadata.namespace or "default"
    )
    file.write_text(f"{file.read_text()}\n---\n{yaml.safe_dump(given)}")
    _, told = planned(file, "--runs", 0)
    assert told["limit"]["timeout"] == "30s"
    assert any("the longest chain of steps usually takes" in text for text in told["warnings"])
    code, out, _ = wfexec("plan", file, "--runs", 0)
    assert code == 0
    assert "time: 30s from the first step on, by workflowExecutionTimeout of RemediationRequest" in out
