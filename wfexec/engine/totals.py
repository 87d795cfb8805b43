"""How much has one controller done and seen? Its counters gathered into one table, for the metrics of the runtime.

Called by the controller's `stats`; `levels` by whoever shows the gauges. It must never change anything.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from wfexec.core.draft import PHASE_STARTS
from wfexec.engine.limiter import Limiter
from wfexec.engine.reconciler import Reconciler
from wfexec.engine.reflector import Reflector
from wfexec.engine.view import View
from wfexec.model.phases import TERMINAL, Phase
from wfexec.model.status import WorkflowExecution

# A pause began as well, though it is no phase that a limit counts from.
_BEGAN: Final[dict[str, str]] = {**PHASE_STARTS, Phase.PAUSED: "paused_at"}


class Levels(NamedTuple):
    """How it stands with all workflows. `began`: (namespace, name, phase, ms) of each that has not ended, `planned`:
    (namespace, name, ms); `running` and `waiting` are steps."""

    executing: int
    active: int
    running: int
    waiting: int
    passed: int
    failed: int
    began: tuple[tuple[str, str, str, int], ...]
    planned: tuple[tuple[str, str, int], ...]


def levels(workflows: Iterable[WorkflowExecution]) -> Levels:
    executing = active = running = waiting = passed = failed = 0
    began: list[tuple[str, str, str, int]] = []
    planned: list[tuple[str, str, int]] = []
    for workflow in workflows:
        status = workflow.status
        passed += status.execution_start_time is not None
        failed += status.phase == Phase.FAILED and status.execution_start_time is None
        if status.phase in TERMINAL:
            continue
        active += 1
        executing += status.phase == Phase.EXECUTING
        running += status.active_steps
        waiting += status.queued_steps
        namespace, name = workflow.metadata.namespace, workflow.metadata.name
        if status.planning_start_time is not None:
            planned.append((namespace, name, status.planning_start_time))
        since = getattr(status, _BEGAN.get(status.phase, ""), None)
        if since is not None:
            began.append((namespace, name, status.phase, since))
    return Levels(executing, active, running, waiting, passed, failed, tuple(began), tuple(planned))


def totals(view: View, reconciler: Reconciler, followed: Iterable[Reflector], limiter: Limiter) -> dict[str, int]:
    reflectors = tuple(followed)
    return {
        "looks": reconciler.looks,
        "audited": int(reconciler.audited),
        "conflicts": reconciler.conflicts,
        "lost_replies": reconciler.lost,
        "relists": sum(each.relists for each in reflectors),
        "watch_restarts": sum(each.restarts for each in reflectors),
        "watch_renewals": sum(each.renewals for each in reflectors),
        "known_already": view.ignored,
        "stale_wakeups": view.deadlines.stale + view.queue.stale,
        "events_dropped": reconciler.recorder.dropped,
        "events_waiting": reconciler.recorder.waiting,
        "events_unanswered": reconciler.recorder.in_flight,
        "workflows": len(view.tracked),
        "queued": len(view.queue),
        "in_flight": limiter.in_flight,
        "pressure": limiter.pressure,
    }
