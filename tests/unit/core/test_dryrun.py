"""What the dry run foresees, what it refuses, and what it admits not to know (BR-WF-017)."""

import time
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.world import HEALTHY, World, default_facts, spec, step
from wfexec.core.dryrun import simulate
from wfexec.core.graph import compile_recipe
from wfexec.core.registry import ACTIONS
from wfexec.model.bearings import NamespaceFacts
from wfexec.model.facts import AskTarget, Facts, Question, TargetFacts, TargetRef, Unknown
from wfexec.model.recipe import Recipe
from wfexec.model.status import DryRunResults
from wfexec.settings import DEFAULTS

SICK = TargetFacts(True, False, False, {"replicas": "3", "revision": "1"}, "0 of 3 replicas are ready")


def recipe(*steps: dict[str, Any], **strategy: Any) -> Recipe:
    made = compile_recipe(spec(*steps, strategy=strategy), DEFAULTS)
    assert isinstance(made, Recipe), made
    return made


def dry(made: Recipe, **facts: TargetFacts | Unknown) -> DryRunResults:
    """Facts by the name of their target; healthy where none are given."""
    return simulate(made, {ref: facts.get(ref.name, HEALTHY) for ref in made.targets})


def custom(number: int, action: str, *after: int, **config: str) -> dict[str, Any]:
    parameters = {"custom": {"actionType": action, "config": config}}
    return step(number, *after, action=action, parameters=parameters)


def on(number: int, *after: int, action: str, member: str, **more: Any) -> dict[str, Any]:
    return step(number, *after, action=action, parameters={member: {"namespace": "shop", **more}})


def texts(results: DryRunResults) -> list[str]:
    return [one.description for one in results.potential_issues]


def errors(results: DryRunResults) -> list[str]:
    return [error for one in results.step_results for error in one.validation_errors]


def test_what_was_observed_is_never_changed() -> None:
    state = MappingProxyType({"replicas": "3"})
    made = recipe(step(1))
    fact = TargetFacts(True, False, True, state, "")
    results = dry(made, d1=fact)
    assert results.resource_changes[0].after_state == {"replicas": "5"}
    assert dict(state) == {"replicas": "3"}


def test_a_deleted_pod_is_not_there_for_later_steps() -> None:
    pod = {"podName": "p"}
    results = dry(
        recipe(
            on(1, action="delete-pod", member="deletePod", **pod),
            on(2, 1, action="delete-pod", member="deletePod", **pod),
        )
    )
    assert errors(results) == ["Pod shop/p does not exist any more: an earlier step deletes it"]
    assert [change.change_type for change in results.resource_changes] == ["delete"]


def test_an_unknown_target_is_no_success() -> None:
    results = dry(recipe(step(1)), d1=Unknown("no right to read Deployment shop/d1"))
    assert not results.overall_success
    assert errors(results) == ["Deployment shop/d1 could not be observed: no right to read Deployment shop/d1"]
    assert results.resource_changes == ()


def test_an_answer_that_did_not_come_is_waited_for_no_longer_than_the_dry_run_may_take() -> None:
    strategy = {"safetyChecks": [{"type": "network"}]}
    world = World(spec(step(1), strategy=strategy))
    began = world.now

    def facts(question: Question) -> Facts:
        return Unknown("no reply", transient=True) if isinstance(question, AskTarget) else default_facts(question)

    world.facts = facts
    world.run()
    assert world.workflow.status.failure_reason.startswith("dry_run_failed")
    assert DEFAULTS.dry_run_timeout < world.now - began < DEFAULTS.dry_run_timeout + 5_000


def test_an_answer_that_comes_late_is_taken() -> None:
    silent = [3]
    world = World(spec(step(1), strategy={"safetyChecks": [{"type": "network"}]}))

    def facts(question: Question) -> Facts:
        if isinstance(question, AskTarget) and silent[0]:
            silent[0] -= 1
            return Unknown("no reply", transient=True)
        return default_facts(question)

    world.facts = facts
    world.run()
    assert world.workflow.status.phase == "completed"


