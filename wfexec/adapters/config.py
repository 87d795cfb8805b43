"""Which settings hold, and who said so? Defaults < folder of a mounted ConfigMap < WFEXEC_ variables < flags.

Called by `wfexec run` before anything else. Every wrong value and unknown key becomes a finding with its source, its
value and the fix, all of them at once; it must never start with a value nobody asked for (BR-WF-169).
"""

import os
import re
import types
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple, get_origin

from annotated_types import Ge, Le
from pydantic import ValidationError

from wfexec.errors import BadInput, Finding
from wfexec.settings import DEFAULTS, Settings, to_kebab
from wfexec.units import DURATION_PATTERN, format_duration

PREFIX: Final = "WFEXEC_"
VALUE_MAX: Final = 4_096
# Kubernetes gives these to every pod of a namespace with a Service named `wfexec`.
_SERVICE_LINK: Final = re.compile(r"^WFEXEC_(SERVICE_(HOST|PORT(_.*)?)|PORT(_[0-9]+_(TCP|UDP|SCTP).*)?)$")
FIELDS: Final = {to_kebab(name): field for name, field in Settings.model_fields.items()}


class Given(NamedTuple):
    """One value as text and where it stands."""

    source: str
    key: str
    value: str


def load(
    folder: Path | None = None,
    environment: Mapping[str, str] = types.MappingProxyType({}),
    flags: Iterable[tuple[str, str, str]] = (),
) -> Settings:
    """The settings; BadInput with all findings. `flags` are (flag as typed, key, value)."""
    findings: list[Finding] = []
    given: dict[str, Given] = {}
    sources = (
        *(_of_folder(folder, findings) if folder else ()),
        *_of_environment(environment),
        *(Given(flag, key, value) for flag, key, value in flags),
    )
    for one in sources:
        if one.key in FIELDS:
            given[one.key] = one
        else:
            findings.append(_unknown(one))
    settings = _validated(given, findings)
    if findings or settings is None:
        raise BadInput(tuple(findings))
    return settings


def pair(flag: str, text: str) -> tuple[str, str, str]:
    """`key=value` of --set; BadInput when it is none."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise BadInput((Finding(flag, "", text[:80], "not a setting; write --set key=value"),))
    return flag, key, value


def environment_name(key: str) -> str:
    return PREFIX + key.upper().replace("-", "_")


def _of_folder(folder: Path, findings: list[Finding]) -> list[Given]:
    """One file per key, as the kubelet mounts a ConfigMap; names that begin with a dot are its own."""
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        message = f"cannot be read: {error.strerror}; give a folder with one file per setting"
        findings.append(Finding(str(folder), "", "", message))
        return []
    given = []
    for path in paths:
        try:
            with path.open("rb") as file:
                data = file.read(VALUE_MAX + 1)
            if len(data) > VALUE_MAX:
                raise ValueError(f"longer than {VALUE_MAX} bytes")
            given.append(Given(str(path), path.name, data.decode().strip()))
        except (OSError, ValueError) as error:
            findings.append(Finding(str(path), "", "", f"not a setting: {error}; write the value as plain text"))
    return given


def _of_environment(environment: Mapping[str, str]) -> list[Given]:
    return [
        Given(f"environment {name}", name.removeprefix(PREFIX).lower().replace("_", "-"), value)
        for name, value in sorted(environment.items())
        if name.startswith(PREFIX) and not _SERVICE_LINK.match(name)
    ]


def _unknown(one: Given) -> Finding:
    close = get_close_matches(one.key, FIELDS, 1, 0.6)
    fix = f"did you mean {close[0]}?" if close else "`wfexec reference settings` lists all of them"
    return Finding(one.source, one.key, "", f"no such setting; {fix}")


def _validated(given: Mapping[str, Given], findings: list[Finding]) -> Settings | None:
    """Findings of wrong values; values that only disagree with each other are told once the rest is right."""
    try:
        return Settings.model_validate({key: _parsed(key, one.value) for key, one in given.items()})
    except ValidationError as error:
        for trouble in error.errors(include_url=False, include_context=False):
            key = str(trouble["loc"][0]) if trouble["loc"] else ""
            message = trouble["msg"].removeprefix("Value error, ")
            if key:
                one = given[key]
                findings.append(Finding(one.source, key, repr(_shown(one.value)), f"{message}; {_allowed(key)}"))
            else:
                named = [one for one in given.values() if one.key in message]
                places = ", ".join(f"{one.key}={one.value} from {one.source}" for one in named)
                findings.append(Finding("settings", "", places, f"{message}; change one of them"))
        return None


def _shown(value: str) -> str:
    """Short, and without the user and password that somebody may have written into an address."""
    return re.sub(r"//[^/\s]*@", "//…@", value)[:80]


def _parsed(key: str, text: str) -> Any:
    """Lists are comma-separated; an empty entry counts only where the default has one (the unnamed local cluster)."""
    default = getattr(DEFAULTS, key.replace("-", "_"))
    if not isinstance(default, tuple):
        return text
    parts = [part.strip() for part in text.split(",")]
    return [part for part in parts if part or "" in default]


def _allowed(key: str) -> str:
    return f"it is {_kind(key)}, default {default_text(key)}"


def default_text(key: str) -> str:
    """The default as one would write it."""
    default = getattr(DEFAULTS, key.replace("-", "_"))
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ",".join(default) or ("(one empty name)" if default else "")
    if isinstance(default, float):
        return f"{default:g}"
    return format_duration(default) if _is_duration(key) else str(default)


def _is_duration(key: str) -> bool:
    return any(getattr(each, "json_schema", {}).get("pattern") == DURATION_PATTERN for each in FIELDS[key].metadata)


def _kind(key: str) -> str:
    field = FIELDS[key]
    if _is_duration(key):
        return "a duration such as 30s, 5m or 1h30m"
    if field.annotation is bool:
        return "true or false"
    if field.annotation in (int, float):
        low = next((each.ge for each in field.metadata if isinstance(each, Ge)), None)
        high = next((each.le for each in field.metadata if isinstance(each, Le)), None)
        return f"a {'whole ' if field.annotation is int else ''}number from {low} to {high}"
    if get_origin(field.annotation) is tuple:
        return "a comma-separated list"
    pattern = next((each.pattern for each in field.metadata if getattr(each, "pattern", None)), None)
    return "one of " + ", ".join(pattern.strip("^$()").split("|")) if pattern else "text"


def reference() -> str:
    """The Markdown page of all settings (BR-WF-169)."""
    rows = [
        "# Settings",
        "",
        "Each may stand in the folder given with `--config` (one file per key, as a ConfigMap is mounted), in the",
        "environment, or in `--set key=value`; later ones win. A wrong or unknown one refuses to start.",
        "Written by `wfexec reference settings`; do not edit.",
        "",
        "| key | environment | default | value | meaning |",
        "|---|---|---|---|---|",
    ]
    for key, field in FIELDS.items():
        rows.append(
            f"| `{key}` | `{environment_name(key)}` | {default_text(key)} | {_kind(key)} | {field.description} |"
        )
    return "\n".join(rows) + "\n"


def of_process(folder: Path | None, flags: Iterable[tuple[str, str, str]]) -> Settings:
    """The settings of this process."""
    return load(folder, os.environ, flags)
