"""The picture of a plan: well formed, the same bytes each time, nothing on top of another, readable without seeing."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.unit.cli.test_commands import ROOT, wfexec
from tests.unit.core.world import spec, step
from wfexec.cli.svg import CARD, svg
from wfexec.core.graph import compile_recipe
from wfexec.model.recipe import Recipe
from wfexec.settings import DEFAULTS

SVG = "{http://www.w3.org/2000/svg}"
EXAMPLES = sorted((ROOT / "examples").glob("*/workflow.yaml"))


def recipe(*steps: dict[str, Any], **more: Any) -> Recipe:
    made = compile_recipe(spec(*steps, **more), DEFAULTS)
    assert isinstance(made, Recipe), made
    return made


def cards(picture: str) -> dict[str, tuple[int, int]]:
    """Corner of each card by the first word of its title."""
    found = {}
    for group in ElementTree.fromstring(picture).iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        if title is not None and (title.text or "").startswith("step "):
            x, y = re.findall(r"-?\d+", group.attrib["transform"])
            found[(title.text or "").split()[1]] = (int(x), int(y))
    return found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_is_drawn_with_all_its_steps_and_none_over_another(path: Path) -> None:
    code, out, _ = wfexec("graph", path, "--format", "svg")
    assert code == 0
    root = ElementTree.fromstring(out)
    placed = list(cards(out).values())
    assert len(placed) == path.read_text().count("stepNumber:")
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    for place, (x, y) in enumerate(placed):
        assert 0 <= x <= width - CARD[0] and 0 <= y <= height - CARD[1]
        for other_x, other_y in placed[:place]:
            assert abs(x - other_x) >= CARD[0] or abs(y - other_y) >= CARD[1]


def test_batches_are_columns_and_the_critical_path_stands_out() -> None:
    made = recipe(step(1), step(2, 1), step(3, 1), step(4, 2, 3))
    picture = svg((made,), ("",))
    at = cards(picture)
    assert at["1"][0] < at["2"][0] == at["3"][0] < at["4"][0]
    assert picture.count(">batch ") == 3
    strong = re.findall(r'stroke-width="3"[^>]*><title>(\d to \d)</title>', picture)
    assert strong == ["1 to 2", "2 to 4"]


def test_a_line_that_another_implies_is_left_out() -> None:
    picture = svg((recipe(step(1), step(2, 1), step(3, 1, 2)),), ("",))
    assert re.findall(r"<title>(\d to \d)</title>", picture) == ["1 to 2", "2 to 3"]


def test_who_must_agree_first_is_shown() -> None:
    made = recipe(step(1))
    assert "approval" not in svg((made,), ("",))
    asked = svg((made,), ("12 steps are more than 10",))
    assert ">approval</text>" in asked
    assert "Waits for approval: 12 steps are more than 10." in asked


def test_who_cannot_see_it_can_have_it_read_out() -> None:
    root = ElementTree.fromstring(svg((recipe(step(1), step(2, 1)),), ("",)))
    assert root.attrib["role"] == "img"
    told = {child.attrib["id"]: child.text for child in root if "id" in child.attrib}
    assert root.attrib["aria-labelledby"].split() == sorted(told, reverse=True)
    assert told["wf-desc"] == "recover: batch 1: 1 s1; batch 2: 2 s2. Critical path: 1, 2."


def test_names_from_a_file_stay_text() -> None:
    picture = svg((recipe(step(1, name='<script>"&\x1b'), definition={"name": "</title><b>"}),), ("<i>",))
    texts = "".join(ElementTree.fromstring(picture).itertext())
    assert "<script>" in texts and "</title><b>" in texts
    assert "<script>" not in picture and "\x1b" not in picture


def test_the_bytes_are_the_same_in_another_process_with_another_order_of_sets() -> None:
    path = ROOT / "examples" / "regional-failover" / "workflow.yaml"
    command = [sys.executable, "-m", "wfexec", "graph", str(path), "--format", "svg"]
    one, other = (
        subprocess.run(
            command, env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=100, check=True
        ).stdout
        for seed in ("1", "4242")
    )
    assert one == other and one.startswith(b"<svg ")


def test_a_hundred_steps_that_all_wait_for_each_other_are_drawn_as_a_chain() -> None:
    picture = svg((recipe(*(step(number, *range(1, number)) for number in range(1, 101))),), ("",))
    assert len(cards(picture)) == 100
    assert picture.count(" to ") == 99
