"""A canary planted in parameters is carried to the executor and sings nowhere else.

No status, event, log, metric or report shows it, whatever the executor says about it.
"""

import base64
import io
import logging
from pathlib import Path
from typing import Any

import orjson
import pytest

from sim.cli.run import document, draw, tell
from sim.driver import Options, Simulation
from sim.executor.files import parse_outcomes
from sim.report_json import trace_line
from sim.scenario import Run, Scenario, judge
from tests.unit.sim.support import manifest
from wfexec.adapters.logging import configure, write_record
from wfexec.adapters.metrics import Metrics
from wfexec.cli.show import picture
from wfexec.crd.codec import render_execution, render_workflow
from wfexec.model.execution import KubernetesExecution
from wfexec.model.plan import CountRecord, LogRecord
from wfexec.model.redact import MARK
from wfexec.model.requests import EventWrite
from wfexec.model.status import WorkflowExecution

CANARY = "c4n4ry-in-the-mine"
CODED = base64.b64encode(CANARY.encode()).decode()
STEPS: list[dict[str, Any]] = [
    {
        "action": "update-secret",
        "parameters": {"updateSecret": {"namespace": "shop", "name": "a", "dataUpdates": {"x": CODED}}},
    },
    {
        "action": "update-configmap",
        "parameters": {"updateConfigMap": {"namespace": "shop", "name": "b", "dataUpdates": {"DB_PASSWORD": CANARY}}},
        "dependsOn": [1],
    },
    {
        "action": "notify-only",
        "parameters": {"custom": {"actionType": "notify-only", "config": {"token": CANARY, "message": "hello"}}},
        "dependsOn": [2],
        "maxRetries": 1,
    },
]
# What an executor that knows no better says.
TALKING = f"""
cluster:
  nodes: {{n1: {{}}}}
  secrets: {{shop/a: {{data: {{x: b2xk}}}}}}
  configMaps: {{shop/b: {{data: {{mode: fast}}}}}}
defaults: {{duration: 10s}}
steps:
  "*/1": {{outputs: {{seen: "{CANARY}", plain: "{CODED}"}}}}
  "*/3": {{attempts: [{{result: failure, error: {{type: network, message: "refused {CANARY} by the gate"}}}}]}}
"""


@pytest.fixture(scope="module")
def story() -> tuple[Simulation, Run]:
    unchecked = [{"type": kind, "required": False} for kind in ("rbac", "health", "capacity", "network")]
    strategy = {"rollbackStrategy": "automatic", "safetyChecks": unchecked, "dryRunFirst": True}
    given = Options(outcomes=parse_outcomes(TALKING, "test.yaml"))
    scenario = Scenario((manifest(STEPS, executionStrategy=strategy),), given)
    simulation = Simulation(scenario.options)
    simulation.submit(scenario.workflows[0])
    simulation.start()
    assert simulation.run(3_600_000)
    return simulation, judge(simulation, scenario, cut=False)


def silent(text: str) -> bool:
    return CANARY not in text and CODED not in text


def test_the_run_is_one_that_had_something_to_tell(story: tuple[Simulation, Run]) -> None:
    run = story[1]
    (workflow,) = run.workflows
    assert run.complaints == ()
    assert workflow.status.phase == "failed"
    assert MARK in workflow.status.step_statuses[2].error_message
    first = workflow.status.step_statuses[0].result
    assert first is not None
    assert first.outputs == {"seen": MARK, "plain": MARK}


def test_the_children_are_told(story: tuple[Simulation, Run]) -> None:
    told = [render_execution(move.child) for move in story[1].history.children if move.before is None]
    assert [CODED in str(child["spec"]) or CANARY in str(child["spec"]) for child in told][:3] == [True, True, True]


def test_no_status_shows_it(story: tuple[Simulation, Run]) -> None:
    for move in story[1].history.workflows:
        assert isinstance(move.after, WorkflowExecution)
        assert silent(str(render_workflow(move.after).get("status", {})))


def test_no_event_shows_it(story: tuple[Simulation, Run]) -> None:
    events = [write.body for write in story[1].history.writes if isinstance(write.body, EventWrite)]
    assert any("refused" in event.message for event in events)
    assert all(silent(event.message) for event in events)


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_line_of_the_log_shows_it(story: tuple[Simulation, Run], form: str) -> None:
    stream = io.StringIO()
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    configure("debug", form, stream)
    for key, record in story[0].utterances().records or ():
        if isinstance(record, LogRecord):
            write_record(key, record)
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    text = stream.getvalue()
    assert "workflow ended" in text
    assert "correlationID" in text
    assert silent(text)


def test_no_metric_shows_it(story: tuple[Simulation, Run]) -> None:
    metrics = Metrics()
    for _, record in story[0].utterances().records or ():
        if isinstance(record, CountRecord):
            metrics.count(record)
    page = metrics.page().decode()
    assert 'status="failed"' in page
    assert silent(page)


def test_no_report_shows_it(story: tuple[Simulation, Run], tmp_path: Path) -> None:
    run = story[1]
    assert silent("\n".join(tell(run)))
    assert silent(orjson.dumps(document(run)).decode())
    assert silent("\n".join(trace_line(record, run.epoch_ms) for record in run.records))
    assert silent("\n".join(picture(run.workflows[0], run.now_ms)))
    draw(run, tmp_path / "timeline.svg", "a run")
    assert silent((tmp_path / "timeline.svg").read_text())


def test_what_the_report_leaves_out_is_only_that(story: tuple[Simulation, Run]) -> None:
    run = story[1]
    children = [thing for thing in run.history.finals if isinstance(thing, KubernetesExecution)]
    told = {child["metadata"]["name"]: child for child in document(run)["executions"]}
    assert {child.metadata.name for child in children} == told.keys()
    assert told["repair-step-1"]["spec"]["parameters"]["updateSecret"]["data"] == {"x": MARK}
