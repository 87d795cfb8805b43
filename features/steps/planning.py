"""Sentences about the plan in status, and about what of a planned workflow may still change."""

from typing import Any

from pytest_bdd import given, parsers, step, then

from features.recipe import names
from features.story import Story
from wfexec.units import parse_duration

# A change of each part that the server guards.
CHANGES = {
    "executionStrategy": {"dryRunFirst": False},
    "failurePolicy": "terminate",
    "successCriteria": [{"name": "calm", "expr": "true"}],
    "conditionOverrides": {"scale-deployment": {"preconditions": {"ready": {"required": False}}}},
    "adaptiveOrchestration": {"optimizationEnabled": True},
    "remediationRequestRef": {"name": "another"},
}


@given(parsers.parse('it has the variable "{name}" with the value {value:d}'))
def _variable(story: Story, name: str, value: int) -> None:
    story.recipe.spec.setdefault("variables", {})[name] = value


@step(parsers.parse('somebody tries to change its "{field}"'))
def _tries(story: Story, field: str) -> None:
    story.answer = story.change({field: CHANGES[field]})


@step(parsers.parse('somebody sets its variable "{name}" to {value:d}'))
def _sets(story: Story, name: str, value: int) -> None:
    assert story.change({"variables": {name: value}}).status == 200


@step(parsers.parse('somebody raises its timeout to {duration} and its priority to "{priority}"'))
def _raises(story: Story, duration: str, priority: str) -> None:
    assert story.change({"timeout": duration, "priority": priority}).status == 200


def _plan(story: Story) -> Any:
    return story.status()["executionPlan"]


@then("the plan says of its targets")
def _targets(story: Story, datatable: list[list[str]]) -> None:
    """Names in the table leave the namespace out."""
    found = []
    for one, planned in zip(story.recipe.steps, _plan(story)["steps"], strict=True):
        target = planned.get("target", "").replace(f"{story.namespace}/", "")
        found.append([one.name, target, planned["impact"]])
    assert found == datatable[1:]


@then(
    parsers.re(
        r"the plan counts (?P<count>\d+) targets of (?P<impact>\w+) impact, (?P<there>\d+) available"
        r" and (?P<absent>\d+) unavailable"
    )
)
def _counts(story: Story, count: str, impact: str, there: str, absent: str) -> None:
    told = _plan(story)["resources"]
    numbers = [str(told.get(key, 0)) for key in ("targets", "available", "unavailable")]
    assert [*numbers, told["impact"]] == [count, there, absent, impact]


@then(parsers.parse('the critical path is "{text}"'))
def _critical(story: Story, text: str) -> None:
    assert _plan(story)["criticalPath"] == [story.recipe.number(name) for name in names(text)]


@then(parsers.parse("the plan takes {duration}"))
def _takes(story: Story, duration: str) -> None:
    assert parse_duration(_plan(story)["estimatedDuration"]) == parse_duration(duration)
