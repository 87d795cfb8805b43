"""How much room do nodes have, in Kubernetes' notation of quantities?

Called by the answers to AskNodes. Exact arithmetic: milli-cores and bytes, rounded up for requests.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

_NUMBER: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?")
_SUFFIXES: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


# Owners of pods that no drain sends elsewhere; a node owns those that its kubelet starts from files.
STAYING: Final = frozenset({"DaemonSet", "Node"})


class Resources(NamedTuple):
    cpu_m: int
    memory: int


def parse_quantity(text: str | int | float) -> Decimal:
    """The number that `250m`, `1.5Gi`, `1e3` or `2` stands for. ValueError for anything else."""
    return _parsed(str(text).strip())


# A cluster writes few different quantities, and each many times.
@lru_cache(maxsize=1_024)
def _parsed(written: str) -> Decimal:
    number = written.rstrip("numkKMGTPEi")
    suffix = written[len(number) :]
    if suffix not in _SUFFIXES or not _NUMBER.fullmatch(number):
        raise ValueError(f"{written[:40]!r} is not a quantity")
    return Decimal(number) * _SUFFIXES[suffix]


def free_rooms(nodes: Mapping[str, Mapping[str, Any]], pods: Iterable[Mapping[str, Any]]) -> dict[str, Resources]:
    """Allocatable minus requested of each of these nodes; `pods` may include those of other nodes."""
    free = {name: _amount((node.get("status") or {}).get("allocatable")) for name, node in nodes.items()}
    for pod in pods:
        name = pod["spec"].get("nodeName")
        if name in free:
            room, used = free[name], requested(pod["spec"])
            free[name] = Resources(room.cpu_m - used.cpu_m, room.memory - used.memory)
    return free


def moving(node: str, pods: Iterable[Mapping[str, Any]]) -> list[Resources]:
    """What each pod of one node requests that a drain sends elsewhere: all but those of a DaemonSet and of the node
    itself, which nobody evicts."""
    found = []
    for pod in pods:
        owners = pod["metadata"].get("ownerReferences") or ()
        if pod["spec"].get("nodeName") == node and all(owner.get("kind") not in STAYING for owner in owners):
            found.append(requested(pod["spec"]))
    return found


def requested(spec: Mapping[str, Any]) -> Resources:
    """What the scheduler counts for a pod: its containers together, or the largest init container, plus overhead."""
    overhead = _amount(spec.get("overhead"))
    whole = (spec.get("resources") or {}).get("requests")
    if whole:
        return _plus(_amount(whole), overhead)
    running = Resources(0, 0)
    for container in spec.get("containers") or ():
        running = _plus(running, _wish(container))
    largest = beside = Resources(0, 0)
    for container in spec.get("initContainers") or ():
        wish = _wish(container)
        # A sidecar stays: later init containers and the containers run beside it.
        if container.get("restartPolicy") == "Always":
            beside = _plus(beside, wish)
            wish = Resources(0, 0)
        alone = _plus(beside, wish)
        largest = Resources(max(largest.cpu_m, alone.cpu_m), max(largest.memory, alone.memory))
    running = _plus(running, beside)
    return _plus(Resources(max(running.cpu_m, largest.cpu_m), max(running.memory, largest.memory)), overhead)


def _wish(container: Mapping[str, Any]) -> Resources:
    return _amount((container.get("resources") or {}).get("requests"))


def _plus(one: Resources, other: Resources) -> Resources:
    return Resources(one.cpu_m + other.cpu_m, one.memory + other.memory)


def _amount(quantities: Mapping[str, Any] | None) -> Resources:
    found = quantities or {}
    return Resources(_up(parse_quantity(found.get("cpu", 0)) * 1_000), _up(parse_quantity(found.get("memory", 0))))


def _up(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_CEILING))
