"""Each rule of lint finds what it is for, where it is, and is silent about the same workflow without it."""

from typing import Any

import pytest

from tests.unit.core.world import spec, step
from wfexec.core.graph import compile_recipe
from wfexec.core.lint import advise
from wfexec.core.rules import DEPRECATED_SPELLING, REFUSALS, RULES, SCHEMA, TEMPLATE_UNSEEN
from wfexec.model.recipe import Recipe
from wfexec.model.rule import Advice
from wfexec.settings import DEFAULTS

Steps = list[dict[str, Any]]
DRAIN = {"action": "drain-node", "parameters": {"drainNode": {"nodeName": "n"}}}
DELETE = {"action": "delete-pod", "parameters": {"deletePod": {"namespace": "shop", "podName": "p"}}}
RESTART = {
    "action": "restart-deployment",
    "parameters": {"restartDeployment": {"namespace": "shop", "deployment": "d"}},
}
VERIFY = {"action": "verify-health", "parameters": None}
COLLECT = {"action": "collect-diagnostics", "parameters": None}
SAME = {"parameters": {"scaleDeployment": {"namespace": "shop", "deployment": "d", "replicas": 5}}}
OTHER = {"parameters": {"scaleDeployment": {"namespace": "shop", "deployment": "d", "replicas": 2}}}
INSIDE = {"parameters": {"scaleDeployment": {"namespace": "kube-system", "deployment": "d", "replicas": 2}}}
DELETE_GRACELESS = {
    "action": "delete-pod",
    "parameters": {"deletePod": {"namespace": "shop", "podName": "p", "gracePeriod": "soon"}},
}
UNDO = ("rollbackSpec",)
UNCORDON = {"uncordonNode": {"nodeName": "n"}}
BACK = {"action": "scale-deployment"}
WAY_OUT = {"runCondition": "if_primary_fails"}


OFFERS = ("aiRecommendations", "stepOptimizations")
TUNED = ("parameterChanges", "suggestedParameters")


def told(**given: Any) -> dict[str, Any]:
    return {"definition": {"aiRecommendations": {"overallConfidence": 0.5, **given}}}


def offers(*given: dict[str, Any]) -> dict[str, Any]:
    return told(stepOptimizations=list(given))


def tunes(**suggested: str) -> dict[str, Any]:
    return {"stepNumber": 1, "confidence": 0.9, "parameterChanges": {"suggestedParameters": suggested}}


def advice(steps: Steps, **more: Any) -> list[Advice]:
    given = spec(*steps, **more)
    recipe = compile_recipe(given, DEFAULTS)
    assert isinstance(recipe, Recipe), recipe
    return list(advise(given, recipe, DEFAULTS))


def found(rule: str, steps: Steps, **more: Any) -> list[tuple[str | int, ...]]:
    return [one.path[2:] for one in advice(steps, **more) if one.rule.word == rule]


