"""Sentences about what is looked at before anything runs: checks, production rules, the plan's resources."""

from typing import Any

from pytest_bdd import given, parsers, then

from features.cluster import APPS, path_of
from features.recipe import REPLICAS_BEFORE
from features.story import Story
from wfexec.model.meta import ANNOTATION_INTERVENED_BY


@given(parsers.parse('"{name}" drains the node "{node}"'))
def _drains(story: Story, name: str, node: str) -> None:
    step = story.recipe.step(name)
    step.action, step.parameters = "drain-node", {"drainNode": {"nodeName": node}}


@given(parsers.parse('"{name}" cordons the node "{node}"'))
def _cordons(story: Story, name: str, node: str) -> None:
    step = story.recipe.step(name)
    step.action, step.parameters = "cordon-node", {"cordonNode": {"nodeName": node}}


@given(parsers.parse('"{name}" scales its deployment to {count:d}'))
def _scales(story: Story, name: str, count: int) -> None:
    story.recipe.step(name).replicas = count


@given(parsers.parse('{ready:d} of the 3 replicas of "{name}" are ready'))
def _sick(story: Story, name: str, ready: int) -> None:
    status = {
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": REPLICAS_BEFORE - ready,
    }
    path = path_of(APPS, story.namespace, "deployments", name, "status")

    def fall_ill() -> None:
        answer = story.cluster.request("PATCH", path, {"status": status})
        assert answer.status == 200, answer.body

    story.early.append(fall_ill)


@given(parsers.parse('"{name}" is undone in the namespace "{namespace}"'))
def _undone_in(story: Story, name: str, namespace: str) -> None:
    parameters = {"scaleToPrevious": {"namespace": namespace, "deployment": name, "previousReplicas": 3}}
    story.recipe.step(name).fields["rollbackSpec"] = {"action": "scale-deployment", "parameters": parameters}


@given(parsers.re('"(?P<name>.*)" (?P<how>applies|is undone with) a manifest for the namespace "(?P<namespace>.*)"'))
def _manifest_in(story: Story, name: str, how: str, namespace: str) -> None:
    text = f"{{kind: ConfigMap, metadata: {{name: coredns, namespace: {namespace}}}}}"
    given = {"custom": {"actionType": "apply-manifest", "config": {"manifest": text}}}
    step = story.recipe.step(name)
    if how == "applies":
        step.action = "apply-manifest"
        step.fields["parameters"] = given
    else:
        step.fields["rollbackSpec"] = {"action": "apply-manifest", "parameters": given}


@given(parsers.parse('the pods of "{name}" ask for {cpu} cpu each'))
def _asks(story: Story, name: str, cpu: str) -> None:
    story.recipe.deployments.setdefault(name, {})["cpu"] = cpu


@given(parsers.parse('the pod of "{name}" runs on the node "{node}"'))
def _pod(story: Story, name: str, node: str) -> None:
    story.recipe.pods[name] = {"node": node}


@given("the dry run is left out")
def _no_dry_run(story: Story) -> None:
    story.recipe.strategy["dryRunFirst"] = False


@given("its namespace is production")
def _production(story: Story) -> None:
    story.recipe.namespace_labels["environment"] = "production"


@given(parsers.parse('namespaces like "{pattern}" are production'))
def _named_production(story: Story, pattern: str) -> None:
    story.setting.settings["production-namespaces"] = [pattern]


@given(parsers.re(r'business hours are "(?P<hours>.*)"'))
def _hours(story: Story, hours: str) -> None:
    story.setting.settings["business-hours"] = hours


@given(parsers.re(r'it is marked "(?P<mark>[^"]*)" by "(?P<user>[^"]*)"'))
def _marked_by(story: Story, mark: str, user: str) -> None:
    story.recipe.annotations[f"kubernaut.ai/{mark}"] = "true"
    if user:
        story.recipe.annotations[ANNOTATION_INTERVENED_BY] = user


@given(parsers.re(r'it is marked "(?P<mark>[^"]*)"'))
def _marked(story: Story, mark: str) -> None:
    if mark:
        story.recipe.annotations[f"kubernaut.ai/{mark}"] = "true"


def _check(story: Story, kind: str) -> dict[str, Any]:
    checks: list[dict[str, Any]] = story.status()["validationResults"]["checks"]
    return next(check for check in checks if check["type"] == kind)


@then(parsers.parse('its check "{kind}" passed and says "{text}"'))
def _passed_saying(story: Story, kind: str, text: str) -> None:
    found = _check(story, kind)
    assert found["passed"] is True, found
    assert text in found["message"], found


@then(parsers.parse('its check "{kind}" passed'))
def _passed(story: Story, kind: str) -> None:
    assert _check(story, kind)["passed"] is True


@then(parsers.parse('its check "{kind}" did not pass and says "{text}"'))
def _not_passed(story: Story, kind: str, text: str) -> None:
    check = _check(story, kind)
    assert check["passed"] is False
    assert text in check["message"]


@then(parsers.parse('no event says "{text}"'))
def _no_event(story: Story, text: str) -> None:
    assert [event["message"] for event in story.events() if text in event["message"]] == []


@then(parsers.re(r'its validation says "(?P<rule>.*)"'))
def _rule(story: Story, rule: str) -> None:
    """Nothing, where nothing is expected."""
    reason = story.status().get("failureReason", "")
    if rule:
        assert f"breaks the rule {rule}:" in reason
        assert list(story.ever()) == []
    else:
        assert "breaks the rule" not in reason
