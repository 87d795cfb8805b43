"""What it does when the world says no, or nothing: conflicts, lost replies, names taken, throttling."""

import pytest

from tests.unit.engine.support import (
    T0,
    Brain,
    Hand,
    child,
    child_key,
    no,
    ok,
    status,
    unreadable,
    workflow,
    workflow_key,
)
from wfexec.engine.limiter import QUIET_MS
from wfexec.model.base import evolve
from wfexec.model.facts import Answer, AskNodes, AskParent, ParentFacts, Question, Unknown
from wfexec.model.plan import CountRecord, DeleteChild, EventRecord, Plan
from wfexec.model.requests import (
    Ask,
    Change,
    Code,
    CreateExecution,
    DeleteExecution,
    EventWrites,
    GetObject,
    Kind,
    Outcome,
    PatchStatus,
)
from wfexec.settings import DEFAULTS

CREATE = Plan(creates=(child(),))
START = Plan(status=status("executing"), creates=(child(),))
EVENT = EventRecord("Normal", "PhaseTransition", "planning -> executing")
COUNT = CountRecord("phases_total", ("executing",))


def test_a_throttling_server_is_known_to_every_decision_and_its_end_wakes_who_has_steps_waiting() -> None:
    waiting = evolve(workflow("wf1"), status=evolve(status("executing"), queued_steps=2))
    brain = Brain(Plan(status=status("executing")))
    hand = Hand(brain)
    hand.boot([workflow("wf0"), waiting])
    assert [look.pressure for look in brain.looks] == [0, 0]
    hand.reply(PatchStatus, no(Code.THROTTLED))
    hand.after(QUIET_MS - 1)
    assert {look.pressure for look in brain.looks[2:]} == {1}
    looks = len(brain.looks)
    hand.after(1)
    assert [(look.workflow.metadata.name, look.pressure) for look in brain.looks[looks:]] == [("wf1", 0)]


def test_after_a_conflict_the_object_is_read_and_decided_upon_anew() -> None:
    brain = Brain(START, Plan(status=status("paused")))
    hand = Hand(brain)
    hand.boot([workflow()])
    assert hand.reply(PatchStatus, no(Code.CONFLICT)) == []
    assert hand.outstanding(CreateExecution) == []
    hand.sleep()
    assert hand.now == T0 + 100
    assert hand.one(GetObject).key == workflow_key()
    assert len(brain.looks) == 1
    hand.reply(GetObject, ok(workflow(version=140, message="somebody edited")))
    assert brain.looks[1].workflow.metadata.resource_version == "140"
    assert hand.one(PatchStatus).resource_version == "140"
    assert hand.one(PatchStatus).after.phase == "paused"


def test_what_a_conflict_is_read_for_is_believed_at_the_version_that_was_known() -> None:
    """A webhook has altered what we wrote, so that our next patch does not fit; no version tells."""
    brain = Brain(START, START)
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(PatchStatus, no(Code.CONFLICT, "the path does not exist"))
    hand.sleep()
    hand.reply(GetObject, ok(workflow(message="altered")))
    assert [look.workflow.status.message for look in brain.looks] == ["", "altered"]
    assert hand.one(PatchStatus).before.message == "altered"


def test_what_somebody_alters_again_and_again_on_its_way_is_written_ever_more_slowly() -> None:
    hand = Hand(Brain(*[Plan(status=status("executing"))] * 30))
    hand.boot([workflow()])
    waits = []
    for version in range(201, 218):
        hand.reply(PatchStatus, ok(workflow(version=version, phase="planning")))
        before = hand.now
        while not hand.outstanding(PatchStatus):
            hand.sleep()
        waits.append(hand.now - before)
    assert min(waits) > 0
    assert max(waits) > DEFAULTS.requeue_error / 2


