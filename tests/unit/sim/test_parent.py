"""The rules by which a parent makes workflows and stops making them (BR-WF-050)."""

from typing import Any

import pytest

from sim.parent import RATE_SAMPLES_MIN, failure_rate, turn
from wfexec.units import format_instant

NOW = 1_767_225_600_000
HOUR = 3_600_000
REQUEST: dict[str, Any] = {"metadata": {"name": "rr", "namespace": "shop", "uid": "uid-rr"}}
WAYS: list[dict[str, Any]] = [{"workflowDefinition": {"name": f"way-{number}"}} for number in range(6)]
Json = dict[str, Any]


def workflow(name: str, phase: str = "", step: int = 1, error: str = "timeout", owner: str = "uid-rr") -> Json:
    """One that ended now, if it has; `step` is what it failed at."""
    status: Json = {"phase": phase} if phase else {}
    if phase in ("completed", "failed", "cancelled"):
        status["completionTime"] = format_instant(NOW)
    if phase == "failed":
        status |= {"failedStep": step, "failedAction": "scale-deployment", "errorType": error, "failureReason": "why"}
    meta = {"name": name, "namespace": "shop", "ownerReferences": [{"uid": owner}]}
    return {"metadata": meta, "status": status}


def others(failed: int, well: int) -> list[Json]:
    return [
        workflow(f"other-{number}", "failed" if number < failed else "completed", owner="uid-other")
        for number in range(failed + well)
    ]


def test_the_first_workflow_is_made_by_name_with_its_owner_and_the_request_says_so() -> None:
    create, status = turn(REQUEST, [], WAYS, NOW)
    assert create is not None
    assert create["metadata"]["name"] == "rr-workflow"
    (owner,) = create["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == ("uid-rr", True)
    assert create["spec"]["remediationRequestRef"]["uid"] == "uid-rr"
    assert create["spec"]["workflowDefinition"] == {"name": "way-0"}
    assert (status["overallPhase"], status["workflowExecutionRef"]["name"]) == ("executing", "rr-workflow")
    assert "workflowDefinition" in WAYS[0], "what is known stays as it was"


@pytest.mark.parametrize("phase", ["", "planning", "executing", "rolling_back", "paused", "monitoring"])
def test_while_a_workflow_has_not_ended_nothing_is_made(phase: str) -> None:
    first = workflow("rr-workflow", phase)
    assert turn(REQUEST, [first], WAYS, NOW).create is None
    assert turn(REQUEST, [first], WAYS, NOW).status["overallPhase"] == "executing"
    both = [workflow("rr-workflow-2", phase), workflow("rr-workflow", "failed")]
    assert turn(REQUEST, both, WAYS, NOW).create is None
    assert turn(REQUEST, both, WAYS, NOW).status["overallPhase"] == "recovering"


def test_looking_again_says_the_same_and_keeps_the_first_end() -> None:
    done = [workflow("rr-workflow", "completed")]
    first = turn(REQUEST, done, WAYS, NOW)
    assert first.status["completedAt"] == format_instant(NOW)
    assert turn({**REQUEST, "status": first.status}, done, WAYS, NOW + HOUR) == first


def test_a_failure_is_followed_by_the_next_way_until_three_have_failed_too() -> None:
    mine: list[Json] = []
    for number in range(4):
        create, status = turn(REQUEST, mine, WAYS, NOW)
        assert create is not None
        assert create["spec"]["workflowDefinition"] == {"name": f"way-{number}"}
        assert status["overallPhase"] == ("recovering" if number else "executing")
        mine.append(workflow(create["metadata"]["name"], "failed", step=number + 1))
    create, status = turn(REQUEST, mine, WAYS, NOW)
    assert create is None
    assert (status["overallPhase"], "3 recoveries failed" in status["message"]) == ("failed", True)


@pytest.mark.parametrize(("again", "same"), [((1, "timeout"), True), ((2, "timeout"), False), ((1, "network"), False)])
def test_the_same_failure_is_the_same_step_action_and_error(again: tuple[int, str], same: bool) -> None:
    mine = [workflow("rr-workflow", "failed"), workflow("rr-workflow-2", "failed", *again)]
    create, status = turn(REQUEST, mine, WAYS, NOW)
    assert (create is None) is same
    assert ("the same failure twice" in status["message"]) is same


def test_where_no_other_way_is_known_or_a_person_cancelled_it_ends() -> None:
    create, status = turn(REQUEST, [workflow("rr-workflow", "failed")], WAYS[:1], NOW)
    assert (create, "no other way is known; why" in status["message"]) == (None, True)
    create, status = turn(REQUEST, [workflow("rr-workflow", "cancelled")], WAYS, NOW)
    assert (create, status["message"]) == (None, "a person cancelled it")


@pytest.mark.parametrize(("failed", "well", "recovers"), [(1, 10, True), (1, 9, False), (1, 8, True), (9, 0, True)])
def test_where_a_tenth_of_all_fails_nothing_more_is_tried(failed: int, well: int, recovers: bool) -> None:
    every = [workflow("rr-workflow", "failed"), *others(failed, well)]
    create, status = turn(REQUEST, every, WAYS, NOW)
    assert (create is not None) is recovers
    assert ("of the last hour failed" in status["message"]) is not recovers


def test_what_ended_longer_than_an_hour_ago_or_has_not_ended_does_not_count() -> None:
    failed = others(RATE_SAMPLES_MIN, 0)
    assert failure_rate(failed, NOW + HOUR) == 1.0
    assert failure_rate(failed, NOW + HOUR + 1) == 0.0
    running = [workflow(f"one-{number}", "executing") for number in range(90)]
    assert failure_rate([*failed, *running], NOW) == 1.0
