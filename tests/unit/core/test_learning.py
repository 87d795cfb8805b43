"""What is learnt from earlier runs, when it is trusted, and that it costs nothing unasked (BR-ORCHESTRATION-020)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.world import START, World, default_facts, spec, step
from wfexec.core.graph import compile_recipe
from wfexec.core.learning import PATIENCE_MS, adjust, confidence, trusted
from wfexec.core.replan import laid_over
from wfexec.engine.history import RUNS_MAX, MemoryHistory, Sample, experience_of, quantile
from wfexec.model.base import evolve
from wfexec.model.facts import AskHistory, Experience, Facts, HistoryFacts, Question, Unknown
from wfexec.model.phases import StepState, WorkflowOutcome
from wfexec.model.plan import HistoryRecord
from wfexec.model.recipe import Recipe
from wfexec.model.status import AdaptiveAdjustment, AttemptStatus, StepStatus
from wfexec.settings import DEFAULTS

LEARNING = {"adaptiveOrchestration": {"learningFromHistory": True}}
SLOW = Experience(runs=20, successes=20, p50_ms=270_000, p95_ms=270_000)


def recipe(*steps: dict[str, Any]) -> Recipe:
    made = compile_recipe(spec(*steps), DEFAULTS)
    assert isinstance(made, Recipe)
    return made


def run_of(lasted: int, *, failed: bool = False, retries: int = 0, adjusted: bool = False) -> HistoryRecord:
    attempt = AttemptStatus(name="a", phase="completed", start_time=START, end_time=START + lasted)
    state = StepState.FAILED if failed else StepState.COMPLETED
    one = StepStatus(
        step_number=1, action="scale_deployment", status=state, retries_attempted=retries, attempts=(attempt,)
    )
    change = AdaptiveAdjustment(timestamp=START, adjustment="", reason="", step_number=1, adjustment_type="timeout")
    outcome = WorkflowOutcome.FAILED if failed else WorkflowOutcome.SUCCESS
    return HistoryRecord("recover", "v1", outcome, 1.0, lasted + 1_000, (one,), (change,) if adjusted else ())


def asked(history: MemoryHistory) -> Experience:
    return history.facts(AskHistory("recover", ("scale-deployment",))).actions["scale-deployment"]


@pytest.mark.parametrize(
    ("runs", "successes", "sure"), [(0, 0, 0.0), (10, 10, 0.859), (10, 9, 0.717), (30, 28, 0.848), (35, 30, 0.765)]
)
def test_confidence_is_the_lower_end_of_wilsons_interval(runs: int, successes: int, sure: float) -> None:
    assert confidence(Experience(runs, successes)) == pytest.approx(sure, abs=0.002)


@given(st.integers(1, 10_000), st.data())
def test_confidence_never_exceeds_the_share_and_grows_with_the_runs(runs: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, runs))
    sure = confidence(Experience(runs, hits))
    assert 0 <= sure <= hits / runs + 1e-9
    assert confidence(Experience(2 * runs, 2 * hits)) >= sure - 1e-9


@pytest.mark.parametrize(("well", "expected"), [(14, False), (15, True)])
def test_adjustments_that_did_not_help_are_made_no_more(well: int, expected: bool) -> None:
    assert trusted(SLOW._replace(uses=20, well=well), DEFAULTS) is expected


def test_no_runs_of_nine_are_trusted() -> None:
    assert not trusted(SLOW._replace(runs=9, successes=9), DEFAULTS)
    assert not trusted(None, DEFAULTS)


def test_a_timeout_is_only_ever_raised_and_never_beyond_the_limit() -> None:
    known = SLOW._replace(p95_ms=800_000)
    made, changes = adjust(recipe(step(1)), HistoryFacts({"scale-deployment": known}, None), START, DEFAULTS)
    assert made.steps[0].timeout_ms == DEFAULTS.step_timeout_max
    assert made.steps[0].prototype.timeout == 900_000
    assert [one.adjustment_type for one in changes] == ["timeout", "estimate"]
    roomy = recipe(step(1, timeout="15m"))
    assert adjust(roomy, HistoryFacts({"scale-deployment": SLOW}, None), START, DEFAULTS)[0].steps[0] == roomy.steps[0]


def test_a_status_that_somebody_edited_gives_no_more_than_is_allowed() -> None:
    made = recipe(step(1))
    assert made.plan is not None
    wild = evolve(made.plan.steps[0], timeout=10**9, max_retries=99)
    laid = laid_over(made, evolve(made.plan, steps=(wild,)), DEFAULTS)
    assert (laid.steps[0].timeout_ms, laid.steps[0].retries_max) == (DEFAULTS.step_timeout_max, 5)
    tight = evolve(made.plan.steps[0], timeout=1, max_retries=0)
    laid = laid_over(made, evolve(made.plan, steps=(tight,)), DEFAULTS)
    assert (laid.steps[0].timeout_ms, laid.steps[0].retries_max) == (300_000, 2)
    assert laid_over(made, evolve(made.plan, steps=()), DEFAULTS) is made
    assert laid_over(made, None, DEFAULTS) is made


def test_what_was_laid_over_a_recipe_is_not_made_again() -> None:
    made = recipe(step(1))
    assert made.plan is not None
    plan = evolve(made.plan, steps=(evolve(made.plan.steps[0], timeout=400_000),))
    assert laid_over(made, plan, DEFAULTS) is laid_over(made, plan, DEFAULTS)


def test_who_does_not_learn_asks_nothing() -> None:
    world = World(spec(step(1))).run()
    assert not any(isinstance(one, AskHistory) for plan in world.plans for one in plan.questions)
    assert world.workflow.status.adaptive_adjustments == ()


def test_the_history_is_asked_once_and_kept_to() -> None:
    world = World(spec(step(1), **LEARNING))
    answers = [SLOW, SLOW._replace(p95_ms=1_000)]

    def facts(question: Question) -> Facts:
        if isinstance(question, AskHistory):
            return HistoryFacts({"scale-deployment": answers.pop(0)}, None)
        return default_facts(question)

    world.facts = facts
    world.run()
    assert world.workflow.status.phase == "completed"
    assert len(answers) == 1
    assert world.children["wf-step-1"].spec.timeout == 405_000
    assert world.reasons().count("AdaptiveAdjustment") == 2


def test_a_history_is_not_waited_for_beyond_the_limit_of_planning_and_never_ends_it() -> None:
    world = World(spec(step(1), **LEARNING), DEFAULTS.model_copy(update={"planning_timeout": 5_000}))
    for _ in range(2):
        world.look()
    world.answers.clear()
    world.now += 4_000
    world.look()
    assert world.workflow.status.phase == "planning"
    world.answers.clear()
    world.now += 1_001
    world.run()
    assert world.workflow.status.phase == "completed"
    assert "HistoryUnavailable" in world.reasons()


@pytest.mark.parametrize("why", ["no store", ""])
def test_a_history_that_does_not_answer_holds_nobody_up_for_long(why: str) -> None:
    world = World(spec(step(1), **LEARNING))

    def facts(question: Question) -> Facts:
        return Unknown(why) if isinstance(question, AskHistory) else default_facts(question)

    world.facts = facts
    if not why:
        # Asked, and no answer at all.
        world.look()
        world.look()
        world.answers.clear()
        world.now += PATIENCE_MS
    world.run()
    assert world.workflow.status.phase == "completed"
    assert "HistoryUnavailable" in world.reasons()
    assert world.children["wf-step-1"].spec.timeout == 300_000


def test_an_end_leaves_its_record_and_a_refusal_none() -> None:
    world = World(spec(step(1), step(2, 1))).run()
    (record,) = [one for one in world.records if isinstance(one, HistoryRecord)]
    assert (record.definition, record.version, record.outcome) == ("recover", "v1", "success")
    history = MemoryHistory([record])
    assert asked(history) == Experience(2, 2, 1_000, 1_000)
    refused = World(spec(step(1, action="dance"))).run()
    assert not [one for one in refused.records if isinstance(one, HistoryRecord)]


def test_the_memory_keeps_the_latest_runs() -> None:
    history = MemoryHistory(run_of(1_000) for _ in range(RUNS_MAX))
    for _ in range(RUNS_MAX):
        history.add(run_of(2_000, retries=1))
    assert asked(history) == Experience(RUNS_MAX, RUNS_MAX, 2_000, 2_000, RUNS_MAX, 1)
    whole = history.facts(AskHistory("recover", ())).definition
    assert whole == Experience(RUNS_MAX, RUNS_MAX, 3_000, 3_000)
    assert history.facts(AskHistory("other", ("drain-node",))) == HistoryFacts({}, None)


def test_only_the_last_uses_count() -> None:
    history = MemoryHistory(run_of(1_000, failed=True, adjusted=True) for _ in range(30))
    for _ in range(20):
        history.add(run_of(1_000, adjusted=True))
    assert (asked(history).uses, asked(history).well) == (20, 20)


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_a_quantile_is_a_value_that_was_seen(values: list[int]) -> None:
    ordered = sorted(values)
    found = quantile(ordered, 95)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= 0.95 * len(ordered)


def test_durations_are_those_of_successes() -> None:
    samples = (Sample(True, 10), Sample(False, 99), Sample(True, 20, 3))
    assert experience_of(samples) == Experience(3, 2, 10, 20, 1, 3)
