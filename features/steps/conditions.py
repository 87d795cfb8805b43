"""Sentences about conditions of steps, and about the registry that lays them down."""

from typing import Any

from pytest_bdd import given, parsers, step, then, when

from features.cluster import CORE, path_of
from features.story import Story
from wfexec.model.meta import CONTROLLER_NAMESPACE, REGISTRY_NAME

MAPS = path_of(CORE, CONTROLLER_NAMESPACE, "configmaps")
MAP = f"{MAPS}/{REGISTRY_NAME}"


@given(parsers.re(r'"(?P<name>[^"]+)" may miss its (?P<kind>pre|post)condition'))
def _optional(story: Story, name: str, kind: str) -> None:
    for condition in story.recipe.step(name).fields[f"{kind}Conditions"]:
        condition["required"] = False


@given(parsers.re(r'"(?P<name>[^"]+)" gives its (?P<kind>pre|post)condition (?P<limit>\S+)'))
def _limited(story: Story, name: str, kind: str, limit: str) -> None:
    for condition in story.recipe.step(name).fields[f"{kind}Conditions"]:
        condition["timeout"] = limit


@given(parsers.re(r'its (?P<kind>pre|post)condition "(?P<type_>\w+)" of "(?P<action>[^"]+)" is not required'))
def _override(story: Story, kind: str, type_: str, action: str) -> None:
    overrides: Any = story.recipe.spec.setdefault("conditionOverrides", {}).setdefault(action, {})
    overrides.setdefault(f"{kind}conditions", {})[type_] = {"required": False}


def _registry(version: str, data: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": REGISTRY_NAME, "labels": {"version": version}}, "data": data}


def _known(story: Story, version: str) -> None:
    """The controller says so with an Event on the ConfigMap."""

    def told() -> bool:
        return any(
            event["reason"] == "PolicyReloaded" and f"'{version}'" in event["message"] for event in _events(story)
        )

    story.wait(f"version {version} of the registry", told, 60_000)


def _events(story: Story) -> list[Any]:
    answer = story.cluster.request("GET", path_of(CORE, CONTROLLER_NAMESPACE, "events"))
    assert answer.status == 200, answer.body
    return [event for event in answer.body["items"] if event["involvedObject"]["name"] == REGISTRY_NAME]


@given(parsers.re(r'version "(?P<version>\w+)" of the registry says of "(?P<action>[^"]+)": `(?P<text>.*)`'))
def _laid_down(story: Story, version: str, action: str, text: str) -> None:
    def made() -> None:
        answer = story.cluster.request("POST", MAPS, _registry(version, {action: text}))
        assert answer.status == 201, answer.body
        _known(story, version)

    story.early.append(made)


@when(parsers.re(r'version "(?P<version>\w+)" of the registry comes and says of "(?P<action>[^"]+)": `(?P<text>.*)`'))
def _changed(story: Story, version: str, action: str, text: str) -> None:
    answer = story.cluster.request("PATCH", MAP, _registry(version, {action: text}))
    assert answer.status == 200, answer.body
    _known(story, version)


@step(parsers.parse("the registry is deleted"))
def _deleted(story: Story) -> None:
    assert story.cluster.request("DELETE", MAP).status == 200


@step(parsers.re(r'"(?P<name>[^"]+)" waits for its (?P<kind>pre|post)condition'))
def _awaited(story: Story, name: str, kind: str) -> None:
    def waits() -> bool:
        return any(not one.get("passed") for one in story.step(name).get(f"{kind}ConditionResults", []))

    story.wait(f"the {kind}condition of {name} being waited for", waits)


@then(parsers.re(r'the (?P<kind>pre|post)conditions of "(?P<name>[^"]+)" are "(?P<text>.*)"'))
def _results(story: Story, kind: str, name: str, text: str) -> None:
    found = story.step(name).get(f"{kind}ConditionResults", [])
    said = [f"{one['conditionType']} {'passed' if one.get('passed') else 'failed'}" for one in found]
    assert ", ".join(said) == text, found


@then(parsers.parse('"{name}" was blocked because "{text}"'))
def _blocked(story: Story, name: str, text: str) -> None:
    found = story.step(name)
    assert (found["status"], found["errorType"]) == ("blocked", "blocked"), found
    assert text in found["errorMessage"], found


@then(parsers.parse('"{name}" was judged by version "{version}"'))
def _judged_by(story: Story, name: str, version: str) -> None:
    assert story.step(name)["policy"]["version"] == version


@then(parsers.parse('the registry was told "{reason}" with "{text}"'))
def _told(story: Story, reason: str, text: str) -> None:
    def told() -> bool:
        return any(event["reason"] == reason and text in event["message"] for event in _events(story))

    story.wait(f"event {reason} on the registry", told, 60_000)
