"""`wfexec pause … rollback` and `get, describe, watch` against a served cluster (BR-WF-005, BR-EXECUTION-001)."""

import threading
from typing import Any

import pytest

from tests.unit.cli.test_decisions import PATH, Cluster, cluster
from tests.unit.core.world import START, World, completed, spec, step
from wfexec.cli import control
from wfexec.cli.answers import Judge
from wfexec.core.graph import compile_recipe
from wfexec.core.progress import progress_of
from wfexec.model.meta import ANNOTATION_ROLLBACK, ANNOTATION_SKIP_STEP
from wfexec.model.recipe import Recipe

__all__ = ["cluster"]
STARTED = "2026-01-01T00:00:00Z"
STEP = {"stepNumber": 1, "name": "one", "action": "restart-deployment", "status": "executing", "startTime": STARTED}


def becomes(cluster: Cluster, phase: str, **status: Any) -> None:
    cluster.send("PATCH", f"{PATH}/recover/status", {"status": {"phase": phase, "stepStatuses": [STEP], **status}})


def spec_of(cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.send("GET", f"{PATH}/recover")["spec"]
    return found


def test_pause_and_resume(cluster: Cluster) -> None:
    becomes(cluster, "executing")
    assert cluster.types("alice", "pause", "recover", "--wait", "0") == (0, "shop/recover: asked by alice\n", "")
    assert spec_of(cluster)["suspend"] is True
    assert cluster.types("alice", "pause", "recover") == (2, "", "shop/recover: it is suspended already\n")
    becomes(cluster, "paused")
    code, out, said = cluster.types("alice", "resume", "recover", "--wait", "1")
    assert (code, out, "not answered within 1 s, and may yet do so: it is paused" in said) == (3, "", True)
    assert spec_of(cluster)["suspend"] is False


def test_cancel_says_what_becomes_of_the_children(cluster: Cluster) -> None:
    becomes(cluster, "executing")
    how = ("--children", "delete", "--rollback", "automatic")
    becomes(cluster, "executing", observedGeneration=99, message="deleting 1 running children")
    code, out, _ = cluster.types("alice", "cancel", "recover", *how)
    told = "cancel accepted, asked by alice; it is executing: deleting 1 running children"
    assert (code, out) == (0, f"shop/recover: {told}\n")
    assert spec_of(cluster)["onCancel"] == {"children": "delete", "rollback": "automatic"}


def test_a_cancel_that_something_has_to_end_before_says_what(cluster: Cluster) -> None:
    why = "the rollback that runs is carried out first"
    condition = {"type": "CancelRequested", "status": "True", "reason": "RollingBack", "message": why}
    conditions = [{**condition, "lastTransitionTime": STARTED}]
    becomes(cluster, "rolling_back", observedGeneration=99, message="rolling back 1 step", conditions=conditions)
    code, out, _ = cluster.types("alice", "cancel", "recover")
    assert (code, out) == (0, f"shop/recover: cancel accepted, asked by alice; it is rolling_back: {why}\n")


@pytest.mark.parametrize("command", ["pause", "resume", "cancel"])
def test_what_has_ended_is_left_alone(cluster: Cluster, command: str) -> None:
    becomes(cluster, "completed")
    assert cluster.types("alice", command, "recover") == (2, "", "shop/recover: it has ended: completed\n")


@pytest.mark.parametrize(
    ("command", "marks"),
    [
        (("retry", "recover"), {"kubernaut.ai/manual-retry": "true", "intervened-by": "alice"}),
        (("retry", "recover", "1"), {"retry-step": "1", "intervened-by": "alice"}),
        (("skip", "recover", "one"), {"skip-step": "one", "intervened-by": "alice"}),
        (("complete", "recover", "1", "one"), {"complete-step": "1,one", "intervened-by": "alice"}),
        (("rollback", "recover"), {"rollback": "requested", "rollback-by": "alice"}),
        (("rollback", "recover", "--to", "1"), {"rollback": "requested", "rollback-by": "alice", "rollback-to": "1"}),
    ],
)
def test_a_wish_is_signed(cluster: Cluster, command: tuple[str, ...], marks: dict[str, str]) -> None:
    becomes(cluster, "failed" if command == ("retry", "recover") else "executing")
    assert cluster.types("alice", *command, "--wait", "0") == (0, "shop/recover: asked by alice\n", "")
    assert cluster.marks() == marks
    code, _, said = cluster.types("alice", *command, "--wait", "0")
    assert (code, "the controller has yet to answer" in said) == (2, True)


@pytest.mark.parametrize(
    ("phase", "command", "why"),
    [
        ("executing", ("retry", "recover"), "name the steps to try again: wfexec retry recover STEP"),
        ("monitoring", ("retry", "recover"), "only a failed workflow is tried again, and this one is monitoring"),
        ("failed", ("retry", "recover", "1"), "try all its failed steps again with: wfexec retry recover"),
        ("completed", ("skip", "recover", "1"), "it has ended: completed"),
        ("rolling_back", ("rollback", "recover"), "it is rolling back already"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(
    cluster: Cluster, phase: str, command: tuple[str, ...], why: str
) -> None:
    becomes(cluster, phase)
    code, _, said = cluster.types("alice", *command)
    assert (code, why in said) == (2, True), said
    assert cluster.marks() == {}


def test_a_step_that_is_there_already_is_not_asked_for_again(cluster: Cluster) -> None:
    becomes(cluster, "executing", stepStatuses=[STEP | {"status": "skipped"}])
    code, _, said = cluster.types("alice", "skip", "recover", "one")
    assert (code, "already skipped: step one" in said) == (2, True)


def test_an_accepted_rollback_is_said_to_be_so_while_steps_drain(cluster: Cluster) -> None:
    becomes(cluster, "executing")
    answered = threading.Thread(target=_accept, args=(cluster,))
    answered.start()
    code, out, _ = cluster.types("alice", "rollback", "recover")
    answered.join()
    told = "accepted, asked by alice; it is executing, and begins when the steps that run have ended"
    assert (code, out) == (0, f"shop/recover: {told}\n")
    code, _, said = cluster.types("alice", "rollback", "recover")
    assert (code, "a rollback is accepted already, by alice; it is executing" in said) == (2, True)


def _accept(cluster: Cluster) -> None:
    while "rollback" not in cluster.marks():
        pass
    condition = {"type": "RollbackRequested", "status": "True", "reason": "Accepted", "message": "by alice"}
    becomes(cluster, "executing", conditions=[{**condition, "lastTransitionTime": STARTED}])


def _workflow(phase: str, *conditions: dict[str, str], asked: bool = False, step: str = "executing") -> dict[str, Any]:
    marks = {ANNOTATION_SKIP_STEP: "1", ANNOTATION_ROLLBACK: "requested"} if asked else {}
    status = {"phase": phase, "conditions": list(conditions), "stepStatuses": [STEP | {"status": step}]}
    return {"metadata": {"annotations": marks, "generation": 1}, "spec": {}, "status": status}


NO = {"type": "Intervened", "status": "False", "reason": "Refused", "message": "step 1 is executing"}
YES = {"type": "Intervened", "status": "True", "reason": "Taken", "message": "by alice"}


@pytest.mark.parametrize(
    ("before", "now", "accepted", "text"),
    [
        (_workflow("executing"), _workflow("executing", NO, asked=True), None, ""),
        (_workflow("executing"), _workflow("executing", NO), False, "refused: step 1 is executing"),
        # The same reason as last time: status stays as it was.
        (_workflow("executing", NO), _workflow("executing", NO), False, "refused: step 1 is executing"),
        (_workflow("executing", NO), _workflow("executing", YES, step="skipped"), True, "taken, asked by alice"),
        # The same person once more: the condition stays as it was, the step does not.
        (_workflow("executing", YES), _workflow("executing", YES, step="skipped"), True, "taken, asked by alice"),
        (_workflow("executing", YES), _workflow("executing", YES), False, "nothing has changed"),
    ],
)
def test_an_older_answer_is_not_taken_for_this_one(
    before: dict[str, Any], now: dict[str, Any], accepted: bool | None, text: str
) -> None:
    answer = control._intervened((ANNOTATION_SKIP_STEP,), ["1"], before, now, "alice")
    assert (answer.accepted if answer else None) is accepted
    assert text in (answer.text if answer else "")


ROLLBACK_NO = {"type": "RollbackRequested", "status": "False", "reason": "Refused", "message": "strategy is none"}


@pytest.mark.parametrize(
    ("before", "now", "accepted", "text"),
    [
        (_workflow("executing", ROLLBACK_NO), _workflow("executing", ROLLBACK_NO, asked=True), None, ""),
        (_workflow("executing"), _workflow("executing", ROLLBACK_NO, asked=True), False, "refused: strategy is none"),
        (_workflow("executing", ROLLBACK_NO), _workflow("executing", ROLLBACK_NO), False, "refused: strategy is none"),
        (_workflow("executing"), _workflow("rolling_back"), False, "superfluous: it is rolling back already"),
    ],
)
def test_no_rollback_is_called_accepted_that_is_not(
    before: dict[str, Any], now: dict[str, Any], accepted: bool | None, text: str
) -> None:
    answer = control._rollback_answered(before, now, "alice")
    assert (answer.accepted if answer else None) is accepted
    assert text in (answer.text if answer else "")


HELD = {"type": "Paused", "status": "True", "reason": "Maintenance", "message": "namespace shop is in maintenance"}


@pytest.mark.parametrize(
    ("judge", "now", "accepted", "text"),
    [
        (control._paused, _workflow("paused"), True, "paused by alice"),
        (control._paused, _workflow("executing"), None, ""),
        (control._paused, _workflow("completed"), False, "not paused: it has ended: completed"),
        (control._resumed, _workflow("executing"), True, "resumed by alice; it is executing"),
        (control._resumed, _workflow("paused", HELD), True, "still paused: namespace shop is in maintenance"),
        (control._cancelled, _workflow("cancelled"), True, "cancelled by alice"),
        (control._cancelled, _workflow("executing"), None, ""),
        (control._cancelled, _workflow("completed"), False, "not cancelled: it has ended: completed"),
    ],
)
def test_pause_resume_and_cancel_say_what_status_tells(
    judge: Judge, now: dict[str, Any], accepted: bool | None, text: str
) -> None:
    answer = judge(_workflow("executing"), now, "alice")
    assert (answer.accepted if answer else None) is accepted
    assert text in (answer.text if answer else "")


def test_a_step_that_is_not_there_is_named_with_those_that_are(cluster: Cluster) -> None:
    becomes(cluster, "executing")
    assert cluster.types("alice", "skip", "recover", "two") == (
        *(2, ""),
        "shop/recover: there is no step 'two'; there are: 1 one\n",
    )


def test_who_may_not_is_told_so(cluster: Cluster) -> None:
    becomes(cluster, "executing")
    code, _, said = cluster.types("mallory", "rollback", "recover")
    assert (code, "needs the verb approve" in said) == (2, True)


def test_without_an_answer_the_person_is_told(cluster: Cluster) -> None:
    becomes(cluster, "executing")
    code, out, said = cluster.types("alice", "skip", "recover", "1", "--wait", "1")
    assert (code, out, "the controller has not answered within 1 s" in said) == (3, "", True)


@pytest.mark.parametrize(("status", "code"), [("False", 3), ("True", 0)])
def test_the_controllers_answer_is_waited_for_and_told(cluster: Cluster, status: str, code: int) -> None:
    becomes(cluster, "executing")
    answered = threading.Thread(target=_answer, args=(cluster, status))
    answered.start()
    done, out, said = cluster.types("alice", "skip", "recover", "1")
    answered.join()
    assert done == code
    assert ("refused: step 1 is executing" in said) is (code == 3)
    assert ("taken, asked by alice" in out) is (code == 0)


def _answer(cluster: Cluster, status: str) -> None:
    """As the controller does: the answer first, then the annotation goes."""
    while "skip-step" not in cluster.marks():
        pass
    condition = {"type": "Intervened", "status": status, "reason": "Refused", "message": "step 1 is executing"}
    becomes(cluster, "executing", conditions=[{**condition, "lastTransitionTime": STARTED}])
    keys = ("skip-step", "intervened-by")
    gone = {f"workflowexecution.kubernaut.io/{key}": None for key in keys}
    cluster.send("PATCH", f"{PATH}/recover", {"metadata": {"annotations": gone}}, user="alice")


def test_get_lists_what_is_there(cluster: Cluster) -> None:
    becomes(cluster, "executing", activeSteps=1, totalSteps=1)
    code, out, _ = cluster.types("alice", "get")
    head, row = out.splitlines()
    assert (code, head.split()) == (0, ["NAME", "PHASE", "STEPS", "ACTIVE", "LEFT", "OUTCOME", "AGE"])
    assert row.split()[:4] == ["recover", "executing", "0/1", "1"]
    assert cluster.types("admin", "get", "-A")[1].splitlines()[1].split()[:2] == ["shop", "recover"]
    assert cluster.types("admin", "get", "-n", "empty")[1] == "no workflow in namespace empty\n"


def test_describe_shows_steps_conditions_and_events(cluster: Cluster) -> None:
    condition = {"type": "Executing", "status": "True", "reason": "Started", "lastTransitionTime": STARTED}
    becomes(cluster, "executing", conditions=[condition], message="executing 1 step")
    uid = cluster.send("GET", f"{PATH}/recover")["metadata"]["uid"]
    event = {
        "metadata": {"name": "recover.1"},
        "involvedObject": {"kind": "WorkflowExecution", "name": "recover", "namespace": "shop", "uid": uid},
        "type": "Normal",
        "reason": "StepExecuting",
        "message": "step 1 \x1b[31m(one)",
        "count": 2,
        "firstTimestamp": STARTED,
        "lastTimestamp": STARTED,
    }
    cluster.send("POST", "/api/v1/namespaces/shop/events", event)
    code, out, _ = cluster.types("admin", "describe", "recover")
    assert code == 0
    assert "shop/recover: executing, 0 of 1 step (0 %)" in out
    assert next(line.split() for line in out.splitlines() if line.startswith(">"))[:5] == [
        *(">", "1", "one", "restart-deployment", "executing"),
    ]
    assert "Executing  True" in out
    assert "StepExecuting" in out
    assert "(x2)" in out
    assert "\x1b" not in out


def test_describe_shows_how_it_ended_and_what_to_do(cluster: Cluster) -> None:
    neighbour = {"resourceType": "Deployment", "namespace": "shop", "name": "cart", "message": "is not \x1bavailable"}
    result = {"outcome": "partial_success", "effectivenessScore": 0.95, "sideEffects": [neighbour]}
    becomes(cluster, "completed", workflowResult=result | {"recommendedActions": ["look into cart"]})
    out = cluster.types("admin", "describe", "recover")[1]
    shown = out.partition("result:\n")[2].partition("conditions:")[0].splitlines()
    assert [line.split(None, 1)[0] for line in shown] == ["WHAT", "outcome", "score", "side", "to"]
    assert [" ".join(line.split()) for line in shown[1:]] == [
        "outcome partial_success",
        "score 0.95",
        "side effect Deployment shop/cart: is not available",
        "to do look into cart",
    ]
    becomes(cluster, "completed", workflowResult=result | {"sideEffects": [], "newAlertsTriggered": False})
    out = cluster.types("admin", "describe", "recover")[1]
    assert "side effects  none" in out
    assert "new alerts    no" in out


def test_nothing_is_said_of_a_result_before_the_end(cluster: Cluster) -> None:
    becomes(cluster, "executing")
    assert "result:" not in cluster.types("admin", "describe", "recover")[1]


def test_watch_follows_to_the_end(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    becomes(cluster, "executing", message="executing 1 step")
    opened, served = threading.Event(), cluster.served.cluster
    opening = served.http_watch

    def heard(*given: Any) -> Any:
        opened.set()
        return opening(*given)

    def end() -> None:
        # The first line is out before the watch is opened, however slow this machine is.
        assert opened.wait(60)
        becomes(cluster, "monitoring", message="watching")
        becomes(cluster, "failed", message="it failed", completionTime=STARTED)

    monkeypatch.setattr(served, "http_watch", heard)
    ending = threading.Thread(target=end)
    ending.start()
    code, out, _ = cluster.types("alice", "watch", "recover")
    ending.join()
    assert code == 3
    assert [line.partition(", ")[0] for line in out.splitlines()] == [
        "shop/recover: executing", "shop/recover: monitoring", "shop/recover: failed",
    ]  # fmt: skip


def test_what_is_not_there_is_said(cluster: Cluster) -> None:
    for command in ("describe", "watch", "pause"):
        code, _, said = cluster.types("alice", command, "nothing")
        assert (code, "there is no such WorkflowExecution" in said) == (2, True)


def test_the_time_left_is_that_of_the_longest_way_still_to_go() -> None:
    """Step 2 has yet to start, step 3 runs beside it: what has ended costs nothing, and monitoring comes last."""
    world = World(spec(step(1), step(2, 1), step(3)))
    world.say("wf-step-1", completed(10_000))
    world.say("wf-step-3", completed(500_000))
    world.run(stop=lambda one: one.states().get(1) == "completed")
    recipe = compile_recipe(world.workflow.spec, world.settings)
    assert isinstance(recipe, Recipe)
    progress = progress_of(world.workflow.status, recipe, world.now)
    estimate = recipe.steps[0].estimate_ms
    assert (progress.completed, progress.total) == (1, 3)
    assert world.now == START + 10_000
    assert progress.left_ms == estimate + world.settings.stabilization_window
