"""KubernetesExecution: the child object, one per attempt of a step (BR-WF-013); another service carries it out."""

from typing import Annotated

from pydantic import ConfigDict, Field

from wfexec.model.base import Count, LongText, Namespace, StepNumber, Text, Value, Word, compact, list_map, rules
from wfexec.model.meta import Condition, ObjectMeta, ObjectReference
from wfexec.model.parameters import ActionParameters, UndoParameters
from wfexec.model.phases import ExecutionPhase
from wfexec.model.workflow import StepCondition
from wfexec.units import Duration, Instant

# Of BR-WF-012: what a child may hand on to later steps.
OUTPUTS_MAX = 32
Messages = Annotated[tuple[Text, ...], Field(max_length=64)]


class ConditionResult(Value):
    """`passed` means something only where `evaluated`."""

    condition_type: Word
    evaluated: bool
    passed: bool = False
    error_message: Text | None = None
    evaluation_time: Instant | None = None


class KubernetesExecutionSpec(Value):
    model_config = ConfigDict(
        json_schema_extra=rules(("self == oldSelf", "the spec of a KubernetesExecution is immutable"))
    )
    workflow_execution_ref: ObjectReference
    step_number: StepNumber
    action: Annotated[str, Field(min_length=1, max_length=253)]
    parameters: ActionParameters | None = None
    target_cluster: Word = ""
    max_retries: Annotated[int, Field(ge=0, le=5)] = 2
    timeout: Duration = 300_000
    approval_received: bool = False
    pre_conditions: tuple[StepCondition, ...] = Field(default=(), max_length=16, json_schema_extra=list_map("type"))
    post_conditions: tuple[StepCondition, ...] = Field(default=(), max_length=16, json_schema_extra=list_map("type"))


class PolicyValidation(Value):
    policy_name: Word
    allowed: bool
    required_approval: bool = False
    violations: Messages = ()


class EstimatedImpact(Value):
    resources_affected: Count = 0
    description: Text = ""


class ExecutionDryRun(Value):
    performed: bool
    success: bool = False
    estimated_impact: EstimatedImpact | None = None
    warnings: Messages = ()
    errors: Messages = ()


class ExecutionValidation(Value):
    parameter_validation: bool = False
    rbac_validation: bool = False
    resource_exists: bool = False
    policy_validation: PolicyValidation | None = None
    dry_run_results: ExecutionDryRun | None = None
    validation_time: Instant | None = None
    pre_condition_results: tuple[ConditionResult, ...] = Field(default=(), max_length=16)
    post_condition_results: tuple[ConditionResult, ...] = Field(default=(), max_length=16)


class AffectedResource(Value):
    kind: Word
    namespace: Namespace = ""
    name: Word
    action: Word = ""
    before: LongText = ""
    after: LongText = ""


class ExecutionResults(Value):
    """`success` None means the executor did not say; only an explicit false fails a completed child."""

    success: bool | None = None
    job_name: Word = ""
    start_time: Instant | None = None
    end_time: Instant | None = None
    duration: Duration | None = None
    resources_affected: tuple[AffectedResource, ...] = Field(default=(), max_length=256)
    pod_logs: LongText = ""
    retries_attempted: Count = 0
    error_message: LongText = ""
    outputs: Annotated[dict[Word, Text], Field(max_length=OUTPUTS_MAX)] = Field(default_factory=dict)


class RollbackInformation(Value):
    available: bool
    rollback_action: Word = ""
    rollback_parameters: UndoParameters | None = None
    estimated_duration: Duration | None = None


class KubernetesExecutionStatus(Value):
    """`phase` stays text: a word we do not know must survive (it is reported, never guessed)."""

    phase: Annotated[str, Field(max_length=63)] = ExecutionPhase.NEW
    validation_results: ExecutionValidation | None = None
    execution_results: ExecutionResults | None = None
    rollback_information: RollbackInformation | None = None
    job_name: Word = ""
    conditions: tuple[Condition, ...] = Field(default=(), max_length=32, json_schema_extra=list_map("type"))


NO_STATUS = compact(KubernetesExecutionStatus())


class KubernetesExecution(Value):
    metadata: ObjectMeta
    spec: KubernetesExecutionSpec
    status: KubernetesExecutionStatus = NO_STATUS
