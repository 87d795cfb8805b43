"""Sentences about children at the edges: their names, and phases that say little."""

import re

from pytest_bdd import given, parsers, step, then

from features.cluster import EXECUTION_PLURAL, EXECUTIONS, Json, path_of
from features.story import Story

OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


@given(parsers.parse("its name has {length:d} characters"))
def _long_name(story: Story, length: int) -> None:
    """With dots and dashes about the places where a name may be cut."""
    story.recipe.name = "shop.recover-" * (length // 13) + "x" * (length % 13)
    if not story.recipe.name[-1].isalnum():
        story.recipe.name = story.recipe.name[:-1] + "x"


@then(parsers.parse("{count:d} children have names of their own that the server takes"))
def _names(story: Story, count: int) -> None:
    found = list(story.ever())
    assert len(found) == count, found
    assert all(len(name) <= 253 and OBJECT_NAME.fullmatch(name) for name in found), found


@then(parsers.parse('each child\'s label "{key}" is that of no other workflow'))
def _labelled(story: Story, key: str) -> None:
    name = story.recipe.name
    labels = {child["metadata"]["labels"][key] for child in story.ever().values()}
    (label,) = labels
    assert len(label) <= 63
    assert LABEL.fullmatch(label)
    # What does not fit is cut, and a hash of the whole tells it from others that begin alike.
    assert label == name or (len(name) > 63 and re.fullmatch(r".*-[0-9a-f]{8}", label))


def _report(story: Story, name: str, status: Json) -> None:
    number = story.recipe.number(name)
    child = next(child for child in story.children().values() if child["spec"]["stepNumber"] == number)
    path = path_of(EXECUTIONS, story.namespace, EXECUTION_PLURAL, child["metadata"]["name"], "status")
    answer = story.cluster.request("PATCH", path, {"status": status})
    assert answer.status == 200, answer.body


@step(parsers.parse('somebody reports that the child of "{name}" is "{phase}"'))
def _phase(story: Story, name: str, phase: str) -> None:
    _report(story, name, {"phase": phase})


@step(parsers.parse('somebody reports that the child of "{name}" completed without success: "{text}"'))
def _no_success(story: Story, name: str, text: str) -> None:
    _report(story, name, {"phase": "completed", "executionResults": {"success": False, "errorMessage": text}})
