"""What is watched after the last step: alerts, postconditions, the expected end (BR-WF-050, BR-WF-051)."""

from typing import Any

import pytest

from tests.unit.core.world import HEALTHY, START, World, default_facts, failed, spec, step
from wfexec.core.decide import decide
from wfexec.core.graph import compile_recipe
from wfexec.model.base import evolve
from wfexec.model.facts import (
    Alert,
    AlertFacts,
    AskAlerts,
    AskTarget,
    Facts,
    Question,
    TargetRef,
    Unknown,
)
from wfexec.model.phases import StepState
from wfexec.model.plan import CountRecord
from wfexec.model.recipe import Recipe
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import DEFAULTS, Settings

ASKING = Settings(alertmanager_url="http://alerts:9093")
D1 = TargetRef("Deployment", "shop", "d1")
NONE = AlertFacts(())
SLOW = AlertFacts((Alert("Slow", D1, START + 5_000),))
MANUAL = {"rollbackStrategy": "manual"}


def watching(given: WorkflowExecutionSpec, *alerts: Facts, settings: Settings = ASKING) -> World:
    """A world whose source of alerts answers like this, the last answer for ever."""
    world = World(given, settings)
    left = list(alerts)

    def facts(question: Question) -> Facts:
        if isinstance(question, AskAlerts) and question.targets:
            return left.pop(0) if len(left) > 1 else left[0]
        return NONE if isinstance(question, AskAlerts) else default_facts(question)

    world.facts = facts
    return world


def asked(world: World) -> list[AskAlerts]:
    """About objects: whether there is a source at all is asked earlier."""
    return [one for plan in world.plans for one in plan.questions if isinstance(one, AskAlerts) and one.targets]


ILL = HEALTHY._replace(healthy=False)
UNSEEN = Unknown("no right to look")


def result_of(world: World) -> Any:
    assert world.workflow.status.workflow_result is not None
    return world.workflow.status.workflow_result


def test_nobody_is_asked_for_alerts_unless_an_alertmanager_is_set() -> None:
    world = World(spec(step(1))).run()
    assert asked(world) == []
    assert result_of(world).new_alerts_triggered is None


def test_alerts_are_asked_for_about_every_target_that_was_touched_from_the_first_step_on() -> None:
    never = step(3, when="false")
    undone = step(2, maxRetries=0)
    world = watching(spec(step(1), undone, never, strategy=MANUAL), NONE)
    world.say("wf-step-2", failed("forbidden"))
    world.run()
    (question,) = set(asked(world))
    assert question.targets == (D1, TargetRef("Deployment", "shop", "d2"))
    assert question.since == world.workflow.status.execution_start_time
    assert result_of(world).new_alerts_triggered is False


def test_the_last_word_about_alerts_is_from_after_the_window() -> None:
    world = watching(spec(step(1)), NONE, NONE, NONE, NONE, SLOW)
    world.run()
    assert world.workflow.status.phase == "completed"
    late = watching(spec(step(1), strategy=MANUAL), NONE, NONE, NONE, SLOW)
    late.run()
    assert late.workflow.status.phase == "failed"
    monitored = late.workflow.status.monitoring_start_time
    assert monitored is not None
    assert late.now >= monitored + late.settings.stabilization_window


def test_a_new_alert_counts_as_a_failure_that_the_validation_found() -> None:
    world = watching(spec(step(1)), NONE, SLOW)
    world.run()
    status = world.workflow.status
    assert world.phases[-2:] == ["rolling_back", "failed"]
    assert (
        status.rollback_reason == "workflow_triggered_new_alerts: Slow on Deployment shop/d1 since 2026-01-01T00:00:05Z"
    )
    assert result_of(world).new_alerts_triggered is True
    assert result_of(world).reason == "workflow_triggered_new_alerts"
    assert status.execution_snapshot is not None
    assert status.execution_snapshot.completed_steps == (1,)
    counted = [one.labels for one in world.records if isinstance(one, CountRecord) and "rollbacks_total" in one.metric]
    assert counted == [("recover", "validation_failure")]


