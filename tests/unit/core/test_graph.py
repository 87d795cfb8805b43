"""Planning: order, batches, strategy, refusals (BR-WF-003 to 005, 010, 020, BR-ORCHESTRATION-002 to 004, 008)."""

from typing import Any

import pytest

from tests.unit.core.world import spec, step
from wfexec.core.graph import compile_recipe, refusals
from wfexec.model.phases import Strategy
from wfexec.model.recipe import Recipe, Refusal
from wfexec.settings import DEFAULTS


def recipe(*steps: dict[str, Any], **more: Any) -> Recipe:
    made = compile_recipe(spec(*steps, **more), DEFAULTS)
    assert isinstance(made, Recipe), made
    return made


def refused(*steps: dict[str, Any], **more: Any) -> Refusal:
    made = compile_recipe(spec(*steps, **more), DEFAULTS)
    assert isinstance(made, Refusal), made
    return made


@pytest.mark.parametrize(
    ("steps", "batches", "strategy"),
    [
        ((step(1), step(2), step(3)), ((1, 2, 3),), Strategy.PARALLEL),
        ((step(1), step(2, 1), step(3, 2)), ((1,), (2,), (3,)), Strategy.SEQUENTIAL),
        ((step(1), step(2, 1), step(3, 1), step(4, 2, 3)), ((1,), (2, 3), (4,)), Strategy.SEQUENTIAL_WITH_PARALLEL),
        (
            (step(1), *[step(n, 1) for n in (2, 3, 4, 5)], step(6, 2, 3, 4, 5)),
            ((1,), (2, 3, 4, 5), (6,)),
            Strategy.SEQUENTIAL_WITH_PARALLEL,
        ),
        ((step(1),), ((1,),), Strategy.SEQUENTIAL),
    ],
    ids=["independent", "chain", "diamond", "fork-join", "single"],
)
def test_shapes_become_batches(steps: tuple[dict[str, Any], ...], batches: object, strategy: Strategy) -> None:
    made = recipe(*steps)
    assert tuple(tuple(made.steps[p].number for p in batch) for batch in made.batches) == batches
    assert made.strategy is strategy


def test_dependencies_by_number_and_by_name_are_united() -> None:
    made = recipe(step(1), step(2), step(3, 1), definition={"dependencies": {"s3": ["s2"]}})
    assert made.steps[2].dependencies == (0, 1)
    assert made.steps[0].dependents == (2,)


def test_a_sequential_step_gets_a_batch_of_its_own() -> None:
    made = recipe(step(1), step(2, metadata={"execution_mode": "sequential"}), step(3))
    assert made.batches == ((0, 2), (1,))


def test_steps_are_in_number_order_however_they_were_written() -> None:
    made = recipe(step(30), step(10), step(20, 30))
    assert made.numbers == [10, 20, 30]
    assert [made.steps[p].number for p in made.order] == [10, 30, 20]


def test_retries_explicit_before_strategy_before_setting() -> None:
    steps = (step(1, maxRetries=0), step(2, maxRetries=7), step(3))
    assert [one.retries_max for one in recipe(*steps).steps] == [0, 7, DEFAULTS.max_retries]
    with_strategy = recipe(*steps, strategy={"maxRetries": 4})
    assert [one.retries_max for one in with_strategy.steps] == [0, 7, 4]
    # The executor takes five at most and is told so with a warning.
    assert with_strategy.steps[1].prototype.max_retries == 5
    assert "maxRetries 7" in with_strategy.steps[1].warnings[0]


def test_critical_path_is_the_longest_chain_by_time() -> None:
    long = step(2, 1, action="drain-node", parameters={"drainNode": {"nodeName": "n1"}})
    made = recipe(step(1), long, step(3, 1), step(4, 2, 3))
    assert [made.steps[p].number for p in made.critical_path] == [1, 2, 4]


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ((step(1, 2), step(2, 1)), "s1 → s2 → s1"),
        ((step(1, 3), step(2, 1), step(3, 2)), "s1 → s2 → s3 → s1"),
        ((step(1), step(2, 1, 4), step(3, 2), step(4, 3)), "s2 → s3 → s4 → s2"),
        ((step(1, 1),), "s1 → s1"),
    ],
)
def test_a_cycle_is_refused_with_its_path(steps: tuple[dict[str, Any], ...], path: str) -> None:
    refusal = refused(*steps)
    assert "circular dependency detected" in refusal.message
    assert path in refusal.message


