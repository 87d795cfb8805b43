"""Does the executor carry children to their end, whatever is refused, lost or restarted on the way?"""

from typing import Any

import pytest

from sim.cluster.requests import GetTarget, PatchExecutionStatus, PatchTarget
from sim.executor.files import parse_outcomes
from sim.executor.machine import ExecutorRequest
from sim.executor.objects import restorable
from tests.unit.executor.api import START, Api, child
from wfexec.core.children import undo_from_information
from wfexec.model.execution import KubernetesExecution
from wfexec.model.parameters import ActionParameters, RolloutRestartAction, ScaleDeployment
from wfexec.model.requests import Code, GetObject, Outcome, Replied, StopAsked, WatchObjects

WORLD = """
cluster:
  deployments:
    payments/checkout-api: {replicas: 3, image: "registry.example/checkout-api:2.4.0"}
  configMaps:
    payments/checkout-config: {data: {POOL_SIZE: "20"}}
"""
SCALE = ActionParameters(scale_deployment=ScaleDeployment(namespace="payments", deployment="checkout-api", replicas=5))
RESTART = ActionParameters(rollout_restart=RolloutRestartAction(namespace="payments", deployment="checkout-api"))


def api(extra: str = "actions: {scale-deployment: {duration: 20s}, restart-deployment: {duration: 40s}}") -> Api:
    return Api(parse_outcomes(WORLD + extra, "executor.yaml"))


def replicas(world: Api) -> Any:
    return world.target("Deployment", "payments/checkout-api")["spec"]["replicas"]


def condition(made: KubernetesExecution) -> tuple[str, str]:
    (found,) = [c for c in made.status.conditions if c.type == "Executed"]
    return found.status, found.reason


def test_a_step_changes_its_target_at_its_end_and_reports_what_it_did() -> None:
    world = api()
    done = world.do(child("scale-out-step-1", "scale-deployment", SCALE))
    assert world.now == START + 20_000
    assert replicas(world) == 5
    assert world.phases["scale-out-step-1"] == ["executing", "completed"]
    results = done.status.execution_results
    assert results is not None
    assert (results.success, results.start_time, results.end_time) == (True, START, START + 20_000)
    (touched,) = results.resources_affected
    assert (touched.kind, touched.before, touched.after) == (
        "Deployment",
        '{"spec":{"replicas":3}}',
        '{"spec":{"replicas":5}}',
    )
    assert condition(done) == ("True", "Completed")


def test_the_target_is_not_changed_before_the_end() -> None:
    world = api()
    world.submit(child("scale-out-step-1", "scale-deployment", SCALE))
    world.run(for_ms=19_999)
    assert replicas(world) == 3
    assert world.children["scale-out-step-1"].status.phase == "executing"


def test_what_a_step_says_of_undoing_restores_the_target() -> None:
    world = api()
    before = restorable(world.target("Deployment", "payments/checkout-api"))
    done = world.do(child("scale-out-step-1", "scale-deployment", SCALE))
    information = done.status.rollback_information
    assert information is not None
    undo = undo_from_information(information)
    world.do(child("scale-out-rollback-1", information.rollback_action, undo))
    assert restorable(world.target("Deployment", "payments/checkout-api")) == before


def test_every_phase_of_a_careful_executor() -> None:
    world = api("phases: full\nvalidating: 5s\nrollbackReady: 60s\nactions: {scale-deployment: {duration: 20s}}")
    world.do(child("scale-out-step-1", "scale-deployment", SCALE))
    expected = ["validating", "validated", "executing", "rollback_ready", "completed"]
    assert world.phases["scale-out-step-1"] == expected
    assert world.now == START + 85_000


def test_a_missing_target_fails_at_once_as_kubernetes_says_it() -> None:
    world = api()
    gone = ActionParameters(scale_deployment=ScaleDeployment(namespace="payments", deployment="cart", replicas=1))
    done = world.do(child("scale-out-step-1", "scale-deployment", gone))
    assert condition(done) == ("False", "resource_not_found")
    assert done.status.execution_results is not None
    assert "not found" in done.status.execution_results.error_message
    assert world.now == START


def test_attempts_follow_their_script() -> None:
    world = api(
        """
steps:
  scale-out/1:
    duration: 10s
    attempts:
      - {result: failure, error: {type: evicted}}
      - {result: no-effect}
      - {result: success, duration: 3s}
"""
    )
    first = world.do(child("scale-out-step-1", "scale-deployment", SCALE))
    assert (first.status.phase, condition(first)) == ("failed", ("False", "evicted"))
    assert first.status.rollback_information is not None
    assert not first.status.rollback_information.available
    second = world.do(child("scale-out-step-1-r1", "scale-deployment", SCALE))
    assert (second.status.phase, replicas(world)) == ("completed", 3)
    third = world.do(child("scale-out-step-1-r2", "scale-deployment", SCALE))
    assert (third.status.phase, replicas(world), world.now) == ("completed", 5, START + 23_000)


