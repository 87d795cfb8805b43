"""The targets of a run: put into the cluster before it begins, and compared with what is left of them at the end.

Called by the driver. It knows how targets look to a person (healthy, restored), never who changed them.
"""

from collections.abc import Mapping
from typing import Any, Final

from sim.cluster.cluster import Cluster
from sim.cluster.requests import CreateTarget, ListTargets, PatchTarget, TargetBody, TargetOutcome
from sim.executor.custom import unhealthy
from sim.executor.objects import initial_objects, namespaces, restorable
from sim.executor.outcomes import Outcomes
from wfexec.errors import OurBug
from wfexec.model.facts import TargetRef
from wfexec.model.requests import Code

Object = dict[str, Any]
ADMIN: Final = "system:admin"
KINDS: Final = ("Deployment", "Node", "ConfigMap", "Pod")


class World:
    """`initial` are the targets as they were before the first step."""

    def __init__(self, cluster: Cluster, outcomes: Outcomes, now: int, objects: tuple[Object, ...] = ()) -> None:
        self._cluster = cluster
        self._now = now
        self._namespaces: set[str] = set()
        for name, labels in namespaces(outcomes):
            self.namespace(name, labels)
        for ref, body in initial_objects(outcomes, now):
            self._done(CreateTarget(ref, body))
            # As on a real server, a status given at creation is dropped.
            if "status" in body:
                self._done(PatchTarget(ref, {"status": body["status"]}, "status"))
        for body in objects:
            meta = body["metadata"]
            self.namespace(meta["namespace"])
            self._done(CreateTarget(TargetRef(body["kind"], meta["namespace"], meta["name"]), body))
        self.initial = self.targets()

    def namespace(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Make sure that a namespace exists."""
        if name not in self._namespaces:
            self._namespaces.add(name)
            self._cluster.add_namespace(name, self._now, labels)

    def targets(self) -> dict[TargetRef, Object]:
        """All targets as they are now."""
        found: dict[TargetRef, Object] = {}
        for kind in KINDS:
            listed = self._done(ListTargets(kind, "")).object
            for body in listed if isinstance(listed, tuple) else ():
                meta = body["metadata"]
                found[TargetRef(kind, meta.get("namespace", ""), meta["name"])] = body
        return found

    def damaged(self, *, recovered: bool) -> tuple[TargetRef, ...]:
        """Targets that differ from before and are unhealthy or, unless the run recovered, were not restored."""
        now = self.targets()
        return tuple(
            ref
            for ref in sorted({*self.initial, *now})
            if _worse(self.initial.get(ref), now.get(ref), recovered=recovered)
        )

    def _done(self, body: TargetBody) -> TargetOutcome:
        outcome = self._cluster.execute(body, ADMIN, self._now)
        if outcome.code is not Code.OK:
            raise OurBug(f"the target world could not be built: {body} was answered {outcome}")
        return outcome


def _worse(before: Object | None, after: Object | None, *, recovered: bool) -> bool:
    if before is after:
        return False
    if before is None or after is None:
        # What a recovered run deleted or made, it was asked to.
        return not recovered
    old, new = restorable(before), restorable(after)
    if old == new:
        return False
    old_status, new_status = old.pop("status", None), new.pop("status", None)
    return (unhealthy(after) is not None and old_status != new_status) or (not recovered and old != new)
