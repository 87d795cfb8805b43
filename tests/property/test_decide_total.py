"""`decide` is total and deterministic: no exception for anything the world can show it (BR-WF-002, BR-WF-025).

Two ways to odd snapshots: statuses drawn field by field (nothing need fit anything), and honest runs that are
interrupted by the world (children deleted, made foreign, given unknown phases; specs edited; clocks jumping).
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.world import START, World, completed, failed, spec
from wfexec.core.decide import decide
from wfexec.core.fold import on_its_way
from wfexec.core.graph import compile_recipe
from wfexec.core.transitions import PHASE_TARGETS, STEP_TARGETS
from wfexec.model.base import evolve
from wfexec.model.bearings import NO_BEARINGS, Bearings, NamespaceFacts
from wfexec.model.execution import ExecutionResults, KubernetesExecution, KubernetesExecutionStatus, RollbackInformation
from wfexec.model.facts import Answer, AskParent, Facts, ParentFacts, Question, TargetFacts, Unknown
from wfexec.model.meta import FINALIZER, LABEL_MAINTENANCE, ObjectMeta, ObjectReference
from wfexec.model.phases import EXECUTION_ENDED, TERMINAL, ExecutionPhase, Phase, RollbackStrategy, StepState, UndoState
from wfexec.model.plan import Plan
from wfexec.model.snapshot import CreateFailure, Snapshot
from wfexec.model.status import (
    AttemptStatus,
    RollbackStatus,
    StepRollback,
    StepStatus,
    WorkflowExecution,
    WorkflowExecutionStatus,
)
from wfexec.model.surroundings import Surroundings
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import DEFAULTS

ACTIONS: list[tuple[str, dict[str, Any] | None]] = [
    ("scale-deployment", {"scaleDeployment": {"namespace": "a", "deployment": "d", "replicas": 2}}),
    ("restart-deployment", {"restartDeployment": {"namespace": "a", "deployment": "d", "gracePeriod": "soon"}}),
    ("update-image", {"updateImage": {"namespace": "a", "deployment": "d", "container": "c", "newImage": "i:2"}}),
    ("restart-pod", {"restartPod": {"namespace": "a", "selector": "app=x"}}),
    ("delete-pod", {"deletePod": {"namespace": "kube-system", "podName": "p"}}),
    ("update-configmap", {"updateConfigMap": {"namespace": "a", "name": "c", "dataUpdates": {"k": "v"}}}),
    ("drain-node", {"drainNode": {"nodeName": "n", "gracePeriod": "1m"}}),
    ("uncordon-node", {"cordonNode": {"nodeName": "n"}}),
    ("verify-health", None),
    ("collect-diagnostics", {"custom": {"actionType": "x", "config": {"kind": "Pod", "name": "p"}}}),
    ("nonsense", None),
]
times = st.one_of(st.none(), st.integers(START - 10_000_000, START + 10_000_000))
durations = st.integers(0, 3_600_000)


@st.composite
def specs(draw: st.DrawFn) -> WorkflowExecutionSpec:
    count = draw(st.integers(1, 7))
    steps = []
    for number in range(1, count + 1):
        action, parameters = draw(st.sampled_from(ACTIONS[:-1] if draw(st.integers(0, 9)) else ACTIONS))
        after = draw(st.lists(st.integers(1, count + (not draw(st.integers(0, 9)))), max_size=3, unique=True))
        made: dict[str, Any] = {
            "stepNumber": number,
            "name": f"s{number}",
            "action": action,
            "criticalStep": draw(st.booleans()),
            "dependsOn": [one for one in after if one < number or not draw(st.integers(0, 19))],
            "maxRetries": draw(st.one_of(st.none(), st.integers(0, 3))),
        }
        made |= {"parameters": parameters} if parameters is not None else {}
        if draw(st.integers(0, 4)) == 0:
            made["metadata"] = {"execution_mode": "sequential"}
        if len(made["dependsOn"]) == 1 and draw(st.booleans()):
            made["runCondition"] = draw(st.sampled_from(["if_primary_fails", "after_primary", "parallel_with_primary"]))
        steps.append(made)
    strategy = {
        "rollbackStrategy": draw(st.sampled_from(list(RollbackStrategy))),
        "dryRunFirst": draw(st.booleans()),
        "approvalRequired": draw(st.booleans()),
        "watchSideEffects": draw(st.booleans()),
    }
    return spec(
        *steps,
        strategy=strategy,
        suspend=draw(st.integers(0, 4)) == 0,
        cancel=draw(st.integers(0, 4)) == 0,
        failurePolicy=draw(st.sampled_from(["continue", "terminate"])),
        onCancel={
            "children": draw(st.sampled_from(["wait", "delete"])),
            "rollback": draw(st.sampled_from(["none", "automatic"])),
        },
        timeout=draw(st.one_of(st.none(), durations)),
        adaptiveOrchestration={
            "optimizationEnabled": draw(st.booleans()),
            "dynamicStepAdjustment": draw(st.booleans()),
        },
    )


@st.composite
def step_statuses(draw: st.DrawFn, number: int) -> StepStatus:
    name = f"wf-step-{number}"
    attempts = tuple(
        AttemptStatus(name=name, phase="executing", start_time=START + draw(st.integers(-100_000, 100_000)))
        for _ in range(draw(st.integers(0, 3)))
    )
    rollback = StepRollback(
        status=draw(st.sampled_from(list(UndoState))),
        attempts=draw(st.integers(0, 4)),
        start_time=draw(times),
        next_retry_time=draw(times),
    )
    return StepStatus(
        step_number=number,
        action="scale-deployment",
        status=draw(st.sampled_from(list(StepState))),
        start_time=draw(times),
        end_time=draw(times),
        next_retry_time=draw(times),
        ready_time=draw(times),
        retries_attempted=draw(st.integers(0, 9)),
        attempts=attempts,
        k8s_execution_ref=draw(st.sampled_from([None, ObjectReference(name=name)])),
        rollback=draw(st.sampled_from([None, rollback])),
        pre_state=draw(st.sampled_from([{}, {"replicas": "3"}, {"replicas": "many"}, {"unschedulable": "false"}])),
    )


@st.composite
def statuses(draw: st.DrawFn, given_spec: WorkflowExecutionSpec) -> WorkflowExecutionStatus:
    definition = given_spec.workflow_definition
    assert definition is not None
    numbers = [one.step_number for one in definition.steps]
    if draw(st.integers(0, 9)) == 0:
        numbers = draw(st.lists(st.integers(1, 9), max_size=9))
    rollback = RollbackStatus(
        strategy=RollbackStrategy.AUTOMATIC,
        start_time=START + draw(st.integers(-10_000_000, 10_000)),
        order=tuple(draw(st.lists(st.integers(1, 9), max_size=6))),
    )
    phases = [str(phase) for phase in Phase] + ["dreaming"]
    return WorkflowExecutionStatus(
        phase=draw(st.sampled_from(phases)),
        paused_from=draw(st.sampled_from(phases)),
        paused_at=draw(times),
        paused_total=draw(durations),
        planning_start_time=draw(times),
        validation_start_time=draw(times),
        execution_start_time=draw(times),
        monitoring_start_time=draw(times),
        rollback_start_time=draw(times),
        healthy_since=draw(times),
        surroundings=draw(st.sampled_from([None, Surroundings(namespaces=("a",), suspects=("Deployment a/x",))])),
        progress=draw(st.integers(0, 100)),
        queued_steps=draw(st.integers(0, 3)),
        step_statuses=tuple(draw(step_statuses(number)) for number in numbers),
        rollback=draw(st.sampled_from([None, rollback])),
    )


@st.composite
def children(draw: st.DrawFn) -> KubernetesExecution:
    world = World(spec({"stepNumber": 1, "name": "s", "action": "verify-health"}))
    world.run(stop=lambda w: bool(w.created))
    phase = draw(st.sampled_from([*(str(one) for one in ExecutionPhase), "thinking"]))
    results = ExecutionResults(
        success=draw(st.sampled_from([None, True, False])),
        error_message=draw(st.sampled_from(["", "evicted", "forbidden", "??", "x" * 4000])),
        retries_attempted=draw(st.integers(0, 3)),
        start_time=draw(times),
        end_time=draw(times),
        duration=draw(st.one_of(st.none(), durations)),
    )
    undo = RollbackInformation(available=draw(st.booleans()))
    status = KubernetesExecutionStatus(
        phase=phase,
        execution_results=draw(st.sampled_from([None, results])),
        rollback_information=draw(st.sampled_from([None, undo])),
    )
    return evolve(world.children["wf-step-1"], status=status)


PARENT = AskParent("ns", "rr")
HELD = NamespaceFacts({LABEL_MAINTENANCE: "true"})
BEARINGS = [
    NO_BEARINGS,
    Bearings(namespaces={}),
    Bearings(namespaces={"ns": HELD}),
    Bearings(namespaces={"ns": NamespaceFacts({}), DEFAULTS.controller_namespace: HELD}),
]
KEEPING = DEFAULTS.model_copy(update={"manage_orphan_retention": True})
NAMES = [f"wf-{what}-{n}{again}" for what in ("step", "rollback") for n in (1, 2, 3) for again in ("", "-r1")]


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    given_spec = draw(specs())
    meta = ObjectMeta(
        name="wf",
        namespace="ns",
        uid="u",
        resource_version="7",
        generation=draw(st.integers(0, 3)),
        deletion_timestamp=draw(st.sampled_from([None, None, None, START])),
        finalizers=tuple(draw(st.lists(st.sampled_from(["a/b", FINALIZER]), max_size=2, unique=True))),
        annotations=draw(
            st.sampled_from([{}, {"workflowexecution.kubernaut.io/pre-approved": "true"}, {"correlationID": "x" * 500}])
        ),
    )
    recipe = compile_recipe(given_spec, DEFAULTS)
    silences = [Unknown("no"), Unknown("no", transient=True), Unknown("no", transient=True, refused_since=1)]
    facts: st.SearchStrategy[Facts] = st.sampled_from([*silences, TargetFacts(True, False, False, {}, "")])
    questions = getattr(recipe, "questions", ())
    answers = {one: Answer(START - draw(durations), draw(facts)) for one in questions if draw(st.booleans())}
    parents: list[Facts] = [*silences, ParentFacts(""), ParentFacts("uid-parent")]
    if draw(st.booleans()):
        answers[PARENT] = Answer(START - draw(durations), draw(st.sampled_from(parents)))
    code, since = draw(st.sampled_from(["server_error", "forbidden"])), draw(st.sampled_from([START, START - 25_000]))
    failure = CreateFailure(draw(st.integers(1, 9)), code, "no", START, draw(st.booleans()), since)
    return Snapshot(
        WorkflowExecution(metadata=meta, spec=given_spec, status=draw(statuses(given_spec))),
        recipe,
        draw(st.dictionaries(st.sampled_from(NAMES), children(), max_size=4)),
        draw(st.dictionaries(st.sampled_from(NAMES), st.just("uid"), max_size=2)),
        draw(st.frozensets(st.sampled_from(NAMES), max_size=1)),
        answers,
        draw(st.dictionaries(st.sampled_from(NAMES), st.just(failure), max_size=1)),
        draw(st.sampled_from(BEARINGS)),
        draw(st.sampled_from([None, None, START, START + 30_000])),
        draw(st.booleans()),
        draw(st.sampled_from([None, START, START + DEFAULTS.audit_grace])),
    )


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
