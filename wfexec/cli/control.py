"""`wfexec pause, resume, cancel, retry, skip, complete, rollback`: a person's hand on a workflow that lives.

(BR-WF-005, BR-WF-018, BR-WF-052) Each command sets what kubectl could set as well, signed with the name the cluster
knows the person by, and then waits until the controller has taken or refused it.
"""

from collections.abc import Callable
from enum import StrEnum
from time import monotonic
from typing import Annotated, Final

import typer

from wfexec.cli.cluster import (
    Context,
    Edit,
    Json,
    Kubeconfig,
    Name,
    Namespace,
    Where,
    condition_of,
    edit,
    phase_of,
    refusal,
    somebody,
    title,
)
from wfexec.model.meta import (
    ANNOTATION_COMPLETE_STEP,
    ANNOTATION_INTERVENED_BY,
    ANNOTATION_MANUAL_RETRY,
    ANNOTATION_RETRY_STEP,
    ANNOTATION_ROLLBACK,
    ANNOTATION_ROLLBACK_BY,
    ANNOTATION_ROLLBACK_TO,
    ANNOTATION_SKIP_STEP,
)
from wfexec.model.phases import TERMINAL

PAUSE_EXAMPLE: Final = "Example: wfexec pause recover-shop -n shop"
RESUME_EXAMPLE: Final = "Example: wfexec resume recover-shop -n shop"
CANCEL_EXAMPLE: Final = "Example: wfexec cancel recover-shop -n shop --rollback automatic"
RETRY_EXAMPLE: Final = (
    "Example: wfexec retry recover-shop -n shop (the whole failed workflow), or: retry recover-shop 3"
)
SKIP_EXAMPLE: Final = "Example: wfexec skip recover-shop 3 -n shop"
COMPLETE_EXAMPLE: Final = "Example: wfexec complete recover-shop drain-node -n shop"
ROLLBACK_EXAMPLE: Final = "Example: wfexec rollback recover-shop -n shop --to 2"
REFUSED: Final = 3
ENDED: Final = frozenset(str(phase) for phase in TERMINAL)

Steps = Annotated[list[str], typer.Argument(metavar="STEP…", help="Step numbers or names.")]
Wait = Annotated[
    float, typer.Option(help="Seconds to wait for the controller's answer; 0 does not wait.", min=0, max=3_600)
]
WAIT_S: Final = 15.0


class Children(StrEnum):
    WAIT = "wait"
    DELETE = "delete"


class Rollback(StrEnum):
    NONE = "none"
    AUTOMATIC = "automatic"


def register(app: typer.Typer) -> None:
    """All of them."""
    for command, example in (
        (pause, PAUSE_EXAMPLE),
        (resume, RESUME_EXAMPLE),
        (cancel, CANCEL_EXAMPLE),
        (retry, RETRY_EXAMPLE),
        (skip, SKIP_EXAMPLE),
        (complete, COMPLETE_EXAMPLE),
        (rollback, ROLLBACK_EXAMPLE),
    ):
        app.command(epilog=example)(command)


def pause(name: Name, namespace: Namespace = None, kubeconfig: Kubeconfig = None, context: Context = None) -> None:
    """Let nothing new start; what runs may finish."""

    def change(workflow: Json, _user: str, _now: int) -> Json:
        _alive(workflow)
        if phase_of(workflow) == "rolling_back":
            raise refusal(title(workflow), "a rollback is not paused; let it end")
        if workflow["spec"].get("suspend"):
            raise refusal(title(workflow), "it is suspended already")
        return {"spec": {"suspend": True}}

    _done(Where(name, namespace, kubeconfig, context), change, "paused")


def resume(name: Name, namespace: Namespace = None, kubeconfig: Kubeconfig = None, context: Context = None) -> None:
    """Let a paused workflow go on. The time of the pause does not count."""

    def change(workflow: Json, _user: str, _now: int) -> Json:
        _alive(workflow)
        if not workflow["spec"].get("suspend"):
            raise refusal(title(workflow), f"it is not suspended: it is {phase_of(workflow) or 'new'}")
        return {"spec": {"suspend": False}}

    _done(Where(name, namespace, kubeconfig, context), change, "resumed")


