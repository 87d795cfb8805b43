"""A rollback that somebody asks for by annotation: taken, refused, undone up to a step, verified (BR-WF-052, 055)."""

import pytest

from tests.unit.core.world import World, completed, default_facts, failed, spec, step
from wfexec.core.decide import decide
from wfexec.model.base import evolve
from wfexec.model.facts import AccessFacts, AskAccess, AskTarget, Facts, Question, Unknown
from wfexec.model.meta import ANNOTATION_ROLLBACK
from wfexec.model.plan import NOTHING, EventRecord
from wfexec.model.workflow import CancelRollback, OnCancel


def failed_world(strategy: str = "manual", count: int = 3) -> World:
    """Steps in a chain that completed, then a critical one that failed; nothing was undone."""
    steps = [step(number, *([number - 1] if number > 1 else [])) for number in range(1, count + 1)]
    steps.append(step(count + 1, count, criticalStep=True))
    world = World(spec(*steps, strategy={"rollbackStrategy": strategy}))
    world.say(f"wf-step-{count + 1}", failed("not found"))
    world.run()
    assert world.workflow.status.phase == "failed"
    return world


def ask(world: World, **more: str) -> None:
    world.annotate(rollback="requested", rollback_by="alice", **more)


def undos(world: World) -> list[str]:
    return [name for name in world.created if "rollback" in name]


def marks(world: World) -> list[str]:
    return sorted(world.workflow.metadata.annotations)


def condition(world: World) -> tuple[str, str, str]:
    found = next(one for one in world.workflow.status.conditions if one.type == "RollbackRequested")
    return found.status, found.reason, found.message


def test_a_failed_workflow_is_rolled_back_on_request() -> None:
    world = failed_world()
    ask(world)
    world.run()
    assert undos(world) == ["wf-rollback-3", "wf-rollback-2", "wf-rollback-1"]
    assert world.phases[-2:] == ["rolling_back", "failed"]
    rollback = world.workflow.status.rollback
    assert rollback is not None
    assert (rollback.requested_by, rollback.succeeded, rollback.to_step) == ("alice", 3, None)
    assert condition(world) == ("True", "Accepted", "by alice")
    assert marks(world) == []


def test_the_first_failure_stays_the_reason_and_the_end_is_counted_once() -> None:
    world = failed_world()
    reason = world.workflow.status.failure_reason
    ask(world)
    world.run()
    assert world.workflow.status.failure_reason == reason
    counted = [one for one in world.records if getattr(one, "metric", "").endswith("executions_total")]
    assert len(counted) == 1


def test_steps_up_to_the_given_one_are_kept() -> None:
    world = failed_world()
    ask(world, rollback_to="1")
    world.run()
    assert undos(world) == ["wf-rollback-3", "wf-rollback-2"]
    assert world.states() == {1: "completed", 2: "rolled_back", 3: "rolled_back", 4: "failed"}


def test_a_second_request_goes_on_where_the_first_ended() -> None:
    world = failed_world()
    ask(world, rollback_to="2")
    world.run()
    ask(world)
    world.run()
    assert undos(world) == ["wf-rollback-3", "wf-rollback-2", "wf-rollback-1"]
    assert set(world.states().values()) == {"rolled_back", "failed"}


def test_an_undo_that_failed_is_tried_again_by_a_new_request_under_a_new_name() -> None:
    world = failed_world(count=1)
    world.say("wf-rollback-1", failed("forbidden"))
    ask(world)
    world.run()
    assert world.states()[1] == "completed"
    ask(world)
    world.run()
    assert undos(world) == ["wf-rollback-1", "wf-rollback-1-r1"]
    assert world.states()[1] == "rolled_back"


@pytest.mark.parametrize(
    ("marks_set", "strategy", "says"),
    [
        ({"rollback": "please", "rollback_by": "alice"}, "manual", "must say 'requested', not 'please'"),
        ({"rollback": "requested", "rollback_by": "alice", "rollback_to": "9"}, "manual", "'9' is no step number"),
        ({"rollback": "requested", "rollback_by": "alice", "rollback_to": "-1"}, "manual", "use one of 1 to 4"),
        ({"rollback": "requested", "rollback_by": "alice"}, "none", "rollbackStrategy is none"),
        ({"rollback": "requested"}, "manual", "rollback-by is missing"),
        ({"rollback": "requested", "rollback_by": "alice", "rollback_to": "4"}, "manual", ""),
    ],
)
def test_a_refused_request_says_why_and_is_taken_away(marks_set: dict[str, str], strategy: str, says: str) -> None:
    world = failed_world(strategy)
    world.annotate(**marks_set)
    world.run()
    assert world.workflow.status.phase == "failed"
    assert undos(world) == []
    assert marks(world) == []
    if says:
        status, reason, message = condition(world)
        assert (status, reason) == ("False", "Refused")
        assert says in message
        assert world.reasons().count("RollbackRefused") == 1


