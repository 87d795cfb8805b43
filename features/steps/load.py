"""Sentences about how long people wait."""

from pytest_bdd import given, parsers, then, when

from features.cluster import Json
from features.story import Story
from sim.load import Pace, pace_of
from wfexec.crd.codec import Decoder
from wfexec.model.status import WorkflowExecution
from wfexec.units import parse_duration, parse_instant


def read(raw: Json) -> WorkflowExecution:
    found = Decoder().workflow(raw)
    assert isinstance(found, WorkflowExecution), found
    return found


def pace(story: Story) -> Pace:
    """What the workflow's own status says."""
    return pace_of(read(story.workflow()))


def in_time(story: Story, found_ms: int | None, most: str) -> None:
    assert found_ms is not None
    assert found_ms <= parse_duration(most) + story.cluster.slack_ms, f"{found_ms / 1_000} s"


@given(parsers.parse('each of its steps uses the action "{action}"'))
def _action(story: Story, action: str) -> None:
    for one in story.recipe.steps:
        one.action = action
        if action == "notify-only":
            # It has no target, so there is nothing to say.
            one.fields["parameters"] = None


@when("it is applied at an instant that is noted")
def _noted(story: Story) -> None:
    """By the back-end's own clock, which need not be the server's."""
    story.prepare()
    story.moments["applied"] = story.cluster.now_ms
    answer = story.create()
    assert answer.status == 201, answer.body


@then(parsers.parse("it was picked up within {picked} and planned within {planned}"))
def _picked_up(story: Story, picked: str, planned: str) -> None:
    in_time(story, parse_instant(story.status()["planningStartTime"]) - story.moments["applied"], picked)
    in_time(story, pace(story).planned, planned)


@then(parsers.parse("whatever became ready was ready within {most}"))
def _ready(story: Story, most: str) -> None:
    found = pace(story)
    assert len(found.queued) == len(story.recipe.steps)
    assert len(found.reactions) == sum(bool(one.after) for one in story.recipe.steps)
    for reaction in found.reactions:
        in_time(story, reaction, most)


@then(parsers.parse("its steps were through within {most}"))
def _through(story: Story, most: str) -> None:
    in_time(story, pace(story).executed, most)
