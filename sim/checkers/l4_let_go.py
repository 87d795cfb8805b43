"""L4: do deletions complete: is our finalizer removed, and are children collected that lost their owner (BR-WF-018)?"""

from collections.abc import Iterator

from sim.checkers.complaint import Complaint, slack_ms
from sim.history import History, owner_uid
from wfexec.model.execution import KubernetesExecution
from wfexec.model.meta import FINALIZER


def check(history: History) -> Iterator[Complaint]:
    slack = slack_ms(history)
    # What an audit store may hold up, its last try included.
    grace = history.settings.audit_grace + history.settings.request_timeout if history.audited else 0
    alive = {thing.metadata.uid for thing in history.finals}
    gone = {move.before.metadata.uid: move.at for move in history.workflows if move.after is None and move.before}
    for thing in history.finals:
        meta = thing.metadata
        about = f"{meta.namespace}/{meta.name}"
        since = meta.deletion_timestamp
        if since is not None and FINALIZER in meta.finalizers and history.end > since + grace + slack:
            yield Complaint("L4", history.end, about, f"deleted {history.end - since} ms ago and still held by us")
        if isinstance(thing, KubernetesExecution):
            owner = owner_uid(thing)
            lost = gone.get(owner)
            if owner not in alive and lost is not None and history.end > lost + slack:
                yield Complaint("L4", history.end, about, "its owner is gone, and it was not collected")
