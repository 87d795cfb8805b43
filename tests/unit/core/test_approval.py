"""Who may start what: whose word counts, how long it is waited for, what is looked at again (BR-WF-018, BR-WF-169)."""

import pytest

from tests.unit.core.test_run import HAPPY
from tests.unit.core.test_validation import annotate
from tests.unit.core.world import World, default_facts, spec, step
from wfexec.model.base import evolve
from wfexec.model.bearings import Bearings
from wfexec.model.facts import AccessFacts, AskAccess, AskTarget, Facts, Question, TargetFacts, Unknown
from wfexec.model.meta import Condition
from wfexec.model.plan import EventRecord
from wfexec.settings import DEFAULTS, Settings

MINUTE = 60_000
GUARDED = Bearings(guarded=True)


def waiting(guarded: bool | None = True, settings: Settings = DEFAULTS) -> World:
    """A workflow that waits for its approval."""
    world = World(spec(step(1), strategy={"approvalRequired": True}), settings)
    world.bearings = Bearings(guarded=guarded)
    world.facts = only_alice
    world.run(until_ms=MINUTE)
    assert (world.workflow.status.phase, told(world, "Approved").reason) == ("validating", "Pending")
    world.plans.clear()
    return world


def only_alice(question: Question) -> Facts:
    if isinstance(question, AskAccess) and question.verb == "approve":
        return AccessFacts(question.user == "alice", "")
    return default_facts(question)


def told(world: World, kind: str) -> Condition:
    return next(one for one in world.workflow.status.conditions if one.type == kind)


def asked(world: World, kind: type[Question] = AskAccess) -> list[Question]:
    return [question for plan in world.plans for question in plan.questions if isinstance(question, kind)]


def warnings(world: World) -> list[str]:
    return [one.message for one in world.records if isinstance(one, EventRecord) and one.type == "Warning"]


def test_where_a_policy_guards_the_word_counts_and_nobody_is_asked() -> None:
    """The policy knew the requester's groups, which an access review by name does not."""
    world = waiting()
    annotate(world, approval="approved", approved_by="by-her-group")
    world.look()
    assert told(world, "Approved").status == "True"
    assert not asked(world)
    assert not any(one.type == "ApprovalGuarded" for one in world.workflow.status.conditions)
    assert world.run().phases == HAPPY


@pytest.mark.parametrize(("guarded", "why"), [(False, "no admission policy guards"), (None, "cannot be seen")])
def test_elsewhere_the_named_user_must_have_the_right(guarded: bool | None, why: str) -> None:
    world = waiting(guarded)
    guard = told(world, "ApprovalGuarded")
    assert (guard.status, guard.reason, why in guard.message) == ("False", "NoAdmissionPolicy", True)
    annotate(world, approval="approved", approved_by="mallory")
    world.run(until_ms=MINUTE)
    assert warnings(world) == ["the decision of mallory is ignored: no right to approve"]
    assert "mallory" in told(world, "Approved").message
    annotate(world, approval="approved", approved_by="alice")
    assert world.run().phases == HAPPY


def test_the_setting_approvers_names_who_may_where_no_policy_guards() -> None:
    world = waiting(None, Settings(approvers=("carol", "dave")))
    annotate(world, approval="approved", approved_by="dave")
    world.look()
    assert told(world, "Approved").message == "by dave"
    assert not asked(world)


def test_a_right_that_is_granted_while_the_word_stands_there_counts() -> None:
    world = waiting(None)
    annotate(world, approval="approved", approved_by="mallory")
    world.run(until_ms=MINUTE)
    world.facts = default_facts
    assert world.run().phases == HAPPY


def test_where_nobody_can_say_whether_they_may_the_word_does_not_count() -> None:
    world = waiting(None)
    world.facts = lambda q: Unknown("no right to ask") if isinstance(q, AskAccess) else default_facts(q)
    annotate(world, approval="approved", approved_by="alice")
    world.run()
    assert world.workflow.status.failure_reason.startswith("approval_timeout")
    assert any("nobody can say whether they may: no right to ask" in text for text in warnings(world))


def test_a_policy_that_comes_later_is_said_to_be_there() -> None:
    world = waiting(None)
    world.bearings = GUARDED
    annotate(world, approval="approved", approved_by="by-her-group")
    world.look()
    assert (told(world, "ApprovalGuarded").status, told(world, "Approved").status) == ("True", "True")


@pytest.mark.parametrize(
    ("marks", "why"),
    [
        ({"approval": "approved"}, "approved-by is missing"),
        ({"approval": "yes", "approved_by": "alice"}, "is 'yes', not approved or rejected"),
        ({"approval": "Approved", "approved_by": "alice"}, "not approved or rejected"),
        ({"pre_approved": "true", "approval_source": ""}, "approval-source is missing"),
    ],
)
def test_a_word_that_cannot_be_understood_is_said_to_be_ignored(marks: dict[str, str], why: str) -> None:
    world = waiting()
    annotate(world, **marks)
    world.run(until_ms=MINUTE)
    assert why in told(world, "Approved").message
    assert len(warnings(world)) == 1
    world.run()
    assert world.workflow.status.failure_reason.startswith("approval_timeout")


