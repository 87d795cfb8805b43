"""Sentences about the workflow itself: phase, reasons, plan, dry run, outcome, events."""

from typing import Any

from pytest_bdd import parsers, step, then

from features.cluster import APPS, Json, path_of
from features.recipe import names
from features.steps.durations import within
from features.steps.when import _approval
from features.story import Story
from wfexec.model.meta import FINALIZER
from wfexec.units import parse_duration, parse_instant

STARTS = {
    "planning": "planningStartTime",
    "validation": "validationStartTime",
    "execution": "executionStartTime",
    "monitoring": "monitoringStartTime",
    "rollback": "rollbackStartTime",
    "end": "completionTime",
}


@step(parsers.parse('it is "{phase}"'))
def _is(story: Story, phase: str) -> None:
    story.wait_for_phase(phase)


@step(parsers.parse('it becomes "{phase}"'))
def _becomes(story: Story, phase: str) -> None:
    story.reaches(phase)


@then(parsers.parse('it is still "{phase}"'))
def _still(story: Story, phase: str) -> None:
    assert story.phase() == phase, story.status()


@then("it still waits for approval")
def _still_waits(story: Story) -> None:
    assert story.phase() == "validating", story.status()
    assert _approval(story) == "Pending"


@then(parsers.parse('it was approved by "{user}"'))
def _approved_by(story: Story, user: str) -> None:
    assert story.status()["validationResults"]["approvedBy"] == user


@then("it carries the controller's finalizer")
def _finalizer(story: Story) -> None:
    assert FINALIZER in story.workflow()["metadata"]["finalizers"]


@then("its planning began before its validation")
def _planned_first(story: Story) -> None:
    assert story.between("planningStartTime", "validationStartTime") >= 0


@then(parsers.parse('its phases were "{text}"'))
def _phases(story: Story, text: str) -> None:
    assert story.phases() == names(text)


@then(parsers.parse('it entered "{phase}" once'))
def _entered_once(story: Story, phase: str) -> None:
    assert story.phases().count(phase) == 1


@then(parsers.parse('its failure reason says "{text}"'))
def _reason(story: Story, text: str) -> None:
    assert text in story.status()["failureReason"]


@then(parsers.parse('its error type is "{word}"'))
def _error_type(story: Story, word: str) -> None:
    assert story.status()["errorType"] == word


@then(parsers.parse('the server refuses it and names "{text}"'))
def _refused(story: Story, text: str) -> None:
    assert story.answer is not None
    assert story.answer.status in (400, 422), story.answer
    assert text in story.answer.body["message"]


def _batches(story: Story) -> list[list[int]]:
    return [batch["steps"] for batch in story.status()["executionPlan"]["batches"]]


@then(parsers.parse('its batches are "{text}"'))
def _its_batches(story: Story, text: str) -> None:
    expected = [[story.recipe.number(name) for name in part.split("+")] for part in names(text)]
    assert _batches(story) == [sorted(batch) for batch in expected]


@then(parsers.parse("its plan has {count:d} batches"))
def _batch_count(story: Story, count: int) -> None:
    assert len(_batches(story)) == count


@then(parsers.parse('its strategy is "{word}"'))
def _strategy(story: Story, word: str) -> None:
    assert story.status()["executionPlan"]["strategy"] == word


@then(parsers.parse("its total is {count:d} steps"))
def _total(story: Story, count: int) -> None:
    assert story.status()["totalSteps"] == count


@then(parsers.parse('its plan is of version "{version}"'))
def _plan_version(story: Story, version: str) -> None:
    assert story.status()["executionPlan"]["definitionVersion"] == version


@then("the plan says of its steps")
def _plan_steps(story: Story, datatable: list[list[str]]) -> None:
    planned = {one["stepNumber"]: one for one in story.status()["executionPlan"]["steps"]}
    for name, timeout, retries, undo in datatable[1:]:
        one = planned[story.recipe.number(name)]
        assert parse_duration(one["timeout"]) == parse_duration(timeout), one
        assert one["maxRetries"] == int(retries), one
        assert one.get("rollback", "") == undo, one


