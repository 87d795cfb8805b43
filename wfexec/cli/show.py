"""`wfexec get, describe, watch`: what stands in a cluster, for people who look on (BR-EXECUTION-001).

Plain text in columns, the same in a terminal and in a file; only `watch` redraws in a terminal. Nothing is ever
changed here.
"""

import sys
from collections.abc import Iterator, Sequence
from shutil import get_terminal_size
from typing import Annotated, Final

import typer

from wfexec.cli.cluster import (
    Context,
    Json,
    Kubeconfig,
    Name,
    Namespace,
    Where,
    now_ms,
    refusal,
    somebody,
    title,
)
from wfexec.core.graph import compile_recipe
from wfexec.core.health import CONDITION as DEGRADED
from wfexec.core.progress import progress_of
from wfexec.core.replan import laid_over
from wfexec.core.surroundings import effects_text
from wfexec.crd.codec import Decoder
from wfexec.model.meta import CONTROLLER_NAMESPACE
from wfexec.model.phases import TERMINAL, Phase, StepState
from wfexec.model.recipe import Recipe
from wfexec.model.requests import Unreadable
from wfexec.model.status import StepStatus, WorkflowExecution
from wfexec.settings import DEFAULTS
from wfexec.units import format_duration, format_instant, parse_instant, so_many

GET_EXAMPLE: Final = "Example: wfexec get -n shop"
DESCRIBE_EXAMPLE: Final = "Example: wfexec describe recover-shop -n shop"
WATCH_EXAMPLE: Final = "Example: wfexec watch recover-shop -n shop"
FAILED: Final = 3
UNSEEN: Final = f"no controller has looked at it yet; is one running? kubectl get pods,lease -n {CONTROLLER_NAMESPACE}"
EVENTS_MAX: Final = 20
MARKS: Final = {
    StepState.PENDING: " ",
    StepState.EXECUTING: ">",
    StepState.COMPLETED: "+",
    StepState.FAILED: "x",
    StepState.SKIPPED: "-",
    StepState.BLOCKED: "!",
    StepState.RETRYING: "~",
    StepState.ROLLED_BACK: "<",
}


def register(app: typer.Typer) -> None:
    """All three."""
    app.command(epilog=GET_EXAMPLE)(get)
    app.command(epilog=DESCRIBE_EXAMPLE)(describe)
    app.command(epilog=WATCH_EXAMPLE)(watch)


