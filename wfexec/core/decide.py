"""The decision: (what we see, what time it is) to what to do. Start reading here.

Called by the engine for one workflow at a time. Total: nothing the world can do raises here. Order of judgement:
deletion, end, finalizer, the person's word (cancel, suspend), then the phase's own handler.
"""

from collections.abc import Callable
from typing import Final

from wfexec.core import control
from wfexec.core.draft import Draft
from wfexec.core.ending import NOT_WATCHED, complete, fail, no_longer_cancelled
from wfexec.core.execute import DRAINING, executing
from wfexec.core.final import deleting
from wfexec.core.interventions import ASKED
from wfexec.core.lookup import look_up
from wfexec.core.maintenance import held
from wfexec.core.monitoring import monitoring
from wfexec.core.parents import look_for_parent, retention, tell_alone
from wfexec.core.refusals import UNRESOLVED
from wfexec.core.replan import laid_over, planned_as
from wfexec.core.rollback import rolling_back
from wfexec.core.rollback_request import no_longer_asked
from wfexec.core.start import new, planning, validating
from wfexec.model.meta import FINALIZER, FINALIZER_OLD
from wfexec.model.phases import TERMINAL, ErrorType, Phase, RollbackStrategy, Strategy, WorkflowOutcome
from wfexec.model.plan import EventRecord, MetadataChange, Plan
from wfexec.model.recipe import Recipe, Refusal
from wfexec.model.snapshot import Snapshot
from wfexec.model.words import PAUSED
from wfexec.settings import Settings

HANDLERS: Final[dict[str, Callable[[Draft], None]]] = {
    Phase.NEW: new,
    Phase.PLANNING: planning,
    Phase.VALIDATING: validating,
    Phase.EXECUTING: executing,
    Phase.MONITORING: monitoring,
    Phase.ROLLING_BACK: rolling_back,
    Phase.PAUSED: control.paused,
    **dict.fromkeys(TERMINAL, control.ended),
}
# A member of an enumeration is read by a call.
_NEW: Final = Phase.NEW
_PLANNING: Final = Phase.PLANNING
# Phases in which stepStatuses must fit the recipe.
STEPPED: Final = frozenset({Phase.VALIDATING, Phase.EXECUTING, Phase.MONITORING, Phase.ROLLING_BACK})
# Stands in for the recipe of a definition that was refused: it has no steps, and it is never executed.
NO_RECIPE: Final = Recipe(
    name="",
    version="",
    digest="",
    steps=(),
    order=(),
    batches=(),
    critical_path=(),
    strategy=Strategy.SEQUENTIAL,
    rollback_strategy=RollbackStrategy.NONE,
    estimate_ms=0,
    parallel_max=1,
    numbers=[],
    targets=(),
    asks=(),
    access=(),
    risks=(),
    checks=(),
    questions=(),
    conflicts=(),
    plan=None,
    pending=(),
)


def decide(snapshot: Snapshot, now: int, settings: Settings) -> Plan:
    """What to do about one workflow; `now` in milliseconds since 1970."""
    workflow = snapshot.workflow
    meta = workflow.metadata
    if meta.deletion_timestamp is not None:
        return deleting(snapshot, now, settings)
    phase = workflow.status.phase
    if phase in TERMINAL and ASKED.isdisjoint(meta.annotations):
        return retention(snapshot, now, settings)
    handler = HANDLERS.get(phase)
    if handler is None:
        message = f"phase {phase[:63]!r} is not one this version knows; nothing is changed"
        return Plan(wake_at=now + settings.requeue_error, records=(EventRecord("Warning", "UnknownPhase", message),))
    base = snapshot.recipe if isinstance(snapshot.recipe, Recipe) else NO_RECIPE
    recipe, rules = base, workflow.spec.adaptive_orchestration
    if rules.optimization_enabled or rules.dynamic_step_adjustment or rules.learning_from_history:
        plan = workflow.status.execution_plan
        base = planned_as(base, plan, settings)
        recipe = laid_over(base, plan, settings)
    draft = Draft(snapshot, recipe, now, settings, base)
    if FINALIZER not in meta.finalizers:
        kept = tuple(one for one in meta.finalizers if one != FINALIZER_OLD)
        draft.metadata = MetadataChange(finalizers=(*kept, FINALIZER))
    found = look_for_parent(draft) if phase not in TERMINAL else None
    if isinstance(found, Plan):
        return found
    _judge(draft, handler)
    if found is not None:
        tell_alone(draft, *found)
    return draft.finish()


