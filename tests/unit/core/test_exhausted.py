"""How often are the attempts of a step used up in vain? (BR-AUTOMATION-002)"""

from typing import Any

import pytest

from tests.unit.core.world import HANGS, World, failed, spec, step
from wfexec.model.plan import CountRecord

METRIC = "kubernaut_workflowexecution_step_retry_exhausted_total"


def counts(world: World) -> list[tuple[str, ...]]:
    return [one.labels for one in world.records if isinstance(one, CountRecord) and one.metric == METRIC]


def ended(text: str, attempts: int, **more: Any) -> World:
    world = World(spec(step(1, **more), strategy={"rollbackStrategy": "none"}))
    for number in range(attempts):
        world.say("wf-step-1" + (f"-r{number}" if number else ""), failed(text))
    return world.run()


def test_a_step_whose_last_attempt_failed_as_the_others_did_is_counted_once() -> None:
    world = ended("evicted", 3, maxRetries=2)
    assert world.step(1).status == "failed"
    assert counts(world) == [("scale-deployment",)]


@pytest.mark.parametrize(
    ("text", "attempts", "retries", "state"),
    [
        ("evicted", 1, 0, "failed"),
        ("invalid", 1, 2, "failed"),
        ("evicted", 2, 2, "completed"),
    ],
    ids=["none allowed", "trying again would not help", "the last one helped"],
)
def test_no_other_end_is_counted(text: str, attempts: int, retries: int, state: str) -> None:
    world = ended(text, attempts, maxRetries=retries)
    assert (world.step(1).status, counts(world)) == (state, [])


def test_what_the_executor_tried_by_itself_is_used_up_as_well() -> None:
    world = World(spec(step(1, maxRetries=2), strategy={"rollbackStrategy": "none"}))
    world.say("wf-step-1", failed("evicted", retries_attempted=2))
    world.run()
    assert counts(world) == [("scale-deployment",)]


def test_a_last_attempt_that_the_deadline_ends_is_a_last_attempt() -> None:
    world = World(spec(step(1, maxRetries=1), strategy={"rollbackStrategy": "none"}, timeout="2m"))
    world.say("wf-step-1", failed("evicted"))
    world.say("wf-step-1-r1", HANGS)
    world.run()
    assert (world.step(1).status, counts(world)) == ("failed", [("scale-deployment",)])