def test_conflicts_in_a_row_wait_longer_and_then_at_the_pace_of_errors() -> None:
    brain = Brain(*[START] * 8)
    hand = Hand(brain)
    hand.boot([workflow()])
    waits = []
    for version in range(201, 208):
        hand.reply(PatchStatus, no(Code.CONFLICT))
        before = hand.now
        hand.sleep()
        waits.append(hand.now - before)
        hand.reply(GetObject, ok(workflow(version=version)))
    assert waits == [100, 200, 400, 800, 800, DEFAULTS.requeue_error, DEFAULTS.requeue_error]


def test_a_success_between_two_conflicts_starts_their_row_anew() -> None:
    again = Plan(status=status("monitoring"))
    brain = Brain(START, START, again)
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(PatchStatus, no(Code.CONFLICT))
    hand.sleep()
    hand.reply(GetObject, ok(workflow(version=110)))
    hand.reply(PatchStatus, ok(workflow(version=111, phase="executing")))
    hand.reply(CreateExecution, ok(child(version=112)))
    hand.reply(PatchStatus, no(Code.CONFLICT))
    before = hand.now
    hand.sleep()
    assert hand.now - before == 100


@pytest.mark.parametrize(("retry_after_ms", "pressure"), [(2_000, 1), (None, 0)])
def test_an_answer_whose_own_reads_were_throttled_presses_like_any_other_reply(
    retry_after_ms: int | None, pressure: int
) -> None:
    brain = Brain(Plan(questions=(AskNodes(),)))
    hand = Hand(brain)
    hand.boot([workflow()])
    answers: dict[Question, Answer] = {AskNodes(): Answer(hand.now, Unknown("cannot read nodes", transient=True))}
    hand.reply(Ask, Outcome(Code.OK, answers, retry_after_ms=retry_after_ms))
    hand.after(retry_after_ms or 0)
    assert brain.looks[-1].pressure == pressure
    assert hand.controller.stats()["pressure"] == pressure


def test_a_lost_status_reply_is_read_before_anything_else_and_its_records_come_if_it_happened() -> None:
    brain = Brain(START._replace(records=(EVENT, COUNT)))
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(PatchStatus, no(Code.LOST))
    hand.seen(Change.ADDED, child("wf-step-9", 150))
    assert len(brain.looks) == 1
    assert hand.outstanding(EventWrites) == []
    hand.reply(GetObject, ok(workflow(version=160, phase="executing")))
    assert hand.one(EventWrites).writes[0].reason == "PhaseTransition"
    assert hand.controller.take_records() == [(workflow_key(), COUNT)]
    assert len(brain.looks) == 2


def test_a_lost_status_write_that_did_not_happen_leaves_no_record() -> None:
    brain = Brain(START._replace(records=(EVENT, COUNT)))
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(PatchStatus, no(Code.LOST))
    hand.sleep()
    hand.reply(GetObject, ok(workflow()))
    assert hand.outstanding(EventWrites) == []
    assert hand.controller.take_records() == []
    assert len(brain.looks) == 2


def test_records_are_released_once_the_status_is_in_though_a_creation_is_refused() -> None:
    brain = Brain(START._replace(records=(EVENT, COUNT)))
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(PatchStatus, ok(workflow(version=101, phase="executing")))
    assert hand.controller.take_records() == [(workflow_key(), COUNT)]
    hand.reply(CreateExecution, no(Code.FORBIDDEN, "no right"))
    assert hand.controller.take_records() == []


def test_a_lost_creation_followed_by_already_exists_adopts_the_child() -> None:
    brain = Brain(CREATE, CREATE)
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(CreateExecution, no(Code.LOST))
    hand.sleep()
    assert hand.one(GetObject).key == child_key()
    hand.reply(GetObject, no(Code.NOT_FOUND))
    # The first one arrives at the server only now.
    hand.reply(CreateExecution, no(Code.ALREADY_EXISTS))
    hand.sleep()
    hand.reply(GetObject, ok(child(version=130)))
    assert list(brain.looks[-1].children) == ["wf-step-1"]
    assert brain.looks[-1].create_failures == {}
    assert hand.outstanding(CreateExecution) == []


