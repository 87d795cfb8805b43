"""S5: do the live children of a workflow ever exceed its parallel limit (BR-WF-166)?"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint
from sim.history import History, ended


def check(history: History) -> Iterator[Complaint]:
    for move in history.children:
        if move.before is not None or move.after is None or move.workflow is None or ended(move.after):
            continue
        limit = move.workflow.spec.execution_strategy.max_parallel_steps or history.settings.max_parallel_steps
        live = len(move.siblings) + 1
        if live > limit:
            meta = move.after.metadata
            message = f"{live} children are active, the limit is {limit}"
            yield Complaint("S5", move.at, f"{meta.namespace}/{meta.name}", message)
