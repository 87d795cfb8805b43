"""Manifests and custom actions: what the executor does when a step carries its own words.

Called by the world for `applyManifest`. A manifest of a kind we know is applied like a strategic patch; the JSON that
the controller makes of a custom action (`actionType`, `config`) is looked up among the actions below, and an action
that changes nothing we can derive leaves its effect to `changes` of the executor file.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import yaml

from sim.cluster.requests import CreateTarget, DeleteTarget
from sim.executor.effects import (
    Doing,
    Effects,
    TargetWrite,
    affected,
    ailing,
    history,
    manifest_undo,
    missing,
    refused,
    replacing,
    restoring,
    status_patching,
    written,
)
from sim.executor.errors import Failure
from sim.executor.merge import DIRECTIVE, Object, strategic
from sim.executor.objects import API_VERSIONS, REVISION, Seen, base, deployment_status, why_sick
from sim.executor.targets import quantity
from wfexec.core.registry import find_action
from wfexec.model.facts import TargetRef
from wfexec.model.phases import ErrorType
from wfexec.units import so_many

VERIFYING: Final = frozenset({"verify-health", "verify-deployment", "check-pod-health"})
RESIZING: Final = frozenset({"increase-memory-limit", "increase-resources", "optimize-resources"})
PRESSURES: Final = ("DiskPressure", "MemoryPressure", "PIDPressure")
BACKUP: Final = "restoreFrom"


def parsed(text: str) -> Object | None:
    """A manifest or the JSON of a custom action as a map; None when it is neither."""
    try:
        found = json.loads(text) if text.startswith("{") else None
    except (ValueError, RecursionError):
        found = None
    if found is None:
        try:
            found = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError):
            return None
    return found if isinstance(found, dict) else None


def target_of(manifest: Object) -> TargetRef | None:
    """The object a manifest speaks of, None when it names none that we know."""
    kind, metadata = manifest.get("kind"), manifest.get("metadata")
    if kind not in API_VERSIONS or not isinstance(metadata, dict) or not metadata.get("name"):
        return None
    return TargetRef(kind, "" if kind == "Node" else metadata.get("namespace", ""), metadata["name"])


def named(config: Mapping[str, Any]) -> tuple[TargetRef, ...]:
    """The targets of a custom action: `kind`, `namespace`, and `name` or comma-separated `names`."""
    kind = config.get("kind", "Deployment")
    names = [name.strip() for name in f"{config.get('name', '')},{config.get('names', '')}".split(",")]
    namespace = "" if kind == "Node" else str(config.get("namespace", ""))
    return tuple(TargetRef(kind, namespace, name) for name in dict.fromkeys(names) if name and kind in API_VERSIONS)


def manifest_needs(text: str) -> tuple[TargetRef, ...]:
    manifest = parsed(text)
    if manifest is None:
        return ()
    if "actionType" in manifest:
        config = manifest.get("config")
        return named(config) if isinstance(config, dict) else ()
    ref = target_of(manifest)
    if ref is None:
        return ()
    return (ref, TargetRef("Secret", ref.namespace, manifest[BACKUP])) if BACKUP in manifest else (ref,)


def apply(doing: Doing, text: str, seen: Seen) -> Effects | Failure:
    manifest = parsed(text)
    if manifest is None:
        return refused("error parsing manifest: it is neither YAML nor JSON of one object")
    if "actionType" in manifest:
        return _custom(doing, manifest, seen)
    ref = target_of(manifest)
    if ref is None:
        return refused(f'resource mapping not found: no matches for kind "{manifest.get("kind")}"')
    target = seen.get(ref)
    if manifest.get(DIRECTIVE) == "delete":
        return Effects((DeleteTarget(ref),) if target is not None else ())
    if BACKUP in manifest:
        return _restore_secret(doing, ref, TargetRef("Secret", ref.namespace, manifest[BACKUP]), seen)
    wanted = written(manifest)
    if target is None:
        return _create(doing, ref, strategic({}, wanted), seen)
    return changed(doing, ref, seen, strategic(written(target), wanted), "applied")


def changed(doing: Doing, ref: TargetRef, seen: Seen, after: Object, action: str) -> Effects:
    """The written part of one object becomes `after`; undone by a manifest."""
    before = written(seen[ref] or {})
    writes = replacing(doing, ref, seen, after)
    undo = None if ref.kind == "Secret" else restoring(ref, before, after)
    return Effects(writes, affected(ref, action, before, after), undo)


def _create(doing: Doing, ref: TargetRef, wanted: Object, seen: Seen) -> Effects:
    head = base(ref)
    body = {**head, **wanted, "metadata": {**head["metadata"], **wanted.get("metadata", {})}}
    writes: tuple[TargetWrite, ...] = (CreateTarget(ref, body),)
    if ref.kind == "Deployment":
        trouble = why_sick(doing.outcomes, ref.namespace, ref.name, body.get("spec", {}), seen)
        writes += status_patching(ref, {}, deployment_status(body.get("spec", {}), 1, trouble, {}, doing.now))
    undo = manifest_undo(ref, {**head, DIRECTIVE: "delete"})
    return Effects(writes, affected(ref, "created", {}, {"exists": True}), undo)


def _restore_secret(doing: Doing, ref: TargetRef, backup: TargetRef, seen: Seen) -> Effects | Failure:
    """Data comes back from the copy made before the change; the copy goes."""
    target, copy = seen.get(ref), seen.get(backup)
    if target is None:
        return missing(ref)
    if copy is None:
        return Effects()
    after = {**written(target), "data": copy.get("data", {})}
    restored = changed(doing, ref, seen, after, "restored")
    return restored._replace(writes=(*restored.writes, DeleteTarget(backup)), undo=None)


def _custom(doing: Doing, manifest: Object, seen: Seen) -> Effects | Failure:
    action = find_action(str(manifest["actionType"]))
    config = manifest.get("config")
    if action is None or not isinstance(config, dict):
        return Effects()
    refs = named(config)
    if action.name in VERIFYING:
        return _verify(refs, seen)
    if action.name not in RESIZING and action.name not in ("rollback-deployment", "uncordon-node"):
        return Effects()
    if len(refs) != 1:
        return refused(f"{action.name} needs kind, namespace and name of one target in its config")
    if seen.get(refs[0]) is None:
        return missing(refs[0])
    if action.name in RESIZING:
        return _resize(doing, refs[0], config, seen)
    if action.name == "uncordon-node":
        target = written(seen[refs[0]] or {})
        spec = {key: value for key, value in target.get("spec", {}).items() if key != "unschedulable"}
        return changed(doing, refs[0], seen, {**target, "spec": spec}, "uncordoned")
    revision = str(config.get("revision", "0"))
    return roll_back(doing, refs[0], int(revision) if revision.isdecimal() else 0, seen)


def _verify(refs: tuple[TargetRef, ...], seen: Seen) -> Effects | Failure:
    """A look that fails when a target is not healthy: later tries may find it well."""
    for ref in refs:
        target = seen.get(ref)
        if target is None:
            return missing(ref)
        trouble = unhealthy(target)
        if trouble:
            place = f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name
            return Failure(ErrorType.UNKNOWN_ERROR.value, f"{ref.kind.lower()} {place} is not healthy: {trouble}")
    return Effects(outputs=(("healthyTargets", str(len(refs))),))


def unhealthy(target: Object) -> str | None:
    """What is wrong with a target, None when nothing is."""
    status = target.get("status", {})
    if target["kind"] == "Deployment":
        wanted, ready = target.get("spec", {}).get("replicas", 1), status.get("readyReplicas", 0)
        return ailing(target) or (
            f"{ready} of {so_many(wanted, 'replica is', 'replicas are')} ready" if ready < wanted else None
        )
    words = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}
    if target["kind"] in ("Node", "Pod") and words.get("Ready") != "True":
        return "it is not Ready"
    return next((kind for kind in PRESSURES if target["kind"] == "Node" and words.get(kind) == "True"), None)


def _resize(doing: Doing, ref: TargetRef, config: Object, seen: Seen) -> Effects | Failure:
    """Set a container's limits (`memory`, `cpu`) and no other part; the first container unless one is named."""
    if ref.kind != "Deployment":
        return refused(f"{doing.action} works on deployments, not on {ref.kind}")
    sizes = {name: config[name] for name in ("memory", "cpu") if name in config}
    try:
        for size in sizes.values():
            quantity(size)
    except ValueError as trouble:
        return refused(f"Invalid value: {trouble}")
    before = written(seen[ref] or {})
    containers = before["spec"]["template"]["spec"]["containers"]
    name = config.get("container", containers[0]["name"])
    if not sizes or all(container["name"] != name for container in containers):
        return refused(f"Invalid value: container {name!r} of {ref.name} and one of memory, cpu must be given")
    part = {"name": name, "resources": {"limits": sizes}}
    after = strategic(before, {"spec": {"template": {"spec": {"containers": [part]}}}})
    return changed(doing, ref, seen, after, "resized")


def roll_back(doing: Doing, ref: TargetRef, revision: int, seen: Seen) -> Effects | Failure:
    """The template of an earlier revision comes back, 0 meaning the one before the current."""
    target = seen.get(ref)
    if target is None:
        return missing(ref)
    if ref.kind != "Deployment":
        return refused(f"rollback-deployment works on deployments, not on {ref.kind}")
    annotations = target["metadata"].get("annotations", {})
    before = written(target)
    if annotations.get("kubernetes.io/change-cause") == doing.cause:
        return changed(doing, ref, seen, before, "rolled back")
    kept = history(annotations)
    wanted = revision or max((number for number in kept if number < int(annotations.get(REVISION, "1"))), default=0)
    if wanted not in kept:
        text = f'unable to find specified revision {revision} in history of deployment "{ref.name}": not found'
        return Failure(ErrorType.RESOURCE_NOT_FOUND.value, text)
    after = {**before, "spec": {**before["spec"], "template": kept[wanted]}}
    return changed(doing, ref, seen, after, "rolled back")
