"""`wfexec plan`: what would the controller do with these manifests, and what would they touch?

Called by people and by pipelines, before anything is applied. Reads and tells; it never writes to a cluster. Exit
codes: 0 nothing stands in the way, 2 bad input, 3 a workflow would be refused.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from wfexec.cli.cluster import Context
from wfexec.cli.commands import loaded
from wfexec.cli.plan_limit import limit_of, too_long
from wfexec.cli.plan_view import StepConditions, Told, document, plain, rich_tables, roles
from wfexec.cli.prepared import Library, Pairs, Templates, library_of, settings_of, with_template
from wfexec.core.gates import rights_unknown
from wfexec.core.policies import effective_conditions
from wfexec.core.rehearse import Answering, Rehearsal, ordinary, rehearse
from wfexec.core.rehearse import with_template as looked_up
from wfexec.crd.documents import flat, parse_documents, read_bytes
from wfexec.crd.files import load_workflows
from wfexec.crd.offline import UNAPPLIED, parent_among
from wfexec.errors import BadInput, Finding
from wfexec.model.base import evolve
from wfexec.model.bearings import Bearings
from wfexec.model.estimate import Estimate, EstimateRequest
from wfexec.model.facts import AskAccess, AskParent, AskTarget, Facts, ParentFacts, TargetFacts
from wfexec.model.phases import CheckType
from wfexec.model.recipe import Recipe
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings

EXAMPLE: Final = (
    "Example: wfexec plan examples/memory-pressure/workflow.yaml --against examples/memory-pressure/executor.yaml"
)
GROUP: Final = "wfexec.estimators"
WOULD_BE_REFUSED: Final = 3
RUNS_MAX: Final = 10_000


def plan(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Manifests with WorkflowExecutions.")],
    against: Annotated[
        str | None,
        typer.Option(metavar="live|FILE", help="The cluster of the kubeconfig, Kubernetes objects, an executor file."),
    ] = None,
    templates: Templates = None,
    settings: Pairs = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
    rbac: Annotated[bool, typer.Option("--rbac", help="Only the rights the executor needs, as RBAC objects.")] = False,
    runs: Annotated[
        int, typer.Option(min=0, max=RUNS_MAX, help="Simulated runs for the expected duration; 0 for none.")
    ] = 40,
    seed: Annotated[int, typer.Option(min=0, help="The luck of those runs.")] = 1,
    kubeconfig: Annotated[str | None, typer.Option(help="File for --against live.")] = None,
    context: Context = None,
) -> None:
    """Show plan, rights, blast radius, approvals, duration. Changes nothing."""
    from wfexec.adapters.clock import WallClock
    from wfexec.adapters.worlds import GROUP as WORLDS
    from wfexec.adapters.worlds import World, open_world

    if as_json and rbac:
        raise BadInput((Finding("--json", "", "", "give --json or --rbac, not both"),))
    chosen = settings_of(settings)
    library = library_of(templates)
    given = [each for file in files for each in load_workflows(file)]
    beside = tuple(thing for file in files for thing in _objects(file))
    spaces = frozenset(workflow.metadata.namespace for workflow in given)
    world: World | None = (
        open_world(against, kubeconfig, context, loaded(WORLDS), chosen.controller_namespace, spaces)
        if against is not None
        else None
    )
    now = WallClock().now_ms()
    workflows = [_with_steps(workflow, library, world, chosen, now) for workflow in given]
    told = [_told(workflow, beside, world, chosen, now, 0 if rbac else runs, seed) for workflow in workflows]
    if rbac:
        wanted = dict.fromkeys(asked for each in told for asked, _ in each.rights)
        typer.echo(roles(tuple(wanted)), nl=False)
        for each in told:
            if each.refused:
                typer.echo(f"{each.workflow.metadata.name}: would be refused: {each.refused}", err=True)
    elif as_json:
        typer.echo(orjson.dumps([document(each) for each in told], option=orjson.OPT_INDENT_2).decode())
    elif sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb":
        for each in told:
            rich_tables(each)
    else:
        typer.echo("\n".join(plain(each) for each in told), nl=False)
    if any(each.refused for each in told):
        raise typer.Exit(WOULD_BE_REFUSED)


def _with_steps(
    workflow: WorkflowExecution, library: Library, world: object, settings: Settings, now: int
) -> WorkflowExecution:
    """A template comes from the folder if one is given, else from the world; without either it is bad input."""
    from wfexec.adapters.worlds import World

    if library is None and isinstance(world, World):
        return looked_up(workflow, world.answer, world.bearings, now, settings)
    return with_template(workflow, library, "--templates DIR or --against live")


def _objects(file: Path) -> tuple[dict[str, Any], ...]:
    """All that stands in a manifest: what is applied together is planned together."""
    return flat(document.value for document in parse_documents(read_bytes(file), str(file)))


def _parent(workflow: WorkflowExecution, beside: tuple[dict[str, Any], ...], answer: Answering | None) -> Facts | None:
    """What its RemediationRequest says, in the same files or else in the world; None where there is neither."""
    question = AskParent(workflow.metadata.namespace or "default", workflow.spec.remediation_request_ref.name)
    found = parent_among(beside, question)
    if isinstance(found, ParentFacts) and found.uid == UNAPPLIED:
        # Whoever applies both refers to the one beside it.
        return found._replace(uid=workflow.spec.remediation_request_ref.uid or UNAPPLIED)
    return found or (answer(question) if answer is not None else None)


def _told(
    workflow: WorkflowExecution,
    beside: tuple[dict[str, Any], ...],
    world: object,
    settings: Settings,
    now: int,
    runs: int,
    seed: int,
) -> Told:
    from wfexec.adapters.worlds import LIVE, World

    seen = world if isinstance(world, World) else None
    made = workflow if seen is None else _softened(workflow, seen.blind)
    answer = seen.answer if seen is not None else None
    unlabelled = seen is None or seen.bearings.namespaces is None
    bearings = ordinary(workflow, settings) if seen is None else seen.bearings
    if unlabelled:
        bearings = bearings._replace(namespaces=ordinary(workflow, settings).namespaces)
    found = rehearse(made, answer, bearings, now, settings)
    recipe = found.recipe
    access: tuple[AskAccess, ...] = recipe.access if isinstance(recipe, Recipe) else ()
    rights = tuple((asked, seen.answer(asked) if seen is not None else None) for asked in access)
    targets = recipe.targets if isinstance(recipe, Recipe) and seen is not None and seen.document is None else ()
    looked = {ref: seen.answer(AskTarget(ref)) for ref in targets} if seen is not None else {}
    facts = {ref: fact for ref, fact in looked.items() if isinstance(fact, TargetFacts)}
    parent = _parent(workflow, beside, answer)
    limit = limit_of(workflow, recipe, parent, settings) if isinstance(recipe, Recipe) else None
    timed = workflow if limit is None else evolve(workflow, spec=evolve(workflow.spec, timeout=limit.ms))
    request = EstimateRequest(timed, settings, facts, seen.document if seen is not None else None, runs, seed)
    estimate = _estimate(request) if runs and isinstance(recipe, Recipe) else None
    live = seen is not None and seen.name == LIVE
    warnings = _warnings(found, seen, unlabelled)
    warnings += too_long(recipe, limit) if isinstance(recipe, Recipe) and limit is not None else ()
    if live and bearings.policies is not None:
        warnings += [f"registry of conditions: left out: {text}" for text in bearings.policies.problems]
    return Told(
        workflow=workflow,
        recipe=recipe,
        world=seen.name if seen is not None else "",
        refused=found.refused,
        approval=found.approval,
        rights=rights,
        dry_run=found.dry_run,
        warnings=tuple(warnings),
        estimate=estimate,
        limit=limit,
        conditions=_conditions(workflow, recipe, bearings, settings) if live and isinstance(recipe, Recipe) else (),
    )


def _warnings(found: Rehearsal, world: object, unlabelled: bool) -> list[str]:
    """What the controller would warn of, and what nobody here could look at."""
    from wfexec.adapters.worlds import LIVE, World

    seen, recipe = world if isinstance(world, World) else None, found.recipe
    warnings = [event.message for event in found.events if event.reason == "ValidationWarning"]
    results = found.status.validation_results
    if results is not None and not found.refused:
        warnings += [text for text in results.validation_errors if text not in warnings]
    elif isinstance(recipe, Recipe) and not found.refused:
        warnings += [f"step {step.name!r}: {text}" for step in recipe.steps for text in step.warnings]
    if seen is not None and (seen.blind or unlabelled):
        unseen = [
            *sorted(seen.blind),
            *(["dry run"] if CheckType.HEALTH in seen.blind else []),
            *(["which namespaces are production"] if unlabelled else []),
        ]
        warnings = [text for text in warnings if not text.startswith(tuple(f"{check} check:" for check in unseen))]
        why = "this user may not see it" if seen.name == LIVE else f"{seen.name} does not tell"
        warnings.append(f"not checked, for {why}: {', '.join(unseen)}")
    if isinstance(recipe, Recipe):
        warnings += [f"rights: {text}" for text in rights_unknown(recipe)]
    return warnings


def _conditions(
    workflow: WorkflowExecution, recipe: Recipe, bearings: Bearings, settings: Settings
) -> tuple[StepConditions, ...]:
    """What each step would be judged by, did it begin now (BR-WF-053)."""
    made = []
    for step in recipe.steps:
        found = effective_conditions(step.spec, workflow.spec, bearings, settings)
        if found.pre or found.post:
            made.append(StepConditions(step.number, found.pre, found.post, found.version))
    return tuple(made)


def _softened(workflow: WorkflowExecution, blind: frozenset[CheckType]) -> WorkflowExecution:
    """Checks that this world can say nothing about do not refuse here; in a cluster they may."""
    from wfexec.core.gates import checks_of

    strategy = workflow.spec.execution_strategy
    checks = tuple(
        evolve(check, required=check.required and check.type not in blind)
        for check in checks_of(strategy.safety_checks)
    )
    # Who may not look at the targets cannot try the steps on them either.
    tried = strategy.dry_run_first and CheckType.HEALTH not in blind
    strategy = evolve(strategy, safety_checks=checks, dry_run_first=tried)
    return evolve(workflow, spec=evolve(workflow.spec, execution_strategy=strategy))


def _estimate(request: EstimateRequest) -> Estimate | None:
    """By the first estimator that is installed and can say; none is not an error."""
    for point in loaded(GROUP):
        found = point(request)
        if isinstance(found, Estimate):
            return found
    return None
