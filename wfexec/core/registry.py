"""Which actions exist and what is known of each before it runs (BR-WF-003, BR-WF-005).

One row per action. The canonical name is kebab case; snake case, plurals and the executor's own words are aliases. A
step's word travels to the child as it was written; the registry only decides what it means.
"""

from difflib import get_close_matches
from typing import Final, NamedTuple

SECOND: Final = 1_000
MINUTE: Final = 60_000

# Members of StepParameters by short name, and what the action is about.
CUSTOM: Final = ("custom",)


class Action(NamedTuple):
    """`members`: parameter members it may carry, () when it takes none; `usual_ms`: shortest and longest usual run.

    `undo` is the default undo action, "" for none; `destructive` actions end or displace running work.
    """

    name: str
    members: tuple[str, ...]
    usual_ms: tuple[int, int]
    undo: str
    destructive: bool
    optional_parameters: bool


def _row(
    name: str,
    members: tuple[str, ...],
    low: int,
    high: int,
    undo: str = "",
    *,
    destructive: bool = False,
    optional: bool = False,
) -> Action:
    return Action(name, members, (low, high), undo, destructive, optional)


ACTIONS: Final[tuple[Action, ...]] = (
    _row("scale-deployment", ("scale_deployment",), 10 * SECOND, 30 * SECOND, "scale-deployment"),
    _row("restart-deployment", ("restart_deployment",), 30 * SECOND, 2 * MINUTE),
    _row("restart-pod", ("restart_pod",), 5 * SECOND, 15 * SECOND, destructive=True),
    _row("delete-pod", ("delete_pod",), 5 * SECOND, 15 * SECOND, destructive=True),
    _row("update-image", ("update_image",), 30 * SECOND, 2 * MINUTE, "patch-deployment"),
    _row("patch-deployment", ("update_image", "custom"), 30 * SECOND, 2 * MINUTE, "patch-deployment"),
    _row("rollback-deployment", CUSTOM, 30 * SECOND, 2 * MINUTE),
    _row("update-configmap", ("update_config_map",), 2 * SECOND, 10 * SECOND, "update-configmap"),
    _row("patch-configmap", ("update_config_map", "custom"), 2 * SECOND, 10 * SECOND, "update-configmap"),
    _row("update-secret", ("update_secret",), 2 * SECOND, 10 * SECOND),
    _row("restore-previous-config", ("update_config_map", "custom"), 2 * SECOND, 10 * SECOND),
    _row("cordon-node", ("cordon_node",), 2 * SECOND, 5 * SECOND, "uncordon-node", destructive=True),
    _row("uncordon-node", ("cordon_node", "custom"), 2 * SECOND, 5 * SECOND),
    _row("drain-node", ("drain_node",), 1 * MINUTE, 5 * MINUTE, "uncordon-node", destructive=True),
    _row("increase-resources", CUSTOM, 30 * SECOND, 2 * MINUTE),
    _row("increase-memory-limit", CUSTOM, 30 * SECOND, 2 * MINUTE),
    _row("expand-pvc", CUSTOM, 1 * MINUTE, 5 * MINUTE),
    _row("taint-node", CUSTOM, 5 * SECOND, 10 * SECOND),
    _row("untaint-node", CUSTOM, 2 * SECOND, 5 * SECOND),
    _row("quarantine-pod", CUSTOM, 10 * SECOND, 20 * SECOND, destructive=True),
    _row("update-hpa", CUSTOM, 5 * SECOND, 10 * SECOND),
    _row("restart-daemonset", CUSTOM, 30 * SECOND, 2 * MINUTE),
    _row("scale-statefulset", CUSTOM, 30 * SECOND, 5 * MINUTE),
    _row("optimize-resources", CUSTOM, 30 * SECOND, 5 * MINUTE),
    _row("migrate-workload", CUSTOM, 1 * MINUTE, 10 * MINUTE, destructive=True),
    _row("cleanup-storage", CUSTOM, 30 * SECOND, 5 * MINUTE),
    _row("backup-data", CUSTOM, 1 * MINUTE, 10 * MINUTE),
    _row("compact-storage", CUSTOM, 5 * MINUTE, 30 * MINUTE),
    _row("rotate-secrets", CUSTOM, 10 * SECOND, 30 * SECOND),
    _row("audit-logs", CUSTOM, 30 * SECOND, 2 * MINUTE, optional=True),
    _row("update-network-policy", CUSTOM, 5 * SECOND, 15 * SECOND),
    _row("restart-network", CUSTOM, 30 * SECOND, 2 * MINUTE),
    _row("reset-service-mesh", CUSTOM, 1 * MINUTE, 5 * MINUTE),
    _row("failover-database", CUSTOM, 30 * SECOND, 5 * MINUTE),
    _row("repair-database", CUSTOM, 5 * MINUTE, 30 * MINUTE),
    _row("enable-debug-mode", CUSTOM, 5 * SECOND, 15 * SECOND),
    _row("create-heap-dump", CUSTOM, 30 * SECOND, 2 * MINUTE),
    _row("collect-diagnostics", CUSTOM, 1 * MINUTE, 5 * MINUTE, optional=True),
    _row("notify-only", CUSTOM, 100, 1 * SECOND, optional=True),
    _row("apply-manifest", CUSTOM, 5 * SECOND, 30 * SECOND),
    _row("verify-deployment", CUSTOM, 5 * SECOND, 30 * SECOND, optional=True),
    _row("verify-health", CUSTOM, 5 * SECOND, 30 * SECOND, optional=True),
    _row("check-pod-health", CUSTOM, 5 * SECOND, 30 * SECOND, optional=True),
    _row("custom", CUSTOM, 10 * SECOND, 60 * SECOND),
)

# Actions that fail while their target is not healthy, and all that look or tell and leave everything as it is.
VERIFYING: Final = frozenset({"check-pod-health", "verify-deployment", "verify-health"})
READING: Final = VERIFYING | {"audit-logs", "backup-data", "collect-diagnostics", "create-heap-dump", "notify-only"}

_ALIASES: Final = {
    "restart-pods": "restart-pod",
    "delete-pods": "delete-pod",
    "rollout-restart": "restart-deployment",
    "scale": "scale-deployment",
    "update-config-map": "update-configmap",
    "patch-config-map": "patch-configmap",
}
_BY_NAME: Final = {action.name: action for action in ACTIONS}


def find_action(word: str) -> Action | None:
    """The action a step's word means; kebab, snake and upper case are the same; None when unknown."""
    known = _BY_NAME.get(word)
    if known is not None:
        return known
    name = word.strip().lower().replace("_", "-")
    return _BY_NAME.get(name) or _BY_NAME.get(_ALIASES.get(name, ""))


def close_actions(word: str) -> tuple[str, ...]:
    """Up to three known actions that look like `word`, best first."""
    known = sorted([*_BY_NAME, *_ALIASES])
    return tuple(get_close_matches(word.strip().lower().replace("_", "-")[:64], known, n=3, cutoff=0.5))
