"""Sentences about what is written down of a workflow or a template, and read again."""

import json
from typing import Any

from pytest_bdd import given, parsers, step, then, when

from features.cluster import CORE, WORKFLOW_PLURAL, WORKFLOWS, Json, path_of
from features.recipe import NAME
from features.story import ENDED, Story
from wfexec.crd.documents import parse_documents
from wfexec.crd.export import Format, exported, written
from wfexec.crd.templates import config_map, of_config_map, render_template
from wfexec.model.template import TEMPLATE_KEY


def round_trip(value: Json, form: str) -> Json:
    """Through the text that a person would keep in a file."""
    (document,) = parse_documents(written([value], Format(form)).encode(), f"kept.{form}")
    found: Json = document.value
    return found


@given("its variables are")
def _variables(story: Story, datatable: list[list[str]]) -> None:
    story.recipe.spec["variables"] = {name: json.loads(value, strict=False) for name, value in datatable[1:]}


@when(parsers.parse("it is exported as {form}, deleted, and what was exported is applied"), target_fixture="first")
def _again(story: Story, form: str) -> Json:
    """The workflow in its first life."""
    path = path_of(WORKFLOWS, story.namespace, WORKFLOW_PLURAL, NAME)
    first = _stored(story)
    kept = round_trip(exported(first), form)
    assert story.cluster.request("DELETE", path).status == 200
    story.wait("the end of its first life", story.gone)
    story.wait("the end of its children", lambda: not story.children())
    answer = story.cluster.request("POST", path_of(WORKFLOWS, story.namespace, WORKFLOW_PLURAL), kept, "alice")
    assert answer.status == 201, answer.body
    uid = first["metadata"]["uid"]
    story.wait("the end of its second life", lambda: story.phase() in ENDED and _uid(story) != uid)
    return first


def _stored(story: Story) -> Json:
    """With the defaults that the server fills in."""
    answer = story.cluster.request("GET", path_of(WORKFLOWS, story.namespace, WORKFLOW_PLURAL, NAME))
    assert answer.status == 200, answer.body
    found: Json = answer.body
    return found


def _uid(story: Story) -> Any:
    return story.workflow()["metadata"]["uid"]


@then("its spec is what it was in its first life")
def _same(story: Story, first: Json) -> None:
    second = _stored(story)
    assert second["spec"] == first["spec"]
    assert second["metadata"].get("labels") == first["metadata"].get("labels")


@then("nothing else is left of its first life")
def _nothing_else(story: Story, first: Json) -> None:
    kept = exported(first)
    assert sorted(kept) == ["apiVersion", "kind", "metadata", "spec"]
    assert kept["metadata"].keys() <= {"name", "namespace", "labels", "annotations"}
    assert story.workflow()["metadata"]["uid"] != first["metadata"]["uid"]


@step(parsers.parse('the template "{name}" {version} is exported as {form}, and what was exported takes its place'))
def _template_again(story: Story, name: str, version: str, form: str) -> None:
    def replace() -> None:
        # Named as the sentences about templates name it.
        path = path_of(CORE, story.namespace, "configmaps", f"{name}-{story.namespace}-{version}")
        found = of_config_map(story.cluster.request("GET", path).body)
        assert found.template is not None, found.problem
        (document,) = parse_documents(written([render_template(found.template)], Format(form)).encode(), f"t.{form}")
        text = written([document.value], Format(form))
        again = of_config_map(config_map(found.template, story.namespace) | {"data": {TEMPLATE_KEY: text}})
        assert again.template == found.template
        answer = story.cluster.request("PATCH", path, {"data": {TEMPLATE_KEY: text}})
        assert answer.status == 200, answer.body

    story.early.append(replace)
