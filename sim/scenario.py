"""One run from files to verdict: load, simulate, judge.

Called by the commands, the studies and the tests. BadInput for what a person wrote; complaints of checkers are values
in the result, for the caller to say and to fail on.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from sim.checkers import complaints
from sim.checkers.complaint import Complaint
from sim.cluster.cluster import Depth
from sim.driver import EPOCH_MS, Options, Simulation
from sim.executor.files import load_outcomes
from sim.executor.outcomes import CALM, Outcomes
from sim.garbage import take_apart
from sim.history import History, history_of
from sim.remediations import Answered, answered, put_before
from sim.trace import TraceRecord, digest
from wfexec.crd.documents import parse_documents, read_bytes
from wfexec.crd.files import load_workflows, read_objects
from wfexec.crd.spellings import hint
from wfexec.errors import BadInput, Finding
from wfexec.model.facts import TargetRef
from wfexec.model.phases import Phase
from wfexec.model.status import WorkflowExecution
from wfexec.model.workflow import Scalar
from wfexec.settings import Settings, to_kebab

# Longer than any deadline, rollback and monitoring of one workflow together.
HORIZON_MS: Final = 12 * 3_600_000
EXECUTOR_FILE: Final = "executor.yaml"


class Scenario(NamedTuple):
    """`until_ms` None: until everything is terminal and quiet; else the run is cut there at the latest.

    `requests` are RemediationRequests for a parent, as JSON; with any of them the run is one in wire depth.
    """

    workflows: tuple[WorkflowExecution, ...]
    options: Options
    until_ms: int | None = None
    requests: tuple[dict[str, Any], ...] = ()


class Run(NamedTuple):
    """What a simulated run left. `damaged` are targets worse off than before, `calls` the events.

    `answered`: what became of its RemediationRequests.
    """

    scenario: Scenario
    records: list[TraceRecord]
    history: History
    complaints: tuple[Complaint, ...]
    damaged: tuple[TargetRef, ...]
    epoch_ms: int
    now_ms: int
    calls: int
    writes: int
    answered: tuple[Answered, ...] = ()

    def digest(self) -> str:
        """Stands for the whole run; rendering it costs more than the run."""
        return digest(self.records, self.history.finals)

    @property
    def workflows(self) -> tuple[WorkflowExecution, ...]:
        return tuple(thing for thing in self.history.finals if isinstance(thing, WorkflowExecution))

    @property
    def completed(self) -> bool:
        """All that was asked for: what a parent tried on the way may have failed."""
        return _completed(self.scenario, self.workflows, self.answered)


def play(scenario: Scenario) -> Run:
    """Simulate from the creation of the workflows to rest, and let every checker look."""
    options = scenario.options
    simulation = Simulation(options._replace(depth=Depth.WIRE) if scenario.requests else options)
    put_before(simulation, scenario.requests)
    for workflow in scenario.workflows:
        simulation.submit(workflow)
    simulation.start(parent=bool(scenario.requests))
    rested = simulation.run(HORIZON_MS if scenario.until_ms is None else scenario.until_ms)
    run = judge(simulation, scenario, cut=not rested and scenario.until_ms is not None)
    take_apart(simulation)
    return run


def judge(simulation: Simulation, scenario: Scenario, *, cut: bool) -> Run:
    """The run so far; `cut`: somebody stopped it before its time, so not being at rest is no fault."""
    settings, told = scenario.options.settings, simulation.utterances()
    skew = scenario.options.faults.skew_ms
    history = history_of(
        simulation.records,
        settings,
        cut=cut,
        end=simulation.now,
        utterances=told,
        skew=skew,
        alerts=simulation.alerts.firing,
        targets=simulation.chronicle.versions,
    )
    finals = tuple(thing for thing in history.finals if isinstance(thing, WorkflowExecution))
    asked = answered(simulation, scenario.requests)
    recovered = _completed(scenario, finals, asked)
    return Run(
        scenario,
        simulation.records,
        history,
        complaints(history),
        simulation.world.damaged(recovered=recovered),
        EPOCH_MS,
        simulation.now,
        simulation.clock.calls,
        simulation.writes,
        asked,
    )


def _completed(scenario: Scenario, finals: Sequence[WorkflowExecution], asked: Sequence[Answered]) -> bool:
    if scenario.requests:
        own = {(one.metadata.namespace, one.metadata.name) for one in scenario.workflows}
        finals = [one for one in finals if (one.metadata.namespace, one.metadata.name) in own]
    well = all(workflow.status.phase == Phase.COMPLETED for workflow in finals)
    return well and all(one.phase == "completed" for one in asked)


def find_executor(given: Path | None, manifest: Path) -> Outcomes:
    """The executor file that was named, else the one beside the manifest, else the registry's usual durations."""
    if given is not None:
        return load_outcomes(given)
    beside = manifest.parent / EXECUTOR_FILE
    return load_outcomes(beside) if beside.exists() else CALM


def load_all(files: Sequence[Path]) -> tuple[WorkflowExecution, ...]:
    """The workflows of several manifests; a second one of the same name would never run."""
    found: dict[tuple[str, str], WorkflowExecution] = {}
    for file in files:
        for workflow in load_workflows(file):
            key = (workflow.metadata.namespace, workflow.metadata.name)
            if key in found:
                fix = "there are two of this name in one namespace; rename one"
                raise BadInput((Finding(str(file), "metadata.name", key[1], fix),))
            found[key] = workflow
    return tuple(found.values())


def holds_workflows(file: Path) -> bool:
    """Whether there is anything for the controller in a file that may hold requests alone."""
    return any(isinstance(one, WorkflowExecution) for one in read_objects(read_bytes(file), str(file)))


def config_maps(file: Path) -> tuple[dict[str, Any], ...]:
    """The ConfigMaps beside the workflows of a file, such as the templates they name; `default` is their namespace."""
    found = []
    for document in parse_documents(read_bytes(file), str(file)):
        body = document.value
        if isinstance(body, dict) and body.get("kind") == "ConfigMap":
            meta = body.get("metadata")
            if not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
                where = document.where(("metadata",))
                raise BadInput((Finding(where, "metadata", "", "is required and must be an object with a name"),))
            found.append(body | {"metadata": {"namespace": "default", **meta}})
    return tuple(found)


def load_settings(given: Mapping[str, Scalar], source: str) -> Settings:
    """The defaults with `given` (keys as in the ConfigMap); lists are comma-separated."""
    fields = {to_kebab(name): field for name, field in Settings.model_fields.items()}
    unknown = [key for key in given if key not in fields]
    if unknown:
        fix = f"no such setting; {hint(unknown[0], fields) or 'wfexec reference settings lists them'}"
        raise BadInput((Finding(source, unknown[0], str(given[unknown[0]]), fix),))
    values = {
        key: tuple(value.split(",")) if isinstance(value, str) and isinstance(fields[key].default, tuple) else value
        for key, value in given.items()
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as trouble:
        raise BadInput(
            tuple(
                Finding(
                    source,
                    ".".join(str(part) for part in error["loc"]),
                    str(given.get(str(error["loc"][0]), "")) if error["loc"] else "",
                    error["msg"].removeprefix("Value error, "),
                )
                for error in trouble.errors(include_url=False)
            )
        ) from None
