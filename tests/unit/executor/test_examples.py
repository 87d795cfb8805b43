"""Are the examples what they claim to be, and does the documentation show files that are read?"""

import re
from pathlib import Path

import pytest
import yaml

from sim.executor.files import load_outcomes, parse_outcomes
from wfexec.core.graph import compile_recipe
from wfexec.core.refusals import findings
from wfexec.crd.documents import flat
from wfexec.model.recipe import Recipe
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import DEFAULTS

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/workflow.yaml"))


def recipe_of(folder: Path) -> Recipe:
    document = yaml.safe_load((folder / "workflow.yaml").read_text())
    spec = WorkflowExecutionSpec.model_validate(document["spec"], extra="forbid")
    assert list(findings(spec, DEFAULTS)) == []
    recipe = compile_recipe(spec, DEFAULTS)
    assert isinstance(recipe, Recipe), recipe
    return recipe


def test_there_are_five() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_can_be_planned_and_its_world_holds_its_targets(folder: Path) -> None:
    recipe = recipe_of(folder)
    cluster = load_outcomes(folder / "executor.yaml").cluster
    keys = {
        "Deployment": set(cluster.deployments),
        "ConfigMap": set(cluster.config_maps),
        "Node": set(cluster.nodes),
    }
    for step in recipe.steps:
        if step.target is not None:
            key = f"{step.target.namespace}/{step.target.name}".lstrip("/")
            assert key in keys[step.target.kind], step.name


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_says_what_it_is_about_and_its_files_exist(folder: Path) -> None:
    head = (folder / "workflow.yaml").read_text().split("apiVersion")[0]
    assert head.startswith("# ")
    named = re.findall(r"examples/\S+\.yaml", head)
    assert len(named) >= 2
    assert all((ROOT / name).is_file() for name in named)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_every_file_beside_the_workflow_is_an_executor_file_or_holds_objects(folder: Path) -> None:
    others = {path for path in folder.glob("*.yaml") if path.name != "workflow.yaml"}
    objects = {path for path in others if flat([yaml.safe_load(path.read_text())])}
    assert all(load_outcomes(path).description for path in others - objects)
    assert folder / "executor.yaml" in others - objects


def test_the_failover_has_twelve_steps_and_branches() -> None:
    recipe = recipe_of(ROOT / "examples" / "regional-failover")
    assert len(recipe.steps) == 12
    assert max(len(batch) for batch in recipe.batches) >= 4


def test_the_documented_file_is_read() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "outcome-model.md").read_text(), re.DOTALL)
    outcomes = parse_outcomes(block, "docs/outcome-model.md")
    assert outcomes.rule("payments-bad-config", "", 3, "restart-deployment").attempts
