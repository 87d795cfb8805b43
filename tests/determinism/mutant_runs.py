"""The runs that bugs are planted in: small workflows, each with the trouble that brings its bug out.

Called by `tests.determinism.test_mutants`. Without a bug every one of them keeps all promises.
"""

from collections.abc import Mapping
from typing import Any, Final

from sim.cluster.requests import DeleteObject, EditWorkflow, PatchTarget
from sim.driver import Options, Simulation
from sim.executor.files import parse_outcomes
from sim.faults import Fault, FaultPlan, crash_after_write
from sim.scenario import Run, Scenario, judge
from sim.trace import Written
from tests.unit.sim.support import CHAIN, manifest, options
from wfexec.model.facts import TargetRef
from wfexec.model.meta import ANNOTATION_ROLLBACK, ANNOTATION_ROLLBACK_BY
from wfexec.model.phases import Phase
from wfexec.model.requests import KeepRows, Kind, ObjectKey, PatchStatus
from wfexec.model.status import WorkflowExecution
from wfexec.model.workflow import CancelRollback, OnCancel
from wfexec.settings import Settings

KEY: Final = ObjectKey(Kind.WORKFLOW, "shop", "repair")
SECOND: Final = 1_000
# Longer than every limit together, so that what never ends is seen not to.
LONG: Final = 6 * 3_600_000
AUTOMATIC: Final = {"rollbackStrategy": "automatic"}
HANG: Final = 'steps: {"*/1": {attempts: [{result: hang}]}}'
EVICTED: Final = 'steps: {"*/1": {attempts: [{result: failure, error: {type: evicted}}]}}'
KILLED: Final = 'steps: {"*/3": {attempts: [{result: failure, error: {type: oom_killed}}]}}'
UNDO_HANGS: Final = KILLED + '\nundo: {steps: {"*/2": {attempts: [{result: hang}]}}}'
UNDO_LIES: Final = KILLED + '\nundo: {steps: {"*/2": {attempts: [{result: no-effect}]}}}'
SPREAD: Final = (
    'steps: {"*/2": {attempts: [{result: failure, error: {type: oom_killed}}], duration: 20s}, "*/3": {duration: 5m}}'
)
STUCK: Final = 'steps: {"*/2": {attempts: [{result: hang-forever}]}}'
SLOW: Final = "alerts: [{alert: Slow, kind: Deployment, namespace: shop, name: d1, at: 40s}]"
WATCHING: Final = Settings(alertmanager_url="http://alerts:9093")
TALKS: Final = """
cluster: {secrets: {shop/login: {data: {x: b2xk}}}}
steps: {"*/1": {attempts: [{result: failure, error: {type: unknown_error, message: "not hunter22"}}]}}
"""
SECRET: Final = {"namespace": "shop", "name": "login", "dataUpdates": {"x": "hunter22"}}


def play(
    workflow: WorkflowExecution | None = None,
    with_: Options | None = None,
    people: Mapping[int, Any] | None = None,
    *,
    executor: bool = True,
) -> Run:
    """One run to its end or to `LONG`; `people`: what is asked for, by milliseconds from the beginning.

    `executor` False: nobody takes up the children.
    """
    scenario = Scenario((workflow or manifest(CHAIN),), with_ or options())
    simulation = Simulation(scenario.options)
    simulation.submit(scenario.workflows[0])
    for after, body in (people or {}).items():
        simulation.act(body, after)
    simulation.start(executor=executor)
    return judge(simulation, scenario, cut=not simulation.run(LONG))


def failing(executor: str) -> Run:
    return play(manifest(CHAIN, executionStrategy=AUTOMATIC), options(executor))


def undoable() -> Run:
    """All goes well, and what would go wrong is undone."""
    return play(manifest(CHAIN, executionStrategy=AUTOMATIC))


def asked_to_undo() -> Run:
    """Somebody who may asks for it while the second step is at work."""
    wish = EditWorkflow(KEY, {}, {ANNOTATION_ROLLBACK: "requested", ANNOTATION_ROLLBACK_BY: "ada"})
    return play(with_=options(settings=Settings(approvers=("ada",))), people={15 * SECOND: wish})


def undone_its_own_way() -> Run:
    """The second step says itself how it is undone: to one replica, though there were two before it."""
    scale = {"scaleToPrevious": {"namespace": "shop", "deployment": "d2", "previousReplicas": 1}}
    second = {**CHAIN[1], "rollbackSpec": {"action": "scale-deployment", "parameters": scale}}
    return play(manifest([CHAIN[0], second, CHAIN[2]], executionStrategy=AUTOMATIC), options(KILLED))


