"""What the type check knows: the variables of an expression and the functions it may call."""

from typing import Final

from cel_expr_python import cel

_T = cel.Type
_QUANTITY: Final = _T.AbstractType("quantity")
_STRINGS: Final = _T.List(_T.STRING)
_COMPARABLE: Final = (_T.INT, _T.UINT, _T.DOUBLE, _T.BOOL, _T.STRING, _T.BYTES, _T.DURATION, _T.TIMESTAMP)
_SUMMABLE: Final = (_T.INT, _T.UINT, _T.DOUBLE, _T.DURATION)
_FACTS: Final = _T.Map(_T.STRING, _T.DYN)
_EXTENSIONS: Final = "extensions:\n  - name: optional\n  - name: sets\n"


def _function(name: str, *overloads: tuple[cel.Type, tuple[cel.Type, ...]], member: bool = True) -> cel.FunctionDecl:
    """`overloads`: result and parameters, of a member function the target first."""
    made = [
        cel.Overload(f"{name}_{number}", return_type=result, parameters=list(parameters), is_member=member)
        for number, (result, parameters) in enumerate(overloads)
    ]
    return cel.FunctionDecl(name, made)


def _lists(kinds: tuple[cel.Type, ...], result: cel.Type | None) -> list[tuple[cel.Type, tuple[cel.Type, ...]]]:
    return [(result or kind, (_T.List(kind),)) for kind in kinds]


_S, _I, _B, _Q = _T.STRING, _T.INT, _T.BOOL, _QUANTITY
FUNCTIONS: Final = (
    _function("charAt", (_S, (_S, _I))),
    _function("substring", (_S, (_S, _I)), (_S, (_S, _I, _I))),
    _function("replace", (_S, (_S, _S, _S)), (_S, (_S, _S, _S, _I))),
    _function("split", (_STRINGS, (_S, _S)), (_STRINGS, (_S, _S, _I))),
    _function("join", (_S, (_STRINGS,)), (_S, (_STRINGS, _S))),
    _function("trim", (_S, (_S,))),
    _function("lowerAscii", (_S, (_S,))),
    _function("upperAscii", (_S, (_S,))),
    _function("indexOf", (_I, (_S, _S)), (_I, (_S, _S, _I)), (_I, (_T.List(_T.DYN), _T.DYN))),
    _function("lastIndexOf", (_I, (_S, _S)), (_I, (_S, _S, _I)), (_I, (_T.List(_T.DYN), _T.DYN))),
    _function("find", (_S, (_S, _S))),
    _function("findAll", (_STRINGS, (_S, _S)), (_STRINGS, (_S, _S, _I))),
    _function("sum", *_lists(_SUMMABLE, None)),
    _function("min", *_lists(_COMPARABLE, None)),
    _function("max", *_lists(_COMPARABLE, None)),
    _function("isSorted", *_lists(_COMPARABLE, _B)),
    _function("quantity", (_Q, (_S,)), member=False),
    _function("isQuantity", (_B, (_S,)), member=False),
    _function("sign", (_I, (_Q,))),
    _function("isInteger", (_B, (_Q,))),
    _function("asInteger", (_I, (_Q,))),
    _function("asApproximateFloat", (_T.DOUBLE, (_Q,))),
    _function("add", (_Q, (_Q, _Q)), (_Q, (_Q, _I))),
    _function("sub", (_Q, (_Q, _Q)), (_Q, (_Q, _I))),
    _function("compareTo", (_I, (_Q, _Q))),
    _function("isGreaterThan", (_B, (_Q, _Q))),
    _function("isLessThan", (_B, (_Q, _Q))),
)
ENVIRONMENT: Final = cel.NewEnv(
    config=cel.NewEnvConfigFromYaml(_EXTENSIONS),
    variables={"input": _FACTS, "variables": _FACTS, "steps": _FACTS, "target": _FACTS, "now": _T.TIMESTAMP},
    functions=list(FUNCTIONS),
)
