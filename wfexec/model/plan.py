"""All that a decision can ask for. At most one status write; it goes before the children, and it is the intent.

`records` tell what happened; the engine hands them out only once the plan's own status write is committed
(or at once when the plan has none), so no event or count speaks of something that did not come to be.
"""

from collections.abc import Mapping
from typing import NamedTuple

from wfexec.model.audit import FinalRecord
from wfexec.model.execution import KubernetesExecution
from wfexec.model.facts import Question
from wfexec.model.meta import OwnerReference
from wfexec.model.phases import WorkflowOutcome
from wfexec.model.status import AdaptiveAdjustment, StepStatus, WorkflowExecutionStatus


class MetadataChange(NamedTuple):
    """None leaves a part as it is; an annotation set to None is removed."""

    finalizers: tuple[str, ...] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None
    annotations: Mapping[str, str | None] | None = None


class DeleteChild(NamedTuple):
    name: str
    uid: str
    resource_version: str


class EventRecord(NamedTuple):
    """A Kubernetes Event about the workflow; `type` is Normal or Warning."""

    type: str
    reason: str
    message: str


class CountRecord(NamedTuple):
    """Add `value` to a counter, or observe it in a histogram; labels are in the metric's declared order."""

    metric: str
    labels: tuple[str, ...]
    value: float = 1.0


class LogRecord(NamedTuple):
    """`level` is debug, info, warning or error; fields are (key, value) pairs."""

    level: str
    message: str
    fields: tuple[tuple[str, str], ...]


class HistoryRecord(NamedTuple):
    """One run that ended, for whoever learns from it; `duration_ms` from its execution to its end."""

    definition: str
    version: str
    outcome: WorkflowOutcome
    score: float
    duration_ms: int
    steps: tuple[StepStatus, ...]
    adjustments: tuple[AdaptiveAdjustment, ...]


class Copy(NamedTuple):
    """A ConfigMap of our own, in the controller's namespace: what undoing needs. `data` {}: only its name matters."""

    namespace: str
    name: str
    data: Mapping[str, str]


Record = EventRecord | CountRecord | LogRecord | HistoryRecord | FinalRecord


class Plan(NamedTuple):
    """`wake_at` None: nothing to wait for but signals. An all-empty plan means: nothing to do.

    `expired`: the workflow itself is to be deleted; it has ended and nobody owns it. `final` is kept in the audit
    store before anything else is done, and without it nothing is; then `keeps` is written; `drops` goes before the
    finalizer does.
    """

    metadata: MetadataChange | None = None
    status: WorkflowExecutionStatus | None = None
    creates: tuple[KubernetesExecution, ...] = ()
    deletes: tuple[DeleteChild, ...] = ()
    questions: tuple[Question, ...] = ()
    wake_at: int | None = None
    records: tuple[Record, ...] = ()
    expired: bool = False
    keeps: Copy | None = None
    drops: Copy | None = None
    final: FinalRecord | None = None


NOTHING = Plan()
