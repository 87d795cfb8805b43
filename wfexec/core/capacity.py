"""Is there room for what the steps add, and for what their cordons and drains take away? (BR-WF-015, BR-WF-016)

Requests against allocatable minus requested of the nodes that stay schedulable: all steps together against the sum,
and each step's pods, as if they came alone, against the nodes one by one. Necessary, not sufficient: what refuses a
workflow must be sure, so no packing is guessed at, and taints count for nothing, since pods may tolerate them.
"""

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from wfexec.core.registry import find_action
from wfexec.core.targets import RESIZING, target_text
from wfexec.core.verdict import Answers, Verdict, bad, good, unknown
from wfexec.crd.quantity import Resources, parse_quantity
from wfexec.model.facts import AskNodes, NodeRoom, NodesFacts, Room, TargetFacts, TargetRef, Unknown
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.units import so_many

# A drain moves a node's work to the others: with fewer than three nodes there is no safe place for it.
DRAIN_NODES_MIN: Final = 3
_NOTHING: Final = Resources(0, 0)
_NO_ROOM: Final = Room(0, 0)
_REQUESTS: Final = ("cpu:", "memory:")
# The constructor of a named tuple is a call of its own.
_tuple: Final[Any] = tuple.__new__
OBSERVER: Final = "give the controller the observer role, or make the check not required"


class _Need(NamedTuple):
    """What one step adds; `node` is where its pods come from, "" when it adds to its target.

    `pods` of each of `sizes` at least must find a place on some node.
    """

    step: RecipeStep
    node: str
    amount: Resources
    pods: int
    sizes: tuple[Room, ...]

    @property
    def text(self) -> str:
        where = (
            f"the pods of Node {self.node}" if self.node or self.step.target is None else target_text(self.step.target)
        )
        return f"{self.step.name!r} for {where}"


def nodes_of(steps: tuple[RecipeStep, ...]) -> tuple[str, ...]:
    """Nodes that steps cordon or drain, once each."""
    return tuple(dict.fromkeys(step.target.name for step in steps if _cordons(step) and step.target is not None))


def sized_targets(steps: tuple[RecipeStep, ...]) -> tuple[TargetRef, ...]:
    """Targets whose requests decide what a step adds, once each."""
    return tuple(dict.fromkeys(step.target for step in steps if _grows(step) and step.target is not None))


def _cordons(step: RecipeStep) -> bool:
    p = step.spec.parameters
    return p is not None and (p.cordon_node or p.drain_node) is not None and not step.uncordons


def _grows(step: RecipeStep) -> bool:
    p, ref = step.spec.parameters, step.target
    if p is None or ref is None or ref.kind != "Deployment":
        return False
    return p.scale_deployment is not None or (p.custom is not None and _canonical(step) in RESIZING)


def _canonical(step: RecipeStep) -> str:
    action = find_action(step.action)
    return action.name if action is not None else ""


def capacity(recipe: Recipe, answers: Answers) -> Verdict:
    """The verdict of the capacity check; the questions of `nodes_of` and `sized_targets` must have answers."""
    # One of the last.
    asked = next(question for question in reversed(recipe.questions) if isinstance(question, AskNodes))
    fact = answers[asked].facts
    if isinstance(fact, Unknown):
        return unknown(fact, OBSERVER)
    if not isinstance(fact, NodesFacts):
        return Verdict(False, "unknown: no figures of the nodes")
    rooms = {room.name: room for room in fact.named}
    taken = [room for room in rooms.values() if room.schedulable]
    refused = _nodes_left(recipe, fact, len(taken), asked.named)
    if refused is not None:
        return refused
    needs: list[_Need] = []
    for step in recipe.steps:
        if not _grows(step) or step.ask is None:
            continue
        seen = answers[step.ask].facts
        if isinstance(seen, Unknown):
            return unknown(seen, OBSERVER)
        if isinstance(seen, TargetFacts) and seen.exists:
            amount, pods, size = _added(step, seen)
            needs.append(_tuple(_Need, (step, "", amount, pods, (size,) if pods else ())))
    if rooms:
        needs += [
            _moved(step, rooms[step.target.name]) for step in recipe.steps if _drains(step, rooms) and step.target
        ]
    free = Resources(
        fact.cpu_free_m - sum(room.cpu_free_m for room in taken),
        fact.memory_free - sum(room.memory_free for room in taken),
    )
    return _fits(needs, free, fact)


def _drains(step: RecipeStep, rooms: dict[str, NodeRoom]) -> bool:
    p = step.spec.parameters
    return p is not None and p.drain_node is not None and p.drain_node.node_name in rooms


def _moved(step: RecipeStep, room: NodeRoom) -> _Need:
    return _Need(step, room.name, Resources(room.cpu_moving_m, room.memory_moving), 1, room.sizes)


