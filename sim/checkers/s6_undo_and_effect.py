"""S6, the other half: is an undo what its step's first source says, in its time, and told as its effect (BR-WF-053)?

Which requests are carried out, what belongs to a rollback, where an undo comes from, when it is tried again, and
whether skipped, succeeded and without effect are true of the targets as the store held them: `docs/rollback.md`.
"""

import json
from collections.abc import Iterator
from typing import Final, NamedTuple

from sim.checkers.complaint import Complaint
from sim.chronicle import TargetVersion
from sim.history import ChildMove, History, StepMove, owner_uid
from sim.trace import is_undo
from wfexec.core.children import map_undo, undo_from_information
from wfexec.core.undo import Expectation, expectation_of
from wfexec.model.execution import KubernetesExecution
from wfexec.model.facts import TargetRef
from wfexec.model.meta import ANNOTATION_ROLLBACK, ANNOTATION_ROLLBACK_BY
from wfexec.model.parameters import ActionParameters
from wfexec.model.phases import RETRYABLE, TERMINAL, Phase, RollbackStrategy, StepState, UndoState
from wfexec.model.status import StepRollback, StepStatus, WorkflowExecution
from wfexec.model.workflow import WorkflowStep
from wfexec.settings import Settings
from wfexec.units import so_many

TRIES_MAX: Final = 3
DELAYS_MS: Final = (0, 5_000, 10_000)
TIMEOUT_MAX_MS: Final = 900_000
# So much older than what it is asked about an answer may be.
FRESH_MS: Final = 2_000
UNSEEN: Final = "not verified"
WRONG: Final = " after the undo: "
_CUT_SHORT: Final = ("planning_error:", "status_inconsistent:")
_WRONG_STATES: Final = frozenset({UndoState.FAILED, UndoState.RETRYING})
_PASSING: Final = tuple(f"{error.value}: " for error in RETRYABLE)


class _Source(NamedTuple):
    """`parameters` None: only what they leave behind is known."""

    name: str
    parameters: ActionParameters | None
    leaves: Expectation | None


def check(history: History) -> Iterator[Complaint]:
    yield from _requests(history)
    if not any(move.after.status.rollback is not None for move in history.workflows if move.after is not None):
        return
    past = _Past(history)
    yield from _from_first_source(history, past)
    for move in history.steps:
        if move.after.rollback is not None and (move.before is None or move.before.rollback != move.after.rollback):
            old = move.before.rollback if move.before is not None else None
            for message in _told(move, old, move.after.rollback, past, history.settings):
                yield _complaint(move.workflow, move.at, message)


class _Past:
    """Targets and children as the store held them; `names`: the children of each owner, as they were last."""

    def __init__(self, history: History) -> None:
        self.skew = history.skew
        self.known = history.targets is not None
        self._targets: dict[TargetRef, list[TargetVersion]] = {}
        for one in history.targets or ():
            self._targets.setdefault(one.ref, []).append(one)
        self.children: dict[tuple[str, str], list[tuple[int, KubernetesExecution | None]]] = {}
        for move in history.children:
            key = (owner_uid(move.child), move.child.metadata.name)
            self.children.setdefault(key, []).append((move.at, move.after))

    def child(self, uid: str, name: str, at: int) -> KubernetesExecution | None:
        """As it was at that instant."""
        found = None
        for since, child in self.children.get((uid, name), ()):
            if since > at:
                break
            found = child
        return found

    def held(self, ref: TargetRef, since: int, until: int) -> list[dict[str, str] | None]:
        """Every state of it between two instants; None: it was not there."""
        states: list[dict[str, str] | None] = [None]
        for one in self._targets.get(ref, ()):
            if one.at > until:
                break
            if one.at <= since:
                states.clear()
            states.append(_state(one))
        return states

    def copy(self, name: str, number: int, at: int) -> dict[str, str] | None:
        """What our copy of a ConfigMap said at that instant of the keys that this step changes."""
        for ref, versions in self._targets.items():
            if ref.kind == "ConfigMap" and ref.name == name:
                there = [one.body for one in versions if one.at <= at]
                text = (there[-1].get("data") or {}).get(str(number)) if there and there[-1] is not None else None
                return dict(json.loads(text)) if text is not None else None
        return None


