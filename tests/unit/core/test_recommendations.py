"""An analysis becomes a workflow as a whole, or every wrong place of it is named."""

from typing import Any

import pytest

from wfexec.core.proposals import suggested
from wfexec.core.recommendations import convert
from wfexec.model.parameters import StepParameters
from wfexec.model.template import TemplateBody

TARGET = {"kind": "Deployment", "name": "api", "namespace": "shop"}


def made(raw: Any) -> TemplateBody:
    conversion = convert(raw)
    assert conversion.body is not None, conversion.problems
    return conversion.body


def wrong(raw: Any) -> dict[str, str]:
    conversion = convert(raw)
    assert conversion.body is None
    return {problem.path: problem.message for problem in conversion.problems}


def recommendation(**more: Any) -> dict[str, Any]:
    return {"id": "one", "action": "restart_deployment", "targetResource": TARGET, **more}


@pytest.mark.parametrize(("chance", "retries"), [(0.95, 1), (0.9, 1), (0.7, 2), (0.69, 3)])
def test_the_surer_a_recommendation_the_fewer_its_retries(chance: float, retries: int) -> None:
    step = made({"recommendations": [recommendation(effectivenessProbability=chance)]}).workflow_definition.steps[0]
    assert step.max_retries == retries


def test_the_target_fills_what_is_not_given_and_what_is_given_wins() -> None:
    given = recommendation(action="scale-deployment", parameters={"replicas": "4", "namespace": "other"})
    parameters = made({"recommendations": [given]}).workflow_definition.steps[0].parameters
    assert parameters is not None and parameters.scale_deployment is not None
    scale = parameters.scale_deployment
    assert (scale.namespace, scale.deployment, scale.replicas) == ("other", "api", 4)


def test_dependencies_become_edges_and_high_risk_needs_a_person() -> None:
    two = recommendation(id="two", dependencies=["one"], riskLevel="high")
    body = made({"status": {"recommendations": [recommendation(), two]}, "kind": "AIAnalysis"})
    steps = body.workflow_definition.steps
    assert steps[1].depends_on == (1,)
    assert steps[1].critical_step
    assert [step.name for step in steps] == ["restart-deployment", "restart-deployment-2"]
    assert body.execution_strategy is not None and body.execution_strategy.approval_required


@pytest.mark.parametrize(
    ("raw", "path", "says"),
    [
        ({}, "the file", "exactly one of"),
        ({"recommendations": [], "actions": []}, "the file", "there is recommendations, actions"),
        ({"recommendations": []}, "recommendations", "nothing to do"),
        ({"recommendations": {}}, "recommendations", "must be a list"),
        ({"recommendations": [7]}, "recommendations[0]", "must be an object"),
        ({"recommendations": [recommendation(actoin="x")]}, "recommendations[0].actoin", "did you mean action?"),
        ({"recommendations": [recommendation(riskLevel="hgih")]}, "recommendations[0].riskLevel", "did you mean high?"),
        (
            {"recommendations": [recommendation(dependencies=["ones"])]},
            "recommendations[0].dependencies[0]",
            "did you mean one?",
        ),
        (
            {"recommendations": [recommendation(), recommendation()]},
            "recommendations[1].id",
            "each once only",
        ),
        (
            {"recommendations": [recommendation(effectivenessProbability=2)]},
            "recommendations[0].effectivenessProbability",
            "from 0 to 1",
        ),
        (
            {"recommendations": [recommendation(targetResource={"kind": "Pod", "name": "p"})]},
            "recommendations[0].parameters.deployment",
            "is required",
        ),
        (
            {"actions": [{"action_type": "expand_pvc", "parameters": {}}]},
            "actions[0].parameters.namespace",
            "is required",
        ),
        (
            {"actions": [{"actionType": "scale_deployment", "parameters": {"namespace": "n", "replicas": "five"}}]},
            "actions[0].parameters.replicas",
            "must be a whole number",
        ),
        (
            {"actions": [{"actionType": "drain_node", "parameters": {"nodeName": "n"}, "priority": "urgent"}]},
            "actions[0].priority",
            "must be critical",
        ),
        (
            {
                "actions": [
                    {
                        "actionType": "cordon_node",
                        "parameters": {"nodeName": "n"},
                        "monitoring": {"validationInterval": "6m"},
                    }
                ]
            },
            "actions[0].monitoring.validationInterval",
            "at most 5m",
        ),
        (
            {
                "primaryAction": {"action": "notify-only"},
                "secondaryActions": [{"action": "notify-only", "condition": "if_primary_fail"}],
            },
            "secondaryActions[0].executionCondition",
            "did you mean if_primary_fails?",
        ),
        (
            {"primaryAction": {"action": "notify-only", "condition": "after_primary"}},
            "primaryAction.executionCondition",
            "the primary has no condition",
        ),
    ],
)  # fmt: skip
def test_each_wrong_place_is_named(raw: Any, path: str, says: str) -> None:
    found = wrong(raw)
    assert says in found[path], found


