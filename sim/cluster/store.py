"""What does the cluster remember, in which order did it change, and who is told?

Used by both depths: an object's body is opaque here, a frozen value in shared depth and a JSON object in wire depth.
One counter numbers all changes, as etcd's revision does. It must never change a body, look into one, or know the time.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from wfexec.model.requests import Change
from wfexec.model.words import ADDED, MODIFIED

Name = tuple[str, str]
HISTORY: Final = 10_000
# Making a named tuple by its own constructor costs more than all else that is done for a write.
_tuple: Final[Any] = tuple.__new__


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

    __slots__ = ("_store", "bookmarks", "resource", "select", "sink")

    def __init__(self, store: "Store", resource: str, sink: Sink, select: Select | None, bookmarks: bool) -> None:
        self._store = store
        self.resource = resource
        self.sink = sink
        self.select = select
        self.bookmarks = bookmarks

    def stop(self) -> None:
        """Tell no more; harmless when called twice."""
        self._store.forget(self)

    def tell(self, happened: Happened) -> None:
        """One change, as this watch's selectors make it look: an object may come into sight or leave it."""
        version, change, stored, previous = happened
        select = self.select
        if select is not None:
            seen = change is not Change.DELETED and select(stored)
            knew = previous is not None and select(previous)
            if not seen and not knew:
                return
            if seen != knew:
                change = Change.ADDED if seen else Change.DELETED
            # What leaves the selection is told as it was while it was in it.
            if not seen and previous is not None and stored.uid == previous.uid and change is not happened.change:
                stored = previous
        self.sink(change, stored.body, str(version))

    def bookmark(self) -> None:
        """Say how far the watch has come, if it asked for that."""
        if self.bookmarks:
            self.sink(Change.BOOKMARK, None, str(self._store.version))


class _Shelf:
    """Everything about one resource. `compacted`: the version of the newest change that is no longer kept."""

    __slots__ = ("compacted", "history", "objects", "watches")

    def __init__(self, compacted: int, limit: int) -> None:
        self.objects: dict[Name, Stored] = {}
        self.history: deque[Happened] = deque(maxlen=limit)
        self.watches: tuple[Watch, ...] = ()
        self.compacted = compacted


class Store:
    """`history`: how many changes of each resource are kept for watches that begin in the past and for lists."""

    def __init__(self, history: int = HISTORY) -> None:
        self.version = 0
        self._first = 0
        self._history_limit = history
        self._shelves: dict[str, _Shelf] = {}
        self._living: set[str] = set()
        self._dependents: dict[str, dict[tuple[str, Name], None]] = {}
        # Objects with an owner that is gone, in the order in which that came to be.
        self.dangling: dict[tuple[str, Name], None] = {}

    def get(self, resource: str, namespace: str, name: str) -> Stored | None:
        shelf = self._shelves.get(resource)
        return None if shelf is None else shelf.objects.get((namespace, name))

    def objects(self, resource: str) -> Mapping[Name, Stored]:
        """All of them by (namespace, name), as they are now and will be: a view for whoever looks often."""
        return self._shelf(resource).objects

    def all(self, resource: str, namespace: str = "") -> list[Stored]:
        """By (namespace, name), as etcd keeps them; `namespace` "" means all."""
        objects = self._shelf(resource).objects
        if namespace:
            return [objects[name] for name in sorted(name for name in objects if name[0] == namespace)]
        return [objects[name] for name in sorted(objects)]

    def at_version(self, resource: str, version: int) -> list[Stored] | None:
        """`all` as it was; None when that is no longer known."""
        shelf = self._shelf(resource)
        if version < shelf.compacted or version > self.version:
            return None
        objects = dict(shelf.objects)
        for happened in reversed(shelf.history):
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
        resource, namespace, key, uid, version, _, owners, _, _ = stored
        shelf = self._shelves.get(resource) or self._shelf(resource)
        name = (namespace, key)
        previous = shelf.objects.get(name)
        shelf.objects[name] = stored
        if previous is None:
            self._living.add(uid)
            if owners:
                self._own(stored, name)
            self._happened(shelf, version, ADDED, stored, None)
            return
        if previous.owners != owners:
            self._disown(previous, name)
            self._own(stored, name)
        self._happened(shelf, version, MODIFIED, stored, previous)

    def renew(self, previous: Stored, body: Any) -> None:
        """Commit the next version of an object that differs from the last in its body alone."""
        resource, namespace, key, uid, _, _, owners, finalizers, deleting = previous
        version = self.version + 1
        stored = _tuple(Stored, (resource, namespace, key, uid, version, body, owners, finalizers, deleting))
        shelf = self._shelves[resource]
        shelf.objects[namespace, key] = stored
        self._happened(shelf, version, MODIFIED, stored, previous)

    def remove(self, last: Stored) -> None:
        """Commit the end of an object; `last.version` is the next number, its body says so too."""
        name = (last.namespace, last.name)
        shelf = self._shelf(last.resource)
        previous = shelf.objects.pop(name)
        self._living.discard(last.uid)
        self._disown(previous, name)
        self.dangling.pop((last.resource, name), None)
        for dependent in self._dependents.get(last.uid, ()):
            self.dangling[dependent] = None
        self._happened(shelf, last.version, Change.DELETED, last, previous)

    def lives(self, uid: str) -> bool:
        return uid in self._living

    def watch(
        self, resource: str, version: int, sink: Sink, select: Select | None = None, *, bookmarks: bool = True
    ) -> Watch | None:
        """Replay what happened after `version`, then tell of every change. None: too old, list again."""
        shelf = self._shelf(resource)
        if version < shelf.compacted:
            return None
        watch = Watch(self, resource, sink, select, bookmarks)
        past = []
        for happened in reversed(shelf.history):
            if happened.version <= version:
                break
            past.append(happened)
        for happened in reversed(past):
            watch.tell(happened)
        # A new tuple each time: a write in progress goes on telling those it began with.
        shelf.watches = (*shelf.watches, watch)
        return watch

    def forget(self, watch: Watch) -> None:
        shelf = self._shelf(watch.resource)
        shelf.watches = tuple(each for each in shelf.watches if each is not watch)

    def bookmark(self) -> None:
        """Let every watch that wants to know say how far it has come."""
        for shelf in list(self._shelves.values()):
            for watch in shelf.watches:
                watch.bookmark()

    def close(self) -> None:
        """Nobody is told of changes any more."""
        for shelf in self._shelves.values():
            shelf.watches = ()

    def compact(self) -> None:
        """Forget the whole past: a watch or page from an earlier version is answered 410 from now on."""
        self._first = self.version
        for shelf in self._shelves.values():
            shelf.compacted = self.version
            shelf.history.clear()

    def drop(self, resource: str, name: Name) -> None:
        """Forget an object without a trace, as expired Events go."""
        gone = self._shelf(resource).objects.pop(name, None)
        if gone is not None:
            self._living.discard(gone.uid)

    def _shelf(self, resource: str) -> _Shelf:
        shelf = self._shelves.get(resource)
        if shelf is None:
            shelf = self._shelves[resource] = _Shelf(self._first, self._history_limit)
        return shelf

    def _happened(self, shelf: _Shelf, version: int, change: Change, stored: Stored, previous: Stored | None) -> None:
        self.version = version
        happened = _tuple(Happened, (version, change, stored, previous))
        history = shelf.history
        if len(history) == self._history_limit:
            shelf.compacted = history[0].version
        history.append(happened)
        watches = shelf.watches
        if not watches:
            return
        body, text = stored.body, str(version)
        for watch in watches:
            if watch.select is None:
                watch.sink(change, body, text)
            else:
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
