"""What must be looked at before an action, and what the action then does to the target world.

Called by the executor machine with what it has read; pure, so that the same look gives the same writes. Doing an
action twice changes nothing the second time, which makes a repeated write after a lost reply harmless.
"""

import json
from hashlib import blake2b
from typing import Any

from sim.cluster.requests import CreateTarget, GetTarget, ListTargets
from sim.executor.custom import apply, changed, manifest_needs, parsed, roll_back
from sim.executor.effects import (
    NO_EFFECTS,
    Doing,
    Effects,
    Undo,
    affected,
    manifest_undo,
    missing,
    patching,
    refused,
    replacing,
    status_patching,
    written,
)
from sim.executor.errors import Failure
from sim.executor.merge import Json, Object, PatchError, json_patch, merge, strategic
from sim.executor.objects import RESTARTED_AT, Seen, base
from sim.executor.pods import delete_pods, drain, uncordoning
from wfexec.model.facts import TargetRef
from wfexec.model.parameters import ActionParameters, PatchDeploymentAction, PatchType, UndoParameters, UndoScale
from wfexec.units import format_instant

Look = GetTarget | ListTargets


def member_of(parameters: ActionParameters | None) -> tuple[str, Any]:
    """(name, value) of the one member that is set; ("", None) without parameters."""
    if parameters is not None:
        for name, given in parameters.__dict__.items():
            if given is not None:
                return name, given
    return "", None


def needs(doing: Doing) -> tuple[Look, ...]:
    """Everything `act` reads, each once, in a fixed order."""
    looks: dict[Look, None] = dict.fromkeys(_of_action(doing))
    looks |= dict.fromkeys(GetTarget(change.target) for change in doing.changes)
    for look in list(looks):
        if isinstance(look, GetTarget) and look.ref.kind == "Deployment":
            model = doing.outcomes.cluster.deployments.get(f"{look.ref.namespace}/{look.ref.name}")
            for ailment in model.unhealthy_while if model is not None else ():
                if ailment.config_map is not None:
                    looks[GetTarget(TargetRef("ConfigMap", look.ref.namespace, ailment.config_map.name))] = None
    return tuple(looks)


def _of_action(doing: Doing) -> tuple[Look, ...]:
    member, given = member_of(doing.parameters)
    if member == "apply_manifest":
        return tuple(GetTarget(ref) for ref in manifest_needs(given.manifest))
    if member == "delete_pod" and given.pod is None:
        return (ListTargets("Pod", given.namespace),)
    ref = _target(member, given)
    if ref is None:
        return ()
    if member == "drain_node":
        return (GetTarget(ref), ListTargets("Node", ""), ListTargets("Pod", ""))
    return (GetTarget(ref),)


def _target(member: str, given: Any) -> TargetRef | None:
    """The one object that the action names."""
    if member in ("scale_deployment", "rollout_restart", "patch_deployment", "rollback_deployment"):
        return TargetRef("Deployment", given.namespace, given.deployment)
    if member in ("cordon_node", "uncordon_node", "drain_node"):
        return TargetRef("Node", "", given.node)
    if member == "delete_pod":
        return TargetRef("Pod", given.namespace, given.pod)
    if member == "update_config_map":
        return TargetRef("ConfigMap", given.namespace, given.config_map)
    if member == "update_secret":
        return TargetRef("Secret", given.namespace, given.secret)
    return None


def act(doing: Doing, seen: Seen) -> Effects | Failure:
    """The action's own effect, then the `changes` that the executor file adds to it."""
    try:
        done = _act(doing, seen)
    except PatchError as trouble:
        return refused(f"Invalid patch: {trouble}")
    if isinstance(done, Failure) or not doing.changes:
        return done
    for change in doing.changes:
        target = seen.get(change.target)
        if target is None:
            return missing(change.target)
        if change.subresource:
            before = target.get("status", {})
            after = strategic(before, change.patch.get("status", change.patch))
            writes: tuple[Any, ...] = status_patching(change.target, before, after)
        else:
            before, after = written(target), strategic(written(target), change.patch)
            writes = replacing(doing, change.target, seen, after)
        touched = affected(change.target, doing.action, before, after)
        done = done._replace(writes=done.writes + writes, affected=done.affected + touched)
    return done


