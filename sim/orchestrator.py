"""A parent as a machine: it follows workflows, looks for RemediationRequests, and sees each one through.

Called by the simulation's driver and by `sim.live_parent`, in the same shape as controller and executor: signals in,
requests out, `now` as an argument. What is made and when to stop is said by the rules in `sim.parent`; the ways that a
request knows stand in its own `spec.workflows`. It must never touch a clock, a socket or chance.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sim.cluster.requests import ListRequests, MakeWorkflow, ParentBody, TargetOutcome, TargetReplied, TellRequest
from sim.parent import Json, turn
from wfexec.crd.codec import render_workflow
from wfexec.engine.reflector import Reflector
from wfexec.model.base import clip
from wfexec.model.meta import version_of
from wfexec.model.requests import (
    Change,
    Code,
    Kind,
    ListObjects,
    Replied,
    Signal,
    StopAsked,
    WatchObjects,
    WatchSeen,
)
from wfexec.model.status import WorkflowExecution

PAGE_SIZE: Final = 500
WATCH_TIMEOUT_MS: Final = 300_000
REQUEST_TIMEOUT_MS: Final = 10_000
# Workflows are watched; whether there are new requests is asked this often.
LOOK_MS: Final = 5_000
ENDED: Final = ("completed", "failed")
_FINAL: Final = frozenset({Code.INVALID, Code.FORBIDDEN})


class ParentRequest(NamedTuple):
    """Like the controller's `Request`: `id` is unique in one life of the parent, `timeout_ms` bounds the reply."""

    id: int
    body: ParentBody | ListObjects | WatchObjects
    timeout_ms: int


