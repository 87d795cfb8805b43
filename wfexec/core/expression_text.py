"""Text functions and regular expressions of expressions (BR-WF-009).

What may grow charges before it builds, so that nothing large is ever made. Regular expressions are RE2's, linear in
the text, and run in the CEL library.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from cel_expr_python import cel

from wfexec.core.expression_values import Fault, equal, kind_of, short_kind
from wfexec.units import so_many

Charge = Callable[[int], None]
Function = Callable[..., Any]
# A charge of one stands for about this many characters.
CHARACTERS: Final = 64
PATTERN_MAX: Final = 512
PATTERN_COST_MAX: Final = 25_000
# So many states of a pattern, each looked at for one character, are a charge of one.
STATES: Final = 300
# A class of Unicode such as \\pL is hundreds of ranges, and costs the library milliseconds to prepare.
CLASS_STATES: Final = 2_000
_COUNTED: Final = re.compile(r"\{(?:[0-9]*,)?([0-9]{1,4})\}")
_REGEX: Final = cel.NewEnv(
    config=cel.NewEnvConfigFromYaml("extensions:\n  - name: regex\n  - name: optional\n"),
    variables={"text": cel.Type.STRING, "pattern": cel.Type.STRING},
)
_MATCHES: Final = _REGEX.compile("text.matches(pattern)")
_EXTRACT: Final = _REGEX.compile("regex.extractAll(text, pattern)")


def fits(function: str, args: tuple[Any, ...], *kinds: str) -> None:
    """Refuse arguments of other kinds, as the type check would have, had it known them; "" fits any."""
    if len(args) != len(kinds) or any(kind and kind_of(arg) != kind for arg, kind in zip(args, kinds, strict=True)):
        raise Fault(f"{function} cannot be applied to ({', '.join(short_kind(arg) for arg in args)})")


def _text_function(name: str, kinds: tuple[str, ...], work: Function) -> Function:
    def called(charge: Charge, *args: Any) -> Any:
        fits(name, args, *kinds[: len(args)] if len(args) in (len(kinds), len(kinds) - 1) else kinds)
        charge(sum(len(arg) for arg in args if isinstance(arg, str)) // CHARACTERS)
        return work(charge, *args)

    return called


def _char_at(_: Charge, text: str, at: int) -> str:
    if not 0 <= at <= len(text):
        raise Fault(f"charAt({at}) is outside the {so_many(len(text), 'character')} of the text")
    return text[at : at + 1]


def _substring(_: Charge, text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= stop <= len(text):
        raise Fault(f"substring({start}, {stop}) is outside the {so_many(len(text), 'character')} of the text")
    return text[start:stop]


def _replace(charge: Charge, text: str, old: str, new: str, limit: int = -1) -> str:
    times = text.count(old) if limit < 0 else min(limit, text.count(old))
    charge((len(text) + times * len(new)) // CHARACTERS)
    return text.replace(old, new, limit if limit >= 0 else -1)


def _split(charge: Charge, text: str, by: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    charge(text.count(by) if by else len(text))
    if by:
        return text.split(by, limit - 1 if limit > 0 else -1)
    if 0 < limit < len(text):
        return [*text[: limit - 1], text[limit - 1 :]]
    return list(text)


def _join(charge: Charge, items: Any, by: str = "") -> str:
    fits("join", (items, by), "list", "string")
    charge(len(items) * (1 + len(by) // CHARACTERS))
    for item in items:
        fits("join", (item,), "string")
        charge(len(item) // CHARACTERS)
    return by.join(items)


def _lower(_: Charge, text: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def _upper(_: Charge, text: str) -> str:
    return "".join(chr(ord(c) - 32) if "a" <= c <= "z" else c for c in text)


def _index_of(charge: Charge, where: Any, what: Any, start: int = 0) -> int:
    if kind_of(where) == "list":
        return next((at for at, item in enumerate(where) if equal(item, what, charge)), -1)
    fits("indexOf", (where, what, start), "string", "string", "int")
    _search(charge, where, what)
    if not 0 <= start <= len(where):
        raise Fault(f"indexOf from {start} is outside the {so_many(len(where), 'character')} of the text")
    return int(where.find(what, start))


def _last_index_of(charge: Charge, where: Any, what: Any, start: int | None = None) -> int:
    if kind_of(where) == "list":
        return max((at for at, item in enumerate(where) if equal(item, what, charge)), default=-1)
    last = len(where) if start is None and kind_of(where) == "string" else start
    fits("lastIndexOf", (where, what, last), "string", "string", "int")
    _search(charge, where, what)
    if last is None or not 0 <= last <= len(where):
        raise Fault(f"lastIndexOf from {last} is outside the {so_many(len(where), 'character')} of the text")
    return int(where.rfind(what, 0, last + len(what)))


def _search(charge: Charge, text: str, what: str) -> None:
    charge(len(text) * (1 + len(what) // CHARACTERS) // CHARACTERS)


def _contains(charge: Charge, text: str, what: str) -> bool:
    _search(charge, text, what)
    return what in text


def _states(pattern: str) -> int:
    """About how long the pattern is once its counted repetitions are written out."""
    sizes, last, place = [0], 0, 0
    while place < len(pattern):
        char, size, step = pattern[place], 1, 1
        counted = _COUNTED.match(pattern, place) if char == "{" else None
        if counted is not None:
            times = max(1, int(counted[1]))
            sizes[-1] += last * (times - 1)
            last *= times
            place = counted.end()
            continue
        if char == "\\":
            size, step = (CLASS_STATES if pattern[place + 1 : place + 2] in ("p", "P") else 1), 2
        elif char == "(":
            sizes.append(0)
            size = 0
        elif char == ")" and len(sizes) > 1:
            size = sizes.pop()
        sizes[-1] += size
        last = size
        place += step
    return 1 + sum(sizes)


def _regex(program: Any, charge: Charge, text: str, pattern: str) -> Any:
    if len(pattern) > PATTERN_MAX:
        raise Fault(f"a regular expression of {len(pattern)} characters is too expensive; use at most {PATTERN_MAX}")
    states = _states(pattern)
    charge(20 + states * 2 + len(text) * states // STATES)
    found = program.eval(data={"text": text, "pattern": pattern})
    if found.type() == cel.Type.ERROR:
        raise Fault(str(found.value()).partition(": ")[2] or "the regular expression has no answer")
    return found.plain_value()


def pattern_fault(pattern: str) -> str:
    """What is wrong with a regular expression; "" when it is one. Too expensive by itself is wrong too."""
    if _states(pattern) * 2 > PATTERN_COST_MAX:
        return "too expensive: the regular expression is too long once its repetitions are written out"
    try:
        _regex(_MATCHES, lambda _: None, "", pattern)
    except Fault as fault:
        return str(fault)
    return ""


def _matches(charge: Charge, text: Any, pattern: Any) -> bool:
    fits("matches", (text, pattern), "string", "string")
    return bool(_regex(_MATCHES, charge, text, pattern))


def _without_groups(pattern: str) -> str:
    """The same pattern with capturing groups made non-capturing: only the whole match is wanted."""
    made, place, inside = [], 0, False
    while place < len(pattern):
        char = pattern[place]
        if char == "\\":
            if pattern.startswith("\\Q", place):
                end = pattern.find("\\E", place)
                stop = len(pattern) if end < 0 else end + 2
            else:
                stop = place + 2
            made.append(pattern[place:stop])
            place = stop
            continue
        if inside:
            inside = char != "]"
        elif char == "[":
            inside = True
            # A bracket that stands first in a class is itself.
            first = place + 2 if pattern.startswith("[^", place) else place + 1
            if pattern.startswith("]", first):
                made.append(pattern[place : first + 1])
                place = first + 1
                continue
        elif char == "(":
            named = next((head for head in ("(?P<", "(?<") if pattern.startswith(head, place)), None)
            end = pattern.find(">", place)
            if named is not None and end > 0:
                made.append("(?:")
                place = end + 1
                continue
            if not pattern.startswith("(?", place):
                char = "(?:"
        made.append(char)
        place += 1
    return "".join(made)


def _find_all(charge: Charge, text: Any, pattern: Any, limit: Any = -1) -> list[str]:
    fits("findAll", (text, pattern, limit), "string", "string", "int")
    found = _regex(_EXTRACT, charge, text, _without_groups(pattern))
    charge(len(found))
    return list(found if limit < 0 else found[:limit])


def _find(charge: Charge, text: Any, pattern: Any) -> str:
    fits("find", (text, pattern), "string", "string")
    found = _find_all(charge, text, pattern)
    return found[0] if found else ""


_S, _I = "string", "int"
TEXT_FUNCTIONS: Final[Mapping[str, Function]] = {
    "contains": _text_function("contains", (_S, _S), _contains),
    "startsWith": _text_function("startsWith", (_S, _S), lambda _, text, head: text.startswith(head)),
    "endsWith": _text_function("endsWith", (_S, _S), lambda _, text, tail: text.endswith(tail)),
    "charAt": _text_function("charAt", (_S, _I), _char_at),
    "substring": _text_function("substring", (_S, _I, _I), _substring),
    "replace": _text_function("replace", (_S, _S, _S, _I), _replace),
    "split": _text_function("split", (_S, _S, _I), _split),
    "trim": _text_function("trim", (_S,), lambda _, text: text.strip()),
    "lowerAscii": _text_function("lowerAscii", (_S,), _lower),
    "upperAscii": _text_function("upperAscii", (_S,), _upper),
    "join": _join, "indexOf": _index_of, "lastIndexOf": _last_index_of,
    "matches": _matches, "find": _find, "findAll": _find_all,
}  # fmt: skip
