"""Writes that the API server refuses: tried again ever more slowly, told once when it is sure (BR-WF-025)."""

import pytest

from tests.unit.engine.support import Brain, Hand, child, no, ok, status, workflow
from wfexec.model.facts import FORBIDDEN_MS
from wfexec.model.plan import DeleteChild, MetadataChange, Plan
from wfexec.model.requests import (
    Code,
    CreateExecution,
    DeleteExecution,
    EventWrites,
    Outcome,
    PatchMetadata,
    PatchStatus,
)
from wfexec.settings import DEFAULTS

START = Plan(status=status("executing"), creates=(child(),))


def refuse_writes(hand: Hand, kind: type, outcome: Outcome, until: int) -> tuple[list[int], list[str]]:
    """How long each refused write was waited for, and which Events came of them."""
    waits: list[int] = []
    told: list[str] = []
    began = hand.now
    while hand.now - began < until:
        hand.reply(kind, outcome)
        for request in hand.outstanding(EventWrites):
            body = request.body
            assert isinstance(body, EventWrites)
            told += [f"{write.reason}: {write.message}" for write in body.writes]
            hand.answer(request, ok((ok(),)))
        before = hand.now
        while not hand.outstanding(kind):
            hand.sleep()
        waits.append(hand.now - before)
    return waits, told


GOES = Plan(deletes=(DeleteChild("wf-step-1", "u", "7"),))
LETS_GO = Plan(metadata=MetadataChange(finalizers=()))
NO_RIGHT = "no right to do that"


@pytest.mark.parametrize(
    ("plan", "kind", "what"),
    [
        (START, PatchStatus, "its status"),
        (LETS_GO, PatchMetadata, "its metadata"),
        (GOES, DeleteExecution, "the deletion of wf-step-1"),
    ],
)
def test_a_right_to_write_that_is_missing_is_asked_for_ever_more_slowly_and_told_once_when_it_has_lasted(
    plan: Plan, kind: type, what: str
) -> None:
    hand = Hand(Brain(*[plan] * 60))
    hand.boot([workflow()])
    slow = DEFAULTS.requeue_error
    waits, told = refuse_writes(hand, kind, no(Code.FORBIDDEN, NO_RIGHT), 20 * slow)
    assert told == [f"WriteRefused: the API server refuses {what}; nothing is lost, and it is tried again: {NO_RIGHT}"]
    for nth, wait in enumerate(waits):
        whole = min(100 << nth, slow)
        assert whole / 2 <= wait <= whole


def test_a_right_to_write_that_is_missing_for_a_moment_is_nobodys_news() -> None:
    hand = Hand(Brain(*[START] * 60))
    hand.boot([workflow()])
    waits, told = refuse_writes(hand, PatchStatus, no(Code.FORBIDDEN, NO_RIGHT), FORBIDDEN_MS // 2)
    assert (sum(waits) <= FORBIDDEN_MS, told) == (True, [])


@pytest.mark.parametrize("outcome", [no(Code.INVALID, "no such field"), no(Code.FORBIDDEN, "w denied the request")])
def test_a_write_that_is_refused_for_what_it_is_is_told_at_once_and_tried_at_the_pace_of_errors(
    outcome: Outcome,
) -> None:
    hand = Hand(Brain(*[START] * 60))
    hand.boot([workflow()])
    waits, told = refuse_writes(hand, PatchStatus, outcome, DEFAULTS.requeue_error)
    assert waits == [DEFAULTS.requeue_error]
    assert told == [
        f"WriteRefused: the API server refuses its status; nothing is lost, and it is tried again: {outcome.message}"
    ]


def test_what_is_refused_again_after_a_write_was_taken_is_told_again() -> None:
    hand = Hand(Brain(*[START] * 60))
    hand.boot([workflow()])
    refused = no(Code.INVALID, "no such field")
    assert len(refuse_writes(hand, PatchStatus, refused, 1)[1]) == 1
    hand.reply(PatchStatus, ok(workflow(version=111, phase="executing")))
    hand.reply(CreateExecution, ok(child(version=112)))
    assert len(refuse_writes(hand, PatchStatus, refused, 1)[1]) == 1