def _dry_run(story: Story) -> Json:
    results: Json = story.status()["validationResults"]["dryRunResults"]
    return results


@then(parsers.parse('its dry run says that "{name}" would {word}'))
def _dry_run_says(story: Story, name: str, word: str) -> None:
    number = story.recipe.number(name)
    (result,) = [one for one in _dry_run(story)["stepResults"] if one["stepNumber"] == number]
    assert result["wouldSucceed"] is (word == "succeed"), result


@then(parsers.parse('its dry run shows the replicas of "{name}" going from {before:d} to {after:d}'))
def _dry_run_change(story: Story, name: str, before: int, after: int) -> None:
    (change,) = [one for one in _dry_run(story)["resourceChanges"] if one["resourceName"] == name]
    assert (change["beforeState"]["replicas"], change["afterState"]["replicas"]) == (str(before), str(after))


@then(parsers.re(r'an event "(?P<reason>\w+)" says "(?P<text>.*)"'))
def _event(story: Story, reason: str, text: str) -> None:
    def told() -> bool:
        return any(event["reason"] == reason and text in event["message"] for event in story.events())

    try:
        story.wait(f"event {reason} with {text!r}", told, 60_000)
    except AssertionError as error:
        heard = [f"{event['reason']}: {event['message']}" for event in story.events()]
        raise AssertionError(f"{error}\nevents: {heard}") from None


@then(parsers.parse('its outcome is "{word}"'))
def _outcome(story: Story, word: str) -> None:
    assert story.status()["workflowResult"]["outcome"] == word


@then("its result says nothing about its targets")
def _no_health(story: Story) -> None:
    assert "resourceHealth" not in story.status()["workflowResult"]


@then(parsers.parse('its targets are "{word}"'))
def _health(story: Story, word: str) -> None:
    assert story.status()["workflowResult"].get("resourceHealth") == word


@then(parsers.parse("its effectiveness score is {value:g}"))
def _score(story: Story, value: float) -> None:
    assert story.status()["workflowResult"]["effectivenessScore"] == value


def _metrics(story: Story) -> Any:
    return story.status()["executionMetrics"]


@then(parsers.parse("its success rate is {value:g}"))
def _rate(story: Story, value: float) -> None:
    assert _metrics(story).get("stepSuccessRate", 0) == value


@then(parsers.parse("it changed {count:d} resources"))
def _affected(story: Story, count: int) -> None:
    assert _metrics(story)["resourcesAffected"] == count


@then("its total duration is from its execution to its end")
def _duration(story: Story) -> None:
    assert parse_duration(_metrics(story)["totalDuration"]) == story.between("executionStartTime", "completionTime")


@then(parsers.parse("from its {first} to its {second} at least {least} passed"))
def _at_least(story: Story, first: str, second: str, least: str) -> None:
    assert story.between(STARTS[first], STARTS[second]) >= parse_duration(least)


@then(parsers.re(r"from its (?P<first>\w+) to its (?P<second>\w+) (?P<least>\w+) to (?P<most>\w+) passed"))
def _between(story: Story, first: str, second: str, least: str, most: str) -> None:
    within(story, story.between(STARTS[first], STARTS[second]), least, most)


@then(parsers.parse("it was paused for at least {least}"))
def _paused_for(story: Story, least: str) -> None:
    """As long as the phase lasts that was left; both requests travel, so it may be a little less."""
    longest = max(parse_duration(version.get("status", {}).get("pausedTotal", "0s")) for version in story.versions())
    assert longest >= parse_duration(least) - story.cluster.slack_ms - 1_000


@then(parsers.re('its condition "(?P<kind>[^"]+)" is "(?P<word>[^"]+)"'))
def _condition_is(story: Story, kind: str, word: str) -> None:
    assert [one["status"] for one in story.status()["conditions"] if one["type"] == kind] == [word]


