"""Bugs that other controllers had, planted in this one: for each, the checker of the promise that it breaks speaks.

A mutant replaces one part of the core or the engine while one simulated run lasts. M1 to M20 number bugs as they were
seen in the wild, those without a number are our own; the page of promises (`docs/promises.md`) lists both.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final

import pytest

from sim.scenario import Run
from tests.determinism import mutants_of_rollback as undoing
from tests.determinism import mutants_of_telling as telling
from tests.determinism.mutant_runs import (
    EVICTED,
    HANG,
    KILLED,
    STUCK,
    UNDO_HANGS,
    UNDO_LIES,
    alarmed,
    asked_to_undo,
    cancelled_and_undone,
    cancelled_while_paused,
    delayed_in_its_rollback,
    deleted,
    deleted_and_recorded,
    failing,
    falls_ill,
    forgiving,
    killed_after_its_intent,
    let_go_at_the_second_try,
    narrow,
    nobody_at_work,
    play,
    renamed,
    secretive,
    spread,
    undoable,
    undone_its_own_way,
)
from tests.unit.sim.support import options
from wfexec.core import birth, control, decide, execute, final, fold, graph, monitoring
from wfexec.core.draft import Draft
from wfexec.core.ending import fail
from wfexec.engine import applier, cache, deadlines, lease, view, workqueue
from wfexec.engine.controller import Controller
from wfexec.model.audit import FinalRecord
from wfexec.model.execution import KubernetesExecution
from wfexec.model.phases import ErrorType, Phase, StepState
from wfexec.model.plan import NOTHING, DeleteChild
from wfexec.model.recipe import RecipeStep
from wfexec.model.requests import PatchStatus
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings

Patch = pytest.MonkeyPatch
NEVER: Final = 10**12


class AnyVersion(str):
    """Equal to every version: what is written like this is refused to nobody."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


def child_made_twice(patch: Patch) -> None:
    """M1: a child that is not seen at work yet is made again, under a name that the server does not know."""
    body, fold_child = birth.body, fold.fold_child

    def named(draft: Draft, name: str, step: RecipeStep, *rest: Any, **more: Any) -> KubernetesExecution:
        return body(draft, f"{name}-{draft.now % 1_000_000}", step, *rest, **more)

    def forgetful(draft: Draft, position: int, overdue: bool) -> bool:
        running = fold_child(draft, position, overdue)
        if running:
            step, tries = draft.recipe.steps[position], len(draft.steps[position].attempts)
            draft.creates.append(birth.birth(draft, step, tries - 1))
        return running

    patch.setattr(birth, "body", named)
    patch.setattr(execute, "fold_child", forgetful)


def older_over_newer(patch: Patch) -> None:
    """M2: an older status overwrites a newer one: neither what is kept nor what is written compares versions."""

    def newest(self: cache.ObjectCache, stored: cache.Stored, version: int) -> Any:
        space = self._spaces.setdefault(stored.metadata.namespace, {})
        known = space.get(stored.metadata.name)
        space[stored.metadata.name] = cache.Entry(stored, version)
        return known.object if known is not None else None

    patch.setattr(cache.ObjectCache, "put", newest)
    write_without_a_fence(patch)


def write_without_a_fence(patch: Patch) -> None:
    """M11: what the rollback has written is overwritten by a writer that knew an older version."""
    writes = applier.Application._status

    def unfenced(self: applier.Application) -> Iterator[Any]:
        for body in writes(self):
            yield body._replace(resource_version=AnyVersion()) if isinstance(body, PatchStatus) else body

    patch.setattr(applier.Application, "_status", unfenced)


def step_runs_again(patch: Patch) -> None:
    """M3: an older picture of a step is believed after it has completed."""

    def older(draft: Draft) -> None:
        first, second = draft.steps[:2]
        if first.status is StepState.COMPLETED and second.status is StepState.EXECUTING:
            draft.set_step(0, status=StepState.PENDING)
        execute.executing(draft)

    patch.setitem(decide.HANDLERS, Phase.EXECUTING, older)


def new_one_skipped(patch: Patch) -> None:
    """M5: what is new is taken for what was seen already, and nobody comes back to it."""
    patch.setattr(decide, "new", lambda draft: None)


def planned_by_nobody(patch: Patch) -> None:
    """Planning waits for an answer to what nobody asked."""
    patch.setitem(decide.HANDLERS, Phase.PLANNING, lambda draft: None)


def validated_for_ever(patch: Patch) -> None:
    """Validation asks on and on, and says each time that it does."""

    def asking(draft: Draft) -> None:
        draft.set(message=f"validating, asked at {draft.now}")
        draft.wake(draft.now + 20_000)

    patch.setitem(decide.HANDLERS, Phase.VALIDATING, asking)


