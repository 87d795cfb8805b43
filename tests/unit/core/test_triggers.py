"""Declared conditions that give a workflow up (BR-WF-022)."""

import pytest

from tests.unit.core.world import HANGS, HEALTHY, World, completed, default_facts, failed, spec, step
from wfexec.core.graph import refusals
from wfexec.model.facts import AskTarget, Facts, Question, TargetRef, Unknown
from wfexec.model.plan import CountRecord
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import DEFAULTS


def given(expr: str, *steps: dict[str, object], strategy: str = "automatic") -> WorkflowExecutionSpec:
    rules = {"rollbackStrategy": strategy, "rollbackTriggers": [{"name": "bad", "expr": expr}]}
    return spec(*(steps or (step(1), step(2, 1))), strategy=rules)


def message(world: World, kind: str) -> str:
    return next(one.message for one in world.workflow.status.conditions if one.type == kind)


def test_a_trigger_that_is_true_once_is_not_taken_back_while_what_runs_is_awaited() -> None:
    world = World(given("!('s2' in steps) || steps.s1.target.replicas == 4", step(1), step(2)))
    world.say("wf-step-2", completed(60_000))
    looks = iter(["4"])

    def facts(question: Question) -> Facts:
        if question == AskTarget(TargetRef("Deployment", "shop", "d1")) and world.workflow.status.phase == "executing":
            return HEALTHY._replace(state={**HEALTHY.state, "replicas": next(looks, "3")})
        return default_facts(question)

    world.facts = facts
    world.ineffective = {"wf-step-1", "wf-step-2"}
    world.run()
    assert world.workflow.status.phase == "failed"
    assert world.states() == {1: "completed", 2: "completed"}
    assert message(world, "RollbackTriggered").startswith("bad: ")
    assert world.workflow.status.failure_reason.startswith("rollback_triggered: bad: ")
    counted = [one.labels for one in world.records if isinstance(one, CountRecord) and "rollbacks_total" in one.metric]
    assert counted == [("recover", "validation_failure")]


def test_a_clock_alone_wakes_the_workflow() -> None:
    world = World(given("now - duration('30s') >= timestamp('2026-01-01T00:00:00Z')", step(1)))
    world.say("wf-step-1", HANGS)
    world.run(60_000)
    assert world.workflow.status.phase == "executing"
    assert message(world, "RollbackTriggered").startswith("bad")


@pytest.mark.parametrize("expr", ["steps.s1.result.executionSeconds > 900.0", "steps.s1.target.healthy == false"])
def test_what_has_no_value_does_not_count_and_is_said_once(expr: str) -> None:
    world = World(given(expr))

    def facts(question: Question) -> Facts:
        hidden = isinstance(question, AskTarget) and world.workflow.status.phase == "executing"
        return Unknown("no right") if hidden else default_facts(question)

    world.facts = facts
    world.say("wf-step-1", completed(20_000))
    world.run()
    assert world.reasons().count("RollbackTriggerUnknown") == 1
    assert "RollbackTriggered" not in world.reasons()


def test_a_step_that_failed_for_good_comes_before_any_trigger() -> None:
    world = World(given("steps.s1.status == 'failed'", step(1, criticalStep=True), step(2, 1)))
    world.say("wf-step-1", failed("forbidden"))
    world.run()
    assert world.workflow.status.failure_reason.startswith("step_failed: ")


def test_a_manual_retry_judges_the_triggers_anew() -> None:
    world = World(given("steps.s1.status == 'failed'", strategy="manual"))
    world.say("wf-step-1", failed("forbidden"))
    world.run()
    assert (world.workflow.status.phase, world.states()[2]) == ("failed", "skipped")
    assert world.workflow.status.failure_reason.startswith("rollback_triggered: bad")
    world.bearings = world.bearings._replace(guarded=True)
    world.annotate(manual_retry="true", intervened_by="alice")
    world.run()
    assert world.workflow.status.phase == "completed", world.workflow.status.message


def test_a_trigger_that_cannot_be_compiled_is_refused_with_its_place() -> None:
    (found,) = refusals(given("steps.s9.status == 'failed'"), DEFAULTS)
    assert (found.reason, found.field) == ("reference_unknown", "spec.executionStrategy.rollbackTriggers[0].expr")
    (found,) = refusals(given("1 + 1"), DEFAULTS)
    assert "true or false" in found.message
