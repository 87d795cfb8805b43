"""Sentences in which somebody does something, or time passes."""

from collections.abc import Callable

from pytest_bdd import parsers, step, when

from features.cluster import APPS, EXECUTION_PLURAL, EXECUTIONS, WORKFLOW_PLURAL, WORKFLOWS, Cluster, Setting, path_of
from features.recipe import NAME
from features.story import ENDED, Story
from wfexec.model.meta import ANNOTATION_APPROVAL, ANNOTATION_APPROVAL_REASON, ANNOTATION_APPROVED_BY
from wfexec.units import format_instant, parse_duration, parse_instant

# A workflow of two steps makes fewer writes than this; a sweep that does not end by itself is a defect.
SWEEP_MAX = 100


@step("it is applied")
def _applied(story: Story) -> None:
    story.apply()


@when("somebody tries to apply it")
def _tried(story: Story) -> None:
    story.prepare()
    story.answer = story.create()


@step(parsers.parse("{duration} passes"))
def _passes(story: Story, duration: str) -> None:
    story.cluster.let_pass(parse_duration(duration))


@step(parsers.parse('"{name}" is running'))
def _running(story: Story, name: str) -> None:
    number = story.recipe.number(name)

    def begun() -> bool:
        return any(
            child["spec"]["stepNumber"] == number and child.get("status", {}).get("phase") == "executing"
            for child in story.children().values()
        )

    story.wait(f"{name} running", lambda: begun() or story.phase() in ENDED)
    assert begun(), story.status()


@step(parsers.parse("{count:d} children exist"))
def _exist(story: Story, count: int) -> None:
    story.wait(f"{count} children", lambda: len(story.ever()) >= count)


@step("it waits for approval")
def _waiting(story: Story) -> None:
    story.wait("the wait for an approval", lambda: _approval(story) == "Pending" or story.phase() in ENDED)
    assert _approval(story) == "Pending", story.status()


def _approval(story: Story) -> str:
    conditions = story.status().get("conditions", [])
    return next((str(one["reason"]) for one in conditions if one["type"] == "Approved"), "")


def _decision(story: Story, user: str, word: str) -> int:
    marks = {
        ANNOTATION_APPROVAL: word,
        ANNOTATION_APPROVED_BY: user,
        ANNOTATION_APPROVAL_REASON: "looked at by a person",
    }
    return story.annotate(marks, user).status


@when(parsers.parse('"{user}" approves it'))
def _approves(story: Story, user: str) -> None:
    assert _decision(story, user, "approved") == 200


@step(parsers.parse('"{user}" tries to approve it'))
def _tries_to_approve(story: Story, user: str) -> None:
    """The server may refuse that already; if it does not, the controller must."""
    _decision(story, user, "approved")


@step(parsers.parse('"{user}" rejects it'))
def _rejects(story: Story, user: str) -> None:
    assert _decision(story, user, "rejected") == 200


@step("somebody tries to change its definition")
def _tries_to_change(story: Story) -> None:
    definition = story.recipe.manifest(story.namespace)["spec"]["workflowDefinition"]
    story.answer = story.change({"workflowDefinition": definition | {"version": "3.0.0"}})


def _edit(story: Story, spec: dict[str, object]) -> None:
    answer = story.change(spec)
    assert answer.status == 200, answer.body


@step("somebody suspends it")
def _suspends(story: Story) -> None:
    _edit(story, {"suspend": True})


@step("somebody resumes it")
def _resumes(story: Story) -> None:
    _edit(story, {"suspend": False})


@step("somebody cancels it")
def _cancels(story: Story) -> None:
    _edit(story, {"cancel": True})


@step("somebody cancels it and asks for its children to be deleted")
def _cancels_children(story: Story) -> None:
    _edit(story, {"cancel": True, "onCancel": {"children": "delete"}})


@step("somebody cancels it and asks for a rollback")
def _cancels_back(story: Story) -> None:
    _edit(story, {"cancel": True, "onCancel": {"rollback": "automatic"}})


@step("somebody deletes it")
def _deletes(story: Story) -> None:
    path = path_of(WORKFLOWS, story.namespace, WORKFLOW_PLURAL, NAME)
    assert story.cluster.request("DELETE", path).status == 200


@step(parsers.parse('somebody deletes the child "{name}"'))
def _deletes_child(story: Story, name: str) -> None:
    path = path_of(EXECUTIONS, story.namespace, EXECUTION_PLURAL, name)
    assert story.cluster.request("DELETE", path).status == 200


@step(parsers.parse('somebody reports that the child of "{name}" completed'))
def _reports(story: Story, name: str) -> None:
    number = story.recipe.number(name)
    child = next(child for child in story.children().values() if child["spec"]["stepNumber"] == number)
    path = path_of(EXECUTIONS, story.namespace, EXECUTION_PLURAL, child["metadata"]["name"], "status")
    story.moments["reported"] = story.cluster.now_ms
    status = {"phase": "completed", "executionResults": {"success": True}}
    answer = story.cluster.request("PATCH", path, {"status": status})
    assert answer.status == 200, answer.body


@step(parsers.parse('somebody reports that "{name}" completed {duration} after its start'))
def _reports_at(story: Story, name: str, duration: str) -> None:
    """The executor's own word for when it ended; the report may travel for as long as it likes."""
    number = story.recipe.number(name)
    child = next(child for child in story.children().values() if child["spec"]["stepNumber"] == number)
    path = path_of(EXECUTIONS, story.namespace, EXECUTION_PLURAL, child["metadata"]["name"], "status")
    ended = parse_instant(story.step(name)["attempts"][-1]["startTime"]) + parse_duration(duration)
    results = {"success": True, "endTime": format_instant(ended)}
    answer = story.cluster.request("PATCH", path, {"status": {"phase": "completed", "executionResults": results}})
    assert answer.status == 200, answer.body


@step(parsers.re(r'the deployment of "(?P<name>[^"]+)" becomes (?P<word>available|unavailable)'))
def _availability(story: Story, name: str, word: str) -> None:
    path = path_of(APPS, story.namespace, "deployments", name, "status")
    now = format_instant(story.cluster.now_ms // 1_000 * 1_000)
    available = word == "available"
    condition = {
        "type": "Available",
        "status": "True" if available else "False",
        "reason": "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable",
        "message": "" if available else "2 pods are not ready",
        "lastUpdateTime": now,
        "lastTransitionTime": now,
    }
    there = story.cluster.request("GET", path.removesuffix("/status")).body["status"].get("replicas", 5)
    ready = there if available else there - 2
    status = {
        "conditions": [condition],
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": there - ready,
    }
    answer = story.cluster.request("PATCH", path, {"status": status})
    assert answer.status == 200, answer.body


@step("the controller is killed")
def _killed(story: Story) -> None:
    story.cluster.kill_controller()


@step("the leading controller is killed")
def _leader_killed(story: Story) -> None:
    story.holder = story.lease()["holderIdentity"]
    story.cluster.kill_controller()


@when("it is run once for each write of the controller, and the controller is killed after that write")
def _sweep(story: Story, sweep: list[Story], new_cluster: Callable[[], Cluster]) -> None:
    """Each run is a story of its own; the first one in which the moment does not come ends the sweep."""
    for write in range(1, SWEEP_MAX):
        run = Story(new_cluster(), recipe=story.recipe, setting=Setting(kill_after_write=write))
        try:
            run.apply()
            run.wait_for_end()
            run.settle()
        finally:
            run.cluster.close()
        sweep.append(run)
        if not run.cluster.killed:
            break
    assert 5 < len(sweep) < SWEEP_MAX - 1, f"{len(sweep)} runs"