@pytest.mark.parametrize(
    ("first", "second", "severity"),
    [
        ({"replicas": 2}, {"replicas": 4}, "high"),
        ({"replicas": 4}, {"replicas": 4}, "medium"),
    ],
)
def test_two_scalings_at_the_same_time(first: dict[str, int], second: dict[str, int], severity: str) -> None:
    made = recipe(
        on(1, action="scale-deployment", member="scaleDeployment", deployment="d", **first),
        on(2, action="scale-deployment", member="scaleDeployment", deployment="d", **second),
    )
    results = dry(made)
    conflict = next(one for one in results.potential_issues if "conflicting operations" in one.description)
    assert (conflict.severity, conflict.step_number, conflict.recommendation) == (
        severity,
        2,
        "let one of them depend on the other",
    )
    assert results.overall_success is (severity != "high")


def test_who_only_looks_conflicts_with_nobody() -> None:
    made = recipe(
        on(1, action="scale-deployment", member="scaleDeployment", deployment="d", replicas=4),
        custom(2, "verify-health", kind="Deployment", namespace="shop", name="d"),
    )
    assert made.conflicts == ()


def test_a_step_beside_its_primary_may_conflict_with_it() -> None:
    scale = {"namespace": "shop", "deployment": "d", "replicas": 4}
    beside = step(2, 1, runCondition="parallel_with_primary", parameters={"scaleDeployment": {**scale, "replicas": 2}})
    made = recipe(step(1, parameters={"scaleDeployment": scale}), beside)
    assert [one.severity for one in made.conflicts] == ["high"]


def test_a_step_that_runs_alone_conflicts_with_nobody() -> None:
    scale = {"namespace": "shop", "deployment": "d", "replicas": 4}
    made = recipe(
        step(1, parameters={"scaleDeployment": scale}),
        step(2, parameters={"scaleDeployment": {**scale, "replicas": 2}}, metadata={"execution_mode": "sequential"}),
    )
    assert made.conflicts == ()


def test_a_step_for_failures_is_not_simulated() -> None:
    made = recipe(step(1), step(2, 1, runCondition="if_primary_fails"), step(3, 2))
    results = dry(made)
    assert [change.resource_name for change in results.resource_changes] == ["d1"]
    assert results.overall_success
    assert "runs only if 's1' fails" in texts(results)[0]


def test_a_target_that_is_ill_and_that_nobody_heals_is_pointed_out() -> None:
    verify = custom(1, "verify-health", kind="Deployment", namespace="shop", name="d")
    assert "is not healthy" in texts(dry(recipe(verify), d=SICK))[0]
    healed = recipe(
        step(1), custom(2, "verify-health", 1, kind="Deployment", namespace="shop", name="d")
    )  # a change before it may be what heals
    assert texts(dry(healed, d=SICK)) == []


def test_there_is_no_revision_before_the_first() -> None:
    back = custom(1, "rollback-deployment", kind="Deployment", namespace="shop", name="d")
    assert errors(dry(recipe(back), d=SICK)) == ["Deployment shop/d has no earlier revision to go back to"]


def test_an_immutable_config_map_is_refused() -> None:
    change = on(1, action="update-configmap", member="updateConfigMap", name="c", dataUpdates={"a": "1"})
    facts = TargetFacts(True, False, None, {"immutable": "true"}, "")
    assert errors(dry(recipe(change), c=facts)) == ["ConfigMap shop/c is immutable"]


def test_a_namespace_that_is_going_or_gone_is_refused() -> None:
    made = recipe(step(1))
    facts = dict.fromkeys(made.targets, HEALTHY)
    assert errors(simulate(made, facts, {})) == ["namespace 'shop' does not exist"]
    going = {"shop": NamespaceFacts({}, terminating=True)}
    assert errors(simulate(made, facts, going)) == ["namespace 'shop' is being deleted"]
    assert errors(simulate(made, facts, {"shop": NamespaceFacts({})})) == []


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ("kind: [", "its manifest cannot be read"),
        (
            "kind: ConfigMap\nmetadata: {name: dns, namespace: kube-system}",
            "its manifest changes ConfigMap kube-system/dns, in a protected namespace",
        ),
    ],
)
def test_a_manifest_that_must_not_be_applied_is_refused(manifest: str, expected: str) -> None:
    made = recipe(custom(1, "apply-manifest", manifest=manifest))
    (error,) = errors(simulate(made, {}, None, DEFAULTS.protected_namespaces))
    assert error.startswith(expected)


