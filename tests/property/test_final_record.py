"""Whatever a workflow looks like when somebody deletes it, nothing of it is lost in silence (BR-WF-001)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.snapshots import snapshots
from tests.unit.core.world import START
from wfexec.core.decide import decide
from wfexec.model.audit import FinalRecord
from wfexec.model.base import evolve
from wfexec.model.meta import FINALIZER
from wfexec.model.plan import NOTHING
from wfexec.model.snapshot import Snapshot
from wfexec.settings import DEFAULTS


@settings(max_examples=200)
@given(snapshots(), st.integers(START - 100_000, START + 5_000_000))
def test_no_workflow_goes_without_its_final_record_kept_or_told_once(snapshot: Snapshot, now: int) -> None:
    """Where there is a store, without it only when the store has failed after the grace (BR-WF-001)."""
    meta = evolve(snapshot.workflow.metadata, deletion_timestamp=START)
    snapshot = snapshot._replace(workflow=evolve(snapshot.workflow, metadata=meta))
    plan = decide(snapshot, now, DEFAULTS)
    if FINALIZER not in meta.finalizers:
        assert plan == NOTHING
        return
    told = [record for record in plan.records if isinstance(record, FinalRecord)]
    assert len(told) == (plan.final is None)
    ends = START + DEFAULTS.audit_grace
    excused = not snapshot.audited or (snapshot.unkept_at is not None and snapshot.unkept_at >= ends)
    assert (plan.final is None) is excused
    assert plan.metadata is not None and plan.metadata.finalizers == tuple(
        one for one in meta.finalizers if one != FINALIZER
    )
    assert plan.final is None or plan.final == decide(snapshot, now + 1_000, DEFAULTS).final
