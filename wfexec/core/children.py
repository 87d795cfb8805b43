"""Children: how they are called and what they are told (BR-WF-013, BR-WF-023).

Names are derived, never drawn, so that looking again after a crash finds the same child. The parameter mapping is
total over every member of the unions; a field without a home in the child is reported as a warning.
"""

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final

from wfexec.model.base import DOCUMENT_MAX
from wfexec.model.execution import RollbackInformation
from wfexec.model.parameters import (
    ActionParameters,
    ApplyManifestAction,
    CustomAction,
    DeletePodAction,
    DrainNodeAction,
    NodeAction,
    PatchDeploymentAction,
    PatchType,
    RollbackDeploymentAction,
    RollbackParameters,
    RolloutRestartAction,
    ScaleDeployment,
    ScaleToPrevious,
    StepParameters,
    UndoScale,
    UpdateConfigMapAction,
    UpdateSecretAction,
    set_members,
)
from wfexec.units import parse_duration

NAME_MAX: Final = 253
LABEL_MAX: Final = 63
GRACE_MAX_S: Final = 3_600
DRAIN_GRACE_S: Final = 30


def fit(text: str, limit: int) -> str:
    """`text`, or when it is too long its beginning and eight hex digits of its hash, never more than `limit`."""
    if len(text) <= limit:
        return text
    return f"{text[: limit - 9].rstrip('-.')}-{blake2b(text.encode(), digest_size=4).hexdigest()}"


def child_name(workflow_name: str, step_number: int, attempt: int) -> str:
    """`{workflow}-step-{n}` for the first attempt (0), `…-r{k}` for later ones; at most 253 characters."""
    suffix = f"-step-{step_number}" + (f"-r{attempt}" if attempt else "")
    return fit(workflow_name, NAME_MAX - len(suffix)) + suffix


def undo_name(workflow_name: str, step_number: int, attempt: int) -> str:
    """`{workflow}-rollback-{n}` for the first try (0), `…-r{k}` for later ones."""
    suffix = f"-rollback-{step_number}" + (f"-r{attempt}" if attempt else "")
    return fit(workflow_name, NAME_MAX - len(suffix)) + suffix


def label_value(text: str) -> str:
    return fit(text, LABEL_MAX)


