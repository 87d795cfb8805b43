"""Expressions: what they give, what they refuse at planning, and that they always end (BR-WF-006 to BR-WF-009)."""

import pytest

from wfexec.core.expressions import (
    CompileError,
    Context,
    EvaluationError,
    Result,
    compile_expression,
    evaluate,
    holds,
)

NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z, a Thursday
CONTEXT = Context(
    variables={"count": 5, "name": "web-7", "ratio": 1.5, "cpu": "500m", "on": True},
    steps={"check": {"status": "completed", "outputs": {"pods": "a,b,c", "free": "7"}}},
    target={"replicas": 3, "images": {"web": "shop:v1"}},
    now=NOON,
)


def value(text: str, context: Context = CONTEXT) -> object:
    program = compile_expression(text)
    assert not isinstance(program, CompileError), program
    found = evaluate(program, context)
    return found.value if isinstance(found, Result) else found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("variables.count * 2 + 1", 11),
        ("-7 / 2", -3),
        ("-7 % 4", -3),
        ("7.0 / 2.0", 3.5),
        ("variables.ratio > 1.0 && !false", True),
        ("variables.count > 3 ? 'many' : 'few'", "many"),
        ("1 / 0 > 1 || true", True),
        ("false && 1 / 0 > 1", False),
        ("'b' in steps.check.outputs.pods.split(',')", True),
        ("steps.check.outputs.pods.split(',').map(p, p.upperAscii()).join('-')", "A-B-C"),
        ("steps.check.outputs.?node.orValue('none')", "none"),
        ("has(steps.check.outputs.free) && int(steps.check.outputs.free) > 5", True),
        ("[3, 1, 2].max() + [3, 1, 2].min() + [1, 2].sum()", 7),
        ("[1, 2, 3].exists_one(x, x > 2)", True),
        ("[1, 2].all(x, x / 0 == 1)", EvaluationError("division by zero")),
        ("[1, 0].exists(x, 1 / x == 1)", True),
        ("{'b': 1, 'a': 2}.map(key, key)", ["a", "b"]),
        ("variables.name.matches('^web-[0-9]+$')", True),
        ("'a1b22c'.findAll('[a-z]([0-9]+)')", ["a1", "b22"]),
        ("'a1b22c'.find('[0-9]{2}')", "22"),
        ("'hello'.substring(1, 3) + 'hello'.charAt(4)", "elo"),
        ("'a.b.c'.replace('.', '/', 1).indexOf('b')", 2),
        ("' Ab '.trim().lowerAscii()", "ab"),
        ("quantity(variables.cpu).add(quantity('1')).compareTo(quantity('1500m'))", 0),
        ("quantity('1Gi').isGreaterThan(quantity('1G'))", True),
        ("quantity('1.5k').asApproximateFloat()", 1500.0),
        ("quantity('1000m') == quantity('1')", True),
        ("isQuantity('12Q')", False),
        ("now.getHours() == 12 && now.getDayOfWeek() == 4", True),
        ("now.getHours('Europe/Berlin')", 13),
        ("now - timestamp('2026-01-01T10:00:00Z') > duration('1h30m')", True),
        ("string(now + duration('90s'))", "2026-01-01T12:01:30Z"),
        ("target.images['web'].split(':')[1]", "v1"),
        ("target.replicas + 1", 4),
        ("type(variables.on) == bool", True),
        ("sets.contains(['a', 'b'], ['b'])", True),
        ("dyn(1) == dyn(1.0)", True),
    ],
)
def test_a_value(text: str, expected: object) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("variables.count / (variables.count - 5)", "division by zero"),
        ("9223372036854775807 + variables.count", "integer overflow"),
        ("variables.nothing", "no such key: 'nothing'"),
        ("variables.count + variables.ratio", "+ cannot be applied to int and double"),
        ("variables.name.getHours()", "getHours"),
        ("int(variables.name)", "cannot convert 'web-7' to int"),
        ("[1][variables.count]", "index 5 is outside a list of 1"),
        ("'abc'.substring(2, variables.count)", "outside the 3 characters"),
        ("now.getHours(variables.name)", "is not a time zone"),
        ("quantity(variables.name)", "is not a quantity"),
        ("[dyn(1), 'a'].max()", "cannot compare"),
        ("b'abc'", "cannot be used outside"),
    ],
)
def test_a_condition_error_is_a_value(text: str, words: str) -> None:
    program = compile_expression(text)
    if isinstance(program, CompileError):
        assert words in program.message
        return
    found = evaluate(program, CONTEXT)
    assert isinstance(found, EvaluationError)
    assert words in found.message


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("1 +", 1, 4, "Syntax error"),
        ("true &&\n  nothing", 2, 3, "undeclared reference to 'nothing'"),
        ("'a' + 1", 1, 5, "no matching overload"),
        ("quantity('1') + 1", 1, 15, "no matching overload"),
        ("variables.name.matches('(')", 1, 24, "missing )"),
        ("true ||\n duration('later') > duration('1s')", 2, 10, "is not"),
        ("(" * 200 + "1" + ")" * 200, 1, 1, "nested too deeply"),
        ("'" + "x" * 3000 + "'", 1, 2049, "more than the 2048"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(text: str, line: int, column: int, words: str) -> None:
    error = compile_expression(text)
    assert isinstance(error, CompileError)
    assert words.replace("is not", "cannot convert") in error.message
    assert (error.line, error.column) == (line, column)


@pytest.mark.parametrize(
    "text",
    [
        "[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].all(c,"
        " [0,1,2,3,4,5,6,7,8,9].all(d, [0,1,2,3,4,5,6,7,8,9].all(e, true)))))",
        "['aaaaaaaa'].map(a, a+a+a+a+a+a+a+a)" + ".map(a, a+a+a+a+a+a+a+a)" * 8,
        "variables.big.split('').map(a, variables.big.split('').map(b, a + b)).size() > 0",
        "variables.big.replace('', variables.big).replace('', variables.big).size() > 0",
        "variables.big.matches('" + "(a?){50}" * 40 + "')",
        "[1,2,3,4,5,6,7,8,9,10].all(x, string(x).matches('[0-9]' + r'(\\pL|\\pN)*'))",
        "[1,2,3].all(x, x / 0 == 1 || variables.big.split('').all(a, variables.big.split('').all(b, true)))",
    ],
)
def test_what_would_not_end_is_too_expensive(text: str) -> None:
    program = compile_expression(text)
    assert not isinstance(program, CompileError), program
    found = evaluate(program, Context(variables={"big": "a" * 20_000}))
    assert isinstance(found, EvaluationError)
    assert "too expensive" in found.message


def test_a_regular_expression_that_backtracks_elsewhere_is_answered_at_once() -> None:
    program = compile_expression("variables.big.matches('^(a+)+$')")
    assert not isinstance(program, CompileError)
    assert holds(program, Context(variables={"big": "a" * 20_000 + "b"})) is False


@pytest.mark.parametrize(
    "pattern",
    ["[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "^([0-9]{1,3}[.]){3}[0-9]{1,3}$", "[(]a[)]{2}", "a{,3}|[]{2}]"],
)
def test_usual_patterns_are_cheap_enough_for_lists(pattern: str) -> None:
    program = compile_expression(f"variables.all.split(',').exists(x, x.matches('{pattern}'))")
    assert not isinstance(program, CompileError)
    addresses = ",".join(f"123e4567-e89b-12d3-a456-4266141740{n:02d}" for n in range(64))
    assert isinstance(holds(program, Context(variables={"all": addresses})), bool)


@pytest.mark.parametrize("pattern", ["x{1000}" * 60, "((x{9}){9}){9}" * 30 + "y", r"\\pL+" * 20])
def test_a_pattern_that_takes_long_to_prepare_is_refused(pattern: str) -> None:
    error = compile_expression(f"variables.name.matches('{pattern}')")
    assert isinstance(error, CompileError)
    assert "too expensive" in error.message


def test_only_truth_holds() -> None:
    program = compile_expression("variables.count")
    assert not isinstance(program, CompileError)
    assert holds(program, CONTEXT) == EvaluationError("the expression must be true or false, not int")


def test_a_program_knows_what_it_reads() -> None:
    program = compile_expression("has(variables.x) && steps['check'].outputs.n == '1' || target.?images.?web != null")
    assert not isinstance(program, CompileError)
    assert [(".".join(path.names), path.guarded) for path in program.paths] == [
        ("variables.x", True),
        ("steps.check.outputs.n", False),
        ("target.images.web", True),
    ]
    assert program.roots == ("variables", "steps", "target")
