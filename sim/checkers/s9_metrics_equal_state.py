"""S9: do counts and events tell what the history shows, no more, and in a calm run no less (BR-WF-024)?

From which follows what people rely on: what was started is what has ended and what is active. Counts of a controller
that crashed are lost with it, as a scraper would find them reset.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from sim.checkers.complaint import Complaint
from sim.history import History
from wfexec.model.phases import TERMINAL, Phase, StepState
from wfexec.model.plan import CountRecord
from wfexec.model.requests import EventWrite
from wfexec.model.status import WorkflowExecution

_K: Final = "kubernaut_workflowexecution_"
CREATED: Final = "workflowexecution_created_total"
ENDED: Final = f"{_K}executions_total"
DURATION: Final = f"{_K}phase_duration_seconds"
STARTED: Final = f"{_K}steps_created_total"
STEPS: Final = f"{_K}steps_completed_total"
ROLLBACKS: Final = f"{_K}rollbacks_total"
# Which labels of a metric are judged, by their places; names of definitions may come from a template.
_JUDGED: Final[dict[str, slice]] = {
    CREATED: slice(0, 0),
    ENDED: slice(1, 2),
    DURATION: slice(0, 1),
    STARTED: slice(1, 2),
    STEPS: slice(1, 3),
    ROLLBACKS: slice(0, 0),
}
_TIMED: Final = frozenset({Phase.PLANNING, Phase.VALIDATING, Phase.EXECUTING, Phase.MONITORING, Phase.ROLLING_BACK})
_OUTCOMES: Final = {"success": "success", "partial_success": "partial", "failed": "failed", "unknown": "unknown"}
Series = tuple[str, str, tuple[str, ...]]


def check(history: History) -> Iterator[Complaint]:
    if history.told is not None:
        yield from _counts(history)
    yield from _events(history, complete=history.told is not None and not history.cut and not history.troubles)


def _counts(history: History) -> Iterator[Complaint]:
    shown = Counter[Series]()
    _phases(history, shown)
    _steps(history, shown)
    told = Counter[Series]()
    for key, record in history.told or ():
        if record.__class__ is CountRecord:
            assert isinstance(record, CountRecord)
            judged = _JUDGED.get(record.metric)
            if judged is not None:
                told[f"{key.namespace}/{key.name}", record.metric, record.labels[judged]] += 1
    for series in sorted(shown.keys() | told.keys()):
        counted, happened = told[series], shown[series]
        if counted > happened or (counted < happened and not history.troubles):
            about, metric, labels = series
            what = metric + (f"{{{', '.join(labels)}}}" if labels else "")
            yield Complaint("S9", history.end, about, f"{what} tells {counted}, and it happened {happened} times")


def _phases(history: History, shown: Counter[Series]) -> None:
    ended: set[str] = set()
    for move in history.workflows:
        before, after = move.before, move.after
        if before is None or after is None or before.status.phase == after.status.phase:
            continue
        meta = after.metadata
        about = f"{meta.namespace}/{meta.name}"
        for source, target in _hops(before, after):
            if not source:
                shown[about, CREATED, ()] += 1
            if source in _TIMED:
                shown[about, DURATION, (str(source),)] += 1
            if target == Phase.ROLLING_BACK:
                shown[about, ROLLBACKS, ()] += 1
        if after.status.phase in TERMINAL and meta.uid not in ended:
            ended.add(meta.uid)
            result = after.status.workflow_result
            outcome = _OUTCOMES[result.outcome] if result is not None else ""
            shown[about, ENDED, ("cancelled" if after.status.phase == Phase.CANCELLED else outcome,)] += 1


def _hops(before: WorkflowExecution, after: WorkflowExecution) -> tuple[tuple[str, str], ...]:
    """From phase to phase within one write: a rollback that finds nothing to undo begins and ends in the same one."""
    source, target = before.status.phase, after.status.phase
    rollback = Phase.ROLLING_BACK
    passed = before.status.rollback_start_time != after.status.rollback_start_time
    if passed and rollback not in (source, target):
        return ((source, rollback), (rollback, target))
    return ((source, target),)


def _steps(history: History, shown: Counter[Series]) -> None:
    for move in history.steps:
        source = move.before.status if move.before is not None else StepState.PENDING
        target = move.after.status
        if source is target:
            continue
        meta = move.workflow.metadata
        about = f"{meta.namespace}/{meta.name}"
        if target is StepState.EXECUTING:
            shown[about, STARTED, (move.after.action,)] += 1
        elif target is StepState.COMPLETED and source in (StepState.EXECUTING, StepState.RETRYING):
            shown[about, STEPS, (move.after.action, "success")] += 1
        elif target is StepState.FAILED and source is not StepState.COMPLETED:
            shown[about, STEPS, (move.after.action, "failed")] += 1


def _events(history: History, *, complete: bool) -> Iterator[Complaint]:
    """Events are best effort, but what they say is true, and in a calm run to its end they say every phase.

    Less only by as many as the controllers themselves counted as given up.
    """
    shown: dict[tuple[str, str], str] = {}
    for move in history.workflows:
        if move.before is not None and move.after is not None:
            meta = move.after.metadata
            for source, target in _hops(move.before, move.after):
                if source != target:
                    shown[meta.uid, f"Phase: {source or 'new'} → {target}"] = f"{meta.namespace}/{meta.name}"
    told: dict[tuple[str, str], str] = {}
    for write in history.writes:
        body = write.body
        if body.__class__ is EventWrite:
            assert isinstance(body, EventWrite)
            if body.reason == "PhaseTransition":
                meta = body.regarding.metadata
                told[meta.uid, body.message] = f"{meta.namespace}/{meta.name}"
    for key, about in told.items():
        if key not in shown:
            yield Complaint("S9", history.end, about, f"an event tells of {key[1]!r}, which did not happen")
    untold = [(key, about) for key, about in shown.items() if key not in told] if complete else []
    for key, about in untold if len(untold) > history.dropped else ():
        yield Complaint("S9", history.end, about, f"no event tells of {key[1]!r}")
