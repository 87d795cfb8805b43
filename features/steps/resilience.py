"""Sentences about what befalls the controller and its way to the cluster."""

from pytest_bdd import given, parsers, step, then

from features.steps.durations import within
from features.story import Story
from sim.faults import Fault
from wfexec.units import parse_duration, parse_instant


@given(parsers.parse('write {number:d} of the controller meets the trouble "{word}"'))
def _trouble(story: Story, number: int, word: str) -> None:
    story.setting.trouble = (number, Fault(word))


@then("the trouble came")
def _came(story: Story) -> None:
    assert story.cluster.troubled


@step("the controller's watches bring nothing any more and stay open")
def _stalled(story: Story) -> None:
    story.cluster.stall_watches()
    story.moments["trouble"] = story.cluster.now_ms


@then(parsers.parse('"{name}" started within {most} of the end of "{other}"'))
def _started_after(story: Story, name: str, most: str, other: str) -> None:
    waited = parse_instant(story.step(name)["startTime"]) - parse_instant(story.step(other)["endTime"])
    within(story, waited, "0s", most)


@then(parsers.parse("it ended within {most} of the trouble"))
def _ended_after(story: Story, most: str) -> None:
    ended = parse_instant(story.status()["completionTime"])
    assert ended - story.moments["trouble"] <= parse_duration(most) + story.cluster.slack_ms
