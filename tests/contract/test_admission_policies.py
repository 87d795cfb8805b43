"""A policy that somebody makes in the cluster is obeyed by fake and real alike: matching, failing, speaking."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.conftest import Api
from tests.contract.test_own_kinds import leases

Json = dict[str, Any]
ROOT = "/apis/admissionregistration.k8s.io/v1"
# A real server compiles new policies about once a second.
PATIENCE_S = 15.0


@pytest.fixture
def names(api: Api) -> Iterator[list[str]]:
    """Policies made by the test; they end with it, for the next one shares the server."""
    made: list[str] = []
    yield made
    for name in made:
        for plural in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
            api.client.request("DELETE", f"{ROOT}/{plural}/{name}")


def enforce(api: Api, names: list[str], spec: Json) -> None:
    """A policy for the ConfigMaps of the test's namespace; returns once it is in force."""
    name = f"of-{api.namespace}"
    names.append(name)
    here = {"name": "here", "expression": f"request.namespace == '{api.namespace}'"}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}
    # Whatever the test is about, this name is refused: so it is seen that the policy is in force.
    probe = {"expression": "object.metadata.name != 'probe'", "message": "in force"}
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            **spec,
            "matchConditions": [here, *spec.get("matchConditions", ())],
            "validations": [probe, *spec["validations"]],
        },
    }
    status, answer = api.client.request("POST", f"{ROOT}/validatingadmissionpolicies", body)
    assert status == 201, answer
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    assert api.client.request("POST", f"{ROOT}/validatingadmissionpolicybindings", binding)[0] == 201
    limit = time.monotonic() + PATIENCE_S
    while make(api, "probe", {}, dry=True)[0] == 201:
        assert time.monotonic() < limit, "the policy did not come into force"


def make(api: Api, name: str, data: dict[str, str], *, dry: bool = False) -> tuple[int, Json]:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    path = f"/api/v1/namespaces/{api.namespace}/configmaps"
    return api.client.request("POST", path, body, query={"dryRun": "All"} if dry else {})


def test_a_plain_rule_says_what_it_wanted(api: Api, names: list[str]) -> None:
    rule = {"expression": "has(object.data) && 'owner' in object.data"}
    enforce(api, names, {"validations": [rule]})
    status, answer = make(api, "a", {"mode": "fast"})
    assert (status, answer["reason"]) == (422, "Invalid")
    assert answer["message"] == (
        f"configmaps \"a\" is forbidden: ValidatingAdmissionPolicy '{names[0]}' with binding '{names[0]}' denied"
        f" request: failed expression: {rule['expression']}"
    )
    assert make(api, "a", {"owner": "shop"})[0] == 201
    leased = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {}}
    assert api.client.request("POST", leases(api), leased)[0] == 201


def test_it_sees_what_was_there_before(api: Api, names: list[str]) -> None:
    enforce(
        api,
        names,
        {
            "variables": [{"name": "was", "expression": "oldObject == null ? '' : oldObject.data.mode"}],
            "validations": [
                {
                    "expression": "request.operation == 'CREATE' || object.data.mode == variables.was",
                    "reason": "Forbidden",
                    "messageExpression": "'mode was ' + variables.was + ', said ' + request.userInfo.username",
                }
            ],
        },
    )
    assert make(api, "a", {"mode": "fast"})[0] == 201
    path = f"/api/v1/namespaces/{api.namespace}/configmaps/a"
    assert api.client.request("PATCH", path, {"data": {"owner": "shop"}})[0] == 200
    status, answer = api.client.request("PATCH", path, {"data": {"mode": "slow"}})
    assert (status, answer["message"].endswith("mode was fast, said admin")) == (403, True), answer


def test_a_condition_that_does_not_hold_lets_everything_through(api: Api, names: list[str]) -> None:
    condition = {"name": "marked", "expression": "object.metadata.name in ['probe', 'marked']"}
    enforce(api, names, {"matchConditions": [condition], "validations": [{"expression": "false"}]})
    assert make(api, "plain", {})[0] == 201
    assert make(api, "marked", {})[0] == 422


@pytest.mark.parametrize(("policy", "status"), [("Fail", 422), ("Ignore", 201)])
def test_an_expression_that_cannot_be_worked_out(api: Api, names: list[str], policy: str, status: int) -> None:
    rule = {"expression": "object.data.absent == 'x'"}
    enforce(api, names, {"failurePolicy": policy, "validations": [rule]})
    answered, answer = make(api, "a", {"mode": "fast"})
    assert answered == status, answer
    if status == 422:
        assert f"expression '{rule['expression']}' resulted in error: " in answer["message"]


def test_a_message_that_cannot_be_made_gives_way_to_the_plain_one(api: Api, names: list[str]) -> None:
    rule = {"expression": "false", "message": "never", "messageExpression": "'no ' + object.data.absent"}
    enforce(api, names, {"validations": [rule]})
    assert make(api, "a", {"mode": "fast"})[1]["message"].endswith("denied request: never")


def test_who_asks_may_be_asked_about(api: Api, names: list[str]) -> None:
    """The rights of the requester, by the very rules that let the request in."""
    check = (
        "authorizer.group('').resource('configmaps').namespace(request.namespace).name('a').check('delete').allowed()"
    )
    enforce(api, names, {"validations": [{"expression": check}, {"expression": f"!({check})", "message": "may"}]})
    assert make(api, "a", {})[1]["message"].endswith("denied request: may")


def test_a_policy_without_a_binding_binds_nobody(api: Api, names: list[str]) -> None:
    enforce(api, names, {"validations": [{"expression": "false"}]})
    assert make(api, "a", {})[0] == 422
    assert api.client.request("DELETE", f"{ROOT}/validatingadmissionpolicybindings/{names[0]}")[0] == 200
    limit = time.monotonic() + PATIENCE_S
    while make(api, "a", {}, dry=True)[0] == 422:
        assert time.monotonic() < limit, "the policy did not go out of force"
