"""What one attempt leaves behind: status, Events and counts say the same of its end (BR-WF-014, BR-AUTOMATION-002)."""

import pytest

from tests.unit.core.world import HANGS, World, completed, failed, spec, step
from wfexec.core.attempts import classify
from wfexec.model.base import evolve
from wfexec.model.execution import KubernetesExecution
from wfexec.model.meta import Condition
from wfexec.model.phases import ErrorType
from wfexec.model.plan import CountRecord, EventRecord

CALM = {"rollbackStrategy": "none"}


def counted(world: World, family: str) -> list[tuple[tuple[str, ...], float]]:
    return [
        (record.labels, record.value)
        for record in world.records
        if isinstance(record, CountRecord) and record.metric == family
    ]


def told(world: World, reason: str) -> list[str]:
    return [record.message for record in world.records if isinstance(record, EventRecord) and record.reason == reason]


def test_what_the_executor_tried_by_itself_counts_for_a_step_that_succeeds_too() -> None:
    world = World(spec(step(1)))
    world.say("wf-step-1", failed("evicted", retries_attempted=1))
    world.say("wf-step-1-r1", completed(retries_attempted=1))
    world.run()
    assert world.states() == {1: "completed"}
    # One within the first attempt, the second attempt itself, one within it.
    assert world.step(1).retries_attempted == 3


@pytest.mark.parametrize(("text", "state"), [("", "completed"), ("not found", "failed")])
def test_status_names_the_very_child_and_how_long_it_took(text: str, state: str) -> None:
    world = World(spec(step(1), step(2), strategy=CALM))
    world.say("wf-step-1", failed(text, 7_000) if text else completed(7_000))
    world.run()
    one = world.step(1)
    assert (one.status, one.result.execution_time if one.result is not None else None) == (state, 7_000)
    assert one.k8s_execution_ref is not None
    assert (one.k8s_execution_ref.name, one.k8s_execution_ref.uid) == ("wf-step-1", "uid-wf-step-1")


def test_the_event_of_a_retry_says_which_attempt_and_when() -> None:
    world = World(spec(step(1)))
    world.say("wf-step-1", failed("evicted: pod gone"))
    world.run()
    one = world.step(1)
    delay = one.attempts[1].start_time - (one.attempts[0].end_time or 0)
    assert told(world, "StepRetrying") == [f"step 1 (s1): evicted; attempt 2 in {round(delay / 1_000)}s"]
    assert told(world, "StepExecuting") == [
        "step 1 (s1): scale-deployment",
        "step 1 (s1): scale-deployment, attempt 2",
    ]


def test_a_step_that_the_deadline_ends_is_counted_as_a_failed_one() -> None:
    world = World(spec(step(1, maxRetries=3), timeout="1m", strategy=CALM))
    world.say("wf-step-1", HANGS)
    world.run()
    assert (world.states(), world.step(1).error_type) == ({1: "failed"}, "timeout")
    assert counted(world, "kubernaut_workflowexecution_steps_completed_total") == [
        (("recover", "scale-deployment", "failed"), 1.0)
    ]


def test_a_step_that_broke_its_promise_takes_no_place_any_more() -> None:
    """The figures are exact in the very write that says it failed (BR-WF-168)."""
    promise = [{"type": "never", "expr": "false", "required": True, "timeout": "10s"}]
    world = World(spec(step(1, postConditions=promise), step(2)))
    world.say("wf-step-2", completed(60_000))
    world.run()
    written = [plan.status for plan in world.plans if plan.status is not None]
    first = next(each for each in written if each.step_statuses and each.step_statuses[0].status == "failed")
    assert first.step_statuses[1].status == "executing"
    assert first.active_steps == 1


def child_with(condition: Condition, text: str) -> KubernetesExecution:
    world = World(spec(step(1)))
    world.say("wf-step-1", failed(text))
    world.run(stop=lambda one: bool(one.children) and one.children["wf-step-1"].status.phase == "failed")
    child = world.children["wf-step-1"]
    return evolve(child, status=evolve(child.status, conditions=(condition,)))


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        ("False", "insufficient_permissions", ErrorType.PERMISSION_DENIED),
        ("True", "insufficient_permissions", ErrorType.EVICTED),
        ("False", "SomethingOfItsOwn", ErrorType.EVICTED),
    ],
)
def test_a_machine_word_is_believed_where_its_condition_says_no(status: str, reason: str, error: ErrorType) -> None:
    word = Condition(type="Succeeded", status=status, reason=reason, last_transition_time=0)
    assert classify(child_with(word, "evicted: pod gone")) == (error, "evicted: pod gone")
