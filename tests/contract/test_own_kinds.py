"""Our own CRDs do in the fake what they do on a real server; so do leases, events and reviews of rights."""

from typing import Any

import pytest

from tests.contract.conftest import Api
from tests.envtest.server import USERS

Json = dict[str, Any]
WORKFLOW_API = "workflowexecution.kubernaut.io/v1"
EXECUTION_API = "kubernetesexecution.kubernaut.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def workflows(api: Api, name: str = "") -> str:
    path = f"/apis/{WORKFLOW_API}/namespaces/{api.namespace}/workflowexecutions"
    return f"{path}/{name}" if name else path


def leases(api: Api, name: str = "") -> str:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{api.namespace}/leases"
    return f"{path}/{name}" if name else path


def workflow(**spec: Any) -> Json:
    step = {"stepNumber": 1, "name": "one", "action": "restart-deployment"}
    definition = {"name": "d", "version": "1", "steps": [step]}
    return {
        "apiVersion": WORKFLOW_API,
        "kind": "WorkflowExecution",
        "metadata": {"name": "w"},
        "spec": {"remediationRequestRef": {"name": "r"}, "workflowDefinition": definition, **spec},
    }


def refused(api: Api, wished: Json) -> set[tuple[str, str]]:
    """(field, message) of each cause."""
    status, answer = api.client.request("POST", workflows(api), wished)
    assert (status, answer["reason"]) == (422, "Invalid"), answer
    return {(cause["field"], cause["message"]) for cause in answer["details"]["causes"]}


def test_a_workflow_gets_its_defaults(api: Api) -> None:
    status, made = api.client.request("POST", workflows(api), workflow())
    assert status == 201, made
    spec = made["spec"]
    assert (spec["priority"], spec["suspend"], spec["failurePolicy"]) == ("normal", False, "continue")
    assert spec["executionStrategy"]["rollbackStrategy"] == "automatic"
    assert spec["workflowDefinition"]["steps"][0]["criticalStep"] is False


def test_what_a_workflow_may_not_be(api: Api) -> None:
    both = workflow(templateRef={"name": "t"})
    assert ("spec", "Invalid value: set exactly one of workflowDefinition, templateRef") in refused(api, both)
    twice = workflow()
    twice["spec"]["workflowDefinition"]["steps"] *= 2
    assert ("spec.workflowDefinition.steps[1]", 'Duplicate value: {"stepNumber":1}') in refused(api, twice)
    urgent = refused(api, workflow(priority="urgent"))
    assert "spec.priority" in {field for field, _ in urgent}
    many = workflow()
    many["spec"]["workflowDefinition"]["steps"] = [
        {"stepNumber": number, "name": f"s{number}", "action": "x"} for number in range(1, 102)
    ]
    assert ("spec.workflowDefinition.steps", "Too many: 101: must have at most 100 items") in refused(api, many)


def test_what_of_a_workflow_may_change(api: Api) -> None:
    assert api.client.request("POST", workflows(api), workflow())[0] == 201
    for wish in ({"suspend": True}, {"cancel": True}, {"priority": "high"}):
        status, made = api.client.request("PATCH", workflows(api, "w"), {"spec": wish})
        assert status == 200, made
    fixed: tuple[tuple[Json, str], ...] = (
        ({"remediationRequestRef": {"name": "other"}}, "remediationRequestRef is immutable"),
        ({"executionStrategy": {"dryRunFirst": False}}, "executionStrategy is immutable"),
        ({"workflowDefinition": {"version": "2"}}, "workflowDefinition is immutable"),
    )
    for change, message in fixed:
        status, answer = api.client.request("PATCH", workflows(api, "w"), {"spec": change})
        assert (status, message in answer["message"]) == (422, True), answer


def test_the_wish_of_a_child_never_changes(api: Api) -> None:
    path = f"/apis/{EXECUTION_API}/namespaces/{api.namespace}/kubernetesexecutions"
    spec = {"workflowExecutionRef": {"name": "w"}, "stepNumber": 1, "action": "scale-deployment"}
    child = {"apiVersion": EXECUTION_API, "kind": "KubernetesExecution", "metadata": {"name": "c"}, "spec": spec}
    status, made = api.client.request("POST", path, child)
    assert (status, made["spec"]["maxRetries"]) == (201, 2)
    status, answer = api.client.request("PATCH", f"{path}/c", {"spec": {"maxRetries": 3}})
    assert (status, "the spec of a KubernetesExecution is immutable" in answer["message"]) == (422, True)
    parameters: Json = {"scaleDeployment": {}, "rolloutRestart": {}}
    status, answer = api.client.request("POST", path, {**child, "spec": {**spec, "parameters": parameters}})
    assert status == 422
    selected = api.client.request("GET", path, query={"fieldSelector": "spec.workflowExecutionRef.name=w"})[1]
    assert [item["metadata"]["name"] for item in selected["items"]] == ["c"]


def test_a_lease_is_taken_by_whoever_knows_its_version(api: Api) -> None:
    spec = {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-01T00:00:00.000000Z",
        "renewTime": "2026-01-01T00:00:00.250000Z",
        "leaseTransitions": 0,
    }
    lease: Json = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": spec}
    status, made = api.client.request("POST", leases(api), lease)
    assert (status, made["spec"]) == (201, spec)
    renewed = {**made, "spec": {**spec, "renewTime": "2026-01-01T00:00:02.000000Z"}}
    assert api.client.request("PUT", leases(api, "l"), renewed)[0] == 200
    status, answer = api.client.request("PUT", leases(api, "l"), {**renewed, "spec": {**spec, "holderIdentity": "b"}})
    assert (status, answer["reason"]) == (409, "Conflict")
    assert api.client.request("PUT", leases(api, "l"), lease)[0] == 422
    assert api.client.request("GET", leases(api, "l"))[1]["spec"]["holderIdentity"] == "a"