def test_a_hang_ends_by_the_childs_own_timeout() -> None:
    world = api("steps: {'*/1': {attempts: [{result: hang}]}}")
    done = world.do(child("scale-out-step-1", "scale-deployment", SCALE, timeout=60_000))
    assert (world.now, condition(done)) == (START + 60_000, ("False", "timeout"))
    assert done.status.execution_results is not None
    assert "deadline exceeded" in done.status.execution_results.error_message
    assert replicas(world) == 3


def test_a_hang_for_ever_never_reports() -> None:
    world = api("steps: {'*/1': {attempts: [{result: hang-forever}]}}")
    world.submit(child("scale-out-step-1", "scale-deployment", SCALE, timeout=60_000))
    world.run(for_ms=86_400_000)
    assert world.children["scale-out-step-1"].status.phase == "executing"


def test_a_slow_step_fails_at_its_timeout_and_changes_nothing() -> None:
    world = api("actions: {scale-deployment: {duration: 10m}}")
    done = world.do(child("scale-out-step-1", "scale-deployment", SCALE, timeout=60_000))
    assert (world.now, condition(done), replicas(world)) == (START + 60_000, ("False", "timeout"), 3)


def test_a_partial_failure_changes_the_target_and_says_how_to_undo_it() -> None:
    world = api("steps: {'*/1': {attempts: [{result: failure, partial: true, error: {type: oom_killed}}]}}")
    done = world.do(child("scale-out-step-1", "scale-deployment", SCALE))
    assert (done.status.phase, replicas(world)) == ("failed", 5)
    assert done.status.rollback_information is not None
    assert done.status.rollback_information.available


def test_a_child_that_waits_for_an_approval_it_cannot_get_is_rejected_in_the_end() -> None:
    world = api("approvalLimit: 10m\nactions: {scale-deployment: {needsApproval: true}}")
    done = world.do(child("scale-out-step-1", "scale-deployment", SCALE, approved=False))
    assert world.phases["scale-out-step-1"] == ["waiting_approval", "failed"]
    assert (condition(done)[1], world.now, replicas(world)) == ("rejected", START + 600_000, 3)


def test_a_storm_fails_what_runs_through_it_and_nothing_else() -> None:
    world = api(
        "actions: {scale-deployment: {duration: 30s}}\nstorms: [{at: 60s, for: 2m, actions: [scale-deployment]}]"
    )
    assert world.do(child("before-step-1", "scale-deployment", SCALE)).status.phase == "completed"
    world.run(for_ms=20_000)
    caught = world.do(child("caught-step-1", "scale-deployment", SCALE))
    assert (condition(caught), world.now) == (("False", "evicted"), START + 61_000)
    world.run(for_ms=119_000)
    assert world.do(child("after-step-1", "scale-deployment", SCALE)).status.phase == "completed"


def test_somebody_elses_change_is_seen_and_its_value_is_what_undo_restores() -> None:
    world = api()
    world.submit(child("scale-out-step-1", "scale-deployment", SCALE))
    world.run(for_ms=10_000)
    ref = next(ref for ref in world.targets if ref.kind == "Deployment")
    assert world._target(PatchTarget(ref, {"spec": {"replicas": 4}})).code is Code.OK
    world.run(until=lambda: world.ended("scale-out-step-1"))
    information = world.children["scale-out-step-1"].status.rollback_information
    assert information is not None
    assert information.rollback_parameters is not None
    assert information.rollback_parameters.scale_to_previous is not None
    assert information.rollback_parameters.scale_to_previous.previous_replicas == 4


def once(kind: type, code: Code) -> Any:
    """A fault that meets the first request of this kind."""
    met: list[int] = []

    def fault(request: ExecutorRequest) -> Code | None:
        if isinstance(request.body, kind) and not met:
            met.append(request.id)
            return code
        return None

    return fault


@pytest.mark.parametrize("code", [Code.LOST, Code.UNAVAILABLE, Code.THROTTLED, Code.CONFLICT])
@pytest.mark.parametrize("kind", [GetTarget, PatchTarget, PatchExecutionStatus, GetObject])
def test_a_refused_or_lost_request_ends_like_a_calm_run(kind: type, code: Code) -> None:
    world = api()
    if kind is GetObject:
        chained = once(PatchExecutionStatus, Code.LOST)
        looked = once(GetObject, code if code is not Code.CONFLICT else Code.LOST)
        world.fault = lambda request: chained(request) or looked(request)
    elif kind is GetTarget and code is Code.CONFLICT:
        world.fault = once(kind, Code.UNAVAILABLE)
    else:
        world.fault = once(kind, code)
    done = world.do(child("scale-out-step-1", "scale-deployment", SCALE))
    assert (done.status.phase, replicas(world)) == ("completed", 5)
    information = done.status.rollback_information
    assert information is not None
    assert information.rollback_parameters is not None
    assert information.rollback_parameters.scale_to_previous is not None
    assert information.rollback_parameters.scale_to_previous.previous_replicas == 3


