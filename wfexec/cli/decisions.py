"""`wfexec approve` and `wfexec reject`: a person's word about a workflow that waits for it (BR-WF-018)."""

from functools import partial
from typing import Annotated, Final

import typer

from wfexec.cli.answers import WAIT_S, Answer, Wait, ask
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
    ANNOTATION_APPROVAL,
    ANNOTATION_APPROVAL_REASON,
    ANNOTATION_APPROVAL_TIME,
    ANNOTATION_APPROVED_BY,
)
from wfexec.units import format_instant

APPROVE_EXAMPLE: Final = 'Example: wfexec approve recover-shop -n shop --reason "drained by hand before"'
REJECT_EXAMPLE: Final = 'Example: wfexec reject recover-shop -n shop --reason "not during the sale"'
# In the message of a word that does not count.
IGNORED: Final = " is ignored: "
Reason = Annotated[str, typer.Option(help="Why; it is written down.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Both commands."""
    app.command(epilog=APPROVE_EXAMPLE)(approve)
    app.command(epilog=REJECT_EXAMPLE)(reject)


def approve(
    name: Name,
    namespace: Namespace = None,
    reason: Reason = "",
    wait: Wait = WAIT_S,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Let a workflow start that waits for an approval."""
    _decide(Where(name, namespace, kubeconfig, context), "approved", reason, wait)


def reject(
    name: Name,
    namespace: Namespace = None,
    reason: Reason = "",
    wait: Wait = WAIT_S,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Refuse a workflow that waits for an approval. It fails and nothing is done."""
    _decide(Where(name, namespace, kubeconfig, context), "rejected", reason, wait)


def _decide(where: Where, word: str, reason: str, wait: float) -> None:
    def change(workflow: Json, user: str, now: int) -> Json:
        return {"metadata": {"annotations": _marks(word, reason, workflow, user, now)}}

    ask(where, change, partial(_answered, word), wait)


def _answered(word: str, before: Json, workflow: Json, user: str) -> Answer | None:
    """What became of the word; None while it waits for the controller, or for the end of a pause."""
    phase, condition = phase_of(workflow) or "new", condition_of(workflow, "Approved")
    said, message = condition.get("reason", ""), condition.get("message", "")
    decided = {"Granted": "approved", "Rejected": "rejected"}.get(said)
    if decided == word:
        return Answer(True, f"{word} by {user}" if _is_of(message, user) else f"{word} {message} meanwhile")
    if decided == "approved" and phase in ("validating", "paused"):
        return None
    if decided is not None:
        return Answer(False, f"refused: already {decided} {message}; it is {phase}")
    if said == "Expired":
        return Answer(False, f"refused: too late: {message}")
    if said == "Pending" and IGNORED in message and condition != condition_of(before, "Approved"):
        return Answer(False, f"refused: {message}")
    if phase not in ("validating", "paused"):
        return Answer(False, f"refused: not waiting for an approval any more: it is {phase}")
    return None


def _is_of(message: str, user: str) -> bool:
    return message == f"by {user}" or message.startswith(f"by {user}: ")


def _marks(word: str, reason: str, workflow: Json, user: str, now: int) -> dict[str, str | None]:
    """The annotations of a decision; raises where there is nothing to decide, or where it is decided already."""
    what, condition = title(workflow), condition_of(workflow, "Approved")
    why = _settled(workflow, condition, word, user)
    if why:
        raise refusal(what, why)
    return {
        ANNOTATION_APPROVAL: word,
        ANNOTATION_APPROVED_BY: user,
        ANNOTATION_APPROVAL_TIME: format_instant(now - now % 1_000),
        ANNOTATION_APPROVAL_REASON: reason or None,
    }


def _settled(workflow: Json, condition: Json, word: str, user: str) -> str:
    """Why the word would have no effect; "" when it would."""
    phase = phase_of(workflow) or "new"
    match condition.get("reason", ""):
        case "Granted" if phase != "validating" or word == "approved":
            return f"already decided: approved {condition['message']}; it is {phase}"
        case "Rejected":
            return f"already decided: rejected {condition['message']}; it is {phase}"
        case "Expired":
            return f"too late: {condition['message']}; it is {phase}"
        case "Pending" if phase in ("validating", "paused"):
            marks = workflow["metadata"].get("annotations") or {}
            same = marks.get(ANNOTATION_APPROVAL) == word and marks.get(ANNOTATION_APPROVED_BY) == user
            if same and IGNORED in condition.get("message", ""):
                return f"refused before: {condition['message']}"
            return f"already decided: {word} by {user}; the controller has yet to see it" if same else ""
        case "Granted":
            return ""
        case _:
            return f"not waiting for an approval: it is {phase}"
