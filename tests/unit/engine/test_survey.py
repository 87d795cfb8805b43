"""Bearings: followed by watches, never guessed, and a change of them wakes those alone whom it concerns."""

from typing import Any

import pytest

from tests.unit.engine.support import BEARINGS, T0, Brain, Hand, no, ok, workflow
from wfexec.engine.survey import PATIENCE_MS
from wfexec.model.bearings import BindingFacts, NamespaceFacts, RegistryData
from wfexec.model.facts import FORBIDDEN_MS
from wfexec.model.meta import ADMISSION_POLICY_NAME, CONTROLLER_NAMESPACE, LABEL_MAINTENANCE, REGISTRY_NAME, ObjectMeta
from wfexec.model.plan import LogRecord
from wfexec.model.requests import (
    Change,
    Code,
    EventWrites,
    Kind,
    Landmark,
    Listing,
    ListObjects,
    WatchObjects,
    WatchSeen,
)

MAINTENANCE = {LABEL_MAINTENANCE: "true"}
PRODUCTION = {"environment": "production"}
POLICY = Landmark(Kind.ADMISSION_POLICY, ObjectMeta(name=ADMISSION_POLICY_NAME), None)
DENIED = 'User "me" cannot list resource'


def namespace(name: str, labels: dict[str, str] | None = None, *, terminating: bool = False) -> Landmark:
    return Landmark(Kind.NAMESPACE, ObjectMeta(name=name), NamespaceFacts(labels or {}, terminating))


def binding(policy: str = ADMISSION_POLICY_NAME, *, everywhere: bool = True, name: str = "binding") -> Landmark:
    return Landmark(Kind.ADMISSION_BINDING, ObjectMeta(name=name), BindingFacts(policy, everywhere))


def registry(version: str = "7", **data: str) -> Landmark:
    meta = ObjectMeta(name=REGISTRY_NAME, namespace=CONTROLLER_NAMESPACE, uid="uid-registry")
    return Landmark(Kind.REGISTRY, meta, RegistryData(version, {key.replace("_", "-"): data[key] for key in data}))


def booted(brain: Brain, *landmarks: Landmark, workflows: tuple[str, ...] = ("validating",)) -> Hand:
    hand = Hand(brain)
    for kind in BEARINGS:
        found = tuple(each for each in landmarks if each.kind is kind)
        hand.reply(ListObjects, ok(Listing(found, "100")), kind)
    hand.reply(ListObjects, ok(Listing((), "100")), Kind.EXECUTION)
    listed = tuple(workflow(f"wf{number}", phase=phase) for number, phase in enumerate(workflows))
    hand.reply(ListObjects, ok(Listing(listed, "100")), Kind.WORKFLOW)
    return hand


def happens(hand: Hand, change: Change, landmark: Landmark) -> None:
    watch = hand.request(WatchObjects, landmark.kind)
    hand.controller.feed(WatchSeen(watch.id, landmark.kind, change, landmark, "110"), hand.now)
    hand.take()


def logged(hand: Hand) -> list[str]:
    return [record.message for _, record in hand.controller.take_records() if isinstance(record, LogRecord)]


def test_the_first_decision_knows_all_bearings() -> None:
    brain = Brain()
    booted(brain, namespace("prod", PRODUCTION), POLICY, binding(), registry(scale_deployment="{}"))
    bearings = brain.looks[0].bearings
    assert bearings.namespaces == {"prod": NamespaceFacts(PRODUCTION)}
    assert bearings.guarded is True
    assert bearings.policies is not None
    assert list(bearings.policies.actions) == ["scale-deployment"]


def test_where_there_is_nothing_to_be_seen_nothing_is_there() -> None:
    brain = Brain()
    booted(brain)
    assert brain.looks[0].bearings == ({}, None, False)


@pytest.mark.parametrize(
    ("there", "guarded"),
    [
        ((POLICY, binding()), True),
        ((POLICY, binding("another"), binding(name="ours")), True),
        ((POLICY,), False),
        ((binding(),), False),
        ((POLICY, binding("another")), False),
        ((POLICY, binding(everywhere=False)), False),
    ],
)
def test_approvals_are_guarded_by_the_policy_and_a_binding_that_leaves_nothing_out(
    there: tuple[Landmark, ...], guarded: bool
) -> None:
    brain = Brain()
    booted(brain, *there)
    assert brain.looks[0].bearings.guarded is guarded


