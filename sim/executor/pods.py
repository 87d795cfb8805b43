"""Pods that are deleted come back, and pods of a drained node come back elsewhere.

Called by the world. No controller runs in the target world, so whoever ends a pod starts its successor: same name,
same spec, another node where it was drained.
"""

from typing import Final

from sim.cluster.requests import CreateTarget, DeleteTarget, PatchTarget
from sim.executor.effects import (
    Doing,
    Effects,
    TargetWrite,
    Undo,
    affected,
    missing,
    patching,
    refused,
    touched,
    written,
)
from sim.executor.errors import Failure
from sim.executor.merge import Object
from sim.executor.objects import CHANGE_CAUSE, Seen, base, pod, pod_status
from wfexec.model.execution import AffectedResource
from wfexec.model.facts import TargetRef
from wfexec.model.parameters import DeletePodAction, DrainNodeAction, UndoNode, UndoParameters

AFFECTED_MAX: Final = 256


def delete_pods(doing: Doing, given: DeletePodAction, seen: Seen) -> Effects | Failure:
    """One pod by name, or all that carry the labels."""
    if given.pod is not None:
        ref = TargetRef("Pod", given.namespace, given.pod)
        chosen = {ref: _known(doing, ref, seen)}
        if chosen[ref] is None:
            return missing(ref)
    else:
        wanted = selector(given.label_selector or "")
        if wanted is None:
            return refused(f"unable to parse requirement of selector {given.label_selector!r}; use key=value,…")
        chosen = {
            ref: target
            for ref, target in seen.items()
            if ref.kind == "Pod" and ref.namespace == given.namespace and target is not None and _has(target, wanted)
        }
    writes: list[TargetWrite] = _unstarted(doing, seen)
    moved: list[AffectedResource] = []
    for ref, target in chosen.items():
        if target is None or _is_ours(doing, target):
            continue
        where = target["spec"].get("nodeName", "")
        writes += _again(doing, ref, target, where, exists=seen.get(ref) is not None)
        moved.append(_moved(ref, "deleted", where, where))
    return Effects(tuple(writes), tuple(moved[:AFFECTED_MAX]), None, (("podsDeleted", str(len(moved))),))


def selector(text: str) -> dict[str, str] | None:
    """`a=b,c==d` as a map; None for what only a full selector grammar could read."""
    wanted = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = part.replace("==", "=").partition("=")
        if not equals or "!" in key or not key.strip():
            return None
        wanted[key.strip()] = value.strip()
    return wanted or None


def drain(doing: Doing, given: DrainNodeAction, seen: Seen) -> Effects | Failure:
    """Cordon the node, then move every pod that may be moved to the emptiest other node."""
    ref = TargetRef("Node", "", given.node)
    target = seen[ref]
    if target is None:
        return missing(ref)
    before = written(target)
    after = {**before, "spec": {**before.get("spec", {}), "unschedulable": True}}
    writes: list[TargetWrite] = [*patching(ref, target, after), *_unstarted(doing, seen)]
    moved = list(affected(ref, "cordoned", before, after))
    room = _room(seen, given.node)
    for at, found in _pods_on(doing, given.node, seen):
        model = doing.outcomes.cluster.pods.get(f"{at.namespace}/{at.name}")
        if _daemon(found) or (model is not None and model.daemon_set):
            if given.ignore_daemon_sets:
                continue
            return refused(f"cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): {at.name}")
        if any("emptyDir" in volume for volume in found["spec"].get("volumes", [])) and not given.delete_local_data:
            return refused(f"cannot delete Pods with local storage (use --delete-emptydir-data): {at.name}")
        if not room:
            return Failure("evicted", f"evicted: pod {at.namespace}/{at.name} finds no other schedulable node")
        where = min(room, key=lambda name: (room[name], name))
        room[where] += 1
        writes += _again(doing, at, found, where, exists=seen.get(at) is not None)
        moved.append(_moved(at, "evicted", given.node, where))
    undo = None if before.get("spec", {}).get("unschedulable") else uncordoning(given.node)
    return Effects(tuple(writes), tuple(moved[:AFFECTED_MAX]), undo, (("podsEvicted", str(len(moved) - 1)),))


