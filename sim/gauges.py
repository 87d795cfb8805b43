"""What must the gauges show of the workflows that are there (BR-WF-024)? Reckoned from specs and steps alone.

Called by S9 with what the store holds at an instant.
"""

from collections.abc import Iterable
from typing import Final

from wfexec.engine.totals import Levels
from wfexec.model.phases import TERMINAL, Phase, StepState, UndoState
from wfexec.model.status import StepStatus, WorkflowExecution

_K: Final = "kubernaut_workflowexecution_"
# The families that are judged so.
LEVELS: Final = (
    f"{_K}active_executions",
    f"{_K}active_steps",
    f"{_K}queued_steps",
    "workflowexecution_active_total",
    "workflowexecution_validation_status",
    "workflowexecution_phase_start_timestamp",
    "workflowexecution_start_timestamp",
)
STARTS: Final[dict[str, str]] = {
    Phase.PLANNING: "planning_start_time",
    Phase.VALIDATING: "validation_start_time",
    Phase.EXECUTING: "execution_start_time",
    Phase.MONITORING: "monitoring_start_time",
    Phase.ROLLING_BACK: "rollback_start_time",
}
_SINCE: Final[dict[str, str]] = {**STARTS, Phase.PAUSED: "paused_at"}


def shown_levels(workflows: Iterable[WorkflowExecution]) -> Levels:
    all_ = list(workflows)
    live = [one for one in all_ if one.status.phase not in TERMINAL]
    begun = [one.status.execution_start_time is not None for one in all_]
    refused = [one.status.phase == Phase.FAILED and not began for one, began in zip(all_, begun, strict=True)]
    places = [(one.metadata.namespace, one.metadata.name) for one in live]
    since = [(one.status.phase, getattr(one.status, _SINCE.get(one.status.phase, ""), None)) for one in live]
    return Levels(
        sum(one.status.phase == Phase.EXECUTING for one in live),
        len(live),
        sum(_working(step) for one in live for step in one.status.step_statuses),
        sum(one.status.queued_steps for one in live),
        sum(begun),
        sum(refused),
        tuple((*place, phase, at) for place, (phase, at) in zip(places, since, strict=True) if at is not None),
        tuple(
            (*place, one.status.planning_start_time)
            for place, one in zip(places, live, strict=True)
            if one.status.planning_start_time is not None
        ),
    )


def _working(step: StepStatus) -> bool:
    return step.status is StepState.EXECUTING or (
        step.rollback is not None and step.rollback.status is UndoState.EXECUTING
    )
