"""How a workflow is let go: what its final record says, and how long that is waited for (BR-WF-001)."""

import pytest

from tests.unit.core.world import START, World, failed, spec, step
from wfexec.core.decide import decide
from wfexec.core.final import deleting, final_record
from wfexec.model.audit import FINAL, FinalRecord
from wfexec.model.base import evolve
from wfexec.model.meta import FINALIZER, ObjectMeta
from wfexec.model.plan import NOTHING, CountRecord, EventRecord, MetadataChange, Plan
from wfexec.model.redact import MARK
from wfexec.model.snapshot import Snapshot
from wfexec.settings import DEFAULTS, Settings

GRACE = DEFAULTS.audit_grace
LOST = "kubernaut_workflowexecution_audit_records_lost_total"


def ran(*reports: str) -> World:
    """Three steps in a row, the named children failing for good."""
    world = World(spec(step(1), step(2, 1, maxRetries=0, criticalStep=True), step(3, 2)))
    for name in reports:
        world.say(name, failed("forbidden: no right"))
    return world.run()


def deleted(world: World, *, audited: bool = True, unkept_at: int | None = None) -> Snapshot:
    meta = evolve(world.workflow.metadata, deletion_timestamp=START, creation_timestamp=START - 1_000)
    world.workflow = evolve(world.workflow, metadata=meta)
    return world.snapshot()._replace(audited=audited, unkept_at=unkept_at)


def plan_at(
    after_ms: int, unkept_ms: int | None = None, settings: Settings = DEFAULTS, *, audited: bool = True
) -> Plan:
    unkept_at = None if unkept_ms is None else START + unkept_ms
    return deleting(deleted(ran(), audited=audited, unkept_at=unkept_at), START + after_ms, settings)


def kept(plan: Plan) -> list[FinalRecord]:
    return [record for record in plan.records if isinstance(record, FinalRecord)]


def test_the_record_says_what_the_workflow_was() -> None:
    world = ran("wf-step-2")
    snapshot = deleted(world)
    record = final_record(snapshot.workflow)
    assert (record.kind, record.namespace, record.name, record.uid) == ("WorkflowExecution", "ns", "wf", "uid-1")
    assert (record.definition, record.version, record.remediation) == ("recover", "v1", "rr")
    assert (record.phase, record.outcome, record.reason) == ("failed", "failed", "step_failed")
    assert (record.steps, record.completed, record.failed, record.validation) == (3, 1, 1, "passed")
    assert (record.created, record.deleted, record.ended) == (
        START - 1_000,
        START,
        world.workflow.status.completion_time,
    )
    assert (record.correlation, record.fingerprint, record.key) == ("uid-1", "", ("uid-1", FINAL))


def test_a_refused_definition_was_not_valid_and_a_new_workflow_was_not_judged() -> None:
    refused = World(spec(step(1, 1))).run()
    assert final_record(refused.workflow).validation == "failed"
    fresh = final_record(World(spec(step(1))).workflow)
    assert (fresh.phase, fresh.validation, fresh.steps) == ("", "", 0)


def test_what_a_person_wrote_on_it_is_cut_and_blanked() -> None:
    world = ran()
    marks = {"signalFingerprint": "password=hunter22 " + "x" * 900, "correlationID": "y" * 900}
    meta: ObjectMeta = evolve(world.workflow.metadata, annotations=marks)
    record = final_record(evolve(world.workflow, metadata=meta))
    assert MARK in record.fingerprint and "hunter22" not in record.fingerprint
    assert len(record.fingerprint) <= 253 and len(record.correlation) <= 253


@pytest.mark.parametrize("after_ms", [0, GRACE, 100 * GRACE])
def test_without_a_store_nothing_waits_and_the_record_goes_the_way_of_log_lines(after_ms: int) -> None:
    plan = plan_at(after_ms, unkept_ms=0, audited=False)
    assert (plan.final, plan.wake_at, plan.metadata) == (None, None, MetadataChange(finalizers=()))
    assert len(kept(plan)) == 1
    assert not [record for record in plan.records if isinstance(record, EventRecord) and record.type == "Warning"]


def test_with_a_store_the_finalizer_goes_only_behind_the_record() -> None:
    plan = plan_at(1_000)
    assert plan.final is not None and plan.metadata == MetadataChange(finalizers=())
    assert (plan.wake_at, kept(plan)) == (START + GRACE, [])


def test_whoever_makes_the_record_makes_the_same_one() -> None:
    assert plan_at(0).final == plan_at(200_000, unkept_ms=100_000).final == plan_at(GRACE, unkept_ms=0).final


@pytest.mark.parametrize("unkept_ms", [None, 0, GRACE - 1])
def test_when_the_grace_is_over_there_is_one_more_try(unkept_ms: int | None) -> None:
    """The store may be back, and a controller may have come late itself."""
    plan = plan_at(GRACE + 5, unkept_ms)
    assert plan.final is not None
    assert plan.wake_at is None


def test_when_that_failed_too_the_workflow_goes_and_that_is_told() -> None:
    plan = plan_at(GRACE + 10_000, unkept_ms=GRACE + 9_000)
    assert (plan.final, plan.metadata) == (None, MetadataChange(finalizers=()))
    warnings = [record for record in plan.records if isinstance(record, EventRecord) and record.type == "Warning"]
    assert [record.reason for record in warnings] == ["AuditStorageFailed"]
    assert CountRecord(LOST, ()) in plan.records
    assert len(kept(plan)) == 1


def test_no_grace_is_one_try() -> None:
    none = Settings(audit_grace=0)
    assert plan_at(0, settings=none).final is not None
    assert plan_at(1, unkept_ms=1, settings=none).final is None


def test_what_is_not_ours_to_hold_is_not_recorded() -> None:
    world = ran()
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, finalizers=("other/keep",)))
    assert decide(deleted(world), START, DEFAULTS) == NOTHING
    assert FINALIZER not in world.workflow.metadata.finalizers
