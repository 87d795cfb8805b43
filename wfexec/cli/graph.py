"""How does a plan look? A compiled recipe as text, Mermaid, Graphviz, JSON or SVG.

Called by `wfexec graph`. Pure: recipes in, text out, the same for the same recipe.
"""

import html
from enum import StrEnum
from typing import Any

import orjson

from wfexec.cli.svg import svg
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.units import format_duration


class Format(StrEnum):
    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"
    SVG = "svg"


def draw(recipes: tuple[Recipe, ...], form: Format, approvals: tuple[str, ...] = ()) -> str:
    """Ends with a line end; JSON is a list with one object per workflow, SVG one picture of all.

    `approvals`: why each waits for a person first, "" where it does not; only the SVG shows it.
    """
    if form is Format.SVG:
        return svg(recipes, approvals or ("",) * len(recipes))
    if form is Format.JSON:
        return orjson.dumps([as_data(recipe) for recipe in recipes], option=orjson.OPT_INDENT_2).decode() + "\n"
    one = {Format.TEXT: _text, Format.MERMAID: _mermaid, Format.DOT: _dot}[form]
    return "\n".join(one(recipe) for recipe in recipes)


def as_data(recipe: Recipe) -> dict[str, Any]:
    """Keys are those of the resource; steps by stepNumber, durations as the resource writes them."""
    return {
        "name": recipe.name,
        "version": recipe.version,
        "strategy": recipe.strategy.value,
        "rollbackStrategy": recipe.rollback_strategy.value,
        "estimatedDuration": format_duration(recipe.estimate_ms),
        "maxParallelSteps": recipe.parallel_max,
        "batches": [_numbers(recipe, batch) for batch in recipe.batches],
        "criticalPath": _numbers(recipe, recipe.critical_path),
        "steps": [
            {
                "stepNumber": step.number,
                "name": step.name,
                "action": step.action,
                "dependsOn": _numbers(recipe, step.dependencies),
                "timeout": format_duration(step.timeout_ms),
                "maxRetries": step.retries_max,
                "criticalStep": step.critical,
                "rollback": step.undo,
            }
            for step in recipe.steps
        ],
    }


def _numbers(recipe: Recipe, positions: tuple[int, ...]) -> list[int]:
    return [recipe.steps[position].number for position in positions]


def _text(recipe: Recipe) -> str:
    count = f"{len(recipe.steps)} step{'' if len(recipe.steps) == 1 else 's'}"
    lines = [
        f"{_plain(recipe.name)} {_plain(recipe.version)}: {count},"
        f" {recipe.strategy.value}, about {format_duration(recipe.estimate_ms)},"
        f" at most {recipe.parallel_max} at a time, rollback {recipe.rollback_strategy.value}"
    ]
    number = max(len(str(step.number)) for step in recipe.steps)
    name = max(len(_plain(step.name)) for step in recipe.steps)
    action = max(len(step.action) for step in recipe.steps)
    for place, batch in enumerate(recipe.batches, 1):
        lines.append(f"batch {place}")
        for position in batch:
            step = recipe.steps[position]
            row = f"  {step.number:>{number}}  {_plain(step.name):<{name}}  {step.action:<{action}}"
            lines.append(f"{row}  {_details(recipe, step)}".rstrip())
    path = " → ".join(str(each) for each in _numbers(recipe, recipe.critical_path))
    lines.append(f"critical path: {path}")
    return "\n".join(lines) + "\n"


def _details(recipe: Recipe, step: RecipeStep) -> str:
    after = ", ".join(str(number) for number in _numbers(recipe, step.dependencies))
    parts = (
        f"after {after}" if after else "",
        "critical" if step.critical else "",
        "alone" if step.barrier else "",
        step.run_condition.value if step.run_condition else "",
        f"undo {step.undo}" if step.undo else "",
    )
    return " · ".join(part for part in parts if part)


def _mermaid(recipe: Recipe) -> str:
    lines = ["flowchart TD"]
    for step in recipe.steps:
        # Mermaid writes entities with # in place of &.
        name = html.escape(_plain(step.name), quote=False).replace("&", "#").replace('"', "#quot;")
        lines.append(f'  s{step.number}["{step.number} {name}<br/>{_plain(step.action)}"]')
    lines += [f"  s{number} --> s{dependent}" for number, dependent in _edges(recipe)]
    critical = ",".join(f"s{number}" for number in _numbers(recipe, recipe.critical_path))
    lines += ["  classDef critical stroke-width:3px", f"  class {critical} critical"]
    return "\n".join(lines) + "\n"


def _dot(recipe: Recipe) -> str:
    lines = [f'digraph "{_escaped(recipe.name)}" {{', "  node [shape=box]"]
    path = frozenset(recipe.critical_path)
    for step in recipe.steps:
        weight = ", penwidth=3" if step.position in path else ""
        label = f"{step.number} {_escaped(step.name)}\\n{_escaped(step.action)}"
        lines.append(f'  s{step.number} [label="{label}"{weight}]')
    lines += [f"  s{number} -> s{dependent}" for number, dependent in _edges(recipe)]
    return "\n".join([*lines, "}"]) + "\n"


def _edges(recipe: Recipe) -> list[tuple[int, int]]:
    """(dependency, dependent) by stepNumber."""
    return [(recipe.steps[dependency].number, step.number) for step in recipe.steps for dependency in step.dependencies]


def _escaped(text: str) -> str:
    return _plain(text).replace("\\", "\\\\").replace('"', '\\"')


def _plain(text: str) -> str:
    """Nothing that moves a cursor or ends a line: names come from a file somebody sent."""
    return "".join(char if char.isprintable() else "�" for char in text)
