"""Small workflows, hand-made histories and quick runs for the tests of the simulation."""

from typing import Any

import orjson

from sim.alerts import Firing
from sim.chronicle import TargetVersion
from sim.driver import Options
from sim.executor.files import parse_outcomes
from sim.history import History, Utterances, history_of
from sim.scenario import Run, Scenario, play
from sim.trace import TraceRecord, Version, Written
from wfexec.crd.files import read_workflows
from wfexec.model.base import evolve
from wfexec.model.execution import (
    KubernetesExecution,
    KubernetesExecutionSpec,
    KubernetesExecutionStatus,
    RollbackInformation,
)
from wfexec.model.meta import ANNOTATION_ATTEMPT, FINALIZER, ObjectMeta, ObjectReference, OwnerReference
from wfexec.model.phases import ExecutionPhase, Phase, StepState
from wfexec.model.plan import CountRecord, Record
from wfexec.model.requests import Change, Code, EventWrite, Kind, ObjectKey, Watched
from wfexec.model.status import StepStatus, WorkflowExecution, WorkflowExecutionStatus
from wfexec.settings import DEFAULTS, Settings

UID = "wf-uid"


def manifest(
    steps: list[dict[str, Any]], name: str = "repair", definition: dict[str, Any] | None = None, **spec: Any
) -> WorkflowExecution:
    """A workflow of steps given as {dependsOn, maxRetries …}; every step scales a deployment of its own."""
    whole = []
    for number, step in enumerate(steps, start=1):
        scale = {"namespace": "shop", "deployment": f"d{number}", "replicas": 3}
        plain = {"stepNumber": number, "name": f"step-{number}", "action": "scale-deployment", "criticalStep": True}
        whole.append({**plain, "parameters": {"scaleDeployment": scale}, **step})
    raw = {
        "apiVersion": "workflowexecution.kubernaut.io/v1",
        "kind": "WorkflowExecution",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "remediationRequestRef": {"name": "alert"},
            "workflowDefinition": {"name": "repair", "version": "1", "steps": whole, **(definition or {})},
            **spec,
        },
    }
    return read_workflows(orjson.dumps(raw), "test.json")[0]


CHAIN = [{}, {"dependsOn": [1]}, {"dependsOn": [2]}]
WORLD = """
cluster:
  nodes: {n1: {}, n2: {}, n3: {}}
  deployments:
    shop/d1: {replicas: 2, image: "shop:1"}
    shop/d2: {replicas: 2, image: "shop:1"}
    shop/d3: {replicas: 2, image: "shop:1"}
    shop/d4: {replicas: 2, image: "shop:1"}
defaults: {duration: 10s}
"""


def options(extra: str = "", **changes: Any) -> Options:
    """A world with four deployments, ten seconds a step; `extra` is more of the executor file."""
    return Options(outcomes=parse_outcomes(WORLD + extra, "test.yaml"))._replace(**changes)


def run(*workflows: WorkflowExecution, until_ms: int | None = None, with_: Options | None = None) -> Run:
    return play(Scenario(workflows or (manifest(CHAIN),), with_ or options(), until_ms))


