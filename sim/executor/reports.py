"""The status a child gets at each turn of its life: pure functions from the old status to the new.

Called by a child's life. Kept apart from it so that every report can be made again from a newer object after a
conflict.
"""

from typing import Final

from sim.executor.effects import Effects, Undo
from sim.executor.errors import Failure
from wfexec.model.base import clip, compact, evolve
from wfexec.model.execution import (
    OUTPUTS_MAX,
    ExecutionResults,
    ExecutionValidation,
    KubernetesExecutionStatus,
    RollbackInformation,
)
from wfexec.model.meta import Condition
from wfexec.model.phases import ExecutionPhase

AFFECTED_MAX: Final = 256
MESSAGE_MAX: Final = 4_096
UNDO_ESTIMATE_MS: Final = 30_000
NO_UNDO: Final = compact(RollbackInformation(available=False))
_NO_RESULTS: Final = compact(ExecutionResults())
# An enumeration gives its value by a call.
_EXECUTING: Final = ExecutionPhase.EXECUTING.value
_COMPLETED: Final = ExecutionPhase.COMPLETED.value
_CONDITION: Final = compact(Condition(type="Executed", status="True", reason="Completed", last_transition_time=0))


def validating(status: KubernetesExecutionStatus, now: int) -> KubernetesExecutionStatus:
    """The first word of a careful executor; again after a restart it changes nothing."""
    return evolve(status, phase=ExecutionPhase.VALIDATING.value)


def validated(status: KubernetesExecutionStatus, now: int, *, resource_exists: bool) -> KubernetesExecutionStatus:
    found = ExecutionValidation(
        parameter_validation=True, rbac_validation=True, resource_exists=resource_exists, validation_time=now
    )
    conditions = _with(status, "Validated", "True", "Validated", "", now)
    return evolve(status, phase=ExecutionPhase.VALIDATED.value, validation_results=found, conditions=conditions)


def approved_wait(status: KubernetesExecutionStatus, now: int) -> KubernetesExecutionStatus:
    return evolve(status, phase=ExecutionPhase.WAITING_APPROVAL.value)


def executing(status: KubernetesExecutionStatus, now: int, start: int, undo: Undo | None) -> KubernetesExecutionStatus:
    """The intent: when it started, and how its change could be taken back, not available until it is made."""
    results = evolve(status.execution_results or _NO_RESULTS, start_time=start)
    return evolve(
        status,
        phase=_EXECUTING,
        execution_results=results,
        rollback_information=information_of(undo, available=False) if undo is not None else status.rollback_information,
    )


def after_change(
    status: KubernetesExecutionStatus,
    now: int,
    phase: ExecutionPhase,
    start: int,
    effects: Effects,
    retried: int,
    information: RollbackInformation,
) -> KubernetesExecutionStatus:
    """What was done, and how it can be undone."""
    results = evolve(
        _NO_RESULTS,
        success=True,
        start_time=start,
        end_time=now,
        duration=max(now - start, 0),
        resources_affected=effects.affected[:AFFECTED_MAX],
        retries_attempted=retried,
        outputs={key: clip(text) for key, text in effects.outputs[:OUTPUTS_MAX]},
    )
    return evolve(status, phase=phase.value, execution_results=results, rollback_information=information)


def completed(status: KubernetesExecutionStatus, now: int) -> KubernetesExecutionStatus:
    conditions = _with(status, "Executed", "True", "Completed", "", now)
    return evolve(status, phase=_COMPLETED, conditions=conditions)


def failed(
    status: KubernetesExecutionStatus, now: int, start: int, trouble: Failure, retried: int, partly: Effects
) -> KubernetesExecutionStatus:
    """`partly` holds what was changed although the step failed."""
    message = clip(trouble.message, MESSAGE_MAX)
    results = evolve(
        _NO_RESULTS,
        success=False,
        start_time=start,
        end_time=now,
        duration=max(now - start, 0),
        resources_affected=partly.affected[:AFFECTED_MAX],
        retries_attempted=retried,
        error_message=message,
    )
    information = status.rollback_information if partly.writes else None
    if information is not None:
        information = evolve(information, available=information.rollback_parameters is not None)
    return evolve(
        status,
        phase=ExecutionPhase.FAILED.value,
        execution_results=results,
        rollback_information=information or NO_UNDO,
        conditions=_with(status, "Executed", "False", trouble.reason, message, now),
    )


def information_of(undo: Undo | None, *, available: bool) -> RollbackInformation:
    """None: there is no way, or nothing to undo."""
    if undo is None:
        return NO_UNDO
    return evolve(
        NO_UNDO,
        available=available,
        rollback_action=undo.action,
        rollback_parameters=undo.parameters,
        estimated_duration=UNDO_ESTIMATE_MS,
    )


def _with(
    status: KubernetesExecutionStatus, kind: str, word: str, reason: str, message: str, now: int
) -> tuple[Condition, ...]:
    """The conditions with this one set."""
    made = evolve(_CONDITION, type=kind, status=word, reason=reason, message=clip(message), last_transition_time=now)
    others = status.conditions and tuple(condition for condition in status.conditions if condition.type != kind)
    return (*others, made)
