"""Do both drivers make the same controller do the same? The same events of the world give the same requests, with the
same bodies, in the same order, whether virtual time or production's engine thread drives (BR-WF-015)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sim.cluster.requests import DeleteObject, EditWorkflow
from sim.driver import Options, Simulation
from sim.faults import Fault, FaultPlan
from sim.scenario import HORIZON_MS, find_executor
from tests.twin.script import Life, play, record
from wfexec.crd.files import load_workflows
from wfexec.model.plan import MetadataChange
from wfexec.model.requests import (
    CreateExecution,
    DeleteExecution,
    Kind,
    ObjectKey,
    PatchMetadata,
    PatchStatus,
    Request,
    StopAsked,
)

EXAMPLES = Path(__file__).parents[2] / "examples"
WRITES = (PatchMetadata, PatchStatus, CreateExecution, DeleteExecution)
Story = Callable[[Simulation], None]


def options(folder: str, executor: str = "executor.yaml", faults: FaultPlan | None = None) -> Options:
    outcomes = find_executor(EXAMPLES / folder / executor, EXAMPLES / folder / "workflow.yaml")
    made = Options(outcomes=outcomes, seed=7)
    return made._replace(faults=faults) if faults else made


def to_the_end(folder: str, act: Story = lambda simulation: None) -> Story:
    """The example of the folder from its creation to rest; `act` may do something to it on the way."""

    def story(simulation: Simulation) -> None:
        for workflow in load_workflows(EXAMPLES / folder / "workflow.yaml"):
            simulation.submit(workflow)
        simulation.start()
        act(simulation)
        assert simulation.run(HORIZON_MS)

    return story


def key(folder: str) -> ObjectKey:
    (workflow,) = load_workflows(EXAMPLES / folder / "workflow.yaml")
    return ObjectKey(Kind.WORKFLOW, workflow.metadata.namespace, workflow.metadata.name)


def suspended_then_cancelled(simulation: Simulation) -> None:
    where = key("regional-failover")
    for delay_ms, change in ((20_000, {"suspend": True}), (90_000, {"suspend": False}), (150_000, {"cancel": True})):
        simulation.act(EditWorkflow(where, change, {}), delay_ms)


def deleted(simulation: Simulation) -> None:
    simulation.act(DeleteObject(key("memory-pressure")), 15_000)


def stopped(simulation: Simulation) -> None:
    """In the middle of its work, and once the lease is let go nothing more happens."""
    for workflow in load_workflows(EXAMPLES / "memory-pressure" / "workflow.yaml"):
        simulation.submit(workflow)
    simulation.start()
    simulation.run_until(lambda: simulation.writes >= 6, HORIZON_MS)
    simulation.controllers[0].feed(StopAsked())
    simulation.run_until(lambda: False, 60_000)


FAULTS = FaultPlan(((3, Fault.LOSE_REPLY), (5, Fault.DROP), (8, Fault.CRASH_AFTER), (12, Fault.CRASH_SEEN)))
CASES: dict[str, tuple[Options, bool, Story, int]] = {
    "all goes well": (options("memory-pressure"), False, to_the_end("memory-pressure"), 1),
    "retries and a rollback": (
        options("bad-configmap-rollout", "eviction-storm.yaml"),
        False,
        to_the_end("bad-configmap-rollout"),
        1,
    ),
    "twelve steps under a lease": (options("regional-failover"), True, to_the_end("regional-failover"), 1),
    "paused and cancelled": (
        options("regional-failover"),
        False,
        to_the_end("regional-failover", suspended_then_cancelled),
        1,
    ),
    "deleted": (options("memory-pressure"), False, to_the_end("memory-pressure", deleted), 1),
    "lost replies and crashes": (
        options("memory-pressure", faults=FAULTS),
        False,
        to_the_end("memory-pressure"),
        3,
    ),
    "told to stop": (options("memory-pressure"), True, stopped, 1),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Options, bool, list[Life], int]:
    made, elects, story, lives = CASES[request.param]
    return made, elects, record(made, elects, story), lives


def writes(asked: list[list[Request]]) -> list[object]:
    return [request.body for requests in asked for request in requests if isinstance(request.body, WRITES)]


def test_the_same_script_gives_the_same_requests_in_the_same_order(
    case: tuple[Options, bool, list[Life], int],
) -> None:
    made, elects, lives, expected_lives = case
    assert len(lives) == expected_lives
    for life in lives:
        simulated = [call.asked for call in life.calls]
        produced = play(made, elects, life)
        assert writes(produced) == writes(simulated)
        assert produced == simulated


def test_the_scripts_are_worth_playing() -> None:
    """Rollback, retries, cancellation and finalizers occur in them; otherwise the twins would agree on little."""
    seen: set[str] = set()
    for made, elects, story, _ in CASES.values():
        for life in record(made, elects, story):
            for body in writes([call.asked for call in life.calls]):
                if isinstance(body, PatchStatus):
                    seen.add(str(body.after.phase))
                elif isinstance(body, PatchMetadata) and isinstance(body.change, MetadataChange):
                    seen.add("finalizer" if body.change.finalizers is not None else "metadata")
                elif isinstance(body, CreateExecution):
                    seen.add("retry" if "-r" in body.key.name else "child")
    phases = {"planning", "executing", "monitoring", "rolling_back", "paused", "cancelled", "completed", "failed"}
    assert phases | {"finalizer", "child", "retry"} <= seen