def test_no_content_of_a_secret_is_told() -> None:
    change = on(1, action="update-secret", member="updateSecret", name="s", dataUpdates={"token": "czNjcjN0"})
    again = on(2, action="update-secret", member="updateSecret", name="s", dataUpdates={"token": "b3RoZXI="})
    results = dry(recipe(change, again), s=Unknown("no right to read Secret shop/s"))
    told = results.model_dump_json()
    assert "czNjcjN0" not in told
    assert "b3RoZXI=" not in told
    # Two values under one key at the same time: nobody knows which one stays.
    assert not results.overall_success


def test_a_large_change_is_cut_and_says_so() -> None:
    updates = {f"key-{number:03d}": "x" * 50_000 for number in range(200)}
    change = on(1, action="update-configmap", member="updateConfigMap", name="c", dataUpdates=updates)
    results = dry(recipe(change))
    assert len(results.model_dump_json()) < 8_000
    assert "200 keys of ConfigMap shop/c change, 16 of them are shown" in texts(results)


MEMBERS: dict[str, dict[str, Any]] = {
    "scale_deployment": {"scaleDeployment": {"namespace": "shop", "deployment": "d", "replicas": 0}},
    "restart_deployment": {"restartDeployment": {"namespace": "shop", "deployment": "d"}},
    "update_image": {"updateImage": {"namespace": "shop", "deployment": "d", "container": "app", "newImage": "app:2"}},
    "restart_pod": {"restartPod": {"namespace": "shop", "selector": "app=d"}},
    "delete_pod": {"deletePod": {"namespace": "shop", "podName": "p"}},
    "update_config_map": {"updateConfigMap": {"namespace": "shop", "name": "c", "dataUpdates": {"a": "1"}}},
    "update_secret": {"updateSecret": {"namespace": "shop", "name": "s", "dataUpdates": {"a": "MQ=="}}},
    "cordon_node": {"cordonNode": {"nodeName": "n"}},
    "drain_node": {"drainNode": {"nodeName": "n"}},
    "custom": {"custom": {"actionType": "x", "config": {"kind": "Deployment", "namespace": "shop", "name": "d"}}},
}


@pytest.mark.parametrize(
    ("action", "member"), [(action.name, member) for action in ACTIONS for member in action.members]
)
def test_every_action_is_foreseen_or_admitted_to_be_unforeseeable(action: str, member: str) -> None:
    """Nothing passes in silence: a change, an issue, or an action that leaves everything as it is."""
    results = dry(recipe(step(1, action=action, parameters=MEMBERS[member])))
    reading = action in ("audit-logs", "backup-data", "collect-diagnostics", "create-heap-dump", "notify-only") or (
        action.startswith(("verify-", "check-"))
    )
    assert results.steps_simulated == 1
    assert bool(results.resource_changes or results.potential_issues) is not reading


@given(
    edges=st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), max_size=30),
    targets=st.lists(st.integers(1, 4), min_size=12, max_size=12),
    slots=st.integers(1, 5),
)
def test_a_conflict_is_two_writers_of_one_object_that_nothing_orders(
    edges: list[tuple[int, int]], targets: list[int], slots: int
) -> None:
    after: dict[int, set[int]] = {number: set() for number in range(1, 13)}
    for one, other in edges:
        if one < other:
            after[other].add(one)
    steps = [
        on(n, *sorted(after[n]), action="scale-deployment", member="scaleDeployment", deployment=f"d{t}", replicas=n)
        for n, t in enumerate(targets, 1)
    ]
    reach = {n: set(after[n]) for n in after}
    for n in sorted(reach):
        for one in after[n]:
            reach[n] |= reach[one]
    expected = sum(targets[a - 1] == targets[b - 1] and a not in reach[b] for b in range(1, 13) for a in range(1, b))
    assert len(recipe(*steps, maxParallelSteps=slots).conflicts) == (0 if slots == 1 else expected)


