"""What a run shows changes what has not started, in bounds, and is told (BR-ORCHESTRATION-001, BR-AUTOMATION-001)."""

from typing import Any

import pytest

from tests.unit.core.world import World, completed, failed, spec, step
from wfexec.core.decide import decide
from wfexec.core.graph import compile_recipe
from wfexec.core.replan import laid_over
from wfexec.model.base import evolve
from wfexec.model.plan import CountRecord
from wfexec.model.recipe import Recipe
from wfexec.model.status import AdaptiveAdjustment
from wfexec.settings import DEFAULTS, Settings

OPTIMISED: dict[str, Any] = {"adaptiveOrchestration": {"optimizationEnabled": True}}
LONG = 270_000
THROTTLED = "429 too many requests"
METRIC = "kubernaut_workflowexecution_adaptive_adjustments_total"


def world(*steps: dict[str, Any], settings: Settings = DEFAULTS, **more: Any) -> World:
    return World(spec(*steps, **{"timeout": "1h", **OPTIMISED, **more}), settings)


def changes(run: World) -> list[tuple[str, str, str]]:
    made = run.workflow.status.adaptive_adjustments
    return [(one.adjustment_type, one.adjustment, one.reason) for one in made]


def test_each_change_stands_in_status_event_and_metric_in_one_decision() -> None:
    run = world(step(1), step(2, 1))
    run.say("wf-step-1", completed(LONG))
    run.run()
    (one,) = run.workflow.status.adaptive_adjustments
    assert (one.adjustment_type, one.step_number) == ("timeout", 2)
    assert one.adjustment == "timeout of step 's2' 5m → 6m45s"
    assert one.reason == "scale-deployment took 4m30s in this run"
    plan = run.workflow.status.execution_plan
    assert plan is not None and [each.timeout for each in plan.steps] == [300_000, 405_000]
    assert run.children["wf-step-2"].spec.timeout == 405_000
    (telling,) = [each for each in run.plans if CountRecord(METRIC, ("timeout",), 1.0) in each.records]
    assert telling.status is not None and telling.status.adaptive_adjustments == (one,)
    assert run.reasons().count("AdaptiveAdjustment") == 1


def test_a_timeout_that_passed_tells_of_time_and_is_bounded() -> None:
    run = world(step(1, maxRetries=0, timeout="14m"), step(2, runCondition="after_primary", dependsOn=[1]))
    run.say("wf-step-1", completed(10**9))
    run.run()
    assert [text for _, text, _ in changes(run)] == ["timeout of step 's2' 5m → 15m"]
    assert run.children["wf-step-2"].spec.timeout == DEFAULTS.step_timeout_max


def test_other_actions_are_left_alone_and_so_is_what_has_started() -> None:
    restart = {"restartDeployment": {"namespace": "shop", "deployment": "d2"}}
    run = world(step(1), step(2, 1, action="restart-deployment", parameters=restart), step(3), step(4, 3))
    run.say("wf-step-1", completed(LONG))
    run.say("wf-step-3", completed(LONG + 5_000))
    run.say("wf-step-4", completed(1_000))
    run.run()
    assert [text for _, text, _ in changes(run)] == ["timeout of step 's4' 5m → 6m45s"]
    assert run.children["wf-step-2"].spec.timeout == 300_000
    assert run.children["wf-step-3"].spec.timeout == 300_000


@pytest.mark.parametrize(("text", "delay"), [("connection refused", 15_000), (THROTTLED, 60_000)])
def test_the_first_delay_follows_what_failed(text: str, delay: int) -> None:
    run = world(step(1), step(2), step(3, 1, 2))
    for name in ("wf-step-1", "wf-step-2", "wf-step-3"):
        run.say(name, failed(text))
    run.run()
    first, second = run.step(3).attempts
    assert first.end_time is not None
    assert 0.9 * delay <= second.start_time - first.end_time <= 1.1 * delay
    assert [kind for kind, _, _ in changes(run) if kind == "retry"] == ["retry"]


def test_an_explicit_zero_is_a_persons_word_and_tries_are_bounded() -> None:
    run = world(step(1, maxRetries=10), step(2, maxRetries=10), step(3, 1, 2, maxRetries=0), step(4, 1, 2))
    for number in (1, 2):
        for attempt in range(8):
            run.say(f"wf-step-{number}" + (f"-r{attempt}" if attempt else ""), failed("connection refused"))
    run.run()
    assert [(text, reason.split(" of scale")[0]) for _, text, reason in changes(run)] == [
        ("retries of step 's4' 2 → 5, first delay 30s → 15s", "2 of 2 steps succeeded only after a retry")
    ]


