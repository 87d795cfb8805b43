"""Waiting for what a step needs and for what it promised, look by look (BR-WF-016c, BR-WF-052, BR-WF-053)."""

from typing import Any

import pytest

from tests.unit.core.world import HEALTHY, START, World, completed, spec, step
from wfexec.core.policies import vetted
from wfexec.crd.policies import parse_policies
from wfexec.model.bearings import NO_BEARINGS
from wfexec.model.facts import AskTarget, Facts, Question, TargetFacts, Unknown
from wfexec.model.plan import CountRecord, EventRecord
from wfexec.settings import DEFAULTS, Settings

SECOND = 1_000
METRIC = "wfexec_condition_evaluations_total"


def condition(expr: str, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "checked", "expr": expr, **more}]


def counts(world: World) -> list[tuple[str, ...]]:
    return [one.labels for one in world.records if isinstance(one, CountRecord) and one.metric == METRIC]


def warnings(world: World, reason: str) -> list[str]:
    return [one.message for one in world.records if isinstance(one, EventRecord) and one.reason == reason]


def ready(world: World, count: int, from_ms: int = 0) -> None:
    """So many pods of each deployment are ready from then on, and three before."""

    def facts(question: Question) -> Facts:
        usual = world_facts(question)
        if isinstance(question, AskTarget) and isinstance(usual, TargetFacts) and usual.exists:
            found = count if world.now >= START + from_ms else 3
            return usual._replace(state={**usual.state, "readyReplicas": str(found)})
        return usual

    world_facts = world.facts
    world.facts = facts


def embedded(world: World) -> World:
    world.settings = DEFAULTS
    return world


def test_a_condition_that_holds_at_once_costs_no_write_of_its_own() -> None:
    bare = World(spec(step(1))).run()
    world = World(spec(step(1, preConditions=condition("input.current_replicas == 3")))).run()
    assert world.workflow.status.phase == "completed"
    (state,) = world.workflow.status.step_statuses
    assert [(one.evaluated, one.passed) for one in state.pre_condition_results] == [(True, True)]
    assert counts(world) == [("pre", "passed", "true")]
    assert sum(plan.status is not None for plan in world.plans) == sum(plan.status is not None for plan in bare.plans)


def test_a_precondition_is_waited_for_as_long_as_it_says_and_looked_at_every_five_seconds() -> None:
    needed = condition("input.current_replicas == 9", timeout="12s")
    world = World(spec(step(1, preConditions=needed), strategy={"rollbackStrategy": "none"})).run()
    (state,) = world.workflow.status.step_statuses
    (result,) = state.pre_condition_results
    began = world.workflow.status.execution_start_time
    assert began is not None
    assert (state.status, state.error_type, world.created) == ("blocked", "blocked", [])
    assert state.end_time == began + 12 * SECOND
    assert result.evaluation_time == began, "since when it was waited for"
    assert counts(world) == [("pre", "failed", "true")]
    assert world.workflow.status.error_type == "blocked"


def test_it_starts_as_soon_as_a_look_finds_it_true() -> None:
    world = World(spec(step(1, preConditions=condition("input.ready_pods == 9"))))
    ready(world, 9, from_ms=11 * SECOND)
    world.run()
    (state,) = world.workflow.status.step_statuses
    assert world.workflow.status.phase == "completed"
    assert state.start_time is not None
    assert START + 11 * SECOND <= state.start_time <= START + 17 * SECOND


def test_only_required_preconditions_block() -> None:
    world = World(spec(step(1, preConditions=condition("1 / (input.current_replicas - 3) == 1", required=False)))).run()
    assert world.workflow.status.phase == "completed"
    assert warnings(world, "PreconditionWarning") == ["step 1 (s1): checked: division by zero"]


def test_dependents_wait_for_the_promise() -> None:
    world = World(spec(step(1, postConditions=condition("input.ready_pods == 9")), step(2, 1)))
    ready(world, 9, from_ms=60 * SECOND)
    world.run()
    first, second = world.workflow.status.step_statuses
    assert world.workflow.status.phase == "completed"
    assert second.start_time is not None and second.start_time >= START + 60 * SECOND
    assert first.post_condition_results[0].passed


def test_facts_from_before_its_end_say_nothing_of_a_promise() -> None:
    """The deployment had three replicas all the time that the step ran, and loses one with its end."""
    world = World(spec(step(1, postConditions=condition("input.ready_pods == 3")),
                       strategy={"rollbackStrategy": "none"}))  # fmt: skip
    world.say("wf-step-1", completed(20 * SECOND))
    ready(world, 2, from_ms=20 * SECOND)
    world.run()
    assert world.workflow.status.step_statuses[0].status == "failed"


