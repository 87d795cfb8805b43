"""A workflow or a template written down and read again is the same, in YAML and in JSON (BR-WF-027)."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.border_values import values
from wfexec.core.templates import render_body
from wfexec.crd.codec import Decoder, render_workflow
from wfexec.crd.documents import parse_documents
from wfexec.crd.templates import config_map, of_config_map, parse, render_template
from wfexec.crd.yaml_text import yaml_text
from wfexec.model.status import WorkflowExecution
from wfexec.model.template import Template, TemplateBody

WORD = st.text(st.characters(codec="utf-8", exclude_characters="${}"), max_size=8)
TRICKY = st.sampled_from(
    ("yes", "1e3", "0x1F", "~", "null", "010", "on", " a ", "a: b", "- x", "line\nline\n", "1.0", "")
)
LEAF = st.one_of(WORD, TRICKY, st.integers(-(10**9), 10**9), st.booleans(), st.just("${count}"), st.just("{{ x }}"))
JSON = st.recursive(
    LEAF, lambda inner: st.dictionaries(WORD.filter(lambda key: key != "<<"), inner, max_size=3), max_leaves=6
)


def anything(value: Any, source: str) -> Any:
    documents = parse_documents(value, source)
    assert len(documents) == 1
    return documents[0].value


@st.composite
def templates(draw: st.DrawFn) -> Template:
    count = draw(st.integers(1, 4))
    steps: list[dict[str, Any]] = []
    for number in range(count):
        config = draw(st.dictionaries(st.text("abc", min_size=1, max_size=3), LEAF, max_size=3))
        step: dict[str, Any] = {"name": f"s{number}", "action": "custom"}
        step["parameters"] = {"custom": {"actionType": draw(WORD), "config": config}}
        if number and draw(st.booleans()):
            step["dependsOn"] = [f"s{draw(st.integers(0, number - 1))}"]
        steps.append(step)
    parameters = [{"name": "count", "type": "number", "default": draw(st.integers(0, 9))}]
    variables = draw(st.dictionaries(st.text("abc", min_size=1, max_size=3), LEAF, max_size=3))
    raw = {"name": "t", "version": "1.0.0", "description": draw(WORD), "parameters": parameters, "steps": steps}
    return Template.model_validate(raw | {"variables": variables})


@settings(max_examples=150)
@given(templates())
def test_a_template_survives_yaml_json_and_its_config_map(template: Template) -> None:
    raw = render_template(template)
    assert parse(parse_documents(yaml_text(raw).encode(), "t.yaml")[0]) == template
    assert parse(parse_documents(orjson.dumps(raw), "t.json")[0]) == template
    assert of_config_map(config_map(template, "shop")).template == template


@settings(max_examples=60)
@given(values(WorkflowExecution))
def test_a_workflow_survives_yaml_and_json(workflow: WorkflowExecution) -> None:
    raw = render_workflow(workflow)
    for data, source in ((yaml_text(raw).encode(), "w.yaml"), (orjson.dumps(raw), "w.json")):
        assert Decoder().workflow(anything(data, source)) == workflow


@settings(max_examples=200)
@given(JSON)
def test_whatever_is_written_as_yaml_is_read_as_the_same(value: Any) -> None:
    assert anything(yaml_text({"value": value}).encode(), "v.yaml") == {"value": value}


@settings(max_examples=150)
@given(templates(), st.dictionaries(st.sampled_from(("count", "other")), LEAF, max_size=2))
def test_rendering_ends_in_a_body_or_in_reasons_and_always_in_the_same(template: Template, given_: Any) -> None:
    made = render_body((template,), given_)
    assert made == render_body((template,), given_)
    if isinstance(made, TemplateBody):
        assert "${" not in str(made.workflow_definition.model_dump())
    else:
        assert all(each.message for each in made)
