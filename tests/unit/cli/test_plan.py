"""Does `wfexec plan` tell what would happen, from the same decisions, with the right exit code?

The entry points are those of pyproject.toml, whatever an older installation of the package says.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.estimate import estimate
from tests.unit.cli.test_commands import manifest, wfexec
from wfexec.crd.files import load_workflows
from wfexec.model.estimate import EstimateRequest
from wfexec.settings import DEFAULTS

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
FAILOVER = EXAMPLES / "regional-failover"


@pytest.fixture(autouse=True)
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The declared entry points, found as an installed package's are."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    folder = tmp_path / "declared" / "wfexec_declared-0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: wfexec-declared\nVersion: 0\n")
    lines = [f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in groups[group].items()) for group in groups]
    (folder / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(folder.parent))


def deployment(name: str = "web", replicas: int = 3, **meta: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "generation": 1, **meta},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
        "status": {
            "observedGeneration": 1,
            "updatedReplicas": replicas,
            "readyReplicas": replicas,
            "conditions": [{"type": "Available", "status": "True"}],
        },
    }


def objects(folder: Path, *given: dict[str, Any]) -> Path:
    """As kubectl prints them: one List."""
    path = folder / "objects.yaml"
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": list(given)}))
    return path


def planned(*args: object) -> tuple[int, dict[str, Any]]:
    code, out, err = wfexec("plan", *args, "--json")
    assert code in (0, 3), err
    (told,) = json.loads(out)
    assert isinstance(told, dict)
    return code, told


def test_without_a_world_it_tells_plan_rights_and_objects(tmp_path: Path) -> None:
    code, out, _ = wfexec("plan", manifest(tmp_path), "--runs", 0)
    assert code == 0
    assert "heal: 2 steps in 2 batches, sequential" in out
    assert "verdict: it can be planned" in out
    assert "kubernaut-system:scale-deployment-sa  patch  deployments.apps  shop" in out
    assert "Deployment shop/web  scale-deployment  ?       ?" in out


def test_what_every_cluster_would_refuse_is_refused_without_one(tmp_path: Path) -> None:
    inside = {"scaleDeployment": {"namespace": "kube-system", "deployment": "web", "replicas": 2}}
    code, told = planned(manifest(tmp_path, parameters=inside), "--runs", 0)
    assert code == 3
    assert "works in protected namespace 'kube-system'" in told["refused"]
    code, told = planned(tmp_path / "workflow.yaml", "--runs", 0, "--set", "protected-namespaces=other")
    assert (code, told["refused"]) == (0, None)


def test_steps_that_clash_are_refused_without_a_cluster(tmp_path: Path) -> None:
    path = manifest(tmp_path, parameters={"scaleDeployment": {"namespace": "shop", "deployment": "web", "replicas": 9}})
    given = yaml.safe_load(path.read_text())
    steps = given["spec"]["workflowDefinition"]["steps"]
    for step in steps:
        step.pop("dependsOn", None)
        step["parameters"]["scaleDeployment"]["deployment"] = "web"
    steps[0]["parameters"]["scaleDeployment"]["replicas"] = 8
    path.write_text(yaml.safe_dump(given))
    code, told = planned(path, "--runs", 0)
    assert code == 3
    assert "dry_run_failed: conflicting operations" in told["refused"]


TEMPLATE = {
    "name": "more",
    "version": "1.2.0",
    "parameters": [{"name": "deployment", "type": "string"}],
    "steps": [
        {
            "name": "more",
            "action": "scale-deployment",
            "parameters": {"scaleDeployment": {"namespace": "shop", "deployment": "${deployment}", "replicas": 5}},
        }
    ],
}


def from_template(folder: Path, **ref: Any) -> Path:
    path = manifest(folder)
    given = yaml.safe_load(path.read_text())
    del given["spec"]["workflowDefinition"]
    given["spec"]["templateRef"] = {"name": "more", "parameters": {"deployment": "web"}, **ref}
    path.write_text(yaml.safe_dump(given))
    return path


def test_a_workflow_from_a_template_is_planned_from_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "more.yaml").write_text(yaml.safe_dump(TEMPLATE))
    code, told = planned(from_template(tmp_path), "--templates", folder, "--runs", 0)
    assert (code, told["plan"]["name"], told["plan"]["version"]) == (0, "more", "1.2.0")
    assert told["rights"][0]["name"] == "web"
    code, out, _ = wfexec("graph", tmp_path / "workflow.yaml", "--templates", folder)
    assert code == 0
    assert out.startswith("more 1.2.0: 1 step,")
    for command in ("plan", "graph"):
        code, out, err = wfexec(command, from_template(tmp_path, version="7.0.0"), "--templates", folder)
        assert (code, out) == (2, "")
        assert "template more 7.0.0: there is 1.2.0" in err


def test_a_workflow_from_a_template_is_planned_from_the_world(tmp_path: Path) -> None:
    labels = {"workflowexecution.kubernaut.io/template": "true"}
    meta = {"name": "more-1.2.0", "namespace": "shop", "labels": labels}
    held = {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": meta,
        "data": {"template.yaml": yaml.safe_dump(TEMPLATE)},
    }
    other = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "settings", "namespace": "shop"}, "data": {}}
    world = objects(tmp_path, deployment(), held, other)
    code, told = planned(from_template(tmp_path), "--against", world, "--runs", 0)
    assert code == 0, told
    assert told["dryRun"]["resourceChanges"][0]["afterState"] == {"replicas": "5"}
    code, told = planned(from_template(tmp_path, version="7.0.0"), "--against", world, "--runs", 0)
    assert code == 3
    assert told["refused"].endswith("there is 1.2.0 in shop")


@pytest.mark.parametrize(
    ("command", "hint"), [("plan", "--templates DIR or --against live"), ("graph", "--templates DIR")]
)
def test_a_template_that_nobody_can_look_up_is_said(tmp_path: Path, command: str, hint: str) -> None:
    code, out, err = wfexec(command, from_template(tmp_path))
    assert (code, out) == (2, "")
    assert f"the steps come from template 'more', which is not looked up here; give {hint}" in err


def test_against_objects_it_tells_before_and_after(tmp_path: Path) -> None:
    code, told = planned(manifest(tmp_path), "--against", objects(tmp_path, deployment()), "--runs", 0)
    assert code == 0
    (change,) = told["dryRun"]["resourceChanges"]
    assert (change["beforeState"], change["afterState"]) == ({"replicas": "3"}, {"replicas": "2"})
    assert told["rights"][0]["granted"] is None
    assert told["warnings"][-1].endswith("does not tell: capacity, network, rbac, which namespaces are production")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([deployment("other")], "Deployment shop/web does not exist"),
        ([deployment(deletionTimestamp="2026-01-01T00:00:00Z")], "is being deleted"),
        ([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}], "the file holds no Deployment"),
        (
            [deployment(), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}],
            "namespace 'shop' does not exist",
        ),
    ],
)
def test_what_the_controller_would_refuse_is_refused(tmp_path: Path, given: list[Any], expected: str) -> None:
    code, told = planned(manifest(tmp_path), "--against", objects(tmp_path, *given), "--runs", 0)
    assert code == 3
    assert expected in told["refused"]


def test_a_definition_that_cannot_be_planned_would_be_refused(tmp_path: Path) -> None:
    code, told = planned(manifest(tmp_path, dependsOn=[7]))
    assert code == 3
    assert "dependency not found" in told["refused"]
    assert told["plan"] is None


def test_an_executor_file_is_a_world_with_rights_and_durations() -> None:
    code, told = planned(FAILOVER / "workflow.yaml", "--against", FAILOVER / "executor.yaml", "--runs", 5)
    assert code == 0
    assert "12 steps are more than complexity-approval-threshold 10" in told["approval"]
    assert all(right["granted"] for right in told["rights"])
    assert told["expected"]["runs"] == 5
    assert told["expected"]["p50_ms"] <= told["expected"]["p90_ms"] <= told["expected"]["p99_ms"]


def test_a_right_that_is_denied_is_seen(tmp_path: Path) -> None:
    given = yaml.safe_load((EXAMPLES / "memory-pressure" / "executor.yaml").read_text())
    given["denied"] = [{"user": "*:restart-deployment-sa", "reason": "no role"}]
    path = tmp_path / "executor.yaml"
    path.write_text(yaml.safe_dump(given))
    code, told = planned(EXAMPLES / "memory-pressure" / "workflow.yaml", "--against", path, "--runs", 0)
    assert code == 3
    assert "rbac check failed" in told["refused"]
    assert [right["granted"] for right in told["rights"]].count(False) == 1


def test_production_is_what_the_world_labels_so(tmp_path: Path) -> None:
    labels = {"environment": "production"}
    spaces = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}
    parameters = {"deletePod": {"namespace": "shop", "podName": "p"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}}
    file = manifest(tmp_path, action="delete-pod", parameters=parameters)
    code, told = planned(file, "--against", objects(tmp_path, deployment(), pod, spaces), "--runs", 0)
    assert "production" in f"{told['refused']} {told['approval']}", (code, told)


SELECTED = {"restartPod": {"namespace": "shop", "selector": "app=web"}}
APPLIED = {"kind": "List", "items": [{"kind": "Ingress", "metadata": {"name": "front", "namespace": "shop"}}]}
VOLUME = {"kind": "PersistentVolumeClaim", "namespace": "shop", "name": "data", "size": "20Gi"}


@pytest.mark.parametrize(
    ("action", "parameters", "text"),
    [
        ("restart-pod", SELECTED, "Pods app=web in shop"),
        (
            "apply-manifest",
            {"custom": {"actionType": "x", "config": {"manifest": json.dumps(APPLIED)}}},
            "Ingress shop/front",
        ),
        ("expand-pvc", {"custom": {"actionType": "x", "config": VOLUME}}, "PersistentVolumeClaim shop/data"),
        ("custom", {"custom": {"actionType": "x", "config": {}}}, "(step 2 names none)"),
    ],
)
def test_what_cannot_be_foreseen_is_in_the_blast_radius(
    tmp_path: Path, action: str, parameters: dict[str, Any], text: str
) -> None:
    file = manifest(tmp_path, action=action, parameters=parameters)
    for more in ([], ["--against", objects(tmp_path, deployment())]):
        _, told = planned(file, "--runs", 0, *more)
        assert told["blastRadius"][-1] == {"object": text, "change": action, "before": "?", "after": "?"}
        assert len(told["blastRadius"]) == 2


def test_settings_decide_about_the_approval(tmp_path: Path) -> None:
    _, told = planned(manifest(tmp_path), "--set", "complexity-approval-threshold=1", "--runs", 0)
    assert "2 steps are more than complexity-approval-threshold 1" in told["approval"]


def test_the_same_seed_has_the_same_expectation() -> None:
    (workflow,) = load_workflows(FAILOVER / "workflow.yaml")
    one, again, other = (estimate(EstimateRequest(workflow, DEFAULTS, {}, None, 4, seed)) for seed in (3, 3, 4))
    assert one is not None
    assert one == again
    assert one.completed == 4
    assert other is not None
    assert other.p50_ms != one.p50_ms


def test_rights_come_as_roles_that_name_their_objects(tmp_path: Path) -> None:
    code, out, _ = wfexec("plan", manifest(tmp_path), "--rbac")
    assert code == 0
    role, binding = yaml.safe_load_all(out)
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", "shop")
    assert role["rules"] == [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"], "resourceNames": ["web"]}
    ]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "scale-deployment-sa", "namespace": "kubernaut-system"}
    ]


def test_rights_of_what_would_be_refused_come_with_the_reason(tmp_path: Path) -> None:
    code, out, err = wfexec("plan", manifest(tmp_path, dependsOn=[7]), "--rbac")
    assert (code, out) == (3, "")
    assert "heal: would be refused: planning_error: spec.workflowDefinition.steps[1].dependsOn: dependency not" in err


def test_rights_on_nodes_are_cluster_roles() -> None:
    code, out, _ = wfexec("plan", EXAMPLES / "node-disk-pressure" / "workflow.yaml", "--rbac")
    assert code == 0
    assert {each["kind"] for each in yaml.safe_load_all(out)} == {"ClusterRole", "ClusterRoleBinding"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a: 1", "holds no Kubernetes objects"), ("cluster: {nods: {}}", "nods"), ("kind: [", "not YAML")],
)
def test_a_file_that_is_no_world_is_bad_input(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "world.yaml"
    path.write_text(text)
    code, _, err = wfexec("plan", manifest(tmp_path), "--against", path)
    assert code == 2
    assert expected in err


def test_both_forms_at_once_are_bad_input(tmp_path: Path) -> None:
    assert wfexec("plan", manifest(tmp_path), "--json", "--rbac")[0] == 2


def test_an_estimator_whose_libraries_are_missing_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "broken" / "broken-0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 0\n")
    (folder / "entry_points.txt").write_text("[wfexec.estimators]\na = no_such_library:estimate\n")
    monkeypatch.syspath_prepend(str(folder.parent))
    code, told = planned(manifest(tmp_path), "--runs", 2)
    assert code == 0
    assert told["expected"]["completed"] == 2


def test_no_content_of_a_secret_is_told(tmp_path: Path) -> None:
    parameters = {"updateSecret": {"namespace": "shop", "name": "login", "dataUpdates": {"token": "aHVudGVyMg=="}}}
    file = manifest(tmp_path, action="update-secret", parameters=parameters)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": "shop"}}
    secret |= {"data": {"token": "b2xkLXBhc3M="}}
    code, out, err = wfexec("plan", file, "--against", objects(tmp_path, deployment(), secret), "--json")
    assert code == 0, out + err
    assert "aHVudGVyMg==" not in out
    assert "b2xkLXBhc3M=" not in out
