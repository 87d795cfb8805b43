"""Is it this step's turn? By what it depends on, and by what is looked at once before it starts.

(BR-ORCHESTRATION-009, BR-WF-020)
"""

from typing import Final

from wfexec.core.conditions import may_start
from wfexec.core.draft import Draft
from wfexec.core.injection import may_build
from wfexec.core.satisfied import may_be_spared, spared
from wfexec.model.phases import STEP_ENDED, RunCondition, StepState
from wfexec.model.recipe import RecipeStep
from wfexec.model.status import ALREADY_SATISFIED, StepStatus
from wfexec.model.words import STEP_COMPLETED

# A member of an enumeration is read by a call; these are read for every step of every look.
_SKIPPED: Final = StepState.SKIPPED
UNMET: Final = frozenset({StepState.FAILED, StepState.BLOCKED, StepState.SKIPPED, StepState.ROLLED_BACK})


def counted(step: StepStatus) -> StepState:
    """What it is for those that wait for it: a step that had nothing left to do counts as completed."""
    state = step.status
    return STEP_COMPLETED if state is _SKIPPED and step.skip_reason == ALREADY_SATISFIED else state


def its_turn(step: RecipeStep, states: list[StepState]) -> bool | None:
    """By what it depends on. True: may run; False: not yet; None: never."""
    if step.run_condition is not None:
        return _run_condition_met(step, states)
    for dependency in step.dependencies:
        before = states[dependency]
        if before is not STEP_COMPLETED:
            return None if before in UNMET else False
    return True


def _run_condition_met(step: RecipeStep, states: list[StepState]) -> bool | None:
    """True: may run; False: not yet; None: never (BR-WF-020)."""
    primary = states[step.dependencies[0]]
    if step.run_condition is RunCondition.PARALLEL_WITH_PRIMARY:
        if primary in (StepState.SKIPPED, StepState.BLOCKED):
            return None
        return primary is not StepState.PENDING
    if primary not in STEP_ENDED:
        return False
    if step.run_condition is RunCondition.AFTER_PRIMARY:
        return True
    return True if primary is StepState.FAILED else None


def may_begin(draft: Draft, step: RecipeStep) -> bool | None:
    """True: it may start; False: something is waited for; None: it is over, blocked or with nothing to do."""
    if draft.rules is None or not draft.rules.dynamic_step_adjustment:
        return may_start(draft, step)
    if may_be_spared(draft, step):
        verdict = spared(draft, step)
        if verdict is not False:
            return None if verdict else False
    started = may_start(draft, step)
    return may_build(draft, step) if started else started
