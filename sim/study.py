"""Which policy would have been better? The same remediation under several policies, each on the same luck, many times.

Called by `sim whatif`, `sim demo` and the notebook. A run is known by its number alone: whoever plays it, in whatever
order and process, gets the same sample. It must never let one policy's choices shift another one's draws.
"""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, Field, model_validator

from sim.cluster.cluster import Depth
from sim.driver import Options
from sim.executor.outcomes import Outcomes
from sim.executor.targets import Given
from sim.scenario import HORIZON_MS, Run, Scenario, find_executor, load_settings, play
from wfexec.crd.documents import parse_documents, read_bytes
from wfexec.crd.files import load_workflows, read_value
from wfexec.errors import BadInput, Finding, OurBug
from wfexec.model.base import V, Word, evolve
from wfexec.model.phases import Phase
from wfexec.model.status import WorkflowExecution
from wfexec.model.workflow import ExecutionStrategy, Retries, Scalar
from wfexec.settings import Settings
from wfexec.units import Duration

RUNS_MAX: Final = 100_000
# Runs of a study that are played again in wire depth, evenly spread.
RECHECKED: Final = 4
BATCHES_PER_JOB: Final = 8


class StepPatch(Given):
    timeout: Duration | None = None
    max_retries: Retries | None = None
    critical_step: bool | None = None


