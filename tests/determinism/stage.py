"""Every scenario of every feature file, performed in the simulation without a pytest of its own, calm or in trouble.

What people do in a scenario they do when they see what they waited for, so a crash may shift every instant and the
story stays the same. In trouble the sentences that judge are heard but not believed: how the story ends is what
counts, and that is compared with the calm performance. Called by the crash sweep and by the check of the reasons.
"""

import importlib
import re
from collections.abc import Iterator
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any, Final, NamedTuple

from pytest_bdd.feature import get_feature
from pytest_bdd.parser import Scenario, Step
from pytest_bdd.steps import StepFunctionContext, StepNamePrefix, step_function_context_registry

import features
from features.backends.simulation import SimulatedCluster
from features.cluster import MINUTE, Json
from features.conftest import STEPS
from features.story import ENDED, Story
from sim.checkers import complaints
from sim.faults import CALM, FaultPlan
from sim.garbage import take_apart
from sim.history import history_of
from wfexec.engine.controller import Controller
from wfexec.model.reason import Kind

FOLDER: Final = Path(features.__path__[0])
# These sentences run the scenario many times themselves: here it is run once.
SWEEP: Final = "it is run once for each write of the controller"
REST_MS: Final = 180 * MINUTE


class Part(NamedTuple):
    """A scenario (of an outline: one row) by the name that messages give it."""

    feature: str
    title: str
    scenario: Scenario


class End(NamedTuple):
    """How a story ended: what must be the same with and without a crash."""

    gone: bool
    phase: str
    outcome: str
    why: str
    steps: tuple[tuple[int, str, str], ...]
    children: tuple[str, ...]


# What the controller counts in sentences.
COUNTED: Final = (
    "actions|attempts|batches|changes|characters|children|keys|nodes|objects|outputs|pods|replicas|retries|runs|steps|"
    "targets|tries|undos|workflows"
)
ONE_OF_MANY: Final = re.compile(rf"\b1 (?:more |running )?(?:{COUNTED})\b")


class Performance(NamedTuple):
    """`words`: machine words seen, by kind; `refusals`: words of the API server; `trouble`: promises broken.

    `slips`: where status or an Event puts the number one before a word for many.
    """

    end: End | None
    writes: int
    crashed: bool
    words: frozenset[tuple[Kind, str]]
    refusals: tuple[str, ...]
    trouble: tuple[str, ...]
    slips: tuple[str, ...]


class Troubled(SimulatedCluster):
    """The scenarios' cluster with a plan of faults; to kill a controller that is dead already is nothing."""

    def __init__(self, faults: FaultPlan) -> None:
        super().__init__()
        self.faults = faults
        # For how long machines slept in all: by so much later things may be than is promised.
        self.slept = 0

    def sleep(self, ms: int) -> None:
        self.slept += ms
        super().sleep(ms)

    def kill_controller(self) -> None:
        machines = [process.machine for process in self._simulation.controllers]
        if any(isinstance(machine, Controller) and machine.leading for machine in machines):
            super().kill_controller()

    @property
    def simulation(self) -> Any:
        return self._simulation


@cache
def contexts() -> tuple[StepFunctionContext, ...]:
    """Every sentence, in the order in which pytest learns them: the last that fits is taken."""
    found = []
    for name in STEPS:
        module = vars(importlib.import_module(f"features.steps.{name}"))
        for key in sorted(key for key in module if key.startswith(StepNamePrefix.step_def.value)):
            found.append(step_function_context_registry[module[key]._get_wrapped_function()])
    return tuple(found)


@cache
def context_of(kind: str, sentence: str) -> StepFunctionContext:
    """The function that carries the sentence out."""
    for one in reversed(contexts()):
        if one.type in (None, kind) and one.parser.is_matching(sentence):
            return one
    raise LookupError(f"no sentence for {kind} {sentence!r}")


@cache
def parts() -> tuple[Part, ...]:
    """All scenarios of all features, rows of outlines one by one, in the order of the files."""
    return tuple(part for path in sorted(FOLDER.glob("*.feature")) for part in _of_feature(path))