def _state(one: TargetVersion) -> dict[str, str] | None:
    """In the words of an expectation."""
    if one.body is None:
        return None
    spec = one.body.get("spec") or {}
    match one.ref.kind:
        case "Deployment":
            containers = spec.get("template", {}).get("spec", {}).get("containers") or ()
            images = {f"image:{each['name']}": str(each.get("image", "")) for each in containers}
            return {"replicas": str(spec.get("replicas", 1)), **images}
        case "Node":
            return {"unschedulable": "true" if spec.get("unschedulable") else "false"}
        case _:
            return {f"data:{key}": text for key, text in (one.body.get("data") or {}).items()}


def _is(expected: Expectation, state: dict[str, str] | None) -> bool:
    return state is not None and all(state.get(key) == text for key, text in expected.state.items())


def _requests(history: History) -> Iterator[Complaint]:
    """Rules 3 to 7, 9, 16 and 17: what an accepted request leads to, what a rollback takes on, and how it ends."""
    for move in history.workflows:
        before, after = move.before, move.after
        if before is None or after is None or before.status is after.status:
            continue
        messages = list(_accepted(before, after))
        if after.status.phase == Phase.ROLLING_BACK and before.status.phase != Phase.ROLLING_BACK:
            messages += _taken_on(after)
        if before.status.phase == Phase.ROLLING_BACK and after.status.phase in TERMINAL:
            messages += _ends(before, after)
        for message in messages:
            yield _complaint(after, move.at, message)


def _accepted(before: WorkflowExecution, after: WorkflowExecution) -> Iterator[str]:
    """While it stands nothing begins, and nothing ends without it."""
    said = next((one for one in before.status.conditions if one.type == "RollbackRequested"), None)
    if said is None or said.status != "True" or before.status.rollback is not None:
        return
    marks = before.metadata.annotations
    if ANNOTATION_ROLLBACK in marks and said.message == f"by {marks.get(ANNOTATION_ROLLBACK_BY)}":
        for old, new in zip(before.status.step_statuses, after.status.step_statuses, strict=False):
            if new.status is StepState.EXECUTING and old.status is not StepState.EXECUTING:
                yield f"step {new.step_number} starts while a rollback that was accepted waits"
    now = next((one for one in after.status.conditions if one.type == "RollbackRequested"), said)
    cut_short = after.status.failure_reason.startswith(_CUT_SHORT)
    if after.status.phase in TERMINAL and now.status == "True" and after.status.rollback is None and not cut_short:
        yield "ended, and the rollback that was accepted was neither carried out nor taken back"


def _taken_on(workflow: WorkflowExecution) -> Iterator[str]:
    status, steps = workflow.status, _steps_of(workflow)
    rollback = status.rollback
    if rollback is None:
        return
    strategy = status.execution_plan.rollback_strategy if status.execution_plan is not None else None
    if rollback.requested_by and strategy is RollbackStrategy.NONE:
        yield "rolls back on request, although its strategy is none"
    keeps = rollback.to_step or 0
    for entry in status.step_statuses:
        if (
            entry.status is StepState.COMPLETED
            and entry.step_number > keeps
            and entry.step_number not in rollback.order
        ):
            yield f"step {entry.step_number} completed and is left out of the rollback"
    completed = {entry.step_number for entry in status.step_statuses if entry.status is StepState.COMPLETED}
    for number, step in steps.items():
        if number <= keeps and number in completed:
            for gone in sorted({*step.depends_on, *_named(workflow, step)} & set(rollback.order)):
                yield f"step {number} stays, although step {gone}, which it was built on, is undone"


def _ends(before: WorkflowExecution, after: WorkflowExecution) -> Iterator[str]:
    status, rollback = after.status, after.status.rollback
    if rollback is None or status.failure_reason.startswith(_CUT_SHORT):
        return
    states = [
        step.rollback.status
        for step in status.step_statuses
        if step.rollback is not None and step.step_number in rollback.order
    ]
    told = (rollback.succeeded, rollback.failed, rollback.not_reversible, rollback.skipped)
    words = (UndoState.SUCCEEDED, UndoState.FAILED, UndoState.NOT_REVERSIBLE, UndoState.SKIPPED)
    for count, word in zip(told, words, strict=True):
        if states.count(word) != count:
            yield f"{so_many(states.count(word), 'undo is', 'undos are')} {word}, and the rollback counts {count}"
    wanted = Phase.CANCELLED if after.spec.cancel else Phase.FAILED
    if status.phase != wanted:
        yield f"the rollback ends as {status.phase}, not {wanted}"
    first = before.status.failure_reason
    if first and status.phase == Phase.FAILED and status.failure_reason != first:
        yield "the rollback replaced the reason of the first failure"


