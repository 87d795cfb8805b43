"""What does the cluster remember, in which order did it change, and who is told?

Used by both depths: an object's body is opaque here, a frozen value in shared depth and a JSON object in wire depth.
One counter numbers all changes, as etcd's revision does. It must never change a body, look into one, or know the time.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from wfexec.model.requests import Change

Name = tuple[str, str]
HISTORY: Final = 10_000


class Stored(NamedTuple):
    """One version of an object. `owners` and `finalizers` stand here because collection and deletion need them."""

    resource: str
    namespace: str
    name: str
    uid: str
    version: int
    body: Any
    owners: tuple[str, ...] = ()
    finalizers: tuple[str, ...] = ()
    deleting: bool = False


class Happened(NamedTuple):
    """A change as watches see it; `previous` None for an addition."""

    version: int
    change: Change
    stored: Stored
    previous: Stored | None


Sink = Callable[[Change, Any, str], None]
Select = Callable[[Stored], bool]


class Watch:
    """Somebody told of every change of a resource, in order, inside the write that made it. A sink must not write."""

    __slots__ = ("_select", "_store", "bookmarks", "resource", "sink")

    def __init__(self, store: "Store", resource: str, sink: Sink, select: Select | None, bookmarks: bool) -> None:
        self._store = store
        self.resource = resource
        self.sink = sink
        self._select = select
        self.bookmarks = bookmarks

    def stop(self) -> None:
        """Tell no more; harmless when called twice."""
        self._store.forget(self)

    def tell(self, happened: Happened) -> None:
        """One change, as this watch's selectors make it look: an object may come into sight or leave it."""
        version, change, stored, previous = happened
        select = self._select
        if select is not None:
            seen = change is not Change.DELETED and select(stored)
            knew = previous is not None and select(previous)
            if not seen and not knew:
                return
            if seen != knew:
                change = Change.ADDED if seen else Change.DELETED
        self.sink(change, stored.body, str(version))

    def bookmark(self) -> None:
        """Say how far the watch has come, if it asked for that."""
        if self.bookmarks:
            self.sink(Change.BOOKMARK, None, str(self._store.version))


class Store:
    """`history`: how many changes of each resource are kept for watches that begin in the past and for lists."""

    def __init__(self, history: int = HISTORY, version: int = 0) -> None:
        self.version = version
        self._first = version
        self._history_limit = history
        self._objects: dict[str, dict[Name, Stored]] = {}
        self._history: dict[str, deque[Happened]] = {}
        # Version of the newest change that is no longer kept, by resource.
        self._compacted: dict[str, int] = {}
        self._watches: dict[str, list[Watch]] = {}
        self._living: set[str] = set()
        self._dependents: dict[str, dict[tuple[str, Name], None]] = {}
        # Objects with an owner that is gone, in the order in which that came to be.
        self.dangling: dict[tuple[str, Name], None] = {}

    def get(self, resource: str, namespace: str, name: str) -> Stored | None:
        objects = self._objects.get(resource)
        return None if objects is None else objects.get((namespace, name))

    def all(self, resource: str, namespace: str = "") -> list[Stored]:
        """By (namespace, name), as etcd keeps them; `namespace` "" means all."""
        objects = self._objects.get(resource, {})
        if namespace:
            return [objects[name] for name in sorted(name for name in objects if name[0] == namespace)]
        return [objects[name] for name in sorted(objects)]

    def resources(self) -> Iterator[str]:
        """Resources that ever had an object, in the order in which they first had one."""
        return iter(self._objects)

    def at_version(self, resource: str, version: int) -> list[Stored] | None:
        """`all` as it was; None when that is no longer known."""
        if version < self._compacted.get(resource, self._first) or version > self.version:
            return None
        objects = dict(self._objects.get(resource, {}))
        for happened in reversed(self._history.get(resource, ())):
            if happened.version <= version:
                break
            name = (happened.stored.namespace, happened.stored.name)
            if happened.previous is None:
                objects.pop(name, None)
            else:
                objects[name] = happened.previous
        return [objects[name] for name in sorted(objects)]

    def put(self, stored: Stored) -> None:
        """Commit a new object or version; `stored.version` is the next number."""
        resource = stored.resource
        objects = self._objects.get(resource)
        if objects is None:
            objects = self._objects[resource] = {}
        name = (stored.namespace, stored.name)
        previous = objects.get(name)
        objects[name] = stored
        if previous is None:
            self._living.add(stored.uid)
            self._own(stored, name)
            self._happened(resource, Happened(stored.version, Change.ADDED, stored, None))
            return
        if previous.owners != stored.owners:
            self._disown(previous, name)
            self._own(stored, name)
        self._happened(resource, Happened(stored.version, Change.MODIFIED, stored, previous))

    def remove(self, last: Stored) -> None:
        """Commit the end of an object; `last.version` is the next number, its body says so too."""
        name = (last.namespace, last.name)
        previous = self._objects[last.resource].pop(name)
        self._living.discard(last.uid)
        self._disown(previous, name)
        self.dangling.pop((last.resource, name), None)
        for dependent in self._dependents.get(last.uid, ()):
            self.dangling[dependent] = None
        self._happened(last.resource, Happened(last.version, Change.DELETED, last, previous))

    def lives(self, uid: str) -> bool:
        return uid in self._living

    def watch(
        self, resource: str, version: int, sink: Sink, select: Select | None = None, *, bookmarks: bool = True
    ) -> Watch | None:
        """Replay what happened after `version`, then tell of every change. None: too old, list again."""
        if version < self._compacted.get(resource, self._first):
            return None
        watch = Watch(self, resource, sink, select, bookmarks)
        past = []
        for happened in reversed(self._history.get(resource, ())):
            if happened.version <= version:
                break
            past.append(happened)
        for happened in reversed(past):
            watch.tell(happened)
        # A new list each time: a write in progress goes on telling those it began with.
        self._watches[resource] = [*self._watches.get(resource, ()), watch]
        return watch

    def forget(self, watch: Watch) -> None:
        self._watches[watch.resource] = [each for each in self._watches.get(watch.resource, ()) if each is not watch]

    def bookmark(self) -> None:
        """Let every watch that wants to know say how far it has come."""
        for resource in list(self._watches):
            for watch in self._watches[resource]:
                watch.bookmark()

    def compact(self) -> None:
        """Forget the whole past: a watch or page from an earlier version is answered 410 from now on."""
        self._first = self.version
        for resource in self._objects:
            self._compacted[resource] = self.version
            self._history[resource].clear()

    def drop(self, resource: str, names: Iterable[Name]) -> None:
        """Forget objects without a trace, as expired Events go."""
        for name in names:
            gone = self._objects[resource].pop(name, None)
            if gone is not None:
                self._living.discard(gone.uid)

    def _happened(self, resource: str, happened: Happened) -> None:
        self.version = happened.version
        history = self._history.get(resource)
        if history is None:
            history = self._history[resource] = deque(maxlen=self._history_limit)
        if len(history) == self._history_limit:
            self._compacted[resource] = history[0].version
        history.append(happened)
        for watch in self._watches.get(resource, ()):
            watch.tell(happened)

    def _own(self, stored: Stored, name: Name) -> None:
        for owner in stored.owners:
            self._dependents.setdefault(owner, {})[stored.resource, name] = None
            if owner not in self._living:
                self.dangling[stored.resource, name] = None

    def _disown(self, stored: Stored, name: Name) -> None:
        for owner in stored.owners:
            kept = self._dependents.get(owner)
            if kept is not None:
                kept.pop((stored.resource, name), None)
                if not kept:
                    del self._dependents[owner]