def _of_feature(path: Path) -> Iterator[Part]:
    for template in get_feature(str(path.parent), path.name).scenarios.values():
        rows = [row for examples in template.examples for row in examples.as_contexts()]
        for number, row in enumerate(rows or [{}], 1):
            scenario = template.render(row)
            title = f"{scenario.name} (row {number})" if len(rows) > 1 else scenario.name
            yield Part(path.stem, title, scenario)


def perform(part: Part, faults: FaultPlan = CALM) -> Performance:
    """Play one scenario to its end and beyond, until nothing is left to happen."""
    cluster = Troubled(faults)
    story = Story(cluster)
    made: dict[str, Any] = {}
    for step in part.scenario.steps:
        if step.name.startswith(SWEEP):
            story.apply()
            break
        try:
            _say(step, story, made)
        except AssertionError:
            if faults is CALM or step.type != "then":
                raise
    if story.workflow():
        _rest(story)
    simulation = cluster.simulation
    crashed = cluster.killed if faults is not CALM else False
    history = history_of(
        simulation.records,
        simulation.options.settings,
        cut=True,
        end=simulation.now,
        utterances=simulation.utterances(),
        alerts=simulation.alerts.firing,
        targets=simulation.chronicle.versions,
        skew=cluster.slept,
    )
    foreign = {f"{story.namespace}/{name}" for name in story.foreign}
    trouble = tuple(str(complaint) for complaint in complaints(history) if complaint.about not in foreign)
    refusals = (str(story.answer.body),) if story.answer is not None and story.answer.status >= 400 else ()
    done = Performance(_end(story), simulation.writes, crashed, words(story), refusals, trouble, slips(story))
    take_apart(simulation)
    return done


def _say(step: Step, story: Story, made: dict[str, Any]) -> None:
    """Carry out one sentence with what its function asks for; `made` is what earlier ones left for later ones."""
    context = context_of(step.type, step.name)
    given: dict[str, Any] = {
        "story": story,
        "cluster": story.cluster,
        "sweep": [],
        "datatable": step.datatable.raw() if step.datatable is not None else None,
        "docstring": step.docstring,
        **made,
    }
    arguments = context.parser.parse_arguments(step.name) or {}
    converted = {
        name: context.converters[name](value) if name in context.converters else value
        for name, value in arguments.items()
    }
    wanted = signature(context.step_func).parameters
    left = context.step_func(**{name: converted[name] if name in converted else given[name] for name in wanted})
    if context.target_fixture is not None:
        made[context.target_fixture] = left


def _rest(story: Story) -> None:
    """Until the workflow has ended, if it ever does, and what comes after that has come."""
    try:
        story.wait("the end", lambda: story.phase() in ENDED or story.gone(), REST_MS)
    except AssertionError:
        return
    story.settle()


def _end(story: Story) -> End | None:
    if not story.workflow():
        return None
    status = story.status()
    steps = tuple(
        (step["stepNumber"], step.get("status", "pending"), step.get("rollback", {}).get("status", ""))
        for step in status.get("stepStatuses", [])
    )
    outcome = status.get("workflowResult", {}).get("outcome", "")
    why = status.get("failureReason", "").split(":", 1)[0]
    return End(story.gone(), story.phase(), outcome, why, steps, tuple(sorted(story.ever())))


def slips(story: Story) -> tuple[str, ...]:
    said = [str(version.get("status")) for version in story.versions()] + [one["message"] for one in story.events()]
    return tuple(sorted({found for text in said for found in ONE_OF_MANY.findall(text)}))


def words(story: Story) -> frozenset[tuple[Kind, str]]:
    """Every machine word that the workflow's status ever showed."""
    found: set[tuple[Kind, str]] = set()
    for version in story.versions():
        status: Json = version.get("status", {})
        result = status.get("workflowResult", {})
        for text in (status.get("failureReason", ""), result.get("reason", "")):
            found.add((Kind.ENDING, text.split(":", 1)[0]))
        for condition in status.get("conditions", []):
            if (condition["type"], condition["status"]) == ("Planned", "False"):
                found.add((Kind.PLANNING, condition["reason"]))
        for holder in (status, *status.get("stepStatuses", [])):
            found.add((Kind.ERROR, holder.get("errorType", "")))
    return frozenset((kind, word) for kind, word in found if word)
