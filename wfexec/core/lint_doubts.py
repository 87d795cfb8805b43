"""What of a definition will not do what it says, although planning takes it? (BR-WF-016, BR-WF-019, BR-WF-023)

Called by `core.lint`. A workflow in a protected namespace is refused while validating; the rest is carried out, only
otherwise than its author may think.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from wfexec.core.gates import protected_steps
from wfexec.core.policies import idle_overrides
from wfexec.core.registry import close_actions, find_action
from wfexec.core.rollback import UNDO_TIMEOUT_MAX_MS
from wfexec.core.rules import NO_EFFECT, PROTECTED_NAMESPACE, UNDO_DOUBTFUL
from wfexec.model.base import clip
from wfexec.model.bearings import NO_BEARINGS
from wfexec.model.parameters import set_members
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.rule import Advice
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import Settings
from wfexec.units import format_duration

Path = tuple[str | int, ...]
STEPS: Final[Path] = ("spec", "workflowDefinition", "steps")
# The actions that each typed way back belongs to; a custom one fits any.
WAYS_BACK: Final[Mapping[str, frozenset[str]]] = {
    "scale_to_previous": frozenset({"scale-deployment"}),
    "restore_previous_deployment": frozenset({"rollback-deployment", "patch-deployment", "update-image"}),
    "restore_previous_config": frozenset(
        {"restore-previous-config", "update-configmap", "patch-configmap", "update-secret"}
    ),
    "uncordon_node": frozenset({"uncordon-node"}),
}
# Values of metadata.execution_mode that mean something; all but the first are what happens anyway.
MODES: Final = ("sequential", "parallel", "auto")


def doubts(
    spec: WorkflowExecutionSpec, recipe: Recipe, settings: Settings, places: Mapping[int, int]
) -> Iterator[Advice]:
    """`places`: where each stepNumber stands in the file."""
    for step, text in protected_steps(recipe, settings):
        yield Advice(PROTECTED_NAMESPACE, (*STEPS, places[step.number]), step.namespace, text)
    for step in recipe.steps:
        here = (*STEPS, places[step.number])
        for text in step.warnings:
            yield Advice(NO_EFFECT, here, "", f"step {step.name!r}: {text}")
        mode = step.spec.metadata.get("execution_mode", MODES[0])
        if mode not in MODES:
            text = f"step {step.name!r}: execution_mode {clip(mode, 80)!r} means nothing; only {MODES[0]!r} does"
            yield Advice(NO_EFFECT, (*here, "metadata", "execution_mode"), clip(mode, 80), text)
        yield from _undo(step, (*here, "rollbackSpec"))
    yield from _overrides(spec, recipe, settings)


def _undo(step: RecipeStep, here: Path) -> Iterator[Advice]:
    own = step.spec.rollback_spec
    if own is None:
        return
    action = find_action(own.action)
    if action is None:
        close = close_actions(own.action)
        hint = f"did you mean {' or '.join(close)}?" if close else "only your own executor may know it"
        text = f"step {step.name!r} is undone by {clip(own.action, 80)!r}, which is not in the registry; {hint}"
        yield Advice(UNDO_DOUBTFUL, (*here, "action"), clip(own.action, 80), text)
    for member in set_members(own.parameters) if own.parameters is not None else ():
        fitting = WAYS_BACK.get(member)
        if action is not None and fitting is not None and action.name not in fitting:
            text = f"step {step.name!r} is undone by {own.action}, but with parameters of {', '.join(sorted(fitting))}"
            yield Advice(UNDO_DOUBTFUL, (*here, "parameters"), own.action, text)
    given = own.timeout
    if given is not None and given > UNDO_TIMEOUT_MAX_MS:
        most = format_duration(UNDO_TIMEOUT_MAX_MS)
        text = f"the undo of step {step.name!r} has a timeout of {format_duration(given)}: {most} is all that it gets"
        yield Advice(UNDO_DOUBTFUL, (*here, "timeout"), format_duration(given), text)


def _overrides(spec: WorkflowExecutionSpec, recipe: Recipe, settings: Settings) -> Iterator[Advice]:
    """By the step's own conditions and the controller's: those of a registry are known in its cluster alone."""
    for one in idle_overrides((step.spec for step in recipe.steps), spec, NO_BEARINGS, settings):
        text = f"{one.text}; unless the registry of your cluster has it" if one.type_ else one.text
        yield Advice(NO_EFFECT, ("spec", "conditionOverrides", *one.path), clip(one.path[-1], 80), text)
