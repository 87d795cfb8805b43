"""The entries of a status with their states and numbers beside them: the same tuple to everybody else."""

import pickle

from wfexec.crd.codec import render_status, status_patch
from wfexec.model.base import evolve
from wfexec.model.entries import StepEntries, entries_of, entries_with
from wfexec.model.phases import StepState
from wfexec.model.status import StepStatus, WorkflowExecutionStatus

PLAIN = (
    StepStatus(step_number=1, action="scale-deployment", status=StepState.COMPLETED),
    StepStatus(step_number=4, action="drain-node"),
)


def test_states_and_numbers_are_those_of_the_entries_in_their_order() -> None:
    made = entries_of(PLAIN)
    assert made.states == (StepState.COMPLETED, StepState.PENDING)
    assert made.numbers == [1, 4]


def test_what_is_worked_out_is_not_worked_out_again() -> None:
    made = entries_of(PLAIN)
    assert entries_of(made) is made


def test_a_status_with_them_is_written_compared_and_kept_as_one_with_the_plain_tuple() -> None:
    plain = WorkflowExecutionStatus(phase="executing", step_statuses=PLAIN)
    made = evolve(plain, step_statuses=entries_of(PLAIN))
    assert made == plain
    assert render_status(made) == render_status(plain)
    assert made.model_dump_json() == plain.model_dump_json()
    assert status_patch(plain, made) == []
    again = pickle.loads(pickle.dumps(made))
    assert again == plain
    assert isinstance(again.step_statuses, StepEntries)
    assert again.step_statuses.states == made.step_statuses.states  # type: ignore[attr-defined] # known to be entries


def test_who_kept_count_gets_the_same_as_who_goes_through_all() -> None:
    steps, states = list(PLAIN), [one.status for one in PLAIN]
    steps[1] = evolve(steps[1], status=StepState.EXECUTING)
    states[1] = StepState.EXECUTING
    kept = entries_with(steps, states, [1, 4])
    assert kept == tuple(steps)
    assert (kept.states, kept.numbers) == (entries_of(tuple(steps)).states, entries_of(tuple(steps)).numbers)
