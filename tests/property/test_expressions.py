"""Any text is an expression or an error with a place; any expression has a value or an error; always the same one.

The CEL library serves as the oracle where it can run an expression itself.
"""

from datetime import timedelta
from typing import Any

from cel_expr_python import cel
from hypothesis import given
from hypothesis import strategies as st

from wfexec.core.expressions import (
    CompileError,
    Context,
    EvaluationError,
    Program,
    Result,
    compile_expression,
    evaluate,
)
from wfexec.core.references import Broken, Template, render, template_of
from wfexec.units import EPOCH

NOW = 1_767_268_800_000
VARIABLES: dict[str, Any] = {"n": 7, "zero": 0, "f": 2.5, "s": "web-7", "t": True, "big": "ab" * 500, "q": "500m"}
STEPS = {"look": {"status": "completed", "outputs": {"pods": "a,b", "n": "3"}, "retries": 1}}
TARGET = {"replicas": 3, "images": {"app": "shop:1"}, "healthy": True}
CONTEXT = Context(variables=VARIABLES, steps=STEPS, target=TARGET, now=NOW)

PIECES = (
    *(
        "variables.n",
        "variables.s",
        "variables.big",
        "variables.?x",
        "steps.look.outputs",
        "target.replicas",
        "now",
        "x",
    ),
    *("1", "0", "-3", "2.5", "'a'", '"b"', "[1, 2]", "{'a': 1}", "true", "null", "9223372036854775807", "b'z'", "3u"),
    *(" + ", " - ", " * ", " / ", " % ", " == ", " < ", " in ", " && ", " || ", " ? ", " : ", "!", "(", ")", "[", "]"),
    *(".map(x, ", ".all(x, ", ".exists(x, ", ".filter(x, ", ".split('')", ".replace('a', variables.big)", ".matches("),
    *("size(", "quantity(", "int(", "string(", "duration('1h')", ".orValue(", ".getHours(", ".join()", ".sum()", ", "),
    *("'(a+)+$'", "}", "{", "\\", "\n", "'", "ä", "\ud800", "\x00", "lists.range(9999999)"),
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=14).map("".join))


@given(TEXTS)
def test_any_text_has_a_value_or_an_error(text: str) -> None:
    program = compile_expression(text)
    if isinstance(program, CompileError):
        assert program.line >= 1
        assert program.column >= 1
        assert program.message
        return
    found = evaluate(program, CONTEXT)
    assert isinstance(found, Result | EvaluationError)
    # NaN is the one value that is not equal to itself.
    assert repr(evaluate(program, CONTEXT)) == repr(found)


@given(TEXTS)
def test_any_text_with_references_is_a_template_or_broken(text: str) -> None:
    made = template_of(f"a {{{{ {text} }}}} b")
    assert isinstance(made, Broken) or isinstance(render(made, CONTEXT), str | EvaluationError)


@given(st.text(alphabet="ab c'\"\\}", max_size=20))
def test_text_without_opening_braces_stays_as_it_is(text: str) -> None:
    made = template_of(text)
    assert isinstance(made, Template)
    assert render(made, CONTEXT) == text


