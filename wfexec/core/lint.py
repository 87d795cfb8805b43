"""What would be regretted: findings about a definition that planning takes (BR-WF-005, BR-WF-019).

Called by `wfexec lint` with a spec and its recipe. Pure, in the order of the steps, at most quadratic in them. What
planning refuses is `core.refusals`; here nothing is refused but what validation would refuse anywhere.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from wfexec.core.birth import workflow_limit
from wfexec.core.conflicts import conflicts_of
from wfexec.core.expressions import Context, Program, compile_expression, holds
from wfexec.core.forecast import reads_only, verifies
from wfexec.core.lint_doubts import doubts
from wfexec.core.lint_recommendations import void_recommendations
from wfexec.core.registry import find_action
from wfexec.core.rules import (
    CRITICAL_PATH_EXCEEDS_DEADLINE,
    CRITICAL_WITHOUT_ROLLBACK,
    IRREVERSIBLE_EARLY,
    MISSING_TIMEOUT,
    NO_VERIFICATION,
    PARALLEL_CONFLICT,
    REDUNDANT_DEPENDENCY,
    REDUNDANT_STEP,
    RETRIES_EXCEED_DEADLINE,
    UNREACHABLE_STEP,
)
from wfexec.model.phases import FailurePolicy, RunCondition
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.rule import Advice
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import Settings
from wfexec.units import format_duration, so_many

Path = tuple[str | int, ...]
STEPS: Final[Path] = ("spec", "workflowDefinition", "steps")
# What they do to data or to running work is there for good; a restart is not counted, it leaves what it found.
LASTING: Final = frozenset(
    {
        "delete-pod",
        "quarantine-pod",
        "migrate-workload",
        "failover-database",
        "repair-database",
        "cleanup-storage",
        "compact-storage",
        "expand-pvc",
        "rotate-secrets",
        "update-secret",
    }
)
COLLECTING: Final = frozenset({"collect-diagnostics", "create-heap-dump", "audit-logs", "backup-data"})
_NOTHING: Final = Context({}, {}, {}, {}, 0)


class View(NamedTuple):
    """`above` holds for each step all that it waits for, over any number of others; `places` its place in the file."""

    spec: WorkflowExecutionSpec
    recipe: Recipe
    settings: Settings
    above: tuple[frozenset[int], ...]
    places: dict[int, int]

    @property
    def deadline(self) -> int:
        return workflow_limit(self.spec, len(self.recipe.steps), self.settings)

    @property
    def time(self) -> str:
        """The deadline in words: a file does not show what the parent would give."""
        own = self.spec.timeout is not None
        return format_duration(self.deadline) + ("" if own else " (unless its RemediationRequest gives another time)")

    def path(self, step: RecipeStep, *field: str | int) -> Path:
        return (*STEPS, self.places[step.number], *field)


def advise(spec: WorkflowExecutionSpec, recipe: Recipe, settings: Settings) -> tuple[Advice, ...]:
    """All findings, rule by rule."""
    definition = spec.workflow_definition
    steps = definition.steps if definition is not None else ()
    above: dict[int, frozenset[int]] = {}
    for position in recipe.order:
        direct = recipe.steps[position].dependencies
        above[position] = frozenset(direct).union(*(above[one] for one in direct))
    places = {step.step_number: place for place, step in enumerate(steps)}
    view = View(spec, recipe, settings, tuple(above[position] for position in range(len(above))), places)
    return tuple(advice for rule in _RULES for advice in rule(view))


def _critical_without_rollback(view: View) -> Iterator[Advice]:
    for step in view.recipe.steps:
        if step.critical and not step.undo and not step.deletes_target and not reads_only(step):
            text = f"critical step {step.name!r} has no rollback and {step.action} has none by default"
            yield Advice(CRITICAL_WITHOUT_ROLLBACK, view.path(step), step.action, text)


def _irreversible_early(view: View) -> Iterator[Advice]:
    """Before what could still be undone, or before the evidence is safe."""
    for step in view.recipe.steps:
        action = find_action(step.action)
        if action is None or action.name not in LASTING or step.undo:
            continue
        for later in view.recipe.steps:
            if step.position not in view.above[later.position]:
                continue
            other = find_action(later.action)
            collects = other is not None and other.name in COLLECTING
            if collects or later.undo:
                why = "collects what it may destroy" if collects else "could be undone"
                text = f"{step.name!r} ({step.action}) cannot be undone and comes before {later.name!r}, which {why}"
                yield Advice(IRREVERSIBLE_EARLY, view.path(step, "action"), step.action, text)
                break


def _missing_timeout(view: View) -> Iterator[Advice]:
    for step in view.recipe.steps:
        if step.spec.timeout is None:
            text = f"step {step.name!r} names no timeout, {format_duration(step.timeout_ms)} will be taken"
            yield Advice(MISSING_TIMEOUT, view.path(step), "", text)


def _unreachable(view: View) -> Iterator[Advice]:
    """Steps whose condition can never hold, and those that wait for them."""
    dead: dict[int, str] = {}
    for position in view.recipe.order:
        step = view.recipe.steps[position]
        why, field = _never(view, step)
        if not why:
            gone = next((one for one in step.dependencies if one in dead), None)
            if gone is not None and step.run_condition is not RunCondition.AFTER_PRIMARY:
                why = f"it waits for {view.recipe.steps[gone].name!r}, which never does"
        if why:
            dead[position] = why
            yield Advice(UNREACHABLE_STEP, view.path(step, *field), "", f"step {step.name!r} never runs: {why}")


def _never(view: View, step: RecipeStep) -> tuple[str, Path]:
    """Why the step's own conditions never hold, and in which field; "" when they may."""
    steps = view.recipe.steps
    if step.spec.when is not None:
        program = compile_expression(step.spec.when)
        if isinstance(program, Program) and not program.roots and holds(program, _NOTHING) is False:
            return "its `when` is always false", ("when",)
    if step.run_condition is RunCondition.IF_PRIMARY_FAILS:
        primary = steps[step.dependencies[0]]
        if primary.critical:
            return f"when its primary {primary.name!r} fails, which is critical, everything ends", ("runCondition",)
        if view.spec.failure_policy is FailurePolicy.TERMINATE:
            return "failurePolicy terminate ends everything when its primary fails", ("runCondition",)
    if step.run_condition is None:
        for one in step.dependencies:
            other = steps[one]
            if (
                other.run_condition is RunCondition.IF_PRIMARY_FAILS
                and other.dependencies[0] in view.above[step.position]
            ):
                primary = steps[other.dependencies[0]]
                if primary.position in step.dependencies:
                    text = f"it needs both {primary.name!r} and {other.name!r}, which runs only if that fails"
                    return text, ("dependsOn",)
    return "", ()


