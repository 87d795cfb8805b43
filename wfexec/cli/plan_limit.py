"""How long may this workflow take, and who says so? Its own word, its parent's, else the number of its steps.

Called by `wfexec plan`; the order is the controller's (BR-WF-TIMEOUT-001). Pure.
"""

from typing import NamedTuple

from wfexec.core.birth import workflow_limit
from wfexec.core.parents import living, stranger
from wfexec.model.facts import Answer, Facts, ParentFacts, Unknown
from wfexec.model.recipe import Recipe
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings
from wfexec.units import format_duration


class Limit(NamedTuple):
    """`ms` from the first step on; `source` says whose word it is, `but` what may change it, "" for nothing."""

    ms: int
    source: str
    but: str = ""

    @property
    def text(self) -> str:
        return f"{format_duration(self.ms)} from the first step on, by {self.source}" + (self.but and f"; {self.but}")


def limit_of(workflow: WorkflowExecution, recipe: Recipe, parent: Facts | None, settings: Settings) -> Limit:
    """`parent` None: nobody was asked for its RemediationRequest."""
    spec, reference = workflow.spec, workflow.spec.remediation_request_ref
    ms = workflow_limit(spec, len(recipe.steps), settings)
    if spec.timeout is not None:
        return Limit(ms, "spec.timeout")
    steps = f"its number of steps, {len(recipe.steps)}"
    named = f"RemediationRequest {reference.name!r}"
    elsewhere = stranger(workflow.metadata, reference)
    if elsewhere:
        return Limit(ms, steps, elsewhere)
    if isinstance(parent, ParentFacts):
        if living(Answer(0, parent), reference) is None:
            return Limit(ms, steps, f"{named} does not exist, or is another one of that name")
        if parent.workflow_timeout is not None:
            return Limit(parent.workflow_timeout, f"workflowExecutionTimeout of {named}")
        return Limit(ms, steps, f"{named}: {parent.complaint}" if parent.complaint else f"{named} gives no time")
    why = parent.reason if isinstance(parent, Unknown) else "it is not looked up here"
    return Limit(ms, steps, f"{named} may give another time: {why}")


def too_long(recipe: Recipe, limit: Limit) -> tuple[str, ...]:
    """A sentence where the longest chain of steps usually takes longer than all of it may."""
    usual = sum(recipe.steps[position].estimate_ms for position in recipe.critical_path)
    if usual <= limit.ms:
        return ()
    return (f"the longest chain of steps usually takes {format_duration(usual)}, the workflow has {limit.text}",)
