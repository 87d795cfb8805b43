"""History files: what they say is what a learning controller finds, in both depths."""

from pathlib import Path

import pytest

from sim.cluster.cluster import Depth
from sim.driver import Options
from sim.past import load_history
from sim.scenario import Scenario, play
from tests.unit.core.world import spec, step
from wfexec.errors import BadInput
from wfexec.model.meta import ObjectMeta
from wfexec.model.status import WorkflowExecution

HISTORY = """
runs:
  - definition: recover
    times: 12
    steps: [{action: notify-only, took: 4m30s}]
"""


def learner(number: int) -> WorkflowExecution:
    given = spec(
        step(1, action="notify-only", parameters=None),
        strategy={"safetyChecks": [{"type": "network"}]},
        adaptiveOrchestration={"learningFromHistory": True},
    )
    return WorkflowExecution(metadata=ObjectMeta(name=f"w{number}", namespace="shop"), spec=given)


def test_the_same_history_is_found_in_both_depths(tmp_path: Path) -> None:
    path = tmp_path / "history.yaml"
    path.write_text(HISTORY)
    found = {}
    for depth in Depth:
        run = play(Scenario((learner(1), learner(2)), Options(depth=depth, history=load_history(path))))
        assert not run.complaints
        adjustments = [[one.adjustment for one in each.status.adaptive_adjustments] for each in run.workflows]
        assert adjustments[0][0] == "timeout of step 's1' 5m → 6m45s"
        found[depth] = run.digest()
    assert len(set(found.values())) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("runs: [{definition: a, steps: [{action: dance, took: 1s}]}]", "'dance' is no action"),
        ("runs: [{definition: a, times: 0}]", "greater than or equal to 1"),
        ("runs: [{definition: a, tims: 3}]", "tims"),
        ("a: 1\n---\nb: 2", "a history is one YAML document"),
    ],
)
def test_a_wrong_history_is_told(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "history.yaml"
    path.write_text(text)
    with pytest.raises(BadInput) as trouble:
        load_history(path)
    assert expected in str(trouble.value)
