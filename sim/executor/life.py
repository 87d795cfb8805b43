"""One KubernetesExecution from first sight to its end, as a real executor would carry it out.

Called by the machine, which sends what a life yields (a request body, or the instant to be woken at) and resumes it
with the reply. A life never touches a clock, a socket or chance. It remembers nothing a restart would need: what it
must know again stands in the child's status (start time, and how to undo, written before the change is made).
"""

from collections.abc import Callable, Generator, Mapping
from typing import Any, Final, NamedTuple

from sim.cluster.requests import (
    CreateTarget,
    DeleteTarget,
    GetTarget,
    ListTargets,
    PatchExecutionStatus,
    PatchTarget,
    TargetOutcome,
)
from sim.executor.effects import NO_EFFECTS, Doing, Effects, TargetWrite
from sim.executor.errors import Failure, failure
from sim.executor.fate import Fate, Luck, Try, fate, rule_of
from sim.executor.merge import Object
from sim.executor.outcomes import Outcomes, Phases, Rule
from sim.executor.reports import (
    NO_UNDO,
    after_change,
    approved_wait,
    completed,
    executing,
    failed,
    information_of,
    validated,
    validating,
)
from sim.executor.world import Look, act, needs
from wfexec.engine.backoff import delay_ms
from wfexec.model.base import evolve
from wfexec.model.execution import KubernetesExecution, KubernetesExecutionStatus, RollbackInformation
from wfexec.model.facts import TargetRef
from wfexec.model.meta import LABEL_ROLLBACK
from wfexec.model.phases import EXECUTION_ENDED, ErrorType, ExecutionPhase
from wfexec.model.requests import Code, GetObject, ObjectKey, Outcome
from wfexec.model.words import EXECUTION, NOT_FOUND, OK

Body = PatchExecutionStatus | GetObject | GetTarget | ListTargets | PatchTarget | CreateTarget | DeleteTarget
Move = Body | int
Woken = tuple[int, Outcome | TargetOutcome | None]
Ended = frozenset(phase.value for phase in EXECUTION_ENDED)

# A retry's name ends in -r and so many digits at most.
_TRIES_DIGITS: Final = 4
# The constructor of a named tuple is a call of its own.
_tuple: Final[Any] = tuple.__new__
# Read at each turn of a life.
_EXECUTING: Final = ExecutionPhase.EXECUTING.value
_ROLLBACK_READY: Final = ExecutionPhase.ROLLBACK_READY.value
_COMPLETED: Final = ExecutionPhase.COMPLETED
_FULL: Final = Phases.FULL
_READ: Final = (OK, NOT_FOUND)
_TRY_AGAIN: Final = frozenset({Code.THROTTLED, Code.UNAVAILABLE, Code.LOST})
_RETRY_BASE_MS: Final = 500
_RETRY_CAP_MS: Final = 30_000


class Context(NamedTuple):
    """What every life shares. `origin` is when the executor first started; `step_name` knows names by number."""

    outcomes: Outcomes
    luck: Luck
    origin: int
    step_name: Callable[[str, int], str]
    rules: dict[tuple[str, str, int, str, bool], Rule]

    def rule(self, attempt: Try) -> Rule:
        """Worked out once per step, or once per action where the file speaks of no step."""
        rules = self.outcomes.undo if attempt.undo else self.outcomes
        step = (attempt.workflow, attempt.name, attempt.number) if rules.steps else ("", "", 0)
        key = (*step, attempt.action, attempt.undo)
        found = self.rules.get(key)
        if found is None:
            found = self.rules[key] = rule_of(self.outcomes, attempt)
        return found


class Course(NamedTuple):
    """What is going to happen. `seen` is what that was worked out from, None where looking failed.

    `held`: the API server will notice if that is stale by the time the change is made.
    """

    doing: Doing
    planned: Effects | Failure
    drawn: Fate
    start: int
    held: bool
    seen: dict[TargetRef, Object | None] | None


