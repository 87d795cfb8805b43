"""The rules of production, one by one, and where they hold (BR-WF-016)."""

from typing import Any

import pytest

from tests.unit.core.world import World, spec, step
from wfexec.core.draft import Demands
from wfexec.core.graph import compile_recipe
from wfexec.core.production import Namespaces, demands
from wfexec.model.base import evolve
from wfexec.model.bearings import NO_BEARINGS, NamespaceFacts
from wfexec.model.facts import AccessFacts, AskAccess
from wfexec.model.plan import Plan
from wfexec.model.recipe import Recipe
from wfexec.settings import DEFAULTS, Settings
from wfexec.units import parse_instant

SHOP: Namespaces = {"shop": NamespaceFacts({"environment": "production"}), "lab": NamespaceFacts({})}
QUIET, BUSY = parse_instant("2026-01-05T20:00:00Z"), parse_instant("2026-01-05T10:00:00Z")
EMERGENCY = {"kubernaut.ai/emergency-override": "true"}


def scale(replicas: int, name: str = "d", namespace: str = "shop") -> dict[str, Any]:
    return step(1, parameters={"scaleDeployment": {"namespace": namespace, "deployment": name, "replicas": replicas}})


def custom(action: str, **config: str) -> dict[str, Any]:
    return step(1, action=action, parameters={"custom": {"actionType": action, "config": config}})


def delete_pod(namespace: str = "shop") -> dict[str, Any]:
    return step(1, action="delete-pod", parameters={"deletePod": {"namespace": namespace, "podName": "p"}})


ROLL = step(
    1,
    action="update-image",
    parameters={"updateImage": {"namespace": "shop", "deployment": "d", "container": "app", "newImage": "app:2"}},
)
CONFIG = step(
    1, action="update-configmap", parameters={"updateConfigMap": {"namespace": "shop", "name": "c", "dataUpdates": {}}}
)
SECRET = step(
    1, action="update-secret", parameters={"updateSecret": {"namespace": "shop", "name": "c", "dataUpdates": {}}}
)
RESTART = step(
    1, action="restart-deployment", parameters={"restartDeployment": {"namespace": "shop", "deployment": "d"}}
)
DRAIN = step(1, action="drain-node", parameters={"drainNode": {"nodeName": "n1"}})
UNCORDON = step(1, action="uncordon-node", parameters={"cordonNode": {"nodeName": "n1"}})


TWO_PLACES = (
    "{kind: Secret, metadata: {name: a, namespace: lab}}\n---\n{kind: Secret, metadata: {name: a, namespace: shop}}"
)


def judged(given: dict[str, Any], **more: Any) -> Demands:
    settings = Settings.model_validate(more.pop("settings", {}))
    recipe = compile_recipe(spec(given), settings)
    assert isinstance(recipe, Recipe), recipe
    return demands(
        recipe,
        more.get("namespaces", SHOP),
        more.get("marks", {}),
        more.get("dry_run", True),
        more.get("now", QUIET),
        settings,
    )


@pytest.mark.parametrize(
    ("given", "more", "rules"),
    [
        (scale(20), {}, []),
        (scale(21), {}, ["production-replicas-max"]),
        (scale(21, namespace="lab"), {}, []),
        (scale(21), {"settings": {"production-replicas-max": 30}}, []),
        (scale(0), {}, ["production-replicas-min"]),
        (scale(1), {}, []),
        (scale(0), {"settings": {"production-replicas-min": 0}}, []),
        (scale(2, "api-server"), {}, ["critical-replicas-min"]),
        (scale(0, "api-server"), {}, ["production-replicas-min", "critical-replicas-min"]),
        (scale(3, "api-server"), {}, []),
        (scale(2), {"settings": {"critical-deployments": ["shop/d"]}}, ["critical-replicas-min"]),
        (scale(2), {"settings": {"critical-deployments": ["lab/d"]}}, []),
        (custom("scale-statefulset", namespace="shop", replicas="21"), {}, ["production-replicas-max"]),
        (custom("scale-statefulset", namespace="shop", replicas="many"), {}, []),
        (ROLL, {}, ["image-update-approved"]),
        (ROLL, {"marks": {"kubernaut.ai/image-update-approved": "true"}}, []),
        (ROLL, {"marks": {"kubernaut.ai/image-update-approved": "yes"}}, ["image-update-approved"]),
        (ROLL, {"marks": EMERGENCY}, ["image-update-approved"]),
        (ROLL, {"dry_run": False}, ["image-update-approved", "production-dry-run"]),
        (CONFIG, {}, ["config-update-approved"]),
        (SECRET, {"marks": {"kubernaut.ai/config-update-approved": "true"}, "dry_run": False}, ["production-dry-run"]),
        (RESTART, {"now": BUSY, "dry_run": False}, []),
        (delete_pod(), {"now": QUIET}, []),
        (delete_pod(), {"now": BUSY}, ["business-hours"]),
        (delete_pod(), {"now": BUSY, "marks": EMERGENCY}, []),
        (delete_pod(), {"now": BUSY, "settings": {"business-hours": ""}}, []),
        (delete_pod(), {"now": BUSY, "settings": {"time-zone": "Pacific/Auckland"}}, []),
        (delete_pod("lab"), {"now": BUSY}, []),
        (delete_pod("lab"), {"now": BUSY, "settings": {"production-namespaces": ["l*"]}}, ["business-hours"]),
        (DRAIN, {"now": BUSY}, ["business-hours"]),
        (DRAIN, {"now": BUSY, "namespaces": {"lab": NamespaceFacts({})}}, []),
        (DRAIN, {"dry_run": False, "marks": EMERGENCY}, ["production-dry-run"]),
        (UNCORDON, {"now": BUSY}, []),
        (custom("apply-manifest", manifest="{kind: Secret, metadata: {name: a, namespace: shop}}"), {}, [
            "config-update-approved"
        ]),
        (custom("apply-manifest", manifest="{kind: Deployment, metadata: {name: a, namespace: shop}}"), {}, [
            "image-update-approved"
        ]),
        (custom("apply-manifest", manifest="{kind: Deployment, metadata: {name: a, namespace: lab}}"), {}, []),
        (custom("apply-manifest", manifest=": no manifest"), {}, []),
        (custom("apply-manifest", namespace="lab", manifest=TWO_PLACES), {}, ["config-update-approved"]),
        (custom("apply-manifest", manifest=TWO_PLACES), {}, ["config-update-approved"]),
        (step(1, action="notify-only", parameters=None), {"now": BUSY, "namespaces": None}, []),
    ],
)  # fmt: skip
def test_each_rule_of_production(given: dict[str, Any], more: dict[str, Any], rules: list[str]) -> None:
    found = judged(given, **more).refusals
    assert [text.partition("breaks the rule ")[2].partition(":")[0] for text in found] == rules


