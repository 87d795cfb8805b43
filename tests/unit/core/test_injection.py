"""Which steps a run adds, and when it adds none (BR-ORCHESTRATION-010, BR-AUTOMATION-001)."""

from typing import Any

import pytest

from tests.unit.core.world import HEALTHY, START, World, completed, default_facts, failed, spec, step
from wfexec.core.graph import compile_recipe
from wfexec.core.replan import laid_over
from wfexec.model.base import evolve
from wfexec.model.facts import AccessFacts, AskAccess, AskTarget, Facts, Question, Unknown
from wfexec.model.recipe import Recipe
from wfexec.model.status import InjectedStep
from wfexec.settings import DEFAULTS

ADJUSTABLE: dict[str, Any] = {"adaptiveOrchestration": {"dynamicStepAdjustment": True}}
SICK = HEALTHY._replace(healthy=False, message="2 pods are not ready")


def advice(*numbers: int, priority: str = "high") -> dict[str, Any]:
    wanted = [{"description": "look twice", "stepNumber": number, "priority": priority} for number in numbers]
    return {"definition": {"aiRecommendations": {"overallConfidence": 0.9, "safetyImprovements": wanted}}}


def sick(run: World, name: str) -> World:
    """The target of that name is not well from the execution on."""

    def facts(question: Question) -> Facts:
        about = isinstance(question, AskTarget) and question.target.name == name
        return SICK if about and run.workflow.status.phase == "executing" else default_facts(question)

    run.facts = facts
    return run


def injected(run: World) -> list[tuple[int, str, str]]:
    found = [one for one in run.workflow.status.step_statuses if one.injected]
    return [(one.step_number, one.name, str(one.status)) for one in found]


def test_a_sick_target_is_verified_before_its_dependents_and_nothing_else_waits() -> None:
    run = sick(World(spec(step(1), step(2, 1), step(3), step(4, 3), **ADJUSTABLE)), "d1").run()
    assert injected(run) == [(5, "verify-s1", "completed")]
    assert run.created.index("wf-step-5") < run.created.index("wf-step-2")
    ended = run.step(5).end_time
    assert ended is not None and (run.step(2).start_time or 0) >= ended
    assert run.states() == dict.fromkeys(range(1, 6), "completed")
    child = run.children["wf-step-5"].spec
    assert child.action == "verify-health"
    plan = run.workflow.status.execution_plan
    assert plan is not None
    assert plan.injected == (InjectedStep(step_number=5, name="verify-s1", after=1, max_retries=2, before=(2,)),)
    assert sorted(number for batch in plan.batches for number in batch.steps) == [1, 2, 3, 4, 5]
    assert run.workflow.status.total_steps == 5
    (change,) = run.workflow.status.adaptive_adjustments
    assert (change.adjustment_type, change.step_number) == ("inject", 5)
    assert change.reason == "Deployment shop/d1 is not healthy after the step: 2 pods are not ready"
    assert run.reasons().count("StepInjected") == 1


@pytest.mark.parametrize(("critical", "phase", "state"), [(False, "completed", "skipped"), (True, "failed", "skipped")])
def test_what_is_found_bad_stops_what_builds_on_it(critical: bool, phase: str, state: str) -> None:
    strategy = {"rollbackStrategy": "none", "maxRetries": 0}
    given = spec(step(1, criticalStep=critical), step(2, 1), strategy=strategy, **ADJUSTABLE)
    run = sick(World(given), "d1")
    run.say("wf-step-3", failed("unhealthy: forbidden"))
    run.run()
    assert run.workflow.status.phase == phase
    assert run.states() == {1: "completed", 2: state, 3: "failed"}


def test_an_undone_workflow_leaves_the_verification_alone() -> None:
    run = sick(World(spec(step(1), step(2, 1), step(3, 2, criticalStep=True), **ADJUSTABLE)), "d1")
    run.say("wf-step-3", failed("forbidden"))
    run.run()
    assert run.workflow.status.phase == "failed"
    assert [one for one in run.states().items() if one[1] == "rolled_back"] == [(1, "rolled_back"), (2, "rolled_back")]
    assert not any("rollback" in name and "step-4" in name for name in run.created)


def test_an_analysis_is_heard_for_steps_and_for_the_whole() -> None:
    run = World(spec(step(1), step(2, 1), step(3, 1), **advice(1, 0), **ADJUSTABLE)).run()
    assert [name for _, name, _ in injected(run)] == ["verify-s1", "verify-s2", "verify-s3"]
    assert run.workflow.status.phase == "completed"
    quiet = World(spec(step(1), step(2, 1), **advice(1, 0, priority="medium"), **ADJUSTABLE)).run()
    assert injected(quiet) == []


