"""S1: is there ever more than one live child for one attempt of a step (BR-WF-013)?"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint
from sim.history import History, owner_uid
from sim.trace import is_undo
from wfexec.model.execution import KubernetesExecution
from wfexec.model.meta import ANNOTATION_ATTEMPT


def attempt_of(child: KubernetesExecution) -> tuple[int, str, bool]:
    """Step, attempt and whether it undoes: what a child stands for."""
    return (child.spec.step_number, child.metadata.annotations.get(ANNOTATION_ATTEMPT, ""), is_undo(child))


def check(history: History) -> Iterator[Complaint]:
    for move in history.children:
        if move.before is not None or move.after is None or not owner_uid(move.after):
            continue
        mine = attempt_of(move.after)
        for sibling in move.siblings:
            if attempt_of(sibling) == mine:
                meta = move.after.metadata
                message = f"step {mine[0]} attempt {mine[1] or '?'} already has the live child {sibling.metadata.name}"
                yield Complaint("S1", move.at, f"{meta.namespace}/{meta.name}", message)
