"""Safety checks: what must hold before anything runs, each judged from answers of the world (BR-WF-015, BR-WF-016).

Order: rbac, health, capacity, network. `unknown` never counts as passed; whether that refuses the workflow depends on
whether the check is required. Every message says what is in the way and what to do about it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from wfexec.core.capacity import OBSERVER, capacity, nodes_of, sized_targets
from wfexec.core.forecast import reads_only
from wfexec.core.targets import (
    identity_of,
    knows_rights,
    knows_undo_rights,
    manifest_targets,
    manifests_of,
    target_text,
    undo_namespace_of,
)
from wfexec.core.verdict import SHOWN_MAX, Answers, Verdict, bad, good, unknown
from wfexec.errors import BadInput
from wfexec.model.base import clip, compact, evolve
from wfexec.model.facts import (
    AccessFacts,
    AskAccess,
    AskNetwork,
    AskNodes,
    AskTarget,
    NetworkFacts,
    Question,
    TargetFacts,
    TargetRef,
    Unknown,
)
from wfexec.model.phases import CheckType, RollbackStrategy
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.status import CheckResult
from wfexec.model.workflow import SafetyCheck
from wfexec.settings import Settings
from wfexec.units import so_many

DEFAULT_CHECKS = (
    SafetyCheck(type=CheckType.RBAC, description="the executor may do what the steps need"),
    SafetyCheck(type=CheckType.HEALTH, description="targets exist and are not being deleted"),
    SafetyCheck(type=CheckType.CAPACITY, description="the cluster has room"),
    SafetyCheck(type=CheckType.NETWORK, description="the API server answers in time", required=False),
)
_ORDER = (CheckType.RBAC, CheckType.HEALTH, CheckType.CAPACITY, CheckType.NETWORK)
_SECRET: Final = "the controller does not look at Secrets by default; allow it, or make the check not required"
_SERVICE_ACCOUNT: Final = "system:serviceaccount:"


def checks_of(declared: tuple[SafetyCheck, ...]) -> tuple[SafetyCheck, ...]:
    """The declared checks in their fixed order; all four when none is declared."""
    return tuple(sorted(declared or DEFAULT_CHECKS, key=lambda check: _ORDER.index(check.type)))


def questions_of(recipe: Recipe, dry_run: bool) -> tuple[Question, ...]:
    """All that the checks and the dry run need to know, and what the targets' surroundings are compared with."""
    types = {check.type for check in recipe.checks}
    asked: list[Question] = []
    if CheckType.RBAC in types:
        asked += recipe.access
    if dry_run or CheckType.HEALTH in types:
        asked += recipe.asks
    elif CheckType.CAPACITY in types:
        asked += [AskTarget(ref) for ref in sized_targets(recipe.steps)]
    if CheckType.CAPACITY in types:
        asked.append(AskNodes(named=nodes_of(recipe.steps)))
    if CheckType.NETWORK in types:
        asked.append(AskNetwork())
    if recipe.near is not None:
        asked.append(recipe.near)
    return tuple(asked)


def judge(check: SafetyCheck, recipe: Recipe, answers: Answers) -> tuple[CheckResult, bool]:
    """The check's result, and whether asking again may change it; every question must have an answer."""
    verdict = _JUDGES[check.type](recipe, answers)
    message = clip(verdict.message)
    result = evolve(_BLANK_RESULT, type=check.type, passed=verdict.passed, required=check.required, message=message)
    return result, verdict.transient


_BLANK_RESULT: Final = compact(CheckResult(type=CheckType.RBAC, passed=False, required=True))


class _Denied(NamedTuple):
    question: AskAccess
    text: str


