"""Is what a child reports kept with its step as people read it? (BR-WF-012)"""

import pytest

from tests.unit.core.world import World, completed, spec, step
from wfexec.model.execution import AffectedResource, RollbackInformation
from wfexec.model.parameters import UndoParameters, UndoScale


def scaled(before: str, offers: int | None = None) -> int:
    """Previous replicas in the result of a step whose child names this state before and offers to scale back."""
    undo = None
    if offers is not None:
        back = UndoScale(deployment="d1", namespace="shop", previous_replicas=offers)
        undo = RollbackInformation(available=True, rollback_parameters=UndoParameters(scale_to_previous=back))
    world = World(spec(step(1)))
    affected = AffectedResource(kind="Deployment", namespace="shop", name="d1", action="scaled", before=before)
    world.say("wf-step-1", completed(resources_affected=(affected,), undo=undo))
    result = world.run().step(1).result
    assert result is not None
    assert result.scale_result is not None
    assert result.scale_result.new_replicas == 5
    return result.scale_result.previous_replicas


@pytest.mark.parametrize(
    ("before", "offers", "expected"),
    [
        ("4", None, 4),
        ('{"spec": {"replicas": 4}}', 6, 6),
        ("7", 6, 6),
        # Three is what was seen before the step.
        ('{"spec": {"replicas": 4}}', None, 3),
        ("", None, 3),
    ],
)
def test_the_replicas_before_come_from_the_offered_undo_or_the_named_state_or_what_was_seen(
    before: str, offers: int | None, expected: int
) -> None:
    assert scaled(before, offers) == expected
