"""What is there to tell about a run? The facts of a timeline, before anybody decides how it looks.

Called by the text, JSON and SVG reports with a run's history. Times are milliseconds since the run began. It must
never render anything, and never read a clock.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sim.history import History, StepMove
from wfexec.model.phases import TERMINAL, StepState, UndoState
from wfexec.model.status import StepStatus, WorkflowExecution
from wfexec.units import format_duration


class Entry(NamedTuple):
    """One line of the story. `step` 0 speaks of the whole workflow; `tone` is plain, good, bad or undo."""

    at: int
    workflow: str
    step: int
    name: str
    text: str
    tone: str


class Span(NamedTuple):
    """`kind`: queued, attempt, failed, waiting, undo or undo-failed; `end` None while it still lasts."""

    kind: str
    start: int
    end: int | None


class Row(NamedTuple):
    number: int
    name: str
    action: str
    state: str
    spans: tuple[Span, ...]


class PhaseSpan(NamedTuple):
    phase: str
    start: int
    end: int


class Chart(NamedTuple):
    """All that a timeline of one workflow shows; `end` is where its time axis ends."""

    workflow: str
    phase: str
    outcome: str
    phases: tuple[PhaseSpan, ...]
    rows: tuple[Row, ...]
    end: int


def entries(history: History, epoch_ms: int) -> list[Entry]:
    """The story of all workflows in the order in which the store saw it."""
    told: list[Entry] = []
    for move in history.workflows:
        after = move.after
        old = move.before.status.phase if move.before is not None else ""
        if after is None:
            meta = move.before.metadata if move.before is not None else None
            told.append(Entry(move.at - epoch_ms, meta.name if meta else "", 0, "", "deleted", "plain"))
        elif after.status.phase != old:
            told.append(_phase_entry(move.at - epoch_ms, after))
    for step in history.steps:
        told.extend(_step_entries(step, step.at - epoch_ms, _names(step.workflow)))
    told.sort(key=_order)
    return told


def _order(entry: Entry) -> tuple[int, int]:
    """By time; one write says many things, and a reader wants causes first: what ended, the phase, what begins."""
    if not entry.step:
        return entry.at, 1
    return entry.at, 0 if entry.text.startswith("ended") else 2


def charts(history: History, epoch_ms: int, now_ms: int) -> list[Chart]:
    """One chart per workflow that is left at the end, in name order."""
    phases: dict[str, list[tuple[int, str]]] = {}
    for move in history.workflows:
        if move.after is not None:
            seen = phases.setdefault(move.after.metadata.uid, [])
            if not seen or seen[-1][1] != move.after.status.phase:
                seen.append((move.at - epoch_ms, move.after.status.phase))
    return [
        _chart(thing, phases.get(thing.metadata.uid, []), epoch_ms, now_ms)
        for thing in history.finals
        if isinstance(thing, WorkflowExecution)
    ]


def _names(workflow: WorkflowExecution) -> dict[int, str]:
    definition = workflow.spec.workflow_definition
    return {step.step_number: step.name for step in definition.steps} if definition is not None else {}


def _phase_entry(at: int, workflow: WorkflowExecution) -> Entry:
    status = workflow.status
    text = status.phase or "created"
    tone = "plain"
    if status.phase in TERMINAL:
        tone = "good" if status.phase == "completed" else "bad"
        outcome = status.workflow_result.outcome if status.workflow_result else ""
        text += f" ({outcome})" if outcome and outcome != status.phase else ""
        text += f": {status.failure_reason}" if status.failure_reason else ""
    elif status.phase == "rolling_back":
        tone = "undo"
        text += f": {status.rollback_reason}" if status.rollback_reason else ""
    return Entry(at, workflow.metadata.name, 0, "", text, tone)


def _step_entries(move: StepMove, at: int, names: dict[int, str]) -> Iterator[Entry]:
    after, before = move.after, move.before
    name = after.name or names.get(after.step_number, "")
    for text, tone in (*_forward(before, after, move.at), *_undo(before, after)):
        yield Entry(at, move.workflow.metadata.name, after.step_number, name, text, tone)


def _forward(before: StepStatus | None, after: StepStatus, now_ms: int) -> Iterator[tuple[str, str]]:
    old = before.status if before is not None else StepState.PENDING
    new = after.status
    if new is StepState.PENDING and after.ready_time is not None and (before is None or before.ready_time is None):
        yield "queued", "plain"
    if new is old:
        return
    match new:
        case StepState.EXECUTING if old is StepState.RETRYING:
            yield f"retried, attempt {len(after.attempts)}", "plain"
        case StepState.EXECUTING:
            waited = now_ms - after.ready_time if after.ready_time is not None else 0
            yield "started" + (f" after {_short(waited)} in the queue" if waited >= 1_000 else ""), "plain"
        case StepState.RETRYING:
            wait = max(0, (after.next_retry_time or now_ms) - now_ms)
            yield f"attempt {len(after.attempts)} failed ({_trouble(after)}); again in {_short(wait)}", "bad"
        case StepState.COMPLETED:
            began = after.start_time if after.start_time is not None else now_ms
            yield f"ended: completed in {_short((after.end_time or now_ms) - began)}", "good"
        case StepState.FAILED:
            yield f"ended: failed ({_trouble(after)})", "bad"
        case StepState.SKIPPED | StepState.BLOCKED:
            reason = after.skip_reason or after.error_message
            yield f"ended: {new}" + (f" ({reason})" if reason else ""), "plain"
        case _:
            return


def _undo(before: StepStatus | None, after: StepStatus) -> Iterator[tuple[str, str]]:
    undo = after.rollback
    old = before.rollback.status if before is not None and before.rollback is not None else None
    if undo is None or undo.status is old:
        return
    match undo.status:
        case UndoState.EXECUTING:
            word = "undo tried again" if old is UndoState.RETRYING else "undo started"
            yield f"{word}: {undo.action}", "undo"
        case UndoState.RETRYING:
            yield f"undo failed ({undo.message or 'no reason given'}); again soon", "bad"
        case UndoState.SUCCEEDED:
            yield "undone", "undo"
        case UndoState.FAILED:
            yield f"undo failed for good ({undo.message or 'no reason given'})", "bad"
        case UndoState.NOT_REVERSIBLE:
            yield "cannot be undone", "undo"
        case UndoState.SKIPPED:
            yield "needs no undo", "undo"
        case UndoState.PENDING:
            return


def _trouble(step: StepStatus) -> str:
    message = step.error_message or (step.attempts[-1].error if step.attempts else "")
    kind = str(step.error_type or "")
    short = message if len(message) <= 90 else f"{message[:89]}…"
    return f"{kind}: {short}" if kind and short and not short.startswith(kind) else short or kind or "no reason given"


def _short(ms: int) -> str:
    """A duration to the tenth of a second."""
    return format_duration(ms // 100 * 100 if ms >= 100 else ms)


def _chart(workflow: WorkflowExecution, phases: list[tuple[int, str]], epoch_ms: int, now_ms: int) -> Chart:
    status = workflow.status
    names = _names(workflow)
    end = (status.completion_time or now_ms) - epoch_ms
    rows = tuple(
        Row(
            step.step_number,
            step.name or names.get(step.step_number, ""),
            step.action,
            step.status,
            _spans(step, epoch_ms),
        )
        for step in status.step_statuses
    )
    end = max([end, *(span.end or span.start for row in rows for span in row.spans)])
    begins = [at for at, _ in phases]
    bands = tuple(
        PhaseSpan(phase, at, until)
        for (at, phase), until in zip(phases, [*begins[1:], end], strict=False)
        if phase and phase not in TERMINAL
    )
    outcome = str(status.workflow_result.outcome) if status.workflow_result else ""
    return Chart(workflow.metadata.name, status.phase, outcome, bands, rows, end)


def _spans(step: StepStatus, epoch_ms: int) -> tuple[Span, ...]:
    spans: list[Span] = []
    began = step.attempts[0].start_time if step.attempts else step.start_time
    if step.ready_time is not None and began is not None and began > step.ready_time:
        spans.append(Span("queued", step.ready_time, began))
    last_end: int | None = None
    for number, attempt in enumerate(step.attempts, start=1):
        if last_end is not None and attempt.start_time > last_end:
            spans.append(Span("waiting", last_end, attempt.start_time))
        last = number == len(step.attempts)
        good = not attempt.error and attempt.phase != "failed" and not (last and step.status is StepState.FAILED)
        end = attempt.end_time if attempt.end_time is not None else step.end_time
        spans.append(Span("attempt" if good else "failed", attempt.start_time, end))
        last_end = end
    undo = step.rollback
    if undo is not None and undo.start_time is not None:
        kind = "undo-failed" if undo.status is UndoState.FAILED else "undo"
        spans.append(Span(kind, undo.start_time, undo.end_time))
    return tuple(
        Span(span.kind, span.start - epoch_ms, None if span.end is None else span.end - epoch_ms) for span in spans
    )
