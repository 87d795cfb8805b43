"""A thousand workflows that wait for a person cost the controller and the API server nothing (BR-WF-018)."""

from sim.cluster.requests import EditWorkflow
from sim.driver import Simulation
from sim.process import Process
from sim.trace import Version, Written
from tests.unit.sim.support import manifest, options
from wfexec.engine.controller import Controller
from wfexec.model.base import evolve
from wfexec.model.meta import ANNOTATION_APPROVAL, ANNOTATION_APPROVED_BY
from wfexec.model.phases import Phase
from wfexec.model.requests import Kind, ObjectKey
from wfexec.model.status import WorkflowExecution

WAITING = 1_000
MINUTE = 60_000


def looks(process: Process) -> int:
    assert isinstance(process.machine, Controller)
    return process.machine.stats()["looks"]


def test_a_wait_is_neither_looked_at_nor_asked_about() -> None:
    simulation = Simulation(options())
    simulation.start()
    model = manifest([{}], executionStrategy={"approvalRequired": True})
    for number in range(WAITING):
        meta = evolve(model.metadata, name=f"waits-{number}")
        simulation.submit(evolve(model, metadata=meta))
    simulation.run_until(lambda: False, 2 * MINUTE)
    (controller,) = simulation.controllers
    known, before = len(simulation.records), looks(controller)
    simulation.run_until(lambda: False, 2 * MINUTE)
    later = simulation.records[known:]
    assert not [record for record in later if isinstance(record, Version | Written)]
    assert looks(controller) == before

    key = ObjectKey(Kind.WORKFLOW, "shop", "waits-500")
    simulation.act(EditWorkflow(key, {}, {ANNOTATION_APPROVAL: "approved", ANNOTATION_APPROVED_BY: "on-call"}))
    simulation.run_until(lambda: False, MINUTE // 2)
    moved = {
        record.object.metadata.name
        for record in simulation.records[known:]
        if isinstance(record, Version)
        and isinstance(record.object, WorkflowExecution)
        and record.object.status.phase == Phase.EXECUTING
    }
    assert moved == {"waits-500"}