def spread() -> Run:
    """Three steps side by side: the first completes, the second fails the workflow, the third goes on for long."""
    return play(manifest([{}, {}, {}], executionStrategy=AUTOMATIC), options(SPREAD))


def narrow() -> Run:
    return play(manifest([{}, {}, {}], executionStrategy={"maxParallelSteps": 1}))


def secretive() -> Run:
    unchecked = [{"type": kind, "required": False} for kind in ("rbac", "health", "capacity", "network")]
    strategy = {"safetyChecks": unchecked, "dryRunFirst": False}
    step = {"action": "update-secret", "parameters": {"updateSecret": SECRET}, "maxRetries": 0}
    return play(manifest([step], executionStrategy=strategy), Options(outcomes=parse_outcomes(TALKS, "test.yaml")))


def cancelled_while_paused() -> Run:
    wishes = {
        15 * SECOND: EditWorkflow(KEY, {"suspend": True}, {}),
        60 * SECOND: EditWorkflow(KEY, {"cancel": True}, {}),
    }
    return play(people=wishes)


def cancelled_and_undone() -> Run:
    wish = EditWorkflow(KEY, {"cancel": True, "on_cancel": OnCancel(rollback=CancelRollback.AUTOMATIC)}, {})
    return play(people={15 * SECOND: wish})


def forgiving() -> Run:
    """The first step may do without what never holds."""
    never = {"type": "never", "expr": "input.current_replicas == 7", "timeout": "1s", "required": False}
    return play(manifest([{"preConditions": [never]}]))


def renamed() -> Run:
    """The definition has a name of its own."""
    return play(manifest(CHAIN, definition={"name": "mend"}))


def nobody_at_work() -> Run:
    return play(executor=False)


def status_writes(calm: Run, phase: Phase) -> list[int]:
    """The numbers of the controller's writes that leave this phase in status."""
    own = [one for one in calm.records if isinstance(one, Written) and one.actor.startswith("controller")]
    bodies = ((number, write.body) for number, write in enumerate(own, 1))
    return [number for number, body in bodies if isinstance(body, PatchStatus) and body.after.phase == phase]


def killed_after_its_intent() -> Run:
    """The controller dies once the first step stands in status as executing, and before its child is made."""
    intent = status_writes(play(), Phase.EXECUTING)[0]
    return play(with_=options(faults=crash_after_write(intent)))


def delayed_in_its_rollback() -> Run:
    """The write that says that one undo has ended is carried out long after the rollback has gone on."""
    late = status_writes(failing(KILLED), Phase.ROLLING_BACK)[2]
    with_ = options(KILLED, faults=FaultPlan(((late, Fault.DELAY),)))
    return play(manifest(CHAIN, executionStrategy=AUTOMATIC), with_)


def falls_ill() -> Run:
    """The target of the first step becomes unavailable for good while it is watched, against its postcondition."""
    kept = {"type": "up", "expr": "input.deployment_available", "timeout": "1m"}
    told = {"type": "Available", "status": "False", "reason": "Told", "lastTransitionTime": "2026-01-01T00:00:30Z"}
    status = {"conditions": [told], "readyReplicas": 0}
    ill = PatchTarget(TargetRef("Deployment", "shop", "d1"), {"status": status}, "status")
    return play(manifest([{"postConditions": [kept]}]), people={30 * SECOND: ill})


def alarmed() -> Run:
    """An alert about the target of the first step begins while steps run, and goes on."""
    return play(with_=options(SLOW, settings=WATCHING))


def deleted() -> Run:
    return play(people={15 * SECOND: DeleteObject(KEY)})


def deleted_and_recorded() -> Run:
    return play(with_=options(audit=()), people={15 * SECOND: DeleteObject(KEY)})


def let_go_at_the_second_try() -> Run:
    """There is an audit store, and the server refuses the finalizer's going once."""
    calm = deleted_and_recorded()
    own = [one for one in calm.records if isinstance(one, Written) and one.actor.startswith("controller")]
    (kept,) = [number for number, write in enumerate(own, 1) if isinstance(write.body, KeepRows)]
    refused = FaultPlan(((kept + 1, Fault.CONFLICT),))
    return play(with_=options(audit=(), faults=refused), people={15 * SECOND: DeleteObject(KEY)})
