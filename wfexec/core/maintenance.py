"""Is somebody holding everything up? A label on a namespace stops all that begins there (BR-WF-005).

Called by `decide` and by the rolling-back phase. On the controller's own namespace the label counts for all workflows.
Where namespaces cannot be seen nobody is known to hold anything up.
"""

from typing import Final

from wfexec.core.draft import Draft
from wfexec.model.bearings import in_maintenance
from wfexec.model.meta import LABEL_MAINTENANCE

PAUSED: Final = "Paused"


def held(draft: Draft) -> str:
    """The namespace whose label holds this workflow up; "" where nothing does."""
    namespaces = draft.snapshot.bearings.namespaces
    if namespaces is None:
        return ""
    own = draft.workflow.metadata.namespace
    for name in (own, draft.settings.controller_namespace):
        if in_maintenance(namespaces.get(name)):
            return name
    return ""


def why_held(namespace: str) -> str:
    return f"namespace {namespace} is in maintenance: its label {LABEL_MAINTENANCE} is true"


def hold_rollback(draft: Draft) -> bool:
    """A rollback keeps its phase: its clock stops, and what it has not started waits; true while it does."""
    namespace, since = held(draft), draft.get("paused_at")
    if not namespace:
        let_rollback_go(draft)
        return False
    if since is None:
        draft.set(paused_at=draft.now)
        draft.event("Normal", "Paused", f"the rollback waits: {why_held(namespace)}")
    draft.condition(PAUSED, True, "Maintenance", why_held(namespace))
    return True


def let_rollback_go(draft: Draft) -> None:
    """Its clock goes on from where it stood; nothing for one that was never held up."""
    since = draft.get("paused_at")
    if since is None:
        return
    draft.set(paused_at=None, paused_total=draft.get("paused_total") + max(0, draft.now - since))
    draft.condition(PAUSED, False, "Resumed")
    draft.event("Normal", "Resumed", "the rollback goes on: the maintenance is over")
