"""Do the shipped manifests apply to a real server as they are, and does the pod keep its promises?"""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.envtest.server import SYSTEM_NAMESPACE, ControlPlane
from wfexec.app import DRAIN_S
from wfexec.settings import DEFAULTS, Settings, to_kebab
from wfexec.units import format_duration

DEPLOY = Path(__file__).parents[2] / "deploy"


def rendered(cluster: ControlPlane, folder: Path) -> list[dict[str, Any]]:
    """Every object of a kustomization."""
    return list(yaml.safe_load_all(cluster.kubectl(["kustomize", str(folder)], check=True).stdout))


def the(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


@pytest.mark.parametrize("folder", [DEPLOY, DEPLOY / "base"], ids=["all", "without observer"])
def test_applies_under_strict_validation(control_plane: ControlPlane, folder: Path) -> None:
    strictly = ["--server-side", "--dry-run=server", "--validate=strict"]
    answer = control_plane.kubectl(["apply", *strictly, "-k", str(folder)])
    assert answer.returncode == 0, answer.stderr
    assert "Warning" not in answer.stderr
    assert len(answer.stdout.splitlines()) == len(rendered(control_plane, folder))


def test_every_component_can_be_added(control_plane: ControlPlane, tmp_path: Path) -> None:
    """Those as well that are left out by default; in a copy, because a component by itself is nothing to apply."""
    copy = tmp_path / "deploy"
    shutil.copytree(DEPLOY, copy)
    told = yaml.safe_load((copy / "kustomization.yaml").read_text())
    told["components"] = [f"components/{each.name}" for each in sorted((copy / "components").iterdir())]
    (copy / "kustomization.yaml").write_text(yaml.safe_dump(told))
    answer = control_plane.kubectl(["apply", "--server-side", "--dry-run=server", "--validate=strict", "-k", str(copy)])
    assert answer.returncode == 0, answer.stderr
    assert len(rendered(control_plane, copy)) > len(rendered(control_plane, DEPLOY))


def test_applying_twice_changes_nothing(control_plane: ControlPlane) -> None:
    answer = control_plane.kubectl(["diff", "--server-side", "-k", str(DEPLOY)])
    assert answer.returncode == 0, answer.stdout


def test_the_observer_can_be_left_out(control_plane: ControlPlane) -> None:
    def roles(folder: Path) -> set[str]:
        return {each["metadata"]["name"] for each in rendered(control_plane, folder) if each["kind"] == "ClusterRole"}

    assert roles(DEPLOY) - roles(DEPLOY / "base") == {"workflowexecution-controller-observer"}


def test_the_pod_is_admitted_where_only_restricted_pods_are(control_plane: ControlPlane) -> None:
    template = the(rendered(control_plane, DEPLOY), "Deployment")["spec"]["template"]
    pod = {**template, "metadata": {**template["metadata"], "name": "probe"}}
    status, answer = control_plane.request("POST", f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods?dryRun=All", pod)
    assert status == 201, answer["message"]
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    status, answer = control_plane.request("POST", f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods?dryRun=All", pod)
    assert status == 403, "the namespace does not enforce anything"


def test_a_node_can_bear_the_pod_and_be_drained_of_it(control_plane: ControlPlane) -> None:
    objects = rendered(control_plane, DEPLOY)
    pod = the(objects, "Deployment")["spec"]["template"]["spec"]
    assert [each["name"] for each in pod["volumes"] if each.get("emptyDir") == {}] == [], "a folder without a limit"
    assert pod["terminationGracePeriodSeconds"] > DRAIN_S
    # Two that are not ready, for want of the CRDs say, would hold their nodes for ever.
    assert the(objects, "PodDisruptionBudget")["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_selectors_find_the_pod(control_plane: ControlPlane) -> None:
    objects = rendered(control_plane, DEPLOY)
    labels = the(objects, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    selectors = {
        "Deployment": the(objects, "Deployment")["spec"]["selector"]["matchLabels"],
        "Service": the(objects, "Service")["spec"]["selector"],
        "PodDisruptionBudget": the(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        "NetworkPolicy": the(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    }
    assert {kind: selector.items() <= labels for kind, selector in selectors.items()} == dict.fromkeys(selectors, True)


def test_the_policys_expressions_have_types_that_fit(control_plane: ControlPlane) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/workflowexecution-approval"

    def status() -> dict[str, Any]:
        found: dict[str, Any] = control_plane.request("GET", path)[1].get("status", {})
        return found

    control_plane.wait_until(lambda: "typeChecking" in status(), "the policy is checked")
    assert status()["typeChecking"].get("expressionWarnings", []) == []


def test_the_configuration_holds_only_settings_at_their_defaults() -> None:
    given = yaml.safe_load((DEPLOY / "base" / "configmap.yaml").read_text())["data"]
    defaults = {to_kebab(name): getattr(DEFAULTS, name) for name in Settings.model_fields}

    def text(value: object, like: str) -> str:
        if isinstance(value, tuple):
            return ",".join(value)
        return format_duration(value) if isinstance(value, int) and re.search(r"\d(ms|s|m|h)$", like) else f"{value:g}"

    def shown(key: str, like: str) -> str:
        value = defaults[key]
        return value if isinstance(value, str) else text(value, like)

    assert sorted(set(given) - set(defaults)) == [], "no such setting"
    assert {key: shown(key, like) for key, like in given.items()} == given
