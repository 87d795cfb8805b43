"""Every checker keeps silent about a correct run and speaks about its own planted defect, and about nothing else."""

from collections.abc import Callable

import pytest

from sim.checkers import complaints
from sim.history import History
from tests.unit.sim.support import CHAIN, Past, options, run
from wfexec.model.phases import ExecutionPhase, Phase, RollbackStrategy, StepState, Strategy, UndoState
from wfexec.model.requests import Code, DeleteExecution, Kind, ObjectKey
from wfexec.model.status import AttemptStatus, ExecutionPlan, InjectedStep, RollbackStatus, StepRollback
from wfexec.settings import Settings


def finished(past: Past) -> None:
    """The rest of a run that ends well."""
    past.status(phase=Phase.MONITORING)
    past.status(phase=Phase.COMPLETED, completion_time=past.at)


def good() -> History:
    past = Past()
    for number in (1, 2, 3):
        past.step(number, StepState.EXECUTING)
        child = past.child(number)
        past.ends(child)
        past.step(number, StepState.COMPLETED)
    finished(past)
    return past.history()


def two_children_for_one_attempt() -> History:
    past = Past()
    past.step(1, StepState.EXECUTING)
    past.child(1)
    past.child(1, "repair-step-1-again")
    past.step(1, StepState.FAILED)
    past.status(phase=Phase.FAILED, completion_time=past.at)
    return past.history()


def step_before_its_dependency() -> History:
    past = Past()
    past.step(1, StepState.EXECUTING)
    past.child(1)
    past.step(2, StepState.EXECUTING)
    past.child(2)
    finished(past)
    return past.history()


def named_dependency_ignored() -> History:
    past = Past([{}, {}], definition={"dependencies": {"step-2": ["step-1"]}})
    past.step(2, StepState.EXECUTING)
    past.child(2)
    finished(past)
    return past.history()


def added_step_ignored() -> History:
    past = Past([{}, {}])
    added = InjectedStep(step_number=3, name="verify-step-1", after=1, before=(2,))
    plan = ExecutionPlan(
        strategy=Strategy.SEQUENTIAL,
        estimated_duration=0,
        rollback_strategy=RollbackStrategy.NONE,
        injected=(added,),
    )
    past.status(execution_plan=plan)
    past.step(2, StepState.EXECUTING)
    past.child(2)
    finished(past)
    return past.history()


def phase_leaps() -> History:
    past = Past()
    past.status(phase=Phase.COMPLETED, completion_time=past.at)
    return past.history()


def life_after_death() -> History:
    past = Past()
    finished(past)
    past.status(phase=Phase.EXECUTING)
    past.status(phase=Phase.FAILED, completion_time=past.at)
    return past.history()


def progress_falls() -> History:
    past = Past()
    past.status(progress=60)
    past.status(progress=40)
    finished(past)
    return past.history()


def generation_falls() -> History:
    past = Past()
    past.status(observed_generation=2)
    past.status(observed_generation=1)
    finished(past)
    return past.history()


def completed_step_starts_again() -> History:
    past = Past()
    past.step(1, StepState.EXECUTING)
    past.step(1, StepState.COMPLETED)
    past.step(1, StepState.EXECUTING)
    finished(past)
    return past.history()


def terminal_without_time() -> History:
    past = Past()
    past.status(phase=Phase.FAILED)
    return past.history()


def too_many_at_once() -> History:
    past = Past([{}, {}, {}], executionStrategy={"maxParallelSteps": 2})
    for number in (1, 2, 3):
        past.step(number, StepState.EXECUTING)
        past.child(number)
    finished(past)
    return past.history()


def rolling_back(*, completed: tuple[int, ...] = (1, 2)) -> Past:
    """Steps of a chain completed, the last one failed, the rollback begun."""
    past = Past(CHAIN)
    for number in completed:
        past.step(number, StepState.EXECUTING)
        past.ends(past.child(number))
        past.step(number, StepState.COMPLETED)
    past.status(phase=Phase.ROLLING_BACK)
    return past


