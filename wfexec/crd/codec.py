"""How do objects of the API server become values of the model, and back?

Called by the wire codec, the file reader and the simulated cluster. Parses once, renders what is not default, and
says in JSON patches what changed. It must never act on an object that does not fit: that one becomes `Unreadable`.
"""

from collections.abc import Mapping
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from pydantic import BaseModel, ValidationError

from wfexec.crd.complaints import in_words
from wfexec.crd.tables import is_default, render, table_of
from wfexec.model.base import clip, evolve
from wfexec.model.execution import NO_STATUS as NO_EXECUTION_STATUS
from wfexec.model.execution import KubernetesExecution, KubernetesExecutionSpec, KubernetesExecutionStatus
from wfexec.model.meta import EXECUTION_API, EXECUTION_KIND, WORKFLOW_API, WORKFLOW_KIND, ObjectMeta, OwnerReference
from wfexec.model.requests import Kind, Unreadable, Watched
from wfexec.model.status import NO_STATUS, WorkflowExecution, WorkflowExecutionStatus
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.units import parse_instant

Json = dict[str, Any]
Operation = dict[str, Any]
M = TypeVar("M", bound=BaseModel)
Known = TypeVar("Known", WorkflowExecution, KubernetesExecution)

_NO_META = ObjectMeta()
_ABSENT = object()
_CHANGED = (b'{"type":"MODIFIED"', b'{"type":"ADDED"')
_VERSION = b'"resourceVersion":"'
_NO_LABELS: dict[str, str] = {}
_set = object.__setattr__


class Decoder:
    """Keeps each spec as long as somebody still holds it, so that a status event does not parse it again.

    The objects that somebody still holds too, by version: what a write of ours brought back is not parsed again when
    its echo comes. May be shared by threads: at worst two of them parse the same spec.
    """

    def __init__(self) -> None:
        self._workflow_specs: WeakValueDictionary[tuple[str, int], WorkflowExecutionSpec] = WeakValueDictionary()
        # A child's spec is immutable, so its uid is enough.
        self._execution_specs: WeakValueDictionary[str, KubernetesExecutionSpec] = WeakValueDictionary()
        # By version: no two objects of a kind have the same.
        self._workflows: WeakValueDictionary[str, WorkflowExecution] = WeakValueDictionary()
        self._executions: WeakValueDictionary[str, KubernetesExecution] = WeakValueDictionary()

    def patched(
        self, raw: Json, before: WorkflowExecutionStatus, after: WorkflowExecutionStatus
    ) -> WorkflowExecution | Unreadable:
        """What a status patch of ours brought back: where it holds all that was sent, the status is the one we meant.

        What was not sent is as it was at the version that the patch named, or it would have been refused; only what
        alters objects on their way (a mutating webhook) could change it. Of that the length of lists is looked at.
        """
        return self.workflow(raw, after if agrees(before, after, raw.get("status", {})) else None)

    def workflow(self, raw: Json, status: WorkflowExecutionStatus | None = None) -> WorkflowExecution | Unreadable:
        """`status`: what stands there, for somebody who knows."""
        known = _known(self._workflows, raw)
        if known is not None:
            return known
        meta = _NO_META
        try:
            meta = metadata(raw.get("metadata"))
            key = (meta.uid, meta.generation)
            spec = self._workflow_specs.get(key)
            if spec is None:
                spec = _parse(WorkflowExecutionSpec, raw.get("spec"))
                if meta.uid:
                    self._workflow_specs[key] = spec
            if status is None:
                found = raw.get("status")
                status = _parse(WorkflowExecutionStatus, found) if found else NO_STATUS
        except ValueError as error:
            return Unreadable(Kind.WORKFLOW, meta, _complaint(error))
        made = _made(WorkflowExecution, metadata=meta, spec=spec, status=status)
        if meta.uid:
            self._workflows[meta.resource_version] = made
        return made

    def read(self, kind: Kind, raw: Json) -> Watched | Unreadable:
        """What stands there, whatever we took it for: for a read that settles a doubt."""
        if kind is not Kind.WORKFLOW or (known := _known(self._workflows, raw)) is None:
            return self.object(kind, raw)
        del self._workflows[known.metadata.resource_version]
        found = self.workflow(raw)
        if found != known:
            return found
        self._workflows[known.metadata.resource_version] = known
        return known

    def execution(self, raw: Json) -> KubernetesExecution | Unreadable:
        known = _known(self._executions, raw)
        if known is not None:
            return known
        meta = _NO_META
        try:
            meta = metadata(raw.get("metadata"))
            spec = self._execution_specs.get(meta.uid)
            if spec is None:
                spec = _parse(KubernetesExecutionSpec, raw.get("spec"))
                if meta.uid:
                    self._execution_specs[meta.uid] = spec
            found = raw.get("status")
            status = _parse(KubernetesExecutionStatus, found) if found else NO_EXECUTION_STATUS
        except ValueError as error:
            return Unreadable(Kind.EXECUTION, meta, _complaint(error))
        made = _made(KubernetesExecution, metadata=meta, spec=spec, status=status)
        if meta.uid:
            self._executions[meta.resource_version] = made
        return made

    def echo(self, kind: Kind, line: bytes) -> Watched | None:
        """The object of a watch line, where it stands at a version that was read before; then nothing is parsed.

        A key cannot stand in a text, whose quotes are escaped; where it stands twice nobody knows whose version it is.
        """
        if not line.startswith(_CHANGED) or line.count(_VERSION) != 1:
            return None
        begin = line.index(_VERSION) + len(_VERSION)
        version = line[begin : line.find(b'"', begin)].decode("latin-1")
        return (self._workflows if kind is Kind.WORKFLOW else self._executions).get(version)

    def object(self, kind: Kind, raw: Json) -> Watched | Unreadable:
        return self.workflow(raw) if kind is Kind.WORKFLOW else self.execution(raw)


