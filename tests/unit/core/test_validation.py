"""What keeps a workflow from starting: checks, dry run, approval (BR-WF-015 to 018, 169)."""

from typing import Any

import pytest

from tests.unit.core.world import World, default_facts, spec, step
from wfexec.model.base import evolve
from wfexec.model.facts import (
    AccessFacts,
    AskAccess,
    AskNodes,
    AskTarget,
    Facts,
    NodesFacts,
    Question,
    TargetFacts,
    Unknown,
)
from wfexec.settings import Settings

HAPPY = ["planning", "validating", "executing", "monitoring", "completed"]


def answering(**facts: Facts) -> Any:
    """The usual cluster, but for the questions of the named kind."""
    kinds: dict[type, str] = {AskAccess: "access", AskTarget: "target", AskNodes: "nodes"}

    def answer(question: Question) -> Facts:
        return facts.get(kinds.get(type(question), ""), default_facts(question))

    return answer


GONE = TargetFacts(False, False, None, {}, "")


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        (
            {"access": AccessFacts(False, "")},
            "safety_validation_failed",
            "may not patch deployments.apps d1 in namespace shop",
        ),
        ({"target": GONE}, "safety_validation_failed", "Deployment shop/d1 does not exist"),
        ({"nodes": NodesFacts(3, 0, 0, 0)}, "safety_validation_failed", "no schedulable node"),
        ({"target": Unknown("no right to read deployments")}, "safety_validation_failed", "no right to read"),
    ],
)
def test_a_failed_required_check_ends_it_before_anything_runs(facts: dict[str, Facts], reason: str, words: str) -> None:
    world = World(spec(step(1)))
    world.facts = answering(**facts)
    world.run()
    assert world.phases == ["planning", "validating", "failed"]
    assert world.workflow.status.failure_reason.startswith(reason)
    assert words in world.workflow.status.failure_reason
    assert world.created == []


def test_an_optional_check_that_fails_is_a_warning() -> None:
    world = World(spec(step(1), strategy={"safetyChecks": [{"type": "capacity", "required": False}]}))
    world.facts = answering(nodes=NodesFacts(3, 0, 0, 0))
    world.run()
    assert world.phases == HAPPY
    validation = world.workflow.status.validation_results
    assert validation is not None
    assert "no schedulable node" in validation.validation_errors[0]


def test_an_answer_that_did_not_come_is_asked_for_again_until_it_does() -> None:
    world = World(spec(step(1)))
    silent = 3

    def facts(question: Question) -> Facts:
        nonlocal silent
        if isinstance(question, AskNodes) and silent:
            silent -= 1
            return Unknown("no reply", transient=True)
        return default_facts(question)

    world.facts = facts
    world.run()
    assert world.phases == HAPPY


def test_a_dry_run_that_fails_creates_nothing() -> None:
    strategy = {"safetyChecks": [{"type": "network"}]}
    world = World(spec(step(1), step(2, 1), strategy=strategy))

    def facts(question: Question) -> Facts:
        missing = isinstance(question, AskTarget) and question.target.name == "d2"
        return GONE if missing else default_facts(question)

    world.facts = facts
    world.run()
    assert world.workflow.status.failure_reason.startswith("dry_run_failed")
    assert world.workflow.status.failed_step == 2
    assert world.created == []


def test_a_protected_namespace_is_refused() -> None:
    parameters = {"scaleDeployment": {"namespace": "kube-system", "deployment": "dns", "replicas": 1}}
    world = World(spec(step(1, parameters=parameters))).run()
    assert "protected namespace 'kube-system'" in world.workflow.status.failure_reason
    assert world.created == []


def annotate(world: World, **marks: str) -> None:
    prefix = "workflowexecution.kubernaut.io/"
    annotations = {prefix + key.replace("_", "-"): value for key, value in marks.items()}
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, annotations=annotations))


def test_more_than_ten_steps_wait_for_approval() -> None:
    world = World(spec(*[step(n) for n in range(1, 12)]))
    world.run(until_ms=60_000)
    assert world.workflow.status.phase == "validating"
    assert any(c.type == "Approved" and c.reason == "Pending" for c in world.workflow.status.conditions)
    annotate(world, approval="approved", approved_by="alice", approval_reason="go")
    world.run()
    assert world.phases == HAPPY
    validation = world.workflow.status.validation_results
    assert validation is not None
    assert (validation.approved_by, validation.approval_reason) == ("alice", "go")


def test_nobody_without_the_right_approves_and_the_wait_ends() -> None:
    world = World(spec(step(1), strategy={"approvalRequired": True}))
    world.facts = lambda q: AccessFacts(q.user != "mallory", "") if isinstance(q, AskAccess) else default_facts(q)
    annotate(world, approval="approved", approved_by="mallory")
    world.run()
    assert world.workflow.status.failure_reason.startswith("approval_timeout")
    assert world.created == []


def test_a_restart_late_in_a_long_wait_for_approval_goes_on_waiting() -> None:
    world = World(
        spec(step(1), strategy={"approvalRequired": True}), Settings.model_validate({"approval-timeout": "2h"})
    )
    world.run(until_ms=3_600_000)
    # A new process remembers no answers.
    world.answers.clear()
    world.run(until_ms=60_000)
    assert world.workflow.status.phase == "validating"
    annotate(world, approval="approved", approved_by="alice")
    world.run()
    assert world.phases == HAPPY


def test_a_rejection_ends_it() -> None:
    world = World(spec(step(1), strategy={"approvalRequired": True}))
    annotate(world, approval="rejected", approved_by="alice", approval_reason="not tonight")
    world.run()
    assert "approval_rejected: rejected by alice: not tonight" in world.workflow.status.failure_reason


def test_pre_approval_by_the_parent_opens_the_gate() -> None:
    world = World(spec(*[step(n) for n in range(1, 12)]))
    annotate(world, pre_approved="true", approval_source="aianalysis/a1")
    world.run()
    assert world.phases == HAPPY
