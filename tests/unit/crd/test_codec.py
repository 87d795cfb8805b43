"""Reading what the API server sends: parsed once, never a crash, and what does not fit is told apart."""

from typing import Any

import orjson
import pytest

from wfexec.crd import codec, wire
from wfexec.model.base import evolve
from wfexec.model.meta import ObjectMeta, ObjectReference
from wfexec.model.phases import Phase, StepState
from wfexec.model.requests import Change, GetObject, Kind, ObjectKey, Unreadable, WatchSeen
from wfexec.model.status import NO_STATUS, StepStatus, WorkflowExecution, WorkflowExecutionStatus
from wfexec.model.workflow import TemplateRef, WorkflowExecutionSpec


def raw(**changes: Any) -> dict[str, Any]:
    step = {"stepNumber": 1, "name": "look", "action": "verify-health", "timeout": "1m30s", "addedInV2": True}
    metadata = {
        "name": "recover",
        "namespace": "shop",
        "uid": "u-1",
        "resourceVersion": "17",
        "generation": 1,
        "creationTimestamp": "2026-11-21T10:00:00Z",
        "managedFields": [{"manager": "kubectl"}],
    }
    spec = {
        "remediationRequestRef": {"name": "rr"},
        "workflowDefinition": {"name": "d", "version": "1", "steps": [step]},
    }
    return {"metadata": {**metadata, **changes.pop("metadata", {})}, "spec": spec, **changes}


def workflow(decoder: codec.Decoder, **changes: Any) -> WorkflowExecution:
    made = decoder.workflow(raw(**changes))
    assert isinstance(made, WorkflowExecution), made
    return made


def test_unknown_fields_of_the_server_are_ignored_and_times_are_milliseconds() -> None:
    made = workflow(codec.Decoder())
    assert made.spec.workflow_definition is not None
    assert made.spec.workflow_definition.steps[0].timeout == 90_000
    assert made.metadata.creation_timestamp == 1_795_255_200_000
    assert made.status is NO_STATUS


def test_a_status_event_does_not_parse_the_spec_again() -> None:
    decoder = codec.Decoder()
    first = workflow(decoder)
    second = workflow(decoder, metadata={"resourceVersion": "18"}, status={"phase": "planning"})
    assert second.spec is first.spec
    assert second.status.phase == Phase.PLANNING


def test_the_same_version_is_parsed_once_and_the_next_one_anew() -> None:
    decoder = codec.Decoder()
    first = workflow(decoder, status={"phase": "planning"})
    assert workflow(decoder, status={"phase": "planning"}) is first
    assert workflow(codec.Decoder(), status={"phase": "planning"}) == first
    later = workflow(decoder, metadata={"resourceVersion": "18"}, status={"phase": "validating"})
    assert later.status.phase == Phase.VALIDATING
    other = workflow(decoder, metadata={"uid": "u-2"}, status={"phase": "executing"})
    assert other.status.phase == Phase.EXECUTING


def test_what_was_unreadable_is_read_again() -> None:
    decoder = codec.Decoder()
    assert isinstance(decoder.workflow(raw(status={"phase": 5})), Unreadable)
    assert workflow(decoder, status={"phase": "planning"}).status.phase == Phase.PLANNING


def test_a_new_generation_is_parsed() -> None:
    decoder = codec.Decoder()
    first = workflow(decoder)
    changed = raw(metadata={"generation": 2})
    changed["spec"]["suspend"] = True
    second = decoder.workflow(changed)
    assert isinstance(second, WorkflowExecution)
    assert second.spec.suspend
    assert not first.spec.suspend


def test_an_object_that_goes_is_read_as_it_is_shown_though_its_version_is_known() -> None:
    decoder = codec.Decoder()
    held = workflow(decoder, metadata={"finalizers": ["ours"]})
    assert workflow(decoder, metadata={"finalizers": ["ours"]}) is held
    assert workflow(decoder).metadata.finalizers == ()


def test_a_spec_that_nobody_holds_is_forgotten() -> None:
    decoder = codec.Decoder()
    made = workflow(decoder)
    spec = id(made.spec)
    assert workflow(decoder).spec is made.spec
    del made
    assert spec != 0
    assert len(decoder._workflow_specs) == 0


def test_objects_without_identity_share_nothing() -> None:
    decoder = codec.Decoder()
    first, other = workflow(decoder, metadata={"uid": ""}), raw(metadata={"uid": ""})
    other["spec"]["suspend"] = True
    second = decoder.workflow(other)
    assert isinstance(second, WorkflowExecution)
    assert second.spec.suspend != first.spec.suspend