def test_without_a_word_about_alerts_success_is_never_declared() -> None:
    world = watching(spec(step(1)), Unknown("no answer", transient=True)).run()
    assert world.phases[-1] == "completed"
    found = result_of(world)
    assert (found.outcome, found.reason, found.new_alerts_triggered) == ("unknown", "alerts_unknown: no answer", None)
    pace = [plan for plan in world.plans if any(isinstance(one, AskAlerts) for one in plan.questions)]
    assert 55 <= len(pace) <= 65, "asked again at the pace of monitoring, not faster"


def test_a_word_that_comes_late_is_enough() -> None:
    silence = [Unknown("no answer", transient=True)] * 8
    world = watching(spec(step(1)), *silence, NONE).run()
    found = result_of(world)
    assert (found.outcome, found.reason, found.new_alerts_triggered) == ("success", "", False)


def test_alerts_seen_before_this_try_are_not_those_of_this_one() -> None:
    """The engine may still hold an answer from before a manual retry."""
    world = watching(spec(step(1)), NONE)
    world.run(stop=lambda one: one.workflow.status.phase == "monitoring")
    (question,) = set(asked(world))
    old = world.answers[question]._replace(at=world.now - 1, facts=SLOW)
    world.answers[question] = old
    plan = decide(world.snapshot(), world.now, world.settings)
    assert plan.status is None
    assert question in plan.questions


def test_a_target_that_is_not_well_hides_the_missing_word_about_alerts() -> None:
    world = World(spec(step(1)), ASKING)
    ill = HEALTHY._replace(healthy=False)

    def facts(question: Question) -> Facts:
        if isinstance(question, AskAlerts):
            return Unknown("no answer", transient=True)
        watched = isinstance(question, AskTarget) and world.workflow.status.phase == "monitoring"
        return ill if watched else default_facts(question)

    world.facts = facts
    world.run()
    assert result_of(world).reason == "monitoring_timeout_cannot_verify_success"
    assert result_of(world).new_alerts_triggered is None


def falling(given: WorkflowExecutionSpec, seconds: int, settings: Settings = DEFAULTS) -> World:
    """d1 has 4 replicas from 5 s after the beginning of monitoring, for so long."""
    world = World(given, settings)

    def facts(question: Question) -> Facts:
        since = world.workflow.status.monitoring_start_time
        fell = since is not None and since + 5_000 <= world.now < since + 5_000 + seconds * 1_000
        return default_facts(question) if not fell else HEALTHY._replace(state={**HEALTHY.state, "fallen": "yes"})

    world.facts = facts
    return world


KEPT = [{"type": "up", "expr": "!('fallen' in steps.s1.target)", "timeout": "1m"}]


def test_a_required_postcondition_that_does_not_come_true_again_in_its_time_fails_its_step() -> None:
    world = falling(spec(step(1, postConditions=KEPT), step(2), strategy=MANUAL), 10_000).run()
    status = world.workflow.status
    assert world.phases[-2:] == ["monitoring", "failed"]
    assert status.failure_reason.startswith("ineffective: postcondition up of step 1 (s1) no longer holds: it is false")
    assert (status.failed_step, status.failed_action) == (1, "scale-deployment")
    assert world.states() == {1: "failed", 2: "completed"}
    assert str(world.step(1).error_type) == "validation_error"
    assert result_of(world).reason == "ineffective"
    assert str(result_of(world).resource_health) == "unhealthy"
    counted = [one.labels for one in world.records if isinstance(one, CountRecord) and "errors_total" in one.metric]
    assert counted == [("validation_error", "monitoring")]
    monitored = status.monitoring_start_time
    assert monitored is not None
    assert 60_000 <= world.now - monitored <= 90_000


def test_what_the_broken_step_did_is_undone_with_the_rest() -> None:
    world = falling(spec(step(1, postConditions=KEPT), step(2)), 10_000).run()
    assert world.phases[-2:] == ["rolling_back", "failed"]
    assert world.states() == {1: "rolled_back", 2: "rolled_back"}