def test_no_right_to_change_the_target_is_reported_as_such() -> None:
    world = api()
    world.fault = once(PatchTarget, Code.FORBIDDEN)
    done = world.do(child("scale-out-step-1", "scale-deployment", SCALE))
    assert condition(done) == ("False", "permission_denied")


@pytest.mark.parametrize("cut", range(6))
def test_killed_after_any_write_and_started_again_it_ends_the_same(cut: int) -> None:
    calm = api()
    calm.do(child("scale-out-step-1", "restart-deployment", RESTART))
    world = api()
    world.submit(child("scale-out-step-1", "restart-deployment", RESTART))
    world.run(until=lambda: len(world.writes) > cut or world.ended("scale-out-step-1"))
    world.restart()
    world.run(until=lambda: world.ended("scale-out-step-1"))
    assert world.now == calm.now
    assert (
        world.target("Deployment", "payments/checkout-api")["spec"]
        == calm.target("Deployment", "payments/checkout-api")["spec"]
    )
    assert world.children["scale-out-step-1"].status.phase == "completed"


def test_after_a_restart_undo_is_what_was_noted_before_the_change() -> None:
    world = api()
    world.submit(child("scale-out-step-1", "scale-deployment", SCALE))
    world.run(until=lambda: any(isinstance(write, PatchTarget) for write in world.writes))
    world.restart()
    world.run(until=lambda: world.ended("scale-out-step-1"))
    information = world.children["scale-out-step-1"].status.rollback_information
    assert information is not None
    assert information.available
    assert information.rollback_parameters is not None
    assert information.rollback_parameters.scale_to_previous is not None
    assert information.rollback_parameters.scale_to_previous.previous_replicas == 3


def test_a_deleted_child_is_let_go() -> None:
    world = api()
    world.submit(child("scale-out-step-1", "scale-deployment", SCALE))
    world.run(for_ms=5_000)
    world.delete("scale-out-step-1")
    world.run(for_ms=60_000)
    assert replicas(world) == 3


def test_the_same_name_made_again_is_another_child() -> None:
    world = api()
    world.submit(child("scale-out-step-1", "scale-deployment", SCALE))
    world.run(for_ms=5_000)
    world.delete("scale-out-step-1")
    again = child("scale-out-step-1", "scale-deployment", SCALE)
    again = again.model_copy(update={"metadata": again.metadata.model_copy(update={"uid": "uid-2"})})
    done = world.do(again)
    assert (done.status.phase, world.now) == ("completed", START + 25_000)


def test_a_watch_too_old_lists_again_and_loses_nobody() -> None:
    world = api()
    world.run(for_ms=1_000)
    (watch,) = world.watches
    world.watches.clear()
    world.submit(child("scale-out-step-1", "scale-deployment", SCALE))
    world.executor.feed(Replied(watch, Outcome(Code.GONE)), world.now)
    world.run(until=lambda: world.ended("scale-out-step-1"))
    assert replicas(world) == 5


def test_asked_to_stop_it_asks_nothing_more() -> None:
    world = api()
    world.submit(child("scale-out-step-1", "scale-deployment", SCALE))
    world.run(for_ms=5_000)
    world.executor.feed(StopAsked(), world.now)
    assert (world.executor.stopped, world.executor.take(), world.executor.wake_at()) == (True, [], None)


def test_the_same_luck_whatever_else_runs() -> None:
    chance = (
        "actions: {scale-deployment: {duration: {lognormal: {median: 20s, p95: 60s}}, failure: {probability: 0.5}}}"
    )
    alone, busy = api(chance), api(chance)
    alone.do(child("scale-out-step-1", "scale-deployment", SCALE))
    busy.submit(child("other-step-1", "restart-deployment", RESTART))
    busy.do(child("scale-out-step-1", "scale-deployment", SCALE))
    pair = [world.children["scale-out-step-1"].status.execution_results for world in (alone, busy)]
    assert pair[0] is not None
    assert pair[1] is not None
    assert pair[0].duration == pair[1].duration
    assert pair[0].success == pair[1].success


def test_a_watch_may_last_as_long_as_it_asked_for() -> None:
    world = api()
    world.run(for_ms=0)
    (watch,) = world.requested
    assert isinstance(watch.body, WatchObjects)
    assert watch.timeout_ms > watch.body.timeout_ms
