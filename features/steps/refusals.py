"""Sentences about definitions that are refused, and the machine words of the refusals."""

from typing import Any

import yaml
from pytest_bdd import given, parsers, step, then

from features.cluster import WORKFLOW_PLURAL, WORKFLOWS, path_of
from features.recipe import NAME
from features.story import Story

SCALE: dict[str, Any] = {"namespace": "shop", "deployment": "b", "replicas": 2}
WRONG: dict[str, dict[str, Any]] = {
    "has no parameters": {"parameters": None},
    "has empty parameters": {"parameters": {}},
    "has the parameters of two actions": {
        "parameters": {"scaleDeployment": SCALE, "cordonNode": {"nodeName": "node-1"}},
    },
    "would be undone in two ways": {
        "rollbackSpec": {
            "action": "scale-deployment",
            "parameters": {
                "scaleToPrevious": {"namespace": "shop", "deployment": "b", "previousReplicas": 1},
                "uncordonNode": {"nodeName": "node-1"},
            },
        },
    },
    "has a configuration too large for a child": {
        "action": "notify-only",
        "parameters": {
            "custom": {"actionType": "notify", "config": {f"line-{number}": "x" * 4_000 for number in range(20)}}
        },
    },
    "writes a plain text into a Secret": {
        "action": "update-secret",
        "parameters": {"updateSecret": {"namespace": "shop", "name": "login", "dataUpdates": {"user": "swordfish 7"}}},
    },
    "restarts the pods of an open list": {
        "action": "restart-pod",
        "parameters": {"restartPod": {"namespace": "shop", "selector": "app in (x"}},
    },
    "restarts the pods of an empty selector": {
        "action": "restart-pod",
        "parameters": {"restartPod": {"namespace": "shop", "selector": ""}},
    },
    "is undone within no time": {"rollbackSpec": {"action": "scale-deployment", "timeout": "0s"}},
    "has a way out and no dependency": {"runCondition": "if_primary_fails"},
    "has the number of the first": {"stepNumber": 1},
    "waits for itself": {"dependsOn": [2]},
    "waits for step 7": {"dependsOn": [7]},
}


@given(parsers.re(r'"(?P<name>\w+)" (?P<what>' + "|".join(WRONG) + ")"))
def _wrong(story: Story, name: str, what: str) -> None:
    story.recipe.step(name).fields.update(WRONG[what])


@given(parsers.re(r"it is recommended: `(?P<text>.*)`"))
def _recommended(story: Story, text: str) -> None:
    story.recipe.definition["aiRecommendations"] = {"overallConfidence": 0.9, **yaml.safe_load(text)}


@given("a template is named beside the steps")
def _template(story: Story) -> None:
    story.recipe.spec["templateRef"] = {"name": "some-template"}


@step("somebody empties the list of its steps in the status")
def _emptied(story: Story) -> None:
    path = path_of(WORKFLOWS, story.namespace, WORKFLOW_PLURAL, NAME, "status")
    answer = story.cluster.request("PATCH", path, {"status": {"stepStatuses": []}})
    assert answer.status == 200, answer.body


@then(parsers.parse('planning refused it as "{word}"'))
def _refused(story: Story, word: str) -> None:
    (planned,) = [one for one in story.status()["conditions"] if one["type"] == "Planned"]
    assert (planned["status"], planned["reason"]) == ("False", word), planned
