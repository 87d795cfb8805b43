"""S5: do the live children of a workflow ever exceed its parallel limit, and is it told how many work (BR-WF-166)?

`status.activeSteps` is exact at every write of the executing phase (BR-WF-168): a place that nobody fills is one less.
"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint
from sim.history import History, ended
from wfexec.model.phases import Phase, StepState
from wfexec.units import so_many


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
    for step in history.steps:
        status = step.workflow.status
        if status.phase == Phase.EXECUTING:
            working = sum(1 for one in status.step_statuses if one.status is StepState.EXECUTING)
            if working != status.active_steps:
                meta = step.workflow.metadata
                message = f"activeSteps says {status.active_steps}, and {so_many(working, 'step works', 'steps work')}"
                yield Complaint("S5", step.at, f"{meta.namespace}/{meta.name}", message)
