"""What production allows: rules that hold where a namespace is labelled `environment: production` (BR-WF-016).

A namespace is production by its label or by a name pattern of the settings; where the labels are not known, every
namespace counts as production, and the message says so. A node is production where any namespace is: its pods may be
anybody's. Each violation begins with the name of its rule; marks are annotations of the WorkflowExecution.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

from wfexec.core.authority import may_decide, tell_guard
from wfexec.core.draft import Demands, Draft
from wfexec.core.registry import find_action
from wfexec.core.targets import manifest_targets
from wfexec.errors import BadInput
from wfexec.model.base import clip
from wfexec.model.bearings import NamespaceFacts
from wfexec.model.meta import (
    ANNOTATION_CONFIG_APPROVED,
    ANNOTATION_EMERGENCY,
    ANNOTATION_IMAGE_APPROVED,
    ANNOTATION_INTERVENED_BY,
    PRODUCTION_KEYS,
)
from wfexec.model.recipe import Recipe, RecipeStep, Risk
from wfexec.settings import Settings
from wfexec.units import parse_hours, so_many, within_hours

ENVIRONMENT: Final = "environment"
PRODUCTION: Final = "production"
IMAGES: Final = frozenset({"update-image", "patch-deployment"})
CONFIGS: Final = frozenset(
    {"update-configmap", "patch-configmap", "restore-previous-config", "update-secret", "rotate-secrets"}
)
WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Pod"})
_UNKNOWN: Final = (
    " (which namespaces are production is not known, so every one counts; let the controller list and watch namespaces)"
)
Namespaces = Mapping[str, NamespaceFacts] | None


_NONE: Final = Demands((), "")


def demands(
    recipe: Recipe, namespaces: Namespaces, marks: Mapping[str, str], dry_run: bool, now: int, settings: Settings
) -> Demands:
    """What the rules say of this recipe; `marks` are the workflow's annotations."""
    unknown = namespaces is None
    places = {
        name: is_production(name, namespaces, settings) for name in {risk.namespace: None for risk in recipe.risks}
    }
    cases = [risk for risk in recipe.risks if places[risk.namespace]]
    if not cases:
        return _NONE
    override = marks.get(ANNOTATION_EMERGENCY) == "true"
    hours = parse_hours(settings.business_hours, settings.time_zone)
    busy = hours is not None and within_hours(hours, now)
    refusals: list[str] = []
    person = ""
    for case in cases:
        step = recipe.steps[case.position]
        where = f"namespace {case.namespace!r}" if case.namespace else "(it is not bound to one namespace)"
        what = f"step {step.name!r} ({step.action}) in production {where}"
        told = _scaling(case, step, settings) + _marked(case, marks)
        if case.destructive and not override:
            if busy:
                told.append(
                    f"business-hours: ends running work within {settings.business_hours} {settings.time_zone}; wait, "
                    f'or have somebody who may approve set {ANNOTATION_EMERGENCY}: "true"'
                )
            person = person or f"production-approval: {what} ends running work{_UNKNOWN if unknown else ''}"
        if not dry_run and (case.image or case.config or case.drains):
            told.append("production-dry-run: it is risky and needs a dry run; set executionStrategy.dryRunFirst")
        refusals += [f"{what} breaks the rule {one}{_UNKNOWN if unknown else ''}" for one in told]
    return Demands(tuple(refusals), person)


def demands_of(draft: Draft) -> Demands:
    """The same, worked out once per decision; where nobody guards the marks, they count with a person who may."""
    if draft.demands is None:
        marks = draft.workflow.metadata.annotations
        claimed = not draft.snapshot.bearings.guarded and any(marks.get(one) == "true" for one in PRODUCTION_KEYS)
        draft.demands = _proven(draft, marks) if claimed else _demands(draft, marks)
    return draft.demands


def _demands(draft: Draft, marks: Mapping[str, str]) -> Demands:
    dry_run = draft.workflow.spec.execution_strategy.dry_run_first
    return demands(draft.recipe, draft.snapshot.bearings.namespaces, marks, dry_run, draft.now, draft.settings)


