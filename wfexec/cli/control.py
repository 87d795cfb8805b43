"""`wfexec pause, resume, cancel, retry, skip, complete, rollback`: a person's hand on a workflow that lives.

(BR-WF-005, BR-WF-018, BR-WF-052) Each command sets what kubectl could set as well, signed with the name the cluster
knows the person by, waits for the controller, and says what status tells: accepted, refused, or not answered yet.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Annotated, Final

import typer

from wfexec.cli.answers import WAIT_S, Answer, Judge, Wait, ask, seen
from wfexec.cli.cluster import (
    Context,
    Json,
    Kubeconfig,
    Name,
    Namespace,
    Where,
    condition_of,
    phase_of,
    refusal,
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
ENDED: Final = frozenset(str(phase) for phase in TERMINAL)

Steps = Annotated[list[str], typer.Argument(metavar="STEP…", help="Step numbers or names.")]
# The state that a request is a wish for.
THERE: Final = {ANNOTATION_SKIP_STEP: "skipped", ANNOTATION_COMPLETE_STEP: "completed"}


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


def pause(
    name: Name,
    namespace: Namespace = None,
    wait: Wait = WAIT_S,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Let nothing new start; what runs may finish."""

    def change(workflow: Json, _user: str, _now: int) -> Json:
        _alive(workflow)
        if phase_of(workflow) == "rolling_back":
            raise refusal(title(workflow), "a rollback is not paused; let it end")
        if workflow["spec"].get("suspend"):
            raise refusal(title(workflow), "it is suspended already")
        return {"spec": {"suspend": True}}

    ask(Where(name, namespace, kubeconfig, context), change, _paused, wait)


