"""What is read of the objects that bearings are taken from, and how they are asked for."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from wfexec.crd import wire
from wfexec.crd.codec import Decoder
from wfexec.crd.landmarks import landmark
from wfexec.model.bearings import BindingFacts, NamespaceFacts, RegistryData
from wfexec.model.meta import ADMISSION_POLICY_NAME
from wfexec.model.requests import Code, Kind, Landmark, Listing, ListObjects, Unreadable, WatchObjects

ROOT = Path(__file__).parents[3]
HERE = {"name": "x", "resourceVersion": "7", "uid": "u"}


def facts(kind: Kind, raw: dict[str, Any]) -> Any:
    made = landmark(kind, {"metadata": HERE, **raw})
    assert isinstance(made, Landmark), made
    assert (made.kind, made.metadata.name, made.metadata.resource_version) == (kind, "x", "7")
    return made.facts


def test_a_namespace_is_its_labels_and_whether_it_is_on_its_way_out() -> None:
    assert facts(Kind.NAMESPACE, {"metadata": {**HERE, "labels": {"a": "b"}}}) == NamespaceFacts({"a": "b"})
    gone = {**HERE, "deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert facts(Kind.NAMESPACE, {"metadata": gone}) == NamespaceFacts({}, terminating=True)


def test_a_registry_is_its_data_and_the_label_version() -> None:
    labelled = {**HERE, "labels": {"version": "v3"}}
    assert facts(Kind.REGISTRY, {"metadata": labelled, "data": {"k": "v"}}) == RegistryData("v3", {"k": "v"})
    assert facts(Kind.REGISTRY, {}) == RegistryData("", {})


@pytest.mark.parametrize(
    ("spec", "everywhere"),
    [
        ({"validationActions": ["Deny"]}, True),
        ({"validationActions": ["Deny", "Audit"], "matchResources": {"matchPolicy": "Equivalent"}}, True),
        ({"validationActions": ["Deny"], "matchResources": {"namespaceSelector": {}, "objectSelector": {}}}, True),
        ({"validationActions": ["Deny"], "matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}}}, False),
        ({"validationActions": ["Warn", "Audit"]}, False),
        ({}, False),
    ],
)
def test_a_binding_guards_only_where_it_denies_and_leaves_nothing_out(spec: dict[str, Any], everywhere: bool) -> None:
    assert facts(Kind.ADMISSION_BINDING, {"spec": {"policyName": "p", **spec}}) == BindingFacts("p", everywhere)


def test_the_shipped_binding_guards() -> None:
    text = (ROOT / "deploy" / "base" / "approval-policy.yaml").read_text()
    policy, binding = yaml.safe_load_all(text)
    assert policy["metadata"]["name"] == ADMISSION_POLICY_NAME
    made = landmark(Kind.ADMISSION_BINDING, binding)
    assert isinstance(made, Landmark)
    assert made.facts == BindingFacts(ADMISSION_POLICY_NAME, everywhere=True)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (Kind.NAMESPACE, {}),
        (Kind.NAMESPACE, {"metadata": {"name": 3}}),
        (Kind.NAMESPACE, {"metadata": {"name": "x", "labels": ["a"]}}),
        (Kind.REGISTRY, {"metadata": {"name": "x"}, "data": {"a": 1}}),
        (Kind.ADMISSION_BINDING, {"metadata": {"name": "x"}, "spec": "no"}),
    ],
)
def test_what_does_not_fit_is_unreadable(kind: Kind, raw: dict[str, Any]) -> None:
    made = landmark(kind, raw)
    assert isinstance(made, Unreadable)
    assert made.message


def test_the_registry_is_asked_for_by_its_name_and_a_namespace_nowhere_else() -> None:
    call = wire.encode(ListObjects(Kind.REGISTRY, 500, "kubernaut-system", "conditions"))
    assert call.path == "/api/v1/namespaces/kubernaut-system/configmaps"
    assert call.query == (("limit", "500"), ("fieldSelector", "metadata.name=conditions"))
    watch = wire.encode(WatchObjects(Kind.ADMISSION_BINDING, "17", 60_000))
    assert watch.path == "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
    assert watch.query == (("watch", "1"), ("resourceVersion", "17"), ("timeoutSeconds", "60"))


def test_a_list_of_namespaces_is_read() -> None:
    page = {"metadata": {"resourceVersion": "9"}, "items": [{"metadata": HERE}]}
    outcome = wire.decode(ListObjects(Kind.NAMESPACE, 5), 200, orjson.dumps(page), None, Decoder())
    assert outcome.code is Code.OK
    assert isinstance(outcome.object, Listing)
    assert [type(item) for item in outcome.object.items] == [Landmark]