def _known(versions: WeakValueDictionary[str, Known], raw: Json) -> Known | None:
    """The object as it was parsed before, at that version."""
    meta = raw.get("metadata")
    version = meta.get("resourceVersion") if isinstance(meta, dict) else None
    known = versions.get(version) if isinstance(version, str) else None
    if known is None or not isinstance(meta, dict):
        return None
    was = known.metadata
    same = was.uid == meta.get("uid") and was.generation == meta.get("generation", 0)
    # Whoever takes the last finalizer away is shown the object without it, and at the version that it had before.
    return known if same and list(was.finalizers) == (meta.get("finalizers") or []) else None


def metadata(raw: object) -> ObjectMeta:
    """What we use of an object's metadata; `managedFields` and the rest are dropped. ValueError if malformed."""
    if not isinstance(raw, dict):
        raise ValueError("metadata is not an object")
    name, namespace, uid = raw.get("name", ""), raw.get("namespace", ""), raw.get("uid", "")
    version, generation = raw.get("resourceVersion", ""), raw.get("generation", 0)
    texts = (name, namespace, uid, version)
    if not all(type(text) is str for text in texts) or type(generation) is not int:
        raise ValueError("metadata has a name, uid, resourceVersion or generation of the wrong type")
    created, deleted = raw.get("creationTimestamp"), raw.get("deletionTimestamp")
    owners = raw.get("ownerReferences")
    return evolve(
        _NO_META,
        name=name,
        namespace=namespace,
        uid=uid,
        resource_version=version,
        generation=generation,
        creation_timestamp=None if created is None else parse_instant(created),
        deletion_timestamp=None if deleted is None else parse_instant(deleted),
        labels=_text_map(raw.get("labels")),
        annotations=_text_map(raw.get("annotations")),
        finalizers=_texts(raw.get("finalizers")),
        owner_references=tuple(_parse(OwnerReference, owner) for owner in owners) if owners else (),
    )


def render_workflow(workflow: WorkflowExecution) -> Json:
    """The whole object as the API server takes it."""
    return {"apiVersion": WORKFLOW_API, "kind": WORKFLOW_KIND, **render(workflow)}


def render_execution(execution: KubernetesExecution) -> Json:
    """The whole object as the API server takes it."""
    return {"apiVersion": EXECUTION_API, "kind": EXECUTION_KIND, **render(execution)}


def render_status(status: WorkflowExecutionStatus | KubernetesExecutionStatus) -> Json:
    """The status alone; empty for an object nobody has looked at yet."""
    return render(status)