def test_the_limit_falls_by_one_each_time_never_below_one_and_comes_back() -> None:
    run = world(*(step(number) for number in range(1, 10)), strategy={"maxParallelSteps": 2})
    run.say("wf-step-1", failed(THROTTLED))
    run.say("wf-step-3", failed(THROTTLED, 2_000))
    run.run()
    texts = [text for kind, text, _ in changes(run) if kind == "throttle"]
    assert texts == ["steps at a time 2 → 1", "steps at a time 1 → 2"]
    plan = run.workflow.status.execution_plan
    assert plan is not None and plan.parallel_limit is None
    assert run.workflow.status.phase == "completed"


def test_the_longest_goes_first_and_nothing_overtakes_one_that_wants_to_be_alone() -> None:
    restart = {"restartDeployment": {"namespace": "shop", "deployment": "d2"}}
    steps = (step(1), step(2, action="restart-deployment", parameters=restart))
    run = world(*steps, strategy={"maxParallelSteps": 1}).run()
    assert run.created == ["wf-step-2", "wf-step-1"]
    assert [text for _, text, _ in changes(run)] == ["start order s1, s2 → s2, s1"]
    alone = world(steps[0] | {"metadata": {"execution_mode": "sequential"}}, steps[1]).run()
    assert alone.created == ["wf-step-1", "wf-step-2"]
    assert changes(alone) == []
    roomy = world(*steps).run()
    assert changes(roomy) == []


def test_what_this_run_showed_counts_more_than_an_estimate() -> None:
    restart = {"restartDeployment": {"namespace": "shop", "deployment": "d2"}}
    steps = (step(1), step(2, 1), step(3, 1, action="restart-deployment", parameters=restart))
    run = world(*steps, strategy={"maxParallelSteps": 1})
    run.say("wf-step-1", completed(200_000))
    assert run.run().created == ["wf-step-1", "wf-step-2", "wf-step-3"]


@pytest.mark.parametrize("off", [{"adaptation": False}, {"adaptations_max": 0}])
def test_switched_off_nothing_is_changed(off: dict[str, Any]) -> None:
    run = world(step(1), step(2, 1), settings=DEFAULTS.model_copy(update=off))
    run.say("wf-step-1", completed(LONG))
    run.run()
    assert changes(run) == []
    assert run.children["wf-step-2"].spec.timeout == 300_000


def test_what_was_changed_before_the_setting_went_off_stays() -> None:
    run = world(step(1), step(2, 1), step(3, 2))
    run.say("wf-step-1", completed(LONG))
    run.say("wf-step-2", completed(340_000))
    run.run(stop=lambda seen: "wf-step-2" in seen.children)
    run.settings = run.settings.model_copy(update={"adaptation": False})
    run.run()
    assert run.workflow.status.phase == "completed"
    assert len(changes(run)) == 2
    assert run.children["wf-step-3"].spec.timeout == 405_000


def test_at_the_limit_it_says_so_once_and_goes_on() -> None:
    run = world(
        step(1), *(step(n, 1) for n in range(2, 6)), settings=DEFAULTS.model_copy(update={"adaptations_max": 2})
    )
    run.say("wf-step-1", completed(LONG))
    run.run()
    assert len(changes(run)) == 2
    assert run.reasons().count("AdaptationLimitReached") == 1
    assert run.workflow.status.phase == "completed"


def test_a_list_that_is_full_takes_no_more() -> None:
    run = world(step(1), step(2, 1))
    run.say("wf-step-1", completed(LONG))
    run.run(stop=lambda seen: "wf-step-1" in seen.children)
    old = AdaptiveAdjustment(timestamp=0, adjustment="", reason="", adjustment_type="estimate")
    full = evolve(run.workflow.status, adaptive_adjustments=(old,) * 256)
    run.workflow = evolve(run.workflow, status=full)
    run.run()
    assert len(changes(run)) == 256


def test_a_status_that_somebody_edited_is_held_to_its_bounds() -> None:
    made = compile_recipe(spec(step(1)), DEFAULTS)
    assert isinstance(made, Recipe) and made.plan is not None
    wild = evolve(made.plan.steps[0], retry_delay=10**9, rank=3)
    laid = laid_over(made, evolve(made.plan, steps=(wild,), parallel_limit=10), DEFAULTS)
    assert (laid.steps[0].retry_delay_ms, laid.steps[0].rank) == (60_000, 3)
    assert laid.parallel_max == made.parallel_max


def test_a_workflow_that_does_not_ask_is_decided_with_the_very_recipe() -> None:
    run = World(spec(step(1), step(2, 1), timeout="1h"))
    run.say("wf-step-1", completed(LONG))
    run.run(stop=lambda seen: "wf-step-1" in seen.children)
    seen = run.snapshot()
    assert decide(seen, run.now, run.settings).status is None
    run.run()
    assert changes(run) == []
