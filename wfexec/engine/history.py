"""What earlier runs were like: fed with runs that ended, asked at planning (BR-ORCHESTRATION-020).

Called by the drivers: `add` with each `HistoryRecord` the controller hands out, `facts` for each `AskHistory`. The
memory here lasts as long as its process and keeps the latest runs; a store that outlives it implements the same
protocol. Readers may come from another thread: what they read is never changed, only replaced.
"""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Final, NamedTuple, Protocol

from wfexec.core.learning import USES
from wfexec.core.registry import find_action
from wfexec.model.facts import AskHistory, Experience, Facts, HistoryFacts
from wfexec.model.phases import StepState, WorkflowOutcome
from wfexec.model.plan import HistoryRecord
from wfexec.model.status import StepStatus

# Runs kept of each action and definition, and definitions kept at all; the oldest go first.
RUNS_MAX: Final = 200
DEFINITIONS_MAX: Final = 1_000
_WELL: Final = frozenset({WorkflowOutcome.SUCCESS, WorkflowOutcome.PARTIAL_SUCCESS})
_DONE: Final = frozenset({StepState.COMPLETED, StepState.ROLLED_BACK})


class HistoryStore(Protocol):
    def add(self, record: HistoryRecord) -> None:
        """A run ended; called from the engine's thread, must not block."""

    def facts(self, question: AskHistory) -> Facts:
        """`HistoryFacts`, or `Unknown` when nobody can say; called from worker threads."""
        ...


class Sample(NamedTuple):
    """One run of an action or of a definition; `lasted_ms` of its last attempt, `adjusted` by what was learnt."""

    succeeded: bool
    lasted_ms: int
    retries: int = 0
    adjusted: bool = False


class MemoryHistory:
    def __init__(self, records: Iterable[HistoryRecord] = ()) -> None:
        self._actions: dict[str, tuple[Sample, ...]] = {}
        self._definitions: dict[str, tuple[Sample, ...]] = {}
        for record in records:
            self.add(record)

    def __repr__(self) -> str:
        return f"<MemoryHistory of {len(self._definitions)} definitions, {len(self._actions)} actions>"

    def add(self, record: HistoryRecord) -> None:
        adjusted = {one.step_number for one in record.adjustments if one.adjustment_type in ("timeout", "retry")}
        for step in record.steps:
            sample = sample_of(step, step.step_number in adjusted)
            if sample is not None:
                action = find_action(step.action)
                _append(self._actions, action.name if action is not None else step.action, sample)
        _append(self._definitions, record.definition, Sample(record.outcome in _WELL, record.duration_ms))
        if len(self._definitions) > DEFINITIONS_MAX:
            del self._definitions[next(iter(self._definitions))]

    def facts(self, question: AskHistory) -> HistoryFacts:
        known = {action: self._actions.get(action, ()) for action in question.actions}
        whole = self._definitions.get(question.definition)
        return HistoryFacts(
            {action: experience_of(samples) for action, samples in known.items() if samples},
            experience_of(whole) if whole is not None else None,
        )


def sample_of(step: StepStatus, adjusted: bool = False) -> Sample | None:
    """None for a step that never ran to an end."""
    last = step.attempts[-1] if step.attempts else None
    if last is None or last.end_time is None or step.status not in (*_DONE, StepState.FAILED):
        return None
    lasted = max(0, last.end_time - last.start_time)
    return Sample(step.status in _DONE, lasted, step.retries_attempted, adjusted)


def experience_of(samples: tuple[Sample, ...]) -> Experience:
    good = [sample for sample in samples if sample.succeeded]
    uses = [sample for sample in samples if sample.adjusted][-USES:]
    lasted = sorted(sample.lasted_ms for sample in good)
    retries = sorted(sample.retries for sample in good)
    return Experience(
        runs=len(samples),
        successes=len(good),
        p50_ms=quantile(lasted, 50),
        p95_ms=quantile(lasted, 95),
        retried=sum(sample.retries > 0 for sample in good),
        retries_p95=quantile(retries, 95),
        uses=len(uses),
        well=sum(sample.succeeded for sample in uses),
    )


def quantile(ordered: list[int], percent: int) -> int:
    """The nearest rank: a value that was really seen; 0 where there is none."""
    return ordered[ceil(len(ordered) * percent / 100) - 1] if ordered else 0


def _append(among: dict[str, tuple[Sample, ...]], key: str, sample: Sample) -> None:
    """The one used last is the last to go."""
    kept: Mapping[str, tuple[Sample, ...]] = among
    samples = (*kept.get(key, ()), sample)[-RUNS_MAX:]
    among.pop(key, None)
    among[key] = samples