def status_patch(before: BaseModel, after: BaseModel) -> list[Operation]:
    """RFC 6902 operations on `/status` that turn one status into the other.

    Only what differs travels: list entries are compared at equal index, so one changed step costs the same bytes
    in a workflow of one step and of a hundred. Unchanged parts are recognised by identity first.
    """
    if before is after:
        return []
    if is_default(before):
        # The object may have no status at all, and a patch cannot reach into what is not there.
        whole = render(after)
        return [{"op": "add", "path": "/status", "value": whole}] if whole else []
    operations: list[Operation] = []
    _compare(before, after, "/status", operations)
    return operations


def agrees(before: BaseModel, after: BaseModel, raw: object) -> bool:
    """Does `raw`, a status as it came, say what `after` says of all that `status_patch` would send?"""
    if is_default(before):
        return raw == render(after)
    return _agrees(before, after, raw)


def _compare(before: BaseModel, after: BaseModel, path: str, operations: list[Operation]) -> None:
    old, new = before.__dict__, after.__dict__
    for name, alias, default, encode, model, item in table_of(after.__class__):
        was, now = old[name], new[name]
        nested = model is not None or item is not None
        if was is now or (not nested and was == now):
            continue
        place = f"{path}/{alias}"
        if now is default or now == default:
            if was != default:
                operations.append({"op": "remove", "path": place})
        elif not nested or was is default or was == default:
            operations.append({"op": "add", "path": place, "value": now if encode is None else encode(now)})
        elif model is not None:
            _compare(was, now, place, operations)
        else:
            _compare_lists(was, now, place, operations)


def _compare_lists(was: tuple[Any, ...], now: tuple[Any, ...], path: str, operations: list[Operation]) -> None:
    shared = min(len(was), len(now))
    for index in range(shared):
        if was[index] is not now[index]:
            _compare(was[index], now[index], f"{path}/{index}", operations)
    operations.extend({"op": "remove", "path": f"{path}/{index}"} for index in range(len(was) - 1, shared - 1, -1))
    operations.extend({"op": "add", "path": f"{path}/-", "value": render(entry)} for entry in now[shared:])


def _agrees(before: BaseModel, after: BaseModel, raw: object) -> bool:
    if not isinstance(raw, dict):
        return False
    old, new = before.__dict__, after.__dict__
    for name, alias, default, encode, model, item in table_of(after.__class__):
        was, now = old[name], new[name]
        nested = model is not None or item is not None
        if was is now or (not nested and was == now):
            # The next patch counts on the places of a list's entries.
            if item is not None and len(raw.get(alias, ())) != len(now):
                return False
            continue
        found = raw.get(alias, _ABSENT)
        if now is default or now == default:
            same = found is _ABSENT
        elif not nested or was is default or was == default:
            same = found == (now if encode is None else encode(now))
        else:
            same = _agrees(was, now, found) if model is not None else _lists_agree(was, now, found)
        if not same:
            return False
    return True


def _lists_agree(was: tuple[Any, ...], now: tuple[Any, ...], raw: object) -> bool:
    if not isinstance(raw, list) or len(raw) != len(now):
        return False
    shared = min(len(was), len(now))
    return all(
        (was[index] is now[index] or _agrees(was[index], now[index], raw[index]))
        if index < shared
        else raw[index] == render(now[index])
        for index in range(len(now))
    )


def _made(cls: type[M], **fields: object) -> M:
    """A value from parts that were validated one by one; a second validation would only cost."""
    made = cls.__new__(cls)
    _set(made, "__dict__", fields)
    _set(made, "__pydantic_fields_set__", set(fields))
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


def _parse(cls: type[M], raw: object) -> M:
    return cls.model_validate(raw, by_alias=True, by_name=False)


def _text_map(raw: object) -> dict[str, str]:
    if raw is None:
        return _NO_LABELS
    if not isinstance(raw, Mapping):
        raise ValueError("metadata has labels or annotations that are no map")
    return dict(raw)


def _texts(raw: object) -> tuple[str, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list) or not all(type(text) is str for text in raw):
        raise ValueError("metadata has finalizers that are no list of text")
    return tuple(raw)


def _complaint(error: ValueError) -> str:
    """One line: the first three places that do not fit."""
    if not isinstance(error, ValidationError):
        return clip(str(error))
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(str(part) for part in each['loc']) or 'spec'}: {in_words(each)}" for each in found[:3]]
    more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
    return clip(f"{error.title}: {'; '.join(told)}{more}")
