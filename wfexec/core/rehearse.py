"""What would the controller do with this workflow before anything runs? Its own decisions, taken one after the other.

Called by `wfexec plan`. Every look is `core.decide`, so a plan on a desk and a plan in a cluster are the same; what
must be known of the world is asked of `answer`, once per question. Nothing is created, and no person is waited for.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from wfexec.core.decide import decide
from wfexec.core.dryrun import simulate
from wfexec.core.gates import protected_targets
from wfexec.core.graph import compile_recipe
from wfexec.core.templates import with_steps
from wfexec.model.base import evolve
from wfexec.model.bearings import Bearings, NamespaceFacts
from wfexec.model.facts import Answer, AskTarget, Facts, NetworkFacts, Question, TargetFacts, TargetRef, Unknown
from wfexec.model.meta import (
    ANNOTATION_APPROVAL,
    ANNOTATION_APPROVED_BY,
    ANNOTATION_PRE_APPROVED,
    FINALIZER,
    Condition,
)
from wfexec.model.phases import CheckType, Phase
from wfexec.model.plan import EventRecord
from wfexec.model.recipe import Recipe, Refusal
from wfexec.model.snapshot import Snapshot
from wfexec.model.status import NO_STATUS, DryRunResults, WorkflowExecution, WorkflowExecutionStatus
from wfexec.model.workflow import SafetyCheck
from wfexec.settings import Settings

Answering = Callable[[Question], Facts]
BEFORE: Final = frozenset({Phase.NEW, Phase.PLANNING, Phase.VALIDATING})
# Planning, asking, judging, one word: far fewer than this, unless a decision of ours goes in circles.
LOOKS_MAX: Final = 64
DECISIONS: Final = frozenset({ANNOTATION_APPROVAL, ANNOTATION_APPROVED_BY, ANNOTATION_PRE_APPROVED})
_ASSUMED: Final = (SafetyCheck(type=CheckType.NETWORK, required=False),)


class Rehearsal(NamedTuple):
    """`status` and `events` are the controller's; `refused` "" when it would go on, else why not.

    `approval` says why a person would be asked, "" when nobody would. `dry_run` None without a world to try it on.
    """

    recipe: Recipe | Refusal
    status: WorkflowExecutionStatus
    events: tuple[EventRecord, ...]
    refused: str
    approval: str
    dry_run: DryRunResults | None


def rehearse(
    workflow: WorkflowExecution, answer: Answering | None, bearings: Bearings, now: int, settings: Settings
) -> Rehearsal:
    """`answer` None: nothing is known of any cluster, so only planning is tried, and what no cluster would change.

    A workflow that names a template must have its steps, see `with_template`.
    """
    workflow = fresh(workflow)
    # What a desk hears of alerts says nothing of what the controller will.
    settings = settings.model_copy(update={"alertmanager_url": ""})
    recipe = compile_recipe(workflow.spec, settings)
    asked = approval_asked(workflow, bearings, now, settings)
    if isinstance(recipe, Refusal) or answer is None:
        asking = answer or _nobody
        status, events = _run(workflow, asking, bearings, now, settings, BEFORE - {Phase.VALIDATING})
        certain = _certain(workflow, recipe, settings) if isinstance(recipe, Recipe) else ""
        return Rehearsal(recipe, status, events, _refused(status) or certain, asked, None)
    known: dict[Question, Facts] = {}

    def once(question: Question) -> Facts:
        if question not in known:
            known[question] = _final(answer(question))
        return known[question]

    status, events = _run(workflow, once, bearings, now, settings, BEFORE)
    results = status.validation_results
    dry_run = results.dry_run_results if results is not None else None
    if dry_run is None:
        facts = {ref: _of_target(once(AskTarget(ref)), ref) for ref in recipe.targets}
        dry_run = simulate(
            recipe,
            facts,
            bearings.namespaces,
            settings.protected_namespaces,
            variables=workflow.spec.variables,
            now=now,
        )
    return Rehearsal(recipe, status, events, _refused(status), asked, dry_run)


def _nobody(_: Question) -> Facts:
    return Unknown("no world")


def _certain(workflow: WorkflowExecution, recipe: Recipe, settings: Settings) -> str:
    """Why validation refuses it in any cluster, whatever that is like; "" when it depends."""
    protected = protected_targets(recipe, settings)
    if protected:
        return f"safety_validation_failed: {'; '.join(protected)}"
    clashes = [one.description for one in recipe.conflicts if one.severity == "high"]
    rehearsed = workflow.spec.execution_strategy.dry_run_first
    return f"dry_run_failed: {'; '.join(clashes)}" if clashes and rehearsed else ""


def with_template(
    workflow: WorkflowExecution, answer: Answering, bearings: Bearings, now: int, settings: Settings
) -> WorkflowExecution:
    """With the steps of its template, looked up as the controller does; as it was where there is none to be had."""
    if workflow.spec.template_ref is None:
        return workflow
    status, _ = _run(fresh(workflow), answer, bearings, now, settings, BEFORE - {Phase.VALIDATING})
    found = status.template
    return workflow if found is None else evolve(workflow, spec=with_steps(workflow.spec, found.body))


def fresh(workflow: WorkflowExecution) -> WorkflowExecution:
    """As if it had just been applied, and not suspended or cancelled: those stop a run, not a plan."""
    meta = workflow.metadata
    metadata = evolve(meta, namespace=meta.namespace or "default", uid=meta.uid or "planned", finalizers=(FINALIZER,))
    spec = evolve(workflow.spec, suspend=False, cancel=False)
    return evolve(workflow, metadata=metadata, spec=spec, status=NO_STATUS)


def approval_asked(workflow: WorkflowExecution, bearings: Bearings, now: int, settings: Settings) -> str:
    """Why a person would be asked, were all else well; words already on the object do not count."""
    strategy = evolve(workflow.spec.execution_strategy, dry_run_first=False, safety_checks=_ASSUMED)
    marks = {key: value for key, value in workflow.metadata.annotations.items() if key not in DECISIONS}
    metadata = evolve(workflow.metadata, annotations=marks)
    spec = evolve(workflow.spec, execution_strategy=strategy)
    status, _ = _run(
        evolve(workflow, spec=spec, metadata=metadata),
        lambda _: NetworkFacts(True, ""),
        bearings,
        now,
        settings,
        BEFORE,
    )
    condition = next((one for one in status.conditions if one.type == "Approved"), _NO_CONDITION)
    return condition.message if condition.status == "False" else ""


def ordinary(workflow: WorkflowExecution, settings: Settings) -> Bearings:
    """Where nothing is known of namespaces: those that the steps name are there, and none of them is production.

    What people decide by is taken to be guarded, as the shipped manifests have it.
    """
    recipe = compile_recipe(fresh(workflow).spec, settings)
    steps = recipe.steps if isinstance(recipe, Recipe) else ()
    return Bearings(namespaces={step.namespace: NamespaceFacts({}) for step in steps if step.namespace}, guarded=True)


_NO_CONDITION: Final = Condition(type="Approved", status="Unknown", reason="", last_transition_time=0)


def _run(
    workflow: WorkflowExecution,
    answer: Answering,
    bearings: Bearings,
    now: int,
    settings: Settings,
    phases: frozenset[Phase],
) -> tuple[WorkflowExecutionStatus, tuple[EventRecord, ...]]:
    """Decide until the workflow leaves these phases or waits for something that is no answer."""
    recipe = compile_recipe(workflow.spec, settings)
    answers: dict[Question, Answer] = {}
    events: list[EventRecord] = []
    for _ in range(LOOKS_MAX):
        if workflow.status.phase not in phases or workflow.status.template is not None:
            break
        snapshot = Snapshot(workflow, recipe, {}, {}, frozenset(), answers, {}, bearings)
        plan = decide(snapshot, now, settings)
        events += [record for record in plan.records if isinstance(record, EventRecord)]
        missing = [question for question in plan.questions if question not in answers]
        owners = plan.metadata.owner_references if plan.metadata is not None else None
        if plan.status is None and not missing and owners is None:
            break
        if owners is not None:
            # Its parent lives: a plan of its own says so before anything else goes on.
            workflow = evolve(workflow, metadata=evolve(workflow.metadata, owner_references=owners))
        answers |= {question: Answer(now, answer(question)) for question in missing}
        if plan.status is not None:
            workflow = evolve(workflow, status=plan.status)
    return workflow.status, tuple(events)


def _refused(status: WorkflowExecutionStatus) -> str:
    return status.failure_reason if status.phase == Phase.FAILED else ""


def _final(facts: Facts) -> Facts:
    """Nobody is asked twice here: what is not known now stays unknown."""
    return Unknown(facts.reason) if isinstance(facts, Unknown) else facts


def _of_target(facts: Facts, ref: TargetRef) -> TargetFacts | Unknown:
    if isinstance(facts, TargetFacts | Unknown):
        return facts
    return Unknown(f"no facts of {ref.kind}")
