"""The recipe as people read it in status: batches, effective values, the objects it touches (BR-WF-002, 015s, 020).

Also the mark by which a changed definition is told from the one that was planned (BR-WF-025).
"""

from hashlib import sha256
from typing import Final

import orjson

from wfexec.core.registry import find_action
from wfexec.core.targets import READING, target_text
from wfexec.core.verdict import Answers
from wfexec.model.base import clip, evolve
from wfexec.model.facts import TargetFacts
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.status import Batch, ExecutionPlan, PlannedResources, PlannedStep
from wfexec.model.workflow import Level, WorkflowExecutionSpec

# What may change while a workflow runs; everything else is part of what was planned.
MUTABLE: Final = {"suspend", "cancel", "on_cancel", "timeout", "priority"}
QUIET: Final = READING | {"notify-only", "audit-logs", "collect-diagnostics", "uncordon-node", "untaint-node"}
_ORDER: Final = (Level.LOW, Level.MEDIUM, Level.HIGH)
_WORD_MAX: Final = 253


def digest_of(spec: WorkflowExecutionSpec) -> str:
    """Half a SHA-256 of what is planned, in hex; fields at their default do not count: later versions may add some.

    Keys are sorted: whoever kept the text in between may have put them into another order.
    """
    text = spec.model_dump_json(by_alias=True, exclude=MUTABLE, exclude_defaults=True)
    return sha256(orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def execution_plan(recipe: Recipe) -> ExecutionPlan:
    def numbers(positions: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(recipe.steps[position].number for position in positions)

    impacts = [impact_of(step) for step in recipe.steps]
    return ExecutionPlan(
        strategy=recipe.strategy,
        estimated_duration=recipe.estimate_ms,
        rollback_strategy=recipe.rollback_strategy,
        definition_version=recipe.version,
        definition_digest=recipe.digest,
        safety_checks=recipe.checks,
        batches=batches_told(recipe),
        critical_path=numbers(recipe.critical_path),
        resources=PlannedResources(targets=len(recipe.targets), impact=max(impacts, key=_ORDER.index)),
        steps=tuple(
            PlannedStep(
                step_number=step.number,
                timeout=step.timeout_ms,
                max_retries=step.retries_max,
                rollback=step.undo,
                target=clip(target_text(step.target), _WORD_MAX) if step.target is not None else "",
                impact=impact,
            )
            for step, impact in zip(recipe.steps, impacts, strict=True)
        ),
    )


def batches_told(recipe: Recipe) -> tuple[Batch, ...]:
    return tuple(
        Batch(batch_number=number, steps=tuple(recipe.steps[at].number for at in batch), parallel=len(batch) > 1)
        for number, batch in enumerate(recipe.batches, start=1)
    )


def impact_of(step: RecipeStep) -> Level:
    """high: ends or displaces running work; low: looks, tells, or lets work in again; medium: any other change."""
    action, p = find_action(step.action), step.spec.parameters
    if action is not None and action.name in QUIET:
        return Level.LOW
    scale = p.scale_deployment if p is not None else None
    if (action is not None and action.destructive) or (scale is not None and scale.replicas == 0):
        return Level.HIGH
    return Level.MEDIUM


def availability(recipe: Recipe, planned: PlannedResources, answers: Answers) -> PlannedResources:
    """How many of the targets are there, as far as they were looked at."""
    seen = there = 0
    for ask in recipe.asks:
        answer = answers.get(ask)
        facts = answer.facts if answer is not None else None
        if isinstance(facts, TargetFacts):
            seen += 1
            there += facts.exists and not facts.terminating
    return evolve(planned, available=there, unavailable=seen - there, unknown=planned.targets - seen)
