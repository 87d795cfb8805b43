"""Sentences about what stands beside the targets of a workflow, and what befalls it meanwhile."""

from typing import Final

from pytest_bdd import given, parsers, step, then

from features.cluster import APPS, CORE, Json, path_of
from features.recipe import IMAGE, names
from features.story import Story

REPLICAS: Final = 2


@given("side effects are watched for")
def _watched(story: Story) -> None:
    story.setting.settings["watch-side-effects"] = True


@given("the workflow wants no look beside its targets")
def _not_wanted(story: Story) -> None:
    story.recipe.strategy["watchSideEffects"] = False


@given(parsers.re(r'the deployment "(?P<name>[\w-]+)" is (?P<word>well|unwell) beside them'))
def _beside(story: Story, name: str, word: str) -> None:
    def made() -> None:
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": IMAGE}]}}
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template},
        }
        answer = story.cluster.request("POST", path_of(APPS, story.namespace, "deployments"), body)
        assert answer.status == 201, answer.body
        _report(story, name, well=word == "well")

    story.early.append(made)


@step(parsers.re(r'the deployment "(?P<name>[\w-]+)" beside them (?P<word>falls ill|recovers)'))
def _changes(story: Story, name: str, word: str) -> None:
    _report(story, name, well=word == "recovers")


def _report(story: Story, name: str, *, well: bool) -> None:
    """As the deployment controller would: nobody looks after deployments here."""
    path = path_of(APPS, story.namespace, "deployments", name, "status")
    ready = REPLICAS if well else 0
    condition = {"type": "Available", "status": str(well), "reason": "Told", "message": ""}
    counts = {"replicas": REPLICAS, "updatedReplicas": REPLICAS, "readyReplicas": ready, "availableReplicas": ready}
    status = {"observedGeneration": 1, **counts, "conditions": [condition]}
    answer = story.cluster.request("PATCH", path, {"status": status})
    assert answer.status == 200, answer.body


@step(parsers.parse('a pod "{name}" beside them is in "{reason}"'))
def _crashes(story: Story, name: str, reason: str) -> None:
    spec = {"containers": [{"name": "app", "image": IMAGE}]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    answer = story.cluster.request("POST", path_of(CORE, story.namespace, "pods"), body)
    assert answer.status == 201, answer.body
    container: Json = {
        "name": "app",
        "image": IMAGE,
        "imageID": "",
        "ready": False,
        "restartCount": 5,
        "state": {"waiting": {"reason": reason}},
    }
    status = {"phase": "Running", "containerStatuses": [container]}
    answer = story.cluster.request("PATCH", path_of(CORE, story.namespace, "pods", name, "status"), {"status": status})
    assert answer.status == 200, answer.body


@then(parsers.parse('its side effects are "{text}"'))
def _effects(story: Story, text: str) -> None:
    found: list[Json] = story.status()["workflowResult"].get("sideEffects", [])
    assert [f"{one['resourceType']} {one['name']}" for one in found] == names(text), found
    assert all(one["namespace"] == story.namespace for one in found)


@then("it is known that there were no side effects")
def _none(story: Story) -> None:
    assert story.status()["workflowResult"].get("sideEffects") == []


@then("nobody says whether there were side effects")
def _unknown(story: Story) -> None:
    assert "sideEffects" not in story.status()["workflowResult"]


@then(parsers.parse('its message becomes "{text}"'))
def _message(story: Story, text: str) -> None:
    story.wait(f"the message {text!r}", lambda: text in story.status().get("message", ""))
