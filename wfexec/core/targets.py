"""Which objects a step changes and which rights its executor needs for that (BR-WF-015, BR-WF-016).

Pure look-up from the typed parameters; a custom action names its target in its configuration (`kind`, `namespace`,
`name`), and one that names none has no target we could look at.
"""

from typing import Final

from wfexec.core.manifest_rights import manifest_rights
from wfexec.core.registry import Action, find_action
from wfexec.crd.documents import flat, parse_documents
from wfexec.model.facts import AskAccess, TargetRef
from wfexec.model.parameters import CustomAction, RollbackParameters
from wfexec.model.workflow import WorkflowStep
from wfexec.settings import Settings

# Group and plural of the kinds that steps change.
RESOURCES: Final = {
    "Deployment": ("apps", "deployments"),
    "StatefulSet": ("apps", "statefulsets"),
    "DaemonSet": ("apps", "daemonsets"),
    "Pod": ("", "pods"),
    "Node": ("", "nodes"),
    "ConfigMap": ("", "configmaps"),
    "Secret": ("", "secrets"),
}
OBSERVED_KINDS: Final = frozenset({"Deployment", "Pod", "Node", "ConfigMap", "Secret"})
DELETING: Final = frozenset({"delete-pod", "restart-pod"})
# Of the actions that carry a configuration of their own: those that look at their target, and those that change it.
READING: Final = frozenset({"verify-health", "verify-deployment", "check-pod-health"})
RESIZING: Final = frozenset({"increase-memory-limit", "increase-resources", "optimize-resources"})
PATCHING: Final = RESIZING | {
    "patch-configmap",
    "patch-deployment",
    "quarantine-pod",
    "restore-previous-config",
    "rollback-deployment",
    "taint-node",
    "uncordon-node",
    "untaint-node",
}


def target_text(ref: TargetRef) -> str:
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"


def manifest_targets(text: str) -> tuple[TargetRef, ...]:
    """The objects that a manifest names, in order, those of Lists one by one; BadInput when it cannot be read."""
    found = []
    for value in flat(document.value for document in parse_documents(text.encode(), "manifest")):
        meta = value["metadata"]
        if isinstance(meta.get("name"), str):
            found.append(TargetRef(value["kind"], str(meta.get("namespace") or ""), meta["name"]))
    return tuple(found)


def manifests_of(step: WorkflowStep) -> tuple[tuple[str, str], ...]:
    """The manifest that a step applies, and the one of its undo, each behind what it belongs to."""
    p, own = step.parameters, step.rollback_spec
    undo = own.parameters if own is not None else None
    given = (
        ("step", p.custom if p is not None else None),
        ("the rollbackSpec of step", undo.custom if undo is not None else None),
    )
    return tuple(
        (whose, one.config["manifest"]) for whose, one in given if one is not None and "manifest" in one.config
    )


def target_of(step: WorkflowStep) -> TargetRef | None:
    """The one object the step is about; None when it has none or names none (a selector, a custom action)."""
    p = step.parameters
    if p is None:
        return None
    deployment = p.scale_deployment or p.restart_deployment or p.update_image
    if deployment is not None:
        return TargetRef("Deployment", deployment.namespace, deployment.deployment)
    node = p.cordon_node or p.drain_node
    if node is not None:
        return TargetRef("Node", "", node.node_name)
    if p.update_config_map is not None:
        return TargetRef("ConfigMap", p.update_config_map.namespace, p.update_config_map.name)
    if p.update_secret is not None:
        return TargetRef("Secret", p.update_secret.namespace, p.update_secret.name)
    pod = p.delete_pod or p.restart_pod
    if pod is not None:
        return TargetRef("Pod", pod.namespace, pod.pod_name) if pod.pod_name else None
    return _custom_target(p.custom) if p.custom is not None else None


def _custom_target(custom: CustomAction) -> TargetRef | None:
    kind, name = custom.config.get("kind", ""), custom.config.get("name", "")
    if kind not in OBSERVED_KINDS or not name:
        return None
    return TargetRef(kind, "" if kind == "Node" else custom.config.get("namespace", ""), name)


def namespace_of(step: WorkflowStep) -> str:
    """The namespace the step works in; "" for nodes and where none is named."""
    p = step.parameters
    if p is not None and p.restart_pod is not None:
        return p.restart_pod.namespace
    if p is not None and p.custom is not None:
        return p.custom.config.get("namespace", "")
    target = target_of(step)
    return target.namespace if target is not None else ""


def deletes_its_target(step: WorkflowStep) -> bool:
    action = find_action(step.action)
    return action is not None and action.name in DELETING


def undo_keys(step: WorkflowStep) -> tuple[str, ...]:
    """Which facts of the target its default undo needs; contents of ConfigMaps and Secrets are never among them."""
    p = step.parameters
    if p is None:
        return ()
    if p.scale_deployment is not None:
        return ("replicas",)
    if p.update_image is not None:
        return (f"image:{p.update_image.container}",)
    return ("unschedulable",) if p.cordon_node is not None or p.drain_node is not None else ()


