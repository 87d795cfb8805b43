"""How is a workflow let go? Its final record first, then what is left of it, then our finalizer (BR-WF-001).

Called by `decide` for what somebody deletes. A store that does not keep the record holds the deletion up for as long
as `audit-grace`, and not for ever; what it has not kept by then goes into the log, and that is told.
"""

from typing import Final

from wfexec.core.copies import forgotten
from wfexec.model.audit import FinalRecord
from wfexec.model.meta import ANNOTATION_FINGERPRINT, FINALIZER, FINALIZER_OLD, WORKFLOW_KIND, Condition, correlation_of
from wfexec.model.phases import StepState
from wfexec.model.plan import NOTHING, CountRecord, EventRecord, MetadataChange, Plan
from wfexec.model.redact import readable
from wfexec.model.snapshot import Snapshot
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings

WORDS_MAX: Final = 253
_DONE: Final = frozenset({StepState.COMPLETED, StepState.ROLLED_BACK})
_UNKEPT: Final = (
    "let go without its final record in the audit store, which kept none within audit-grace; the log has it"
)


def deleting(snapshot: Snapshot, now: int, settings: Settings) -> Plan:
    """Let the object go: nothing new is created, the children follow their owner."""
    workflow = snapshot.workflow
    meta = workflow.metadata
    kept = tuple(one for one in meta.finalizers if one not in (FINALIZER, FINALIZER_OLD))
    if kept == meta.finalizers:
        return NOTHING
    record = final_record(workflow)
    records = (
        EventRecord("Normal", "WorkflowExecutionDeleted", f"deleted in phase {workflow.status.phase or 'new'}"),
        CountRecord("workflowexecution_deleted_total", ()),
    )
    plan = Plan(metadata=MetadataChange(finalizers=kept), records=records, drops=forgotten(snapshot, settings))
    if not snapshot.audited:
        return plan._replace(records=(*records, record))
    until = (meta.deletion_timestamp or now) + settings.audit_grace
    unkept_at = snapshot.unkept_at
    # A last try when the grace is over, in this life: the store may be back, and we may have come late ourselves.
    if unkept_at is None or unkept_at < until:
        return plan._replace(final=record, wake_at=until if now < until else None)
    lost = (
        EventRecord("Warning", "AuditStorageFailed", _UNKEPT),
        CountRecord("kubernaut_workflowexecution_audit_records_lost_total", ()),
    )
    return plan._replace(records=(*records, record, *lost))


def final_record(workflow: WorkflowExecution) -> FinalRecord:
    """The same whenever and by whomever it is made."""
    meta, spec, status = workflow.metadata, workflow.spec, workflow.status
    definition, steps = spec.workflow_definition, status.step_statuses
    outcome = status.workflow_result.outcome if status.workflow_result is not None else ""
    return FinalRecord(
        uid=meta.uid,
        kind=WORKFLOW_KIND,
        namespace=meta.namespace,
        name=meta.name,
        fingerprint=_word(meta.annotations.get(ANNOTATION_FINGERPRINT, "")),
        correlation=_word(correlation_of(meta)),
        remediation=spec.remediation_request_ref.name,
        definition=_word(definition.name) if definition is not None else "",
        version=_word(definition.version) if definition is not None else "",
        phase=str(status.phase),
        outcome=str(outcome),
        reason=_word(status.failure_reason.partition(":")[0]),
        validation=_validation(status.conditions),
        created=meta.creation_timestamp,
        ended=status.completion_time,
        deleted=meta.deletion_timestamp,
        steps=status.total_steps,
        completed=sum(one.status in _DONE for one in steps),
        failed=sum(one.status is StepState.FAILED for one in steps),
    )


def _word(text: str) -> str:
    return readable(text, WORDS_MAX)


def _validation(conditions: tuple[Condition, ...]) -> str:
    judged = {one.type: one.status for one in conditions}
    if judged.get("ValidationFailed") == "True" or judged.get("Validated") == "False":
        return "failed"
    return "passed" if judged.get("Validated") == "True" else ""
