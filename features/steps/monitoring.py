"""Sentences about what is watched after the last step: alerts, the expected end, what is recommended."""

from typing import Any

from pytest_bdd import given, parsers, step, then

from features.cluster import APPS, SECOND, path_of
from features.story import Story
from sim.alerts import WATCHDOG, labels_of
from wfexec.units import parse_duration, parse_instant


@given(parsers.parse("targets are watched for {duration} at the most"))
def _watched_for(story: Story, duration: str) -> None:
    story.setting.settings["monitoring-timeout"] = duration


@given("new alerts are watched for")
def _watched(story: Story) -> None:
    story.setting.settings["alertmanager-url"] = story.cluster.alerts_url


@given("new alerts are watched for, and the alert that always fires")
def _watchdog(story: Story) -> None:
    _watched(story)
    story.setting.settings["alertmanager-watchdog"] = WATCHDOG


@given(parsers.parse("targets must stay well for {duration}"))
def _window(story: Story, duration: str) -> None:
    """Longer than usual where somebody acts meanwhile: on the fast clock 30 s are half a second."""
    story.setting.settings["stabilization-window"] = duration


def _begin(story: Story, alert: str, name: str) -> None:
    story.cluster.alerts.begin(labels_of(alert, "Deployment", story.namespace, name), story.cluster.now_ms)


@given(parsers.parse('the alert "{alert}" is firing on the deployment of "{name}"'))
def _old(story: Story, alert: str, name: str) -> None:
    story.early.append(lambda: _begin(story, alert, name))


@step(parsers.parse('the alert "{alert}" begins on the deployment "{name}"'))
def _begins(story: Story, alert: str, name: str) -> None:
    _begin(story, alert, name)


@given("the Alertmanager does not answer")
def _silent(story: Story) -> None:
    def silence() -> None:
        story.cluster.alerts.down = True

    story.early.append(silence)


@given(parsers.parse("the Alertmanager breaks off whatever it is asked, {duration} later"))
def _sluggish(story: Story, duration: str) -> None:
    def slow_down() -> None:
        story.cluster.alerts.slow_ms = parse_duration(duration)

    _silent(story)
    story.early.append(slow_down)


@step("the Alertmanager answers again")
def _answers(story: Story) -> None:
    story.cluster.alerts.down = False
    story.cluster.alerts.slow_ms = 0


@then(parsers.re('(?P<when>while it executes |)a warning of its validation says "(?P<text>.*)"'))
def _warned(story: Story, when: str, text: str) -> None:
    """At once, or as soon as it comes."""

    def told() -> list[str]:
        results = story.status().get("validationResults", {})
        return [one for one in results.get("validationErrors", []) if text in one]

    if when:
        story.wait(f"a warning {text!r}", told)
        assert story.phase() == "executing"
    assert len(told()) == 1, told()


@given("no alert reaches the Alertmanager any more")
def _starved(story: Story) -> None:
    def starve() -> None:
        story.cluster.alerts.fed = False

    story.early.append(starve)


@step(parsers.parse('somebody scales the deployment of "{name}" to {count:d}'))
def _scaled(story: Story, name: str, count: int) -> None:
    """It has so many ready at once: nobody looks after deployments here."""
    path = path_of(APPS, story.namespace, "deployments", name)
    made = story.cluster.request("PATCH", path, {"spec": {"replicas": count}})
    assert made.status == 200, made.body
    ready = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), count)
    status = {"observedGeneration": made.body["metadata"]["generation"], **ready}
    answer = story.cluster.request("PATCH", f"{path}/status", {"status": status})
    assert answer.status == 200, answer.body


@then(parsers.re("it is known that (?P<any>new|no) alerts were triggered"))
def _known(story: Story, any: str) -> None:
    assert story.status()["workflowResult"].get("newAlertsTriggered") is (any == "new")


@then("nobody says whether new alerts were triggered")
def _unknown(story: Story) -> None:
    assert "newAlertsTriggered" not in story.status()["workflowResult"]


@then(parsers.re('it recommends "(?P<text>.*)"'))
def _recommends(story: Story, text: str) -> None:
    found: list[str] = story.status()["workflowResult"].get("recommendedActions", [])
    assert any(text in one for one in found), found


@then("it recommends nothing")
def _nothing(story: Story) -> None:
    assert not story.status()["workflowResult"].get("recommendedActions")


def _expected(story: Story, phase: str) -> list[tuple[int, int]]:
    """When the end was expected in this phase: each instant that was told, and when its phase began."""
    field = {"executing": "executionStartTime", "monitoring": "monitoringStartTime"}[phase]
    found: list[tuple[int, int]] = []
    for version in story.versions():
        status: Any = version.get("status", {})
        if status.get("phase") == phase and "estimatedCompletionTime" in status:
            told = (parse_instant(status["estimatedCompletionTime"]), parse_instant(status[field]))
            if not found or found[-1] != told:
                found.append(told)
    return found


@then(parsers.parse('at the beginning of "{phase}" its end was expected {duration} later'))
def _expectation(story: Story, phase: str, duration: str) -> None:
    told, began = _expected(story, phase)[0]
    assert abs(told - began - parse_duration(duration)) < SECOND + story.cluster.slack_ms


@then("its end was never expected earlier than before")
def _later(story: Story) -> None:
    instants = [told for told, _ in _expected(story, "executing")]
    assert instants == sorted(instants)


@then("its end is not expected any more")
def _ended(story: Story) -> None:
    assert "estimatedCompletionTime" not in story.status()
