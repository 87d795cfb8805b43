"""What an expression is once compiled, what it can see, and what comes out (BR-WF-006 to BR-WF-009)."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class CompileError(NamedTuple):
    """`line` and `column` count from 1."""

    line: int
    column: int
    message: str


class EvaluationError(NamedTuple):
    """A condition error: the expression has no value for this context."""

    message: str


class Node(NamedTuple):
    """One node of the checked syntax tree.

    `kind` is const, ident, select, has, call, list, map or loop. `name` is the identifier, field or function; `value`
    the constant, or the three variables of a loop; `args` the operands (of a call: the target first), the elements,
    keys and values in turn, or range, start, condition, step and result of a loop.
    """

    kind: str
    at: int
    name: str
    value: Any
    args: tuple["Node", ...]


class Path(NamedTuple):
    """Names read one after the other (`steps.check.outputs`); `guarded`: the expression copes with its absence."""

    names: tuple[str, ...]
    guarded: bool


class Program(NamedTuple):
    """A compiled expression. `result` is the type known when compiling, "dyn" when only the run can tell;
    `roots` are the variables it reads, `paths` all fixed paths into them, each once and in order of first use."""

    text: str
    result: str
    roots: tuple[str, ...]
    paths: tuple[Path, ...]
    tree: Node


class Result(NamedTuple):
    """`value`: None, bool, int, float, str, list or dict; times and durations as text, quantities as text."""

    value: Any


NO_FACTS: Final[Mapping[str, Any]] = {}


class Context(NamedTuple):
    """What an expression sees; `now` in milliseconds since 1970. Maps may work out their values when they are read."""

    input: Mapping[str, Any] = NO_FACTS
    variables: Mapping[str, Any] = NO_FACTS
    steps: Mapping[str, Any] = NO_FACTS
    target: Mapping[str, Any] = NO_FACTS
    now: int = 0
