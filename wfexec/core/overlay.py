"""What is a template that extends another? The other one with this one laid over it, step by step (BR-WF-028).

Pure. Objects are merged as JSON merge patches (null removes a field), steps and criteria by name, conditions by type.
"""

from collections.abc import Iterable
from typing import Any

from wfexec.crd.spellings import hint
from wfexec.model.base import evolve
from wfexec.model.template import Template

Json = dict[str, Any]
_OBJECTS = (
    "dependencies",
    "metadata",
    "execution_strategy",
    "adaptive_orchestration",
    "condition_overrides",
    "variables",
)


def overlay(below: Template, above: Template) -> Template | str:
    """The sum of the two, under the name of `above`; a text says why there is none."""
    names = [step["name"] for step in below.steps]
    for removed in above.remove_steps:
        if removed not in names:
            near = hint(removed, names, {}) or f"it has {', '.join(names)}"
            return f"removeSteps: {below.name} {below.version} has no step {removed!r}; {near}"
    both = [step["name"] for step in above.steps if step["name"] in above.remove_steps]
    if both:
        return f"removeSteps: step {both[0]!r} is removed and defined as well; do one of the two"
    parameters = {each.name: each for each in (*below.parameters, *above.parameters)}
    kept = [step for step in below.steps if step["name"] not in above.remove_steps]
    return evolve(
        above,
        description=above.description or below.description,
        extends=below.extends,
        parameters=tuple(parameters.values()),
        remove_steps=(),
        steps=tuple(_by_key("name", kept, above.steps, _step)),
        success_criteria=tuple(_by_key("name", below.success_criteria, above.success_criteria, merged)),
        timeout=above.timeout or below.timeout,
        failure_policy=above.failure_policy or below.failure_policy,
        **{name: merged(getattr(below, name), getattr(above, name)) for name in _OBJECTS},
    )


def merged(below: Any, above: Any) -> Any:
    """RFC 7386: objects field by field, null removes, everything else replaces."""
    if not isinstance(above, dict):
        return above
    made = dict(below) if isinstance(below, dict) else {}
    for key, value in above.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


def _step(below: Json, above: Json) -> Json:
    """A step over a step: a parameter union with another member is replaced, conditions go by type."""
    made: Json = merged(below, above)
    for key in ("parameters", "rollbackSpec"):
        made |= {key: _union(below[key], above[key])} if key in below and isinstance(above.get(key), dict) else {}
    for key in ("preConditions", "postConditions"):
        if isinstance(below.get(key), list) and isinstance(above.get(key), list):
            made[key] = _by_key("type", below[key], above[key], merged)
    return made


def _union(below: Any, above: Json) -> Any:
    """Exactly one member may be set: one of another kind takes the place of the old one."""
    if not isinstance(below, dict):
        return above
    if "parameters" in above and isinstance(below.get("parameters"), dict) and isinstance(above["parameters"], dict):
        return {**merged(below, above), "parameters": _union(below["parameters"], above["parameters"])}
    fields = ("action", "timeout", "parameters")
    shared = any(key in below for key in above) or any(key in fields for key in above)
    return merged(below, above) if shared else above


def _by_key(key: str, below: Iterable[Any], above: Iterable[Any], join: Any) -> list[Any]:
    """Entries of `below` in their order, joined with those of `above` of the same key, then the new ones."""
    made: dict[Any, Any] = {}
    for each in below:
        made[_key(each, key)] = each
    for each in above:
        known = _key(each, key)
        made[known] = join(made[known], each) if known in made else merged({}, each)
    return list(made.values())


def _key(entry: Any, key: str) -> Any:
    """An entry without a key of its own stands alone; the types refuse it later."""
    name = entry.get(key) if isinstance(entry, dict) else None
    return name if isinstance(name, str) else ("", id(entry))
