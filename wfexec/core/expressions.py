"""Expressions: `when`, conditions, success criteria and `{{ }}` references are all CEL (BR-WF-006 to BR-WF-009).

`compile_expression` says at planning what is wrong, with line and column; `evaluate` and `holds` give a value or an
error that is a value, never an exception and never without end. The dialect is Kubernetes' own.
"""

import re
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from wfexec.core.expression_context import asks, context_of
from wfexec.core.expression_declarations import ENVIRONMENT
from wfexec.core.expression_run import Run, TooExpensive, known
from wfexec.core.expression_text import pattern_fault
from wfexec.core.expression_tree import Unsupported, decode, paths_of, walk
from wfexec.core.expression_values import Fault, plain
from wfexec.model.base import clip
from wfexec.model.expressions import CompileError, Context, EvaluationError, Node, Program, Result
from wfexec.units import EPOCH

__all__ = [
    "CompileError",
    "Context",
    "EvaluationError",
    "Program",
    "Result",
    "asks",
    "compile_expression",
    "context_of",
    "evaluate",
    "holds",
]

ROOTS: Final = ("input", "variables", "steps", "target", "now")
TEXT_MAX: Final = 2_048
# Deeper ones cannot be read by people either; the parser's own limit is lower for most forms.
DEPTH_MAX: Final = 64
_ERROR: Final = re.compile(r"ERROR: <input>:(-?[0-9]+):(-?[0-9]+): (.*?)(?=\nERROR: <input>|\n \||\Z)", re.DOTALL)
# What a call on constants alone can get wrong is said at planning already.
_CHECKED: Final = frozenset({"quantity", "duration", "timestamp"})
_PATTERNS: Final = frozenset({"matches", "find", "findAll"})


@lru_cache(maxsize=1_024)
def compile_expression(text: str) -> Program | CompileError:
    """The compiled expression, or where and why it is wrong."""
    if len(text) > TEXT_MAX:
        return CompileError(1, TEXT_MAX + 1, f"{len(text)} characters are more than the {TEXT_MAX} allowed")
    try:
        checked = ENVIRONMENT.compile(text)
        tree, offsets = decode(checked.serialize())
    except Unsupported as error:
        return CompileError(1, 1, str(error))
    except Exception as error:  # noqa: BLE001 - the library raises bare exceptions of its own
        return _told(str(error))
    wrong = _unusable(tree)
    if wrong is not None:
        at, message = wrong
        line, column = _place(text, offsets.get(at, 0))
        return CompileError(line, column, message)
    paths = paths_of(tree, ROOTS)
    roots = tuple(dict.fromkeys(path.names[0] for path in paths))
    return Program(text, checked.return_type().name().lower(), roots, paths, tree)


def _told(message: str) -> CompileError:
    found = _ERROR.search(message)
    if found is None:
        what = message.partition(": ")[2] or message
        if "recursion limit" in what:
            what = "the expression is nested too deeply"
        return CompileError(1, 1, clip(what.partition(" [")[0].strip(), 400))
    what = re.sub(r" \(in container ''\)$", "", found[3].strip())
    if "recursion" in what:
        what = "the expression is nested too deeply"
    return CompileError(max(1, int(found[1])), max(1, int(found[2])), clip(what, 400))


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return len(before.split("\n")), offset - (before.rfind("\n") + 1) + 1


def _unusable(tree: Node) -> tuple[int, str] | None:
    """The first node that cannot be run, and why."""
    if _depth(tree) > DEPTH_MAX:
        return tree.at, "the expression is nested too deeply"
    for node in walk(tree):
        if node.kind != "call":
            continue
        if not known(node.name):
            return node.at, f"function {node.name} is not supported"
        if node.name in _PATTERNS and node.args[1].kind == "const":
            wrong = pattern_fault(node.args[1].value)
            if wrong:
                return node.args[1].at, wrong
        if node.name in _CHECKED and all(arg.kind == "const" for arg in node.args):
            try:
                Run({}).value(node)
            except (Fault, TooExpensive) as fault:
                return node.at, str(fault)
    return None


def _depth(tree: Node) -> int:
    deepest, layer = 0, [tree]
    while layer:
        deepest += 1
        layer = [arg for node in layer for arg in node.args]
    return deepest


def evaluate(program: Program, context: Context) -> Result | EvaluationError:
    """The expression's value in this context. Total: whatever goes wrong is a value too."""
    try:
        return Result(plain(Run(_names(program, context)).value(program.tree)))
    except (Fault, TooExpensive) as fault:
        return EvaluationError(clip(str(fault), 400))


def holds(program: Program, context: Context) -> bool | EvaluationError:
    """Whether the expression is true; one that is neither true nor false is an error."""
    found = evaluate(program, context)
    if isinstance(found, EvaluationError):
        return found
    if isinstance(found.value, bool):
        return found.value
    return EvaluationError(f"the expression must be true or false, not {_kind(found.value)}")


def _kind(value: Any) -> str:
    names = {type(None): "null", int: "int", float: "double", str: "string", list: "list", dict: "map"}
    return names[type(value)]


def _names(program: Program, context: Context) -> dict[str, Any]:
    names: dict[str, Any] = {root: getattr(context, root) for root in program.roots}
    if "now" in names:
        try:
            names["now"] = EPOCH + timedelta(milliseconds=context.now)
        except OverflowError:
            raise Fault("now is out of range") from None
    return names