def test_a_postcondition_that_comes_true_again_starts_a_window_of_its_own() -> None:
    world = falling(spec(step(1, postConditions=KEPT)), 40).run()
    status = world.workflow.status
    assert str(result_of(world).outcome) == "success"
    assert world.step(1).post_condition_results[0].passed
    monitored = status.monitoring_start_time
    assert monitored is not None
    assert world.now - monitored >= 45_000 + world.settings.stabilization_window


def test_one_that_may_be_missed_ends_in_partial_success() -> None:
    optional = [{**KEPT[0], "required": False}]
    world = falling(spec(step(1, postConditions=optional)), 10_000).run()
    assert str(result_of(world).outcome) == "partial_success"
    assert result_of(world).effectiveness_score == 0.0
    assert "see why up does not hold after step 1 (scale-deployment)" in result_of(world).recommended_actions


def test_one_that_was_missed_already_when_its_step_completed_is_not_waited_for_again() -> None:
    never = [{"type": "never", "expr": "false", "required": False, "timeout": "1s"}]
    world = World(spec(step(1, postConditions=never))).run()
    monitored = world.workflow.status.monitoring_start_time
    assert monitored is not None
    assert str(result_of(world).outcome) == "partial_success"
    assert world.now - monitored < world.settings.stabilization_window + 1_000


def test_a_postcondition_that_nobody_can_judge_any_more_leaves_the_outcome_unknown() -> None:
    world = World(spec(step(1, postConditions=KEPT)))

    def facts(question: Question) -> Facts:
        hidden = isinstance(question, AskTarget) and world.workflow.status.phase == "monitoring"
        return Unknown("no right") if hidden else default_facts(question)

    world.facts = facts
    world.run()
    assert str(result_of(world).outcome) == "unknown"
    assert result_of(world).resource_health is None
    assert world.states() == {1: "completed"}


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [
        (HEALTHY, HEALTHY, "healthy"),
        (HEALTHY, ILL, "degraded"),
        (ILL, ILL, "unhealthy"),
        (ILL, UNSEEN, "degraded"),
        (HEALTHY, UNSEEN, "None"),
        (UNSEEN, UNSEEN, "None"),
    ],
)
def test_no_word_says_more_of_the_targets_than_was_seen(first: Facts, second: Facts, word: str) -> None:
    world = World(spec(step(1), step(2)))
    told = {"d1": first, "d2": second}

    def facts(question: Question) -> Facts:
        if isinstance(question, AskTarget) and world.workflow.status.phase == "monitoring":
            return told[question.target.name]
        return default_facts(question)

    world.facts = facts
    world.run()
    assert str(result_of(world).resource_health) == word
    assert (str(result_of(world).outcome) == "success") is (word == "healthy")


def test_the_expected_end_follows_the_longest_way_that_is_left() -> None:
    """Two steps in a row and one beside them, each estimated alike; the first takes a second."""
    world = World(spec(step(1), step(2, 1), step(3)))
    usual = compiled(world).steps[0].estimate_ms
    window = world.settings.stabilization_window
    world.run(stop=lambda one: one.workflow.status.phase == "executing")
    assert expected(world) == world.now + 2 * usual + window
    world.run(stop=lambda one: one.step(2).status is StepState.EXECUTING)
    assert expected(world) == world.now + usual + window
    world.run(stop=lambda one: one.workflow.status.phase == "monitoring")
    assert expected(world) == world.now + window
    world.run()
    assert expected(world) is None


def test_more_work_than_places_is_expected_to_take_longer() -> None:
    world = World(spec(*(step(number) for number in range(1, 7)), strategy={"maxParallelSteps": 2}))
    usual = compiled(world).steps[0].estimate_ms
    world.run(stop=lambda one: one.workflow.status.phase == "executing")
    assert expected(world) == world.now + 3 * usual + world.settings.stabilization_window


def compiled(world: World) -> Recipe:
    recipe = compile_recipe(world.workflow.spec, world.settings)
    assert isinstance(recipe, Recipe)
    return recipe


