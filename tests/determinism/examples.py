"""The shipped examples as values, each file read once: what is read never changes, and reading is no part of a run."""

from functools import cache
from pathlib import Path
from typing import Final

from sim.driver import Options
from sim.scenario import Scenario, find_executor
from wfexec.crd.files import load_workflows

EXAMPLES: Final = Path(__file__).parents[2] / "examples"


@cache
def example(folder: str, executor: str) -> Scenario:
    """The workflows of a folder of `examples/` with one of its executor files, in a calm world."""
    manifest = EXAMPLES / folder / "workflow.yaml"
    return Scenario(load_workflows(manifest), Options(outcomes=find_executor(EXAMPLES / folder / executor, manifest)))
