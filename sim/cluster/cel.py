"""How is CEL evaluated, a rule of a schema or an expression of an admission policy? Nobody else knows the library.

Called by the schema compiler and by admission. Kubernetes' own function libraries (quantities, addresses, regex
helpers) are not modelled; what needs them does not compile and says so at once, not when it is met.
"""

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings

from sim.cluster.resources import Unmodelled

_ENVIRONMENT: Final = cel.NewEnv(variables={"self": cel.Type.DYN, "oldSelf": cel.Type.DYN})
_OLD: Final = re.compile(r"\boldSelf\b")
# Names that are words of CEL would have to be escaped on both sides.
_ESCAPED: Final = re.compile(r"\.__\w+__")
_KNOWN: Final = frozenset({"rule", "message"})


class Rule(NamedTuple):
    """A compiled rule; `transition`: it compares with the old value, and holds for a new object."""

    text: str
    message: str
    transition: bool
    program: Any

    def complaint(self, value: Any, old: Any) -> str:
        """Why the value breaks the rule; "" when it keeps it."""
        data = {"self": value, "oldSelf": old} if self.transition else {"self": value}
        result = self.program.eval(data=data)
        answer = result.value()
        if answer is True:
            return ""
        if answer is False:
            return self.message or f"failed rule: {self.text}"
        return f"rule evaluation error: {answer}"


def compiled(rule: dict[str, Any]) -> Rule:
    """One entry of x-kubernetes-validations."""
    text = rule["rule"]
    unknown = sorted(rule.keys() - _KNOWN)
    if unknown or _ESCAPED.search(text):
        raise Unmodelled(f"CEL rule {text!r} with {', '.join(unknown) or 'an escaped name'}")
    try:
        program = _ENVIRONMENT.compile(text)
    except Exception as error:  # noqa: BLE001 - the library raises bare exceptions of its own
        raise Unmodelled(f"CEL rule {text!r}: {error}") from None
    return Rule(text, rule.get("message", ""), _OLD.search(text) is not None, program)


class Failed(NamedTuple):
    """An evaluation that ended in an error."""

    message: str


# A wish in the making: what `authorizer.group('g').resource('r')…` has named so far.
Wish = dict[str, str]
_WISH: Final = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
_NAMED: Final = ("group", "resource", "subresource", "namespace", "name")


# (wish, verb) to why it is allowed, None where it is not.
Reason = Callable[[Wish, str], str | None]
# Functions of the library know nothing of the evaluation that calls them.
_REASON: ContextVar[Reason] = ContextVar("rights of who asks")


@lru_cache(maxsize=512)
def policy_program(text: str) -> Any:
    """An expression of an admission policy, to be given to `evaluated`."""
    try:
        return _policies().compile(text)
    except Exception as error:  # noqa: BLE001 - the library raises bare exceptions of its own
        raise Unmodelled(f"admission expression {text!r}: {error}") from None


def evaluated(program: Any, data: Mapping[str, Any], reason: Reason) -> Any:
    """A plain value, or `Failed`; `reason` answers `authorizer.…check(verb)`."""
    token = _REASON.set(reason)
    try:
        result = program.eval(data={**data, "authorizer": {}})
        return Failed(str(result.value())) if result.type() == cel.Type.ERROR else result.plain_value()
    finally:
        _REASON.reset(token)


@cache
def _policies() -> Any:
    """The environment of admission policies."""
    text, decision = cel.Type.STRING, cel.Type.BOOL
    functions = [_member(name, (_WISH, text), _WISH, _naming(name)) for name in _NAMED]
    functions.append(_member("check", (_WISH, text), _WISH, _checked))
    functions.append(_member("allowed", (_WISH,), decision, lambda made: made["allowed"]))
    functions.append(_member("reason", (_WISH,), text, lambda made: made["reason"]))
    names = ("object", "oldObject", "request", "variables")
    return cel.NewEnv(
        variables={**dict.fromkeys(names, cel.Type.DYN), "authorizer": _WISH},
        functions=functions,
        extensions=[ext_strings.ExtStrings()],
    )


def _checked(wish: Wish, verb: str) -> dict[str, Any]:
    why = _REASON.get()(wish, verb)
    return {"allowed": why is not None, "reason": why or ""}


def _member(name: str, parameters: tuple[Any, ...], result: Any, does: Callable[..., Any]) -> Any:
    overload = cel.Overload(
        id=f"authorizer_{name}", return_type=result, parameters=parameters, is_member=True, impl=does
    )
    return cel.FunctionDecl(name, [overload])


def _naming(part: str) -> Callable[[Wish, str], Wish]:
    return lambda wish, value: {**wish, part: value}
