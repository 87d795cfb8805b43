"""States and numbers that stand beside the step entries of a status are those of the entries, whatever was decided."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.snapshots import snapshots
from tests.unit.core.world import START
from wfexec.core.decide import decide
from wfexec.model.base import evolve
from wfexec.model.entries import StepEntries, entries_of
from wfexec.model.snapshot import Snapshot
from wfexec.settings import DEFAULTS


@settings(max_examples=200)
@given(snapshots(), st.integers(START - 100_000, START + 5_000_000))
def test_what_stands_beside_the_entries_is_what_they_say(snapshot: Snapshot, now: int) -> None:
    status = decide(snapshot, now, DEFAULTS).status
    if status is None or not isinstance(status.step_statuses, StepEntries):
        return
    entries = status.step_statuses
    anew = entries_of(tuple(entries))
    assert (entries.states, entries.numbers) == (anew.states, anew.numbers)


@settings(max_examples=200)
@given(snapshots(), st.integers(START - 100_000, START + 5_000_000))
def test_a_decision_is_the_same_whether_they_were_worked_out_before_or_not(snapshot: Snapshot, now: int) -> None:
    workflow = snapshot.workflow
    known = evolve(workflow.status, step_statuses=entries_of(workflow.status.step_statuses))
    again = snapshot._replace(workflow=evolve(workflow, status=known))
    assert decide(again, now, DEFAULTS) == decide(snapshot, now, DEFAULTS)
