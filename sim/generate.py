"""Which remediations are there beside those somebody wrote? Any number of them, each drawn from its seed (BR-WF-032).

Called by `sim generate`, the hunt and the acceptance scenarios. A generated manifest is one that planning takes; how it
ends is another question. The same wish gives the same case everywhere.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sim.generate_steps import BUILDERS, Place, step_of
from sim.rng import Stream, Streams
from sim.troubles import CALM, Troubles, draw
from wfexec.model.meta import ANNOTATION_APPROVAL_SOURCE, ANNOTATION_PRE_APPROVED, WORKFLOW_API, WORKFLOW_KIND
from wfexec.model.phases import FailurePolicy
from wfexec.settings import DEFAULTS

Json = dict[str, Any]
Graph = list[list[int]]

NAMESPACES: Final = ("checkout", "media", "orders", "payments", "search")
ALARMS: Final = ("bad-release", "crash-loop", "disk-pressure", "high-latency", "out-of-memory")
# How many of a controller's writes a step usually costs, events included.
WRITES_PER_STEP: Final = 8
ERRORS: Final = ("evicted", "network", "oom_killed", "resource_conflict", "throttled", "unknown_error", "image_pull")


class Shape(StrEnum):
    CHAIN = "chain"
    DIAMOND = "diamond"
    FAN = "fan"
    RANDOM = "random"


class Wish(NamedTuple):
    """`steps`: least and most; `shape` None, `namespace` "": the seed chooses; `actions` (): any of those known."""

    steps: tuple[int, int] = (3, 12)
    shape: Shape | None = None
    actions: tuple[str, ...] = ()
    namespace: str = ""


class Case(NamedTuple):
    """Documents of a manifest, an executor file, a fault schedule, and the luck they are played with."""

    manifest: tuple[Json, ...]
    executor: Json
    troubles: Troubles
    seed: int


ANYTHING: Final = Wish()


def generate(seed: int, wish: Wish = ANYTHING) -> Case:
    """The case of this seed."""
    luck = Streams(seed)
    some = luck.of("generate")
    low, high = wish.steps
    count = low + some.below(high - low + 1)
    shape = wish.shape or some.choice(tuple(Shape))
    drawn = some.choice(NAMESPACES)
    place = Place.of(wish.namespace or drawn, count, luck.of("generate", "place"))
    graph = EDGES[shape](count, luck.of("generate", "edges"))
    steps = _steps(graph, wish.actions or tuple(BUILDERS), place, luck)
    workflow = _workflow(f"{some.choice(ALARMS)}-{seed}", steps, place, luck.of("generate", "strategy"))
    troubles = draw(luck.of("generate", "troubles"), WRITES_PER_STEP * count + 10)
    return Case((workflow,), _executor(steps, place, luck), troubles, seed)


def calm(case: Case) -> Case:
    """The same without faults: everything in its own time, one controller."""
    return case._replace(troubles=CALM)


def _steps(graph: Graph, actions: tuple[str, ...], place: Place, luck: Streams) -> list[Json]:
    made: list[Json] = []
    taken: set[str] = set()
    for number, after in enumerate(graph, 1):
        mine = luck.of("generate", "step", number)
        body = step_of(mine.choice(actions), place, mine)
        name = body["name"] if body["name"] not in taken else f"{body['name']}-{number}"
        taken.add(name)
        step: Json = {"stepNumber": number, **body, "name": name}
        if after:
            step["dependsOn"] = after
        made.append(step | _nature(len(after), mine))
    return made


def _nature(dependencies: int, luck: Stream) -> Json:
    found: Json = {}
    if luck.chance(0.3):
        found["criticalStep"] = True
    if luck.chance(0.25):
        found["maxRetries"] = luck.below(4)
    if luck.chance(0.25):
        found["timeout"] = luck.choice(("1m", "3m", "5m"))
    if luck.chance(0.1):
        found["continueOnFailure"] = True
    if luck.chance(0.1) and dependencies == 1:
        found["runCondition"] = luck.choice(("if_primary_fails", "after_primary", "parallel_with_primary"))
    return found


def _workflow(name: str, steps: list[Json], place: Place, luck: Stream) -> Json:
    strategy: Json = {"rollbackStrategy": luck.choice(("automatic", "automatic", "manual", "none"))}
    if luck.chance(0.5):
        strategy["maxParallelSteps"] = 1 + luck.below(5)
    if luck.chance(0.3):
        strategy["maxRetries"] = luck.below(4)
    spec: Json = {
        "remediationRequestRef": {"name": name},
        "workflowDefinition": {"name": f"repair-{place.namespace}", "version": "1.0.0", "steps": steps},
        "executionStrategy": strategy,
    }
    if luck.chance(0.3):
        spec["failurePolicy"] = luck.choice(tuple(FailurePolicy)).value
    meta: Json = {"name": name, "namespace": place.namespace}
    if len(steps) > DEFAULTS.complexity_approval_threshold:
        # Nobody is there to be asked.
        meta["annotations"] = {ANNOTATION_PRE_APPROVED: "true", ANNOTATION_APPROVAL_SOURCE: "on-call"}
    return {"apiVersion": WORKFLOW_API, "kind": WORKFLOW_KIND, "metadata": meta, "spec": spec}


def _executor(steps: list[Json], place: Place, luck: Streams) -> Json:
    rules: Json = {}
    undo: Json = {}
    for step in steps:
        mine = luck.of("generate", "rule", step["stepNumber"])
        rule = _rule(mine)
        if rule:
            rules[f"*/{step['stepNumber']}"] = rule
        if mine.chance(0.1):
            undo[f"*/{step['stepNumber']}"] = {"attempts": _failing(mine, mine.chance(0.5))}
    found: Json = {"cluster": place.cluster(), "steps": rules}
    some = luck.of("generate", "weather")
    if some.chance(0.3):
        failure = {"probability": 0.1, "error": {"type": some.choice(ERRORS)}}
        found["defaults"] = {"failure": failure}
    if some.chance(0.2):
        storm = {"at": f"{10 + some.below(120)}s", "for": f"{1 + some.below(5)}m", "probability": 0.7}
        found["storms"] = [storm | {"undo": some.chance(0.3)}]
    if undo:
        found["undo"] = {"steps": undo}
    return found


def _rule(luck: Stream) -> Json:
    """Most steps simply succeed."""
    kind = luck.weighted(("", "once", "always", "hang", "idle"), (70, 15, 6, 6, 3))
    attempts = {
        "once": _failing(luck, again=False),
        "always": _failing(luck, again=True),
        "hang": [{"result": "hang"}, {"result": "success"}],
        "idle": [{"result": "no-effect"}],
    }
    return {"attempts": attempts[kind]} if kind else {}


def _failing(luck: Stream, again: bool) -> list[Json]:
    failure: Json = {"result": "failure", "error": {"type": luck.choice(ERRORS)}}
    return [failure] if again else [failure, {"result": "success"}]


def _chain(count: int, _: Stream) -> Graph:
    return [[number - 1] if number > 1 else [] for number in range(1, count + 1)]


def _fan(count: int, _: Stream) -> Graph:
    """One, then all at once, then one that joins them."""
    middle = list(range(2, count))
    return [[], *([1] for _ in middle), *([middle or [1]] if count > 1 else [])]


def _diamond(count: int, _: Stream) -> Graph:
    """One, two side by side, one that joins them, and so on."""
    graph: Graph = []
    for number in range(1, count + 1):
        place = number % 3
        graph.append([] if number == 1 else [number - 2, number - 1] if place == 1 else [number - 1 - (place == 0)])
    return graph


def _random(count: int, luck: Stream) -> Graph:
    """Up to three earlier steps each."""
    return [
        sorted({1 + luck.below(number - 1) for _ in range(luck.below(min(4, number)))})
        for number in range(1, count + 1)
    ]


EDGES: Final[dict[Shape, Callable[[int, Stream], Graph]]] = {
    Shape.CHAIN: _chain,
    Shape.DIAMOND: _diamond,
    Shape.FAN: _fan,
    Shape.RANDOM: _random,
}
