"""The body of a child and the limits it is given (BR-WF-013, BR-WF-TIMEOUT-002).

Made from the recipe's prototype and the moment its attempt began, so that a second look after a crash asks for the
very same object.
"""

from functools import lru_cache
from typing import Final

from wfexec.core.children import child_name, label_value
from wfexec.core.draft import Draft, Ties
from wfexec.model.base import clip, compact, evolve
from wfexec.model.execution import KubernetesExecution, KubernetesExecutionSpec
from wfexec.model.facts import TargetFacts
from wfexec.model.meta import (
    ANNOTATION_ATTEMPT,
    ANNOTATION_CORRELATION,
    LABEL_ACTION,
    LABEL_ROLLBACK,
    LABEL_STEP,
    LABEL_WORKFLOW,
    LABEL_WORKFLOW_EXECUTION,
    WORKFLOW_API,
    WORKFLOW_KIND,
    ObjectMeta,
    ObjectReference,
    OwnerReference,
    correlation_of,
)
from wfexec.model.parameters import ActionParameters
from wfexec.model.recipe import RecipeStep
from wfexec.model.status import ExecutionPlan
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import MEDIUM_STEPS_MAX, SIMPLE_STEPS_MAX, Settings

# What the executor accepts at most; a timeout below a second would end before it began.
CHILD_TIMEOUT_MAX: Final = 900_000
CHILD_TIMEOUT_MIN: Final = 1_000
_BLANK_META: Final = compact(ObjectMeta())
_BLANK_OWNER: Final = compact(
    OwnerReference(
        api_version=WORKFLOW_API, kind=WORKFLOW_KIND, name="unset", uid="", controller=True, block_owner_deletion=True
    )
)
_BLANK_REFERENCE: Final = compact(ObjectReference(api_version=WORKFLOW_API, kind=WORKFLOW_KIND, name="unset"))
_BLANK_SPEC: Final = compact(
    KubernetesExecutionSpec(workflow_execution_ref=_BLANK_REFERENCE, step_number=1, action="unset")
)
_BLANK_CHILD: Final = compact(KubernetesExecution(metadata=_BLANK_META, spec=_BLANK_SPEC))


def workflow_limit(
    spec: WorkflowExecutionSpec, steps: int, settings: Settings, plan: ExecutionPlan | None = None
) -> int:
    """How long the executing phase may take: the workflow's own word, else its parent's, else by the number of steps.

    What the parent gives stands in the plan in status (BR-WF-TIMEOUT-001).
    """
    if spec.timeout is not None:
        return spec.timeout
    if plan is not None and plan.timeout is not None:
        return plan.timeout
    if steps <= SIMPLE_STEPS_MAX:
        return settings.workflow_timeout_simple
    return settings.workflow_timeout_medium if steps <= MEDIUM_STEPS_MAX else settings.workflow_timeout_complex


def deadline_of(draft: Draft) -> int:
    """The instant after which the executing phase is over; paused time does not count."""
    if draft.deadline is None:
        began: int | None = draft.get("execution_start_time")
        paused: int = draft.get("paused_total")
        plan: ExecutionPlan | None = draft.get("execution_plan")
        limit = workflow_limit(draft.workflow.spec, len(draft.recipe.steps), draft.settings, plan)
        draft.deadline = (draft.now if began is None else began) + limit + paused
    return draft.deadline


def attempt_limit(draft: Draft, step: RecipeStep, started: int) -> int:
    """Milliseconds one attempt may take: the step's own timeout or what is left of the workflow's."""
    left = (draft.deadline if draft.deadline is not None else deadline_of(draft)) - started
    own = step.timeout_ms
    return own if own <= left else left if left > CHILD_TIMEOUT_MIN else CHILD_TIMEOUT_MIN


def birth(
    draft: Draft, step: RecipeStep, attempt: int, parameters: ActionParameters | None = None
) -> KubernetesExecution:
    """The child of attempt `attempt` (0 is the first); the attempt's own start decides the time it is given.

    `parameters` None means those of the prototype: there are no late values in them.
    """
    attempts = draft.steps[step.position].attempts
    started = attempts[attempt].start_time if attempt < len(attempts) else draft.now
    validation = draft.get("validation_results")
    approved = not draft.workflow.spec.execution_strategy.approval_required or (
        validation is not None and validation.approval_received
    )
    spec = evolve(
        step.prototype,
        workflow_execution_ref=_ties(draft).reference,
        timeout=min(attempt_limit(draft, step, started), CHILD_TIMEOUT_MAX),
        approval_received=approved,
    )
    if parameters is not None:
        spec = evolve(spec, parameters=parameters)
    name = child_name(draft.workflow.metadata.name, step.number, attempt)
    return body(draft, name, step, attempt, spec, undo=False)


def body(
    draft: Draft, name: str, step: RecipeStep, attempt: int, spec: KubernetesExecutionSpec, *, undo: bool
) -> KubernetesExecution:
    """Name, labels, correlation and owner around a spec."""
    ties = _ties(draft)
    labels = {
        LABEL_WORKFLOW_EXECUTION: ties.label,
        LABEL_WORKFLOW: ties.label,
        LABEL_STEP: str(step.number),
        LABEL_ACTION: label_value(spec.action),
    }
    if undo:
        labels[LABEL_ROLLBACK] = "true"
    meta = evolve(
        _BLANK_META,
        name=name,
        namespace=ties.reference.namespace,
        labels=labels,
        annotations={
            ANNOTATION_CORRELATION: ties.correlation,
            ANNOTATION_ATTEMPT: str(attempt),
        },
        owner_references=ties.owners,
    )
    return evolve(_BLANK_CHILD, metadata=meta, spec=spec)


def _ties(draft: Draft) -> Ties:
    ties = draft.ties
    if ties is None:
        owner = draft.workflow.metadata
        correlation = correlation_of(owner)
        ties = draft.ties = _tied(owner.namespace, owner.name, owner.uid, correlation)
    return ties


# The children of one workflow share what is the same of all of them, whichever look made them.
@lru_cache(maxsize=4_096)
def _tied(namespace: str, name: str, uid: str, correlation: str) -> Ties:
    return Ties(
        reference=evolve(_BLANK_REFERENCE, name=name, namespace=namespace, uid=uid),
        owners=(evolve(_BLANK_OWNER, name=name, uid=uid),),
        label=label_value(name),
        correlation=correlation,
    )


def undo_spec(draft: Draft, step: RecipeStep) -> KubernetesExecutionSpec:
    """A spec for the undo of a step, its action and parameters still to be filled in."""
    return evolve(_BLANK_SPEC, workflow_execution_ref=_ties(draft).reference, step_number=step.number, max_retries=0)


def undo_facts(draft: Draft) -> None:
    """Keep of each reversible step's target what its default undo needs (BR-WF-054)."""
    for step in draft.recipe.steps:
        answer = draft.snapshot.answers.get(step.ask) if step.ask is not None and step.undo_keys else None
        if answer is None or not isinstance(answer.facts, TargetFacts):
            continue
        state = answer.facts.state
        kept = {key: clip(state[key]) for key in step.undo_keys if key in state}
        if kept:
            draft.set_step(step.position, pre_state=kept)