def _redundant_steps(view: View) -> Iterator[Advice]:
    seen: dict[tuple[str, str], RecipeStep] = {}
    for position in view.recipe.order:
        step = view.recipe.steps[position]
        action = find_action(step.action)
        p = step.spec.parameters
        if (
            action is None
            or p is None
            or reads_only(step)
            or step.run_condition is not None
            or step.spec.when is not None
        ):
            continue
        key = (action.name, p.model_dump_json(exclude_none=True))
        first = seen.setdefault(key, step)
        between = step.target is not None and any(
            other.target == step.target and (find_action(other.action) is not action or other.spec.parameters != p)
            for other in view.recipe.steps
        )
        if first is not step and not between:
            text = f"step {step.name!r} does to the same object what {first.name!r} does"
            yield Advice(REDUNDANT_STEP, view.path(step), step.action, text)


def _redundant_dependencies(view: View) -> Iterator[Advice]:
    """An edge that another path implies. A way out keeps its primary, whatever else stands before that."""
    for step in view.recipe.steps:
        for one in step.dependencies:
            by = next((other for other in step.dependencies if one in view.above[other]), None)
            if by is None or view.recipe.steps[by].run_condition is not None:
                continue
            named = step.spec.depends_on
            number = view.recipe.steps[one].number
            field = ("dependsOn", named.index(number)) if number in named else ()
            first, through = view.recipe.steps[one].name, view.recipe.steps[by].name
            text = f"step {step.name!r} waits for {first!r} already through {through!r}"
            yield Advice(REDUNDANT_DEPENDENCY, view.path(step, *field), str(number), text)


