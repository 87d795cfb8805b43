"""Whatever a value holds, it survives the way to the API server and back, and only what changed travels."""

from typing import Any

import jsonpatch
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.border_values import INSTANTS, values
from wfexec.crd import codec
from wfexec.crd.tables import render
from wfexec.model.base import evolve
from wfexec.model.execution import KubernetesExecution, KubernetesExecutionStatus
from wfexec.model.phases import StepState
from wfexec.model.requests import Unreadable
from wfexec.model.status import NO_STATUS, StepStatus, WorkflowExecution, WorkflowExecutionStatus


def through_json(raw: dict[str, Any]) -> Any:
    return orjson.loads(orjson.dumps(raw))


def patched(before: Any, operations: list[codec.Operation]) -> Any:
    document = {"metadata": {}, "status": through_json(render(before))}
    if not document["status"]:
        del document["status"]
    return jsonpatch.apply_patch(document, through_json({"all": operations})["all"]).get("status", {})


@settings(max_examples=60)
@given(values(WorkflowExecution))
def test_a_workflow_survives_the_border(workflow: WorkflowExecution) -> None:
    assert codec.Decoder().workflow(through_json(codec.render_workflow(workflow))) == workflow


@settings(max_examples=60)
@given(values(KubernetesExecution))
def test_a_child_survives_the_border(child: KubernetesExecution) -> None:
    assert codec.Decoder().execution(through_json(codec.render_execution(child))) == child


@settings(max_examples=60)
@given(values(WorkflowExecutionStatus), values(WorkflowExecutionStatus))
def test_a_patch_leads_from_any_status_to_any_other(
    before: WorkflowExecutionStatus, after: WorkflowExecutionStatus
) -> None:
    assert patched(before, codec.status_patch(before, after)) == through_json(render(after))


@settings(max_examples=60)
@given(values(KubernetesExecutionStatus), values(KubernetesExecutionStatus))
def test_a_patch_of_a_childs_status_too(before: KubernetesExecutionStatus, after: KubernetesExecutionStatus) -> None:
    assert patched(before, codec.status_patch(before, after)) == through_json(render(after))


@settings(max_examples=60)
@given(values(WorkflowExecutionStatus), st.data())
def test_a_patch_of_one_changed_part_is_right_as_well(status: WorkflowExecutionStatus, data: st.DataObject) -> None:
    other = data.draw(values(WorkflowExecutionStatus))
    name = data.draw(st.sampled_from(sorted(WorkflowExecutionStatus.model_fields)))
    after = evolve(status, **{name: getattr(other, name)})
    assert patched(status, codec.status_patch(status, after)) == through_json(render(after))


@given(values(WorkflowExecutionStatus))
def test_nothing_changed_is_an_empty_patch(status: WorkflowExecutionStatus) -> None:
    again = WorkflowExecutionStatus.model_validate(render(status))
    assert codec.status_patch(status, again) == []
    assert codec.status_patch(status, status) == []


def with_steps(count: int) -> WorkflowExecutionStatus:
    steps = tuple(StepStatus(step_number=number, action="verify-health") for number in range(1, count + 1))
    return evolve(NO_STATUS, phase="executing", step_statuses=steps)


@given(st.integers(10, 99), INSTANTS)
def test_one_changed_step_costs_the_same_in_a_workflow_of_any_size(position: int, at: int) -> None:
    def cost(count: int) -> int:
        before = with_steps(count)
        steps = list(before.step_statuses)
        steps[position] = evolve(steps[position], status=StepState.EXECUTING, start_time=at)
        return len(orjson.dumps(codec.status_patch(before, evolve(before, step_statuses=tuple(steps)))))

    assert cost(100) == cost(200)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
PARTS = st.dictionaries(st.sampled_from(("metadata", "spec", "status", "kind")), JSON)


@given(PARTS)
def test_no_object_of_the_server_can_break_the_decoder(raw: dict[str, Any]) -> None:
    decoder = codec.Decoder()
    assert isinstance(decoder.workflow(raw), Unreadable | WorkflowExecution)
    assert isinstance(decoder.execution(raw), Unreadable | KubernetesExecution)