def test_a_name_taken_by_somebody_else_is_foreign_until_it_is_free() -> None:
    brain = Brain(CREATE)
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(CreateExecution, no(Code.ALREADY_EXISTS))
    hand.sleep()
    theirs = child(version=90, owner="uid-other", owner_name="other")
    hand.reply(GetObject, ok(theirs))
    assert brain.looks[-1].foreign == frozenset({"wf-step-1"})
    assert brain.looks[-1].children == {}
    hand.seen(Change.DELETED, child(version=140, owner="uid-other"))
    assert brain.looks[-1].foreign == frozenset()
    assert brain.looks[-1].gone == {}


def test_a_child_left_by_a_former_workflow_is_waited_for() -> None:
    brain = Brain(CREATE, CREATE)
    hand = Hand(brain)
    hand.boot([workflow(uid="second")])
    hand.reply(CreateExecution, no(Code.ALREADY_EXISTS))
    hand.sleep()
    hand.reply(GetObject, ok(child(version=90)))
    hand.sleep()
    assert brain.looks[-1].foreign == frozenset()
    failure = brain.looks[-1].create_failures["wf-step-1"]
    assert (failure.code, failure.final) == (Code.ALREADY_EXISTS, False)


def test_a_refused_creation_is_tried_again_after_its_own_back_off_whatever_wakes_us() -> None:
    brain = Brain(CREATE, CREATE, CREATE)
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(CreateExecution, no(Code.UNAVAILABLE))
    hand.after(10)
    hand.seen(Change.ADDED, child("wf-step-9", 150))
    assert len(brain.looks) == 2
    assert hand.outstanding(CreateExecution) == []
    hand.after(89)
    assert hand.outstanding(CreateExecution) == []
    hand.after(1)
    assert brain.looks[-1].create_failures["wf-step-1"].times == 1
    hand.reply(CreateExecution, ok(child(version=160)))
    assert brain.looks[-1].create_failures == {}


def test_a_deletion_answered_late_does_not_take_the_successor_away() -> None:
    brain = Brain(Plan(deletes=(DeleteChild("wf-step-1", "uid-wf-step-1", "90"),)))
    hand = Hand(brain)
    hand.boot([workflow()], [child(version=90)])
    hand.seen(Change.ADDED, child(version=120, uid="second"))
    hand.reply(DeleteExecution, no(Code.NOT_FOUND))
    assert brain.looks[-1].children["wf-step-1"].metadata.uid == "second"


def test_an_unanswered_question_is_asked_again_with_back_off_whatever_wakes_us() -> None:
    asking = Plan(questions=(AskNodes(),))
    brain = Brain(*[asking] * 10)
    hand = Hand(brain)
    hand.boot([workflow()])
    waits = []
    for version in range(110, 114):
        hand.reply(Ask, no(Code.UNAVAILABLE))
        hand.seen(Change.MODIFIED, child(version=version))
        assert hand.outstanding(Ask) == []
        before = hand.now
        while not hand.outstanding(Ask):
            hand.sleep()
        waits.append(hand.now - before)
    assert waits[0] <= 100
    assert 400 <= waits[3] <= 800


def test_an_unanswered_question_is_asked_again_although_a_look_for_another_reason_comes_before_its_time() -> None:
    asking = Plan(questions=(AskNodes(),))
    brain = Brain(Plan(status=status("executing"), questions=asking.questions), *[asking] * 5)
    hand = Hand(brain)
    hand.boot([workflow()])
    # The write is tried again after 5 ms, the question 100 ms after its failure.
    hand.reply(PatchStatus, no(Code.UNAVAILABLE))
    failed = hand.now
    hand.reply(Ask, no(Code.LOST))
    hand.sleep()
    assert (len(brain.looks), hand.outstanding(Ask)) == (2, [])
    hand.sleep()
    assert len(hand.outstanding(Ask)) == 1
    assert hand.now - failed <= 100


