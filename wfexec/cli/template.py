"""`wfexec template …` and `wfexec import`: templates and analyses become manifests.

Called by people. Nothing is changed in a cluster: what is printed is for `kubectl apply` (BR-WF-026, BR-WF-027).
"""

from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from wfexec.cli.cluster import Context, Kubeconfig
from wfexec.cli.commands import BAD_INPUT
from wfexec.cli.export import Form
from wfexec.cli.prepared import settings_of
from wfexec.core.check_templates import problems_of
from wfexec.core.graph import refusals
from wfexec.core.recommendations import convert
from wfexec.core.templates import chain_among, compose, effective_spec, fill_in, render_body
from wfexec.crd.codec import render_workflow
from wfexec.crd.documents import parse_documents, read_bytes
from wfexec.crd.export import Format, written
from wfexec.crd.template_checks import number_or_text
from wfexec.crd.template_schema import template_schema
from wfexec.crd.templates import (
    Found,
    choose,
    config_map,
    load_folder,
    load_siblings,
    load_template,
    of_config_map,
    render_template,
)
from wfexec.crd.yaml_text import yaml_text
from wfexec.errors import BadInput, Finding
from wfexec.model.meta import CONTROLLER_NAMESPACE, ObjectMeta, ObjectReference
from wfexec.model.recipe import Refusal
from wfexec.model.status import WorkflowExecution
from wfexec.model.template import LABEL_TEMPLATE, Template, TemplateBody
from wfexec.model.workflow import Scalar, TemplateRef, WorkflowExecutionSpec
from wfexec.settings import DEFAULTS

LIST_EXAMPLE: Final = "Example: wfexec template list --dir examples/templates"
RENDER_EXAMPLE: Final = (
    "Example: wfexec template render roll-back-bad-release --dir examples/templates"
    " --set namespace=payments --set deployment=checkout-api --set image=registry.example/checkout-api:2.4.1"
)
VALIDATE_EXAMPLE: Final = "Example: wfexec template validate examples/templates"
CONFIGMAP_EXAMPLE: Final = (
    "Example: wfexec template configmap examples/templates/roll-back-bad-release.yaml -n payments"
)
EXPORT_EXAMPLE: Final = "Example: wfexec template export evacuate-node --dir examples/templates --format json"
IMPORT_EXAMPLE: Final = (
    "Example: wfexec import examples/analyses/recommendations.yaml --name recover-checkout -n payments"
)

Folder = Annotated[Path | None, typer.Option("--dir", help="A folder with templates; without it the cluster.")]
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", help="Of the workflow.", show_default=False)]
Named = Annotated[str | None, typer.Option("--name", help="Of the workflow; default: the definition's.")]
Request = Annotated[str | None, typer.Option(help="Its RemediationRequest; default: the workflow's name.")]

