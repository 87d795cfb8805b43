"""Do metrics have the names, labels and buckets that dashboards rely on, and do counts arrive?"""

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.unit.adapters.scripted import workflow
from wfexec.adapters import catalogue
from wfexec.adapters.catalogue import FAMILIES, NAMES_MAX, OTHER
from wfexec.adapters.metrics import Metrics, series
from wfexec.errors import OurBug
from wfexec.model.base import evolve
from wfexec.model.phases import Phase
from wfexec.model.plan import CountRecord
from wfexec.model.requests import Code, Kind, ListObjects, Outcome, Request, WatchObjects
from wfexec.model.status import WorkflowExecution

ROOT = Path(__file__).parents[3]
K = "kubernaut_workflowexecution_"
W = "workflowexecution_"
# What the dashboards and alerts of the Kubernaut services use; never to be renamed.
SEED = {
    f"{K}executions_total": ("counter", ("workflow_name", "outcome"), ()),
    f"{K}phase_duration_seconds": ("histogram", ("phase",), (1, 5, 10, 30, 60, 120, 300, 600)),
    f"{K}active_executions": ("gauge", (), ()),
    f"{K}steps_created_total": ("counter", ("workflow_name", "action"), ()),
    f"{K}steps_completed_total": ("counter", ("workflow_name", "action", "status"), ()),
    f"{K}rollbacks_total": ("counter", ("workflow_name", "reason"), ()),
    f"{K}effectiveness_score": ("histogram", (), (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)),
    f"{K}safety_validation_total": ("counter", ("check_type", "result"), ()),
    f"{K}adaptive_adjustments_total": ("counter", ("adjustment_type",), ()),
    f"{K}errors_total": ("counter", ("error_type", "phase"), ()),
    f"{W}created_total": ("counter", (), ()),
    f"{W}deleted_total": ("counter", (), ()),
    f"{W}active_total": ("gauge", (), ()),
    f"{W}lifecycle_duration_seconds": ("histogram", (), (5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560)),
    f"{W}validation_failures_total": ("counter", (), ()),
    f"{W}validation_status": ("gauge", ("status",), ()),
    f"{W}workflow_steps_total": ("histogram", (), (*range(1, 11), 20, 50, 100)),
    f"{W}phase_start_timestamp": ("gauge", ("namespace", "name", "phase"), ()),
    f"{W}start_timestamp": ("gauge", ("namespace", "name"), ()),
}


class Watched:
    """A controller as far as gauges look at one."""

    def __init__(self, *workflows: WorkflowExecution) -> None:
        self.leading = True
        self.synced = True
        self._workflows = workflows
        self.looks = 7

    def stats(self) -> dict[str, int]:
        names = (
            "conflicts",
            "lost_replies",
            "relists",
            "watch_restarts",
            "watch_renewals",
            "events_dropped",
            "events_waiting",
            "workflows",
            "in_flight",
            "pressure",
            "audited",
        )
        return dict.fromkeys(names, 0) | {"queued": 3, "looks": self.looks}

    def workflows(self) -> Iterable[WorkflowExecution]:
        return self._workflows


def sample(metrics: Metrics, name: str, /, **labels: str) -> float | None:
    return next((value for found, its, value in series(metrics.registry) if (found, its) == (name, labels)), None)


def test_the_seed_families_keep_names_labels_and_buckets() -> None:
    declared = {
        family.name: (family.type, tuple(label.name for label in family.labels), family.buckets) for family in FAMILIES
    }
    assert {name: declared.get(name) for name in SEED} == SEED


def test_no_family_is_declared_twice_and_only_the_stuck_alerts_name_objects() -> None:
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names)
    naming = [family.name for family in FAMILIES if any(label.name == "name" for label in family.labels)]
    assert naming == [f"{W}phase_start_timestamp", f"{W}start_timestamp"]


def test_the_page_is_up_to_date() -> None:
    committed = (ROOT / "docs" / "metrics.md").read_text()
    assert committed == catalogue.reference(), "run `wfexec reference metrics > docs/metrics.md`"


def test_what_the_registry_serves_is_what_the_catalogue_declares() -> None:
    metrics = Metrics()
    served = {
        line.split()[2]: line.split()[3] for line in metrics.page().decode().splitlines() if line.startswith("# TYPE")
    }
    declared = {family.name: family.type for family in FAMILIES}
    assert {name: kind for name, kind in served.items() if not name.startswith("process_")} == declared


def test_names_that_people_give_cannot_make_series_without_end() -> None:
    metrics = Metrics()
    for number in range(NAMES_MAX + 30):
        metrics.count(CountRecord(f"{K}executions_total", (f"definition-{number}", "success")))
    metrics.count(CountRecord(f"{K}executions_total", ("definition-7", "success")))
    metrics.count(CountRecord(f"{K}steps_created_total", ("yet-another", "scale-deployment")))
    assert sample(metrics, f"{K}executions_total", workflow_name="definition-7", outcome="success") == 2
    assert sample(metrics, f"{K}executions_total", workflow_name=OTHER, outcome="success") == 30
    assert sample(metrics, f"{K}steps_created_total", workflow_name=OTHER, action="scale-deployment") == 1
    named = [its for found, its, _ in series(metrics.registry) if found == f"{K}executions_total"]
    assert len(named) == NAMES_MAX + 1


