"""What is wrong with a template that its types cannot say? Blanks nobody declared, steps nobody can find, bad defaults.

Called by the template reader and, for the values of parameters, by whoever fills a template in (BR-WF-026).
"""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from wfexec.crd.complaints import FieldPath, shown
from wfexec.crd.spellings import hint
from wfexec.crd.tables import table_of
from wfexec.model.base import evolve
from wfexec.model.template import ParameterType, Template, TemplateParameter
from wfexec.model.workflow import Scalar, WorkflowStep

Json = dict[str, Any]
# `$${` stands for `${` itself.
BLANK: Final = re.compile(r"(?P<plain>\$\$\{)|\$\{\s*(?P<name>[^}]*?)\s*\}")
STEP_FIELDS: Final = tuple(field.alias for field in table_of(WorkflowStep) if field.name != "step_number")
VALUE_MAX: Final = 4_096
_TYPES: Final[dict[ParameterType, tuple[type, ...]]] = {
    ParameterType.STRING: (str,),
    ParameterType.NUMBER: (int, float),
    ParameterType.BOOLEAN: (bool,),
}
_WORDS: Final = {
    ParameterType.STRING: "text",
    ParameterType.NUMBER: "a number",
    ParameterType.BOOLEAN: "true or false",
}


def blanks_in(value: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, str]]:
    """Every `${name}` of a template's value: where it stands and its name."""
    if isinstance(value, str):
        yield from ((path, each["name"]) for each in BLANK.finditer(value) if each["plain"] is None)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from blanks_in(key, (*path, key))
            yield from blanks_in(part, (*path, key))
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from blanks_in(part, (*path, index))


def wrong_value(parameter: TemplateParameter, value: Any) -> str:
    """Why a parameter cannot have this value, "" when it can."""
    kinds = _TYPES[parameter.type]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return f"must be {_WORDS[parameter.type]}"
    if isinstance(value, str):
        if len(value) > VALUE_MAX:
            return f"must be at most {VALUE_MAX} letters"
        if "{{" in value or "}}" in value or "${" in value:
            return "must be a plain value; references belong into the template"
        if parameter.pattern is not None and not _matches(parameter.pattern, value):
            return f"must match {parameter.pattern}"
    if parameter.enum and not any(type(value) is type(each) and value == each for each in parameter.enum):
        known = ", ".join(shown(each) for each in parameter.enum)
        near = (
            hint(value, [each for each in parameter.enum if isinstance(each, str)], {})
            if isinstance(value, str)
            else ""
        )
        return f"must be one of {known}" + (f"; {near}" if near else "")
    return ""


def complaints(template: Template, raw: Json) -> Iterator[tuple[FieldPath, str, str]]:
    """What the types cannot say: path, what stands there, what to do."""
    yield from _parameter_complaints(template)
    names: set[str] = set()
    for index, step in enumerate(template.steps):
        yield from _step_complaints(index, step, names)
    if template.remove_steps and template.extends is None:
        yield ("removeSteps",), "", "only a template that extends another can leave steps out"
    if not template.steps and template.extends is None:
        yield ("steps",), "", "a template needs at least one step, or `extends`"
    declared = {parameter.name for parameter in template.parameters}
    if template.extends is None:
        for path, name in blanks_in({key: raw[key] for key in raw if key != "parameters"}):
            if name not in declared:
                yield path, f"${{{name}}}", undeclared(name, declared)


def undeclared(name: str, declared: Iterable[str]) -> str:
    """What to do about a blank that no parameter fills."""
    near = hint(name, declared, {})
    return f"no parameter {name!r} is declared; {near or 'declare it, or write $${ for a plain ${'}"


def _parameter_complaints(template: Template) -> Iterator[tuple[FieldPath, str, str]]:
    seen: set[str] = set()
    for index, parameter in enumerate(template.parameters):
        here: FieldPath = ("parameters", index)
        if parameter.name in seen:
            yield (*here, "name"), parameter.name, "is there twice; each once only"
        seen.add(parameter.name)
        if parameter.required is not None and parameter.required is not (parameter.default is None):
            fix = "remove the default" if parameter.required else "add a default"
            yield (*here, "required"), shown(parameter.required), f"contradicts the default; {fix}, or leave it out"
        if parameter.pattern is not None:
            wrong = _pattern_problem(parameter.pattern)
            if wrong or parameter.type is not ParameterType.STRING:
                yield (*here, "pattern"), shown(parameter.pattern), wrong or "only text has a pattern"
                continue
        if parameter.default is not None and (problem := wrong_value(parameter, parameter.default)):
            yield (*here, "default"), shown(parameter.default), problem
        plain = evolve(parameter, enum=(), pattern=None)
        for place, each in enumerate(parameter.enum):
            if problem := wrong_value(plain, each):
                yield (*here, "enum", place), shown(each), problem


def _step_complaints(index: int, step: Json, names: set[str]) -> Iterator[tuple[FieldPath, str, str]]:
    here: FieldPath = ("steps", index)
    name = step.get("name")
    if not isinstance(name, str) or not name or "${" in name:
        yield (*here, "name"), shown(name), "must be the step's name, without blanks: others find the step by it"
    elif name in names:
        yield (*here, "name"), name, "is there twice; give every step its own name"
    else:
        names.add(name)
    for key in step:
        if key == "stepNumber":
            yield (*here, key), shown(step[key]), "steps of a template are numbered when it is rendered; remove it"
        elif key not in STEP_FIELDS:
            yield (*here, key), "", f"unknown field; {hint(key, STEP_FIELDS) or 'remove it'}"
    after = step.get("dependsOn", [])
    if not isinstance(after, list) or not all(isinstance(each, str) for each in after):
        yield (*here, "dependsOn"), shown(after), "must be a list of step names"


def _pattern_problem(pattern: str) -> str:
    try:
        TypeAdapter(Annotated[str, Field(pattern=pattern)])
    except SchemaError as error:
        return f"not a regular expression: {str(error).splitlines()[-1].strip()[:200]}"
    return ""


def _matches(pattern: str, text: str) -> bool:
    """By the Rust engine, whose time is linear: a pattern that somebody wrote must not be able to hang us."""
    try:
        TypeAdapter(Annotated[str, Field(pattern=pattern)]).validate_python(text)
    except ValidationError:
        return False
    return True


def number_or_text(text: str, kind: ParameterType) -> Scalar:
    """A value as somebody typed it on the command line; text that does not fit its type stays text."""
    if kind is ParameterType.BOOLEAN and text in ("true", "false"):
        return text == "true"
    if kind is ParameterType.NUMBER and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if kind is ParameterType.NUMBER and re.fullmatch(r"-?[0-9]{1,18}\.[0-9]{1,18}", text):
        return float(text)
    return text
