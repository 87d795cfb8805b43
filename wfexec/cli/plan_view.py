"""How is a plan told? The same sections as JSON, as plain text, or as tables on a terminal.

Called by `wfexec plan`. Pure but for the drawing of tables: rehearsals in, text out, the same for the same input.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import yaml

from wfexec.cli.graph import as_data
from wfexec.cli.plan_limit import Limit
from wfexec.core.forecast import reads_only
from wfexec.core.targets import manifest_targets, target_text
from wfexec.errors import BadInput
from wfexec.model.estimate import Estimate
from wfexec.model.facts import AccessFacts, AskAccess, Facts, TargetRef
from wfexec.model.recipe import Recipe, RecipeStep, Refusal
from wfexec.model.status import DryRunResults, WorkflowExecution
from wfexec.model.workflow import StepCondition
from wfexec.units import format_duration, so_many

SERVICE_ACCOUNT: Final = "system:serviceaccount:"
Json = dict[str, Any]


class StepConditions(NamedTuple):
    """What a step would be judged by; `version` "" where it wrote all of it down itself."""

    number: int
    pre: tuple[StepCondition, ...]
    post: tuple[StepCondition, ...]
    version: str


class Told(NamedTuple):
    """One workflow's plan, ready to be told; `rights` in the order of the steps, None where nobody knows."""

    workflow: WorkflowExecution
    recipe: Recipe | Refusal
    world: str
    refused: str
    approval: str
    rights: tuple[tuple[AskAccess, Facts | None], ...]
    dry_run: DryRunResults | None
    warnings: tuple[str, ...]
    estimate: Estimate | None
    limit: Limit | None = None
    conditions: tuple[StepConditions, ...] = ()


class Section(NamedTuple):
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(told: Told) -> list[Section]:
    """All tables of a plan that could be made."""
    recipe = told.recipe
    if isinstance(recipe, Refusal):
        return []
    made = [_steps(recipe)]
    made.append(
        Section(
            "rights the executor needs", ("identity", "verb", "resource", "namespace", "name", "granted"), _rights(told)
        )
    )
    made.append(Section("blast radius", ("object", "change", "before", "after"), _radius(told)))
    if told.conditions:
        rows = tuple(
            (str(one.number), ", ".join(map(_wanted, one.pre)), ", ".join(map(_wanted, one.post)), one.version or "own")
            for one in told.conditions
        )
        made.append(Section("conditions as of now", ("step", "before", "after", "version"), rows))
    issues = told.dry_run.potential_issues if told.dry_run is not None else ()
    rows = tuple(
        (one.severity, str(one.step_number or ""), one.description, one.recommendation or "") for one in issues
    )
    if rows:
        made.append(Section("the dry run warns", ("severity", "step", "of", "advice"), rows))
    return made


def _wanted(condition: StepCondition) -> str:
    return condition.type if condition.required else f"{condition.type} (may fail)"


def _steps(recipe: Recipe) -> Section:
    batch = {position: number for number, batch in enumerate(recipe.batches, 1) for position in batch}
    critical = {*recipe.critical_path}
    rows = tuple(
        (
            str(batch[step.position]),
            str(step.number),
            step.name,
            step.action,
            ", ".join(str(recipe.steps[one].number) for one in step.dependencies),
            format_duration(step.timeout_ms),
            str(step.retries_max),
            step.undo or "none",
            format_duration(step.estimate_ms) + (" *" if step.position in critical else ""),
        )
        for step in (recipe.steps[position] for batch in recipe.batches for position in batch)
    )
    header = ("batch", "step", "name", "action", "after", "timeout", "retries", "undo", "usually")
    return Section("plan (* on the critical path)", header, rows)


def _rights(told: Told) -> tuple[tuple[str, ...], ...]:
    rows = []
    for asked, facts in told.rights:
        granted = ("yes" if facts.allowed else "no") if isinstance(facts, AccessFacts) else "unknown"
        resource = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
        who = asked.user.removeprefix(SERVICE_ACCOUNT)
        rows.append((who, asked.verb, resource, asked.namespace or "(all)", asked.name or "(any)", granted))
    return tuple(rows)


def _radius(told: Told) -> tuple[tuple[str, ...], ...]:
    """Changes as the dry run saw them, and what steps touch beside those: without one, all that they name."""
    recipe, found = told.recipe, told.dry_run
    if not isinstance(recipe, Recipe):
        return ()
    changes = found.resource_changes if found is not None else ()
    rows = [
        (
            target_text(TargetRef(one.resource_type, one.namespace, one.resource_name)),
            one.change_type,
            _state(one.before_state),
            _state(one.after_state),
        )
        for one in changes
    ]
    for step in recipe.steps:
        if not reads_only(step) and (found is None or step.target is None):
            rows += [(text, step.action, "?", "?") for text in touched(step)]
    return tuple(rows)


def touched(step: RecipeStep) -> list[str]:
    """The objects that a step names, as far as the definition tells: target, manifest, selector, or none."""
    if step.target is not None:
        return [target_text(step.target)]
    p = step.spec.parameters
    if p is not None and p.restart_pod is not None:
        return [f"Pods {p.restart_pod.selector} in {p.restart_pod.namespace}"]
    config = p.custom.config if p is not None and p.custom is not None else {}
    if "manifest" in config:
        try:
            return [target_text(ref) for ref in manifest_targets(config["manifest"])]
        except BadInput:
            return [f"(the manifest of step {step.number} cannot be read)"]
    kind, name = config.get("kind"), config.get("name")
    if kind and name:
        return [target_text(TargetRef(kind, config.get("namespace", ""), name))]
    return [f"(step {step.number} names none)"]


