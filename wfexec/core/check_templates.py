"""Is a template good, before anybody needs it at night? Everything that planning could say about it without its values.

Called by `wfexec template validate` and `wfexec lint` (BR-WF-026).
"""

from collections.abc import Sequence, Set
from typing import Final

from wfexec.core.graph import refusals
from wfexec.core.templates import body_of, chain_among, compose, effective_spec, render_with
from wfexec.crd.complaints import spelled
from wfexec.crd.template_checks import blanks_in
from wfexec.crd.templates import Found
from wfexec.errors import Finding
from wfexec.model.meta import ObjectReference
from wfexec.model.recipe import Refusal
from wfexec.model.template import ParameterType, Template, TemplateBody, TemplateParameter
from wfexec.model.workflow import Scalar, WorkflowExecutionSpec
from wfexec.settings import Settings

_NOBODY: Final = WorkflowExecutionSpec(remediation_request_ref=ObjectReference(name="sample"))
_TYPE_WORDS: Final = ("must be a whole number", "must be true or false", "must be a list", "must be an object")


def problems_of(found: Found, among: list[Found], settings: Settings) -> list[Finding]:
    """All that is wrong with one template, seen together with those it may extend."""
    template = found.template
    if template is None:
        return [Finding(found.origin, "", "", found.problem)]
    chain = chain_among(among, template)
    if isinstance(chain, Refusal):
        return [Finding(found.origin, chain.field, "", chain.message)]
    body = trial(chain)
    if not isinstance(body, TemplateBody):
        return [Finding(found.origin, "", "", each.message) for each in body]
    refused = refusals(effective_spec(_NOBODY, body), settings)
    # A template has no spec, and its steps stand at its root.
    placed = ((each.field.removeprefix("spec.").removeprefix("workflowDefinition."), each.message) for each in refused)
    return [Finding(found.origin, field, "", message) for field, message in placed]


def trial(chain: Sequence[Template]) -> TemplateBody | tuple[Refusal, ...]:
    """Rendered with sample values, for whoever checks a template: what only another value could mend is no finding."""
    template = compose(chain)
    if isinstance(template, Refusal):
        return (template,)
    made = render_with(chain, template, {each.name: _sample(each) for each in template.parameters})
    if isinstance(made, TemplateBody):
        return made
    filled = {spelled(path) for path, _ in blanks_in(body_of(template))}
    return tuple(each for each in made if not _by_value(each.message, filled))


def _by_value(message: str, filled: Set[str]) -> bool:
    """Whether this complaint is about a place that a parameter fills, and not about its type."""
    return any(f": {place}: " in message for place in filled) and not any(word in message for word in _TYPE_WORDS)


def _sample(parameter: TemplateParameter) -> Scalar:
    if parameter.default is not None:
        return parameter.default
    if parameter.enum:
        return parameter.enum[0]
    samples: dict[ParameterType, Scalar] = {ParameterType.NUMBER: 1, ParameterType.BOOLEAN: True}
    return samples.get(parameter.type, "sample")