FINDS: list[tuple[str, Steps, dict[str, Any], list[tuple[str | int, ...]]]] = [
    ("critical_without_rollback", [step(1, criticalStep=True) | RESTART], {}, [("steps", 0)]),
    ("critical_without_rollback", [step(1, criticalStep=True)], {}, []),
    ("critical_without_rollback", [step(1) | RESTART], {}, []),
    ("irreversible_early", [step(1) | DELETE, step(2, 1)], {}, [("steps", 0, "action")]),
    ("irreversible_early", [step(1) | DELETE, step(2, 1) | COLLECT], {}, [("steps", 0, "action")]),
    ("irreversible_early", [step(1), step(2, 1) | DELETE, step(3, 2) | VERIFY], {}, []),
    ("irreversible_early", [step(1) | DELETE, step(2)], {}, []),
    ("missing_timeout", [step(1), step(2, timeout=60_000)], {}, [("steps", 0)]),
    ("unreachable_step", [step(1, criticalStep=True), step(2, 1, **WAY_OUT)], {}, [("steps", 1, "runCondition")]),
    ("unreachable_step", [step(1), step(2, 1, **WAY_OUT)], {}, []),
    (
        "unreachable_step",
        [step(1), step(2, 1, **WAY_OUT)],
        {"failurePolicy": "terminate"},
        [("steps", 1, "runCondition")],
    ),
    (
        "unreachable_step",
        [step(1), step(2, 1, **WAY_OUT), step(3, 1, 2), step(4, 3)],
        {},
        [("steps", 2, "dependsOn"), ("steps", 3)],
    ),
    ("redundant_step", [step(1) | SAME, step(2, 1) | SAME], {}, [("steps", 1)]),
    ("redundant_step", [step(1) | SAME, step(2, 1) | OTHER, step(3, 2) | SAME], {}, []),
    ("redundant_step", [step(1) | VERIFY, step(2, 1) | VERIFY], {}, []),
    ("redundant_dependency", [step(1), step(2, 1), step(3, 1, 2)], {}, [("steps", 2, "dependsOn", 0)]),
    ("redundant_dependency", [step(1), step(2, 1), step(3, 1), step(4, 2, 3)], {}, []),
    ("redundant_dependency", [step(1), step(2, 1, **WAY_OUT), step(3, 1, 2)], {}, []),
    ("retries_exceed_deadline", [step(1, timeout=400_000, maxRetries=1)], {}, [("steps", 0, "timeout")]),
    ("retries_exceed_deadline", [step(1, maxRetries=3)], {}, [("steps", 0, "maxRetries")]),
    ("retries_exceed_deadline", [step(1, timeout=60_000, maxRetries=1)], {}, []),
    ("critical_path_exceeds_deadline", [step(1), step(2, 1)], {"timeout": 30_000}, [("timeout",)]),
    ("critical_path_exceeds_deadline", [step(1), step(2, 1)], {"timeout": 90_000}, []),
    ("no_verification", [step(1) | DRAIN], {}, [("steps", 0, "action")]),
    ("no_verification", [step(1) | DRAIN, step(2, 1) | VERIFY], {}, []),
    ("no_verification", [step(1) | DRAIN, step(2) | VERIFY], {}, [("steps", 0, "action")]),
    ("parallel_conflict", [step(1) | SAME, step(2) | OTHER], {}, [("steps", 1)]),
    ("parallel_conflict", [step(1) | SAME, step(2, 1) | OTHER], {}, []),
    ("recommendation_void", [step(1), step(2)], offers({"stepNumber": 7, "confidence": 0.9}), [
        (*OFFERS, 0, "stepNumber")
    ]),
    ("recommendation_void", [step(1)], offers(tunes(replicas="7", deployment="other")), []),
    ("recommendation_void", [step(1)], offers(tunes(Replicas="7"), tunes(replicas="many", namespace="")), [
        (*OFFERS, 0, *TUNED, "Replicas"), (*OFFERS, 1, *TUNED, "replicas"), (*OFFERS, 1, *TUNED, "namespace")
    ]),
    ("recommendation_void", [step(1) | VERIFY], offers(tunes(to="us"), tunes()), [(*OFFERS, 0, *TUNED)]),
    (
        "recommendation_void",
        [step(1), step(2)],
        told(parallelExecutionSuggestions=[{"groupName": "g", "stepNumbers": [1, 3], "confidence": 0.9}]),
        [("aiRecommendations", "parallelExecutionSuggestions", 0, "stepNumbers", 1)],
    ),
    (
        "recommendation_void",
        [step(1)],
        told(safetyImprovements=[{"description": "x", "stepNumber": 4}, {"description": "y"}]),
        [("aiRecommendations", "safetyImprovements", 0, "stepNumber")],
    ),
    ("protected_namespace", [step(1) | INSIDE, step(2)], {}, [("steps", 0)]),
    ("undo_doubtful", [step(1, rollbackSpec={"action": "scale-deploymnet"})], {}, [("steps", 0, *UNDO, "action")]),
    ("undo_doubtful", [step(1, rollbackSpec={"action": "scale-deployment", "parameters": UNCORDON})], {}, [
        ("steps", 0, *UNDO, "parameters")
    ]),
    ("undo_doubtful", [step(1, rollbackSpec={"action": "uncordon_node", "parameters": UNCORDON})], {}, []),
    ("undo_doubtful", [step(1), step(2, rollbackSpec=BACK | {"timeout": 900_001})], {}, [
        ("steps", 1, *UNDO, "timeout")
    ]),
    ("undo_doubtful", [step(1, rollbackSpec=BACK | {"timeout": 900_000})], {}, []),
    ("no_effect", [step(1) | DELETE_GRACELESS, step(2, maxRetries=7)], {}, [("steps", 0), ("steps", 1)]),
    ("no_effect", [step(1, metadata={"execution_mode": "sequentiell"})], {}, [
        ("steps", 0, "metadata", "execution_mode")
    ]),
    ("no_effect", [step(1, metadata={"execution_mode": "sequential"})], {}, []),
]  # fmt: skip


