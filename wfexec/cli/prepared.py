"""What must a manifest be given before it can be planned on a desk? Settings, and the steps of the template it names.

Called by `wfexec plan`, `lint` and `graph`, which have these options in common.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from wfexec.core.templates import resolve_among, with_steps
from wfexec.crd.templates import Found, load_folder
from wfexec.errors import BadInput, Finding
from wfexec.model.base import evolve
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings

Library = tuple[Found, ...] | None
Templates = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the templates that workflows name.")]
Pairs = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting; may be repeated.")]


def library_of(folder: Path | None) -> Library:
    """None where nobody said where templates are; BadInput for a folder that cannot be read."""
    return load_folder(folder) if folder is not None else None


def settings_of(pairs: Sequence[str] | None) -> Settings:
    """The defaults, and what `--set` says; BadInput with all that is wrong with it."""
    from wfexec.adapters import config

    return config.load(flags=[config.pair("--set", each) for each in pairs or ()])


def with_template(workflow: WorkflowExecution, library: Library, hint: str) -> WorkflowExecution:
    """The same with the steps of its template in it, `hint` where nobody said where templates are; BadInput else."""
    ref, name = workflow.spec.template_ref, workflow.metadata.name
    if ref is None:
        return workflow
    if library is None:
        message = f"the steps come from template {ref.name!r}, which is not looked up here; give {hint}"
        raise BadInput((Finding(name, "spec.templateRef", "", message),))
    found = resolve_among(library, ref)
    if isinstance(found, tuple):
        raise BadInput(tuple(Finding(name, one.field, "", one.message) for one in found))
    return evolve(workflow, spec=with_steps(workflow.spec, found.body))
