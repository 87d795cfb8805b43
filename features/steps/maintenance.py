"""Sentences about a label on a namespace that holds everything up."""

from functools import partial

from pytest_bdd import given, parsers, step, when

from features.cluster import CORE
from features.story import Story
from wfexec.model.meta import CONTROLLER_NAMESPACE, LABEL_MAINTENANCE


def _label(story: Story, namespace: str, word: str | None) -> None:
    body = {"metadata": {"labels": {LABEL_MAINTENANCE: word}}}
    answer = story.cluster.request("PATCH", f"{CORE}/namespaces/{namespace}", body)
    assert answer.status == 200, answer.body


@step("its namespace goes into maintenance")
def _begins(story: Story) -> None:
    _label(story, story.namespace, "true")


@when("the maintenance of its namespace is over")
def _ends(story: Story) -> None:
    _label(story, story.namespace, None)


@given("the controller's namespace is in maintenance")
def _all(story: Story) -> None:
    story.early.append(partial(_label, story, CONTROLLER_NAMESPACE, "true"))


@when("the maintenance of the controller's namespace is over")
def _all_go_on(story: Story) -> None:
    _label(story, CONTROLLER_NAMESPACE, None)


@given(parsers.parse('undoing "{name}" takes {duration}'))
def _undo_takes(story: Story, name: str, duration: str) -> None:
    story.recipe.undo_rule(name)["duration"] = duration


@given(parsers.parse("rollbacks may take {duration}"))
def _rollback_limit(story: Story, duration: str) -> None:
    story.setting.settings["rollback-total-timeout"] = duration


@step(parsers.parse('the undo of "{name}" is running'))
def _undo_runs(story: Story, name: str) -> None:
    undo = f"recover-rollback-{story.recipe.number(name)}"

    def runs() -> bool:
        return bool(story.children().get(undo, {}).get("status", {}).get("phase") == "executing")

    story.wait(f"{undo} running", runs)
