"""What a step does to the target world, as values: the writes, what they change, and how they are undone.

Called by the world's rooms (deployments, pods, custom actions). Everything here is pure; `doing.now` is the instant
the change is made at.
"""

from typing import Any, Final, NamedTuple

import orjson

from sim.cluster.requests import CreateTarget, DeleteTarget, PatchTarget, Subresource
from sim.executor.errors import Failure
from sim.executor.merge import Object, difference, undoing
from sim.executor.objects import (
    CHANGE_CAUSE,
    PREVIOUS,
    REVISION,
    REVISIONS_KEPT,
    Seen,
    base,
    deployment_status,
    why_sick,
)
from sim.executor.outcomes import ChangeModel, Outcomes
from wfexec.model.base import clip, evolve
from wfexec.model.execution import AffectedResource
from wfexec.model.facts import TargetRef
from wfexec.model.parameters import ActionParameters, UndoConfig, UndoParameters
from wfexec.model.phases import ErrorType

MANIFEST_MAX: Final = 65_536
TEXT_MAX: Final = 4_096
TargetWrite = PatchTarget | CreateTarget | DeleteTarget


class Doing(NamedTuple):
    """One action about to be done; `cause` names the child for ever (name and uid), so that doing it twice is seen."""

    action: str
    parameters: ActionParameters | None
    cause: str
    outcomes: Outcomes
    changes: tuple[ChangeModel, ...]
    now: int


class Undo(NamedTuple):
    action: str
    parameters: UndoParameters


class Effects(NamedTuple):
    """`writes` in the order they must be made; `undo` None: nothing to undo, or no way to."""

    writes: tuple[TargetWrite, ...] = ()
    affected: tuple[AffectedResource, ...] = ()
    undo: Undo | None = None
    outputs: tuple[tuple[str, str], ...] = ()


NO_EFFECTS: Final = Effects()
_NOT_WRITTEN: Final = frozenset({"metadata", "status", "apiVersion", "kind"})
_WRITTEN_META: Final = frozenset({"labels", "annotations"})
_NONE: Final[Object] = {}
_TOUCHED: Final = AffectedResource(kind="", name="")