def _nodes_left(recipe: Recipe, fact: NodesFacts, taken: int, cordoned: tuple[str, ...]) -> Verdict | None:
    """Why the nodes do not suffice whatever the figures say; None when they do."""
    fix = "bring up another node, or leave the step out"
    if fact.nodes < DRAIN_NODES_MIN and any(p and p.drain_node for p in (one.spec.parameters for one in recipe.steps)):
        return bad(f"a drain needs at least {DRAIN_NODES_MIN} nodes, the cluster has {fact.nodes}", fix)
    if cordoned and fact.schedulable - taken < 1:
        message = f"cordoning {', '.join(cordoned)} would leave none of {fact.schedulable} schedulable nodes"
        return bad(message, "uncordon or bring up another node first")
    if fact.schedulable < 1:
        return bad("the cluster has no schedulable node", "uncordon one or bring one up")
    return None


def _added(step: RecipeStep, seen: TargetFacts) -> tuple[Resources, int, Room]:
    """What a scale or a raised limit asks for beyond what the target has now, and how many pods of which size must find
    a place at least; a target that shrinks frees nothing.

    Of pods that grow one node must have room for what one of them grows by: the others may take turns.
    """
    state, p = seen.state, step.spec.parameters
    replicas = int(state["replicas"]) if state.get("replicas", "").isdecimal() else 0
    if p is not None and p.scale_deployment is not None:
        more = p.scale_deployment.replicas - replicas
        if more <= 0:
            return _NOTHING, 0, _NO_ROOM
        asked = tuple([item for item in state.items() if item[0].startswith(_REQUESTS)])
        return _times(more, asked), more, Room(*_times(1, asked))
    config = p.custom.config if p is not None and p.custom is not None else {}
    containers = [key.partition(":")[2] for key in state if key.startswith("image:")]
    name = config.get("container") or (containers[0] if containers else "")
    raised = []
    for kind in ("cpu", "memory"):
        before = _number(state.get(f"{kind}Limit:{name}") or state.get(f"{kind}:{name}", "0"))
        raised.append(max(Decimal(0), _number(config.get(kind, "0")) - before))
    cpu, memory = raised
    return _whole(cpu * replicas, memory * replicas), min(1, replicas), Room(*_whole(cpu, memory))


# A cluster asks for few different sizes, and for each many times.
@lru_cache(maxsize=1_024)
def _times(count: int, asked: tuple[tuple[str, str], ...]) -> Resources:
    """What `count` pods ask for whose containers ask for these."""
    cpu = sum((_number(text) for key, text in asked if key.startswith("cpu:")), Decimal(0))
    memory = sum((_number(text) for key, text in asked if key.startswith("memory:")), Decimal(0))
    return _whole(cpu * count, memory * count)


def _whole(cpu: Decimal, memory: Decimal) -> Resources:
    return Resources(int((cpu * 1_000).to_integral_value(ROUND_CEILING)), int(memory.to_integral_value(ROUND_CEILING)))


def _number(text: str) -> Decimal:
    """What cannot be read counts as nothing: the executor refuses it with its own words."""
    try:
        return parse_quantity(text)
    except ValueError:
        return Decimal(0)


def _fits(needs: list[_Need], free: Resources, fact: NodesFacts) -> Verdict:
    cpu = sum(need.amount.cpu_m for need in needs)
    memory = sum(need.amount.memory for need in needs)
    short = [f"{cpu}m cpu of {max(0, free.cpu_m)}m free"] if cpu > free.cpu_m and cpu else []
    short += [f"{_mebi(memory)} memory of {_mebi(max(0, free.memory))} free"] if memory > free.memory and memory else []
    if not short:
        homeless = next((text for need in needs for text in _homeless(need, fact.rooms)), "") if fact.rooms else ""
        if homeless:
            return bad(homeless, "free some on one node, bring up a larger one, or ask for less")
        nodes = so_many(fact.nodes, "node is", "nodes are")
        return good(f"{fact.schedulable} of {nodes} schedulable, with room for what the steps add")
    who = "; ".join(need.text for need in needs[:4] if need.amount != _NOTHING)
    return bad(f"the steps add {' and '.join(short)} ({who})", "free some, bring up a node, or ask for less")


def _homeless(need: _Need, rooms: tuple[Room, ...]) -> Iterator[str]:
    """Pods of one step that find no place on any node, though there may be enough on all together."""
    for size in need.sizes:
        places = _places(rooms, size, need.pods)
        if places < need.pods:
            asked = f"{size.cpu_m}m cpu and {_mebi(size.memory)} memory"
            where = f"no node has room for one pod that asks for {asked}"
            if places:
                where = f"the nodes, one by one, have room for {places} of {need.pods} pods that ask for {asked} each"
            yield f"{where} ({need.text})"


def _places(rooms: tuple[Room, ...], size: Room, wanted: int) -> int:
    """For how many pods of this size there is a place; not counted further than wanted."""
    found = 0
    for room in rooms:
        cpu = room.cpu_m // size.cpu_m if size.cpu_m else wanted
        memory = room.memory // size.memory if size.memory else wanted
        found += max(0, min(cpu, memory))
        if found >= wanted:
            return wanted
    return found


def _mebi(size: int) -> str:
    return f"{-(-size // 2**20)}Mi"
