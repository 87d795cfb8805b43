"""Does the real server understand what the wire codec says, and does the codec understand its answers?"""

import itertools
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import orjson
import pytest

from tests.envtest.server import ControlPlane
from wfexec.crd import questions, wire
from wfexec.crd.codec import Decoder, render_workflow
from wfexec.model.base import evolve
from wfexec.model.bearings import BindingFacts, NamespaceFacts
from wfexec.model.execution import KubernetesExecution, KubernetesExecutionSpec
from wfexec.model.facts import (
    AccessFacts,
    AskAccess,
    AskNetwork,
    AskNodes,
    AskTarget,
    Facts,
    NetworkFacts,
    NodesFacts,
    Question,
    TargetFacts,
    TargetRef,
    Unknown,
)
from wfexec.model.meta import FINALIZER, ObjectMeta, ObjectReference, OwnerReference
from wfexec.model.phases import Phase, StepState
from wfexec.model.plan import MetadataChange
from wfexec.model.requests import (
    Body,
    Change,
    Code,
    CreateExecution,
    CreateLease,
    DeleteExecution,
    EventWrite,
    GetLease,
    GetObject,
    Kind,
    Landmark,
    Lease,
    Listing,
    ListObjects,
    ObjectKey,
    Outcome,
    PatchMetadata,
    PatchStatus,
    Replied,
    UpdateLease,
    WatchObjects,
    WatchSeen,
)
from wfexec.model.status import NO_STATUS, StepStatus, WorkflowExecution
from wfexec.model.workflow import WorkflowDefinition, WorkflowExecutionSpec, WorkflowStep

NOW = 1_790_000_000_123
Do = Callable[[Body], Outcome]


class Client:
    """Carries calls out as the controller does, one at a time."""

    def __init__(self, cluster: ControlPlane, user: str) -> None:
        self._cluster = cluster
        self._user = user
        self._trust = ssl.create_default_context(cafile=str(cluster.ca_file))
        self.decoder = Decoder()

    def send(self, call: wire.HttpCall) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self._cluster.token(self._user)}", "Accept": call.accept}
        if call.content_type:
            headers["Content-Type"] = call.content_type
        request = urllib.request.Request(
            self._cluster.url + call.target, method=call.method, data=call.body or None, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=20, context=self._trust) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    def __call__(self, body: Body) -> Outcome:
        status, payload = self.send(wire.encode(body))
        return wire.decode(body, status, payload, None, self.decoder)


@pytest.fixture
def controller(control_plane: ControlPlane) -> Client:
    return Client(control_plane, "controller")


def spec(steps: int = 2) -> WorkflowExecutionSpec:
    return WorkflowExecutionSpec(
        remediation_request_ref=ObjectReference(name="checkout-memory-pressure"),
        workflow_definition=WorkflowDefinition(
            name="recover-checkout",
            version="1.0.0",
            steps=tuple(
                WorkflowStep(step_number=number, name=f"step {number}", action="verify-health")
                for number in range(1, steps + 1)
            ),
        ),
    )


@pytest.fixture
def workflow(control_plane: ControlPlane, namespace: str) -> WorkflowExecution:
    """A stored workflow, created by a person."""
    client = Client(control_plane, "admin")
    made = WorkflowExecution(metadata=ObjectMeta(name="recover", namespace=namespace), spec=spec())
    path = wire.object_path(Kind.WORKFLOW, namespace)
    status, payload = client.send(wire.HttpCall("POST", path, (), wire.JSON, orjson.dumps(render_workflow(made))))
    assert status == 201, payload
    stored = client.decoder.workflow(orjson.loads(payload))
    assert isinstance(stored, WorkflowExecution)
    return stored


def key_of(workflow: WorkflowExecution) -> ObjectKey:
    return ObjectKey(Kind.WORKFLOW, workflow.metadata.namespace, workflow.metadata.name)


def status_write(workflow: WorkflowExecution, **changes: object) -> PatchStatus:
    meta = workflow.metadata
    after = evolve(workflow.status, **changes)
    return PatchStatus(key_of(workflow), meta.uid, meta.resource_version, workflow.status, after)


def written(outcome: Outcome) -> WorkflowExecution:
    assert outcome.code is Code.OK, outcome
    assert isinstance(outcome.object, WorkflowExecution)
    return outcome.object


def pending(number: int) -> StepStatus:
    return StepStatus(step_number=number, action="verify-health")


def test_what_we_left_out_the_server_fills_in_as_we_would(workflow: WorkflowExecution) -> None:
    assert workflow.spec == spec()
    assert workflow.status == NO_STATUS


