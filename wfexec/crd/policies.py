"""Which conditions does the registry lay down for each action? The ConfigMap of condition policies (BR-WF-053).

Called by the engine when the ConfigMap changed. One key per action, its value YAML or JSON `{version, pre, post}`, an
empty one meaning: no conditions. What is wrong costs its own entry and never another one's; nothing here raises.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from wfexec.crd.documents import Document, parse_documents
from wfexec.crd.files import read_value
from wfexec.errors import BadInput
from wfexec.model.base import Value, clip
from wfexec.model.bearings import ConditionSet, Policies
from wfexec.model.workflow import StepCondition

# Far more than there are actions, and far longer than sixteen conditions a side.
ENTRIES_MAX: Final = 128
ENTRY_BYTES_MAX: Final = 128 * 1024
VERSION_MAX: Final = 63
Conditions = Annotated[tuple[StepCondition, ...], Field(max_length=16)]


class PolicyEntry(Value):
    """One value of the ConfigMap; `version` "" takes the ConfigMap's own."""

    version: Annotated[str, Field(max_length=VERSION_MAX)] = ""
    pre: Conditions = ()
    post: Conditions = ()


def parse_policies(data: Mapping[str, str], version: str) -> Policies:
    """By the keys as they stand there; `version` is the ConfigMap's label. `problems` name what was left out."""
    made: dict[str, ConditionSet] = {}
    problems: list[str] = []
    version = clip(version, VERSION_MAX)
    for key in sorted(data)[:ENTRIES_MAX]:
        entry = _entry(key, data[key])
        if isinstance(entry, str):
            problems.append(clip(f"{key}: {entry}", 512))
        else:
            made[key] = ConditionSet(entry.version or version, entry.pre, entry.post)
    if len(data) > ENTRIES_MAX:
        problems.append(f"only the first {ENTRIES_MAX} of {len(data)} entries are read; remove what is no action")
    return Policies(version, made, tuple(problems))


def _entry(key: str, text: str) -> PolicyEntry | str:
    """The entry, or what is wrong with it."""
    if len(text) > ENTRY_BYTES_MAX:
        return f"longer than {ENTRY_BYTES_MAX // 1024} KiB; write shorter conditions"
    try:
        documents = parse_documents(text.encode("utf-8", "replace"), key)
        if len(documents) > 1:
            return f"{len(documents)} documents; write one"
        entry = read_value(PolicyEntry, documents[0] if documents else Document(key, {}, {}))
    except BadInput as error:
        first = error.findings[0]
        line = first.source.removeprefix(key).lstrip(":")
        place = " ".join(part for part in (f"line {line}" if line else "", first.field, first.value) if part)
        return f"{place}: {first.message}" if place else first.message
    for name, conditions in (("pre", entry.pre), ("post", entry.post)):
        types = [condition.type for condition in conditions]
        if twice := next((one for one in types if types.count(one) > 1), ""):
            return f"{name}: the type {clip(twice, 80)!r} stands there twice; give each condition its own"
    return entry
