"""How does a test come by the real API server?

A pytest plugin: `control_plane` starts one server per test process, at the first test that asks for it, with the
CRDs and the shipped manifests applied; `namespace` is a fresh namespace. It must never build anything (that takes
minutes: `make envtest`), and on CI it must never let a run pass without the server.
"""

import itertools
import os
import zlib
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.envtest import alertmanager, build
from tests.envtest.server import SYSTEM_NAMESPACE, ControlPlane
from tests.envtest.store import Store

ROOT = Path(__file__).resolve().parents[2]
_numbers = itertools.count(1)


# The scenarios wait more than they work: so many servers with so many controllers pass the time side by side.
SCENARIO_GROUPS = 3
# Servers written in Go spend a quarter of their time on collecting garbage, which is less where it may pile up; and
# another sixth on threads that wake each other and find nothing left to do.
SPARING = {"GOGC": "300", "GOMEMLIMIT": "768MiB", "GOMAXPROCS": "1"}


# Where etcd keeps what controllers, executors and nodes of further tests look for everywhere.
LEFT = (
    "workflowexecution.kubernaut.io/workflowexecutions",
    "kubernetesexecution.kubernaut.io/kubernetesexecutions",
    "remediation.kubernaut.io/remediationrequests",
    "deployments",
    "pods",
)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Send the tests that name the server to few workers, so that few servers are enough. As soon as each is
    collected: xdist reads the groups before other plugins get to see the whole list."""
    if "control_plane" in getattr(item, "fixturenames", ()) or item.get_closest_marker("apiserver"):
        item.add_marker(pytest.mark.apiserver)
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    """One of the scenarios' groups, the same in every process, or that of all other tests."""
    if item.path.parent.name != "features":
        return "apiserver"
    return f"scenarios-{zlib.crc32(item.name.encode()) % SCENARIO_GROUPS}"


@pytest.fixture(scope="session")
def envtest_binaries() -> Path:
    """Folder of kube-apiserver, etcd, kube-controller-manager and kubectl."""
    try:
        folder = build.find()
    except build.UnavailableError as error:
        reason = str(error)
    else:
        if folder is not None:
            return folder
        reason = "no kube-apiserver found: run `make envtest` once"
    if os.environ.get("CI"):
        pytest.fail(f"CI must test against the real API server: {reason}", pytrace=False)
    pytest.skip(f"not tested against the real API server: {reason}")


@pytest.fixture(scope="session")
def alertmanager_binary() -> Path:
    """A real Alertmanager. Not every machine (nor CI) has Debian's packages; a recorded reply is read anywhere."""
    found = alertmanager.find()
    if found is None:
        pytest.skip("not tested against a real Alertmanager: run `make envtest` once where there is apt")
    return found


@pytest.fixture(scope="session")
def control_plane(envtest_binaries: Path) -> Iterator[ControlPlane]:
    """The running server. Only administrators' work is done as `admin`; code under test has a user of its own."""
    with ControlPlane(envtest_binaries, SPARING) as running:
        install(running)
        yield running


def install(cluster: ControlPlane) -> None:
    """Apply CRDs, shipped manifests and the test users' rights, and wait until all of it counts."""
    crds = [folder for folder in (ROOT / "crds", ROOT / "crds" / "testing") if any(folder.glob("*.yaml"))]
    cluster.apply_manifests(*crds)
    # It fails at once on a CRD that has no conditions yet, which a busy server leaves so for a moment.
    wait = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=5s"]
    cluster.wait_until(lambda: not cluster.kubectl(wait).returncode, "the CRDs are established")
    cluster.apply_manifests(ROOT / "deploy", ROOT / "tests" / "envtest" / "users.yaml")
    cluster.start_controller_manager()
    workflows = "workflowexecutions.workflowexecution.kubernaut.io"
    cluster.wait_until(lambda: cluster.may("controller", "list", workflows), "the controller's role counts")
    cluster.wait_until(lambda: cluster.may("alice", "approve", workflows), "the approver's role counts")
    cluster.wait_until(lambda: guarded(cluster), "the admission policy counts")
    for kind in ("workflowexecution", "kubernetesexecution"):
        cluster.wait_until(partial(_watchable, cluster, kind), f"{kind}s can be watched")


def _watchable(cluster: ControlPlane, kind: str) -> bool:
    """A list of any version is served from the cache that watches need as well."""
    status, _ = cluster.request("GET", f"/apis/{kind}.kubernaut.io/v1/{kind}s?resourceVersion=0")
    return status == 200


def guarded(cluster: ControlPlane) -> bool:
    """Whether the admission policy refuses an annotation that the user may not set."""
    workflow = {
        "apiVersion": "workflowexecution.kubernaut.io/v1",
        "kind": "WorkflowExecution",
        "metadata": {
            "name": "probe",
            "annotations": {"workflowexecution.kubernaut.io/approval": "approved"},
        },
        # Valid, since the schema speaks before the policy.
        "spec": {"remediationRequestRef": {"name": "probe"}, "templateRef": {"name": "probe"}},
    }
    path = "/apis/workflowexecution.kubernaut.io/v1/namespaces/default/workflowexecutions?dryRun=All"
    status, answer = cluster.request("POST", path, workflow, "mallory")
    return status in (403, 422) and "ValidatingAdmissionPolicy" in answer.get("message", "")


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace of this test alone. Afterwards what others could come across is forgotten, and the namespace stays:
    to end one costs a hundred requests."""
    name = f"test-{os.getpid()}-{next(_numbers)}"
    status, answer = control_plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert status == 201, answer
    yield name
    with closing(Store(control_plane.etcd_url)) as store:
        for folder in LEFT:
            store.forget(folder, name)


__all__ = ["SYSTEM_NAMESPACE", "control_plane", "envtest_binaries", "install", "namespace"]
