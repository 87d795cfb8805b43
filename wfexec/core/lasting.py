"""Is what the steps changed still there while it is watched? (BR-WF-050)

Called by `core.monitoring` when its window is over. What a child was told says what its target must look like, as
far as that can be seen from outside; the later step about an object wins, and one whose effect nobody can derive,
or that failed, leaves nothing to expect of it.
"""

from collections.abc import Mapping
from typing import Final

from wfexec.core.conditions import missed_promise
from wfexec.core.draft import Draft
from wfexec.core.forecast import reads_only
from wfexec.core.targets import target_text
from wfexec.core.undo import Expectation, differences, expectation_of, forward_child
from wfexec.model.base import clip
from wfexec.model.facts import AskTarget, TargetFacts, TargetRef
from wfexec.model.parameters import ActionParameters
from wfexec.model.phases import ExecutionPhase
from wfexec.model.words import STEP_COMPLETED

# A member of an enumeration is read by a call.
_ENDED_WELL: Final = ExecutionPhase.COMPLETED.value
_CORDONED: Final = {"unschedulable": "true"}


def lost_changes(draft: Draft) -> str:
    """What differs from what was done, as a sentence; "" when nothing is seen to."""
    told = []
    answers = draft.snapshot.answers
    for target, state in _expected(draft).items():
        answer = answers.get(AskTarget(target))
        facts = answer.facts if answer is not None else None
        if isinstance(facts, TargetFacts) and facts.exists and not state.items() <= facts.state.items():
            wrong = differences(state, facts.state)
            if wrong:
                told.append(f"{target_text(target)}: {wrong}")
    return clip("; ".join(told), 512)


def _expected(draft: Draft) -> Mapping[TargetRef, dict[str, str]]:
    """By object, in the order in which their last steps ended."""
    found: dict[TargetRef, dict[str, str]] = {}
    steps = draft.steps
    ran = [step for step in draft.recipe.steps if step.target is not None and steps[step.position].attempts]
    for step in sorted(ran, key=lambda one: steps[one.position].end_time or 0):
        target = step.target
        if target is None or reads_only(step):
            continue
        state, child = steps[step.position], forward_child(draft, step.position)
        parameters = child.spec.parameters if child is not None else None
        # What a person called completed, or what missed its own promise, is told by other words.
        reported = child is not None and child.status.phase == _ENDED_WELL
        completed = reported and state.status is STEP_COMPLETED and not missed_promise(state)
        if completed and parameters is not None and parameters.rollout_restart is not None:
            continue
        effect = _effect(parameters) if completed else None
        if effect is None or effect.target != target:
            found.pop(target, None)
        else:
            found.setdefault(target, {}).update(effect.state)
    return found


def _effect(parameters: ActionParameters | None) -> Expectation | None:
    node = (parameters.cordon_node or parameters.drain_node) if parameters is not None else None
    return expectation_of(parameters) if node is None else Expectation(TargetRef("Node", "", node.node), _CORDONED)