def uncordons(step: WorkflowStep) -> bool:
    action = find_action(step.action)
    return action is not None and action.name == "uncordon-node"


def access_needed(step: WorkflowStep, settings: Settings, undone: bool) -> tuple[AskAccess, ...]:
    """What the identities `{action}-sa` must be allowed to do for this step, and for its undo if `undone`."""
    action = find_action(step.action)
    p = step.parameters
    if action is None or p is None:
        return ()
    undo = _undo_access(step, action, settings) if undone else ()
    return (*_forward_access(step, action, settings), *undo)


def knows_rights(step: WorkflowStep) -> bool:
    """Does `access_needed` tell all that the step itself needs?"""
    p, action = step.parameters, find_action(step.action)
    if p is None or p.custom is None or action is None:
        return True
    if "manifest" in p.custom.config:
        # It is all that the child is told.
        return manifest_rights(p.custom.config["manifest"], "").whole
    return action.name in PATCHING | READING and target_of(step) is not None


def knows_undo_rights(step: WorkflowStep) -> bool:
    """Does `access_needed` tell all that the undo needs which the step says itself? True where it says none."""
    own = step.rollback_spec
    if own is None:
        return True
    custom = own.parameters.custom if own.parameters is not None else None
    if custom is None:
        return own.parameters is not None or target_of(step) is not None
    if "manifest" in custom.config:
        return manifest_rights(custom.config["manifest"], "").whole
    return _canonical(own.action) in PATCHING and _custom_target(custom) is not None


def identity_of(action: str) -> str:
    """The name of the service account that carries an action out."""
    return f"{_canonical(action)}-sa"


def _canonical(word: str) -> str:
    """The action that is meant, or the word as it was written where the registry does not know it."""
    action = find_action(word)
    return action.name if action is not None else word


def _user(settings: Settings, action: str) -> str:
    """`action` is canonical, or the word as it was written where the registry does not know it."""
    return f"system:serviceaccount:{settings.executor_namespace}:{action}-sa"


def _ask(settings: Settings, action: str, verb: str, target: TargetRef) -> AskAccess:
    return AskAccess(_user(settings, action), verb, *RESOURCES[target.kind], target.namespace, target.name)


def _forward_access(step: WorkflowStep, action: Action, settings: Settings) -> tuple[AskAccess, ...]:
    p, target = step.parameters, target_of(step)
    if p is None:
        return ()
    if p.custom is not None and "manifest" in p.custom.config:
        return manifest_rights(p.custom.config["manifest"], _user(settings, action.name)).asked
    if p.drain_node is not None:
        # A drain evicts, so that disruption budgets hold; the pods may be in any namespace.
        anywhere = TargetRef("Pod", "", "")
        evict = _ask(settings, action.name, "create", anywhere)._replace(resource="pods/eviction")
        node = _ask(settings, action.name, "patch", TargetRef("Node", "", p.drain_node.node_name))
        return (node, _ask(settings, action.name, "list", anywhere), evict)
    if p.restart_pod is not None or p.delete_pod is not None:
        if target is not None:
            return (_ask(settings, action.name, "delete", target),)
        some = TargetRef("Pod", namespace_of(step), "")
        return (_ask(settings, action.name, "list", some), _ask(settings, action.name, "delete", some))
    if target is None:
        return ()
    if p.custom is None or action.name in PATCHING:
        return (_ask(settings, action.name, "patch", target),)
    return (_ask(settings, action.name, "get", target),) if action.name in READING else ()


def _undo_access(step: WorkflowStep, action: Action, settings: Settings) -> tuple[AskAccess, ...]:
    """Of the undo that a rollback would choose: the step's own, else the registry's where its parameters are known."""
    own = step.rollback_spec
    name = _canonical(own.action if own is not None else action.undo)
    given = own.parameters if own is not None else None
    custom = given.custom if given is not None else None
    if custom is not None and "manifest" in custom.config:
        return manifest_rights(custom.config["manifest"], _user(settings, name)).asked
    target = _undo_target(given) if given is not None else target_of(step)
    return (_ask(settings, name, "patch", target),) if name and target is not None else ()


def _undo_target(p: RollbackParameters) -> TargetRef | None:
    deployment = p.restore_previous_deployment or p.scale_to_previous
    if deployment is not None:
        return TargetRef("Deployment", deployment.namespace, deployment.deployment)
    if p.uncordon_node is not None:
        return TargetRef("Node", "", p.uncordon_node.node_name)
    if p.restore_previous_config is not None:
        q = p.restore_previous_config
        return TargetRef(q.type.value, q.namespace, q.name)
    return _custom_target(p.custom) if p.custom is not None else None


def undo_namespace_of(step: WorkflowStep) -> str:
    """The namespace that the step's own rollbackSpec works in; "" for nodes and where it names none."""
    own = step.rollback_spec
    if own is None or own.parameters is None:
        return ""
    if own.parameters.custom is not None:
        return own.parameters.custom.config.get("namespace", "")
    target = _undo_target(own.parameters)
    return target.namespace if target is not None else ""
