"""What do replies of the API server have in common, whatever was asked? Small readers, each for one thing.

Called by all that reads answers to questions. None of them turns "could not look" into "is not there".
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from wfexec.model.base import clip
from wfexec.model.facts import Unknown

RUNNING: Final = ("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed")
# Served from the API server's watch cache: a look every few seconds must not reach its storage.
CACHED: Final = ("resourceVersion", "0")
# Who are you, and you may not.
REFUSED: Final = (401, 403)
_CRASHES: Final = frozenset({"CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError"})

Reply = tuple[int, bytes]


def condition(raw: Mapping[str, Any], kind: str) -> str:
    """True, False or Unknown, as the object says; Unknown when it does not say."""
    for each in (raw.get("status") or {}).get("conditions") or ():
        if each["type"] == kind:
            return str(each["status"])
    return "Unknown"


def selected(pods: Iterable[Any], labels: Mapping[str, str]) -> tuple[Any, ...]:
    """The pods that carry all these labels; none where there are no labels to choose by."""
    if not labels:
        return ()
    return tuple(pod for pod in pods if labels.items() <= (pod["metadata"].get("labels") or {}).items())


def restarts(pods: Iterable[Any]) -> tuple[int, tuple[str, ...]]:
    """All restarts of these pods' containers, and a complaint per container that cannot start."""
    total, crashing = 0, []
    for pod in pods:
        for container in (pod.get("status") or {}).get("containerStatuses") or ():
            total += container.get("restartCount", 0)
            reason = ((container.get("state") or {}).get("waiting") or {}).get("reason", "")
            if reason in _CRASHES:
                crashing.append(f"{pod['metadata']['name']}/{container['name']} is in {reason}")
    return total, tuple(crashing)


def unknown(status: int, payload: bytes, what: str) -> Unknown:
    """Why nobody could say; `what` follows "to", such as "read nodes"."""
    if status in REFUSED:
        return Unknown(f"no right to {what}", refused_since=0)
    if not status:
        return Unknown(f"no answer when asked to {what}", transient=True)
    said = told(payload)
    return Unknown(clip(f"cannot {what}: {said or f'HTTP {status}'}"), transient=status >= 500 or status == 429)


def told(payload: bytes) -> str:
    """The message of a Status, or the beginning of what is none."""
    try:
        found = orjson.loads(payload)
    except ValueError:
        return payload[:200].decode("utf-8", "replace")
    return str(found.get("message", "")) if isinstance(found, dict) else ""
