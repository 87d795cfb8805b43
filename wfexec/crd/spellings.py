"""Which names did the two kinds have in older texts, and what are they called now?

Called by the file reader, which refuses the old ones but says the new one.
"""

import difflib
from collections.abc import Iterable
from typing import Final

OLD_FIELDS: Final = {
    "alertRemediationRef": "remediationRequestRef",
    "suspended": "suspend",
    "paused": "suspend",
    "pause": "suspend",
    "cancelled": "cancel",
    "canceled": "cancel",
    "rego": "expr",
    "condition": "when",
    "critical": "criticalStep",
    "retries": "maxRetries",
    "rollback": "rollbackSpec",
    "rollbackEnabled": "executionStrategy.rollbackStrategy",
    "retryStrategy": "maxRetries",
    "parallelismLimit": "maxParallelSteps",
    "workflowName": "workflowDefinition.name",
    "workflowVersion": "workflowDefinition.version",
    "templateName": "templateRef.name",
    "templateVersion": "templateRef.version",
    "podSelector": "selector",
    "stepIndex": "stepNumber",
    "source": "recommendationSource",
}
OLD_VALUES: Final = {
    "rbac-check": "rbac",
    "resource-availability": "health",
    "partial_success": "partial-success",
    "sequential_with_parallel": "sequential-with-parallel",
}
OLD_KINDS: Final = {"AlertRemediation": "RemediationRequest"}


def hint(written: str, known: Iterable[str], old: dict[str, str] = OLD_FIELDS) -> str:
    """`did you mean x?` for the nearest known name, "" when nothing is near."""
    names = list(known)
    now = old.get(written)
    if now is not None and now.partition(".")[0] in names:
        return f"it is called {now} now"
    lowered = {name.lower().replace("_", ""): name for name in names}
    near = difflib.get_close_matches(written.lower().replace("_", "")[:253], lowered, 1, 0.7)
    return f"did you mean {lowered[near[0]]}?" if near else ""
