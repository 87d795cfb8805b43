"""The run of one expression over one context: a walk over the tree under a budget (BR-WF-006, BR-WF-008).

Ours and not the CEL library's, because the library walks maps in an order that changes from process to process, knows
no opaque values such as quantities, and cannot be stopped while it makes something huge. The library parses and checks.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from wfexec.core.expression_functions import FUNCTIONS
from wfexec.core.expression_operators import OPERATORS
from wfexec.core.expression_text import fits
from wfexec.core.expression_values import (
    NONE,
    TYPES,
    Fault,
    Optional,
    comparable,
    equal,
    kind_of,
    short_kind,
)
from wfexec.model.expressions import Node

# About 50 ms on a slow core; Kubernetes allows an admission rule about 100 ms.
COST_MAX: Final = 50_000


class Run:
    """`names` are the variables; those of loops are added while they run."""

    __slots__ = ("cost", "names")

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names: dict[str, Any] = dict(names)
        self.cost = 0

    def charge(self, units: int) -> None:
        self.cost += units
        if self.cost > COST_MAX:
            raise TooExpensive("too expensive: the expression walks or builds more than the limit allows")

    def value(self, node: Node) -> Any:
        self.cost += 1
        if self.cost > COST_MAX:
            self.charge(0)
        return _KINDS[node.kind](self, node)

    def _ident(self, node: Node) -> Any:
        name = node.name.removeprefix(".")
        if name in self.names:
            found = self.names[name]
            if isinstance(found, Fault):
                raise found
            return found
        if name in TYPES:
            return TYPES[name]
        raise Fault(f"there is no value for {name!r}")

    def _select(self, node: Node) -> Any:
        of = self.value(node.args[0])
        if isinstance(of, Mapping):
            if node.name in of:
                return of[node.name]
            raise Fault(f"no such key: {node.name!r}")
        if type(of) is Optional:
            return self._looked_up(of, node.name)
        raise Fault(f"{short_kind(of)} has no field {node.name!r}")

    def _has(self, node: Node) -> bool:
        of = self.value(node.args[0])
        if type(of) is Optional:
            return self._looked_up(of, node.name).present
        if not isinstance(of, Mapping):
            raise Fault(f"{short_kind(of)} has no field {node.name!r}")
        return node.name in of

    def _call(self, node: Node) -> Any:
        special = _SPECIAL.get(node.name)
        if special is not None:
            return special(self, node)
        args = [self.value(arg) for arg in node.args]
        return _FUNCTIONS[node.name](self.charge, *args)

    def _list(self, node: Node) -> list[Any]:
        return [self.value(arg) for arg in node.args]

    def _map(self, node: Node) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for place in range(0, len(node.args), 2):
            key = self._key(self.value(node.args[place]))
            if key in made:
                raise Fault(f"the map has the key {key!r} twice")
            made[key] = self.value(node.args[place + 1])
        return made

    @staticmethod
    def _key(key: Any) -> Any:
        if kind_of(key) not in ("int", "uint", "string"):
            raise Fault(f"{short_kind(key)} cannot be the key of a map")
        return key

    def _loop(self, node: Node) -> Any:
        variable, second, accumulator = node.value
        walked, start, condition, step, result = node.args
        items = self.value(walked)
        if isinstance(items, Mapping):
            keys: list[Any] = sorted(items, key=lambda key: (kind_of(key), key))
            self.charge(len(keys))
        elif kind_of(items) == "list":
            keys = items if not second else list(range(len(items)))
        else:
            raise Fault(f"{short_kind(items)} cannot be walked")
        names = self.names
        kept = {name: names[name] for name in (variable, second, accumulator) if name in names}
        grown = self.value(start)
        # A list that the loop itself made may grow in place; `_added_to` relies on it.
        names[accumulator] = list(grown) if kind_of(grown) == "list" else grown
        for key in keys:
            if not self.value(condition):
                break
            names[variable] = key
            if second:
                names[second] = items[key]
            try:
                names[accumulator] = self._added_to(accumulator, step)
            except Fault as fault:
                names[accumulator] = _without_trace(fault)
        for name in (variable, second):
            names.pop(name, None)
            if name in kept:
                names[name] = kept[name]
        try:
            return self.value(result)
        finally:
            names.pop(accumulator, None)
            if accumulator in kept:
                names[accumulator] = kept[accumulator]

    def _added_to(self, accumulator: str, step: Node) -> Any:
        """The step's value; `accumulator + [x]`, what map() and filter() are made of, grows the list in place."""
        if step.kind == "call" and step.name == "_?_:_":
            self.cost += 1
            return self._added_to(accumulator, step.args[1 if self._truth(step.args[0], "?:") else 2])
        if step.kind == "call" and step.name == "_+_" and step.args[0].name == accumulator:
            grown = self._ident(step.args[0])
            if type(grown) is list:
                more = self.value(step.args[1])
                fits("+", (more,), "list")
                self.charge(1 + len(more))
                grown.extend(more)
                return grown
        return self.value(step)

    def _truth(self, node: Node, where: str) -> bool:
        value = self.value(node)
        if value is True or value is False:
            return bool(value)
        raise Fault(f"{where} needs true or false, not {short_kind(value)}")

    def _and(self, node: Node) -> bool:
        return self._either(node, "&&", False)

    def _or(self, node: Node) -> bool:
        return self._either(node, "||", True)

    def _either(self, node: Node, where: str, decisive: bool) -> bool:
        """A decisive side decides, whatever is wrong with the other one."""
        try:
            if self._truth(node.args[0], where) is decisive:
                return decisive
        except Fault as fault:
            first = _without_trace(fault)
        else:
            return self._truth(node.args[1], where)
        if self._truth(node.args[1], where) is decisive:
            return decisive
        raise first

    def _ternary(self, node: Node) -> Any:
        return self.value(node.args[1 if self._truth(node.args[0], "?:") else 2])

    def _not_false(self, node: Node) -> bool:
        try:
            return self.value(node.args[0]) is not False
        except Fault:
            return True

    def _not(self, node: Node) -> bool:
        return not self._truth(node.args[0], "!")

    def _equal(self, node: Node) -> bool:
        return equal(self.value(node.args[0]), self.value(node.args[1]), self.charge)

    def _unequal(self, node: Node) -> bool:
        return not self._equal(node)

    def _in(self, node: Node) -> bool:
        item, where = self.value(node.args[0]), self.value(node.args[1])
        if isinstance(where, Mapping):
            return kind_of(item) != "bool" and kind_of(item) in ("int", "uint", "double", "string") and item in where
        if kind_of(where) != "list":
            raise Fault(f"in needs a list or a map, not {short_kind(where)}")
        return any(equal(item, one, self.charge) for one in where)

    def _index(self, node: Node) -> Any:
        return self._at(self.value(node.args[0]), self.value(node.args[1]))

    def _at(self, of: Any, key: Any) -> Any:
        if type(of) is Optional:
            return self._looked_up(of, key)
        kind = kind_of(key)
        if isinstance(of, Mapping):
            if kind in ("int", "uint", "double", "string") and key in of:
                return of[key]
            raise Fault(f"no such key: {key!r}" if kind in ("int", "string") else f"no such key ({short_kind(key)})")
        if kind_of(of) != "list":
            raise Fault(f"{short_kind(of)} cannot be indexed")
        if kind == "double" and key == key // 1:
            key = int(key)
        elif kind not in ("int", "uint"):
            raise Fault(f"a list is indexed by int, not by {short_kind(key)}")
        if not 0 <= key < len(of):
            raise Fault(f"index {key} is outside a list of {len(of)}")
        return of[key]

    def _optional_index(self, node: Node) -> Optional:
        return self._looked_up(self.value(node.args[0]), self.value(node.args[1]))

    def _looked_up(self, of: Any, key: Any) -> Optional:
        if type(of) is Optional:
            return self._looked_up(of.value, key) if of.present else NONE
        if isinstance(of, Mapping):
            return Optional(True, of[key]) if key in of else NONE
        if kind_of(of) == "list" and kind_of(key) == "int":
            return Optional(True, of[key]) if 0 <= key < len(of) else NONE
        raise Fault(f"{short_kind(of)} has no parts to look for")

    def _or_value(self, node: Node) -> Any:
        """orValue and or do not look at their second side when the first one is there."""
        first = self.value(node.args[0])
        fits(node.name, (first,), "optional_type")
        if first.present:
            return first if node.name == "or" else first.value
        other = self.value(node.args[1])
        if node.name == "or":
            fits("or", (other,), "optional_type")
        return other


