"""How do feature files become tests on two back-ends, and their results the table of requirements?

Read by pytest. Tags such as `@BR-WF-001` name requirements and no pytest marker; every scenario runs once in the
simulation and once against the real API server, those in one worker; the table goes into `build/`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd.scenario import scenario_wrapper_template_registry

from features import lookup, matrix
from features.backends.apiserver import LiveWorld
from features.backends.simulation import SimulatedCluster
from features.cluster import Cluster
from features.story import Story

ROOT = Path(__file__).resolve().parents[1]
# The common sentences first, for others build upon them; then those of each area.
COMMON = ("durations", "given", "when", "then_workflow", "then_steps")
STEPS = (*COMMON, *sorted({path.stem for path in (ROOT / "features" / "steps").glob("[a-z]*.py")} - {*COMMON}))
RESULTS = "br-result"
CROWD_S = 600


def pytest_configure(config: pytest.Config) -> None:
    for name in STEPS:
        config.pluginmanager.import_plugin(f"features.steps.{name}")
    lookup.install()
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Gatherer(ROOT / "build"), "br-matrix")


def pytest_bdd_apply_tag(tag: str, function: Callable[..., object]) -> bool | None:
    """A requirement's name is no identifier, so it cannot be a marker: it is read from the scenario itself. A crowd
    has more time: a busy machine needs it."""
    if tag == "crowd":
        pytest.mark.timeout(CROWD_S)(function)
        return True
    return True if matrix.is_requirement(tag) or tag == "lifecycle" else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Say of every scenario what it proves and where; kept with the item, so that a failing fixture is told too."""
    template = scenario_wrapper_template_registry.get(getattr(item, "function", None) or object)
    if template is None:
        return
    tags = tuple(sorted(template.tags | template.feature.tags))
    wrong = matrix.problems(tags)
    if wrong:
        raise pytest.UsageError(f"{template.feature.filename}: no such requirement: {', '.join(wrong)}")
    proven = [tag for tag in tags if matrix.is_requirement(tag)]
    back_end = item.callspec.params["back_end"] if hasattr(item, "callspec") else ""
    item.user_properties.append((RESULTS, [proven, template.name, back_end]))


class Gatherer:
    """Collects results wherever they were made, and writes the table once; nothing when no scenario ran."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results: list[matrix.Result] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == RESULTS and (report.when == "call" or report.outcome != "passed"):
                told: Any = value
                tags, scenario, back_end = told
                self.results.append(matrix.Result(tuple(tags), scenario, back_end, report.outcome))

    def pytest_sessionfinish(self) -> None:
        if self.results:
            matrix.write(self.folder, self.results)


@pytest.fixture(scope="module")
def live_world(request: pytest.FixtureRequest) -> Iterator[LiveWorld]:
    """The shipped controller against the real server. Of this module alone: other tests there want no controller."""
    world = LiveWorld(request.getfixturevalue("control_plane"))
    world.start()
    yield world
    world.close()


@pytest.fixture(params=["simulation", pytest.param("apiserver", marks=pytest.mark.apiserver)])
def back_end(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def new_cluster(request: pytest.FixtureRequest, back_end: str) -> Callable[[], Cluster]:
    """Makes clusters of the back-end; who makes one closes it."""
    if back_end == "apiserver":
        world: LiveWorld = request.getfixturevalue("live_world")
        return world.cluster
    return SimulatedCluster


@pytest.fixture
def cluster(new_cluster: Callable[[], Cluster]) -> Iterator[Cluster]:
    made = new_cluster()
    yield made
    made.close()


@pytest.fixture
def story(cluster: Cluster) -> Story:
    return Story(cluster)


@pytest.fixture
def sweep() -> list[Story]:
    """The runs of a scenario that is run many times."""
    return []