def test_who_may_not_approve_may_not_roll_back() -> None:
    def facts(question: Question) -> Facts:
        barred = isinstance(question, AskAccess) and question.verb == "approve"
        return AccessFacts(False, "") if barred else default_facts(question)

    world = failed_world()
    world.facts = facts
    ask(world)
    world.run()
    assert undos(world) == []
    assert "alice has no right to approve" in condition(world)[2]


def test_a_step_that_stays_must_not_lose_what_it_was_built_on() -> None:
    steps = [step(1, 2), step(2), step(3, 1, criticalStep=True)]
    world = World(spec(*steps, strategy={"rollbackStrategy": "manual"}))
    world.say("wf-step-3", failed("not found"))
    world.run()
    ask(world, rollback_to="1")
    world.run()
    assert undos(world) == []
    assert "step 1 (s1), which would stay, was built on step 2 (s2)" in condition(world)[2]


def test_a_running_workflow_is_drained_and_then_rolled_back() -> None:
    world = World(spec(step(1), step(2, 1), step(3, 2)))
    world.say("wf-step-2", completed(60_000))
    world.run(stop=lambda one: "wf-step-2" in one.created)
    ask(world)
    world.run()
    assert undos(world) == ["wf-rollback-2", "wf-rollback-1"]
    assert world.states() == {1: "rolled_back", 2: "rolled_back", 3: "skipped"}
    assert world.workflow.status.failure_reason == "rolled_back: at the request of alice"


def draining(**more: str) -> World:
    """Step 2 of 3 runs, and the rollback that alice asks for waits for its end."""
    world = World(spec(step(1), step(2, 1), step(3, 2)))
    world.say("wf-step-2", completed(60_000))
    world.run(stop=lambda one: "wf-step-2" in one.created)
    ask(world, **more)
    world.run(10_000)
    assert condition(world) == ("True", "Accepted", "by alice")
    assert world.workflow.status.phase == "executing"
    return world


@pytest.mark.parametrize("suspended", [False, True])
def test_a_cancellation_does_not_take_an_accepted_rollback_back(suspended: bool) -> None:
    world = draining(rollback_to="1")
    world.change(cancel=True, suspend=suspended)
    world.answers.clear()
    world.run()
    assert undos(world) == ["wf-rollback-2"]
    assert world.states() == {1: "completed", 2: "rolled_back", 3: "skipped"}
    assert world.phases[-2:] == ["rolling_back", "cancelled"]
    assert condition(world) == ("True", "Accepted", "by alice")
    assert marks(world) == []
    assert "RollbackRefused" not in world.reasons()


def test_a_cancellation_that_undoes_everything_is_the_later_word() -> None:
    world = draining(rollback_to="1")
    word = OnCancel(rollback=CancelRollback.AUTOMATIC)
    world.change(cancel=True, on_cancel=word)
    world.run()
    assert undos(world) == ["wf-rollback-2", "wf-rollback-1"]
    assert world.phases[-2:] == ["rolling_back", "cancelled"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, "the request was taken back"),
        ({"rollback": "requested", "rollback_by": "mallory"}, "the request was changed"),
        ({"rollback": "requested", "rollback_by": "alice", "rollback_to": "9"}, "'9' is no step number"),
    ],
)
def test_a_request_that_stands_no_more_when_it_is_cancelled_is_told(change: dict[str, str], says: str) -> None:
    world = draining()
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, annotations={}))
    world.annotate(**change)
    world.change(cancel=True)
    world.run()
    assert undos(world) == []
    assert world.workflow.status.phase == "cancelled"
    told = [one.message for one in world.records if isinstance(one, EventRecord) and one.reason == "RollbackRefused"]
    assert told[0].startswith("cancelled, and not rolled back as asked for: ")
    assert says in told[0]
    assert condition(world)[0] == "False"
    assert marks(world) == []


@pytest.mark.parametrize("suspended", [False, True])
def test_a_request_that_is_taken_back_while_steps_drain_is_told_and_what_waited_goes_on(suspended: bool) -> None:
    world = draining()
    assert world.workflow.status.message == "draining 1 step"
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, annotations={}))
    world.change(suspend=suspended)
    world.look()
    assert condition(world) == ("False", "Withdrawn", "the request was taken back before anything was undone")
    assert world.workflow.status.message == ("paused while executing" if suspended else "executing 3 steps")
    world.change(suspend=False)
    world.run()
    assert undos(world) == []
    assert world.workflow.status.phase == "completed"
    assert world.reasons().count("RollbackWithdrawn") == 1


def test_a_request_that_is_taken_back_is_told_even_if_the_steps_drain_for_another_reason_by_then() -> None:
    steps = (step(1), step(2, criticalStep=True))
    world = World(spec(*steps, strategy={"rollbackStrategy": "manual"}))
    world.say("wf-step-1", completed(60_000))
    world.say("wf-step-2", failed("not found", after_ms=30_000))
    world.run(stop=lambda one: "wf-step-2" in one.created)
    ask(world)
    world.run(10_000)
    assert condition(world)[0] == "True"
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, annotations={}))
    world.run()
    assert (world.workflow.status.phase, undos(world)) == ("failed", [])
    assert condition(world)[:2] == ("False", "Withdrawn")


