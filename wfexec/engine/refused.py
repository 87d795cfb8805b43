"""What becomes of a write that the API server refuses: when is it tried again, and who hears of it? (BR-WF-025)

Called by the reconciler. Nothing is lost by a refusal: what was not written is decided anew, from what stands there
then, and a child is made only once its intent was written. So it is tried again for as long as the workflow is there,
slower and slower; a missing right is told once it is believed, anything else at once, and each once until a success.
"""

from typing import Final

from wfexec.engine.applier import Application, considered
from wfexec.engine.backoff import delay_ms
from wfexec.engine.view import Tracked
from wfexec.engine.workqueue import WorkQueue
from wfexec.model.facts import FORBIDDEN_MS
from wfexec.model.plan import EventRecord, LogRecord, Plan, Record
from wfexec.model.redact import readable
from wfexec.model.requests import DeleteExecution, PatchStatus
from wfexec.model.snapshot import CreateFailure
from wfexec.settings import Settings

REASON: Final = "WriteRefused"
BASE_MS: Final = 100


def refused(
    tracked: Tracked, application: Application, queue: WorkQueue[Tracked], settings: Settings, now: int
) -> tuple[Record, ...]:
    """Book one more refusal and when it is tried again; what there is to tell of it."""
    final = application.refusal is not None and considered(application.refusal[1])
    slow = settings.requeue_error
    queue.retry(
        tracked, tracked.level, now, base_ms=BASE_MS, cap_ms=slow, least_ms=slow if final else 0, salt=tracked.uid
    )
    since, told = tracked.refusals or (now, False)
    telling = not told and (final or now - since >= FORBIDDEN_MS)
    tracked.refusals = (since, told or telling)
    return _told(tracked, application) if telling else ()


def accepted(tracked: Tracked) -> tuple[Record, ...]:
    """The API server took a write again."""
    before, tracked.refusals = tracked.refusals, None
    if before is None or not before[1]:
        return ()
    return (LogRecord("info", "the API server takes its writes again", _who(tracked)),)


def _told(tracked: Tracked, application: Application) -> tuple[Record, ...]:
    assert application.refusal is not None
    body, outcome = application.refusal
    if isinstance(body, DeleteExecution):
        what = f"the deletion of {body.key.name}"
    else:
        what = "its status" if isinstance(body, PatchStatus) else "its metadata"
    why = readable(outcome.message)
    text = f"the API server refuses {what}; nothing is lost, and it is tried again: {why}"
    fields = (*_who(tracked), ("what", what), ("why", why))
    return (EventRecord("Warning", REASON, text), LogRecord("warning", "the API server refuses a write", fields))


def _who(tracked: Tracked) -> tuple[tuple[str, str], ...]:
    return (("workflow", f"{tracked.key.namespace}/{tracked.key.name}"),)


def create_delay(failure: CreateFailure, settings: Settings) -> int:
    """How long the creation of a child waits that was refused: as after a conflict, then at the pace of errors."""
    slow = settings.requeue_error
    return slow if failure.final else delay_ms(BASE_MS, failure.times - 1, slow)


def hold_back(tracked: Tracked, plan: Plan, queue: WorkQueue[Tracked], settings: Settings, now: int) -> Plan:
    """Without the creations that were refused a moment ago: whatever wakes us, those keep their back-off."""
    creates = []
    for body in plan.creates:
        failure = tracked.failures.get(body.metadata.name)
        due_at = 0 if failure is None else failure.at + create_delay(failure, settings)
        if due_at <= now:
            creates.append(body)
        else:
            queue.add_at(tracked, tracked.level, due_at)
    return plan if len(creates) == len(plan.creates) else plan._replace(creates=tuple(creates))
