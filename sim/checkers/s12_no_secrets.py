"""S12: does no secret of a workflow's parameters appear in its status, its events, logs and records (BR-WF-023)?

Children are told everything. A template stands in status as it was found, like the ConfigMap that it came from.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Final

from sim.checkers.complaint import Complaint
from sim.history import History
from wfexec.crd.codec import render_workflow
from wfexec.model.requests import EventWrite, KeepRows
from wfexec.model.status import WorkflowExecution

# Shorter ones are found in ordinary words.
LEAST: Final = 4
_NAMED: Final = re.compile(r"(?i)(passw(or)?d|pwd|token|secret|api[-_]?key|credentials?)$")


def check(history: History) -> Iterator[Complaint]:
    secrets: dict[str, tuple[str, ...]] = {}
    told: set[tuple[str, str]] = set()
    for move in history.workflows:
        workflow = move.after
        if workflow is None:
            continue
        meta = workflow.metadata
        about = f"{meta.namespace}/{meta.name}"
        if move.before is None or move.before.spec is not workflow.spec:
            secrets[about] = tuple(sorted(set(_secrets(workflow))))
        if secrets.get(about) and (move.before is None or move.before.status is not workflow.status):
            for path, text in _texts(_status(workflow), "status"):
                if _found(text, secrets[about]) and (about, path) not in told:
                    told.add((about, path))
                    yield Complaint("S12", move.at, about, f"a secret of its parameters stands in {path}")
    if any(secrets.values()):
        yield from _said(history, secrets)


def _said(history: History, secrets: dict[str, tuple[str, ...]]) -> Iterator[Complaint]:
    for write in history.writes:
        body = write.body
        if isinstance(body, EventWrite):
            about = f"{body.namespace}/{body.regarding.metadata.name}"
            if _found(body.message, secrets.get(about, ())):
                yield Complaint("S12", write.at, about, f"a secret of its parameters stands in event {body.reason}")
        elif isinstance(body, KeepRows):
            for row in body.rows:
                about = f"{row.namespace}/{row.name}"
                if _found(repr(row), secrets.get(about, ())):
                    yield Complaint("S12", write.at, about, "a secret of its parameters stands in its final record")
    for key, record in history.told or ():
        about = f"{key.namespace}/{key.name}"
        if secrets.get(about) and _found(repr(record), secrets[about]):
            yield Complaint(
                "S12", history.end, about, f"a secret of its parameters stands in a {type(record).__name__}"
            )


def _status(workflow: WorkflowExecution) -> dict[str, Any]:
    status: dict[str, Any] = render_workflow(workflow).get("status", {})
    return {key: value for key, value in status.items() if key != "template"}


def _secrets(workflow: WorkflowExecution) -> Iterator[str]:
    definition = workflow.spec.workflow_definition
    for step in definition.steps if definition is not None else ():
        parameters = step.parameters
        if parameters is None:
            continue
        given = []
        if parameters.update_secret is not None:
            given += list(parameters.update_secret.data_updates.values())
        if parameters.update_config_map is not None:
            given += [value for key, value in parameters.update_config_map.data_updates.items() if _NAMED.search(key)]
        if parameters.custom is not None:
            given += [value for key, value in parameters.custom.config.items() if _NAMED.search(key)]
        for value in given:
            if "{{" not in value:
                yield from (form for form in (value, _decoded(value)) if len(form) >= LEAST)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _found(text: str, secrets: tuple[str, ...]) -> bool:
    return any(secret in text for secret in secrets)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(one, f"{path}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, path)
