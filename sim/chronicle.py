"""What stood in the targets of a run, and when? Told by the store's own watches, read by checkers.

An entry for each change, whoever made it and by whichever door; it must never know what anybody believed of them.
"""

from typing import Any, Final, NamedTuple

from sim.clock import Clock
from sim.cluster.cluster import Cluster
from sim.cluster.resources import DEPLOYMENTS
from wfexec.model.facts import TargetRef
from wfexec.model.requests import Change

# What undoing can be seen in.
RESOURCES: Final = (DEPLOYMENTS, "nodes", "configmaps")


class TargetVersion(NamedTuple):
    """A target from `at` on (milliseconds since 1970) until its next version; `body` None: it is gone."""

    at: int
    ref: TargetRef
    body: dict[str, Any] | None


class Chronicle:
    __slots__ = ("_clock", "versions")

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._clock = clock
        self.versions: list[TargetVersion] = []
        for resource in RESOURCES:
            cluster.store.watch(resource, cluster.store.version, self._saw, bookmarks=False)

    def _saw(self, change: Change, body: dict[str, Any], version: str) -> None:
        meta = body["metadata"]
        ref = TargetRef(body["kind"], meta.get("namespace", ""), meta["name"])
        self.versions.append(TargetVersion(self._clock.now, ref, None if change is Change.DELETED else body))
