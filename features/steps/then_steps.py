"""Sentences about steps and their children: states, tries, order, undo, results."""

from itertools import pairwise
from typing import Any

from pytest_bdd import parsers, step, then

from features.cluster import APPS, CORE, Json, path_of
from features.recipe import IMAGE, NAME, REPLICAS_BEFORE, names
from features.steps.durations import within
from features.story import Story
from wfexec.model.meta import ANNOTATION_CORRELATION
from wfexec.units import parse_duration, parse_instant


@then("no child was ever created")
def _no_child(story: Story) -> None:
    assert list(story.ever()) == []


@then(parsers.parse('the children ever seen are "{text}"'))
def _children(story: Story, text: str) -> None:
    assert sorted(story.ever()) == sorted(names(text))


@then(parsers.parse('its steps are "{text}"'))
def _states(story: Story, text: str) -> None:
    found = {name: status.get("status", "pending") for name, status in story.steps().items()}
    assert [f"{name} {state}" for name, state in found.items()] == names(text)


@step(parsers.parse('"{text}" are running'))
def _are_running(story: Story, text: str) -> None:
    def running() -> list[str]:
        return [name for name, status in story.steps().items() if status.get("status") == "executing"]

    story.wait(f"{text} running", lambda: running() == names(text), 60_000)


@then("each child belongs to the workflow")
def _owned(story: Story) -> None:
    workflow = story.workflow()["metadata"]
    for child in story.ever().values():
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("WorkflowExecution", workflow["name"], workflow["uid"])
        assert owner["controller"] is True
        assert owner["blockOwnerDeletion"] is True


@then(parsers.parse('child "{name}" has the labels'))
def _labels(story: Story, name: str, datatable: list[list[str]]) -> None:
    assert {row[0]: row[1] for row in datatable}.items() <= story.ever()[name]["metadata"]["labels"].items()


@then("each child carries the workflow's correlation ID")
def _correlation(story: Story) -> None:
    """Where the parent gave none, the workflow's own uid serves."""
    uid = story.workflow()["metadata"]["uid"]
    for child in story.ever().values():
        assert child["metadata"]["annotations"][ANNOTATION_CORRELATION] == uid


@then(parsers.re(r'child "(?P<name>[^"]+)" is told "(?P<member>\w+): (?P<told>.*)"'))
def _told(story: Story, name: str, member: str, told: str) -> None:
    parameters = story.ever()[name]["spec"]["parameters"]
    assert list(parameters) == [member]
    for part in told.split():
        key, _, expected = part.partition("=")
        value: Any = parameters[member]
        for piece in key.split("."):
            value = value[piece]
        assert str(value) == expected
    assert parameters[member]["namespace"] == story.namespace


@then(parsers.parse('the target of "{name}" has changed'))
def _changed(story: Story, name: str) -> None:
    deployment = story.cluster.request("GET", path_of(APPS, story.namespace, "deployments", name)).body
    config = story.cluster.request("GET", path_of(CORE, story.namespace, "configmaps", name)).body
    template = deployment["spec"]["template"]
    before = (REPLICAS_BEFORE, IMAGE, False, "fast")
    restarted = "annotations" in template.get("metadata", {})
    image = template["spec"]["containers"][0]["image"]
    assert (deployment["spec"]["replicas"], image, restarted, config["data"]["mode"]) != before


@then(parsers.parse('the result of "{name}" is a success that took {duration}'))
def _result(story: Story, name: str, duration: str) -> None:
    result = story.step(name)["result"]
    assert result["success"] is True
    within(story, parse_duration(result["executionTime"]), duration, f"{parse_duration(duration) // 1_000 + 1}s")


@then(parsers.parse('the result of "{name}" says that its replicas went from {before:d} to {after:d}'))
def _scaled(story: Story, name: str, before: int, after: int) -> None:
    scaled = story.step(name)["result"]["scaleResult"]
    assert (scaled["previousReplicas"], scaled["newReplicas"]) == (before, after)


@then("every step started after all its dependencies had ended")
def _ordered(story: Story) -> None:
    found = story.steps()
    for one in story.recipe.steps:
        for other in one.after:
            assert parse_instant(found[other]["endTime"]) <= parse_instant(found[one.name]["startTime"])


@then(parsers.parse('"{text}" started at the same instant'))
def _together(story: Story, text: str) -> None:
    found = story.steps()
    assert len({found[name]["startTime"] for name in names(text)}) == 1


@then(parsers.parse('"{name}" started within {duration} of that'))
def _started_within(story: Story, name: str, duration: str) -> None:
    story.wait(f"{name} started", lambda: "startTime" in story.step(name))
    waited = parse_instant(story.step(name)["startTime"]) - story.moments["reported"]
    assert waited <= parse_duration(duration) + story.cluster.slack_ms


