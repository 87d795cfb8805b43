"""What lint passes without an error, planning accepts, and the other way round; and no file makes lint stumble."""

from pathlib import Path
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.snapshots import specs
from tests.unit.core.world import World, spec
from wfexec.cli.lint import Report, as_json, as_text, lint_files
from wfexec.cli.sarif import as_sarif
from wfexec.cli.svg import svg
from wfexec.core.gates import protected_targets
from wfexec.core.graph import compile_recipe
from wfexec.core.rules import PROTECTED_NAMESPACE
from wfexec.crd.codec import render_workflow
from wfexec.model.meta import ObjectMeta
from wfexec.model.recipe import Recipe, Refusal
from wfexec.model.rule import Severity
from wfexec.model.status import WorkflowExecution
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import DEFAULTS

# Parts of steps that planning may refuse: each alone, and in any company.
ODD: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["s1", "s2", "s9"]),
    "action": st.sampled_from(["scale", "SCALE_DEPLOYMENT", "scale-deploymnet", "cordon-node", "verify-health"]),
    "targetCluster": st.sampled_from(["", "frankfurt"]),
    "timeout": st.sampled_from(["1s", "0s", "15m", "4h"]),
    "dependsOn": st.lists(st.integers(1, 6), max_size=3, unique=True),
    "runCondition": st.sampled_from(["if_primary_fails", "after_primary", "parallel_with_primary"]),
    "when": st.sampled_from(["false", "true", "variables.x == 1", "1 +"]),
    "parameters": st.sampled_from(
        [
            {"cordonNode": {"nodeName": "n"}},
            {"custom": {"actionType": "x", "config": {"k": "v" * 65_530}}},
            {"custom": {"actionType": "x", "config": {"k": "{{ variables.x }}"}}},
        ]
    ),
}
COUNTS = st.integers(1, 5)
KEYS = st.lists(st.sampled_from(sorted(ODD)), max_size=2, unique=True)
NAMED = st.dictionaries(st.sampled_from(["s1", "s2", "nobody"]), st.just(["s3"]), max_size=1)


@st.composite
def odd_specs(draw: st.DrawFn) -> WorkflowExecutionSpec:
    count = draw(COUNTS)
    steps = []
    for number in range(1, count + 1):
        made: dict[str, Any] = {
            "stepNumber": number,
            "name": f"s{number}",
            "action": "scale-deployment",
            "parameters": {"scaleDeployment": {"namespace": "a", "deployment": f"d{number % 2}", "replicas": 1}},
        }
        for key in draw(KEYS):
            made[key] = draw(ODD[key])
        steps.append(made)
    return spec(*steps, definition={"dependencies": draw(NAMED)})


def linted(folder: Path, given_spec: WorkflowExecutionSpec) -> Report:
    workflow = WorkflowExecution(metadata=ObjectMeta(name="wf", namespace="ns"), spec=given_spec)
    rendered = render_workflow(workflow)
    kept = {key: rendered[key] for key in ("apiVersion", "kind", "spec")}
    path = folder / "workflow.json"
    path.write_bytes(orjson.dumps(kept | {"metadata": {"name": "wf"}}))
    return lint_files([path], DEFAULTS, Severity.NOTE)


def agrees(folder: Path, given_spec: WorkflowExecutionSpec) -> None:
    report = linted(folder, given_spec)
    compiled = compile_recipe(given_spec, DEFAULTS)
    wrong = [one.rule.word for one in report.found if one.rule.severity is Severity.ERROR]
    errors = [word for word in wrong if word != PROTECTED_NAMESPACE.word]
    if given_spec.timeout == 0:
        # No API server takes that, so lint looks no further.
        assert errors == ["schema"]
    elif isinstance(compiled, Refusal):
        assert compiled.reason in errors, (compiled, errors)
    else:
        assert errors == [], errors
        assert len(wrong) == len(protected_targets(compiled, DEFAULTS))
    for form in (as_text, as_json, as_sarif):
        assert form(report) == form(report)


@given(odd_specs())
@settings(max_examples=250)
def test_lint_and_planning_agree_about_odd_definitions(
    tmp_path_factory: Any, given_spec: WorkflowExecutionSpec
) -> None:
    agrees(tmp_path_factory.getbasetemp(), given_spec)


@given(specs())
@settings(max_examples=100)
def test_lint_and_planning_agree_about_ordinary_definitions(
    tmp_path_factory: Any, given_spec: WorkflowExecutionSpec
) -> None:
    agrees(tmp_path_factory.getbasetemp(), given_spec)


@given(odd_specs())
@settings(max_examples=100)
def test_what_is_refused_never_has_a_child(given_spec: WorkflowExecutionSpec) -> None:
    if isinstance(compile_recipe(given_spec, DEFAULTS), Refusal):
        world = World(given_spec).run()
        assert world.created == []
        assert world.workflow.status.phase == "failed"


@given(odd_specs())
@settings(max_examples=100)
def test_batches_respect_dependencies_and_every_plan_can_be_drawn(given_spec: WorkflowExecutionSpec) -> None:
    recipe = compile_recipe(given_spec, DEFAULTS)
    if isinstance(recipe, Recipe):
        batch_of = {position: number for number, batch in enumerate(recipe.batches) for position in batch}
        assert sorted(batch_of) == list(range(len(recipe.steps)))
        assert all(batch_of[one] < batch_of[step.position] for step in recipe.steps for one in step.dependencies)
        assert svg((recipe,), ("",)).count("<g transform") == len(recipe.steps) + 2