def place_never_given_back(patch: Patch) -> None:
    """M6: a step that has ended still holds its place."""
    look_at_steps = execute.look_at_steps

    def holding(draft: Draft, overdue: bool) -> execute.Look:
        look = look_at_steps(draft, overdue)
        return look._replace(active=[place for place, step in enumerate(draft.steps) if step.start_time is not None])

    patch.setattr(execute, "look_at_steps", holding)


def places_not_counted(patch: Patch) -> None:
    """What is active already takes no place."""
    start_ready = execute.start_ready
    patch.setattr(execute, "start_ready", lambda draft, active, ready: start_ready(draft, [], ready))


def timeout_not_enforced(patch: Patch) -> None:
    """M7: the timeout of a step is declared and never looked at."""
    patch.setattr(fold, "attempt_limit", lambda *_: NEVER)


def cancel_ignored_while_paused(patch: Patch) -> None:
    """M8: who is suspended does not hear that it is cancelled."""
    cancel = control.cancel
    patch.setattr(control, "cancel", lambda draft: None if draft.status.phase == Phase.PAUSED else cancel(draft))


def alarms_lost(patch: Patch) -> None:
    """M12: a retry waits for an alarm that nobody set."""
    patch.setattr(deadlines.Deadlines, "set", lambda *_: None)


def creation_not_heard(patch: Patch) -> None:
    """M13: the first that is heard of an object is taken for nothing."""
    put_workflow = view.View.put_workflow

    def deaf(self: view.View, stored: Any, at: int) -> Any:
        return put_workflow(self, stored, at) if stored.metadata.finalizers else None

    patch.setattr(view.View, "put_workflow", deaf)


def both_lead(patch: Patch) -> None:
    """M14: two replicas work at the same time."""
    patch.setattr(lease.Elector, "may_write", lambda *_: True)


def looks_for_ever(patch: Patch) -> None:
    """M15: every look asks for the next at once."""

    def wake(self: Draft, at: int) -> None:
        self.wake_at = self.now + 1

    patch.setattr(Draft, "wake", wake)


def never_free_again(patch: Patch) -> None:
    """M16: after a restart, what is being looked at is never given back and so never looked at again."""
    made, done = Controller.__init__, workqueue.WorkQueue.done

    def begins(self: Controller, settings: Settings, identity: str, **more: Any) -> None:
        made(self, settings, identity, **more)
        if identity != "controller-0":
            kept = self._view.queue
            patch.setattr(workqueue.WorkQueue, "done", lambda queue, key: None if queue is kept else done(queue, key))

    patch.setattr(Controller, "__init__", begins)


def intent_without_work(patch: Patch) -> None:
    """M17: a crash between the flag and the work: nobody does what was written down."""
    patch.setattr(fold, "_born", lambda *_: True)


def delete_of_any_that_is_called_so(patch: Patch) -> None:
    """M18: a child is deleted by its name, whoever bears it now."""
    patch.setattr(fold, "DeleteChild", lambda name, uid, version: DeleteChild(name, "", ""))


def dry_run_creates(patch: Patch) -> None:
    """M19: the validation carries out what it should only foresee."""
    validating = decide.HANDLERS[Phase.VALIDATING]

    def eager(draft: Draft) -> None:
        draft.creates.append(birth.birth(draft, draft.recipe.steps[0], 0))
        validating(draft)

    patch.setitem(decide.HANDLERS, Phase.VALIDATING, eager)


def timeout_without_an_answer(patch: Patch) -> None:
    """M20: a timeout ends the workflow past all that a failure is answered with."""
    end_badly = execute._end_badly

    def hasty(draft: Draft, position: int | None, overdue: bool) -> None:
        if position is not None and draft.steps[position].error_type is ErrorType.TIMEOUT:
            fail(draft, "step_failed: it took too long", ErrorType.TIMEOUT)
        else:
            end_badly(draft, position, overdue)

    patch.setattr(execute, "_end_badly", hasty)


def new_alerts_not_heard(patch: Patch) -> None:
    """New alerts are asked for, and the answer is not read."""
    patch.setattr(monitoring, "_new_alerts", lambda *_: ("", ""))


def broken_promise_not_answered(patch: Patch) -> None:
    """A postcondition that stays false while its target is watched is noted, and nothing follows."""
    patch.setattr(monitoring, "_broken", lambda draft, *_: draft.wake(draft.now + draft.settings.monitoring_interval))


def dependencies_ignored(patch: Patch) -> None:
    """Every step is ready at once."""
    patch.setattr(graph, "edges_of", lambda definition, wanted: [() for _ in wanted])


def retried_without_end(patch: Patch) -> None:
    """A step is tried again however often it failed."""
    patch.setattr(fold, "may_retry", lambda *_: True)


def finalizer_kept(patch: Patch) -> None:
    """What is deleted is never let go."""
    patch.setattr(decide, "deleting", lambda *_: NOTHING)


