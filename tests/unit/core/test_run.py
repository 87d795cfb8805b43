"""A workflow from first look to end, as the pure core decides it (BR-WF-001 to 031, 050, 051, 166 to 168)."""

import pytest

from tests.unit.core.world import HANGS, START, World, completed, default_facts, failed, spec, step
from wfexec.core.decide import decide
from wfexec.model.base import evolve
from wfexec.model.facts import (
    AskTarget,
    Facts,
    Question,
    TargetFacts,
)
from wfexec.model.meta import FINALIZER
from wfexec.model.phases import TERMINAL
from wfexec.model.plan import CountRecord
from wfexec.model.snapshot import CreateFailure
from wfexec.settings import Settings

HAPPY = ["planning", "validating", "executing", "monitoring", "completed"]


def test_a_happy_run_passes_every_phase_and_leaves_a_full_status() -> None:
    world = World(spec(step(1), step(2, 1), step(3, 1), step(4, 2, 3))).run()
    status = world.workflow.status
    assert world.phases == HAPPY
    assert set(world.states().values()) == {"completed"}
    assert world.created == ["wf-step-1", "wf-step-2", "wf-step-3", "wf-step-4"]
    assert status.progress == 100
    assert status.workflow_result is not None
    assert status.workflow_result.outcome == "success"
    assert status.workflow_result.effectiveness_score == 1.0
    assert status.completion_time == world.now
    assert FINALIZER in world.workflow.metadata.finalizers
    # Three steps of a second each, then a stabilisation window.
    assert world.now - START == 3_000 + 30_000


def test_children_carry_owner_labels_correlation_and_mapped_spec() -> None:
    world = World(spec(step(1)), name="wf").run()
    child = world.children["wf-step-1"]
    (owner,) = child.metadata.owner_references
    assert (owner.uid, owner.controller, owner.block_owner_deletion) == ("uid-1", True, True)
    assert child.metadata.labels == {
        "workflow-execution": "wf",
        "workflow": "wf",
        "step-index": "1",
        "action-type": "scale-deployment",
    }
    assert child.metadata.annotations["correlationID"] == "uid-1"
    assert child.spec.parameters is not None
    assert child.spec.parameters.scale_deployment is not None
    assert child.spec.parameters.scale_deployment.deployment == "d1"
    assert child.spec.workflow_execution_ref.uid == "uid-1"
    assert child.spec.approval_received is True


def test_an_image_update_tells_the_image_before_and_after() -> None:
    parameters = {"updateImage": {"namespace": "shop", "deployment": "web", "container": "app", "newImage": "app:2"}}
    world = World(spec(step(1, action="update-image", parameters=parameters))).run()
    result = world.step(1).result
    assert result is not None
    assert result.update_result is not None
    assert (result.update_result.previous_value, result.update_result.new_value) == ("app:1", "app:2")


def test_looking_twice_changes_nothing() -> None:
    world = World(spec(step(1)))
    world.run(stop=lambda w: bool(w.created))
    plan = world.look()
    assert plan.status is None
    assert plan.creates == ()
    assert plan.wake_at == world.now + 60_000 + 1


def test_a_child_intended_but_not_made_is_asked_for_again_and_is_the_same() -> None:
    world = World(spec(step(1)))
    world.run(stop=lambda w: bool(w.created))
    first = world.children.pop("wf-step-1")
    world.created.clear()
    world.now += 5_000
    (again,) = world.look().creates
    assert again.spec == first.spec
    assert again.metadata.annotations == first.metadata.annotations


def test_ten_ready_steps_start_five_and_queue_five_in_order() -> None:
    world = World(spec(*[step(n) for n in range(1, 11)]))
    for n in range(1, 11):
        world.say(f"wf-step-{n}", completed(n * 1_000))
    world.run(stop=lambda w: bool(w.created))
    assert world.created == [f"wf-step-{n}" for n in range(1, 6)]
    assert (world.workflow.status.active_steps, world.workflow.status.queued_steps) == (5, 5)
    world.run()
    assert world.created == [f"wf-step-{n}" for n in range(1, 11)]
    assert world.busiest == 5
    assert (world.workflow.status.active_steps, world.workflow.status.queued_steps) == (0, 0)


