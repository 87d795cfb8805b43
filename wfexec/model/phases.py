"""Every closed vocabulary of the two kinds: phases, step states, outcomes, error types."""

from enum import StrEnum


class Phase(StrEnum):
    """Of a WorkflowExecution; NEW is the empty phase of an object nobody has looked at yet."""

    NEW = ""
    PLANNING = "planning"
    VALIDATING = "validating"
    EXECUTING = "executing"
    MONITORING = "monitoring"
    ROLLING_BACK = "rolling_back"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepState(StrEnum):
    PENDING = "pending"
    EXECUTING = "executing"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    ROLLED_BACK = "rolled_back"


class ExecutionPhase(StrEnum):
    """Of a KubernetesExecution."""

    NEW = ""
    VALIDATING = "validating"
    VALIDATED = "validated"
    WAITING_APPROVAL = "waiting_approval"
    EXECUTING = "executing"
    ROLLBACK_READY = "rollback_ready"
    COMPLETED = "completed"
    FAILED = "failed"


class Strategy(StrEnum):
    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"
    SEQUENTIAL_WITH_PARALLEL = "sequential-with-parallel"


class RollbackStrategy(StrEnum):
    AUTOMATIC = "automatic"
    MANUAL = "manual"
    NONE = "none"


class WorkflowOutcome(StrEnum):
    SUCCESS = "success"
    PARTIAL_SUCCESS = "partial_success"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ResourceHealth(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class UndoState(StrEnum):
    """Of one step's undo inside a rollback."""

    PENDING = "pending"
    EXECUTING = "executing"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NOT_REVERSIBLE = "not_reversible"
    SKIPPED = "skipped"


class CheckType(StrEnum):
    RBAC = "rbac"
    HEALTH = "health"
    CAPACITY = "capacity"
    NETWORK = "network"


class FailurePolicy(StrEnum):
    TERMINATE = "terminate"
    CONTINUE = "continue"
    PARTIAL_SUCCESS = "partial-success"
    RECOVERY = "recovery"


class RunCondition(StrEnum):
    IF_PRIMARY_FAILS = "if_primary_fails"
    AFTER_PRIMARY = "after_primary"
    PARALLEL_WITH_PRIMARY = "parallel_with_primary"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


class ErrorType(StrEnum):
    TIMEOUT = "timeout"
    PERMISSION_DENIED = "permission_denied"
    RESOURCE_NOT_FOUND = "resource_not_found"
    RESOURCE_CONFLICT = "resource_conflict"
    RESOURCE_QUOTA_EXCEEDED = "resource_quota_exceeded"
    VALIDATION_ERROR = "validation_error"
    IMAGE_PULL = "image_pull"
    EVICTED = "evicted"
    OOM_KILLED = "oom_killed"
    NETWORK = "network"
    THROTTLED = "throttled"
    CHILD_DELETED = "child_deleted"
    NAME_CONFLICT = "name_conflict"
    BLOCKED = "blocked"
    CREATION_FAILED = "creation_failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    UNKNOWN_ERROR = "unknown_error"


RETRYABLE: frozenset[ErrorType] = frozenset(
    {
        ErrorType.TIMEOUT,
        ErrorType.RESOURCE_CONFLICT,
        ErrorType.RESOURCE_QUOTA_EXCEEDED,
        ErrorType.EVICTED,
        ErrorType.OOM_KILLED,
        ErrorType.NETWORK,
        ErrorType.THROTTLED,
        ErrorType.CHILD_DELETED,
        ErrorType.UNKNOWN_ERROR,
    }
)
TERMINAL: frozenset[Phase] = frozenset({Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED})
STEP_ENDED: frozenset[StepState] = frozenset(
    {StepState.COMPLETED, StepState.FAILED, StepState.SKIPPED, StepState.BLOCKED, StepState.ROLLED_BACK}
)
EXECUTION_ENDED: frozenset[ExecutionPhase] = frozenset({ExecutionPhase.COMPLETED, ExecutionPhase.FAILED})
