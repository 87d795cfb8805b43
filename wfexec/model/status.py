"""What has happened so far: WorkflowExecution.status, written by this controller alone.

`stepStatuses` holds one entry per step from planning on, in stepNumber order; look entries up by stepNumber.
"""

from typing import Annotated

from pydantic import Field

from wfexec.model.base import (
    Count,
    Fraction,
    LongText,
    Namespace,
    StepNumber,
    Text,
    TextMap,
    Value,
    Word,
    list_map,
)
from wfexec.model.execution import ConditionResult, Messages
from wfexec.model.meta import Condition, ObjectMeta, ObjectReference
from wfexec.model.phases import (
    CheckType,
    ErrorType,
    Phase,
    ResourceHealth,
    RollbackStrategy,
    StepState,
    Strategy,
    UndoState,
    WorkflowOutcome,
)
from wfexec.model.surroundings import SIDE_EFFECTS_MAX, SideEffect, Surroundings
from wfexec.model.template import ResolvedTemplate, TemplateIdentity
from wfexec.model.workflow import Level, SafetyCheck, StepCondition, WorkflowExecutionSpec
from wfexec.units import Duration, Instant

STATUSES_MAX = 200
ADJUSTMENTS_MAX = 256
INJECTED_MAX = 64
# Why a step was skipped that had nothing left to do; all others were skipped for want of something.
ALREADY_SATISFIED = "already_satisfied"
ATTEMPTS_MAX = 48
Numbers = Annotated[tuple[StepNumber, ...], Field(max_length=STATUSES_MAX)]


class Batch(Value):
    batch_number: StepNumber
    steps: Numbers
    parallel: bool


class PlannedResources(Value):
    """The objects that steps touch (BR-WF-015s); the counts of those seen are None before validation has looked."""

    targets: Count
    impact: Level
    available: Count | None = None
    unavailable: Count | None = None
    unknown: Count | None = None


class PlannedStep(Value):
    """The effective values of one step, fixed at planning (BR-WF-020); `target` is "" where it names none object.

    Adaptation may change timeout and retries of steps that have not started. `retry_delay` None is the setting's;
    of steps that became ready together the lower `rank` goes first.
    """

    step_number: StepNumber
    timeout: Duration
    max_retries: Count
    retry_delay: Duration | None = None
    rank: Count = 0
    rollback: Word = ""
    target: Word = ""
    impact: Level | None = None


class InjectedStep(Value):
    """A step that a run added to its plan: it verifies step `after`, and steps `before` wait for it as well."""

    step_number: StepNumber
    name: Annotated[str, Field(min_length=1, max_length=253)]
    after: StepNumber
    max_retries: Annotated[int, Field(ge=0, le=10)] = 0
    before: Numbers = ()


class ExecutionPlan(Value):
    """`definition_digest` tells a changed definition from the planned one; "" was planned by an earlier version.

    `parallel_limit` is what adaptation left of the places, None all of them; `tuned`: what an analysis suggests of
    parameters is part of it. `timeout` is what the parent gives the whole workflow, None: it gives nothing, or the
    workflow says so itself (BR-WF-TIMEOUT-001).
    """

    strategy: Strategy
    estimated_duration: Duration
    rollback_strategy: RollbackStrategy
    definition_version: Word = ""
    template: TemplateIdentity | None = None
    definition_digest: Annotated[str, Field(max_length=64)] = ""
    tuned: bool = False
    safety_checks: tuple[SafetyCheck, ...] = Field(default=(), max_length=4)
    batches: tuple[Batch, ...] = Field(default=(), max_length=STATUSES_MAX)
    critical_path: Numbers = ()
    parallel_limit: Annotated[int, Field(ge=1, le=10)] | None = None
    timeout: Duration | None = None
    resources: PlannedResources | None = None
    steps: tuple[PlannedStep, ...] = Field(
        default=(), max_length=STATUSES_MAX, json_schema_extra=list_map("stepNumber")
    )
    injected: tuple[InjectedStep, ...] = Field(
        default=(), max_length=INJECTED_MAX, json_schema_extra=list_map("stepNumber")
    )


class CheckResult(Value):
    type: CheckType
    passed: bool
    required: bool
    message: Text = ""


class DryRunStep(Value):
    step_number: StepNumber
    action: Word
    would_succeed: bool
    simulated_duration: Duration = 0
    validation_errors: Messages = ()


class ResourceChange(Value):
    resource_type: Word
    resource_name: Word
    namespace: Namespace = ""
    change_type: Annotated[str, Field(pattern="^(scale|update|delete)$", max_length=6)]
    before_state: TextMap = Field(default_factory=dict)
    after_state: TextMap = Field(default_factory=dict)


