"""Planning is total and deterministic, batches respect dependencies, and what is refused never has a child.

(BR-WF-005, BR-WF-010, BR-ORCHESTRATION-002 to 004, 008)
"""

from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_lint import odd_specs
from tests.unit.core.world import World, spec, step
from wfexec.core import graph
from wfexec.core.planned import digest_of
from wfexec.crd.codec import Decoder, render_workflow
from wfexec.model.meta import ObjectMeta
from wfexec.model.recipe import Recipe, Refusal
from wfexec.model.status import WorkflowExecution
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import DEFAULTS


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Steps with any edges but to themselves: most of them plannable, some in circles or to nobody."""
    count = draw(st.integers(1, 12))
    forward_only = draw(st.integers(0, 3)) > 0
    made = []
    for number in range(1, count + 1):
        last = number - 1 if forward_only else count + 1
        after = draw(st.lists(st.integers(1, last), max_size=4, unique=True)) if last else []
        mode = {"execution_mode": "sequential"} if draw(st.integers(0, 5)) == 0 else {}
        made.append(step(number, *[one for one in after if one != number], metadata=mode))
    return draw(st.permutations(made))


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_batches_hold_every_step_once_and_after_all_it_waits_for(steps: list[dict[str, Any]]) -> None:
    made = graph.compile_recipe(spec(*steps), DEFAULTS)
    if isinstance(made, Refusal):
        assert made.reason in ("circular_dependency", "dependency_not_found")
        return
    placed: set[int] = set()
    for batch in made.batches:
        for position in batch:
            assert set(made.steps[position].dependencies) <= placed
        placed |= {*batch}
    assert sorted(placed) == list(range(len(steps)))
    assert sum(len(batch) for batch in made.batches) == len(steps)
    assert all(len(batch) == 1 for batch in made.batches if any(made.steps[one].barrier for one in batch))
    ended: set[int] = set()
    for position in made.order:
        assert set(made.steps[position].dependencies) <= ended
        ended.add(position)
    for before, after in zip(made.critical_path, made.critical_path[1:], strict=False):
        assert before in made.steps[after].dependencies


@given(st.one_of(odd_specs(), graphs().map(lambda steps: spec(*steps))))
@settings(max_examples=200, deadline=None)
def test_the_same_definition_is_planned_the_same_way_whoever_reads_it(given_spec: WorkflowExecutionSpec) -> None:
    """A plan or a refusal in any case, and the very same after the way to the API server and back."""
    first = graph.compile_recipe(given_spec, DEFAULTS)
    workflow = WorkflowExecution(metadata=ObjectMeta(name="wf", namespace="ns"), spec=given_spec)
    read = Decoder().workflow(_reversed(render_workflow(workflow)))
    assert isinstance(read, WorkflowExecution), read
    again = graph.compile_recipe(read.spec, DEFAULTS)
    if isinstance(first, Refusal) or isinstance(again, Refusal):
        assert first == again
        return
    assert (first.order, first.batches, first.plan, first.digest) == (
        again.order,
        again.batches,
        again.plan,
        again.digest,
    )


def _reversed(value: Any) -> Any:
    """The same JSON with the keys of every map in another order."""
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return [_reversed(one) for one in value] if isinstance(value, list) else deepcopy(value)


@given(st.one_of(odd_specs(), graphs().map(lambda steps: spec(*steps))))
@settings(max_examples=100, deadline=None)
def test_what_planning_refuses_never_has_a_child(given_spec: WorkflowExecutionSpec) -> None:
    world = World(given_spec)
    refused = isinstance(graph.compile_recipe(given_spec, DEFAULTS), Refusal)
    world.run(until_ms=3_600_000)
    if refused:
        assert world.created == []
        assert world.workflow.status.phase == "failed"
        assert world.workflow.status.failure_reason.startswith("planning_error: spec.")


@given(st.integers(0, 4))
@settings(max_examples=5, deadline=None)
def test_what_may_change_does_not_change_the_mark_of_the_definition(minutes: int) -> None:
    plain = spec(step(1))
    assert digest_of(spec(step(1), timeout=f"{minutes + 1}m", suspend=True, cancel=True, priority="high")) == digest_of(
        plain
    )
    assert digest_of(spec(step(1), variables={"minutes": minutes})) != digest_of(plain)
    recipe = graph.compile_recipe(plain, DEFAULTS)
    assert isinstance(recipe, Recipe)
    assert recipe.plan is not None
    assert recipe.plan.definition_digest == digest_of(plain)
