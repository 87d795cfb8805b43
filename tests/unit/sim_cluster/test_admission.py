"""What the fake's admission does not model is said when the policy is made; what no policy matches costs nothing."""

from typing import Any

import orjson
import pytest

from sim.cluster.cluster import Cluster, Depth, Unmodelled
from wfexec.crd.wire import HttpCall

Json = dict[str, Any]
ROOT = "/apis/admissionregistration.k8s.io/v1"
RULE = {"apiGroups": [""], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["configmaps"]}


def post(cluster: Cluster, path: str, body: Json) -> tuple[int, Json]:
    call = HttpCall("POST", path, (), "application/json", orjson.dumps(body))
    reply = cluster.http(call, "admin", 0)
    return reply.status, orjson.loads(reply.payload)


def policy(**spec: Any) -> Json:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "p"},
        "spec": {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": "true"}], **spec},
    }


def binding(**spec: Any) -> Json:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "b"},
        "spec": {"policyName": "p", "validationActions": ["Deny"], **spec},
    }


def rule(expression: str, **more: str) -> list[Json]:
    return [{"expression": expression, **more}]


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}, "paramKind"),
        ({"auditAnnotations": [{"key": "k", "valueExpression": "'v'"}]}, "auditAnnotations"),
        ({"matchConstraints": {"resourceRules": [RULE], "objectSelector": {"matchLabels": {}}}}, "objectSelector"),
        ({"validations": rule("namespaceObject.metadata.name == 'x'")}, "namespaceObject"),
        ({"validations": rule("quantity('1').isLessThan(quantity('2'))")}, "quantity"),
        ({"validations": rule("request.options.dryRun == 'All'")}, "request.options"),
        ({"validations": rule("request.userInfo.uid == ''")}, "request.userInfo.uid"),
        ({"validations": rule("authorizer.serviceAccount('a', 'b').allowed()")}, "serviceAccount"),
        ({"validations": rule("variables.later")}, "later"),
        ({"validations": rule("true", messageExpression="'a' +")}, "'a' +"),
    ],
)
def test_a_policy_that_is_not_modelled_is_refused_when_it_is_made(spec: Json, named: str) -> None:
    with pytest.raises(Unmodelled, match="admission") as told:
        post(Cluster(Depth.WIRE), f"{ROOT}/validatingadmissionpolicies", policy(**spec))
    assert named in str(told.value)


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"validationActions": ["Warn"]}, "Warn"),
        ({"paramRef": {"name": "x"}}, "paramRef"),
        ({"matchResources": {"resourceRules": [RULE]}}, "matchResources"),
    ],
)
def test_a_binding_too(spec: Json, named: str) -> None:
    with pytest.raises(Unmodelled, match=named):
        post(Cluster(Depth.WIRE), f"{ROOT}/validatingadmissionpolicybindings", binding(**spec))


def test_policies_among_the_manifests_are_objects_from_the_start() -> None:
    cluster = Cluster(Depth.WIRE, manifests=(policy(validations=rule("false", message="never")), binding()))
    status, answer = post(cluster, "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "c"}})
    assert (status, answer["message"].endswith("denied request: never")) == (422, True)
    found = cluster.http(HttpCall("GET", f"{ROOT}/validatingadmissionpolicies/p"), "admin", 0)
    assert found.status == 200


@pytest.mark.parametrize(
    ("change", "admitted"),
    [
        ({"resources": ["configmaps/status"]}, True),
        ({"resources": ["*"]}, False),
        ({"resources": ["*/*"]}, False),
        ({"operations": ["UPDATE"]}, True),
        ({"operations": ["*"]}, False),
        ({"apiGroups": ["apps"]}, True),
        ({"scope": "Cluster"}, True),
        ({"scope": "Namespaced"}, False),
        ({"resourceNames": ["other"]}, True),
        ({"resourceNames": ["c"]}, False),
    ],
)
def test_which_writes_a_policy_is_for(change: Json, admitted: bool) -> None:
    constraints = {"resourceRules": [{**RULE, **change}]}
    cluster = Cluster(Depth.WIRE)
    post(
        cluster, f"{ROOT}/validatingadmissionpolicies", policy(matchConstraints=constraints, validations=rule("false"))
    )
    post(cluster, f"{ROOT}/validatingadmissionpolicybindings", binding())
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    status, _ = post(cluster, "/api/v1/namespaces/default/configmaps", body)
    assert status == (201 if admitted else 422)


def test_what_is_excluded_is_not_judged() -> None:
    constraints = {"resourceRules": [RULE], "excludeResourceRules": [{**RULE, "apiGroups": ["*"]}]}
    made = policy(matchConstraints=constraints, validations=rule("false"))
    cluster = Cluster(Depth.WIRE, manifests=(made, binding()))
    assert post(cluster, "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "c"}})[0] == 201


def test_a_verdict_is_kept_only_as_long_as_what_it_depends_on_stays() -> None:
    """The same write again is judged anew once the requester's rights are others."""
    check = "authorizer.group('').resource('configmaps').namespace(request.namespace).check('approve').allowed()"
    role = {
        "kind": "ClusterRole",
        "metadata": {"name": "writer"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}],
    }
    subjects = [{"kind": "User", "name": "alice"}]
    writes = {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "w"},
        "roleRef": {"kind": "ClusterRole", "name": "writer"},
    }
    made = policy(validations=[{"expression": f"has(object.metadata.annotations) || {check}"}])
    cluster = Cluster(Depth.WIRE, manifests=(made, binding(), role, writes | {"subjects": subjects}))

    def creates(name: str, **meta: Any) -> int:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}}
        call = HttpCall("POST", "/api/v1/namespaces/default/configmaps", (), "application/json", orjson.dumps(body))
        return cluster.http(call, "alice", 0).status

    assert (creates("a"), creates("b", annotations={"x": "y"}), creates("c")) == (422, 201, 422)
    path = "/apis/rbac.authorization.k8s.io/v1"
    grown = role | {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "approver"}}
    grown["rules"] = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["approve"]}]
    assert post(cluster, f"{path}/clusterroles", grown)[0] == 201
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "approver"}
    bound = {"metadata": {"name": "a"}, "roleRef": reference, "subjects": subjects}
    assert post(cluster, f"{path}/clusterrolebindings", bound)[0] == 201
    assert creates("a") == 201
