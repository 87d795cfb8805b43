"""Does `wfexec run` work as a person or a pod starts it: as a process, with the shipped rights and no other?"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml

from tests.envtest.server import SYSTEM_NAMESPACE, ControlPlane, free_ports

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "crashloop-bad-image" / "workflow.yaml"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM_NAMESPACE}/leases/workflow-execution.kubernaut.io"
PATIENCE_S = 30


class Running:
    """`wfexec run` on free ports; its log is in `log`."""

    def __init__(self, cluster: ControlPlane, folder: Path) -> None:
        self.health, self.metrics = free_ports(2)
        self.log = folder / "log"
        command = [sys.executable, "-m", "wfexec", "run", "--kubeconfig", str(cluster.kubeconfig("controller"))]
        command += [f"--health-probe-bind-address=127.0.0.1:{self.health}", "--metrics-auth=tokenreview"]
        command += [f"--metrics-bind-address=127.0.0.1:{self.metrics}", "--log-level=debug"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stderr=log, stdout=log)

    def status(self, port: int, path: str, token: str = "") -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers=headers), timeout=PATIENCE_S) as page:
                return int(page.status)
        except HTTPError as refused:
            with refused:
                return refused.code
        except OSError:
            return 0

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def running(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Running]:
    made = Running(control_plane, tmp_path)
    try:
        control_plane.wait_until(lambda: made.status(made.health, "/readyz") == 200, "the controller is ready")
        yield made
    finally:
        if made.process.poll() is None:
            os.kill(made.process.pid, signal.SIGKILL)
            made.process.wait()


def holder(cluster: ControlPlane) -> str:
    status, lease = cluster.request("GET", LEASES)
    return str(lease.get("spec", {}).get("holderIdentity") or "") if status == 200 else ""


def test_it_leads_plans_serves_and_lets_the_lease_go(
    control_plane: ControlPlane, namespace: str, running: Running
) -> None:
    control_plane.wait_until(lambda: holder(control_plane), "the lease is held")
    workflow = yaml.safe_load(EXAMPLE.read_text())
    workflow["metadata"]["namespace"] = namespace
    control_plane.kubectl(["apply", "-f", "-"], check=True, stdin=yaml.safe_dump(workflow))
    path = f"/apis/workflowexecution.kubernaut.io/v1/namespaces/{namespace}/workflowexecutions"

    def planned() -> bool:
        _, found = control_plane.request("GET", path)
        return any(item.get("status", {}).get("executionPlan") for item in found["items"])

    control_plane.wait_until(planned, "the workflow has a plan")
    assert running.status(running.health, "/healthz") == 200
    assert running.status(running.metrics, "/metrics") == 401
    assert running.status(running.metrics, "/metrics", control_plane.token("mallory")) == 403
    assert running.status(running.metrics, "/metrics", control_plane.token("admin")) == 200
    assert running.end() == 0, running.log.read_text()
    assert holder(control_plane) == ""
    assert "Traceback" not in running.log.read_text()
