"""What do the records of a run say of phases, steps and children? One pass over the trace, for checkers and reports.

Every fact carries what the *store* held at that moment, so a checker never judges by what a cache believed. It must
never know how the controller decides.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sim.alerts import Firing
from sim.chronicle import TargetVersion
from sim.readings import HEARD_MS, Reading
from sim.trace import STARTED_AGAIN, Incident, TraceRecord, Version, Written, is_undo
from sim.witness import Decision
from wfexec.engine.totals import Levels
from wfexec.model.execution import KubernetesExecution
from wfexec.model.phases import EXECUTION_ENDED
from wfexec.model.plan import Record
from wfexec.model.requests import Change, Code, CreateLease, EventWrite, ObjectKey, Watched
from wfexec.model.status import StepStatus, WorkflowExecution
from wfexec.settings import Settings


class WorkflowMove(NamedTuple):
    """A new version of a workflow; `before` None: created, `after` None: deleted."""

    at: int
    before: WorkflowExecution | None
    after: WorkflowExecution | None


class StepMove(NamedTuple):
    """A step's entry in the status changed with the version `workflow`; `before` None: it appeared."""

    at: int
    workflow: WorkflowExecution
    before: StepStatus | None
    after: StepStatus


class ChildMove(NamedTuple):
    """A child appeared (`before` None), changed or went away (`after` None).

    workflow: its owner as the store held it at that moment, None when there is none.
    siblings: the other children of that owner that had not ended, by name.
    """

    at: int
    before: KubernetesExecution | None
    after: KubernetesExecution | None
    workflow: WorkflowExecution | None
    siblings: tuple[KubernetesExecution, ...]

    @property
    def child(self) -> KubernetesExecution:
        child = self.after or self.before
        assert child is not None, "a move has at least one side"
        return child


class Utterances(NamedTuple):
    """What the controllers of a run handed out, how often they decided, and some decisions; None: nobody listened.

    `dropped`: Events that they say were given up, `waiting`: are on their way. `audited`: they have an audit store.
    `levels`: what the gauges of the one that leads would show now; None: none leads. `readings`: what they showed,
    `heard_ms`: so long after a change everybody has heard of it.
    """

    records: Sequence[tuple[ObjectKey, Record]] | None = None
    looks: int = 0
    decisions: Sequence[Decision] = ()
    dropped: int = 0
    audited: bool = False
    waiting: int = 0
    levels: Levels | None = None
    readings: Sequence[Reading] = ()
    heard_ms: int = HEARD_MS


SILENCE: Final = Utterances()


class History(NamedTuple):
    """`finals` are the objects that were left at the end; `cut`: somebody wanted the run to end before its time.

    `end`: when the run ended. `troubles`: how often something broke (crashes, lost replies). `elected`: there is a
    lease. `told`: what the controllers handed out, by workflow; None: nobody listened. `looks`: how many decisions they
    made, `decisions`: some of them. `dropped`: Events that they counted as given up, `waiting`: as on their way.
    `skew`: how far two clocks could be apart, in milliseconds. `alerts`: what fired, whoever heard of it; None: nobody
    kept account. `audited`: there was an audit store. `levels`: what gauges showed at the end; None: nobody led.
    `readings`: what they showed while it lasted. `heard_ms`: so long after a change everybody has heard of it.
    `incidents`: what broke, in order.
    `targets`: what stood in them, version by version; None: nobody kept account.
    """

    settings: Settings
    workflows: list[WorkflowMove]
    steps: list[StepMove]
    children: list[ChildMove]
    writes: list[Written]
    finals: tuple[Watched, ...]
    cut: bool
    end: int = 0
    troubles: int = 0
    elected: bool = False
    told: Sequence[tuple[ObjectKey, Record]] | None = None
    looks: int = 0
    decisions: Sequence[Decision] = ()
    dropped: int = 0
    skew: int = 0
    alerts: tuple[Firing, ...] | None = None
    audited: bool = False
    waiting: int = 0
    levels: Levels | None = None
    readings: Sequence[Reading] = ()
    heard_ms: int = HEARD_MS
    incidents: Sequence[Incident] = ()
    targets: Sequence[TargetVersion] | None = None

    def events(self) -> list[tuple[int, EventWrite]]:
        """Events that the cluster took, in order."""
        return [
            (write.at, write.body)
            for write in self.writes
            if isinstance(write.body, EventWrite) and write.code is Code.OK
        ]


