"""Builders, and a driver of one controller by hand: every request and every reply is a line of the test."""

from collections.abc import Callable, Iterable
from typing import Any

from wfexec.engine.controller import Controller
from wfexec.model.base import evolve
from wfexec.model.execution import KubernetesExecution, KubernetesExecutionSpec, KubernetesExecutionStatus
from wfexec.model.meta import ObjectMeta, ObjectReference, OwnerReference
from wfexec.model.phases import Priority
from wfexec.model.plan import NOTHING, Plan
from wfexec.model.recipe import Refusal
from wfexec.model.requests import (
    Change,
    Code,
    Kind,
    Listing,
    ListObjects,
    ObjectKey,
    Outcome,
    Replied,
    Request,
    Unreadable,
    Watched,
    WatchObjects,
    WatchSeen,
)
from wfexec.model.snapshot import Snapshot
from wfexec.model.status import WorkflowExecution, WorkflowExecutionStatus
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import DEFAULTS, Settings

SPEC = WorkflowExecutionSpec(remediation_request_ref=ObjectReference(name="remediation"))
CHILD_SPEC = KubernetesExecutionSpec(
    workflow_execution_ref=ObjectReference(name="wf"), step_number=1, action="scale_deployment"
)
UNPLANNED = Refusal("none", "", "these tests plan nothing")
T0 = 1_000_000
BEARINGS = (Kind.NAMESPACE, Kind.REGISTRY, Kind.ADMISSION_POLICY, Kind.ADMISSION_BINDING)


def status(phase: str = "", message: str = "") -> WorkflowExecutionStatus:
    return WorkflowExecutionStatus(phase=phase, message=message)


def workflow(
    name: str = "wf",
    version: int = 1,
    *,
    uid: str = "",
    phase: str = "",
    message: str = "",
    priority: Priority = Priority.NORMAL,
    generation: int = 1,
    **metadata: Any,
) -> WorkflowExecution:
    meta = ObjectMeta(
        name=name,
        namespace="prod",
        uid=uid or f"uid-{name}",
        resource_version=str(version),
        generation=generation,
        **metadata,
    )
    return WorkflowExecution(metadata=meta, spec=evolve(SPEC, priority=priority), status=status(phase, message))


def child(
    name: str = "wf-step-1",
    version: int = 1,
    *,
    uid: str = "",
    owner: str = "uid-wf",
    owner_name: str = "wf",
    phase: str = "",
    **metadata: Any,
) -> KubernetesExecution:
    owners = (
        (OwnerReference(api_version="v1", kind="WorkflowExecution", name=owner_name, uid=owner, controller=True),)
        if owner
        else ()
    )
    meta = ObjectMeta(
        name=name,
        namespace="prod",
        uid=uid or f"uid-{name}",
        resource_version=str(version),
        owner_references=owners,
        **metadata,
    )
    return KubernetesExecution(metadata=meta, spec=CHILD_SPEC, status=KubernetesExecutionStatus(phase=phase))


def unreadable(kind: Kind, name: str, version: int, message: str = "spec.timeout: 'soon' is no duration") -> Unreadable:
    meta = (workflow(name, version) if kind is Kind.WORKFLOW else child(name, version)).metadata
    return Unreadable(kind, meta, message)


def workflow_key(name: str = "wf") -> ObjectKey:
    return ObjectKey(Kind.WORKFLOW, "prod", name)


def child_key(name: str = "wf-step-1") -> ObjectKey:
    return ObjectKey(Kind.EXECUTION, "prod", name)


def ok(stored: Any = None) -> Outcome:
    return Outcome(Code.OK, stored)


def no(code: Code, message: str = "", retry_after_ms: int | None = None) -> Outcome:
    return Outcome(code, None, message, retry_after_ms)


# A quiet watch is taken for a living one, so that `sleep` leads to what a test is about.
TRUSTING = DEFAULTS.model_copy(update={"watch_silence": 86_400_000})


