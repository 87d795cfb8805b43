"""Sentences about templates: where one stands, what a workflow asks of it, what became of it."""

import copy
from typing import Any, Final

import yaml
from pytest_bdd import given, parsers, step, then, when

from features.cluster import CORE, Json, path_of
from features.recipe import Step, names
from features.story import Story
from wfexec.core.recommendations import Conversion, convert
from wfexec.crd.tables import render
from wfexec.model.meta import CONTROLLER_NAMESPACE
from wfexec.model.template import LABEL_TEMPLATE, TEMPLATE_KEY

FOLDERS: Final = {"its own": "", "the controller's": CONTROLLER_NAMESPACE}
# The body of every template that a scenario does not spell out: scale two deployments, one after the other.
TWO_STEPS: Final = (
    {
        "name": "first",
        "action": "scale-deployment",
        "parameters": {
            "scaleDeployment": {"namespace": "${namespace}", "deployment": "first", "replicas": "${replicas}"}
        },
    },
    {
        "name": "second",
        "action": "scale-deployment",
        "dependsOn": ["first"],
        "parameters": {"scaleDeployment": {"namespace": "${namespace}", "deployment": "second", "replicas": 5}},
    },
)
PARAMETERS: Final = (
    {"name": "namespace", "pattern": "^[a-z0-9-]+$"},
    {"name": "replicas", "type": "number", "default": 4},
    {"name": "mode", "enum": ["careful", "fast"], "default": "careful"},
)


def named(story: Story, name: str) -> str:
    """The controller's namespace is shared by all scenarios, so names there must differ."""
    return f"{name}-{story.namespace}"


def two_steps(story: Story, name: str, version: str, **more: Any) -> Json:
    body: Json = {"name": named(story, name), "version": version}
    return copy.deepcopy(body | {"parameters": list(PARAMETERS), "steps": list(TWO_STEPS)} | more)


def config_map(story: Story, name: str, namespace: str, text: str) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {LABEL_TEMPLATE: "true"}},
        "data": {TEMPLATE_KEY: text},
    }
    answer = story.cluster.request("POST", path_of(CORE, namespace, "configmaps"), body)
    assert answer.status == 201, answer.body


def stand(story: Story, template: Json, namespace: str = "", name: str = "") -> None:
    """The template stands there before the workflow is applied."""
    name = name or f"{template['name']}-{template['version']}".lower()
    text = yaml.safe_dump(template, sort_keys=False)
    story.early.append(lambda: config_map(story, name, namespace or story.namespace, text))


@given(parsers.parse('the template "{name}" {version} in {where} namespace'))
def _stands(story: Story, name: str, version: str, where: str) -> None:
    stand(story, two_steps(story, name, version), FOLDERS[where])


@given(parsers.parse('the template "{name}" {version} that scales "first" to {replicas:d}'))
def _scales(story: Story, name: str, version: str, replicas: int) -> None:
    made = two_steps(story, name, version)
    made["steps"][0]["parameters"]["scaleDeployment"]["replicas"] = replicas
    stand(story, made)


@given(parsers.parse('the template "{name}" {version} extends "{other}"'))
def _extends(story: Story, name: str, version: str, other: str, docstring: str) -> None:
    head = {"name": named(story, name), "version": version, "extends": {"name": named(story, other)}}
    stand(story, head | (yaml.safe_load(docstring) or {}))


@given(parsers.parse("a chain of {count:d} templates"))
def _chain(story: Story, count: int) -> None:
    for number in range(1, count):
        link = {"name": named(story, f"link-{number}"), "version": "1.0.0"}
        stand(story, link | {"extends": {"name": named(story, f"link-{number + 1}")}})
    stand(story, two_steps(story, f"link-{count}", "1.0.0"))


@given(parsers.parse('the template "{name}" {version} is written'))
def _written(story: Story, name: str, version: str, docstring: str) -> None:
    stand(story, {"name": named(story, name), "version": version} | yaml.safe_load(docstring))


@given(parsers.parse('the template "{name}" {version} stands in a second ConfigMap'))
def _twice(story: Story, name: str, version: str) -> None:
    stand(story, two_steps(story, name, version), name=f"{name}-again")


