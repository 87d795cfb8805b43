"""S8: is there one final record of every workflow that was let go, kept before it went, true, and only one (BR-WF-001)?

Judged where there is an audit store. One that kept nothing for as long as the grace lasts is excused, and nobody else.
What single transitions leave in the store is not judged: nothing of them is kept yet.
"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint
from sim.history import History, WorkflowMove
from wfexec.model.audit import FinalRecord
from wfexec.model.meta import FINALIZER
from wfexec.model.requests import Code, KeepRows
from wfexec.model.status import WorkflowExecution


def check(history: History) -> Iterator[Complaint]:
    if not history.audited:
        return
    kept: dict[str, dict[tuple[str, int], tuple[int, FinalRecord]]] = {}
    for write in history.writes:
        if isinstance(write.body, KeepRows) and write.code is Code.OK:
            for row in write.body.rows:
                rows = kept.setdefault(row.uid, {})
                # What is given again under the same key changes nothing.
                if rows and row.key not in rows:
                    yield Complaint("S8", write.at, f"{row.namespace}/{row.name}", "a second final record")
                rows.setdefault(row.key, (write.at, row))
    for move in history.workflows:
        before = _let_go(move)
        if before is not None:
            yield from _judged(before, move.at, kept.get(before.metadata.uid, {}), history)


def _let_go(move: WorkflowMove) -> WorkflowExecution | None:
    """The workflow as it was when our finalizer went."""
    before, after = move.before, move.after
    if before is None or before.metadata.deletion_timestamp is None or FINALIZER not in before.metadata.finalizers:
        return None
    return before if after is None or FINALIZER not in after.metadata.finalizers else None


def _judged(
    before: WorkflowExecution, at: int, rows: dict[tuple[str, int], tuple[int, FinalRecord]], history: History
) -> Iterator[Complaint]:
    meta = before.metadata
    about = f"{meta.namespace}/{meta.name}"
    deleted = meta.deletion_timestamp or 0
    in_time = [row for kept_at, row in rows.values() if kept_at <= at]
    if not in_time:
        waited = at - deleted
        if waited + history.skew < history.settings.audit_grace:
            yield Complaint("S8", at, about, f"let go without its final record {waited} ms after it was deleted")
        return
    row = in_time[0]
    held = (str(before.status.phase), before.status.total_steps, meta.creation_timestamp, deleted)
    told = (row.phase, row.steps, row.created, row.deleted)
    if told != held:
        yield Complaint("S8", at, about, f"its final record says {told}, and the store held {held}")