def _judge(draft: Draft, handler: Callable[[Draft], None]) -> None:
    phase = draft.status.phase
    spec = draft.workflow.spec
    refusal = draft.snapshot.recipe
    if draft.status.observed_generation < draft.workflow.metadata.generation and not spec.cancel:
        no_longer_cancelled(draft)
    if phase == _NEW:
        new(draft)
    elif phase in TERMINAL:
        handler(draft)
    elif isinstance(refusal, Refusal) and not (refusal == UNRESOLVED and phase in (_PLANNING, PAUSED)):
        _refused(draft, _of_template(draft, refusal))
    elif _changed(draft):
        message = "the definition is not the one that was planned; put a new workflow beside it instead of changing it"
        _refused(draft, Refusal("definition_changed", "spec", message))
    elif not _steps_fit(draft):
        message = "status_inconsistent: status.stepStatuses does not fit spec.workflowDefinition.steps"
        draft.set_steps(())
        _fail_anyhow(draft, message)
    elif spec.cancel:
        control.cancel(draft)
    elif ASKED.isdisjoint(draft.workflow.metadata.annotations) or not control.intervened(draft):
        _go_on(draft, handler)


def _of_template(draft: Draft, refusal: Refusal) -> Refusal:
    """Nobody finds the steps of a template in the workflow: say whose they are (BR-WF-026)."""
    template = draft.status.template
    if template is None or not refusal.field.startswith("spec.workflowDefinition"):
        return refusal
    return refusal._replace(message=f"template {template.name} {template.version}: {refusal.message}")


def _go_on(draft: Draft, handler: Callable[[Draft], None]) -> None:
    """Nobody intervenes: pause, resume, or what the phase is about."""
    phase, suspend, namespace = draft.status.phase, draft.workflow.spec.suspend, held(draft)
    if draft.status.message.startswith(DRAINING):
        no_longer_asked(draft)
    if (suspend or namespace) and phase in control.PAUSABLE:
        control.pause(draft, namespace)
    elif phase == PAUSED and not suspend and not namespace:
        control.resume(draft)
    elif phase == _PLANNING and isinstance(draft.snapshot.recipe, Refusal):
        unplannable = look_up(draft)
        if unplannable is not None:
            _refused(draft, unplannable)
    else:
        if suspend and phase == Phase.ROLLING_BACK and not namespace:
            draft.condition("Paused", False, "RollingBack", "a rollback is not paused")
        handler(draft)


def _changed(draft: Draft) -> bool:
    """Has somebody changed what was planned, past an API server that refuses most of it? (BR-WF-025)"""
    plan = draft.status.execution_plan
    return plan is not None and plan.definition_digest not in ("", draft.recipe.digest)


def _steps_fit(draft: Draft) -> bool:
    """Somebody may have edited status by hand; acting on steps that do not fit would be guessing."""
    phase = draft.status.phase
    if phase not in STEPPED and not (phase == PAUSED and draft.status.paused_from in STEPPED):
        return True
    return draft.recipe.numbers == draft.numbers


def _refused(draft: Draft, refusal: Refusal) -> None:
    """Planning refuses the definition, or it no longer plans what it once did (BR-WF-005)."""
    message = "planning_error: " + ": ".join(part for part in (refusal.field, refusal.message) if part)
    draft.condition("Planned", False, refusal.reason, message)
    draft.condition("ValidationFailed", True, refusal.reason, message)
    if refusal.reason in ("circular_dependency", "self_dependency"):
        draft.count("kubernaut_workflowexecution_circular_dependency_detected_total")
    if _left(draft) in (Phase.PLANNING, Phase.VALIDATING):
        draft.count("workflowexecution_validation_failures_total")
    _fail_anyhow(draft, message)


def _fail_anyhow(draft: Draft, message: str) -> None:
    """Fail from a phase that has no direct way to `failed`: leave the pause first, end the watching as unverified."""
    draft.count("kubernaut_workflowexecution_errors_total", ErrorType.VALIDATION_ERROR, _left(draft))
    if draft.get("phase") == Phase.PAUSED:
        control.resume(draft)
        draft.wake_at = None
    if draft.get("phase") == Phase.MONITORING:
        complete(draft, WorkflowOutcome.UNKNOWN, message, NOT_WATCHED)
    else:
        fail(draft, message, ErrorType.VALIDATION_ERROR)


def _left(draft: Draft) -> str:
    """The phase that a workflow is in, or that it was paused in."""
    phase: str = draft.get("phase")
    return draft.get("paused_from") or phase if phase == PAUSED else phase
