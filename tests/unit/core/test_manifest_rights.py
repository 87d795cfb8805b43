"""Which rights the objects of a manifest need, and when that is not known (BR-WF-015)."""

import json
from typing import Any

import pytest

from tests.unit.core.world import spec, step
from wfexec.core.gates import rights_unknown
from wfexec.core.graph import compile_recipe
from wfexec.core.manifest_rights import OBJECTS_MAX, manifest_rights
from wfexec.model.facts import AskAccess
from wfexec.model.recipe import Recipe
from wfexec.settings import DEFAULTS

WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mode", "namespace": "shop"}}
ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "all"}}
RULE = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "r", "namespace": "a"}}


def manifest(*objects: dict[str, Any]) -> str:
    return "\n---\n".join(map(json.dumps, objects))


def carrying(*objects: dict[str, Any]) -> dict[str, Any]:
    return {"custom": {"actionType": "apply-manifest", "config": {"manifest": manifest(*objects)}}}


def planned(*steps: dict[str, Any], **strategy: str) -> Recipe:
    made = compile_recipe(spec(*steps, strategy=strategy), DEFAULTS)
    assert isinstance(made, Recipe), made
    return made


def told(asked: tuple[AskAccess, ...]) -> list[tuple[str, ...]]:
    return [(one.verb, one.group, one.resource, one.namespace, one.name) for one in asked]


def test_each_object_is_looked_at_made_or_changed() -> None:
    found = manifest_rights(manifest(WEB, {"kind": "List", "items": [MAP, ROLE]}), "u")
    assert found.whole
    assert told(found.asked) == [
        ("get", "apps", "deployments", "shop", "web"),
        ("create", "apps", "deployments", "shop", ""),
        ("patch", "apps", "deployments", "shop", "web"),
        ("get", "", "configmaps", "shop", "mode"),
        ("create", "", "configmaps", "shop", ""),
        ("patch", "", "configmaps", "shop", "mode"),
        ("get", "rbac.authorization.k8s.io", "clusterroles", "", "all"),
        ("create", "rbac.authorization.k8s.io", "clusterroles", "", ""),
        ("patch", "rbac.authorization.k8s.io", "clusterroles", "", "all"),
    ]


@pytest.mark.parametrize(
    ("kind", "version", "resource"),
    [
        ("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies"),
        ("Ingress", "networking.k8s.io/v1", "ingresses"),
        ("StorageClass", "storage.k8s.io/v1", "storageclasses"),
        ("ResourceQuota", "v1", "resourcequotas"),
    ],
)
def test_a_resource_is_named_as_kubernetes_does(kind: str, version: str, resource: str) -> None:
    thing = {"apiVersion": version, "kind": kind, "metadata": {"name": "a", "namespace": "b"}}
    assert {one.resource for one in manifest_rights(manifest(thing), "u").asked} == {resource}


@pytest.mark.parametrize(
    "odd",
    [
        RULE,
        WEB | {"metadata": {"name": "web"}},
        WEB | {"metadata": {"generateName": "web-", "namespace": "shop"}},
        WEB | {"apiVersion": None},
        WEB | {"apiVersion": "extensions/v1beta1"},
        WEB | {"metadata": {"name": "web", "namespace": ["shop"]}},
    ],
)
def test_what_is_not_known_of_one_object_hides_nothing_of_the_others(odd: dict[str, Any]) -> None:
    found = manifest_rights(manifest(odd, MAP), "u")
    assert not found.whole
    assert {one.resource for one in found.asked} == {"configmaps"}


def test_a_long_or_unreadable_manifest_is_not_known_to_the_end() -> None:
    maps = [MAP | {"metadata": {"name": f"m{number}", "namespace": "shop"}} for number in range(OBJECTS_MAX + 1)]
    found = manifest_rights(manifest(*maps), "u")
    assert (found.whole, len(found.asked)) == (False, 2 * OBJECTS_MAX + 1)
    assert manifest_rights("kind: [ConfigMap", "u") == ((), False)


def test_the_rights_of_a_step_and_of_its_undo_are_those_of_their_manifests() -> None:
    undo = {"action": "apply-manifest", "parameters": carrying(WEB)}
    steps = (step(1, action="apply-manifest", parameters=carrying(MAP), rollbackSpec=undo),)
    account = "system:serviceaccount:kubernaut-system:apply-manifest-sa"
    assert [(one.user, one.resource) for one in planned(*steps).access] == [
        *[(account, "configmaps")] * 3,
        *[(account, "deployments")] * 3,
    ]
    assert {one.resource for one in planned(*steps, rollbackStrategy="none").access} == {"configmaps"}
    assert rights_unknown(planned(*steps)) == ()
    odd = planned(step(1, action="apply-manifest", parameters=carrying(MAP, RULE)))
    assert rights_unknown(odd)[0].startswith("not known is what step 's1' (apply-manifest) needs")


def about(kind: str, **config: str) -> dict[str, Any]:
    return {"custom": {"actionType": "x", "config": {"kind": kind, "namespace": "shop", **config}}}


@pytest.mark.parametrize(
    ("action", "parameters", "known"),
    [
        ("apply_manifest", carrying(MAP), True),
        ("apply_manifest", carrying(MAP, RULE), False),
        ("expand-pvc", about("PersistentVolumeClaim", name="data"), False),
        ("rollback_deployment", about("Deployment", name="web"), True),
        ("rollback_deployment", about("Deployment"), False),
        ("scale-deployment", None, True),
        ("scale-deployment", {"scaleToPrevious": {"namespace": "a", "deployment": "b", "previousReplicas": 1}}, True),
    ],
)
def test_what_an_undo_of_its_own_needs_is_known_or_said_not_to_be(
    action: str, parameters: dict[str, Any] | None, known: bool
) -> None:
    undo = {"action": action, **({} if parameters is None else {"parameters": parameters})}
    made = step(1, rollbackSpec=undo)
    identity = action.replace("_", "-")
    sentence = f"not known is what the undo of step 's1' ({action}) needs: see to it that {identity}-sa may"
    assert rights_unknown(planned(made)) == (() if known else (sentence,))
    assert rights_unknown(planned(made, rollbackStrategy="none")) == ()
