"""Which values of a workflow must nobody read, and how are they kept out of what we write about it?

A recipe names the secrets among its parameters once; a plan of such a workflow is gone through before it leaves, and
only its texts for people are: names, numbers and machine words stay what they are. A workflow without secrets pays
nothing. Children are told everything, for they do the work.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, get_type_hints

from wfexec.model.audit import FinalRecord
from wfexec.model.base import LongText, Text, TextMap, Value, evolve
from wfexec.model.execution import Messages
from wfexec.model.parameters import CustomAction, RollbackParameters, StepParameters
from wfexec.model.plan import CountRecord, EventRecord, HistoryRecord, LogRecord, Record
from wfexec.model.redact import MARK, is_secret_name
from wfexec.model.workflow import WorkflowStep

# Shorter values would take ordinary words away with them, and keep nothing from anybody.
SECRET_MIN: Final = 4
# Machine data although its type is text: facts of a target by which an undo is built and believed.
_KEPT: Final = frozenset({"pre_state"})
_TEXTS: Final = (Text, LongText, Text | None, LongText | None, TextMap, Messages)


def secrets_of(steps: Iterable[WorkflowStep]) -> tuple[str, ...]:
    """Values that the parameters of these steps name as secret, the longest first; as given and decoded."""
    found: dict[str, None] = {}
    for step in steps:
        for value in _given(step):
            for form in (value, _decoded(value)):
                if len(form) >= SECRET_MIN and "{{" not in form:
                    found[form] = None
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def _given(step: WorkflowStep) -> Iterator[str]:
    parameters = step.parameters
    if parameters is not None:
        if parameters.update_secret is not None:
            yield from parameters.update_secret.data_updates.values()
        if parameters.update_config_map is not None:
            yield from _named(parameters.update_config_map.data_updates)
        yield from _custom(parameters)
    undo = step.rollback_spec.parameters if step.rollback_spec is not None else None
    if undo is not None:
        yield from _custom(undo)


def _custom(parameters: StepParameters | RollbackParameters) -> Iterator[str]:
    custom: CustomAction | None = parameters.custom
    if custom is not None:
        yield from _named(custom.config)


def _named(data: Mapping[str, str]) -> Iterator[str]:
    for key, value in data.items():
        if is_secret_name(key):
            yield value


def _decoded(value: str) -> str:
    """What the base64 of a Secret stands for; "" when it stands for no text."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text if text.isprintable() else ""


def hide(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MARK)
    return text


def hide_in(value: Any, secrets: tuple[str, ...]) -> Any:
    """A value of the status without the secrets in its texts; the very same where there are none."""
    if isinstance(value, tuple):
        made = tuple([hide_in(one, secrets) for one in value])
        return value if all(one is other for one, other in zip(made, value, strict=True)) else made
    if not isinstance(value, Value):
        return value
    changes: dict[str, Any] = {}
    for field, text in _fields(value.__class__):
        old = getattr(value, field)
        new = _without(old, secrets) if text else hide_in(old, secrets)
        if new is not old and new != old:
            changes[field] = new
    return evolve(value, **changes) if changes else value


def hide_changes(holder: type[Value], changes: dict[str, Any], secrets: tuple[str, ...]) -> None:
    """The same for fields of a `holder` that are about to change, in place."""
    for field, text in _fields(holder):
        if field in changes:
            value = changes[field]
            changes[field] = _without(value, secrets) if text else hide_in(value, secrets)


def hide_records(records: Iterable[Record], secrets: tuple[str, ...]) -> list[Record]:
    """Events, logs and history; the labels of a count hold nothing that a parameter says."""
    return [_record(record, secrets) for record in records]


def _record(record: Record, secrets: tuple[str, ...]) -> Record:
    match record:
        case EventRecord(_, _, message):
            return record._replace(message=hide(message, secrets))
        case LogRecord(_, message, fields):
            told = tuple([(key, hide(value, secrets)) for key, value in fields])
            return record._replace(message=hide(message, secrets), fields=told)
        case HistoryRecord():
            return record._replace(
                steps=hide_in(record.steps, secrets), adjustments=hide_in(record.adjustments, secrets)
            )
        case CountRecord() | FinalRecord():
            return record


def _without(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return hide(value, secrets)
    if isinstance(value, tuple):
        return tuple([hide(one, secrets) for one in value])
    if isinstance(value, dict):
        return {key: hide(one, secrets) for key, one in value.items()}
    return value


@cache
def _fields(kind: type[Value]) -> tuple[tuple[str, bool], ...]:
    """Fields to go through, and whether each holds text for people; the others may hold values that do."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple((name, hints[name] in _TEXTS) for name in kind.model_fields if name not in _KEPT)