@pytest.mark.parametrize("more", [{"adaptation": False}, {"adaptations_max": 0}])
def test_switched_off_nothing_is_added(more: dict[str, Any]) -> None:
    given = spec(step(1), step(2, 1), **advice(1, 0), **ADJUSTABLE)
    run = sick(World(given, DEFAULTS.model_copy(update=more)), "d1").run()
    assert injected(run) == []
    assert run.workflow.status.phase == "completed"


def test_with_room_for_one_the_rest_goes_on_without() -> None:
    given = spec(step(1), step(2), step(3, 1, 2), **advice(1, 2, 0), **ADJUSTABLE)
    run = World(given, DEFAULTS.model_copy(update={"adaptations_max": 1})).run()
    assert [name for _, name, _ in injected(run)] == ["verify-s1"]
    assert run.workflow.status.phase == "completed"
    assert run.now - START < 300_000


def test_without_the_right_to_look_the_plan_stays() -> None:
    run = World(spec(step(1), step(2, 1), **advice(1), **ADJUSTABLE))

    def facts(question: Question) -> Facts:
        refused = isinstance(question, AskAccess) and "verify-health" in question.user
        return AccessFacts(False, "no") if refused else default_facts(question)

    run.facts = facts
    run.run()
    assert injected(run) == []
    assert run.reasons().count("InjectionRefused") == 1
    assert run.workflow.status.phase == "completed"


def test_who_cannot_be_seen_is_not_verified() -> None:
    run = World(spec(step(1), step(2, 1), **ADJUSTABLE))

    def facts(question: Question) -> Facts:
        hidden = isinstance(question, AskTarget) and run.workflow.status.phase == "executing"
        return Unknown("no right") if hidden else default_facts(question)

    run.facts = facts
    run.run()
    assert injected(run) == []
    assert run.states() == {1: "completed", 2: "completed"}


def test_a_run_condition_waits_for_its_primary_alone() -> None:
    run = sick(World(spec(step(1), step(2, 1, runCondition="after_primary"), **ADJUSTABLE)), "d1").run()
    assert injected(run) == []
    assert run.states() == {1: "completed", 2: "completed"}


def test_a_dependent_that_has_started_is_left_alone() -> None:
    run = World(spec(step(1), step(2, 1), step(3), step(4, 1, 3), **ADJUSTABLE))
    run.say("wf-step-2", completed(600_000))
    run.say("wf-step-3", completed(60_000))
    run.run(stop=lambda seen: "wf-step-2" in seen.children)
    sick(run, "d1").run()
    plan = run.workflow.status.execution_plan
    assert plan is not None and [one.before for one in plan.injected] == [(4,)]
    assert run.workflow.status.phase == "completed"


def test_a_name_that_is_taken_gets_its_number() -> None:
    run = sick(World(spec(step(1), step(2, 1), step(3, name="verify-s1"), **ADJUSTABLE)), "d1").run()
    assert [name for _, name, _ in injected(run)] == ["verify-s1-4"]


def test_numbers_may_be_used_up() -> None:
    high = step(1_000_000)
    run = World(spec(step(1), {**high, "dependsOn": [1]}, **advice(1), **ADJUSTABLE)).run()
    assert injected(run) == []
    assert run.workflow.status.phase == "completed"


@pytest.mark.parametrize(
    "bad",
    [
        InjectedStep(step_number=3, name="v", after=9),
        InjectedStep(step_number=9, name="v", after=1),
        InjectedStep(step_number=3, name="v", after=2, before=(1,)),
        InjectedStep(step_number=3, name="v", after=1, before=(1,)),
        InjectedStep(step_number=3, name="v", after=1, before=(7,)),
    ],
)
def test_a_status_that_somebody_edited_makes_no_graph_and_no_exception(bad: InjectedStep) -> None:
    made = compile_recipe(spec(step(1), step(2, 1)), DEFAULTS)
    assert isinstance(made, Recipe) and made.plan is not None
    assert len(laid_over(made, evolve(made.plan, injected=(bad,)), DEFAULTS).steps) == 2


def test_a_controller_that_takes_over_goes_on_with_the_same_graph() -> None:
    run = sick(World(spec(step(1), step(2, 1), step(3, 2), **ADJUSTABLE)), "d1")
    run.run(stop=lambda seen: "wf-step-4" in seen.children)
    run.settings = run.settings.model_copy(update={"adaptation": False})
    run.answers.clear()
    run.run()
    assert run.states() == dict.fromkeys(range(1, 5), "completed")
    assert (run.step(2).start_time or 0) >= (run.step(4).end_time or 0)
