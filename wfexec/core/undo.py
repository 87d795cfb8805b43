"""What undoes a step, in which order steps are undone, and how one sees that it worked (BR-WF-053, BR-WF-054).

Called by the rolling-back phase and by whoever asks for a rollback. The rules are in `docs/rollback.md`.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from wfexec.core.children import map_undo, undo_from_information, undo_from_state
from wfexec.core.conditions import broke_promise
from wfexec.core.copies import from_copy
from wfexec.core.draft import Draft
from wfexec.model.execution import KubernetesExecution
from wfexec.model.facts import TargetRef
from wfexec.model.parameters import ActionParameters
from wfexec.model.phases import StepState


class Expectation(NamedTuple):
    """What facts of the target say once the undo has worked; keys as in `TargetFacts.state`."""

    target: TargetRef
    state: Mapping[str, str]


def undoable(draft: Draft) -> bool:
    """Is there anything to undo?"""
    return any(took_effect(draft, position) for position in range(len(draft.steps)))


def took_effect(draft: Draft, position: int) -> bool:
    """Completed, completed without keeping its promise, or failed half-way with an offer of its executor to undo."""
    state = draft.steps[position]
    if state.status is StepState.COMPLETED:
        return True
    if state.status is not StepState.FAILED:
        return False
    if broke_promise(state):
        return True
    child = forward_child(draft, position)
    information = child.status.rollback_information if child is not None else None
    return information is not None and information.available


def forward_child(draft: Draft, position: int) -> KubernetesExecution | None:
    reference = draft.steps[position].k8s_execution_ref
    return draft.snapshot.children.get(reference.name) if reference is not None else None


def undo_order(draft: Draft, to_step: int | None) -> tuple[int, ...]:
    """Positions to undo: latest completion first, but never before a dependent that is undone as well.

    `to_step` keeps steps up to that stepNumber as they are; None keeps none.
    """
    steps = draft.recipe.steps
    wanted = {
        position
        for position in range(len(draft.steps))
        if (to_step is None or steps[position].number > to_step) and took_effect(draft, position)
    }
    waiting = {position: sum(1 for other in steps[position].dependents if other in wanted) for position in wanted}
    order: list[int] = []
    free = [position for position, count in waiting.items() if not count]
    while free:
        free.sort(key=lambda position: (draft.steps[position].end_time or 0, position))
        position = free.pop()
        order.append(position)
        for dependency in steps[position].dependencies:
            if dependency in waiting:
                waiting[dependency] -= 1
                if not waiting[dependency]:
                    free.append(dependency)
    return tuple(order)


def undo_of(draft: Draft, position: int) -> tuple[str, ActionParameters | None] | None:
    """Action and parameters that undo a step; None when it is irreversible.

    First hit: the step's own rollbackSpec, the offer of its child, the registry's default with the kept facts.
    """
    step = draft.recipe.steps[position]
    spec = step.spec.rollback_spec
    child = forward_child(draft, position)
    information = child.status.rollback_information if child is not None else None
    offered = undo_from_information(information) if information is not None else None
    if spec is not None and spec.parameters is not None:
        return spec.action, map_undo(spec.parameters)
    if information is not None and offered is not None:
        return (spec.action if spec is not None else information.rollback_action or step.undo or "undo"), offered
    kept, from_before = from_copy(draft, position)
    if kept:
        # Its parameters follow once the copy is read.
        return (spec.action if spec is not None else step.undo or "undo"), from_before
    by_default = undo_from_state(step.spec.parameters, draft.steps[position].pre_state)
    if by_default is not None:
        return (spec.action if spec is not None else step.undo or "undo"), by_default
    return None


def expectation_of(parameters: ActionParameters | None) -> Expectation | None:
    """What an undo leaves behind, as far as its parameters say it; None when only the executor knows."""
    if parameters is None:
        return None
    if parameters.scale_deployment is not None:
        p = parameters.scale_deployment
        return Expectation(TargetRef("Deployment", p.namespace, p.deployment), {"replicas": str(p.replicas)})
    if parameters.uncordon_node is not None:
        return Expectation(TargetRef("Node", "", parameters.uncordon_node.node), {"unschedulable": "false"})
    if parameters.update_config_map is not None:
        c = parameters.update_config_map
        state = {f"data:{key}": value for key, value in c.data.items()}
        return Expectation(TargetRef("ConfigMap", c.namespace, c.config_map), state) if state else None
    if parameters.patch_deployment is not None:
        d = parameters.patch_deployment
        images = _images(d.patch)
        return Expectation(TargetRef("Deployment", d.namespace, d.deployment), images) if images else None
    return None


def _images(patch: str) -> dict[str, str]:
    """The images that a patch of our own making sets; {} for any other."""
    try:
        containers = json.loads(patch)["spec"]["template"]["spec"]["containers"]
        return {f"image:{one['name']}": str(one["image"]) for one in containers}
    except (ValueError, KeyError, TypeError):
        return {}


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> str:
    """What is not as expected, as a sentence; "" when all is. What was not observed is no difference."""
    wrong = [key for key in expected if key in found and found[key] != expected[key]]
    return ", ".join(
        f"{key} differs" if key.startswith("data:") else f"{key} is {found[key]}, expected {expected[key]}"
        for key in wrong
    )


def tell_end(draft: Draft, summary: str, *, whole: bool) -> None:
    """What a rollback came to; what an earlier one came to is no longer so (BR-WF-037)."""
    known = {one.type for one in draft.get("conditions")}
    if whole:
        if "RollbackFailed" in known:
            draft.condition("RollbackFailed", False, "RollbackCompleted", summary)
        draft.condition("RolledBack", True, "RollbackCompleted", summary)
        draft.event("Normal", "RollbackCompleted", summary)
        return
    if "RolledBack" in known:
        draft.condition("RolledBack", False, "UndoFailed", summary)
    draft.condition("RollbackFailed", True, "UndoFailed", summary)
    draft.event("Warning", "EscalationRequired", f"rollback incomplete: {summary}")