def test_to_ask_once_more_between_two_failed_writes_makes_the_second_wait_no_shorter() -> None:
    """An API server that is away answers nothing, and what is decided by that cannot be written either."""
    told: dict[Question, Answer] = {AskNodes(): Answer(T0, Unknown("no answer", transient=True))}
    hand = Hand(Brain(*[Plan(questions=tuple(told)), Plan(status=status("failed"))] * 10))
    hand.boot([workflow()])
    waits = []
    for _ in range(9):
        hand.reply(Ask, ok(told))
        hand.reply(PatchStatus, no(Code.UNAVAILABLE))
        before = hand.now
        while not hand.outstanding(Ask):
            hand.sleep()
        waits.append(hand.now - before)
    assert waits[0] <= 5
    assert waits[8] >= 500


@pytest.mark.parametrize("code", [Code.LOST, Code.UNAVAILABLE])
def test_what_nobody_could_tell_before_a_write_failed_is_forgotten_and_what_is_known_stays(code: Code) -> None:
    told: dict[Question, Answer] = {
        AskNodes(): Answer(T0, Unknown("no answer", transient=True)),
        AskParent("ns", "rr"): Answer(T0, ParentFacts("uid")),
    }
    brain = Brain(Plan(questions=tuple(told)), Plan(status=status("failed")))
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(Ask, ok(told))
    assert set(brain.looks[1].answers) == set(told)
    hand.reply(PatchStatus, no(code))
    hand.sleep()
    if code is Code.LOST:
        hand.reply(GetObject, ok(workflow()))
    assert set(brain.looks[2].answers) == {AskParent("ns", "rr")}


def test_a_child_that_stands_there_unreadable_is_a_creation_refused_for_good() -> None:
    brain = Brain(CREATE)
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(CreateExecution, no(Code.ALREADY_EXISTS))
    hand.sleep()
    hand.reply(GetObject, ok(unreadable(Kind.EXECUTION, "wf-step-1", 80)))
    failure = brain.looks[-1].create_failures["wf-step-1"]
    assert failure.final
    assert "unreadable" in failure.message


def test_a_failed_read_is_tried_again_and_nothing_is_decided_before() -> None:
    brain = Brain(START)
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(PatchStatus, no(Code.LOST))
    for _ in range(3):
        hand.sleep()
        hand.reply(GetObject, no(Code.LOST))
    assert len(brain.looks) == 1
    hand.sleep()
    hand.reply(GetObject, ok(workflow()))
    assert len(brain.looks) == 2


def test_a_read_that_found_nothing_does_not_delete_what_came_meanwhile() -> None:
    brain = Brain(START)
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(PatchStatus, no(Code.LOST))
    hand.sleep()
    hand.seen(Change.ADDED, workflow(version=150, uid="second"))
    hand.reply(GetObject, no(Code.NOT_FOUND))
    assert hand.controller.stats()["workflows"] == 1
    assert brain.looks[-1].workflow.metadata.uid == "second"


def test_a_plan_that_changes_nothing_is_not_repeated_without_end() -> None:
    same = Plan(status=status("executing"))
    brain = Brain(*[same] * 50)
    hand = Hand(brain)
    hand.boot([workflow()])
    for _ in range(8):
        hand.reply(PatchStatus, ok(workflow()))
        hand.sleep()
    assert hand.now - T0 > 500


def test_a_throttling_server_is_left_alone_for_as_long_as_it_says() -> None:
    brain = Brain(Plan(status=status("executing")), Plan(status=status("executing")))
    hand = Hand(brain)
    hand.boot([workflow("a")])
    hand.reply(PatchStatus, no(Code.THROTTLED, retry_after_ms=4_000))
    hand.seen(Change.ADDED, workflow("b", 120))
    assert hand.outstanding(PatchStatus) == []
    hand.sleep()
    assert hand.now == T0 + 4_000
    assert hand.outstanding(PatchStatus) != []
