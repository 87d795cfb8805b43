"""References in parameters: `{{ … }}` holds an expression, its value stands there in the child (BR-WF-007).

A text that is one reference and nothing else takes the value's type where the field has one; beside other text the
value becomes text. What reads variables alone is put in at planning, so that every check sees it. What reads steps,
the target or the clock is put in when the child is made, each attempt anew; what a step changes, and how much of it,
may not wait so long, for rights, protection and capacity are judged before anything runs. Two literal braces are
written `{{ "{{" }}`.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from wfexec.core.children import map_parameters
from wfexec.core.draft import Draft
from wfexec.core.expressions import CompileError, Context, EvaluationError, Program, asks, context_of, evaluate
from wfexec.core.expressions import compile_expression as _compiled
from wfexec.core.registry import find_action
from wfexec.core.when import facts_since, facts_there
from wfexec.crd.complaints import in_words
from wfexec.model.base import Value, clip
from wfexec.model.parameters import ActionParameters, StepParameters
from wfexec.model.recipe import LateValue, RecipeStep

OPEN, CLOSE = "{{", "}}"
NUMBERS: Final = frozenset({"replicas"})
# What names the object of a step or weighs the step: judged before anything runs.
EARLY: Final = frozenset(
    {"namespace", "deployment", "container", "pod_name", "selector", "name", "node_name", "action_type", "replicas"}
)
EARLY_CONFIG: Final = frozenset(
    {"kind", "namespace", "name", "manifest", "container", "selector", "node", "cpu", "memory", "replicas"}
)
FieldPath = tuple[str, ...]
P = TypeVar("P", bound=Value)


class Broken(NamedTuple):
    """Why a text with references is none."""

    message: str


class Template(NamedTuple):
    """Literal text and expressions in turn."""

    text: str
    parts: tuple[str | Program, ...]

    @property
    def programs(self) -> tuple[Program, ...]:
        return tuple(part for part in self.parts if isinstance(part, Program))


def texts_of(parameters: Value) -> Iterator[tuple[FieldPath, str]]:
    """Every text of every set member, with its path by Python field names and map keys."""
    for member in type(parameters).model_fields:
        given = getattr(parameters, member)
        if given is None:
            continue
        for field in type(given).model_fields:
            value = getattr(given, field)
            if isinstance(value, str):
                yield (member, field), value
            elif isinstance(value, dict):
                yield from (((member, field, key), text) for key, text in value.items() if isinstance(text, str))


def may_be_late(path: FieldPath) -> bool:
    return path[2] not in EARLY_CONFIG if path[:2] == ("custom", "config") else path[1] not in EARLY


@lru_cache(maxsize=1_024)
def template_of(text: str) -> Template | Broken:
    """The parts of a text that holds at least one `{{`."""
    parts: list[str | Program] = []
    place = 0
    while (start := text.find(OPEN, place)) >= 0:
        end = _end(text, start + len(OPEN))
        if end < 0:
            return Broken(
                f'{{{{ at character {start + 1} is not closed; write }}}}, or {{{{ "{{{{" }}}} for two braces'
            )
        if start > place:
            parts.append(text[place:start])
        inner = text[start + len(OPEN) : end]
        program = _compiled(inner.strip())
        if isinstance(program, CompileError):
            where = f"line {program.line}, column {program.column} of {{{{ {clip(inner.strip(), 120)} }}}}"
            return Broken(f"{where}: {program.message}")
        parts.append(program)
        place = end + len(CLOSE)
    if place < len(text):
        parts.append(text[place:])
    return Template(text, tuple(parts))


def _end(text: str, place: int) -> int:
    """Where the expression that begins here ends; braces in its texts and maps are its own. -1: nowhere."""
    quote, depth = "", 0
    while place < len(text):
        char = text[place]
        if quote:
            if char == "\\":
                place += 1
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}" and depth:
            depth -= 1
        elif text.startswith(CLOSE, place):
            return place
        place += 1
    return -1


def render(template: Template, context: Context, *, number: bool = False) -> str | int | EvaluationError:
    """The text, or the number where the field takes one."""
    texts: list[str] = []
    for part in template.parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        found = evaluate(part, context)
        if isinstance(found, EvaluationError):
            return EvaluationError(f"{found.message}, in: {{{{ {clip(part.text, 200)} }}}}")
        value = found.value
        if number and len(template.parts) == 1 and type(value) is int:
            return value
        if value is None or isinstance(value, list | dict):
            kind = {type(None): "null", list: "a list"}.get(type(value), "a map")
            return EvaluationError(f"the value is {kind}, not text or a number, in: {{{{ {clip(part.text, 200)} }}}}")
        texts.append(_as_text(value))
    whole = "".join(texts)
    if not number:
        return whole
    if whole.isdecimal() and len(whole) < 10:
        return int(whole)
    return EvaluationError(f"the value is not a whole number, in: {clip(template.text, 200)}")


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def put(parameters: P, values: Mapping[FieldPath, str | int]) -> P | EvaluationError:
    """The parameters with these values in place; an error that names the field when one does not fit."""
    raw = parameters.model_dump(exclude_none=True)
    for path, value in values.items():
        part: Any = raw
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
    try:
        return type(parameters).model_validate(raw)
    except ValidationError as error:
        return _complaint(error)


def shown(path: FieldPath) -> str:
    """A path as it is written in a manifest."""
    return ".".join((*(camel(name) for name in path[:2]), *path[2:]))


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def late_parameters(draft: Draft, step: RecipeStep, attempt: int) -> ActionParameters | EvaluationError | None:
    """What the child of this attempt is told, with the late values in; None while facts are awaited.

    The same attempt gets the same answer at every look, as far as the world stands still: its own start is its `now`.
    """
    attempts = draft.steps[step.position].attempts
    now = attempts[attempt].start_time if attempt < len(attempts) else draft.now
    ended = [one.end_time or 0 for one in attempts[:attempt]]
    since = draft.seen_since(facts_since(draft, step.dependencies), *ended)
    questions = {
        question: None
        for late in step.late
        for one in late.programs
        for question in asks(one, draft.recipe, step.position)
    }
    if not facts_there(draft, tuple(questions), since):
        return None
    context = context_of(draft, step.position, now)
    values: dict[FieldPath, str | int] = {}
    for late in step.late:
        template = template_of(late.text)
        value = EvaluationError(template.message) if isinstance(template, Broken) else render(template, context)
        if isinstance(value, EvaluationError):
            return EvaluationError(f"{shown(late.path)}: {value.message}")
        values[late.path] = value
    given = step.spec.parameters
    made = put(given, values) if given is not None else EvaluationError("there are no parameters")
    return made if isinstance(made, EvaluationError) else _told(step, made)


def _told(step: RecipeStep, made: StepParameters) -> ActionParameters | EvaluationError:
    action = find_action(step.action)
    try:
        parameters, _ = map_parameters(action.name if action is not None else step.action, made)
    except ValidationError as error:
        return _complaint(error)
    return parameters if parameters is not None else EvaluationError("there are no parameters")


def _complaint(error: ValidationError) -> EvaluationError:
    """The first thing that does not fit; never the value, which may be secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    return EvaluationError(f"{shown(tuple(str(one) for one in first['loc']))}: {in_words(first)}")


def late_of(parameters: Value | None) -> tuple[LateValue, ...]:
    """The references that planning left in the parameters."""
    found = []
    for path, text in texts_of(parameters) if parameters is not None else ():
        template = template_of(text) if OPEN in text else None
        if isinstance(template, Template) and template.programs:
            found.append(LateValue(path, text, template.programs))
    return tuple(found)
