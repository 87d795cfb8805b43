"""Templates: blanks keep types and meaning, one template lies over another, a workflow's own word comes first."""

from typing import Any

import pytest

from wfexec.core.blanks import Filling
from wfexec.core.templates import chain_among, compose, effective_spec, fill_in, render_body, resolve
from wfexec.crd.documents import parse_documents
from wfexec.crd.templates import Found, choose, parse
from wfexec.errors import BadInput
from wfexec.model.meta import ObjectReference
from wfexec.model.phases import RollbackStrategy
from wfexec.model.recipe import Refusal
from wfexec.model.template import ResolvedTemplate, Template, TemplateBody, precedence
from wfexec.model.workflow import ExecutionStrategy, WorkflowExecutionSpec

SCALE = {"scaleDeployment": {"namespace": "shop", "deployment": "d", "replicas": "${replicas}"}}


def template(name: str = "t", version: str = "1.0.0", **more: Any) -> Template:
    step = {"name": "a", "action": "scale-deployment", "parameters": SCALE}
    raw = {"name": name, "version": version, "parameters": [{"name": "replicas", "type": "number"}], "steps": [step]}
    return Template.model_validate(raw | more)


def body(*chain: Template, **values: Any) -> TemplateBody:
    made = render_body(chain, values)
    assert isinstance(made, TemplateBody), made
    return made


@pytest.mark.parametrize(
    ("text", "values", "filled"),
    [
        ("${n}", {"n": 3}, 3),
        ("${ n }", {"n": True}, True),
        ("${n}x", {"n": 3}, "3x"),
        ("$${n}", {"n": 3}, "${n}"),
        ("{{ steps.a.outputs.x }}", {}, "{{ steps.a.outputs.x }}"),
        ("{{ steps.a.outputs.x + ${n} }}-${n}", {"n": "b"}, '{{ steps.a.outputs.x + "b" }}-b'),
        ("{{ 1 - ${n} }}", {"n": -2}, "{{ 1 - (-2) }}"),
    ],
)
def test_a_blank_keeps_the_type_of_its_value_where_it_stands_alone(text: str, values: Any, filled: Any) -> None:
    assert Filling(values).fill(text, ("steps", 0, "name")) == filled


def test_a_value_cannot_change_what_an_expression_means() -> None:
    made = Filling({"mode": 'x" || true || "'}).fill("steps.a.outputs.mode == ${mode}", ("steps", 0, "when"))
    assert made == 'steps.a.outputs.mode == "x\\" || true || \\""'


def test_a_key_named_like_an_expression_inside_a_map_of_data_is_plain_text() -> None:
    path = ("steps", 0, "parameters", "custom", "config", "when")
    assert Filling({"day": "monday"}).fill("${day}", path) == "monday"


def test_a_number_becomes_text_where_only_text_can_stand() -> None:
    custom = {"custom": {"actionType": "verify-health", "config": {"after": "${replicas}"}}}
    made = body(template(steps=[{"name": "a", "action": "verify-health", "parameters": custom}]), replicas=5)
    parameters = made.workflow_definition.steps[0].parameters
    assert parameters is not None and parameters.custom is not None
    assert parameters.custom.config == {"after": "5"}


def test_steps_are_numbered_and_wait_by_number() -> None:
    steps = [
        {"name": "b", "action": "notify-only", "dependsOn": ["a"]},
        {"name": "a", "action": "scale-deployment", "parameters": SCALE},
    ]
    made = body(template(steps=steps), replicas=2).workflow_definition.steps
    assert [(step.step_number, step.name, step.depends_on) for step in made] == [(1, "b", (2,)), (2, "a", ())]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"steps": [{"name": "a", "action": "x", "dependsOn": ["b"]}]}, "waits for 'b'"),
        ({"steps": [{"name": "a", "action": "x", "timeout": "soon"}]}, "steps[0].timeout"),
        (
            {"steps": [{"name": "a", "action": "x", "parameters": {"custom": {"config": {"k": "${no}"}}}}]},
            "no parameter 'no'",
        ),
    ],
)
def test_what_cannot_be_rendered_names_the_place(more: Any, says: str) -> None:
    made = render_body((template(**more),), {"replicas": 1})
    assert isinstance(made, tuple)
    assert made[0].reason == "template_invalid"
    assert says in made[0].message


