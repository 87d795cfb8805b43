"""When a step runs, what its child is told, what success means: facts, waiting, second looks (BR-WF-006, BR-WF-007)."""

from typing import Any

from tests.unit.core.world import HEALTHY, World, completed, default_facts, failed, spec, step
from wfexec.core.graph import compile_recipe
from wfexec.model.base import evolve
from wfexec.model.facts import AskTarget, Facts, Question, TargetFacts, Unknown
from wfexec.model.phases import ErrorType, StepState
from wfexec.model.recipe import Recipe
from wfexec.settings import DEFAULTS

MODE = {"updateConfigMap": {"namespace": "shop", "name": "d2", "dataUpdates": {"mode": "{{ steps.s1.outputs.zone }}"}}}


def run(world: World) -> World:
    world.run()
    return world


def state(world: World, position: int) -> StepState:
    return StepState(world.workflow.status.step_statuses[position].status)


def answering(world: World, facts: Facts) -> None:
    """Every target looks like this once the steps run; before, it is well."""
    usual = world.facts

    def given(question: Question) -> Facts:
        began = world.workflow.status.execution_start_time is not None
        return facts if began and isinstance(question, AskTarget) else usual(question)

    world.facts = given


def test_a_target_is_looked_at_again_after_the_step_before() -> None:
    world = World(spec(step(1), step(2, 1, when="target.replicas == 4")))
    answering(world, HEALTHY._replace(state={"replicas": "4"}))
    assert state(run(world), 1) is StepState.COMPLETED


def test_a_target_that_nobody_may_see_has_no_facts_and_no_default() -> None:
    world = World(spec(step(1), step(2, 1, when="target.?replicas.orValue(3) == 3")))
    answering(world, Unknown("no right to read Deployment shop/d2"))
    failed_step = run(world).workflow.status.step_statuses[1]
    assert failed_step.status is StepState.FAILED
    assert failed_step.error_type is ErrorType.VALIDATION_ERROR
    assert "no right to read Deployment" in failed_step.error_message


def test_a_target_that_does_not_answer_is_waited_for() -> None:
    world = World(spec(step(1), step(2, 1, when="target.exists")))
    answering(world, Unknown("no answer", transient=True))
    world.run(60_000)
    assert state(world, 1) is StepState.PENDING
    assert len(world.plans) < 90
    world.facts = default_facts
    world.run()
    assert state(world, 1) is StepState.COMPLETED


def test_a_target_that_never_answers_costs_the_workflow_its_time() -> None:
    world = World(spec(step(1), step(2, 1, when="target.exists"), strategy={"rollbackStrategy": "none"}))
    answering(world, Unknown("no answer", transient=True))
    world.run()
    assert world.workflow.status.failure_reason.startswith("workflow_timeout")
    assert state(world, 1) is StepState.SKIPPED


def test_a_controller_that_was_away_for_long_asks_before_it_judges() -> None:
    world = World(spec(step(1), step(2, 1, when="target.replicas == 3")))
    world.run(stop=lambda one: state(one, 0) is StepState.COMPLETED if one.workflow.status.step_statuses else False)
    world.answers.clear()
    world.now += 120_000
    assert state(run(world), 1) is StepState.COMPLETED


def test_a_step_that_may_run_and_waits_for_a_place_is_not_judged_again() -> None:
    given = spec(step(1), step(2, when="now < timestamp('2026-01-01T00:00:01Z')"), strategy={"maxParallelSteps": 1})
    world = World(given)
    world.say("wf-step-1", completed(20_000))
    assert state(run(world), 1) is StepState.COMPLETED


def test_nothing_is_asked_for_an_expression_that_looks_at_nothing() -> None:
    plain = World(spec(step(1), step(2, 1)))
    world = World(spec(step(1), step(2, 1, when="steps.s1.status == 'completed'")))
    asked = [sum(len(plan.questions) for plan in run(one).plans) for one in (plain, world)]
    assert asked[0] == asked[1]