def attempt_of(child: KubernetesExecution, context: Context) -> Try:
    """Which attempt of which step this child is, from its name and its spec."""
    meta, spec = child.metadata, child.spec
    workflow, number = spec.workflow_execution_ref.name, spec.step_number
    _, mark, again = meta.name.rpartition("-r")
    attempt = int(again) if mark and len(again) <= _TRIES_DIGITS and again.isdecimal() else 0
    undo = meta.labels.get(LABEL_ROLLBACK) == "true"
    name = context.step_name(workflow, number)
    made: Try = _tuple(Try, (meta.namespace, workflow, name, number, spec.action, attempt, undo))
    return made


class Life:
    """`child` is the newest version seen; the machine replaces it when the watch brings a newer one."""

    __slots__ = ("_attempt", "_looks", "_resumed", "_rule", "_tries", "child", "context", "key")

    def __init__(self, child: KubernetesExecution, context: Context) -> None:
        self.child = child
        meta = child.metadata
        self.key: ObjectKey = _tuple(ObjectKey, (EXECUTION, meta.namespace, meta.name))
        self.context = context
        self._attempt = attempt_of(child, context)
        self._rule = context.rule(self._attempt)
        self._tries = 0
        # What the action reads, once that is known.
        self._looks: tuple[Look, ...] | None = None
        self._resumed = child.status.phase == _EXECUTING

    def run(self, now: int) -> Generator[Move, Woken, None]:
        """Returns when the child has ended, is gone, or hangs for ever."""
        full = self.context.outcomes.phases is _FULL
        if full and self._phase in (ExecutionPhase.NEW, ExecutionPhase.VALIDATING):
            now, alive = yield from self._report(validating, now)
            if not alive:
                return
            now, _ = yield now + self._draw("validating", self.context.outcomes.validating)
        doing = self._doing(now)
        seen, trouble, now = yield from self._look(doing, now)
        results = self.child.status.execution_results
        start = results.start_time if results is not None and results.start_time is not None else now
        drawn = self._fate(start, seen)
        # Worked out for the instant it will be made at; what changes nothing matters only where a target is missing.
        doing = doing._replace(now=max(now, drawn.end_ms or now))
        planned = trouble or (act(doing, seen) if drawn.changes or None in seen.values() else NO_EFFECTS)
        if full and self._phase == ExecutionPhase.VALIDATING:
            found = not _not_found(planned)
            now, alive = yield from self._report(lambda s, at: validated(s, at, resource_exists=found), now)
            if not alive:
                return
        if self._rule.needs_approval and not self.child.spec.approval_received:
            yield from self._never_approved(now)
            return
        if _not_found(planned) and isinstance(planned, Failure):
            yield from self._finish_failed(planned, now, now)
            return
        held = isinstance(planned, Effects) and len(seen) == 1 and bool(planned.writes)
        yield from self._execute(Course(doing, planned, drawn, start, held, None if trouble else seen), now)

    @property
    def _phase(self) -> str:
        return self.child.status.phase

    def _draw(self, what: str, model: Any) -> int:
        return int(model.quantile(self.context.luck.uniform(*self._attempt.cause(what))))

    def _doing(self, now: int) -> Doing:
        meta, spec = self.child.metadata, self.child.spec
        cause = f"{meta.namespace}/{meta.name} {meta.uid}"
        made: Doing = _tuple(
            Doing, (spec.action, spec.parameters, cause, self.context.outcomes, self._rule.changes, now)
        )
        return made

    def _never_approved(self, now: int) -> Generator[Move, Woken, None]:
        """A child's spec never changes, so an approval it was not created with can only run out."""
        now, alive = yield from self._report(approved_wait, now)
        if alive:
            now, _ = yield now + self.context.outcomes.approval_limit
            lapsed = Failure(ErrorType.REJECTED.value, "approval was not given in time")
            yield from self._finish_failed(lapsed, now, now)

    def _execute(self, course: Course, now: int) -> Generator[Move, Woken, None]:
        _, planned, drawn, start, _, _ = course
        effects = planned if isinstance(planned, Effects) else NO_EFFECTS
        if self._phase == _ROLLBACK_READY:
            yield from self._report(completed, now)
            return
        if self._phase != _EXECUTING:
            offered = effects.undo if self._rule.rollback_information and drawn.changes else None
            now, alive = yield from self._report(lambda s, at: executing(s, at, start, offered), now)
            if not alive:
                return
        if drawn.end_ms is None:
            return
        if drawn.end_ms > now:
            now, _ = yield drawn.end_ms
        trouble = drawn.failure
        if drawn.changes:
            changed, now = yield from self._change(course, now)
            trouble = trouble or (changed if isinstance(changed, Failure) else None)
            effects = changed if isinstance(changed, Effects) else NO_EFFECTS
        else:
            effects = NO_EFFECTS
        if trouble is not None:
            yield from self._finish_failed(trouble, now, start, effects)
        else:
            yield from self._finish(effects, drawn, now, start)

    def _fate(self, start: int, seen: Mapping[TargetRef, Object | None]) -> Fate:
        times = (self.context.origin, start, self.child.spec.timeout)
        storms = self.context.outcomes.storms
        return fate(self._rule, storms, self.context.luck, self._attempt, next(iter(seen), None), times)

    def _finish(self, effects: Effects, drawn: Fate, now: int, start: int) -> Generator[Move, Woken, None]:
        shown = effects
        if self._rule.outputs:
            shown = effects._replace(outputs=tuple((dict(effects.outputs) | self._rule.outputs).items()))
        retried = min(self._rule.self_retries, self.child.spec.max_retries)
        information = self._undo_told(effects) if self._rule.rollback_information and drawn.changes else NO_UNDO
        if self.context.outcomes.phases is _FULL:
            stage = ExecutionPhase.ROLLBACK_READY
            now, alive = yield from self._report(
                lambda s, at: after_change(s, at, stage, start, shown, retried, information), now
            )
            if alive:
                now, _ = yield now + self._draw("rollback-ready", self.context.outcomes.rollback_ready)
                yield from self._report(completed, now)
            return
        yield from self._report(
            lambda s, at: completed(after_change(s, at, _COMPLETED, start, shown, retried, information), at),
            now,
        )

    def _undo_told(self, effects: Effects) -> RollbackInformation:
        """Begun in an earlier life of the executor, only the undo noted then is right: the change may be made."""
        noted = self.child.status.rollback_information
        if self._resumed and noted is not None and noted.rollback_parameters is not None:
            return evolve(noted, available=True)
        return information_of(effects.undo, available=True)

    def _finish_failed(
        self, trouble: Failure, now: int, start: int, partly: Effects = NO_EFFECTS
    ) -> Generator[Move, Woken, None]:
        retried = min(self._rule.self_retries, self.child.spec.max_retries)
        yield from self._report(lambda s, at: failed(s, at, start, trouble, retried, partly), now)

    def _report(
        self, change: Callable[[KubernetesExecutionStatus, int], KubernetesExecutionStatus], now: int
    ) -> Generator[Move, Woken, tuple[int, bool]]:
        """Write the status until it stands; False when the child is gone or was ended by somebody else.

        The instant in the report is that of the first try. A lost reply or a conflict: look first, then write anew.
        """
        at = now
        again = False
        while True:
            child = self.child
            after = change(child.status, at)
            if again and child.status == after:
                return now, True
            meta = child.metadata
            parts = (self.key, meta.uid, meta.resource_version, child.status, after)
            body: PatchExecutionStatus = _tuple(PatchExecutionStatus, parts)
            now, reply = yield body
            code = reply.code if reply is not None else Code.LOST
            if code is OK:
                self._tries = 0
                if isinstance(reply, Outcome) and isinstance(reply.object, KubernetesExecution):
                    self.child = reply.object
                return now, True
            if code is Code.NOT_FOUND:
                return now, False
            if code is not Code.CONFLICT:
                now, _ = yield now + self._patience(reply)
            now, alive = yield from self._reread(now)
            if not alive:
                return now, False
            again = True

    def _reread(self, now: int) -> Generator[Move, Woken, tuple[int, bool]]:
        """Take the child as it stands in the API; False when it is not ours any more."""
        uid = self.child.metadata.uid
        while True:
            now, reply = yield GetObject(self.key)
            found = reply.object if isinstance(reply, Outcome) else None
            if isinstance(found, KubernetesExecution):
                self.child = found
                return now, found.metadata.uid == uid and found.status.phase not in Ended
            if reply is not None and reply.code in (Code.NOT_FOUND, Code.OK):
                return now, False
            now, _ = yield now + self._patience(reply)

    def _patience(self, reply: Outcome | TargetOutcome | None) -> int:
        """How long to wait before the next try, longer each time."""
        asked = reply.retry_after_ms if reply is not None else None
        self._tries += 1
        return max(delay_ms(_RETRY_BASE_MS, self._tries - 1, _RETRY_CAP_MS, self.key.name), asked or 0)

    def _look(
        self, doing: Doing, now: int
    ) -> Generator[Move, Woken, tuple[dict[TargetRef, Object | None], Failure | None, int]]:
        """Everything the action reads; a missing object is None."""
        seen: dict[TargetRef, Object | None] = {}
        if self._looks is None:
            self._looks = needs(doing)
        for look in self._looks:
            reply, now = yield from self._persist(look, now)
            if reply.code not in _READ:
                return seen, _denied(reply, doing.action, look), now
            if isinstance(look, GetTarget):
                seen[look.ref] = reply.object if isinstance(reply.object, dict) else None
                continue
            for found in reply.object if isinstance(reply.object, tuple) else ():
                meta = found["metadata"]
                seen[TargetRef(look.kind, meta.get("namespace", ""), meta["name"])] = found
        return seen, None, now

    def _change(self, course: Course, now: int) -> Generator[Move, Woken, tuple[Effects | Failure, int]]:
        """Make the change; a conflict means somebody else was faster: look again and work it out anew.

        What was worked out at the start is right where the API would notice it being stale, or a look shows it is not.
        Once a reply was lost, what was worked out before it stays: a later look may already show our own change.
        """
        doing, planned, _, _, held, before = course
        first: Effects | None = None
        lost = False
        while True:
            effects: Effects | Failure
            if held:
                effects, held = planned, False
            else:
                seen, trouble, now = yield from self._look(doing, now)
                effects = trouble or (planned if seen == before else act(doing, seen))
            if isinstance(effects, Failure):
                return effects, now
            first = first or effects
            code, now, refusal = yield from self._write(doing, effects.writes, now)
            if code is OK:
                return first if first is effects else first._replace(outputs=effects.outputs), now
            if refusal is not None:
                return refusal, now
            lost = lost or code is not Code.CONFLICT
            first = first if lost else None

    def _write(
        self, doing: Doing, writes: tuple[TargetWrite, ...], now: int
    ) -> Generator[Move, Woken, tuple[Code, int, Failure | None]]:
        for write in writes:
            reply: TargetOutcome
            now, answer = yield write
            reply = answer if isinstance(answer, TargetOutcome) else TargetOutcome(Code.LOST)
            gone = isinstance(write, DeleteTarget) and reply.code is Code.NOT_FOUND
            there = isinstance(write, CreateTarget) and reply.code is Code.ALREADY_EXISTS
            if reply.code is OK or gone or there:
                continue
            if reply.code in _TRY_AGAIN:
                now, _ = yield now + self._patience(reply)
                return reply.code, now, None
            if reply.code is Code.CONFLICT:
                return reply.code, now, None
            return reply.code, now, _denied(reply, doing.action, write)
        self._tries = 0
        return OK, now, None

    def _persist(self, look: Look, now: int) -> Generator[Move, Woken, tuple[TargetOutcome, int]]:
        while True:
            now, answer = yield look
            reply = answer if isinstance(answer, TargetOutcome) else TargetOutcome(Code.LOST)
            if reply.code not in _TRY_AGAIN:
                return reply, now
            now, _ = yield now + self._patience(reply)


def _not_found(planned: Effects | Failure) -> bool:
    return isinstance(planned, Failure) and planned.reason == ErrorType.RESOURCE_NOT_FOUND.value


def _denied(reply: TargetOutcome, action: str, asked: Look | TargetWrite) -> Failure:
    """A refusal that trying again cannot mend, in the server's words where it gave any."""
    classes = {Code.FORBIDDEN: ErrorType.PERMISSION_DENIED, Code.NOT_FOUND: ErrorType.RESOURCE_NOT_FOUND}
    error = classes.get(reply.code, ErrorType.VALIDATION_ERROR)
    ref = TargetRef(asked.kind, asked.namespace, "") if isinstance(asked, ListTargets) else asked.ref
    usual = failure(error, action, *ref)
    return Failure(usual.reason, f"{usual.message}: {reply.message}" if reply.message else usual.message)
