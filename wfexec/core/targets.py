"""Which objects a step changes and which rights its executor needs for that (BR-WF-015, BR-WF-016).

Pure look-up from the typed parameters; a custom action names its target in its configuration (`kind`, `namespace`,
`name`), and one that names none has no target we could look at.
"""

from typing import Final

from wfexec.core.registry import find_action
from wfexec.crd.documents import parse_documents
from wfexec.model.facts import AskAccess, TargetRef
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


def target_text(ref: TargetRef) -> str:
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"


def manifest_targets(text: str) -> tuple[TargetRef, ...]:
    """The objects that a manifest names, in order; BadInput when it cannot be read."""
    found = []
    for document in parse_documents(text.encode(), "manifest"):
        value = document.value
        meta = value.get("metadata") if isinstance(value, dict) else None
        if isinstance(meta, dict) and isinstance(value.get("kind"), str) and isinstance(meta.get("name"), str):
            found.append(TargetRef(value["kind"], str(meta.get("namespace") or ""), meta["name"]))
    return tuple(found)


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
    if p.custom is not None:
        config = p.custom.config
        kind, name = config.get("kind", ""), config.get("name", "")
        if kind in OBSERVED_KINDS and name:
            return TargetRef(kind, "" if kind == "Node" else config.get("namespace", ""), name)
    return None


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


def access_needed(step: WorkflowStep, settings: Settings) -> tuple[AskAccess, ...]:
    """What the executor's identity `{action}-sa` must be allowed to do for this step."""
    action = find_action(step.action)
    p = step.parameters
    if action is None or p is None or p.custom is not None:
        return ()
    user = f"system:serviceaccount:{settings.executor_namespace}:{action.name}-sa"

    def ask(verb: str, kind: str, namespace: str, name: str) -> AskAccess:
        group, resource = RESOURCES[kind]
        return AskAccess(user, verb, group, resource, namespace, name)

    target = target_of(step)
    if p.drain_node is not None:
        return (ask("patch", "Node", "", p.drain_node.node_name), ask("delete", "Pod", "", ""))
    if p.restart_pod is not None or p.delete_pod is not None:
        return (ask("delete", "Pod", namespace_of(step), target.name if target is not None else ""),)
    return (ask("patch", target.kind, target.namespace, target.name),) if target is not None else ()
