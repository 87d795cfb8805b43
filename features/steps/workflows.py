"""Sentences about many workflows at a time."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import orjson
from pytest_bdd import given, parsers, step, then, when

from features.cluster import PATIENCE, WORKFLOW_PLURAL, WORKFLOWS, Json, path_of
from features.recipe import NAME
from features.steps.load import read
from features.steps.observability import value_of
from features.story import ENDED, Story
from sim.load import summed
from wfexec.model.meta import ANNOTATION_CORRELATION, FINALIZER
from wfexec.units import parse_duration, parse_instant

# What a machine with other work could run into when a hundred workflows are at work on it at a clock so fast.
LIMITS: Final = (
    "validation-timeout",
    "step-timeout",
    "step-timeout-max",
    "monitoring-timeout",
    "workflow-timeout-simple",
    "executor-silence",
)
SEEN_MS: Final = 10_000
PATIENCE_MS: Final = 4 * PATIENCE


class Crowd:
    """The copies of one workflow and their children, read once each; `names` in the order of their creation."""

    def __init__(self, story: Story, names: list[str]) -> None:
        self.names = names
        # The newest version of each, how often each changed, in which phases they are, and every child by name.
        self.newest: dict[str, Json] = {}
        self.changes: Counter[str] = Counter()
        self.phases: Counter[str] = Counter()
        self.children: dict[str, Json] = {}
        self._story = story
        self._read = 0

    def look(self) -> "Crowd":
        """Read what has come since."""
        history = self._story.cluster.history
        for _, found in history[self._read :]:
            name = found["metadata"]["name"]
            if found["kind"] != "WorkflowExecution":
                self.children[name] = found
                continue
            if name in self.newest:
                self.phases[phase_of(self.newest[name])] -= 1
                self.changes[name] += 1
            self.newest[name] = found
            self.phases[phase_of(found)] += 1
        self._read = len(history)
        return self

    def executing(self) -> int:
        """How many of them have a child."""
        return len({child["spec"]["workflowExecutionRef"]["name"] for child in self.look().children.values()})

    def wait_for(self, phase: str, count: int) -> None:
        """Until so many are there; an end that is another ends the waiting."""

        def there() -> bool:
            phases = self.look().phases
            return phases[phase] == count or any(phases[end] for end in ENDED if end != phase)

        self._story.wait(f"{count} that are {phase!r}", there, PATIENCE_MS)
        assert self.phases[phase] == count, +self.phases


def phase_of(found: Json) -> str:
    return str(found.get("status", {}).get("phase", ""))


@given(parsers.parse("the controller waits up to {duration} for everything"))
def _patient(story: Story, duration: str) -> None:
    story.setting.settings |= dict.fromkeys(LIMITS, duration)


@given(parsers.parse("the controller may send {rate:d} requests per second, and {burst:d} at once"))
def _rate(story: Story, rate: int, burst: int) -> None:
    story.setting.settings |= {"kubernetes-qps": rate, "kubernetes-burst": burst}


@given("each of its steps is told the name of its workflow")
def _told(story: Story) -> None:
    for one in story.recipe.steps:
        one.fields.pop("parameters", None)
        one.parameters = {"custom": {"actionType": one.action, "config": {"to": "{{ variables.who }}"}}}


@given("it is suspended from the beginning")
def _suspended(story: Story) -> None:
    story.recipe.spec["suspend"] = True


@given("it comes from a backup, with its finalizer and without its status")
def _restored(story: Story) -> None:
    story.recipe.finalizers.append(FINALIZER)


@when(parsers.parse("{count:d} copies of it are applied"), target_fixture="crowd")
def _copies(story: Story, count: int) -> Crowd:
    story.prepare()
    return _applied(story, count)


@when(parsers.parse("{count:d} copies of it are applied while no controller is at work"), target_fixture="crowd")
def _copies_alone(story: Story, count: int) -> Crowd:
    story.prepare()
    made: list[Crowd] = []
    story.cluster.while_away(lambda: made.append(_applied(story, count)))
    return made[0]


def _applied(story: Story, count: int) -> Crowd:
    """Each has a variable and a correlation ID of its own."""
    bodies = []
    for number in range(1, count + 1):
        body = story.recipe.manifest(story.namespace)
        name = body["metadata"]["name"] = f"{NAME}-{number}"
        body["metadata"]["annotations"][ANNOTATION_CORRELATION] = f"alert-{number}"
        body["spec"]["variables"] = {"who": name}
        bodies.append(body)
    story.cluster.apply_all(bodies, "alice")
    return Crowd(story, [body["metadata"]["name"] for body in bodies])


@when("the executor begins to work")
def _executor_begins(story: Story) -> None:
    story.cluster.begin_executor()


@when(parsers.parse("every {nth:d}th of them is resumed"), target_fixture="resumed")
def _resumed(story: Story, crowd: Crowd, nth: int) -> list[str]:
    chosen = crowd.names[nth - 1 :: nth]
    for name in chosen:
        path = path_of(WORKFLOWS, story.namespace, WORKFLOW_PLURAL, name)
        answer = story.cluster.request("PATCH", path, {"spec": {"suspend": False}}, "alice")
        assert answer.status == 200, answer.body
    return chosen


@step(parsers.parse('all of them are "{phase}"'))
def _all(crowd: Crowd, phase: str) -> None:
    crowd.wait_for(phase, len(crowd.names))


@step("each of them has a child")
def _each_has(story: Story, crowd: Crowd) -> None:
    story.wait("a child of each", lambda: crowd.executing() == len(crowd.names), PATIENCE_MS)


@then(parsers.parse('those are "{phase}", and the others still "{other}"'))
def _those(crowd: Crowd, resumed: list[str], phase: str, other: str) -> None:
    crowd.wait_for(phase, len(resumed))
    assert sorted(name for name, one in crowd.newest.items() if phase_of(one) == phase) == sorted(resumed)
    assert +crowd.phases == Counter({phase: len(resumed), other: len(crowd.names) - len(resumed)})


@then("all of them were executing at one moment")
def _together(crowd: Crowd) -> None:
    assert summed([read(one) for one in crowd.look().newest.values()], None).together == len(crowd.names)


@then(parsers.parse("at least {count:d} of them wait in its queue at one moment"))
def _queued(story: Story, count: int) -> None:
    def waiting() -> bool:
        return value_of(story.cluster.metrics(), "wfexec_workqueue_depth", "") >= count

    story.wait(f"{count} in the queue", waiting, SEEN_MS)


@then(parsers.parse("each of them was written exactly {times:d} times"))
def _written(crowd: Crowd, times: int) -> None:
    """No more and no less often than alone: a write too many would be work done twice."""
    assert crowd.look().changes == Counter(dict.fromkeys(crowd.names, times))


@then(parsers.parse("from the first of them to the last at least {least} passed"))
def _took(crowd: Crowd, least: str) -> None:
    begun = [parse_instant(one["status"]["planningStartTime"]) for one in crowd.look().newest.values()]
    assert max(begun) - min(begun) >= parse_duration(least)


@then(parsers.parse("each of them ever had the children of its own {steps:d} steps and no others"))
def _own(crowd: Crowd, steps: int) -> None:
    _check_children(crowd, crowd.names, steps)


@then("each of those had the child of its own step, and the others none")
def _own_of_those(crowd: Crowd, resumed: list[str]) -> None:
    _check_children(crowd, resumed, 1)


def _check_children(crowd: Crowd, names: list[str], steps: int) -> None:
    parents = {name: crowd.look().newest[name]["metadata"]["uid"] for name in names}
    expected = {f"{name}-step-{number}": uid for name, uid in parents.items() for number in range(1, steps + 1)}
    assert {name: owner_of(child) for name, child in crowd.children.items()} == expected


def owner_of(child: Mapping[str, Json]) -> str:
    (owner,) = child["metadata"]["ownerReferences"]
    return str(owner["uid"])


@then("each child carries the name and the correlation ID of its own workflow")
def _unmixed(crowd: Crowd) -> None:
    for child in crowd.look().children.values():
        parent = crowd.newest[child["spec"]["workflowExecutionRef"]["name"]]["metadata"]
        assert owner_of(child) == parent["uid"]
        told = orjson.loads(child["spec"]["parameters"]["applyManifest"]["manifest"])
        assert told["config"] == {"to": parent["name"]}
        assert child["metadata"]["annotations"][ANNOTATION_CORRELATION] == parent["annotations"][ANNOTATION_CORRELATION]