def _state(state: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in state.items())


def facts_lines(told: Told) -> list[str]:
    """What is said in sentences: head, verdict, approval, duration, warnings."""
    name, recipe = told.workflow.metadata.name, told.recipe
    lines = []
    if isinstance(recipe, Recipe):
        estimate = format_duration(recipe.estimate_ms)
        lines.append(
            f"{name}: {so_many(len(recipe.steps), 'step')} in {so_many(len(recipe.batches), 'batch', 'batches')},"
            f" {recipe.strategy.value}, at most"
            f" {recipe.parallel_max} at a time, rollback {recipe.rollback_strategy.value}, about {estimate}"
        )
    verdict = f"would be refused: {told.refused}" if told.refused else _well(told)
    lines.append(f"{name if not lines else 'verdict'}: {verdict}")
    if isinstance(recipe, Recipe):
        lines.append(f"approval: {'asked for, because ' + told.approval if told.approval else 'none is asked for'}")
    if told.limit is not None:
        lines.append(f"time: {told.limit.text}")
    if told.estimate is not None:
        lines.append(f"expected: {expected(told.estimate)}")
    lines += [f"warning: {text}" for text in told.warnings]
    return lines


def _well(told: Told) -> str:
    return f"nothing stands in the way, seen against {told.world}" if told.world else "it can be planned"


def expected(found: Estimate) -> str:
    runs = so_many(found.runs, "simulated run completes", "simulated runs complete")
    share = f"{found.completed} of {runs} (seed {found.seed})"
    if found.p50_ms is None or found.p90_ms is None or found.p99_ms is None:
        return share
    half, most, nearly = (format_duration(round(ms, -3)) for ms in (found.p50_ms, found.p90_ms, found.p99_ms))
    return f"{share}, half within {half}, 90 % within {most}, 99 % within {nearly}"


def plain(told: Told) -> str:
    """Aligned columns without any colour."""
    lines = facts_lines(told)
    for section in sections(told):
        lines += ["", f"{section.title}:"]
        if not section.rows:
            lines.append("  none")
            continue
        widths = [max(len(row[at]) for row in (section.header, *section.rows)) for at in range(len(section.header))]
        for row in (section.header, *section.rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append(f"  {'  '.join(cells)}".rstrip())
    return "\n".join(lines) + "\n"


def rich_tables(told: Told) -> None:
    """The same for a person at a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    for line in facts_lines(told):
        console.print(line, style="bold red" if told.refused and "refused" in line else None, markup=False)
    for section in sections(told):
        table = Table(title=section.title, title_justify="left", box=SIMPLE_HEAD)
        for column in section.header:
            table.add_column(column, overflow="fold")
        for row in section.rows:
            table.add_row(*(escape(cell) for cell in row))
        console.print(table)


def document(told: Told) -> Json:
    """Everything that a program may want; `conditions` of a live cluster alone."""
    plan = as_data(told.recipe) if isinstance(told.recipe, Recipe) else None
    found, limit = told.estimate, told.limit
    return {
        "workflow": told.workflow.metadata.name,
        "namespace": told.workflow.metadata.namespace,
        "against": told.world or None,
        "refused": told.refused or None,
        "approval": told.approval or None,
        "plan": plan,
        "limit": limit and {"timeout": format_duration(limit.ms), "by": limit.source, "but": limit.but or None},
        "rights": [
            {
                **{key: value for key, value in asked._asdict().items() if value},
                "granted": facts.allowed if isinstance(facts, AccessFacts) else None,
            }
            for asked, facts in told.rights
        ],
        "blastRadius": [
            {"object": what, "change": change, "before": before, "after": after}
            for what, change, before, after in _radius(told)
        ],
        "dryRun": told.dry_run.model_dump(mode="json", by_alias=True, exclude_none=True) if told.dry_run else None,
        "expected": found._asdict() if found is not None else None,
        "warnings": list(told.warnings),
        "conditions": [
            {
                "stepNumber": one.number,
                "version": one.version or None,
                "preConditions": [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in one.pre],
                "postConditions": [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in one.post],
            }
            for one in told.conditions
        ],
    }


def roles(rights: Sequence[AskAccess]) -> str:
    """Role and RoleBinding per identity and namespace, ClusterRole and binding for what has none; as YAML."""
    grouped: dict[tuple[str, str], list[AskAccess]] = {}
    for asked in rights:
        grouped.setdefault((asked.user, asked.namespace), []).append(asked)
    made: list[Json] = []
    for (user, namespace), wanted in grouped.items():
        account_namespace, _, account = user.removeprefix(SERVICE_ACCOUNT).partition(":")
        meta = {"name": f"wfexec-{account}"} | ({"namespace": namespace} if namespace else {})
        kind = "Role" if namespace else "ClusterRole"
        head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": meta}
        subject = {"kind": "ServiceAccount", "name": account, "namespace": account_namespace}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": meta["name"]}
        made.append({**head, "kind": kind, "rules": [_rule(one) for one in wanted]})
        made.append({**head, "kind": f"{kind}Binding", "roleRef": reference, "subjects": [subject]})
    return yaml.safe_dump_all(made, sort_keys=True) if made else ""


def _rule(asked: AskAccess) -> Json:
    rule: Json = {"apiGroups": [asked.group], "resources": [asked.resource], "verbs": [asked.verb]}
    return rule | ({"resourceNames": [asked.name]} if asked.name else {})
