"""When a step has nothing left to do, and who is never spared (BR-AUTOMATION-001, BR-ORCHESTRATION-001)."""

from typing import Any

import pytest

from tests.unit.core.world import World, default_facts, failed, spec, step
from wfexec.model.facts import AskTarget, Facts, Question, Unknown
from wfexec.model.status import ALREADY_SATISFIED

ADJUSTABLE: dict[str, Any] = {"adaptiveOrchestration": {"dynamicStepAdjustment": True}}
KEPT: dict[str, Any] = {"postConditions": [{"type": "there", "expr": "target.replicas == 3"}]}
BROKEN: dict[str, Any] = {
    "postConditions": [{"type": "there", "expr": "target.replicas == 3"}, {"type": "x", "expr": "1 / 0 == 1"}]
}


def skipped(run: World) -> list[int]:
    return [one.step_number for one in run.workflow.status.step_statuses if one.skip_reason == ALREADY_SATISFIED]


def test_what_waits_for_a_spared_step_goes_on_in_the_same_look() -> None:
    run = World(spec(step(1, **KEPT), step(2, 1, **KEPT), step(3, 2), **ADJUSTABLE)).run()
    assert run.states() == {1: "skipped", 2: "skipped", 3: "completed"}
    assert run.created == ["wf-step-3"]
    assert [one.adjustment_type for one in run.workflow.status.adaptive_adjustments] == ["skip", "skip"]
    assert run.workflow.status.progress == 100


def test_a_workflow_whose_work_is_all_done_is_a_success() -> None:
    run = World(spec(step(1, **KEPT), **ADJUSTABLE)).run()
    result = run.workflow.status.workflow_result
    assert run.workflow.status.phase == "completed"
    assert result is not None and result.outcome == "success"
    assert run.created == []


@pytest.mark.parametrize(
    "more",
    [
        {"criticalStep": True},
        {"continueOnFailure": False},
        BROKEN,
        {"action": "delete-pod", "parameters": {"deletePod": {"namespace": "shop", "podName": "p"}}},
    ],
)
def test_guarded_steps_run(more: dict[str, Any]) -> None:
    run = World(spec(step(1, **{**KEPT, **more}), **ADJUSTABLE)).run()
    assert skipped(run) == []
    assert run.created[0] == "wf-step-1"


@pytest.mark.parametrize("expr", ["steps.s1.outputs.x == 'y'", "steps.s1.status != ''", "size(steps) > 0"])
def test_a_step_that_others_read_runs(expr: str) -> None:
    run = World(spec(step(1, **KEPT), step(2, 1, when=expr), **ADJUSTABLE)).run()
    assert skipped(run) == []


def test_its_target_may_be_read() -> None:
    run = World(spec(step(1, **KEPT), step(2, 1, when="steps.s1.target.replicas == 3"), **ADJUSTABLE)).run()
    assert skipped(run) == [1]
    assert run.states()[2] == "completed"


def test_a_step_that_was_tried_is_tried_again() -> None:
    """Its first try may have done half of the work: the promise speaks of the whole."""
    run = World(spec(step(1, postConditions=[{"type": "there", "expr": "target.replicas == 5"}]), **ADJUSTABLE))
    run.say("wf-step-1", failed("connection refused"))
    run.ineffective.add("wf-step-1")
    run.run()
    assert run.created == ["wf-step-1", "wf-step-1-r1"]
    assert skipped(run) == []


def test_who_may_not_look_does_the_work() -> None:
    run = World(spec(step(1), step(2, 1, **KEPT), **ADJUSTABLE))

    def facts(question: Question) -> Facts:
        hidden = isinstance(question, AskTarget) and run.workflow.status.phase == "executing"
        return Unknown("no right") if hidden else default_facts(question)

    run.facts = facts
    run.run()
    assert skipped(run) == []
    assert "wf-step-2" in run.created


@pytest.mark.parametrize(
    ("condition", "state"),
    [("parallel_with_primary", "completed"), ("after_primary", "completed"), ("if_primary_fails", "skipped")],
)
def test_a_condition_on_a_spared_primary_sees_it_completed(condition: str, state: str) -> None:
    run = World(spec(step(1, **KEPT), step(2, 1, runCondition=condition), **ADJUSTABLE)).run()
    assert run.states() == {1: "skipped", 2: state}


def test_facts_from_before_its_dependencies_ended_say_nothing() -> None:
    promise: dict[str, Any] = {"postConditions": [{"type": "there", "expr": "target.replicas == 5"}]}
    same: dict[str, Any] = {"parameters": {"scaleDeployment": {"namespace": "shop", "deployment": "d1", "replicas": 5}}}
    run = World(spec(step(1), step(2, 1, **promise, **same), **ADJUSTABLE)).run()
    assert run.states() == {1: "completed", 2: "skipped"}
