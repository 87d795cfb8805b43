"""One scenario while it runs: its cluster, its recipe, and what it has seen of its workflow.

Made by a fixture for every scenario, used by the steps. What it shows comes from the watch alone, so a step sees what
a person who watches would see.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from features.cluster import (
    CORE,
    EXECUTION_PLURAL,
    EXECUTIONS,
    MINUTE,
    PATIENCE,
    WORKFLOW_PLURAL,
    WORKFLOWS,
    Answer,
    Cluster,
    Json,
    Setting,
    path_of,
)
from features.recipe import Recipe
from tests.harness.examples import phases_entered
from wfexec.model.meta import CONTROLLER_NAMESPACE, LEASE_NAME
from wfexec.units import parse_instant

ENDED = ("completed", "failed", "cancelled")


@dataclass
class Story:
    """`moments` are instants that later sentences refer to, `foreign` names of children that belong to nobody here,
    `holder` who held the lease once, `early` what happens between the making of the world and the manifest, `ways` what
    its parent would try after a failure, as specs.
    """

    cluster: Cluster
    recipe: Recipe = field(default_factory=Recipe)
    setting: Setting = field(default_factory=Setting)
    answer: Answer | None = None
    moments: dict[str, int] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)
    holder: str = ""
    early: list[Callable[[], object]] = field(default_factory=list)
    ways: list[Callable[[], Json]] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        return self.cluster.namespace

    def prepare(self) -> None:
        self.setting.executor = self.recipe.executor(self.namespace)
        self.cluster.prepare(self.setting)
        for happening in self.early:
            happening()

    def create(self, user: str = "alice") -> Answer:
        """Send the manifest; `alice` may do that and may approve."""
        path = path_of(WORKFLOWS, self.namespace, WORKFLOW_PLURAL)
        return self.cluster.request("POST", path, self.recipe.manifest(self.namespace), user)

    def apply(self) -> None:
        self.prepare()
        for name in self.foreign:
            self._create_foreign(name)
        answer = self.create()
        assert answer.status == 201, answer.body

    def _create_foreign(self, name: str) -> None:
        body = {
            "apiVersion": "kubernetesexecution.kubernaut.io/v1",
            "kind": "KubernetesExecution",
            "metadata": {"name": name, "labels": {"made-by": "somebody-else"}},
            "spec": {
                "workflowExecutionRef": {"name": "other"},
                "stepNumber": 1,
                "action": "notify-only",
            },
        }
        answer = self.cluster.request("POST", path_of(EXECUTIONS, self.namespace, EXECUTION_PLURAL), body)
        assert answer.status == 201, answer.body

    def change(self, spec: Json, user: str = "alice") -> Answer:
        """Somebody edits the spec; a merge patch."""
        return self.patch({"spec": spec}, user)

    def annotate(self, annotations: dict[str, str], user: str) -> Answer:
        return self.patch({"metadata": {"annotations": annotations}}, user)

    def patch(self, body: Json, user: str = "alice") -> Answer:
        return self.cluster.request(
            "PATCH", path_of(WORKFLOWS, self.namespace, WORKFLOW_PLURAL, self.recipe.name), body, user
        )

    def versions(self) -> Iterator[Json]:
        """The workflow as it was, version by version."""
        for seen in self.cluster.history:
            if seen.object["kind"] == "WorkflowExecution" and seen.object["metadata"]["name"] == self.recipe.name:
                yield seen.object

    def workflow(self) -> Json:
        """The newest version; {} before the first."""
        for seen in reversed(self.cluster.history):
            if seen.object["kind"] == "WorkflowExecution" and seen.object["metadata"]["name"] == self.recipe.name:
                return seen.object
        return {}

    def gone(self) -> bool:
        """Whether the workflow was deleted."""
        for seen in reversed(self.cluster.history):
            if seen.object["kind"] == "WorkflowExecution" and seen.object["metadata"]["name"] == self.recipe.name:
                return seen.change == "DELETED"
        return False

    def status(self) -> Json:
        status: Json = self.workflow().get("status", {})
        return status

    def phase(self) -> str:
        return str(self.status().get("phase", ""))

    def children(self) -> dict[str, Json]:
        """Those that exist, by name."""
        found: dict[str, Json] = {}
        for seen in self.cluster.history:
            if seen.object["kind"] == "KubernetesExecution":
                name = seen.object["metadata"]["name"]
                if seen.change == "DELETED":
                    found.pop(name, None)
                else:
                    found[name] = seen.object
        return found

    def ever(self) -> dict[str, Json]:
        """Own children that ever existed by name, in the order of their creation, as they were last."""
        found: dict[str, Json] = {}
        for seen in self.cluster.history:
            thing = seen.object
            if thing["kind"] == "KubernetesExecution" and thing["metadata"].get("ownerReferences"):
                found[thing["metadata"]["name"]] = thing
        return found

    def step(self, name: str) -> Json:
        """Status of one step; {} before planning."""
        number = self.recipe.number(name)
        found: list[Json] = self.status().get("stepStatuses", [])
        return next((step for step in found if step["stepNumber"] == number), {})

    def steps(self) -> dict[str, Json]:
        return {step.name: self.step(step.name) for step in self.recipe.steps}

    def lease(self) -> Json:
        """The spec of the controllers' lease."""
        path = path_of("/apis/coordination.k8s.io/v1", CONTROLLER_NAMESPACE, "leases", LEASE_NAME)
        answer = self.cluster.request("GET", path)
        assert answer.status == 200, answer.body
        spec: Json = answer.body["spec"]
        return spec

    def events(self) -> list[Json]:
        """All Events about the workflow."""
        answer = self.cluster.request("GET", path_of(CORE, self.namespace, "events"))
        assert answer.status == 200, answer.body
        items: list[Json] = answer.body["items"]
        return [event for event in items if event["involvedObject"]["name"] == self.recipe.name]

    def wait(self, what: str, done: Callable[[], Any], limit_ms: int = PATIENCE) -> None:
        self.cluster.wait_until(what, lambda: bool(done()), limit_ms)

    def wait_for_phase(self, phase: str) -> None:
        """An end that is another than the awaited ends the waiting."""
        self.wait(f"phase {phase!r}", lambda: self.phase() == phase or self.phase() in ENDED)
        status = self.status()
        assert self.phase() == phase, f"{self.phase()!r}: {status.get('message')} {status.get('failureReason', '')}"

    def wait_for_end(self) -> None:
        self.wait("the end", lambda: self.phase() in ENDED)

    def reaches(self, phase: str) -> None:
        """It is or was in this phase."""
        self.wait(f"phase {phase!r}", lambda: phase in self.phases() or self.phase() in ENDED)
        assert phase in self.phases(), self.phases()

    def phases(self) -> list[str]:
        """Phases in the order they were entered, without the empty one."""
        return phases_entered(self.versions())

    def values(self, key: str) -> list[int]:
        """A figure of the status as it changed."""
        found: list[int] = []
        for version in self.versions():
            status = version.get("status", {})
            if status and (not found or found[-1] != status.get(key, 0)):
                found.append(status.get(key, 0))
        return found

    def between(self, first: str, second: str) -> int:
        """Milliseconds between two instants of the status, by field name."""
        status = self.status()
        return parse_instant(status[second]) - parse_instant(status[first])

    def settle(self) -> None:
        """Let what comes after the end come: events and the reports of children still at work."""
        self.cluster.let_pass(MINUTE // 12)
