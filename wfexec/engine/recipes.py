"""Which recipe belongs to a workflow as it is now? Compiled once per generation and kept.

Called by the reconciler at every look. A workflow that names a template is judged by its own spec with the stored
template under it; for all others this is one comparison.
"""

from collections.abc import Callable

from wfexec.core.templates import effective_spec
from wfexec.engine.view import Tracked
from wfexec.model.base import evolve
from wfexec.model.recipe import Recipe, Refusal
from wfexec.model.status import WorkflowExecution
from wfexec.model.workflow import WorkflowExecutionSpec
from wfexec.settings import Settings

CompileRecipe = Callable[[WorkflowExecutionSpec, Settings], Recipe | Refusal]


def judged(
    tracked: Tracked, workflow: WorkflowExecution, compile_recipe: CompileRecipe, settings: Settings
) -> WorkflowExecution:
    """The workflow as the core is to see it; `tracked.recipe` fits it afterwards."""
    generation = workflow.metadata.generation
    spec = workflow.spec
    if spec.template_ref is not None:
        resolved = workflow.status.template
        if resolved is not None:
            effective = tracked.effective
            if effective is None or tracked.recipe_generation != generation:
                effective = tracked.effective = effective_spec(spec, resolved.body)
                tracked.recipe = None
            spec = effective
            workflow = evolve(workflow, spec=spec)
    if tracked.recipe_generation != generation or tracked.recipe is None:
        tracked.recipe = compile_recipe(spec, settings)
        tracked.recipe_generation = generation
    return workflow
