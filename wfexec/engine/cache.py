"""What do we know of the world's objects? By key, never older over newer; children by their owner's uid.

Called by the view with everything the API server says: events, listings, replies to our own writes. Rules:
1. An object replaces another of its name only with a higher version, whatever the order in which they arrive.
2. A deletion leaves its version behind: a late word about the dead one does not bring it back, a new object of the
   same name (always a higher version, and another uid) does come in.
3. A listing removes what it lacks, but not what is newer than the listing itself.
4. Children and `gone` are handed out by reference and never changed afterwards: a family copies before its first
   change after that.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Final

from wfexec.model.execution import KubernetesExecution
from wfexec.model.meta import ObjectMeta, version_of
from wfexec.model.requests import Unreadable, Watched

Stored = Watched | Unreadable

# Deletions remembered per kind; older ones can no longer be contradicted by anything still under way.
TOMBSTONES_MAX: Final = 4_096


class Stale(Enum):
    """Said instead of the previous object: what came is not newer than what we have."""

    STALE = "stale"


STALE: Final = Stale.STALE


class Entry:
    __slots__ = ("object", "version")

    def __init__(self, stored: Stored, version: int) -> None:
        self.object = stored
        self.version = version


class ObjectCache:
    """One kind. Two dictionaries deep (namespace, name), so that a look-up builds no key."""

    __slots__ = ("_spaces", "_tombstones")

    def __init__(self) -> None:
        self._spaces: dict[str, dict[str, Entry]] = {}
        self._tombstones: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return sum(len(space) for space in self._spaces.values())

    def __iter__(self) -> Iterator[Stored]:
        for space in self._spaces.values():
            for entry in space.values():
                yield entry.object

    def __repr__(self) -> str:
        return f"<ObjectCache {len(self)} objects, {len(self._tombstones)} tombstones>"

    def get(self, namespace: str, name: str) -> Stored | None:
        space = self._spaces.get(namespace)
        entry = space.get(name) if space is not None else None
        return entry.object if entry is not None else None

    def version(self, namespace: str, name: str) -> int:
        """Of the object held under this name; 0 for none."""
        space = self._spaces.get(namespace)
        entry = space.get(name) if space is not None else None
        return entry.version if entry is not None else 0

    def believe(self, stored: Stored, version: int) -> None:
        """Whoever has read it because of a doubt is right about that version, also against what we have of it."""
        space = self._spaces.get(stored.metadata.namespace)
        entry = space.get(stored.metadata.name) if space is not None else None
        if entry is not None and entry.version == version and entry.object != stored:
            entry.version = version - 1

    def put(self, stored: Stored, version: int) -> Stored | Stale | None:
        """What was held before (None: nothing), or STALE if this is not newer and nothing changed."""
        metadata = stored.metadata
        name = metadata.name
        space = self._spaces.get(metadata.namespace)
        if space is None:
            space = self._spaces[metadata.namespace] = {}
        entry = space.get(name)
        if entry is not None:
            if version <= entry.version:
                return STALE
            previous = entry.object
            entry.object = stored
            entry.version = version
            return previous
        if self._tombstones:
            place = (metadata.namespace, name)
            if version <= self._tombstones.get(place, -1):
                return STALE
            self._tombstones.pop(place, None)
        space[name] = Entry(stored, version)
        return None

    def remove(self, namespace: str, name: str, version: int) -> Stored | Stale | None:
        """Deleted at `version`: what was held, None if nothing was, STALE if what is held came later."""
        space = self._spaces.get(namespace)
        entry = space.get(name) if space is not None else None
        if entry is not None and entry.version > version:
            return STALE
        self._bury((namespace, name), version)
        if space is None or entry is None:
            return None
        del space[name]
        if not space:
            del self._spaces[namespace]
        return entry.object

    def absent(self, present: set[tuple[str, str]], version: int) -> list[Stored]:
        """What a listing at `version` holding only `present` proves deleted: removed here, in order of arrival."""
        missing = [
            (namespace, name)
            for namespace, space in self._spaces.items()
            for name in space
            if (namespace, name) not in present
        ]
        removed = []
        for namespace, name in missing:
            stored = self.remove(namespace, name, version)
            if stored is not None and stored is not STALE:
                removed.append(stored)
        return removed

    def _bury(self, place: tuple[str, str], version: int) -> None:
        tombstones = self._tombstones
        version = max(version, tombstones.pop(place, 0))
        tombstones[place] = version
        if len(tombstones) > TOMBSTONES_MAX:
            del tombstones[next(iter(tombstones))]


class Family:
    """Own children of one workflow uid. While nobody keeps it, deletions are not remembered.

    `unreadable` holds children that could not be understood and have not been reported yet.
    """

    __slots__ = ("_handed_out", "children", "gone", "kept", "unreadable")

    def __init__(self) -> None:
        self.children: dict[str, KubernetesExecution] = {}
        self.gone: dict[str, str] = {}
        self.unreadable: dict[str, Unreadable] = {}
        self.kept = False
        self._handed_out = False

    def __repr__(self) -> str:
        return f"<Family {sorted(self.children)}, gone {sorted(self.gone)}>"

    def view(self) -> dict[str, KubernetesExecution]:
        """The children by name; this very dictionary is never changed again."""
        self._handed_out = True
        return self.children

    def put(self, name: str, child: KubernetesExecution) -> None:
        if self._handed_out:
            self.children = self.children.copy()
            self._handed_out = False
        self.children[name] = child
        if name in self.gone:
            self.gone = {other: uid for other, uid in self.gone.items() if other != name}

    def drop(self, name: str, uid: str) -> None:
        """That child is no more (or no longer ours); another one under the same name stays."""
        child = self.children.get(name)
        if child is not None and child.metadata.uid == uid:
            self.children = {other: kept for other, kept in self.children.items() if other != name}
            self._handed_out = False
        if self.kept and name not in self.children:
            self.gone = {**self.gone, name: uid}


def controller_uid(metadata: ObjectMeta) -> str:
    """The uid of the object's controller owner; "" for none."""
    for reference in metadata.owner_references:
        if reference.controller:
            return reference.uid
    return ""


def version(metadata: ObjectMeta) -> int:
    return version_of(metadata.resource_version)
