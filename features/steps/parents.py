"""Sentences about a parent that makes workflows and goes on when they fail: `sim.orchestrator` at work.

Nobody acts for it here: a request says which ways it knows, and what comes of it is watched.
"""

import copy
from functools import partial
from typing import Any

from pytest_bdd import given, parsers, then, when

from features.cluster import Json, path_of
from features.recipe import names, parse_steps
from features.steps.lifecycle import PARENT, ROOT, _make_parent
from features.story import ENDED, Story
from sim.orchestrator import ENDED as ENDS
from wfexec.model.meta import REMEDIATION_PLURAL
from wfexec.units import parse_duration, parse_instant


def _spec(story: Story) -> Json:
    found: Json = copy.deepcopy(story.recipe.manifest(story.namespace)["spec"])
    return found


@given(parsers.parse('its parent knows another way with the steps "{text}"'))
def _other_steps(story: Story, text: str) -> None:
    def made() -> Json:
        kept = story.recipe.steps
        known = {step.name: step for step in kept}
        story.recipe.steps = [
            copy.deepcopy(known[step.name]) if step.name in known else step for step in parse_steps(text)
        ]
        try:
            return _spec(story)
        finally:
            story.recipe.steps = kept

    story.ways.append(made)


@given(parsers.parse('its parent knows another way with "{action}" for "{name}"'))
def _other_action(story: Story, action: str, name: str) -> None:
    def made() -> Json:
        step = story.recipe.step(name)
        kept, step.action = step.action, action
        try:
            return _spec(story)
        finally:
            step.action = kept

    story.ways.append(made)


def _tell_time(story: Story, text: str) -> None:
    path = path_of(ROOT, story.namespace, REMEDIATION_PLURAL, PARENT)
    if story.cluster.request("GET", path).status == 404:
        _make_parent(story)
    change = {"spec": {"timeoutConfig": {"workflowExecutionTimeout": text}}}
    answer = story.cluster.request("PATCH", path, change)
    assert answer.status == 200, answer.body


@given(parsers.parse('its parent gives its workflow "{text}"'))
def _time(story: Story, text: str) -> None:
    story.early.append(partial(_tell_time, story, text))


@when(parsers.parse('its parent gives its workflow "{text}" from now on'))
def _time_from_now(story: Story, text: str) -> None:
    _tell_time(story, text)


@then(parsers.parse('its plan says a timeout of "{text}"'))
def _planned_time(story: Story, text: str) -> None:
    assert story.status()["executionPlan"].get("timeout", "nothing") == text


def _parent(story: Story) -> Json:
    answer = story.cluster.request("GET", path_of(ROOT, story.namespace, REMEDIATION_PLURAL, PARENT))
    assert answer.status == 200, answer.body
    found: Json = answer.body
    return found


def _workflows(story: Story) -> list[Json]:
    """The newest version of each that exists, in the order of their making."""
    found: dict[str, Json] = {}
    for seen in story.cluster.history:
        if seen.object["kind"] == "WorkflowExecution":
            name = seen.object["metadata"]["name"]
            if seen.change == "DELETED":
                found.pop(name, None)
            else:
                found[name] = seen.object
    return list(found.values())


@when("its parent asks for it")
def _asks(story: Story) -> None:
    story.setting.parent_at_work = True
    story.prepare()
    _make_parent(story, [_spec(story), *[made() for made in story.ways]])
    story.recipe.name = f"{PARENT}-workflow"
    story.wait("the first workflow", story.workflow)


@when("somebody cancels what the parent has made")
def _cancels(story: Story) -> None:
    story.wait("its first child", lambda: story.children() or story.phase() in ENDED)
    assert story.change({"cancel": True}).status == 200


@then(parsers.parse('the parent is "{phase}"'))
def _ends(story: Story, phase: str) -> None:
    """What is told of a workflow from here on is told of the last one."""
    story.wait("the end of the parent", lambda: _parent(story).get("status", {}).get("overallPhase") in ENDS)
    status = _parent(story)["status"]
    assert status["overallPhase"] == phase, status
    story.recipe.name = status["workflowExecutionRef"]["name"]
    # It may have known before who watches here does.
    story.wait("the end of its last workflow", lambda: story.phase() in ENDED)


@then(parsers.parse('the parent says "{text}"'))
def _says(story: Story, text: str) -> None:
    assert text in _parent(story)["status"]["message"]


@then(parsers.parse('the parent\'s workflows are "{text}"'))
def _made(story: Story, text: str) -> None:
    found = [f"{one['metadata']['name']} {one['status']['phase']}" for one in _workflows(story)]
    assert found == names(text)


@then(parsers.parse("the parent made {count:d} workflows"))
def _count(story: Story, count: int) -> None:
    assert len(_workflows(story)) == count


@then("the parent owns them all")
def _owns(story: Story) -> None:
    uid = _parent(story)["metadata"]["uid"]
    owners: list[Any] = [one["metadata"]["ownerReferences"] for one in _workflows(story)]
    assert [[owner["uid"] for owner in each] for each in owners] == [[uid]] * len(owners)


@then(parsers.parse('"{later}" was made after the end of "{earlier}"'))
def _after(story: Story, later: str, earlier: str) -> None:
    """The server's clock knows whole seconds only."""
    found = {one["metadata"]["name"]: one for one in _workflows(story)}
    ended = parse_instant(found[earlier]["status"]["completionTime"])
    began = parse_instant(found[later]["status"]["planningStartTime"])
    assert ended <= began


@then(parsers.parse("the parent knew of the end within {duration}"))
def _soon(story: Story, duration: str) -> None:
    told = parse_instant(_parent(story)["status"]["completedAt"])
    ended = parse_instant(_workflows(story)[-1]["status"]["completionTime"])
    assert ended <= told <= ended + parse_duration(duration) + story.cluster.slack_ms
