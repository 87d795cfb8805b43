"""Is this file a manifest that the API server would take, and if not, what exactly is wrong?

Called by the command line (lint, graph, sim) before anything runs. Stricter than the decoder: unknown fields, wrong
types and old spellings are refused, each with file, line, field path, value and the fix. It must never let a
traceback out: every refusal is a `BadInput`.
"""

import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from wfexec.crd.checks import broken_rules
from wfexec.crd.codec import metadata
from wfexec.crd.complaints import COMPLAINTS_MAX, FieldPath, findings_of, shown, spelled, times_as_numbers
from wfexec.crd.documents import Document, parse_documents, read_bytes
from wfexec.crd.spellings import OLD_KINDS, hint
from wfexec.errors import BadInput, Finding
from wfexec.model.base import Value, clip
from wfexec.model.execution import KubernetesExecution
from wfexec.model.meta import EXECUTION_API, EXECUTION_KIND, WORKFLOW_API, WORKFLOW_KIND, OwnerReference
from wfexec.model.status import WorkflowExecution
from wfexec.units import so_many

V = TypeVar("V", bound=BaseModel)
FINDINGS_MAX: Final = 25
NAME_MAX: Final = 253
Ours = WorkflowExecution | KubernetesExecution
KINDS: Final[dict[str, tuple[str, type[Ours]]]] = {
    WORKFLOW_KIND: (WORKFLOW_API, WorkflowExecution),
    EXECUTION_KIND: (EXECUTION_API, KubernetesExecution),
}
# Kinds that may stand beside a workflow in its file and are none of our business.
COMPANIONS: Final = frozenset({"RemediationRequest", "AIAnalysis", "Namespace", "ConfigMap"})
# What the API server takes as the name of an object (RFC 1123).
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_ROOT: Final = ("apiVersion", "kind", "metadata", "spec", "status")
_METADATA: Final = (
    "name",
    "namespace",
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "generateName",
    "selfLink",
)


class _Place(NamedTuple):
    """An object inside a document: alone, or an item of a List."""

    document: Document
    path: FieldPath
    value: Any

    def finding(self, path: FieldPath, value: str, message: str) -> Finding:
        whole = (*self.path, *path)
        return Finding(self.document.where(whole), spelled(whole), value, message)


class Placed(NamedTuple):
    """An object and where in which document it stands."""

    object: Ours
    document: Document
    path: FieldPath


def load_workflows(path: Path) -> tuple[WorkflowExecution, ...]:
    """All WorkflowExecutions of a manifest file, in order. `BadInput` tells all that is wrong with it."""
    return read_workflows(read_bytes(path), str(path))


def read_workflows(data: bytes, source: str) -> tuple[WorkflowExecution, ...]:
    """The same from content already read; `source` stands in the findings."""
    found = [each for each in read_objects(data, source) if isinstance(each, WorkflowExecution)]
    if not found:
        raise BadInput((Finding(source, "", "", f"holds no {WORKFLOW_KIND}"),))
    return tuple(found)


def read_objects(data: bytes, source: str) -> tuple[Ours, ...]:
    """All objects of our kinds; parents and other companions in the same file are left out."""
    found, findings = read_places(data, source)
    if findings:
        raise BadInput(_capped(findings, source))
    return tuple(one.object for one in found)


def read_places(data: bytes, source: str) -> tuple[list[Placed], list[Finding]]:
    """The objects of our kinds that are well formed, with their places, and what is wrong with the others."""
    made: list[Placed] = []
    findings: list[Finding] = []
    for place in (place for document in parse_documents(data, source) for place in _places(document)):
        problems = _head(place)
        if problems:
            findings.extend(problems)
        elif place.value["kind"] not in COMPANIONS:
            result = _object(place)
            if isinstance(result, list):
                findings.extend(result)
            else:
                made.append(Placed(result, place.document, place.path))
    return made, findings


def read_value(model: type[V], document: Document, path: FieldPath = ()) -> V:
    """A document of another shape of ours (or its part at `path`), as strictly: unknown fields are refused."""
    value = document.value
    for part in path:
        value = value[part]
    result = _validated(model, _Place(document, path, value), (), value)
    if isinstance(result, list):
        raise BadInput(_capped(result, document.source))
    return result


def _places(document: Document) -> Iterator[_Place]:
    value = document.value
    if isinstance(value, dict) and value.get("kind") == "List" and isinstance(value.get("items"), list):
        for index, item in enumerate(value["items"]):
            yield _Place(document, ("items", index), item)
    else:
        yield _Place(document, (), value)


