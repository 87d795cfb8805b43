"""What did a person write of an object that lives in a cluster, and how is it written down (BR-WF-027)?

Called by commands that print manifests. What the cluster added is left out, what was decided about that one run, and,
of an object that has lived in a cluster, what was asked of that life: applied elsewhere it shall run. Nothing else of
the spec ever is.
"""

from enum import StrEnum
from typing import Any, Final

import orjson

from wfexec.crd.yaml_text import yaml_text
from wfexec.model.meta import DECISION_KEYS, PRODUCTION_KEYS

Json = dict[str, Any]
# kubectl's copy of what it applied last.
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
# Of a spec: what `wfexec cancel` and `wfexec pause` set.
_ASKED: Final = ("cancel", "suspend")
_NAMES: Final = ("name", "generateName", "namespace")


class Format(StrEnum):
    YAML = "yaml"
    JSON = "json"


def exported(raw: Json) -> Json:
    """The manifest of an object as the API server shows it; applied elsewhere it is the same workflow."""
    meta = raw["metadata"]
    left: Json = {key: meta[key] for key in _NAMES if meta.get(key)}
    dropped = {*DECISION_KEYS, *requests_of(raw), _LAST_APPLIED}
    for key in ("labels", "annotations"):
        texts = {name: text for name, text in (meta.get(key) or {}).items() if name not in dropped}
        if texts:
            left[key] = texts
    body = {key: value for key, value in raw.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    if isinstance(body.get("spec"), dict):
        body["spec"] = {key: value for key, value in body["spec"].items() if f"spec.{key}" not in dropped}
    return {"apiVersion": raw["apiVersion"], "kind": raw["kind"], "metadata": left, **body}


def requests_of(raw: Json) -> tuple[str, ...]:
    """What people asked of the life of this object, and of no other: fields of spec, and annotations.

    () for what never lived in a cluster: there it is what its author wants of the first life.
    """
    meta, spec = raw["metadata"], raw.get("spec")
    if not meta.get("uid"):
        return ()
    fields = [f"spec.{key}" for key in _ASKED if isinstance(spec, dict) and spec.get(key) is True]
    return (*fields, *(key for key in PRODUCTION_KEYS if key in (meta.get("annotations") or {})))


def written(values: list[Json], form: Format) -> str:
    """One document, or several; as JSON several are one List."""
    if form is Format.YAML:
        return "---\n".join(yaml_text(value) for value in values)
    whole = values[0] if len(values) == 1 else {"apiVersion": "v1", "kind": "List", "items": values}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
