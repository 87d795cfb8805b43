"""The JSON schema of template files, for editors and for whoever checks templates elsewhere (BR-WF-026).

Made from the types of the model. A value that is no text may also be a text with a blank in it.
"""

from typing import Any, Final

from pydantic import BaseModel

from wfexec.crd.template_checks import STEP_FIELDS
from wfexec.model.template import Template
from wfexec.model.workflow import (
    ActionOverrides,
    AdaptiveOrchestration,
    ExecutionStrategy,
    SuccessCriterion,
    WorkflowStep,
)

Json = dict[str, Any]
_BLANK: Final[Json] = {"type": "string", "pattern": r"\$\{"}
_PARTS: Final[dict[str, type[BaseModel]]] = {
    "executionStrategy": ExecutionStrategy,
    "adaptiveOrchestration": AdaptiveOrchestration,
}


def template_schema() -> Json:
    """Draft 2020-12."""
    made = _closed(Template.model_json_schema(by_alias=True))
    definitions: Json = made.setdefault("$defs", {})
    step = _part(WorkflowStep, definitions)
    step["properties"] = {name: step["properties"][name] for name in STEP_FIELDS}
    step["properties"]["dependsOn"] = {"type": "array", "items": {"type": "string"}}
    # A step that changes one of an extended template says only what differs.
    step["required"] = ["name"]
    properties = made["properties"]
    properties["steps"]["items"] = step
    properties["successCriteria"]["items"] = _part(SuccessCriterion, definitions)
    overrides = _part(ActionOverrides, definitions)
    properties["conditionOverrides"] = {"type": "object", "additionalProperties": overrides}
    for name, model in _PARTS.items():
        properties[name] = _part(model, definitions)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "wfexec template", **made}


def _part(model: type[BaseModel], definitions: Json) -> Json:
    whole = _loose(_closed(model.model_json_schema(by_alias=True)))
    definitions.update(whole.pop("$defs", {}))
    return {key: whole[key] for key in whole if key != "title"}


def _closed(node: Any) -> Any:
    """No object takes a field that its type does not know."""
    if isinstance(node, dict):
        made = {key: _closed(part) for key, part in node.items() if not key.startswith("x-kubernetes-")}
        if "properties" in made and isinstance(made["properties"], dict) and made.get("type") == "object":
            made["additionalProperties"] = False
        return made
    return [_closed(part) for part in node] if isinstance(node, list) else node


def _loose(node: Any) -> Any:
    """The same with a blank allowed wherever a single value stands; an object may leave fields to what it extends."""
    if isinstance(node, list):
        return [_loose(part) for part in node]
    if not isinstance(node, dict):
        return node
    made = {key: _loose(part) for key, part in node.items()}
    if made.get("type") in ("integer", "number", "boolean") or "enum" in made or "pattern" in made:
        return {"anyOf": [made, _BLANK]}
    if made.get("type") == "object":
        made.pop("required", None)
    return made
