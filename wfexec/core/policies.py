"""Which conditions has a step, and from where? Its own, the registry's or the embedded ones (BR-WF-053).

Called by `core.conditions` when a step begins, and by the engine (`vetted`) when the registry changed.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from wfexec.core.embedded import EMBEDDED
from wfexec.core.expressions import CompileError, compile_expression
from wfexec.core.registry import Action, close_actions, find_action
from wfexec.crd.spellings import hint
from wfexec.model.base import clip, evolve
from wfexec.model.bearings import Bearings, ConditionSet, Policies
from wfexec.model.workflow import ActionOverrides, StepCondition, WorkflowExecutionSpec, WorkflowStep
from wfexec.settings import Settings

Conditions = tuple[StepCondition, ...]


class Effective(NamedTuple):
    """`version` "" where all conditions are the step's own; `kept`: what of them only the registry knows."""

    pre: Conditions
    post: Conditions
    version: str = ""
    shared: ConditionSet | None = None


NO_CONDITIONS = Effective((), ())


def effective_conditions(
    step: WorkflowStep, spec: WorkflowExecutionSpec, bearings: Bearings, settings: Settings
) -> Effective:
    """The step's own conditions first; of the same type, its own takes the place of the shared one."""
    if not (settings.embedded_conditions or bearings.policies or step.pre_conditions or step.post_conditions):
        return NO_CONDITIONS
    return with_shared(step, spec, shared_conditions(step, bearings, settings))


def shared_conditions(step: WorkflowStep, bearings: Bearings, settings: Settings) -> ConditionSet | None:
    """Of the step's action: the registry's entry, even an empty one, before the embedded one; None for none."""
    action = find_action(step.action)
    if action is None:
        return None
    policies = bearings.policies
    found = policies.actions.get(action.name) if policies is not None else None
    if found is None and settings.embedded_conditions:
        found = EMBEDDED.actions.get(action.name)
    return found


def with_shared(step: WorkflowStep, spec: WorkflowExecutionSpec, shared: ConditionSet | None) -> Effective:
    """As `effective_conditions`, with shared ones that are known already."""
    if shared is None and not step.pre_conditions and not step.post_conditions:
        return NO_CONDITIONS
    others = shared or ConditionSet("", (), ())
    change = _overrides(step, spec)
    pre, post = _merged(step.pre_conditions, others.pre), _merged(step.post_conditions, others.post)
    if change is not None:
        before, after = change.preconditions, change.postconditions
        pre = tuple(evolve(one, required=before[one.type].required) if one.type in before else one for one in pre)
        post = tuple(evolve(one, required=after[one.type].required) if one.type in after else one for one in post)
    return Effective(pre, post, others.version, shared)


def _merged(own: Conditions, others: Conditions) -> Conditions:
    types = {one.type for one in own}
    return (*own, *(one for one in others if one.type not in types))


def _overrides(step: WorkflowStep, spec: WorkflowExecutionSpec) -> ActionOverrides | None:
    """What the workflow says about the conditions of this action, under whatever name of it."""
    if not spec.condition_overrides:
        return None
    action = find_action(step.action)
    for word, found in spec.condition_overrides.items():
        if word == step.action or (action is not None and find_action(word) is action):
            return found
    return None


class IdleOverride(NamedTuple):
    """`path` within `spec.conditionOverrides`; `type_` "" where it is the action that no step has."""

    path: tuple[str, ...]
    type_: str
    text: str


def idle_overrides(
    steps: Iterable[WorkflowStep], spec: WorkflowExecutionSpec, bearings: Bearings, settings: Settings
) -> Iterator[IdleOverride]:
    """What of `spec.conditionOverrides` changes nothing, by the conditions that the steps have now (BR-WF-053)."""
    if not spec.condition_overrides:
        return
    by_action: dict[Action | None, list[Effective]] = {}
    for step in steps:
        found = effective_conditions(step, spec, bearings, settings)
        by_action.setdefault(find_action(step.action), []).append(found)
    for word, change in spec.condition_overrides.items():
        action, shown = find_action(word), clip(word, 80)
        if action is None or action not in by_action:
            close = close_actions(word) if action is None else []
            why = "no step has that action" if action is not None else "there is no such action"
            why += f"; did you mean {' or '.join(close)}?" if close else ""
            yield IdleOverride((word,), "", f"the overrides of {shown!r} change nothing: {why}")
            continue
        sides = (
            ("preconditions", change.preconditions, [one for found in by_action[action] for one in found.pre]),
            ("postconditions", change.postconditions, [one for found in by_action[action] for one in found.post]),
        )
        for field, wanted, conditions in sides:
            known = dict.fromkeys(one.type for one in conditions)
            for type_ in (one for one in wanted if one not in known):
                there = hint(type_, known, {}) or f"there is {clip(', '.join(known), 200) or 'none'}"
                text = f"{clip(type_, 80)!r} is none of the {field} of {shown}; {there}"
                yield IdleOverride((word, field, type_), type_, f"an override changes nothing: {text}")


def vetted(policies: Policies) -> Policies:
    """By canonical action name, without entries of unknown actions and those whose expressions do not compile."""
    made: dict[str, ConditionSet] = {}
    problems: list[str] = [*policies.problems]
    for key, found in policies.actions.items():
        action = find_action(key)
        if action is None:
            close = close_actions(key)
            hint = f"did you mean {' or '.join(close)}?" if close else "see the list of actions"
            problems.append(clip(f"{key}: no such action; {hint}", 512))
        elif wrong := _fault(found):
            problems.append(clip(f"{key}: {wrong}", 512))
        elif action.name in made:
            problems.append(clip(f"{key}: {action.name} has an entry already; remove one", 512))
        else:
            made[action.name] = found
    return Policies(policies.version, made, tuple(problems))


def _fault(conditions: ConditionSet) -> str:
    """The first expression that does not compile; "" when all do."""
    for field, listed in (("pre", conditions.pre), ("post", conditions.post)):
        for place, condition in enumerate(listed):
            program = compile_expression(condition.expr)
            where = f"{field}[{place}].expr"
            if isinstance(program, CompileError):
                return f"{where}: line {program.line}, column {program.column}: {program.message}"
            if program.result not in ("bool", "dyn"):
                return f"{where}: must be true or false, not {program.result}"
    return ""
