"""What do the executor, a parent, people and scenarios ask of the cluster, beyond what the controller asks?

The executor and the drivers make these; `sim.cluster.shared` carries them out on typed values, `sim.wire_door` and
`sim.executor.wire` turn them into HTTP. Nothing here knows how they are carried out.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from wfexec.model.execution import KubernetesExecutionStatus
from wfexec.model.facts import TargetRef
from wfexec.model.requests import Code, ObjectKey
from wfexec.model.status import WorkflowExecution

Json = dict[str, Any]
Subresource = Literal["", "status"]


class GetTarget(NamedTuple):
    ref: TargetRef


class PatchTarget(NamedTuple):
    """A JSON merge patch; `metadata.resourceVersion` in it makes it refuse a newer object (CONFLICT)."""

    ref: TargetRef
    patch: Json
    subresource: Subresource = ""


class CreateTarget(NamedTuple):
    """`body` is the whole object; its metadata must agree with `ref`."""

    ref: TargetRef
    body: Json


class DeleteTarget(NamedTuple):
    ref: TargetRef


class ListTargets(NamedTuple):
    """All objects of a kind by (namespace, name); `namespace` "" means all namespaces."""

    kind: str
    namespace: str


class PatchExecutionStatus(NamedTuple):
    """The executor's report. Refused unless the object still is `resource_version`."""

    key: ObjectKey
    uid: str
    resource_version: str
    before: KubernetesExecutionStatus
    after: KubernetesExecutionStatus


class CreateWorkflow(NamedTuple):
    """Somebody asks for a remediation; a given status is ignored, as the server does."""

    body: WorkflowExecution


class EditWorkflow(NamedTuple):
    """Somebody changes the spec (Python field name -> value, e.g. suspend) or annotations (None removes one)."""

    key: ObjectKey
    spec: Mapping[str, Any]
    annotations: Mapping[str, str | None]


class DeleteObject(NamedTuple):
    """Somebody deletes a workflow or a child, whatever its state."""

    key: ObjectKey


class ListRequests(NamedTuple):
    """All RemediationRequests of a namespace; "" means of all."""

    namespace: str


class MakeWorkflow(NamedTuple):
    """A parent makes a workflow; `content` is the whole object, whatever it holds."""

    namespace: str
    name: str
    content: Json


class TellRequest(NamedTuple):
    """A parent writes the status of its RemediationRequest; a merge patch."""

    namespace: str
    name: str
    status: Json


TargetBody = GetTarget | PatchTarget | CreateTarget | DeleteTarget | ListTargets
PersonBody = CreateWorkflow | EditWorkflow | DeleteObject
ParentBody = ListRequests | MakeWorkflow | TellRequest


class TargetOutcome(NamedTuple):
    """`object` on OK: the object (never to be changed in place), for a list a tuple of them, for a delete None."""

    code: Code
    object: Json | tuple[Json, ...] | None = None
    message: str = ""
    retry_after_ms: int | None = None


class TargetReplied(NamedTuple):
    """The signal that answers a request whose body is a TargetBody or a ParentBody."""

    request_id: int
    outcome: TargetOutcome