def test_a_missing_dependency_names_both_steps() -> None:
    by_number = refused(step(1, 9))
    assert by_number.field == "spec.workflowDefinition.steps[0].dependsOn"
    assert "'s1'" in by_number.message
    assert "9" in by_number.message
    by_name = refused(step(1), definition={"dependencies": {"s1": ["ghost"]}})
    assert "'s1'" in by_name.message
    assert "'ghost'" in by_name.message


def restart(selector: str, **more: str) -> dict[str, Any]:
    """As the rest of a step."""
    parameters = {"restartPod": {"namespace": "shop", "selector": selector, **more}}
    return {"action": "restart-pod", "parameters": parameters}


@pytest.mark.parametrize(
    ("broken", "field", "words"),
    [
        (step(1, action="scale-deploymnt"), "steps[0].action", "did you mean scale-deployment"),
        (step(1, action="restart-pod"), "steps[0].parameters.scaleDeployment", "takes restartPod"),
        (step(1, parameters=None), "steps[0].parameters", "needs parameters.scaleDeployment"),
        (step(1, parameters={}), "steps[0].parameters", "exactly one member"),
        (step(1, targetCluster="other"), "steps[0].targetCluster", "leave it empty"),
        (step(1, timeout="20m"), "steps[0].timeout", "at most 15m"),
        (step(1, timeout="0s"), "steps[0].timeout", "more than 0s"),
        (step(1, rollbackSpec={"action": "x", "timeout": "0s"}), "steps[0].rollbackSpec.timeout", "more than 0s"),
        (step(1) | restart("app in (x"), "restartPod.selector", "'app in (x' is no label selector; write it as for"),
        (step(1) | restart("a=b,"), "restartPod.selector", "is no label selector at a comma"),
        (step(1) | restart("a=b,c=d=e"), "restartPod.selector", "at 'c=d=e'"),
        (step(1) | restart(" "), "restartPod.selector", "chooses every pod of the namespace"),
        (step(1, when="true &&"), "steps[0].when", "line 1, column 8"),
        (step(1, runCondition="after_primary"), "steps[0].runCondition", "exactly one dependency"),
    ],
)
def test_a_broken_step_is_refused_with_field_and_fix(broken: dict[str, Any], field: str, words: str) -> None:
    refusal = refused(broken)
    assert refusal.field.endswith(field)
    assert words in refusal.message


def test_what_a_workflow_does_without_time_is_refused() -> None:
    """The API server refuses it before; a template may say it as well."""
    refusal = refused(step(1), timeout="0s")
    assert (refusal.reason, refusal.field) == ("timeout_out_of_range", "spec.timeout")
    assert "leave it out" in refusal.message


def test_a_selector_that_is_dropped_is_not_judged() -> None:
    assert recipe(step(1) | restart("app in (x", podName="web-1")).steps[0].warnings != ()


def test_duplicates_are_refused() -> None:
    assert refused(step(1), step(1)).reason == "duplicate_step_number"
    twin = {**step(2), "name": "s1"}
    assert refused(step(1), twin).reason == "duplicate_step_name"


def test_two_parameter_members_are_never_a_silent_pick() -> None:
    both = {"scaleDeployment": {"namespace": "a", "deployment": "b", "replicas": 1}, "cordonNode": {"nodeName": "n"}}
    refusal = refused(step(1, parameters=both))
    assert refusal.reason == "parameters_union"
    assert "scaleDeployment, cordonNode" in refusal.message


def test_lint_sees_every_finding_the_controller_stops_at_the_first() -> None:
    bad = spec(step(1, action="nonsense"), step(2, 9), step(2, 1))
    found = refusals(bad, DEFAULTS)
    assert [one.reason for one in found] == [
        "duplicate_step_number",
        "duplicate_step_name",
        "unknown_action",
        "dependency_not_found",
    ]
    assert compile_recipe(bad, DEFAULTS) == found[0]


def test_a_chain_of_a_hundred_is_planned() -> None:
    made = recipe(step(1), *[step(n, n - 1) for n in range(2, 101)])
    assert len(made.batches) == 100
    assert made.order == tuple(range(100))


def test_the_object_of_a_step_may_not_wait_for_the_run() -> None:
    parameters = {"scaleDeployment": {"namespace": "{{ target.namespace }}", "deployment": "d", "replicas": 1}}
    assert refused(step(1, parameters=parameters)).reason == "reference_too_late"
