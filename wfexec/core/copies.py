"""What was in a ConfigMap before a step changes it? Kept in a ConfigMap of our own, for undoing (BR-WF-054).

Called when execution begins, when an undo begins, and when the workflow goes. Contents never stand in status; of
Secrets there are no copies. A copy is made only where it undoes the step exactly: all keys were there, and no step
before this one changes them.
"""

import json
from typing import Final

from wfexec.core.doubt import tell
from wfexec.core.draft import Draft
from wfexec.core.fold import due_again, lasting
from wfexec.model.facts import Answer, AskCopy, CopyFacts, TargetFacts, Unknown
from wfexec.model.parameters import ActionParameters, UpdateConfigMapAction
from wfexec.model.phases import RollbackStrategy
from wfexec.model.plan import Copy
from wfexec.model.recipe import RecipeStep
from wfexec.model.snapshot import Snapshot
from wfexec.settings import Settings

# In `preState`: the name of our ConfigMap.
COPY: Final = "copy"
# A ConfigMap holds a mebibyte; what does not fit is not kept.
BYTES_MAX: Final = 900_000


def keep_copies(draft: Draft) -> None:
    """Of every step that may need it; written before the step is."""
    kept: dict[str, str] = {}
    left = BYTES_MAX
    for step in _candidates(draft):
        before = _before(draft, step)
        text = json.dumps(before, sort_keys=True) if isinstance(before, dict) else ""
        size = len(text.encode())
        if text and size <= left:
            left -= size
            kept[str(step.number)] = text
            draft.set_step(step.position, pre_state={COPY: _name(draft.workflow.metadata.uid)})
    if kept:
        draft.keeps = Copy(draft.settings.controller_namespace, _name(draft.workflow.metadata.uid), kept)


def copy_refused(draft: Draft) -> bool:
    """Was the copy refused a moment ago? That is told, and nothing starts before it is asked for again."""
    failure = draft.snapshot.create_failures.get(_name(draft.workflow.metadata.uid))
    if failure is None or lasting(failure) or draft.now >= due_again(failure):
        return False
    tell(draft, f"no right to keep a copy for undoing: {failure.message}")
    draft.wake(due_again(failure))
    return True


def copy_warnings(draft: Draft) -> tuple[str, ...]:
    """Steps that only their executors can undo, and why."""
    return tuple(
        f"step {step.name!r} is undone only as its executor says: no copy of its ConfigMap is made, for {why}"
        for step in _candidates(draft)
        if isinstance(why := _before(draft, step), str)
    )


def forgotten(snapshot: Snapshot, settings: Settings) -> Copy | None:
    """The copy that goes with the workflow, if it has one."""
    if not any(COPY in step.pre_state for step in snapshot.workflow.status.step_statuses):
        return None
    return Copy(settings.controller_namespace, _name(snapshot.workflow.metadata.uid), {})


def awaits_copy(draft: Draft, position: int) -> bool:
    """True while what the copy says is being asked for."""
    if COPY not in draft.steps[position].pre_state:
        return False
    question = _question(draft)
    answer = draft.snapshot.answers.get(question)
    if answer is None or (_passing(answer) and answer.at + draft.settings.requeue_error <= draft.now):
        draft.questions.append(question)
        return True
    if _passing(answer):
        draft.wake(answer.at + draft.settings.requeue_error)
        return True
    return False


def from_copy(draft: Draft, position: int) -> tuple[bool, ActionParameters | None]:
    """Whether there may be a copy, and what it says undoes the step; None while that is not known."""
    step = draft.recipe.steps[position]
    p = step.spec.parameters
    if p is None or p.update_config_map is None or COPY not in draft.steps[position].pre_state:
        return False, None
    answer = draft.snapshot.answers.get(_question(draft))
    if answer is None or _passing(answer):
        return True, None
    before = _read(answer, step)
    if before is None:
        return False, None
    q = p.update_config_map
    return True, ActionParameters(
        update_config_map=UpdateConfigMapAction(config_map=q.name, namespace=q.namespace, data=before)
    )


def _candidates(draft: Draft) -> list[RecipeStep]:
    """Steps that change a ConfigMap and do not say themselves how that is undone."""
    if draft.recipe.rollback_strategy is RollbackStrategy.NONE:
        return []
    return [
        step
        for step in draft.recipe.steps
        if step.spec.parameters is not None
        and step.spec.parameters.update_config_map is not None
        and (step.spec.rollback_spec is None or step.spec.rollback_spec.parameters is None)
    ]


def _before(draft: Draft, step: RecipeStep) -> dict[str, str] | str:
    """The old values of the keys that this step changes, or why they cannot be kept."""
    answer = draft.snapshot.answers.get(step.ask) if step.ask is not None else None
    facts = answer.facts if answer is not None else None
    if not isinstance(facts, TargetFacts) or not facts.exists:
        return facts.reason if isinstance(facts, Unknown) else "nobody has seen it"
    keys = _keys(step)
    missing = next((key for key in keys if f"data:{key}" not in facts.state), None)
    if missing is not None:
        return f"its key {missing!r} is new"
    for position in draft.recipe.order:
        other = draft.recipe.steps[position]
        if other is step:
            break
        if other.target == step.target and not keys.isdisjoint(_keys(other)):
            return f"step {other.name!r} changes the same key before"
    return {key: facts.state[f"data:{key}"] for key in sorted(keys)}


def _keys(step: RecipeStep) -> frozenset[str]:
    p = step.spec.parameters
    given = p.update_config_map if p is not None else None
    return frozenset(given.data_updates if given is not None else ())


def _read(answer: Answer, step: RecipeStep) -> dict[str, str] | None:
    """The old values; None where somebody took the copy away, or put something else in its place."""
    facts = answer.facts
    text = facts.data.get(str(step.number)) if isinstance(facts, CopyFacts) and facts.data is not None else None
    try:
        found = json.loads(text) if text is not None else None
    except ValueError:
        return None
    if not isinstance(found, dict) or found.keys() != _keys(step):
        return None
    return found if all(isinstance(value, str) for value in found.values()) else None


def _passing(answer: Answer) -> bool:
    return isinstance(answer.facts, Unknown) and answer.facts.transient


def _question(draft: Draft) -> AskCopy:
    return AskCopy(draft.settings.controller_namespace, _name(draft.workflow.metadata.uid))


def _name(uid: str) -> str:
    return f"workflow-copy-{uid}"