def test_series_with_known_labels_exist_from_the_start_at_zero() -> None:
    metrics = Metrics()
    assert sample(metrics, f"{K}safety_validation_total", check_type="rbac", result="fail") == 0
    assert sample(metrics, f"{K}phase_duration_seconds_count", phase="executing") == 0
    assert sample(metrics, "wfexec_api_requests_total", verb="create", code="conflict") == 0


def test_counts_add_up_and_histograms_observe() -> None:
    metrics = Metrics()
    for value in (1.0, 2.0):
        metrics.count(CountRecord(f"{K}steps_created_total", ("heal", "drain-node"), value))
        metrics.count(CountRecord(f"{W}lifecycle_duration_seconds", (), value))
    assert sample(metrics, f"{K}steps_created_total", workflow_name="heal", action="drain-node") == 3
    assert sample(metrics, f"{W}lifecycle_duration_seconds_sum") == 3


def test_an_undeclared_metric_is_a_defect() -> None:
    with pytest.raises(OurBug, match="made_up"):
        Metrics().count(CountRecord("made_up_total", ()))


def test_requests_are_counted_by_verb_and_end_watches_without_a_duration() -> None:
    metrics = Metrics()
    metrics.request(Request(1, ListObjects(Kind.WORKFLOW, 500), 1_000), Outcome(Code.OK), 0.25)
    metrics.request(Request(2, WatchObjects(Kind.WORKFLOW, "1", 1_000), 1_000), Outcome(Code.GONE), 300)
    assert sample(metrics, "wfexec_api_requests_total", verb="list", code="ok") == 1
    assert sample(metrics, "wfexec_api_requests_total", verb="watch", code="gone") == 1
    assert sample(metrics, "wfexec_api_request_duration_seconds_sum", verb="list") == 0.25
    assert sample(metrics, "wfexec_api_request_duration_seconds_sum", verb="watch") is None


def running(name: str, phase: Phase, **times: int) -> WorkflowExecution:
    base = workflow()
    status = evolve(base.status, phase=phase, **times)
    return evolve(base, metadata=evolve(base.metadata, name=name), status=status)


def test_gauges_follow_the_workflows_and_leave_with_them() -> None:
    metrics = Metrics()
    first = running(
        "a", Phase.EXECUTING, planning_start_time=1_000, execution_start_time=5_000, active_steps=5, queued_steps=3
    )
    second = running("b", Phase.FAILED, planning_start_time=1_000)
    third = running("c", Phase.PAUSED, planning_start_time=1_000, active_steps=1)
    controller = Watched(first, second, third)
    metrics.observe(controller)
    place = {"namespace": "shop", "name": "a"}
    assert sample(metrics, f"{K}active_executions") == 1
    assert sample(metrics, f"{W}active_total") == 2
    assert sample(metrics, f"{K}active_steps") == 6
    assert sample(metrics, f"{K}queued_steps") == 3
    assert sample(metrics, f"{W}validation_status", status="passed") == 1
    assert sample(metrics, f"{W}validation_status", status="failed") == 1
    assert sample(metrics, f"{W}phase_start_timestamp", phase="executing", **place) == 5
    assert sample(metrics, f"{W}start_timestamp", **place) == 1
    assert sample(metrics, "wfexec_workqueue_depth") == 3
    assert sample(metrics, "wfexec_looks_total") == 7
    controller.looks = 9
    metrics.observe(controller)
    assert sample(metrics, "wfexec_looks_total") == 9
    controller.leading = False
    metrics.observe(controller)
    assert sample(metrics, "wfexec_leader") == 0
    assert sample(metrics, f"{W}active_total") == 0
    assert sample(metrics, f"{W}start_timestamp", **place) is None


def counted(path: Path) -> list[tuple[str, int]]:
    """(metric, number of labels) of each count with a literal name in a file of the core or the engine."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        metric = node.args[0].value
        if not isinstance(metric, str):
            continue
        if name == "count":
            found.append((metric, len(node.args) - 1))
        elif name == "CountRecord":
            found.append((metric, len(getattr(node.args[1], "elts", ()))))
    return found


def test_core_and_engine_count_only_what_is_declared_with_all_its_labels() -> None:
    labels = {family.name: len(family.labels) for family in FAMILIES}
    rooms = (ROOT / "wfexec" / room for room in ("core", "engine"))
    used = [each for room in rooms for path in sorted(room.rglob("*.py")) for each in counted(path)]
    assert len(used) > 10
    assert [(metric, count) for metric, count in used if labels.get(metric) != count] == []
