"""The score of an end and what is recommended after it (BR-WF-051)."""

from typing import Any

import pytest

from tests.unit.core.world import World, failed, spec, step
from wfexec.core.effectiveness import not_needed, recommendations, score
from wfexec.core.graph import compile_recipe
from wfexec.model.execution import ConditionResult
from wfexec.model.phases import ErrorType, StepState
from wfexec.model.recipe import Recipe
from wfexec.model.status import AttemptStatus, StepStatus
from wfexec.settings import DEFAULTS


def recipe(*steps: dict[str, Any]) -> Recipe:
    made = compile_recipe(spec(*steps), DEFAULTS)
    assert isinstance(made, Recipe)
    return made


def states(*words: str, **fields: Any) -> list[StepStatus]:
    """Steps 1, 2, … in these states; `fields` are those of step 1."""
    return [
        StepStatus(step_number=n, action="scale-deployment", status=StepState(word), **(fields if n == 1 else {}))
        for n, word in enumerate(words, start=1)
    ]


def result(kind: str, *, passed: bool, evaluated: bool = True) -> ConditionResult:
    return ConditionResult(condition_type=kind, evaluated=evaluated, passed=passed)


FIVE = recipe(*(step(n) for n in range(1, 6)))


@pytest.mark.parametrize(
    ("words", "retries", "expected"),
    [
        (["completed"] * 5, 0, 1.0),
        (["completed"] * 5, 1, 0.95),
        (["rolled_back"] * 3 + ["failed"] * 2, 1, 0.25),
        (["rolled_back"] * 5, 10, 0.0),
        (["failed"] * 5, 0, 0.0),
        (["completed"] * 5, 30, 0.0),
    ],
)
def test_the_numbers_of_the_specification_come_out(words: list[str], retries: int, expected: float) -> None:
    assert score(states(*words, retries_attempted=retries), FIVE) == expected


def test_no_steps_are_worth_nothing() -> None:
    assert score([], FIVE) == 0.0


def test_the_first_term_is_multiplied_by_the_share_of_postconditions_that_hold() -> None:
    results = (result("x", passed=True), result("y", passed=False), result("z", passed=False, evaluated=False))
    steps = states("completed", "completed", "completed", "completed", "failed", post_condition_results=results)
    # 4 of 5, 1 of 2 judged ones.
    assert score(steps, FIVE) == 0.4
    retried = states(
        "completed", "completed", "completed", "completed", "failed", post_condition_results=results,
        retries_attempted=2,
    )  # fmt: skip
    assert score(retried, FIVE) == 0.3


def skipped(reason: str, number: int) -> StepStatus:
    return StepStatus(step_number=number, action="x", status=StepState.SKIPPED, skip_reason=reason)


def test_steps_skipped_by_their_condition_leave_the_denominator_and_those_skipped_by_a_failure_do_not() -> None:
    chain = recipe(step(1), step(2), step(3, 2), step(4), step(5, 4))
    steps = states("completed", "completed", "completed", "failed", "completed")
    steps[1] = skipped("when is false", 2)
    steps[2] = skipped("dependency 's2' is skipped", 3)
    steps[4] = skipped("dependency 's4' is failed", 5)
    assert not_needed(steps, chain) == {1, 2}
    assert score(steps, chain) == round(1 / 3, 4)


def test_a_step_after_one_that_failed_and_one_that_was_not_needed_stays_in_the_denominator() -> None:
    join = recipe(step(1), step(2), step(3, 1, 2))
    steps = states("failed", "completed", "completed")
    steps[1] = skipped("when is false", 2)
    steps[2] = skipped("dependency 's1' is failed", 3)
    assert not_needed(steps, join) == {1}
    assert score(steps, join) == 0.0


def test_a_step_that_a_person_skipped_after_it_had_run_was_needed() -> None:
    steps = states("completed", "completed")
    tried = AttemptStatus(name="wf-step-2", phase=StepState.FAILED, start_time=0)
    steps[1] = StepStatus(
        step_number=2, action="x", status=StepState.SKIPPED, skip_reason="when is false", attempts=(tried,)
    )
    assert score(steps, recipe(step(1), step(2))) == 0.5


def test_where_no_step_was_needed_there_was_nothing_to_do() -> None:
    assert score([skipped("when is false", 1)], recipe(step(1))) == 1.0


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ErrorType.TIMEOUT, "raise the timeout of step 1 (scale-deployment) above 5m"),
        (ErrorType.NETWORK, "retry step 1 (scale-deployment): network may pass"),
        (ErrorType.RESOURCE_NOT_FOUND, "add a precondition to step 1 (scale-deployment) that its target exists"),
        (ErrorType.PERMISSION_DENIED, "look into step 1 (scale-deployment) before it is tried again"),
    ],
)
def test_each_sort_of_failure_has_its_advice(error: ErrorType, text: str) -> None:
    (told,) = recommendations(states("failed", error_type=error), recipe(step(1)), "step_failed: x")
    assert told.startswith(text)


def test_a_blocked_step_points_at_its_precondition() -> None:
    unmet = (result("room", passed=False),)
    steps = states("blocked", error_type=ErrorType.BLOCKED, pre_condition_results=unmet)
    (told,) = recommendations(steps, recipe(step(1)), "step_failed: x")
    assert told == "see to the precondition room first, then retry step 1 (scale-deployment)"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("workflow_triggered_new_alerts: Slow on Deployment shop/d1", "look into Slow on Deployment shop/d1; add"),
        ("success_criteria_unmet: fast", "see why the success criterion fast is not met"),
        ("monitoring_timeout_cannot_verify_success", "look at the targets of the completed steps"),
        ("alerts_unknown: no answer", "look at the Alertmanager"),
        ("workflow_timeout: 10m", "raise spec.timeout"),
    ],
)
def test_each_end_has_its_advice(reason: str, text: str) -> None:
    (told,) = recommendations(states("completed"), recipe(step(1)), reason)
    assert told.startswith(text)


def test_success_needs_no_advice_and_a_failed_workflow_never_looks_good() -> None:
    good = World(spec(step(1))).run().workflow.status.workflow_result
    assert good is not None
    assert good.recommended_actions == ()
    world = World(
        spec(*(step(n) for n in range(1, 10)), step(10, criticalStep=True), strategy={"rollbackStrategy": "manual"})
    )
    world.say("wf-step-10", failed("forbidden", 60_000))
    bad = world.run().workflow.status.workflow_result
    assert bad is not None
    assert bad.effectiveness_score == 0.49
    assert bad.recommended_actions