def test_a_promise_that_is_not_kept_is_fatal_though_the_step_is_not_critical() -> None:
    world = World(spec(step(1), step(2, 1, postConditions=condition("false", timeout="10s")), step(3, 2))).run()
    assert world.workflow.status.phase == "failed"
    assert [one.status for one in world.workflow.status.step_statuses] == ["rolled_back", "rolled_back", "skipped"]
    assert world.workflow.status.error_type == "validation_error"
    assert world.created.count("wf-step-2") == 1, "trying again would not help"


def test_a_promise_that_is_not_required_makes_the_success_a_partial_one() -> None:
    world = World(spec(step(1, postConditions=condition("false", required=False)))).run()
    result = world.workflow.status.workflow_result
    assert result is not None
    assert result.outcome == "partial_success"
    assert warnings(world, "PostconditionWarning") == ["step 1 (s1): checked: it is false"]
    assert counts(world) == [("post", "failed", "false")]


def test_the_deadline_ends_the_waiting_for_a_promise_and_the_step_is_undone() -> None:
    world = World(spec(step(1, postConditions=condition("false", timeout="10m")), timeout="1m")).run()
    (state,) = world.workflow.status.step_statuses
    assert state.status == "rolled_back"
    assert "deadline passed before it held" in state.error_message


def test_a_cancelled_workflow_waits_for_no_promise() -> None:
    world = World(spec(step(1, postConditions=condition("false", timeout="10m"))))
    world.run(until_ms=20 * SECOND)
    world.workflow = world.workflow.model_copy(update={"spec": spec(
        step(1, postConditions=condition("false", timeout="10m")), cancel=True)})  # fmt: skip
    world.run()
    assert world.workflow.status.phase == "cancelled"
    assert world.workflow.status.step_statuses[0].status == "completed"
    assert not world.workflow.status.step_statuses[0].post_condition_results[0].evaluated


@pytest.mark.parametrize("later", ["post: [{type: never, expr: 'false'}]", ""])
def test_a_step_is_judged_by_the_version_it_began_with(later: str) -> None:
    def registry(version: str, text: str) -> None:
        policies = vetted(parse_policies({"scale-deployment": text}, version))
        world.bearings = NO_BEARINGS._replace(policies=policies)

    world = World(spec(step(1)))
    registry("v1", "post: [{type: scaled, expr: 'input.ready_pods == 9'}]")
    world.say("wf-step-1", completed(30 * SECOND))
    ready(world, 9, from_ms=40 * SECOND)
    world.run(until_ms=10 * SECOND)
    registry("v2", later)
    world.run()
    (state,) = world.workflow.status.step_statuses
    assert state.policy is not None
    assert (state.policy.version, state.status) == ("v1", "completed")
    assert [one.condition_type for one in state.post_condition_results] == ["scaled"]


def test_embedded_conditions_that_nobody_may_look_at_warn_and_stop_nothing() -> None:
    blind = Unknown("no right to get deployments")
    world = embedded(World(spec(step(1), strategy={"safetyChecks": [{"type": "network"}], "dryRunFirst": False})))
    usual = world.facts
    world.facts = lambda question: blind if isinstance(question, AskTarget) else usual(question)
    world.run(until_ms=60 * SECOND)
    (state,) = world.workflow.status.step_statuses
    assert state.status == "completed"
    assert not any(one.evaluated for one in (*state.pre_condition_results, *state.post_condition_results))
    assert "no right" in warnings(world, "PreconditionWarning")[0]


def test_what_a_person_requires_blocks_where_nobody_may_look() -> None:
    blind = Unknown("no right to get deployments")
    own = step(1, preConditions=condition("input.deployment_found"))
    world = World(spec(own, strategy={"safetyChecks": [{"type": "network"}], "dryRunFirst": False}))
    usual = world.facts
    world.facts = lambda question: blind if isinstance(question, AskTarget) else usual(question)
    world.run()
    assert world.workflow.status.step_statuses[0].status == "blocked"


def test_embedded_conditions_hold_where_pods_become_ready() -> None:
    world = embedded(World(spec(step(1))))
    state = {**HEALTHY.state, "available": "True", "readyReplicas": "5"}
    usual = world.facts
    well = HEALTHY._replace(state=state)
    world.facts = lambda question: well if isinstance(question, AskTarget) else usual(question)
    world.run()
    assert world.workflow.status.phase == "completed"
    assert {labels[1] for labels in counts(world)} == {"passed"}