def test_overrides_of_actions_that_no_step_has_are_told() -> None:
    known = {"preconditions": {"deployment_exists": {"required": False}}}
    given = dict.fromkeys(("drain-node", "scael-deployment", "scale"), known)
    told = [one for one in advice([step(1)], conditionOverrides=given) if one.rule.word == "no_effect"]
    assert [one.path for one in told] == [("spec", "conditionOverrides", one) for one in given if one != "scale"]
    assert "no step has that action" in told[0].message
    assert "did you mean scale-deployment" in told[1].message


def test_overrides_of_conditions_that_only_a_registry_may_have_are_told() -> None:
    own = {"postConditions": [{"type": "mine", "expr": "true"}]}
    sides = {
        "preconditions": {"deployment_exits": {"required": False}, "mine": {"required": False}},
        "postconditions": {"mine": {"required": False}, "desired_replicas_running": {"required": False}},
    }
    given = {"scale": sides, "verify-health": {"postconditions": {"any": {"required": False}}}}
    told = [
        one
        for one in advice([step(1), step(2) | own, step(3) | VERIFY], conditionOverrides=given)
        if one.rule.word == "no_effect"
    ]
    assert [one.path[2:] for one in told] == [
        ("scale", "preconditions", "deployment_exits"),
        ("scale", "preconditions", "mine"),
        ("verify-health", "postconditions", "any"),
    ]
    assert [one.message.partition("; ")[2] for one in told] == [
        "did you mean deployment_exists?; unless the registry of your cluster has it",
        "there is deployment_exists; unless the registry of your cluster has it",
        "there is none; unless the registry of your cluster has it",
    ]


@pytest.mark.parametrize(("rule", "steps", "more", "places"), FINDS)
def test_a_rule_finds_its_places_and_no_others(
    rule: str, steps: Steps, more: dict[str, Any], places: list[tuple[str | int, ...]]
) -> None:
    expected = [place if place != ("timeout",) else () for place in places]
    if rule == "critical_path_exceeds_deadline":
        assert [one.path for one in advice(steps, **more) if one.rule.word == rule] == [
            ("spec", "timeout") for _ in expected
        ]
    else:
        assert found(rule, steps, **more) == expected


def test_every_rule_is_shown_to_find_something() -> None:
    shown = {rule for rule, _, _, places in FINDS if places}
    refused = {SCHEMA, DEPRECATED_SPELLING, TEMPLATE_UNSEEN, *REFUSALS.values()}
    advised = {rule.word for rule in RULES if rule not in refused}
    assert sorted(advised) == sorted(shown)


def test_a_step_is_found_where_it_stands_in_the_file_not_where_it_comes_in_the_order() -> None:
    assert found("critical_without_rollback", [step(2), step(1, criticalStep=True) | RESTART]) == [("steps", 1)]


def test_a_hundred_steps_in_every_relation_are_no_trouble() -> None:
    everything = [step(number, *range(1, number)) for number in range(1, 101)]
    assert len(found("redundant_dependency", everything, strategy={"approvalRequired": True})) == 99 * 98 // 2
