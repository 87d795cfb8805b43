"""The plan in the making: what a phase handler changes, kept apart from what it sees.

One draft per decision. Handlers read through it (so that they see what they have changed), and `finish` turns it into
a `Plan` whose status is the very object that was seen when nothing changed.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from wfexec.core.secrecy import hide, hide_changes, hide_records
from wfexec.core.transitions import PHASE_TARGETS, STEP_TARGETS
from wfexec.errors import OurBug
from wfexec.model.base import compact, evolve
from wfexec.model.entries import entries_of, entries_with
from wfexec.model.execution import KubernetesExecution
from wfexec.model.facts import Question
from wfexec.model.meta import Condition, ObjectReference, OwnerReference, correlation_of
from wfexec.model.phases import Phase, StepState
from wfexec.model.plan import Copy, CountRecord, DeleteChild, EventRecord, LogRecord, MetadataChange, Plan, Record
from wfexec.model.recipe import Recipe
from wfexec.model.redact import readable
from wfexec.model.snapshot import Snapshot
from wfexec.model.status import StepStatus, WorkflowExecutionStatus
from wfexec.model.workflow import AdaptiveOrchestration
from wfexec.settings import Settings

# The constructor of a named tuple is a call of its own.
_tuple: Final[Any] = tuple.__new__
_BLANK_CONDITION = compact(Condition(type="unset", status="Unknown", reason="", last_transition_time=0))
_UNWELL = (StepState.FAILED, StepState.RETRYING, StepState.BLOCKED)
# An answer of the last moment is as good as one that is younger than an instant which has not come yet.
FRESH_MS: Final = 2_000
# Who has just come back may look once before a limit that passed meanwhile is held against the workflow.
AWAKE_MS: Final = 30_000
# Which status field says when a phase began.
PHASE_STARTS: Final[dict[str, str]] = {
    Phase.PLANNING: "planning_start_time",
    Phase.VALIDATING: "validation_start_time",
    Phase.EXECUTING: "execution_start_time",
    Phase.MONITORING: "monitoring_start_time",
    Phase.ROLLING_BACK: "rollback_start_time",
}


class Ties(NamedTuple):
    """What every child of one workflow shares: whom it refers to, who owns it, its label, its correlation ID."""

    reference: ObjectReference
    owners: tuple[OwnerReference, ...]
    label: str
    correlation: str


class Demands(NamedTuple):
    """What production asks: `refusals` stop the workflow; `person` says why somebody must approve, "" for nobody.

    `unsure`: it has been asked whether the person may whom the marks name, and they do not count until it is known.
    """

    refusals: tuple[str, ...]
    person: str
    unsure: bool = False


class UndoRequest(NamedTuple):
    """A rollback somebody asked for; `to_step`: steps up to this stepNumber are kept, None keeps none."""

    by: str
    to_step: int | None


class Draft:
    """`steps` is the list to read; change it only through `move_step` and `set_step`. `states` and `numbers` are what
    stands in them: a plain list is read ten times faster than a value's field."""

    __slots__ = (
        "_changes",
        "base",
        "creates",
        "deadline",
        "deletes",
        "demands",
        "keeps",
        "metadata",
        "misses",
        "now",
        "numbers",
        "questions",
        "recipe",
        "records",
        "rules",
        "settings",
        "snapshot",
        "states",
        "status",
        "steps",
        "steps_changed",
        "ties",
        "troubles",
        "undo_request",
        "unwell",
        "wake_at",
        "wishes",
        "workflow",
    )

    def __init__(
        self, snapshot: Snapshot, recipe: Recipe, now: int, settings: Settings, base: Recipe | None = None
    ) -> None:
        self.snapshot = snapshot
        self.workflow = snapshot.workflow
        self.status: WorkflowExecutionStatus = snapshot.workflow.status
        self.recipe = recipe
        # The recipe before anything that stands in status was laid over it.
        self.base = recipe if base is None else base
        self.now = now
        self.settings = settings
        entries = entries_of(self.status.step_statuses)
        self.steps: list[StepStatus] = list(entries)
        self.states: list[StepState] = list(entries.states)
        self.numbers = entries.numbers
        self.records: list[Record] = []
        self.creates: list[KubernetesExecution] = []
        self.deletes: list[DeleteChild] = []
        self.questions: list[Question] = []
        self.metadata: MetadataChange | None = None
        # What undoing will need, written before anything else of this plan.
        self.keeps: Copy | None = None
        self.wake_at: int | None = None
        # Of the executing phase; worked out once, by `birth.deadline_of`.
        self.deadline: int | None = None
        # Worked out once, by `production.demands_of`.
        self.demands: Demands | None = None
        # Made by `birth` for the first child of this plan.
        self.ties: Ties | None = None
        # What is wrong beyond the states of the steps: (reason of the condition Degraded, a sentence for people).
        self.troubles: list[tuple[str, str]] = []
        # A step failed, was blocked or is tried again: the health of the execution is judged anew.
        self.unwell = False
        # A person's accepted wish to roll back what runs.
        self.undo_request: UndoRequest | None = None
        # Set by the executing phase where steps to come may be changed.
        self.rules: AdaptiveOrchestration | None = None
        # Completed steps that must be verified before anything builds on them, by position, each with the reason.
        self.wishes: dict[int, str] = {}
        # Verdicts on preconditions that a step does without, by position; None for most looks.
        self.misses: dict[int, Any] | None = None
        self._changes: dict[str, Any] = {}
        self.steps_changed = False

    def get(self, field: str) -> Any:
        """A status field as it will be written."""
        changes = self._changes
        return changes[field] if field in changes else getattr(self.status, field)

    def set(self, **changes: Any) -> None:
        """Status fields; a value equal to what stands there is no change."""
        status = self.status
        for field, value in changes.items():
            if field in self._changes or getattr(status, field) != value:
                self._changes[field] = value

    def set_steps(self, steps: Iterable[StepStatus]) -> None:
        entries = entries_of(steps)
        self.steps = list(entries)
        self.states = list(entries.states)
        self.numbers = entries.numbers
        self.steps_changed = True

    def set_step(self, position: int, **changes: Any) -> StepStatus:
        """Fields of one step, its state apart; it never ends before it started, whoever's clock wrote that down."""
        ended = changes.get("end_time")
        if ended is not None:
            changes["end_time"] = max(ended, changes.get("start_time", self.steps[position].start_time) or 0)
        made = evolve(self.steps[position], **changes)
        self.steps[position] = made
        self.states[position] = made.status
        self.steps_changed = True
        return made

    def move_step(self, position: int, state: StepState, **changes: Any) -> StepStatus:
        """One step to another state, along the table."""
        source = self.steps[position].status
        if state not in STEP_TARGETS[source]:
            raise OurBug(f"step {self.steps[position].step_number} may not go from {source} to {state}")
        if state in _UNWELL:
            self.unwell = True
        return self.set_step(position, status=state, **changes)

    def move_phase(self, phase: Phase, message: str, **changes: Any) -> None:
        """The workflow to another phase, along the table, with its start time, event and duration count."""
        source = self.get("phase")
        if phase not in PHASE_TARGETS[source]:
            raise OurBug(f"a workflow may not go from {source or 'new'} to {phase}")
        if source == Phase.PAUSED:
            self._paused_until_now(phase)
        elif source in PHASE_STARTS and phase is not Phase.PAUSED:
            self._lasted(source, self.get(PHASE_STARTS[Phase(source)]), self.now, self.get("paused_total"))
        start_field = PHASE_STARTS.get(phase)
        if start_field is not None:
            changes.setdefault(start_field, self.now)
            changes.setdefault("paused_total", 0)
        self._changes.update(changes, phase=phase, message=self.told(message))
        self.event("Normal", "PhaseTransition", f"Phase: {source or 'new'} → {phase}")

    def _paused_until_now(self, phase: Phase) -> None:
        """The pause is over, and so is the phase that it interrupted if the workflow does not go back to it."""
        # As it stands in status: whoever ends the workflow may have cleared it.
        status = self.status
        at, left = status.paused_at, status.paused_from
        self._lasted(Phase.PAUSED, at, self.now, 0)
        if left in PHASE_STARTS and phase != left:
            until = self.now if at is None else at
            self._lasted(left, getattr(status, PHASE_STARTS[Phase(left)]), until, status.paused_total)

    def _lasted(self, phase: str, started: int | None, until: int, paused: int) -> None:
        if started is not None:
            seconds = max(0, until - started - paused) / 1_000
            self.count("kubernaut_workflowexecution_phase_duration_seconds", phase, value=seconds)

    def told(self, text: str, limit: int = 1024) -> str:
        """`text` as people may read it: no secret that it names or that the parameters hold, at most so long."""
        if self.recipe.secrets:
            text = hide(text, self.recipe.secrets)
        return readable(text, limit)

    def event(self, kind: str, reason: str, message: str) -> None:
        self.records.append(_tuple(EventRecord, (kind, reason, self.told(message))))

    def count(self, metric: str, *labels: str, value: float = 1.0) -> None:
        self.records.append(_tuple(CountRecord, (metric, labels, value)))

    def log(self, level: str, message: str, *fields: tuple[str, str]) -> None:
        fields = (*fields, ("correlationID", correlation_of(self.workflow.metadata)))
        self.records.append(LogRecord(level, message, fields))

    def condition(self, type_: str, holds: bool, reason: str, message: str = "") -> None:
        """Set one condition; its time moves only when its status does."""
        status = "True" if holds else "False"
        conditions: tuple[Condition, ...] = self.get("conditions")
        at = next((place for place, condition in enumerate(conditions) if condition.type == type_), None)
        message = self.told(message)
        if at is None:
            made = evolve(
                _BLANK_CONDITION, type=type_, status=status, reason=reason, message=message,
                last_transition_time=self.now, observed_generation=self.workflow.metadata.generation,
            )  # fmt: skip
            self._changes["conditions"] = (*conditions, made)
            return
        old = conditions[at]
        if (old.status, old.reason, old.message) == (status, reason, message):
            return
        since = old.last_transition_time if old.status == status else self.now
        made = evolve(old, status=status, reason=reason, message=message, last_transition_time=since)
        self._changes["conditions"] = (*conditions[:at], made, *conditions[at + 1 :])

    def seen_since(self, *instants: int) -> int:
        """From when on an answer shows what had happened at all these instants.

        One that is ahead was written by another controller's clock: no answer of ours could be younger, and to ask
        until one is would be to ask without end.
        """
        now = self.now
        return max([instant if instant <= now else now - FRESH_MS for instant in instants])

    def patient(self, until: int) -> int:
        """A limit for what must be asked: nobody asked while nobody was there, so it is later for who came back."""
        return max(until, self.snapshot.awake_since + AWAKE_MS)

    @property
    def writes(self) -> bool:
        """Whether status is written in any case, so that one more field of it costs nothing."""
        return bool(self._changes) or self.steps_changed

    def create(self, child: KubernetesExecution) -> None:
        """Ask for a child. One that is there is asked for no more, whatever a status edited by hand calls it."""
        if child.metadata.name not in self.snapshot.children:
            self.creates.append(child)

    def wake(self, at: int) -> None:
        """Look again no later than `at`; never in the past, which would spin."""
        now = self.now
        if at <= now:
            at = now + 1
        if self.wake_at is None or at < self.wake_at:
            self.wake_at = at

    def finish(self) -> Plan:
        changes = self._changes
        status: WorkflowExecutionStatus | None = None
        if self.steps_changed:
            changes["step_statuses"] = entries_with(self.steps, self.states, self.numbers)
        if self.recipe.secrets:
            self._keep_secrets()
        if changes:
            generation = self.workflow.metadata.generation
            changes["observed_generation"] = max(generation, self.status.observed_generation)
            changes["last_heartbeat"] = self.now
            status = evolve(self.status, **changes)
        asked = (tuple(self.creates), tuple(self.deletes), tuple(self.questions), self.wake_at, tuple(self.records))
        plan: Plan = _tuple(Plan, (self.metadata, status, *asked, False, self.keeps, None, None))
        return plan

    def _keep_secrets(self) -> None:
        """Nothing that we write says what its parameters keep secret; what then is as it was is no change."""
        changes, secrets = self._changes, self.recipe.secrets
        hide_changes(WorkflowExecutionStatus, changes, secrets)
        for field in [field for field, value in changes.items() if getattr(self.status, field) == value]:
            del changes[field]
        self.records = hide_records(self.records, secrets)