def test_the_first_status_and_then_only_changes(controller: Client, workflow: WorkflowExecution) -> None:
    steps = (pending(1), pending(2))
    first = written(controller(status_write(workflow, phase=Phase.EXECUTING, step_statuses=steps, total_steps=2)))
    assert first.status.step_statuses == steps
    moved = (steps[0], evolve(steps[1], status=StepState.EXECUTING, start_time=NOW), pending(3))
    second = written(controller(status_write(first, step_statuses=moved, message="going")))
    assert second.status == evolve(first.status, step_statuses=moved, message="going")
    third = written(controller(status_write(second, step_statuses=moved[:1], message="")))
    assert third.status == evolve(first.status, step_statuses=moved[:1])
    assert third.metadata.generation == workflow.metadata.generation
    assert third.spec is first.spec, "the spec is parsed once per generation"


def test_a_stale_status_write_is_a_conflict(controller: Client, workflow: WorkflowExecution) -> None:
    write = status_write(workflow, phase=Phase.PLANNING)
    written(controller(write))
    assert controller(write).code is Code.CONFLICT


def test_a_patch_that_no_longer_fits_is_a_conflict_too(controller: Client, workflow: WorkflowExecution) -> None:
    fat = evolve(workflow, status=evolve(NO_STATUS, message="x", step_statuses=(pending(1), pending(2))))
    changed = (pending(1), evolve(pending(2), status=StepState.FAILED))
    assert controller(status_write(fat, step_statuses=changed)).code is Code.CONFLICT


def test_a_status_that_breaks_the_schema_is_invalid(controller: Client, workflow: WorkflowExecution) -> None:
    refused = controller(status_write(workflow, progress=200))
    assert refused.code is Code.INVALID
    assert "progress" in refused.message


def metadata_write(workflow: WorkflowExecution, change: MetadataChange) -> PatchMetadata:
    meta = workflow.metadata
    return PatchMetadata(key_of(workflow), meta.uid, meta.resource_version, change, workflow)


def test_metadata_is_changed_only_at_the_version_we_saw(controller: Client, workflow: WorkflowExecution) -> None:
    write = metadata_write(workflow, MetadataChange((FINALIZER,), None, {"kubernaut.ai/seen": "yes", "absent": None}))
    after = written(controller(write))
    assert after.metadata.finalizers == (FINALIZER,)
    assert after.metadata.annotations == {"kubernaut.ai/seen": "yes"}
    assert controller(write).code is Code.CONFLICT
    last = written(controller(metadata_write(after, MetadataChange((), None, {"kubernaut.ai/seen": None}))))
    assert last.metadata.finalizers == ()
    assert last.metadata.annotations == {}


def test_a_parent_becomes_the_owner(control_plane: ControlPlane, workflow: WorkflowExecution) -> None:
    # As an administrator: the server lets only those name an owner who may delete the owned object.
    admin = Client(control_plane, "admin")
    parent = {"apiVersion": "remediation.kubernaut.io/v1alpha1", "kind": "RemediationRequest"}
    path = f"/apis/{parent['apiVersion']}/namespaces/{workflow.metadata.namespace}/remediationrequests"
    status, made = control_plane.request("POST", path, {**parent, "metadata": {"name": "rr"}, "spec": {}})
    assert status == 201, made
    owner = OwnerReference(
        api_version=parent["apiVersion"], kind=parent["kind"], name="rr", uid=made["metadata"]["uid"]
    )
    after = written(admin(metadata_write(workflow, MetadataChange(owner_references=(owner,)))))
    assert after.metadata.owner_references == (owner,)


def child_of(workflow: WorkflowExecution) -> KubernetesExecution:
    meta = workflow.metadata
    return KubernetesExecution(
        metadata=ObjectMeta(
            name=f"{meta.name}-step-1",
            namespace=meta.namespace,
            labels={"workflow-execution": meta.name},
            owner_references=(
                OwnerReference(
                    api_version="workflowexecution.kubernaut.io/v1",
                    kind="WorkflowExecution",
                    name=meta.name,
                    uid=meta.uid,
                    controller=True,
                    block_owner_deletion=True,
                ),
            ),
        ),
        spec=KubernetesExecutionSpec(
            workflow_execution_ref=ObjectReference(name=meta.name, namespace=meta.namespace, uid=meta.uid),
            step_number=1,
            action="verify-health",
        ),
    )


