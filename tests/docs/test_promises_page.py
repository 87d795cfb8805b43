"""The page of promises lists every checker there is and every bug that is planted."""

import ast
import re

from sim import counts, tellings
from tests.docs.sessions import ROOT

PAGE = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
HELPERS = {"__init__.py", "complaint.py"}


def planted() -> dict[str, str]:
    """What each mutant's function says of itself, by the name of the function."""
    room = ROOT / "tests" / "determinism"
    files = [room / "test_mutants.py", *sorted(room.glob("mutants_of_*.py"))]
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    functions = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {
        one.name: ast.get_docstring(one) or "" for one in functions if [arg.arg for arg in one.args.args] == ["patch"]
    }


def test_every_checker_is_listed_and_no_other() -> None:
    files = {path.name for path in (ROOT / "sim" / "checkers").glob("*.py")} - HELPERS
    assert set(re.findall(r"`(\w+\.py)` \|$", PAGE, re.MULTILINE)) == files


def test_every_planted_bug_is_listed() -> None:
    told = re.findall(r"^\| (M\d+)? ?\| .* \| ([SL]\d+) \|$", PAGE, re.MULTILINE)
    numbers = {match[1] for text in planted().values() if (match := re.match(r"(M\d+): ", text))}
    assert {number for number, _ in told if number} == numbers
    assert len(told) == len(planted())


def test_every_metric_and_every_event_that_is_not_judged_is_listed_with_its_reason() -> None:
    page = PAGE[PAGE.index("| not judged | why |") : PAGE.index("## Bugs that must be noticed")]
    told = {name: why for names, why in re.findall(r"^\| (`.*`) \| (.*) \|$", page, re.M) for name in names.split(", ")}
    excused = counts.EXCUSED | tellings.EXCUSED | tellings.ALLOWED
    assert told.keys() == {f"`{name}`" for name in excused}
    assert [name for name, why in excused.items() if not told[f"`{name}`"].startswith(why)] == []