def _from_first_source(history: History, past: _Past) -> Iterator[Complaint]:
    """Rules 10, 12 and 13: parameters, name and timeout of every undo that is made."""
    names: set[tuple[str, str]] = set()
    for move in history.children:
        if move.before is not None or move.workflow is None or not is_undo(move.child):
            continue
        number, key = move.child.spec.step_number, (move.workflow.metadata.uid, move.child.metadata.name)
        if key in names:
            yield _complaint(move.workflow, move.at, f"undo of step {number} under a name that was used before")
        names.add(key)
        yield from _of_its_source(move, move.workflow, past, history.settings)


def _of_its_source(
    move: ChildMove, workflow: WorkflowExecution, past: _Past, settings: Settings
) -> Iterator[Complaint]:
    made, number = move.child.spec, move.child.spec.step_number
    step, entry = _steps_of(workflow).get(number), _entry(workflow, number)
    spec = step.rollback_spec if step is not None else None
    given = settings.rollback_step_timeout if spec is None or spec.timeout is None else spec.timeout
    if made.timeout != max(1_000, min(given, TIMEOUT_MAX_MS)):
        yield _complaint(workflow, move.at, f"undo of step {number} may take {made.timeout} ms, which nobody said")
    source = _source(workflow, entry, step, past, move.at) if entry is not None else None
    if source is None:
        return
    if source.parameters is not None:
        wrong = made.parameters != source.parameters
    else:
        wrong = expectation_of(made.parameters) != source.leaves
    if wrong:
        yield _complaint(workflow, move.at, f"undo of step {number} is not what {source.name} says")


def _source(
    workflow: WorkflowExecution, entry: StepStatus, step: WorkflowStep | None, past: _Past, at: int
) -> _Source | None:
    """The first that there is; None where none is known."""
    if step is not None and step.rollback_spec is not None and step.rollback_spec.parameters is not None:
        own = map_undo(step.rollback_spec.parameters)
        return _Source("its rollbackSpec", own, expectation_of(own))
    name = entry.k8s_execution_ref.name if entry.k8s_execution_ref is not None else ""
    child = past.child(workflow.metadata.uid, name, at)
    information = child.status.rollback_information if child is not None else None
    offered = undo_from_information(information) if information is not None else None
    if offered is not None:
        return _Source("its executor", offered, expectation_of(offered))
    told = child.spec.parameters if child is not None else None
    if told is None:
        return None
    if told.update_config_map is not None:
        kept = past.copy(entry.pre_state.get("copy", ""), entry.step_number, at)
        ref = TargetRef("ConfigMap", told.update_config_map.namespace, told.update_config_map.config_map)
        before = {f"data:{key}": text for key, text in (kept or {}).items()}
        return _Source("its copy", None, Expectation(ref, before)) if before else None
    leaves = _kept_facts(told, entry)
    return _Source("its state from before", None, leaves) if leaves is not None else None


def _kept_facts(told: ActionParameters, entry: StepStatus) -> Expectation | None:
    """What the facts that were kept before the first step say of the step's target."""
    state = entry.pre_state
    if told.scale_deployment is not None and "replicas" in state:
        p = told.scale_deployment
        return Expectation(TargetRef("Deployment", p.namespace, p.deployment), {"replicas": state["replicas"]})
    images = {key: text for key, text in state.items() if key.startswith("image:")}
    if told.patch_deployment is not None and images:
        q = told.patch_deployment
        return Expectation(TargetRef("Deployment", q.namespace, q.deployment), images)
    # What made a node schedulable that was so before is nothing that would have to be undone.
    node = told.cordon_node or told.drain_node or told.uncordon_node
    if node is not None and state.get("unschedulable", "false") == "false":
        return Expectation(TargetRef("Node", "", node.node), {"unschedulable": "false"})
    return None


