"""The wish: WorkflowExecution.spec, the recipe a person or the parent wrote (BR-WF-001, BR-WF-003)."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from wfexec.model.base import (
    Count,
    Expression,
    Fraction,
    LongText,
    ObjectName,
    StepNumber,
    Text,
    TextMap,
    Value,
    Word,
    list_map,
    rules,
)
from wfexec.model.meta import ObjectReference
from wfexec.model.parameters import RollbackParameters, StepParameters
from wfexec.model.phases import CheckType, FailurePolicy, Priority, RollbackStrategy, RunCondition
from wfexec.units import Duration, Instant

STEPS_MAX = 100
Retries = Annotated[int, Field(ge=0, le=10)]
Scalar = str | int | float | bool
# Maps of free values stay schemaless at the API server; the border checks them.
FREE_MAP: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


class Level(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class StepCondition(Value):
    """A CEL expression that must hold before or after a step; `timeout` None means the setting's value."""

    type: Annotated[str, Field(min_length=1, max_length=253)]
    description: Text = ""
    expr: Expression
    required: bool = True
    timeout: Duration | None = None


class RollbackSpec(Value):
    action: Annotated[str, Field(min_length=1, max_length=253)]
    parameters: RollbackParameters | None = None
    timeout: Duration | None = None


class WorkflowStep(Value):
    """One step; `max_retries` None means the strategy's, 0 means none; `timeout` None means the setting's."""

    step_number: StepNumber
    name: Annotated[str, Field(min_length=1, max_length=253)]
    action: Annotated[str, Field(min_length=1, max_length=253)]
    target_cluster: Word = ""
    parameters: StepParameters | None = None
    critical_step: bool = False
    max_retries: Retries | None = None
    timeout: Duration | None = None
    depends_on: tuple[StepNumber, ...] = Field(
        default=(), max_length=STEPS_MAX, json_schema_extra={"x-kubernetes-list-type": "set"}
    )
    rollback_spec: RollbackSpec | None = None
    pre_conditions: tuple[StepCondition, ...] = Field(default=(), max_length=16, json_schema_extra=list_map("type"))
    post_conditions: tuple[StepCondition, ...] = Field(default=(), max_length=16, json_schema_extra=list_map("type"))
    when: Expression | None = None
    run_condition: RunCondition | None = None
    metadata: TextMap = Field(default_factory=dict)
    continue_on_failure: bool | None = None


class ParameterChanges(Value):
    """Keys of `suggested_parameters` are field names of the step's one set member."""

    suggested_parameters: TextMap = Field(default_factory=dict)
    reason: Text = ""


class StepOptimization(Value):
    step_number: StepNumber
    recommendation: Text = ""
    confidence: Fraction
    impact_level: Level = Level.LOW
    parameter_changes: ParameterChanges | None = None


class ParallelSuggestion(Value):
    group_name: Word
    step_numbers: tuple[StepNumber, ...] = Field(max_length=STEPS_MAX)
    confidence: Fraction


class SafetyImprovement(Value):
    """`step_number` 0 speaks of the whole workflow."""

    description: Text
    step_number: Count = 0
    safety_check: Text = ""
    priority: Level = Level.LOW


class RiskFactor(Value):
    factor: Text
    severity: Level
    probability: Fraction
    mitigation: Text | None = None


class RecommendationSource(StrEnum):
    HOLMESGPT = "holmesgpt"
    HISTORY_BASED = "history-based"


class AIRecommendations(Value):
    overall_confidence: Fraction
    recommendation_source: RecommendationSource | None = None
    generated_at: Instant | None = None
    step_optimizations: tuple[StepOptimization, ...] = Field(default=(), max_length=STEPS_MAX)
    parallel_execution_suggestions: tuple[ParallelSuggestion, ...] = Field(default=(), max_length=STEPS_MAX)
    safety_improvements: tuple[SafetyImprovement, ...] = Field(default=(), max_length=STEPS_MAX)
    similar_workflow_success_rate: Fraction | None = None
    estimated_duration: Duration | None = None
    risk_factors: tuple[RiskFactor, ...] = Field(default=(), max_length=STEPS_MAX)


class WorkflowDefinition(Value):
    """`dependencies` maps a step's name to the names it waits for; it is united with each step's `dependsOn`."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    version: Annotated[str, Field(min_length=1, max_length=63)]
    description: LongText = ""
    metadata: TextMap = Field(default_factory=dict)
    steps: tuple[WorkflowStep, ...] = Field(
        min_length=1, max_length=STEPS_MAX, json_schema_extra=list_map("stepNumber")
    )
    dependencies: Annotated[
        dict[Word, Annotated[tuple[Word, ...], Field(max_length=STEPS_MAX)]], Field(max_length=STEPS_MAX)
    ] = Field(default_factory=dict)
    ai_recommendations: AIRecommendations | None = None


class SafetyCheck(Value):
    type: CheckType
    description: Text = ""
    required: bool = True


class RollbackTrigger(Value):
    """When `expr` comes true while steps run or targets are watched, the workflow is given up (BR-WF-022)."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    expr: Expression