def get(
    namespace: Namespace = None,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of all namespaces.")] = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """List workflows: phase, steps, time left, outcome."""
    with somebody(Where(None, namespace, kubeconfig, context)) as (person, here):
        found = person.workflows(None if everywhere else here)
    if not found:
        typer.echo(f"no workflow {'anywhere' if everywhere else f'in namespace {here}'}")
        return
    now = now_ms()
    head: tuple[str, ...] = ("NAME", "PHASE", "STEPS", "ACTIVE", "LEFT", "OUTCOME", "AGE")
    rows: list[tuple[str, ...]] = [_row(read(raw), now) for raw in found]
    if everywhere:
        head = ("NAMESPACE", *head)
        rows = [(raw["metadata"]["namespace"], *row) for raw, row in zip(found, rows, strict=True)]
    for line in table(head, rows):
        typer.echo(line)


def describe(name: Name, namespace: Namespace = None, kubeconfig: Kubeconfig = None, context: Context = None) -> None:
    """Show one workflow: steps, attempts, result, conditions, events."""
    with somebody(Where(name, namespace, kubeconfig, context)) as (person, here):
        raw = person.workflow(here, name)
        events = person.events(raw)
    workflow, now = read(raw), now_ms()
    for line in (*picture(workflow, now), *_result(workflow), *_conditions(workflow), *_events(events, now)):
        typer.echo(line)


def watch(name: Name, namespace: Namespace = None, kubeconfig: Kubeconfig = None, context: Context = None) -> None:
    """Follow a workflow to its end. Exit code 3 when it did not complete."""
    last: WorkflowExecution | None = None
    said: tuple[str, ...] = ()

    def lost(why: str) -> None:
        nonlocal said
        typer.echo(f"{why}; it is looked for again", err=True)
        if sys.stdout.isatty():
            # This line stands where we would draw.
            said = ()

    with somebody(Where(name, namespace, kubeconfig, context)) as (person, here):
        for raw in person.follow(here, name, lost=lost):
            if raw is None:
                raise refusal(f"{here}/{name}", "it was deleted")
            last = read(raw)
            lines = tuple(picture(last, now_ms()))
            if sys.stdout.isatty():
                lines = fitting(lines, *get_terminal_size())
                # Back to the top of what was drawn, and clear from there on.
                typer.echo((f"\x1b[{len(said)}F\x1b[J" if said else "") + "\n".join(lines))
            elif lines[0] != (said[0] if said else ""):
                typer.echo(lines[0])
            said = lines
            if last.status.phase in TERMINAL:
                break
    if last is not None and last.status.phase != Phase.COMPLETED:
        raise typer.Exit(FAILED)


def fitting(lines: tuple[str, ...], columns: int, rows: int) -> tuple[str, ...]:
    """As a terminal of this size shows them, neither folded nor scrolled: it is drawn over where it was drawn."""
    room = max(2, rows - 1)
    if len(lines) > room:
        lines = (*lines[: room - 1], f"… {len(lines) - room + 1} more lines: wfexec describe shows them")
    return tuple(line if len(line) <= columns else f"{line[: columns - 1]}…" for line in lines)


def read(raw: Json) -> WorkflowExecution:
    """The object as the controller reads it."""
    found = Decoder().workflow(raw)
    if isinstance(found, Unreadable):
        raise refusal(title(raw), f"it cannot be read: {found.message}")
    return found


def recipe_of(workflow: WorkflowExecution) -> Recipe | None:
    """Estimates come from the plan: none of what cannot be planned, and none are asked for but while it executes."""
    if workflow.status.phase != Phase.EXECUTING or workflow.spec.workflow_definition is None:
        return None
    made = compile_recipe(workflow.spec, DEFAULTS)
    return laid_over(made, workflow.status.execution_plan, DEFAULTS) if isinstance(made, Recipe) else None


def _row(workflow: WorkflowExecution, now: int) -> tuple[str, ...]:
    status, meta = workflow.status, workflow.metadata
    progress = progress_of(status, recipe_of(workflow), now)
    result = status.workflow_result
    age = max(0, now - meta.creation_timestamp) if meta.creation_timestamp is not None else 0
    return (
        meta.name,
        status.phase or "new",
        f"{progress.completed}/{progress.total}",
        str(status.active_steps) + (f"+{status.queued_steps}" if status.queued_steps else ""),
        short(progress.left_ms),
        str(result.outcome) if result is not None else "",
        short(age),
    )


def picture(workflow: WorkflowExecution, now: int) -> Iterator[str]:
    """One line about the workflow, then one for each step."""
    status = workflow.status
    progress = progress_of(status, recipe_of(workflow), now)
    left = f", about {short(progress.left_ms)} left" if progress.left_ms is not None else ""
    text = f"{workflow.metadata.namespace}/{workflow.metadata.name}: {status.phase or 'new'}"
    batches = len(status.execution_plan.batches) if status.execution_plan is not None else 0
    if status.phase == Phase.EXECUTING and batches > 1:
        text += f", batch {min(status.completed_batches + 1, batches)} of {batches}"
    if (since := workflow.metadata.deletion_timestamp) is not None:
        text += f", being deleted for {short(max(0, now - since))}"
    message = status.message if status.phase else UNSEEN
    trouble = next((one.message for one in status.conditions if one.type == DEGRADED and one.status == "True"), "")
    if trouble and status.phase not in TERMINAL:
        message += f"; degraded: {trouble}"
    yield f"{text}, {progress.completed} of {so_many(progress.total, 'step')} ({progress.percent} %){left}: {message}"
    rows = [_step_row(step, now) for step in status.step_statuses]
    yield from table(("", "STEP", "NAME", "ACTION", "STATE", "TRIES", "STARTED", "TOOK", "NOTE"), rows)


def _step_row(step: StepStatus, now: int) -> tuple[str, ...]:
    ended = step.end_time if step.end_time is not None else now
    note = step.skip_reason or step.error_message
    if step.status is StepState.RETRYING and step.next_retry_time is not None:
        note = f"again in {short(max(0, step.next_retry_time - now))}: {note}"
    if step.rollback is not None:
        note = f"undo {step.rollback.status}" + (f": {step.rollback.message}" if step.rollback.message else "")
    return (
        MARKS[step.status],
        str(step.step_number),
        step.name,
        step.action,
        str(step.status),
        str(len(step.attempts)) if step.attempts else "",
        format_instant(step.start_time) if step.start_time is not None else "",
        short(max(0, ended - step.start_time)) if step.start_time is not None else "",
        note,
    )


def _result(workflow: WorkflowExecution) -> Iterator[str]:
    """How it ended and what to do about that; nothing before the end. What nobody knows is not shown."""
    result = workflow.status.workflow_result
    if result is None:
        return
    rows = [
        ("outcome", str(result.outcome)),
        ("score", f"{result.effectiveness_score:g}"),
        ("reason", result.reason),
        ("targets", str(result.resource_health or "")),
        ("new alerts", {True: "yes", False: "no", None: ""}[result.new_alerts_triggered]),
        ("side effects", "none" if result.side_effects == () else ""),
        *(("side effect", effects_text((one,))) for one in result.side_effects or ()),
        *(("to do", one) for one in result.recommended_actions),
    ]
    yield "result:"
    yield from table(("  WHAT", "IS"), [(f"  {what}", text) for what, text in rows if text])


def _conditions(workflow: WorkflowExecution) -> Iterator[str]:
    yield "conditions:"
    rows = [(one.type, one.status, one.reason, one.message) for one in workflow.status.conditions]
    yield from table(("  TYPE", "STATUS", "REASON", "MESSAGE"), [(f"  {row[0]}", *row[1:]) for row in rows])


def _events(events: list[Json] | str, now: int) -> Iterator[str]:
    if isinstance(events, str):
        yield f"events: not shown: {events}"
        return
    yield "events:" if events else "events: none"
    rows = []
    for event in events[-EVENTS_MAX:]:
        at = event.get("lastTimestamp") or event.get("eventTime")
        times = f" (x{event['count']})" if event.get("count", 1) > 1 else ""
        age = short(max(0, now - parse_instant(at))) if at else ""
        rows.append((f"  {age}", event["type"], event["reason"], f"{event['message']}{times}"))
    if rows:
        yield from table(("  AGO", "TYPE", "REASON", "MESSAGE"), rows)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as they must be, two spaces apart; control characters of others' texts become spaces."""
    if not rows:
        return
    clean = [tuple("".join(c if c.isprintable() else " " for c in cell) for cell in row) for row in rows]
    widths = [max(len(line[column]) for line in (head, *clean)) for column in range(len(head))]
    for line in (head, *clean):
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def short(duration_ms: int | None) -> str:
    """Whole seconds, "" for None."""
    if duration_ms is None:
        return ""
    return format_duration(max(0, duration_ms) // 1_000 * 1_000)
