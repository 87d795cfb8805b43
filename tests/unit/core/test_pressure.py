"""Fewer steps at a time while the API server throttles (BR-WF-024d)."""

import pytest

from tests.unit.core.world import World, spec, step
from wfexec.model.plan import EventRecord
from wfexec.model.snapshot import Snapshot


class Pressed(World):
    """A world whose API server throttles; `pressure` may change at any time."""

    pressure = 0

    def snapshot(self) -> Snapshot:
        return super().snapshot()._replace(pressure=self.pressure)


def pressed(pressure: int, steps: int = 8) -> Pressed:
    world = Pressed(spec(*(step(number) for number in range(1, steps + 1)), strategy={"maxParallelSteps": 6}))
    world.pressure = pressure
    return world


@pytest.mark.parametrize(("pressure", "most"), [(0, 6), (1, 3), (2, 1), (3, 1), (4, 1)])
def test_the_steps_at_a_time_are_halved_and_never_none(pressure: int, most: int) -> None:
    world = pressed(pressure)
    world.run()
    assert world.workflow.status.phase == "completed"
    assert world.busiest == most


def test_it_is_told_once_while_steps_wait_and_when_it_is_over() -> None:
    world = pressed(1)
    world.run(stop=lambda one: bool(one.workflow.status.queued_steps))
    assert world.workflow.status.queued_steps
    degraded = [one for one in world.workflow.status.conditions if one.type == "Degraded"]
    said = "the API server asks to slow down: 3 of 6 steps at a time"
    assert [(one.status, one.reason, one.message) for one in degraded] == [("True", "Throttled", said)]
    world.pressure = 0
    world.run()
    degraded = [one for one in world.workflow.status.conditions if one.type == "Degraded"]
    assert [(one.status, one.reason) for one in degraded] == [("False", "Recovered")]
    events = [
        one.message for one in world.records if isinstance(one, EventRecord) and one.reason == "ParallelismReduced"
    ]
    assert events == [said]


def test_what_needs_no_more_places_says_nothing() -> None:
    world = pressed(1, steps=3)
    world.run()
    assert "ParallelismReduced" not in world.reasons()
    assert not any(one.type == "Degraded" for one in world.workflow.status.conditions)
