"""The hunt finds a planted bug, makes the case small, and finds nothing where nothing is wrong (BR-WF-032)."""

import pytest

from sim.generate import Case, Wish, generate
from sim.hunt import Aim, Grounds, case_of, hunt, look_at, reduced, sight_of
from sim.shrink import shrink, size, without_steps
from sim.study import pool
from sim.troubles import CALM
from wfexec.core import execute, rollback
from wfexec.core.draft import Draft
from wfexec.errors import BadInput

PLANTED = 523


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant, the bug that the hunt found in its first night: the word that deletes a child is said only once."""

    def once(draft: Draft, position: int) -> None:
        """Nothing is said again."""

    monkeypatch.setattr(execute, "clear_away", once)
    monkeypatch.setattr(rollback, "clear_away", once)


def quiet(count: int) -> None:
    assert count > 0


@pytest.mark.usefixtures("forgetful")
def test_a_planted_bug_is_found_and_shrunk_to_a_small_case_that_still_shows_it() -> None:
    tally, found = hunt(Grounds(), range(PLANTED, PLANTED + 2), None, quiet)
    assert found is not None
    assert (found.seed, found.sight.kind) == (PLANTED, "S5")
    assert tally.runs == 1
    steps, faults = found.after
    assert steps <= 5
    assert faults <= 2
    again, _ = sight_of(found.case, Aim.DEFECT)
    assert again == found.sight


def test_where_no_bug_is_none_is_found() -> None:
    tally, found = hunt(Grounds(), range(PLANTED, PLANTED + 10), None, quiet)
    assert found is None
    assert tally.runs == 10
    assert tally.faults > 10


def test_an_exception_is_a_find_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(execute, "count_steps", broken)
    sight, _ = sight_of(generate(1), Aim.DEFECT)
    assert sight is not None
    assert sight.kind == "exception ZeroDivisionError"
    assert sight_of(generate(1), Aim.FAILURE)[0] is None


@pytest.mark.parametrize("aim", [Aim.FAILURE, Aim.ROLLBACK, Aim.DAMAGE])
def test_ends_are_hunted_as_well_and_end_in_few_steps(aim: Aim) -> None:
    grounds = Grounds(aim, Wish((3, 6)), faults=False)
    _, found = hunt(grounds, range(1, 60), None, quiet)
    assert found is not None
    assert found.after <= (2, 0)
    assert found.before >= found.after


def test_a_remediation_of_ones_own_is_played_under_faults_of_each_seed() -> None:
    own = generate(5)._replace(troubles=CALM)
    first, second = case_of(Grounds(own=own), 1), case_of(Grounds(own=own), 2)
    assert first.manifest == second.manifest == own.manifest
    assert first.troubles != second.troubles
    assert (first.seed, second.seed) == (1, 2)
    assert case_of(Grounds(own=own, faults=False), 1).troubles == CALM


def test_what_is_found_does_not_depend_on_how_many_look() -> None:
    grounds = Grounds(Aim.FAILURE)
    with pool(2) as processes:
        _, found = hunt(grounds, range(1, 25), processes, quiet, tries=0)
    _, alone = hunt(grounds, range(1, 25), None, quiet, tries=0)
    assert found == alone
    assert found is not None
    assert found.before == found.after


def test_a_batch_ends_with_what_it_saw() -> None:
    tally, seen = look_at(Grounds(Aim.FAILURE), range(1, 9))
    assert seen is not None
    assert tally.runs == seen[0]


def test_what_waited_for_a_step_that_is_gone_waits_for_what_that_waited_for() -> None:
    case = generate(1, Wish((4, 4)))
    steps = [{"stepNumber": 1}, {"stepNumber": 2, "dependsOn": [1]}, {"stepNumber": 3, "dependsOn": [2]}]
    body = {"kind": "WorkflowExecution", "spec": {"workflowDefinition": {"steps": steps}}}
    left = without_steps(case._replace(manifest=(body,)), [2]).manifest[0]["spec"]["workflowDefinition"]["steps"]
    assert left == [{"stepNumber": 1}, {"stepNumber": 3, "dependsOn": [1]}]
    first = without_steps(case._replace(manifest=(body,)), [1, 2]).manifest[0]["spec"]["workflowDefinition"]["steps"]
    assert first == [{"stepNumber": 3}]
    assert len(steps) == 3


def test_shrinking_keeps_what_is_asked_for_and_stops_when_the_questions_are_up() -> None:
    case = generate(2)
    count, faults = size(case)
    assert count > 4
    assert faults > 0

    def has_the_last(one: Case) -> bool:
        return any(step["stepNumber"] == count for step in one.manifest[0]["spec"]["workflowDefinition"]["steps"])

    small, asked = shrink(case, has_the_last)
    assert size(small) == (1, 0)
    assert small.executor.keys() <= {"cluster", "steps"}
    assert asked <= 400
    assert shrink(case, has_the_last, tries=0) == (case, 0)
    assert shrink(case, lambda _: False, tries=9)[0] == case


def test_a_case_that_is_none_is_bad_input_and_never_taken_for_a_find() -> None:
    case = generate(1)
    with pytest.raises(BadInput):
        sight_of(case._replace(executor={"steps": 3}), Aim.DEFECT)
    sight, _ = sight_of(generate(2), Aim.FAILURE)
    assert sight is not None
    found = reduced(generate(2), 2, sight, Aim.FAILURE, tries=40)
    assert found.tries == 40
