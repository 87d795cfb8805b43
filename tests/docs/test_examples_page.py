"""Every example is on the page about them, and ends in the simulation as told there."""

import pytest

from sim.driver import Options, Simulation
from sim.executor.files import load_outcomes
from sim.scenario import load_all
from sim.trace import Version
from tests.harness.examples import ROOT, Example, end_of, examples
from wfexec.crd.codec import render_workflow
from wfexec.model.execution import KubernetesExecution
from wfexec.model.status import WorkflowExecution

HOUR_MS = 3_600_000


def test_every_example_is_told() -> None:
    told = {example.manifest for example in examples()}
    assert told == set((ROOT / "examples").glob("*/workflow.yaml"))


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.executor)
def test_an_example_ends_in_the_simulation_as_told(example: Example) -> None:
    simulation = Simulation(Options(outcomes=load_outcomes(example.executor_file)))
    for workflow in load_all([example.manifest]):
        simulation.submit(workflow)
    simulation.start()
    assert simulation.run(HOUR_MS)
    things = [record.object for record in simulation.records if isinstance(record, Version)]
    versions = [render_workflow(thing) for thing in things if isinstance(thing, WorkflowExecution)]
    children = {thing.metadata.name for thing in things if isinstance(thing, KubernetesExecution)}
    assert end_of(versions, children) == example.end