def undo_of_a_step_that_never_ran() -> History:
    past = rolling_back()
    past.child(3, undo=True)
    past.status(phase=Phase.FAILED, completion_time=past.at)
    return past.history()


def undo_before_the_dependent() -> History:
    past = rolling_back()
    past.child(1, undo=True)
    past.status(phase=Phase.FAILED, completion_time=past.at)
    return past.history()


def undo_of_a_step_that_was_to_stay() -> History:
    past = rolling_back()
    past.ends(past.child(2, undo=True))
    kept = RollbackStatus(strategy=RollbackStrategy.MANUAL, requested_by="alice", start_time=past.at, to_step=1)
    past.status(rollback=kept)
    past.child(1, undo=True)
    past.status(phase=Phase.FAILED, completion_time=past.at)
    return past.history()


def undo_twice() -> History:
    past = rolling_back()
    past.ends(past.child(2, undo=True))
    past.child(2, undo=True, attempt=1)
    past.status(phase=Phase.FAILED, completion_time=past.at)
    return past.history()


def undo_beside_a_forward_step() -> History:
    past = Past([{}, {}])
    past.step(1, StepState.EXECUTING)
    past.ends(past.child(1))
    past.step(1, StepState.COMPLETED)
    past.step(2, StepState.EXECUTING)
    past.child(2)
    past.status(phase=Phase.ROLLING_BACK)
    past.child(1, undo=True)
    past.status(phase=Phase.FAILED, completion_time=past.at)
    return past.history()


def one_attempt_too_many() -> History:
    past = Past([{"maxRetries": 1}])
    for attempt in range(3):
        past.step(1, StepState.EXECUTING)
        past.ends(past.child(1, attempt=attempt), ExecutionPhase.FAILED)
        past.step(1, StepState.RETRYING)
    past.step(1, StepState.FAILED)
    past.status(phase=Phase.FAILED, completion_time=past.at)
    return past.history()


def retry_too_early() -> History:
    past = Past()
    past.step(1, StepState.EXECUTING)
    past.step(1, StepState.RETRYING, next_retry_time=past.at + 30_000)
    past.wait(20_000)
    past.step(1, StepState.EXECUTING)
    past.step(1, StepState.FAILED)
    past.status(phase=Phase.FAILED, completion_time=past.at)
    return past.history()


def start_after_the_deadline() -> History:
    past = Past(timeout="5m")
    past.status(execution_start_time=past.at, active_steps=1)
    past.wait(320_000)
    past.step(1, StepState.EXECUTING)
    past.child(1)
    finished(past)
    return past.history()


def orphan() -> History:
    past = Past()
    past.step(1, StepState.EXECUTING)
    past.child(1, owned=False)
    finished(past)
    return past.history()


def delete_without_precondition() -> History:
    past = Past()
    finished(past)
    past.wrote(DeleteExecution(ObjectKey(Kind.EXECUTION, "shop", "repair-step-1"), "", ""), Code.OK)
    return past.history()


def never_ends() -> History:
    return Past().history()


DEFECTS: dict[Callable[[], History], tuple[str, str]] = {
    two_children_for_one_attempt: ("S1", "already has the live child repair-step-1"),
    step_before_its_dependency: ("S2", "step 2 starts while step 1, which it needs, is executing"),
    named_dependency_ignored: ("S2", "step 2 starts while step 1, which it needs, is pending"),
    added_step_ignored: ("S2", "step 2 starts while step 3, which it needs, is pending"),
    phase_leaps: ("S3", "phase moved from executing to completed"),
    life_after_death: ("S3", "terminal is final"),
    progress_falls: ("S3", "progress fell from 60 to 40"),
    generation_falls: ("S3", "observedGeneration fell from 2 to 1"),
    completed_step_starts_again: ("S3", "step 1 moved from completed to executing"),
    terminal_without_time: ("S3", "without a completionTime"),
    too_many_at_once: ("S5", "3 children are active, the limit is 2"),
    undo_of_a_step_that_never_ran: ("S6", "took no effect"),
    undo_before_the_dependent: ("S6", "undo of step 1 before step 2, which depends on it"),
    undo_of_a_step_that_was_to_stay: ("S6", "although the request keeps steps up to 1"),
    undo_twice: ("S6", "step 2 is undone a second time"),
    undo_beside_a_forward_step: ("S6", "beside repair-step-2, which still runs forward"),
    one_attempt_too_many: ("S7", "attempt 3 of step 1, the budget is 2"),
    retry_too_early: ("S7", "before its back-off is over"),
    start_after_the_deadline: ("S7", "after the deadline"),
    orphan: ("S10", "0 controller owners instead of one"),
    delete_without_precondition: ("S10", "a delete without uid and resourceVersion"),
    never_ends: ("L1", "still executing when nothing was left to happen"),
}


