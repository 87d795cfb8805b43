"""Sentences about the simulated world: a rehearsal, remediations made up from a seed, a hunt, policies compared."""

import copy
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import orjson
from pytest_bdd import given, parsers, step, then, when

from features.cluster import Json
from features.recipe import NAME, NODES, Recipe
from features.story import ENDED, Story
from sim.driver import Options
from sim.executor.outcomes import Outcomes
from sim.generate import Case, Wish, generate
from sim.hunt import Aim, Found, Grounds, hunt
from sim.report_study import Figure, verdicts
from sim.scenario import HORIZON_MS, Run, Scenario, play
from sim.study import Arm, Sample, Study, conduct
from sim.troubles import CALM
from wfexec.crd.codec import render_workflow
from wfexec.crd.files import read_workflows
from wfexec.model.status import WorkflowExecution
from wfexec.settings import DEFAULTS
from wfexec.units import parse_instant

# What the scenarios' executor has rights to; those of nodes would reach into other scenarios.
ACTIONS: Final = ("scale-deployment", "restart-deployment", "update-image", "update-configmap", "delete-pod")
SEED: Final = 1
NOTHING: Final = Case((), {}, CALM, SEED)


@dataclass
class MadeUp(Recipe):
    """A remediation from a generator, under the scenario's name. `case` stays as it was made."""

    case: Case = NOTHING

    def manifest(self, namespace: str) -> Json:
        (body,) = copy.deepcopy(self.case.manifest)
        body["metadata"]["name"] = NAME
        text: str = orjson.dumps(body).decode().replace(f'"{body["metadata"]["namespace"]}"', f'"{namespace}"')
        made: Json = orjson.loads(text)
        return made

    def executor(self, namespace: str) -> Json:
        made: Json = copy.deepcopy(self.case.executor)
        (own,) = {body["metadata"]["namespace"] for body in self.case.manifest}
        cluster = made.get("cluster", {})
        for key in ("deployments", "configMaps", "pods"):
            cluster[key] = {
                name.replace(f"{own}/", f"{namespace}/", 1): thing for name, thing in cluster.get(key, {}).items()
            }
        for pod in cluster["pods"].values():
            pod["node"] = NODES[0]
        # The nodes are those of all scenarios.
        made["cluster"] = cluster | {"nodes": {name: {} for name in NODES}, "namespaces": {namespace: {}}}
        return made


class Compared(NamedTuple):
    """`samples` by run; `figure` is the second policy's chance to recover."""

    study: Study
    samples: list[tuple[Sample, ...]]
    figure: Figure


def workflow_of(story: Story) -> WorkflowExecution:
    body = story.recipe.manifest(story.namespace)
    body["metadata"]["namespace"] = story.namespace
    (found,) = read_workflows(orjson.dumps(body), "the scenario")
    return found


@step("it is rehearsed in the simulation", target_fixture="rehearsal")
def _rehearsed(story: Story) -> Run:
    """As a person would with `wfexec sim run`."""
    outcomes = Outcomes.model_validate(story.recipe.executor(story.namespace))
    run = play(Scenario((workflow_of(story),), Options(outcomes=outcomes)))
    assert run.complaints == ()
    return run


def _ending(status: Json) -> list[object]:
    """What a person would call the end: how each step ended and was undone, in how many attempts, and why."""
    steps = [
        (one["stepNumber"], one.get("status", "pending"), one.get("rollback", {}).get("status", ""), _attempts(one))
        for one in status["stepStatuses"]
    ]
    outcome = status.get("workflowResult", {}).get("outcome", "")
    return [status["phase"], outcome, status.get("failureReason", "").split(":")[0], *steps]


def _attempts(one: Json) -> int:
    return len(one.get("attempts", []))


def _rehearsed_status(rehearsal: Run) -> Json:
    (workflow,) = rehearsal.workflows
    status: Json = render_workflow(workflow)["status"]
    return status


@then("it ended as it was rehearsed")
def _as_rehearsed(story: Story, rehearsal: Run) -> None:
    assert _ending(story.status()) == _ending(_rehearsed_status(rehearsal))


@then("its phases were those of the rehearsal")
def _same_phases(story: Story, rehearsal: Run) -> None:
    found: list[str] = []
    for move in rehearsal.history.workflows:
        phase = str(move.after.status.phase) if move.after is not None else ""
        if phase and (not found or found[-1] != phase):
            found.append(phase)
    assert story.phases() == found


@then(parsers.parse('the rehearsal leaves the deployment of "{name}" damaged'))
def _foretells(rehearsal: Run, name: str) -> None:
    assert [target.name for target in rehearsal.damaged] == [name]


def made_up(story: Story, case: Case) -> None:
    old = story.recipe
    story.recipe = MadeUp(default_rule=old.default_rule, case=case)


@given(parsers.re(r"the remediation made up from the seed (?P<seed>\d+)(?P<plain>, in which .*)?"))
def _made_up(story: Story, seed: str, plain: str | None) -> None:
    case = generate(int(seed), Wish((3, 6), actions=ACTIONS))
    if plain:
        rules = {key: case.executor[key] for key in ("cluster", "steps")}
        case = case._replace(executor=rules)
    made_up(story, case)