def uncordoning(name: str) -> Undo:
    return Undo("uncordon-node", UndoParameters(uncordon_node=UndoNode(node=name)))


def _pods_on(doing: Doing, name: str, seen: Seen) -> list[tuple[TargetRef, Object]]:
    """Pods of the node, and those of the file that are nowhere: a drain that was cut off had ended them already."""
    there = [
        (ref, target)
        for ref, target in seen.items()
        if ref.kind == "Pod" and target is not None and target["spec"].get("nodeName") == name
    ]
    for key, model in doing.outcomes.cluster.pods.items():
        namespace, _, pod_name = key.partition("/")
        ref = TargetRef("Pod", namespace, pod_name)
        if model.node == name and seen.get(ref) is None:
            there.append((ref, pod(key, model, name)))
    return sorted(there, key=lambda entry: entry[0])


def _room(seen: Seen, besides: str) -> dict[str, int]:
    """Pods by name of each other node that takes new ones."""
    room = {
        ref.name: 0
        for ref, target in seen.items()
        if ref.kind == "Node"
        and ref.name != besides
        and target is not None
        and not target.get("spec", {}).get("unschedulable")
    }
    for ref, target in seen.items():
        where = target["spec"].get("nodeName") if ref.kind == "Pod" and target is not None else None
        if where in room:
            room[where] += 1
    return room


def _daemon(target: Object) -> bool:
    return any(owner.get("kind") == "DaemonSet" for owner in target["metadata"].get("ownerReferences", []))


def _known(doing: Doing, ref: TargetRef, seen: Seen) -> Object | None:
    """The pod as it is, else as the file describes it: between its end and its successor it is nowhere."""
    key = f"{ref.namespace}/{ref.name}"
    model = doing.outcomes.cluster.pods.get(key)
    return seen.get(ref) or (pod(key, model, model.node) if model is not None else None)


def _is_ours(doing: Doing, target: Object) -> bool:
    return bool(target["metadata"].get("annotations", {}).get(CHANGE_CAUSE) == doing.cause)


def _unstarted(doing: Doing, seen: Seen) -> list[TargetWrite]:
    """Pods of ours that were made but not yet started when somebody pulled the plug."""
    status = pod_status(ready=True)
    return [
        PatchTarget(ref, {"status": status}, "status")
        for ref, target in seen.items()
        if ref.kind == "Pod" and target is not None and _is_ours(doing, target) and not _running(target)
    ]


def _running(target: Object) -> bool:
    return bool(target.get("status", {}).get("phase") == "Running")


def _has(target: Object, wanted: dict[str, str]) -> bool:
    labels = target["metadata"].get("labels", {})
    return all(labels.get(key) == value for key, value in wanted.items())


def _again(doing: Doing, ref: TargetRef, target: Object, where: str, *, exists: bool) -> list[TargetWrite]:
    """End the pod and start its successor on node `where`, ready."""
    head, status = base(ref), pod_status(ready=True)
    kept = {k: v for k, v in target["metadata"].items() if k in ("labels", "ownerReferences")}
    notes = {**target["metadata"].get("annotations", {}), CHANGE_CAUSE: doing.cause}
    metadata = {**head["metadata"], **kept, "annotations": notes}
    body = {**head, "metadata": metadata, "spec": {**target["spec"], "nodeName": where}, "status": status}
    ending: list[TargetWrite] = [DeleteTarget(ref)] if exists else []
    return [*ending, CreateTarget(ref, body), PatchTarget(ref, {"status": status}, "status")]


def _moved(ref: TargetRef, action: str, before: str, after: str) -> AffectedResource:
    return touched(ref, action, f"on {before}", f"on {after}")
