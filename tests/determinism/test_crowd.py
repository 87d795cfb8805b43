"""Many workflows at once do not get in each other's way: each ends as it would have ended alone (BR-WF-047)."""

import pytest

from sim.checkers import complaints
from sim.driver import Options, Simulation
from sim.faults import CALM, Fault, FaultPlan
from sim.history import history_of
from sim.trace import Version
from tests.bench import load
from wfexec.engine.controller import Controller
from wfexec.model.execution import KubernetesExecution
from wfexec.model.phases import Phase
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings

HOUR_MS = 3_600_000
# Some at the start, some in the thick of it.
FAULTS = (CALM, FaultPlan(((40, Fault.CRASH_AFTER), (300, Fault.CRASH_STALE), (500, Fault.FORGET), (700, Fault.STALL))))
GRAPHS = (load.fan((2, 1)), load.fan((1,)), load.fan((3, 3)))


def crowd(count: int, settings: Settings, faults: FaultPlan = CALM) -> Simulation:
    """Workflows of three shapes, all created at the same instant."""
    made = Simulation(Options(settings=settings, outcomes=load.outcomes(GRAPHS[2], 4, 10), faults=faults))
    shapes = [load.spec(graph) for graph in GRAPHS]
    for number in range(count):
        made.submit(load.workflow(f"crowd-{number}", shapes[number % len(shapes)]))
    made.start()
    return made


def children(made: Simulation) -> dict[str, list[str]]:
    """Names of all children that ever were, by the uid of the workflow that owns them."""
    found: dict[str, list[str]] = {}
    for record in made.records:
        if isinstance(record, Version) and isinstance(record.object, KubernetesExecution):
            (owner,) = record.object.metadata.owner_references
            names = found.setdefault(owner.uid, [])
            if record.object.metadata.name not in names:
                names.append(record.object.metadata.name)
    return found


def finals(made: Simulation) -> list[WorkflowExecution]:
    newest: dict[str, WorkflowExecution] = {}
    for record in made.records:
        if isinstance(record, Version) and isinstance(record.object, WorkflowExecution):
            newest[record.object.metadata.name] = record.object
    return list(newest.values())


def judge(made: Simulation, count: int, excused: frozenset[str] = frozenset()) -> None:
    """Each ended well with children of its own, and no promise was broken."""
    assert made.run(6 * HOUR_MS)
    ends = finals(made)
    assert len(ends) == count
    assert {workflow.status.phase for workflow in ends} == {Phase.COMPLETED}
    owned = children(made)
    for workflow in ends:
        name, steps = workflow.metadata.name, workflow.status.step_statuses
        assert len(steps) == len(GRAPHS[int(name.removeprefix("crowd-")) % len(GRAPHS)])
        assert sorted(owned[workflow.metadata.uid]) == sorted(f"{name}-step-{step.step_number}" for step in steps)
    broken = complaints(history_of(made.records, made.options.settings, cut=False))
    assert [complaint for complaint in broken if complaint.check not in excused] == []


@pytest.mark.parametrize("faults", FAULTS, ids=["calm", "troubled"])
def test_a_hundred_workflows_at_once_have_their_own_children_and_no_others(faults: FaultPlan) -> None:
    judge(crowd(100, load.SETTINGS, faults), 100)


def test_a_thousand_workflows_in_the_queue_of_a_slow_client_all_get_their_turn() -> None:
    slow = load.SETTINGS.model_copy(update={"kubernetes_qps": 40, "kubernetes_burst": 10, "workers": 2})
    made = crowd(1_000, slow)
    made.run_until(lambda: False, 2_000)
    machine = made.controllers[0].machine
    assert isinstance(machine, Controller)
    assert machine.stats()["queued"] > 900
    # That each is looked at in time is what a client so slow cannot keep.
    judge(made, 1_000, frozenset({"L2"}))