def test_the_end_of_the_binding_is_seen_at_once_by_whoever_validates() -> None:
    brain = Brain()
    hand = booted(brain, POLICY, binding(), workflows=("validating", "executing", "completed"))
    assert len(brain.looks) == 3
    happens(hand, Change.DELETED, binding())
    assert [look.workflow.metadata.name for look in brain.looks[3:]] == ["wf0"]
    assert brain.looks[3].bearings.guarded is False


def test_a_server_without_admission_policies_guards_nothing() -> None:
    brain = Brain()
    hand = Hand(brain)
    for kind in BEARINGS:
        answer = no(Code.NOT_FOUND) if kind in (Kind.ADMISSION_POLICY, Kind.ADMISSION_BINDING) else ok(Listing((), "1"))
        hand.reply(ListObjects, answer, kind)
    hand.reply(ListObjects, ok(Listing((), "1")), Kind.EXECUTION)
    hand.reply(ListObjects, ok(Listing((workflow(),), "1")), Kind.WORKFLOW)
    assert brain.looks[0].bearings.guarded is False


def test_a_missing_right_stops_nothing_is_said_once_and_tried_again() -> None:
    brain = Brain()
    hand = Hand(brain)
    for kind in BEARINGS:
        hand.reply(ListObjects, no(Code.FORBIDDEN, DENIED) if kind is Kind.NAMESPACE else ok(Listing((), "1")), kind)
    hand.reply(ListObjects, ok(Listing((), "1")), Kind.EXECUTION)
    hand.reply(ListObjects, ok(Listing((workflow(phase="validating"),), "1")), Kind.WORKFLOW)
    assert (brain.looks, hand.controller.missing) == ([], (Kind.NAMESPACE.value,))
    while hand.now < T0 + 3 * FORBIDDEN_MS:
        hand.sleep()
        if hand.outstanding(ListObjects):
            hand.reply(ListObjects, no(Code.FORBIDDEN, DENIED), Kind.NAMESPACE)
        assert bool(brain.looks) is (hand.now >= T0 + FORBIDDEN_MS)
    assert brain.looks[0].bearings.namespaces is None
    assert logged(hand) == ["no right to look at objects of kind Namespace"]
    hand.sleep()
    hand.reply(ListObjects, ok(Listing((namespace("prod"),), "9")), Kind.NAMESPACE)
    assert logged(hand) == ["objects of kind Namespace can be seen again"]
    assert brain.looks[-1].bearings.namespaces == {"prod": NamespaceFacts({})}


def test_what_was_known_is_not_known_any_more_when_the_right_is_taken_away() -> None:
    brain = Brain()
    hand = booted(brain, POLICY, binding())
    hand.reply(WatchObjects, no(Code.FORBIDDEN, DENIED), Kind.ADMISSION_BINDING)
    began = hand.now
    while hand.now < began + FORBIDDEN_MS:
        # A server that has just started refuses everybody.
        assert brain.looks[-1].bearings.guarded is True
        hand.sleep()
        if hand.outstanding(WatchObjects) and hand.now < began + FORBIDDEN_MS:
            hand.reply(WatchObjects, no(Code.FORBIDDEN, DENIED), Kind.ADMISSION_BINDING)
    hand.reply(WatchObjects, no(Code.FORBIDDEN, DENIED), Kind.ADMISSION_BINDING)
    assert brain.looks[-1].bearings.guarded is None
    hand.sleep()
    hand.reply(ListObjects, ok(Listing((binding(),), "120")), Kind.ADMISSION_BINDING)
    assert brain.looks[-1].bearings.guarded is True


def test_a_refusal_that_passes_changes_nothing_of_what_was_known() -> None:
    brain = Brain()
    hand = booted(brain, POLICY, binding())
    for _ in range(3):
        hand.reply(WatchObjects, no(Code.FORBIDDEN, DENIED), Kind.ADMISSION_BINDING)
        hand.sleep()
    looks = len(brain.looks)
    happens(hand, Change.MODIFIED, binding())
    hand.after(FORBIDDEN_MS)
    hand.reply(WatchObjects, no(Code.FORBIDDEN, DENIED), Kind.ADMISSION_BINDING)
    assert brain.looks[looks:] == []
    assert logged(hand) == []