def test_a_barrier_step_runs_alone_and_is_not_overtaken() -> None:
    world = World(spec(step(1), step(2, metadata={"execution_mode": "sequential"}), step(3)))
    world.run(stop=lambda w: bool(w.created))
    assert world.created == ["wf-step-1"]
    world.run()
    assert world.created == ["wf-step-1", "wf-step-2", "wf-step-3"]
    assert world.busiest == 1


def test_a_passing_error_is_tried_again_after_its_delay() -> None:
    world = World(spec(step(1)))
    world.say("wf-step-1", failed("evicted: pod gone"))
    world.run()
    assert world.phases == HAPPY
    assert world.created == ["wf-step-1", "wf-step-1-r1"]
    one = world.step(1)
    assert one.retries_attempted == 1
    assert [attempt.phase for attempt in one.attempts] == ["failed", "completed"]
    delay = one.attempts[1].start_time - (one.attempts[0].end_time or 0)
    assert 27_000 <= delay <= 33_000


def test_delays_double_and_the_budget_ends() -> None:
    world = World(spec(step(1, criticalStep=True, maxRetries=2), strategy={"rollbackStrategy": "none"}))
    for name in ("wf-step-1", "wf-step-1-r1", "wf-step-1-r2"):
        world.say(name, failed("connection refused"))
    world.run()
    starts = [attempt.start_time for attempt in world.step(1).attempts]
    assert len(starts) == 3
    assert 54_000 <= starts[2] - starts[1] - 1_000 <= 66_000
    assert world.states() == {1: "failed"}
    assert world.workflow.status.error_type == "network"


@pytest.mark.parametrize("text", ["Forbidden: no", "deployments not found", "ImagePullBackOff", "field is invalid"])
def test_a_permanent_error_is_not_tried_again(text: str) -> None:
    world = World(spec(step(1, criticalStep=True)))
    world.say("wf-step-1", failed(text))
    world.run()
    assert world.created == ["wf-step-1"]
    assert world.workflow.status.phase == "failed"


def test_the_executors_own_retries_use_the_same_budget() -> None:
    world = World(spec(step(1, maxRetries=2)))
    world.say("wf-step-1", failed("evicted", retries_attempted=2))
    world.run()
    assert world.created == ["wf-step-1"]
    assert world.step(1).retries_attempted == 2


def test_zero_retries_means_none() -> None:
    world = World(spec(step(1, maxRetries=0)))
    world.say("wf-step-1", failed("evicted"))
    world.run()
    assert world.created == ["wf-step-1"]


def test_a_failure_of_a_step_that_is_not_critical_is_a_partial_success() -> None:
    world = World(spec(step(1), step(2), step(3, 2), step(4, 3)))
    world.say("wf-step-2", failed("not found"))
    world.run()
    assert world.states() == {1: "completed", 2: "failed", 3: "skipped", 4: "skipped"}
    assert world.step(3).skip_reason == "dependency 's2' is failed"
    result = world.workflow.status.workflow_result
    assert result is not None
    assert (world.phases, result.outcome) == (HAPPY, "partial_success")
    assert "step 2" in result.recommended_actions[0]


def test_all_parallel_steps_failing_is_fatal_and_rolls_back_nothing() -> None:
    world = World(spec(step(1), step(2)))
    world.say("wf-step-1", failed("not found"))
    world.say("wf-step-2", failed("not found", 2_000))
    world.run()
    assert world.phases[-2:] == ["rolling_back", "failed"]
    assert world.created == ["wf-step-1", "wf-step-2"]
    assert world.workflow.status.rollback is not None
    assert world.workflow.status.rollback.total == 0


def test_completed_with_success_false_is_a_failure() -> None:
    world = World(spec(step(1, criticalStep=True)))
    after, status = failed("job not found")
    world.say("wf-step-1", (after, evolve(status, phase="completed")))
    world.run()
    assert world.states() == {1: "failed"}


def test_a_hanging_step_times_out_is_replaced_and_its_child_deleted() -> None:
    world = World(spec(step(1, timeout="1m")))
    world.say("wf-step-1", HANGS)
    world.run()
    assert world.created == ["wf-step-1", "wf-step-1-r1"]
    assert list(world.children) == ["wf-step-1-r1"]
    assert world.step(1).attempts[0].error == "the step's timeout passed"
    assert world.phases == HAPPY


def test_a_hanging_child_that_nothing_follows_stays_as_evidence() -> None:
    world = World(spec(step(1, timeout="1m", maxRetries=0, criticalStep=True), strategy={"rollbackStrategy": "none"}))
    world.say("wf-step-1", HANGS)
    world.run()
    assert world.workflow.status.error_type == "timeout"
    assert list(world.children) == ["wf-step-1"]