def test_what_does_not_fit_says_where() -> None:
    bad = raw()
    bad["spec"]["workflowDefinition"]["steps"][0]["timeout"] = "soon"
    made = codec.Decoder().workflow(bad)
    assert isinstance(made, Unreadable)
    assert made.kind is Kind.WORKFLOW
    assert made.metadata.name == "recover"
    assert "workflowDefinition.steps.0.timeout" in made.message
    assert "soon" in made.message


def test_many_complaints_are_cut() -> None:
    bad = raw()
    bad["spec"]["workflowDefinition"]["steps"] = [{} for _ in range(40)]
    made = codec.Decoder().workflow(bad)
    assert isinstance(made, Unreadable)
    assert made.message.endswith("(and 118 more)")


def test_metadata_that_does_not_fit() -> None:
    for wrong in ({"uid": 3}, {"generation": "x"}, {"labels": 3}, {"finalizers": "x"}, {"deletionTimestamp": "x"}):
        assert isinstance(codec.Decoder().workflow(raw(metadata=wrong)), Unreadable), wrong
    assert isinstance(codec.Decoder().execution({"metadata": None}), Unreadable)


def test_a_step_state_of_a_later_version_is_not_guessed() -> None:
    status = {"stepStatuses": [{"stepNumber": 1, "action": "x", "status": "hibernating"}]}
    assert isinstance(codec.Decoder().workflow(raw(status=status)), Unreadable)


def test_a_phase_of_a_later_version_survives() -> None:
    assert workflow(codec.Decoder(), status={"phase": "hibernating"}).status.phase == "hibernating"


def test_rendering_leaves_out_what_nobody_set() -> None:
    made = WorkflowExecution(
        metadata=ObjectMeta(name="x", namespace="y"),
        spec=WorkflowExecutionSpec(
            remediation_request_ref=ObjectReference(name="rr"), template_ref=TemplateRef(name="t"), timeout=90_000
        ),
    )
    assert codec.render_workflow(made) == {
        "apiVersion": "workflowexecution.kubernaut.io/v1",
        "kind": "WorkflowExecution",
        "metadata": {"name": "x", "namespace": "y"},
        "spec": {"remediationRequestRef": {"name": "rr"}, "templateRef": {"name": "t"}, "timeout": "1m30s"},
    }


def test_the_first_status_is_one_operation() -> None:
    after = evolve(NO_STATUS, phase=Phase.PLANNING, planning_start_time=0)
    assert codec.status_patch(NO_STATUS, after) == [
        {"op": "add", "path": "/status", "value": {"phase": "planning", "planningStartTime": "1970-01-01T00:00:00Z"}}
    ]


def test_a_step_that_moves_on_is_two_operations() -> None:
    steps = tuple(StepStatus(step_number=number, action="verify-health") for number in (1, 2))
    before = evolve(NO_STATUS, phase=Phase.EXECUTING, step_statuses=steps)
    moved = (steps[0], evolve(steps[1], status=StepState.COMPLETED, end_time=1_500))
    assert codec.status_patch(before, evolve(before, step_statuses=moved)) == [
        {"op": "add", "path": "/status/stepStatuses/1/status", "value": "completed"},
        {"op": "add", "path": "/status/stepStatuses/1/endTime", "value": "1970-01-01T00:00:01.500Z"},
    ]


def test_rendered_values_are_plain_json() -> None:
    steps = (StepStatus(step_number=1, action="verify-health", status=StepState.FAILED),)
    rendered = codec.render_status(evolve(NO_STATUS, step_statuses=steps, phase=Phase.FAILED))
    assert orjson.loads(orjson.dumps(rendered)) == rendered
    assert type(rendered["phase"]) is str


def answered(before: WorkflowExecutionStatus, after: WorkflowExecutionStatus, told: dict[str, Any]) -> bool:
    """The object that a server with this status sends back; whether the status was taken for the one we sent."""
    made = codec.Decoder().patched(raw(status=told), before, after)
    assert isinstance(made, WorkflowExecution)
    assert made == workflow(codec.Decoder(), status=told)
    return made.status is after


