"""Which small part of a case still shows what was found in it? Asked by the hunt, which brings the question.

A reproduction is only of use when it is small (BR-WF-032). Parts are taken away, large ones first, as long as the
answer stays the same: faults, then steps (what waited for one waits for what it waited for), then every key and item
that can be missed. Nothing is drawn: the same case and question give the same small case. It must never know what is
looked for.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any, Final

from sim.generate import Case
from sim.troubles import CALM
from wfexec.model.meta import WORKFLOW_KIND

Json = dict[str, Any]
Shows = Callable[[Case], bool]
Path = tuple[str | int, ...]

TRIES: Final = 400
# Without these a document is none; a step is taken as a whole.
KEPT: Final = frozenset(
    {"apiVersion", "kind", "metadata", "spec", "workflowDefinition", "steps", "stepNumber", "name", "action"}
)


class Search:
    """The smallest case so far, and how many questions may still be asked."""

    def __init__(self, case: Case, shows: Shows, tries: int) -> None:
        self.case = case
        self.left = tries
        self._shows = shows

    def __repr__(self) -> str:
        return f"<Search {self.left} tries left>"

    def take(self, smaller: Case) -> bool:
        """Go on with `smaller` if it shows the same."""
        if self.left <= 0 or smaller == self.case:
            return False
        self.left -= 1
        if not self._shows(smaller):
            return False
        self.case = smaller
        return True


def shrink(case: Case, shows: Shows, tries: int = TRIES) -> tuple[Case, int]:
    """A part of `case` of which `shows` still holds, and how many questions that took."""
    search = Search(case, shows, tries)
    before: Case | None = None
    while before != search.case and search.left > 0:
        before = search.case
        _calmer(search)
        _fewer_steps(search)
        _plainer(search)
    return search.case, tries - search.left


def size(case: Case) -> tuple[int, int]:
    """Steps and faults."""
    return len(_numbers(case)), len(case.troubles.writes)


def _calmer(search: Search) -> None:
    """No trouble at all, or fewer faults, or what is slow and doubled as usual."""
    if search.take(search.case._replace(troubles=CALM)):
        return

    def without(case: Case, gone: list[int]) -> Case:
        left = tuple(one for place, one in enumerate(case.troubles.writes) if place not in gone)
        return case._replace(troubles=case.troubles.model_copy(update={"writes": left}))

    _thin(search, lambda case: list(range(len(case.troubles.writes))), without)
    for key in ("replicas", "clocks", "requests", "watches", "restart"):
        usual = {key: getattr(CALM, key)}
        search.take(search.case._replace(troubles=search.case.troubles.model_copy(update=usual)))


def _fewer_steps(search: Search) -> None:
    _thin(search, _numbers, without_steps)


def _plainer(search: Search) -> None:
    """Every key and item of the manifest and the executor file, from the outside in."""
    for root in range(len(search.case.manifest)):
        _members(search, ("manifest", root))
    _members(search, ("executor",))


def _members(search: Search, path: Path) -> None:
    """Take away what this node can miss, then look into what it cannot."""
    _thin(search, lambda case: _keys(case, path), lambda case, gone: _without(case, path, gone))
    node = _at(search.case, path)
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        if isinstance(node[key], dict | list) and node[key]:
            _members(search, (*path, key))


def _thin(search: Search, parts: Callable[[Case], list[Any]], without: Callable[[Case, list[Any]], Case]) -> None:
    """Drop halves of the parts, then quarters, down to single ones."""
    length = len(parts(search.case))
    while length >= 1:
        start = 0
        while start < len(there := parts(search.case)):
            if not search.take(without(search.case, there[start : start + length])):
                start += length
        length = min(length // 2, len(parts(search.case)))


def without_steps(case: Case, gone: list[int]) -> Case:
    """Without the steps of these numbers."""
    changed = copy.deepcopy(case.manifest)
    for steps in _step_lists(changed):
        waits = {step["stepNumber"]: step.get("dependsOn", []) for step in steps}
        kept = [step for step in steps if step["stepNumber"] not in gone]
        for step in kept:
            if "dependsOn" in step:
                step["dependsOn"] = sorted({one for after in step["dependsOn"] for one in _through(after, waits, gone)})
            if not step.get("dependsOn"):
                step.pop("dependsOn", None)
        steps[:] = kept
    return case._replace(manifest=changed)


def _through(number: int, waits: dict[int, list[int]], gone: list[int]) -> Iterator[int]:
    """The step itself, or what it waited for if it is gone."""
    if number not in gone:
        yield number
        return
    for earlier in waits.get(number, []):
        yield from _through(earlier, waits, gone)


def _step_lists(documents: tuple[Json, ...]) -> Iterator[list[Json]]:
    for body in documents:
        definition = body.get("spec", {}).get("workflowDefinition") if body["kind"] == WORKFLOW_KIND else None
        if isinstance(definition, dict):
            yield definition["steps"]


def _numbers(case: Case) -> list[int]:
    return [step["stepNumber"] for steps in _step_lists(case.manifest) for step in steps]


def _at(case: Case, path: Path) -> Any:
    node: Any = {"manifest": case.manifest, "executor": case.executor}
    for part in path:
        node = node[part]
    return node


def _keys(case: Case, path: Path) -> list[Any]:
    node = _at(case, path)
    if isinstance(node, dict):
        return [key for key in node if key not in KEPT]
    return [] if path[-1] == "steps" else list(range(len(node)))


def _without(case: Case, path: Path, gone: list[Any]) -> Case:
    changed = Case(*copy.deepcopy(case[:2]), case.troubles, case.seed)
    node = _at(changed, path)
    for key in sorted(gone, reverse=True) if isinstance(node, list) else gone:
        del node[key]
    return changed
