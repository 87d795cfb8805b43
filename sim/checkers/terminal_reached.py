"""L1: once faults have stopped, does every workflow reach a terminal phase and come to rest (BR-WF-030)?

One that somebody keeps suspended may wait for ever.
"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint
from sim.history import History
from wfexec.model.phases import TERMINAL
from wfexec.model.status import WorkflowExecution


def check(history: History) -> Iterator[Complaint]:
    if history.cut:
        return
    at = max((move.at for move in history.workflows), default=0)
    for thing in history.finals:
        if isinstance(thing, WorkflowExecution) and thing.status.phase not in TERMINAL and not thing.spec.suspend:
            meta = thing.metadata
            message = f"still {thing.status.phase or 'new'} when nothing was left to happen"
            yield Complaint("L1", at, f"{meta.namespace}/{meta.name}", message)
