"""Sentences about people who intervene: a retry by hand, a step skipped or called completed."""

from pytest_bdd import parsers, step, then, when

from features.cluster import Answer
from features.story import Story
from wfexec.model.meta import (
    ANNOTATION_COMPLETE_STEP,
    ANNOTATION_INTERVENED_BY,
    ANNOTATION_MANUAL_RETRY,
    ANNOTATION_RETRY_STEP,
    ANNOTATION_SKIP_STEP,
)

DEEDS = {
    "retry": ANNOTATION_RETRY_STEP,
    "skip": ANNOTATION_SKIP_STEP,
    "complete": ANNOTATION_COMPLETE_STEP,
}


def _ask(story: Story, user: str, deed: str, name: str) -> Answer:
    marks = {DEEDS[deed]: name, ANNOTATION_INTERVENED_BY: user}
    return story.annotate(marks, user)


@when(parsers.parse('"{user}" has it tried again'))
def _tried_again(story: Story, user: str) -> None:
    marks = {ANNOTATION_MANUAL_RETRY: "true", ANNOTATION_INTERVENED_BY: user}
    assert story.annotate(marks, user).status == 200


@when(parsers.parse('"{user}" asks to "{deed}" the step "{name}"'))
def _asks(story: Story, user: str, deed: str, name: str) -> None:
    assert _ask(story, user, deed, name).status == 200


@when(parsers.parse('"{user}" tries to "{deed}" the step "{name}"'))
def _tries(story: Story, user: str, deed: str, name: str) -> None:
    """The server may refuse that already; if it does not, the controller must."""
    _ask(story, user, deed, name)


@step(parsers.parse('the step "{name}" becomes "{state}"'))
def _becomes(story: Story, name: str, state: str) -> None:
    story.wait(f"{name} {state}", lambda: story.step(name) and story.step(name).get("status", "pending") == state)


@step(parsers.parse('its condition "{kind}" becomes "{word}"'))
def _condition_becomes(story: Story, kind: str, word: str) -> None:
    def holds() -> bool:
        return any(one["type"] == kind and one["status"] == word for one in story.status().get("conditions", []))

    story.wait(f"condition {kind} {word}", holds)


@then(parsers.parse('it ends "{phase}" after all'))
def _after_all(story: Story, phase: str) -> None:
    """A first end is not the last one."""
    story.wait(f"phase {phase}", lambda: story.phase() == phase)


@then(parsers.parse('her wish is refused because "{text}"'))
def _refused(story: Story, text: str) -> None:
    def refusal() -> str:
        conditions = story.status().get("conditions", [])
        found = (one for one in conditions if one["type"] == "Intervened" and one["status"] == "False")
        return next((str(one["message"]) for one in found), "")

    story.wait("the refusal", refusal)
    assert text in refusal()


@then("no wish of a person is left")
def _nothing_left(story: Story) -> None:
    keys = {*DEEDS.values(), ANNOTATION_MANUAL_RETRY, ANNOTATION_INTERVENED_BY}
    story.wait(
        "the wish to be taken away", lambda: not keys & story.workflow()["metadata"].get("annotations", {}).keys()
    )
