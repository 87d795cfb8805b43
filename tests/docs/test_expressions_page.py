"""What the page on expressions shows is what they give."""

import json
import re

import pytest

from tests.docs.sessions import ROOT
from wfexec.core.expressions import CompileError, Context, EvaluationError, compile_expression, evaluate
from wfexec.core.references import Broken, render, template_of
from wfexec.core.refusals_expressions import STEP_FACTS
from wfexec.units import parse_instant

PAGE = (ROOT / "docs" / "expressions.md").read_text(encoding="utf-8")


def examples(kind: str) -> list[tuple[str, str]]:
    found = []
    for block in re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            text, arrow, value = line.partition(" → ")
            assert arrow, line
            found.append((text.strip(), value.strip()))
    assert found
    return found


def context() -> Context:
    block = re.search(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert block is not None
    shown = json.loads(block[1])
    return Context(
        variables=shown["variables"], steps=shown["steps"], target=shown["target"], now=parse_instant(shown["now"])
    )


@pytest.mark.parametrize(("text", "value"), examples("cel"))
def test_an_expression_gives_what_is_shown(text: str, value: str) -> None:
    program = compile_expression(text)
    if value.startswith("refused: "):
        assert isinstance(program, CompileError)
        assert value.removeprefix("refused: ") in program.message
        return
    assert not isinstance(program, CompileError), program
    found = evaluate(program, context())
    if isinstance(found, EvaluationError):
        assert found.message == value.removeprefix("error: ")
    else:
        assert json.dumps(found.value, ensure_ascii=False) == value


@pytest.mark.parametrize(("text", "value"), examples("template"))
def test_a_reference_gives_what_is_shown(text: str, value: str) -> None:
    template = template_of(text)
    assert not isinstance(template, Broken), template
    assert render(template, context()) == json.loads(value)


def test_the_page_names_every_fact_of_a_step() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `steps.<name>`"))
    assert [name for name in STEP_FACTS if f"`{name}`" not in row] == []
