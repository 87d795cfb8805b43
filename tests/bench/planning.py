"""What does planning cost? A definition that nobody has compiled yet, to its recipe and plan.

Called by `tests.bench.__main__` and its smoke test.
"""

from functools import partial
from statistics import median
from typing import Final

from tests.bench import load, stopwatch
from tests.bench.load import Graph
from tests.bench.rows import Row
from wfexec.core.graph import RECENT_MAX, compile_recipe
from wfexec.model.workflow import WorkflowExecutionSpec

# Each depends on all before it: as many edges as a graph can have.
FULL: Final = tuple(tuple(range(1, number)) for number in range(1, 101))


def plan_ms(graph: Graph, passes: int) -> float:
    """Median milliseconds of one; every pass has specs of its own, since the same one is compiled once."""

    made = [[load.spec(graph) for _ in range(RECENT_MAX)] for _ in range(passes)]
    return median(stopwatch.seconds(partial(_plan_all, specs)) for specs in made) / RECENT_MAX * 1e3


def _plan_all(specs: list[WorkflowExecutionSpec]) -> None:
    for spec in specs:
        compile_recipe(spec, load.SETTINGS)


def measure(passes: int = 5) -> list[Row]:
    """BR-WF-015-EC1 promises a hundred steps in 100 ms."""
    ten, hundred, full = (plan_ms(graph, passes) for graph in (load.TEN, load.HUNDRED, FULL))
    return [
        Row("planning, 10 steps", ten, "ms", must=10, aim=2),
        Row("planning, 100 steps", hundred, "ms", must=100, aim=20),
        Row("planning, 100 steps, all edges", full, "ms", must=100, aim=20, note="4950 dependencies"),
        Row("planned step, 100-step ÷ 10-step", hundred / 100, "ms", ten / 10, hundred / ten / 10, must=2, aim=1.2),
    ]
