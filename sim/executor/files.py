"""Read an executor file: YAML to `Outcomes`, or every finding about it at once.

Called by the commands and by the live driver. Raises BadInput and nothing else for whatever a person wrote.
"""

from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from sim.executor.outcomes import Outcomes
from wfexec.errors import BadInput, Finding

BYTES_MAX: Final = 1_048_576
DEPTH_MAX: Final = 32
# Ten times as fast where there is libyaml.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HINTS: Final = {
    "extra_forbidden": "unknown key; remove it or mend its spelling",
    "missing": "required; add it",
}


def load_outcomes(path: Path) -> Outcomes:
    """The executor file at `path`."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise BadInput((Finding(str(path), "", "", f"larger than {BYTES_MAX} bytes; split it"),))
        text = path.read_text(encoding="utf-8")
    except OSError as trouble:
        raise BadInput((Finding(str(path), "", "", f"cannot be read: {trouble.strerror}"),)) from None
    except UnicodeDecodeError:
        raise BadInput((Finding(str(path), "", "", "is not UTF-8 text"),)) from None
    return parse_outcomes(text, str(path))


def parse_outcomes(text: str, source: str) -> Outcomes:
    """The executor file in `text`; `source` names it in findings."""
    if len(text) > BYTES_MAX:
        raise BadInput((Finding(source, "", "", f"larger than {BYTES_MAX} characters; split it"),))
    try:
        _bounded(text, source)
        raw = yaml.load(text, _LOADER)
    except yaml.YAMLError as trouble:
        raise BadInput((Finding(source, "", "", f"is not YAML: {' '.join(str(trouble).split())[:300]}"),)) from None
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise BadInput((Finding(source, "", _shown(raw), "must be a map with keys such as actions, steps"),))
    try:
        return Outcomes.model_validate(raw)
    except ValidationError as trouble:
        raise BadInput(findings_of(source, trouble)) from None


def findings_of(source: str, trouble: ValidationError) -> tuple[Finding, ...]:
    return tuple(_finding(source, error) for error in trouble.errors(include_url=False))


def _bounded(text: str, source: str) -> None:
    """Refuse what would make reading slow or endless, before anything is built of it."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        place = f"line {event.start_mark.line + 1}" if event.start_mark else ""
        if isinstance(event, yaml.AliasEvent):
            raise BadInput((Finding(source, place, f"*{event.anchor}", "aliases are not read; write it out"),))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise BadInput((Finding(source, place, "", f"nested more than {DEPTH_MAX} deep; no key needs that"),))


def _finding(source: str, error: Any) -> Finding:
    field = ".".join(str(part) for part in error["loc"])
    message = _HINTS.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    shown = "" if error["type"] == "missing" else _shown(error["input"])
    return Finding(source, field, shown, message)


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, dict | list) else f"{type(value).__name__} of {len(value)}"
    return text if len(text) <= 80 else f"{text[:79]}…"