def _proven(draft: Draft, marks: Mapping[str, str]) -> Demands:
    """A mark that anybody may have written counts when the person it names may approve (BR-WF-018)."""
    bare = _demands(draft, {})
    if not bare.refusals and not bare.person:
        return bare
    tell_guard(draft)
    who = clip(marks.get(ANNOTATION_INTERVENED_BY, ""), 253)
    allowed = may_decide(draft, who)
    if allowed:
        return _demands(draft, marks)
    why = f"{who} has no right to approve" if who else f"{ANNOTATION_INTERVENED_BY} is missing"
    told = tuple(f"{one} (no admission policy guards the marks, and {why})" for one in bare.refusals)
    return Demands(told, bare.person, unsure=allowed is None)


def risks_of(steps: tuple[RecipeStep, ...]) -> tuple[Risk, ...]:
    """The steps that any rule looks at, once for each namespace they work in."""
    return tuple(risk for step in steps for risk in _risks_of(step))


def _scaling(case: Risk, step: RecipeStep, settings: Settings) -> list[str]:
    wanted = case.replicas
    if wanted is None:
        return []
    found = []
    most, fewest = settings.production_replicas_max, settings.production_replicas_min
    said = so_many(wanted, "replica is", "replicas are")
    if wanted > most:
        found.append(f"production-replicas-max: {said} more than {most}; ask for less")
    if wanted < fewest:
        found.append(f"production-replicas-min: {said} less than {fewest}; keep some")
    ref, least = step.target, settings.critical_replicas_min
    if ref is not None and wanted < least:
        names = {ref.name, f"{ref.namespace}/{ref.name}"}
        if any(name in names for name in settings.critical_deployments):
            found.append(
                f"critical-replicas-min: {ref.name!r} is critical and keeps at least {so_many(least, 'replica')}"
            )
    return found


def _marked(case: Risk, marks: Mapping[str, str]) -> list[str]:
    wanted = [
        (case.image, "image-update-approved", ANNOTATION_IMAGE_APPROVED, "an image"),
        (case.config, "config-update-approved", ANNOTATION_CONFIG_APPROVED, "configuration"),
    ]
    return [
        f'{rule}: it changes {what}; have somebody who may approve set {mark}: "true"'
        for applies, rule, mark, what in wanted
        if applies and marks.get(mark) != "true"
    ]


def _risks_of(step: RecipeStep) -> tuple[Risk, ...]:
    """() where no rule looks at what the step does."""
    action, p = find_action(step.action), step.spec.parameters
    if action is None or p is None:
        return ()
    applied, places = _manifest_kinds(step)
    image = action.name in IMAGES or bool(applied & WORKLOADS)
    config = action.name in CONFIGS or bool(applied & {"ConfigMap", "Secret"})
    replicas = p.scale_deployment.replicas if p.scale_deployment is not None else None
    if replicas is None and p.custom is not None and action.name == "scale-statefulset":
        written = p.custom.config.get("replicas", "")
        replicas = int(written) if written.isdecimal() else None
    if not (image or config or action.destructive or replicas is not None):
        return ()
    named = {step.namespace: None, **dict.fromkeys(places)} if step.namespace else dict.fromkeys(places or ("",))
    drains = p.drain_node is not None
    return tuple(Risk(step.position, one, action.destructive, image, config, drains, replicas) for one in named)


def _manifest_kinds(step: RecipeStep) -> tuple[frozenset[str], tuple[str, ...]]:
    """Kinds of the objects in a manifest that the step applies, and their namespaces in order; one unread has none."""
    p = step.spec.parameters
    text = p.custom.config.get("manifest") if p is not None and p.custom is not None else None
    if text is None:
        return frozenset(), ()
    try:
        found = manifest_targets(text)
    except BadInput:
        return frozenset(), ()
    return frozenset(ref.kind for ref in found), tuple(dict.fromkeys(ref.namespace for ref in found if ref.namespace))


def is_production(namespace: str, namespaces: Namespaces, settings: Settings) -> bool:
    """`namespace` "" is a node or no place in particular: production where any namespace is."""
    if namespaces is None:
        return True
    if not namespace:
        return any(_named(name, settings) or _labelled(facts) for name, facts in namespaces.items())
    facts = namespaces.get(namespace)
    return _named(namespace, settings) or (facts is not None and _labelled(facts))


def _named(namespace: str, settings: Settings) -> bool:
    return any(fnmatchcase(namespace, pattern) for pattern in settings.production_namespaces)


def _labelled(facts: NamespaceFacts) -> bool:
    return facts.labels.get(ENVIRONMENT) == PRODUCTION
