"""Safety checks one by one: rights, health, room, network, and what none of them may touch (BR-WF-015, 016, 019)."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.core.world import World, default_facts, spec, step
from wfexec.core.gates import judge, protected_targets, undo_warnings, unwatched_warnings
from wfexec.core.graph import compile_recipe
from wfexec.model.facts import (
    AccessFacts,
    Answer,
    AskAccess,
    AskNetwork,
    AskNodes,
    AskTarget,
    Facts,
    NetworkFacts,
    NodeRoom,
    NodesFacts,
    Question,
    Room,
    TargetFacts,
    Unknown,
)
from wfexec.model.recipe import Recipe
from wfexec.model.status import CheckResult
from wfexec.settings import DEFAULTS

ACCOUNT = "system:serviceaccount:kubernaut-system:"
GIB = 2**30
SHOP = {"replicas": "3", "readyReplicas": "3", "image:app": "app:1", "cpu:app": "500m", "memory:app": "1Gi"}


def planned(*steps: dict[str, Any], **strategy: Any) -> Recipe:
    made = compile_recipe(spec(*steps, strategy=strategy), DEFAULTS)
    assert isinstance(made, Recipe), made
    return made


def verdict(recipe: Recipe, kind: str, given: Mapping[type, Facts] | None = None) -> CheckResult:
    """The one check, judged in the usual world but for `given` by kind of question."""
    answers = {one: Answer(0, (given or {}).get(type(one)) or default_facts(one)) for one in recipe.questions}
    result, _ = judge(next(check for check in recipe.checks if check.type == kind), recipe, answers)
    return result


def target(healthy: bool | None = True, message: str = "", **changes: str) -> TargetFacts:
    return TargetFacts(True, False, healthy, SHOP | changes, message)


def scale(number: int, replicas: int, **more: Any) -> dict[str, Any]:
    given = {"namespace": "shop", "deployment": f"d{number}", "replicas": replicas}
    return step(number, parameters={"scaleDeployment": given}, **more)


def on_node(number: int, action: str, node: str) -> dict[str, Any]:
    member = "drainNode" if action == "drain-node" else "cordonNode"
    return step(number, action=action, parameters={member: {"nodeName": node}})


def asked(recipe: Recipe) -> list[tuple[str, str, str, str]]:
    return [
        (one.user.removeprefix(ACCOUNT), one.verb, f"{one.resource}.{one.group}".rstrip("."), one.namespace)
        for one in recipe.access
    ]


ROLL = {"updateImage": {"namespace": "shop", "deployment": "d", "container": "app", "newImage": "app:2"}}
VERIFY = {"custom": {"actionType": "verify", "config": {"kind": "Deployment", "namespace": "shop", "name": "d"}}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (scale(1, 5), [("scale-deployment-sa", "patch", "deployments.apps", "shop")]),
        (
            step(1, action="update-image", parameters=ROLL),
            [
                ("update-image-sa", "patch", "deployments.apps", "shop"),
                ("patch-deployment-sa", "patch", "deployments.apps", "shop"),
            ],
        ),
        (
            on_node(1, "drain-node", "n1"),
            [
                ("drain-node-sa", "patch", "nodes", ""),
                ("drain-node-sa", "list", "pods", ""),
                ("drain-node-sa", "create", "pods/eviction", ""),
                ("uncordon-node-sa", "patch", "nodes", ""),
            ],
        ),
        (
            step(1, action="restart_pods", parameters={"restartPod": {"namespace": "shop", "selector": "app=x"}}),
            [("restart-pod-sa", "list", "pods", "shop"), ("restart-pod-sa", "delete", "pods", "shop")],
        ),
        (step(1, action="verify-health", parameters=VERIFY), [("verify-health-sa", "get", "deployments.apps", "shop")]),
        (step(1, action="notify-only", parameters=None), []),
        (
            scale(1, 5, rollbackSpec={"action": "house-undo", "parameters": {"uncordonNode": {"nodeName": "n1"}}}),
            [
                ("scale-deployment-sa", "patch", "deployments.apps", "shop"),
                ("house-undo-sa", "patch", "nodes", ""),
            ],
        ),
    ],
    ids=["scale", "image", "drain", "pods by label", "verify", "notify", "own undo"],
)
def test_rights_are_asked_for_each_step_and_its_undo(
    given: dict[str, Any], expected: list[tuple[str, str, str, str]]
) -> None:
    assert asked(planned(given)) == expected


def test_without_rollback_no_right_to_undo_is_asked_for() -> None:
    recipe = planned(step(1, action="update-image", parameters=ROLL), rollbackStrategy="none")
    assert [user for user, *_ in asked(recipe)] == ["update-image-sa"]


def test_a_missing_right_is_told_with_identity_and_the_commands_that_grant_it() -> None:
    result = verdict(planned(scale(1, 5)), "rbac", {AskAccess: AccessFacts(False, "")})
    assert f"{ACCOUNT}scale-deployment-sa may not patch deployments.apps d1 in namespace shop" in result.message
    assert "--verb=patch --resource=deployments.apps && kubectl create rolebinding" in result.message
    assert "-n shop" in result.message
    assert "--serviceaccount=kubernaut-system:scale-deployment-sa" in result.message
    assert not result.passed


def test_a_right_in_all_namespaces_is_granted_by_a_cluster_role_binding() -> None:
    recipe = planned(on_node(1, "drain-node", "n1"))
    answers: dict[Question, Answer] = {one: Answer(0, AccessFacts(one.verb != "create", "")) for one in recipe.access}
    result, _ = judge(recipe.checks[0], recipe, answers)
    assert "may not create pods/eviction;" in result.message
    assert "kubectl create clusterrolebinding drain-node-create-pods-eviction" in result.message


def test_many_missing_rights_are_counted() -> None:
    result = verdict(planned(*[scale(n, 5) for n in range(1, 10)]), "rbac", {AskAccess: AccessFacts(False, "")})
    assert result.message.count("may not") == 4
    assert "and 5 more" in result.message


@pytest.mark.parametrize("kind", ["rbac", "health", "capacity", "network"])
def test_unknown_never_passes_and_says_what_to_do(kind: str) -> None:
    nobody = Unknown("no right to look")
    result = verdict(planned(scale(1, 5)), kind, dict.fromkeys((AskAccess, AskTarget, AskNodes, AskNetwork), nobody))
    assert not result.passed
    assert result.message.startswith("unknown: no right to look; ")


@pytest.mark.parametrize(
    ("steps", "facts", "words"),
    [
        ((scale(1, 5),), target(), ""),
        ((scale(1, 1),), target(), ""),
        ((scale(1, 1),), target(False, "2 of 3 are ready", readyReplicas="2"), "takes away some of its 2 ready"),
        ((scale(1, 2),), target(False, "2 of 3 are ready", readyReplicas="2"), ""),
        ((scale(1, 0),), target(False, "crash loop", readyReplicas="0"), ""),
        ((step(1, action="update-image", parameters=ROLL),), target(paused="true"), "resume it first"),
        ((step(1, action="update-image", parameters=ROLL),), target(False, "crash loop"), ""),
        ((scale(1, 5),), TargetFacts(False, False, None, {}, ""), "Deployment shop/d1 does not exist"),
        ((scale(1, 5),), TargetFacts(True, True, None, SHOP, ""), "is being deleted"),
    ],
)
def test_health_refuses_what_is_not_there_or_would_get_worse(
    steps: tuple[dict[str, Any], ...], facts: TargetFacts, words: str
) -> None:
    result = verdict(planned(*steps), "health", {AskTarget: facts})
    assert result.passed is (words == "")
    assert words in result.message


def test_a_step_after_another_on_the_same_target_is_not_judged_by_how_it_was() -> None:
    after = {**scale(2, 1), "dependsOn": [1]}
    after["parameters"]["scaleDeployment"]["deployment"] = "d"
    recipe = planned(step(1, action="update-image", parameters=ROLL), after)
    sick = target(False, "crash loop", readyReplicas="2")
    assert verdict(recipe, "health", {AskTarget: sick}).passed


LARGE = NodesFacts(5, 5, 16_000, 64 * GIB)


def room(name: str, free: int = 4_000, moving: int = 0, schedulable: bool = True) -> NodeRoom:
    return NodeRoom(name, schedulable, free, 16 * GIB, moving, moving * 2**20)


def pods_of(name: str, *sizes: int) -> NodeRoom:
    """A node that a drain empties of pods that ask for so many milli-cores, and as many Mi."""
    rooms = tuple(Room(size, size * 2**20) for size in sizes)
    return NodeRoom(name, True, 4_000, 16 * GIB, sum(sizes), sum(sizes) * 2**20, rooms)


def resize(**config: str) -> dict[str, Any]:
    where = {"kind": "Deployment", "namespace": "shop", "name": "d"}
    return step(1, action="increase-memory-limit", parameters={"custom": {"actionType": "x", "config": where | config}})


@pytest.mark.parametrize(
    ("given", "nodes", "words"),
    [
        (scale(1, 5), NodesFacts(3, 3, 1_000, 2 * GIB), ""),
        (scale(1, 5), NodesFacts(3, 3, 999, 2 * GIB), "1000m cpu of 999m free"),
        (scale(1, 5), NodesFacts(3, 3, 1_000, 2 * GIB - 1), "2048Mi memory of 2048Mi free"),
        (scale(1, 2), NodesFacts(3, 3, -5, -5), ""),
        (resize(memory="2Gi"), NodesFacts(3, 3, 100, 3 * GIB), ""),
        (resize(memory="2Gi"), NodesFacts(3, 3, 100, 2 * GIB), "3072Mi memory of 2048Mi free"),
        (resize(memory="512Mi"), NodesFacts(3, 3, 0, 0), ""),
        (resize(memory="much"), NodesFacts(3, 3, 0, 0), ""),
        (on_node(1, "drain-node", "n1"), NodesFacts(2, 2, 9_000, GIB), "at least 3 nodes, the cluster has 2"),
        (on_node(1, "cordon-node", "n1"), NodesFacts(2, 1, 9_000, GIB, (room("n1"),)), "leave none of 1"),
        (on_node(1, "cordon-node", "n1"), NodesFacts(2, 1, 9_000, GIB, (room("n1", schedulable=False),)), ""),
        (on_node(1, "drain-node", "n1"), NodesFacts(3, 3, 5_000, 40 * GIB, (room("n1", 4_000, 1_000),)), ""),
        (
            on_node(1, "drain-node", "n1"),
            NodesFacts(3, 3, 5_000, 40 * GIB, (room("n1", 4_000, 1_001),)),
            "1001m cpu of 1000m free ('s1' for the pods of Node n1)",
        ),
        (scale(1, 5), NodesFacts(3, 0, 0, 0), "no schedulable node"),
    ],
)
def test_capacity_counts_what_is_added_and_what_is_taken_away(
    given: dict[str, Any], nodes: NodesFacts, words: str
) -> None:
    facts = TargetFacts(True, False, True, SHOP | {"memoryLimit:app": "1Gi"}, "")
    result = verdict(planned(given), "capacity", {AskNodes: nodes, AskTarget: facts})
    assert words in result.message
    assert result.passed is (words == "")


def test_rights_that_nobody_knows_are_not_said_to_be_there() -> None:
    volume = {
        "custom": {"actionType": "x", "config": {"kind": "PersistentVolumeClaim", "namespace": "shop", "name": "a"}}
    }
    taint = {"custom": {"actionType": "x", "config": {"kind": "Node", "name": "n1"}}}
    known = verdict(planned(scale(1, 5), step(2, action="taint-node", parameters=taint)), "rbac").message
    assert known == "the executor's identities may do what the steps and their undos need"
    told = verdict(planned(scale(1, 5), step(2, action="expand_pvc", parameters=volume)), "rbac").message
    assert told == f"{known}; not known is what step 's2' (expand_pvc) needs: see to it that expand-pvc-sa may"


def on_each(*rooms: Room, named: tuple[NodeRoom, ...] = ()) -> NodesFacts:
    """A cluster of these nodes, and of those that steps name."""
    cpu = sum(one.cpu_m for one in rooms) + sum(one.cpu_free_m for one in named)
    memory = sum(one.memory for one in rooms) + sum(one.memory_free for one in named)
    return NodesFacts(len(rooms) + len(named), len(rooms) + len(named), cpu, memory, named, rooms)


@pytest.mark.parametrize(
    ("given", "nodes", "words"),
    [
        (scale(1, 5), on_each(Room(500, GIB), Room(500, GIB)), ""),
        (scale(1, 5), on_each(Room(1_000, 2 * GIB), Room(-500, -GIB), Room(1_000, GIB)), ""),
        (
            scale(1, 5),
            on_each(*[Room(499, 2 * GIB)] * 3),
            "no node has room for one pod that asks for 500m cpu and 1024Mi memory ('s1' for Deployment shop/d1)",
        ),
        (
            scale(1, 5),
            on_each(Room(999, GIB), Room(999, GIB - 1), Room(499, GIB)),
            "have room for 1 of 2 pods that ask",
        ),
        (scale(1, 5), on_each(Room(2_000, GIB - 1), Room(400, 2 * GIB)), "no node has room for one pod"),
        (resize(memory="2Gi"), on_each(*[Room(100, GIB)] * 3), ""),
        (resize(memory="2Gi"), on_each(*[Room(100, GIB - 1)] * 4), "no node has room for one pod that asks for 0m cpu"),
        (resize(memory="512Mi"), on_each(Room(0, 0)), ""),
        (on_node(1, "drain-node", "n1"), on_each(Room(500, GIB), Room(500, GIB), named=(pods_of("n1", 500),)), ""),
        (
            on_node(1, "drain-node", "n1"),
            on_each(Room(500, GIB), Room(500, GIB), named=(pods_of("n1", 200, 501),)),
            "no node has room for one pod that asks for 501m cpu and 501Mi memory ('s1' for the pods of Node n1)",
        ),
    ],
)
def test_a_pod_that_has_room_in_all_nodes_together_must_have_it_on_one_of_them(
    given: dict[str, Any], nodes: NodesFacts, words: str
) -> None:
    facts = TargetFacts(True, False, True, SHOP | {"memoryLimit:app": "1Gi"}, "")
    result = verdict(planned(given), "capacity", {AskNodes: nodes, AskTarget: facts})
    assert words in result.message
    assert result.passed is (words == "")


def test_capacity_alone_asks_for_the_targets_whose_size_it_needs() -> None:
    recipe = planned(
        scale(1, 5), on_node(2, "cordon-node", "n1"), dryRunFirst=False, safetyChecks=[{"type": "capacity"}]
    )
    assert [type(one) for one in recipe.questions] == [AskTarget, AskNodes]
    assert recipe.questions[1] == AskNodes(named=("n1",))
    unseen = Unknown("no right to read deployments")
    assert "no right to read" in verdict(recipe, "capacity", {AskTarget: unseen, AskNodes: LARGE}).message


def test_an_api_server_that_does_not_answer_fails_the_network_check() -> None:
    result = verdict(planned(scale(1, 5)), "network", {AskNetwork: NetworkFacts(False, "no answer")})
    assert not result.passed
    assert "within 5s: no answer; look at the network" in result.message


def test_protected_namespaces_are_kept_from_steps_and_undos() -> None:
    undo = {
        "action": "x",
        "parameters": {"scaleToPrevious": {"namespace": "kube-public", "deployment": "d", "previousReplicas": 1}},
    }
    inside = {"custom": {"actionType": "x", "config": {"namespace": "kube-system"}}}
    recipe = planned(scale(1, 5, rollbackSpec=undo), step(2, action="custom", parameters=inside), scale(3, 5))
    first, second = protected_targets(recipe, DEFAULTS)
    assert "rollbackSpec of step 's1' works in protected namespace 'kube-public'" in first
    assert "step 's2' works in protected namespace 'kube-system'" in second


def manifest(*objects: dict[str, Any]) -> dict[str, Any]:
    return {
        "custom": {"actionType": "apply-manifest", "config": {"manifest": "\n---\n".join(map(json.dumps, objects))}}
    }


INSIDE = {"kind": "ConfigMap", "metadata": {"name": "coredns", "namespace": "kube-system"}}
OUTSIDE = {"kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"}}


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        (
            (INSIDE,),
            "of step 's1' changes ConfigMap kube-system/coredns, which is in protected namespace 'kube-system'",
        ),
        (({"kind": "List", "metadata": {}, "items": [OUTSIDE, INSIDE]},), "changes ConfigMap kube-system/coredns"),
        (({"kind": "Namespace", "metadata": {"name": "kube-system"}},), "changes Namespace kube-system"),
        ((OUTSIDE,), ""),
    ],
    ids=["bare", "in a list", "the namespace itself", "elsewhere"],
)
def test_no_manifest_reaches_a_protected_namespace(objects: tuple[dict[str, Any], ...], words: str) -> None:
    given = manifest(*objects)
    recipe = planned(
        step(1, action="apply-manifest", parameters=given),
        scale(2, 5, rollbackSpec={"action": "apply-manifest", "parameters": given}),
    )
    found = protected_targets(recipe, DEFAULTS)
    assert len(found) == (2 if words else 0)
    if words:
        assert words in found[0]
        assert "the manifest of the rollbackSpec of step 's2' changes" in found[1]


def test_a_manifest_that_cannot_be_read_is_not_taken_for_harmless() -> None:
    given = {"custom": {"actionType": "apply-manifest", "config": {"manifest": "kind: [ConfigMap"}}}
    (found,) = protected_targets(planned(step(1, action="apply-manifest", parameters=given)), DEFAULTS)
    assert "cannot be read (not YAML" in found
    assert "may change a protected namespace" in found


HEALTH = {"custom": {"actionType": "verify-health", "config": {"namespace": "shop", "deployment": "d"}}}
RESTART = {"restartDeployment": {"namespace": "shop", "deployment": "d"}}


@pytest.mark.parametrize(
    ("given", "strategy", "count"),
    [
        (step(1, action="restart-deployment", parameters=RESTART, criticalStep=True), "automatic", 1),
        (step(1, action="restart-deployment", parameters=RESTART, criticalStep=True), "manual", 0),
        (step(1, action="restart-deployment", parameters=RESTART), "automatic", 0),
        (step(1, action="verify-health", parameters=HEALTH, criticalStep=True), "automatic", 0),
        (scale(1, 5, criticalStep=True), "automatic", 0),
        (step(1, action="verify-health", criticalStep=True, parameters=None), "automatic", 0),
        (
            step(1, action="restart-deployment", parameters=RESTART, criticalStep=True, rollbackSpec={"action": "x"}),
            "automatic",
            0,
        ),
    ],
)
def test_a_critical_step_without_undo_is_pointed_out(given: dict[str, Any], strategy: str, count: int) -> None:
    assert len(undo_warnings(planned(given, rollbackStrategy=strategy))) == count


def test_a_target_that_monitoring_will_not_see_is_pointed_out() -> None:
    world = World(spec(scale(1, 5), strategy={"safetyChecks": [{"type": "network"}]}))

    def blind(question: Question) -> Facts:
        return Unknown("no right to read it") if isinstance(question, AskTarget) else default_facts(question)

    world.facts = blind
    world.run(until_ms=10_000)
    warnings = unwatched_warnings(planned(scale(1, 5)), world.answers)
    assert warnings[0].startswith("monitoring will not see Deployment shop/d1 (no right to read it)")