class ExecutionStrategy(Value):
    """`max_parallel_steps` and `watch_side_effects` None mean the setting's value."""

    approval_required: bool = False
    dry_run_first: bool = True
    rollback_strategy: RollbackStrategy = RollbackStrategy.AUTOMATIC
    max_retries: Retries | None = None
    max_parallel_steps: Annotated[int, Field(ge=1, le=10)] | None = None
    watch_side_effects: bool | None = None
    safety_checks: tuple[SafetyCheck, ...] = Field(default=(), max_length=4, json_schema_extra=list_map("type"))
    rollback_triggers: tuple[RollbackTrigger, ...] = Field(
        default=(), max_length=16, json_schema_extra=list_map("name")
    )


class AdaptiveOrchestration(Value):
    optimization_enabled: bool = False
    learning_from_history: bool = False
    dynamic_step_adjustment: bool = False


class ConditionOverride(Value):
    required: bool


ConditionOverrideMap = Annotated[dict[Word, ConditionOverride], Field(max_length=16)]


class ActionOverrides(Value):
    """By condition type."""

    preconditions: ConditionOverrideMap = Field(default_factory=dict)
    postconditions: ConditionOverrideMap = Field(default_factory=dict)


class SuccessCriterion(Value):
    name: Annotated[str, Field(min_length=1, max_length=253)]
    expr: Expression
    required: bool = True


class TemplateRef(Value):
    name: ObjectName
    version: Word = ""
    parameters: Annotated[dict[Word, Scalar], Field(max_length=64)] = Field(
        default_factory=dict, json_schema_extra=FREE_MAP
    )


class CancelChildren(StrEnum):
    WAIT = "wait"
    DELETE = "delete"


class CancelRollback(StrEnum):
    NONE = "none"
    AUTOMATIC = "automatic"


class OnCancel(Value):
    children: CancelChildren = CancelChildren.WAIT
    rollback: CancelRollback = CancelRollback.NONE


class WorkflowExecutionSpec(Value):
    """Mutable once created: suspend, cancel, onCancel, timeout, priority; the API server refuses changes of the rest.

    Except for `variables`, which it cannot read: those the controller refuses (BR-WF-025).
    """

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.workflowDefinition) != has(self.templateRef)",
                "set exactly one of workflowDefinition, templateRef",
            ),
            ("!has(self.timeout) || duration(self.timeout) > duration('0s')", "timeout must be more than 0s"),
            (
                "self.remediationRequestRef == oldSelf.remediationRequestRef",
                "remediationRequestRef is immutable",
            ),
            ("self.executionStrategy == oldSelf.executionStrategy", "executionStrategy is immutable"),
            (
                "has(self.workflowDefinition) == has(oldSelf.workflowDefinition) && (!has(self.workflowDefinition)"
                " || self.workflowDefinition == oldSelf.workflowDefinition)",
                "workflowDefinition is immutable",
            ),
            (
                "has(self.templateRef) == has(oldSelf.templateRef) && (!has(self.templateRef)"
                " || self.templateRef == oldSelf.templateRef)",
                "templateRef is immutable",
            ),
            ("self.failurePolicy == oldSelf.failurePolicy", "failurePolicy is immutable"),
            (
                "has(self.successCriteria) == has(oldSelf.successCriteria) && (!has(self.successCriteria)"
                " || self.successCriteria == oldSelf.successCriteria)",
                "successCriteria is immutable",
            ),
            (
                "has(self.conditionOverrides) == has(oldSelf.conditionOverrides) && (!has(self.conditionOverrides)"
                " || self.conditionOverrides == oldSelf.conditionOverrides)",
                "conditionOverrides is immutable",
            ),
            (
                "has(self.adaptiveOrchestration) == has(oldSelf.adaptiveOrchestration)"
                " && (!has(self.adaptiveOrchestration)"
                " || self.adaptiveOrchestration == oldSelf.adaptiveOrchestration)",
                "adaptiveOrchestration is immutable",
            ),
        )
    )
    remediation_request_ref: ObjectReference
    workflow_definition: WorkflowDefinition | None = None
    template_ref: TemplateRef | None = None
    execution_strategy: ExecutionStrategy = Field(default_factory=ExecutionStrategy)
    adaptive_orchestration: AdaptiveOrchestration = Field(default_factory=AdaptiveOrchestration)
    condition_overrides: Annotated[dict[Word, ActionOverrides], Field(max_length=64)] = Field(default_factory=dict)
    timeout: Duration | None = None
    suspend: bool = False
    cancel: bool = False
    on_cancel: OnCancel = Field(default_factory=OnCancel)
    priority: Priority = Priority.NORMAL
    failure_policy: FailurePolicy = FailurePolicy.CONTINUE
    success_criteria: tuple[SuccessCriterion, ...] = Field(
        default=(), max_length=32, json_schema_extra=list_map("name")
    )
    variables: Annotated[dict[Word, Scalar], Field(max_length=64)] = Field(
        default_factory=dict, json_schema_extra=FREE_MAP
    )
