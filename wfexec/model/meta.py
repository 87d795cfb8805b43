"""Object metadata as far as this controller reads or writes it, and the references between objects."""

from typing import Annotated

from pydantic import Field

from wfexec.model.base import Namespace, ObjectName, Text, Value, Word
from wfexec.units import Instant

WORKFLOW_GROUP = "workflowexecution.kubernaut.io"
WORKFLOW_VERSION = "v1"
WORKFLOW_API = f"{WORKFLOW_GROUP}/{WORKFLOW_VERSION}"
WORKFLOW_KIND = "WorkflowExecution"
WORKFLOW_PLURAL = "workflowexecutions"
EXECUTION_GROUP = "kubernetesexecution.kubernaut.io"
EXECUTION_VERSION = "v1"
EXECUTION_API = f"{EXECUTION_GROUP}/{EXECUTION_VERSION}"
EXECUTION_KIND = "KubernetesExecution"
EXECUTION_PLURAL = "kubernetesexecutions"
REMEDIATION_API = "remediation.kubernaut.io/v1alpha1"
REMEDIATION_KIND = "RemediationRequest"
REMEDIATION_PLURAL = "remediationrequests"

FINALIZER = f"{WORKFLOW_GROUP}/workflowexecution-cleanup"
# An older spelling, removed on sight together with ours.
FINALIZER_OLD = f"{WORKFLOW_GROUP}/finalizer"
# On ConfigMaps of our own: what undoing a workflow needs.
LABEL_COPY = f"{WORKFLOW_GROUP}/copy"
LEASE_NAME = "workflow-execution.kubernaut.io"
CONTROLLER_NAMESPACE = "kubernaut-system"
# The ConfigMap of condition policies, in the controller's namespace, and the shipped admission policy.
REGISTRY_NAME = "kubernaut-workflow-conditions"
LABEL_REGISTRY_VERSION = "version"
ADMISSION_POLICY_NAME = "workflowexecution-approval"

# On a namespace, "true": nothing begins there; on the controller's own: nowhere.
LABEL_MAINTENANCE = f"{WORKFLOW_GROUP}/maintenance"

LABEL_WORKFLOW_EXECUTION = "workflow-execution"
LABEL_WORKFLOW = "workflow"
LABEL_STEP = "step-index"
LABEL_ACTION = "action-type"
LABEL_ROLLBACK = "rollback"
ANNOTATION_CORRELATION = "correlationID"
# Of the signal that a remediation answers, as its parent knows it.
ANNOTATION_FINGERPRINT = "signalFingerprint"
ANNOTATION_ATTEMPT = f"{WORKFLOW_GROUP}/attempt"
ANNOTATION_APPROVAL = f"{WORKFLOW_GROUP}/approval"
ANNOTATION_APPROVED_BY = f"{WORKFLOW_GROUP}/approved-by"
ANNOTATION_APPROVAL_REASON = f"{WORKFLOW_GROUP}/approval-reason"
ANNOTATION_APPROVAL_TIME = f"{WORKFLOW_GROUP}/approval-time"
ANNOTATION_PRE_APPROVED = f"{WORKFLOW_GROUP}/pre-approved"
ANNOTATION_APPROVAL_SOURCE = f"{WORKFLOW_GROUP}/approval-source"
# Marks by which somebody who may approve lifts a rule of production; each is "true" or absent.
ANNOTATION_EMERGENCY = "kubernaut.ai/emergency-override"
ANNOTATION_IMAGE_APPROVED = "kubernaut.ai/image-update-approved"
ANNOTATION_CONFIG_APPROVED = "kubernaut.ai/config-update-approved"
ANNOTATION_ROLLBACK = f"{WORKFLOW_GROUP}/rollback"
ANNOTATION_ROLLBACK_TO = f"{WORKFLOW_GROUP}/rollback-to"
ANNOTATION_ROLLBACK_BY = f"{WORKFLOW_GROUP}/rollback-by"
ANNOTATION_RETRY_STEP = f"{WORKFLOW_GROUP}/retry-step"
ANNOTATION_SKIP_STEP = f"{WORKFLOW_GROUP}/skip-step"
ANNOTATION_COMPLETE_STEP = f"{WORKFLOW_GROUP}/complete-step"
ANNOTATION_INTERVENED_BY = f"{WORKFLOW_GROUP}/intervened-by"
ANNOTATION_MANUAL_RETRY = "kubernaut.ai/manual-retry"
PRODUCTION_KEYS = (ANNOTATION_EMERGENCY, ANNOTATION_IMAGE_APPROVED, ANNOTATION_CONFIG_APPROVED)
APPROVAL_KEYS = (
    ANNOTATION_APPROVAL,
    ANNOTATION_APPROVED_BY,
    ANNOTATION_APPROVAL_REASON,
    ANNOTATION_APPROVAL_TIME,
)
ROLLBACK_KEYS = (ANNOTATION_ROLLBACK, ANNOTATION_ROLLBACK_BY, ANNOTATION_ROLLBACK_TO)
INTERVENTION_KEYS = (
    ANNOTATION_MANUAL_RETRY,
    ANNOTATION_RETRY_STEP,
    ANNOTATION_SKIP_STEP,
    ANNOTATION_COMPLETE_STEP,
)
# Said about one run: on another object it would be somebody else's word.
DECISION_KEYS = frozenset((*APPROVAL_KEYS, *ROLLBACK_KEYS, *INTERVENTION_KEYS, ANNOTATION_INTERVENED_BY))


class OwnerReference(Value):
    api_version: Word
    kind: Word
    name: ObjectName
    uid: Word
    controller: bool = False
    block_owner_deletion: bool = False


class ObjectMeta(Value):
    """`resource_version` stays the server's text; compare with `version_of`."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Instant | None = None
    deletion_timestamp: Instant | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()


class ObjectReference(Value):
    api_version: Word = ""
    kind: Word = ""
    name: ObjectName
    namespace: Namespace = ""
    uid: Word = ""


class Condition(Value):
    """metav1.Condition; `last_transition_time` moves only with `status`."""

    type: Annotated[str, Field(min_length=1, max_length=316)]
    status: Annotated[str, Field(pattern="^(True|False|Unknown)$", max_length=7)]
    reason: Annotated[str, Field(max_length=1024)]
    message: Text = ""
    last_transition_time: Instant
    observed_generation: int | None = None


def correlation_of(meta: ObjectMeta) -> str:
    """What marks all that belongs to one remediation: the ID that the parent gave, else the workflow's own uid."""
    return meta.annotations.get(ANNOTATION_CORRELATION) or meta.uid


def version_of(resource_version: str) -> int:
    """The order of resource versions (KEP-5504: they are comparable integers); 0 for none or an unreadable one."""
    return int(resource_version) if resource_version.isdecimal() else 0
