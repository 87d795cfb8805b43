"""Sentences about who may decide whether a workflow starts, and what happens while it waits."""

from typing import Any

from pytest_bdd import given, parsers, step, then, when

from features.cluster import APPS, path_of
from features.steps.given import _pre_approved
from features.story import Story
from wfexec.model.meta import (
    ANNOTATION_APPROVAL,
    ANNOTATION_APPROVAL_REASON,
    ANNOTATION_APPROVED_BY,
)


@given("no admission policy guards the annotations")
def _unguarded(story: Story) -> None:
    story.setting.guarded = False


@given(parsers.parse('"{user}" has rejected it already'))
def _rejected_already(story: Story, user: str) -> None:
    story.recipe.annotations |= {
        ANNOTATION_APPROVAL: "rejected",
        ANNOTATION_APPROVED_BY: user,
        ANNOTATION_APPROVAL_REASON: "not during the sale",
    }


@when(parsers.parse('"{user}" tries to apply it as approved by "{source}"'))
def _tries_to_apply(story: Story, user: str, source: str) -> None:
    _pre_approved(story, source)
    story.prepare()
    story.answer = story.create(user)


@step(parsers.parse('"{user}" writes the decision "{word}" in the name of "{name}"'))
def _writes(story: Story, user: str, word: str, name: str) -> None:
    marks = {ANNOTATION_APPROVAL: word} | ({} if name == "nobody" else {ANNOTATION_APPROVED_BY: name})
    story.answer = story.annotate(marks, user)


@step(parsers.parse('"{user}" takes the decision away'))
def _takes_away(story: Story, user: str) -> None:
    marks: Any = {ANNOTATION_APPROVAL: None, ANNOTATION_APPROVED_BY: None}
    story.answer = story.annotate(marks, user)


@step(parsers.parse('somebody deletes the deployment of "{name}"'))
def _deletes_target(story: Story, name: str) -> None:
    assert story.cluster.request("DELETE", path_of(APPS, story.namespace, "deployments", name)).status == 200


@then(parsers.parse('the server does not take that: "{text}"'))
def _not_taken(story: Story, text: str) -> None:
    assert story.answer is not None
    assert story.answer.status in (403, 422), story.answer
    assert text in story.answer.body["message"], story.answer.body["message"]


@then("the server takes that")
def _taken(story: Story) -> None:
    assert story.answer is not None
    assert story.answer.status == 200, story.answer


@then(parsers.parse('the event "{reason}" was told once'))
def _once(story: Story, reason: str) -> None:
    found = [event for event in story.events() if event["reason"] == reason]
    assert [event.get("count", 1) for event in found] == [1], found


@then(parsers.parse('no event "{reason}" was told'))
def _never(story: Story, reason: str) -> None:
    assert not [event for event in story.events() if event["reason"] == reason]


@then(parsers.parse('its message says "{text}"'))
def _message(story: Story, text: str) -> None:
    assert text in story.status()["message"], story.status()["message"]
