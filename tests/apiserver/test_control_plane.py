"""Does the test server behave as a cluster does, survive what a cluster survives, and vanish when it should?"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from tests.apiserver.bodies import path, workflow
from tests.envtest.server import CONTROLLER, ControlPlane
from tests.envtest.store import Store
from tests.harness.observer import Observer
from wfexec.adapters.kube import connect

ROOT = Path(__file__).parents[2]
WATCH_S = 30.0
ORPHANS = """
import os, signal, sys
from pathlib import Path
from tests.envtest.server import ControlPlane
cluster = ControlPlane(Path(sys.argv[1]))
cluster.start()
print(*cluster.pids(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_each_user_is_who_the_tests_think(control_plane: ControlPlane) -> None:
    who = control_plane.kubectl(["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"], "controller")
    assert who.stdout == CONTROLLER


def test_an_unknown_user_is_a_mistake_in_the_test(control_plane: ControlPlane) -> None:
    with pytest.raises(KeyError, match="one of admin, controller"):
        control_plane.token("eve")


def test_children_go_with_their_owner(control_plane: ControlPlane, namespace: str) -> None:
    status, owner = control_plane.request("POST", path(namespace), workflow("parent"))
    assert status == 201, owner
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": "parent"}
    reference["uid"] = owner["metadata"]["uid"]
    child = {"metadata": {"name": "child", "ownerReferences": [reference]}}
    children = f"/api/v1/namespaces/{namespace}/configmaps"
    assert control_plane.request("POST", children, child)[0] == 201
    assert control_plane.request("DELETE", path(namespace, "parent"))[0] == 200
    control_plane.wait_until(
        lambda: control_plane.request("GET", f"{children}/child")[0] == 404, "the child is collected"
    )


def test_what_the_store_forgets_is_deleted_for_all_who_watch(control_plane: ControlPlane, namespace: str) -> None:
    other = workflow("kept")
    held = workflow("held")
    held["metadata"]["finalizers"] = ["example.com/never"]
    for body in (held, workflow("free"), other):
        where = path("default" if body is other else namespace)
        assert control_plane.request("POST", where, body)[0] == 201
    observer = Observer(connect(str(control_plane.kubeconfig("admin")), None, 2))
    view = observer.view()
    store = Store(control_plane.etcd_url)
    try:
        observer.follow(path(namespace).partition("?")[0])
        store.forget("workflowexecution.kubernaut.io/workflowexecutions", namespace)
        assert view.wait(lambda: len(view.lines) >= 4, WATCH_S, monotonic), view.lines
    finally:
        store.close()
        observer.close()
    seen = [(change, found["metadata"]["name"]) for change, found in view.lines]
    assert sorted(seen) == [("ADDED", "free"), ("ADDED", "held"), ("DELETED", "free"), ("DELETED", "held")]
    assert control_plane.request("GET", path(namespace))[1]["items"] == []
    assert control_plane.request("DELETE", path("default", "kept"))[0] == 200


def test_a_restarted_server_is_the_same_server(control_plane: ControlPlane, namespace: str) -> None:
    before = control_plane.request("POST", path(namespace), workflow("kept"))[1]
    url, certificate = control_plane.url, control_plane.ca_file.read_bytes()
    control_plane.kill_apiserver()
    assert not control_plane.is_ready()
    control_plane.restart_apiserver()
    assert (control_plane.url, control_plane.ca_file.read_bytes()) == (url, certificate)
    after = control_plane.request("GET", path(namespace, "kept"))[1]
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_a_paused_etcd_keeps_writes_waiting(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.pause_etcd()
    try:
        with pytest.raises(TimeoutError):
            control_plane.request("POST", path(namespace), workflow("late"), timeout_s=0.5)
    finally:
        control_plane.resume_etcd()
    assert control_plane.request("POST", path(namespace), workflow("later"))[0] == 201


def test_no_server_outlives_a_killed_test_run(envtest_binaries: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", ORPHANS, str(envtest_binaries)],
        cwd=ROOT,
        # It leaves its folder behind, as nobody is left to remove it.
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    pids = run.stdout.split()
    assert len(pids) == 2
    ControlPlane(envtest_binaries).wait_until(
        lambda: not any(alive(int(pid)) for pid in pids), "the servers are gone", timeout_s=5
    )


def alive(pid: int) -> bool:
    """Whether the process exists and is no zombie that nobody has collected."""
    try:
        os.kill(pid, 0)
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