def text_of(value: Any) -> str:
    """Compact JSON with sorted keys."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def missing(ref: TargetRef) -> Failure:
    text = f'Error from server (NotFound): {ref.kind} "{ref.name}" not found'
    return Failure(ErrorType.RESOURCE_NOT_FOUND.value, text)


def refused(text: str) -> Failure:
    """What an API server would answer 422 to."""
    return Failure(ErrorType.VALIDATION_ERROR.value, text)


def affected(ref: TargetRef, action: str, before: Object, after: Object) -> tuple[AffectedResource, ...]:
    """The changed parts of one object as JSON texts; of a Secret only which keys changed."""
    new = difference(before, after)
    old = difference(after, before) if new else {}
    if not new and not old:
        return ()
    if ref.kind == "Secret":
        keys = sorted({*old.get("data", {}), *new.get("data", {})})
        old, new = {"keys": keys}, {"keys": keys}
    texts = [clip(text_of(part), TEXT_MAX) for part in (old, new)]
    return (touched(ref, action, texts[0], texts[1]),)


def touched(ref: TargetRef, action: str, before: str, after: str) -> AffectedResource:
    """Not validated: every part is ours and within its limits."""
    return evolve(
        _TOUCHED, kind=ref.kind, namespace=ref.namespace, name=ref.name, action=action, before=before, after=after
    )


def restoring(ref: TargetRef, before: Object, after: Object) -> Undo | None:
    """Apply this manifest to get `before` back; None when nothing changed or it would not fit into a status."""
    patch = undoing(before, after)
    if not patch:
        return None
    head = base(ref)
    if "metadata" in patch:
        patch = {**patch, "metadata": head["metadata"] | patch["metadata"]}
    return manifest_undo(ref, head | patch)


def manifest_undo(ref: TargetRef, manifest: Object) -> Undo | None:
    text = text_of(manifest)
    if len(text) > MANIFEST_MAX:
        return None
    config = UndoConfig(resource_kind=ref.kind, name=ref.name, namespace=ref.namespace, previous_spec=text)
    return Undo("apply-manifest", UndoParameters(restore_previous_config=config))


def written(target: Object) -> Object:
    """The part of an object that a person may write: labels, annotations and everything but status."""
    body = {key: part for key, part in target.items() if key not in _NOT_WRITTEN}
    head = {key: part for key, part in target.get("metadata", _NONE).items() if key in _WRITTEN_META}
    if head:
        body["metadata"] = head
    return body


def patching(ref: TargetRef, target: Object, after: Object) -> tuple[PatchTarget, ...]:
    """The write that makes the written part of `target` look like `after`, refused on a newer object."""
    patch = difference(written(target), after)
    if not patch:
        return ()
    version = target["metadata"].get("resourceVersion")
    if version:
        patch = {**patch, "metadata": {**patch.get("metadata", {}), "resourceVersion": version}}
    return (PatchTarget(ref, patch),)


def status_patching(ref: TargetRef, before: Object, after: Object) -> tuple[PatchTarget, ...]:
    patch = difference(before, after)
    subresource: Subresource = "status"
    return (PatchTarget(ref, {"status": patch}, subresource),) if patch else ()


def replacing(doing: Doing, ref: TargetRef, seen: Seen, after: Object) -> tuple[TargetWrite, ...]:
    """Make the written part look like `after`; deployments roll out and settle at once."""
    target = seen[ref]
    if target is None:
        return ()
    return _rolling(doing, ref, target, seen, after) if ref.kind == "Deployment" else patching(ref, target, after)


def _rolling(doing: Doing, ref: TargetRef, target: Object, seen: Seen, after: Object) -> tuple[TargetWrite, ...]:
    """Spec, revision and history first, then the status a deployment controller would arrive at."""
    spec, old = after.get("spec", {}), target.get("spec", {})
    rolls = spec.get("template") != old.get("template")
    rolled = target["metadata"].get("annotations", {}).get(CHANGE_CAUSE) == doing.cause
    if rolls:
        after = _next_revision(doing, target, after)
    writes = patching(ref, target, after)
    generation = target["metadata"].get("generation", 1) + (spec != old)
    status = target.get("status", {})
    starts_pods = rolls or rolled
    trouble = why_sick(doing.outcomes, ref.namespace, ref.name, spec, seen) if starts_pods else ailing(target)
    settled = deployment_status(spec, generation, trouble, status, doing.now)
    return writes + status_patching(ref, status, settled)


def _next_revision(doing: Doing, target: Object, after: Object) -> Object:
    """`after` with the next revision number, this child as its cause, and the replaced template remembered."""
    metadata = after.get("metadata", {})
    annotations = metadata.get("annotations", {})
    revision = int(annotations.get(REVISION, "1"))
    kept = history(annotations) | {revision: target["spec"]["template"]}
    newest = dict(sorted(kept.items())[-REVISIONS_KEPT:])
    remembered = text_of({str(number): kept_template for number, kept_template in newest.items()})
    managed = {REVISION: str(revision + 1), PREVIOUS: remembered, CHANGE_CAUSE: doing.cause}
    return {**after, "metadata": {**metadata, "annotations": annotations | managed}}


def history(annotations: Object) -> dict[int, Object]:
    """Templates of earlier revisions by number; {} when nobody kept any, or what was kept cannot be read."""
    try:
        kept = orjson.loads(annotations.get(PREVIOUS, "{}"))
    except ValueError:
        return {}
    return {int(number): template for number, template in kept.items() if number.isdecimal()}


def ailing(target: Object) -> str | None:
    """Why a deployment is not available now; None when it is."""
    for condition in target.get("status", {}).get("conditions", []):
        if condition.get("type") == "Available" and condition.get("status") != "True":
            return condition.get("message") or "pods are not ready"
    return None
