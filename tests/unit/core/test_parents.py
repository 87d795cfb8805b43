"""Whose a workflow is, and what becomes of one that nobody owns (BR-WF-001)."""

from collections.abc import Callable

import pytest

from tests.unit.core.world import START, World, completed, default_facts, spec, step
from wfexec.core.decide import decide
from wfexec.core.parents import RETENTION_CHECK_MS
from wfexec.model.base import evolve
from wfexec.model.facts import Answer, AskParent, Facts, ParentFacts, Question, Unknown
from wfexec.model.meta import OwnerReference
from wfexec.model.plan import NOTHING, EventRecord, Plan
from wfexec.settings import DEFAULTS, Settings

PARENT = AskParent("ns", "rr")
HOUR = 3_600_000
KEEPING = Settings(manage_orphan_retention=True, orphan_retention=24 * HOUR)
OTHER = OwnerReference(api_version="v1", kind="ConfigMap", name="c", uid="uid-c", controller=True)


def parent_is(facts: Facts) -> Callable[[Question], Facts]:
    return lambda question: facts if isinstance(question, AskParent) else default_facts(question)


def asked(world: World) -> int:
    return sum(plan.questions.count(PARENT) for plan in world.plans)


def told(world: World) -> list[str]:
    return [condition.reason for condition in world.workflow.status.conditions if condition.type == "ParentFound"]


def ended(settings: Settings = KEEPING, facts: Facts | None = None) -> World:
    """A workflow that ended at START, without an owner."""
    world = World(spec(step(1)), settings)
    status = evolve(world.workflow.status, phase="completed", completion_time=START)
    world.workflow = evolve(world.workflow, status=status)
    if facts is not None:
        world.facts = parent_is(facts)
    return world


def test_the_owner_is_added_in_a_plan_of_its_own_beside_the_others() -> None:
    world = World(spec(step(1)))
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, owner_references=(OTHER,)))
    world.run()
    (adoption,) = [plan for plan in world.plans if plan.metadata is not None and plan.metadata.owner_references]
    assert adoption._replace(metadata=None) == NOTHING
    owners = world.workflow.metadata.owner_references
    assert [(one.kind, one.uid, one.controller) for one in owners] == [
        ("ConfigMap", "uid-c", True),
        ("RemediationRequest", "uid-parent", False),
    ]
    assert (asked(world), told(world), world.phases[-1]) == (1, [], "completed")


def test_a_missing_parent_is_asked_for_and_told_of_once() -> None:
    world = World(spec(step(1)))
    world.facts = parent_is(ParentFacts(""))
    world.run()
    assert (asked(world), told(world), world.phases[-1]) == (1, ["ParentMissing"], "completed")
    assert world.reasons().count("ParentMissing") == 1
    assert world.workflow.metadata.owner_references == ()


def test_who_may_not_look_for_the_parent_says_so_once() -> None:
    world = World(spec(step(1)))
    world.facts = parent_is(Unknown("no right to read RemediationRequests"))
    world.run()
    assert (asked(world), told(world), world.phases[-1]) == (1, ["ParentUnseen"], "completed")
    assert world.reasons().count("OwnerReferenceFailed") == 1


def test_a_parent_that_nobody_answered_for_is_asked_for_again_at_the_pace_of_errors() -> None:
    world = World(spec(step(1)))
    world.facts = parent_is(Unknown("the server is busy", transient=True))
    world.say("wf-step-1", completed(5 * 60_000))
    world.run(until_ms=4 * DEFAULTS.requeue_error - 1)
    assert asked(world) == 4
    world.facts = default_facts
    world.run()
    assert [owner.uid for owner in world.workflow.metadata.owner_references] == ["uid-parent"]
    assert (told(world), world.phases[-1]) == ([], "completed")


def test_a_refused_reference_holds_nothing_up_and_is_tried_again_after_another_look() -> None:
    world = World(spec(step(1)))
    world.look()
    world.refused_at = world.now
    world.answers[PARENT] = Answer(world.now, ParentFacts("uid-parent"))
    world.run(until_ms=DEFAULTS.requeue_error - 1)
    assert not world.workflow.metadata.owner_references
    assert "executing" in world.phases
    assert asked(world) == 1
    world.run(until_ms=10)
    assert asked(world) == 2
    assert [owner.uid for owner in world.workflow.metadata.owner_references] == ["uid-parent"]


def test_another_request_of_the_same_name_is_no_parent() -> None:
    world = World(spec(step(1), remediationRequestRef={"name": "rr", "uid": "uid-first"}))
    world.run()
    assert (told(world), world.workflow.metadata.owner_references) == (["ParentMissing"], ())


@pytest.mark.parametrize("settings", [DEFAULTS, Settings(manage_orphan_retention=False, orphan_retention=1_000)])
def test_by_default_nothing_that_ended_is_ever_touched(settings: Settings) -> None:
    world = ended(settings)
    world.now += 365 * 24 * HOUR
    assert world.look() == NOTHING


def test_what_somebody_owns_is_left_to_its_owner() -> None:
    world = ended()
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, owner_references=(OTHER,)))
    world.now += 48 * HOUR
    assert world.look() == NOTHING


def test_an_orphan_is_looked_for_its_parent_when_its_time_is_up_and_then_deleted() -> None:
    world = ended(facts=ParentFacts(""))
    assert world.look() == Plan(wake_at=START + 24 * HOUR)
    world.now += 24 * HOUR
    assert world.look() == Plan(questions=(PARENT,))
    plan = world.look()
    assert plan.expired
    assert [record.reason for record in plan.records if isinstance(record, EventRecord)] == ["OrphanDeleted"]
    assert plan._replace(expired=False, records=()) == NOTHING


def test_an_answer_from_before_its_time_was_up_does_not_count() -> None:
    world = ended(facts=ParentFacts(""))
    world.answers[PARENT] = Answer(START, ParentFacts(""))
    world.now += 24 * HOUR
    assert world.look() == Plan(questions=(PARENT,))


def test_a_parent_that_lives_after_all_owns_it_from_then_on() -> None:
    world = ended()
    world.now += 24 * HOUR
    world.look()
    plan = world.look()
    assert plan.metadata is not None
    assert not plan.expired
    assert world.look() == NOTHING


def test_while_nobody_can_say_whether_the_parent_lives_nothing_is_deleted() -> None:
    world = ended(facts=Unknown("no right"))
    world.now += 24 * HOUR
    for _ in range(3):
        assert world.look() == Plan(questions=(PARENT,))
        assert world.look() == Plan(wake_at=world.now + RETENTION_CHECK_MS)
        world.now += RETENTION_CHECK_MS


def test_a_refused_deletion_is_tried_again_after_an_hour() -> None:
    world = ended(facts=ParentFacts(""))
    world.now += 24 * HOUR
    world.look()
    world.refused_at = world.now
    assert decide(world.snapshot(), world.now + 1, world.settings) == Plan(wake_at=world.now + RETENTION_CHECK_MS)
    assert decide(world.snapshot(), world.now + RETENTION_CHECK_MS, world.settings).expired
