"""Does `wfexec run` get through what befalls a real control plane: no CRDs yet, a dead API server, an etcd that hangs?

The servers are this module's own: nobody else may see them die. Time is the wall's (BR-WF-025, BR-WF-040).
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from sim.executor.machine import nameless
from sim.live import LiveExecutor, grant_rights, seed_cluster
from tests.apiserver.test_run import Running
from tests.bench import load
from tests.envtest.plugin import install
from tests.envtest.server import ControlPlane
from wfexec.adapters.kube import connect
from wfexec.crd.codec import render_workflow
from wfexec.crd.wire import object_path
from wfexec.model.requests import Kind

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "outage"
CHAIN: load.Graph = ((), (1,), (2,))
STEPS = [1, 2, 3]
# Far more than any of it takes, on a machine with other work.
PATIENCE_S = 240.0


@pytest.fixture
def bare(envtest_binaries: Path) -> Iterator[ControlPlane]:
    """A control plane without our CRDs."""
    with ControlPlane(envtest_binaries) as running:
        yield running


@pytest.fixture
def running(bare: ControlPlane, tmp_path: Path) -> Iterator[Running]:
    made = Running(bare, tmp_path)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            os.kill(made.process.pid, signal.SIGKILL)
            made.process.wait()


def answer(running: Running, path: str) -> str:
    """What the health port says; "" when nothing listens."""
    try:
        with urlopen(f"http://127.0.0.1:{running.health}{path}", timeout=10) as page:
            return str(page.read().decode())
    except HTTPError as refused:
        with refused:
            return refused.read().decode()
    except (URLError, OSError):
        return ""


def await_ready(plane: ControlPlane, running: Running) -> None:
    plane.wait_until(lambda: running.status(running.health, "/readyz") == 200, "it is ready", PATIENCE_S)


def test_without_its_kinds_it_is_not_ready_says_why_and_goes_on_when_they_come(
    bare: ControlPlane, running: Running
) -> None:
    bare.apply_manifests(ROOT / "deploy", ROOT / "tests" / "envtest" / "users.yaml")
    missing = "does not know WorkflowExecution, KubernetesExecution: apply the CRDs (`wfexec crds` prints them)"
    bare.wait_until(lambda: missing in answer(running, "/readyz"), "it says that its kinds are missing", PATIENCE_S)
    assert running.status(running.health, "/readyz") == 503
    assert running.status(running.health, "/healthz") == 200
    assert "the API server does not know this kind" in running.log.read_text()
    install(bare)
    await_ready(bare, running)
    assert running.end() == 0


class Mission:
    """One workflow of three steps on the way, with an executor of its own."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.outcomes = load.outcomes(CHAIN, 3, 4, NAMESPACE)
        admin = connect(str(plane.kubeconfig("admin")), None, 2)
        seed_cluster(self.outcomes, admin, 0)
        grant_rights(self.outcomes, admin)
        admin.close()
        plane.open_nodes(("node-1",))
        body = render_workflow(load.workflow("mission", load.spec(CHAIN, NAMESPACE), NAMESPACE))
        body.pop("status", None)
        status, found = plane.request("POST", object_path(Kind.WORKFLOW, NAMESPACE), body)
        assert status == 201, found

    def executor(self) -> LiveExecutor:
        connection = connect(str(self.plane.kubeconfig("executor")), None, 12)
        return LiveExecutor(self.outcomes, connection, step_name=nameless)

    def status(self) -> dict[str, Any]:
        """{} while the server has nothing to say."""
        try:
            code, found = self.plane.request("GET", object_path(Kind.WORKFLOW, NAMESPACE, "mission"))
        except OSError:
            return {}
        return dict(found.get("status", {})) if code == 200 else {}

    def steps(self) -> dict[int, str]:
        return {step["stepNumber"]: step.get("status", "") for step in self.status().get("stepStatuses", [])}

    def children(self) -> list[str]:
        _, found = self.plane.request("GET", object_path(Kind.EXECUTION, NAMESPACE))
        return sorted(each["metadata"]["name"] for each in found["items"])

    def done(self) -> bool:
        assert self.status().get("phase") != "failed", self.status()
        steps = self.steps()
        return sorted(steps) == STEPS and set(steps.values()) == {"completed"}


def troubles(running: Running) -> int:
    """How many requests of the controller had no answer."""
    told = running.log.read_text()
    return told.count('"code":"lost"') + told.count('"code":"unavailable"')


def kill_the_api_server(plane: ControlPlane, met: Callable[[], bool]) -> None:
    plane.kill_apiserver()
    plane.wait_until(met, "the controller has met the outage", PATIENCE_S)
    plane.restart_apiserver()


def stop_etcd(plane: ControlPlane, met: Callable[[], bool]) -> None:
    plane.pause_etcd()
    try:
        plane.wait_until(met, "the controller has met the outage", PATIENCE_S)
    finally:
        plane.resume_etcd()
    plane.wait_until(plane.is_ready, "the API server is ready again", PATIENCE_S)


@pytest.mark.parametrize("outage", [kill_the_api_server, stop_etcd])
def test_a_workflow_survives(
    bare: ControlPlane, running: Running, outage: Callable[[ControlPlane, Callable[[], bool]], None]
) -> None:
    install(bare)
    await_ready(bare, running)
    mission = Mission(bare)
    # The executor is away as well, and comes when the server is whole: a right that it lacks fails a step for good.
    bare.wait_until(lambda: mission.steps().get(1) == "executing", "the first step runs", PATIENCE_S)
    before = troubles(running)
    outage(bare, lambda: troubles(running) >= before + 2)
    executor = mission.executor()
    executor.start()
    try:
        bare.wait_until(mission.done, "all steps complete", PATIENCE_S)
        assert mission.children() == [f"mission-step-{number}" for number in STEPS]
        assert executor.failure is None
        assert running.process.poll() is None
    finally:
        executor.stop()
