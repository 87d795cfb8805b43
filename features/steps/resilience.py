"""Sentences about what befalls the controller and its way to the cluster."""

from typing import Final

from pytest_bdd import given, parsers, step, then, when

from features.cluster import Json
from features.steps.durations import within
from features.story import Story
from sim.barred import STATUS, THROTTLED
from sim.faults import Fault
from sim.troubles import parse_offset
from wfexec.model.requests import Ask, CreateExecution, DropCopy, KeepCopy, PatchMetadata, PatchStatus
from wfexec.units import parse_duration, parse_instant


@given(parsers.parse('write {number:d} of the controller meets the trouble "{word}"'))
def _trouble(story: Story, number: int, word: str) -> None:
    story.setting.trouble = (number, Fault(word))


# What a sentence calls the requests of the controller.
REQUESTS: Final = {
    "questions": Ask,
    "copies": KeepCopy,
    "copies to be dropped": DropCopy,
    "children": CreateExecution,
    "writes of metadata": PatchMetadata,
    "writes of status": PatchStatus,
}


@given(parsers.re(r"the first (?P<count>\d+) (?P<what>[a-z ]+) of the controller are refused"))
def _refused_at_first(story: Story, count: str, what: str) -> None:
    story.early.append(lambda: story.cluster.refuse(REQUESTS[what], int(count), STATUS))


@given(parsers.parse("the API server answers the first {count:d} questions with {status:d}"))
def _troubled_at_first(story: Story, count: int, status: int) -> None:
    story.early.append(lambda: story.cluster.refuse(Ask, count, status))


@step(parsers.re(r"the next (?P<count>\d+) (?P<what>[a-z ]+) of the controller are refused"))
def _refused_from_now_on(story: Story, count: str, what: str) -> None:
    story.cluster.refuse(REQUESTS[what], int(count), STATUS)


@step(parsers.parse("the API server is away for {duration}"))
def _away(story: Story, duration: str) -> None:
    story.cluster.vanish(parse_duration(duration))


@when(parsers.re(r"the API server throttles the next (?P<count>\d+) (?P<what>children|questions)"))
def _throttled(story: Story, count: str, what: str) -> None:
    story.cluster.refuse(REQUESTS[what], int(count), THROTTLED)


@then(parsers.parse("while it said so no step began beyond {most:d} at a time, and afterwards {full:d} ran again"))
def _held_back(story: Story, most: int, full: int) -> None:
    versions = [version for version in story.versions() if "stepStatuses" in version.get("status", {})]
    told = [place for place, version in enumerate(versions) if _throttle_told(version)]
    assert told, "it never said so"
    for place in told[1:]:
        before, after = versions[place - 1]["status"], versions[place]["status"]
        assert _begun(after) == _begun(before) or after.get("activeSteps", 0) <= most, after
    assert full in [version["status"].get("activeSteps", 0) for version in versions[told[-1] + 1 :]]


def _begun(status: Json) -> int:
    return sum(1 for step in status["stepStatuses"] if step.get("startTime"))


def _throttle_told(version: Json) -> bool:
    conditions = version.get("status", {}).get("conditions", ())
    return any((one["type"], one["status"], one["reason"]) == ("Degraded", "True", "Throttled") for one in conditions)


@then(parsers.parse('its message once said "{text}"'))
def _message_once(story: Story, text: str) -> None:
    told = [version.get("status", {}).get("message", "") for version in story.versions()]
    assert any(text in one for one in told), told


@then(parsers.parse('its condition "{kind}" once said "{text}"'))
def _condition_once(story: Story, kind: str, text: str) -> None:
    conditions = [one for version in story.versions() for one in version.get("status", {}).get("conditions", ())]
    assert any(one["type"] == kind and text in one["message"] for one in conditions), conditions


@then(parsers.parse('the undo of "{name}" says nothing'))
def _undo_is_silent(story: Story, name: str) -> None:
    assert story.step(name)["rollback"].get("message", "") == ""


@then("the trouble came")
def _came(story: Story) -> None:
    assert story.cluster.troubled


@given(parsers.parse("the clock of the next controller is {offset} off"))
def _clock_off(story: Story, offset: str) -> None:
    story.setting.clocks = (0, parse_offset(offset))


@when(parsers.parse("the controller's machine sleeps for {time}"))
def _slept(story: Story, time: str) -> None:
    story.cluster.sleep(parse_duration(time))


@given(parsers.parse("a watch is doubted that brings nothing for {duration}"))
def _doubted(story: Story, duration: str) -> None:
    story.setting.settings["watch-silence"] = duration


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
