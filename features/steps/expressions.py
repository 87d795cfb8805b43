"""Sentences about expressions: what a step's `when` says, the variables, what children hand on."""

import json
from typing import Any

from pytest_bdd import given, parsers, then

from features.cluster import APPS, path_of
from features.recipe import names
from features.story import Story


@given(parsers.re(r'"(?P<name>[^"]+)" runs when `(?P<text>.*)`'))
def _when(story: Story, name: str, text: str) -> None:
    story.recipe.step(name).fields["when"] = text


@given(parsers.re(r"the variable (?P<name>\w+) is `(?P<value>.*)`"))
def _variable(story: Story, name: str, value: str) -> None:
    """Written as JSON, so that a number is a number."""
    story.recipe.spec.setdefault("variables", {})[name] = json.loads(value)


@given(parsers.re(r'"(?P<name>[^"]+)" hands on (?P<key>\w+) `(?P<value>.*)`'))
def _output(story: Story, name: str, key: str, value: str) -> None:
    story.recipe.rule(name).setdefault("outputs", {})[key] = value


@given(parsers.re(r"it succeeds (?P<only>only )?if `(?P<text>.*)`"))
def _criterion(story: Story, only: str | None, text: str) -> None:
    criteria: list[Any] = story.recipe.spec.setdefault("successCriteria", [])
    criteria.append({"name": f"criterion-{len(criteria) + 1}", "expr": text, "required": bool(only)})


@given(parsers.re(r'"(?P<name>[^"]+)" (?P<kind>pre|post)condition is `(?P<text>.*)`'))
def _condition(story: Story, name: str, kind: str, text: str) -> None:
    story.recipe.step(name).fields[f"{kind}Conditions"] = [{"type": "checked", "expr": text}]


@given(parsers.re(r'"(?P<name>[^"]+)" scales to `(?P<text>.*)`'))
def _scales(story: Story, name: str, text: str) -> None:
    story.recipe.step(name).told["replicas"] = text


@given(parsers.re(r'"(?P<name>[^"]+)" scales the deployment `(?P<text>.*)`'))
def _scales_other(story: Story, name: str, text: str) -> None:
    story.recipe.step(name).told["deployment"] = text


@given(parsers.re(r'"(?P<name>[^"]+)" takes the image `(?P<text>.*)`'))
def _image(story: Story, name: str, text: str) -> None:
    story.recipe.step(name).action = "update-image"
    story.recipe.step(name).told["newImage"] = text


@given(parsers.re(r'"(?P<name>[^"]+)" writes `(?P<text>.*)` as its mode'))
def _mode(story: Story, name: str, text: str) -> None:
    story.recipe.step(name).action = "update-configmap"
    story.recipe.step(name).told["dataUpdates"] = {"mode": text}


@then(parsers.re(r'the child of "(?P<name>[^"]+)" is told the mode `(?P<text>.*)`'))
def _told_mode(story: Story, name: str, text: str) -> None:
    number = story.recipe.number(name)
    told = [child["spec"]["parameters"] for child in story.ever().values() if child["spec"]["stepNumber"] == number]
    assert [one["updateConfigMap"]["data"]["mode"] for one in told] == [text] * len(told)
    assert told


@then(parsers.re(r'the tries of "(?P<name>[^"]+)" were told the modes "(?P<text>.*)"'))
def _told_modes(story: Story, name: str, text: str) -> None:
    number = story.recipe.number(name)
    told = [child["spec"]["parameters"] for child in story.ever().values() if child["spec"]["stepNumber"] == number]
    assert [one["updateConfigMap"]["data"]["mode"] for one in told] == names(text)


@then(parsers.re(r'"(?P<name>[^"]+)" runs the image "(?P<image>.*)"'))
def _runs(story: Story, name: str, image: str) -> None:
    answer = story.cluster.request("GET", path_of(APPS, story.namespace, "deployments", name))
    assert answer.body["spec"]["template"]["spec"]["containers"][0]["image"] == image
    assert story.step(name)["result"]["updateResult"]["newValue"] == image


@then(parsers.re(r'"(?P<name>[^"]+)" was skipped because "(?P<text>.*)"'))
def _skipped(story: Story, name: str, text: str) -> None:
    step = story.step(name)
    assert step["status"] == "skipped", step
    assert text in step["skipReason"], step


@then(parsers.re(r'"(?P<name>[^"]+)" failed with "(?P<error>\w+)" because "(?P<text>.*)"'))
def _failed(story: Story, name: str, error: str, text: str) -> None:
    step = story.step(name)
    assert (step["status"], step["errorType"]) == ("failed", error), step
    assert text in step["errorMessage"], step


@then(parsers.parse('"{name}" has no child'))
def _no_child_of(story: Story, name: str) -> None:
    number = story.recipe.number(name)
    assert [child for child in story.ever().values() if child["spec"]["stepNumber"] == number] == []


@then(parsers.re(r"its result says `(?P<text>.*)`"))
def _result_says(story: Story, text: str) -> None:
    assert text in story.status()["workflowResult"].get("reason", ""), story.status()["workflowResult"]


@then(parsers.parse('each time the steps were "{text}"'))
def _each_steps(sweep: list[Story], text: str) -> None:
    for run in sweep:
        assert [f"{name} {state['status']}" for name, state in run.steps().items()] == names(text)
