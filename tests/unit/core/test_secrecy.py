"""What a workflow's parameters keep secret stands in no text that is written about it; all else stays what it was."""

import base64
from typing import Any

import pytest

from tests.unit.sim.support import manifest
from wfexec.core.secrecy import hide, hide_changes, hide_in, hide_records, secrets_of
from wfexec.model.base import evolve
from wfexec.model.meta import Condition
from wfexec.model.phases import StepState
from wfexec.model.plan import CountRecord, EventRecord, LogRecord, Record
from wfexec.model.redact import MARK
from wfexec.model.status import AttemptStatus, StepExecutionResult, StepStatus, WorkflowExecutionStatus

SECRET = "c4n4ry-in-the-mine"
CODED = base64.b64encode(SECRET.encode()).decode()


def held(parameters: dict[str, Any], **step: object) -> tuple[str, ...]:
    workflow = manifest([{"action": "update-secret", "parameters": parameters, **step}])
    definition = workflow.spec.workflow_definition
    assert definition is not None
    return secrets_of(definition.steps)


def data(**updates: str) -> dict[str, object]:
    return {"namespace": "shop", "name": "login", "dataUpdates": updates}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"updateSecret": data(user=SECRET)}, (SECRET,)),
        ({"updateSecret": data(user=CODED)}, (CODED, SECRET)),
        ({"updateConfigMap": data(mode="careful", DB_PASSWORD=SECRET)}, (SECRET,)),
        ({"custom": {"actionType": "notify-only", "config": {"apiToken": SECRET, "to": "somebody"}}}, (SECRET,)),
        ({"updateSecret": data(user="abc")}, ()),
        ({"updateSecret": data(user="{{ steps.a.outputs.token }}")}, ()),
        ({"scaleDeployment": {"namespace": "shop", "deployment": "d", "replicas": 3}}, ()),
    ],
    ids=["plain", "base64", "named key", "custom", "too short", "a reference", "nothing secret"],
)
def test_secrets_are_what_a_secret_holds_and_what_a_key_calls_so(
    parameters: dict[str, object], expected: tuple[str, ...]
) -> None:
    assert held(parameters) == expected


def test_how_a_step_is_undone_may_hold_secrets_too() -> None:
    undo = {"action": "notify-only", "parameters": {"custom": {"actionType": "x", "config": {"password": SECRET}}}}
    scale = {"scaleDeployment": {"namespace": "shop", "deployment": "d", "replicas": 3}}
    assert held(scale, rollbackSpec=undo) == (SECRET,)


def test_the_longest_goes_first_so_that_none_leaves_a_rest() -> None:
    assert hide("secret-and-more secret", ("secret-and-more", "secret")) == f"{MARK} {MARK}"


def test_texts_are_cleared_and_names_numbers_and_words_are_not() -> None:
    step = StepStatus(
        step_number=1,
        name="canary",
        action="canary",
        status=StepState.FAILED,
        error_message="no canary here",
        attempts=(AttemptStatus(name="canary", phase="failed", start_time=0, error="canary"),),
        result=StepExecutionResult(success=False, outputs={"canary": "a canary"}, warnings=("canary!",)),
        pre_state={"replicas": "canary"},
    )
    hidden = hide_in(step, ("canary",))
    assert (hidden.name, hidden.action, hidden.pre_state) == ("canary", "canary", {"replicas": "canary"})
    assert hidden.error_message == f"no {MARK} here"
    assert (hidden.attempts[0].name, hidden.attempts[0].error) == ("canary", MARK)
    assert hidden.result.outputs == {"canary": f"a {MARK}"}
    assert hidden.result.warnings == (f"{MARK}!",)


def test_a_value_without_secrets_is_the_very_same() -> None:
    step = StepStatus(step_number=1, action="x", error_message="all is well")
    assert hide_in(step, ("canary",)) is step
    steps = (step, evolve(step, step_number=2))
    assert hide_in(steps, ("canary",)) is steps


def test_changes_of_a_status_are_cleared_in_place() -> None:
    condition = Condition(type="Degraded", status="True", reason="x", message="canary", last_transition_time=0)
    changes = {"message": "a canary", "phase": "failed", "conditions": (condition,), "progress": 3}
    hide_changes(WorkflowExecutionStatus, changes, ("canary",))
    assert changes["message"] == f"a {MARK}"
    assert changes["conditions"] == (evolve(condition, message=MARK),)
    assert (changes["phase"], changes["progress"]) == ("failed", 3)


def test_events_and_logs_are_cleared() -> None:
    records: list[Record] = [
        EventRecord("Normal", "StepFailed", "canary"),
        LogRecord("info", "canary", (("why", "canary"),)),
        CountRecord("workflowexecution_created_total", ()),
    ]
    assert hide_records(records, ("canary",)) == [
        EventRecord("Normal", "StepFailed", MARK),
        LogRecord("info", MARK, (("why", MARK),)),
        records[2],
    ]
