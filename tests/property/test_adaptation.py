"""However a run goes, adaptation touches only what has not started, and tells each change (BR-ORCHESTRATION-001)."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.world import World, completed, failed, spec, step
from wfexec.core.graph import topological_order
from wfexec.core.replan import laid_over
from wfexec.model.phases import TERMINAL, StepState
from wfexec.model.plan import CountRecord, EventRecord
from wfexec.model.recipe import Recipe
from wfexec.model.status import InjectedStep, PlannedStep, WorkflowExecutionStatus
from wfexec.settings import DEFAULTS

METRIC = "kubernaut_workflowexecution_adaptive_adjustments_total"
REPORTS = [
    completed(1_000),
    completed(30_000),
    completed(290_000),
    failed("connection refused"),
    failed("429 too many requests", 20_000),
    failed("the object has been modified", 5_000),
    failed("forbidden"),
    completed(10**9),
]


def advice(count: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    """An analysis that wants steps verified; 0 is all of them."""
    one = st.fixed_dictionaries(
        {"description": st.just("x"), "stepNumber": st.integers(0, count), "priority": st.sampled_from(["low", "high"])}
    )
    return st.lists(one, max_size=3)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    count = draw(st.integers(1, 7))
    steps = []
    for number in range(1, count + 1):
        after = draw(st.lists(st.integers(1, count), max_size=2, unique=True))
        more: dict[str, Any] = {"maxRetries": draw(st.sampled_from([0, 1, 2, 10]))}
        if not draw(st.integers(0, 3)):
            expr = draw(st.sampled_from(["target.replicas == 3", "target.replicas == 5", "1 / 0 == 1"]))
            more["postConditions"] = [{"type": "promise", "expr": expr}]
            more["criticalStep"] = draw(st.booleans())
        if draw(st.booleans()):
            more["action"] = "restart-deployment"
            more["parameters"] = {"restartDeployment": {"namespace": "shop", "deployment": f"d{number}"}}
        steps.append(step(number, *(one for one in after if one < number), **more))
    run = World(
        spec(
            *steps,
            strategy={"maxParallelSteps": draw(st.integers(1, 4)), "rollbackStrategy": "none"},
            adaptiveOrchestration={"optimizationEnabled": True, "dynamicStepAdjustment": draw(st.booleans())},
            timeout="2h",
            definition={"aiRecommendations": {"overallConfidence": 1, "safetyImprovements": draw(advice(count))}},
        ),
        DEFAULTS.model_copy(update={"adaptations_max": draw(st.integers(0, 12))}),
    )
    for number in range(1, 2 * count + 1):
        for attempt in range(6):
            name = f"wf-step-{number}" + (f"-r{attempt}" if attempt else "")
            run.say(name, draw(st.sampled_from(REPORTS)))
    return run


def planned(status: WorkflowExecutionStatus) -> Mapping[int, PlannedStep]:
    return {one.step_number: one for one in status.execution_plan.steps} if status.execution_plan is not None else {}


def added_by(status: WorkflowExecutionStatus) -> tuple[InjectedStep, ...]:
    return status.execution_plan.injected if status.execution_plan is not None else ()


def started(status: WorkflowExecutionStatus) -> set[int]:
    return {one.step_number for one in status.step_statuses if one.attempts or one.status is not StepState.PENDING}


def recipe_now(run: World) -> Recipe:
    base = run.snapshot().recipe
    assert isinstance(base, Recipe)
    return laid_over(base, run.workflow.status.execution_plan, run.settings)


@settings(max_examples=120, deadline=None)
@given(worlds())
def test_what_has_started_is_never_changed_and_every_change_is_told(run: World) -> None:
    seen = [run.workflow.status]

    def watched(now: World) -> bool:
        seen.append(now.workflow.status)
        return False

    run.run(stop=watched)
    for before, after in pairwise(seen):
        for number in started(before) & set(planned(before)):
            assert planned(after)[number] == planned(before)[number]
        for added in added_by(after)[len(added_by(before)) :]:
            assert added.after in started(after)
            assert not set(added.before) & started(before)
        assert added_by(after)[: len(added_by(before))] == added_by(before)
        told = after.adaptive_adjustments[len(before.adaptive_adjustments) :]
        assert after.adaptive_adjustments[: len(before.adaptive_adjustments)] == before.adaptive_adjustments
        if before.execution_plan is not None and planned(before) != planned(after):
            assert told
        for one in told:
            assert one.adjustment and one.reason
            assert one.step_number is None or one.step_number not in started(before)
    told_at_all = run.workflow.status.adaptive_adjustments
    assert len(told_at_all) <= run.settings.adaptations_max
    assert run.reasons().count("AdaptiveAdjustment") == len(told_at_all)
    counted = [one for one in run.records if isinstance(one, CountRecord) and one.metric == METRIC]
    assert [one.labels for one in counted] == [(one.adjustment_type,) for one in told_at_all]
    assert run.workflow.status.phase in TERMINAL
    assert sum(isinstance(one, EventRecord) and one.reason == "AdaptationLimitReached" for one in run.records) <= 1


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(1, 60))
def test_what_is_planned_is_always_a_graph_that_can_be_walked(run: World, looks: int) -> None:
    left = [looks]

    def enough(_: World) -> bool:
        left[0] -= 1
        return left[0] < 0

    run.run(stop=enough)
    made = recipe_now(run)
    known = [one.step_number for one in run.workflow.status.step_statuses]
    assert known in ([], made.numbers)
    assert sorted(made.order) == list(range(len(made.steps)))
    assert topological_order([one.dependencies for one in made.steps]) == made.order
    assert 1 <= made.parallel_max <= 10
    assert all(one.timeout_ms <= run.settings.step_timeout_max and one.retries_max <= 10 for one in made.steps)


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_two_controllers_that_see_the_same_change_the_same(run: World) -> None:
    other = World(run.workflow.spec, run.settings)
    other.script = dict(run.script)
    assert run.run().workflow.status == other.run().workflow.status