class PotentialIssue(Value):
    severity: Annotated[str, Field(pattern="^(low|medium|high)$", max_length=6)]
    description: Text
    step_number: StepNumber | None = None
    recommendation: Text | None = None


class DryRunResults(Value):
    overall_success: bool
    execution_time: Duration = 0
    steps_simulated: Count = 0
    step_results: tuple[DryRunStep, ...] = Field(default=(), max_length=STATUSES_MAX)
    resource_changes: tuple[ResourceChange, ...] = Field(default=(), max_length=STATUSES_MAX)
    potential_issues: tuple[PotentialIssue, ...] = Field(default=(), max_length=STATUSES_MAX)


class ValidationResults(Value):
    safety_checks_passed: bool = False
    dry_run_performed: bool = False
    dry_run_results: DryRunResults | None = None
    approval_received: bool = False
    approval_timestamp: Instant | None = None
    approved_by: Word = ""
    approval_reason: Text = ""
    validation_errors: Messages = ()
    checks: tuple[CheckResult, ...] = Field(default=(), max_length=4)


class ScaleResult(Value):
    previous_replicas: Count
    new_replicas: Count
    scaled_namespace: Namespace
    scaled_deployment: Word


class RestartResult(Value):
    pods_restarted: Count
    restarted_pods: Annotated[tuple[Word, ...], Field(max_length=256)] = ()
    namespace: Namespace


class UpdateResult(Value):
    resource_type: Word
    resource_name: Word
    namespace: Namespace
    update_type: Annotated[str, Field(pattern="^(image|config|spec)$", max_length=6)]
    previous_value: LongText | None = None
    new_value: LongText | None = None


class CustomResult(Value):
    action_type: Word
    output: TextMap = Field(default_factory=dict)


class ResultResource(Value):
    resource_type: Word
    name: Word
    namespace: Namespace = ""
    change_type: Annotated[str, Field(pattern="^(modified|restarted|scaled)$", max_length=9)]


class StepExecutionResult(Value):
    """At most one of the four results is set, by the action's kind (BR-WF-012)."""

    success: bool
    execution_time: Duration = 0
    scale_result: ScaleResult | None = None
    restart_result: RestartResult | None = None
    update_result: UpdateResult | None = None
    custom_result: CustomResult | None = None
    resources_affected: tuple[ResultResource, ...] = Field(default=(), max_length=256)
    warnings: Messages = ()
    outputs: TextMap = Field(default_factory=dict)


class AttemptStatus(Value):
    """One try of a step; `name` is its child's name."""

    name: Word
    phase: Annotated[str, Field(max_length=63)]
    start_time: Instant
    end_time: Instant | None = None
    error: Text = ""
    error_type: ErrorType | None = None


class StepRollback(Value):
    """`attempts` counts the tries made, `earlier` those of rollbacks before this one: names of children do not return.

    `next_retry_time` is set only while waiting for the next try. `end_time` while executing: the child has ended, and
    what it left is being looked at.
    """

    status: UndoState
    action: Word = ""
    execution_ref: ObjectReference | None = None
    attempts: Count = 0
    earlier: Count = 0
    start_time: Instant | None = None
    end_time: Instant | None = None
    next_retry_time: Instant | None = None
    message: Text = ""


class StepPolicy(Value):
    """What the registry of conditions said when the step began; it is judged by that to its end (BR-WF-053)."""

    version: Word = ""
    pre: tuple[StepCondition, ...] = Field(default=(), max_length=16, json_schema_extra=list_map("type"))
    post: tuple[StepCondition, ...] = Field(default=(), max_length=16, json_schema_extra=list_map("type"))


class StepStatus(Value):
    """`attempts` holds earlier tries and the current one, oldest first; `ready_time` is when it joined the queue.

    `retry_base`: retries made when a person asked for the last fresh budget; only later ones are held against it.
    """

    step_number: StepNumber
    name: Word = ""
    action: Word
    status: StepState = StepState.PENDING
    ready_time: Instant | None = None
    start_time: Instant | None = None
    end_time: Instant | None = None
    next_retry_time: Instant | None = None
    retries_attempted: Count = 0
    retry_base: Count = 0
    result: StepExecutionResult | None = None
    error_message: LongText = ""
    error_type: ErrorType | None = None
    # Named here because the camel-case rule would write k8SExecutionRef.
    k8s_execution_ref: ObjectReference | None = Field(default=None, alias="k8sExecutionRef")
    attempts: tuple[AttemptStatus, ...] = Field(default=(), max_length=ATTEMPTS_MAX)
    policy: StepPolicy | None = None
    pre_condition_results: tuple[ConditionResult, ...] = Field(default=(), max_length=32)
    post_condition_results: tuple[ConditionResult, ...] = Field(default=(), max_length=32)
    rollback: StepRollback | None = None
    injected: bool = False
    skip_reason: Text = ""
    pre_state: TextMap = Field(default_factory=dict)


