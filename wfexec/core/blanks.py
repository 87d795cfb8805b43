"""Filling the blanks: every `${name}` of a template becomes its parameter's value (BR-WF-026).

Pure. A blank that is the whole text keeps its type; inside a text it is written out; inside an expression (`when`,
`expr`, `{{ … }}`) it becomes a literal, so that no value can change what an expression means.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from wfexec.crd.complaints import FieldPath, spelled
from wfexec.crd.template_checks import BLANK
from wfexec.model.workflow import Scalar

Values = Mapping[str, Scalar]
_LATE: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)


class Filling:
    """One rendering. `whole` notes where a value that is no text took the place of a text, `missing` unknown names."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self.whole: dict[str, str] = {}
        self.missing: list[tuple[str, str]] = []

    def fill(self, value: Any, path: FieldPath = ()) -> Any:
        """A copy with every blank filled; keys of maps are texts too."""
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, dict):
            return {self._inside(key, path): self.fill(part, (*path, key)) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(part, (*path, index)) for index, part in enumerate(value)]
        return value

    def _text(self, text: str, path: FieldPath) -> Any:
        if "${" not in text:
            return text
        if is_expression(path):
            return self._literals(text, path)
        only = BLANK.fullmatch(text)
        if only is not None and only["plain"] is None:
            value = self._value(only["name"], path)
            if not isinstance(value, str):
                self.whole[spelled(path)] = written(value)
            return value
        return self._inside(text, path)

    def _inside(self, text: str, path: FieldPath) -> str:
        """Plain text with expressions in it."""
        if "${" not in text:
            return text
        made, start = [], 0
        for late in _LATE.finditer(text):
            made += [self._plain(text[start : late.start()], path), self._literals(late[0], path)]
            start = late.end()
        return "".join([*made, self._plain(text[start:], path)])

    def _plain(self, text: str, path: FieldPath) -> str:
        return BLANK.sub(lambda each: "${" if each["plain"] else written(self._value(each["name"], path)), text)

    def _literals(self, text: str, path: FieldPath) -> str:
        return BLANK.sub(lambda each: "${" if each["plain"] else literal(self._value(each["name"], path)), text)

    def _value(self, name: str, path: FieldPath) -> Scalar:
        if name not in self._values:
            self.missing.append((spelled(path), name))
            return ""
        return self._values[name]


def is_expression(path: FieldPath) -> bool:
    """Whether the text at this place of a template is an expression as a whole."""
    match path:
        case ("steps", int(), "when") | ("successCriteria", int(), "expr"):
            return True
        case ("executionStrategy", "rollbackTriggers", int(), "expr"):
            return True
        case ("steps", int(), "preConditions" | "postConditions", int(), "expr"):
            return True
    return False


def written(value: Scalar) -> str:
    """A value within a text."""
    return value if isinstance(value, str) else json.dumps(value)


def literal(value: Scalar) -> str:
    """A value within an expression."""
    text = json.dumps(value)
    return f"({text})" if text.startswith("-") else text