def test_a_child_is_created_once_and_deleted_only_as_we_saw_it(controller: Client, workflow: WorkflowExecution) -> None:
    child = child_of(workflow)
    key = ObjectKey(Kind.EXECUTION, child.metadata.namespace, child.metadata.name)
    made = controller(CreateExecution(key, child)).object
    assert isinstance(made, KubernetesExecution)
    assert made.spec == child.spec
    assert made.metadata.owner_references == child.metadata.owner_references
    assert controller(CreateExecution(key, child)).code is Code.ALREADY_EXISTS
    assert controller(DeleteExecution(key, "another", made.metadata.resource_version)).code is Code.CONFLICT
    assert controller(DeleteExecution(key, made.metadata.uid, "1")).code is Code.CONFLICT
    assert controller(DeleteExecution(key, made.metadata.uid, made.metadata.resource_version)).code is Code.OK
    assert controller(GetObject(key)).code is Code.NOT_FOUND
    assert controller(DeleteExecution(key, made.metadata.uid, made.metadata.resource_version)).code is Code.NOT_FOUND


def test_a_list_in_pages_is_whole(controller: Client, control_plane: ControlPlane, workflow: WorkflowExecution) -> None:
    admin = Client(control_plane, "admin")
    for name in ("second", "third"):
        meta = ObjectMeta(name=name, namespace=workflow.metadata.namespace)
        raw = orjson.dumps(render_workflow(WorkflowExecution(metadata=meta, spec=spec())))
        path = wire.object_path(Kind.WORKFLOW, workflow.metadata.namespace)
        assert admin.send(wire.HttpCall("POST", path, (), wire.JSON, raw))[0] == 201
    body, token, pages = ListObjects(Kind.WORKFLOW, 2), "", []
    for _ in itertools.count():
        status, payload = controller.send(wire.encode_page(body, token))
        page, token = wire.decode_page(body, status, payload, None, controller.decoder)
        pages.append(page)
        if not token:
            break
    assert len(pages) > 1
    joined = wire.join_pages(pages).object
    assert isinstance(joined, Listing)
    names = {each.metadata.name for each in joined.items if each.metadata.namespace == workflow.metadata.namespace}
    assert names == {"recover", "second", "third"}
    assert int(joined.resource_version) >= int(workflow.metadata.resource_version)


def seen(controller: Client, version: str) -> Iterator[WatchSeen | Replied]:
    _, payload = controller.send(wire.encode(WatchObjects(Kind.WORKFLOW, version, 1_000)))
    for line in payload.splitlines():
        yield wire.decode_watch_line(7, Kind.WORKFLOW, line, controller.decoder)


def test_a_watch_goes_on_where_we_stopped(controller: Client, workflow: WorkflowExecution) -> None:
    after = written(controller(status_write(workflow, phase=Phase.PLANNING)))
    events = [
        each
        for each in seen(controller, workflow.metadata.resource_version)
        if isinstance(each, WatchSeen) and each.object is not None and each.object.metadata.uid == after.metadata.uid
    ]
    assert [event.change for event in events] == [Change.MODIFIED]
    assert events[0].object == after
    assert events[0].resource_version == after.metadata.resource_version


def test_a_watch_from_a_version_long_gone_says_so(controller: Client) -> None:
    (over,) = seen(controller, "1")
    assert isinstance(over, Replied)
    assert over.outcome.code is Code.GONE
    assert over.request_id == 7


def test_an_event_is_created_and_then_counts(
    controller: Client, control_plane: ControlPlane, workflow: WorkflowExecution
) -> None:
    meta = workflow.metadata
    event = EventWrite("recover.17", meta.namespace, workflow, "Warning", "StepFailed", "step 1 failed", 1, NOW, NOW)
    assert controller(event).code is Code.OK
    assert controller(event).code is Code.ALREADY_EXISTS
    assert controller(event._replace(times=3, last_ms=NOW + 60_000)).code is Code.OK
    assert controller(event._replace(times=3, name="other")).code is Code.NOT_FOUND
    said = control_plane.kubectl(["events", "-n", meta.namespace, "--for", "workflowexecution/recover"], check=True)
    assert "StepFailed" in said.stdout
    assert "(x3 over" in said.stdout