class Policy(Given):
    """What is different from the manifest. Keys of `steps` are step names or numbers, `*` for all of them."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    description: str = ""
    execution_strategy: ExecutionStrategy | None = None
    steps: Annotated[dict[Word, StepPatch], Field(max_length=100)] = Field(default_factory=dict)
    settings: Annotated[dict[Word, Scalar], Field(max_length=64)] = Field(default_factory=dict)


class StudyFile(Given):
    """Paths are relative to the file; the first policy is what the others are compared with."""

    title: str = ""
    description: str = ""
    workflows: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)]
    executor: str = ""
    runs: int = Field(200, ge=1, le=RUNS_MAX)
    seed: int = Field(1, ge=0)
    until: Duration = HORIZON_MS
    settings: Annotated[dict[Word, Scalar], Field(max_length=64)] = Field(default_factory=dict)
    policies: Annotated[tuple[Policy, ...], Field(max_length=12)]

    @model_validator(mode="after")
    def _names(self) -> "StudyFile":
        if len(self.policies) < 2:
            raise ValueError("policies: a study compares two or more; add another")
        names = [policy.name for policy in self.policies]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two policies are called {twice[0]!r}; give each a name of its own")
        return self


class Arm(NamedTuple):
    """One policy, ready to be played."""

    name: str
    description: str
    workflows: tuple[WorkflowExecution, ...]
    settings: Settings


class Study(NamedTuple):
    title: str
    outcomes: Outcomes
    runs: int
    seed: int
    until_ms: int
    arms: tuple[Arm, ...]


class Sample(NamedTuple):
    """One run of one policy. `took` is milliseconds until the last workflow ended, `undone` and `damage` count.

    `digest` is "" unless it was asked for; `broken` holds what checkers said.
    """

    recovered: bool
    took: int
    undone: int
    damage: int
    digest: str = ""
    broken: tuple[str, ...] = ()


Hear = Callable[[int], None]
Batch = list[tuple[int, tuple[Sample, ...]]]


def load_study(path: Path, runs: int | None = None, seed: int | None = None) -> Study:
    """The study file at `path`, with everything it names; BadInput for whatever is wrong with any of it."""
    file = _parsed(path)
    base = path.parent
    workflows = tuple(each for name in file.workflows for each in load_workflows(base / name))
    outcomes = find_executor(base / file.executor if file.executor else None, base / file.workflows[0])
    arms = tuple(_arm(policy, file, workflows, path) for policy in file.policies)
    return Study(
        title=file.title or path.stem,
        outcomes=outcomes,
        runs=file.runs if runs is None else runs,
        seed=file.seed if seed is None else seed,
        until_ms=file.until,
        arms=arms,
    )


def scenario_of(study: Study, arm: Arm, number: int, depth: Depth = Depth.SHARED) -> Scenario:
    """Run `number` of a policy: the same luck for every policy."""
    options = Options(
        settings=arm.settings,
        outcomes=study.outcomes,
        seed=study.seed,
        replication=("run", number),
        depth=depth,
    )
    return Scenario(arm.workflows, options, study.until_ms)


def sample_of(run: Run, *, digest: bool = False) -> Sample:
    """What a study keeps of a run."""
    finals = [thing for thing in run.history.finals if isinstance(thing, WorkflowExecution)]
    ends = [thing.status.completion_time or run.now_ms for thing in finals]
    undone = sum(step.status == "rolled_back" for thing in finals for step in thing.status.step_statuses)
    recovered = all(thing.status.phase == Phase.COMPLETED for thing in finals)
    took = max(ends, default=run.epoch_ms) - run.epoch_ms
    broken = tuple(str(complaint) for complaint in run.complaints)
    return Sample(recovered, took, undone, len(run.damaged), run.digest() if digest else "", broken)


def conduct(study: Study, executor: Executor | None, jobs: int, progress: Hear) -> list[tuple[Sample, ...]]:
    """Every run under every policy, by run number; `progress` hears how many runs came in.

    `executor` None plays them here. Any concurrent.futures executor will do, as long as it can reach this module.
    """
    size = max(1, -(-study.runs // (jobs * BATCHES_PER_JOB)))
    batches = [range(start, min(start + size, study.runs)) for start in range(0, study.runs, size)]
    found: dict[int, tuple[Sample, ...]] = {}
    for batch in _played(study, executor, batches):
        found.update(batch)
        progress(len(batch))
    samples = [found[number] for number in range(study.runs)]
    _recheck(study, samples)
    return samples


@contextmanager
def pool(jobs: int) -> Iterator[Executor | None]:
    """Processes to play runs in; None for one job, which needs none."""
    if jobs == 1:
        yield None
        return
    # Never forked: a progress bar or a test runner may have threads, and a fork would copy their locks.
    # Ctrl-C reaches them too: each ends there and then, and without a word.
    quiet: Any = (signal.SIGINT, signal.SIG_DFL)
    executor = ProcessPoolExecutor(jobs, get_context("spawn"), signal.signal, quiet)
    try:
        yield executor
    finally:
        # Left early, by a find or by Ctrl-C, what was not begun is not waited for.
        executor.shutdown(cancel_futures=True)


def play_batch(study: Study, numbers: range) -> Batch:
    """Some runs under all policies; what a worker process does."""
    again = rechecked(study.runs)
    return [
        (
            number,
            tuple(sample_of(play(scenario_of(study, arm, number)), digest=number in again) for arm in study.arms),
        )
        for number in numbers
    ]


def rechecked(runs: int) -> frozenset[int]:
    """The run numbers that are played in both depths."""
    count = min(RECHECKED, runs)
    return frozenset(index * runs // count for index in range(count))


def _played(study: Study, executor: Executor | None, batches: Sequence[range]) -> Iterator[Batch]:
    if executor is None:
        for numbers in batches:
            yield play_batch(study, numbers)
        return
    for future in as_completed([executor.submit(play_batch, study, numbers) for numbers in batches]):
        yield future.result()


def _recheck(study: Study, samples: Sequence[tuple[Sample, ...]]) -> None:
    """What a sweep found by passing values around must be what the wire would have shown."""
    for number in sorted(rechecked(study.runs)):
        for arm, sample in zip(study.arms, samples[number], strict=True):
            digest = play(scenario_of(study, arm, number, Depth.WIRE)).digest()
            if digest != sample.digest:
                raise OurBug(
                    f"run {number} of policy {arm.name!r} differs between the depths: "
                    f"shared {sample.digest}, wire {digest}"
                )


def _parsed(path: Path) -> StudyFile:
    documents = parse_documents(read_bytes(path), str(path))
    if len(documents) != 1:
        raise BadInput((Finding(str(path), "", f"{len(documents)} documents", "a study is one YAML document"),))
    return read_value(StudyFile, documents[0])


def _arm(policy: Policy, file: StudyFile, workflows: tuple[WorkflowExecution, ...], path: Path) -> Arm:
    place = f"policies.{policy.name}"
    settings = load_settings({**file.settings, **policy.settings}, f"{path}: {place}.settings")
    patched = tuple(_patched(workflow, policy, str(path), place) for workflow in workflows)
    return Arm(policy.name, policy.description, patched, settings)


def _patched(workflow: WorkflowExecution, policy: Policy, source: str, place: str) -> WorkflowExecution:
    """The workflow as this policy wants it."""
    spec = workflow.spec
    if policy.execution_strategy is not None:
        spec = evolve(spec, execution_strategy=_over(spec.execution_strategy, policy.execution_strategy))
    definition = spec.workflow_definition
    if policy.steps and definition is not None:
        steps = definition.steps
        for key, patch in policy.steps.items():
            hits = [key in ("*", step.name, str(step.step_number)) for step in steps]
            if not any(hits):
                known = ", ".join(step.name for step in steps)
                raise BadInput((Finding(source, f"{place}.steps.{key}", "", f"no such step; there are {known}"),))
            steps = tuple(_over(step, patch) if hit else step for step, hit in zip(steps, hits, strict=True))
        spec = evolve(spec, workflow_definition=evolve(definition, steps=steps))
    return evolve(workflow, spec=spec)


def _over(value: V, patch: BaseModel) -> V:
    """`value` with what the patch says explicitly."""
    return evolve(value, **{name: getattr(patch, name) for name in sorted(patch.model_fields_set)})
