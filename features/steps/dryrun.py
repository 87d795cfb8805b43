"""Sentences about the dry run: what it foresees, what it warns of, what it could not see."""

from pytest_bdd import given, parsers, then

from features.cluster import Json
from features.recipe import NODES, Step, _parameters
from features.story import Story


def _results(story: Story) -> Json:
    results: Json = story.status()["validationResults"]["dryRunResults"]
    return results


@given(parsers.parse('"{name}" works on the target of "{other}"'))
def _same_target(story: Story, name: str, other: str) -> None:
    step = story.recipe.step(name)
    made = Step(other, action=step.action)
    step.fields["parameters"] = _parameters(made, step.namespace or story.namespace)


@given(parsers.parse('"{name}" scales the deployment of "{other}" to {count:d} replicas'))
def _scales(story: Story, name: str, other: str, count: int) -> None:
    target = {"namespace": story.namespace, "deployment": other, "replicas": count}
    story.recipe.step(name).fields["parameters"] = {"scaleDeployment": target}


@given(parsers.parse('"{name}" changes the container "{container}"'))
def _container(story: Story, name: str, container: str) -> None:
    target = {"namespace": story.namespace, "deployment": name, "container": container, "newImage": "app:2"}
    story.recipe.step(name).action = "update-image"
    story.recipe.step(name).fields["parameters"] = {"updateImage": target}


@given(parsers.parse('"{name}" writes "{value}" under "{key}" into the {kind} "{other}"'))
def _writes(story: Story, name: str, value: str, key: str, kind: str, other: str) -> None:
    step = story.recipe.step(name)
    step.action = "update-secret" if kind == "Secret" else "update-configmap"
    member = "updateSecret" if kind == "Secret" else "updateConfigMap"
    there = {"namespace": story.namespace, "name": other, "dataUpdates": {key: value}}
    step.fields["parameters"] = {member: there}


@given(parsers.parse('"{name}" drains a node'))
def _drains(story: Story, name: str) -> None:
    step = story.recipe.step(name)
    step.action = "drain-node"
    step.fields["parameters"] = {"drainNode": {"nodeName": NODES[0], "ignoreDaemonSets": True}}


@given(parsers.parse('"{name}" is the action "{action}" about the {kind} "{other}"'))
def _custom(story: Story, name: str, action: str, kind: str, other: str) -> None:
    config = {"kind": kind, "name": other, "namespace": story.namespace}
    step = story.recipe.step(name)
    step.action = action
    step.fields["parameters"] = {"custom": {"actionType": action, "config": config}}


@given(
    parsers.re('"(?P<name>.*)" (?P<how>applies|is undone with) a manifest of the (?P<kind>[A-Za-z]+) "(?P<other>.*)"')
)
def _manifest(story: Story, name: str, how: str, kind: str, other: str) -> None:
    text = (
        f'{{"apiVersion": "v1", "kind": "{kind}", "metadata": {{"name": "{other}", "namespace": "{story.namespace}"}}}}'
    )
    step = story.recipe.step(name)
    given = {"custom": {"actionType": "apply-manifest", "config": {"manifest": text}}}
    if how == "applies":
        step.action = "apply-manifest"
        step.fields["parameters"] = given
    else:
        step.fields["rollbackSpec"] = {"action": "apply-manifest", "parameters": given}


@given("no safety check is required")
def _nothing_required(story: Story) -> None:
    checks = [{"type": kind, "required": False} for kind in ("rbac", "health", "capacity", "network")]
    story.recipe.strategy["safetyChecks"] = checks


@given("the controller may not look at the targets")
def _blind(story: Story) -> None:
    story.setting.observer = False


@given("it is to be run without a dry run")
def _without(story: Story) -> None:
    story.recipe.strategy["dryRunFirst"] = False


@then("its dry run foresees")
def _foresees(story: Story, datatable: list[list[str]]) -> None:
    """One row per change, in the order of the plan: kind, name, change, fact, before, after."""
    found = []
    for change in _results(story).get("resourceChanges", []):
        before, after = change.get("beforeState", {}), change.get("afterState", {})
        assert change.get("namespace", "") == ("" if change["resourceType"] == "Node" else story.namespace)
        for fact in [key for key in after if key != "revision"] or [""]:
            head = [change["resourceType"], change["resourceName"], change["changeType"], fact]
            found.append([*head, before.get(fact, ""), after.get(fact, "")])
    assert found == datatable[1:]


@then(parsers.re(r'its dry run warns "(?P<severity>\w+)" of "(?P<text>.*)"'))
def _warns(story: Story, severity: str, text: str) -> None:
    issues = _results(story).get("potentialIssues", [])
    told = [one for one in issues if one["severity"] == severity and text in one["description"]]
    assert told, issues
    assert all(one["recommendation"] for one in told)


@then("its dry run warns of nothing")
def _quiet(story: Story) -> None:
    assert _results(story).get("potentialIssues", []) == []


@then(parsers.parse("its dry run simulated {count:d} steps"))
def _simulated(story: Story, count: int) -> None:
    assert _results(story)["stepsSimulated"] == count


@then("it had no dry run")
def _none(story: Story) -> None:
    results = story.status()["validationResults"]
    assert not results.get("dryRunPerformed")
    assert "dryRunResults" not in results


@then(parsers.parse('"{text}" stands nowhere but in the definition'))
def _nowhere(story: Story, text: str) -> None:
    """Neither in any status that was ever seen, nor in an event."""
    for version in story.versions():
        assert text not in str(version.get("status", {}))
    assert all(text not in event["message"] for event in story.events())