def test_all_wrong_entries_are_named_not_the_first_alone() -> None:
    assert sorted(wrong({"recommendations": [{"action": "x1"}, {"action": "x2"}]})) == [
        "recommendations[0].action",
        "recommendations[1].action",
    ]


@pytest.mark.parametrize(
    ("action", "priority", "risk", "confidence", "expected"),
    [
        ("scale_deployment", "critical", "low", 0.9, (3, 300_000, True, False)),
        ("scale_deployment", "high", "low", 0.9, (2, 120_000, False, False)),
        ("scale_deployment", "medium", "high", 0.5, (1, 120_000, True, False)),
        ("scale_deployment", "low", "low", 0.5, (0, 120_000, False, True)),
        ("drain_node", "low", "medium", 0.9, (0, 600_000, False, False)),
    ],
)
def test_structured_actions_take_their_care_from_priority_and_risk(
    action: str, priority: str, risk: str, confidence: float, expected: tuple[int, int, bool, bool]
) -> None:
    node = action == "drain_node"
    parameters = {"nodeName": "n"} if node else {"namespace": "shop", "deployment": "api", "replicas": 2}
    raw = {"actionType": action, "parameters": parameters, "priority": priority, "confidence": confidence}
    body = made({"actions": [raw | {"reasoning": {"riskAssessment": risk}}]})
    step = body.workflow_definition.steps[0]
    assert (step.max_retries, step.timeout, step.critical_step, step.continue_on_failure) == expected
    assert body.execution_strategy is not None
    assert body.execution_strategy.dry_run_first is (risk != "low")
    assert body.execution_strategy.approval_required is (risk == "high")


def test_a_primary_with_a_way_out_is_not_critical() -> None:
    secondary = {"action": "notify-only", "execution_condition": "if_primary_fails"}
    primary = {"action": "notify-only", "risk_level": "high"}
    steps = made({"primary_action": primary, "secondary_actions": [secondary]}).workflow_definition.steps
    assert not steps[0].critical_step
    assert made({"primary_action": primary}).workflow_definition.steps[0].critical_step


def test_suggested_parameters_are_fields_of_the_one_set_member() -> None:
    scale = StepParameters.model_validate(
        {"scaleDeployment": {"namespace": "shop", "deployment": "api", "replicas": 2}}
    )
    changed = suggested(scale, {"replicas": "5"}, "suggestedParameters")
    assert isinstance(changed, StepParameters) and changed.scale_deployment is not None
    assert changed.scale_deployment.replicas == 5
    refused = suggested(scale, {"replcas": "5", "replicas": "many"}, "suggestedParameters")
    assert isinstance(refused, tuple)
    assert [problem.path for problem in refused] == ["suggestedParameters.replcas", "suggestedParameters.replicas"]
