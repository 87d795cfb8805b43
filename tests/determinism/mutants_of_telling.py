"""Bugs of what is counted, measured and said, each planted while a simulated run lasts (BR-WF-024).

Called by `tests.determinism.test_mutants`, which says in which run and which promise speaks.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from wfexec.core.draft import Draft
from wfexec.engine import totals
from wfexec.engine.controller import Controller
from wfexec.model.phases import TERMINAL, Phase
from wfexec.model.status import WorkflowExecution

Patch = pytest.MonkeyPatch
Labels = tuple[str, ...]
_K: Final = "kubernaut_workflowexecution_"


def counted_twice(patch: Patch) -> None:
    """Every count is handed out twice."""
    counted = Draft.count

    def twice(self: Draft, *what: Any, **more: Any) -> None:
        counted(self, *what, **more)
        counted(self, *what, **more)

    patch.setattr(Draft, "count", twice)


def told_twice(patch: Patch) -> None:
    """Every Event is handed out twice."""
    event = Draft.event

    def twice(self: Draft, *what: str) -> None:
        event(self, *what)
        event(self, *what)

    patch.setattr(Draft, "event", twice)


def ends_of_steps_untold(patch: Patch) -> None:
    """What becomes of a step stands in status, and nobody says so."""
    event = Draft.event

    def silent(self: Draft, kind: str, reason: str, message: str) -> None:
        if reason != "StepCompleted":
            event(self, kind, reason, message)

    patch.setattr(Draft, "event", silent)


def measured_by_the_wrong_clock(patch: Patch) -> None:
    """What is measured comes out longer than it was."""
    counted = Draft.count
    longer = {"kubernaut_workflowexecution_step_execution_duration_seconds": 1.0}
    patch.setattr(
        Draft,
        "count",
        lambda self, metric, *labels, value=1.0: counted(self, metric, *labels, value=value + longer.get(metric, 0)),
    )


def watched_ones_not_active(patch: Patch) -> None:
    """A workflow whose targets are watched is taken to have ended; by its end nobody can tell any more."""
    patch.setattr(totals, "TERMINAL", TERMINAL | {Phase.MONITORING})


def gauges_lag_behind(patch: Patch) -> None:
    """What is heard of a workflow anew does not reach the gauges before its phase changes."""
    known: dict[str, WorkflowExecution] = {}
    workflows = Controller.workflows

    def early(self: Controller) -> Iterator[WorkflowExecution]:
        for one in workflows(self):
            first = known.setdefault(one.metadata.uid, one)
            if first.status.phase != one.status.phase:
                known[one.metadata.uid] = first = one
            yield first

    patch.setattr(Controller, "workflows", early)


def _label(patch: Patch, metric: str, changed: Callable[[Draft, Labels], Labels]) -> None:
    counted = Draft.count

    def count(self: Draft, name: str, *labels: str, **more: Any) -> None:
        counted(self, name, *(changed(self, labels) if name == metric else labels), **more)

    patch.setattr(Draft, "count", count)


def errors_of_no_class(patch: Patch) -> None:
    """An error is counted in its phase, and of no class that anybody could act upon."""
    _label(patch, f"{_K}errors_total", lambda _, labels: ("unknown_error", labels[1]))


def rollbacks_all_for_a_step(patch: Patch) -> None:
    """Whyever it is undone, it is counted as if a step had failed."""
    _label(patch, f"{_K}rollbacks_total", lambda _, labels: (labels[0], "step_failure"))


def conditions_all_required(patch: Patch) -> None:
    """What a step may do without is counted as if it had needed it."""
    _label(patch, "wfexec_condition_evaluations_total", lambda _, labels: (*labels[:2], "true"))


def named_by_the_object(patch: Patch) -> None:
    """Ends are counted by the name of the workflow, of which there is no end, and not by its definition's."""
    _label(patch, f"{_K}executions_total", lambda draft, labels: (draft.workflow.metadata.name, labels[1]))
