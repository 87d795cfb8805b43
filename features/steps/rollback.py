"""Sentences about a rollback that somebody asks for."""

from pytest_bdd import given, parsers, step, then, when

from features.cluster import APPS, Answer, path_of
from features.story import Story
from wfexec.model.meta import ANNOTATION_ROLLBACK, ANNOTATION_ROLLBACK_BY, ANNOTATION_ROLLBACK_TO


def _ask(story: Story, user: str, to_step: str = "") -> Answer:
    marks = {ANNOTATION_ROLLBACK: "requested", ANNOTATION_ROLLBACK_BY: user}
    if to_step:
        marks[ANNOTATION_ROLLBACK_TO] = to_step
    return story.annotate(marks, user)


@when(parsers.parse('"{user}" asks for a rollback'))
def _asks(story: Story, user: str) -> None:
    assert _ask(story, user).status == 200


@when(parsers.parse('"{user}" asks for a rollback to "{name}"'))
def _asks_to(story: Story, user: str, name: str) -> None:
    assert _ask(story, user, str(story.recipe.number(name))).status == 200


@when(parsers.parse('"{user}" asks for a rollback to number "{number}"'))
def _asks_to_number(story: Story, user: str, number: str) -> None:
    assert _ask(story, user, number).status == 200


@when(parsers.parse('"{user}" takes the request for a rollback back'))
def _takes_back(story: Story, user: str) -> None:
    marks = {ANNOTATION_ROLLBACK: None, ANNOTATION_ROLLBACK_BY: None, ANNOTATION_ROLLBACK_TO: None}
    assert story.patch({"metadata": {"annotations": marks}}, user).status == 200


@step(parsers.parse('"{user}" tries to ask for a rollback'))
def _tries_to_ask(story: Story, user: str) -> None:
    """The server may refuse that already; if it does not, the controller must."""
    _ask(story, user)


@given(parsers.parse('undoing "{name}" succeeds without effect'))
def _undo_without_effect(story: Story, name: str) -> None:
    story.recipe.undo_rule(name)["attempts"] = [{"result": "no-effect"}]


@given(parsers.parse('"{name}" succeeds without effect'))
def _without_effect(story: Story, name: str) -> None:
    story.recipe.rule(name)["attempts"] = [{"result": "no-effect"}]


@then(parsers.parse('it was rolled back at the request of "{user}"'))
def _rolled_back(story: Story, user: str) -> None:
    def ended() -> bool:
        rollback = story.status().get("rollback", {})
        return bool(rollback.get("requestedBy") == user and rollback.get("endTime") and story.phase() == "failed")

    story.wait("the end of the rollback", ended)


def _refusal(story: Story) -> str:
    conditions = story.status().get("conditions", [])
    found = (one for one in conditions if one["type"] == "RollbackRequested" and one["status"] == "False")
    return next((str(one["message"]) for one in found), "")


@then(parsers.parse('the request for a rollback is refused because "{text}"'))
def _refused(story: Story, text: str) -> None:
    story.wait("the refusal", lambda: _refusal(story))
    assert text in _refusal(story)


@then("no request for a rollback is left")
def _taken_away(story: Story) -> None:
    def gone() -> bool:
        marks = story.workflow()["metadata"].get("annotations", {})
        return not {ANNOTATION_ROLLBACK, ANNOTATION_ROLLBACK_BY, ANNOTATION_ROLLBACK_TO} & marks.keys()

    story.wait("the request to be taken away", gone)


@then(parsers.parse('the undo of "{name}" says "{text}"'))
def _undo_says(story: Story, name: str, text: str) -> None:
    assert text in story.step(name)["rollback"]["message"]


@given(parsers.re(r'it is given up if `(?P<text>.*)`, which is "(?P<name>[^"]+)"'))
def _trigger(story: Story, name: str, text: str) -> None:
    story.recipe.strategy.setdefault("rollbackTriggers", []).append({"name": name, "expr": text})


@when(parsers.parse('somebody scales the deployment of "{name}" to {count:d} replicas'))
def _scaled(story: Story, name: str, count: int) -> None:
    path = path_of(APPS, story.namespace, "deployments", name)
    answer = story.cluster.request("PATCH", path, {"spec": {"replicas": count}})
    assert answer.status == 200, answer.body


@when(parsers.parse('"{name}" is completed'))
def _step_completed(story: Story, name: str) -> None:
    story.wait(f"the end of {name}", lambda: story.step(name).get("status") == "completed")


@given(parsers.parse('undoing "{name}" hangs once'))
def _undo_hangs_once(story: Story, name: str) -> None:
    story.recipe.undo_rule(name)["attempts"] = [{"result": "hang-forever"}, {"result": "success"}]


@given(parsers.parse("one undo may take {duration}"))
def _undo_limit(story: Story, duration: str) -> None:
    story.setting.settings["rollback-step-timeout"] = duration


@then(parsers.parse('the child "{one}" went before "{other}" came'))
def _one_by_one(story: Story, one: str, other: str) -> None:
    seen = [(seen.change, seen.object["metadata"]["name"]) for seen in story.cluster.history]
    assert seen.index(("DELETED", one)) < seen.index(("ADDED", other))