def test_it_says_what_is_waited_for_and_what_to_type() -> None:
    world = World(spec(*[step(n) for n in range(1, 12)]))
    world.run(until_ms=MINUTE)
    for text in (world.workflow.status.message, told(world, "Approved").message):
        assert "11 steps are more than complexity-approval-threshold 10" in text
        assert "type: wfexec approve wf -n ns (or reject)" in text
    validation = world.workflow.status.validation_results
    assert validation is not None
    assert validation.safety_checks_passed


def test_the_last_word_counts() -> None:
    world = waiting()
    annotate(world, approval="rejected", approved_by="bob")
    annotate(world, approval="approved", approved_by="alice")
    assert world.run().phases == HAPPY


def test_a_no_in_the_last_moment_still_stops_it() -> None:
    world = waiting()
    annotate(world, approval="approved", approved_by="alice")
    world.look()
    annotate(world, approval="rejected", approved_by="bob", approval_reason="look at node-2 first")
    world.run()
    assert world.workflow.status.failure_reason == "approval_rejected: rejected by bob: look at node-2 first"
    assert world.created == []


def test_a_no_weighs_more_than_the_yes_that_the_parent_brought() -> None:
    world = World(spec(step(1), strategy={"approvalRequired": True}))
    world.bearings = GUARDED
    annotate(world, pre_approved="true", approval_source="analysis", approval="rejected", approved_by="bob")
    assert world.run().workflow.status.failure_reason.startswith("approval_rejected")


def test_the_same_word_again_changes_nothing() -> None:
    world = waiting()
    annotate(world, approval="approved", approved_by="alice")
    world.run()
    annotate(world, approval="approved", approved_by="bob")
    world.look()
    assert world.reasons().count("ApprovalReceived") == 1
    validation = world.workflow.status.validation_results
    assert validation is not None
    assert validation.approved_by == "alice"


def test_where_the_parent_is_not_guarded_its_word_needs_the_right_as_well() -> None:
    world = World(spec(step(1), strategy={"approvalRequired": True}))
    world.facts = only_alice
    annotate(world, pre_approved="true", approval_source="aianalysis/a1")
    world.run(until_ms=MINUTE)
    assert "the decision of aianalysis/a1 is ignored" in told(world, "Approved").message


def test_a_decision_after_the_deadline_has_no_effect() -> None:
    world = waiting()
    world.now += 5 * MINUTE
    annotate(world, approval="approved", approved_by="alice")
    world.run()
    assert world.workflow.status.failure_reason.startswith("approval_timeout")
    assert told(world, "Approved").reason == "Expired"
    assert world.created == []


def test_a_pause_does_not_eat_up_the_time_for_the_decision() -> None:
    world = waiting()
    world.change(suspend=True)
    world.run(until_ms=30 * MINUTE)
    world.now += 30 * MINUTE
    world.change(suspend=False)
    world.run(until_ms=3 * MINUTE)
    assert world.workflow.status.phase == "validating"
    annotate(world, approval="approved", approved_by="alice")
    world.run()
    assert world.workflow.status.phase == "completed"


def test_all_is_looked_at_again_after_the_wait() -> None:
    world = waiting()
    world.facts = lambda q: TargetFacts(False, False, None, {}, "") if isinstance(q, AskTarget) else only_alice(q)
    annotate(world, approval="approved", approved_by="alice")
    world.run()
    status = world.workflow.status
    assert status.failure_reason.startswith("safety_validation_failed: health check failed")
    assert "Deployment shop/d1 does not exist" in status.failure_reason
    assert asked(world, AskTarget)
    assert world.created == []


def test_a_word_before_the_wait_needs_no_second_look() -> None:
    world = World(spec(step(1), strategy={"approvalRequired": True}))
    world.bearings = GUARDED
    annotate(world, approval="approved", approved_by="alice")
    world.run(stop=lambda seen: seen.workflow.status.phase == "executing")
    assert len(asked(world, AskTarget)) == 1
    assert "ApprovalRequired" not in world.reasons()


def test_a_wait_asks_nothing_also_after_a_restart() -> None:
    """A thousand workflows that wait cost the API server nothing."""
    world = waiting()
    world.answers.clear()
    for _ in range(3):
        plan = world.look()
        assert (plan.status, plan.questions, plan.wake_at) == (None, (), plan.wake_at)
        assert plan.wake_at is not None
        assert plan.wake_at > world.now + 3 * MINUTE


def test_a_grant_that_was_written_down_outlives_a_restart_and_the_annotation() -> None:
    world = waiting()
    annotate(world, approval="approved", approved_by="alice", approval_reason="go")
    world.look()
    world.answers.clear()
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, annotations={}))
    world.run()
    validation = world.workflow.status.validation_results
    assert validation is not None
    assert (validation.approval_received, validation.approved_by, validation.approval_reason) == (True, "alice", "go")


def test_a_wait_ends_where_the_settings_no_longer_ask_for_it() -> None:
    world = World(spec(*[step(n) for n in range(1, 12)]))
    world.run(until_ms=MINUTE)
    world.settings = Settings.model_validate({"complexity-approval-threshold": "11", "embedded-conditions": False})
    world.run()
    assert world.workflow.status.phase == "completed"
    assert told(world, "Approved").reason == "NotRequired"