def test_the_poll_has_a_pace_of_its_own() -> None:
    with pytest.raises(ValueError, match="condition-poll-interval"):
        Settings(condition_poll_interval=0)


def test_a_condition_of_ones_own_is_required_though_one_of_its_name_is_embedded() -> None:
    blind = Unknown("no right to get deployments")
    own = [{"type": "deployment_exists", "expr": "input.deployment_found"}]
    world = embedded(World(spec(step(1, preConditions=own), strategy={"safetyChecks": [{"type": "network"}],
                                                                     "dryRunFirst": False})))  # fmt: skip
    usual = world.facts
    world.facts = lambda question: blind if isinstance(question, AskTarget) else usual(question)
    world.run()
    assert world.workflow.status.step_statuses[0].status == "blocked"


@pytest.mark.parametrize("needed", ["preConditions", "postConditions"])
def test_a_pause_does_not_count_for_what_is_waited_for(needed: str) -> None:
    asked: dict[str, Any] = {needed: condition("input.ready_pods == 9", timeout="30s")}
    world = World(spec(step(1, **asked)))
    ready(world, 9, from_ms=650 * SECOND)
    world.run(until_ms=10 * SECOND)
    world.change(suspend=True)
    world.run(until_ms=1 * SECOND)
    assert world.workflow.status.phase == "paused"
    world.now += 620 * SECOND
    world.look()
    assert world.states() in ({1: "pending"}, {1: "executing"}), "no clock runs out in a pause"
    world.change(suspend=False)
    world.run()
    assert world.now > START + 650 * SECOND
    assert world.workflow.status.phase == "completed"


def test_what_is_first_found_false_in_a_pause_is_waited_for_from_its_end() -> None:
    world = World(spec(step(1, postConditions=condition("input.ready_pods == 9", timeout="30s"))))
    ready(world, 9, from_ms=620 * SECOND)
    world.say("wf-step-1", completed(20 * SECOND))
    world.run(until_ms=10 * SECOND)
    world.change(suspend=True)
    world.run(until_ms=15 * SECOND)
    world.now = START + 600 * SECOND
    world.look()
    world.look()
    assert not world.step(1).post_condition_results[0].passed
    world.change(suspend=False)
    world.look()
    assert world.step(1).post_condition_results[0].evaluation_time == START + 600 * SECOND
    world.run()
    assert world.workflow.status.phase == "completed"


@pytest.mark.parametrize(("needed", "status"), [("preConditions", "blocked"), ("postConditions", "failed")])
def test_a_step_that_is_tried_again_meets_no_old_results(needed: str, status: str) -> None:
    asked: dict[str, Any] = {needed: condition("input.ready_pods == 9", timeout="30s")}
    world = World(spec(step(1, **asked), strategy={"rollbackStrategy": "none"}))
    ready(world, 9, from_ms=620 * SECOND)
    world.run()
    assert world.states() == {1: status}
    world.now = START + 600 * SECOND
    world.annotate(manual_retry="true", intervened_by="alice")
    world.run()
    assert world.states() == {1: "completed"}, "it was waited for once more, from then on"


def test_a_child_that_does_not_say_when_it_ended_is_judged_by_facts_of_after_its_end() -> None:
    """Somebody else looked while it ran, and then there were three."""
    world = World(spec(step(1, postConditions=condition("input.ready_pods == 3")),
                       strategy={"rollbackStrategy": "none"}))  # fmt: skip
    world.say("wf-step-1", completed(20 * SECOND))
    world.run(until_ms=10 * SECOND)
    for question, answer in list(world.answers.items()):
        world.answers[question] = answer._replace(at=world.now)
    ready(world, 2, from_ms=20 * SECOND)
    world.run()
    assert world.states() == {1: "failed"}
    (attempt,) = world.step(1).attempts
    assert attempt.end_time == START + 20 * SECOND + (attempt.start_time - START)


def test_a_child_that_says_when_it_ended_costs_no_write_more() -> None:
    def writes(**told: int) -> int:
        world = World(spec(step(1, postConditions=condition("input.ready_pods == 3"))))
        world.say("wf-step-1", completed(20 * SECOND, **told))
        ready(world, 3)
        world.run()
        assert world.workflow.status.phase == "completed"
        return sum(plan.status is not None for plan in world.plans)

    assert writes(end_time=START + 20 * SECOND) < writes()