@given(parsers.parse('a workflow from the template "{name}" {version}'))
def _from(story: Story, name: str, version: str) -> None:
    story.recipe.steps = [Step("first"), Step("second", ["first"])]
    reference: Json = {"name": named(story, name), "parameters": {"namespace": story.namespace}}
    story.recipe.template = reference | ({} if version == "any" else {"version": version})


@given(parsers.parse('the steps of the template are "{text}"'))
def _steps(story: Story, text: str) -> None:
    story.recipe.steps = [Step(name) for name in names(text)]


@given(parsers.parse('its parameter "{name}" is {value}'))
def _parameter(story: Story, name: str, value: str) -> None:
    assert story.recipe.template is not None
    story.recipe.template["parameters"][name] = yaml.safe_load(value)


@given("its parameters are left out")
def _bare(story: Story) -> None:
    assert story.recipe.template is not None
    del story.recipe.template["parameters"]


@given("the controller may not read the ConfigMaps of its namespace")
def _blind(story: Story) -> None:
    story.setting.observer = False


def imported(story: Story, text: str) -> Conversion:
    return convert(yaml.safe_load(text.replace("NAMESPACE", story.namespace)))


@given("the workflow imported from")
def _imported(story: Story, docstring: str) -> None:
    made = imported(story, docstring)
    assert made.body is not None, made.problems
    raw = render(made.body)
    story.recipe.steps = [Step(one["name"], action=one["action"]) for one in raw["workflowDefinition"]["steps"]]
    story.recipe.spec |= raw


@when("somebody tries to import", target_fixture="conversion")
def _tries_to_import(story: Story, docstring: str) -> Conversion:
    return imported(story, docstring)


@then("the import names")
def _names(conversion: Conversion, datatable: list[list[str]]) -> None:
    assert conversion.body is None
    told = {problem.path: problem.message for problem in conversion.problems}
    for path, says in datatable[1:]:
        assert says in told[path], told


@step(parsers.parse('somebody changes the template "{name}" {version} to scale "first" to {replicas:d}'))
def _changed(story: Story, name: str, version: str, replicas: int) -> None:
    made = two_steps(story, name, version)
    made["steps"][0]["parameters"]["scaleDeployment"]["replicas"] = replicas
    made["steps"][1]["parameters"]["scaleDeployment"]["replicas"] = replicas
    path = path_of(CORE, story.namespace, "configmaps", f"{made['name']}-{version}")
    answer = story.cluster.request("PATCH", path, {"data": {TEMPLATE_KEY: yaml.safe_dump(made, sort_keys=False)}})
    assert answer.status == 200, answer.body


@then(parsers.parse('its plan is from the template "{name}" {version}'))
def _plan(story: Story, name: str, version: str) -> None:
    assert story.status()["executionPlan"]["template"] == {"name": named(story, name), "version": version}


@then(parsers.parse("its status tells that the template stands in {where} namespace"))
def _where(story: Story, where: str) -> None:
    namespace = FOLDERS[where] or story.namespace
    assert story.status()["template"]["origin"].startswith(f"ConfigMap {namespace}/")


@then(parsers.parse('its template extends "{text}"'))
def _lineage(story: Story, text: str) -> None:
    found = [f"{each['name']} {each['version']}" for each in story.status()["template"]["lineage"]]
    expected = [part.partition(" ") for part in names(text)]
    assert found == [f"{named(story, name)} {version}" for name, _, version in expected]


@then(parsers.parse('the child of "{name}" was told to scale to {replicas:d}'))
def _told(story: Story, name: str, replicas: int) -> None:
    number = story.recipe.number(name)
    told = [child["spec"] for child in story.ever().values() if child["spec"]["stepNumber"] == number]
    assert [spec["parameters"]["scaleDeployment"]["replicas"] for spec in told] == [replicas]


@then(parsers.parse('it was planned with the steps "{text}"'))
def _its_steps(story: Story, text: str) -> None:
    assert [step["name"] for step in story.status()["stepStatuses"]] == names(text)


@then(parsers.parse('planning is refused with the reason "{reason}"'))
def _refused(story: Story, reason: str) -> None:
    found = {one["type"]: one["reason"] for one in story.status()["conditions"]}
    assert found["Planned"] == reason
