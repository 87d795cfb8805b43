"""How much time the parent gives, and from when on that counts (BR-WF-TIMEOUT-001)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.core.world import World, default_facts, spec, step
from wfexec.core.allowance import PATIENCE_MS
from wfexec.core.birth import workflow_limit
from wfexec.model.base import evolve
from wfexec.model.facts import Answer, AskParent, Facts, ParentFacts, Question, Unknown
from wfexec.model.meta import REMEDIATION_API, REMEDIATION_KIND, OwnerReference
from wfexec.settings import DEFAULTS

PARENT = AskParent("ns", "rr")
MINUTE = 60_000
OWNER = OwnerReference(api_version=REMEDIATION_API, kind=REMEDIATION_KIND, name="rr", uid="uid-parent", controller=True)
SILENT = ParentFacts("uid-parent")


def saying(facts: Facts) -> Callable[[Question], Facts]:
    return lambda question: facts if isinstance(question, AskParent) else default_facts(question)


def owned(facts: Facts, **more: Any) -> World:
    """As a parent makes it."""
    world = World(spec(step(1), **more))
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, owner_references=(OWNER,)))
    world.facts = saying(facts)
    return world


def asked(world: World) -> int:
    return sum(plan.questions.count(PARENT) for plan in world.plans)


def planned(world: World) -> int | None:
    plan = world.workflow.status.execution_plan
    assert plan is not None
    return plan.timeout


def test_it_is_asked_once_and_what_it_says_stands_in_the_plan() -> None:
    world = owned(ParentFacts("uid-parent", 7 * MINUTE))
    world.run()
    assert (asked(world), planned(world), world.phases[-1]) == (1, 7 * MINUTE, "completed")
    status = world.workflow.status
    assert workflow_limit(world.workflow.spec, 1, DEFAULTS, status.execution_plan) == 7 * MINUTE


def test_without_an_owner_the_question_is_the_one_of_who_owns_it() -> None:
    world = World(spec(step(1)))
    world.facts = saying(ParentFacts("uid-parent", 7 * MINUTE))
    world.run()
    assert (asked(world), planned(world)) == (1, 7 * MINUTE)


def test_who_says_so_itself_asks_nobody() -> None:
    world = owned(ParentFacts("uid-parent", 7 * MINUTE), timeout="3m")
    world.run()
    assert (asked(world), planned(world)) == (0, None)
    spec_, plan = world.workflow.spec, world.workflow.status.execution_plan
    assert workflow_limit(spec_, 1, DEFAULTS, plan) == 3 * MINUTE


@pytest.mark.parametrize("facts", [SILENT, ParentFacts(""), Unknown("no right"), Unknown("busy", transient=True)])
def test_whoever_does_not_say_it_leaves_it_to_the_number_of_steps(facts: Facts) -> None:
    world = owned(facts)
    world.run()
    assert (asked(world), planned(world), world.phases[-1]) == (1, None, "completed")
    assert "ValidationWarning" not in world.reasons()
    plan = world.workflow.status.execution_plan
    assert workflow_limit(world.workflow.spec, 1, DEFAULTS, plan) == DEFAULTS.workflow_timeout_simple


def test_a_namesake_of_the_parent_has_no_say() -> None:
    world = owned(ParentFacts("uid-parent", 7 * MINUTE), remediationRequestRef={"name": "rr", "uid": "uid-first"})
    world.run()
    assert planned(world) is None


def test_what_cannot_be_read_is_told_of_once() -> None:
    world = owned(ParentFacts("uid-parent", None, "it says 'soon'"))
    world.run()
    assert (planned(world), world.reasons().count("ValidationWarning")) == (None, 1)


def without_answers(world: World) -> None:
    world.answers.pop(PARENT, None)


def test_planning_waits_a_moment_for_it_and_goes_on() -> None:
    world = owned(ParentFacts("uid-parent", 7 * MINUTE))
    world.look()
    without_answers(world)
    waiting = world.look()
    assert (world.workflow.status.phase, waiting.questions) == ("planning", (PARENT,))
    assert waiting.wake_at == world.now + PATIENCE_MS
    without_answers(world)
    world.now += PATIENCE_MS
    late = world.look()
    # It is still asked: nobody has, where another controller looks for the first time.
    assert (world.workflow.status.phase, planned(world), late.questions) == ("validating", None, (PARENT,))
    world.answers[PARENT] = Answer(world.now, ParentFacts("uid-parent", 7 * MINUTE))
    world.run()
    assert planned(world) == 7 * MINUTE


def test_what_the_parent_says_later_moves_nothing() -> None:
    world = owned(ParentFacts("uid-parent", 7 * MINUTE))
    while world.workflow.status.phase != "validating":
        world.look()
    world.answers[PARENT] = Answer(world.now, ParentFacts("uid-parent", MINUTE))
    world.run()
    assert planned(world) == 7 * MINUTE