def _act(doing: Doing, seen: Seen) -> Effects | Failure:
    member, given = member_of(doing.parameters)
    if member == "delete_pod":
        return delete_pods(doing, given, seen)
    if member == "drain_node":
        return drain(doing, given, seen)
    if member == "apply_manifest":
        return apply(doing, given.manifest, seen)
    ref = _target(member, given)
    if ref is None:
        return NO_EFFECTS
    target = seen.get(ref)
    if target is None:
        return missing(ref)
    if member == "rollback_deployment":
        return roll_back(doing, ref, given.revision, seen)
    if member in ("cordon_node", "uncordon_node"):
        return _cordon(ref, target, on=member == "cordon_node")
    if member == "update_secret":
        return _secret(doing, ref, target, given.data)
    before = written(target)
    if member == "scale_deployment":
        return _scale(doing, ref, seen, before, given.replicas)
    if member == "rollout_restart":
        return _restart(doing, ref, seen, before)
    if member == "patch_deployment":
        after = _patched(given, before)
        return after if isinstance(after, Failure) else changed(doing, ref, seen, after, "patched")
    after = {**before, "data": {**before.get("data", {}), **given.data}}
    return changed(doing, ref, seen, after, "updated")


def _scale(doing: Doing, ref: TargetRef, seen: Seen, before: Object, replicas: int) -> Effects:
    spec = before.get("spec", {})
    previous = spec.get("replicas", 1)
    outputs = (("previousReplicas", str(previous)), ("replicas", str(replicas)))
    if previous == spec.get("replicas") == replicas:
        return Effects(replacing(doing, ref, seen, before), outputs=outputs)
    after = {**before, "spec": {**spec, "replicas": replicas}}
    scale = UndoScale(deployment=ref.name, namespace=ref.namespace, previous_replicas=previous)
    undo = Undo("scale-deployment", UndoParameters(scale_to_previous=scale)) if previous != replicas else None
    return Effects(replacing(doing, ref, seen, after), affected(ref, "scaled", before, after), undo, outputs)


def _restart(doing: Doing, ref: TargetRef, seen: Seen, before: Object) -> Effects:
    """Pods are started anew by a new annotation of their template, as kubectl does it; this cannot be undone."""
    if before.get("metadata", {}).get("annotations", {}).get("kubernetes.io/change-cause") == doing.cause:
        return Effects(replacing(doing, ref, seen, before))
    stamp = {"metadata": {"annotations": {RESTARTED_AT: format_instant(doing.now)}}}
    after = merge(before, {"spec": {"template": stamp}})
    return Effects(replacing(doing, ref, seen, after), affected(ref, "restarted", before, after))


def _patched(given: PatchDeploymentAction, before: Object) -> Object | Failure:
    if given.patch_type is PatchType.JSON:
        operations: Json = _operations(given.patch)
        return dict(json_patch(before, operations))
    patch = parsed(given.patch)
    if patch is None:
        return refused("Invalid patch: it is neither YAML nor JSON of one object")
    return dict(merge(before, patch) if given.patch_type is PatchType.MERGE else strategic(before, patch))


def _operations(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _cordon(ref: TargetRef, target: Object, *, on: bool) -> Effects:
    before = written(target)
    was = bool(before.get("spec", {}).get("unschedulable"))
    spec = {key: value for key, value in before.get("spec", {}).items() if key != "unschedulable"}
    after = {**before, "spec": spec | ({"unschedulable": True} if on else {})}
    undo = uncordoning(ref.name) if on and not was else None
    return Effects(patching(ref, target, after), affected(ref, "cordoned" if on else "uncordoned", before, after), undo)


def _secret(doing: Doing, ref: TargetRef, target: Object, data: dict[str, str]) -> Effects:
    """What stood there before is kept in a Secret of its own: secret content never goes into a status."""
    mark = blake2b(doing.cause.encode(), digest_size=4).hexdigest()
    backup = TargetRef("Secret", ref.namespace, f"{ref.name[:230]}-before-{mark}")
    before = written(target)
    after = {**before, "data": {**before.get("data", {}), **data}}
    if before == after:
        return Effects()
    copy = {**base(backup), "data": dict(before.get("data", {}))}
    undo = manifest_undo(ref, {**base(ref), "restoreFrom": backup.name})
    return Effects(
        (CreateTarget(backup, copy), *patching(ref, target, after)), affected(ref, "updated", before, after), undo
    )