def test_an_update_makes_a_lease_that_is_gone(api: Api) -> None:
    lease: Json = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "l", "resourceVersion": "5"},
        "spec": {"holderIdentity": "a"},
    }
    status, made = api.client.request("PUT", leases(api, "l"), lease)
    assert (status, made["spec"]["holderIdentity"]) == (201, "a")
    status, answer = api.client.request(
        "POST", leases(api), {**lease, "metadata": {"name": "m", "resourceVersion": "5"}}
    )
    assert (status, answer["message"]) == (500, "resourceVersion should not be set on objects to be created")


def test_an_event_is_counted_up(api: Api) -> None:
    path = f"/api/v1/namespaces/{api.namespace}/events"
    about = {"kind": "WorkflowExecution", "namespace": api.namespace, "name": "w"}
    event = {
        "metadata": {"name": "e"},
        "involvedObject": about,
        "reason": "StepStarted",
        "message": "step 1",
        "type": "Normal",
        "count": 1,
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    assert api.client.request("POST", path, event)[0] == 201
    status, counted = api.client.request("PATCH", f"{path}/e", {"count": 2, "lastTimestamp": "2026-01-01T00:05:00Z"})
    assert (status, counted["count"], counted["message"]) == (200, 2, "step 1")
    found = api.client.request("GET", path, query={"fieldSelector": "involvedObject.name=w,reason=StepStarted"})[1]
    assert [item["metadata"]["name"] for item in found["items"]] == ["e"]


@pytest.mark.parametrize(
    ("user", "verb", "resource", "allowed"),
    [
        ("controller", "patch", ("workflowexecution.kubernaut.io", "workflowexecutions", "status"), True),
        ("controller", "delete", ("workflowexecution.kubernaut.io", "workflowexecutions", ""), False),
        ("controller", "create", ("kubernetesexecution.kubernaut.io", "kubernetesexecutions", ""), True),
        ("controller", "update", ("kubernetesexecution.kubernaut.io", "kubernetesexecutions", ""), False),
        ("controller", "get", ("", "secrets", ""), False),
        ("executor", "update", ("kubernetesexecution.kubernaut.io", "kubernetesexecutions", "status"), True),
        ("executor", "create", ("kubernetesexecution.kubernaut.io", "kubernetesexecutions", ""), False),
        ("alice", "approve", ("workflowexecution.kubernaut.io", "workflowexecutions", ""), True),
        ("mallory", "approve", ("workflowexecution.kubernaut.io", "workflowexecutions", ""), False),
        ("mallory", "create", ("workflowexecution.kubernaut.io", "workflowexecutions", ""), True),
        ("viewer", "watch", ("workflowexecution.kubernaut.io", "workflowexecutions", ""), True),
        ("viewer", "patch", ("workflowexecution.kubernaut.io", "workflowexecutions", ""), False),
        ("admin", "delete", ("", "nodes", ""), True),
    ],
)
def test_reviews_and_requests_obey_the_shipped_roles(
    api: Api, user: str, verb: str, resource: tuple[str, str, str], allowed: bool
) -> None:
    name, groups = USERS[user]
    group, plural, subresource = resource
    wish = {"verb": verb, "group": group, "resource": plural, "subresource": subresource, "namespace": api.namespace}
    spec = {"user": name, "groups": [*groups, "system:authenticated"], "resourceAttributes": wish}
    status, review = api.client.request("POST", REVIEWS, {"spec": spec}, user="controller")
    assert (status, review["status"]["allowed"]) == (201, allowed)
    assert allowed == ("reason" in review["status"]) or user == "admin"


def test_a_request_without_the_right_is_refused(api: Api) -> None:
    status, answer = api.client.request("POST", workflows(api), workflow(), user="viewer")
    assert (status, answer["reason"]) == (403, "Forbidden")
    assert answer["message"] == (
        'workflowexecutions.workflowexecution.kubernaut.io is forbidden: User "viewer" cannot create resource'
        f' "workflowexecutions" in API group "workflowexecution.kubernaut.io" in the namespace "{api.namespace}"'
    )
    status, answer = api.client.request("GET", f"/apis/{WORKFLOW_API}/workflowexecutions", user="executor")
    assert (status, answer["message"].endswith("at the cluster scope")) == (403, True)
    assert api.client.request("POST", REVIEWS, {"spec": {}}, user="viewer")[0] == 403


def test_people_may_ask_about_themselves(api: Api) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    wish = {"verb": "get", "group": "workflowexecution.kubernaut.io", "resource": "workflowexecutions"}
    status, review = api.client.request("POST", path, {"spec": {"resourceAttributes": wish}}, user="viewer")
    assert (status, review["status"]["allowed"]) == (201, True)


def test_a_token_has_an_owner_or_none(api: Api) -> None:
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    status, known = api.client.request("POST", path, {"spec": {"token": "token-of-viewer"}}, user="controller")
    assert (status, known["status"]["authenticated"], known["status"]["user"]["username"]) == (201, True, "viewer")
    unknown = api.client.request("POST", path, {"spec": {"token": "forged"}}, user="controller")[1]
    assert not unknown["status"].get("authenticated")