def test_a_rendered_template_that_no_status_could_hold_is_refused() -> None:
    config = {f"k{number}": "${text}" * 15 for number in range(200)}
    steps = [{"name": "a", "action": "custom", "parameters": {"custom": {"actionType": "custom", "config": config}}}]
    made = render_body((template(parameters=[{"name": "text"}], steps=steps),), {"text": "x" * 4_000})
    assert isinstance(made, tuple)
    assert "256 KiB" in made[0].message


def test_a_member_of_another_kind_takes_the_place_of_the_old_one() -> None:
    above = Template.model_validate(
        {
            "name": "u",
            "version": "1.0.0",
            "extends": {"name": "t"},
            "steps": [
                {
                    "name": "a",
                    "action": "restart-deployment",
                    "parameters": {"restartDeployment": {"namespace": "shop", "deployment": "d"}},
                }
            ],
        }
    )
    parameters = body(above, template(), replicas=1).workflow_definition.steps[0].parameters
    assert parameters is not None
    assert parameters.scale_deployment is None
    assert parameters.restart_deployment is not None


@pytest.mark.parametrize("removed", [["x"], ["a"]])
def test_a_step_can_only_be_left_out_when_it_is_there_and_not_defined_as_well(removed: list[str]) -> None:
    above = template("u", extends={"name": "t"}, removeSteps=removed)
    made = compose((above, template()))
    assert isinstance(made, Refusal)
    assert "removeSteps" in made.message


def test_null_takes_a_field_away() -> None:
    above = Template.model_validate(
        {
            "name": "u",
            "version": "1.0.0",
            "extends": {"name": "t"},
            "steps": [{"name": "a", "timeout": None}],
            "executionStrategy": {"maxRetries": None},
        }
    )
    step = {"name": "a", "action": "scale-deployment", "parameters": SCALE, "timeout": "30s"}
    made = body(above, template(steps=[step], executionStrategy={"maxRetries": 4}), replicas=1)
    assert made.workflow_definition.steps[0].timeout is None
    assert made.execution_strategy is None or made.execution_strategy.max_retries is None


def test_all_that_is_wrong_with_the_parameters_is_told_at_once() -> None:
    found = fill_in(template(), {"replcas": 3})
    assert isinstance(found, tuple)
    assert [each.reason for each in found] == ["template_parameter_unknown", "template_parameter_missing"]


def test_a_template_can_ask_for_more_care_and_never_for_less() -> None:
    def strategy(own: dict[str, Any], templates: dict[str, Any]) -> ExecutionStrategy:
        spec = WorkflowExecutionSpec(
            remediation_request_ref=ObjectReference(name="r"), execution_strategy=ExecutionStrategy.model_validate(own)
        )
        return effective_spec(spec, body(template(executionStrategy=templates), replicas=1)).execution_strategy

    assert strategy({"approvalRequired": True}, {"approvalRequired": False}).approval_required
    assert strategy({}, {"approvalRequired": True}).approval_required
    assert strategy({}, {"dryRunFirst": False}).dry_run_first
    assert strategy({}, {"rollbackStrategy": "manual"}).rollback_strategy is RollbackStrategy.MANUAL
    assert strategy({"rollbackStrategy": "none"}, {"rollbackStrategy": "manual"}).rollback_strategy.value == "none"
    assert strategy({"maxRetries": 1}, {"maxRetries": 5}).max_retries == 1