def _rbac(recipe: Recipe, answers: Answers) -> Verdict:
    denied: list[_Denied] = []
    for question in recipe.access:
        fact = answers[question].facts
        if isinstance(fact, Unknown):
            return unknown(fact, "let the controller create subjectaccessreviews")
        if isinstance(fact, AccessFacts) and not fact.allowed:
            denied.append(_Denied(question, _access_text(question)))
    if denied:
        sentences = list(dict.fromkeys(one.text for one in denied))
        return bad("access denied: " + _listed(sentences), _grant(denied[0].question))
    text = "the executor's identities may do what the steps and their undos need"
    return good("; ".join((text, *rights_unknown(recipe)[:SHOWN_MAX])))


def rights_unknown(recipe: Recipe) -> tuple[str, ...]:
    """One sentence per step, and per undo, of which nobody knows all that its executor must be allowed."""
    undone = recipe.rollback_strategy is not RollbackStrategy.NONE
    found: list[tuple[str, str]] = []
    for step in recipe.steps:
        if not reads_only(step) and not knows_rights(step.spec):
            found.append((f"step {step.name!r}", step.action))
        if undone and not knows_undo_rights(step.spec):
            found.append((f"the undo of step {step.name!r}", step.undo))
    return tuple(
        f"not known is what {what} ({action}) needs: see to it that {identity_of(action)} may" for what, action in found
    )


def _listed(sentences: list[str]) -> str:
    more = len(sentences) - SHOWN_MAX
    return "; ".join(sentences[:SHOWN_MAX]) + (f"; and {more} more" if more > 0 else "")


def _access_text(asked: AskAccess) -> str:
    where = f" in namespace {asked.namespace}" if asked.namespace else ""
    return f"{asked.user} may not {asked.verb} {_resource(asked)} {asked.name}".rstrip() + where


def _resource(asked: AskAccess) -> str:
    return f"{asked.resource}.{asked.group}" if asked.group else asked.resource


def _grant(asked: AskAccess) -> str:
    """The two commands that would allow it, as a person may type them."""
    namespace, _, account = asked.user.removeprefix(_SERVICE_ACCOUNT).partition(":")
    name = f"{account.removesuffix('-sa')}-{asked.verb}-{asked.resource.replace('/', '-')}"
    role = f"kubectl create clusterrole {name} --verb={asked.verb} --resource={_resource(asked)}"
    kind, where = ("rolebinding", f" -n {asked.namespace}") if asked.namespace else ("clusterrolebinding", "")
    binding = f"kubectl create {kind} {name}{where} --clusterrole={name} --serviceaccount={namespace}:{account}"
    return f"grant it, for example: {role} && {binding}"


def _health(recipe: Recipe, answers: Answers) -> Verdict:
    wrong: list[str] = []
    seen: set[TargetRef] = set()
    for step in (recipe.steps[position] for position in recipe.order):
        ref, ask = step.target, step.ask
        if ref is None or ask is None:
            continue
        fact = answers[ask].facts
        if isinstance(fact, Unknown):
            return unknown(fact, _SECRET if ref.kind == "Secret" else OBSERVER)
        if isinstance(fact, TargetFacts):
            # What an earlier step does to the same target is not known yet: only the first is judged by its health.
            trouble = _trouble(ref, fact) or ("" if ref in seen else _made_worse(step, fact))
            wrong += [f"step {step.name!r}: {trouble}"] if trouble else []
        seen.add(ref)
    if wrong:
        return Verdict(False, _listed(wrong))
    targets = so_many(len(recipe.targets), "target exists", "targets exist")
    return good(f"{targets}, and none fails in a way that its step makes worse")


def _trouble(ref: TargetRef, fact: TargetFacts) -> str:
    if not fact.exists:
        return f"{target_text(ref)} does not exist; correct the name or create it"
    if fact.terminating:
        return f"{target_text(ref)} is being deleted; wait for its end or leave the step out"
    return ""