class Orchestrator:
    """`namespace` "" means every namespace."""

    def __init__(self, identity: str, *, namespace: str = "", watch_timeout_ms: int = WATCH_TIMEOUT_MS) -> None:
        self.identity = identity
        self.stopped = False
        self._namespace = namespace
        self._watch = Reflector(
            Kind.WORKFLOW,
            page_size=PAGE_SIZE,
            watch_timeout_ms=watch_timeout_ms,
            salt=identity,
            namespace=namespace,
        )
        # By uid, as the API server prints them.
        self._workflows: dict[str, Json] = {}
        self._requests: dict[str, Json] = {}
        # When to look for requests again, None while a list is on its way; its id then.
        self._look_at: int | None = None
        self._look = 0
        self._looked = False
        # Writes on their way: whose they are and, for a workflow, what its request is told once it is made.
        self._writing: dict[int, tuple[str, Json | None]] = {}
        # Whose last write came to nothing: nothing more is written for them before there is news.
        self._held: set[str] = set()
        self._out: list[ParentRequest] = []
        self._last_id = 0

    def __repr__(self) -> str:
        return f"<Orchestrator {self.identity}: {len(self._requests)} requests, {len(self._writing)} writes out>"

    @property
    def synced(self) -> bool:
        """Whether it knows what there is."""
        return self._watch.synced and self._looked

    def start(self, now: int) -> None:
        self._watch.start(now)
        self._look_at = now
        self._go_on(now)

    def take(self) -> list[ParentRequest]:
        """Everything to be sent now; each is handed out once."""
        out, self._out = self._out, []
        return out

    def wake_at(self) -> int | None:
        """When `tick` must be called at the latest, None for never."""
        if self.stopped:
            return None
        due = [at for at in (self._watch.wake_at, self._look_at) if at is not None]
        return min(due, default=None)

    def tick(self, now: int) -> None:
        self._go_on(now)

    def feed(self, signal: Signal | TargetReplied, now: int) -> None:
        if self.stopped:
            return
        if isinstance(signal, StopAsked):
            self.stopped = True
            return
        if isinstance(signal, WatchSeen):
            if self._watch.seen(signal) and isinstance(signal.object, WorkflowExecution):
                self._seen(signal.change, signal.object)
        elif isinstance(signal, Replied):
            if signal.request_id == self._watch.request_id:
                listing = self._watch.replied(signal.outcome, now)
                if listing is not None:
                    self._listed([one for one in listing.items if isinstance(one, WorkflowExecution)])
        elif signal.request_id == self._look:
            self._found(signal.outcome, now)
        else:
            self._written(signal.request_id, signal.outcome)
        self._go_on(now)

    def _go_on(self, now: int) -> None:
        if self._watch.wake_at is not None and now >= self._watch.wake_at:
            body = self._watch.due(now)
            if body is not None:
                extra = body.timeout_ms if isinstance(body, WatchObjects) else 0
                self._watch.sent(self._send(body, extra), now)
        if self._look_at is not None and now >= self._look_at:
            self._look_at = None
            self._look = self._send(ListRequests(self._namespace))
        if self.synced:
            for uid in tuple(self._requests):
                self._see_through(uid, now)

    def _send(self, body: ParentBody | ListObjects | WatchObjects, extra_ms: int = 0) -> int:
        self._last_id = number = self._last_id + 1
        self._out.append(ParentRequest(number, body, REQUEST_TIMEOUT_MS + extra_ms))
        return number

    def _seen(self, change: Change, workflow: WorkflowExecution) -> None:
        self._held.clear()
        if change is Change.DELETED:
            self._workflows.pop(workflow.metadata.uid, None)
        else:
            _keep(self._workflows, render_workflow(workflow))

    def _listed(self, found: Iterable[WorkflowExecution]) -> None:
        listed = {one.metadata.uid: one for one in found}
        self._workflows = {uid: known for uid, known in self._workflows.items() if uid in listed}
        for workflow in listed.values():
            _keep(self._workflows, render_workflow(workflow))

    def _found(self, outcome: TargetOutcome, now: int) -> None:
        self._look_at = now + max(LOOK_MS, outcome.retry_after_ms or 0)
        listed = outcome.object
        if outcome.code is not Code.OK or not isinstance(listed, tuple):
            return
        self._looked = True
        self._held.clear()
        there = {one["metadata"]["uid"] for one in listed}
        self._requests = {uid: known for uid, known in self._requests.items() if uid in there}
        for one in listed:
            _keep(self._requests, one)

    def _written(self, number: int, outcome: TargetOutcome) -> None:
        uid, told = self._writing.pop(number, ("", None))
        if outcome.code is Code.OK and isinstance(outcome.object, dict):
            _keep(self._requests if told is None else self._workflows, outcome.object)
            if told is not None:
                self._tell(uid, told)
        elif outcome.code in _FINAL and told is not None:
            why = clip(f"its workflow was refused: {outcome.message}")
            self._tell(uid, {**told, "overallPhase": "failed", "message": why})
        else:
            # What became of it is seen by what stands there, at the next look.
            self._held.add(uid)

    def _see_through(self, uid: str, now: int) -> None:
        """The next write for one request, unless one is on its way, it has ended, or it asks for nothing."""
        request = self._requests[uid]
        known = request.get("status") or {}
        ways = (request.get("spec") or {}).get("workflows") or ()
        busy = uid in self._held or any(whose == uid for whose, _ in self._writing.values())
        if busy or not ways or known.get("overallPhase") in ENDED:
            return
        create, status = turn(request, self._workflows.values(), ways, now)
        if create is not None:
            number = self._send(MakeWorkflow(create["metadata"]["namespace"], create["metadata"]["name"], create))
            self._writing[number] = (uid, status)
        elif status != known:
            self._tell(uid, status)

    def _tell(self, uid: str, status: Json) -> None:
        request = self._requests.get(uid)
        if request is not None:
            meta = request["metadata"]
            self._writing[self._send(TellRequest(meta["namespace"], meta["name"], status))] = (uid, None)


def _keep(known: dict[str, Json], thing: Json) -> None:
    """Never an older version over a newer one."""
    meta: Any = thing["metadata"]
    before = known.get(meta["uid"])
    if before is None or version_of(meta["resourceVersion"]) > version_of(before["metadata"]["resourceVersion"]):
        known[meta["uid"]] = thing
