"""L3: do approval expiry, deadlines and limits end every phase, whatever hangs (BR-WF-016, BR-WF-TIMEOUT-001)?

Time that a workflow was paused does not count.
"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint, slack_ms
from sim.checkers.s7_attempts_and_deadline import deadline_of
from sim.history import History
from wfexec.model.phases import Phase
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings


def check(history: History) -> Iterator[Complaint]:
    slack = slack_ms(history)
    told: set[tuple[str, str]] = set()
    for move in history.workflows:
        if move.before is not None and move.at > (move.before.status.last_heartbeat or 0) + slack:
            yield from _overdue(move.before, move.at, slack, history.settings, told)
    for thing in history.finals:
        if isinstance(thing, WorkflowExecution):
            yield from _overdue(thing, history.end, slack, history.settings, told)


def _overdue(
    workflow: WorkflowExecution, at: int, slack: int, settings: Settings, told: set[tuple[str, str]]
) -> Iterator[Complaint]:
    limit = _limit(workflow, settings)
    key = (workflow.metadata.uid, workflow.status.phase)
    if limit is None or at <= limit + slack or key in told:
        return
    told.add(key)
    meta = workflow.metadata
    message = f"still {workflow.status.phase} {at - limit} ms after the limit of this phase"
    yield Complaint("L3", at, f"{meta.namespace}/{meta.name}", message)


def _limit(workflow: WorkflowExecution, settings: Settings) -> int | None:
    """The instant after which this phase must be over; None where no clock runs."""
    status = workflow.status
    if workflow.metadata.deletion_timestamp is not None or workflow.spec.suspend or status.paused_at:
        return None
    paused = status.paused_total
    match status.phase:
        case Phase.VALIDATING:
            allowed = max(settings.validation_timeout, settings.dry_run_timeout) + settings.approval_timeout
            began = status.validation_start_time
        case Phase.EXECUTING:
            return deadline_of(workflow, settings)
        case Phase.MONITORING:
            allowed, began = settings.monitoring_timeout, status.monitoring_start_time
        case Phase.ROLLING_BACK:
            # A rollback is not paused by a person; in maintenance its clock stands still.
            allowed, began = settings.rollback_total_timeout, status.rollback_start_time
        case _:
            return None
    return None if began is None else began + allowed + paused
