"""Sentences about what a workflow learns from earlier runs, and what changes it while it runs."""

from typing import Any

from pytest_bdd import given, parsers, step, then

from features.cluster import Json
from features.recipe import names
from features.story import Story
from wfexec.units import parse_duration, parse_instant


@given("it learns from earlier runs")
def _learns(story: Story) -> None:
    story.recipe.spec["adaptiveOrchestration"] = {"learningFromHistory": True}


@given(parsers.re(r"it may be optimised while it runs(?P<unless>|, but the setting forbids it|, at most \d+ times)"))
def _optimised(story: Story, unless: str) -> None:
    _allow(story, "optimizationEnabled", unless)


@given(
    parsers.re(r"its steps may be adjusted while it runs(?P<unless>|, but the setting forbids it|, at most \d+ times)")
)
def _adjustable(story: Story, unless: str) -> None:
    _allow(story, "dynamicStepAdjustment", unless)


@given(
    parsers.re(
        r'an analysis suggests (?P<key>\w+) "(?P<value>[^"]*)" for "(?P<name>[^"]+)", '
        r"sure to (?P<confidence>[\d.]+), with (?P<impact>\w+) impact"
    )
)
def _suggests(story: Story, key: str, value: str, name: str, confidence: str, impact: str) -> None:
    analysis: Json = story.recipe.definition.setdefault("aiRecommendations", {"overallConfidence": 0.9})
    offers: list[Json] = analysis.setdefault("stepOptimizations", [])
    change = {"suggestedParameters": {key: value}, "reason": "seen before"}
    offer = {"stepNumber": story.recipe.number(name), "confidence": float(confidence), "impactLevel": impact}
    offers.append({**offer, "parameterChanges": change})


@given(parsers.re(r'an analysis asks to verify (?P<what>"[^"]+"|everything) with (?P<priority>\w+) priority'))
def _asks_to_verify(story: Story, what: str, priority: str) -> None:
    analysis: Json = story.recipe.definition.setdefault("aiRecommendations", {"overallConfidence": 0.9})
    number = 0 if what == "everything" else story.recipe.number(what.strip('"'))
    one = {"description": "it went wrong before", "stepNumber": number, "priority": priority}
    analysis.setdefault("safetyImprovements", []).append(one)


@given("its steps may be adjusted, but nobody may verify")
def _unverifiable(story: Story) -> None:
    _allow(story, "dynamicStepAdjustment", "")
    story.setting.forbidden = (*story.setting.forbidden, "verify-health")


@given("nobody guards it")
def _unguarded(story: Story) -> None:
    assert "approvalRequired" not in story.recipe.strategy


@given("a person has approved it")
def _approved(story: Story) -> None:
    story.recipe.strategy["approvalRequired"] = True
    prefix = "workflowexecution.kubernaut.io"
    story.recipe.annotations |= {f"{prefix}/pre-approved": "true", f"{prefix}/approval-source": "alice"}


def _allow(story: Story, switch: str, unless: str) -> None:
    story.recipe.spec.setdefault("adaptiveOrchestration", {})[switch] = True
    if "at most" in unless:
        story.setting.settings["adaptations-max"] = int(unless.split()[3])
    elif unless:
        story.setting.settings["adaptation"] = False


@given("nobody asks for more")
def _plain(story: Story) -> None:
    assert "adaptiveOrchestration" not in story.recipe.spec


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
    found = [one for one in _adjustments(story) if one["adjustmentType"] == kind and one.get("stepNumber") == number]
    assert len(found) == 1, _adjustments(story)
    one = found[0]
    assert text in one["adjustment"], one
    assert reason in one["reason"], one


@then(parsers.re(r'it was adjusted in "(?P<kind>\w+)": "(?P<text>[^"]*)" because "(?P<reason>[^"]*)"'))
def _adjusted_once(story: Story, kind: str, text: str, reason: str) -> None:
    found = [one for one in _adjustments(story) if one["adjustmentType"] == kind and text in one["adjustment"]]
    assert len(found) == 1, _adjustments(story)
    one = found[0]
    assert reason in one["reason"], one


@then(parsers.parse("it was adjusted {count:d} times"))
def _times(story: Story, count: int) -> None:
    assert len(_adjustments(story)) == count, _adjustments(story)


@then(parsers.parse("between these two it never had more than {count:d} active steps"))
def _throttled(story: Story, count: int) -> None:
    """A step that ran when the limit fell goes on: only what is above it after that would be a start too many."""
    least = 99
    for version in story.versions():
        status = version.get("status", {})
        if len(status.get("adaptiveAdjustments", [])) == 1:
            least = min(least, status["activeSteps"])
            assert status["activeSteps"] <= max(count, least), status["activeSteps"]


@then(parsers.parse('the steps were started in the order "{text}"'))
def _order(story: Story, text: str) -> None:
    found = story.steps()
    assert sorted(found, key=lambda name: parse_instant(found[name]["startTime"])) == names(text)


@then(parsers.parse('child "{name}" has a timeout of at least {duration}'))
def _child_time(story: Story, name: str, duration: str) -> None:
    told = parse_duration(story.ever()[name]["spec"]["timeout"])
    assert told >= parse_duration(duration), told


@then(parsers.parse('its estimate was adjusted: "{text}" because "{reason}"'))
def _estimated(story: Story, text: str, reason: str) -> None:
    found = [one for one in _adjustments(story) if one["adjustmentType"] == "estimate"]
    assert len(found) == 1, _adjustments(story)
    one = found[0]
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


def _added(story: Story, name: str) -> Json:
    found: list[Json] = [one for one in story.status().get("stepStatuses", []) if one.get("name") == name]
    return found[0] if found else {}


@step(parsers.parse('the step "{name}" is added'))
def _is_added(story: Story, name: str) -> None:
    story.wait(f"step {name}", lambda: _added(story, name))


@then(
    parsers.re(
        r'the step "(?P<name>[^"]+)" was injected as number (?P<number>\d+) and is completed, '
        r'(?P<side>before|after) "(?P<other>[^"]+)" (started|ended)'
    )
)
def _injected(story: Story, name: str, number: str, side: str, other: str) -> None:
    added, known = _added(story, name), story.step(other)
    assert (added["stepNumber"], added["injected"], added["status"]) == (int(number), True, "completed"), added
    child = story.ever()[f"recover-step-{number}"]
    assert child["spec"]["action"] == "verify-health", child
    if side == "before":
        assert parse_instant(added["endTime"]) <= parse_instant(known["startTime"])
    else:
        assert parse_instant(known["endTime"]) <= parse_instant(added["startTime"])


@then(parsers.parse('the child of "{name}" was never made'))
def _no_child(story: Story, name: str) -> None:
    assert f"recover-step-{story.recipe.number(name)}" not in story.ever()
