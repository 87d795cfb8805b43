"""A world of one workflow for tests of the pure core: carries out plans, answers questions, plays the children.

Virtual time in milliseconds. `say` scripts what a child reports; a child without a script completes after a second.
"""

from collections.abc import Callable, Mapping
from typing import Any

from wfexec.core.decide import decide
from wfexec.core.graph import compile_recipe
from wfexec.core.undo import expectation_of
from wfexec.model.base import evolve
from wfexec.model.bearings import Bearings, NamespaceFacts
from wfexec.model.execution import (
    ExecutionResults,
    KubernetesExecution,
    KubernetesExecutionStatus,
    RollbackInformation,
)
from wfexec.model.facts import (
    AccessFacts,
    Answer,
    AskAccess,
    AskNetwork,
    AskNodes,
    AskParent,
    AskTarget,
    Facts,
    NetworkFacts,
    NodesFacts,
    ParentFacts,
    Question,
    TargetFacts,
    TargetRef,
)
from wfexec.model.meta import ObjectMeta
from wfexec.model.plan import EventRecord, Plan, Record
from wfexec.model.snapshot import CreateFailure, Snapshot
from wfexec.model.status import StepStatus, WorkflowExecution
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import DEFAULTS, Settings

START = 1_767_225_600_000
HEALTHY = TargetFacts(True, False, True, {"replicas": "3", "image:app": "app:1", "unschedulable": "false"}, "")
Report = tuple[int, KubernetesExecutionStatus]


def step(number: int, *after: int, action: str = "scale-deployment", **more: Any) -> dict[str, Any]:
    """One step in JSON form; scale-deployment of deployment d{number} unless told otherwise."""
    parameters = {"scaleDeployment": {"namespace": "shop", "deployment": f"d{number}", "replicas": 5}}
    made = {"stepNumber": number, "name": f"s{number}", "action": action, "parameters": parameters}
    return {**made, "dependsOn": list(after), **more}


def spec(*steps: dict[str, Any], strategy: Mapping[str, Any] | None = None, **more: Any) -> WorkflowExecutionSpec:
    definition = {"name": "recover", "version": "v1", "steps": list(steps), **more.pop("definition", {})}
    given = {
        "remediationRequestRef": {"name": "rr"},
        "workflowDefinition": definition,
        "executionStrategy": dict(strategy or {}),
        **more,
    }
    return WorkflowExecutionSpec.model_validate(given)


def completed(after_ms: int = 1_000, **results: Any) -> Report:
    undo = results.pop("undo", None)
    status = KubernetesExecutionStatus(
        phase="completed",
        execution_results=ExecutionResults(success=True, **results),
        rollback_information=undo,
    )
    return after_ms, status


def failed(text: str, after_ms: int = 1_000, *, undo: RollbackInformation | None = None, **results: Any) -> Report:
    status = KubernetesExecutionStatus(
        phase="failed",
        execution_results=ExecutionResults(success=False, error_message=text, **results),
        rollback_information=undo,
    )
    return after_ms, status


HANGS: Report = (10**12, KubernetesExecutionStatus(phase="executing"))


