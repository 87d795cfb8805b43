"""Which member of the parameter union does a loose map of parameters mean? (BR-WF-017b, BR-WF-017c)

Called by the conversion of recommendations and by whoever applies `suggestedParameters`. Keys are field names of the
one member that the action takes; every other key is a problem with its path, never dropped.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from wfexec.core.registry import Action
from wfexec.crd.complaints import in_words, shown
from wfexec.crd.spellings import hint
from wfexec.crd.tables import render, table_of
from wfexec.model.base import clip
from wfexec.model.parameters import StepParameters, set_members

Json = dict[str, Any]
_MEMBERS: Final = {field.name: field for field in table_of(StepParameters)}
# Which field of a member names its target, by the kind of the target.
_NAMES: Final = {
    "deployment": ("Deployment",),
    "podName": ("Pod",),
    "nodeName": ("Node",),
    "name": ("ConfigMap", "Secret"),
}


class Problem(NamedTuple):
    """Where in what was given, what stands there, what is wrong and how to mend it."""

    path: str
    value: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" + (f" (found {self.value})" if self.value else "")


def step_parameters(
    action: Action, given: Mapping[str, Any], target: Mapping[str, Any], path: str, problems: list[Problem]
) -> Json:
    """The union for an action: what the target says, overruled by what is given. Numbers may come as text."""
    member, values, path = _member(action, given, path)
    if member == "custom":
        return {"custom": _custom(action, values, target, path, problems)}
    model = _MEMBERS[member].model
    if model is None:
        return {}
    fields = [field.alias for field in table_of(model)]
    made: Json = {}
    _from_target(fields, target, made)
    for key, value in values.items():
        field = key if key in fields else to_camel(key)
        if field in fields:
            made[field] = value
        else:
            known = hint(key, fields) or f"{_MEMBERS[member].alias} has {', '.join(fields)}"
            problems.append(Problem(f"{path}.{key}", shown(value), f"unknown parameter of {action.name}; {known}"))
    return {_MEMBERS[member].alias: _checked(model, made, path, problems)}


def suggested(
    parameters: StepParameters, changes: Mapping[str, Any], path: str
) -> StepParameters | tuple[Problem, ...]:
    """The union with these fields of its one set member changed; or why it cannot be."""
    member = set_members(parameters)[0]
    table = _MEMBERS[member]
    problems: list[Problem] = []
    if table.model is None:
        return parameters
    before: Json = render(getattr(parameters, member))
    if member == "custom":
        config = before.get("config", {}) | {key: str(value) for key, value in changes.items()}
        return StepParameters.model_validate({table.alias: before | {"config": config}})
    fields = [field.alias for field in table_of(table.model)]
    for key, value in changes.items():
        if key not in fields:
            known = hint(key, fields) or f"{table.alias} has {', '.join(fields)}"
            problems.append(Problem(f"{path}.{key}", shown(value), f"unknown parameter; {known}"))
    made = _checked(table.model, before | {key: changes[key] for key in changes if key in fields}, path, problems)
    return tuple(problems) or StepParameters.model_validate({table.alias: made})


def _member(action: Action, given: Mapping[str, Any], path: str) -> tuple[str, Mapping[str, Any], str]:
    """Parameters may stand under the member's own name or without it."""
    for member in action.members:
        inner = given.get(_MEMBERS[member].alias, given.get(member))
        if len(given) == 1 and isinstance(inner, dict):
            return member, inner, f"{path}.{next(iter(given))}"
    return action.members[0], given, path


def _from_target(fields: Sequence[str], target: Mapping[str, Any], made: Json) -> None:
    if "namespace" in fields and target.get("namespace"):
        made["namespace"] = target["namespace"]
    for field, kinds in _NAMES.items():
        if field in fields and target.get("kind") in kinds and target.get("name"):
            made[field] = target["name"]
    if "selector" in fields and target.get("labelSelector"):
        made["selector"] = target["labelSelector"]


def _custom(
    action: Action, given: Mapping[str, Any], target: Mapping[str, Any], path: str, problems: list[Problem]
) -> Json:
    config = {key: str(target[key]) for key in ("kind", "namespace", "name", "labelSelector") if target.get(key)}
    inner = given.get("config") if isinstance(given.get("config"), dict) else None
    if inner is not None:
        unknown = [key for key in given if key not in ("config", "actionType", "action_type")]
        problems += [Problem(f"{path}.{key}", shown(given[key]), "put it under config") for key in unknown]
    for key, value in (given if inner is None else inner).items():
        if isinstance(value, bool):
            config[key] = "true" if value else "false"
        elif isinstance(value, str | int | float):
            config[key] = str(value)
        else:
            problems.append(Problem(f"{path}.{key}", shown(value), "must be text, a number or true/false"))
    return {"actionType": action.name, "config": config}


def _checked(model: type[BaseModel], made: Json, path: str, problems: list[Problem]) -> Json:
    """By the type, which also reads "5" as 5; what does not fit is a problem."""
    try:
        return render(model.model_validate(made, by_alias=True, by_name=False))
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False):
            where = ".".join(str(part) for part in each["loc"])
            value = "" if each["type"] == "missing" else shown(each["input"])
            problems.append(Problem(f"{path}.{where}" if where else path, value, clip(in_words(each), 200)))
    return made