@pytest.mark.parametrize(("strategy", "after"), [("none", "retrying"), ("automatic", "failed")])
def test_a_child_that_was_given_up_is_deleted_again_when_the_first_word_was_lost(strategy: str, after: str) -> None:
    """The status said so, then the controller died: nothing may begin beside what still hangs (BR-WF-025)."""
    retries = 1 if after == "retrying" else 0
    slow = step(1, timeout="1m", maxRetries=retries, criticalStep=True)
    world = World(spec(slow, strategy={"rollbackStrategy": strategy, "maxParallelSteps": 1}))
    world.say("wf-step-1", HANGS)
    world.run(stop=lambda one: "wf-step-1" in one.children)
    world.now += 60_001
    plan = decide(world.snapshot(), world.now, world.settings)
    assert plan.status is not None
    assert plan.status.step_statuses[0].status == after
    assert [one.name for one in plan.deletes] == ["wf-step-1"]
    world.workflow = evolve(world.workflow, status=plan.status)
    again = decide(world.snapshot(), world.now + 1, world.settings)
    assert [one.name for one in again.deletes] == ["wf-step-1"]
    child = world.children["wf-step-1"]
    going = evolve(child, metadata=evolve(child.metadata, deletion_timestamp=world.now))
    world.children["wf-step-1"] = going
    assert decide(world.snapshot(), world.now + 2, world.settings).deletes == ()


def test_a_hanging_child_goes_when_another_step_takes_its_place() -> None:
    """Otherwise both would be at work under a limit of one (BR-WF-166)."""
    slow = step(1, timeout="1m", maxRetries=0)
    world = World(spec(slow, step(2), strategy={"rollbackStrategy": "manual", "maxParallelSteps": 1}))
    world.say("wf-step-1", HANGS)
    world.run()
    assert world.created == ["wf-step-1", "wf-step-2"]
    assert list(world.children) == ["wf-step-2"]
    assert world.busiest == 1


def test_completion_in_the_very_instant_of_the_timeout_wins() -> None:
    world = World(spec(step(1, timeout="1m")))
    world.say("wf-step-1", completed(60_000))
    world.run()
    assert world.created == ["wf-step-1"]
    assert world.states() == {1: "completed"}


def test_the_deadline_ends_the_execution_and_rolls_back() -> None:
    world = World(spec(step(1), step(2, 1, timeout="15m", maxRetries=0), timeout="5m"))
    world.say("wf-step-2", HANGS)
    world.run()
    assert world.workflow.status.failure_reason.startswith("workflow_timeout")
    assert world.states() == {1: "rolled_back", 2: "failed"}
    began = world.workflow.status.execution_start_time
    assert began is not None
    # The child is told how much time is left, and it is gone before the first undo.
    (child,) = [made for plan in world.plans for made in plan.creates if made.metadata.name == "wf-step-2"]
    assert child.spec.timeout == 299_000
    assert "wf-step-2" not in world.children
    assert world.workflow.status.rollback_start_time == began + 300_000 + 1


@pytest.mark.parametrize(("count", "minutes"), [(3, 10), (4, 20), (10, 20)])
def test_the_deadline_follows_the_number_of_steps(count: int, minutes: int) -> None:
    world = World(spec(*[step(n, *([n - 1] if n > 1 else []), timeout="15m") for n in range(1, count + 1)]))
    world.say("wf-step-1", HANGS)
    world.run(stop=lambda w: bool(w.created))
    assert world.children["wf-step-1"].spec.timeout == min(minutes, 15) * 60_000


