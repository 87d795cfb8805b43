"""`wfexec export`: a workflow of a cluster or a file as the manifest it once was, in YAML or JSON (BR-WF-027)."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from wfexec.cli.cluster import Context, Kubeconfig, Namespace, Where, somebody
from wfexec.crd.documents import parse_documents, read_bytes
from wfexec.crd.export import Format, exported, requests_of, written
from wfexec.crd.files import read_objects
from wfexec.errors import BadInput, Finding

EXAMPLE: Final = "Example: wfexec export examples/memory-pressure/workflow.yaml --format json"

Form = Annotated[Format, typer.Option("--format", help="How to write it.")]


def register(app: typer.Typer) -> None:
    """The one command."""
    app.command(epilog=EXAMPLE)(export)


def export(
    what: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A WorkflowExecution, or a manifest.")],
    form: Form = Format.YAML,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Print a workflow as a manifest to apply elsewhere.

    What it has been through is left out, and what was asked of that one run: to pause, to cancel, decisions.
    """
    path = Path(what)
    if is_file(path):
        found = bodies(path)
    else:
        with somebody(Where(what, namespace, kubeconfig, context)) as (person, here):
            found = [person.workflow(here, what)]
    for body in found:
        if asked := requests_of(body):
            name = body["metadata"].get("name") or what
            typer.echo(f"{name}: left out, for it was asked of that run: {', '.join(asked)}", err=True)
    typer.echo(written([exported(body) for body in found], form), nl=False)


def is_file(path: Path) -> bool:
    """Whether a person means a file; a name has no such ending."""
    return path.suffix in (".yaml", ".yml", ".json") or path.is_file()


def bodies(path: Path) -> list[dict[str, Any]]:
    """Every object of a manifest whose own kinds are sound, in order; BadInput says what is wrong."""
    data, source = read_bytes(path), str(path)
    read_objects(data, source)
    values = [document.value for document in parse_documents(data, source)]
    found = [one for value in values for one in (value["items"] if value["kind"] == "List" else [value])]
    if not found:
        raise BadInput((Finding(source, "", "", "holds no object"),))
    return found