def cancel(
    name: Name,
    namespace: Namespace = None,
    children: Annotated[Children, typer.Option(help="Running children: wait for them or delete them.")] = Children.WAIT,
    rollback: Annotated[Rollback, typer.Option(help="Undo what was done, or leave it.")] = Rollback.NONE,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """End a workflow for good."""

    def change(workflow: Json, _user: str, _now: int) -> Json:
        _alive(workflow)
        if workflow["spec"].get("cancel"):
            raise refusal(title(workflow), f"it is cancelled already, and still {phase_of(workflow) or 'new'}")
        return {"spec": {"cancel": True, "onCancel": {"children": children.value, "rollback": rollback.value}}}

    _done(Where(name, namespace, kubeconfig, context), change, "cancelled")


def retry(
    name: Name,
    steps: Annotated[
        list[str] | None, typer.Argument(metavar="STEP…", help="Step numbers or names; none: all that failed.")
    ] = None,
    namespace: Namespace = None,
    wait: Wait = WAIT_S,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Try a failed workflow again, or single steps of a running one."""
    where = Where(name, namespace, kubeconfig, context)
    if steps:
        _steps(where, ANNOTATION_RETRY_STEP, steps, wait)
    else:
        _wish(where, {ANNOTATION_MANUAL_RETRY: "true"}, ANNOTATION_INTERVENED_BY, wait)


def skip(
    name: Name,
    steps: Steps,
    namespace: Namespace = None,
    wait: Wait = WAIT_S,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Leave steps out, and with them what depends on them."""
    _steps(Where(name, namespace, kubeconfig, context), ANNOTATION_SKIP_STEP, steps, wait)


def complete(
    name: Name,
    steps: Steps,
    namespace: Namespace = None,
    wait: Wait = WAIT_S,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Call steps completed. You have looked, and what depends on them may start."""
    _steps(Where(name, namespace, kubeconfig, context), ANNOTATION_COMPLETE_STEP, steps, wait)


def rollback(
    name: Name,
    namespace: Namespace = None,
    to: Annotated[int | None, typer.Option(min=0, help="Keep steps up to this number; 0 keeps none.")] = None,
    wait: Wait = WAIT_S,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Undo what a failed or running workflow has done."""
    marks = {ANNOTATION_ROLLBACK: "requested"}
    if to is not None:
        marks[ANNOTATION_ROLLBACK_TO] = str(to)
    _wish(Where(name, namespace, kubeconfig, context), marks, ANNOTATION_ROLLBACK_BY, wait)


def _alive(workflow: Json) -> None:
    if phase_of(workflow) in ENDED:
        raise refusal(title(workflow), f"it has ended: {phase_of(workflow)}")


def _done(where: Where, change: Edit, word: str) -> None:
    what, user = edit(where, change)
    typer.echo(f"{what}: {word} by {user}")


def _steps(where: Where, key: str, steps: list[str], wait: float) -> None:
    _wish(where, {key: ",".join(steps)}, ANNOTATION_INTERVENED_BY, wait, _known(steps))


def _known(steps: list[str]) -> Callable[[Json], None]:
    def check(workflow: Json) -> None:
        found = workflow.get("status", {}).get("stepStatuses") or []
        known = {str(step["stepNumber"]) for step in found} | {step.get("name", "") for step in found}
        for step in steps:
            if known and step not in known:
                names = ", ".join(f"{one['stepNumber']} {one.get('name', '')}".strip() for one in found)
                raise refusal(title(workflow), f"there is no step {step!r}; there are: {names}")

    return check


def _wish(
    where: Where, marks: dict[str, str], signature: str, wait: float, check: Callable[[Json], None] | None = None
) -> None:
    """Set the annotations, signed, and tell what became of them; exit code 3 when the controller refused."""

    def change(workflow: Json, user: str, _now: int) -> Json:
        if check is not None:
            check(workflow)
        present = workflow["metadata"].get("annotations") or {}
        if any(key in present for key in marks):
            raise refusal(title(workflow), "the same was asked before, and the controller has yet to see it")
        return {"metadata": {"annotations": {**marks, signature: user}}}

    what, user = edit(where, change)
    if not wait:
        typer.echo(f"{what}: asked by {user}")
        return
    workflow = _taken(where, tuple(marks), wait)
    if workflow is None:
        typer.echo(f"{what}: asked by {user}; the controller has not answered within {wait:g} s")
        return
    kind = "RollbackRequested" if signature == ANNOTATION_ROLLBACK_BY else "Intervened"
    condition = condition_of(workflow, kind)
    if condition.get("status") == "False":
        typer.echo(f"{what}: refused: {condition.get('message', '')}", err=True)
        raise typer.Exit(REFUSED)
    typer.echo(f"{what}: taken, asked by {user}; it is {phase_of(workflow)}")


def _taken(where: Where, keys: tuple[str, ...], wait: float) -> Json | None:
    """The workflow once the controller has taken the annotations away; None when it does not in time."""
    end = monotonic() + wait
    with somebody(where) as (person, namespace):
        for workflow in person.follow(namespace, where.name, lambda: max(0.0, end - monotonic())):
            if workflow is None:
                raise refusal(f"{namespace}/{where.name}", "it was deleted meanwhile")
            if not any(key in (workflow["metadata"].get("annotations") or {}) for key in keys):
                return workflow
    return None