def _compared(sign: str, holds: Callable[[Any, Any], bool]) -> Callable[[Run, Node], bool]:
    def called(run: Run, node: Node) -> bool:
        one, other = run.value(node.args[0]), run.value(node.args[1])
        if not comparable(one, other):
            raise Fault(f"{sign} cannot compare {short_kind(one)} with {short_kind(other)}")
        if isinstance(one, str | bytes):
            run.charge(min(len(one), len(other)) >> 6)
        return bool(holds(one, other))

    return called


class TooExpensive(Exception):
    """Not a `Fault`: no `||` and no loop may swallow it."""


def _without_trace(fault: Fault) -> Fault:
    """The same fault without the frames it came through, which it would keep alive."""
    return fault.with_traceback(None)


_KINDS: Final[dict[str, Callable[[Run, Node], Any]]] = {
    "const": lambda _, node: node.value,
    "ident": Run._ident,
    "select": Run._select,
    "has": Run._has,
    "call": Run._call,
    "list": Run._list,
    "map": Run._map,
    "loop": Run._loop,
}
_SPECIAL: Final[dict[str, Callable[[Run, Node], Any]]] = {
    "_&&_": Run._and,
    "_||_": Run._or,
    "_?_:_": Run._ternary,
    "!_": Run._not,
    "@not_strictly_false": Run._not_false,
    "_==_": Run._equal,
    "_!=_": Run._unequal,
    "@in": Run._in,
    "_[_]": Run._index,
    "_[?_]": Run._optional_index,
    "_?._": Run._optional_index,
    "orValue": Run._or_value,
    "or": Run._or_value,
    "_<_": _compared("<", lambda a, b: a < b),
    "_<=_": _compared("<=", lambda a, b: a <= b),
    "_>_": _compared(">", lambda a, b: a > b),
    "_>=_": _compared(">=", lambda a, b: a >= b),
}
_FUNCTIONS: Final = {**FUNCTIONS, **OPERATORS}


def known(function: str) -> bool:
    """Whether this run can carry the function out."""
    return function in _SPECIAL or function in _FUNCTIONS
