"""What must a manifest be given before it can be planned on a desk? Settings, and the steps of the template it names.

Called by `wfexec plan`, `lint` and `graph`. Reads nothing itself.
"""

from collections.abc import Sequence

from wfexec.core.templates import resolve_among, with_steps
from wfexec.crd.templates import Found
from wfexec.errors import BadInput, Finding
from wfexec.model.base import evolve
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings


def settings_of(pairs: Sequence[str] | None) -> Settings:
    """The defaults, and what `--set` says; BadInput with all that is wrong with it."""
    from wfexec.adapters import config

    return config.load(flags=[config.pair("--set", each) for each in pairs or ()])


def with_template(workflow: WorkflowExecution, library: Sequence[Found] | None, hint: str) -> WorkflowExecution:
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
