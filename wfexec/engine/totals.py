"""How much has one controller done and seen? Its counters gathered into one table, for the metrics of the runtime.

Called by the controller's `stats`. It must never change anything.
"""

from collections.abc import Iterable

from wfexec.engine.limiter import Limiter
from wfexec.engine.reconciler import Reconciler
from wfexec.engine.reflector import Reflector
from wfexec.engine.view import View


def totals(view: View, reconciler: Reconciler, followed: Iterable[Reflector], limiter: Limiter) -> dict[str, int]:
    reflectors = tuple(followed)
    return {
        "looks": reconciler.looks,
        "audited": int(reconciler.audited),
        "conflicts": reconciler.conflicts,
        "lost_replies": reconciler.lost,
        "relists": sum(each.relists for each in reflectors),
        "watch_restarts": sum(each.restarts for each in reflectors),
        "watch_renewals": sum(each.renewals for each in reflectors),
        "known_already": view.ignored,
        "stale_wakeups": view.deadlines.stale + view.queue.stale,
        "events_dropped": reconciler.recorder.dropped,
        "events_waiting": reconciler.recorder.waiting,
        "events_unanswered": reconciler.recorder.in_flight,
        "workflows": len(view.tracked),
        "queued": len(view.queue),
        "in_flight": limiter.in_flight,
        "pressure": limiter.pressure,
    }
