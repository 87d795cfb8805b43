"""How do records become numbers that Prometheus reads?

Called by the composition root: counts of the core in the engine's thread, requests from worker threads, and a look at
the controller when somebody scrapes. A metric nobody declared is a defect of ours.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any, Final, Protocol

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from wfexec.adapters.catalogue import FAMILIES, NAMES_MAX, OTHER, Family
from wfexec.engine.totals import levels
from wfexec.errors import OurBug
from wfexec.model.plan import CountRecord
from wfexec.model.requests import (
    Ask,
    Body,
    Code,
    CreateExecution,
    CreateLease,
    DeleteExecution,
    DropCopy,
    EventWrite,
    GetLease,
    GetObject,
    KeepCopy,
    KeepRows,
    ListObjects,
    Outcome,
    PatchMetadata,
    PatchStatus,
    Request,
    UpdateLease,
    WatchObjects,
)
from wfexec.model.status import WorkflowExecution

_VERBS: Final[dict[type[Body], str]] = {
    ListObjects: "list",
    WatchObjects: "watch",
    GetObject: "get",
    PatchMetadata: "patch",
    PatchStatus: "patch_status",
    CreateExecution: "create",
    DeleteExecution: "delete",
    KeepCopy: "create",
    DropCopy: "delete",
    EventWrite: "event",
    GetLease: "lease",
    CreateLease: "lease",
    UpdateLease: "lease",
    Ask: "ask",
}
# Totals that the controller keeps, by the metric that shows them.
_TOTALS: Final = {
    "wfexec_looks_total": "looks",
    "wfexec_write_conflicts_total": "conflicts",
    "wfexec_lost_replies_total": "lost_replies",
    "wfexec_lists_total": "relists",
    "wfexec_watch_restarts_total": "watch_restarts",
    "wfexec_watch_renewals_total": "watch_renewals",
    "wfexec_events_dropped_total": "events_dropped",
}
_LEVELS: Final = {
    "wfexec_audit_enabled": "audited",
    "wfexec_workflows": "workflows",
    "wfexec_workqueue_depth": "queued",
    "wfexec_requests_in_flight": "in_flight",
    "wfexec_throttle_pressure": "pressure",
    "wfexec_events_waiting": "events_waiting",
}


class Observed(Protocol):
    """What the gauges need of a controller."""

    @property
    def leading(self) -> bool: ...
    @property
    def synced(self) -> bool: ...
    def stats(self) -> dict[str, int]: ...
    def workflows(self) -> Iterable[WorkflowExecution]: ...


class Metrics:
    """One registry per process; series with known label values exist from the start, at zero."""

    def __init__(self) -> None:
        # A second series with the time of creation for each counter would double the page for nobody.
        # The library has no type information for this function.
        quiet: Any = prometheus_client.disable_created_metrics
        quiet()
        self.registry = CollectorRegistry()
        self._families: dict[str, Any] = {family.name: self._make(family) for family in FAMILIES}
        self._children: dict[tuple[str, tuple[str, ...]], Any] = {}
        self._totals: dict[str, int] = {}
        self._labels = {family.name: family.labels for family in FAMILIES}
        # By label: the names that have series of their own.
        self._named: dict[str, set[str]] = {}
        for family in FAMILIES:
            if all(label.values for label in family.labels):
                for values in product(*(label.values for label in family.labels)):
                    self._child(family.name, values)
        ProcessCollector(registry=self.registry)

    def page(self) -> bytes:
        return generate_latest(self.registry)

    def count(self, record: CountRecord) -> None:
        child = self._children.get((record.metric, record.labels))
        if child is None:
            child = self._child(record.metric, self._bounded(record.metric, record.labels))
        if isinstance(child, Histogram):
            child.observe(record.value)
        else:
            child.inc(record.value)

    def request(self, request: Request, outcome: Outcome, seconds: float) -> None:
        if isinstance(request.body, KeepRows):
            status = "success" if outcome.code is Code.OK else "error"
            self._child("kubernaut_workflowexecution_audit_storage_operations_total", (status,)).inc()
            return
        verb = _VERBS[type(request.body)]
        self._child("wfexec_api_requests_total", (verb, outcome.code.value)).inc()
        if verb != "watch":
            self._child("wfexec_api_request_duration_seconds", (verb,)).observe(seconds)

    def resolved(self, seconds: float) -> None:
        self._child("kubernaut_workflowexecution_dependency_resolution_duration_seconds", ()).observe(seconds)

    def turn(self, seconds: float) -> None:
        self._child("wfexec_turn_duration_seconds", ()).observe(seconds)

    def observe(self, controller: Observed) -> None:
        """Gauges as of now; in the controller's own thread."""
        stats = controller.stats()
        for metric, key in _TOTALS.items():
            self._child(metric, ()).inc(stats[key] - self._totals.get(metric, 0))
            self._totals[metric] = stats[key]
        for metric, key in _LEVELS.items():
            self._set(metric, stats[key])
        self._set("wfexec_leader", controller.leading)
        self._set("wfexec_synced", controller.synced)
        self._workflows(controller.workflows() if controller.leading else ())

    def clock(self, ahead_ms: int, set_by_ms: int) -> None:
        """By how much the clock is ahead of the API server's, and what was taken back of it at the start."""
        self._set("wfexec_clock_ahead_seconds", ahead_ms / 1_000)
        self._set("wfexec_clock_set_back_seconds", set_by_ms / 1_000)

    def _workflows(self, workflows: Iterable[WorkflowExecution]) -> None:
        found = levels(workflows)
        phases = self._families["workflowexecution_phase_start_timestamp"]
        starts = self._families["workflowexecution_start_timestamp"]
        phases.clear()
        starts.clear()
        for *place, phase, began in found.began:
            phases.labels(*place, phase).set(began / 1_000)
        for *place, planned in found.planned:
            starts.labels(*place).set(planned / 1_000)
        self._set("kubernaut_workflowexecution_active_executions", found.executing)
        self._set("kubernaut_workflowexecution_active_steps", found.running)
        self._set("kubernaut_workflowexecution_queued_steps", found.waiting)
        self._set("workflowexecution_active_total", found.active)
        self._set("workflowexecution_validation_status", found.passed, "passed")
        self._set("workflowexecution_validation_status", found.failed, "failed")

    def _make(self, family: Family) -> Counter | Gauge | Histogram:
        names = [label.name for label in family.labels]
        if family.type == "histogram":
            return Histogram(family.name, family.help, names, buckets=family.buckets, registry=self.registry)
        kind = Counter if family.type == "counter" else Gauge
        return kind(family.name, family.help, names, registry=self.registry)

    def _set(self, metric: str, value: float, *labels: str) -> None:
        self._child(metric, labels).set(value)

    def _bounded(self, metric: str, labels: tuple[str, ...]) -> tuple[str, ...]:
        """What people name may be anything: after so many different names of a kind, further ones share one series."""
        made = []
        for label, value in zip(self._labels.get(metric, ()), labels, strict=False):
            known = self._named.setdefault(label.name, set())
            free = not label.values
            if free and len(known) < NAMES_MAX:
                known.add(value)
            made.append(OTHER if free and value not in known else value)
        return tuple(made) or labels

    def _child(self, metric: str, labels: tuple[str, ...]) -> Any:
        key = (metric, labels)
        child = self._children.get(key)
        if child is None:
            family = self._families.get(metric)
            if family is None:
                raise OurBug(f"no metric {metric!r} is declared")
            child = self._children[key] = family.labels(*labels) if labels else family
        return child


def series(registry: CollectorRegistry) -> Iterator[tuple[str, dict[str, str], float]]:
    """Name, labels and value of every sample."""
    for family in registry.collect():
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value
