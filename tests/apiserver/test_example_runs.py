"""Do the examples run on a real API server to the end that `docs/examples.md` tells, as they stand in their files?"""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from sim.executor.files import load_outcomes
from sim.executor.machine import nameless
from sim.executor.objects import namespaces
from sim.executor.outcomes import Outcomes
from sim.executor.wire import target_path
from sim.live import CONNECTIONS, LiveExecutor, Seeded, grant_rights, seed_cluster
from tests.envtest.server import ControlPlane
from tests.harness.controller import CONNECTIONS_EXTRA, LiveController
from tests.harness.examples import Example, end_of, examples
from tests.harness.lent import Heard
from tests.harness.observer import Observer
from tests.harness.pace import PacedClock
from wfexec.adapters.kube import connect
from wfexec.crd.wire import HttpCall
from wfexec.model.phases import TERMINAL
from wfexec.settings import Settings

Json = dict[str, Any]
# As in the features: half a second of reality for half a minute, and looks at targets that allow for it.
SPEED = 60
SETTINGS = Settings(dry_run_timeout=180_000, watch_silence=600_000)
CALL_S = 5.0
PATIENCE_S = 60.0
WORKFLOWS = "/apis/workflowexecution.kubernaut.io/v1/namespaces/{}/workflowexecutions"
CHILDREN = "/apis/kubernetesexecution.kubernaut.io/v1/namespaces/{}/kubernetesexecutions"


@pytest.fixture
def clock(control_plane: ControlPlane) -> Iterator[PacedClock]:
    connection = connect(str(control_plane.kubeconfig("admin")), None, 1)
    made = PacedClock(SPEED, lambda: connection.call(HttpCall("GET", "/api/v1/namespaces/default"), CALL_S))
    made.start()
    yield made
    made.stop()
    connection.close()


@pytest.fixture
def controller(control_plane: ControlPlane, clock: PacedClock) -> Iterator[LiveController]:
    connection = connect(str(control_plane.kubeconfig("controller")), None, SETTINGS.workers + CONNECTIONS_EXTRA)
    made = LiveController(connection, clock, SETTINGS)
    made.start()
    yield made
    made.stop()
    connection.close()


class World:
    """What an executor file describes, on the real server, and the executor that plays it."""

    def __init__(self, plane: ControlPlane, outcomes: Outcomes, clock: PacedClock) -> None:
        self._plane = plane
        self._outcomes = outcomes
        # Another test's nodes would be part of the picture.
        plane.only_nodes(())
        admin = connect(str(plane.kubeconfig("admin")), None, 2)
        self._seeded: Seeded = seed_cluster(outcomes, admin, clock.now_ms(), again=True)
        grant_rights(outcomes, admin)
        admin.close()
        plane.open_nodes(outcomes.cluster.nodes)
        connection = Heard(connect(str(plane.kubeconfig("executor")), None, CONNECTIONS), clock)
        self.executor = LiveExecutor(outcomes, connection, clock=clock, step_name=nameless)
        self.executor.start()
        plane.wait_until(lambda: self.executor.machine.synced, "the executor follows the children")

    def close(self) -> None:
        """All that others on this server could trip over goes: objects, labels of namespaces, rights."""
        self.executor.stop()
        for ref in self._seeded.created:
            self._plane.request("DELETE", target_path(*ref))
        for name, labels in namespaces(self._outcomes):
            self._plane.request("PATCH", f"/api/v1/namespaces/{name}", {"metadata": {"labels": dict.fromkeys(labels)}})
        self._plane.end_rehearsal()


@pytest.fixture
def world(control_plane: ControlPlane, clock: PacedClock, example: Example) -> Iterator[World]:
    made = World(control_plane, load_outcomes(example.executor_file), clock)
    yield made
    made.close()


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.executor)
def test_an_example_ends_on_a_real_server_as_told(
    control_plane: ControlPlane, clock: PacedClock, controller: LiveController, world: World, example: Example
) -> None:
    (manifest,) = yaml.safe_load_all(example.manifest.read_text())
    namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
    observer = Observer(Heard(connect(str(control_plane.kubeconfig("viewer")), None, 2), clock))
    view = observer.view(namespace)
    observer.follow(WORKFLOWS.format(namespace))
    observer.follow(CHILDREN.format(namespace))

    def versions() -> list[Json]:
        return [thing for _, thing in view.lines if thing["kind"] == "WorkflowExecution"]

    def over() -> bool:
        seen = versions()
        ended = seen and seen[-1].get("status", {}).get("phase") in TERMINAL
        return bool(ended or controller.failure() or world.executor.failure or observer.trouble)

    try:
        control_plane.kubectl(["apply", "-f", str(example.manifest)], "alice", check=True)
        assert view.wait(over, PATIENCE_S, clock.paced_seconds), versions()[-1]["status"]
        assert (controller.failure(), world.executor.failure, observer.trouble) == (None, None, "")
        children = {thing["metadata"]["name"] for _, thing in view.lines if thing["kind"] == "KubernetesExecution"}
        assert end_of(versions(), children) == example.end, versions()[-1]["status"]
    finally:
        observer.close()
        control_plane.request("DELETE", f"{WORKFLOWS.format(namespace)}/{name}")
