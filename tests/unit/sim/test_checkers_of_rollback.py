"""S6 holds a run against the rules of `docs/rollback.md`: each rule is broken once by hand (BR-WF-050, BR-WF-053)."""

from collections.abc import Callable

import pytest

from sim.checkers import s6_legal_rollback
from tests.unit.sim.support import Past
from wfexec.model.meta import Condition
from wfexec.model.phases import Phase, RollbackStrategy, StepState, UndoState
from wfexec.model.status import RollbackStatus, StepRollback
from wfexec.settings import Settings

WAITS = StepRollback(status=UndoState.PENDING)
RUNS = StepRollback(status=UndoState.EXECUTING, attempts=1)
DONE = StepRollback(status=UndoState.SUCCEEDED, attempts=1)
FAILED = StepRollback(status=UndoState.FAILED, attempts=1)


def rolling_back(first: StepRollback = WAITS, second: StepRollback = WAITS) -> Past:
    """Two steps that know nothing of each other completed, the second one later."""
    past = Past([{}, {}])
    for number, record in ((1, first), (2, second)):
        past.step(number, StepState.EXECUTING)
        past.ends(past.child(number))
        past.step(number, StepState.COMPLETED, end_time=number, rollback=record)
    status = RollbackStatus(strategy=RollbackStrategy.AUTOMATIC, start_time=past.at, order=(2, 1), total=2)
    past.status(phase=Phase.ROLLING_BACK, rollback=status)
    return past


def two_at_a_time() -> Past:
    past = rolling_back(second=RUNS)
    past.child(2, undo=True)
    past.child(1, undo=True)
    return past


def earlier_completion_first() -> Past:
    past = rolling_back(first=RUNS)
    past.child(1, undo=True)
    return past


def a_fourth_try() -> Past:
    past = rolling_back(second=StepRollback(status=UndoState.EXECUTING, attempts=4))
    past.child(2, undo=True, attempt=3)
    return past


def another_steps_name() -> Past:
    past = rolling_back(second=RUNS)
    past.child(2, "repair-rollback-1", undo=True)
    return past


def called_undone() -> Past:
    past = rolling_back(second=RUNS)
    past.step(2, StepState.ROLLED_BACK, rollback=DONE)
    return past


def ended_too_soon() -> Past:
    past = rolling_back(first=WAITS, second=FAILED)
    ends(past, "RollbackFailed")
    return past


def whole_though_one_failed() -> Past:
    past = rolling_back(first=DONE, second=FAILED)
    ends(past, "RolledBack")
    return past


def says_both() -> Past:
    past = rolling_back(first=DONE, second=DONE)
    ends(past, "RolledBack", "RollbackFailed")
    return past


def ends(past: Past, *conditions: str) -> None:
    told = tuple(Condition(type=one, status="True", reason="x", last_transition_time=past.at) for one in conditions)
    past.status(phase=Phase.FAILED, conditions=told, completion_time=past.at)


BROKEN: dict[Callable[[], Past], str] = {
    two_at_a_time: "undo of step 1 beside repair-rollback-2, though one is undone at a time",
    earlier_completion_first: "undo of step 1 before step 2, which completed later",
    a_fourth_try: "try 4 of the undo of step 2, which has 3",
    another_steps_name: "undo of step 2 under a name that is not its own",
    called_undone: "step 2 is called undone, and was not",
    ended_too_soon: "the rollback ended before step 1 was dealt with",
    whole_though_one_failed: "1 undo failed, and the conditions say RolledBack",
    says_both: "0 undos failed, and the conditions say RollbackFailed, RolledBack",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_rule_is_named(broken: Callable[[], Past]) -> None:
    assert BROKEN[broken] in [one.message for one in s6_legal_rollback.check(broken().history())]


def test_a_rollback_by_the_rules_breaks_none() -> None:
    past = rolling_back(second=RUNS)
    past.ends(past.child(2, undo=True))
    past.step(2, StepState.ROLLED_BACK, rollback=DONE)
    past.step(1, StepState.COMPLETED, rollback=RUNS)
    past.ends(past.child(1, undo=True))
    past.step(1, StepState.ROLLED_BACK, rollback=DONE)
    ends(past, "RolledBack")
    assert list(s6_legal_rollback.check(past.history())) == []


@pytest.mark.parametrize("aside", [two_at_a_time, earlier_completion_first], ids=lambda one: one.__name__)
def test_branches_may_be_undone_side_by_side_where_the_settings_say_so(aside: Callable[[], Past]) -> None:
    settings = Settings(rollback_parallel=True)
    assert list(s6_legal_rollback.check(aside().history(settings))) == []