def _made_worse(step: RecipeStep, fact: TargetFacts) -> str:
    """Why this step makes a failing target worse or has no effect on it; "" when it may help."""
    p, state = step.spec.parameters, fact.state
    if p is None or step.target is None:
        return ""
    if state.get("paused") == "true" and (p.restart_deployment or p.update_image):
        return f"{target_text(step.target)} is paused, so nothing would be rolled out; kubectl rollout resume it first"
    scale = p.scale_deployment
    if scale is None or fact.healthy is not False:
        return ""
    ready = state.get("readyReplicas", "0")
    if not ready.isdecimal() or scale.replicas >= int(ready):
        return ""
    return (
        f"{target_text(step.target)} is failing ({fact.message or 'not healthy'}) and scaling it to "
        f"{scale.replicas} takes away some of its {ready} ready replicas; mend it first"
    )


def _network(_recipe: Recipe, answers: Answers) -> Verdict:
    fact = answers[AskNetwork()].facts
    fix = "look at the network between controller and API server"
    if isinstance(fact, Unknown):
        return unknown(fact, fix)
    if isinstance(fact, NetworkFacts):
        if fact.reachable:
            return good(fact.message or "the API server answers")
        return bad(f"the API server does not answer within 5s: {fact.message or 'no answer'}", fix)
    return bad("unknown: no answer about the network", fix)


_JUDGES: Final[Mapping[CheckType, Callable[[Recipe, Answers], Verdict]]] = {
    CheckType.RBAC: _rbac,
    CheckType.HEALTH: _health,
    CheckType.CAPACITY: capacity,
    CheckType.NETWORK: _network,
}


def protected_targets(recipe: Recipe, settings: Settings) -> tuple[str, ...]:
    """One sentence per step that would work in a protected namespace, itself or by its undo (BR-WF-016)."""
    return tuple(text for _, text in protected_steps(recipe, settings))


def protected_steps(recipe: Recipe, settings: Settings) -> Iterator[tuple[RecipeStep, str]]:
    """The same, each with its step."""
    protected, fix = settings.protected_namespaces, "no workflow may (setting protected-namespaces)"
    for step in recipe.steps:
        if step.namespace in protected:
            yield step, f"step {step.name!r} works in protected namespace {step.namespace!r}; {fix}"
        undo = undo_namespace_of(step.spec)
        if undo in protected:
            yield step, f"the rollbackSpec of step {step.name!r} works in protected namespace {undo!r}; {fix}"
        for whose, text in manifests_of(step.spec):
            wrong = _protected_in(text, protected)
            if wrong:
                yield step, f"the manifest of {whose} {step.name!r} {wrong}; {fix}"


def _protected_in(manifest: str, protected: tuple[str, ...]) -> str:
    """What a manifest would do to a protected namespace, or why nobody can tell; "" when it leaves them alone."""
    try:
        named = manifest_targets(manifest)
    except BadInput as trouble:
        return f"cannot be read ({trouble.findings[0].message}), so it may change a protected namespace"
    for ref in named:
        where = ref.name if ref.kind == "Namespace" else ref.namespace
        if where in protected:
            return f"changes {target_text(ref)}, which is in protected namespace {where!r}"
    return ""


def undo_warnings(recipe: Recipe) -> tuple[str, ...]:
    """Critical steps that automatic rollback could not undo; what only looks leaves nothing behind (BR-WF-019)."""
    if recipe.rollback_strategy is not RollbackStrategy.AUTOMATIC:
        return ()
    return tuple(
        f"critical step {step.name!r} has no rollback and its action {step.action} has none by default; "
        "give it a rollbackSpec, or accept that automatic rollback leaves it as it is"
        for step in recipe.steps
        if step.spec.critical_step and not step.undo and not step.deletes_target and not reads_only(step)
    )


def unwatched_warnings(recipe: Recipe, answers: Answers) -> tuple[str, ...]:
    """Targets that monitoring will not be able to see; advisory (BR-WF-019)."""
    found = []
    for ask in recipe.asks:
        answer = answers.get(ask)
        if answer is not None and isinstance(answer.facts, Unknown):
            found.append(
                f"monitoring will not see {target_text(ask.target)} ({answer.facts.reason}); the outcome stays unknown "
                "unless the controller gets the observer role"
            )
    return tuple(found)
