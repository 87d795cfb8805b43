"""`decide` is total and deterministic: no exception for anything the world can show it (BR-WF-002, BR-WF-025).

Two ways to odd snapshots: statuses drawn field by field (nothing need fit anything), and honest runs that are
interrupted by the world (children deleted, made foreign, given unknown phases; specs edited; clocks jumping).
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.snapshots import HELD, NAMES, PARENT, snapshots, specs
from tests.unit.core.world import START, World, completed, failed
from wfexec.core.decide import decide
from wfexec.core.fold import on_its_way
from wfexec.core.transitions import PHASE_TARGETS, STEP_TARGETS
from wfexec.model.base import evolve
from wfexec.model.bearings import Bearings
from wfexec.model.execution import RollbackInformation
from wfexec.model.facts import Answer, ParentFacts, Question, Unknown
from wfexec.model.phases import EXECUTION_ENDED, TERMINAL, ExecutionPhase
from wfexec.model.plan import Plan
from wfexec.model.snapshot import Snapshot
from wfexec.model.status import (
    WorkflowExecutionStatus,
)
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import DEFAULTS

KEEPING = DEFAULTS.model_copy(update={"manage_orphan_retention": True})


def legal(snapshot: Snapshot, now: int, plan: Plan) -> None:
    """What holds of every plan, whatever was seen."""
    assert plan.wake_at is None or plan.wake_at > now
    names = [child.metadata.name for child in plan.creates]
    assert len(set(names)) == len(names)
    assert not set(names) & set(snapshot.children)
    if plan.status is None:
        return
    before, after = snapshot.workflow.status, plan.status
    in_order(before, after)
    assert after.phase == before.phase or _reaches(before.phase, after.phase)
    numbers = [one.step_number for one in before.step_statuses]
    # Planning writes the steps anew, and so does whoever finds that they do not fit.
    if before.phase not in ("", "planning") and numbers == [one.step_number for one in after.step_statuses]:
        for old, one in zip(before.step_statuses, after.step_statuses, strict=True):
            assert one.status == old.status or _step_reaches(old.status, one.status)
    if before.phase == after.phase:
        assert after.progress >= before.progress


def in_order(before: WorkflowExecutionStatus, after: WorkflowExecutionStatus) -> None:
    """What is said to end now ends no earlier than it began, though another clock may have said when (BR-WF-047)."""
    if after.completion_time not in (None, before.completion_time):
        assert after.completion_time >= max(after.planning_start_time or 0, after.execution_start_time or 0)
    if after.execution_metrics is not None and after.execution_metrics != before.execution_metrics:
        assert after.execution_metrics.total_duration >= 0
    # A status that people wrote may say anything, and give one number to several steps: only what is new is ours.
    known = before.step_statuses
    tries = {(one.name, one.end_time) for step in known for one in step.attempts}
    for step in after.step_statuses:
        if step.end_time is not None and all(step.end_time != old.end_time for old in known):
            assert step.end_time >= (step.start_time or 0)
        if step.result is not None and all(step.result != old.result for old in known):
            assert step.result.execution_time >= 0
        for one in step.attempts:
            assert one.end_time is None or (one.name, one.end_time) in tries or one.end_time >= one.start_time
        undo = step.rollback
        if undo is not None and undo.end_time is not None and all(undo != old.rollback for old in known):
            assert undo.end_time >= (undo.start_time or 0)


def _reaches(source: str, target: str) -> bool:
    return target in PHASE_TARGETS[source] or any(target in PHASE_TARGETS[one] for one in PHASE_TARGETS[source])


def _step_reaches(source: str, target: str) -> bool:
    """Within one look a step may end and be carried on: failed and waiting, or completed and then undone."""
    seen, todo = set(), [source]
    while todo:
        for one in STEP_TARGETS[todo.pop()]:
            if one not in seen:
                seen.add(one)
                todo.append(one)
    return target in seen


@settings(max_examples=200)
@given(snapshots(), st.integers(START - 100_000, START + 5_000_000))
def test_any_snapshot_gets_a_legal_plan_and_always_the_same(snapshot: Snapshot, now: int) -> None:
    plan = decide(snapshot, now, DEFAULTS)
    legal(snapshot, now, plan)
    assert decide(snapshot, now, DEFAULTS) == plan
    assert not plan.expired
    if snapshot.workflow.metadata.deletion_timestamp is not None:
        assert plan.creates == ()


@settings(max_examples=200)
@given(snapshots(), st.integers(START - 100_000, START + 200_000_000))
def test_only_what_has_ended_and_has_no_living_parent_expires(snapshot: Snapshot, now: int) -> None:
    plan = decide(snapshot, now, KEEPING)
    legal(snapshot, now, plan)
    if plan.expired:
        workflow = snapshot.workflow
        assert workflow.status.phase in TERMINAL
        assert not workflow.metadata.owner_references
        assert snapshot.answers[PARENT].facts == ParentFacts("")
        assert (plan.status, plan.metadata, plan.creates, plan.deletes) == (None, None, (), ())


@settings(max_examples=200)
@given(snapshots(), st.integers(START - 20_000_000, START + 5_000_000))
def test_what_was_answered_this_instant_is_not_asked_again(snapshot: Snapshot, now: int) -> None:
    """Also where all the times in status lie ahead, written by another clock: else it would ask without end."""
    answered: dict[Question, Answer] = {}
    for _ in range(4):
        plan = decide(snapshot._replace(answers=answered, refused_at=None), now, DEFAULTS)
        assert not set(plan.questions) & answered.keys()
        answered |= {one: Answer(now, Unknown("no")) for one in plan.questions}


RUNNING = [str(one) for one in ExecutionPhase if one not in EXECUTION_ENDED]


@settings(max_examples=200)
@given(snapshots(), st.integers(START - 100_000, START + 5_000_000), st.data())
def test_a_child_that_only_says_it_still_runs_gives_nothing_to_do(
    snapshot: Snapshot, now: int, data: st.DataObject
) -> None:
    before, after = dict(snapshot.children), dict(snapshot.children)
    for name, child in snapshot.children.items():
        phases = data.draw(st.tuples(st.sampled_from(RUNNING), st.sampled_from(RUNNING)))
        before[name] = evolve(child, status=evolve(child.status, phase=phases[0]))
        meta = evolve(child.metadata, resource_version="99")
        undo = RollbackInformation(available=data.draw(st.booleans()))
        later = evolve(child.status, phase=phases[1], rollback_information=undo)
        after[name] = evolve(child, metadata=meta, status=later)
        assert on_its_way(before[name], after[name])
    plan = decide(snapshot._replace(children=before), now, DEFAULTS)
    if plan.status is None and plan.metadata is None and not (plan.creates or plan.deletes):
        assert decide(snapshot._replace(children=after), now, DEFAULTS) == plan


@settings(max_examples=60)
@given(specs(), st.data())
def test_a_run_that_the_world_interferes_with_stays_legal_and_ends(
    given_spec: WorkflowExecutionSpec, data: st.DataObject
) -> None:
    world = World(evolve(given_spec, suspend=False))
    for name in NAMES:
        if data.draw(st.booleans(), label=name):
            text = data.draw(st.sampled_from(["evicted", "not found", "connection refused"]))
            world.say(name, failed(text, data.draw(st.integers(0, 400_000))))
        else:
            world.say(name, completed(data.draw(st.integers(0, 400_000))))
    world.run(until_ms=20 * 3_600_000)
    status = world.workflow.status
    assert status.phase in ("completed", "failed", "cancelled"), status.message
    assert status.completion_time is not None
    assert all(
        child.status.phase in EXECUTION_ENDED for name, child in world.children.items() if "rollback" in name
    ) or (status.phase == "failed")
    assert world.busiest <= DEFAULTS.max_parallel_steps


@settings(max_examples=60)
@given(specs(), st.sampled_from([0, 1, 29_999, 30_000, 45_000, 75_000, 130_000]), st.integers(1, 7_200_000), st.data())
def test_a_maintenance_starts_nothing_and_changes_no_end(
    given_spec: WorkflowExecutionSpec, begins: int, lasts: int, data: st.DataObject
) -> None:
    """Children end within their timeouts here: only then is it the same end, whenever somebody looks."""
    strategy = evolve(given_spec.execution_strategy, approval_required=False, dry_run_first=False)
    given_spec = evolve(given_spec, suspend=False, cancel=False, timeout=None, execution_strategy=strategy)
    reports = {
        name: failed("forbidden", 30_000) if data.draw(st.integers(0, 4), label=name) == 0 else completed(30_000)
        for name in NAMES
    }
    calm, held = World(given_spec), World(given_spec)
    for world in (calm, held):
        for name, report in reports.items():
            world.say(name, report)
    calm.run(until_ms=20 * 3_600_000)
    held.run(until_ms=begins)
    held.now = START + begins
    free, held.bearings = held.bearings, in_maintenance(held.bearings)
    created = len(held.created)
    held.run(until_ms=lasts)
    assert len(held.created) == created
    held.now = START + begins + lasts
    held.bearings = free
    held.run(until_ms=20 * 3_600_000)
    assert (held.workflow.status.phase, held.states()) == (calm.workflow.status.phase, calm.states())
    assert sorted(held.created) == sorted(calm.created)


def in_maintenance(bearings: Bearings) -> Bearings:
    return bearings._replace(namespaces={**(bearings.namespaces or {}), "ns": HELD})
