"""Which rights the identities of a real executor would have in a cluster that was made for a rehearsal.

Called by the live driver. The controller asks the API server whether `{action}-sa` may do what a step needs; where no
executor is installed these identities have no rights, so the rehearsal brings them, less what the file denies.
"""

from fnmatch import fnmatchcase
from typing import Any, Final

from sim.executor.outcomes import Outcomes
from sim.executor.targets import Denial
from wfexec.core.registry import ACTIONS
from wfexec.core.targets import RESOURCES
from wfexec.model.facts import AskAccess
from wfexec.model.meta import CONTROLLER_NAMESPACE

RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
_API: Final = "rbac.authorization.k8s.io"
_KINDS: Final = ("ConfigMap", "Deployment", "Node", "Pod", "Secret")
_WANTED: Final = (
    *((verb, *RESOURCES[kind]) for kind in _KINDS for verb in ("create", "delete", "get", "patch")),
    ("list", "", "pods"),
    ("create", "", "pods/eviction"),
)


def rights(outcomes: Outcomes, namespace: str = CONTROLLER_NAMESPACE) -> tuple[tuple[str, dict[str, Any]], ...]:
    """(collection path, object) of a ClusterRole and its binding per distinct set of rights.

    A denial of one namespace or one object denies the whole resource: roles can only allow.
    """
    users: dict[tuple[tuple[str, str, str], ...], list[str]] = {}
    denials = tuple(denial.model_copy(update={"namespace": "*", "name": "*"}) for denial in outcomes.denied)
    for action in ACTIONS:
        user = f"system:serviceaccount:{namespace}:{action.name}-sa"
        users.setdefault(_allowed(denials, user), []).append(user)
    made: list[tuple[str, dict[str, Any]]] = []
    for number, (allowed, bound) in enumerate(users.items()):
        meta = {"name": f"wfexec-rehearsal-{number}", "labels": {"app.kubernetes.io/part-of": "wfexec-rehearsal"}}
        rules = [{"verbs": [verb], "apiGroups": [group], "resources": [plural]} for verb, group, plural in allowed]
        subjects = [{"apiGroup": _API, "kind": "User", "name": user} for user in bound]
        reference = {"apiGroup": _API, "kind": "ClusterRole", "name": meta["name"]}
        role = {"kind": "ClusterRole", "metadata": meta, "rules": rules}
        made.append((f"{RBAC}/clusterroles", role))
        binding = {"kind": "ClusterRoleBinding", "metadata": meta, "roleRef": reference, "subjects": subjects}
        made.append((f"{RBAC}/clusterrolebindings", binding))
    return tuple(made)


def _allowed(denials: tuple[Denial, ...], user: str) -> tuple[tuple[str, str, str], ...]:
    """(verb, group, plural) of everything a step may need and no denial denies to this user."""
    own = [denial for denial in denials if fnmatchcase(user, denial.user)]
    if not own:
        return _WANTED
    return tuple(
        (verb, group, plural)
        for verb, group, plural in _WANTED
        if not any(denial.covers(AskAccess(user, verb, group, plural, "", "")) for denial in own)
    )
