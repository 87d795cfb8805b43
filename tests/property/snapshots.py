"""Hypothesis strategies for odd definitions and odd snapshots, in which nothing need fit anything.

Called by the property tests of the core. Drawing costs far more than deciding, and each draw costs the same whatever it
is drawn from: so what is chosen independently is chosen together, and nothing is drawn that is then left out.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from hypothesis import strategies as st

from tests.unit.core.world import START, World, spec
from wfexec.core.graph import compile_recipe
from wfexec.model.base import evolve
from wfexec.model.bearings import NO_BEARINGS, Bearings, NamespaceFacts
from wfexec.model.execution import ExecutionResults, KubernetesExecution, KubernetesExecutionStatus, RollbackInformation
from wfexec.model.facts import Answer, AskParent, Facts, ParentFacts, Question, TargetFacts, Unknown
from wfexec.model.meta import FINALIZER, LABEL_MAINTENANCE, ObjectMeta, ObjectReference
from wfexec.model.phases import ExecutionPhase, Phase, RollbackStrategy, StepState, UndoState
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

# Beyond that Hypothesis prefers small numbers, and choices would no longer be independent.
EVEN: Final = 2**24


class Choices:
    """One of each, independently of each other, in one draw; the first of each is the simplest."""

    def __init__(self, *choices: Sequence[Any]) -> None:
        self._choices = choices
        count = math.prod(len(one) for one in choices)
        assert count <= EVEN, count
        self._number = st.integers(0, count - 1)

    def __call__(self, draw: st.DrawFn) -> list[Any]:
        number, chosen = draw(self._number), []
        for one in self._choices:
            number, index = divmod(number, len(one))
            chosen.append(one[index])
        return chosen


def one_in(count: int) -> list[bool]:
    """Rarely true."""
    return [False] * (count - 1) + [True]


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
]
BOTH: Final = [False, True]
MOMENTS: Final = st.integers(START - 10_000_000, START + 10_000_000)
DURATIONS: Final = st.integers(0, 3_600_000)
COUNTS: Final = st.integers(1, 7)
RUN_CONDITIONS: Final = ["if_primary_fails", "after_primary", "parallel_with_primary"]
STEP: Final = Choices(
    ACTIONS * 11 + [("nonsense", None)],
    BOTH,
    [None] * 4 + [0, 1, 2, 3],
    one_in(5),
    [None] * 3 + RUN_CONDITIONS,
)
SPEC: Final = Choices(
    list(RollbackStrategy),
    *[BOTH] * 3,
    *[one_in(5)] * 2,
    ["continue", "terminate"],
    ["wait", "delete"],
    ["none", "automatic"],
    *[BOTH] * 3,
)


@cache
def dependencies(count: int) -> Choices:
    """Up to three numbers of steps, None for none of them; whether those to come count; a number that is none."""
    numbers = list(range(1, count + 1))
    return Choices(*[[None] * count + numbers] * 3, one_in(12), [None] * 79 + [count + 1])


@st.composite
def specs(draw: st.DrawFn) -> WorkflowExecutionSpec:
    count = draw(COUNTS)
    steps = []
    for number in range(1, count + 1):
        (action, parameters), critical, retries, sequential, condition = STEP(draw)
        *after, ahead, unknown = dependencies(count)(draw)
        before = [one for one in after if one is not None and (one < number or ahead)] + [unknown] * (
            unknown is not None
        )
        made: dict[str, Any] = {
            "stepNumber": number,
            "name": f"s{number}",
            "action": action,
            "criticalStep": critical,
            "dependsOn": list(dict.fromkeys(before)),
            "maxRetries": retries,
        }
        made |= {"parameters": parameters} if parameters is not None else {}
        if sequential:
            made["metadata"] = {"execution_mode": "sequential"}
        if len(made["dependsOn"]) == 1 and condition is not None:
            made["runCondition"] = condition
        steps.append(made)
    strategy, dry, approval, watched, suspend, cancel, policy, left, undone, timed, faster, adjusted = SPEC(draw)
    return spec(
        *steps,
        strategy={
            "rollbackStrategy": strategy,
            "dryRunFirst": dry,
            "approvalRequired": approval,
            "watchSideEffects": watched,
        },
        suspend=suspend,
        cancel=cancel,
        failurePolicy=policy,
        onCancel={"children": left, "rollback": undone},
        timeout=draw(DURATIONS) if timed else None,
        adaptiveOrchestration={"optimizationEnabled": faster, "dynamicStepAdjustment": adjusted},
    )


ATTEMPTED: Final = st.integers(START - 100_000, START + 100_000)
PRE_STATES: Final = [{}, {"replicas": "3"}, {"replicas": "many"}, {"unschedulable": "false"}]
ENTRY: Final = Choices(list(StepState), range(10), range(4), BOTH, PRE_STATES, *[BOTH] * 4)
UNDO: Final = Choices(list(UndoState), range(5), BOTH, BOTH)
UNDONE: Final = st.booleans()


def moment(draw: st.DrawFn, known: bool) -> int | None:
    return draw(MOMENTS) if known else None


def step_status(draw: st.DrawFn, number: int) -> StepStatus:
    name = f"wf-step-{number}"
    state, retries, attempts, referred, pre_state, started, ended, waits, ready = ENTRY(draw)
    rollback = None
    if draw(UNDONE):
        undo, tries, began, again = UNDO(draw)
        rollback = StepRollback(
            status=undo, attempts=tries, start_time=moment(draw, began), next_retry_time=moment(draw, again)
        )
    return StepStatus(
        step_number=number,
        action="scale-deployment",
        status=state,
        start_time=moment(draw, started),
        end_time=moment(draw, ended),
        next_retry_time=moment(draw, waits),
        ready_time=moment(draw, ready),
        retries_attempted=retries,
        attempts=tuple(
            AttemptStatus(name=name, phase="executing", start_time=draw(ATTEMPTED)) for _ in range(attempts)
        ),
        k8s_execution_ref=ObjectReference(name=name) if referred else None,
        rollback=rollback,
        pre_state=pre_state,
    )


PHASES: Final = [*(str(phase) for phase in Phase), "dreaming"]
SUSPECTS: Final = Surroundings(namespaces=("a",), suspects=("Deployment a/x",))
STATUS: Final = Choices(PHASES, PHASES, *[BOTH] * 7, [None, SUSPECTS], range(4), BOTH, one_in(10))
PROGRESS: Final = st.integers(0, 100)
ROLLED_BACK: Final = st.integers(START - 10_000_000, START + 10_000)
ORDERS: Final = st.lists(st.integers(1, 9), max_size=6)
NUMBERS: Final = st.lists(st.integers(1, 9), max_size=9)


def status_of(draw: st.DrawFn, given_spec: WorkflowExecutionSpec) -> WorkflowExecutionStatus:
    definition = given_spec.workflow_definition
    assert definition is not None
    phase, paused, *known, around, queued, undone, others = STATUS(draw)
    numbers = draw(NUMBERS) if others else [one.step_number for one in definition.steps]
    rollback = None
    if undone:
        began, order = draw(ROLLED_BACK), tuple(draw(ORDERS))
        rollback = RollbackStatus(strategy=RollbackStrategy.AUTOMATIC, start_time=began, order=order)
    paused_at, planned, validated, executed, monitored, rolled_back, healthy = [moment(draw, one) for one in known]
    return WorkflowExecutionStatus(
        phase=phase,
        paused_from=paused,
        paused_at=paused_at,
        paused_total=draw(DURATIONS),
        planning_start_time=planned,
        validation_start_time=validated,
        execution_start_time=executed,
        monitoring_start_time=monitored,
        rollback_start_time=rolled_back,
        healthy_since=healthy,
        surroundings=around,
        progress=draw(PROGRESS),
        queued_steps=queued,
        step_statuses=tuple(step_status(draw, number) for number in numbers),
        rollback=rollback,
    )


@cache
def first_child() -> KubernetesExecution:
    """As a decision makes it."""
    world = World(spec({"stepNumber": 1, "name": "s", "action": "verify-health"}))
    return world.run(stop=lambda w: bool(w.created)).children["wf-step-1"]


CHILD: Final = Choices([*(str(one) for one in ExecutionPhase), "thinking"], *[BOTH] * 3)
RESULTS: Final = Choices(
    [None, True, False], ["", "evicted", "forbidden", "??", "x" * 4000], range(4), BOTH, BOTH, BOTH
)


def child_of(draw: st.DrawFn) -> KubernetesExecution:
    phase, reported, informed, available = CHILD(draw)
    results = None
    if reported:
        success, message, retries, started, ended, lasted = RESULTS(draw)
        results = ExecutionResults(
            success=success,
            error_message=message,
            retries_attempted=retries,
            start_time=moment(draw, started),
            end_time=moment(draw, ended),
            duration=draw(DURATIONS) if lasted else None,
        )
    status = KubernetesExecutionStatus(
        phase=phase,
        execution_results=results,
        rollback_information=RollbackInformation(available=available) if informed else None,
    )
    return evolve(first_child(), status=status)


PARENT: Final = AskParent("ns", "rr")
HELD: Final = NamespaceFacts({LABEL_MAINTENANCE: "true"})
BEARINGS: Final = [
    NO_BEARINGS,
    Bearings(namespaces={}),
    Bearings(namespaces={"ns": HELD}),
    Bearings(namespaces={"ns": NamespaceFacts({}), DEFAULTS.controller_namespace: HELD}),
]
NAMES: Final = [f"wf-{what}-{n}{again}" for what in ("step", "rollback") for n in (1, 2, 3) for again in ("", "-r1")]
# A name in every other case.
PERHAPS: Final = [None] * len(NAMES) + NAMES
PRESENT: Final = Choices(*[PERHAPS] * 4)
ABSENT: Final = Choices(*[PERHAPS] * 4)
SILENCES: Final = [Unknown("no"), Unknown("no", transient=True), Unknown("no", transient=True, refused_since=1)]
TARGETS: Final[list[Facts]] = [*SILENCES, TargetFacts(True, False, False, {}, "")]
PARENTS: Final[list[Facts]] = [*SILENCES, ParentFacts(""), ParentFacts("uid-parent")]
TARGET: Final = st.sampled_from([None] * len(TARGETS) + TARGETS)
PARENT_SEEN: Final = st.sampled_from([None] * len(PARENTS) + PARENTS)
META: Final = Choices(
    range(4),
    [None, None, None, START],
    [(), ("a/b",), (FINALIZER,), ("a/b", FINALIZER), (FINALIZER, "a/b")],
    [{}, {"workflowexecution.kubernaut.io/pre-approved": "true"}, {"correlationID": "x" * 500}],
)
REST: Final = Choices(
    range(1, 10),
    ["server_error", "forbidden"],
    BOTH,
    [START, START - 25_000],
    BEARINGS,
    [None, None, START, START + 30_000],
    BOTH,
    [None, START, START + DEFAULTS.audit_grace],
)


def answers_to(draw: st.DrawFn, questions: Sequence[Question]) -> dict[Question, Answer]:
    """Some of them, from any time within the last hour, and perhaps what became of the parent."""
    answers = {}
    for one in (*questions, PARENT):
        facts = draw(PARENT_SEEN if one == PARENT else TARGET)
        if facts is not None:
            answers[one] = Answer(START - draw(DURATIONS), facts)
    return answers


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    given_spec = draw(specs())
    generation, deleted_at, finalizers, annotations = META(draw)
    meta = ObjectMeta(
        name="wf",
        namespace="ns",
        uid="u",
        resource_version="7",
        generation=generation,
        deletion_timestamp=deleted_at,
        finalizers=finalizers,
        annotations=annotations,
    )
    recipe = compile_recipe(given_spec, DEFAULTS)
    answers = answers_to(draw, getattr(recipe, "questions", ()))
    number, code, final, since, bearings, refused_at, audited, unkept_at = REST(draw)
    present = [name for name in dict.fromkeys(PRESENT(draw)) if name is not None]
    *gone, foreign, failed = ABSENT(draw)
    return Snapshot(
        WorkflowExecution(metadata=meta, spec=given_spec, status=status_of(draw, given_spec)),
        recipe,
        {name: child_of(draw) for name in present},
        {name: "uid" for name in gone if name is not None},
        frozenset({foreign} - {None}),
        answers,
        {failed: CreateFailure(number, code, "no", START, final, since)} if failed is not None else {},
        bearings,
        refused_at,
        audited,
        unkept_at,
    )