INTS: st.SearchStrategy[str] = st.deferred(
    lambda: st.one_of(
        st.integers(-(2**63) + 1, 2**63 - 1).map(str),
        st.integers(-9, 9).map(str),
        st.sampled_from(
            ("variables.n", "variables.zero", "size(variables.s)", "target.replicas", "steps.look.retries")
        ),
        st.tuples(INTS, st.sampled_from("+-*/%"), INTS).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(BOOLS, INTS, INTS).map(lambda p: f"({p[0]} ? {p[1]} : {p[2]})"),
        st.tuples(LISTS, st.integers(-1, 3)).map(lambda p: f"{p[0]}[{p[1]}]"),
        LISTS.map(lambda items: f"size({items})"),
        STRINGS.map(lambda text: f"int({text})"),
    )
)
BOOLS: st.SearchStrategy[str] = st.deferred(
    lambda: st.one_of(
        st.sampled_from(("true", "false", "variables.t", "has(variables.x)", "'n' in variables", "variables.x")),
        st.tuples(INTS, st.sampled_from(("<", "<=", "==", "!=", ">", ">=")), INTS).map(" ".join).map("({})".format),
        st.tuples(STRINGS, st.sampled_from(("<", "==", "!=")), STRINGS).map(" ".join).map("({})".format),
        st.tuples(BOOLS, st.sampled_from(("&&", "||")), BOOLS).map(" ".join).map("({})".format),
        BOOLS.map("!({})".format),
        st.tuples(LISTS, st.sampled_from(("all", "exists", "exists_one")), INTS).map(
            lambda p: f"{p[0]}.{p[1]}(x, x > {p[2]})"
        ),
        st.tuples(STRINGS, st.sampled_from(("startsWith", "endsWith", "contains", "matches")), STRINGS).map(
            lambda p: f"{p[0]}.{p[1]}({p[2]})"
        ),
        st.tuples(INTS, LISTS).map(lambda p: f"({p[0]} in {p[1]})"),
    )
)
STRINGS: st.SearchStrategy[str] = st.deferred(
    lambda: st.one_of(
        st.sampled_from(("'a'", "'-7'", "''", "'42'", "'ä'", "variables.s", "steps.look.outputs.pods", "string(now)")),
        st.tuples(STRINGS, STRINGS).map(lambda p: f"({p[0]} + {p[1]})"),
        INTS.map(lambda n: f"string({n})"),
    )
)
LISTS: st.SearchStrategy[str] = st.deferred(
    lambda: st.one_of(
        st.lists(INTS, min_size=1, max_size=3).map(", ".join).map("[{}]".format),
        st.tuples(LISTS, LISTS).map(lambda p: f"({p[0]} + {p[1]})"),
        st.tuples(LISTS, INTS).map(lambda p: f"{p[0]}.map(x, x + {p[1]})"),
        st.tuples(LISTS, INTS).map(lambda p: f"{p[0]}.filter(x, x != {p[1]})"),
    )
)
FACTS = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
ORACLE = cel.NewEnv(
    variables={"variables": FACTS, "steps": FACTS, "target": FACTS, "input": FACTS, "now": cel.Type.TIMESTAMP}
)
DATA = {
    "variables": VARIABLES,
    "steps": STEPS,
    "target": TARGET,
    "input": {},
    "now": EPOCH + timedelta(milliseconds=NOW),
}


@given(st.one_of(INTS, BOOLS, STRINGS, LISTS))
def test_the_value_is_the_one_that_the_library_finds(text: str) -> None:
    program = compile_expression(text)
    try:
        theirs = ORACLE.compile(text).eval(data=DATA)
    except RuntimeError:
        assert isinstance(program, CompileError), text
        return
    if isinstance(program, CompileError):
        # What fails on constants alone is said at planning, where the library says it when it runs.
        assert theirs.type() == cel.Type.ERROR, program
        return
    ours = evaluate(program, CONTEXT)
    if theirs.type() == cel.Type.ERROR:
        assert isinstance(ours, EvaluationError), (text, ours)
    else:
        assert ours == Result(theirs.plain_value()), text


@given(st.lists(st.sampled_from(("map", "filter", "all", "exists")), min_size=1, max_size=6), st.integers(1, 20))
def test_no_nesting_costs_more_than_the_limit(macros: list[str], size: int) -> None:
    items = f"[{', '.join(map(str, range(size)))}]"
    text = "1 == 1"
    for depth, macro in enumerate(macros):
        text = f"{items}.{macro}(v{depth}, {text}){'.size() >= 0' if macro in ('map', 'filter') else ''}"
    program = compile_expression(text)
    if isinstance(program, Program):
        found = evaluate(program, CONTEXT)
        assert isinstance(found, Result) or "too expensive" in found.message
