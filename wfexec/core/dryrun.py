"""The dry run: every step simulated on a copy of what was observed, later steps seeing earlier effects (BR-WF-017).

Nothing is created and nothing is asked here; the facts come from the snapshot.
"""

from collections.abc import Mapping
from typing import Any

from wfexec.model.base import evolve
from wfexec.model.facts import TargetFacts, TargetRef, Unknown
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.status import STATUSES_MAX, DryRunResults, DryRunStep, PotentialIssue, ResourceChange

State = dict[str, str]
_BLANK_STEP = DryRunStep(step_number=1, action="unset", would_succeed=True)
_BLANK_CHANGE = ResourceChange(resource_type="", resource_name="", change_type="update")


def simulate(recipe: Recipe, facts: Mapping[TargetRef, TargetFacts | Unknown]) -> DryRunResults:
    """`facts` holds one entry per target of the recipe; an unknown target is an issue, not a failure."""
    world: dict[TargetRef, State | None] = {
        ref: dict(fact.state) if isinstance(fact, TargetFacts) and fact.exists else None for ref, fact in facts.items()
    }
    results: list[DryRunStep] = []
    changes: list[ResourceChange] = []
    issues: list[PotentialIssue] = []
    for position in recipe.order:
        step = recipe.steps[position]
        ref = step.target
        fact = facts.get(ref) if ref is not None else None
        error = ""
        if ref is not None and isinstance(fact, Unknown):
            issues.append(_issue("medium", f"{target_text(ref)} could not be observed: {fact.reason}", step))
        elif ref is not None and isinstance(fact, TargetFacts):
            error = _refused(ref, fact, world[ref], step)
            if not error:
                _apply(ref, world, step, changes)
        results.append(
            evolve(
                _BLANK_STEP,
                step_number=step.number,
                action=step.action,
                would_succeed=not error,
                simulated_duration=step.estimate_ms,
                validation_errors=(error,) if error else (),
            )
        )
    issues.extend(recipe.conflicts)
    return DryRunResults(
        overall_success=all(result.would_succeed for result in results),
        steps_simulated=len(results),
        step_results=tuple(results),
        resource_changes=tuple(changes),
        potential_issues=tuple(issues),
    )


def target_text(ref: TargetRef) -> str:
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"


def _issue(severity: str, description: str, step: RecipeStep) -> PotentialIssue:
    return PotentialIssue(severity=severity, description=description, step_number=step.number)


def _refused(ref: TargetRef, fact: TargetFacts, state: State | None, step: RecipeStep) -> str:
    """Why the API would not take this step; "" when it would."""
    if state is None:
        return f"{target_text(ref)} does not exist"
    if fact.terminating:
        return f"{target_text(ref)} is being deleted"
    update = step.spec.parameters.update_image if step.spec.parameters is not None else None
    if update is not None and f"image:{update.container}" not in state:
        return f"{target_text(ref)} has no container {update.container!r}"
    return ""


def _apply(
    ref: TargetRef, world: dict[TargetRef, State | None], step: RecipeStep, changes: list[ResourceChange]
) -> None:
    """Put the step's effect into the simulated world and note what changed."""
    state = world[ref] or {}
    effect = {key: value for key, value in _effect(step).items() if state.get(key) != value}
    before = {key: state[key] for key in effect if key in state}
    if step.deletes_target:
        kind = "delete"
        # Its owner makes a new one: the name is gone, later steps cannot use it.
        world[ref] = None
    elif effect:
        kind = "scale" if "replicas" in effect else "update"
        state.update(effect)
    else:
        return
    changes.append(
        evolve(
            _BLANK_CHANGE,
            resource_type=ref.kind,
            resource_name=ref.name,
            namespace=ref.namespace,
            change_type=kind,
            before_state=before,
            after_state=effect,
        )
    )


def _effect(step: RecipeStep) -> State:
    """The facts of its target that the step sets."""
    p: Any = step.spec.parameters
    if p.scale_deployment is not None:
        return {"replicas": str(p.scale_deployment.replicas)}
    if p.update_image is not None:
        return {f"image:{p.update_image.container}": p.update_image.new_image}
    if p.cordon_node is not None or p.drain_node is not None:
        return {"unschedulable": "false" if step.uncordons else "true"}
    return {}


def conflicts_of(steps: tuple[RecipeStep, ...], order: tuple[int, ...]) -> tuple[PotentialIssue, ...]:
    """Steps that may run at the same time on the same object; known at planning."""
    ancestors: dict[int, frozenset[int]] = {}
    seen: dict[TargetRef, list[RecipeStep]] = {}
    issues = []
    for position in order:
        step = steps[position]
        above = frozenset(step.dependencies).union(*(ancestors[dependency] for dependency in step.dependencies))
        ancestors[position] = above
        ref = step.target
        if ref is None:
            continue
        for other in seen.get(ref, ()):
            if other.position not in above:
                text = f"steps {other.name!r} and {step.name!r} may change {target_text(ref)} at the same time"
                issues.append(_issue("high", f"conflicting operations: {text}", step))
        seen.setdefault(ref, []).append(step)
    return tuple(issues[:STATUSES_MAX])