def test_a_lease_is_taken_renewed_and_fenced(controller: Client, control_plane: ControlPlane) -> None:
    lease = Lease("workflow-execution.kubernaut.io", "kubernaut-system", "", "me", 15_000, NOW, NOW, 0)
    # Whoever was elected on this server before gave it back and left it.
    control_plane.request("DELETE", wire.place("/apis/coordination.k8s.io/v1", "leases", lease.namespace, lease.name))
    made = controller(CreateLease(lease)).object
    assert isinstance(made, Lease)
    assert made == lease._replace(resource_version=made.resource_version)
    assert controller(CreateLease(lease)).code is Code.ALREADY_EXISTS
    assert controller(GetLease(lease.name, lease.namespace)).object == made
    renewed = controller(UpdateLease(made._replace(renew_ms=NOW + 2_000))).object
    assert isinstance(renewed, Lease)
    assert renewed.renew_ms == NOW + 2_000
    assert controller(UpdateLease(made)).code is Code.CONFLICT
    released = controller(UpdateLease(renewed._replace(holder=""))).object
    assert isinstance(released, Lease)
    assert released.holder == ""


@pytest.fixture(autouse=True)
def _no_lease_left(control_plane: ControlPlane) -> Iterator[None]:
    yield
    path = "/apis/coordination.k8s.io/v1/namespaces/kubernaut-system/leases/workflow-execution.kubernaut.io"
    control_plane.request("DELETE", path)


def ask(client: Client, question: Question) -> Facts:
    return questions.facts(question, tuple(client.send(call) for call in questions.calls(question)))


def test_what_the_controller_asks_about_the_world(controller: Client, control_plane: ControlPlane) -> None:
    assert ask(controller, AskNetwork()) == NetworkFacts(True, "")
    nodes = ask(controller, AskNodes())
    assert isinstance(nodes, NodesFacts)
    absent = ask(controller, AskTarget(TargetRef("Deployment", "default", "nothing")))
    assert isinstance(absent, TargetFacts)
    assert not absent.exists
    secret = ask(controller, AskTarget(TargetRef("Secret", "default", "nothing")))
    assert secret == Unknown("no right to read Secret default/nothing", refused_since=0)
    metadata = ask(Client(control_plane, "admin"), AskTarget(TargetRef("Secret", "default", "nothing")))
    assert isinstance(metadata, TargetFacts)


def test_may_somebody_else_do_this(controller: Client) -> None:
    alice = ask(controller, AskAccess("alice", "create", "", "secrets", "default", ""))
    assert isinstance(alice, AccessFacts)
    assert not alice.allowed
    account = "system:serviceaccount:kubernaut-system:workflow-execution-sa"
    own = ask(controller, AskAccess(account, "list", "workflowexecution.kubernaut.io", "workflowexecutions", "", ""))
    assert isinstance(own, AccessFacts)
    assert own.allowed


def test_people_see_the_columns(control_plane: ControlPlane, workflow: WorkflowExecution) -> None:
    said = control_plane.kubectl(["get", "wfe", "-n", workflow.metadata.namespace], check=True).stdout
    assert said.split("\n")[0].split() == ["NAME", "PHASE", "STEP", "TOTAL", "OUTCOME", "AGE"]
    assert "recover" in control_plane.kubectl(["get", "kubernaut", "-A"], check=True).stdout


def test_bearings_are_listed_and_watched_with_the_controllers_own_rights(controller: Client) -> None:
    listed: dict[Kind, Listing] = {}
    for body in (
        # One page: the other tests leave hundreds of namespaces on the shared server.
        ListObjects(Kind.NAMESPACE, 10_000),
        ListObjects(Kind.REGISTRY, 500, "kubernaut-system", "kubernaut-workflow-conditions"),
        ListObjects(Kind.ADMISSION_POLICY, 500, "", "workflowexecution-approval"),
        ListObjects(Kind.ADMISSION_BINDING, 500),
    ):
        found = controller(body).object
        assert isinstance(found, Listing)
        listed[body.kind] = found
        watch = WatchObjects(body.kind, found.resource_version, 1_000, body.namespace, body.name)
        status, _ = controller.send(wire.encode(watch))
        assert status == 200
    homes = {item.metadata.name: item.facts for item in listed[Kind.NAMESPACE].items if isinstance(item, Landmark)}
    home = homes["kubernaut-system"]
    assert isinstance(home, NamespaceFacts)
    assert not home.terminating
    assert listed[Kind.REGISTRY].items == ()
    (policy,) = listed[Kind.ADMISSION_POLICY].items
    assert policy.metadata.name == "workflowexecution-approval"
    (binding,) = listed[Kind.ADMISSION_BINDING].items
    assert isinstance(binding, Landmark)
    assert binding.facts == BindingFacts("workflowexecution-approval", everywhere=True)
