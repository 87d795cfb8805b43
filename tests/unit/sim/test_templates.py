"""A workflow that names a template runs in both depths of the simulated cluster, with the same digest."""

from pathlib import Path

import pytest
import yaml

from sim.cluster.cluster import Depth
from sim.driver import Options
from sim.faults import crash_after_write
from sim.scenario import Scenario, config_maps, play
from wfexec.crd.codec import Decoder
from wfexec.crd.templates import config_map, load_template
from wfexec.model.status import WorkflowExecution

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    template = load_template(ROOT / "examples" / "templates" / "scale-under-load.yaml")
    file = tmp_path / "templates.yaml"
    file.write_text(yaml.safe_dump(config_map(template, "payments")))
    parameters = {"namespace": "payments", "deployment": "checkout-api", "replicas": 4}
    spec = {"remediationRequestRef": {"name": "r"}, "executionStrategy": {"safetyChecks": [{"type": "network"}]}}
    reference = {"name": "scale-under-load", "parameters": parameters}
    raw = {"metadata": {"name": "w", "namespace": "payments"}, "spec": spec | {"templateRef": reference}}
    workflow = Decoder().workflow(raw)
    assert isinstance(workflow, WorkflowExecution)
    return Scenario((workflow,), Options(objects=config_maps(file)))


def test_a_template_in_the_file_is_found_in_both_depths(scenario: Scenario) -> None:
    runs = [play(scenario._replace(options=scenario.options._replace(depth=depth))) for depth in Depth]
    resolved = [run.workflows[0].status.template for run in runs]
    assert [one.version if one else "" for one in resolved] == ["1.0.3", "1.0.3"]
    assert runs[0].digest() == runs[1].digest()
    assert not runs[0].complaints


@pytest.mark.parametrize("write", range(1, 6))
def test_a_crash_between_any_two_writes_of_planning_leads_to_the_same_template(scenario: Scenario, write: int) -> None:
    calm = play(scenario).workflows[0].status
    crashed = play(scenario._replace(options=scenario.options._replace(faults=crash_after_write(write))))
    status = crashed.workflows[0].status
    assert status.template == calm.template
    assert status.phase == calm.phase
    assert not crashed.complaints
