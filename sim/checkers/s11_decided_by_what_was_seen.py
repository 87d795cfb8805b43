"""S11: is every decision a function of what was seen and the time (BR-WF-025)?

The only checker that asks the core itself: what was recorded is decided once more, and must come out the same.
"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint
from sim.history import History
from wfexec.core.decide import decide


def check(history: History) -> Iterator[Complaint]:
    for snapshot, now, plan in history.decisions:
        again = decide(snapshot, now, history.settings)
        if again != plan:
            meta = snapshot.workflow.metadata
            parts = [field for field, one, other in zip(plan._fields, plan, again, strict=True) if one != other]
            message = f"the same snapshot at the same time gave another plan: {', '.join(parts)}"
            yield Complaint("S11", now, f"{meta.namespace}/{meta.name}", message)
