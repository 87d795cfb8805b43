"""What did a person write of an object that lives in a cluster, and how is it written down (BR-WF-027)?

Called by commands that print manifests. Nothing of the spec is ever left out; what the cluster added is, and what was
decided about that one run.
"""

from enum import StrEnum
from typing import Any, Final

import orjson

from wfexec.crd.yaml_text import yaml_text
from wfexec.model.meta import DECISION_KEYS

Json = dict[str, Any]
# kubectl's copy of what it applied last.
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_NAMES: Final = ("name", "generateName", "namespace")


class Format(StrEnum):
    YAML = "yaml"
    JSON = "json"


def exported(raw: Json) -> Json:
    """The manifest of an object as the API server shows it; applied elsewhere it is the same workflow."""
    meta = raw["metadata"]
    left: Json = {key: meta[key] for key in _NAMES if meta.get(key)}
    for key in ("labels", "annotations"):
        texts = {
            name: text for name, text in (meta.get(key) or {}).items() if name not in {*DECISION_KEYS, _LAST_APPLIED}
        }
        if texts:
            left[key] = texts
    body = {key: value for key, value in raw.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    return {"apiVersion": raw["apiVersion"], "kind": raw["kind"], "metadata": left, **body}


def written(values: list[Json], form: Format) -> str:
    """One document, or several; as JSON several are one List."""
    if form is Format.YAML:
        return "---\n".join(yaml_text(value) for value in values)
    whole = values[0] if len(values) == 1 else {"apiVersion": "v1", "kind": "List", "items": values}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