class Brain:
    """A decide function that plays back plans, one per look and per workflow; afterwards there is nothing to do."""

    def __init__(self, *plans: Plan | Callable[[Snapshot], Plan]) -> None:
        self.plans = list(plans)
        self.looks: list[Snapshot] = []

    def __call__(self, snapshot: Snapshot, now: int, settings: Settings) -> Plan:
        self.looks.append(snapshot)
        following = self.plans.pop(0) if self.plans else NOTHING
        return following if isinstance(following, Plan) else following(snapshot)


class Hand:
    """Drives one controller: `sent` holds what was taken and not replied, oldest first."""

    def __init__(
        self,
        decide: Callable[[Snapshot, int, Settings], Plan],
        *,
        leader_election: bool = False,
        settings: Settings = TRUSTING,
        identity: str = "me",
        now: int = T0,
    ) -> None:
        self.now = now
        self.controller = Controller(
            settings,
            identity,
            leader_election=leader_election,
            decide=decide,
            compile_recipe=lambda spec, settings: UNPLANNED,
        )
        self.sent: list[Request] = []
        self.controller.start(now)
        self.take()

    def take(self) -> list[Request]:
        taken = self.controller.take()
        self.sent.extend(taken)
        return taken

    def after(self, ms: int) -> list[Request]:
        self.now += ms
        self.controller.tick(self.now)
        return self.take()

    def sleep(self) -> list[Request]:
        """Until the controller wants to be woken."""
        at = self.controller.wake_at()
        assert at is not None, "nobody would ever wake this controller"
        return self.after(max(0, at - self.now))

    def outstanding(self, body_type: type) -> list[Request]:
        return [request for request in self.sent if isinstance(request.body, body_type)]

    def one(self, body_type: Any, kind: Kind | None = None) -> Any:
        """The body of the one outstanding request of that type."""
        return self.request(body_type, kind).body

    def request(self, body_type: Any, kind: Kind | None = None) -> Request:
        found = [
            request
            for request in self.outstanding(body_type)
            if kind is None or getattr(request.body, "kind", None) is kind
        ]
        assert len(found) == 1, f"{body_type.__name__}: {[type(request.body).__name__ for request in self.sent]}"
        return found[0]

    def reply(self, body_type: Any, outcome: Outcome, kind: Kind | None = None) -> list[Request]:
        """Answer the one outstanding request of that type, and take what follows."""
        return self.answer(self.request(body_type, kind), outcome)

    def answer(self, request: Request, outcome: Outcome) -> list[Request]:
        self.sent.remove(request)
        self.controller.feed(Replied(request.id, outcome), self.now)
        return self.take()

    def boot(
        self, workflows: Iterable[WorkflowExecution | Unreadable] = (), children: Iterable[Watched] = (), at: int = 100
    ) -> list[Request]:
        """Answer all lists, those of bearings first; the watches are open afterwards and the first looks taken."""
        self.answer_bearings()
        self.reply(ListObjects, ok(Listing(tuple(workflows), str(at))), Kind.WORKFLOW)
        return self.reply(ListObjects, ok(Listing(tuple(children), str(at))), Kind.EXECUTION)

    def answer_bearings(self, at: int = 100) -> None:
        """There are no namespaces, policies or bindings to be seen."""
        for kind in BEARINGS:
            self.reply(ListObjects, ok(Listing((), str(at))), kind)

    def seen(self, change: Change, stored: Watched | Unreadable) -> list[Request]:
        kind = Kind.WORKFLOW if isinstance(stored, WorkflowExecution) else Kind.EXECUTION
        if isinstance(stored, Unreadable):
            kind = stored.kind
        watch = self.request(WatchObjects, kind)
        self.controller.feed(WatchSeen(watch.id, kind, change, stored, stored.metadata.resource_version), self.now)
        return self.take()

    def bookmark(self, kind: Kind, version: int) -> list[Request]:
        watch = self.request(WatchObjects, kind)
        self.controller.feed(WatchSeen(watch.id, kind, Change.BOOKMARK, None, str(version)), self.now)
        return self.take()


def bodies(requests: Iterable[Request]) -> list[str]:
    """Types of the bodies, in order."""
    return [type(request.body).__name__ for request in requests]