def grace_seconds(text: str | None) -> int | None:
    """Whole seconds of a grace period, 0..3600; None when absent or unreadable."""
    if not text:
        return None
    try:
        return min(parse_duration(text) // 1_000, GRACE_MAX_S)
    except ValueError:
        return None


def _manifest(action_type: str, config: Mapping[str, str]) -> str:
    """The manifest a custom action carries, else its type and configuration as JSON."""
    manifest = config.get("manifest")
    if manifest is not None:
        return manifest
    return json.dumps({"actionType": action_type, "config": dict(config)}, sort_keys=True)


def carried_size(custom: CustomAction) -> int:
    """How many characters of manifest a custom action's child is told."""
    return len(_manifest(custom.action_type, custom.config))


def _image_patch(container: str, image: str) -> str:
    containers = [{"name": container, "image": image}]
    return json.dumps({"spec": {"template": {"spec": {"containers": containers}}}}, sort_keys=True)


def _scale(p: Any) -> ActionParameters:
    return ActionParameters(
        scale_deployment=ScaleDeployment(namespace=p.namespace, deployment=p.deployment, replicas=p.replicas)
    )


def _restart(p: Any) -> ActionParameters:
    return ActionParameters(rollout_restart=RolloutRestartAction(deployment=p.deployment, namespace=p.namespace))


def _image(p: Any) -> ActionParameters:
    patch = PatchDeploymentAction(
        deployment=p.deployment,
        namespace=p.namespace,
        patch_type=PatchType.STRATEGIC,
        patch=_image_patch(p.container, p.new_image),
    )
    return ActionParameters(patch_deployment=patch)


def _restart_pod(p: Any) -> ActionParameters:
    by_name = bool(p.pod_name)
    pods = DeletePodAction(
        namespace=p.namespace,
        pod=p.pod_name if by_name else None,
        label_selector=None if by_name else p.selector,
        grace_period_seconds=grace_seconds(p.grace_period),
    )
    return ActionParameters(delete_pod=pods)


def _delete_pod(p: Any) -> ActionParameters:
    pod = DeletePodAction(namespace=p.namespace, pod=p.pod_name, grace_period_seconds=grace_seconds(p.grace_period))
    return ActionParameters(delete_pod=pod)


def _config_map(p: Any) -> ActionParameters:
    return ActionParameters(
        update_config_map=UpdateConfigMapAction(config_map=p.name, namespace=p.namespace, data=p.data_updates)
    )


def _secret(p: Any) -> ActionParameters:
    return ActionParameters(update_secret=UpdateSecretAction(secret=p.name, namespace=p.namespace, data=p.data_updates))


def _cordon(p: Any) -> ActionParameters:
    return ActionParameters(cordon_node=NodeAction(node=p.node_name))


def _drain(p: Any) -> ActionParameters:
    seconds = grace_seconds(p.grace_period)
    drain = DrainNodeAction(
        node=p.node_name,
        grace_period_seconds=DRAIN_GRACE_S if seconds is None else seconds,
        delete_local_data=p.delete_local_data,
        ignore_daemon_sets=p.ignore_daemon_sets,
    )
    return ActionParameters(drain_node=drain)


def _custom(p: Any) -> ActionParameters:
    return ActionParameters(apply_manifest=ApplyManifestAction(manifest=_manifest(p.action_type, p.config)))


_FROM_STEP: Final[dict[str, Callable[[Any], ActionParameters]]] = {
    "scale_deployment": _scale,
    "restart_deployment": _restart,
    "update_image": _image,
    "restart_pod": _restart_pod,
    "delete_pod": _delete_pod,
    "update_config_map": _config_map,
    "update_secret": _secret,
    "cordon_node": _cordon,
    "drain_node": _drain,
    "custom": _custom,
}


def map_parameters(action: str, parameters: StepParameters | None) -> tuple[ActionParameters | None, tuple[str, ...]]:
    """What the child is told, and what of the step's parameters could not be carried over.

    `parameters` must have exactly one member set (planning refuses anything else).
    """
    if parameters is None:
        return None, ()
    (member,) = set_members(parameters)
    given = getattr(parameters, member)
    if action == "uncordon-node" and member == "cordon_node":
        return ActionParameters(uncordon_node=NodeAction(node=given.node_name)), ()
    if member == "custom":
        return _custom(given), _beside_manifest(action, given)
    return _FROM_STEP[member](given), _without_home(member, given)


def _without_home(member: str, given: Any) -> tuple[str, ...]:
    """Fields that have no home in the child, and those whose text says more than the child can be told."""
    told = []
    if member == "restart_pod" and given.pod_name and given.selector:
        told.append("selector is dropped: podName names the one pod to restart; leave one of them out")
    grace = getattr(given, "grace_period", None)
    if grace and member == "restart_deployment":
        told.append(f"gracePeriod {grace!r} is dropped: a rollout restart takes none")
    elif grace:
        told += _inexact(grace)
    return tuple(told)


def _inexact(grace: str) -> list[str]:
    seconds = grace_seconds(grace)
    if seconds is None:
        return [f"gracePeriod {grace!r} is not a duration and is dropped; write it like 30s"]
    if parse_duration(grace) != seconds * 1_000:
        return [f"gracePeriod {grace!r} becomes {seconds}s: a child is told whole seconds, {GRACE_MAX_S} at most"]
    return []


def _beside_manifest(action: str, custom: CustomAction) -> tuple[str, ...]:
    """What stands beside a manifest never reaches the child; the names of the keys are told, their values are not."""
    if "manifest" not in custom.config:
        return ()
    beside = [f"config.{key}" for key in sorted(custom.config) if key != "manifest"]
    if custom.action_type not in (action, "apply-manifest"):
        beside.insert(0, f"actionType {custom.action_type!r}")
    if not beside:
        return ()
    return (
        f"{', '.join(beside)[:500]} dropped: config.manifest is all that the child is told; leave it out or the rest",
    )


def map_undo(parameters: RollbackParameters) -> ActionParameters:
    """What the child that undoes a step is told; exactly one member of `parameters` is set."""
    if parameters.scale_to_previous is not None:
        return _scale_back(parameters.scale_to_previous)
    if parameters.restore_previous_deployment is not None:
        p = parameters.restore_previous_deployment
        return ActionParameters(
            rollback_deployment=RollbackDeploymentAction(
                deployment=p.deployment, namespace=p.namespace, revision=p.revision
            )
        )
    if parameters.uncordon_node is not None:
        return ActionParameters(uncordon_node=NodeAction(node=parameters.uncordon_node.node_name))
    if parameters.restore_previous_config is not None:
        # The snapshot's content never passes through us: the executor is told where it lies.
        q = parameters.restore_previous_config
        where = {"namespace": q.namespace, "name": q.name, "type": q.type.value, "snapshot": q.snapshot}
        manifest = _manifest("restore-previous-config", where)
        return ActionParameters(apply_manifest=ApplyManifestAction(manifest=manifest))
    return _custom(parameters.custom)


def _scale_back(p: ScaleToPrevious | UndoScale) -> ActionParameters:
    scale = ScaleDeployment(namespace=p.namespace, deployment=p.deployment, replicas=p.previous_replicas)
    return ActionParameters(scale_deployment=scale)


def undo_from_information(information: RollbackInformation) -> ActionParameters | None:
    """The undo that the executor itself offered for its step."""
    given = information.rollback_parameters
    if not information.available or given is None:
        return None
    if given.scale_to_previous is not None:
        return _scale_back(given.scale_to_previous)
    if given.restore_previous_config is not None:
        return ActionParameters(
            apply_manifest=ApplyManifestAction(manifest=given.restore_previous_config.previous_spec)
        )
    if given.uncordon_node is not None:
        return ActionParameters(uncordon_node=NodeAction(node=given.uncordon_node.node))
    if given.custom is not None:
        manifest = _manifest(information.rollback_action, given.custom.parameters)
        if len(manifest) <= DOCUMENT_MAX:
            return ActionParameters(apply_manifest=ApplyManifestAction(manifest=manifest))
    return None


def undo_from_state(parameters: StepParameters | None, state: Mapping[str, str]) -> ActionParameters | None:
    """The registry's default undo, from what the target looked like before the step; None when that is not known."""
    if parameters is None:
        return None
    if parameters.scale_deployment is not None and state.get("replicas", "").isdecimal():
        p = parameters.scale_deployment
        replicas = min(int(state["replicas"]), 1_000)
        return ActionParameters(
            scale_deployment=ScaleDeployment(namespace=p.namespace, deployment=p.deployment, replicas=replicas)
        )
    if parameters.update_image is not None:
        q = parameters.update_image
        image = state.get(f"image:{q.container}")
        return _image(q.model_copy(update={"new_image": image})) if image else None
    node = parameters.cordon_node or parameters.drain_node
    if node is not None and state.get("unschedulable", "false") == "false":
        return ActionParameters(uncordon_node=NodeAction(node=node.node_name))
    return None
