"""One look at one workflow: gather, decide, apply, settle.

Called by the controller: `look` for a key taken from the queue, the `on_*` functions with replies. What has to be sent
waits in `outbox` as (body, handler, tracked) until the controller hands it out. Rules:
1. No decision while a doubt about an earlier write is open: first read, then look.
2. While a plan is carried out, signals only mark its workflow dirty; there is one further look afterwards.
3. Records of a plan are released when its own write to the workflow is in (at once if it has none), never if that was
   refused. After a lost reply the read decides which of the two it was.
4. A plan that wrote something is followed by a look, for nothing else would wake its workflow: echoes do not. One that
   stayed in its phase and named its alarm has nothing more to say until news or the alarm come.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from wfexec.engine import unreadable
from wfexec.engine.applier import BEFORE, OWN, Application, Verdict, Write, count_failure, happened
from wfexec.engine.backoff import delay_ms
from wfexec.engine.cache import controller_uid, version
from wfexec.engine.doubts import Doubts, given
from wfexec.engine.ledger import Ledger
from wfexec.engine.recipes import judged
from wfexec.engine.recorder import Recorder
from wfexec.engine.refused import accepted, create_delay, hold_back, refused
from wfexec.engine.view import Tracked, View, of_former_workflow
from wfexec.model.execution import KubernetesExecution
from wfexec.model.plan import EventRecord, Plan, Record
from wfexec.model.recipe import Recipe, Refusal
from wfexec.model.requests import (
    Ask,
    Body,
    Code,
    CreateExecution,
    DeleteExecution,
    GetObject,
    KeepRows,
    Kind,
    ObjectKey,
    Outcome,
    PatchStatus,
    Unreadable,
)
from wfexec.model.snapshot import Snapshot
from wfexec.model.status import WorkflowExecution
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import Settings

Decide = Callable[[Snapshot, int, Settings], Plan]
CompileRecipe = Callable[[WorkflowExecutionSpec, Settings], Recipe | Refusal]
Handler = Callable[[Any, Any, Outcome, int], None]
Waiting = tuple[Body, Handler, Tracked]

# A conflict is met by a fresh look after 100, 200, 400, 800, 800 ms, then at the pace of errors; a refused creation the
# same way (BR-WF-013). Everything else starts at the queue's own, shorter base.
CONFLICT_BASE_MS: Final = 100
CONFLICT_CAP_MS: Final = 800
CONFLICTS_MAX: Final = 5
# The constructor of a named tuple is a call of its own.
_tuple: Final[Any] = tuple.__new__
IN_THE_WAY: Final = Outcome(Code.ALREADY_EXISTS, message="the name is taken by an object about to be removed")


class Reconciler:
    __slots__ = (
        "_ask",
        "_compile",
        "_decide",
        "_doubts",
        "_read",
        "_settings",
        "_view",
        "_write",
        "audited",
        "conflicts",
        "ledger",
        "looks",
        "lost",
        "outbox",
        "recorder",
        "released",
    )

    def __init__(
        self, view: View, recorder: Recorder, settings: Settings, decide: Decide, compile_recipe: CompileRecipe
    ) -> None:
        self._view = view
        self._settings = settings
        self._decide = decide
        self._compile = compile_recipe
        self._doubts = Doubts()
        self.audited = False
        self.ledger = Ledger()
        self.recorder = recorder
        self.outbox: deque[Waiting] = deque()
        self.released: list[tuple[ObjectKey, Record]] = []
        self.looks = 0
        self.conflicts = 0
        self.lost = 0
        # Bound once: a look is too frequent to build a method object for each write.
        self._write: Handler = self._on_write
        self._read: Handler = self._on_read
        self._ask: Handler = self._on_answer

    def look(self, tracked: Tracked, now: int) -> None:
        """Take `tracked` (just taken from the queue) one decision further."""
        workflow = unreadable.leaving(self._view, tracked) if tracked.unreadable else tracked.workflow
        if tracked.left or workflow is None:
            unreadable.report(self._view, self.recorder, tracked, now)
            self._view.queue.done(tracked)
            return
        if tracked.expectations:
            self._read_first(tracked)
            return
        if tracked.family.unreadable:
            unreadable.report_children(self.recorder, tracked, workflow, now)
        seen = judged(tracked, workflow, self._compile, self._settings)
        family, view = tracked.family, self._view
        self.looks += 1
        known = (tracked.foreign, tracked.answers, tracked.failures, view.bearings, tracked.refused_at)
        ours = (self.audited, tracked.unkept_at, view.limiter.pressure, view.awake_since)
        snapshot: Snapshot = _tuple(Snapshot, (seen, tracked.recipe, family.view(), family.gone, *known, *ours))
        plan = self._decide(snapshot, now, self._settings)
        if plan.creates and tracked.failures:
            plan = hold_back(tracked, plan, self._view.queue, self._settings, now)
        if (
            plan.metadata is None
            and not plan.creates
            and not plan.deletes
            and (plan.status is None or plan.status is workflow.status)
            and not plan.expired
        ):
            self._idle(tracked, plan, now)
        else:
            self._carry_out(tracked, workflow, plan, now)
        if plan.questions:
            self._question(tracked, plan, now)

    def withdraw(self) -> None:
        """We may no longer write: what has not been handed out never will be."""
        outbox = self.outbox
        outbox.extend(self.ledger.withdraw())
        while outbox:
            body, _, tracked = outbox.popleft()
            if type(body) is Ask:
                tracked.asking.difference_update(body.questions)
            elif type(body) is GetObject:
                del tracked.reading[body.key]
                if not tracked.reading:
                    self._view.queue.done(tracked)
            elif (application := tracked.application) is not None:
                application.fence(unsent=1)
                if not application.open:
                    self._settle(tracked, application, 0)

    def fence_all(self) -> None:
        """Plans whose writes are on their way end with the reply: nothing further is written for them."""
        self.withdraw()
        for tracked in self._view.tracked.values():
            if tracked.application is not None:
                tracked.application.fence()

    def _idle(self, tracked: Tracked, plan: Plan, now: int) -> None:
        if plan.records:
            self._release(tracked, plan.records, now)
        wake_at = plan.wake_at
        if wake_at is not None and wake_at <= now:
            # Asking to be woken in the past with nothing to write would never end.
            wake_at = now + 1
        self._view.deadlines.set(tracked, wake_at)
        if not plan.questions:
            # To have asked is no success: what is decided by the answer may fail as the last time.
            self._view.queue.succeeded(tracked)
        self._view.queue.done(tracked)

    def _carry_out(self, tracked: Tracked, workflow: WorkflowExecution, plan: Plan, now: int) -> None:
        application = Application(tracked.key, workflow, plan, tracked.expectations, tracked.failures)
        tracked.application = application
        if plan.records:
            if application.committed:
                self._release(tracked, plan.records, now)
            else:
                tracked.records = plan.records
        for body in application.begin():
            (self.ledger.waiting if type(body) is KeepRows else self.outbox).append((body, self._write, tracked))

    def _question(self, tracked: Tracked, plan: Plan, now: int) -> None:
        """Ask what is not on its way already, and nothing while the last failure is fresh."""
        if now < tracked.ask_after:
            # The look that the failure asked for may have come before its time, for another reason.
            self._view.queue.add_at(tracked, tracked.level, tracked.ask_after)
            return
        asking, questions = tracked.asking, plan.questions
        if asking:
            questions = tuple(question for question in questions if question not in asking)
        if questions:
            asking.update(questions)
            self.outbox.append((Ask(tracked.key, questions), self._ask, tracked))

    def _read_first(self, tracked: Tracked) -> None:
        unmet = tracked.expectations.unmet()
        tracked.reading = {key: self._view.version(key) for key in unmet}
        tracked.read_retry_ms = -1
        for key in unmet:
            self.outbox.append((GetObject(key), self._read, tracked))

    def _on_write(self, body: Write, tracked: Tracked, outcome: Outcome, now: int) -> None:
        application = tracked.application
        if application is None:
            return
        code = outcome.code
        if code is Code.OK:
            self._store(body, outcome)
        elif code is Code.LOST:
            self.lost += 1
        elif code is Code.CONFLICT:
            self.conflicts += 1
        elif code is Code.NOT_FOUND and type(body) is DeleteExecution:
            self._view.child_deleted(body.key, body.uid)
        if code is not Code.OK and type(body) is PatchStatus and tracked.answers:
            tracked.answers = given(tracked.answers)
        if tracked.left:
            application.fence()
        following = application.feed(body, outcome, now)
        if tracked.records and type(body) not in BEFORE:
            self._book(body, tracked, application, outcome, now)
        if following:
            self.outbox.extend([(each, self._write, tracked) for each in following])
        elif not application.open:
            self._settle(tracked, application, now)

    def _store(self, body: Write, outcome: Outcome) -> None:
        """Our own write is known from now on, long before its echo."""
        stored = outcome.object
        if type(stored) is WorkflowExecution:
            self._view.own_write(stored)
        elif type(stored) is KubernetesExecution:
            # A creation is no news to the plan that asked for it; what a deletion left behind is.
            self._view.put_execution(stored, version(stored.metadata), wake=type(body) is not CreateExecution)
        elif type(body) is DeleteExecution:
            self._view.child_deleted(body.key, body.uid)

    def _book(self, body: Write, tracked: Tracked, application: Application, outcome: Outcome, now: int) -> None:
        """What becomes of the plan's records after this reply."""
        records = tracked.records
        if outcome.code is not Code.OK:
            tracked.records = ()
            if outcome.code is Code.LOST and isinstance(body, OWN):
                tracked.unsure = (body, records)
                if tracked.left:
                    self._make_sure(tracked, None, now)
        elif application.committed:
            tracked.records = ()
            self._release(tracked, records, now)

    def _on_read(self, body: GetObject, tracked: Tracked, outcome: Outcome, now: int) -> None:
        key = body.key
        known = tracked.reading.pop(key)
        code = outcome.code
        if code is Code.OK or code is Code.NOT_FOUND:
            if code is Code.NOT_FOUND:
                if key.kind is Kind.WORKFLOW:
                    self._make_sure(tracked, None, now)
                # What became known since the read was sent is newer than its answer, and stays.
                self._view.deleted(key.kind, key.namespace, key.name, known)
            elif key.kind is Kind.WORKFLOW:
                self._read_workflow(tracked, outcome, now)
            else:
                self._read_child(tracked, key, outcome, now)
            tracked.expectations.settle(key)
        else:
            tracked.read_retry_ms = max(tracked.read_retry_ms, outcome.retry_after_ms or 0)
        if tracked.reading:
            return
        queue = self._view.queue
        if not tracked.left:
            if tracked.read_retry_ms >= 0:
                self._retry(tracked, now, tracked.read_retry_ms)
            else:
                queue.add(tracked, tracked.level)
        queue.done(tracked)

    def _read_workflow(self, tracked: Tracked, outcome: Outcome, now: int) -> None:
        stored = outcome.object
        if type(stored) is WorkflowExecution or type(stored) is Unreadable:
            at = version(stored.metadata)
            self._view.workflows.believe(stored, at)
            self._view.put_workflow(stored, at)
        self._make_sure(tracked, tracked.workflow, now)

    def _make_sure(self, tracked: Tracked, workflow: WorkflowExecution | None, now: int) -> None:
        """If the write whose reply was lost did happen, what hangs on it is true."""
        unsure, tracked.unsure = tracked.unsure, None
        if unsure is not None and happened(unsure[0], workflow):
            self._release(tracked, unsure[1], now)

    def _read_child(self, tracked: Tracked, key: ObjectKey, outcome: Outcome, now: int) -> None:
        stored = outcome.object
        workflow = tracked.workflow
        if workflow is None or not (type(stored) is KubernetesExecution or type(stored) is Unreadable):
            return
        metadata = stored.metadata
        self._view.put_execution(stored, version(metadata))
        if controller_uid(metadata) == tracked.uid:
            if type(stored) is Unreadable:
                broken = Outcome(Code.INVALID, message=f"unreadable: {stored.message}")
                tracked.failures = count_failure(tracked.failures, key.name, broken, now)
            elif key.name in tracked.failures:
                tracked.failures = {name: kept for name, kept in tracked.failures.items() if name != key.name}
            return
        owners = metadata.owner_references
        if metadata.deletion_timestamp is not None or any(of_former_workflow(owner, workflow) for owner in owners):
            tracked.failures = count_failure(tracked.failures, key.name, IN_THE_WAY, now)
        else:
            self._view.estranged(tracked, key.name)

    def _on_answer(self, body: Ask, tracked: Tracked, outcome: Outcome, now: int) -> None:
        if tracked.left:
            return
        tracked.asking.difference_update(body.questions)
        queue = self._view.queue
        if outcome.code is Code.OK and isinstance(outcome.object, dict):
            tracked.ask_failures = 0
            known = tracked.answers
            tracked.answers = {**known, **self._doubts.weigh(outcome.object, known)}
            queue.add(tracked, tracked.level)
            return
        wait = delay_ms(CONFLICT_BASE_MS, tracked.ask_failures, self._settings.requeue_error, tracked.uid)
        tracked.ask_failures += 1
        tracked.ask_after = now + max(wait, outcome.retry_after_ms or 0)
        queue.add_at(tracked, tracked.level, tracked.ask_after)

    def _settle(self, tracked: Tracked, application: Application, now: int) -> None:
        """Book the end of a plan: one switch."""
        queue = self._view.queue
        tracked.application, tracked.records = None, ()
        tracked.failures = application.failures
        verdict = application.verdict
        if tracked.left or verdict is Verdict.FENCED:
            # Whoever leads next, perhaps ourselves, looks at everything again.
            queue.done(tracked)
            return
        if verdict is Verdict.APPLIED and application.changed:
            queue.succeeded(tracked)
            if tracked.refusals is not None:
                self._release(tracked, accepted(tracked), now)
            rests_until = application.rests_until
            if rests_until is not None and rests_until > now:
                self._view.deadlines.set(tracked, rests_until)
            else:
                queue.add(tracked, tracked.level)
        elif verdict is Verdict.CREATE_FAILED:
            due_at = min(each.at + create_delay(each, self._settings) for each in tracked.failures.values())
            queue.add_at(tracked, tracked.level, max(due_at, now + application.retry_after_ms))
        elif verdict is Verdict.CONFLICT:
            self._after_conflict(tracked, now)
        elif verdict is Verdict.UNKEPT:
            self._unkept(tracked, application, now)
        elif application.renounced is not None:
            tracked.refused_at = now
            self._release(tracked, (application.renounced,), now)
            queue.add(tracked, tracked.level)
        elif verdict is Verdict.REFUSED:
            self._release(tracked, refused(tracked, application, queue, self._settings, now), now)
        else:
            # Lost, throttled, unavailable; also a plan that changed nothing, which must not be tried without end.
            self._retry(tracked, now, application.retry_after_ms)
        queue.done(tracked)

    def _unkept(self, tracked: Tracked, application: Application, now: int) -> None:
        """Told once; tried again soon, and looked at in any case when its grace is over."""
        if tracked.unkept_at is None and application.renounced is not None:
            self._release(tracked, (application.renounced,), now)
        tracked.unkept_at = now
        self._view.deadlines.set(tracked, application.due or now + 1)
        self._retry(tracked, now, application.retry_after_ms)

    def _after_conflict(self, tracked: Tracked, now: int) -> None:
        queue = self._view.queue
        slow = self._settings.requeue_error
        least = slow if queue.failures(tracked) >= CONFLICTS_MAX else 0
        queue.retry(tracked, tracked.level, now, base_ms=CONFLICT_BASE_MS, cap_ms=CONFLICT_CAP_MS, least_ms=least)

    def _retry(self, tracked: Tracked, now: int, least_ms: int) -> None:
        self._view.queue.retry(
            tracked, tracked.level, now, cap_ms=self._settings.requeue_error, least_ms=least_ms, salt=tracked.uid
        )

    def take_released(self) -> list[tuple[ObjectKey, Record]]:
        released, self.released = self.released, []
        return released

    def _release(self, tracked: Tracked, records: tuple[Record, ...], now: int) -> None:
        workflow = tracked.workflow
        for record in records:
            if type(record) is EventRecord:
                if workflow is not None:
                    self.recorder.record(workflow, record, now)
            else:
                self.released.append((tracked.key, record))