def _head(place: _Place) -> list[Finding]:
    """What is wrong with apiVersion and kind; those decide how the rest is read."""
    value = place.value
    if not isinstance(value, dict):
        return [place.finding((), shown(value), "must be an object with apiVersion, kind, metadata and spec")]
    kind, api = value.get("kind"), value.get("apiVersion")
    if not isinstance(kind, str) or kind not in {*KINDS, *COMPANIONS}:
        near = hint(kind, (*KINDS, *COMPANIONS), OLD_KINDS) if isinstance(kind, str) else ""
        return [place.finding(("kind",), shown(kind), near or f"must be {WORKFLOW_KIND}")]
    expected = KINDS[kind][0] if kind in KINDS else api
    if api != expected:
        return [place.finding(("apiVersion",), shown(api), f"must be {expected}")]
    return []


def _object(place: _Place) -> Ours | list[Finding]:
    value, model = place.value, KINDS[place.value["kind"]][1]
    findings = list(_unknown(place, (), value, _ROOT))
    findings.extend(_metadata_findings(place))
    spec = _part(model, "spec", place, findings)
    status = _part(model, "status", place, findings) if value.get("status") else None
    if findings or spec is None:
        return findings
    parts = {"metadata": metadata(value["metadata"]), "spec": spec}
    return model.model_validate(parts if status is None else {**parts, "status": status})


def _part(model: type[BaseModel], name: str, place: _Place, findings: list[Finding]) -> Value | None:
    annotation = model.model_fields[name].annotation
    if not isinstance(annotation, type) or not issubclass(annotation, Value):
        return None
    if not isinstance(place.value.get(name), dict):
        findings.append(place.finding((name,), shown(place.value.get(name)), "is required and must be an object"))
        return None
    result = _validated(annotation, place, (name,), place.value[name])
    if isinstance(result, list):
        findings.extend(result)
        return None
    return result


def _validated(model: type[V], place: _Place, path: FieldPath, raw: Any) -> V | list[Finding]:
    whole = (*place.path, *path)
    findings = [
        place.finding((*path, *where), text, problem)
        for where, text, problem in islice(
            chain(times_as_numbers(model, raw), broken_rules(model, raw)), COMPLAINTS_MAX
        )
    ]
    try:
        # Through JSON: only there does strict mode know that a list may become a tuple and a text an enum.
        made = model.model_validate_json(orjson.dumps(raw), strict=True, extra="forbid", by_alias=True, by_name=False)
    except ValidationError as error:
        found = findings_of(error, model, raw, place.document, whole)
        told = {each.field for each in found}
        return [*found, *(each for each in findings if each.field not in told)]
    except orjson.JSONEncodeError as error:
        return [place.finding(path, "", f"cannot be written as JSON: {error}")]
    return findings or made


def _unknown(place: _Place, path: FieldPath, raw: dict[str, Any], known: tuple[str, ...]) -> Iterator[Finding]:
    for name in islice((name for name in raw if name not in known), COMPLAINTS_MAX):
        yield place.finding((*path, name), "", f"unknown field; {hint(name, known) or 'remove it'}")


def _metadata_findings(place: _Place) -> list[Finding]:
    raw = place.value.get("metadata")
    if not isinstance(raw, dict):
        return [place.finding(("metadata",), shown(raw), "is required and must be an object with a name")]
    findings = list(_unknown(place, ("metadata",), raw, _METADATA))
    name = raw.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= NAME_MAX:
        findings.append(place.finding(("metadata", "name"), shown(name), f"must be text of 1 to {NAME_MAX} letters"))
    elif not _NAME.fullmatch(name):
        fix = "must be small letters, digits, '-' and '.', with a letter or digit at both ends"
        findings.append(place.finding(("metadata", "name"), shown(name), fix))
    for key in ("labels", "annotations"):
        findings.extend(_map_findings(place, key, raw.get(key) or {}))
    owners = raw.get("ownerReferences") or []
    for index, owner in enumerate(owners[:COMPLAINTS_MAX] if isinstance(owners, list) else ()):
        result = _validated(OwnerReference, place, ("metadata", "ownerReferences", index), owner)
        findings.extend(result if isinstance(result, list) else ())
    if not findings:
        try:
            metadata(raw)
        except (ValueError, TypeError) as error:
            findings.append(place.finding(("metadata",), "", clip(str(error))))
    return findings


def _map_findings(place: _Place, key: str, texts: Any) -> Iterator[Finding]:
    if not isinstance(texts, dict):
        yield place.finding(("metadata", key), shown(texts), "must be a map of text")
        return
    wrong = (name for name, text in texts.items() if not isinstance(text, str))
    for name in islice(wrong, COMPLAINTS_MAX):
        yield place.finding(("metadata", key, name), shown(texts[name]), "must be text; put it in quotes")


def _capped(findings: list[Finding], source: str) -> tuple[Finding, ...]:
    findings.sort(key=_line)
    if len(findings) <= FINDINGS_MAX:
        return tuple(findings)
    more = Finding(source, "", "", f"and {so_many(len(findings) - FINDINGS_MAX, 'more finding')}")
    return (*findings[:FINDINGS_MAX], more)


def _line(finding: Finding) -> int:
    line = finding.source.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0
