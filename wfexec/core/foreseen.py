"""Would a step's `when` hold, as far as the dry run can foresee? (BR-WF-017, BR-WF-006)

Called by `core.dryrun` for steps that have one. An expression sees the simulated world; what only a real run brings
(outputs, results, health after a change, what runs beside the step) has no value here, so that reading it leaves the
question open instead of answering it wrongly.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, NoReturn

from wfexec.core.expression_context import NODE_FACTS, Lazy, Unknowable, input_facts, target_facts
from wfexec.core.expression_values import Fault
from wfexec.core.expressions import holds
from wfexec.core.targets import target_text
from wfexec.model.expressions import Context, EvaluationError
from wfexec.model.facts import TargetFacts, TargetRef, Unknown
from wfexec.model.phases import StepState
from wfexec.model.recipe import Recipe, RecipeStep

# Facts that a change sets in motion: what they will be shows only when it is done.
MOVING: Final = frozenset(
    {
        "healthy", "message", "available", "readyReplicas", "restarts", "ready", "revision",
        "deployment_available", "ready_pods",
    }
)  # fmt: skip
_RUNTIME: Final = ("outputs", "result", "retries", "errorType", "errorMessage")
State = Mapping[str, str]


class Scene(NamedTuple):
    """The dry run so far: `world` None for what is not there (any more), `changed` what a step changed, `vague` what
    it changed in a way that is not simulated, `idle` positions of steps that would not run.
    """

    recipe: Recipe
    facts: Mapping[TargetRef, TargetFacts | Unknown]
    world: Mapping[TargetRef, State | None]
    changed: set[TargetRef]
    vague: set[TargetRef]
    idle: set[int]
    variables: Mapping[str, Any]
    now: int


def would_run(scene: Scene, step: RecipeStep) -> bool | EvaluationError:
    """True where the step has no `when`; an error when it cannot be told before the run."""
    if step.when is None:
        return True
    places = {one.name: one.position for one in scene.recipe.steps}
    context = Context(
        input=_input(scene, step),
        variables=scene.variables,
        steps=Lazy({name: _step(scene, step, place) for name, place in places.items()}),
        target=_target(scene, step.target),
        now=scene.now,
    )
    return holds(step.when, context)


def _unknown(why: str) -> Callable[[], NoReturn]:
    def ask() -> NoReturn:
        raise Fault(why)

    return ask


def _step(scene: Scene, reader: RecipeStep, place: int) -> Callable[[], Mapping[str, Any]]:
    def made() -> Mapping[str, Any]:
        step = scene.recipe.steps[place]
        facts: dict[str, Callable[[], Any]] = {
            "number": lambda: step.number,
            "action": lambda: step.action,
            "target": lambda: _target(scene, step.target),
            "status": lambda: _status(scene, reader, place),
        }
        for name in _RUNTIME:
            facts[name] = _unknown(f"{name} of step {step.name!r} is known only once it has run")
        return Lazy(facts)

    return made


def _status(scene: Scene, reader: RecipeStep, place: int) -> str:
    """As it will be where all goes well; of a step that the reader does not wait for, nobody can tell."""
    waits_for: set[int] = set()
    waiting = list(reader.dependencies)
    while waiting:
        position = waiting.pop()
        if position not in waits_for:
            waits_for.add(position)
            waiting.extend(scene.recipe.steps[position].dependencies)
    if place not in waits_for:
        raise Fault(f"step {scene.recipe.steps[place].name!r} may run before or after it")
    return str(StepState.SKIPPED if place in scene.idle else StepState.COMPLETED)


def _facts(scene: Scene, ref: TargetRef | None) -> TargetFacts | str:
    if ref is None:
        return "the object is not known: the step names none"
    found = scene.facts.get(ref, Unknown("nobody looked"))
    if isinstance(found, Unknown):
        return f"{target_text(ref)} is unknown: {found.reason}"
    if ref in scene.vague:
        return f"an earlier step changes {target_text(ref)} in a way that is not simulated"
    state = scene.world[ref]
    return found._replace(exists=state is not None, state=state or {})


def _target(scene: Scene, ref: TargetRef | None) -> Mapping[str, Any]:
    facts = _facts(scene, ref)
    if isinstance(facts, str) or ref is None:
        return Unknowable(str(facts))
    return Lazy(_settled(scene, ref, target_facts(ref, facts)))


def _input(scene: Scene, step: RecipeStep) -> Mapping[str, Any]:
    facts = _facts(scene, step.target)
    if isinstance(facts, str) or step.target is None:
        return Unknowable(str(facts))
    made = _settled(scene, step.target, input_facts(step, facts))
    for name in NODE_FACTS:
        made[name] = _unknown(f"{name} is looked at once the step may run")
    return Lazy(made)


def _given(value: Any) -> Callable[[], Any]:
    return lambda: value


def _settled(scene: Scene, ref: TargetRef, facts: Mapping[str, Any]) -> dict[str, Callable[[], Any]]:
    """The makers of all facts of one object."""
    made = {name: _given(value) for name, value in facts.items()}
    if ref in scene.changed:
        why = f"an earlier step changes {target_text(ref)}, and how that ends is not known"
        made.update((name, _unknown(f"{name}: {why}")) for name in sorted(MOVING))
    return made