class World:
    """Everything a decision can see, kept up to date by carrying out its plans."""

    def __init__(self, given: WorkflowExecutionSpec, settings: Settings = DEFAULTS, name: str = "wf") -> None:
        self.now = START
        # Deployments here have no pods that become ready: conditions that nobody wrote down have tests of their own.
        self.settings = settings.model_copy(update={"embedded_conditions": False})
        meta = ObjectMeta(name=name, namespace="ns", uid="uid-1", resource_version="1", generation=1)
        self.workflow = WorkflowExecution(metadata=meta, spec=given)
        self.children: dict[str, KubernetesExecution] = {}
        self.reports: dict[str, Report] = {}
        self.gone: dict[str, str] = {}
        self.foreign: frozenset[str] = frozenset()
        self.answers: dict[Question, Answer] = {}
        self.failures: dict[str, CreateFailure] = {}
        self.refused_at: int | None = None
        self.records: list[Record] = []
        self.phases: list[str] = []
        self.plans: list[Plan] = []
        self.created: list[str] = []
        self.busiest = 0
        self.script: dict[str, Report] = {}
        # What steps have changed of a target so far, laid over the facts; `ineffective` names children that lie.
        self.effects: dict[TargetRef, dict[str, str]] = {}
        self.ineffective: set[str] = set()
        self.facts: Callable[[Question], Facts] = default_facts
        # No namespace is production, and that is known.
        self.bearings = Bearings(namespaces={name: NamespaceFacts({}) for name in ("a", "ns", "shop", "kube-system")})

    def say(self, name: str, report: Report) -> None:
        """What the child of this name will report, counted from its creation."""
        self.script[name] = report

    def snapshot(self) -> Snapshot:
        recipe = compile_recipe(self.workflow.spec, self.settings)
        known = (self.foreign, self.answers, self.failures, self.bearings, self.refused_at)
        return Snapshot(self.workflow, recipe, self.children, self.gone, *known)

    def look(self) -> Plan:
        """One decision, carried out."""
        plan = decide(self.snapshot(), self.now, self.settings)
        self.plans.append(plan)
        self.records.extend(plan.records)
        meta = self.workflow.metadata
        if plan.metadata is not None and plan.metadata.finalizers is not None:
            meta = evolve(meta, finalizers=plan.metadata.finalizers)
        if plan.metadata is not None and plan.metadata.annotations is not None:
            kept = {key: text for key, text in meta.annotations.items() if key not in plan.metadata.annotations}
            meta = evolve(meta, annotations=kept)
        if plan.metadata is not None and plan.metadata.owner_references is not None:
            meta = evolve(meta, owner_references=plan.metadata.owner_references)
        self.workflow = evolve(self.workflow, metadata=meta)
        if plan.status is not None:
            self.workflow = evolve(self.workflow, status=plan.status)
            if not self.phases or self.phases[-1] != plan.status.phase:
                self.phases.append(plan.status.phase)
        for child in plan.creates:
            self._create(child)
        for gone in plan.deletes:
            self.gone[gone.name] = gone.uid
            self.children.pop(gone.name)
        for question in plan.questions:
            self.answers[question] = Answer(self.now, self._look_at(question))
        running = sum(1 for child in self.children.values() if child.status.phase not in ("completed", "failed"))
        self.busiest = max(self.busiest, running)
        return plan

    def _look_at(self, question: Question) -> Facts:
        facts = self.facts(question)
        if isinstance(question, AskTarget) and isinstance(facts, TargetFacts):
            return facts._replace(state={**facts.state, **self.effects.get(question.target, {})})
        return facts

    def _take_effect(self, child: KubernetesExecution) -> None:
        """What a completed child has done, told by its parameters."""
        expected = expectation_of(child.spec.parameters)
        if child.status.phase == "completed" and expected is not None and child.metadata.name not in self.ineffective:
            self.effects.setdefault(expected.target, {}).update(expected.state)

    def _create(self, child: KubernetesExecution) -> None:
        name = child.metadata.name
        assert name not in self.children, f"{name} is created twice"
        meta = evolve(child.metadata, uid=f"uid-{name}", resource_version="1")
        self.children[name] = evolve(child, metadata=meta)
        self.created.append(name)
        after, status = self.script.get(name, completed())
        self.reports[name] = (self.now + after, status)

    def run(self, until_ms: int = 4 * 3_600_000, stop: Callable[["World"], bool] | None = None) -> "World":
        """Look whenever something changed or a wake-up is due, until nothing more happens."""
        end = self.now + until_ms
        while self.now <= end:
            plan = self.look()
            if stop is not None and stop(self):
                return self
            if plan.status is not None or plan.questions or plan.metadata is not None or plan.creates:
                continue
            due = [at for name, (at, _) in self.reports.items() if name in self.children]
            if plan.wake_at is not None:
                assert plan.wake_at > self.now, "a wake-up in the past would spin"
                due.append(plan.wake_at)
            if not due:
                return self
            if min(due) > end:
                self.now = end
                return self
            self.now = min(due)
            for name, (at, status) in list(self.reports.items()):
                if at <= self.now:
                    del self.reports[name]
                    if name in self.children:
                        self.children[name] = evolve(self.children[name], status=status)
                        self._take_effect(self.children[name])
        return self

    def step(self, number: int) -> StepStatus:
        return next(one for one in self.workflow.status.step_statuses if one.step_number == number)

    def states(self) -> dict[int, str]:
        return {one.step_number: str(one.status) for one in self.workflow.status.step_statuses}

    def reasons(self) -> list[str]:
        return [record.reason for record in self.records if isinstance(record, EventRecord)]

    def annotate(self, **marks: str) -> None:
        """Somebody sets annotations; `rollback_to` stands for `workflowexecution.kubernaut.io/rollback-to`."""
        made = {f"workflowexecution.kubernaut.io/{key.replace('_', '-')}": text for key, text in marks.items()}
        if "manual_retry" in marks:
            made["kubernaut.ai/manual-retry"] = made.pop("workflowexecution.kubernaut.io/manual-retry")
        meta = self.workflow.metadata
        self.workflow = evolve(self.workflow, metadata=evolve(meta, annotations={**meta.annotations, **made}))

    def change(self, **changes: Any) -> None:
        """Somebody edits the spec (by Python field names)."""
        meta = self.workflow.metadata
        meta = evolve(meta, generation=meta.generation + 1)
        self.workflow = evolve(self.workflow, metadata=meta, spec=evolve(self.workflow.spec, **changes))


def default_facts(question: Question) -> Facts:
    """A cluster in which everything is well."""
    if isinstance(question, AskAccess):
        return AccessFacts(True, "")
    if isinstance(question, AskNodes):
        return NodesFacts(5, 5, 16_000, 64 << 30)
    if isinstance(question, AskNetwork):
        return NetworkFacts(True, "")
    if isinstance(question, AskParent):
        return ParentFacts("uid-parent")
    return HEALTHY