class Past:
    """A history made by hand, one version after the other."""

    def __init__(
        self, steps: list[dict[str, Any]] | None = None, *, reached: Phase = Phase.EXECUTING, **spec: Any
    ) -> None:
        """The workflow has come as far as `reached`."""
        made = manifest(CHAIN if steps is None else steps, **spec)
        count = len(made.spec.workflow_definition.steps) if made.spec.workflow_definition else 0
        statuses = tuple(StepStatus(step_number=n + 1, action="scale-deployment") for n in range(count))
        meta = evolve(made.metadata, uid=UID, finalizers=(FINALIZER,))
        self.workflow = evolve(
            made, metadata=meta, status=WorkflowExecutionStatus(phase=Phase.EXECUTING, step_statuses=statuses)
        )
        self.records: list[TraceRecord] = []
        self.at = 0
        self._version = 0
        self.told: list[tuple[ObjectKey, Record]] = []
        way = (Phase.NEW, Phase.PLANNING, Phase.VALIDATING, Phase.EXECUTING)
        for phase in way[: way.index(reached) + 1]:
            began = {"execution_start_time": self.at} if phase is Phase.EXECUTING else {}
            self.status(phase=phase, **began)

    def wait(self, ms: int) -> None:
        self.at += ms

    def status(self, **changes: Any) -> None:
        """A status write of the controller."""
        self.workflow = evolve(self.workflow, status=evolve(self.workflow.status, **changes))
        self._commit(Change.MODIFIED, self.workflow)

    def step(self, number: int, state: StepState, **changes: Any) -> None:
        """A status write that moves one step."""
        steps = list(self.workflow.status.step_statuses)
        steps[number - 1] = evolve(steps[number - 1], status=state, **changes)
        working = sum(1 for one in steps if one.status is StepState.EXECUTING)
        self.status(step_statuses=tuple(steps), active_steps=working)

    def child(
        self, step: int, name: str = "", *, attempt: int = 0, undo: bool = False, owned: bool = True, **told: Any
    ) -> Any:
        """A child appears; `told`: more of its spec."""
        owner = OwnerReference(
            api_version="v1",
            kind="WorkflowExecution",
            name="repair",
            uid=UID,
            controller=True,
            block_owner_deletion=True,
        )
        meta = ObjectMeta(
            name=name or f"repair-{'rollback' if undo else 'step'}-{step}" + (f"-r{attempt}" if attempt else ""),
            namespace="shop",
            uid=f"uid-{len(self.records)}",
            labels={"rollback": "true"} if undo else {},
            annotations={ANNOTATION_ATTEMPT: str(attempt)},
            owner_references=(owner,) if owned else (),
        )
        reference = ObjectReference(name="repair", uid=UID)
        spec = KubernetesExecutionSpec(workflow_execution_ref=reference, step_number=step, action="scale-deployment")
        child = KubernetesExecution(metadata=meta, spec=evolve(spec, **told))
        self._commit(Change.ADDED, child)
        return child

    def ends(
        self,
        child: KubernetesExecution,
        phase: ExecutionPhase = ExecutionPhase.COMPLETED,
        undo: RollbackInformation | None = None,
    ) -> None:
        """The executor reports the end of a child; `undo`: how it says that what it did is undone."""
        status = KubernetesExecutionStatus(phase=phase, rollback_information=undo)
        self._commit(Change.MODIFIED, evolve(child, status=status))

    def asks(self, **spec: Any) -> None:
        """A person changes the spec."""
        self.workflow = evolve(self.workflow, spec=evolve(self.workflow.spec, **spec))
        self._commit(Change.MODIFIED, self.workflow)

    def marks(self, annotations: dict[str, str]) -> None:
        """A person annotates the workflow."""
        self.workflow = evolve(self.workflow, metadata=evolve(self.workflow.metadata, annotations=annotations))
        self._commit(Change.MODIFIED, self.workflow)

    def deleting(self) -> None:
        """A person deletes the workflow, which is held by its finalizer."""
        self.workflow = evolve(self.workflow, metadata=evolve(self.workflow.metadata, deletion_timestamp=self.at))
        self._commit(Change.MODIFIED, self.workflow)

    def gone(self) -> None:
        self._commit(Change.DELETED, self.workflow)

    def wrote(self, body: Any, code: Any, who: str = "controller-0") -> None:
        self.records.append(Written(self.at, who, body, code))

    def counted(self, metric: str, *labels: str, workflow: str = "repair") -> None:
        """A controller hands out a count."""
        self.told.append((ObjectKey(Kind.WORKFLOW, "shop", workflow), CountRecord(metric, labels)))

    def says(self, reason: str, message: str, times: int = 1) -> None:
        """The cluster takes an Event of the controller."""
        name = f"{reason}.{len(self.records)}"
        said = EventWrite(name, "shop", self.workflow, "Normal", reason, message, times, self.at, self.at)
        self.wrote(said, Code.OK)

    def history(
        self,
        settings: Settings = DEFAULTS,
        *,
        cut: bool = False,
        listening: bool = False,
        looks: int = 0,
        dropped: int = 0,
        alerts: tuple[Firing, ...] | None = None,
        targets: tuple[TargetVersion, ...] | None = None,
    ) -> History:
        """`listening`: what was counted is held against the history."""
        utterances = Utterances(self.told if listening else None, looks, dropped=dropped)
        end = self.at
        return history_of(
            self.records, settings, cut=cut, end=end, utterances=utterances, alerts=alerts, targets=targets
        )

    def _commit(self, change: Change, thing: Watched) -> None:
        self._version += 1
        self.at += 1
        self.records.append(Version(self.at, change, thing, str(self._version)))
