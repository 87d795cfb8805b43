"""How one attempt will go, drawn once when it starts: when it ends, whether it fails, whether it changes anything.

Called by a child's life. Every draw is keyed by what it is for, the step and the attempt, so that another policy, or
the same executor after a restart, meets the same luck. Pure.
"""

from typing import Final, NamedTuple, Protocol

from sim.distributions import Distribution
from sim.executor.errors import Failure, failure
from sim.executor.outcomes import ErrorModel, Outcomes, Result, Rule, Storm
from wfexec.model.facts import TargetRef
from wfexec.model.phases import ErrorType

# How long a pod that a storm hits is still seen running.
STORM_NOTICE_MS: Final = 1_000


class Luck(Protocol):
    """Named streams: the same cause always gives the same number."""

    def uniform(self, *cause: str | int) -> float:
        """In [0, 1)."""
        ...


class Try(NamedTuple):
    """Which attempt of which step; `attempt` 0 is the first, `name` "" where only the number is known."""

    namespace: str
    workflow: str
    name: str
    number: int
    action: str
    attempt: int
    undo: bool

    def cause(self, what: str) -> tuple[str | int, ...]:
        kind = "undo" if self.undo else "step"
        return ("executor", what, kind, self.namespace, self.workflow, self.number, self.attempt)


class Fate(NamedTuple):
    """`end_ms` None: it never ends. `changes`: whether the target world is changed at the end."""

    end_ms: int | None
    failure: Failure | None
    changes: bool


def rule_of(outcomes: Outcomes, attempt: Try) -> Rule:
    return outcomes.rule(attempt.workflow, attempt.name, attempt.number, attempt.action, undo=attempt.undo)


def fate(
    rule: Rule,
    storms: tuple[Storm, ...],
    luck: Luck,
    attempt: Try,
    target: TargetRef | None,
    times: tuple[int, int, int],
) -> Fate:
    """`times`: when the executor began its work (storms count from there), this attempt's start, its timeout in ms."""
    origin, start, timeout = times
    script = rule.scripted(attempt.attempt)
    duration = (script.duration if script is not None else None) or rule.duration
    took = _drawn(duration, luck, attempt)
    deadline = start + timeout
    drawn = Fate(start + took, None, True)
    if script is not None and script.result in (Result.HANG, Result.HANG_FOREVER):
        drawn = Fate(deadline + 1 if script.result is Result.HANG else None, None, False)
    elif script is not None and script.result is Result.FAILURE:
        drawn = Fate(start + took, report(script.error, attempt, target), script.partial)
    elif script is not None and script.result is Result.NO_EFFECT:
        drawn = Fate(start + took, None, False)
    elif script is None and rule.failure is not None and _fails(rule.failure.probability, luck, attempt):
        drawn = Fate(start + round(took * rule.failure.after), report(rule.failure.error, attempt, target), False)
    if storms:
        drawn = _in_storm(storms, luck, attempt, target, (origin, start), drawn)
    if drawn.end_ms is not None and drawn.end_ms > deadline:
        return Fate(deadline, failure(ErrorType.TIMEOUT, attempt.action), False)
    return drawn


def _drawn(duration: Distribution | None, luck: Luck, attempt: Try) -> int:
    """A fixed duration needs no draw; since draws are keyed by cause, leaving one out shifts no other."""
    if duration is None:
        return 0
    if duration.fixed is not None:
        return duration.fixed
    return duration.quantile(luck.uniform(*attempt.cause("duration")))


def _fails(probability: float, luck: Luck, attempt: Try) -> bool:
    return luck.uniform(*attempt.cause("failure")) < probability


def _in_storm(
    storms: tuple[Storm, ...],
    luck: Luck,
    attempt: Try,
    target: TargetRef | None,
    times: tuple[int, int],
    calm: Fate,
) -> Fate:
    """The earliest storm that catches the attempt while it runs ends it."""
    origin, start = times
    worst = calm
    for number, storm in enumerate(storms):
        begins, over = origin + storm.at, origin + storm.at + storm.for_
        hit = max(begins, start) + STORM_NOTICE_MS
        if over <= start or hit > over or (worst.end_ms is not None and worst.end_ms <= hit):
            continue
        where = (attempt.workflow, attempt.name, attempt.number, attempt.action)
        if not storm.covers(*where, undo=attempt.undo):
            continue
        if luck.uniform(*attempt.cause("storm"), number) < storm.probability:
            worst = Fate(hit, report(storm.error, attempt, target), False)
    return worst


def report(error: ErrorModel, attempt: Try, target: TargetRef | None) -> Failure:
    """What the executor says of this failure: the file's words, else Kubernetes' own."""
    if error.message:
        return Failure(error.type.value, error.message)
    return failure(error.type, attempt.action, *(target or ()))