def expected(world: World) -> int | None:
    return world.workflow.status.estimated_completion_time


@pytest.mark.parametrize("phase", ["executing", "monitoring"])
def test_a_paused_workflow_expects_no_end_and_one_that_goes_on_does(phase: str) -> None:
    world = World(spec(step(1)))
    world.run(stop=lambda one: one.workflow.status.phase == phase)
    assert world.workflow.status.estimated_completion_time is not None
    world.workflow = evolve(world.workflow, spec=evolve(world.workflow.spec, suspend=True))
    world.run(1_000)
    assert world.workflow.status.phase == "paused"
    assert world.workflow.status.estimated_completion_time is None
    world.workflow = evolve(world.workflow, spec=evolve(world.workflow.spec, suspend=False))
    world.run(stop=lambda one: one.workflow.status.phase == phase)
    expected = world.workflow.status.estimated_completion_time
    assert expected is not None
    assert expected > world.now


def test_a_change_that_is_taken_back_has_not_lasted() -> None:
    world = World(spec(step(1)))
    world.run(stop=lambda one: one.workflow.status.phase == "monitoring")
    assert world.effects[D1] == {"replicas": "5"}
    world.effects[D1] = {"replicas": "3"}
    world.run(60_000)
    assert "waiting for what was changed to be there again" in world.workflow.status.message
    writes = sum(1 for plan in world.plans if plan.status is not None)
    world.run(240_000)
    assert sum(1 for plan in world.plans if plan.status is not None) == writes, "waiting costs no write"
    world.run()
    found = result_of(world)
    assert str(found.outcome) == "unknown"
    assert found.reason == ("monitoring_timeout_cannot_verify_success: Deployment shop/d1: replicas is 3, expected 5")
    assert str(found.resource_health) == "healthy"


def test_a_change_that_is_made_again_starts_a_window_of_its_own() -> None:
    world = World(spec(step(1)))
    world.run(stop=lambda one: one.workflow.status.phase == "monitoring")
    world.effects[D1] = {"replicas": "3"}
    world.run(60_000)
    world.effects[D1] = {"replicas": "5"}
    world.run()
    assert str(result_of(world).outcome) == "success"


def scaling(number: int, replicas: int, *after: int) -> dict[str, Any]:
    there = {"scaleDeployment": {"namespace": "shop", "deployment": "d1", "replicas": replicas}}
    return step(number, *after, parameters=there, maxRetries=0)


def test_of_two_changes_of_one_object_the_later_is_expected_to_last() -> None:
    world = World(spec(scaling(1, 5), scaling(2, 4, 1))).run()
    assert str(result_of(world).outcome) == "success"


def test_nothing_is_expected_of_an_object_after_a_step_about_it_that_failed() -> None:
    """It may have changed it half-way; its health is what counts then."""
    world = World(spec(scaling(1, 5), scaling(2, 4, 1)))
    world.say("wf-step-2", failed("forbidden"))
    world.run(stop=lambda one: one.workflow.status.phase == "monitoring")
    world.effects[D1] = {"replicas": "4"}
    world.run()
    assert str(result_of(world).outcome) == "partial_success"


def test_a_node_that_is_uncordoned_behind_our_back_is_seen() -> None:
    node = {"cordonNode": {"nodeName": "n1"}}
    world = World(spec(step(1, action="cordon-node", parameters=node)))
    world.run(stop=lambda one: one.workflow.status.phase == "monitoring")
    world.effects[TargetRef("Node", "", "n1")] = {"unschedulable": "false"}
    world.run()
    assert "unschedulable is false, expected true" in result_of(world).reason


def test_nothing_is_expected_of_a_step_that_missed_its_own_promise() -> None:
    """That it was missed makes the success a partial one already."""
    never = [{"type": "never", "expr": "false", "required": False, "timeout": "1s"}]
    world = World(spec({**scaling(1, 5), "postConditions": never}))
    world.ineffective = {"wf-step-1"}
    world.run()
    assert str(result_of(world).outcome) == "partial_success"