def test_a_workflow_without_expressions_has_nothing_of_them() -> None:
    made = compile_recipe(spec(step(1), step(2, 1)), DEFAULTS)
    assert isinstance(made, Recipe)
    assert made.criteria == ()
    assert [(one.when, one.late) for one in made.steps] == [(None, ()), (None, ())]


def told(world: World, name: str) -> Any:
    parameters = world.children[name].spec.parameters
    assert parameters is not None
    assert parameters.update_config_map is not None
    return parameters.update_config_map.data["mode"]


def test_each_try_is_told_what_holds_then() -> None:
    mode = {"updateConfigMap": {"namespace": "shop", "name": "d1", "dataUpdates": {"mode": "{{ string(now) }}"}}}
    world = World(spec(step(1, action="update-configmap", parameters=mode)))
    world.say("wf-step-1", failed("connection refused"))
    world.run()
    first, second = (told(world, name) for name in ("wf-step-1", "wf-step-1-r1"))
    assert first < second


def test_a_child_that_was_lost_before_it_was_made_is_told_the_same() -> None:
    clock = {"updateConfigMap": {"namespace": "shop", "name": "d1", "dataUpdates": {"mode": "{{ string(now) }}"}}}
    world = World(spec(step(1, action="update-configmap", parameters=clock)))
    while not world.created:
        world.look()
        world.now += 1
    before = told(world, "wf-step-1")
    # The write of the status came through, the child did not.
    world.children.clear()
    world.now += 5_000
    world.look()
    assert told(world, "wf-step-1") == before


def test_an_output_that_is_not_there_ends_the_step_and_what_waits_for_it() -> None:
    world = World(spec(step(1), step(2, 1, action="update-configmap", parameters=MODE), step(3, 2)))
    world.run()
    assert [StepState(one.status) for one in world.workflow.status.step_statuses] == [
        StepState.COMPLETED,
        StepState.FAILED,
        StepState.SKIPPED,
    ]
    assert "wf-step-2" not in world.created


def test_an_undo_uses_what_variables_put_in() -> None:
    parameters = {
        "scaleDeployment": {"namespace": "{{ variables.ns }}", "deployment": "d1", "replicas": "{{ variables.n }}"}
    }
    given = spec(
        step(1, parameters=parameters), step(2, 1, criticalStep=True, maxRetries=0), variables={"ns": "shop", "n": 5}
    )
    world = World(given)
    world.say("wf-step-2", failed("denied the request"))
    world.run()
    undo = world.children["wf-rollback-1"].spec.parameters
    assert undo is not None
    assert undo.scale_deployment is not None
    assert (undo.scale_deployment.namespace, undo.scale_deployment.replicas) == ("shop", 3)


def test_a_criterion_that_comes_true_late_is_waited_for() -> None:
    world = World(spec(step(1), successCriteria=[{"name": "many", "expr": "target.?restarts.orValue(0) > 0"}]))
    usual = world.facts

    def given(question: Question) -> Facts:
        since = world.workflow.status.monitoring_start_time
        facts = usual(question)
        late = since is not None and world.now - since > 60_000
        return facts._replace(state={"restarts": "1"}) if late and isinstance(facts, TargetFacts) else facts

    world.facts = given
    world.run()
    status = world.workflow.status
    assert status.workflow_result is not None
    assert status.workflow_result.outcome == "success"
    assert status.completion_time is not None
    assert status.monitoring_start_time is not None
    assert 60_000 < status.completion_time - status.monitoring_start_time < 90_000
    assert len(world.plans) < 40


def test_the_judgement_survives_a_second_look_at_the_same_world() -> None:
    world = World(spec(step(1), step(2, 1, when="steps.s1.outputs.go == 'yes'")))
    world.say("wf-step-1", completed(outputs={"go": "no"}))
    world.run()
    assert state(world, 1) is StepState.SKIPPED
    again = world.look()
    assert again.status is None
    assert evolve(world.workflow).status is world.workflow.status
