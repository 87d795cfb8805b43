"""Which suggested parameters are taken, and why others are not (BR-ORCHESTRATION-001, BR-AUTOMATION-001)."""

from typing import Any

import pytest

from tests.unit.core.world import World, spec, step
from wfexec.core.graph import compile_recipe
from wfexec.core.suggestions import suggested
from wfexec.model.recipe import Recipe
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import DEFAULTS, Settings


def offering(
    *offers: tuple[int, str, str], confidence: float = 0.9, impact: str = "low", on: bool = True, **more: Any
) -> WorkflowExecutionSpec:
    made = [
        {
            "stepNumber": number,
            "confidence": confidence,
            "impactLevel": impact,
            "parameterChanges": {"suggestedParameters": {key: value}, "reason": "because"},
        }
        for number, key, value in offers
    ]
    steps = more.pop("steps", (step(1), step(2, 1)))
    definition = {"aiRecommendations": {"overallConfidence": 0.9, "stepOptimizations": made}}
    return spec(*steps, definition=definition, adaptiveOrchestration={"optimizationEnabled": on}, **more)


def recipe(given: WorkflowExecutionSpec, settings: Settings = DEFAULTS) -> Recipe:
    made = compile_recipe(given, settings)
    assert isinstance(made, Recipe)
    return made


def replicas(made: Recipe) -> list[int]:
    told = [one.spec.parameters.scale_deployment for one in made.steps if one.spec.parameters is not None]
    return [int(one.replicas) for one in told if one is not None]


def test_what_is_taken_stands_beside_what_was_written() -> None:
    made = recipe(offering((1, "replicas", "7")))
    assert replicas(made) == [7, 5]
    assert made.written is not None and replicas(made.written) == [5, 5]
    assert made.digest == made.written.digest
    assert made.plan is not None and made.plan.tuned
    (one,) = made.suggestions
    assert (one.change, one.reason) == ("replicas of step 's1' becomes 7", "suggested with confidence 0.90: because")


@pytest.mark.parametrize(
    ("offer", "more", "why"),
    [
        ((9, "replicas", "7"), {}, "there is no step 9"),
        ((1, "replicas", "7"), {"confidence": 0.79}, "confidence 0.79 is below 0.80"),
        ((1, "replicas", "7"), {"impact": "high"}, "its impact is high and nobody approves this workflow"),
        ((1, "replicas", "{{ variables.n }}"), {}, "must be plain"),
        ((1, "deployment", "other"), {}, "deployment names what the step is about"),
        ((1, "speed", "9"), {}, "scaleDeployment has no field 'speed'; it has replicas"),
        ((1, "replicas", "many"), {}, "replicas: "),
        ((1, "replicas", "-1"), {}, "replicas: "),
        ((1, "replicas", "5"), {}, "replicas has this value already"),
    ],
)
def test_what_is_not_taken_has_a_reason(offer: tuple[int, str, str], more: dict[str, Any], why: str) -> None:
    made = recipe(offering(offer, **more))
    assert replicas(made) == [5, 5]
    assert made.written is None
    (one,) = made.suggestions
    assert one.change == ""
    assert why in one.reason


def test_an_approver_may_be_offered_more() -> None:
    made = recipe(offering((1, "replicas", "7"), impact="high", strategy={"approvalRequired": True}))
    assert replicas(made) == [7, 5]


def test_a_plan_is_never_refused_for_a_suggestion() -> None:
    given = offering((1, "replicas", "1001"), (2, "replicas", "6"))
    made = recipe(given)
    refused = [one.reason for one in made.suggestions if not one.change]
    assert refused
    assert replicas(made) in ([5, 5], [5, 6])


def test_there_is_an_end_to_them() -> None:
    settings = DEFAULTS.model_copy(update={"adaptations_max": 1})
    made = recipe(offering((1, "replicas", "7"), (2, "replicas", "8")), settings)
    assert replicas(made) == [7, 5]
    assert made.suggestions[1].reason == "no more than 1 change is made"


def test_unasked_the_very_spec_comes_back() -> None:
    given = offering((1, "replicas", "7"), on=False)
    assert suggested(given, DEFAULTS) == (given, ())
    assert suggested(given, DEFAULTS)[0] is given
    assert recipe(given).written is None


@pytest.mark.parametrize("first", [True, False])
def test_a_plan_is_kept_to_whatever_the_setting_says_later(first: bool) -> None:
    run = World(offering((2, "replicas", "7")), DEFAULTS.model_copy(update={"adaptation": first}))
    run.run(stop=lambda seen: "wf-step-1" in seen.children)
    run.settings = run.settings.model_copy(update={"adaptation": not first})
    run.run()
    assert run.workflow.status.phase == "completed"
    parameters = run.children["wf-step-2"].spec.parameters
    told = parameters.scale_deployment if parameters is not None else None
    assert told is not None and told.replicas == (7 if first else 5)
    assert len(run.workflow.status.adaptive_adjustments) == int(first)