def test_variables_are_united_and_the_workflows_own_win() -> None:
    spec = WorkflowExecutionSpec(remediation_request_ref=ObjectReference(name="r"), variables={"b": 2, "c": 3})
    made = effective_spec(spec, body(template(variables={"a": 1, "b": 1}, timeout="9m"), replicas=1))
    assert made.variables == {"a": 1, "b": 2, "c": 3}
    assert made.timeout == 540_000


def test_what_a_workflow_keeps_tells_what_it_was_made_of() -> None:
    made = resolve((template("u", extends={"name": "t"}), template()), {"replicas": 2}, "ConfigMap shop/u")
    assert isinstance(made, ResolvedTemplate)
    assert [(each.name, each.version) for each in made.lineage] == [("t", "1.0.0")]


def test_versions_are_ordered_as_semantic_versioning_orders_them() -> None:
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "1.2.0", "1.10.0", "2.0.0"]
    backwards = ordered[::-1]
    assert sorted(backwards, key=precedence) == ordered


def test_the_highest_release_is_meant_and_a_pre_release_only_where_there_is_none() -> None:
    found = [Found("t", version, version, template(version=version)) for version in ("1.9.0", "1.10.0", "2.0.0-rc.1")]
    chosen = choose(found, "t", "")
    assert isinstance(chosen, Found) and chosen.version == "1.10.0"
    only = choose(found[2:], "t", "")
    assert isinstance(only, Found) and only.version == "2.0.0-rc.1"


def test_a_circle_in_a_folder_is_found() -> None:
    one, two = template("one", extends={"name": "two"}), template("two", extends={"name": "one"})
    made = chain_among([Found(each.name, each.version, "", each) for each in (one, two)], one)
    assert isinstance(made, Refusal)
    assert "one 1.0.0 → two 1.0.0 → one 1.0.0" in made.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: t\nversion: v1\nsteps: []", "version"),
        ("name: t\nversion: 1.0.0\nsteps: []", "at least one step"),
        ("name: t\nversion: 1.0.0\nstep: []", "did you mean steps?"),
        ("name: t\nversion: 1.0.0\nsteps: [{name: a, stepNumber: 1}]", "numbered when it is rendered"),
        ("name: t\nversion: 1.0.0\nsteps: [{name: a, dependsOn: [1]}]", "list of step names"),
        ("name: t\nversion: 1.0.0\nsteps: [{name: a}, {name: a}]", "own name"),
        ("name: t\nversion: 1.0.0\nremoveSteps: [a]\nsteps: [{name: a}]", "extends another"),
        ("name: t\nversion: 1.0.0\nsteps: [{name: a, action: '${x}'}]", "declare it"),
        ("name: t\nversion: 1.0.0\nparameters: [{name: x, pattern: '['}]\nsteps: [{name: a}]", "regular expression"),
        ("name: t\nversion: 1.0.0\nparameters: [{name: x, type: number, default: a}]\nsteps: [{name: a}]", "a number"),
        ("name: t\nversion: 1.0.0\nparameters: [{name: x, default: a, enum: [b]}]\nsteps: [{name: a}]", "one of"),
        ("name: t\nversion: 1.0.0\nparameters: [{name: x, required: false}]\nsteps: [{name: a}]", "add a default"),
        ("name: t\nversion: 1.0.0\nparameters: [{name: x}, {name: x}]\nsteps: [{name: a}]", "is there twice"),
    ],
)
def test_a_template_file_is_read_strictly(text: str, says: str) -> None:
    with pytest.raises(BadInput) as trouble:
        parse(parse_documents(text.encode(), "t.yaml")[0])
    assert says in str(trouble.value)
    assert "t.yaml" in str(trouble.value)


def test_a_pattern_that_would_hang_others_is_matched_in_linear_time() -> None:
    parameter = [{"name": "x", "pattern": "^(a+)+$"}]
    found = fill_in(template(parameters=parameter, steps=[{"name": "a"}]), {"x": "a" * 4_000 + "!"})
    assert isinstance(found, tuple)