def test_who_comes_back_starts_nothing_while_an_accepted_request_waits() -> None:
    world = World(spec(step(1), step(2), step(3, 2)))
    world.say("wf-step-1", completed(120_000))
    world.say("wf-step-2", completed(30_000))
    world.run(stop=lambda one: "wf-step-2" in one.created)
    ask(world)
    world.run(60_000)
    assert world.states() == {1: "executing", 2: "completed", 3: "pending"}
    world.answers.clear()
    world.run()
    assert undos(world) == ["wf-rollback-1", "wf-rollback-2"]
    assert "wf-step-3" not in world.created


def test_what_was_accepted_once_gives_nobody_a_second_rollback_unasked() -> None:
    world = failed_world()
    ask(world, rollback_to="2")
    world.run()
    world.answers.clear()
    world.facts = lambda question: (
        AccessFacts(False, "") if isinstance(question, AskAccess) else default_facts(question)
    )
    ask(world)
    world.run()
    assert undos(world) == ["wf-rollback-3"]
    assert "alice has no right to approve" in condition(world)[2]


def test_a_paused_workflow_can_be_rolled_back() -> None:
    world = World(spec(step(1), step(2, 1)))
    world.say("wf-step-2", completed(60_000))
    world.run(stop=lambda one: "wf-step-2" in one.created)
    world.change(suspend=True)
    world.run(30_000)
    assert world.workflow.status.phase == "paused"
    ask(world)
    world.run()
    assert undos(world) == ["wf-rollback-2", "wf-rollback-1"]


def test_before_anything_runs_there_is_nothing_to_roll_back() -> None:
    world = World(spec(step(1), strategy={"approvalRequired": True}))
    world.run(1_000)
    ask(world)
    world.run(1_000)
    assert world.workflow.status.phase == "validating"
    assert "set spec.cancel" in condition(world)[2]


def test_a_completed_workflow_is_not_rolled_back() -> None:
    world = World(spec(step(1))).run()
    assert world.workflow.status.phase == "completed"
    ask(world)
    world.run()
    assert world.workflow.status.phase == "completed"
    assert "a completed workflow is not rolled back" in condition(world)[2]
    assert decide(world.snapshot(), world.now, world.settings) is NOTHING


def test_the_request_outlives_a_crash_before_it_is_taken_away() -> None:
    world = failed_world()
    ask(world)
    world.run(stop=lambda one: one.workflow.status.phase == "rolling_back")
    assert ANNOTATION_ROLLBACK in world.workflow.metadata.annotations
    world.look()
    assert marks(world) == []
    world.run()
    assert world.phases[-2:] == ["rolling_back", "failed"]
    assert world.phases.count("rolling_back") == 1


def test_an_undo_without_effect_is_a_failed_one() -> None:
    world = World(spec(step(1), step(2, 1, criticalStep=True)))
    world.say("wf-step-2", failed("not found"))
    world.ineffective = {"wf-rollback-1"}
    world.run()
    record = world.step(1).rollback
    assert record is not None
    assert (record.status, world.step(1).status) == ("failed", "completed")
    assert "Deployment d1 after the undo: replicas is 5, expected 3" in record.message


def test_what_cannot_be_looked_at_counts_as_undone_and_says_so() -> None:
    def blind(question: Question) -> Facts:
        return Unknown("no right to read deployments") if isinstance(question, AskTarget) else default_facts(question)

    world = World(spec(step(1), step(2, 1, criticalStep=True)))
    world.say("wf-step-2", failed("not found"))
    world.run(stop=lambda one: one.workflow.status.phase == "rolling_back")
    world.facts = blind
    world.run()
    record = world.step(1).rollback
    assert record is not None
    assert (record.status, record.message) == ("succeeded", "not verified: no right to read deployments")


def test_what_is_as_before_already_is_not_undone_again() -> None:
    world = World(spec(step(1), step(2, 1, criticalStep=True)))
    world.say("wf-step-2", failed("not found"))
    world.ineffective = {"wf-step-1"}
    world.run()
    record, rollback = world.step(1).rollback, world.workflow.status.rollback
    assert record is not None
    assert rollback is not None
    assert (record.status, rollback.skipped, undos(world)) == ("skipped", 1, [])
    assert "RollbackCompleted" in world.reasons()


def test_taken_or_refused_the_annotation_is_not_left_until_the_next_alarm() -> None:
    world = World(spec(step(1), step(2, 1)))
    world.say("wf-step-1", completed(60_000))
    world.run(stop=lambda one: "wf-step-1" in one.created)
    ask(world, rollback_to="9")
    plan = world.look()
    assert plan.status is not None
    assert plan.wake_at == world.now + 1
