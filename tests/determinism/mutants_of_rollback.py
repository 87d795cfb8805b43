"""Bugs of rollbacks, each planted in one part of the core while a simulated run lasts (BR-WF-050 to 055).

Called by `tests.determinism.test_mutants`, which says in which run and which promise speaks.
"""

from typing import Any, Final

import pytest

from wfexec.core import decide, execute, rollback, rollback_request
from wfexec.core.children import undo_from_state
from wfexec.core.draft import Draft, UndoRequest
from wfexec.model.phases import Phase

Patch = pytest.MonkeyPatch
NEVER: Final = 10**12


def rollback_without_limit(patch: Patch) -> None:
    """M9: a rollback may take for ever."""
    patch.setattr(rollback, "_deadline", lambda draft: draft.now + NEVER)
    patch.setattr(rollback, "_limit", lambda *_: NEVER)


def all_is_as_before(patch: Patch) -> None:
    """What is to be undone is taken to be as it was before, and skipped."""
    patch.setattr(rollback, "_as_before", lambda *_: True)


def source_passed_over(patch: Patch) -> None:
    """An undo is made from the facts of before, whatever the step itself says."""

    def by_default(draft: Draft, position: int) -> Any:
        step = draft.recipe.steps[position]
        return step.action, undo_from_state(step.spec.parameters, draft.steps[position].pre_state)

    patch.setattr(rollback, "undo_of", by_default)


def executor_believed(patch: Patch) -> None:
    """Nobody looks whether an undo has taken effect."""
    patch.setattr(rollback, "differences", lambda *_: "")


def requested_by_another(patch: Patch) -> None:
    """A request is carried out in the name of whoever created the workflow, and not of who asked for it."""
    patch.setattr(rollback_request, "UndoRequest", lambda who, to_step: UndoRequest("creator", to_step))


def undone_to_be_sure(patch: Patch) -> None:
    """What went well is undone as well, though nobody asked for it."""
    patch.setitem(decide.HANDLERS, Phase.MONITORING, lambda draft: rollback.enter_rolling_back(draft, "to be sure"))


def given_up_too_early(patch: Patch) -> None:
    """A failure of no consequence is answered as if the workflow's time were over."""
    end_badly = execute._end_badly
    patch.setattr(execute, "_end_badly", lambda draft, position, overdue: end_badly(draft, None, overdue))


def rollback_beside_a_step(patch: Patch) -> None:
    """M10: the undoing begins while a step is still at work, and what it does escapes it."""
    look_at_steps = execute.look_at_steps

    def hasty(draft: Draft, overdue: bool) -> execute.Look:
        look = look_at_steps(draft, overdue)
        return look if look.fatal is None else look._replace(active=[])

    patch.setattr(execute, "look_at_steps", hasty)
