"""A transport without a network: answers from one workflow kept in memory, and writes down what it was asked."""

from collections.abc import Callable
from threading import Event, Lock
from typing import Any

from wfexec.model.base import evolve
from wfexec.model.meta import ObjectMeta, ObjectReference
from wfexec.model.parameters import ScaleStep, StepParameters
from wfexec.model.requests import (
    Code,
    CreateExecution,
    CreateLease,
    GetLease,
    Kind,
    Listing,
    ListObjects,
    Outcome,
    PatchMetadata,
    PatchStatus,
    Replied,
    Request,
    Signal,
    UpdateLease,
    WatchObjects,
)
from wfexec.model.status import WorkflowExecution
from wfexec.model.workflow import ExecutionStrategy, WorkflowDefinition, WorkflowExecutionSpec, WorkflowStep


def workflow() -> WorkflowExecution:
    step = WorkflowStep(
        step_number=1,
        name="grow",
        action="scale-deployment",
        parameters=StepParameters(scale_deployment=ScaleStep(deployment="web", namespace="shop", replicas=3)),
    )
    return WorkflowExecution(
        metadata=ObjectMeta(name="heal", namespace="shop", uid="u1", resource_version="10", generation=1),
        spec=WorkflowExecutionSpec(
            remediation_request_ref=ObjectReference(name="parent"),
            workflow_definition=WorkflowDefinition(name="heal", version="v1", steps=(step,)),
            execution_strategy=ExecutionStrategy(dry_run_first=False),
        ),
    )


class ScriptedTransport:
    """`wrote` is set at the first status write."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.closed = False
        self.wrote = Event()
        self._lock = Lock()
        self._workflow = workflow()
        self._version = 10

    def send(self, request: Request, reply: Callable[[Signal], None]) -> None:
        with self._lock:
            body = request.body
            self.asked.append(body)
            if isinstance(body, WatchObjects):
                return
            reply(Replied(request.id, Outcome(Code.OK, self._answer(body))))
            if isinstance(body, PatchStatus):
                self.wrote.set()

    def close(self) -> None:
        self.closed = True

    def names(self) -> list[str]:
        with self._lock:
            return [type(body).__name__ for body in self.asked]

    def _answer(self, body: Any) -> Any:
        self._version += 1
        match body:
            case ListObjects(kind=Kind.WORKFLOW):
                return Listing((self._workflow,), "10")
            case ListObjects():
                return Listing((), "10")
            case PatchMetadata():
                change = {"finalizers": body.change.finalizers} if body.change.finalizers is not None else {}
                return self._store(self._workflow.status, **change)
            case PatchStatus():
                return self._store(body.after)
            case CreateExecution():
                meta = evolve(body.body.metadata, uid=body.key.name, resource_version=str(self._version))
                return evolve(body.body, metadata=meta)
            case GetLease() | CreateLease() | UpdateLease():
                raise AssertionError("no leader election was asked for")
            case _:
                return None

    def _store(self, status: Any, **changes: Any) -> WorkflowExecution:
        meta = evolve(self._workflow.metadata, resource_version=str(self._version), **changes)
        self._workflow = evolve(self._workflow, metadata=meta, status=status)
        return self._workflow
