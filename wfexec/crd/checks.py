"""Which rules of the CRDs are about several fields at once, and which objects of a file break them?

Called by the file reader, so that what `wfexec lint` accepts the API server accepts too: there the same rules are
CEL and list-map keys. A test keeps the two in step.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from pydantic import BaseModel

from wfexec.crd.complaints import Complaint, FieldPath
from wfexec.crd.tables import table_of
from wfexec.model.execution import KubernetesExecutionSpec
from wfexec.model.parameters import (
    ActionParameters,
    DeletePodAction,
    RestartPod,
    RollbackParameters,
    StepParameters,
    UndoParameters,
)
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.units import parse_duration

Check = Callable[[dict[str, Any]], str]


def _set(raw: dict[str, Any], *names: str) -> list[str]:
    return [name for name in names if raw.get(name) is not None]


def _exactly_one(*names: str) -> Check:
    def check(raw: dict[str, Any]) -> str:
        found = _set(raw, *names)
        if len(found) == 1:
            return ""
        return f"set exactly one of {', '.join(names)}; {' and '.join(found) if found else 'none'} is set"

    return check


def _union(model: type[BaseModel]) -> Check:
    return _exactly_one(*(field.alias for field in table_of(model)))


def _pod_or_selector(raw: dict[str, Any]) -> str:
    return "" if _set(raw, "podName", "selector") else "set podName or selector"


def _some_time(raw: Any) -> str:
    """What is no duration is left to others."""
    try:
        none = isinstance(raw, str) and parse_duration(raw) == 0
    except ValueError:
        return ""
    return "must be more than 0s; leave it out for the usual time, or set cancel to stop the workflow" if none else ""


CHECKS: Final[dict[type[BaseModel], Check]] = {
    StepParameters: _union(StepParameters),
    RollbackParameters: _union(RollbackParameters),
    ActionParameters: _union(ActionParameters),
    UndoParameters: _union(UndoParameters),
    RestartPod: _pod_or_selector,
    DeletePodAction: _exactly_one("pod", "labelSelector"),
    WorkflowExecutionSpec: _exactly_one("workflowDefinition", "templateRef"),
}
# Rules about one field of such an object, by its name in JSON.
FIELD_CHECKS: Final[dict[tuple[type[BaseModel], str], Callable[[Any], str]]] = {
    (WorkflowExecutionSpec, "timeout"): _some_time,
}
# Rules that compare with an earlier version of the object: a file has none.
TRANSITIONS_ONLY: Final = frozenset({KubernetesExecutionSpec})


def broken_rules(model: type[BaseModel], raw: Any, path: FieldPath = ()) -> Iterator[Complaint]:
    """All rules that a value of this type breaks; fields of the wrong type are left to others."""
    if not isinstance(raw, dict):
        return
    check = CHECKS.get(model)
    problem = check(raw) if check is not None else ""
    if problem:
        yield Complaint(path, "", problem)
    for field in table_of(model):
        value = raw.get(field.alias)
        here = (*path, field.alias)
        wrong = FIELD_CHECKS.get((model, field.alias))
        if wrong is not None and (problem := wrong(value)):
            yield Complaint(here, str(value), problem)
        if field.model is not None:
            yield from broken_rules(field.model, value, here)
        elif isinstance(value, list):
            yield from _broken_list(model, field.name, value, here)
            for index, entry in enumerate(value if field.item is not None else ()):
                yield from broken_rules(field.item or model, entry, (*here, index))


def _broken_list(model: type[BaseModel], name: str, values: list[Any], path: FieldPath) -> Iterator[Complaint]:
    marks = model.model_fields[name].json_schema_extra
    kind = marks.get("x-kubernetes-list-type") if isinstance(marks, dict) else None
    if kind not in ("map", "set"):
        return
    keys = marks.get("x-kubernetes-list-map-keys") if isinstance(marks, dict) else None
    key = str(keys[0]) if isinstance(keys, list) else ""
    seen: set[Any] = set()
    for index, value in enumerate(values):
        mark = value.get(key) if key and isinstance(value, dict) else value
        if not isinstance(mark, str | int):
            continue
        if mark in seen:
            yield Complaint((*path, index, key) if key else (*path, index), str(mark), "is there twice; each once only")
        seen.add(mark)
