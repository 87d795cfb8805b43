"""From a template and its parameters to a workflow: extend, fill in, check (BR-WF-026, BR-WF-028).

Pure; called while planning and by the command line. Templates are given as found, nearest first; what cannot be
rendered is a `Refusal` that names the template, the place and the fix.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Final

import orjson

from wfexec.core.blanks import Filling, written
from wfexec.core.overlay import overlay
from wfexec.crd.complaints import FieldPath, spelled
from wfexec.crd.documents import Document
from wfexec.crd.files import read_value
from wfexec.crd.spellings import hint
from wfexec.crd.tables import render
from wfexec.crd.template_checks import blanks_in, undeclared, wrong_value
from wfexec.crd.templates import Found, choose, versions_of
from wfexec.errors import BadInput, Finding
from wfexec.model.base import clip, evolve
from wfexec.model.recipe import Refusal
from wfexec.model.template import (
    DEPTH_MAX,
    ResolvedTemplate,
    Template,
    TemplateBody,
    TemplateIdentity,
    TemplateParameter,
)
from wfexec.model.workflow import (
    AdaptiveOrchestration,
    ExecutionStrategy,
    RollbackTrigger,
    Scalar,
    SuccessCriterion,
    TemplateRef,
    WorkflowExecutionSpec,
)

Json = dict[str, Any]
FIELD: Final = "spec.templateRef"
PARAMETERS: Final = "spec.templateRef.parameters"
# What a workflow may carry of it in its status; an object has room for six times as much.
RENDERED_MAX: Final = 256 * 1_024
_AS_TEXT: Final = "must be text; put it in quotes"
_DEFINITION: Final = "workflowDefinition."
_STRATEGY: Final = ExecutionStrategy()
_ADAPTIVE: Final = AdaptiveOrchestration()
_PLAIN: Final = WorkflowExecutionSpec.model_fields["failure_policy"].default


def called(template: Template) -> str:
    return f"{template.name} {template.version}"


def chain_text(chain: Sequence[Template]) -> str:
    """`child 1.0.0 → parent 2.1.0`"""
    return " → ".join(called(template) for template in chain)


def compose(chain: Sequence[Template]) -> Template | Refusal:
    """The template that a chain amounts to: the one asked for first, one that stands alone last."""
    made = chain[-1]
    for template in reversed(chain[:-1]):
        laid = overlay(made, template)
        if isinstance(laid, str):
            return _invalid(chain, laid)
        made = laid
    declared = [parameter.name for parameter in made.parameters]
    known = set(declared)
    for path, name in blanks_in(body_of(made)):
        if name not in known:
            return _invalid(chain, f"{spelled(path)}: {undeclared(name, declared)}")
    return made


def fill_in(template: Template, given: Mapping[str, Scalar]) -> dict[str, Scalar] | tuple[Refusal, ...]:
    """The values of all parameters: defaults, overruled by what is given; or everything that is wrong with those."""
    known = {parameter.name: parameter for parameter in template.parameters}
    found = [
        Refusal("template_parameter_unknown", f"{PARAMETERS}.{clip(name, 80)}", _unknown(template, name, known))
        for name in given
        if name not in known
    ]
    values: dict[str, Scalar] = {}
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        if value is None:
            message = f"template {called(template)} needs a value for {name!r}{_meaning(parameter)}"
            found.append(Refusal("template_parameter_missing", f"{PARAMETERS}.{name}", message))
        elif problem := wrong_value(parameter, value):
            message = f"{name!r} of template {called(template)} {problem}, not {clip(repr(value), 80)}"
            found.append(Refusal("template_parameter_invalid", f"{PARAMETERS}.{name}", message))
        else:
            values[name] = value
    return tuple(found) or values


def render_body(chain: Sequence[Template], given: Mapping[str, Scalar]) -> TemplateBody | tuple[Refusal, ...]:
    """What the template asked for (the first of the chain) amounts to with these parameters."""
    template = compose(chain)
    if isinstance(template, Refusal):
        return (template,)
    values = fill_in(template, given)
    return values if isinstance(values, tuple) else render_with(chain, template, values)


def render_with(
    chain: Sequence[Template], template: Template, values: Mapping[str, Scalar]
) -> TemplateBody | tuple[Refusal, ...]:
    """The composed template of a chain with these values, whoever vouches for them."""
    filling = Filling(values)
    raw = filling.fill(body_of(template))
    steps = _numbered(raw.pop("steps"))
    if isinstance(steps, str):
        return (_invalid(chain, steps),)
    definition: Json = {"name": template.name, "version": template.version}
    if template.description:
        definition["description"] = template.description
    definition["steps"] = steps
    definition |= {key: raw.pop(key) for key in ("metadata", "dependencies") if key in raw}
    return _typed(chain, {"workflowDefinition": definition, **raw}, filling)


def resolve(chain: Sequence[Template], given: Mapping[str, Scalar], origin: str) -> ResolvedTemplate | Refusal:
    """What a workflow keeps of its template."""
    body = render_body(chain, given)
    return body[0] if isinstance(body, tuple) else kept(chain, body, origin)


def kept(chain: Sequence[Template], body: TemplateBody, origin: str) -> ResolvedTemplate:
    first, *others = chain
    lineage = tuple(TemplateIdentity(name=each.name, version=each.version) for each in others)
    return ResolvedTemplate(
        name=first.name, version=first.version, origin=clip(origin, 253), lineage=lineage, body=body
    )


def effective_spec(spec: WorkflowExecutionSpec, body: TemplateBody) -> WorkflowExecutionSpec:
    """The workflow's own spec with its template under it: what the workflow leaves at its default the template says.

    Approval and dry run take place when either asks for it; maps are united, the workflow's own entry wins.
    """
    criteria = {each.name: each for each in (*body.success_criteria, *spec.success_criteria)}
    return evolve(
        spec,
        workflow_definition=body.workflow_definition,
        execution_strategy=_strategy(spec.execution_strategy, body.execution_strategy),
        adaptive_orchestration=_either(spec.adaptive_orchestration, _ADAPTIVE, body.adaptive_orchestration),
        failure_policy=_either(spec.failure_policy, _PLAIN, body.failure_policy),
        timeout=_either(spec.timeout, None, body.timeout),
        variables={**body.variables, **spec.variables},
        condition_overrides={**body.condition_overrides, **spec.condition_overrides},
        success_criteria=tuple[SuccessCriterion, ...](criteria.values()),
    )


def _either(own: Any, default: Any, templates: Any) -> Any:
    return templates if own == default and templates is not None else own


def with_steps(spec: WorkflowExecutionSpec, body: TemplateBody) -> WorkflowExecutionSpec:
    """The same as a spec that names no template any more."""
    return evolve(effective_spec(spec, body), template_ref=None)


def _strategy(own: ExecutionStrategy, templates: ExecutionStrategy | None) -> ExecutionStrategy:
    if templates is None:
        return own
    triggers = {each.name: each for each in (*templates.rollback_triggers, *own.rollback_triggers)}
    return evolve(
        own,
        approval_required=own.approval_required or templates.approval_required,
        dry_run_first=own.dry_run_first or templates.dry_run_first,
        rollback_strategy=_either(own.rollback_strategy, _STRATEGY.rollback_strategy, templates.rollback_strategy),
        max_retries=_either(own.max_retries, None, templates.max_retries),
        max_parallel_steps=_either(own.max_parallel_steps, None, templates.max_parallel_steps),
        watch_side_effects=_either(own.watch_side_effects, None, templates.watch_side_effects),
        safety_checks=own.safety_checks or templates.safety_checks,
        rollback_triggers=tuple[RollbackTrigger, ...](triggers.values()),
    )


def body_of(template: Template) -> Json:
    """The part that is filled in; never shared with the template."""
    raw = render(template)
    kept = {key: raw[key] for key in raw if key not in ("name", "version", "extends", "parameters", "removeSteps")}
    kept.pop("description", None)
    return {"steps": [], **kept}


def _numbered(steps: list[Json]) -> list[Json] | str:
    """Steps as a workflow has them: numbers in order, dependencies by number; or what is wrong."""
    numbers = {step["name"]: number for number, step in enumerate(steps, 1)}
    made = []
    for number, step in enumerate(steps, 1):
        one: Json = {"stepNumber": number, **step}
        after = one.pop("dependsOn", [])
        unknown = [name for name in after if name not in numbers]
        if unknown:
            near = hint(unknown[0], numbers, {}) or "name a step of the template"
            return f"step {step['name']!r} waits for {unknown[0]!r}, which does not exist; {near}"
        if after:
            one["dependsOn"] = [numbers[name] for name in after]
        made.append(one)
    return made


def _typed(chain: Sequence[Template], raw: Json, filling: Filling) -> TemplateBody | tuple[Refusal, ...]:
    """Checked as strictly as a manifest; a number where a text must stand becomes text."""
    if filling.missing:
        field, name = filling.missing[0]
        return (_invalid(chain, f"{field}: no parameter {name!r} is declared"),)
    if len(orjson.dumps(raw)) > RENDERED_MAX:
        return (_invalid(chain, f"rendered it is larger than {RENDERED_MAX // 1_024} KiB; split it"),)
    made = _read(raw)
    if isinstance(made, TemplateBody):
        return made
    textual = {each.field for each in made if each.message == _AS_TEXT}
    coerced = {place for place in textual if place.removeprefix(_DEFINITION) in filling.whole}
    if coerced:
        made = _read(_as_text(raw, (), coerced))
        if isinstance(made, TemplateBody):
            return made
    return tuple(_invalid(chain, f"{each.field.removeprefix(_DEFINITION)}: {_told(each)}") for each in made)


def _read(raw: Json) -> TemplateBody | tuple[Finding, ...]:
    try:
        return read_value(TemplateBody, Document("", raw, {}))
    except BadInput as trouble:
        return trouble.findings


def _told(finding: Finding) -> str:
    return f"{finding.message} (found {finding.value})" if finding.value else finding.message


def _as_text(value: Any, path: FieldPath, places: Set[str]) -> Any:
    """A copy with the values at these places written as text."""
    if isinstance(value, dict):
        return {key: _as_text(part, (*path, key), places) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_text(part, (*path, index), places) for index, part in enumerate(value)]
    return written(value) if spelled(path) in places else value


def _invalid(chain: Sequence[Template], problem: str) -> Refusal:
    return Refusal("template_invalid", FIELD, clip(f"template {chain_text(chain)}: {problem}"))


def _unknown(template: Template, name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = hint(name, names, {}) or (f"it has {', '.join(names)}" if names else "it has none")
    return f"template {called(template)} has no parameter {clip(name, 80)!r}; {near}"


def _meaning(parameter: TemplateParameter) -> str:
    return f": {parameter.description}" if parameter.description else ""


def chain_among(found: Sequence[Found], template: Template) -> tuple[Template, ...] | Refusal:
    """The template and what it extends, among those found in files or in one namespace."""
    chain = [template]
    while (above := chain[-1].extends) is not None:
        chosen = choose(found, above.name, above.version)
        if not isinstance(chosen, Found) or chosen.template is None:
            why = chosen if isinstance(chosen, str) else chosen.problem
            wanted = f"{above.name} {above.version}".strip()
            return Refusal(
                "template_not_found", "extends", f"{chain_text(chain)} extends {wanted}: {why or 'not found'}"
            )
        again = any((one.name, one.version) == (chosen.name, chosen.version) for one in chain)
        chain.append(chosen.template)
        if again:
            return Refusal("template_cycle", "extends", f"templates extend each other in a circle: {chain_text(chain)}")
        if len(chain) > DEPTH_MAX:
            return Refusal("template_depth", "extends", f"{chain_text(chain)}: more than {DEPTH_MAX} templates")
    return tuple(chain)


def resolve_among(found: Sequence[Found], ref: TemplateRef) -> ResolvedTemplate | tuple[Refusal, ...]:
    """What a reference amounts to among templates found in files, or all that is wrong with it."""
    chosen = choose(found, ref.name, ref.version)
    wanted = f"template {ref.name} {ref.version}".strip()
    if isinstance(chosen, str):
        there = ", ".join(versions_of(found, ref.name))
        why = chosen or (f"there is {there}" if there else "there is none of that name")
        return (Refusal("template_ambiguous" if chosen else "template_not_found", FIELD, f"{wanted}: {why}"),)
    if chosen.template is None:
        return (Refusal("template_invalid", FIELD, f"{wanted}: {chosen.problem}"),)
    chain = chain_among(found, chosen.template)
    if isinstance(chain, Refusal):
        return (chain._replace(field=FIELD),)
    body = render_body(chain, ref.parameters)
    if isinstance(body, tuple):
        return body
    return kept(chain, body, chosen.origin)
