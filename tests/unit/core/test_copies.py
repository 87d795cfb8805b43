"""Copies of ConfigMaps from before their change: made where they undo exactly, read when needed (BR-WF-054)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.core.world import World, default_facts, failed, spec, step
from wfexec.core.final import deleting
from wfexec.model.base import evolve
from wfexec.model.facts import AskCopy, AskTarget, CopyFacts, Facts, Question, TargetFacts, Unknown
from wfexec.model.plan import Copy, EventRecord
from wfexec.settings import DEFAULTS

HOME = DEFAULTS.controller_namespace
NAME = "workflow-copy-uid-1"
SEEN = TargetFacts(True, False, None, {"data:mode": "fast", "data:size": "3"}, "")


def config(number: int, *after: int, name: str = "c", **updates: str) -> dict[str, Any]:
    parameters = {"updateConfigMap": {"namespace": "shop", "name": name, "dataUpdates": updates or {"mode": "careful"}}}
    return step(number, *after, action="update-configmap", parameters=parameters)


LAST: dict[str, Any] = {"criticalStep": True, "maxRetries": 0}


def see(facts: Facts, copy: Facts | None = None) -> Callable[[Question], Facts]:
    """ConfigMaps look like this; the copy holds what it was given unless somebody took it."""

    def told(question: Question) -> Facts:
        if isinstance(question, AskTarget) and question.target.kind == "ConfigMap":
            return facts
        if isinstance(question, AskCopy):
            return copy if copy is not None else CopyFacts(None)
        return default_facts(question)

    return told


def kept(world: World) -> dict[str, dict[str, str]]:
    """What was written down before the first step, by step."""
    copies = [plan.keeps for plan in world.plans if plan.keeps is not None]
    if not copies:
        return {}
    (copy,) = copies
    assert (copy.namespace, copy.name) == (HOME, NAME)
    return {key: json.loads(text) for key, text in copy.data.items()}


def test_the_old_values_of_the_changed_keys_are_kept_before_the_step_is_made() -> None:
    world = World(spec(config(1, mode="careful"), step(2, 1)))
    world.facts = see(SEEN)
    world.run()
    assert kept(world) == {"1": {"mode": "fast"}}
    (plan,) = [plan for plan in world.plans if plan.keeps is not None]
    assert [child.metadata.name for child in plan.creates] == ["wf-step-1"]
    assert world.step(1).pre_state == {"copy": NAME}
    assert world.step(2).pre_state == {"replicas": "3"}


@pytest.mark.parametrize(
    ("facts", "updates", "why"),
    [
        (SEEN, {"new": "x"}, "its key 'new' is new"),
        (SEEN, {"mode": "x", "new": "y"}, "its key 'new' is new"),
        (Unknown("no right"), {"mode": "x"}, "no right"),
        (TargetFacts(False, False, None, {}, ""), {"mode": "x"}, "nobody has seen it"),
    ],
)
def test_where_no_copy_would_undo_it_none_is_made_and_that_is_told(
    facts: Facts, updates: dict[str, str], why: str
) -> None:
    strategy = {"dryRunFirst": False, "safetyChecks": [{"type": "health", "required": False}]}
    world = World(spec(config(1, **updates), strategy=strategy))
    world.facts = see(facts)
    world.run()
    assert kept(world) == {}
    told = [one.message for one in world.records if isinstance(one, EventRecord) and one.reason == "ValidationWarning"]
    assert any("step 's1' is undone only as its executor says" in text and why in text for text in told), told


def test_what_another_step_changes_before_is_kept_once() -> None:
    world = World(spec(config(1, mode="a"), config(2, 1, mode="b"), config(3, 2, size="4"), config(4, name="other")))
    world.facts = see(SEEN)
    world.run()
    assert kept(world) == {"1": {"mode": "fast"}, "3": {"size": "3"}, "4": {"mode": "fast"}}


@pytest.mark.parametrize("strategy", ["automatic", "manual", "none"])
def test_where_nothing_is_ever_undone_nothing_is_kept(strategy: str) -> None:
    world = World(spec(config(1), strategy={"rollbackStrategy": strategy}))
    world.facts = see(SEEN)
    world.run()
    assert bool(kept(world)) is (strategy != "none")


def test_a_step_that_says_how_it_is_undone_needs_no_copy() -> None:
    undo = {"action": "scale-deployment", "parameters": {"scaleToPrevious": {
        "namespace": "shop", "deployment": "d", "previousReplicas": 3}}}  # fmt: skip
    world = World(spec({**config(1), "rollbackSpec": undo}))
    world.facts = see(SEEN)
    world.run()
    assert kept(world) == {}


def rolled_back(copy: Facts) -> World:
    world = World(spec(config(1), step(2, 1, **LAST)))
    world.say("wf-step-2", failed("forbidden"))
    world.facts = see(SEEN, copy)
    return world.run()


def test_an_undo_writes_the_old_values_of_the_copy() -> None:
    world = rolled_back(CopyFacts({"1": json.dumps({"mode": "fast"})}))
    undo = world.children["wf-rollback-1"].spec
    assert undo.action == "update-configmap"
    assert undo.parameters is not None
    assert undo.parameters.update_config_map is not None
    assert dict(undo.parameters.update_config_map.data) == {"mode": "fast"}
    assert world.states() == {1: "rolled_back", 2: "failed"}
    assert sum(isinstance(one, AskCopy) for plan in world.plans for one in plan.questions) == 1


@pytest.mark.parametrize(
    "data",
    [None, {}, {"1": "{"}, {"1": "[]"}, {"1": '{"mode": 7}'}, {"1": "{}"}, {"1": '{"mode": "fast", "more": "x"}'}],
)
def test_a_copy_that_is_gone_or_is_none_of_ours_undoes_nothing(data: dict[str, str] | None) -> None:
    world = rolled_back(CopyFacts(data))
    assert "wf-rollback-1" not in world.created
    rollback = world.step(1).rollback
    assert rollback is not None
    assert (world.workflow.status.phase, rollback.status) == ("failed", "not_reversible")


def test_a_copy_that_nobody_answers_for_is_waited_for_at_the_pace_of_errors() -> None:
    world = World(spec(config(1), step(2, 1, **LAST)))
    world.say("wf-step-2", failed("forbidden"))
    world.facts = see(SEEN, Unknown("busy", transient=True))
    world.run(until_ms=200_000)
    assert world.workflow.status.phase == "rolling_back"
    assert 3 <= sum(isinstance(one, AskCopy) for plan in world.plans for one in plan.questions) <= 8
    world.facts = see(SEEN, CopyFacts({"1": json.dumps({"mode": "fast"})}))
    world.run()
    assert world.states()[1] == "rolled_back"


def test_the_copy_goes_before_the_finalizer_and_only_where_there_is_one() -> None:
    for given, drops in ((config(1), Copy(HOME, NAME, {})), (step(1), None)):
        world = World(spec(given))
        world.facts = see(SEEN)
        world.run()
        meta = evolve(world.workflow.metadata, deletion_timestamp=world.now)
        world.workflow = evolve(world.workflow, metadata=meta)
        plan = deleting(world.snapshot(), world.now, world.settings)
        assert plan.drops == drops
        assert plan.metadata is not None