def test_bearings_that_nobody_answers_hold_the_first_decision_up_for_a_moment_only() -> None:
    brain = Brain()
    hand = Hand(brain)
    hand.reply(ListObjects, ok(Listing((), "1")), Kind.EXECUTION)
    hand.reply(ListObjects, ok(Listing((workflow(),), "1")), Kind.WORKFLOW)
    assert hand.controller.missing == tuple(kind.value for kind in BEARINGS)
    assert hand.controller.wake_at() == T0 + PATIENCE_MS
    hand.after(PATIENCE_MS - 1)
    assert (brain.looks, hand.controller.synced) == ([], False)
    hand.after(1)
    assert (len(brain.looks), hand.controller.synced, hand.controller.missing) == (1, True, ())
    assert brain.looks[0].bearings == (None, None, None)


def test_a_changed_namespace_wakes_those_who_validate_in_it() -> None:
    brain = Brain()
    hand = booted(brain, namespace("prod"), namespace("other"), workflows=("validating", "executing", "", "failed"))
    looks = len(brain.looks)
    happens(hand, Change.MODIFIED, namespace("other", PRODUCTION))
    assert len(brain.looks) == looks, "nobody works there"
    happens(hand, Change.MODIFIED, namespace("prod", PRODUCTION))
    assert [look.workflow.metadata.name for look in brain.looks[looks:]] == ["wf0"]
    assert brain.looks[-1].bearings.namespaces == {
        "other": NamespaceFacts(PRODUCTION),
        "prod": NamespaceFacts(PRODUCTION),
    }


def test_a_maintenance_wakes_all_who_live_there_and_at_home_everybody() -> None:
    brain = Brain()
    hand = booted(brain, namespace("prod"), namespace("other"), workflows=("executing", "rolling_back", "paused"))
    looks = len(brain.looks)
    happens(hand, Change.MODIFIED, namespace("other", MAINTENANCE))
    assert len(brain.looks) == looks
    happens(hand, Change.MODIFIED, namespace("prod", MAINTENANCE))
    happens(hand, Change.MODIFIED, namespace("prod", {**MAINTENANCE, "team": "shop"}))
    assert len(brain.looks) == looks + 3
    happens(hand, Change.MODIFIED, namespace("prod"))
    happens(hand, Change.ADDED, namespace(CONTROLLER_NAMESPACE, MAINTENANCE))
    assert len(brain.looks) == looks + 9


def test_a_change_that_changes_nothing_leaves_the_same_value() -> None:
    brain = Brain()
    hand = booted(brain, namespace("prod"))
    before = brain.looks[0].bearings
    happens(hand, Change.MODIFIED, namespace("prod"))
    assert len(brain.looks) == 1
    happens(hand, Change.MODIFIED, namespace("prod", terminating=True))
    assert brain.looks[-1].bearings is not before


def test_a_new_registry_wakes_nobody_and_is_there_for_the_next_look() -> None:
    brain = Brain()
    hand = booted(brain, registry("1", scale_deployment="{}"), workflows=("validating", "executing"))
    looks = len(brain.looks)
    happens(hand, Change.MODIFIED, registry("2", scale_deployment="{}", restart_pod="{}"))
    assert len(brain.looks) == looks
    hand.seen(Change.MODIFIED, workflow("wf0", version=111, phase="validating"))
    policies = brain.looks[-1].bearings.policies
    assert policies is not None
    assert (policies.version, list(policies.actions)) == ("2", ["restart-pod", "scale-deployment"])
    happens(hand, Change.DELETED, registry("2"))
    hand.seen(Change.MODIFIED, workflow("wf0", version=112, phase="validating"))
    assert brain.looks[-1].bearings.policies is None


def test_what_is_left_out_of_the_registry_is_said_once_on_the_config_map() -> None:
    brain = Brain()
    hand = booted(brain, registry("3", scale_deployment="pre: [{type: x}]", restart_pod="{}"))
    happens(hand, Change.MODIFIED, registry("3", scale_deployment="pre: [{type: x}]", restart_pod="{}"))
    sent: list[Any] = [request.body for request in hand.outstanding(EventWrites)]
    events = [write for row in sent for write in row.writes]
    assert [(one.type, one.reason, one.times, one.regarding.metadata.name) for one in events] == [
        ("Normal", "PolicyReloaded", 1, REGISTRY_NAME),
        ("Warning", "PolicyInvalid", 1, REGISTRY_NAME),
    ]
    assert "scale-deployment: line 1 pre[0].expr: is required" in events[1].message
    assert logged(hand) == [
        "the registry of conditions was read",
        "an entry of the registry of conditions is left out",
    ]