def ended(child: KubernetesExecution) -> bool:
    return child.status.phase in EXECUTION_ENDED


def owner_uid(child: KubernetesExecution) -> str:
    """The uid of its controller owner; "" for an orphan."""
    for owner in child.metadata.owner_references:
        if owner.controller:
            return owner.uid
    return ""


def history_of(
    records: Sequence[TraceRecord],
    settings: Settings,
    *,
    cut: bool,
    end: int = 0,
    utterances: Utterances = SILENCE,
    skew: int = 0,
    alerts: tuple[Firing, ...] | None = None,
    targets: Sequence[TargetVersion] | None = None,
) -> History:
    """All facts of a run, in the order of their commits; `end` 0: the run ended with its last record."""
    builder = _Builder(settings)
    writes = builder.history.writes
    elected, incidents = False, list[Incident]()
    for record in records:
        if isinstance(record, Version):
            builder.version(record)
        elif isinstance(record, Written):
            writes.append(record)
            elected = elected or isinstance(record.body, CreateLease)
        elif record.what != STARTED_AGAIN:
            incidents.append(record)
    finals = sorted(builder.last.values(), key=_place)
    return builder.history._replace(
        finals=tuple(finals),
        cut=cut,
        end=end or (records[-1].at if records else 0),
        troubles=len(incidents),
        elected=elected,
        told=utterances.records,
        looks=utterances.looks,
        decisions=utterances.decisions,
        dropped=utterances.dropped,
        skew=skew,
        alerts=alerts,
        audited=utterances.audited,
        waiting=utterances.waiting,
        levels=utterances.levels,
        readings=utterances.readings,
        heard_ms=utterances.heard_ms,
        incidents=incidents,
        targets=targets,
    )


def _place(thing: Watched) -> tuple[str, str, str]:
    return (thing.__class__.__name__, thing.metadata.namespace, thing.metadata.name)


class _Builder:
    def __init__(self, settings: Settings) -> None:
        self.history = History(settings, [], [], [], [], (), False)
        self.last: dict[str, Watched] = {}
        # By owner: children that have not ended, in the order in which they appeared.
        self.live: dict[str, dict[str, KubernetesExecution]] = {}

    def version(self, record: Version) -> None:
        thing = record.object
        if isinstance(thing, WorkflowExecution):
            self._workflow(record, thing)
        else:
            self._child(record, thing)
        if record.change is Change.DELETED:
            self.last.pop(thing.metadata.uid, None)
        else:
            self.last[thing.metadata.uid] = thing

    def _workflow(self, record: Version, after: WorkflowExecution) -> None:
        before = self.last.get(after.metadata.uid)
        assert before is None or isinstance(before, WorkflowExecution), "a uid belongs to one kind"
        gone = record.change is Change.DELETED
        self.history.workflows.append(WorkflowMove(record.at, before, None if gone else after))
        old = () if before is None else before.status.step_statuses
        new = after.status.step_statuses
        if old is new:
            return
        steps = self.history.steps
        for index, step in enumerate(new):
            earlier = old[index] if index < len(old) else None
            if earlier is not step and earlier != step:
                steps.append(StepMove(record.at, after, earlier, step))

    def _child(self, record: Version, child: KubernetesExecution) -> None:
        uid = child.metadata.uid
        before = self.last.get(uid)
        assert before is None or isinstance(before, KubernetesExecution), "a uid belongs to one kind"
        owner = owner_uid(child)
        workflow = self.last.get(owner)
        live = self.live.setdefault(owner, {})
        siblings = tuple(other for name, other in live.items() if name != uid)
        gone = record.change is Change.DELETED
        self.history.children.append(
            ChildMove(
                record.at,
                before,
                None if gone else child,
                workflow if isinstance(workflow, WorkflowExecution) else None,
                siblings,
            )
        )
        if gone or ended(child):
            live.pop(uid, None)
        else:
            live[uid] = child


def forward_children(move: ChildMove) -> tuple[KubernetesExecution, ...]:
    """Siblings that still run and belong to no rollback."""
    return tuple(sibling for sibling in move.siblings if not is_undo(sibling))