@then("the steps were started in the order of their numbers")
def _in_line(story: Story) -> None:
    starts = [parse_instant(status["startTime"]) for status in story.steps().values()]
    assert starts == sorted(starts)


@then(parsers.parse('nothing ran beside "{name}"'))
def _alone(story: Story, name: str) -> None:
    spans = {key: (parse_instant(s["startTime"]), parse_instant(s["endTime"])) for key, s in story.steps().items()}
    begin, end = spans.pop(name)
    assert all(other_end <= begin or other_begin >= end for other_begin, other_end in spans.values()), spans


def _attempts(story: Story, name: str) -> list[Json]:
    attempts: list[Json] = story.step(name)["attempts"]
    return attempts


@then(parsers.parse('"{name}" was tried by the children "{text}"'))
def _tried(story: Story, name: str, text: str) -> None:
    assert [attempt["name"] for attempt in _attempts(story, name)] == names(text)
    assert set(names(text)) <= set(story.ever())


@then(parsers.re(r'between tries (?P<first>\d) and \d of "(?P<name>\w+)" (?P<least>\w+) to (?P<most>\w+) passed'))
def _between_tries(story: Story, first: str, name: str, least: str, most: str) -> None:
    before, after = _attempts(story, name)[int(first) - 1 : int(first) + 1]
    within(story, parse_instant(after["startTime"]) - parse_instant(before["endTime"]), least, most)


@then(parsers.re(r'try (?P<number>\d) of "(?P<name>\w+)" lasted (?P<least>\w+) to (?P<most>\w+)'))
def _lasted(story: Story, number: str, name: str, least: str, most: str) -> None:
    one = _attempts(story, name)[int(number) - 1]
    within(story, parse_instant(one["endTime"]) - parse_instant(one["startTime"]), least, most)


@then(parsers.parse('"{name}" counts {count:d} retry'))
def _counts(story: Story, name: str, count: int) -> None:
    assert story.step(name)["retriesAttempted"] == count


@then(parsers.parse('the child "{name}" is gone'))
def _child_gone(story: Story, name: str) -> None:
    story.wait(f"the end of {name}", lambda: name in story.ever() and name not in story.children(), 60_000)


@then(parsers.parse('the child "{name}" exists'))
def _child_exists(story: Story, name: str) -> None:
    assert name in story.children()


@then(parsers.parse('child "{name}" has a timeout of at most {duration}'))
def _child_timeout(story: Story, name: str, duration: str) -> None:
    assert parse_duration(story.ever()[name]["spec"].get("timeout", "5m")) <= parse_duration(duration)


@then(parsers.parse('the KubernetesExecution "{name}" still belongs to somebody else'))
def _foreign(story: Story, name: str) -> None:
    found = story.children()[name]["metadata"]
    assert found["labels"] == {"made-by": "somebody-else"}
    assert not found.get("ownerReferences")


@then("nothing was undone")
def _nothing_undone(story: Story) -> None:
    assert not [name for name in story.ever() if "-rollback-" in name]


def _undo(story: Story, name: str) -> Json:
    undo: Json = story.step(name)["rollback"]
    return undo


@then(parsers.parse('the steps were undone in the order "{text}"'))
def _undone(story: Story, text: str) -> None:
    """As the children that undo them were seen to be created, one after the other."""
    assert [name for name in story.ever() if "-rollback-" in name] == [
        f"{NAME}-rollback-{story.recipe.number(name)}" for name in names(text)
    ]
    found = [(parse_instant(_undo(story, name)["startTime"]), _undo(story, name)["endTime"]) for name in names(text)]
    for (_, end), (start, _) in pairwise(found):
        assert parse_instant(end) <= start


@then(parsers.parse('the undo of "{name}" is "{word}"'))
def _undo_is(story: Story, name: str, word: str) -> None:
    assert _undo(story, name)["status"] == word


@then(parsers.parse('the undo of "{name}" took {count:d} tries'))
def _undo_tries(story: Story, name: str, count: int) -> None:
    assert _undo(story, name)["attempts"] == count


@then(parsers.parse('the state of "{name}" from before was {count:d} replicas'))
def _state_before(story: Story, name: str, count: int) -> None:
    assert story.step(name)["preState"]["replicas"] == str(count)


@then(parsers.parse('the child of "{name}" offers an undo'))
def _offers(story: Story, name: str) -> None:
    child = story.ever()[_attempts(story, name)[-1]["name"]]
    assert child["status"]["rollbackInformation"]["available"] is True


@then(parsers.parse("its rollback counts {good:d} succeeded, {bad:d} failed and {stuck:d} not reversible"))
def _tally(story: Story, good: int, bad: int, stuck: int) -> None:
    found = story.status()["rollback"]
    assert [found.get(key, 0) for key in ("succeeded", "failed", "notReversible")] == [good, bad, stuck]