@pytest.mark.parametrize(
    ("given", "more", "asked"),
    [
        (delete_pod(), {}, True),
        (delete_pod(), {"marks": EMERGENCY}, False),
        (delete_pod("lab"), {}, False),
        (DRAIN, {}, True),
        (scale(5), {}, False),
        (RESTART, {}, False),
    ],
)
def test_who_ends_running_work_in_production_needs_a_persons_word(
    given: dict[str, Any], more: dict[str, Any], asked: bool
) -> None:
    assert judged(given, **more).person.startswith("production-approval: step 's1'") is asked


def test_where_labels_are_not_known_every_namespace_is_production_and_the_message_says_so() -> None:
    found = judged(delete_pod("lab"), now=BUSY, namespaces=None)
    assert "breaks the rule business-hours" in found.refusals[0]
    assert "is not known, so every one counts; let the controller list and watch namespaces" in found.refusals[0]
    assert "is not known" in found.person


def shop(given: dict[str, Any], settings: Settings = DEFAULTS) -> World:
    """A world in which the shop is production."""
    made = World(spec(given), settings)
    made.bearings = NO_BEARINGS._replace(namespaces=SHOP)
    return made


def test_a_broken_rule_ends_it_in_validation_with_the_rules_name() -> None:
    world = shop(scale(21)).run()
    assert world.phases == ["planning", "validating", "failed"]
    reason = world.workflow.status.failure_reason
    assert reason.startswith("safety_validation_failed: step 's1' (scale-deployment) in production namespace 'shop'")
    assert "breaks the rule production-replicas-max: 21 replicas are more than 20" in reason
    assert world.created == []


def test_ending_work_in_production_waits_for_approval_and_an_override_lets_it_go() -> None:
    settings = Settings.model_validate({"business-hours": ""})
    world = shop(delete_pod(), settings)
    world.run(until_ms=60_000)
    assert world.workflow.status.phase == "validating"
    (waiting,) = [one for one in world.workflow.status.conditions if one.type == "Approved"]
    assert "production-approval" in waiting.message
    again = shop(delete_pod(), settings)
    again.bearings = again.bearings._replace(guarded=True)
    again.workflow = evolve(again.workflow, metadata=evolve(again.workflow.metadata, annotations=EMERGENCY))
    assert again.run().phases[-1] == "completed"


@pytest.mark.parametrize(
    ("signed", "approvers", "may", "phase", "told"),
    [
        ("alice", [], True, "completed", ""),
        ("alice", ["alice"], False, "completed", ""),
        ("mallory", ["alice"], False, "failed", "mallory has no right to approve"),
        ("", [], True, "failed", "intervened-by is missing"),
    ],
)
def test_a_mark_that_nobody_guards_counts_with_a_person_who_may(
    signed: str, approvers: list[str], may: bool, phase: str, told: str
) -> None:
    world = shop(ROLL, Settings.model_validate({"approvers": approvers}))
    marks = {"kubernaut.ai/image-update-approved": "true", "workflowexecution.kubernaut.io/intervened-by": signed}
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, annotations=marks))
    usual = world.facts
    world.facts = lambda asked: (
        AccessFacts(may, "") if isinstance(asked, AskAccess) and asked.verb == "approve" else usual(asked)
    )
    world.run()
    assert world.workflow.status.phase == phase
    assert told in world.workflow.status.failure_reason
    (guarded,) = [one for one in world.workflow.status.conditions if one.type == "ApprovalGuarded"]
    assert guarded.status == "False"


def test_a_mark_that_lifts_nothing_asks_for_no_right() -> None:
    world = shop(RESTART)
    marks = {"kubernaut.ai/image-update-approved": "true"}
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, annotations=marks))
    world.run()
    assert world.workflow.status.phase == "completed"
    assert not any(isinstance(asked, AskAccess) and asked.verb == "approve" for asked in world.answers)


class Silent(World):
    """Nobody ever says whether somebody may approve, and looking takes time."""

    def look(self) -> Plan:
        plan = super().look()
        self.answers = {asked: one for asked, one in self.answers.items() if getattr(asked, "verb", "") != "approve"}
        self.now += 10_000
        return plan


def test_a_right_that_is_never_told_is_not_waited_for_for_ever() -> None:
    world = Silent(spec(ROLL))
    world.bearings = NO_BEARINGS._replace(namespaces=SHOP)
    marks = {"kubernaut.ai/image-update-approved": "true", "workflowexecution.kubernaut.io/intervened-by": "alice"}
    world.workflow = evolve(world.workflow, metadata=evolve(world.workflow.metadata, annotations=marks))
    world.run()
    assert "validation_timeout" in world.workflow.status.failure_reason