@step(parsers.parse('its health becomes "{word}"'))
def _health_becomes(story: Story, word: str) -> None:
    story.wait(f"health {word!r}", lambda: story.status().get("health") == word)


@then(parsers.parse('its health is "{word}"'))
def _execution_health(story: Story, word: str) -> None:
    assert story.status()["health"] == word


@then(parsers.parse('its condition "{kind}" is "{word}" and says "{text}"'))
def _condition(story: Story, kind: str, word: str, text: str) -> None:
    told = [one for one in story.status()["conditions"] if one["type"] == kind]
    assert [one["status"] for one in told] == [word]
    assert text in told[0]["message"]


@then(parsers.parse('its progress went through "{text}"'))
def _progress(story: Story, text: str) -> None:
    assert story.values("progress") == [int(value) for value in names(text)]


@then("its progress never fell")
def _never_fell(story: Story) -> None:
    values = story.values("progress")
    assert values == sorted(values)


@then(parsers.parse('the current step went through "{text}"'))
def _current(story: Story, text: str) -> None:
    assert [value for value in story.values("currentStep") if value] == [int(value) for value in names(text)]


@then(parsers.parse("it shows {active:d} active and {queued:d} queued steps"))
def _shows(story: Story, active: int, queued: int) -> None:
    def shown() -> bool:
        status = story.status()
        return (status.get("activeSteps", 0), status.get("queuedSteps", 0)) == (active, queued)

    story.wait(f"{active} active and {queued} queued", shown, 30_000)


@then(parsers.parse("it never had more than {count:d} active steps"))
def _never_more(story: Story, count: int) -> None:
    assert max(story.values("activeSteps")) == count


@then("the label that somebody wrote is still there")
def _label(story: Story) -> None:
    assert story.workflow()["metadata"]["labels"]["seen-by"].startswith("somebody")


@then("at least one write of the controller was refused for that")
def _was_refused(story: Story) -> None:
    assert story.cluster.refused_writes > 0


@then("the other controller has taken the lease over")
def _taken_over(story: Story) -> None:
    assert story.holder
    assert story.lease()["holderIdentity"] not in ("", story.holder)


@then("the workflow is gone")
def _gone(story: Story) -> None:
    story.wait("the end of the workflow", story.gone)


@then("its children are gone")
def _children_gone(story: Story) -> None:
    story.wait("the end of the children", lambda: not story.children())


def replicas(story: Story, name: str) -> Any:
    answer = story.cluster.request("GET", path_of(APPS, story.namespace, "deployments", name))
    assert answer.status == 200, answer.body
    return answer.body["spec"]["replicas"]


@then(parsers.parse('the deployment of "{name}" has {count:d} replicas'))
def _replicas(story: Story, name: str, count: int) -> None:
    assert replicas(story, name) == count


@then(parsers.parse('the deployments of "{text}" have {count:d} replicas again'))
def _replicas_again(story: Story, text: str, count: int) -> None:
    assert {name: replicas(story, name) for name in names(text)} == dict.fromkeys(names(text), count)


@then(parsers.parse('each time it was "{phase}" with the outcome "{word}"'))
def _each_phase(sweep: list[Story], phase: str, word: str) -> None:
    assert [run.phase() for run in sweep] == [phase] * len(sweep)
    assert [run.status()["workflowResult"]["outcome"] for run in sweep] == [word] * len(sweep)


@then(parsers.parse('each time the children ever seen were "{text}"'))
def _each_children(sweep: list[Story], text: str) -> None:
    assert [sorted(run.ever()) for run in sweep] == [sorted(names(text))] * len(sweep)


@then(parsers.parse('each time the deployments of "{text}" had {count:d} replicas'))
def _each_replicas(sweep: list[Story], text: str, count: int) -> None:
    for run in sweep:
        assert {name: replicas(run, name) for name in names(text)} == dict.fromkeys(names(text), count)


@then("every step has a start and an end")
def _every_time(story: Story) -> None:
    for status in story.steps().values():
        assert parse_instant(status["startTime"]) <= parse_instant(status["endTime"])