def _retries(view: View) -> Iterator[Advice]:
    """Only where somebody chose: the defaults alone are cut to what the workflow has left."""
    settings = view.settings
    for step in view.recipe.steps:
        field = "timeout" if step.spec.timeout is not None else "maxRetries"
        if step.spec.timeout is None and step.spec.max_retries is None:
            continue
        waits = sum(min(settings.retry_base_delay << n, settings.retry_max_delay) for n in range(step.retries_max))
        longest = (step.retries_max + 1) * step.timeout_ms + waits
        if longest > view.deadline:
            text = (
                f"{so_many(step.retries_max + 1, 'try', 'tries')} of {format_duration(step.timeout_ms)} and the waits"
                f" between take {format_duration(longest)}, the workflow has {view.time}"
            )
            value = format_duration(step.timeout_ms) if field == "timeout" else str(step.retries_max)
            yield Advice(RETRIES_EXCEED_DEADLINE, view.path(step, field), value, f"step {step.name!r}: {text}")


def _critical_path(view: View) -> Iterator[Advice]:
    steps = view.recipe.steps
    usual = sum(steps[position].estimate_ms for position in view.recipe.critical_path)
    if usual > view.deadline:
        names = " → ".join(steps[position].name for position in view.recipe.critical_path)
        times = format_duration(usual), view.time
        text = f"the longest chain usually takes {times[0]}, the deadline is {times[1]}"
        field: Path = ("spec", "timeout") if view.spec.timeout is not None else STEPS
        yield Advice(CRITICAL_PATH_EXCEEDS_DEADLINE, field, "", f"{text}: {names}")


def _no_verification(view: View) -> Iterator[Advice]:
    if view.spec.success_criteria:
        return
    for step in view.recipe.steps:
        action = find_action(step.action)
        if action is None or not action.destructive or step.spec.post_conditions:
            continue
        looks = any(verifies(other) and step.position in view.above[other.position] for other in view.recipe.steps)
        undone = any(other.uncordons and step.position in view.above[other.position] for other in view.recipe.steps)
        if not looks and not undone:
            text = f"step {step.name!r} ({step.action}) is destructive and nothing after it verifies what became of it"
            yield Advice(NO_VERIFICATION, view.path(step, "action"), step.action, text)


def _parallel_conflicts(view: View) -> Iterator[Advice]:
    by_number = {step.number: step for step in view.recipe.steps}
    for one in conflicts_of(view.recipe.steps, view.recipe.order, view.recipe.parallel_max):
        step = by_number[one.step_number or view.recipe.steps[0].number]
        yield Advice(PARALLEL_CONFLICT, view.path(step), step.action, one.description)


def _doubts(view: View) -> Iterator[Advice]:
    yield from doubts(view.spec, view.recipe, view.settings, view.places)


def _void_recommendations(view: View) -> Iterator[Advice]:
    if view.spec.workflow_definition is not None:
        yield from void_recommendations(view.spec.workflow_definition)


_RULES: Final[tuple[Callable[[View], Iterator[Advice]], ...]] = (
    _critical_without_rollback,
    _irreversible_early,
    _missing_timeout,
    _unreachable,
    _redundant_steps,
    _redundant_dependencies,
    _retries,
    _critical_path,
    _no_verification,
    _parallel_conflicts,
    _void_recommendations,
    _doubts,
)
