"""Is this metadata one that the API server would keep?

Called by the write rules of JSON objects, for new objects and for replacements. It must never repair anything.
"""

import re
from typing import Any, Final

from sim.cluster.refusals import Cause
from sim.cluster.resources import Resource

Json = dict[str, Any]

_LABEL: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NAMESPACE_NAME: Final = re.compile(_LABEL)
_PART: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_ANNOTATIONS_MAX: Final = 256 * 1024
_TELLS: Final = {
    "subdomain": "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and"
    " must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    "label": "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and"
    " end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    "value": "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must"
    " start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for"
    " validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    "key": "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an"
    " alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    " '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
}


def metadata_causes(resource: Resource, meta: Json, old: Json | None) -> list[Cause]:
    """Everything wrong with it; `old` is the metadata that it replaces."""
    causes = _name_causes(resource, meta) if old is None else _change_causes(meta, old)
    for key, value in (meta.get("labels") or {}).items():
        causes += _key_causes(key, "metadata.labels")
        if value and (len(value) > 63 or not _PART.fullmatch(value)):
            causes.append(_invalid("metadata.labels", value, _TELLS["value"]))
    annotations = meta.get("annotations") or {}
    for key in annotations:
        causes += _key_causes(key.lower(), "metadata.annotations")
    if sum(len(key) + len(value) for key, value in annotations.items()) > _ANNOTATIONS_MAX:
        causes.append(Cause("FieldValueTooLong", "Too long: may not be more than 262144 bytes", "metadata.annotations"))
    for owner in meta.get("ownerReferences") or ():
        for field in ("kind", "name", "uid"):
            if not owner.get(field):
                causes.append(_invalid(f"metadata.ownerReferences.{field}", "", "must not be empty"))
    if sum(owner.get("controller") is True for owner in meta.get("ownerReferences") or ()) > 1:
        why = "Only one reference can have Controller set to true"
        causes.append(_invalid("metadata.ownerReferences", "", why))
    return causes


def _name_causes(resource: Resource, meta: Json) -> list[Cause]:
    name = meta.get("name") or ""
    if not name:
        return [Cause("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")]
    shape, tell, limit = (_NAMESPACE_NAME, "label", 63) if resource.kind == "Namespace" else (_NAME, "subdomain", 253)
    if len(name) > limit:
        return [_invalid("metadata.name", name, f"must be no more than {limit} characters")]
    return [] if shape.fullmatch(name) else [_invalid("metadata.name", name, _TELLS[tell])]


def _change_causes(meta: Json, old: Json) -> list[Cause]:
    """What may never change, and finalizers that come too late."""
    causes = []
    for key in ("name", "namespace", "uid", "deletionTimestamp"):
        if meta.get(key) and meta[key] != old.get(key):
            causes.append(_invalid(f"metadata.{key}", meta[key], "field is immutable"))
    if "deletionTimestamp" in old:
        late = [each for each in meta.get("finalizers") or () if each not in (old.get("finalizers") or ())]
        if late:
            listed = ", ".join(f'"{each}"' for each in late)
            why = (
                "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers"
                f" []string{{{listed}}}"
            )
            causes.append(Cause("FieldValueForbidden", why, "metadata.finalizers"))
    return causes


def _key_causes(key: str, where: str) -> list[Cause]:
    prefix, slash, name = key.rpartition("/")
    if len(name) > 63:
        return [_invalid(where, key, "name part must be no more than 63 characters")]
    if not _PART.fullmatch(name):
        return [_invalid(where, key, _TELLS["key"])]
    if slash and not (_NAME.fullmatch(prefix) and len(prefix) <= 253):
        return [_invalid(where, key, f"prefix part {_TELLS['subdomain']}")]
    return []


def _invalid(field: str, value: str, why: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "{value}": {why}', field)
