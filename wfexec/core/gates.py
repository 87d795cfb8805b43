"""Safety checks: what must hold before anything runs, each judged from answers of the world (BR-WF-015, BR-WF-016).

Order: rbac, health, capacity, network. `unknown` never counts as passed; whether that refuses the workflow depends on
whether the check is required.
"""

from collections.abc import Mapping
from typing import NamedTuple

from wfexec.core.targets import target_text
from wfexec.model.base import clip
from wfexec.model.facts import (
    AccessFacts,
    Answer,
    AskAccess,
    AskNetwork,
    AskNodes,
    AskTarget,
    NetworkFacts,
    NodesFacts,
    Question,
    TargetFacts,
    TargetRef,
    Unknown,
)
from wfexec.model.phases import CheckType
from wfexec.model.recipe import Recipe
from wfexec.model.status import CheckResult
from wfexec.model.workflow import SafetyCheck
from wfexec.settings import Settings

# A drain moves a node's work to the others: with fewer than three nodes there is no safe place for it.
DRAIN_NODES_MIN = 3
DEFAULT_CHECKS = (
    SafetyCheck(type=CheckType.RBAC, description="the executor may do what the steps need"),
    SafetyCheck(type=CheckType.HEALTH, description="targets exist and are not being deleted"),
    SafetyCheck(type=CheckType.CAPACITY, description="the cluster has room"),
    SafetyCheck(type=CheckType.NETWORK, description="the API server answers in time", required=False),
)
_ORDER = (CheckType.RBAC, CheckType.HEALTH, CheckType.CAPACITY, CheckType.NETWORK)
Answers = Mapping[Question, Answer]


class Verdict(NamedTuple):
    """`transient`: not passed only because nobody answered; asking again may help."""

    passed: bool
    message: str
    transient: bool = False


def checks_of(declared: tuple[SafetyCheck, ...]) -> tuple[SafetyCheck, ...]:
    """The declared checks in their fixed order; all four when none is declared."""
    return tuple(sorted(declared or DEFAULT_CHECKS, key=lambda check: _ORDER.index(check.type)))


def questions_of(
    checks: tuple[SafetyCheck, ...], targets: tuple[TargetRef, ...], access: tuple[AskAccess, ...], dry_run: bool
) -> tuple[Question, ...]:
    """All that the checks and the dry run need to know, each question once."""
    types = {check.type for check in checks}
    asked: list[Question] = []
    if CheckType.RBAC in types:
        asked += access
    if dry_run or CheckType.HEALTH in types:
        asked += [AskTarget(ref) for ref in targets]
    if CheckType.CAPACITY in types:
        asked.append(AskNodes())
    if CheckType.NETWORK in types:
        asked.append(AskNetwork())
    return tuple(asked)


def judge(check: SafetyCheck, recipe: Recipe, answers: Answers) -> tuple[CheckResult, bool]:
    """The check's result, and whether asking again may change it; every question must have an answer."""
    verdict = _JUDGES[check.type](recipe, answers)
    result = CheckResult(type=check.type, passed=verdict.passed, required=check.required, message=clip(verdict.message))
    return result, verdict.transient


def _unknown(fact: Unknown) -> Verdict:
    return Verdict(False, f"unknown: {fact.reason}", fact.transient)


def _rbac(recipe: Recipe, answers: Answers) -> Verdict:
    for question in recipe.access:
        fact = answers[question].facts
        if isinstance(fact, Unknown):
            return _unknown(fact)
        if isinstance(fact, AccessFacts) and not fact.allowed:
            return Verdict(False, f"access denied: {_access_text(question)}")
    return Verdict(True, "the executor's identities may do what the steps need")


def _access_text(asked: AskAccess) -> str:
    resource = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    where = f" in namespace {asked.namespace}" if asked.namespace else ""
    return f"{asked.user} may not {asked.verb} {resource} {asked.name}".rstrip() + where


def _health(recipe: Recipe, answers: Answers) -> Verdict:
    for step in recipe.steps:
        ref = step.target
        if ref is None:
            continue
        fact = answers[AskTarget(ref)].facts
        if isinstance(fact, Unknown):
            return _unknown(fact)
        if isinstance(fact, TargetFacts):
            if not fact.exists:
                return Verdict(False, f"step {step.name!r}: {target_text(ref)} does not exist")
            if fact.terminating:
                return Verdict(False, f"step {step.name!r}: {target_text(ref)} is being deleted")
    return Verdict(True, f"{len(recipe.targets)} targets exist")


def _capacity(recipe: Recipe, answers: Answers) -> Verdict:
    fact = answers[AskNodes()].facts
    if isinstance(fact, Unknown):
        return _unknown(fact)
    if not isinstance(fact, NodesFacts):
        return Verdict(False, "unknown: no figures of the nodes")
    given = [step.spec.parameters for step in recipe.steps if step.spec.parameters is not None and not step.uncordons]
    draining = any(p.drain_node is not None for p in given)
    cordoned = {node.node_name for p in given if (node := p.cordon_node or p.drain_node) is not None}
    if draining and fact.nodes < DRAIN_NODES_MIN:
        return Verdict(False, f"a drain needs at least {DRAIN_NODES_MIN} nodes, the cluster has {fact.nodes}")
    if cordoned and fact.schedulable - len(cordoned) < 1:
        message = f"cordoning {len(cordoned)} of {fact.schedulable} schedulable nodes would leave none"
        return Verdict(False, message)
    if fact.schedulable < 1:
        return Verdict(False, "the cluster has no schedulable node")
    return Verdict(True, f"{fact.schedulable} of {fact.nodes} nodes are schedulable")


def _network(recipe: Recipe, answers: Answers) -> Verdict:
    fact = answers[AskNetwork()].facts
    if isinstance(fact, Unknown):
        return _unknown(fact)
    if isinstance(fact, NetworkFacts):
        return Verdict(fact.reachable, fact.message or "the API server answers")
    return Verdict(False, "unknown: no answer about the network")


_JUDGES = {
    CheckType.RBAC: _rbac,
    CheckType.HEALTH: _health,
    CheckType.CAPACITY: _capacity,
    CheckType.NETWORK: _network,
}


def protected_targets(recipe: Recipe, settings: Settings) -> tuple[str, ...]:
    """One sentence per step that would work in a protected namespace."""
    return tuple(
        f"step {step.name!r} works in protected namespace {step.namespace!r}"
        for step in recipe.steps
        if step.namespace in settings.protected_namespaces
    )


def undo_warnings(recipe: Recipe) -> tuple[str, ...]:
    """Critical steps that automatic rollback could not undo (BR-WF-019)."""
    return tuple(
        f"critical step {step.name!r} has no rollback and its action has none by default"
        for step in recipe.steps
        if step.spec.critical_step and not step.undo and not step.deletes_target
    )
