"""Do we know what became of our own last writes? Until we do, nothing new is decided about that workflow.

Kept per workflow; called by the applier (doubts) and the reconciler (reads that settle them). A write whose reply we
saw needs nothing here: its result went into the cache at once and nothing older can cover it. A lost reply, a refused
precondition or an "already exists" leaves a doubt about one key, which only a read of that very key can settle.
"""

from wfexec.model.requests import ObjectKey


class Expectations:
    """In order of the doubts' arrival."""

    __slots__ = ("_doubts",)

    def __init__(self) -> None:
        self._doubts: dict[ObjectKey, None] = {}

    def __bool__(self) -> bool:
        """Is there a doubt?"""
        return bool(self._doubts)

    def __repr__(self) -> str:
        return f"<Expectations {' '.join(f'{key.kind.value}/{key.name}' for key in self._doubts) or 'met'}>"

    def doubt(self, key: ObjectKey) -> None:
        self._doubts[key] = None

    def settle(self, key: ObjectKey) -> None:
        """A read that was asked for after the doubt arose has been answered."""
        self._doubts.pop(key, None)

    def unmet(self) -> tuple[ObjectKey, ...]:
        """What has to be read before the next decision."""
        return tuple(self._doubts)
