"""Does the very same executor carry children out on a real API server?"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from sim.cluster.requests import CreateTarget, DeleteTarget, GetTarget, ListTargets, PatchTarget, TargetBody
from sim.executor import wire as target_wire
from sim.executor.files import load_outcomes, parse_outcomes
from sim.executor.objects import initial_objects, restorable
from sim.live import CONNECTIONS, LiveExecutor, StepNames, call_target, grant_rights, seed_cluster
from tests.envtest.server import ControlPlane
from tests.unit.executor.api import START, child
from wfexec.adapters.clock import WallClock
from wfexec.adapters.kube import Connection, Reply, connect
from wfexec.core.children import map_parameters, undo_from_information
from wfexec.crd import wire
from wfexec.crd.codec import Decoder
from wfexec.crd.wire import HttpCall, encode
from wfexec.errors import BadInput
from wfexec.model.base import evolve
from wfexec.model.execution import KubernetesExecution
from wfexec.model.facts import TargetRef
from wfexec.model.parameters import ActionParameters, StepParameters
from wfexec.model.requests import Code, CreateExecution, Kind, ObjectKey

EXAMPLES = Path(__file__).parents[3] / "examples"
SPEED = 60.0
Fleet = tuple[Connection, LiveExecutor, str]


@pytest.fixture
def admin(control_plane: ControlPlane) -> Iterator[Connection]:
    connection = connect(str(control_plane.kubeconfig("admin")), None, 4)
    yield connection
    connection.close()


def world(namespace: str) -> str:
    """A small world of this test alone: nodes have no namespace, so their names carry it."""
    return f"""
cluster:
  deployments: {{{namespace}/checkout-api: {{replicas: 3, image: "r.example/checkout-api:2.4.0"}}}}
  configMaps: {{{namespace}/payments-db: {{data: {{POOL_SIZE: "0"}}}}}}
  nodes: {{{namespace}-a: {{}}, {namespace}-b: {{}}}}
  pods: {{{namespace}/ledger-1: {{node: {namespace}-a}}}}
