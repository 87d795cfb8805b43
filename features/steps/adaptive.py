"""Sentences about what a workflow learns from earlier runs."""

from typing import Any

from pytest_bdd import given, parsers, step, then

from features.cluster import Json
from features.story import Story
from wfexec.units import parse_duration


@given("it learns from earlier runs")
def _learns(story: Story) -> None:
    story.recipe.spec["adaptiveOrchestration"] = {"learningFromHistory": True}


def _runs(story: Story, count: int, definition: str, **last: Any) -> None:
    story.setting.history.append({"definition": definition, "times": count, "steps": [last]})


@given(parsers.parse('{count:d} earlier runs of "{action}" took {duration}'))
def _took(story: Story, count: int, action: str, duration: str) -> None:
    _runs(story, count, "another", action=action, took=duration)


@given(parsers.parse('after {retries:d} retries each, {count:d} earlier runs of "{action}" took {duration}'))
def _retried(story: Story, count: int, action: str, duration: str, retries: int) -> None:
    _runs(story, count, "another", action=action, took=duration, retries=retries)


@given(parsers.parse('{count:d} earlier runs of "{action}" failed'))
def _failed(story: Story, count: int, action: str) -> None:
    if count:
        _runs(story, count, "another", action=action, took="10s", failed=True)


@given(parsers.parse("{count:d} earlier runs of the same definition took {duration}"))
def _whole(story: Story, count: int, duration: str) -> None:
    story.setting.history.append({"definition": "recover-shop", "times": count, "took": duration})


def _adjustments(story: Story) -> list[Json]:
    found: list[Json] = story.status().get("adaptiveAdjustments", [])
    return found


@then(parsers.parse('it was adjusted in "{kind}" of "{name}": "{text}" because "{reason}"'))
def _adjusted(story: Story, kind: str, name: str, text: str, reason: str) -> None:
    number = story.recipe.number(name)
    (one,) = [one for one in _adjustments(story) if one["adjustmentType"] == kind and one.get("stepNumber") == number]
    assert text in one["adjustment"], one
    assert reason in one["reason"], one


@then(parsers.parse('its estimate was adjusted: "{text}" because "{reason}"'))
def _estimated(story: Story, text: str, reason: str) -> None:
    (one,) = [one for one in _adjustments(story) if one["adjustmentType"] == "estimate"]
    assert text in one["adjustment"], one
    assert reason in one["reason"], one


@then("nothing was adjusted")
def _as_it_was(story: Story) -> None:
    assert _adjustments(story) == []


@then(parsers.parse("its plan estimates {duration}"))
def _estimate(story: Story, duration: str) -> None:
    estimate = story.status()["executionPlan"]["estimatedDuration"]
    assert parse_duration(estimate) == parse_duration(duration), estimate


@then(parsers.parse('child "{name}" is given exactly {duration}'))
def _child_timeout(story: Story, name: str, duration: str) -> None:
    assert story.ever()[name]["spec"]["timeout"] == duration


@step("the same workflow is applied once more")
def _once_more(story: Story) -> None:
    """Under the same name, once the one before is gone."""
    story.wait("the end of the one before", story.gone)
    answer = story.create()
    assert answer.status == 201, answer.body
    story.wait("the new one", lambda: story.phase() in ("", "planning", "validating"), 60_000)
