"""Which recommendations mean nothing for their definition, and which do (BR-WF-001)."""

from typing import Any

import pytest

from tests.unit.core.world import spec, step
from wfexec.core.refusals import findings
from wfexec.settings import DEFAULTS

CUSTOM = {"custom": {"actionType": "notify", "config": {"to": "us"}}}


def refusals(*steps: dict[str, Any], **suggested: str) -> list[str]:
    change = {"stepNumber": 1, "confidence": 0.9, "parameterChanges": {"suggestedParameters": suggested}}
    given = {"overallConfidence": 0.5, "stepOptimizations": [change]}
    made = spec(*steps, definition={"aiRecommendations": given})
    return [f"{one.reason}: {one.message}" for one in findings(made, DEFAULTS)]


@pytest.mark.parametrize(
    ("suggested", "told"),
    [
        ({"replicas": "7", "deployment": "other"}, []),
        ({"Replicas": "7"}, ["recommendation_invalid: scaleDeployment of step 's1' has no such field; it has"]),
        ({"replicas": "-1"}, ["recommendation_invalid: step 's1' does not take that:"]),
        ({"namespace": ""}, ["recommendation_invalid: step 's1' does not take that:"]),
    ],
)
def test_suggested_parameters_are_fields_of_the_one_set_member_with_values_that_fit(
    suggested: dict[str, str], told: list[str]
) -> None:
    found = refusals(step(1), **suggested)
    assert len(found) == len(told)
    assert all(text in one for one, text in zip(found, told, strict=True))


def test_a_map_is_no_text() -> None:
    (found,) = refusals(step(1, action="notify-only", parameters=CUSTOM), config="a=b")
    assert "does not take that" in found


def test_a_step_without_parameters_has_none_to_change() -> None:
    bare = {"stepNumber": 1, "name": "s1", "action": "notify-only"}
    (found,) = refusals(bare, to="us")
    assert "has no parameters that could be changed" in found
    assert refusals(bare) == []


def test_what_is_wrong_with_the_parameters_themselves_is_told_once() -> None:
    both = {"scaleDeployment": {"namespace": "shop", "deployment": "d", "replicas": 1}, **CUSTOM}
    (found,) = refusals(step(1, parameters=both), replicas="2")
    assert found.startswith("parameters_union")