def test_a_hundred_steps_are_played_through_at_once() -> None:
    made = recipe(*(step(number) for number in range(1, 101)))
    facts: dict[TargetRef, TargetFacts | Unknown] = dict.fromkeys(made.targets, HEALTHY)
    taken = []
    for _ in range(3):
        started = time.process_time()
        assert simulate(made, facts).steps_simulated == 100
        taken.append(time.process_time() - started)
    assert min(taken) < 0.1


def foreseen(*steps: dict[str, Any], given: dict[str, Any] | None = None, **facts: TargetFacts) -> DryRunResults:
    made = compile_recipe(spec(*steps, variables=given or {}), DEFAULTS)
    assert isinstance(made, Recipe), made
    known = {ref: facts.get(ref.name, HEALTHY) for ref in made.targets}
    return simulate(made, known, variables=given or {}, now=1_767_225_600_000)


@pytest.mark.parametrize(
    ("when", "changed"),
    [
        ("true", ["d1", "d2", "d3"]),
        ("input.current_replicas > 3", ["d1"]),
        ("variables.careful", ["d1"]),
        ("!variables.careful", ["d1", "d2", "d3"]),
        ('steps.s1.status == "completed"', ["d1", "d2", "d3"]),
        ("steps.s1.target.replicas == 5", ["d1", "d2", "d3"]),
        ("now < timestamp('2026-01-01T00:00:01Z')", ["d1", "d2", "d3"]),
        ("target.exists && input.healthy", ["d1", "d2", "d3"]),
    ],
)
def test_a_step_runs_in_the_dry_run_when_its_when_holds_in_what_earlier_steps_leave(
    when: str, changed: list[str]
) -> None:
    results = foreseen(step(1), step(2, 1, when=when), step(3, 2), given={"careful": False})
    assert [one.resource_name for one in results.resource_changes] == changed
    assert results.overall_success
    assert any("would not run" in text for text in texts(results)) == (len(changed) == 1)
    assert [one.simulated_duration for one in results.step_results[1:]].count(0) == (2 if len(changed) == 1 else 0)


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ('steps.s1.outputs.size == "2"', "outputs of step 's1' is known only once it has run"),
        ('steps[variables.other].status == "pending"', "step 's3' may run before or after it"),
        ("steps.s1.target.healthy", "an earlier step changes Deployment shop/d1"),
        ('input.available_cpu != "0"', "available_cpu is looked at once"),
        ("input.no_such > 3", "no_such"),
        ("1 / (input.current_replicas - 3) == 1", "division by zero"),
    ],
)
def test_what_only_a_run_can_tell_leaves_it_open_whether_a_step_runs(when: str, why: str) -> None:
    results = foreseen(step(1), step(2, 1, when=when), step(3), given={"other": "s3"})
    assert "d2" in [one.resource_name for one in results.resource_changes], "simulated as if it ran"
    (text,) = [text for text in texts(results) if "whether step 's2' runs is not known" in text]
    assert why in text


def test_what_a_step_makes_of_its_target_in_a_way_that_is_not_simulated_is_unknown() -> None:
    vague = custom(1, "optimize-resources", kind="Deployment", namespace="shop", name="d2")
    results = foreseen(vague, step(2, 1, when="input.current_replicas == 3"))
    assert any("in a way that is not simulated" in text for text in texts(results))


def test_a_when_of_a_target_that_nobody_could_see_is_open() -> None:
    made = recipe(step(1), step(2, 1, when="steps.s1.target.exists"))
    facts = {ref: HEALTHY if ref.name == "d2" else Unknown("no right") for ref in made.targets}
    assert any("Deployment shop/d1 is unknown: no right" in text for text in texts(simulate(made, facts)))