def recorded_at_every_try(patch: Patch) -> None:
    """M4: what is kept is numbered anew whenever a refused write is tried again."""
    final_record, tries = final.final_record, count()

    def numbered(workflow: WorkflowExecution) -> FinalRecord:
        return final_record(workflow)._replace(number=next(tries))

    patch.setattr(final, "final_record", numbered)


def record_not_waited_for(patch: Patch) -> None:
    """The finalizer goes whether or not the final record is kept."""
    patch.setattr(decide, "deleting", lambda *seen: final.deleting(*seen)._replace(final=None))


def decided_by_a_counter(patch: Patch) -> None:
    """When to look again depends on how often that was asked."""
    wake, turns = Draft.wake, count()
    patch.setattr(Draft, "wake", lambda self, at: wake(self, at + next(turns)))


def secrets_repeated(patch: Patch) -> None:
    """What an executor says is written down as it is."""
    patch.setattr(Draft, "_keep_secrets", lambda self: None)
    patch.setattr(Draft, "told", lambda self, text, limit=1_024: text[:limit])


MUTANTS: Final[tuple[tuple[Callable[[Patch], None], Callable[[], Run], str], ...]] = (
    (child_made_twice, play, "S1"),
    (older_over_newer, play, "S3"),
    (step_runs_again, play, "S3"),
    (new_one_skipped, play, "L2"),
    (planned_by_nobody, play, "L3"),
    (validated_for_ever, play, "L3"),
    (place_never_given_back, narrow, "S5"),
    (places_not_counted, narrow, "S5"),
    (timeout_not_enforced, nobody_at_work, "L3"),
    (cancel_ignored_while_paused, cancelled_while_paused, "L3"),
    (undoing.rollback_without_limit, lambda: failing(UNDO_HANGS), "L3"),
    (undoing.rollback_beside_a_step, spread, "S6"),
    (undoing.all_is_as_before, lambda: failing(KILLED), "S6"),
    (undoing.source_passed_over, undone_its_own_way, "S6"),
    (undoing.requested_by_another, asked_to_undo, "S6"),
    (undoing.undone_to_be_sure, undoable, "S6"),
    (undoing.given_up_too_early, lambda: failing(KILLED), "S6"),
    (undoing.executor_believed, lambda: failing(UNDO_LIES), "S6"),
    (write_without_a_fence, delayed_in_its_rollback, "S3"),
    (alarms_lost, lambda: play(with_=options(EVICTED)), "L2"),
    (creation_not_heard, play, "L2"),
    (both_lead, lambda: play(with_=options(replicas=2)), "S4"),
    (looks_for_ever, play, "L5"),
    (never_free_again, killed_after_its_intent, "L3"),
    (intent_without_work, killed_after_its_intent, "L2"),
    (delete_of_any_that_is_called_so, lambda: failing(HANG), "S10"),
    (dry_run_creates, play, "S4"),
    (timeout_without_an_answer, lambda: failing(STUCK), "S13"),
    (new_alerts_not_heard, alarmed, "S13"),
    (broken_promise_not_answered, falls_ill, "S13"),
    (dependencies_ignored, play, "S2"),
    (retried_without_end, lambda: play(with_=options(EVICTED)), "S7"),
    (finalizer_kept, deleted, "L4"),
    (recorded_at_every_try, let_go_at_the_second_try, "S8"),
    (record_not_waited_for, deleted_and_recorded, "S8"),
    (telling.counted_twice, play, "S9"),
    (telling.told_twice, play, "S9"),
    (telling.ends_of_steps_untold, play, "S9"),
    (telling.measured_by_the_wrong_clock, play, "S9"),
    (telling.watched_ones_not_active, play, "S9"),
    (telling.gauges_lag_behind, narrow, "S9"),
    (telling.errors_of_no_class, lambda: failing(KILLED), "S9"),
    (telling.rollbacks_all_for_a_step, cancelled_and_undone, "S9"),
    (telling.conditions_all_required, forgiving, "S9"),
    (telling.named_by_the_object, renamed, "S9"),
    (decided_by_a_counter, play, "S11"),
    (secrets_repeated, secretive, "S12"),
)


@pytest.mark.parametrize(("plant", "run", "check"), MUTANTS, ids=[plant.__name__ for plant, _, _ in MUTANTS])
def test_a_planted_bug_is_named_by_the_promise_it_breaks(
    plant: Callable[[Patch], None], run: Callable[[], Run], check: str, monkeypatch: Patch
) -> None:
    plant(monkeypatch)
    assert check in {complaint.check for complaint in run().complaints}


@pytest.mark.parametrize("run", {run: None for _, run, _ in MUTANTS})
def test_without_the_bug_the_same_run_breaks_no_promise(run: Callable[[], Run]) -> None:
    assert run().complaints == ()
