"""Do steps really change the target world, and does undoing them really restore it?"""

import json
from typing import Any

import pytest

from sim.executor.files import parse_outcomes
from sim.executor.objects import REVISION, namespaces, restorable
from sim.executor.outcomes import Outcomes
from tests.unit.executor.api import Api, child
from wfexec.core.children import map_parameters, undo_from_information
from wfexec.model.execution import KubernetesExecution
from wfexec.model.parameters import (
    ActionParameters,
    ApplyManifestAction,
    CordonNode,
    CustomAction,
    DeletePodAction,
    DrainNode,
    NodeAction,
    PatchDeploymentAction,
    PatchType,
    RestartDeployment,
    RollbackDeploymentAction,
    ScaleStep,
    StepParameters,
    UpdateConfigMap,
    UpdateImage,
    UpdateSecret,
)

WORLD = """
badImages: ["*:broken"]
defaults: {duration: 1s}
cluster:
  namespaces: {payments: {labels: {environment: staging}}}
  deployments:
    payments/checkout-api:
      {replicas: 3, image: "r.example/checkout-api:2.5.0", history: ["r.example/checkout-api:2.4.0"], memory: 512Mi}
    payments/worker: {replicas: 2, image: "r.example/worker:1", memory: 512Mi, unhealthyWhile: [{memoryBelow: 768Mi}]}
    payments/ledger:
      replicas: 2
      image: r.example/ledger:7
      unhealthyWhile: [{configMap: {name: payments-db, key: POOL_SIZE, value: "0"}}]
  configMaps:
    payments/payments-db: {data: {POOL_SIZE: "0", HOST: db}}
  secrets:
    payments/db-password: {data: {password: aHVudGVyMg==}}
  nodes:
    node-a: {conditions: {DiskPressure: "True"}}
    node-b: {}
    node-c: {unschedulable: true}
    node-d: {}
  pods:
    payments/checkout-api-1: {node: node-a, labels: {app: checkout-api}}
    payments/checkout-api-2: {node: node-b, labels: {app: checkout-api}}
    payments/ledger-1: {node: node-a, labels: {app: ledger}}
    payments/exporter-1: {node: node-a, daemonSet: true}
"""
PLACE: dict[str, Any] = {"namespace": "payments", "deployment": "checkout-api"}


def outcomes(extra: str = "") -> Outcomes:
    return parse_outcomes(WORLD + extra, "executor.yaml")


def world(extra: str = "") -> Api:
    return Api(outcomes(extra))


def told(**member: Any) -> ActionParameters:
    """What the controller tells the executor for a step with these parameters."""
    made, _ = map_parameters("any", StepParameters(**member))
    assert made is not None
    return made


def everything(api: Api) -> dict[Any, Any]:
    return {ref: restorable(target) for ref, target in sorted(api.targets.items())}


def status(api: Api, name: str) -> tuple[int, str]:
    found = api.target("Deployment", f"payments/{name}")["status"]
    (available,) = [c["status"] for c in found["conditions"] if c["type"] == "Available"]
    return found.get("readyReplicas", 0), available


def message(done: KubernetesExecution) -> str:
    assert done.status.execution_results is not None
    return done.status.execution_results.error_message


