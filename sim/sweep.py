"""What if the controller died right here? One run, forked before each of its controller's writes.

Called by sweeps over crash points. A fork shares every value with the run it came from (values never change) and owns
whatever does change, so that a sweep over all points costs the runs' remainders instead of whole runs. It must give
what a run from the start gives under the same fault plan, to the last byte of its digest; a test compares them. In
shared depth only, for crashes whose reply is not seen: the dying controller's memory is not taken along.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from copy import copy
from enum import Enum
from itertools import count
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final

from pydantic import BaseModel

from sim.cluster.cluster import Depth
from sim.cluster.resources import Resources
from sim.cluster.targets import Place
from sim.driver import Simulation
from sim.executor.life import Context
from sim.executor.machine import Task
from sim.faults import Fault
from sim.process import Nature, Process
from sim.rng import Streams
from sim.world import World
from wfexec.errors import OurBug
from wfexec.model.requests import CreateExecution, DeleteExecution, PatchMetadata, PatchStatus

OBJECT_WRITES: Final = frozenset({CreateExecution, DeleteExecution, PatchMetadata, PatchStatus})
# Named tuples that lead to something that changes; all others are values.
_HOLDERS: Final = frozenset({Context, Nature, Place})
# Parts of objects that are values though they are made of dicts.
_VALUES: Final[dict[type, frozenset[str]]] = {World: frozenset({"initial"})}
# Never changed once made.
_FIXED: Final = (type(None), str, int, float, bytes, frozenset, type, Enum, FunctionType, BaseModel, Resources, Streams)
_new: Final = object.__new__


class _Doomed:
    """Stands in for a controller that will not live to see the next reply."""


class Forks:
    """Copies of whatever changes, each once; in `fork`, `instead` pairs old objects with what stands in their place."""

    __slots__ = ("_leaves", "_memo", "_parts", "_untold")

    def __init__(self) -> None:
        self._memo: dict[int, Any] = {}
        self._leaves: set[type] = set()
        self._untold: list[tuple[Task, Task, Context]] = []
        self._parts: dict[type, tuple[str, ...]] = {}

    def fork(self, root: Any, instead: tuple[tuple[Any, Any], ...]) -> Any:
        self._memo = {id(old): new for old, new in instead}
        made = self._of(root)
        # Their stories are told in the finished world.
        for task, old, context in self._untold:
            task.retell(old, context)
        self._untold.clear()
        return made

    def _of(self, old: Any) -> Any:
        kind = old.__class__
        if kind in self._leaves:
            return old
        known = self._memo.get(id(old))
        if known is not None:
            return known
        if kind is dict or kind is OrderedDict:
            return self._dict(old, kind)
        if kind is list or kind is deque:
            return self._list(old)
        if kind is tuple or kind in _HOLDERS:
            return self._tuple(old, kind)
        if kind is MethodType:
            return MethodType(old.__func__, self._of(old.__self__))
        if kind is BuiltinFunctionType:
            owner = old.__self__
            return old if isinstance(owner, ModuleType | type | None) else getattr(self._of(owner), old.__name__)
        if kind not in self._parts and issubclass(kind, (*_FIXED, tuple)):
            self._leaves.add(kind)
            return old
        return self._object(old, kind)

    def _dict(self, old: dict[Any, Any], kind: type) -> Any:
        """Keys are values."""
        leaves, of = self._leaves, self._of
        made = self._memo[id(old)] = kind()
        for key, part in old.items():
            made[key] = part if part.__class__ in leaves else of(part)
        return made

    def _list(self, old: Any) -> Any:
        leaves, of = self._leaves, self._of
        made = self._memo[id(old)] = [] if old.__class__ is list else deque(maxlen=old.maxlen)
        made.extend([part if part.__class__ in leaves else of(part) for part in old])
        return made

    def _tuple(self, old: Any, kind: type) -> Any:
        leaves, of = self._leaves, self._of
        return tuple.__new__(kind, [part if part.__class__ in leaves else of(part) for part in old])

    def _object(self, old: Any, kind: type) -> Any:
        if kind is Task:
            task = self._memo[id(old)] = _new(Task)
            self._untold.append((task, old, self._of(old.life.context)))
            return task
        if kind is set or kind is count:
            return self._memo.setdefault(id(old), copy(old))
        parts = self._parts.get(kind)
        if parts is None:
            parts = self._parts[kind] = _slots(kind)
        leaves, of = self._leaves, self._of
        made: Any = _new(kind)
        self._memo[id(old)] = made
        for name in parts:
            part = getattr(old, name, _MISSING)
            if part is not _MISSING:
                setattr(made, name, part if part.__class__ in leaves else of(part))
        if hasattr(old, "__dict__"):
            values = _VALUES.get(kind, frozenset())
            fields: dict[str, Any] = made.__dict__
            for name, part in old.__dict__.items():
                fields[name] = part if part.__class__ in leaves or name in values else of(part)
        return made


_MISSING: Final = object()


def _slots(kind: type) -> tuple[str, ...]:
    names = [name for each in kind.__mro__ for name in getattr(each, "__slots__", ())]
    return tuple(name for name in names if name not in ("__weakref__", "__dict__"))


def crash_points(
    base: Simulation, limit_ms: int, *, fault: Fault = Fault.CRASH_AFTER, of: frozenset[type] = OBJECT_WRITES
) -> Iterator[tuple[int, Simulation]]:
    """Run `base` to rest; for each write of these kinds its number, and the run in which `fault` befalls it.

    The fork stands right before that write: run it to rest as any other.
    """
    if base.options.depth is not Depth.SHARED or fault not in (Fault.CRASH_AFTER, Fault.CRASH_BEFORE):
        raise OurBug("a fork is in shared depth, and its controller does not see the reply")
    forks = Forks()
    found: list[tuple[int, Simulation]] = []

    def forked() -> bool:
        number = _next_write(base, of)
        if number:
            instead = tuple((process.machine, _Doomed()) for process in base.controllers if process.machine is not None)
            made: Simulation = forks.fork(base, instead)
            faults = base.options.faults._replace(at=((number, fault),))
            made.options = base.options._replace(faults=faults)
            found.append((number, made))
        return base.at_rest()

    base.run_until(forked, limit_ms)
    yield from found


def _next_write(base: Simulation, of: frozenset[type]) -> int:
    """The number of the controller's write that is carried out next; 0 when something else happens next."""
    call = base.clock.peek()
    if call is None:
        return 0
    function, args = call
    if not isinstance(function, MethodType) or function.__func__ is not Process.arrive:
        return 0
    if function.__self__ not in base.controllers:
        return 0
    return base.writes + 1 if args[0].body.__class__ in of else 0