@pytest.mark.parametrize(
    ("why", "setup", "state", "error"),
    [
        ("deleted by hand", "gone", "retrying", "child_deleted"),
        ("belongs to somebody else", "foreign", "failed", "name_conflict"),
        ("refused for good", "invalid", "failed", "creation_failed"),
        ("forbidden for a while", "forbidden", "executing", None),
        ("forbidden for long", "barred", "failed", "creation_failed"),
        ("forbidden by what looked at it", "denied", "failed", "creation_failed"),
        ("forbidden since the server is back", "back", "executing", None),
        ("refused five times", "five", "failed", "creation_failed"),
        ("server away", "unavailable", "executing", None),
    ],
)
def test_a_missing_child(why: str, setup: str, state: str, error: str | None) -> None:
    world = World(spec(step(1)))
    world.run(stop=lambda w: bool(w.created))
    world.children.clear()
    if setup == "gone":
        world.gone = {"wf-step-1": "u"}
    elif setup == "foreign":
        world.foreign = frozenset({"wf-step-1"})
    else:
        final = setup in ("invalid", "denied")
        times = 1 if final else 9
        code = "forbidden" if setup in ("barred", "denied", "back") else setup.replace("five", "server_error")
        lasted = {"forbidden": 24_999, "barred": 25_000}.get(setup, 0)
        world.failures["wf-step-1"] = CreateFailure(times, code, "no", world.now, final, world.now - lasted)
    world.look()
    assert world.step(1).status == state, why
    assert world.step(1).error_type == error


def test_monitoring_waits_until_targets_stay_healthy() -> None:
    world = World(spec(step(1)))
    sick_until = START + 60_000
    sick = TargetFacts(True, False, False, {}, "0 of 3 ready")

    def facts(question: Question) -> Facts:
        after_change = isinstance(question, AskTarget) and START + 500 < world.now < sick_until
        return sick if after_change else default_facts(question)

    world.facts = facts
    world.run()
    assert world.phases == HAPPY
    assert sick_until + 30_000 <= world.now <= sick_until + 50_000


def test_targets_that_never_recover_leave_the_outcome_unknown() -> None:
    world = World(spec(step(1)))
    sick = TargetFacts(True, False, False, {}, "0 of 3 ready")
    world.facts = lambda q: sick if isinstance(q, AskTarget) and world.now > START + 500 else default_facts(q)
    world.run()
    result = world.workflow.status.workflow_result
    assert result is not None
    assert (world.workflow.status.phase, result.outcome) == ("completed", "unknown")
    assert result.reason == "monitoring_timeout_cannot_verify_success"
    assert result.resource_health == "unhealthy"


def test_a_phase_from_another_version_is_left_alone() -> None:
    world = World(spec(step(1)))
    world.workflow = evolve(world.workflow, status=evolve(world.workflow.status, phase="dreaming"))
    plan = world.look()
    assert (plan.status, plan.metadata, plan.creates) == (None, None, ())
    assert plan.wake_at == world.now + 30_000
    assert world.reasons() == ["UnknownPhase"]


def test_a_refused_definition_fails_with_field_and_no_child() -> None:
    world = World(spec(step(1, 2), step(2, 1))).run()
    assert world.phases == ["planning", "failed"]
    assert "circular dependency detected: s1 → s2 → s1" in world.workflow.status.failure_reason
    assert world.created == []
    assert CountRecord("kubernaut_workflowexecution_executions_total", ("recover", "failed")) in world.records


def test_a_status_edited_by_hand_fails_rather_than_guesses() -> None:
    world = World(spec(step(1), step(2, 1)))
    world.run(stop=lambda w: bool(w.created))
    status = world.workflow.status
    world.workflow = evolve(world.workflow, status=evolve(status, step_statuses=status.step_statuses[:1]))
    world.run()
    assert world.workflow.status.failure_reason.startswith("status_inconsistent")


@pytest.mark.parametrize(
    ("run_condition", "primary_ok", "state"),
    [
        ("if_primary_fails", True, "skipped"),
        ("if_primary_fails", False, "completed"),
        ("after_primary", True, "completed"),
        ("after_primary", False, "completed"),
    ],
)
def test_run_conditions(run_condition: str, primary_ok: bool, state: str) -> None:
    world = World(spec(step(1), step(2, 1, runCondition=run_condition)))
    if not primary_ok:
        world.say("wf-step-1", failed("not found"))
    world.run()
    assert world.states()[2] == state


def test_parallel_with_primary_starts_beside_it() -> None:
    world = World(spec(step(1), step(2, 1, runCondition="parallel_with_primary")))
    world.run()
    assert world.busiest == 2
    assert world.states() == {1: "completed", 2: "completed"}


def test_terminal_is_final() -> None:
    world = World(spec(step(1))).run()
    assert world.workflow.status.phase in TERMINAL
    world.change(suspend=True, cancel=True)
    assert world.look() == type(world.plans[-1])()


def test_a_setting_decides_the_parallel_limit() -> None:
    world = World(spec(*[step(n) for n in range(1, 5)]), Settings(max_parallel_steps=2)).run()
    assert world.busiest == 2
