"""The README's and the tour's commands run and print what is shown there."""

import re
from pathlib import Path

import pytest

from tests.docs.sessions import ROOT, Exchange, exchanges, matches, run

DOCUMENTS = ("README.md", "CONTRIBUTING.md")
SESSIONS = [(name, one) for name in DOCUMENTS for one in exchanges((ROOT / name).read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("name", "shown"), SESSIONS, ids=[f"{name}:{one.command[:60]}" for name, one in SESSIONS])
def test_a_session_is_what_the_command_prints(name: str, shown: Exchange) -> None:
    actual = run(shown.command)
    assert not any("Traceback" in line for line in actual)
    if shown.output:
        assert matches(shown.output, actual), "\n".join(actual)
    else:
        assert actual


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in DOCUMENTS:
        for target in re.findall(r"`make ([a-z-]+)", (ROOT / name).read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{name} names make {target}"


def test_every_file_that_is_linked_exists() -> None:
    for document in [ROOT / name for name in DOCUMENTS] + sorted((ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / Path(link)).exists(), f"{document.name} links to {link}"


def test_dots_stand_for_any_lines() -> None:
    assert matches(("a", "…", "c"), ("a", "b", "b", "c"))
    assert matches(("a", "…"), ("a",))
    assert not matches(("a", "…", "c"), ("a", "b"))
    assert not matches(("a",), ("a", "b"))