@given("the controller dies where the faults of that seed say")
def _dies(story: Story) -> None:
    recipe = story.recipe
    assert isinstance(recipe, MadeUp)
    crashes = [one.write for one in recipe.case.troubles.writes if one.fault.value.startswith("crash")]
    assert crashes, recipe.case.troubles
    story.setting.kill_after_write = crashes[0]


@then("it was planned and it ends")
def _ends(story: Story) -> None:
    story.wait_for_end()
    assert "executing" in story.phases(), story.status()


@then("no step began before those it waits for had ended")
def _in_order(story: Story) -> None:
    steps = {one["stepNumber"]: one for one in story.status()["stepStatuses"]}
    for one in story.workflow()["spec"]["workflowDefinition"]["steps"]:
        began = steps[one["stepNumber"]].get("startTime")
        beside = one.get("runCondition") == "parallel_with_primary"
        for earlier in one.get("dependsOn", []) if began and not beside else ():
            assert parse_instant(steps[earlier]["endTime"]) <= parse_instant(began), one


@then("it never had more active steps than its limit")
def _within_limit(story: Story) -> None:
    strategy = story.workflow()["spec"].get("executionStrategy", {})
    assert max(story.values("activeSteps")) <= strategy.get("maxParallelSteps", DEFAULTS.max_parallel_steps)


@cache
def hunted(aim: Aim) -> Found:
    """The same for every scenario and back-end. Its cause must be a rule: chances differ from one luck to another."""
    grounds = Grounds(aim, Wish((4, 8), actions=ACTIONS), faults=False)
    for seed in range(1, 60):
        _, found = hunt(grounds, range(seed, seed + 1), None, lambda _: None)
        if found is not None and found.case.executor.get("steps"):
            return found
    raise AssertionError(f"no {aim} in sixty seeds")


@given(parsers.parse("the smallest remediation in which a hunt sees a {aim}"), target_fixture="sizes")
def _hunted(story: Story, aim: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Steps and faults, before and after."""
    found = hunted(Aim(aim))
    made_up(story, found.case)
    return found.before, found.after


@given("it was found in a larger one")
def _larger(sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    (steps, _), (left, faults) = sizes
    assert left <= 2 < steps
    assert faults == 0


@then(parsers.parse("the {aim} is seen here as well"))
def _seen(story: Story, aim: str) -> None:
    assert story.phase() in ENDED
    if Aim(aim) is Aim.FAILURE:
        assert story.phase() == "failed"
    else:
        assert "rolling_back" in story.phases()


@given(parsers.parse('the policy "{name}" with {count:d} retries'))
def _policy(story: Story, name: str, count: int) -> None:
    story.moments[name] = count


def _study(story: Story, names: list[str], runs: int, probability: float) -> Study:
    story.recipe.strategy.pop("maxRetries", None)
    arms = []
    for name in names:
        story.recipe.strategy["maxRetries"] = story.moments[name]
        arms.append(Arm(name, "", (workflow_of(story),), DEFAULTS))
    weather = {"failure": {"probability": probability, "error": {"type": "evicted"}}}
    executor = story.recipe.executor(story.namespace)
    outcomes = Outcomes.model_validate(executor | {"defaults": executor["defaults"] | weather})
    return Study("policies", outcomes, runs, SEED, HORIZON_MS, tuple(arms))


# Of this process: a crash sweep plays a scenario many times, and the same study has the same end.
_COMPARED: list[Compared] = []


def _compare(study: Study) -> Compared:
    known = next((one for one in _COMPARED if one.study == study), None)
    if known is not None:
        return known
    samples = conduct(study, None, 1, lambda _: None)
    assert all(sample.broken == () for run in samples for sample in run)
    _COMPARED.append(Compared(study, samples, verdicts(study, samples)[1].figures[0]))
    return _COMPARED[-1]


@when(
    parsers.parse(
        "the policies are compared in {runs:d} runs in which an attempt fails with a probability of {share:g}"
    ),
    target_fixture="compared",
)
def _compared(story: Story, runs: int, share: float) -> Compared:
    return _compare(_study(story, list(story.moments), runs, share))


@then(parsers.parse('"{better}" recovers more often than "{worse}", and no chance explains it'))
def _better(compared: Compared, better: str, worse: str) -> None:
    assert [arm.name for arm in compared.study.arms] == [worse, better]
    difference = compared.figure.difference
    assert difference is not None
    assert difference.low is not None
    assert difference.low > 0, difference


@then(parsers.parse('no run went better under "{worse}" than under "{better}"'))
def _same_luck(compared: Compared, worse: str, better: str) -> None:
    """The luck is the same, so more attempts cannot harm."""
    assert not any(one.recovered and not other.recovered for one, other in compared.samples)


@then("a policy compared with itself differs in nothing")
def _itself(compared: Compared) -> None:
    study = compared.study
    twice = _compare(study._replace(arms=(study.arms[0], study.arms[0]._replace(name="again")), runs=10))
    assert twice.figure.difference is not None
    assert (twice.figure.difference.low, twice.figure.difference.high) == (0, 0)


@when(parsers.parse('every step fails once with "{error}" and the policy "{name}" is applied'))
def _applied(story: Story, error: str, name: str) -> None:
    failing = {"result": "failure", "error": {"type": error}}
    story.recipe.default_rule["attempts"] = [failing, {"result": "success"}]
    story.recipe.strategy["maxRetries"] = story.moments[name]
    story.apply()
