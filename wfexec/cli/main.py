"""The command line: one module per group of commands, put together here, and what other packages add.

Called by people and by the container. It must never decide anything about a workflow, and never import the
simulation; heavy parts are imported by the command that needs them.
"""

from collections.abc import Callable
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer

from wfexec.cli import control, decisions, export, plan, show, template
from wfexec.cli.cluster import Context, Kubeconfig
from wfexec.cli.commands import BAD_INPUT, Commands
from wfexec.cli.graph import Format, draw
from wfexec.cli.lint import Form, as_json, as_text, lint_files
from wfexec.cli.prepared import Pairs, Templates, library_of, settings_of, with_template
from wfexec.core import reasons, signs
from wfexec.core.approval import needs_approval
from wfexec.core.graph import compile_recipe, refusals
from wfexec.crd import schema
from wfexec.crd.files import load_workflows
from wfexec.errors import BadInput, Finding
from wfexec.model.meta import EXECUTION_KIND, WORKFLOW_KIND
from wfexec.model.recipe import Recipe
from wfexec.model.rule import Severity
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings

RUN_EXAMPLE: Final = "Example: wfexec run --kubeconfig ~/.kube/config --no-leader-elect --log-format console"
CRDS_EXAMPLE: Final = "Example: wfexec crds | kubectl apply -f -"
LINT_EXAMPLE: Final = "Example: wfexec lint examples/*/workflow.yaml"
GRAPH_EXAMPLE: Final = "Example: wfexec graph examples/regional-failover/workflow.yaml --format mermaid"
REGRETTED: Final = 1
REFERENCE_EXAMPLE: Final = "Example: wfexec reference settings"