commands = typer.Typer(
    help="Look at templates, check them, make workflows of them.",
    epilog=RENDER_EXAMPLE,
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """`template` with its own commands, and `import`."""
    commands.command("list", epilog=LIST_EXAMPLE)(list_)
    commands.command(epilog=RENDER_EXAMPLE)(render)
    commands.command(epilog=VALIDATE_EXAMPLE)(validate)
    commands.command("configmap", epilog=CONFIGMAP_EXAMPLE)(configmap)
    commands.command(epilog=EXPORT_EXAMPLE)(export)
    commands.command()(schema)
    app.add_typer(commands, name="template")
    app.command("import", epilog=IMPORT_EXAMPLE)(import_)


def list_(
    folder: Folder = None, namespace: Namespace = None, kubeconfig: Kubeconfig = None, context: Context = None
) -> None:
    """List templates: version, what they extend, where they are."""
    found = _found(folder, namespace, kubeconfig, context)
    if not found:
        typer.echo("no templates found")
        return
    rows = [("NAME", "VERSION", "EXTENDS", "PARAMETERS", "WHERE"), *(_row(each) for each in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    if any(each.template is None for each in found):
        raise typer.Exit(BAD_INPUT)


def render(
    template: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A template; NAME may be NAME:VERSION.")],
    given: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A parameter.")] = None,
    analysis: Annotated[Path | None, typer.Option("--from", help="An AIAnalysis that fills parameters.")] = None,
    folder: Folder = None,
    name: Named = None,
    namespace: Namespace = None,
    request: Request = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Print the manifest that a template amounts to. It applies as it is."""
    chain = _chain(template, folder, namespace, kubeconfig, context)
    values = _values(chain, given or [], _document(analysis) if analysis is not None else None)
    body = render_body(chain, values)
    if not isinstance(body, TemplateBody):
        raise _bad(template, body)
    _print(template, effective_spec(_spec(request or name or chain[0].name), body), name or chain[0].name, namespace)


def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR…", help="Templates, or folders with them.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the controller; `render` takes parameters."),
    ] = None,
) -> None:
    """Find what is wrong with templates. Before anybody needs them at night."""
    chosen = settings_of(settings)
    found = [each for file in files for each in (load_folder(file) if file.is_dir() else _of_file(file))]
    around = [*found, *(each for file in files if not file.is_dir() for each in load_siblings(file))]
    problems = [problem for each in found for problem in problems_of(each, around, chosen)]
    for problem in problems:
        typer.echo(str(problem))
    if problems:
        raise typer.Exit(BAD_INPUT)
    typer.echo(f"{len(found)} template{'' if len(found) == 1 else 's'}, nothing found")


def configmap(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A template.")],
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Where workflows find it.")
    ] = CONTROLLER_NAMESPACE,
) -> None:
    """Print the ConfigMap from which the controller takes a template."""
    typer.echo(yaml_text(config_map(load_template(file), namespace)), nl=False)


def export(
    template: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A template; NAME may be NAME:VERSION.")],
    form: Form = Format.YAML,
    folder: Folder = None,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Print a template as it is, to keep in a file. With its parameters and what it extends."""
    chain = _chain(template, folder, namespace, kubeconfig, context)
    typer.echo(written([render_template(chain[0])], form), nl=False)


def schema() -> None:
    """Print the JSON schema of template files, for editors."""
    typer.echo(orjson.dumps(template_schema(), option=orjson.OPT_INDENT_2).decode())


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An AIAnalysis, or recommendations as YAML or JSON.")],
    folder: Folder = None,
    name: Named = None,
    namespace: Namespace = None,
    request: Request = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Print the workflow that an analysis recommends. Nothing of it is left out in silence."""
    raw = _document(file)
    wanted = _recommended(raw)
    if wanted is not None:
        chain = _chain(wanted, folder, namespace, kubeconfig, context)
        explicit = raw["status"]["recommendedWorkflow"].get("parameters") or {}
        values = {**_from_analysis(chain, raw), **explicit}
        body = render_body(chain, values)
        if not isinstance(body, TemplateBody):
            raise _bad(str(file), body)
        reference = TemplateRef(name=chain[0].name, version=chain[0].version, parameters=values)
        title = name or chain[0].name
        spec = WorkflowExecutionSpec(
            remediation_request_ref=ObjectReference(name=request or title), template_ref=reference
        )
        _print(str(file), spec, title, namespace)
        return
    made = convert(raw)
    if made.body is None:
        raise BadInput(tuple(Finding(str(file), each.path, each.value, each.message) for each in made.problems))
    title = name or made.body.workflow_definition.name
    _print(str(file), effective_spec(_spec(request or title), made.body), title, namespace)


def _spec(request: str) -> WorkflowExecutionSpec:
    return WorkflowExecutionSpec(remediation_request_ref=ObjectReference(name=request))


def _print(source: str, spec: WorkflowExecutionSpec, name: str, namespace: str | None) -> None:
    if spec.workflow_definition is not None and (refused := refusals(spec, DEFAULTS)):
        raise _bad(source, refused)
    meta = ObjectMeta(name=name, namespace=namespace or "")
    typer.echo(yaml_text(render_workflow(WorkflowExecution(metadata=meta, spec=spec))), nl=False)


def _bad(source: str, refused: tuple[Refusal, ...]) -> BadInput:
    return BadInput(tuple(Finding(source, each.field, "", each.message) for each in refused))


def _found(
    folder: Path | None, namespace: str | None, kubeconfig: str | None, context: str | None
) -> tuple[Found, ...]:
    """Templates of a folder, or of the cluster: the workflow's namespace first."""
    if folder is not None:
        return load_folder(folder)
    from wfexec.adapters.kube import connect
    from wfexec.crd.wire import HttpCall, place
    from wfexec.model.requests import Outcome

    connection = connect(kubeconfig, context, 1)
    made: list[Found] = []
    try:
        for where in dict.fromkeys(each for each in (namespace, CONTROLLER_NAMESPACE) if each):
            query = (("labelSelector", f"{LABEL_TEMPLATE}=true"),)
            reply = connection.call(HttpCall("GET", place("/api/v1", "configmaps", where, ""), query), 10.0)
            if isinstance(reply, Outcome) or reply.status != 200:
                why = reply.message if isinstance(reply, Outcome) else f"HTTP {reply.status}"
                raise BadInput((Finding(f"ConfigMaps in {where}", "", "", f"cannot be listed: {why}"),))
            made += [of_config_map(each) for each in orjson.loads(reply.payload)["items"]]
    finally:
        connection.close()
    return tuple(made)


def _of_file(file: Path) -> tuple[Found, ...]:
    template = load_template(file)
    return (Found(template.name, template.version, str(file), template),)


def _row(found: Found) -> tuple[str, str, str, str, str]:
    template = found.template
    if template is None:
        return found.name or "?", found.version or "?", "", "", f"{found.origin}: {found.problem}"
    extends = f"{template.extends.name} {template.extends.version}".strip() if template.extends else ""
    return found.name, found.version, extends, ", ".join(each.name for each in template.parameters), found.origin


def _chain(
    wanted: str, folder: Path | None, namespace: str | None, kubeconfig: str | None, context: str | None
) -> tuple[Template, ...]:
    """By file, or NAME[:VERSION] in a folder or the cluster; with what it extends."""
    path = Path(wanted)
    if path.suffix in (".yaml", ".yml", ".json") or path.is_file():
        template = load_template(path)
        found: tuple[Found, ...] = load_siblings(path) if folder is None else load_folder(folder)
    else:
        found = _found(folder, namespace, kubeconfig, context)
        name, _, version = wanted.partition(":")
        chosen = choose(found, name, version)
        if not isinstance(chosen, Found) or chosen.template is None:
            known = ", ".join(f"{each.name}:{each.version}" for each in found) or "none"
            why = (chosen.problem if isinstance(chosen, Found) else chosen) or f"not found; there is {known}"
            raise BadInput((Finding(f"template {wanted}", "", "", why),))
        template = chosen.template
    chain = chain_among(found, template)
    if isinstance(chain, Refusal):
        raise _bad(wanted, (chain,))
    return chain


def _values(chain: tuple[Template, ...], given: list[str], analysis: Any) -> dict[str, Scalar]:
    """Defaults < analysis < what was typed; defaults are filled in later."""
    template = compose(chain)
    if isinstance(template, Refusal):
        raise _bad(chain[0].name, (template,))
    kinds = {each.name: each.type for each in template.parameters}
    values = _from_analysis(chain, analysis) if analysis is not None else {}
    for each in given:
        key, sign, value = each.partition("=")
        if not sign or not key:
            raise BadInput((Finding("--set", "", each, "write it as key=value"),))
        values[key] = number_or_text(value, kinds[key]) if key in kinds else value
    filled = fill_in(template, values)
    if isinstance(filled, tuple):
        raise BadInput(tuple(Finding(f"template {chain[0].name}", "", "", each.message) for each in filled))
    return values


def _from_analysis(chain: tuple[Template, ...], raw: Any) -> dict[str, Scalar]:
    """What the parameters' own paths find in an analysis."""
    template = compose(chain)
    found: dict[str, Scalar] = {}
    for parameter in template.parameters if isinstance(template, Template) else ():
        value = raw
        for part in parameter.source.split(".") if parameter.source else [""]:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str | int | float | bool):
            found[parameter.name] = value
    return found


def _recommended(raw: Any) -> str | None:
    """NAME:VERSION of the template that an analysis recommends."""
    status = raw.get("status") if isinstance(raw, dict) and raw.get("kind") == "AIAnalysis" else None
    wanted = status.get("recommendedWorkflow") if isinstance(status, dict) else None
    if not isinstance(wanted, dict) or not isinstance(wanted.get("name"), str):
        return None
    return f"{wanted['name']}:{wanted.get('version') or ''}"


def _document(file: Path) -> Any:
    documents = parse_documents(read_bytes(file), str(file))
    if len(documents) != 1:
        raise BadInput((Finding(str(file), "", f"{len(documents)} documents", "give a file with exactly one"),))
    return documents[0].value
