"""Sentences about copies of ConfigMaps: made before the first step, used by an undo, gone with the workflow."""

import json

from pytest_bdd import given, parsers, step, then, when

from features.cluster import CORE, Answer, path_of
from features.story import Story
from wfexec.model.meta import CONTROLLER_NAMESPACE


@given(parsers.parse('the executor does not say how "{name}" is undone'))
def _says_nothing(story: Story, name: str) -> None:
    story.recipe.rule(name)["rollbackInformation"] = False


def _path(story: Story) -> str:
    uid = story.workflow()["metadata"]["uid"]
    return path_of(CORE, CONTROLLER_NAMESPACE, "configmaps", f"workflow-copy-{uid}")


def _copy(story: Story) -> Answer:
    return story.cluster.request("GET", _path(story))


@step("the copy for undoing is there")
def _there(story: Story) -> None:
    assert _copy(story).status == 200


@then("the copy for undoing is gone")
def _gone(story: Story) -> None:
    assert _copy(story).status == 404


@when("somebody takes the copy for undoing away")
def _taken(story: Story) -> None:
    assert story.cluster.request("DELETE", _path(story)).status == 200


@then(parsers.parse('the copy for undoing holds what "{name}" changed, and status its name alone'))
def _holds(story: Story, name: str) -> None:
    copy = _copy(story).body
    assert json.loads(copy["data"][str(story.recipe.number(name))]) == {"mode": "fast"}
    assert story.step(name)["preState"] == {"copy": copy["metadata"]["name"]}


@then(parsers.parse('the key "{key}" of the ConfigMap "{name}" is "{value}"'))
def _value(story: Story, key: str, name: str, value: str) -> None:
    found = story.cluster.request("GET", path_of(CORE, story.namespace, "configmaps", name))
    assert found.body["data"][key] == value