app = typer.Typer(
    name="wfexec",
    cls=Commands,
    help="A Kubernetes controller for multi-step remediation workflows.",
    epilog=f"{LINT_EXAMPLE}. Each command's --help shows one.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class MetricsAuth(StrEnum):
    TOKENREVIEW = "tokenreview"
    NONE = "none"


class Topic(StrEnum):
    SETTINGS = "settings"
    METRICS = "metrics"
    REASONS = "reasons"
    EVENTS = "events"
    COMMANDS = "commands"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wfexec {version('wfexec')}")
        raise typer.Exit


@app.callback()
def root(
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A Kubernetes controller for multi-step remediation workflows."""


@app.command(epilog=RUN_EXAMPLE)
def run(
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    metrics_bind_address: Annotated[str, typer.Option(help="Where /metrics is served; 0 for nowhere.")] = ":9090",
    health_probe_bind_address: Annotated[str, typer.Option(help="Where probes are answered; 0 for nowhere.")] = ":8080",
    leader_elect: Annotated[bool, typer.Option(help="Write only while holding the lease.")] = True,
    leader_election_namespace: Annotated[
        str | None, typer.Option(help="Namespace of the lease (setting controller-namespace).")
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    log_format: Annotated[str | None, typer.Option(help="json or console.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "--config-dir", help="Folder with one file per setting.")
    ] = None,
    settings: Pairs = None,
    metrics_auth: Annotated[
        MetricsAuth | None, typer.Option(help="Who may read metrics; default tokenreview in a cluster, else none.")
    ] = None,
    tls_cert_file: Annotated[str, typer.Option(help="Serve metrics over TLS with this PEM certificate chain.")] = "",
    tls_private_key_file: Annotated[str, typer.Option(help="Its PEM key; both are read again when they change.")] = "",
) -> None:
    """Run the controller until it is told to stop."""
    from wfexec import app as production
    from wfexec.adapters import config as configuration
    from wfexec.adapters import logging as lines

    flags = [
        (flag, key, value)
        for flag, key, value in (
            ("--leader-election-namespace", "controller-namespace", leader_election_namespace),
            ("--log-level", "log-level", log_level),
            ("--log-format", "log-format", log_format),
        )
        if value is not None
    ]
    flags += [configuration.pair("--set", each) for each in settings or ()]
    loaded = configuration.of_process(config, flags)
    lines.configure(loaded.log_level, loaded.log_format)
    options = production.Options(
        kubeconfig=kubeconfig,
        context=context,
        metrics_address=metrics_bind_address,
        health_address=health_probe_bind_address,
        leader_elect=leader_elect,
        metrics_review=None if metrics_auth is None else metrics_auth is MetricsAuth.TOKENREVIEW,
        tls_cert_file=tls_cert_file,
        tls_private_key_file=tls_private_key_file,
    )
    raise typer.Exit(production.run(loaded, options))


for each in (show, decisions, control, template, export):
    each.register(app)


@app.command(epilog=CRDS_EXAMPLE)
def crds(
    directory: Annotated[
        Path | None, typer.Option("--out", help="Write one file per kind here, those for tests too; print nothing.")
    ] = None,
) -> None:
    """Print the CustomResourceDefinitions of both kinds."""
    if directory is None:
        typer.echo("---\n".join(schema.crd_yaml(kind) for kind in (WORKFLOW_KIND, EXECUTION_KIND)), nl=False)
        return
    for name, text in schema.files().items():
        path = directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        except OSError as error:
            message = f"cannot be written: {error.strerror}; give a folder you may write to"
            raise BadInput((Finding(str(path), "", "", message),)) from None


@app.command(epilog=LINT_EXAMPLE)
def lint(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Manifests.")],
    form: Annotated[Form, typer.Option("--format", help="How to say it.")] = Form.TEXT,
    level: Annotated[Severity, typer.Option(help="The least severity that is told.")] = Severity.WARNING,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as well.")] = False,
    templates: Templates = None,
    settings: Pairs = None,
) -> None:
    """Find what would be refused, and what would only be regretted.

    Ends with 2 when something would be refused, with 1 when --strict is given and there are warnings, else with 0.
    """
    from wfexec.cli.sarif import as_sarif

    report = lint_files(files, settings_of(settings), level, library_of(templates))
    forms = {Form.TEXT: as_text, Form.JSON: as_json, Form.SARIF: as_sarif}
    typer.echo(forms[form](report), nl=False)
    if report.count(Severity.ERROR):
        raise typer.Exit(BAD_INPUT)
    if strict and report.count(Severity.WARNING):
        raise typer.Exit(REGRETTED)


@app.command(epilog=GRAPH_EXAMPLE)
def graph(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A manifest.")],
    form: Annotated[Format, typer.Option("--format", help="How to draw it.")] = Format.TEXT,
    templates: Templates = None,
    settings: Pairs = None,
) -> None:
    """Draw the order in which the steps of a workflow run."""
    chosen, library = settings_of(settings), library_of(templates)
    workflows = tuple(with_template(each, library, "--templates DIR") for each in load_workflows(file))
    recipes = tuple(_recipe(file, workflow, chosen) for workflow in workflows)
    approvals = tuple(
        needs_approval(workflow.spec, len(recipe.steps), chosen)
        for workflow, recipe in zip(workflows, recipes, strict=True)
    )
    typer.echo(draw(recipes, form, approvals), nl=False)


app.command("plan", epilog=plan.EXAMPLE)(plan.plan)


@app.command(epilog=REFERENCE_EXAMPLE)
def reference(topic: Annotated[Topic, typer.Argument(help="What to list.")]) -> None:
    """Print settings, metrics, reasons, events or commands."""
    from wfexec.adapters import catalogue, config
    from wfexec.cli import manual

    pages: dict[Topic, Callable[[], str]] = {
        Topic.SETTINGS: config.reference,
        Topic.METRICS: catalogue.reference,
        Topic.REASONS: reasons.reference,
        Topic.EVENTS: signs.reference,
        Topic.COMMANDS: lambda: manual.reference(app),
    }
    typer.echo(pages[topic](), nl=False)


def _recipe(file: Path, workflow: WorkflowExecution, settings: Settings) -> Recipe:
    """What planning refuses is told with the workflow's name: a file may hold several."""
    compiled = compile_recipe(workflow.spec, settings)
    if isinstance(compiled, Recipe):
        return compiled
    where, found = f"{file} ({workflow.metadata.name})", refusals(workflow.spec, settings)
    raise BadInput(tuple(Finding(where, one.field, "", one.message) for one in found))


def main() -> None:
    """The `wfexec` command."""
    app()