BEFORE = WorkflowExecutionStatus(
    phase=Phase.EXECUTING,
    message="going on",
    total_steps=2,
    step_statuses=(StepStatus(step_number=1, action="look"), StepStatus(step_number=2, action="look")),
)
AFTER = evolve(
    BEFORE,
    message="",
    current_step=2,
    execution_start_time=1_795_255_200_125,
    step_statuses=(BEFORE.step_statuses[0], evolve(BEFORE.step_statuses[1], status=StepState.EXECUTING)),
)
TWO = codec.render_status(AFTER)


def test_what_a_patch_brought_back_is_what_was_sent() -> None:
    assert answered(BEFORE, AFTER, TWO)
    assert answered(NO_STATUS, AFTER, TWO)


@pytest.mark.parametrize("before", [BEFORE, NO_STATUS])
@pytest.mark.parametrize(
    "told",
    [
        {**TWO, "message": "going on"},
        {**TWO, "currentStep": 3},
        {name: value for name, value in TWO.items() if name != "executionStartTime"},
        {**TWO, "stepStatuses": TWO["stepStatuses"][:1]},
        {**TWO, "stepStatuses": [*TWO["stepStatuses"], TWO["stepStatuses"][0]]},
        {**TWO, "stepStatuses": [TWO["stepStatuses"][0], {**TWO["stepStatuses"][1], "status": "pending"}]},
        {name: value for name, value in TWO.items() if name != "stepStatuses"},
        {},
    ],
)
def test_what_a_server_left_out_or_changed_of_what_was_sent_is_seen(
    before: WorkflowExecutionStatus, told: dict[str, Any]
) -> None:
    assert not answered(before, AFTER, told)


def test_an_entry_that_was_put_on_top_must_be_there() -> None:
    one = evolve(BEFORE, step_statuses=BEFORE.step_statuses[:1])
    twice = evolve(one, step_statuses=(one.step_statuses[0], one.step_statuses[0]))
    assert answered(one, twice, codec.render_status(twice))
    assert not answered(one, twice, codec.render_status(one))
    assert answered(twice, one, codec.render_status(one))
    assert not answered(twice, one, codec.render_status(twice))


def test_a_list_that_became_longer_or_shorter_on_its_way_is_noticed_though_nothing_of_it_was_sent() -> None:
    going = evolve(BEFORE, message="still going on")
    told = codec.render_status(going)
    assert answered(BEFORE, going, told)
    first, second = told["stepStatuses"]
    for steps in ([first], [first, second, second], []):
        assert not answered(BEFORE, going, {**told, "stepStatuses": steps})


def test_a_read_shows_what_stands_there_whatever_was_taken_for_it() -> None:
    decoder = codec.Decoder()
    taken = decoder.patched(raw(status=codec.render_status(AFTER)), BEFORE, AFTER)
    get = GetObject(ObjectKey(Kind.WORKFLOW, "shop", "recover"))

    def read(status: dict[str, Any]) -> Any:
        return wire.decode(get, 200, orjson.dumps(raw(status=status)), None, decoder).object

    assert read(codec.render_status(AFTER)) is taken
    altered = read({**codec.render_status(AFTER), "message": "altered"})
    assert altered.status.message == "altered"
    echo = wire.decode_watch_line(1, Kind.WORKFLOW, orjson.dumps({"type": "MODIFIED", "object": raw()}), decoder)
    assert isinstance(echo, WatchSeen)
    assert echo.object is altered


def test_the_echo_of_what_was_read_is_known_by_its_version_alone() -> None:
    decoder = codec.Decoder()
    made = workflow(decoder)

    def seen(change: str, **parts: Any) -> WatchSeen:
        told = orjson.dumps({"type": change, "object": raw(**parts)})
        found = wire.decode_watch_line(3, Kind.WORKFLOW, told, decoder)
        assert isinstance(found, WatchSeen)
        return found

    for change in (Change.ADDED, Change.MODIFIED):
        echo = seen(change)
        assert (echo.change, echo.resource_version) == (change, "17")
        assert echo.object is made
    assert seen(Change.DELETED).change is Change.DELETED
    assert seen(Change.MODIFIED, metadata={"resourceVersion": "18"}).resource_version == "18"
    quoting = seen(Change.MODIFIED, metadata={"annotations": {"of": '"resourceVersion":"17"'}, "resourceVersion": "19"})
    assert (quoting.resource_version, quoting.object is made) == ("19", False)
    twice = seen(Change.MODIFIED, metadata={"before": {"resourceVersion": "17"}, "resourceVersion": "20"})
    assert (twice.resource_version, twice.object is made) == ("20", False)
