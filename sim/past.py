"""What happened before this simulation began? Runs that ended earlier, from a history file.

Called by `sim run --history` and by the scenarios; what it makes is what a controller hands out when a run ends. It
must never draw: a run that is to look different is written as another entry.
"""

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from sim.executor.outcomes import known_actions
from sim.executor.targets import Given
from wfexec.crd.documents import parse_documents, read_bytes
from wfexec.crd.files import read_value
from wfexec.errors import BadInput, Finding
from wfexec.model.base import Word
from wfexec.model.phases import StepState, WorkflowOutcome
from wfexec.model.plan import HistoryRecord
from wfexec.model.status import AttemptStatus, StepStatus
from wfexec.units import Duration

RUNS_MAX: Final = 10_000


class PastStep(Given):
    """`took` is how long its last attempt lasted, `retries` how many came before that one."""

    action: Annotated[str, Field(min_length=1, max_length=253)]
    took: Duration
    retries: int = Field(0, ge=0, le=10)
    failed: bool = False


class PastRun(Given):
    """`times`: as many runs just like this. `took` None: as long as its steps together."""

    definition: Annotated[str, Field(min_length=1, max_length=253)]
    version: Word = "1"
    times: int = Field(1, ge=1, le=RUNS_MAX)
    outcome: WorkflowOutcome = WorkflowOutcome.SUCCESS
    took: Duration | None = None
    steps: Annotated[tuple[PastStep, ...], Field(max_length=100)] = ()


class Past(Given):
    """A whole history file, oldest run first."""

    runs: Annotated[tuple[PastRun, ...], Field(max_length=1_000)] = ()


def load_history(path: Path) -> tuple[HistoryRecord, ...]:
    """The history file at `path`; BadInput for whatever is wrong with it."""
    documents = parse_documents(read_bytes(path), str(path))
    if len(documents) != 1:
        raise BadInput((Finding(str(path), "", f"{len(documents)} documents", "a history is one YAML document"),))
    past = read_value(Past, documents[0])
    try:
        known_actions(tuple(step.action for run in past.runs for step in run.steps))
    except ValueError as trouble:
        raise BadInput((Finding(str(path), "runs", "", str(trouble)),)) from None
    return records_of(past)


def parse_history(raw: Any) -> tuple[HistoryRecord, ...]:
    """The same from a map that is read already."""
    return records_of(Past.model_validate(raw))


def records_of(past: Past) -> tuple[HistoryRecord, ...]:
    return tuple(record for run in past.runs for record in [_record(run)] * run.times)


def _record(run: PastRun) -> HistoryRecord:
    took = sum(step.took for step in run.steps) if run.took is None else run.took
    steps = tuple(_step(number, step) for number, step in enumerate(run.steps, 1))
    return HistoryRecord(run.definition, run.version, run.outcome, 1.0, took, steps, ())


def _step(number: int, step: PastStep) -> StepStatus:
    state = StepState.FAILED if step.failed else StepState.COMPLETED
    attempt = AttemptStatus(name=f"past-{number}", phase=state, start_time=0, end_time=step.took)
    return StepStatus(
        step_number=number,
        action=step.action,
        status=state,
        retries_attempted=step.retries,
        attempts=(attempt,),
    )