class ExecutionMetrics(Value):
    total_duration: Duration = 0
    step_success_rate: Fraction = 0
    rollbacks_performed: Count = 0
    resources_affected: Count = 0


class AdaptiveAdjustment(Value):
    timestamp: Instant
    adjustment: Text
    reason: Text
    step_number: StepNumber | None = None
    adjustment_type: Annotated[
        str, Field(pattern="^(timeout|retry|estimate|skip|inject|reorder|parameter|throttle)$", max_length=9)
    ]


class WorkflowResult(Value):
    """`side_effects` None: nobody looked for any, or nobody could; () when there were none."""

    outcome: WorkflowOutcome
    effectiveness_score: Fraction
    resource_health: ResourceHealth | None = None
    new_alerts_triggered: bool | None = None
    side_effects: Annotated[tuple[SideEffect, ...], Field(max_length=SIDE_EFFECTS_MAX)] | None = None
    recommended_actions: Messages = ()
    reason: Text = ""


class ExecutionSnapshot(Value):
    """Frozen at the fatal failure, for the parent's recovery."""

    completed_steps: Numbers = ()
    current_step: Count = 0
    cluster_state: TextMap = Field(default_factory=dict)
    resource_snapshot: TextMap = Field(default_factory=dict)
    timestamp: Instant


class RollbackStatus(Value):
    """`order` is the order in which steps are undone; `to_step` None means all of them."""

    strategy: RollbackStrategy
    reason: Text = ""
    requested_by: Word = ""
    start_time: Instant
    end_time: Instant | None = None
    to_step: StepNumber | None = None
    order: Numbers = ()
    total: Count = 0
    succeeded: Count = 0
    failed: Count = 0
    not_reversible: Count = 0
    skipped: Count = 0


class WorkflowExecutionStatus(Value):
    """`paused_from` is the phase to return to; `paused_total` is the sum of ended pauses.

    `health` is that of the execution, not of the targets: None before it begins. `completed_batches` are those of the
    plan, in its order, whose steps have all ended.
    """

    phase: Annotated[str, Field(max_length=63)] = Phase.NEW
    observed_generation: Count = 0
    message: Text = ""
    current_step: Count = 0
    total_steps: Count = 0
    active_steps: Count = 0
    queued_steps: Count = 0
    progress: Annotated[int, Field(ge=0, le=100)] = 0
    completed_batches: Count = 0
    health: ResourceHealth | None = None
    template: ResolvedTemplate | None = None
    execution_plan: ExecutionPlan | None = None
    validation_results: ValidationResults | None = None
    surroundings: Surroundings | None = None
    step_statuses: tuple[StepStatus, ...] = Field(
        default=(), max_length=STATUSES_MAX, json_schema_extra=list_map("stepNumber")
    )
    execution_metrics: ExecutionMetrics | None = None
    adaptive_adjustments: tuple[AdaptiveAdjustment, ...] = Field(default=(), max_length=ADJUSTMENTS_MAX)
    workflow_result: WorkflowResult | None = None
    planning_start_time: Instant | None = None
    validation_start_time: Instant | None = None
    execution_start_time: Instant | None = None
    monitoring_start_time: Instant | None = None
    rollback_start_time: Instant | None = None
    healthy_since: Instant | None = None
    completion_time: Instant | None = None
    estimated_completion_time: Instant | None = None
    last_heartbeat: Instant | None = None
    paused_from: Annotated[str, Field(max_length=63)] = ""
    paused_at: Instant | None = None
    paused_total: Duration = 0
    failure_reason: LongText = ""
    rollback_reason: LongText = ""
    failed_step: StepNumber | None = None
    failed_action: Word = ""
    error_type: ErrorType | None = None
    execution_snapshot: ExecutionSnapshot | None = None
    rollback: RollbackStatus | None = None
    conditions: tuple[Condition, ...] = Field(default=(), max_length=32, json_schema_extra=list_map("type"))


NO_STATUS = WorkflowExecutionStatus()


class WorkflowExecution(Value):
    metadata: ObjectMeta
    spec: WorkflowExecutionSpec
    status: WorkflowExecutionStatus = NO_STATUS