def test_a_correct_history_breaks_no_promise() -> None:
    assert complaints(good()) == ()


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_a_planted_defect_is_named_by_its_own_checker_alone(defect: Callable[[], History]) -> None:
    check, words = DEFECTS[defect]
    found = complaints(defect())
    assert {complaint.check for complaint in found} == {check}
    assert any(words in complaint.message for complaint in found), found


def test_undone_dependents_make_way_for_what_they_depend_on() -> None:
    past = rolling_back()
    past.ends(past.child(2, undo=True))
    past.step(2, StepState.ROLLED_BACK, rollback=StepRollback(status=UndoState.SUCCEEDED))
    past.ends(past.child(1, undo=True))
    past.status(phase=Phase.FAILED, completion_time=past.at)
    assert complaints(past.history()) == ()


def test_a_hung_child_of_a_step_that_was_given_up_does_not_hold_a_rollback() -> None:
    past = Past([{}, {}])
    past.step(1, StepState.EXECUTING)
    past.ends(past.child(1))
    past.step(1, StepState.COMPLETED)
    past.step(2, StepState.EXECUTING)
    past.child(2)
    past.step(2, StepState.FAILED, attempts=(AttemptStatus(name="repair-step-2", phase="executing", start_time=0),))
    past.status(phase=Phase.ROLLING_BACK)
    past.child(1, undo=True)
    past.status(phase=Phase.FAILED, completion_time=past.at)
    assert complaints(past.history()) == ()


def test_a_run_that_somebody_cut_short_need_not_end() -> None:
    assert complaints(Past().history(cut=True)) == ()


def test_a_pause_stops_the_deadline() -> None:
    past = Past(timeout="5m")
    past.status(execution_start_time=past.at)
    past.status(phase=Phase.PAUSED, paused_from=Phase.EXECUTING, paused_at=past.at)
    past.wait(320_000)
    past.status(phase=Phase.EXECUTING, paused_at=None, paused_total=320_000)
    past.step(1, StepState.EXECUTING)
    past.child(1)
    past.step(1, StepState.COMPLETED)
    finished(past)
    assert complaints(past.history()) == ()


@pytest.mark.parametrize(("given", "late"), [(400_000, False), (100_000, True)])
def test_a_deadline_is_the_parents_where_the_plan_says_so(given: int, late: bool) -> None:
    past = Past()
    plan = ExecutionPlan(
        strategy=Strategy.SEQUENTIAL, estimated_duration=0, rollback_strategy=RollbackStrategy.NONE, timeout=given
    )
    past.status(execution_start_time=past.at, execution_plan=plan)
    past.wait(320_000)
    past.step(1, StepState.EXECUTING)
    past.child(1)
    past.step(1, StepState.COMPLETED)
    finished(past)
    assert ("S7" in [each.check for each in complaints(past.history())]) is late


def test_the_limit_is_the_setting_where_the_workflow_names_none() -> None:
    past = Past([{}, {}])
    for number in (1, 2):
        past.step(number, StepState.EXECUTING)
        past.child(number)
    finished(past)
    assert [each.check for each in complaints(past.history(Settings(max_parallel_steps=1)))] == ["S5"]


def test_simulated_runs_keep_every_promise_also_when_they_fail() -> None:
    failing = options('steps: {"*/3": {attempts: [{result: failure, error: {type: evicted}}]}}')
    for with_ in (options(), failing):
        assert run(with_=with_).complaints == ()