NEW_IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "checkout-api", "image": "r.example/c:9"}]}}}}
SIDECAR = {"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "r.example/s:1"}]}}}}
LABELLED = {
    "kind": "Deployment",
    "metadata": {"name": "checkout-api", "namespace": "payments", "labels": {"tier": "1"}},
}
CREATED = {"kind": "ConfigMap", "metadata": {"name": "extra", "namespace": "payments"}, "data": {"a": "1"}}


def patch(kind: PatchType, body: Any) -> ActionParameters:
    action = PatchDeploymentAction(**PLACE, patch_type=kind, patch=json.dumps(body))
    return ActionParameters(patch_deployment=action)


RESTORABLE = {
    "scale": told(scale_deployment=ScaleStep(**PLACE, replicas=7)),
    "image": told(update_image=UpdateImage(**PLACE, container="checkout-api", new_image="r.example/checkout-api:2.6")),
    "bad image": told(update_image=UpdateImage(**PLACE, container="checkout-api", new_image="r.example/c:broken")),
    "new container": patch(PatchType.STRATEGIC, SIDECAR),
    "merge patch": patch(PatchType.MERGE, {"spec": {"paused": True, "template": {"metadata": {"labels": {"x": "y"}}}}}),
    "json patch": patch(PatchType.JSON, [{"op": "replace", "path": "/spec/replicas", "value": 1}]),
    "earlier revision": ActionParameters(rollback_deployment=RollbackDeploymentAction(**PLACE)),
    "config": told(
        update_config_map=UpdateConfigMap(
            namespace="payments", name="payments-db", data_updates={"POOL_SIZE": "20", "N": "1"}
        )
    ),
    "secret": told(
        update_secret=UpdateSecret(
            namespace="payments", name="db-password", data_updates={"password": "bmV3", "n": "MQ=="}
        )
    ),
    "cordon": told(cordon_node=CordonNode(node_name="node-a")),
    "cordoned already": told(cordon_node=CordonNode(node_name="node-c")),
    "manifest": ActionParameters(apply_manifest=ApplyManifestAction(manifest=json.dumps(LABELLED))),
    "new object": ActionParameters(apply_manifest=ApplyManifestAction(manifest=json.dumps(CREATED))),
    "more memory": told(
        custom=CustomAction(
            action_type="increase-memory-limit", config={"namespace": "payments", "name": "worker", "memory": "1Gi"}
        )
    ),
}


@pytest.mark.parametrize("what", RESTORABLE)
def test_doing_and_undoing_leaves_the_world_as_it_was(what: str) -> None:
    api = world()
    before = everything(api)
    done = api.do(child("fix-step-1", "custom", RESTORABLE[what]))
    assert done.status.phase == "completed", message(done)
    information = done.status.rollback_information
    assert information is not None
    if what == "cordoned already":
        assert everything(api) == before
        assert not information.available
        return
    assert everything(api) != before
    undo = undo_from_information(information)
    undone = api.do(child("fix-rollback-1", information.rollback_action, undo))
    assert undone.status.phase == "completed", message(undone)
    assert everything(api) == before


def test_several_changes_undone_in_reverse_leave_the_world_as_it_was() -> None:
    api = world()
    before = everything(api)
    done = []
    for number, what in enumerate(("image", "new container", "scale", "merge patch", "earlier revision"), 1):
        done.append(api.do(child(f"fix-step-{number}", "custom", RESTORABLE[what])))
    for made in reversed(done):
        information = made.status.rollback_information
        assert information is not None
        name = f"fix-rollback-{made.spec.step_number}"
        api.do(child(name, information.rollback_action, undo_from_information(information)))
    assert everything(api) == before


def test_no_secret_reaches_a_status() -> None:
    api = world()
    done = api.do(child("fix-step-1", "update-secret", RESTORABLE["secret"]))
    text = done.model_dump_json()
    assert "aHVudGVyMg==" not in text.split('"status"')[1]
    assert "bmV3" not in text.split('"status"')[1]


def test_a_bad_image_takes_a_deployment_down_and_the_good_one_brings_it_back() -> None:
    api = world()
    assert status(api, "checkout-api") == (3, "True")
    api.do(child("fix-step-1", "update-image", RESTORABLE["bad image"]))
    assert status(api, "checkout-api") == (0, "False")
    verify = told(
        custom=CustomAction(action_type="verify-health", config={"namespace": "payments", "name": "checkout-api"})
    )
    sick = api.do(child("fix-step-2", "verify-health", verify))
    assert (sick.status.phase, "ImagePullBackOff" in message(sick)) == ("failed", True)
    rollback = ActionParameters(rollback_deployment=RollbackDeploymentAction(**PLACE, revision=2))
    api.do(child("fix-step-3", "rollback-deployment", rollback))
    assert status(api, "checkout-api") == (3, "True")
    assert api.do(child("fix-step-4", "verify-health", verify)).status.phase == "completed"


def test_success_without_effect_is_found_by_the_verifying_step() -> None:
    api = world("steps: {'*/1': {attempts: [{result: no-effect}]}}")
    memory = RESTORABLE["more memory"]
    assert api.do(child("fix-step-1", "increase-memory-limit", memory)).status.phase == "completed"
    verify = told(custom=CustomAction(action_type="verify-health", config={"namespace": "payments", "name": "worker"}))
    assert "OOMKilled" in message(api.do(child("fix-step-2", "verify-health", verify)))
    api.do(child("fix-step-3", "increase-memory-limit", memory))
    assert api.do(child("fix-step-2-r1", "verify-health", verify)).status.phase == "completed"


def test_pods_read_a_config_map_when_they_start() -> None:
    api = world()
    assert status(api, "ledger") == (0, "False")
    api.do(child("fix-step-1", "update-configmap", RESTORABLE["config"]))
    assert status(api, "ledger") == (0, "False")
    restart = told(restart_deployment=RestartDeployment(namespace="payments", deployment="ledger"))
    api.do(child("fix-step-2", "restart-deployment", restart))
    assert status(api, "ledger") == (2, "True")


def test_scaling_a_sick_deployment_does_not_heal_it() -> None:
    api = world()
    more = told(scale_deployment=ScaleStep(namespace="payments", deployment="ledger", replicas=5))
    api.do(child("fix-step-1", "scale-deployment", more))
    found = api.target("Deployment", "payments/ledger")["status"]
    assert (found["replicas"], found["unavailableReplicas"], status(api, "ledger")[1]) == (5, 5, "False")


def test_every_rollout_is_a_revision_that_can_be_named() -> None:
    api = world()
    api.do(child("fix-step-1", "update-image", RESTORABLE["image"]))
    annotations = api.target("Deployment", "payments/checkout-api")["metadata"]["annotations"]
    assert annotations[REVISION] == "3"
    first = ActionParameters(rollback_deployment=RollbackDeploymentAction(**PLACE, revision=1))
    api.do(child("fix-step-2", "rollback-deployment", first))
    containers = api.target("Deployment", "payments/checkout-api")["spec"]["template"]["spec"]["containers"]
    assert containers[0]["image"] == "r.example/checkout-api:2.4.0"
    unknown = ActionParameters(rollback_deployment=RollbackDeploymentAction(**PLACE, revision=77))
    assert "revision 77" in message(api.do(child("fix-step-3", "rollback-deployment", unknown)))


def drain(**more: Any) -> ActionParameters:
    return told(drain_node=DrainNode(node_name="node-a", **more))


def test_a_drain_moves_pods_to_nodes_that_take_them() -> None:
    api = world()
    done = api.do(child("fix-step-1", "drain-node", drain(ignore_daemon_sets=True)))
    assert done.status.phase == "completed"
    where = {ref.name: pod["spec"]["nodeName"] for ref, pod in sorted(api.targets.items()) if ref.kind == "Pod"}
    assert where == {
        "checkout-api-1": "node-d",
        "checkout-api-2": "node-b",
        "exporter-1": "node-a",
        "ledger-1": "node-b",
    }
    assert api.target("Node", "node-a")["spec"]["unschedulable"] is True
    assert api.target("Pod", "payments/ledger-1")["status"]["phase"] == "Running"


def test_a_drain_that_meets_a_daemon_set_is_refused_before_it_moves_anything() -> None:
    api = world()
    before = everything(api)
    done = api.do(child("fix-step-1", "drain-node", drain()))
    assert "--ignore-daemonsets" in message(done)
    assert everything(api) == before


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_drain_cut_off_anywhere_loses_no_pod(cut: int) -> None:
    api = world()
    api.submit(child("fix-step-1", "drain-node", drain(ignore_daemon_sets=True)))
    api.run(until=lambda: len(api.writes) >= cut or api.ended("fix-step-1"))
    api.restart()
    api.run(until=lambda: api.ended("fix-step-1"))
    assert api.children["fix-step-1"].status.phase == "completed"
    pods = {ref.name: pod for ref, pod in api.targets.items() if ref.kind == "Pod"}
    assert sorted(pods) == ["checkout-api-1", "checkout-api-2", "exporter-1", "ledger-1"]
    assert {pod["spec"]["nodeName"] for name, pod in pods.items() if name != "exporter-1"} <= {"node-b", "node-d"}
    assert all(pod["status"]["phase"] == "Running" for pod in pods.values())


def test_a_deleted_pod_comes_back() -> None:
    api = world()
    old = api.target("Pod", "payments/checkout-api-2")["metadata"]["resourceVersion"]
    by_label = ActionParameters(delete_pod=DeletePodAction(namespace="payments", label_selector="app=checkout-api"))
    done = api.do(child("fix-step-1", "restart-pod", by_label))
    assert done.status.execution_results is not None
    assert dict(done.status.execution_results.outputs) == {"podsDeleted": "2"}
    assert api.target("Pod", "payments/checkout-api-2")["metadata"]["resourceVersion"] != old
    odd = ActionParameters(delete_pod=DeletePodAction(namespace="payments", label_selector="app in (a, b)"))
    assert "selector" in message(api.do(child("fix-step-2", "restart-pod", odd)))


def test_uncordon_gives_a_node_back() -> None:
    api = world()
    api.do(child("fix-step-1", "uncordon-node", ActionParameters(uncordon_node=NodeAction(node="node-c"))))
    assert "unschedulable" not in api.target("Node", "node-c")["spec"]


def test_a_change_of_the_file_is_made_on_success_alone() -> None:
    extra = """
steps:
  "*/3":
    attempts: [{result: failure}, {result: success}]
    changes:
      - {kind: Node, name: node-a, subresource: status, patch: {conditions: [{type: DiskPressure, status: "False"}]}}
"""
    api = world(extra)
    verify = told(custom=CustomAction(action_type="verify-health", config={"kind": "Node", "name": "node-a"}))
    clean = told(custom=CustomAction(action_type="cleanup-storage", config={"kind": "Node", "name": "node-a"}))
    api.do(child("fix-step-3", "cleanup-storage", clean))
    assert "DiskPressure" in message(api.do(child("fix-step-1", "verify-health", verify)))
    assert api.do(child("fix-step-3-r1", "cleanup-storage", clean)).status.phase == "completed"
    assert api.do(child("fix-step-2", "verify-health", verify)).status.phase == "completed"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (ActionParameters(apply_manifest=ApplyManifestAction(manifest="{{{")), "error parsing manifest"),
        (ActionParameters(apply_manifest=ApplyManifestAction(manifest="kind: Gremlin")), "no matches for kind"),
        (
            ActionParameters(patch_deployment=PatchDeploymentAction(**PLACE, patch_type=PatchType.MERGE, patch="]")),
            "Invalid patch",
        ),
        (patch(PatchType.JSON, [{"op": "remove", "path": "/spec/nowhere"}]), "does not exist"),
        (patch(PatchType.JSON, {"op": "remove"}), "list of operations"),
        (
            told(
                custom=CustomAction(
                    action_type="increase-memory-limit", config={"namespace": "payments", "name": "worker"}
                )
            ),
            "Invalid value",
        ),
        (told(custom=CustomAction(action_type="rollback-deployment", config={})), "needs kind"),
        (told(scale_deployment=ScaleStep(namespace="payments", deployment="none", replicas=1)), "not found"),
    ],
)
def test_what_an_api_server_would_refuse_fails_the_step(parameters: ActionParameters, text: str) -> None:
    api = world()
    before = everything(api)
    assert text in message(api.do(child("fix-step-1", "custom", parameters)))
    assert everything(api) == before


def test_an_action_without_parameters_or_derivable_effect_just_takes_its_time() -> None:
    api = world()
    before = everything(api)
    assert api.do(child("fix-step-1", "notify-only")).status.phase == "completed"
    odd = told(custom=CustomAction(action_type="compact-storage", config={"volume": "orders"}))
    assert api.do(child("fix-step-2", "compact-storage", odd)).status.phase == "completed"
    assert everything(api) == before


def test_namespaces_of_keys_exist_with_those_that_are_named() -> None:
    assert namespaces(outcomes()) == (("payments", {"environment": "staging"}),)