def resume(
    name: Name,
    namespace: Namespace = None,
    wait: Wait = WAIT_S,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Let a paused workflow go on. The time of the pause does not count."""

    def change(workflow: Json, _user: str, _now: int) -> Json:
        _alive(workflow)
        if not workflow["spec"].get("suspend"):
            raise refusal(title(workflow), f"it is not suspended: it is {phase_of(workflow) or 'new'}")
        return {"spec": {"suspend": False}}

    ask(Where(name, namespace, kubeconfig, context), change, _resumed, wait)


def cancel(
    name: Name,
    namespace: Namespace = None,
    children: Annotated[Children, typer.Option(help="Running children: wait for them or delete them.")] = Children.WAIT,
    rollback: Annotated[Rollback, typer.Option(help="Undo what was done, or leave it.")] = Rollback.NONE,
    wait: Wait = WAIT_S,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """End a workflow for good."""

    def change(workflow: Json, _user: str, _now: int) -> Json:
        _alive(workflow)
        if workflow["spec"].get("cancel"):
            raise refusal(title(workflow), f"it is cancelled already, and still {phase_of(workflow) or 'new'}")
        return {"spec": {"cancel": True, "onCancel": {"children": children.value, "rollback": rollback.value}}}

    ask(Where(name, namespace, kubeconfig, context), change, _cancelled, wait)


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
        marks = {ANNOTATION_MANUAL_RETRY: "true"}
        _wish(where, marks, ANNOTATION_INTERVENED_BY, wait, _has_failed, partial(_intervened, tuple(marks), None))


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
    where = Where(name, namespace, kubeconfig, context)
    _wish(where, marks, ANNOTATION_ROLLBACK_BY, wait, _not_rolling_back, _rollback_answered)


def _alive(workflow: Json) -> None:
    if phase_of(workflow) in ENDED:
        raise refusal(title(workflow), f"it has ended: {phase_of(workflow)}")


def _steps(where: Where, key: str, steps: list[str], wait: float) -> None:
    check, judge = partial(_can_be_meant, key, steps), partial(_intervened, (key,), steps)
    _wish(where, {key: ",".join(steps)}, ANNOTATION_INTERVENED_BY, wait, check, judge)


def _wish(
    where: Where, marks: dict[str, str], signature: str, wait: float, check: Callable[[Json], None], judge: Judge
) -> None:
    """Set the annotations, signed, and tell what became of them."""

    def change(workflow: Json, user: str, _now: int) -> Json:
        check(workflow)
        if _asked(workflow, tuple(marks)):
            raise refusal(title(workflow), "the same was asked before, and the controller has yet to answer")
        return {"metadata": {"annotations": {**marks, signature: user}}}

    ask(where, change, judge, wait)


def _asked(workflow: Json, keys: tuple[str, ...]) -> bool:
    return any(key in (workflow["metadata"].get("annotations") or {}) for key in keys)


def _has_failed(workflow: Json) -> None:
    phase = phase_of(workflow) or "new"
    if phase == "executing":
        why = "it is executing; only a failed workflow is tried again as a whole; name the steps to try again"
        raise refusal(title(workflow), f"{why}: wfexec retry {workflow['metadata']['name']} STEP")
    if phase != "failed":
        raise refusal(title(workflow), f"only a failed workflow is tried again, and this one is {phase}")


def _not_rolling_back(workflow: Json) -> None:
    phase, condition = phase_of(workflow), condition_of(workflow, "RollbackRequested")
    if phase == "rolling_back":
        raise refusal(title(workflow), "it is rolling back already; follow it with: wfexec watch")
    if condition.get("status") == "True" and _asked(workflow, (ANNOTATION_ROLLBACK,)):
        why = f"a rollback is accepted already, {condition.get('message', '')}"
        raise refusal(title(workflow), f"{why}; it is {phase}, and begins when the steps that run have ended")


def _can_be_meant(key: str, steps: list[str], workflow: Json) -> None:
    known = {str(step["stepNumber"]): step for step in _states(workflow)}
    known |= {step["name"]: step for step in _states(workflow) if step.get("name")}
    for step in steps:
        if known and step not in known:
            names = ", ".join(f"{one['stepNumber']} {one.get('name', '')}".strip() for one in _states(workflow))
            raise refusal(title(workflow), f"there is no step {step!r}; there are: {names}")
    _may_execute(workflow)
    if known and key in THERE and all(known[step].get("status") == THERE[key] for step in steps):
        raise refusal(title(workflow), f"already {THERE[key]}: step {', '.join(steps)}; nothing is left to ask for")


def _may_execute(workflow: Json) -> None:
    if phase_of(workflow) == "failed":
        fix = f"try all its failed steps again with: wfexec retry {workflow['metadata']['name']}"
        raise refusal(title(workflow), f"it is failed, and steps are changed while a workflow executes; {fix}")
    _alive(workflow)
    if workflow["spec"].get("cancel"):
        raise refusal(title(workflow), f"it is being cancelled, and still {phase_of(workflow) or 'new'}; let it end")


def _states(workflow: Json) -> list[Json]:
    return workflow.get("status", {}).get("stepStatuses") or []


def _paused(_before: Json, workflow: Json, user: str) -> Answer | None:
    phase = phase_of(workflow)
    if phase == "paused":
        return Answer(True, f"paused by {user}")
    if phase in ENDED:
        return Answer(False, f"not paused: it has ended: {phase}")
    if phase == "rolling_back" and seen(workflow):
        return Answer(False, "refused: a rollback is not paused; let it end")
    return None


def _resumed(_before: Json, workflow: Json, user: str) -> Answer | None:
    condition = condition_of(workflow, "Paused")
    if phase_of(workflow) != "paused":
        return Answer(True, f"resumed by {user}; it is {phase_of(workflow) or 'new'}")
    if condition.get("reason") == "Maintenance":
        return Answer(True, f"no longer suspended, asked by {user}; still paused: {condition.get('message', '')}")
    return None


def _cancelled(_before: Json, workflow: Json, user: str) -> Answer | None:
    phase = phase_of(workflow)
    if phase == "cancelled":
        return Answer(True, f"cancelled by {user}")
    if phase in ENDED:
        return Answer(False, f"not cancelled: it has ended: {phase}")
    if seen(workflow):
        told = condition_of(workflow, "CancelRequested")
        message = told.get("message") or workflow["status"].get("message", "")
        return Answer(True, f"cancel accepted, asked by {user}; it is {phase}{f': {message}' if message else ''}")
    return None


def _rollback_answered(before: Json, workflow: Json, user: str) -> Answer | None:
    """The answer stands in status before the request is taken away: an accepted one waits for the steps that run."""
    phase, condition = phase_of(workflow), condition_of(workflow, "RollbackRequested")
    fresh = condition != condition_of(before, "RollbackRequested")
    if not fresh and _asked(workflow, (ANNOTATION_ROLLBACK,)):
        return None
    if condition.get("status") == "True":
        begins = "" if phase in ("rolling_back", *ENDED) else ", and begins when the steps that run have ended"
        return Answer(True, f"accepted, asked by {user}; it is {phase}{begins}")
    if not fresh and phase == "rolling_back":
        return Answer(False, "superfluous: it is rolling back already")
    return Answer(False, f"refused: {condition.get('message', '')}")


def _intervened(
    keys: tuple[str, ...], steps: list[str] | None, before: Json, workflow: Json, user: str
) -> Answer | None:
    """Once the request is taken away, all of it is answered; `steps`: None for all of them."""
    if _asked(workflow, keys):
        return None
    condition = condition_of(workflow, "Intervened")
    fresh = condition != condition_of(before, "Intervened")
    moved = _chosen(before, steps) != _chosen(workflow, steps)
    holds = condition.get("status") == "True"
    if condition and not holds and (fresh or not moved):
        return Answer(False, f"refused: {condition.get('message', '')}")
    if moved or (holds and fresh):
        return Answer(True, f"taken, asked by {user}; it is {phase_of(workflow)}")
    return Answer(False, "the controller took the request away, and nothing has changed; look with: wfexec describe")


def _chosen(workflow: Json, steps: list[str] | None) -> list[Json]:
    found = _states(workflow)
    if steps is None:
        return found
    return [one for one in found if str(one["stepNumber"]) in steps or one.get("name") in steps]