defaults: {{duration: 20s}}
steps: {{"wf/4": {{attempts: [{{result: failure, error: {{type: evicted}}}}]}}}}
"""


@pytest.fixture
def fleet(control_plane: ControlPlane, admin: Connection, namespace: str) -> Iterator[Fleet]:
    outcomes = parse_outcomes(world(namespace), "executor.yaml")
    seed_cluster(outcomes, admin, START)
    connection = connect(str(control_plane.kubeconfig("executor")), None, CONNECTIONS)
    executor = LiveExecutor(outcomes, connection, clock=WallClock(SPEED))
    executor.start()
    yield admin, executor, namespace
    executor.stop()
    assert executor.failure is None


def submit(admin: Connection, made: KubernetesExecution, namespace: str) -> None:
    meta = evolve(made.metadata, namespace=namespace, uid="")
    body = CreateExecution(ObjectKey(Kind.EXECUTION, namespace, made.metadata.name), evolve(made, metadata=meta))
    reply = admin.call(encode(body), 10.0)
    assert isinstance(reply, Reply)
    assert reply.status == 201, reply.payload


def wait_for(control_plane: ControlPlane, admin: Connection, namespace: str, name: str) -> KubernetesExecution:
    found: list[KubernetesExecution] = []

    def ended() -> bool:
        reply = admin.call(HttpCall("GET", wire.object_path(Kind.EXECUTION, namespace, name)), 10.0)
        assert isinstance(reply, Reply)
        made = Decoder().execution(orjson.loads(reply.payload))
        assert isinstance(made, KubernetesExecution)
        found[:] = [made]
        return made.status.phase in ("completed", "failed")

    control_plane.wait_until(ended, f"{name} has ended", 20.0)
    return found[0]


def told(**member: Any) -> ActionParameters:
    parameters, _ = map_parameters("any", StepParameters.model_validate(member))
    assert parameters is not None
    return parameters


def target(admin: Connection, kind: str, namespace: str, name: str) -> dict[str, Any]:
    found = call_target(admin, GetTarget(TargetRef(kind, namespace, name)))
    assert isinstance(found.object, dict), found
    return found.object


def test_children_are_carried_out_and_can_be_undone(control_plane: ControlPlane, fleet: Fleet) -> None:
    admin, _, namespace = fleet
    place = {"namespace": namespace, "deployment": "checkout-api"}
    steps = {
        "wf-step-1": told(scaleDeployment={**place, "replicas": 5}),
        "wf-step-2": told(
            updateConfigMap={"namespace": namespace, "name": "payments-db", "dataUpdates": {"POOL_SIZE": "20"}}
        ),
        "wf-step-3": told(drainNode={"nodeName": f"{namespace}-a"}),
        "wf-step-4": told(restartDeployment=place),
    }
    before = [restorable(target(admin, *key)) for key in changed(namespace)]
    for name, parameters in steps.items():
        submit(admin, child(name, "custom", parameters), namespace)
    done = {name: wait_for(control_plane, admin, namespace, name) for name in steps}
    assert [made.status.phase for made in done.values()] == ["completed", "completed", "completed", "failed"]
    (condition,) = done["wf-step-4"].status.conditions
    assert (condition.status, condition.reason) == ("False", "evicted")
    deployment = target(admin, "Deployment", namespace, "checkout-api")
    assert (deployment["spec"]["replicas"], deployment["status"]["readyReplicas"]) == (5, 5)
    assert target(admin, "Pod", namespace, "ledger-1")["spec"]["nodeName"] != f"{namespace}-a"
    for number in (1, 2, 3):
        information = done[f"wf-step-{number}"].status.rollback_information
        assert information is not None
        undo = undo_from_information(information)
        submit(admin, child(f"wf-rollback-{number}", information.rollback_action, undo), namespace)
        undone = wait_for(control_plane, admin, namespace, f"wf-rollback-{number}")
        assert undone.status.phase == "completed", undone.status
    assert [restorable(target(admin, *key)) for key in changed(namespace)] == before


def changed(namespace: str) -> list[tuple[str, str, str]]:
    return [
        ("Deployment", namespace, "checkout-api"),
        ("ConfigMap", namespace, "payments-db"),
        ("Node", "", f"{namespace}-a"),
    ]


def test_a_stopped_executor_is_followed_by_another(control_plane: ControlPlane, fleet: Fleet) -> None:
    admin, executor, namespace = fleet
    scale = told(scaleDeployment={"namespace": namespace, "deployment": "checkout-api", "replicas": 4})
    submit(admin, child("other-step-1", "scale-deployment", scale), namespace)
    executor.stop()
    outcomes = parse_outcomes(world(namespace), "executor.yaml")
    successor = LiveExecutor(
        outcomes, connect(str(control_plane.kubeconfig("executor")), None, CONNECTIONS), clock=WallClock(SPEED)
    )
    successor.start()
    assert wait_for(control_plane, admin, namespace, "other-step-1").status.phase == "completed"
    successor.stop()
    assert successor.failure is None


def test_the_worlds_of_all_examples_can_be_created(admin: Connection) -> None:
    for path in sorted(EXAMPLES.glob("*/executor.yaml")):
        outcomes = load_outcomes(path)
        seed_cluster(outcomes, admin, START)
        again = seed_cluster(outcomes, admin, START, again=True)
        assert again.kept == ()
        assert len(again.created) == len(initial_objects(outcomes, START))


def test_a_world_is_put_back_whatever_has_become_of_it(
    control_plane: ControlPlane, admin: Connection, namespace: str
) -> None:
    def seeded(pool: int) -> dict[str, Any]:
        fault = "{configMap: {name: db, key: POOL_SIZE, value: '0'}}"
        web = f"deployments: {{{namespace}/web: {{image: 'web:1', replicas: 2, unhealthyWhile: [{fault}]}}}}"
        text = f"cluster: {{configMaps: {{{namespace}/db: {{data: {{POOL_SIZE: '{pool}'}}}}}}, {web}}}"
        seed_cluster(parse_outcomes(text, "executor.yaml"), admin, START, again=True)
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
        found: dict[str, Any] = control_plane.request("GET", path)[1]["status"]
        return found

    assert seeded(8)["readyReplicas"] == 2
    assert seeded(0).get("readyReplicas", 0) == 0
    assert seeded(0)["unavailableReplicas"] == 2
    assert seeded(8).get("unavailableReplicas", 0) == 0


def test_the_identities_of_the_executor_may_do_what_the_file_does_not_deny(
    control_plane: ControlPlane, admin: Connection
) -> None:
    def may(action: str, verb: str, resource: str) -> bool:
        user = f"--as=system:serviceaccount:kubernaut-system:{action}-sa"
        answer = control_plane.kubectl(["auth", "can-i", verb, resource, user])
        return answer.stdout.strip() == "yes"

    denied = "denied: [{user: '*:drain-node-sa', verb: delete, resource: pods}]"
    grant_rights(parse_outcomes(denied, "executor.yaml"), admin)
    control_plane.wait_until(lambda: may("scale-deployment", "patch", "deployments"), "the rights count")
    assert may("drain-node", "patch", "nodes")
    assert not may("drain-node", "delete", "pods")
    grant_rights(parse_outcomes("", "executor.yaml"), admin)
    control_plane.wait_until(lambda: may("drain-node", "delete", "pods"), "the new rights count")
    control_plane.end_rehearsal()
    control_plane.wait_until(lambda: not may("drain-node", "delete", "pods"), "nobody has the rights any more")


def test_what_the_server_refuses_is_told_as_bad_input(admin: Connection, namespace: str) -> None:
    text = f"cluster: {{deployments: {{{namespace}/web: {{image: x, labels: {{'a b': c}}}}}}}}"
    with pytest.raises(BadInput, match="web"):
        seed_cluster(parse_outcomes(text, "executor.yaml"), admin, START)


def test_steps_are_called_what_their_workflow_calls_them(control_plane: ControlPlane, admin: Connection) -> None:
    seed_cluster(load_outcomes(EXAMPLES / "memory-pressure" / "executor.yaml"), admin, START)
    control_plane.apply_manifests(EXAMPLES / "memory-pressure" / "workflow.yaml")
    names = StepNames(admin)
    assert [names("order-worker-memory", number) for number in (1, 4, 9)] == ["raise-limit", "verify-workers", ""]
    assert names("nobody", 1) == ""
    control_plane.kubectl(["-n", "orders", "delete", "wfe", "order-worker-memory", "--wait=false"], check=True)


def test_the_command_plays_the_executor_until_it_is_interrupted(
    control_plane: ControlPlane, admin: Connection, namespace: str, tmp_path: Path
) -> None:
    file = tmp_path / "executor.yaml"
    file.write_text(world(namespace))
    command = [sys.executable, "-m", "wfexec", "sim", "executor", str(file), "--create-world"]
    with subprocess.Popen([*command, "--kubeconfig", str(control_plane.kubeconfig("admin"))]) as process:
        config = told(
            updateConfigMap={"namespace": namespace, "name": "payments-db", "dataUpdates": {"POOL_SIZE": "7"}}
        )
        control_plane.wait_until(
            lambda: call_target(admin, GetTarget(TargetRef("Pod", namespace, "ledger-1"))).code is Code.OK,
            "the world is there",
        )
        submit(admin, child("cli-step-1", "update-configmap", config, timeout=1), namespace)
        assert wait_for(control_plane, admin, namespace, "cli-step-1").status.phase == "failed"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    control_plane.end_rehearsal()


REF = TargetRef("Deployment", "payments", "web")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (GetTarget(REF), "GET /apis/apps/v1/namespaces/payments/deployments/web"),
        (GetTarget(TargetRef("Node", "", "a")), "GET /api/v1/nodes/a"),
        (ListTargets("Pod", ""), "GET /api/v1/pods"),
        (PatchTarget(REF, {"spec": {}}), "PATCH /apis/apps/v1/namespaces/payments/deployments/web"),
        (PatchTarget(REF, {}, "status"), "PATCH /apis/apps/v1/namespaces/payments/deployments/web/status"),
        (CreateTarget(REF, {}), "POST /apis/apps/v1/namespaces/payments/deployments"),
        (DeleteTarget(REF), "DELETE /apis/apps/v1/namespaces/payments/deployments/web"),
    ],
)
def test_requests_about_targets_go_where_kubernetes_has_them(body: TargetBody, line: str) -> None:
    call = target_wire.encode(body)
    assert f"{call.method} {call.target}" == line


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (GetTarget(REF), 200, Code.OK),
        (GetTarget(REF), 404, Code.NOT_FOUND),
        (GetTarget(REF), 500, Code.UNAVAILABLE),
        (PatchTarget(REF, {}), 409, Code.CONFLICT),
        (PatchTarget(REF, {}), 403, Code.FORBIDDEN),
        (PatchTarget(REF, {}), 504, Code.LOST),
        (DeleteTarget(REF), 200, Code.OK),
    ],
)
def test_replies_about_targets_mean_what_they_mean_elsewhere(body: TargetBody, status: int, code: Code) -> None:
    assert target_wire.decode(body, status, b"{}", None).code is code


def test_a_reply_that_cannot_be_read_is_no_reply() -> None:
    assert target_wire.decode(ListTargets("Pod", ""), 200, b"{}", None).code is Code.LOST
    assert target_wire.decode(GetTarget(REF), 200, b"<html>", None).code is Code.LOST
