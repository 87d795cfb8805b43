"""L3: do limits, deadlines and cancellations end every phase and step, whatever hangs (BR-WF-016, BR-WF-TIMEOUT-001)?

Time that a workflow was paused does not count. A cancelled one ends once nothing of it is at work. Planning and
validation wait for nothing that runs: they are judged at every version, however often somebody writes there.
"""

from collections.abc import Iterator
from typing import Final

from sim.checkers.complaint import Complaint, slack_ms
from sim.checkers.s7_attempts_and_deadline import deadline_of
from sim.conditions import POST, written
from sim.history import History
from wfexec.model.phases import TERMINAL, Phase, StepState
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings

_BEFORE: Final = frozenset({Phase.PLANNING, Phase.VALIDATING})


def check(history: History) -> Iterator[Complaint]:
    slack = slack_ms(history)
    told: set[tuple[str, str]] = set()
    cancelled: dict[str, int] = {}
    for move in history.workflows:
        if move.after is not None and move.after.spec.cancel:
            cancelled.setdefault(move.after.metadata.uid, move.at)
        if move.before is None:
            continue
        status = move.before.status
        if status.phase in _BEFORE or move.at > (status.last_heartbeat or 0) + slack:
            yield from _overdue(move.before, move.at, slack, history.settings, told)
            yield from _hung(move.before, move.at, slack, history.settings)
    for thing in history.finals:
        if isinstance(thing, WorkflowExecution):
            yield from _overdue(thing, history.end, slack, history.settings, told)
            yield from _hung(thing, history.end, slack, history.settings)
            yield from _not_cancelled(thing, history.end, slack, cancelled)


def _hung(workflow: WorkflowExecution, at: int, slack: int, settings: Settings) -> Iterator[Complaint]:
    """Attempts that go on after the step's own timeout, or what planning made of it."""
    status, definition = workflow.status, workflow.spec.workflow_definition
    if status.phase != Phase.EXECUTING or workflow.spec.suspend or workflow.metadata.deletion_timestamp is not None:
        return
    given = {step.step_number: step.timeout for step in (definition.steps if definition is not None else ())}
    planned = {step.step_number: step.timeout for step in status.execution_plan.steps} if status.execution_plan else {}
    for step in status.step_statuses:
        if step.status is StepState.EXECUTING and step.attempts:
            number = step.step_number
            allowed = max(given.get(number) or settings.step_timeout, planned.get(number) or 0) + status.paused_total
            if step.post_condition_results:
                # Its child has ended, and what it promised is waited for by limits of its own.
                limits = [one.timeout for one in written(workflow, step, POST)]
                allowed += max((settings.postcondition_timeout if one is None else one for one in limits), default=0)
            late = at - step.attempts[-1].start_time - allowed
            if late > slack:
                meta = workflow.metadata
                message = f"step {number} still executes {late} ms after its timeout"
                yield Complaint("L3", at, f"{meta.namespace}/{meta.name}", message)


def _not_cancelled(workflow: WorkflowExecution, at: int, slack: int, cancelled: dict[str, int]) -> Iterator[Complaint]:
    meta, status = workflow.metadata, workflow.status
    since = cancelled.get(meta.uid)
    if since is None or status.phase in TERMINAL or status.phase == Phase.ROLLING_BACK or meta.deletion_timestamp:
        return
    if at > since + slack and not any(step.status is StepState.EXECUTING for step in status.step_statuses):
        message = f"still {status.phase or 'new'} {at - since} ms after it was cancelled"
        yield Complaint("L3", at, f"{meta.namespace}/{meta.name}", message)


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
        case Phase.PLANNING:
            # So long it may wait for a template, and what earlier runs teach for less.
            allowed, began = settings.planning_timeout, status.planning_start_time
        case Phase.VALIDATING:
            allowed, began = max(settings.validation_timeout, settings.dry_run_timeout), status.validation_start_time
            if any(one.type == "Approved" for one in status.conditions):
                # A person was waited for, and after that everything was looked at anew.
                allowed += settings.approval_timeout
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
