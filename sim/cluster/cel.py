"""How is a CEL rule of a schema evaluated? The one module that knows the CEL library.

Called by the schema compiler. Kubernetes' own function libraries (quantities, addresses, regex helpers) are not
modelled; a rule that needs them does not compile and says so at once, not when it is met.
"""

import re
from typing import Any, Final, NamedTuple

from cel_expr_python import cel

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