def _told(
    move: StepMove, old: StepRollback | None, new: StepRollback, past: _Past, settings: Settings
) -> Iterator[str]:
    """Rules 8, 9, 13 and 14: is what status says of one undo true?"""
    number, before = move.after.step_number, old.status if old is not None else None
    if new.status is UndoState.RETRYING and before is not UndoState.RETRYING:
        yield from _again(move, new)
    elif new.status is UndoState.EXECUTING and old is not None and before is UndoState.RETRYING:
        if move.at < (old.next_retry_time or 0) - past.skew:
            yield f"the undo of step {number} is tried again before its time"
    elif new.status is UndoState.FAILED and before is not UndoState.FAILED:
        passing = new.attempts < TRIES_MAX and new.message.startswith(_PASSING)
        if passing and not _over(move.workflow, settings):
            tries = so_many(new.attempts, "try", "tries")
            yield f"the undo of step {number} is given up after {tries}, for what may pass"
    if new.status is before or not past.known:
        return
    source = _source(move.workflow, move.after, _steps_of(move.workflow).get(number), past, move.at)
    if new.status is UndoState.NOT_REVERSIBLE and source is not None and source.name != "its copy":
        yield f"step {number} is called not reversible, although {source.name} says how"
    if new.status is UndoState.SKIPPED:
        leaves = source.leaves if source is not None else None
        if leaves is None or not any(_is(leaves, one) for one in _since(past, leaves.target, move)):
            yield f"the undo of step {number} is skipped, and its target is not as it was before"
    yield from _effect(move, old, new, past)


def _again(move: StepMove, new: StepRollback) -> Iterator[str]:
    number, said = move.after.step_number, move.workflow.status.last_heartbeat or 0
    if not new.message.startswith(_PASSING):
        yield f"the undo of step {number} is tried again, for what does not pass"
    if new.attempts < TRIES_MAX and (new.next_retry_time or 0) - said < DELAYS_MS[new.attempts]:
        yield f"try {new.attempts + 1} of the undo of step {number} waits less than {DELAYS_MS[new.attempts]} ms"


def _effect(move: StepMove, old: StepRollback | None, new: StepRollback, past: _Past) -> Iterator[str]:
    """What the undo's parameters say must have been seen, or not, once its child had ended."""
    name = new.execution_ref.name if new.execution_ref is not None else ""
    child = past.child(move.workflow.metadata.uid, name, move.at)
    leaves = expectation_of(child.spec.parameters) if child is not None else None
    if leaves is None:
        return
    ended = old.end_time if old is not None and old.end_time is not None else move.at
    states = past.held(leaves.target, ended - FRESH_MS - past.skew, move.at)
    number = move.after.step_number
    if new.status is UndoState.SUCCEEDED and not new.message.startswith(UNSEEN):
        if not any(_is(leaves, one) for one in states):
            yield f"the undo of step {number} is believed, and its target shows no effect"
    elif new.status in _WRONG_STATES and WRONG in new.message and all(_is(leaves, one) for one in states):
        yield f"the undo of step {number} is called without effect, and its target is as it should be"


def _since(past: _Past, ref: TargetRef, move: StepMove) -> list[dict[str, str] | None]:
    """Its states since the last undo that ended before this one."""
    began = move.workflow.status.rollback.start_time if move.workflow.status.rollback is not None else 0
    ends = [step.rollback.end_time or 0 for step in move.workflow.status.step_statuses if step.rollback is not None]
    since = max([began, *(end for end in ends if end < move.at)])
    return past.held(ref, since - FRESH_MS - past.skew, move.at)


def _over(workflow: WorkflowExecution, settings: Settings) -> bool:
    """Is the time of the whole rollback up?"""
    status = workflow.status
    began = status.rollback.start_time if status.rollback is not None else 0
    return (status.last_heartbeat or 0) > began + settings.rollback_total_timeout + status.paused_total


def _steps_of(workflow: WorkflowExecution) -> dict[int, WorkflowStep]:
    """By number, as they were written in the workflow or in its template."""
    template, definition = workflow.status.template, workflow.spec.workflow_definition
    if definition is None and template is not None:
        definition = template.body.workflow_definition
    return {step.step_number: step for step in definition.steps} if definition is not None else {}


def _named(workflow: WorkflowExecution, step: WorkflowStep) -> list[int]:
    definition = workflow.spec.workflow_definition
    named = definition.dependencies.get(step.name, ()) if definition is not None else ()
    return [number for number, other in _steps_of(workflow).items() if other.name in named]


def _entry(workflow: WorkflowExecution, number: int) -> StepStatus | None:
    return next((one for one in workflow.status.step_statuses if one.step_number == number), None)


def _complaint(workflow: WorkflowExecution, at: int, message: str) -> Complaint:
    meta = workflow.metadata
    return Complaint("S6", at, f"{meta.namespace}/{meta.name}", message)
