"""Sentences about how long people wait, and about many workflows at a time."""

from pytest_bdd import given, parsers, step, then, when

from features.cluster import WORKFLOW_PLURAL, WORKFLOWS, Json, path_of
from features.recipe import NAME
from features.story import ENDED, Story
from sim.load import Pace, pace_of, summed
from wfexec.crd.codec import Decoder
from wfexec.model.status import WorkflowExecution
from wfexec.units import parse_duration, parse_instant


def read(raw: Json) -> WorkflowExecution:
    found = Decoder().workflow(raw)
    assert isinstance(found, WorkflowExecution), found
    return found


def pace(story: Story) -> Pace:
    """What the workflow's own status says."""
    return pace_of(read(story.workflow()))


def in_time(story: Story, found_ms: int | None, most: str) -> None:
    assert found_ms is not None
    assert found_ms <= parse_duration(most) + story.cluster.slack_ms, f"{found_ms / 1_000} s"


@given(parsers.parse('each of its steps uses the action "{action}"'))
def _action(story: Story, action: str) -> None:
    for one in story.recipe.steps:
        one.action = action
        if action == "notify-only":
            # It has no target, so there is nothing to say.
            one.fields["parameters"] = None


@when("it is applied at an instant that is noted")
def _noted(story: Story) -> None:
    """By the back-end's own clock, which need not be the server's."""
    story.prepare()
    story.moments["applied"] = story.cluster.now_ms
    answer = story.create()
    assert answer.status == 201, answer.body


@then(parsers.parse("it was picked up within {picked} and planned within {planned}"))
def _picked_up(story: Story, picked: str, planned: str) -> None:
    in_time(story, parse_instant(story.status()["planningStartTime"]) - story.moments["applied"], picked)
    in_time(story, pace(story).planned, planned)


@then(parsers.parse("whatever became ready was ready within {most}"))
def _ready(story: Story, most: str) -> None:
    found = pace(story)
    assert len(found.queued) == len(story.recipe.steps)
    assert len(found.reactions) == sum(bool(one.after) for one in story.recipe.steps)
    for reaction in found.reactions:
        in_time(story, reaction, most)


@then(parsers.parse("its steps were through within {most}"))
def _through(story: Story, most: str) -> None:
    in_time(story, pace(story).executed, most)


class Copies:
    """The newest version of each; what has been read once is not read again, for it may be thousands of versions."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._found: dict[str, Json] = {}
        self._read = 0

    def __call__(self) -> list[Json]:
        history = self._story.cluster.history
        for seen in history[self._read :]:
            if seen.object["kind"] == "WorkflowExecution":
                self._found[seen.object["metadata"]["name"]] = seen.object
        self._read = len(history)
        return [self._found[name] for name in sorted(self._found)]


@when(parsers.parse("{count:d} copies of it are applied"), target_fixture="count")
def _copies(story: Story, count: int) -> int:
    story.prepare()
    for number in range(1, count + 1):
        body = story.recipe.manifest(story.namespace)
        body["metadata"]["name"] = f"{NAME}-{number}"
        path = path_of(WORKFLOWS, story.namespace, WORKFLOW_PLURAL)
        answer = story.cluster.request("POST", path, body, "alice")
        assert answer.status == 201, answer.body
    return count


@step(parsers.parse('all of them are "{phase}"'))
def _all(story: Story, count: int, phase: str) -> None:
    copies = Copies(story)

    def ended() -> bool:
        found = [one.get("status", {}).get("phase", "") for one in copies()]
        return len(found) == count and all(one in ENDED for one in found)

    story.wait("the end of all of them", ended)
    assert [one["status"]["phase"] for one in copies()] == [phase] * count


@then("all of them were executing at one moment")
def _together(story: Story, count: int) -> None:
    assert summed([read(one) for one in Copies(story)()], None).together == count


@then(parsers.parse("each of them ever had the children of its own {steps:d} steps and no others"))
def _own(story: Story, count: int, steps: int) -> None:
    workflows = {one["metadata"]["uid"]: one["metadata"]["name"] for one in Copies(story)()}
    expected = {f"{name}-step-{number}": uid for uid, name in workflows.items() for number in range(1, steps + 1)}
    found = {name: child["metadata"]["ownerReferences"][0]["uid"] for name, child in story.ever().items()}
    assert len(workflows) == count
    assert found == expected
